/* What to do for a tenant. Pure. */
#include "reconcilers/tenant/tenant.h"

void tenant_plan(const struct record *record, const char *network, const struct tenant_seen *seen, struct plan *plan)
{
    if (record->deletion_ms) {
        if (seen->instances_not_going)
            plan_add(plan, TENANT_DELETE_INSTANCES, "delete-instances", EFFECT_DESTROY, seen->blockers);
        if (seen->instances) {
            plan_block(plan, BLOCK_WOKEN, "WaitingForInstances", "waits until these instances are gone: %s",
                       seen->blockers);
            return;
        }
        if (seen->network_exists && seen->network_is_ours)
            plan_add(plan, TENANT_REMOVE_NETWORK, "remove-network", EFFECT_NONE, network);
        plan_add(plan, TENANT_RELEASE, "release-record", EFFECT_NONE, NULL);
        return;
    }
    if (seen->network_exists && !seen->network_is_ours) {
        plan_block(plan, BLOCK_PASSING, "NameTaken",
                   "a network named %s exists and is not ours; it is left alone: rename or remove it", network);
        return;
    }
    if (!seen->network_exists)
        plan_add(plan, TENANT_CREATE_NETWORK, "create-network", EFFECT_NONE, network);
    if (seen->proxy_is_missing)
        plan_add(plan, TENANT_CONNECT_PROXY, "connect-proxy", EFFECT_NONE, network);
}
