/* What to do for an instance while data that a Restore built is on its way into its place, or back out of it. Pure. */
#include "base/clock.h"
#include "reconcilers/instance/plan_internal.h"

/* Beyond the App's own startup timeout: for pulling, creating, and probes. A swap whose health is not known by then goes back. */
#define GATE_EXTRA_MS (15 * MINUTE_MS)

int64_t instance_replaced_due_ms(const struct instance_want *want)
{
    const struct instance_replaced *replaced = want->state.replaced.items;
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < want->state.replaced.count; i++)
        due_ms = replaced[i].drop_ms < due_ms ? replaced[i].drop_ms : due_ms;
    return due_ms;
}

static bool is_settled(const struct instance_want *want)
{
    return str_equal(want->state.outcome.restore, want->restore_uid);
}

static void make_way(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (seen->container_is != THING_OURS)
        return;
    instance_plan_stop(seen, want, plan);
    instance_plan_add(plan, STEP_REMOVE_CONTAINER, want->container);
}

/* Nobody has the data open any more, and what is ours carries our stamp, without which no database is renamed. */
static void plan_switch(const struct instance_want *want, const struct instance_seen *seen, enum instance_step step,
                        struct plan *plan)
{
    if (seen->job_is == THING_OURS)
        instance_plan_add(plan, STEP_REMOVE_JOB, want->job);
    instance_plan_database(want, seen, plan);
    make_way(want, seen, plan);
    instance_plan_add(plan, step, want->spec.database.name);
}

/* The old one goes on; what the spec asks for besides waits. */
static void plan_waiting(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                         struct plan *plan)
{
    instance_plan_database(want, seen, plan);
    if (want->state.initialised && want->running && seen->container_is == THING_OURS)
        instance_plan_running(want, seen, now_ms, plan);
    plan_block(plan, BLOCK_WOKEN, "Restoring",
               want->state.initialised ? "restore %s builds beside; until then the instance stays as it is"
                                       : "restore %s builds its data",
               want->restore_key.name);
}

static bool has_failed(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms)
{
    bool ours = seen->container_is == THING_OURS && seen->container_matches;
    bool died =
        ours && seen->container.state == CONTAINER_EXITED && seen->restarts >= want->app.health.failure_threshold;
    bool sick = ours && seen->container.state == CONTAINER_RUNNING && seen->health.health == HEALTH_UNHEALTHY;
    bool gone = seen->database_is == THING_ABSENT || seen->volume_is == THING_ABSENT;
    int64_t limit_ms = want->state.swap.placed_ms + want->app.health.startup_timeout_ms + GATE_EXTRA_MS;
    return died || sick || gone || now_ms > limit_ms;
}

static bool has_proved_healthy(const struct instance_want *want, const struct instance_seen *seen)
{
    bool runs =
        seen->container_is == THING_OURS && seen->container_matches && seen->container.state == CONTAINER_RUNNING;
    return !want->running || (runs && (seen->health.health == HEALTH_HEALTHY || !want->app.health.path));
}

static void plan_swap(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                      struct plan *plan)
{
    const struct instance_swap *swap = &want->state.swap;
    if (swap->going_back || !swap->placed) {
        plan_switch(want, seen, swap->going_back ? STEP_SWITCH_BACK : STEP_SWITCH_DATA, plan);
        return;
    }
    if (seen->job_is == THING_OURS)
        instance_plan_add(plan, STEP_REMOVE_JOB, want->job);
    if (has_failed(want, seen, now_ms)) {
        instance_plan_add(plan, STEP_REJECT_RESTORED, want->spec.database.name);
        return;
    }
    instance_plan_database(want, seen, plan);
    if (swap->after_due) {
        if (seen->image_is == THING_ABSENT)
            instance_plan_add(plan, STEP_PULL_IMAGE, want->image);
        make_way(want, seen, plan);
        instance_plan_add(plan, STEP_RESTORE_AFTER, want->image);
        return;
    }
    if (has_proved_healthy(want, seen))
        instance_plan_add(plan, STEP_KEEP_RESTORED, want->spec.database.name);
    else
        instance_plan_container(want, seen, false, now_ms, plan);
}

bool instance_plan_restore(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                           struct plan *plan)
{
    if (want->state.swap.restore) {
        plan_swap(want, seen, now_ms, plan);
        return true;
    }
    bool restoring = want->restore_uid && !is_settled(want);
    if (!restoring && want->state.from_restore && !want->state.initialised)
        plan_block(plan, BLOCK_FINAL, "RestoreFailed",
                   "the data that it was to be made of could not be restored; delete it, or restore into it again");
    else if (restoring && want->offer.ready)
        plan_switch(want, seen, STEP_SWITCH_DATA, plan);
    else if (restoring)
        plan_waiting(want, seen, now_ms, plan);
    return restoring || plan->blocked_reason;
}

bool instance_plan_restore_deletion(const struct instance_want *want, const struct instance_seen *seen,
                                    struct plan *plan)
{
    const struct instance_swap *swap = &want->state.swap;
    /* What did not prove healthy is not what deletionPolicy keeps. */
    if (swap->restore && (swap->going_back || !swap->placed))
        plan_switch(want, seen, STEP_SWITCH_BACK, plan);
    else if (swap->restore)
        instance_plan_add(plan, STEP_KEEP_RESTORED, want->spec.database.name);
    else if (want->restore_uid && !is_settled(want))
        plan_block(plan, BLOCK_WOKEN, "Restoring", "restore %s is giving up, and removes what it had built",
                   want->restore_key.name);
    else if (want->state.replaced.count)
        instance_plan_add(plan, STEP_DROP_REPLACED, NULL);
    return plan->count || plan->blocked_reason;
}
