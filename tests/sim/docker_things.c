/* The simulated engine's host, images, networks and volumes; see engine.h and clients/docker/docker.h. */
#include <arpa/inet.h>

#include "tests/sim/engine.h"

/* ---- the engine ---- */

bool docker_host(struct docker *docker, const struct call *call, struct docker_host *ret, struct err *err)
{
    static const struct sim_call what = { "docker_host", SIM_ENGINE, SIM_READS };
    (void)docker;
    if (!sim_begin(&what, call, err) || !sim_end(&what, true, err))
        return false;
    *ret = sim->engine->host;
    return true;
}

/* ---- images ---- */

void image_release(struct image *image)
{
    free(image->id);
    free(image->digest);
    free(image->user);
    json_decref(image->env);
    json_decref(image->command);
    *image = (struct image){ 0 };
}

static void add_image(struct map *images, const char *reference, const char *id, const char *user)
{
    struct sim_image *image = MEM_NEW(struct sim_image);
    image->id = mem_strdup(id);
    image->user = mem_strdup(user);
    map_put(images, reference, image);
}

void sim_image_add(const char *reference, const char *id, const char *user)
{
    add_image(sim->engine->images, reference, id, user);
}

void sim_registry_add(const char *reference, const char *id, const char *user)
{
    add_image(sim->engine->registry, reference, id, user);
}

void sim_image_remove(const char *reference)
{
    map_remove(sim->engine->images, reference);
}

bool image_inspect(struct docker *docker, const char *reference, const struct call *call, struct image *ret,
                   struct err *err)
{
    static const struct sim_call what = { "image_inspect", SIM_ENGINE, SIM_READS };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_image *image = map_get(sim->engine->images, reference);
    if (!image)
        return err_set(err, ERR_NOT_FOUND, "No such image: %s", reference);
    CLEANUP(image_release)
    struct image seen = { .id = mem_strdup(image->id), .user = mem_strdup(image->user) };
    seen.env = json_pack("[s]", SIM_IMAGE_ENV);
    seen.command = json_pack("[s]", SIM_IMAGE_COMMAND);
    if (!sim_end(&what, true, err))
        return false;
    *ret = seen;
    seen = (struct image){ 0 };
    return true;
}

bool image_pull(struct docker *docker, const char *reference, const struct image_credentials *credentials,
                void (*progress)(void *context, const char *line), void *context, const struct call *call,
                struct err *err)
{
    static const struct sim_call what = { "image_pull", SIM_ENGINE, SIM_CHANGES };
    static const struct sim_call midst = { "image_pull.midst", SIM_ENGINE, SIM_READS };
    (void)docker;
    (void)credentials; /* this registry is open */
    (void)progress;
    (void)context;
    if (!sim_begin(&what, call, err) || !sim_wait(&midst, 3 * SECOND_MS, call, err))
        return false;
    const struct sim_image *image = map_get(sim->engine->registry, reference);
    if (!image)
        return err_set(err, ERR_NOT_FOUND, "pull access denied for %s, repository does not exist", reference);
    sim_image_add(reference, image->id, image->user);
    return sim_end(&what, true, err);
}

bool image_read_file(struct docker *docker, const char *reference, const char *path, size_t limit, const json_t *labels,
                     const struct call *call, struct str *ret, struct err *err)
{
    static const struct sim_call what = { "image_read_file", SIM_ENGINE, SIM_READS };
    (void)docker;
    (void)labels; /* no container is made for it */
    (void)limit;
    if (!sim_begin(&what, call, err))
        return false;
    if (!map_get(sim->engine->images, reference))
        return err_set(err, ERR_NOT_FOUND, "No such image: %s", reference);
    if (!str_equal(path, "/etc/passwd"))
        return err_set(err, ERR_NOT_FOUND, "Could not find the file %s", path);
    str_clear(ret);
    str_add(ret, "root:x:0:0::/:/bin/sh\ntiny:x:1000:1000::/data:/bin/sh\n");
    return sim_end(&what, true, err);
}

/* ---- networks ---- */

void network_release(struct network *network)
{
    free(network->id);
    free(network->name);
    free(network->subnet);
    free(network->gateway);
    json_decref(network->labels);
    json_decref(network->containers);
    *network = (struct network){ 0 };
}

void networks_release(struct networks *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        network_release(&networks->items[i]);
    free(networks->items);
    *networks = (struct networks){ 0 };
}

