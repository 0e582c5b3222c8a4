/* Reads the engine's two JSON forms of a container: an item of the list, and the answer of inspect. Pure. */
#include "clients/docker/docker_internal.h"

static const char *const state_names[] = {
    [CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running",
    [CONTAINER_PAUSED] = "paused",     [CONTAINER_RESTARTING] = "restarting",
    [CONTAINER_REMOVING] = "removing", [CONTAINER_EXITED] = "exited",
    [CONTAINER_DEAD] = "dead",
};

void container_release(struct container *container)
{
    free(container->id);
    free(container->name);
    free(container->image);
    free(container->image_id);
    free(container->error);
    free(container->restart_policy);
    free(container->user);
    json_decref(container->labels);
    json_decref(container->networks);
    json_decref(container->ports);
    json_decref(container->env);
    json_decref(container->command);
    json_decref(container->mounts);
    *container = (struct container){ 0 };
}

static json_t *copy_json(const json_t *value)
{
    json_t *copy = value ? json_deep_copy(value) : NULL;
    if (value && !copy)
        abort();
    return copy;
}

void container_copy(struct container *to, const struct container *from)
{
    struct container copy = *from; /* the numbers; all that is owned is made anew */
    copy.id = mem_strdup(from->id);
    copy.name = mem_strdup(from->name);
    copy.image = mem_strdup(from->image);
    copy.image_id = mem_strdup(from->image_id);
    copy.error = mem_strdup(from->error);
    copy.restart_policy = mem_strdup(from->restart_policy);
    copy.user = mem_strdup(from->user);
    copy.labels = copy_json(from->labels);
    copy.networks = copy_json(from->networks);
    copy.ports = copy_json(from->ports);
    copy.env = copy_json(from->env);
    copy.command = copy_json(from->command);
    copy.mounts = copy_json(from->mounts);
    *to = copy;
}

void containers_release(struct containers *containers)
{
    for (size_t i = 0; i < containers->count; i++)
        container_release(&containers->items[i]);
    free(containers->items);
    *containers = (struct containers){ 0 };
}

static bool read_state(const char *text, enum container_state *ret, struct err *err)
{
    for (size_t i = 0; text && i < ARRAY_LEN(state_names); i++)
        if (strcmp(text, state_names[i]) == 0) {
            *ret = (enum container_state)i;
            return true;
        }
    return err_set(err, ERR_INTERNAL, "unknown container state \"%s\"", text ? text : "");
}

static char *copy_text(const json_t *object, const char *key)
{
    const char *text = json_text(object, key);
    return mem_strdup(text ? text : "");
}

static json_t *copy_array(const json_t *value)
{
    json_t *copy = json_is_array(value) ? json_deep_copy(value) : json_array();
    if (!copy)
        abort();
    return copy;
}

static json_t *read_networks(json_t *networks)
{
    json_t *result = json_object();
    const char *name;
    json_t *endpoint;
    json_object_foreach (networks, name, endpoint) {
        json_t *entry = json_object();
        json_put_text(entry, "id", json_text(endpoint, "NetworkID"));
        json_put_text(entry, "address", json_text(endpoint, "IPAddress"));
        json_put(result, name, entry);
    }
    return result;
}

static void add_port(json_t *ports, int64_t container_port, const char *address, int64_t host_port)
{
    if (host_port <= 0)
        return;
    json_t *entry = json_object();
    json_put(entry, "container", json_integer(container_port));
    json_put_text(entry, "address", address ? address : "");
    json_put(entry, "host", json_integer(host_port));
    json_push(ports, entry);
}

static json_t *read_listed_ports(const json_t *listed)
{
    json_t *ports = json_array();
    for (size_t i = 0; i < json_array_size(listed); i++) {
        const json_t *port = json_array_get(listed, i);
        add_port(ports, json_int(port, "PrivatePort", 0), json_text(port, "IP"), json_int(port, "PublicPort", 0));
    }
    return ports;
}

/* {"8069/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}], "8072/tcp": null} */
static json_t *read_bound_ports(json_t *bound)
{
    json_t *ports = json_array();
    const char *name;
    json_t *bindings;
    json_object_foreach (bound, name, bindings) {
        int64_t container_port = 0;
        CLEANUP(freep) char *number = mem_strndup(name, strcspn(name, "/"));
        if (!str_parse_int64(number, 1, 65535, &container_port))
            continue;
        for (size_t i = 0; i < json_array_size(bindings); i++) {
            const json_t *binding = json_array_get(bindings, i);
            const char *host_text = json_text(binding, "HostPort");
            int64_t host_port = 0;
            if (host_text && str_parse_int64(host_text, 1, 65535, &host_port))
                add_port(ports, container_port, json_text(binding, "HostIp"), host_port);
        }
    }
    return ports;
}

static json_t *read_mounts(const json_t *mounts)
{
    json_t *result = json_array();
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        const json_t *mount = json_array_get(mounts, i);
        const char *type = json_text(mount, "Type");
        json_t *entry = json_object();
        json_put_text(entry, "type", type);
        /* Of a volume the source is a path inside of Docker's directory. */
        json_put_text(entry, "source", json_text(mount, str_equal(type, "volume") ? "Name" : "Source"));
        json_put_text(entry, "target", json_text(mount, "Destination"));
        json_push(result, entry);
    }
    return result;
}

