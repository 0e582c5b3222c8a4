/* Containers: list, inspect, and the calls that change one. */
#include "clients/docker/docker_internal.h"

/* Whole seconds, as the engine wants them; never less than asked for. */
static int seconds(int64_t grace_ms)
{
    return (int)((grace_ms + SECOND_MS - 1) / SECOND_MS);
}

bool container_list(struct docker *docker, const char *label, const struct call *call, struct containers *ret,
                    struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    CLEANUP(containers_release) struct containers containers = { 0 };
    str_add(&path, "/containers/json?all=1&");
    docker_add_label_filter(&path, label);
    if (!docker_get(docker, path.text, call, &reply, err))
        return err_wrap(err, "list containers");
    if (!json_is_array(reply))
        return err_set(err, ERR_INTERNAL, "list containers: the answer is no list");
    containers.items = mem_grow(NULL, json_array_size(reply) + 1, sizeof(struct container));
    for (size_t i = 0; i < json_array_size(reply); i++) {
        if (!container_from_json(json_array_get(reply, i), &containers.items[i], err))
            return err_wrap(err, "list containers");
        containers.count++;
    }
    *ret = containers;
    containers = (struct containers){ 0 };
    return true;
}

bool container_inspect(struct docker *docker, const char *name_or_id, const struct call *call, struct container *ret,
                       struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    docker_path(&path, "containers", name_or_id, "/json");
    if (!docker_get(docker, path.text, call, &reply, err) || !container_from_json(reply, ret, err))
        return err_wrap(err, "inspect container %s", name_or_id);
    return true;
}

/* POST without a body; `does` is what the error says. */
static bool act(struct docker *docker, const char *id, const char *action, const char *does, const struct call *call,
                struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "containers", id, action);
    return docker_post(docker, path.text, NULL, call, err) || err_wrap(err, "%s container %s", does, id);
}

static bool act_with_grace(struct docker *docker, const char *id, const char *does, int64_t grace_ms,
                           const struct call *call, struct err *err)
{
    CLEANUP(freep) char *action = mem_printf("/%s?t=%d", does, seconds(grace_ms));
    struct call within = docker_call(docker, call, grace_ms);
    return act(docker, id, action, does, &within, err);
}

bool container_start(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    return act(docker, id, "/start", "start", call, err);
}

bool container_stop(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call, struct err *err)
{
    return act_with_grace(docker, id, "stop", grace_ms, call, err);
}

bool container_restart(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call,
                       struct err *err)
{
    return act_with_grace(docker, id, "restart", grace_ms, call, err);
}

bool container_kill(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    return act(docker, id, "/kill", "kill", call, err);
}

bool container_unpause(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    return act(docker, id, "/unpause", "unpause", call, err);
}

bool container_remove(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "containers", id, "?force=1&v=1");
    return docker_delete(docker, path.text, call, err) || err_wrap(err, "remove container %s", id);
}

bool container_rename(struct docker *docker, const char *id, const char *name, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "containers", id, "/rename?name=");
    str_add_url_segment(&path, name);
    return docker_post(docker, path.text, NULL, call, err) || err_wrap(err, "rename container %s to %s", id, name);
}

bool container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    docker_path(&path, "containers", id, "/wait?condition=not-running");
    const struct docker_request request = { .method = "POST", .path = path.text };
    if (!docker_send(docker, &request, call, &reply, err))
        return err_wrap(err, "wait for container %s", id);
    const char *problem = json_string_value(json_at(reply, "Error", "Message", NULL));
    int64_t exit_code = json_int(reply, "StatusCode", -1);
    if ((problem && problem[0]) || exit_code < 0)
        return err_set(err, ERR_REMOTE, "wait for container %s: %s", id,
                       problem ? problem : "no exit status in the answer");
    *ret_exit_code = (int)exit_code;
    return true;
}

bool container_update(struct docker *docker, const char *id, const struct container_resources *resources,
                      const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *body = json_object();
    docker_path(&path, "containers", id, "/update");
    if (resources->memory_bytes > 0) {
        json_put(body, "Memory", json_integer(resources->memory_bytes));
        json_put(body, "MemorySwap", json_integer(resources->memory_bytes));
    }
    if (resources->nano_cpus > 0)
        json_put(body, "NanoCpus", json_integer(resources->nano_cpus));
    if (resources->pids_limit > 0)
        json_put(body, "PidsLimit", json_integer(resources->pids_limit));
    if (resources->restart_policy) {
        json_t *policy = json_object();
        json_put_text(policy, "Name", resources->restart_policy);
        json_put(body, "RestartPolicy", policy);
    }
    return docker_post(docker, path.text, body, call, err) || err_wrap(err, "update container %s", id);
}

bool container_memory_use(struct docker *docker, const char *id, const struct call *call, int64_t *ret_bytes,
                          struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    docker_path(&path, "containers", id, "/stats?stream=false&one-shot=true");
    if (!docker_get(docker, path.text, call, &reply, err))
        return err_wrap(err, "read the memory use of container %s", id);
    const json_t *memory = json_at(reply, "memory_stats", NULL);
    const json_t *details = json_at(memory, "stats", NULL);
    /* cgroup v1 counts the children, too, under its own name; v2 has one number. */
    int64_t cache_bytes = json_int(details, "total_inactive_file", json_int(details, "inactive_file", 0));
    int64_t used_bytes = json_int(memory, "usage", 0);
    *ret_bytes = used_bytes > cache_bytes ? used_bytes - cache_bytes : 0;
    return true;
}
