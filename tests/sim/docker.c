/* The simulated engine's containers; see engine.h and clients/docker/docker.h. */
#include "tests/sim/engine.h"

struct docker {
    char unused;
};

bool docker_open(const struct docker_options *options, struct docker **ret_docker, struct err *err)
{
    (void)options; /* there is one engine */
    (void)err;
    *ret_docker = MEM_NEW(struct docker);
    return true;
}

void docker_free(struct docker *docker)
{
    free(docker);
}

void docker_freep(struct docker **docker)
{
    docker_free(*docker);
}

bool docker_is_local(const struct docker *docker)
{
    (void)docker;
    return true;
}

/* ---- its parts ---- */

char *sim_engine_id(void)
{
    return mem_printf("%064" PRIx64, ++sim->engine->last_id);
}

struct sim_container *sim_container_find(const char *name_or_id)
{
    struct sim_container *container = map_get(sim->engine->container_names, name_or_id);
    return container ? container : map_get(sim->engine->containers, name_or_id);
}

static struct sim_container *find(const char *name_or_id, struct err *err)
{
    sim_engine_tick();
    struct sim_container *container = sim_container_find(name_or_id);
    if (!container)
        err_set(err, ERR_NOT_FOUND, "No such container: %s", name_or_id);
    return container;
}

static void tell_touched(const char *call, const struct sim_container *container)
{
    if (container && !sim->is_outsider && sim->hooks.touched)
        sim->hooks.touched(sim->hooks.context, call, container->seen.name, container->seen.labels);
}

static struct sim_container *find_to_change(const char *call, const char *name_or_id, struct err *err)
{
    struct sim_container *container = find(name_or_id, err);
    tell_touched(call, container);
    return container;
}

const char *sim_container_env(const struct sim_container *container, const char *name)
{
    size_t len = strlen(name), i;
    json_t *item;
    json_array_foreach (container->seen.env, i, item) {
        const char *text = json_string_value(item);
        if (strncmp(text, name, len) == 0 && text[len] == '=')
            return text + len + 1;
    }
    return NULL;
}

static bool runs(const struct sim_container *container)
{
    return container->seen.state == CONTAINER_RUNNING || container->seen.state == CONTAINER_PAUSED;
}

/* ---- events ---- */

static void add_event(const char *type, const char *action, const char *id, json_t *attributes_taken)
{
    struct sim_engine *engine = sim->engine;
    engine->events = mem_grow(engine->events, engine->event_count + 1, sizeof(engine->events[0]));
    engine->events[engine->event_count++] =
        (struct sim_event){ type, mem_strdup(action), mem_strdup(id), attributes_taken };
}

void sim_event_add(const struct sim_container *container, const char *action)
{
    if (!sim->engine->has_listener)
        return;
    json_t *attributes = json_deep_copy(container->seen.labels);
    json_put_text(attributes, "name", container->seen.name);
    add_event("container", action, container->seen.id, attributes);
}

void sim_network_event(const struct sim_network *network, const char *action, const char *container_id_or_null)
{
    if (!sim->engine->has_listener)
        return;
    json_t *attributes = json_object();
    json_put_text(attributes, "name", network->name);
    json_put_text(attributes, "container", container_id_or_null);
    add_event("network", action, network->id, attributes);
}

static void event_release(struct sim_event *event)
{
    free(event->action);
    free(event->id);
    json_decref(event->attributes);
}

char *sim_event_take(void)
{
    struct sim_engine *engine = sim->engine;
    if (engine->event_count == 0)
        return NULL;
    struct sim_event event = engine->events[0];
    engine->event_count--;
    memmove(engine->events, engine->events + 1, engine->event_count * sizeof(engine->events[0]));
    CLEANUP(json_decrefp) json_t *line = json_object();
    json_t *actor = json_object();
    json_put_text(line, "Type", event.type);
    json_put_text(line, "Action", event.action);
    json_put_text(actor, "ID", event.id);
    json_put(actor, "Attributes", json_incref(event.attributes));
    json_put(line, "Actor", actor);
    json_put(line, "time", json_integer(clock_wall_ms() / SECOND_MS));
    event_release(&event);
    return json_dump(line);
}