struct sim_network *sim_network_find(const char *name)
{
    return map_get(sim->engine->networks, name);
}

static bool read_subnet(const char *subnet, uint32_t *ret_base, uint32_t *ret_mask)
{
    CLEANUP(freep) char *base = mem_strndup(subnet, strcspn(subnet, "/"));
    struct in_addr address;
    int64_t length = 0;
    const char *slash = strchr(subnet, '/');
    if (!slash || inet_pton(AF_INET, base, &address) != 1 || !str_parse_int64(slash + 1, 1, 32, &length))
        return false;
    *ret_mask = ~UINT32_C(0) << (32 - (int)length);
    *ret_base = ntohl(address.s_addr) & *ret_mask;
    return true;
}

void sim_network_join(struct sim_network *network, struct sim_container *container)
{
    uint32_t base = 0, mask = 0;
    if (!read_subnet(network->subnet, &base, &mask))
        return;
    uint32_t address = base + 2 + (uint32_t)network->last_address++ % (~mask > 4 ? ~mask - 3 : 1);
    CLEANUP(freep)
    char *text = mem_printf("%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
    json_t *endpoint = json_object_get(container->seen.networks, network->name);
    json_put_text(endpoint, "address", text);
    map_put(network->members, container->seen.id, container);
}

void sim_network_leave(struct sim_network *network, struct sim_container *container)
{
    map_remove(network->members, container->seen.id);
}

static void copy_network(struct network *to, const struct sim_network *from)
{
    size_t at = 0;
    const char *id;
    void *value;
    *to = (struct network){ .id = mem_strdup(from->id),
                            .name = mem_strdup(from->name),
                            .subnet = mem_strdup(from->subnet),
                            .gateway = mem_strdup(""),
                            .labels = json_deep_copy(from->labels),
                            .containers = json_object() };
    while (map_next(from->members, &at, &id, &value)) {
        const struct sim_container *container = value;
        json_put_text(to->containers, id, json_text(json_object_get(container->seen.networks, from->name), "address"));
    }
}

bool network_inspect(struct docker *docker, const char *name, const struct call *call, struct network *ret,
                     struct err *err)
{
    static const struct sim_call what = { "network_inspect", SIM_ENGINE, SIM_READS };
    CLEANUP(network_release) struct network seen = { 0 };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    sim_engine_tick();
    const struct sim_network *network = sim_network_find(name);
    if (!network)
        return err_set(err, ERR_NOT_FOUND, "network %s not found", name);
    copy_network(&seen, network);
    if (!sim_end(&what, true, err))
        return false;
    network_release(ret);
    *ret = seen;
    seen = (struct network){ 0 };
    return true;
}

bool network_list(struct docker *docker, const char *label, const struct call *call, struct networks *ret,
                  struct err *err)
{
    static const struct sim_call what = { "network_list", SIM_ENGINE, SIM_READS };
    CLEANUP(networks_release) struct networks list = { 0 };
    size_t at = 0;
    void *value;
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    list.items = mem_grow(NULL, map_count(sim->engine->networks) + 1, sizeof(list.items[0]));
    while (map_next(sim->engine->networks, &at, NULL, &value))
        if (sim_has_label(((struct sim_network *)value)->labels, label))
            copy_network(&list.items[list.count++], value);
    if (!sim_end(&what, true, err))
        return false;
    networks_release(ret);
    *ret = list;
    list = (struct networks){ 0 };
    return true;
}

static bool create_network(const char *name, const char *subnet, const json_t *labels, struct err *err)
{
    uint32_t base, mask;
    size_t at = 0;
    void *value;
    if (sim_network_find(name))
        return err_set(err, ERR_EXISTS, "network with name %s already exists", name);
    if (!read_subnet(subnet, &base, &mask))
        return err_set(err, ERR_INVALID, "invalid subnet %s", subnet);
    while (map_next(sim->engine->networks, &at, NULL, &value)) {
        const struct sim_network *other = value;
        uint32_t other_base, other_mask;
        if (read_subnet(other->subnet, &other_base, &other_mask) &&
            ((base & other_mask) == other_base || (other_base & mask) == base))
            return err_set(err, ERR_CONFLICT, "Pool overlaps with other one on this address space");
    }
    struct sim_network *network = MEM_NEW(struct sim_network);
    network->id = sim_engine_id();
    network->name = mem_strdup(name);
    network->subnet = mem_strdup(subnet);
    network->labels = sim_labels(labels);
    network->members = map_new(NULL);
    map_put(sim->engine->networks, name, network);
    return true;
}

bool network_create(struct docker *docker, const char *name, const char *subnet, const json_t *labels,
                    const struct call *call, struct err *err)
{
    static const struct sim_call what = { "network_create", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, create_network(name, subnet, labels, err), err);
}

static bool remove_network(const char *name, struct err *err)
{
    struct sim_network *network = sim_network_find(name);
    if (!network)
        return err_set(err, ERR_NOT_FOUND, "No such network: %s", name);
    sim_engine_tick();
    if (map_count(network->members))
        return err_set(err, ERR_CONFLICT, "network %s has active endpoints", name);
    if (!sim->is_outsider && sim->hooks.touched)
        sim->hooks.touched(sim->hooks.context, "remove network", name, network->labels);
    sim_network_event(network, "destroy", NULL);
    map_remove(sim->engine->networks, name);
    return true;
}

bool network_remove(struct docker *docker, const char *name, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "network_remove", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, remove_network(name, err), err);
}

