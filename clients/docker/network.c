/* Networks: bridges with a subnet of our choice, and who is on them. */
#include <arpa/inet.h>

#include "clients/docker/docker_internal.h"

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

/* The first IPv4 one of its address ranges, NULL when there is none. */
static const json_t *ipv4_range(const json_t *network)
{
    const json_t *ranges = json_at(network, "IPAM", "Config", NULL);
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const char *subnet = json_text(json_array_get(ranges, i), "Subnet");
        if (subnet && !strchr(subnet, ':'))
            return json_array_get(ranges, i);
    }
    return NULL;
}

/* 20.10 does not tell the gateway that it chose itself: the subnet's first address (tried). NULL for what is no subnet. */
static char *first_address(const char *subnet)
{
    CLEANUP(freep) char *base = mem_strndup(subnet, strcspn(subnet, "/"));
    struct in_addr address;
    if (inet_pton(AF_INET, base, &address) != 1)
        return NULL;
    uint32_t first = ntohl(address.s_addr) + 1;
    return mem_printf("%u.%u.%u.%u", first >> 24, first >> 16 & 255, first >> 8 & 255, first & 255);
}

static json_t *read_members(json_t *members)
{
    json_t *result = json_object();
    const char *id;
    json_t *member;
    json_object_foreach (members, id, member) {
        const char *address = json_text(member, "IPv4Address"); /* "10.213.0.2/26" */
        CLEANUP(freep) char *plain = mem_strndup(address ? address : "", strcspn(address ? address : "", "/"));
        json_put_text(result, id, plain);
    }
    return result;
}

static bool network_from_json(const json_t *reply, struct network *ret, struct err *err)
{
    CLEANUP(network_release) struct network network = { 0 };
    if (!json_copy_string(reply, "Id", &network.id, err) || !json_copy_string(reply, "Name", &network.name, err))
        return err_wrap(err, "read a network");
    const json_t *range = ipv4_range(reply);
    const char *subnet = json_text(range, "Subnet");
    const char *gateway = json_text(range, "Gateway");
    network.subnet = mem_strdup(subnet ? subnet : "");
    network.gateway = gateway && gateway[0] ? mem_strndup(gateway, strcspn(gateway, "/"))
                      : subnet              ? first_address(subnet)
                                            : NULL;
    if (!network.gateway)
        network.gateway = mem_strdup("");
    network.labels = docker_object(json_at(reply, "Labels", NULL));
    network.containers = read_members(json_at(reply, "Containers", NULL));
    *ret = network;
    network = (struct network){ 0 };
    return true;
}

bool network_list(struct docker *docker, const char *label, const struct call *call, struct networks *ret,
                  struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    CLEANUP(networks_release) struct networks networks = { 0 };
    str_add(&path, "/networks?");
    docker_add_label_filter(&path, label);
    if (!docker_get(docker, path.text, call, &reply, err))
        return err_wrap(err, "list networks");
    if (!json_is_array(reply))
        return err_set(err, ERR_INTERNAL, "list networks: the answer is no list");
    networks.items = mem_grow(NULL, json_array_size(reply) + 1, sizeof(struct network));
    for (size_t i = 0; i < json_array_size(reply); i++) {
        if (!network_from_json(json_array_get(reply, i), &networks.items[i], err))
            return err_wrap(err, "list networks");
        networks.count++;
    }
    *ret = networks;
    networks = (struct networks){ 0 };
    return true;
}

bool network_inspect(struct docker *docker, const char *name, const struct call *call, struct network *ret,
                     struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    docker_path(&path, "networks", name, "");
    if (!docker_get(docker, path.text, call, &reply, err) || !network_from_json(reply, ret, err))
        return err_wrap(err, "inspect network %s", name);
    return true;
}

bool docker_bridge_address(struct docker *docker, const struct call *call, char **ret, struct err *err)
{
    CLEANUP(network_release) struct network bridge = { 0 };
    if (!network_inspect(docker, "bridge", call, &bridge, err))
        return err_wrap(err, "find the address of Docker's default bridge");
    if (!bridge.gateway[0])
        return err_set(err, ERR_REMOTE, "Docker's default bridge has no IPv4 address");
    *ret = STEAL(bridge.gateway);
    return true;
}

bool network_create(struct docker *docker, const char *name, const char *subnet, const json_t *labels,
                    const struct call *call, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = json_object();
    json_t *range = json_object();
    json_t *ranges = json_array();
    json_t *addresses = json_object();
    json_put_text(range, "Subnet", subnet);
    json_push(ranges, range);
    json_put_text(addresses, "Driver", "default");
    json_put(addresses, "Config", ranges);
    json_put_text(body, "Name", name);
    json_put(body, "CheckDuplicate", json_true());
    json_put_text(body, "Driver", "bridge");
    json_put(body, "IPAM", addresses);
    json_put(body, "Labels", docker_object(labels));
    return docker_create(docker, "/networks/create", body, call, NULL, err) ||
           err_wrap(err, "create network %s with subnet %s", name, subnet);
}

bool network_remove(struct docker *docker, const char *name, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "networks", name, "");
    return docker_delete(docker, path.text, call, err) || err_wrap(err, "remove network %s", name);
}

bool network_connect(struct docker *docker, const char *network, const char *container, const struct call *call,
                     struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *body = json_object();
    docker_path(&path, "networks", network, "/connect");
    json_put_text(body, "Container", container);
    return docker_post(docker, path.text, body, call, err) ||
           err_wrap(err, "connect container %s to network %s", container, network);
}

bool network_disconnect(struct docker *docker, const char *network, const char *container, const struct call *call,
                        struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *body = json_object();
    docker_path(&path, "networks", network, "/disconnect");
    json_put_text(body, "Container", container);
    json_put(body, "Force", json_true()); /* also when the container is already gone */
    return docker_post(docker, path.text, body, call, err) ||
           err_wrap(err, "disconnect container %s from network %s", container, network);
}