void sim_events_clear(void)
{
    for (size_t i = 0; i < sim->engine->event_count; i++)
        event_release(&sim->engine->events[i]);
    sim->engine->event_count = 0;
}

/* ---- processes ---- */

static void set_end(struct sim_container *container, int64_t ends_ms)
{
    sim->engine->ending += (ends_ms != 0) - (container->ends_ms != 0);
    container->ends_ms = ends_ms;
}

/* What a shell script of the contract does: "exit N" ends at once, all else lasts. */
static void begin_script(const struct sim_container *container, int64_t *ret_lasts_ms, int *ret_exit_code)
{
    const char *script = json_string_value(json_array_get(container->seen.command, 2));
    int64_t code = 0;
    *ret_lasts_ms = -1;
    if (script && str_starts_with(script, "exit ") && str_parse_int64(script + 5, 0, 255, &code)) {
        *ret_lasts_ms = 1;
        *ret_exit_code = (int)code;
    }
}

static void begin_process(struct sim_container *container)
{
    int64_t lasts_ms = -1;
    int exit_code = 0;
    const char *name;
    json_t *endpoint;
    container->seen.state = CONTAINER_RUNNING;
    container->seen.started_ms = clock_wall_ms();
    container->is_hung = false;
    json_object_foreach (container->seen.networks, name, endpoint) {
        struct sim_network *network = sim_network_find(name);
        if (network)
            sim_network_join(network, container);
    }
    if (sim->hooks.programs)
        sim->hooks.programs->begin(sim->hooks.context, container, &lasts_ms, &exit_code);
    else
        begin_script(container, &lasts_ms, &exit_code);
    container->planned_exit = exit_code;
    set_end(container, lasts_ms < 0 ? 0 : sim->mono_ms + lasts_ms);
    sim_event_add(container, "start");
}

void sim_container_end(struct sim_container *container, int exit_code)
{
    const char *name;
    json_t *endpoint;
    json_object_foreach (container->seen.networks, name, endpoint) {
        struct sim_network *network = sim_network_find(name);
        if (network)
            sim_network_leave(network, container);
        json_put_text(endpoint, "address", "");
    }
    set_end(container, 0);
    container->seen.state = CONTAINER_EXITED;
    container->seen.exit_code = exit_code;
    container->seen.finished_ms = clock_wall_ms();
    sim_event_add(container, "die");
}

void sim_engine_tick(void)
{
    struct sim_engine *engine = sim->engine;
    size_t at = 0;
    void *value;
    while (engine->ending && map_next(engine->containers, &at, NULL, &value)) {
        struct sim_container *container = value;
        if (!container->ends_ms || container->ends_ms > sim->mono_ms || container->seen.state != CONTAINER_RUNNING)
            continue;
        if (sim->hooks.programs)
            sim->hooks.programs->finish(sim->hooks.context, container);
        sim_container_end(container, container->planned_exit);
    }
}

/* ---- made and removed ---- */

static void container_free(void *value)
{
    struct sim_container *container = value;
    container_release(&container->seen);
    json_decref(container->files);
    free(container);
}

static json_t *copy_list(const char *const *items)
{
    json_t *list = json_array();
    for (; items && *items; items++)
        json_push(list, json_from_text(*items));
    return list;
}

static void fill(struct sim_container *container, const struct container_create *create, const struct sim_image *image)
{
    struct container *seen = &container->seen;
    seen->id = sim_engine_id();
    seen->name = create->name ? mem_strdup(create->name) : mem_printf("unnamed%.12s", seen->id + 52);
    seen->image = mem_strdup(create->image);
    seen->image_id = mem_strdup(image->id);
    seen->state = CONTAINER_CREATED;
    seen->labels = sim_labels(create->labels);
    seen->networks = json_object();
    seen->ports = json_array();
    seen->inspected = true;
    seen->error = mem_strdup("");
    seen->memory_bytes = seen->memory_swap_bytes = create->memory_bytes;
    seen->nano_cpus = create->nano_cpus;
    seen->pids_limit = create->pids_limit;
    seen->restart_policy = mem_strdup("no");
    seen->env = copy_list(create->env);
    seen->command = create->command ? copy_list(create->command) : json_pack("[s]", SIM_IMAGE_COMMAND);
    json_push(seen->env, json_string(SIM_IMAGE_ENV));
    seen->mounts = json_array();
    seen->user = mem_strdup(create->user ? create->user : image->user);
    container->files = json_object();
    for (size_t i = 0; i < create->publish_count; i++) {
        json_t *port = json_object();
        json_put(port, "container", json_integer(create->publishes[i].container_port));
        json_put_text(port, "address", create->publishes[i].address);
        json_put(port, "host", json_integer(create->publishes[i].host_port));
        json_push(seen->ports, port);
    }
}

