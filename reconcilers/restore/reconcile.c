/* A Restore: looked at, planned, done; see plan.c. */
#include "base/log.h"
#include "reconcilers/restore/restore.h"
#include "specs/kind.h"

enum { ROUNDS_MAX = 20 };

static bool has_long_step(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (restore_step_traits[plan->steps[i].id].is_long)
            return true;
    return false;
}

static void note_step(struct reconcile_context *ctx, const struct restore_want *want, const char *step,
                      const char *phase)
{
    ctx->step = step;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &want->record.key, step, phase);
}

static bool run_step(struct reconcile_context *ctx, struct restore_want *want, const struct plan_step *step,
                     struct err *err)
{
    const struct restore_step_traits *traits = &restore_step_traits[step->id];
    if (!call_check(&ctx->call, err))
        return false;
    int64_t started_ms = clock_mono_ms();
    note_step(ctx, want, traits->name, "begin");
    bool ok = restore_step_effects[step->id](ctx, want, err);
    note_step(ctx, want, traits->name, "end");
    ctx->step = NULL;
    if (!ok)
        return err_wrap(err, "%s", traits->name);
    log_info("step done", LOG_STR("step", traits->name), LOG_STR("detail", step->detail),
             LOG_INT("took_ms", clock_mono_ms() - started_ms));
    return true;
}

/* Runs steps until one changes what is wanted. */
static bool run_plan(struct reconcile_context *ctx, struct restore_want *want, const struct plan *plan,
                     bool *ret_released, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        if (!run_step(ctx, want, step, err))
            return false;
        *ret_released = step->id == RESTORE_RELEASE;
        if (restore_step_traits[step->id].replan)
            break;
    }
    return true;
}

/*
 * A step failed: for good, or to be tried again by the controller. What has failed for good is cleared away at once by the next plan.
 */
static bool weigh_failure(struct reconcile_context *ctx, struct restore_want *want, struct err *problem,
                          bool *ret_final, struct err *err)
{
    struct call call = call_within(NULL, 10 * SECOND_MS);
    *ret_final = false;
    /* An end that is already decided only has to be reached. */
    if (problem->code == ERR_CANCELLED || want->state.problem || want->state.result.phase)
        return true;
    want->state.failures++;
    if (restore_failure_is_final(problem->code, want->state.failures)) {
        free(want->state.problem);
        want->state.problem = mem_strdup(err_message(problem));
        *ret_final = true;
    }
    store_set_call(ctx->store, &call);
    bool ok = restore_state_save(ctx, want, err);
    store_set_call(ctx->store, &ctx->call);
    return ok;
}

static bool look_and_plan(struct reconcile_context *ctx, const struct record_key *key, struct restore_want *want,
                          struct plan *plan, struct err *err)
{
    restore_want_release(want);
    plan_release(plan);
    if (!restore_want_load(ctx, key, want, err))
        return false;
    restore_plan(want, plan);
    return true;
}

/* One round: true in `ret_again` where another one is due. */
static bool go_round(struct reconcile_context *ctx, const struct record_key *key, struct restore_want *want,
                     struct plan *plan, struct reconcile_result *ret_result, bool *ret_again, struct err *err)
{
    struct err problem = ERR_INIT;
    bool is_final = false;
    *ret_again = false;
    if (!look_and_plan(ctx, key, want, plan, err))
        return false;
    if (!restore_tell(ctx, want, plan, NULL, err) || plan->count == 0)
        return plan->count == 0;
    if (has_long_step(plan) && ctx->lane == LANE_QUICK) {
        ret_result->wants_long_lane = true;
        return true;
    }
    if (run_plan(ctx, want, plan, &ret_result->is_gone, &problem)) {
        *ret_again = !ret_result->is_gone;
        return true;
    }
    if (weigh_failure(ctx, want, &problem, &is_final, err) && is_final) {
        log_warning("restore failed", LOG_STR("error", err_message(&problem)));
        err_release(&problem);
        *ret_again = true;
        return true;
    }
    err_move(err, &problem);
    return false;
}

bool restore_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                       struct err *err)
{
    CLEANUP(restore_want_release) struct restore_want want = { 0 };
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    bool again = true;
    store_set_call(ctx->store, &ctx->call);
    for (int round = 0; again; round++) {
        struct err problem = ERR_INIT;
        if (round == ROUNDS_MAX)
            return err_set(err, ERR_INTERNAL, "the plan does not come to rest: %s is asked for again and again",
                           plan.count ? plan.steps[0].name : "nothing");
        if (go_round(ctx, key, &want, &plan, ret_result, &again, &problem))
            continue;
        bool is_gone = problem.code == ERR_NOT_FOUND && !want.record.uid;
        ret_result->is_gone = is_gone;
        if (is_gone)
            err_release(&problem);
        else
            err_move(err, &problem);
        return is_gone;
    }
    return ret_result->is_gone || ret_result->wants_long_lane ||
           plan_outcome(&plan, &ret_result->requeue_after_ms, err);
}

bool restore_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err)
{
    CLEANUP(restore_want_release) struct restore_want want = { 0 };
    struct record_key key = record->key;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!restore_want_load(ctx, &key, &want, &problem) && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    restore_plan(&want, ret_plan);
    return true;
}

bool restore_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    (void)tx;
    (void)old;
    (void)settings;
    (void)err; /* what it names is looked for when it runs, and what is not there is said in its status */
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    return true;
}

bool restore_dependents(struct store *store, const struct record_key *key,
                        void (*add)(void *context, const struct record_key *key), void *context, struct err *err)
{
    static const char *const scopes[] = { CLAIM_RESTORE, CLAIM_DRILL };
    CLEANUP(record_release) struct record instance = { 0 };
    struct err problem = ERR_INIT;
    record_init(&instance);
    if (!store_get(store, key, &instance, &problem)) {
        bool gone = problem.code == ERR_NOT_FOUND;
        if (gone)
            err_release(&problem);
        else
            err_move(err, &problem);
        return gone;
    }
    for (size_t i = 0; instance.deletion_ms && i < ARRAY_LEN(scopes); i++) {
        CLEANUP(record_release) struct record holder = { 0 };
        CLEANUP(freep) char *uid = NULL;
        record_init(&holder);
        if (!store_claim_holder(store, scopes[i], instance.uid, &uid, err) ||
            (uid && !store_get_by_uid(store, uid, &holder, err)))
            return false;
        if (uid)
            add(context, &holder.key);
    }
    return true;
}