static bool connect_container(const char *name, const char *id, struct err *err)
{
    struct sim_network *network = sim_network_find(name);
    if (!network)
        return err_set(err, ERR_NOT_FOUND, "network %s not found", name);
    sim_engine_tick();
    struct sim_container *container = sim_container_find(id);
    if (!container)
        return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
    const char *present = json_text(json_object_get(container->seen.networks, name), "id");
    if (str_equal(present, network->id))
        return err_set(err, ERR_EXISTS, "endpoint with name %s already exists in network %s", container->seen.name,
                       name);
    json_t *endpoint = json_object();
    json_put_text(endpoint, "id", network->id);
    json_put_text(endpoint, "address", "");
    json_put(container->seen.networks, name, endpoint);
    if (container->seen.state == CONTAINER_RUNNING || container->seen.state == CONTAINER_PAUSED)
        sim_network_join(network, container);
    return true;
}

bool network_connect(struct docker *docker, const char *network, const char *container, const struct call *call,
                     struct err *err)
{
    static const struct sim_call what = { "network_connect", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, connect_container(network, container, err), err);
}

static bool disconnect_container(const char *name, const char *id, struct err *err)
{
    struct sim_network *network = sim_network_find(name);
    struct sim_container *container = sim_container_find(id);
    if (!network)
        return err_set(err, ERR_NOT_FOUND, "network %s not found", name);
    if (!container)
        return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
    if (!json_object_get(container->seen.networks, name))
        return err_set(err, ERR_NOT_FOUND, "container %s is not connected to network %s", id, name);
    sim_network_leave(network, container);
    json_object_del(container->seen.networks, name);
    sim_network_event(network, "disconnect", container->seen.id);
    return true;
}

bool network_disconnect(struct docker *docker, const char *network, const char *container, const struct call *call,
                        struct err *err)
{
    static const struct sim_call what = { "network_disconnect", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, disconnect_container(network, container, err), err);
}

/* ---- volumes ---- */

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

bool sim_volume_is_used(const char *name)
{
    size_t at = 0, i;
    void *value;
    json_t *mount;
    while (map_next(sim->engine->containers, &at, NULL, &value)) {
        const struct sim_container *container = value;
        json_array_foreach (container->seen.mounts, i, mount)
            if (str_equal(json_text(mount, "source"), name))
                return true;
    }
    return false;
}

static void copy_volume(struct volume *to, const struct sim_volume *from)
{
    *to = (struct volume){ .name = mem_strdup(from->name),
                           .labels = json_deep_copy(from->labels),
                           .created_ms = from->created_ms };
}

bool volume_inspect(struct docker *docker, const char *name, const struct call *call, struct volume *ret,
                    struct err *err)
{
    static const struct sim_call what = { "volume_inspect", SIM_ENGINE, SIM_READS };
    CLEANUP(volume_release) struct volume seen = { 0 };
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    const struct sim_volume *volume = map_get(sim->engine->volumes, name);
    if (!volume)
        return err_set(err, ERR_NOT_FOUND, "get %s: no such volume", name);
    copy_volume(&seen, volume);
    if (!sim_end(&what, true, err))
        return false;
    volume_release(ret);
    *ret = seen;
    seen = (struct volume){ 0 };
    return true;
}