/* One that does not exist is made by the engine, without labels. */
static void mount(struct sim_container *container, const struct container_mount *mount)
{
    if (!map_get(sim->engine->volumes, mount->volume)) {
        struct sim_volume *volume = MEM_NEW(struct sim_volume);
        volume->name = mem_strdup(mount->volume);
        volume->labels = json_object();
        map_put(sim->engine->volumes, volume->name, volume);
    }
    json_t *entry = json_object();
    json_put_text(entry, "type", "volume");
    json_put_text(entry, "source", mount->volume);
    json_put_text(entry, "target", mount->target);
    json_push(container->seen.mounts, entry);
}

static bool create_container(const struct container_create *create, char **ret_id, struct err *err)
{
    struct sim_engine *engine = sim->engine;
    const struct sim_image *image = map_get(engine->images, create->image);
    sim_engine_tick();
    if (!image)
        return err_set(err, ERR_NOT_FOUND, "No such image: %s", create->image);
    const struct sim_container *other = create->name ? map_get(engine->container_names, create->name) : NULL;
    if (other)
        return err_set(err, ERR_CONFLICT, "Conflict. The container name \"/%s\" is already in use by container \"%s\".",
                       create->name, other->seen.id);
    struct sim_container *container = MEM_NEW(struct sim_container);
    fill(container, create, image);
    for (size_t i = 0; i < create->mount_count; i++)
        mount(container, &create->mounts[i]);
    if (create->network) {
        const struct sim_network *network = sim_network_find(create->network);
        json_t *endpoint = json_object();
        json_put_text(endpoint, "id", network ? network->id : "");
        json_put_text(endpoint, "address", "");
        json_put(container->seen.networks, create->network, endpoint);
    }
    map_put(engine->containers, container->seen.id, container);
    map_put(engine->container_names, container->seen.name, container);
    sim_labelled_add(engine->labelled, container);
    sim_event_add(container, "create");
    *ret_id = mem_strdup(container->seen.id);
    return true;
}

