/* The simulated database server; see server.h and clients/postgres/server.h. */
#include "tests/sim/server.h"

#include "base/crypto.h"

#define SUPERUSER "postgres"

struct server {
    char *installation;
};

struct server *server_new(const char *url, const char *installation)
{
    (void)url; /* there is one server */
    struct server *server = MEM_NEW(struct server);
    server->installation = mem_strdup(installation);
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    free(server->installation);
    free(server);
}

void server_freep(struct server **server)
{
    server_free(*server);
}

void database_release(struct database *database)
{
    free(database->name);
    free(database->owner);
    free(database->comment);
    *database = (struct database){ 0 };
}

void databases_release(struct databases *databases)
{
    for (size_t i = 0; i < databases->count; i++)
        database_release(&databases->items[i]);
    free(databases->items);
    *databases = (struct databases){ 0 };
}

struct sim_database *sim_database_find(const char *name)
{
    return map_get(sim->server->databases, name);
}

struct sim_role *sim_role_find(const char *name)
{
    return map_get(sim->server->roles, name);
}

static void set_text(char **member, const char *text)
{
    char *copy = mem_strdup(text);
    free(*member);
    *member = copy;
}

static void set_owner(struct sim_database *database, const char *owner)
{
    set_text(&database->seen.owner, owner);
}

static bool check_name(const char *name, struct err *err)
{
    return (name[0] && strlen(name) <= 63) || err_set(err, ERR_INVALID, "database name %s cannot be", name);
}

static bool check_role(const struct server *server, const char *role, struct err *err)
{
    CLEANUP(freep) char *prefix = mem_printf("td_%s_", server->installation);
    return (str_starts_with(role, prefix) && strlen(role) == strlen(prefix) + 12) ||
           err_set(err, ERR_INVALID, "\"%s\" is no role of installation %s", role, server->installation);
}

static bool is_ours(const struct server *server, const char *stamp)
{
    CLEANUP(freep) char *prefix = mem_printf("tenantd %s ", server->installation);
    return stamp && str_starts_with(stamp, prefix) && stamp[strlen(prefix)];
}

static bool check_stamp(const struct server *server, const char *stamp, struct err *err)
{
    return is_ours(server, stamp) || err_set(err, ERR_INVALID, "\"%s\" is no stamp", stamp);
}

static struct sim_database *find(const char *name, struct err *err)
{
    struct sim_database *database = sim_database_find(name);
    if (!database)
        err_set(err, ERR_NOT_FOUND, "database \"%s\" does not exist", name);
    return database;
}

static bool raise_not_ours(const struct sim_database *database, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "database %s belongs to somebody else: its stamp is %s, its owner %s",
                   database->seen.name, database->seen.comment ? database->seen.comment : "missing",
                   database->seen.owner);
}

/* One that carries `stamp`; NULL with err. */
static struct sim_database *find_ours(const char *name, const char *stamp, struct err *err)
{
    struct sim_database *database = find(name, err);
    if (database && !str_equal(database->seen.comment, stamp)) {
        raise_not_ours(database, err);
        return NULL;
    }
    return database;
}

/* ---- roles ---- */

bool server_scram_verifier(struct server *server, const char *role, const char *password, const struct call *call,
                           char **ret, struct err *err)
{
    static const struct sim_call what = { "server_scram_verifier", SIM_SERVER, SIM_READS };
    if (!check_role(server, role, err) || !sim_begin(&what, call, err) || !sim_end(&what, true, err))
        return false;
    /* As the real one, another salt each time; here whoever reads it knows the password. */
    *ret = mem_printf("SCRAM-SHA-256$%016" PRIx64 "$%s", sim_mix(sim->random++), password);
    return true;
}

bool role_look(struct server *server, const char *role, const char *verifier, const struct call *call,
               struct role_seen *ret, struct err *err)
{
    static const struct sim_call what = { "role_look", SIM_SERVER, SIM_READS };
    if (!check_role(server, role, err) || !sim_begin(&what, call, err))
        return false;
    const struct sim_role *found = sim_role_find(role);
    struct role_seen seen = { .exists = found != NULL };
    if (found)
        seen = (struct role_seen){ true, found->can_login, found->connection_limit,
                                   str_equal(found->verifier, verifier), found->deviates };
    if (!sim_end(&what, true, err))
        return false;
    *ret = seen;
    return true;
}

