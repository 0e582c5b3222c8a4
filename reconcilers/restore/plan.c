/* What to do for a Restore, as an ordered list. Pure. */
#include "reconcilers/restore/restore.h"

#define PASSING_FAILURES_MAX 30 /* with growing waits between them: more than an hour */
#define PROGRAM_FAILURES_MAX 3

const struct restore_step_traits restore_step_traits[RESTORE_STEPS] = {
    [RESTORE_RESOLVE] = { "resolve", .replan = true },
    [RESTORE_CLAIM] = { "claim-instance", .replan = true },
    [RESTORE_VERIFY] = { "verify", .is_long = true, .replan = true },
    [RESTORE_CLEAR] = { "clear" },
    [RESTORE_BUILD_DATABASE] = { "build-database", .is_long = true },
    [RESTORE_BUILD_DATA] = { "build-data", .is_long = true },
    [RESTORE_OFFER] = { "offer", .replan = true },
    [RESTORE_DRILL_COMPARE] = { "compare", .is_long = true },
    [RESTORE_DRILL_START] = { "start-scratch", .is_long = true },
    [RESTORE_DRILL_PASS] = { "pass" },
    [RESTORE_GIVE_UP] = { "give-up", .replan = true },
    [RESTORE_FINISH] = { "finish", .replan = true },
    [RESTORE_RELEASE] = { "release-record" },
};

static void add(struct plan *plan, enum restore_step step, const char *detail)
{
    plan_add(plan, (int)step, restore_step_traits[step].name, EFFECT_NONE, detail);
}

bool restore_failure_is_final(enum err_code code, int64_t failures)
{
    switch (code) {
    case ERR_INVALID:
    case ERR_FORBIDDEN:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_UNSUPPORTED:
    case ERR_TOO_LARGE:
        return true;
    case ERR_EXIT: /* of pg_restore: what it was given, or a server that went away meanwhile */
        return failures >= PROGRAM_FAILURES_MAX;
    default:
        return failures >= PASSING_FAILURES_MAX;
    }
}

static bool is_ours(const struct restore_want *want, const char *uid)
{
    return str_equal(uid, want->record.uid);
}

static bool is_switching(const struct restore_want *want)
{
    return want->has_target && is_ours(want, want->target.state.swap.restore);
}

static bool is_settled(const struct restore_want *want)
{
    return want->has_target && is_ours(want, want->target.state.outcome.restore);
}

const char *restore_phase(const struct restore_want *want)
{
    const struct restore_state *state = &want->state;
    if (state->result.phase)
        return state->result.phase;
    if (is_switching(want))
        return want->target.state.swap.placed ? RESTORE_CHECKING : RESTORE_SWITCHING;
    if (state->offer.ready)
        return RESTORE_SWITCHING;
    if (!state->resolved || !is_ours(want, want->claim_holder))
        return RESTORE_PENDING;
    return state->tier ? RESTORE_BUILDING : RESTORE_FETCHING;
}

static void plan_build(const struct restore_want *want, struct plan *plan)
{
    if (!want->state.tier) {
        add(plan, RESTORE_VERIFY, want->state.source.name);
        return;
    }
    /* What an attempt left behind that did not come to its end never counted. */
    add(plan, RESTORE_CLEAR, want->state.offer.beside);
    add(plan, RESTORE_BUILD_DATABASE, want->state.offer.beside);
    add(plan, RESTORE_BUILD_DATA, want->state.offer.volume);
}

static void plan_claim(const struct restore_want *want, struct plan *plan)
{
    if (want->claim_holder)
        plan_block(plan, BLOCK_WOKEN, "RestoreRunning", "another %s of instance %s is on its way",
                   want->spec.drill ? "drill" : "restore", want->state.target.name);
    else if (want->backup_name)
        plan_block(plan, BLOCK_WOKEN, "BackupRuns",
                   "backup %s of instance %s is being taken; the restore begins when it is over, or deleted",
                   want->backup_name, want->state.target.name);
    else
        add(plan, RESTORE_CLAIM, want->state.target.name);
}

static void plan_drill(const struct restore_want *want, struct plan *plan)
{
    plan_build(want, plan);
    if (!want->state.tier)
        return;
    add(plan, RESTORE_DRILL_COMPARE, NULL);
    add(plan, RESTORE_DRILL_START, NULL);
    add(plan, RESTORE_DRILL_PASS, NULL);
    add(plan, RESTORE_CLEAR, NULL);
    add(plan, RESTORE_FINISH, NULL);
}

/* The role that is to own what is built, and its password. */
static bool target_is_prepared(const struct restore_want *want, struct plan *plan)
{
    if (want->target.secrets_complete && want->target.verifier)
        return true;
    plan_block(plan, BLOCK_WOKEN, "WaitingForInstance", "instance %s has no database role yet",
               want->state.target.name);
    return false;
}

static void plan_towards_offer(const struct restore_want *want, struct plan *plan)
{
    if (!is_ours(want, want->claim_holder)) {
        plan_claim(want, plan);
    } else if (want->state.offer.ready) {
        plan_block(plan, BLOCK_WOKEN, "WaitingForSwitch", "the instance is stopped and switched over");
    } else if (target_is_prepared(want, plan) && want->spec.drill) {
        plan_drill(want, plan);
    } else if (!plan->blocked_reason) {
        plan_build(want, plan);
        if (want->state.tier)
            add(plan, RESTORE_OFFER, want->state.offer.volume);
    }
}

static void plan_end(const struct restore_want *want, struct plan *plan)
{
    /* What the instance has taken over, or dropped, is not ours any more. */
    if (want->state.resolved && !is_settled(want))
        add(plan, RESTORE_CLEAR, want->state.offer.beside);
    add(plan, RESTORE_FINISH, NULL);
}

void restore_plan(const struct restore_want *want, struct plan *plan)
{
    const struct restore_state *state = &want->state;
    bool target_goes = state->resolved && (!want->has_target || want->target.deleting);
    if (state->result.phase) {
        if (want->deleting)
            add(plan, RESTORE_RELEASE, NULL);
    } else if (is_switching(want)) {
        plan_block(plan, BLOCK_WOKEN, "WaitingForHealth", "%s",
                   want->target.state.swap.placed
                       ? "the instance runs with the restored data and has yet to become healthy"
                       : "the instance is being switched over");
    } else if (is_settled(want) || state->problem) {
        plan_end(want, plan);
    } else if (want->deleting || target_goes) {
        add(plan, RESTORE_GIVE_UP, want->deleting ? "the restore was deleted" : "the instance is being deleted");
    } else if (!state->resolved) {
        add(plan, RESTORE_RESOLVE, want->spec.backup);
    } else {
        plan_towards_offer(want, plan);
    }
}