bool container_create(struct docker *docker, const struct container_create *create, const struct call *call,
                      char **ret_id, struct err *err)
{
    static const struct sim_call what = { "container_create", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    CLEANUP(freep) char *id = NULL;
    if (!sim_begin(&what, call, err) || !sim_end(&what, create_container(create, &id, err), err))
        return false;
    *ret_id = STEAL(id);
    return true;
}

static bool remove_container(const char *name_or_id, struct err *err)
{
    struct sim_container *container = find_to_change("remove", name_or_id, err);
    if (!container)
        return false;
    if (runs(container))
        sim_container_end(container, 137);
    sim_event_add(container, "destroy");
    map_remove(sim->engine->container_names, container->seen.name);
    sim_labelled_remove(sim->engine->labelled, container);
    CLEANUP(freep) char *id = mem_strdup(container->seen.id);
    map_remove(sim->engine->containers, id);
    return true;
}

bool container_remove(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_remove", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, remove_container(id, err), err);
}

/* ---- looked at ---- */

/* What a list shows of it. */
static void copy_listed(struct container *to, const struct container *from)
{
    *to = (struct container){ .state = from->state };
    to->id = mem_strdup(from->id);
    to->name = mem_strdup(from->name);
    to->image = mem_strdup(from->image);
    to->image_id = mem_strdup(from->image_id);
    to->labels = json_deep_copy(from->labels);
    to->networks = json_deep_copy(from->networks);
    to->ports = from->state == CONTAINER_RUNNING || from->state == CONTAINER_PAUSED ? json_deep_copy(from->ports)
                                                                                    : json_array();
}

bool container_list(struct docker *docker, const char *label, const struct call *call, struct containers *ret,
                    struct err *err)
{
    static const struct sim_call what = { "container_list", SIM_ENGINE, SIM_READS };
    CLEANUP(containers_release) struct containers list = { 0 };
    size_t at = 0;
    void *value;
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    sim_engine_tick();
    const struct map *containers = label ? map_get(sim->engine->labelled, label) : sim->engine->containers;
    list.items = mem_grow(NULL, (containers ? map_count(containers) : 0) + 1, sizeof(list.items[0]));
    while (containers && map_next(containers, &at, NULL, &value))
        copy_listed(&list.items[list.count++], &((const struct sim_container *)value)->seen);
    /* What happens from here on makes this list an old one. */
    if (!sim_end(&what, true, err))
        return false;
    containers_release(ret);
    *ret = list;
    list = (struct containers){ 0 };
    return true;
}

bool container_inspect(struct docker *docker, const char *name_or_id, const struct call *call, struct container *ret,
                       struct err *err)
{
    static const struct sim_call what = { "container_inspect", SIM_ENGINE, SIM_READS };
    CLEANUP(container_release) struct container seen = { 0 };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_container *container = find(name_or_id, err);
    if (!container)
        return false;
    container_copy(&seen, &container->seen);
    if (!sim_end(&what, true, err))
        return false;
    container_release(ret);
    *ret = seen;
    seen = (struct container){ 0 };
    return true;
}

/* ---- started and ended ---- */

static bool port_is_taken(const struct sim_container *container, int64_t *ret_port)
{
    *ret_port = json_int(json_array_get(container->seen.ports, 0), "host", 0);
    size_t at = 0;
    void *value;
    while (*ret_port && map_next(sim->engine->containers, &at, NULL, &value)) {
        const struct sim_container *other = value;
        if (other != container && runs(other) && json_int(json_array_get(other->seen.ports, 0), "host", 0) == *ret_port)
            return true;
    }
    return false;
}

static bool start(const char *id, struct err *err)
{
    struct sim_container *container = find_to_change("start", id, err);
    int64_t port;
    const char *name;
    json_t *endpoint;
    if (!container)
        return false;
    if (container->seen.state == CONTAINER_PAUSED)
        return err_set(err, ERR_CONFLICT, "cannot start a paused container, try unpause instead");
    if (container->seen.state == CONTAINER_RUNNING)
        return true;
    json_object_foreach (container->seen.networks, name, endpoint) {
        const struct sim_network *network = sim_network_find(name);
        bool gone = !network || !str_equal(network->id, json_text(endpoint, "id"));
        if (gone && !str_equal(name, "none") && !str_equal(name, "bridge"))
            return err_set(err, ERR_NOT_FOUND, "network %s not found", name);
    }
    if (container->is_held)
        return err_set(err, ERR_REMOTE, "start container %s: task %s: already exists", container->seen.name, id);
    if (port_is_taken(container, &port))
        return err_set(err, ERR_CONFLICT,
                       "driver failed programming external connectivity: Bind for 127.0.0.1:%" PRId64
                       " failed: port is already allocated",
                       port);
    begin_process(container);
    return true;
}

bool container_start(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_start", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, start(id, err), err);
}

static bool stop(const char *id, struct err *err)
{
    struct sim_container *container = find_to_change("stop", id, err);
    if (container && runs(container))
        sim_container_end(container, 0);
    return container != NULL;
}

bool container_stop(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_stop", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    (void)grace_ms; /* these end at once */
    return sim_begin(&what, call, err) && sim_end(&what, stop(id, err), err);
}

bool container_restart(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call,
                       struct err *err)
{
    static const struct sim_call what = { "container_restart", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    (void)grace_ms;
    return sim_begin(&what, call, err) && sim_end(&what, stop(id, err) && start(id, err), err);
}

static bool kill_container(const char *id, struct err *err)
{
    struct sim_container *container = find_to_change("kill", id, err);
    if (!container)
        return false;
    if (!runs(container))
        return err_set(err, ERR_CONFLICT, "Cannot kill container: %s: Container %s is not running", id, id);
    sim_container_end(container, 137);
    return true;
}

bool container_kill(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_kill", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, kill_container(id, err), err);
}

static bool unpause(const char *id, struct err *err)
{
    struct sim_container *container = find_to_change("unpause", id, err);
    if (!container)
        return false;
    if (container->seen.state != CONTAINER_PAUSED)
        return err_set(err, ERR_CONFLICT, "Container %s is not paused", id);
    container->seen.state = CONTAINER_RUNNING;
    sim_event_add(container, "unpause");
    return true;
}

bool container_unpause(struct docker *docker, const char *id, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_unpause", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, unpause(id, err), err);
}

static bool rename_container(const char *id, const char *name, struct err *err)
{
    struct sim_container *container = find_to_change("rename", id, err);
    if (!container)
        return false;
    if (map_get(sim->engine->container_names, name))
        return err_set(err, ERR_CONFLICT,
                       "Error when allocating new name: Conflict. The container name \"/%s\" is "
                       "already in use",
                       name);
    map_remove(sim->engine->container_names, container->seen.name);
    free(container->seen.name);
    container->seen.name = mem_strdup(name);
    map_put(sim->engine->container_names, name, container);
    sim_event_add(container, "rename");
    return true;
}

bool container_rename(struct docker *docker, const char *id, const char *name, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_rename", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, rename_container(id, name, err), err);
}

bool container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code, struct err *err)
{
    enum { SLICE_MS = 400 };
    static const struct sim_call what = { "container_wait", SIM_ENGINE, SIM_READS };
    static const struct sim_call slice = { "container_wait.meanwhile", SIM_ENGINE, SIM_READS };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    for (;;) {
        const struct sim_container *container = find(id, err);
        if (!container)
            return false;
        *ret_exit_code = container->seen.exit_code;
        if (!runs(container))
            return sim_end(&what, true, err);
        if (!sim_wait(&slice, SLICE_MS, call, err))
            return false;
    }
}

/* ---- limits, output, files ---- */

static bool update(const char *id, const struct container_resources *resources, struct err *err)
{
    struct sim_container *container = find_to_change("update", id, err);
    if (!container)
        return false;
    if (resources->nano_cpus > sim->engine->host.millicores * 1000000)
        return err_set(err, ERR_INVALID, "range of CPUs is from 0.01 to %.2f",
                       (double)sim->engine->host.millicores / 1000);
    if (resources->memory_bytes)
        container->seen.memory_bytes = container->seen.memory_swap_bytes = resources->memory_bytes;
    if (resources->nano_cpus)
        container->seen.nano_cpus = resources->nano_cpus;
    if (resources->pids_limit)
        container->seen.pids_limit = resources->pids_limit;
    if (resources->restart_policy) {
        free(container->seen.restart_policy);
        container->seen.restart_policy = mem_strdup(resources->restart_policy);
    }
    sim_event_add(container, "update");
    return true;
}

bool container_update(struct docker *docker, const char *id, const struct container_resources *resources,
                      const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_update", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, update(id, resources, err), err);
}

bool container_memory_use(struct docker *docker, const char *id, const struct call *call, int64_t *ret_bytes,
                          struct err *err)
{
    static const struct sim_call what = { "container_memory_use", SIM_ENGINE, SIM_READS };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_container *container = find(id, err);
    *ret_bytes = container && runs(container) ? 8 << 20 : 0;
    return sim_end(&what, container != NULL, err);
}

bool container_log_tail(struct docker *docker, const char *id, size_t limit, const struct call *call, struct str *ret,
                        struct err *err)
{
    static const struct sim_call what = { "container_log_tail", SIM_ENGINE, SIM_READS };
    (void)docker;
    (void)limit; /* it is short */
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_container *container = find(id, err);
    str_clear(ret);
    if (container)
        str_add(ret, "it said something\n");
    return sim_end(&what, container != NULL, err);
}

static bool put_files(const char *id, const struct container_file *files, size_t count, struct err *err)
{
    struct sim_container *container = find_to_change("put files", id, err);
    for (size_t i = 0; container && i < count; i++) {
        CLEANUP(freep) char *text = mem_strndup(files[i].bytes, files[i].size);
        json_t *file = json_pack("{s:i, s:I, s:I}", "mode", files[i].mode, "uid", (json_int_t)files[i].uid, "gid",
                                 (json_int_t)files[i].gid);
        json_put_text(file, "text", text);
        json_put(container->files, files[i].path, file);
    }
    return container != NULL;
}

bool container_put_files(struct docker *docker, const char *id, const struct container_file *files, size_t count,
                         const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_put_files", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, put_files(id, files, count, err), err);
}

bool container_own_directory(struct docker *docker, const char *id, const char *path, int64_t uid, int64_t gid,
                             const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_own_directory", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    (void)path;
    (void)uid; /* owners are not simulated */
    (void)gid;
    return sim_begin(&what, call, err) && sim_end(&what, find(id, err) != NULL, err);
}

bool container_read_file(struct docker *docker, const char *id, const char *path, size_t limit, const struct call *call,
                         struct container_file_seen *ret, struct err *err)
{
    static const struct sim_call what = { "container_read_file", SIM_ENGINE, SIM_READS };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_container *container = find(id, err);
    const json_t *file = container ? json_object_get(container->files, path) : NULL;
    const char *text = json_text(file, "text");
    if (!container)
        return false;
    if (!text)
        return err_set(err, ERR_NOT_FOUND, "Could not find the file %s in container %s", path, id);
    if (strlen(text) > limit)
        return err_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, limit);
    struct container_file_seen seen = { .bytes = STR_INIT,
                                        .mode = (int)json_int(file, "mode", 0),
                                        .uid = json_int(file, "uid", 0),
                                        .gid = json_int(file, "gid", 0) };
    str_add(&seen.bytes, text);
    if (!sim_end(&what, true, err)) {
        str_release(&seen.bytes);
        return false;
    }
    str_release(&ret->bytes);
    *ret = seen;
    return true;
}