static bool ensure(const char *name, const char *verifier, int64_t connection_limit)
{
    struct sim_role *role = sim_role_find(name);
    if (!role) {
        role = MEM_NEW(struct sim_role);
        role->name = mem_strdup(name);
        map_put(sim->server->roles, name, role);
    }
    set_text(&role->verifier, verifier);
    role->can_login = true;
    role->deviates = false;
    role->connection_limit = connection_limit;
    return true;
}

bool role_ensure(struct server *server, const char *role, const char *verifier, int64_t connection_limit,
                 const struct call *call, struct err *err)
{
    static const struct sim_call what = { "role_ensure", SIM_SERVER, SIM_CHANGES };
    return check_role(server, role, err) && sim_begin(&what, call, err) &&
           sim_end(&what, ensure(role, verifier, connection_limit), err);
}

static bool drop_role(const char *name, struct err *err)
{
    size_t at = 0;
    void *value;
    if (!sim_role_find(name))
        return err_set(err, ERR_NOT_FOUND, "role \"%s\" does not exist", name);
    while (map_next(sim->server->databases, &at, NULL, &value)) {
        const struct sim_database *database = value;
        if (str_equal(database->seen.owner, name))
            return err_set(err, ERR_CONFLICT, "drop role %s: still owner of database %s", name, database->seen.name);
        if (str_equal(database->objects_role, name))
            return err_set(err, ERR_CONFLICT, "drop role %s: still objects or grants in database %s", name,
                           database->seen.name);
    }
    map_remove(sim->server->roles, name);
    return true;
}

bool role_drop(struct server *server, const char *role, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "role_drop", SIM_SERVER, SIM_CHANGES };
    return check_role(server, role, err) && sim_begin(&what, call, err) && sim_end(&what, drop_role(role, err), err);
}

void role_listed_release(struct role_listed *role)
{
    free(role->name);
    free(role->verifier_digest);
    *role = (struct role_listed){ 0 };
}

void role_list_release(struct role_list *roles)
{
    for (size_t i = 0; i < roles->count; i++)
        role_listed_release(&roles->items[i]);
    free(roles->items);
    *roles = (struct role_list){ 0 };
}

char *server_verifier_digest(const char *verifier)
{
    return sha256_hex(verifier, strlen(verifier));
}

static int by_role(const void *a, const void *b)
{
    return strcmp(((const struct role_listed *)a)->name, ((const struct role_listed *)b)->name);
}

static void list_roles(const struct server *server, struct role_list *ret)
{
    CLEANUP(freep) char *prefix = mem_printf("td_%s_", server->installation);
    size_t at = 0;
    const char *name;
    void *value;
    ret->items = mem_grow(NULL, map_count(sim->server->roles) + 1, sizeof(ret->items[0]));
    while (map_next(sim->server->roles, &at, &name, &value)) {
        const struct sim_role *role = value;
        if (str_starts_with(name, prefix))
            ret->items[ret->count++] =
                (struct role_listed){ .name = mem_strdup(name),
                                      .can_login = role->can_login,
                                      .connection_limit = role->connection_limit,
                                      .deviates = role->deviates,
                                      .verifier_digest =
                                          role->verifier ? server_verifier_digest(role->verifier) : mem_strdup("") };
    }
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(ret->items[0]), by_role);
}

/* ---- databases: looked at ---- */

static void copy_database(struct database *to, const struct database *from)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->owner = mem_strdup(from->owner);
    to->comment = mem_strdup(from->comment);
    to->size_bytes = -1;
}

static void list_databases(struct databases *ret)
{
    size_t at = 0;
    void *value;
    ret->items = mem_grow(NULL, map_count(sim->server->databases) + 1, sizeof(ret->items[0]));
    while (map_next(sim->server->databases, &at, NULL, &value)) {
        const struct sim_database *database = value;
        copy_database(&ret->items[ret->count], &database->seen);
        /* Somebody else's comment is none of ours to tell. */
        if (database->seen.comment && !str_starts_with(database->seen.comment, "tenantd "))
            free(STEAL(ret->items[ret->count].comment));
        ret->count++;
    }
}

