/* The effects of a Restore, one per step, each safe to repeat; see build.c and drill.c for those that move data. */
#include "base/log.h"
#include "base/metrics.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/restore/build_internal.h"
#include "reconcilers/restore/restore.h"
#include "reconcilers/volume.h"

static struct metric restores_total = { .name = "tenantd_restores_total",
                                        .help = "Restores that are over, by result.",
                                        .type = METRIC_COUNTER,
                                        .labels = { "result" } };
static struct metric drills_total = { .name = "tenantd_drills_total",
                                      .help = "Restore drills that are over, by result.",
                                      .type = METRIC_COUNTER,
                                      .labels = { "result" } };

static const char *claim_scope(const struct restore_want *want)
{
    return want->spec.drill ? CLAIM_DRILL : CLAIM_RESTORE;
}

static void wake_target(struct reconcile_context *ctx, const struct restore_want *want)
{
    struct record_key key;
    if (want->state.resolved &&
        record_key_set(&key, KIND_INSTANCE, want->state.target.namespace, want->state.target.name))
        world_wake(ctx->world, &key, 0);
}

static bool step_claim(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    const char *target = want->state.target.uid;
    CLEANUP(freep) char *backup = NULL;
    if (!store_claim(ctx->store, claim_scope(want), target, want->record.uid, err))
        return false;
    /* A Backup looks for our claim when it has made its own, and we for its own: two that begin in the same moment see each other. */
    if (!want->spec.drill && !store_claim_holder(ctx->store, CLAIM_BACKUP, target, &backup, err))
        return false;
    if (backup)
        return store_claim_drop(ctx->store, CLAIM_RESTORE, want->record.uid, err);
    wake_target(ctx, want);
    return true;
}

/* ---- what was built, gone ---- */

static bool forget_missing(struct err *problem, struct err *err)
{
    bool missing = problem->code == ERR_NOT_FOUND;
    if (missing)
        err_release(problem);
    else
        err_move(err, problem);
    return missing;
}

static bool clear_database(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    struct err problem = ERR_INIT;
    const char *name = want->state.offer.beside;
    CLEANUP(freep) char *stamp = name_stamp(ctx->settings, want->state.target.uid);
    CLEANUP(freep) char *role = name_role(ctx->settings, want->state.target.uid);
    CLEANUP(database_release) struct database database = { 0 };
    if (!database_look(ctx->server, name, &ctx->call, &database, &problem))
        return forget_missing(&problem, err);
    /* Killed between its making and its stamp. */
    if (!database.comment && !database_repair(ctx->server, name, role, stamp, &ctx->call, err))
        return false;
    return database_drop(ctx->server, name, stamp, &ctx->call, &problem) || forget_missing(&problem, err);
}

static bool clear_volume(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    const char *name = want->state.offer.volume;
    /* Destroys data: never what the instance has taken over. */
    if (want->has_target && str_equal(want->target.state.volume, name))
        return err_set(err, ERR_CONFLICT, "volume %s is the instance's own by now", name);
    return volume_discard(ctx, name, want->state.target.uid, err);
}

bool restore_step_clear(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    return restore_clear_containers(ctx, want, err) && clear_database(ctx, want, err) && clear_volume(ctx, want, err);
}

/* ---- the ends ---- */

static bool step_offer(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    want->state.offer.ready = true;
    if (!restore_state_save(ctx, want, err))
        return false;
    wake_target(ctx, want);
    return true;
}

static bool step_give_up(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    want->state.offer.ready = false;
    free(want->state.problem);
    want->state.problem = mem_strdup(want->deleting ? "the restore was deleted" : "the instance is being deleted");
    return restore_state_save(ctx, want, err);
}

static bool step_drill_pass(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    (void)ctx;
    (void)err; /* it is stored with the end */
    struct restore_result *result = &want->state.result;
    free(result->message);
    result->message = mem_printf(
        "%s/%s could be restored in %" PRId64 " s: %" PRId64 " tables and %" PRId64 " files are as they were",
        want->state.source.tenant, want->state.source.name, result->seconds, result->tables, result->files);
    return true;
}

