/* Leftovers without a record; see orphans.h. */
#include "reconcilers/orphans.h"

#include "reconcilers/names.h"

const char *const orphan_kind_names[ORPHAN_KINDS] = {
    [ORPHAN_CONTAINER] = "container", [ORPHAN_DATABASE] = "database", [ORPHAN_ROLE] = "role",
    [ORPHAN_VOLUME] = "volume",       [ORPHAN_NETWORK] = "network",
};

static void orphan_release(struct orphan *orphan)
{
    free(orphan->name);
    free(orphan->mark);
    free(orphan->uid12);
    *orphan = (struct orphan){ 0 };
}

void orphans_release(struct orphans *orphans)
{
    for (size_t i = 0; i < orphans->count; i++)
        orphan_release(&orphans->items[i]);
    free(orphans->items);
    *orphans = (struct orphans){ 0 };
}

static void add(struct orphans *orphans, enum orphan_kind kind, const char *name, const char *mark, const char *uid)
{
    orphans->items = mem_grow(orphans->items, orphans->count + 1, sizeof(orphans->items[0]));
    orphans->items[orphans->count++] =
        (struct orphan){ .kind = kind, .name = mem_strdup(name), .mark = mem_strdup(mark), .uid12 = name_uid12(uid) };
}

/* ---- what is ours ---- */

/* The uid that labels of this installation name; NULL: they do not. */
static const char *uid_of(const struct settings *settings, const json_t *labels)
{
    bool ours = str_equal(json_text(labels, LABEL_INSTALLATION), settings->installation);
    return ours ? json_text(labels, LABEL_UID) : NULL;
}

/* The uid in a stamp of this installation. */
static const char *stamped_uid(const struct settings *settings, const char *comment)
{
    CLEANUP(freep) char *prefix = name_stamp(settings, "");
    return comment && str_starts_with(comment, prefix) && comment[strlen(prefix)] ? comment + strlen(prefix) : NULL;
}