bool database_list(struct server *server, const struct call *call, struct databases *ret, struct err *err)
{
    static const struct sim_call what = { "database_list", SIM_SERVER, SIM_READS };
    CLEANUP(databases_release) struct databases list = { 0 };
    (void)server;
    if (!sim_begin(&what, call, err))
        return false;
    list_databases(&list);
    if (!sim_end(&what, true, err))
        return false;
    databases_release(ret);
    *ret = list;
    list = (struct databases){ 0 };
    return true;
}

bool server_list(struct server *server, const struct call *call, struct databases *ret_databases,
                 struct role_list *ret_roles, struct err *err)
{
    static const struct sim_call what = { "server_list", SIM_SERVER, SIM_READS };
    CLEANUP(databases_release) struct databases databases = { 0 };
    CLEANUP(role_list_release) struct role_list roles = { 0 };
    if (!sim_begin(&what, call, err))
        return false;
    list_databases(&databases);
    list_roles(server, &roles);
    if (!sim_end(&what, true, err))
        return false;
    databases_release(ret_databases);
    role_list_release(ret_roles);
    *ret_databases = databases;
    *ret_roles = roles;
    databases = (struct databases){ 0 };
    roles = (struct role_list){ 0 };
    return true;
}

bool database_look(struct server *server, const char *name, const struct call *call, struct database *ret,
                   struct err *err)
{
    static const struct sim_call what = { "database_look", SIM_SERVER, SIM_READS };
    CLEANUP(database_release) struct database seen = { 0 };
    (void)server;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_database *database = find(name, err);
    if (!database)
        return false;
    copy_database(&seen, &database->seen);
    if (!sim_end(&what, true, err))
        return false;
    database_release(ret);
    *ret = seen;
    seen = (struct database){ 0 };
    return true;
}

bool database_size(struct server *server, const char *name, const struct call *call, int64_t *ret_bytes,
                   struct err *err)
{
    static const struct sim_call what = { "database_size", SIM_SERVER, SIM_READS };
    (void)server;
    if (!sim_begin(&what, call, err) || !sim_end(&what, find(name, err) != NULL, err))
        return false;
    if (!sim->engine->measures)
        return err_set(err, ERR_REMOTE, "could not stat the files");
    *ret_bytes = 8 << 20;
    return true;
}

/* ---- databases: made ---- */

struct sim_database *sim_database_add(const char *name, const char *owner, const char *comment_or_null)
{
    struct sim_database *database = MEM_NEW(struct sim_database);
    database->seen = (struct database){ .name = mem_strdup(name),
                                        .owner = mem_strdup(owner),
                                        .comment = mem_strdup(comment_or_null),
                                        .public_can_connect = true,
                                        .allow_connections = true };
    database->applied = json_object();
    map_put(sim->server->databases, name, database);
    return database;
}

static bool create(const char *name, const char *role, const char *template_or_null, struct err *err)
{
    if (sim_database_find(name))
        return err_set(err, ERR_EXISTS, "database \"%s\" already exists", name);
    const struct sim_database *template = template_or_null ? find(template_or_null, err) : NULL;
    if (template_or_null && !template)
        return false;
    if (!sim_role_find(role))
        return err_set(err, ERR_NOT_FOUND, "role \"%s\" does not exist", role);
    struct sim_database *database = sim_database_add(name, role, NULL);
    database->seen.allow_connections = false;
    if (template) {
        set_text(&database->objects_role, template->objects_role);
        database->template = mem_strdup(template_or_null);
        database->data = (struct sim_data){ .token = template->data.token, .state = template->data.state };
        json_decref(database->applied);
        database->applied = json_deep_copy(template->applied);
    }
    return true;
}

static bool finish(const char *name, const char *stamp, struct err *err)
{
    struct sim_database *database = find(name, err);
    if (!database)
        return false;
    set_text(&database->seen.comment, stamp);
    database->seen.public_can_connect = false;
    database->seen.allow_connections = true;
    database->seen.deviates = false;
    return true;
}

bool database_create(struct server *server, const char *name, const char *role, const char *template_or_null,
                     const char *stamp, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "database_create", SIM_SERVER, SIM_CHANGES };
    static const struct sim_call stamped = { "database_create.stamp", SIM_SERVER, SIM_CHANGES };
    if (!check_name(name, err) || !check_role(server, role, err) || !check_stamp(server, stamp, err))
        return false;
    return sim_begin(&what, call, err) && sim_end(&what, create(name, role, template_or_null, err), err) &&
           sim_begin(&stamped, call, err) && sim_end(&stamped, finish(name, stamp, err), err);
}

