/* The tenant's reconciler: its network, and on deletion its instances first. */
#pragma once

#include "reconcilers/reconcile.h"
#include "specs/tenant.h"

enum tenant_step {
    TENANT_CREATE_NETWORK,
    TENANT_CONNECT_PROXY,
    TENANT_DELETE_INSTANCES,
    TENANT_REMOVE_NETWORK,
    TENANT_RELEASE,
    TENANT_STEPS
};
extern const char *const tenant_step_names[TENANT_STEPS];

struct tenant_seen {
    bool network_exists, network_is_ours;
    bool proxy_is_missing; /* configured, and not on the network */
    size_t instances;
    size_t others;    /* records of other kinds that go with it: restores */
    size_t not_going; /* of both, whose deletion was not requested yet */
    char *blockers;   /* names of those that still stand; NULL: none */
};
/* Pure. `network` is its name. */
void tenant_plan(const struct record *record, const char *network, const struct tenant_seen *seen, struct plan *plan);

bool tenant_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err);
bool tenant_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err);
bool tenant_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
/* Its instances: suspension and quota are theirs to notice. */
bool tenant_dependents(struct store *store, const struct record_key *key,
                       void (*add)(void *context, const struct record_key *key), void *context, struct err *err);
