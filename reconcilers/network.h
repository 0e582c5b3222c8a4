/*
 * One Docker network per tenant (and one per App that keeps warm databases), each with a subnet from the pool that is claimed in the store
 * before it is used: Docker's own default pools end at 30 networks.
 */
#pragma once

#include "reconcilers/reconcile.h"

#define CLAIM_SUBNET "subnet"

/* "10.213.0.64/26" number `index` of the pool; NULL past its end. Owned. Pure. */
char *subnet_at(const char *pool, int prefix_length, uint32_t index);

enum network_state { NETWORK_ABSENT, NETWORK_OURS, NETWORK_STRANGER };
/* `uid` NULL: the state is only ABSENT or not. */
bool network_look(struct reconcile_context *ctx, const char *name, const char *uid, enum network_state *ret_state,
                  struct network *ret_network, struct err *err) MUST_USE;
/*
 * The network is there when this returns. Claims a free subnet for `uid` (or takes the one it has) and creates the network with it; where Docker says that it overlaps with
 * somebody else's, the next one is tried. `ret_subnet` is owned.
 */
bool network_provide(struct reconcile_context *ctx, const struct record_key *key, const char *uid, const char *name,
                     char **ret_subnet, struct err *err) MUST_USE;
/* Connects a container; fine when it is connected already. */
bool network_attach(struct reconcile_context *ctx, const char *network, const char *container,
                    struct err *err) MUST_USE;
/* Removes it when it is ours; fine when it is gone. Containers of others on it are named in the error (ERR_CONFLICT). */
bool network_withdraw(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err) MUST_USE;