static struct sim_volume *volume_of(const char *id, struct err *err)
{
    const struct sim_container *container = find(id, err);
    const char *name = container ? json_text(json_array_get(container->seen.mounts, 0), "source") : NULL;
    return name ? map_get(sim->engine->volumes, name) : NULL;
}

bool container_copy_tree(struct docker *docker, const char *from_id, const char *from_path, const char *to_id,
                         const char *to_path, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_copy_tree", SIM_ENGINE, SIM_CHANGES };
    static const struct sim_call midst = { "container_copy_tree.midst", SIM_ENGINE, SIM_READS };
    (void)docker;
    (void)from_path;
    (void)to_path; /* each has one volume */
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_volume *from = volume_of(from_id, err);
    struct sim_volume *to = from ? volume_of(to_id, err) : NULL;
    if (!to)
        return false;
    to->data = (struct sim_data){ .token = from->data.token, .state = SIM_HALF };
    if (!sim_wait(&midst, SECOND_MS, call, err))
        return false;
    from = volume_of(from_id, err);
    to = from ? volume_of(to_id, err) : NULL;
    if (!to)
        return false;
    to->data.state = from->data.state;
    return sim_end(&what, true, err);
}

/* ---- the whole ---- */

static void network_free(void *value)
{
    struct sim_network *network = value;
    free(network->id);
    free(network->name);
    free(network->subnet);
    json_decref(network->labels);
    map_free(network->members);
    free(network);
}

static void volume_free(void *value)
{
    struct sim_volume *volume = value;
    free(volume->name);
    json_decref(volume->labels);
    free(volume);
}

static void image_free(void *value)
{
    struct sim_image *image = value;
    free(image->id);
    free(image->user);
    free(image);
}

struct sim_engine *sim_engine_new(void)
{
    struct sim_engine *engine = MEM_NEW(struct sim_engine);
    engine->containers = map_new(container_free);
    engine->container_names = map_new(NULL);
    engine->labelled = map_new(sim_labelled_free);
    engine->networks = map_new(network_free);
    engine->volumes = map_new(volume_free);
    engine->images = map_new(image_free);
    engine->registry = map_new(image_free);
    engine->host = (struct docker_host){ .millicores = 4000, .memory_bytes = INT64_C(8) << 30 };
    return engine;
}

void sim_engine_free(struct sim_engine *engine)
{
    for (size_t i = 0; i < engine->event_count; i++)
        event_release(&engine->events[i]);
    free(engine->events);
    map_free(engine->networks); /* before their members */
    map_free(engine->container_names);
    map_free(engine->labelled);
    map_free(engine->containers);
    map_free(engine->volumes);
    map_free(engine->images);
    map_free(engine->registry);
    free(engine);
}
