/* Subnets from the pool and the networks that use them; see network.h. */
#include "reconcilers/network.h"

#include <arpa/inet.h>

#include "base/log.h"
#include "reconcilers/names.h"

enum { OVERLAPS_TRIED = 64 };

char *subnet_at(const char *pool, int prefix_length, uint32_t index)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, pool, '/');
    int64_t pool_length = 0;
    struct in_addr base;
    if (parts.count != 2 || inet_pton(AF_INET, parts.items[0], &base) != 1 ||
        !str_parse_int64(parts.items[1], 8, prefix_length, &pool_length))
        return NULL;
    uint32_t count = UINT32_C(1) << (prefix_length - (int)pool_length);
    if (index >= count)
        return NULL;
    uint32_t mask = ~UINT32_C(0) << (32 - (int)pool_length);
    struct in_addr address = { .s_addr = htonl((ntohl(base.s_addr) & mask) + (index << (32 - prefix_length))) };
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof(text));
    return mem_printf("%s/%d", text, prefix_length);
}

bool network_look(struct reconcile_context *ctx, const char *name, const char *uid, enum network_state *ret_state,
                  struct network *ret_network, struct err *err)
{
    struct err problem = ERR_INIT;
    *ret_state = NETWORK_ABSENT;
    if (!network_inspect(ctx->docker, name, &ctx->call, ret_network, &problem)) {
        bool absent = problem.code == ERR_NOT_FOUND;
        if (absent)
            err_release(&problem);
        else
            err_move(err, &problem);
        return absent || err_wrap(err, "network %s", name);
    }
    *ret_state = name_is_ours(ctx->settings, ret_network->labels, uid) ? NETWORK_OURS : NETWORK_STRANGER;
    return true;
}

/* The first subnet from *index on that nobody claims. */
static bool claim_subnet(struct reconcile_context *ctx, const char *uid, uint32_t *index, char **ret, struct err *err)
{
    CLEANUP(strv_release) struct strv taken = STRV_INIT;
    if (!store_claims(ctx->store, CLAIM_SUBNET, &taken, err))
        return false;
    for (;; (*index)++) {
        CLEANUP(freep)
        char *subnet = subnet_at(ctx->settings->network_pool, ctx->settings->network_prefix_length, *index);
        if (!subnet)
            return err_set(err, ERR_CONFLICT, "no subnet is free in network.pool %s: make the pool larger",
                           ctx->settings->network_pool);
        if (strv_has(&taken, subnet))
            continue;
        struct err problem = ERR_INIT;
        if (store_claim(ctx->store, CLAIM_SUBNET, subnet, uid, &problem)) {
            *ret = STEAL(subnet);
            return true;
        }
        if (problem.code != ERR_CONFLICT) {
            err_move(err, &problem);
            return false;
        }
        err_release(&problem); /* another tenant was quicker */
    }
}

bool network_provide(struct reconcile_context *ctx, const struct record_key *key, const char *uid, const char *name,
                     char **ret_subnet, struct err *err)
{
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, key, uid, "network");
    CLEANUP(freep) char *subnet = NULL;
    uint32_t index = 0;
    enum network_state present;
    CLEANUP(network_release) struct network found = { 0 };
    if (!network_look(ctx, name, uid, &present, &found, err) ||
        !store_claim_of(ctx->store, CLAIM_SUBNET, uid, &subnet, err))
        return false;
    if (present == NETWORK_STRANGER)
        return err_set(err, ERR_CONFLICT, "a network named %s exists and is not ours", name);
    if (present == NETWORK_OURS) {
        *ret_subnet = mem_strdup(found.subnet);
        return true;
    }
    for (int tries = 0; tries < OVERLAPS_TRIED; tries++) {
        if (!subnet && !claim_subnet(ctx, uid, &index, &subnet, err))
            return false;
        struct err problem = ERR_INIT;
        if (network_create(ctx->docker, name, subnet, labels, &ctx->call, &problem)) {
            *ret_subnet = STEAL(subnet);
            return true;
        }
        if (problem.code != ERR_CONFLICT && problem.code != ERR_EXISTS) {
            err_move(err, &problem);
            return err_wrap(err, "create network %s", name);
        }
        /* Our own, made by a call whose answer was lost? Then it carries our labels; the next look finds it. */
        enum network_state state;
        CLEANUP(network_release) struct network seen = { 0 };
        if (!network_look(ctx, name, uid, &state, &seen, err)) {
            err_release(&problem);
            return false;
        }
        if (state != NETWORK_ABSENT) {
            err_release(&problem);
            if (state != NETWORK_OURS)
                return err_set(err, ERR_CONFLICT, "a network named %s exists and is not ours", name);
            *ret_subnet = mem_strdup(seen.subnet);
            return true;
        }
        err_release(&problem);
        /* The subnet overlaps with somebody else's network: this one stays unused, the next one is tried. */
        if (!store_claim_drop(ctx->store, CLAIM_SUBNET, uid, err))
            return false;
        free(STEAL(subnet));
        index++;
    }
    return err_set(
        err, ERR_CONFLICT,
        "the first %d free subnets of network.pool %s overlap with other networks of this host: choose another pool",
        OVERLAPS_TRIED, ctx->settings->network_pool);
}

bool network_attach(struct reconcile_context *ctx, const char *network, const char *container, struct err *err)
{
    struct err problem = ERR_INIT;
    if (network_connect(ctx->docker, network, container, &ctx->call, &problem) || problem.code == ERR_EXISTS) {
        err_release(&problem);
        return true;
    }
    err_move(err, &problem);
    return false;
}

bool network_withdraw(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err)
{
    enum network_state state;
    CLEANUP(network_release) struct network seen = { 0 };
    if (!network_look(ctx, name, uid, &state, &seen, err))
        return false;
    if (state != NETWORK_OURS)
        return true;
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (ctx->settings->proxy_container &&
        !network_disconnect(ctx->docker, name, ctx->settings->proxy_container, &ctx->call, &ignored) &&
        ignored.code != ERR_NOT_FOUND)
        log_warning("proxy not disconnected", LOG_STR("network", name), LOG_STR("error", err_message(&ignored)));
    struct err problem = ERR_INIT;
    if (network_remove(ctx->docker, name, &ctx->call, &problem) || problem.code == ERR_NOT_FOUND) {
        err_release(&problem);
        return true;
    }
    err_move(err, &problem);
    return err_wrap(err, "remove network %s", name);
}