static bool repair(const char *name, const char *role, const char *stamp, struct err *err)
{
    struct sim_database *database = find(name, err);
    if (!database)
        return false;
    bool is_remainder = !database->seen.comment && str_equal(database->seen.owner, role);
    if (!is_remainder && !str_equal(database->seen.comment, stamp))
        return raise_not_ours(database, err);
    if (!sim_role_find(role))
        return err_set(err, ERR_NOT_FOUND, "role \"%s\" does not exist", role);
    set_owner(database, role);
    return finish(name, stamp, err);
}

bool database_repair(struct server *server, const char *name, const char *role, const char *stamp,
                     const struct call *call, struct err *err)
{
    static const struct sim_call what = { "database_repair", SIM_SERVER, SIM_CHANGES };
    return check_role(server, role, err) && check_stamp(server, stamp, err) && sim_begin(&what, call, err) &&
           sim_end(&what, repair(name, role, stamp, err), err);
}

static bool take_over(const char *name, const char *role, struct err *err)
{
    struct sim_database *database = find(name, err);
    if (!database)
        return false;
    if (!str_equal(database->seen.owner, role))
        return err_set(err, ERR_CONFLICT, "database %s belongs to %s, not to %s", name, database->seen.owner, role);
    if (database->objects_role)
        set_text(&database->objects_role, role);
    return true;
}

bool database_take_over(struct server *server, const char *name, const char *role, const struct call *call,
                        struct err *err)
{
    static const struct sim_call what = { "database_take_over", SIM_SERVER, SIM_CHANGES };
    return check_role(server, role, err) && sim_begin(&what, call, err) &&
           sim_end(&what, take_over(name, role, err), err);
}

/* ---- databases: closed, renamed, dropped ---- */

static bool seize(const char *name, const char *stamp, struct err *err)
{
    struct sim_database *database = find_ours(name, stamp, err);
    if (!database)
        return false;
    set_owner(database, SIM_ADMIN);
    database->seen.allow_connections = false;
    return true;
}

bool database_close(struct server *server, const char *name, const char *stamp, const struct call *call,
                    struct err *err)
{
    static const struct sim_call what = { "database_close", SIM_SERVER, SIM_CHANGES };
    if (!check_stamp(server, stamp, err) || !sim_begin(&what, call, err))
        return false;
    bool ok = seize(name, stamp, err);
    if (ok)
        sim_database_find(name)->seen.public_can_connect = false;
    return sim_end(&what, ok, err);
}

static bool close_for_rename(const struct server *server, const char *name, const char *new_name, struct err *err)
{
    struct sim_database *database = find(name, err);
    if (!database)
        return false;
    if (!is_ours(server, database->seen.comment))
        return raise_not_ours(database, err);
    if (sim_database_find(new_name))
        return err_set(err, ERR_EXISTS, "database %s exists", new_name);
    database->seen.allow_connections = false;
    return true;
}

static bool rename_database(const char *name, const char *new_name, bool is_open, struct err *err)
{
    if (!find(name, err))
        return false;
    if (sim_database_find(new_name))
        return err_set(err, ERR_EXISTS, "database \"%s\" already exists", new_name);
    struct sim_database *database = map_take(sim->server->databases, name);
    set_text(&database->seen.name, new_name);
    database->seen.allow_connections = is_open;
    map_put(sim->server->databases, new_name, database);
    return true;
}

bool database_rename(struct server *server, const char *name, const char *new_name, const struct call *call,
                     struct err *err)
{
    static const struct sim_call what = { "database_rename", SIM_SERVER, SIM_CHANGES };
    static const struct sim_call moved = { "database_rename.move", SIM_SERVER, SIM_CHANGES };
    if (!check_name(new_name, err) || !sim_begin(&what, call, err))
        return false;
    const struct sim_database *database = sim_database_find(name);
    bool is_open = database && database->seen.allow_connections;
    if (!sim_end(&what, close_for_rename(server, name, new_name, err), err))
        return false;
    return sim_begin(&moved, call, err) && sim_end(&moved, rename_database(name, new_name, is_open, err), err);
}

