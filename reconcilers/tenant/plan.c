/* What to do for a tenant. Pure. */
#include "reconcilers/tenant/tenant.h"

const char *const tenant_step_names[TENANT_STEPS] = {
    [TENANT_CREATE_NETWORK] = "create-network",
    [TENANT_CONNECT_PROXY] = "connect-proxy",
    [TENANT_DELETE_INSTANCES] = "delete-instances",
    [TENANT_REMOVE_NETWORK] = "remove-network",
    [TENANT_RELEASE] = "release-record",
};

static void add(struct plan *plan, enum tenant_step step, enum step_effect effect, const char *detail)
{
    plan_add(plan, (int)step, tenant_step_names[step], effect, detail);
}

void tenant_plan(const struct record *record, const char *network, const struct tenant_seen *seen, struct plan *plan)
{
    if (record->deletion_ms) {
        if (seen->not_going)
            add(plan, TENANT_DELETE_INSTANCES, EFFECT_DESTROY, seen->blockers);
        if (seen->instances || seen->others) {
            plan_block(plan, BLOCK_WOKEN, "WaitingForInstances", "waits until these are gone: %s", seen->blockers);
            return;
        }
        if (seen->network_exists && seen->network_is_ours)
            add(plan, TENANT_REMOVE_NETWORK, EFFECT_NONE, network);
        add(plan, TENANT_RELEASE, EFFECT_NONE, NULL);
        return;
    }
    if (seen->network_exists && !seen->network_is_ours) {
        plan_block(plan, BLOCK_PASSING, "NameTaken",
                   "a network named %s exists and is not ours; it is left alone: rename or remove it", network);
        return;
    }
    if (!seen->network_exists)
        add(plan, TENANT_CREATE_NETWORK, EFFECT_NONE, network);
    if (seen->proxy_is_missing)
        add(plan, TENANT_CONNECT_PROXY, EFFECT_NONE, network);
}