static bool read_inspected(const json_t *inspect, struct container *container, struct err *err)
{
    const json_t *state = json_at(inspect, "State", NULL);
    const json_t *config = json_at(inspect, "Config", NULL);
    const json_t *host = json_at(inspect, "HostConfig", NULL);
    const json_t *network = json_at(inspect, "NetworkSettings", NULL);
    json_t *live_ports = json_at(network, "Ports", NULL);
    const char *name = json_text(inspect, "Name");
    if (!name)
        return err_set(err, ERR_INTERNAL, "field Name is missing");
    container->inspected = true;
    container->name = mem_strdup(name[0] == '/' ? name + 1 : name);
    container->image = copy_text(config, "Image");
    container->image_id = copy_text(inspect, "Image");
    container->labels = docker_object(json_at(config, "Labels", NULL));
    container->networks = read_networks(json_at(network, "Networks", NULL));
    /* What does not run has no ports open; then what it will open counts. */
    container->ports =
        read_bound_ports(json_object_size(live_ports) ? live_ports : json_at(host, "PortBindings", NULL));
    container->exit_code = (int)json_int(state, "ExitCode", 0);
    container->oom_killed = json_bool(state, "OOMKilled");
    container->error = copy_text(state, "Error");
    container->started_ms = docker_time_ms(json_text(state, "StartedAt"));
    container->finished_ms = docker_time_ms(json_text(state, "FinishedAt"));
    container->memory_bytes = json_int(host, "Memory", 0);
    container->memory_swap_bytes = json_int(host, "MemorySwap", 0);
    container->nano_cpus = json_int(host, "NanoCpus", 0);
    container->pids_limit = json_int(host, "PidsLimit", 0);
    container->restart_policy = copy_text(json_at(host, "RestartPolicy", NULL), "Name");
    container->env = copy_array(json_at(config, "Env", NULL));
    container->command = json_array();
    if (json_text(inspect, "Path"))
        json_push(container->command, json_from_text(json_text(inspect, "Path")));
    CLEANUP(json_decrefp) json_t *arguments = copy_array(json_object_get(inspect, "Args"));
    json_array_extend(container->command, arguments);
    container->mounts = read_mounts(json_at(inspect, "Mounts", NULL));
    container->user = copy_text(config, "User");
    return read_state(json_text(state, "Status"), &container->state, err);
}

/* The list shows the names that links gave it, too: "/other/alias". */
static const char *listed_name(const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && name[0] == '/' && !strchr(name + 1, '/'))
            return name + 1;
    }
    return NULL;
}

static bool read_listed(const json_t *item, struct container *container, struct err *err)
{
    const char *name = listed_name(json_at(item, "Names", NULL));
    /* One that is being removed has none any more. */
    container->name = mem_strdup(name ? name : "");
    container->image = copy_text(item, "Image");
    container->image_id = copy_text(item, "ImageID");
    container->labels = docker_object(json_at(item, "Labels", NULL));
    container->networks = read_networks(json_at(item, "NetworkSettings", "Networks", NULL));
    container->ports = read_listed_ports(json_at(item, "Ports", NULL));
    return read_state(json_text(item, "State"), &container->state, err);
}

bool container_from_json(const json_t *inspect, struct container *ret, struct err *err)
{
    CLEANUP(container_release) struct container container = { 0 };
    if (!json_copy_string(inspect, "Id", &container.id, err))
        return err_wrap(err, "read a container");
    bool inspected = json_is_object(json_at(inspect, "State", NULL));
    if (!(inspected ? read_inspected(inspect, &container, err) : read_listed(inspect, &container, err)))
        return err_wrap(err, "read container %s", container.id);
    *ret = container;
    container = (struct container){ 0 };
    return true;
}
