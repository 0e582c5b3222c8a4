/* Creates containers, with what every one of ours gets. */
#include "clients/docker/docker_internal.h"

#define LOG_MAX_SIZE  "10m"
#define LOG_MAX_FILES "3"

static json_t *array_of(const char *const *texts)
{
    json_t *array = json_array();
    for (size_t i = 0; texts && texts[i]; i++)
        json_push(array, json_from_text(texts[i]));
    return array;
}

static json_t *array_of_one(const char *text)
{
    const char *const texts[] = { text, NULL };
    return array_of(texts);
}

static json_t *make_mounts(const struct container_create *create)
{
    json_t *mounts = json_array();
    for (size_t i = 0; i < create->mount_count; i++) {
        json_t *mount = json_object();
        json_put_text(mount, "Type", "volume");
        json_put_text(mount, "Source", create->mounts[i].volume);
        json_put_text(mount, "Target", create->mounts[i].target);
        json_put(mount, "ReadOnly", json_boolean(create->mounts[i].read_only));
        /* A fresh volume gets what the image has there, owner and mode too: official images count on it. */
        json_t *options = json_object();
        json_put(options, "NoCopy", json_false());
        json_put(mount, "VolumeOptions", options);
        json_push(mounts, mount);
    }
    return mounts;
}

static void port_name(struct str *name, int port)
{
    str_clear(name);
    str_addf(name, "%d/tcp", port);
}

static json_t *make_exposed(const struct container_create *create)
{
    CLEANUP(str_release) struct str name = STR_INIT;
    json_t *exposed = json_object();
    for (size_t i = 0; i < create->publish_count; i++) {
        port_name(&name, create->publishes[i].container_port);
        json_put(exposed, name.text, json_object());
    }
    return exposed;
}

static json_t *make_bindings(const struct container_create *create)
{
    CLEANUP(str_release) struct str name = STR_INIT;
    CLEANUP(str_release) struct str host_port = STR_INIT;
    json_t *all = json_object();
    for (size_t i = 0; i < create->publish_count; i++) {
        const struct container_publish *publish = &create->publishes[i];
        port_name(&name, publish->container_port);
        json_t *bindings = json_object_get(all, name.text);
        if (!bindings) {
            bindings = json_array();
            json_put(all, name.text, bindings);
        }
        str_clear(&host_port);
        str_addf(&host_port, "%d", publish->host_port);
        json_t *binding = json_object();
        json_put_text(binding, "HostIp", publish->address);
        json_put_text(binding, "HostPort", host_port.text);
        json_push(bindings, binding);
    }
    return all;
}

static json_t *make_log_config(void)
{
    json_t *options = json_object();
    json_put_text(options, "max-size", LOG_MAX_SIZE);
    json_put_text(options, "max-file", LOG_MAX_FILES);
    json_t *log = json_object();
    json_put_text(log, "Type", "json-file");
    json_put(log, "Config", options);
    return log;
}

static json_t *make_host_config(const struct container_create *create)
{
    json_t *restart = json_object();
    json_put_text(restart, "Name", "no");
    json_t *host = json_object();
    json_put(host, "RestartPolicy", restart);
    json_put(host, "LogConfig", make_log_config());
    json_put(host, "CapDrop", array_of_one("ALL"));
    json_put(host, "CapAdd", array_of(create->capabilities));
    json_put(host, "SecurityOpt", array_of_one("no-new-privileges"));
    json_put(host, "Init", json_true());
    json_put(host, "ExtraHosts", array_of(create->extra_hosts));
    json_put(host, "Mounts", make_mounts(create));
    json_put(host, "PortBindings", make_bindings(create));
    json_put_text(host, "NetworkMode", create->network ? create->network : "none");
    if (create->memory_bytes > 0) {
        json_put(host, "Memory", json_integer(create->memory_bytes));
        json_put(host, "MemorySwap", json_integer(create->memory_bytes)); /* no swap on top */
    }
    if (create->nano_cpus > 0)
        json_put(host, "NanoCpus", json_integer(create->nano_cpus));
    if (create->pids_limit > 0)
        json_put(host, "PidsLimit", json_integer(create->pids_limit));
    return host;
}

static json_t *make_body(const struct container_create *create)
{
    json_t *body = json_object();
    json_put_text(body, "Image", create->image);
    json_put_text(body, "User", create->user);
    json_put_text(body, "Hostname", create->hostname);
    /* In place of the image's entrypoint, too: some of those put passwords from the environment into arguments. */
    if (create->command && create->command[0]) {
        json_put(body, "Entrypoint", array_of_one(create->command[0]));
        json_put(body, "Cmd", array_of(create->command + 1));
    }
    json_put(body, "Env", array_of(create->env));
    json_put(body, "Labels", docker_object(create->labels));
    json_put(body, "ExposedPorts", make_exposed(create));
    json_put(body, "HostConfig", make_host_config(create));
    if (create->stop_timeout_ms > 0)
        json_put(body, "StopTimeout", json_integer((create->stop_timeout_ms + SECOND_MS - 1) / SECOND_MS));
    return body;
}

bool container_create(struct docker *docker, const struct container_create *create, const struct call *call,
                      char **ret_id, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *body = make_body(create);
    CLEANUP(json_decrefp) json_t *reply = NULL;
    const char *name = create->name ? create->name : "";
    str_add(&path, "/containers/create");
    if (create->name) {
        str_add(&path, "?name=");
        str_add_url_segment(&path, create->name);
    }
    if (!docker_create(docker, path.text, body, call, &reply, err) || !json_copy_string(reply, "Id", ret_id, err))
        return err_wrap(err, "create container %s", name);
    return true;
}