static bool list_containers(struct docker *docker, const struct settings *settings, const struct call *call,
                            struct orphans *ret, struct err *err)
{
    CLEANUP(freep) char *label = label_installation(settings);
    CLEANUP(containers_release) struct containers list = { 0 };
    if (!container_list(docker, label, call, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const char *uid = uid_of(settings, list.items[i].labels);
        if (uid)
            add(ret, ORPHAN_CONTAINER, list.items[i].name, list.items[i].id, uid);
    }
    return true;
}

static bool list_server(struct server *server, const struct settings *settings, const struct call *call,
                        struct orphans *ret, struct err *err)
{
    CLEANUP(databases_release) struct databases databases = { 0 };
    CLEANUP(role_list_release) struct role_list roles = { 0 };
    if (!server_list(server, call, &databases, &roles, err))
        return false;
    for (size_t i = 0; i < databases.count; i++) {
        const struct database *database = &databases.items[i];
        const char *uid = stamped_uid(settings, database->comment);
        if (uid)
            add(ret, ORPHAN_DATABASE, database->name, database->comment, uid);
    }
    for (size_t i = 0; i < roles.count; i++) {
        const char *uid12 = strrchr(roles.items[i].name, '_') + 1;
        add(ret, ORPHAN_ROLE, roles.items[i].name, uid12, uid12);
    }
    return true;
}

static bool list_volumes(struct docker *docker, const struct settings *settings, const struct call *call,
                         struct orphans *ret, struct err *err)
{
    CLEANUP(freep) char *label = label_installation(settings);
    CLEANUP(volumes_release) struct volumes list = { 0 };
    if (!volume_list(docker, label, call, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const char *uid = uid_of(settings, list.items[i].labels);
        if (uid)
            add(ret, ORPHAN_VOLUME, list.items[i].name, uid, uid);
    }
    return true;
}

static bool list_networks(struct docker *docker, const struct settings *settings, const struct call *call,
                          struct orphans *ret, struct err *err)
{
    CLEANUP(freep) char *label = label_installation(settings);
    CLEANUP(networks_release) struct networks list = { 0 };
    if (!network_list(docker, label, call, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const char *uid = uid_of(settings, list.items[i].labels);
        if (uid)
            add(ret, ORPHAN_NETWORK, list.items[i].name, list.items[i].id, uid);
    }
    return true;
}

/* A retained database says so by its name; role and volume of the same record are retained with it. */
static void mark_retained(struct orphans *orphans)
{
    for (size_t i = 0; i < orphans->count; i++) {
        const struct orphan *database = &orphans->items[i];
        CLEANUP(freep) char *suffix = mem_printf("_retained_%s", database->uid12);
        if (database->kind != ORPHAN_DATABASE || !str_ends_with(database->name, suffix))
            continue;
        for (size_t k = 0; k < orphans->count; k++) {
            struct orphan *other = &orphans->items[k];
            bool keeps = other->kind == ORPHAN_DATABASE || other->kind == ORPHAN_ROLE || other->kind == ORPHAN_VOLUME;
            other->is_retained |= keeps && str_equal(other->uid12, database->uid12);
        }
    }
}

bool orphans_list_owned(struct docker *docker, struct server *server, const struct settings *settings,
                        const struct call *call, struct orphans *ret, struct err *err)
{
    *ret = (struct orphans){ 0 };
    if (list_containers(docker, settings, call, ret, err) && list_server(server, settings, call, ret, err) &&
        list_volumes(docker, settings, call, ret, err) && list_networks(docker, settings, call, ret, err)) {
        mark_retained(ret);
        return true;
    }
    orphans_release(ret);
    return err_wrap(err, "look for leftovers");
}

void orphans_keep_leftovers(struct orphans *orphans, bool (*has_record)(void *context, const char *uid12),
                            void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < orphans->count; i++) {
        struct orphan orphan = orphans->items[i];
        if (has_record(context, orphan.uid12))
            orphan_release(&orphan);
        else
            orphans->items[kept++] = orphan;
    }
    orphans->count = kept;
}

bool orphan_holds_data(const struct orphan *orphan)
{
    return orphan->kind == ORPHAN_DATABASE || orphan->kind == ORPHAN_VOLUME;
}

/* ---- removing ---- */

static bool raise_another(const struct orphan *orphan, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "%s %s is another one by now", orphan_kind_names[orphan->kind], orphan->name);
}

static bool is_meant(const struct settings *settings, const struct orphan *orphan, const json_t *labels)
{
    const char *uid = uid_of(settings, labels);
    CLEANUP(freep) char *uid12 = name_uid12(uid ? uid : "");
    return uid && str_equal(uid12, orphan->uid12);
}

static bool remove_container(struct docker *docker, const struct settings *settings, const struct orphan *orphan,
                             const struct call *call, struct err *err)
{
    CLEANUP(container_release) struct container container = { 0 };
    if (!container_inspect(docker, orphan->mark, call, &container, err))
        return false;
    return is_meant(settings, orphan, container.labels) ? container_remove(docker, orphan->mark, call, err)
                                                        : raise_another(orphan, err);
}

static bool remove_volume(struct docker *docker, const struct settings *settings, const struct orphan *orphan,
                          const struct call *call, struct err *err)
{
    CLEANUP(volume_release) struct volume volume = { 0 };
    if (!volume_inspect(docker, orphan->name, call, &volume, err))
        return false;
    return is_meant(settings, orphan, volume.labels) ? volume_remove(docker, orphan->name, call, err)
                                                     : raise_another(orphan, err);
}

static bool remove_network(struct docker *docker, const struct settings *settings, const struct orphan *orphan,
                           const struct call *call, struct err *err)
{
    CLEANUP(network_release) struct network network = { 0 };
    if (!network_inspect(docker, orphan->mark, call, &network, err))
        return false;
    return is_meant(settings, orphan, network.labels) ? network_remove(docker, orphan->mark, call, err)
                                                      : raise_another(orphan, err);
}

static bool remove_one(struct docker *docker, struct server *server, const struct settings *settings,
                       const struct orphan *orphan, const struct call *call, struct err *err)
{
    switch (orphan->kind) {
    case ORPHAN_CONTAINER:
        return remove_container(docker, settings, orphan, call, err);
    case ORPHAN_DATABASE:
        return database_drop(server, orphan->name, orphan->mark, call, err); /* looks at the stamp itself */
    case ORPHAN_ROLE:
        return role_drop(server, orphan->name, call, err); /* its name is its mark */
    case ORPHAN_VOLUME:
        return remove_volume(docker, settings, orphan, call, err);
    case ORPHAN_NETWORK:
        return remove_network(docker, settings, orphan, call, err);
    case ORPHAN_KINDS:
        break;
    }
    return err_set(err, ERR_INTERNAL, "unknown kind of leftover %d", (int)orphan->kind);
}

bool orphan_remove(struct docker *docker, struct server *server, const struct settings *settings,
                   const struct orphan *orphan, const struct call *call, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (remove_one(docker, server, settings, orphan, call, &problem) || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

json_t *orphans_to_json(const struct orphans *orphans)
{
    json_t *list = json_array();
    for (size_t i = 0; i < orphans->count; i++) {
        const struct orphan *orphan = &orphans->items[i];
        json_t *item = json_object();
        json_put_text(item, "kind", orphan_kind_names[orphan->kind]);
        json_put_text(item, "name", orphan->name);
        json_put_text(item, "uid", orphan->uid12);
        json_put(item, "holdsData", json_boolean(orphan_holds_data(orphan)));
        json_put(item, "retained", json_boolean(orphan->is_retained));
        json_push(list, item);
    }
    return list;
}
