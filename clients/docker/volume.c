/* Volumes. */
#include "clients/docker/docker_internal.h"

void volume_release(struct volume *volume)
{
    free(volume->name);
    json_decref(volume->labels);
    *volume = (struct volume){ 0 };
}

void volumes_release(struct volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        volume_release(&volumes->items[i]);
    free(volumes->items);
    *volumes = (struct volumes){ 0 };
}

static bool volume_from_json(const json_t *reply, struct volume *ret, struct err *err)
{
    char *name = NULL;
    if (!json_copy_string(reply, "Name", &name, err))
        return err_wrap(err, "read a volume");
    *ret = (struct volume){
        .name = name,
        .labels = docker_object(json_at(reply, "Labels", NULL)),
        .created_ms = docker_time_ms(json_text(reply, "CreatedAt")),
    };
    return true;
}

bool volume_list(struct docker *docker, const char *label, const struct call *call, struct volumes *ret,
                 struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    CLEANUP(volumes_release) struct volumes volumes = { 0 };
    str_add(&path, "/volumes?");
    docker_add_label_filter(&path, label);
    if (!docker_get(docker, path.text, call, &reply, err))
        return err_wrap(err, "list volumes");
    const json_t *items = json_at(reply, "Volumes", NULL);
    if (!json_is_array(items) && !json_is_null(items)) /* older engines say null for "none" */
        return err_set(err, ERR_INTERNAL, "list volumes: the answer has no list");
    volumes.items = mem_grow(NULL, json_array_size(items) + 1, sizeof(struct volume));
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (!volume_from_json(json_array_get(items, i), &volumes.items[i], err))
            return err_wrap(err, "list volumes");
        volumes.count++;
    }
    *ret = volumes;
    volumes = (struct volumes){ 0 };
    return true;
}

bool volume_inspect(struct docker *docker, const char *name, const struct call *call, struct volume *ret,
                    struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    docker_path(&path, "volumes", name, "");
    if (!docker_get(docker, path.text, call, &reply, err) || !volume_from_json(reply, ret, err))
        return err_wrap(err, "inspect volume %s", name);
    return true;
}

/* The engine answers "created" for one that is there already, whoever made it and with whatever labels. */
static bool carries(const json_t *seen, json_t *labels)
{
    const char *key;
    json_t *value;
    json_object_foreach (labels, key, value)
        if (!json_equal(json_object_get(seen, key), value))
            return false;
    return true;
}

bool volume_create(struct docker *docker, const char *name, const json_t *labels, const struct call *call,
                   struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = json_object();
    CLEANUP(json_decrefp) json_t *reply = NULL;
    json_put_text(body, "Name", name);
    json_put_text(body, "Driver", "local");
    json_put(body, "Labels", docker_object(labels));
    if (!docker_create(docker, "/volumes/create", body, call, &reply, err))
        return err_wrap(err, "create volume %s", name);
    if (!carries(json_at(reply, "Labels", NULL), json_at(body, "Labels", NULL)))
        return err_set(err, ERR_EXISTS, "create volume %s: there is one with other labels", name);
    return true;
}

bool volume_remove(struct docker *docker, const char *name, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "volumes", name, "");
    return docker_delete(docker, path.text, call, err) || err_wrap(err, "remove volume %s", name);
}

bool volume_sizes(struct docker *docker, const struct call *call, json_t **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *reply = NULL;
    /* From 1.42 on only volumes are walked; before, the engine does not know the parameter and walks all. */
    if (!docker_get(docker, "/system/df?type=volume", call, &reply, err))
        return err_wrap(err, "measure volumes");
    const json_t *items = json_at(reply, "Volumes", NULL);
    json_t *sizes = json_object();
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *name = json_text(item, "Name");
        int64_t bytes = json_int(json_at(item, "UsageData", NULL), "Size", -1);
        if (name && bytes >= 0) /* -1: of another driver, which does not tell */
            json_put(sizes, name, json_integer(bytes));
    }
    *ret = sizes;
    return true;
}