static bool drop(const char *name, const char *stamp, struct err *err)
{
    const struct sim_database *database = find_ours(name, stamp, err);
    if (!database)
        return false;
    if (!sim->is_outsider && sim->hooks.destroyed)
        sim->hooks.destroyed(sim->hooks.context, name, &database->data);
    map_remove(sim->server->databases, name);
    return true;
}

bool database_drop(struct server *server, const char *name, const char *stamp, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "database_drop", SIM_SERVER, SIM_CHANGES };
    static const struct sim_call gone = { "database_drop.drop", SIM_SERVER, SIM_CHANGES };
    return check_stamp(server, stamp, err) && sim_begin(&what, call, err) &&
           sim_end(&what, seize(name, stamp, err), err) && sim_begin(&gone, call, err) &&
           sim_end(&gone, drop(name, stamp, err), err);
}

/* One that stands is closed for the time being; it must be ours. */
static bool check_swapped(const char *name, const char *stamp, struct err *err)
{
    const struct sim_database *database = sim_database_find(name);
    return !database || str_equal(database->seen.comment, stamp) || raise_not_ours(database, err);
}

static void move(const char *name, const char *new_name, bool is_open)
{
    struct sim_database *database = map_take(sim->server->databases, name);
    set_text(&database->seen.name, new_name);
    database->seen.allow_connections = is_open;
    map_put(sim->server->databases, new_name, database);
}

static bool swap(const struct database_swap *swap, struct err *err)
{
    bool has_live = sim_database_find(swap->live), has_beside = sim_database_find(swap->beside);
    if (!check_swapped(swap->live, swap->stamp, err) || !check_swapped(swap->beside, swap->stamp, err))
        return false;
    if (!has_beside)
        return has_live || err_set(err, ERR_NOT_FOUND, "database \"%s\" does not exist", swap->live);
    if (has_live && sim_database_find(swap->aside))
        return err_set(err, ERR_EXISTS, "database \"%s\" already exists", swap->aside);
    if (has_live)
        move(swap->live, swap->aside, false);
    move(swap->beside, swap->live, true);
    return true;
}

bool database_swap(struct server *server, const struct database_swap *swapped, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "database_swap", SIM_SERVER, SIM_CHANGES };
    return check_stamp(server, swapped->stamp, err) && sim_begin(&what, call, err) &&
           sim_end(&what, swap(swapped, err), err);
}

/* ---- past the header ---- */

void sim_database_fill(struct sim_database *database, const char *role)
{
    set_text(&database->objects_role, role);
}

void sim_database_drop(const char *name)
{
    map_remove(sim->server->databases, name);
}

void sim_role_drop(const char *name)
{
    size_t at = 0;
    void *value;
    while (map_next(sim->server->databases, &at, NULL, &value)) {
        struct sim_database *database = value;
        if (str_equal(database->seen.owner, name))
            set_owner(database, SUPERUSER);
        if (str_equal(database->objects_role, name))
            free(STEAL(database->objects_role));
    }
    map_remove(sim->server->roles, name);
}

bool sim_login(const char *role, const char *password, const char *database, const char **ret_why)
{
    const struct sim_role *found = role ? sim_role_find(role) : NULL;
    const struct sim_database *where = database ? sim_database_find(database) : NULL;
    const char *secret = found && found->verifier ? strrchr(found->verifier, '$') : NULL;
    *ret_why = !found                                        ? "there is no such role"
               : !found->can_login                           ? "the role may not log in"
               : !secret || !str_equal(secret + 1, password) ? "wrong password"
               : !where                                      ? "there is no such database"
               : !where->seen.allow_connections              ? "the database takes no connections"
               : !str_equal(where->seen.owner, role) && !where->seen.public_can_connect ? "permission denied"
                                                                                        : NULL;
    return !*ret_why;
}

static void database_free(void *value)
{
    struct sim_database *database = value;
    database_release(&database->seen);
    free(database->objects_role);
    free(database->template);
    json_decref(database->applied);
    free(database);
}

static void role_free(void *value)
{
    struct sim_role *role = value;
    free(role->name);
    free(role->verifier);
    free(role);
}

struct sim_server *sim_server_new(void)
{
    struct sim_server *server = MEM_NEW(struct sim_server);
    server->databases = map_new(database_free);
    server->roles = map_new(role_free);
    return server;
}

void sim_server_free(struct sim_server *server)
{
    map_free(server->databases);
    map_free(server->roles);
    free(server);
}