static void decide(struct restore_want *want)
{
    struct restore_state *state = &want->state;
    struct restore_result *result = &state->result;
    const struct instance_outcome *outcome = &want->target.state.outcome;
    bool settled = want->has_target && str_equal(outcome->restore, want->record.uid);
    const char *problem = state->problem ? state->problem : settled && outcome->failed ? outcome->problem : NULL;
    const char *phase = !problem                        ? RESTORE_COMPLETED
                        : settled && outcome->went_back ? RESTORE_ROLLED_BACK
                                                        : RESTORE_FAILED;
    result->phase = mem_strdup(phase);
    result->time_ms = settled ? outcome->time_ms : clock_wall_ms();
    if (!want->spec.drill && state->started_ms)
        result->seconds = (result->time_ms - state->started_ms + SECOND_MS - 1) / SECOND_MS;
    if (!problem && result->message)
        return;
    free(result->message);
    result->message = !problem ? mem_printf("instance %s/%s has the data of %s", state->target.namespace,
                                            state->target.name, state->source.name)
                               : mem_strdup(problem);
}

static void add_events(struct reconcile_context *ctx, const struct restore_want *want)
{
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    const struct restore_result *result = &want->state.result;
    bool good = str_equal(result->phase, RESTORE_COMPLETED);
    CLEANUP(freep)
    char *reason = mem_printf("%s%s", want->spec.drill ? "Drill" : "Restore", good ? "Completed" : result->phase);
    enum event_type type = good ? EVENT_NORMAL : EVENT_WARNING;
    bool told = store_event_add(ctx->store, &want->record, type, reason, result->message, &ignored) &&
                (!want->has_target ||
                 store_event_add(ctx->store, &want->target.record, type, reason, result->message, &ignored));
    if (!told)
        log_warning("event not stored", LOG_STR("reason", reason), LOG_STR("error", err_message(&ignored)));
    metric_add(want->spec.drill ? &drills_total : &restores_total, 1, result->phase, NULL, NULL);
}

/* The instance shows what the last drill said: the one before lets go first. */
static bool become_last_drill(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    CLEANUP(freep) char *before = NULL;
    const char *uid = want->state.target.uid;
    if (!store_claim_holder(ctx->store, CLAIM_DRILLED, uid, &before, err))
        return false;
    if (before && !str_equal(before, want->record.uid) && !store_claim_drop(ctx->store, CLAIM_DRILLED, before, err))
        return false;
    return store_claim(ctx->store, CLAIM_DRILLED, uid, want->record.uid, err);
}

/* Those that wait for their turn. */
static bool wake_others(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = KIND_RESTORE, .namespace = want->record.key.namespace };
    if (!store_list(ctx->store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        if (str_equal(json_text(records.items[i].status, "phase"), RESTORE_PENDING))
            world_wake(ctx->world, &records.items[i].key, 0);
    return true;
}

static bool step_finish(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    if (want->spec.drill && want->has_target && !want->deleting && !become_last_drill(ctx, want, err))
        return false;
    decide(want);
    if (!store_claim_drop(ctx->store, CLAIM_POINT_IN_USE, want->record.uid, err) ||
        !store_claim_drop(ctx->store, claim_scope(want), want->record.uid, err) || !restore_state_save(ctx, want, err))
        return false;
    add_events(ctx, want);
    log_info("restore is over", LOG_STR("result", want->state.result.phase),
             LOG_STR("message", want->state.result.message));
    wake_target(ctx, want);
    return wake_others(ctx, want, err);
}

static bool step_release(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    struct record_key tenant;
    if (!store_remove_finalizer(ctx->store, &want->record.key, want->record.uid, FINALIZER_TEARDOWN, err))
        return false;
    if (record_key_set(&tenant, KIND_TENANT, "", want->record.key.namespace)) /* may wait for this */
        world_wake(ctx->world, &tenant, 0);
    return true;
}

restore_step_fn *const restore_step_effects[RESTORE_STEPS] = {
    [RESTORE_RESOLVE] = restore_step_resolve,
    [RESTORE_CLAIM] = step_claim,
    [RESTORE_VERIFY] = restore_step_verify,
    [RESTORE_CLEAR] = restore_step_clear,
    [RESTORE_BUILD_DATABASE] = restore_step_build_database,
    [RESTORE_BUILD_DATA] = restore_step_build_data,
    [RESTORE_OFFER] = step_offer,
    [RESTORE_DRILL_COMPARE] = restore_drill_compare,
    [RESTORE_DRILL_START] = restore_drill_start,
    [RESTORE_DRILL_PASS] = step_drill_pass,
    [RESTORE_GIVE_UP] = step_give_up,
    [RESTORE_FINISH] = step_finish,
    [RESTORE_RELEASE] = step_release,
};