bool volume_list(struct docker *docker, const char *label, const struct call *call, struct volumes *ret,
                 struct err *err)
{
    static const struct sim_call what = { "volume_list", SIM_ENGINE, SIM_READS };
    CLEANUP(volumes_release) struct volumes list = { 0 };
    size_t at = 0;
    void *value;
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    list.items = mem_grow(NULL, map_count(sim->engine->volumes) + 1, sizeof(list.items[0]));
    while (map_next(sim->engine->volumes, &at, NULL, &value))
        if (sim_has_label(((struct sim_volume *)value)->labels, label))
            copy_volume(&list.items[list.count++], value);
    if (!sim_end(&what, true, err))
        return false;
    volumes_release(ret);
    *ret = list;
    list = (struct volumes){ 0 };
    return true;
}

static void add_volume(const char *name, const json_t *labels)
{
    struct sim_volume *volume = MEM_NEW(struct sim_volume);
    volume->name = mem_strdup(name);
    volume->labels = sim_labels(labels);
    volume->created_ms = clock_wall_ms();
    map_put(sim->engine->volumes, name, volume);
}

static bool create_volume(const char *name, const json_t *labels, struct err *err)
{
    const struct sim_volume *present = map_get(sim->engine->volumes, name);
    const char *key;
    json_t *value;
    if (!present) {
        add_volume(name, labels);
        return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)labels, key, value)
        if (!str_equal(json_text(present->labels, key), json_string_value(value)))
            return err_set(err, ERR_EXISTS, "create volume %s: there is one with other labels", name);
    return true;
}

bool volume_create(struct docker *docker, const char *name, const json_t *labels, const struct call *call,
                   struct err *err)
{
    static const struct sim_call what = { "volume_create", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    if (sim_begin(&what, call, err))
        return sim_end(&what, create_volume(name, labels, err), err);
    /* An engine that was killed at it has made the directory, and does not know whose it is. */
    if (err->code == ERR_UNREACHABLE && !map_get(sim->engine->volumes, name))
        add_volume(name, NULL);
    return false;
}

/* Nobody's by its labels, and empty. */
static bool volume_is_bare(const struct sim_volume *volume)
{
    return json_object_size(volume->labels) == 0 && volume->data.state == SIM_EMPTY;
}

static bool remove_volume(const char *name, struct err *err)
{
    const struct sim_volume *volume = map_get(sim->engine->volumes, name);
    if (!volume)
        return err_set(err, ERR_NOT_FOUND, "get %s: no such volume", name);
    if (sim_volume_is_used(name))
        return err_set(err, ERR_CONFLICT, "remove %s: volume is in use", name);
    if (!sim->is_outsider && sim->hooks.touched && !volume_is_bare(volume))
        sim->hooks.touched(sim->hooks.context, "remove volume", name, volume->labels);
    if (!sim->is_outsider && sim->hooks.destroyed)
        sim->hooks.destroyed(sim->hooks.context, name, &volume->data);
    map_remove(sim->engine->volumes, name);
    return true;
}

bool volume_remove(struct docker *docker, const char *name, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "volume_remove", SIM_ENGINE, SIM_CHANGES };
    (void)docker;
    return sim_begin(&what, call, err) && sim_end(&what, remove_volume(name, err), err);
}

static bool has_half(void)
{
    size_t at = 0;
    void *value;
    while (map_next(sim->engine->volumes, &at, NULL, &value))
        if (volume_is_bare(value))
            return true;
    return false;
}

bool volume_sizes(struct docker *docker, const struct call *call, json_t **ret, struct err *err)
{
    static const struct sim_call what = { "volume_sizes", SIM_ENGINE, SIM_READS };
    CLEANUP(json_decrefp) json_t *sizes = json_object();
    size_t at = 0;
    const char *name;
    void *value;
    (void)docker;
    if (!sim_begin(&what, call, err))
        return false;
    /* Nobody is busy for ever, and who has found a half asks until he knows. */
    if (!sim->engine->measures && !has_half())
        return err_set(err, ERR_CONFLICT, "a disk usage operation is already running");
    while (map_next(sim->engine->volumes, &at, &name, &value))
        json_put(sizes, name, json_integer(((struct sim_volume *)value)->data.state == SIM_EMPTY ? 0 : 4096));
    if (!sim_end(&what, true, err))
        return false;
    *ret = json_incref(sizes);
    return true;
}
