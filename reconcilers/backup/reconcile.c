/* The backup's reconcile: load, plan, act, tell. */
#include "base/log.h"
#include "reconcilers/backup/backup.h"
#include "specs/kind.h"

enum {
    STATUS_CALL_MS = 10000,
    WAIT_MS = 30000,
    KEEPING_MS = 6 * 3600 * 1000, /* how often an old one is looked at although nothing changed */
};
#define GIVE_UP_MS DAY_MS /* what passes is waited for so long, then the backup has failed */

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

/* ---- telling ---- */

static void fill_ready(const struct backup_want *want, struct backup_status *status, int64_t now_ms)
{
    bool is_complete = str_equal(status->phase, BACKUP_COMPLETED);
    bool is_right = is_complete && status->verified_ms;
    condition_set(&status->conditions, "Ready", is_right ? CONDITION_TRUE : CONDITION_FALSE,
                  is_complete && !is_right ? "VerificationFailed" : status->phase, status->message,
                  want->record.generation, now_ms);
}

bool backup_tell(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    struct backup_status *status = &want->status;
    const struct backup_rules rules = backup_rules(ctx->settings);
    if (!status->phase)
        set_text(&status->phase, BACKUP_PENDING);
    status->observed_generation = want->record.generation;
    status->expires_ms = backup_is_over(status) ? backup_expires_ms(want, &rules) : 0;
    free(status->kept);
    status->kept = retention_wording(status->expires_ms ? 0 : backup_kept(want));
    fill_ready(want, status, clock_wall_ms());
    CLEANUP(json_decrefp) json_t *json = fields_encode(backup_status_fields, status);
    if (json_equal(json, want->record.status))
        return true;
    /* What was done is told even when the attempt was cancelled. */
    struct call call = call_within(NULL, STATUS_CALL_MS);
    store_set_call(ctx->store, &call);
    bool told = store_update_status(ctx->store, &want->record.key, want->record.uid, json, NULL, err);
    store_set_call(ctx->store, &ctx->call);
    if (told) {
        json_decref(want->record.status);
        want->record.status = json_incref(json);
    }
    return told || err_wrap(err, "store status");
}

void backup_event(struct reconcile_context *ctx, const struct backup_want *want, enum event_type type,
                  const char *reason, const char *message)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!store_event_add(ctx->store, &want->record, type, reason, message, &problem) ||
        (want->has_instance && !store_event_add(ctx->store, &want->instance.record, type, reason, message, &problem)))
        log_warning("event not stored", LOG_STR("reason", reason), LOG_STR("error", err_message(&problem)));
}

/*
 * Its end may be what others wait for: the instance, its other recovery points, whoever waits for a slot. Not an attempt that is to be made
 * again anyway: two that fail would leave each other no pause.
 */
static void wake_others(struct reconcile_context *ctx, const struct backup_want *want)
{
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(err_release) struct err ignored = ERR_INIT; /* they look by themselves, later */
    struct store_query query = { .kind = KIND_BACKUP };
    struct record_key instance;
    if (record_key_set(&instance, KIND_INSTANCE, want->record.key.namespace, want->spec.instance))
        world_wake(ctx->world, &instance, 0);
    if (!store_list(ctx->store, &query, &records, NULL, &ignored))
        return;
    for (size_t i = 0; i < records.count; i++) {
        const struct record *record = &records.items[i];
        const char *phase = json_text(record->status, "phase");
        bool is_sibling = str_equal(json_text(record->spec, "instanceUid"), want->spec.instance_uid);
        bool is_over = str_equal(phase, BACKUP_COMPLETED) || str_equal(phase, BACKUP_FAILED);
        bool is_retried = json_text(json_object_get(record->status, "retry"), "class") != NULL;
        bool waits = !is_retried && (is_sibling || !phase || str_equal(phase, BACKUP_PENDING));
        if ((waits || (is_sibling && is_over)) && !str_equal(record->uid, want->record.uid))
            world_wake(ctx->world, &record->key, 0);
    }
}

/* ---- acting ---- */

/* What may pass by itself, or is a neighbour's. */
static bool may_pass(const struct backup_want *want, const struct err *err)
{
    bool passes = err_kinds[err->code].retry != RETRY_NEVER && err->code != ERR_EXIT && err->code != ERR_INTERNAL;
    bool is_young = clock_wall_ms() - want->record.created_ms < GIVE_UP_MS;
    return err->code == ERR_CANCELLED || (passes && is_young);
}

static bool run_step(struct reconcile_context *ctx, struct backup_want *want, const struct plan_step *step,
                     struct err *err)
{
    const struct backup_step_traits *traits = &backup_step_traits[step->id];
    if (!call_check(&ctx->call, err))
        return false;
    int64_t started_ms = clock_mono_ms();
    ctx->step = traits->name;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &want->record.key, traits->name, "begin");
    bool done = backup_step_effects[step->id](ctx, want, err);
    ctx->step = traits->name;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &want->record.key, traits->name, "end");
    ctx->step = NULL;
    if (!done)
        return err_wrap(err, "%s", traits->name);
    log_info("step done", LOG_STR("step", traits->name), LOG_STR("detail", step->detail),
             LOG_INT("took_ms", clock_mono_ms() - started_ms));
    if (traits->done)
        backup_event(ctx, want, EVENT_NORMAL, traits->done, step->detail ? step->detail : traits->name);
    return true;
}

/* A claim that somebody else has is no failure: it is waited for. */
static bool wait_for_claim(struct reconcile_context *ctx, struct backup_want *want, struct err *problem,
                           struct reconcile_result *ret_result, struct err *err)
{
    set_text(&want->status.message, err_message(problem));
    ret_result->requeue_after_ms = WAIT_MS;
    return backup_tell(ctx, want, err);
}

/* Until it is tried again it keeps nobody waiting. */
static void stand_back(struct reconcile_context *ctx, struct backup_want *want)
{
    CLEANUP(err_release) struct err told = ERR_INIT;
    CLEANUP(err_release) struct err kept = ERR_INIT;
    /* A whole one that could not be told of stays untold: it is made again. */
    bool is_whole = backup_is_over(&want->status);
    if (!is_whole)
        set_text(&want->status.phase, BACKUP_PENDING);
    if (!is_whole && !backup_tell(ctx, want, &told))
        log_warning("status not stored", LOG_STR("error", err_message(&told)));
    if (!backup_let_go(ctx, want, &kept))
        log_warning("claims are kept until the next attempt", LOG_STR("error", err_message(&kept)));
    wake_others(ctx, want);
}

/* The attempt broke off: either it is made again, or the backup has failed. */
static bool take_failed(struct reconcile_context *ctx, struct backup_want *want, struct err *problem, struct err *err)
{
    set_text(&want->status.message, err_message(problem));
    if (may_pass(want, problem) || backup_is_over(&want->status)) {
        stand_back(ctx, want);
        err_move(err, problem);
        return false;
    }
    log_warning("backup failed", LOG_STR("error", err_message(problem)));
    return backup_step_effects[BACKUP_STEP_FAIL](ctx, want, err) && backup_let_go(ctx, want, err);
}

static bool run_plan(struct reconcile_context *ctx, struct backup_want *want, const struct plan *plan,
                     struct reconcile_result *ret_result, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (backup_step_traits[step->id].is_long && ctx->lane == LANE_QUICK) {
            ret_result->wants_long_lane = true;
            return true;
        }
        if (run_step(ctx, want, step, &problem))
            continue;
        if (step->id == BACKUP_STEP_CLAIM && problem.code == ERR_CONFLICT)
            return wait_for_claim(ctx, want, &problem, ret_result, err);
        if (step->id == BACKUP_STEP_TAKE)
            return take_failed(ctx, want, &problem, err);
        if (step->id != BACKUP_STEP_LET_GO) /* its outcome is what a reader wants to know; status.retry tells of this */
            set_text(&want->status.message, err_message(&problem));
        if (!backup_tell(ctx, want, err))
            log_warning("status not stored", LOG_STR("error", err_message(err)));
        err_move(err, &problem);
        return false;
    }
    return true;
}

static int64_t next_look_ms(const struct backup_want *want, const struct plan *plan)
{
    if (plan->count > 0)
        return 1; /* what follows from what was done */
    int64_t wait_ms = want->status.expires_ms ? want->status.expires_ms - clock_wall_ms() : KEEPING_MS;
    return wait_ms < 1 ? 1 : wait_ms < KEEPING_MS ? wait_ms : KEEPING_MS;
}

bool backup_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err)
{
    CLEANUP(backup_want_release) struct backup_want want = { 0 };
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct backup_rules rules = backup_rules(ctx->settings);
    store_set_call(ctx->store, &ctx->call);
    if (!backup_want_load(ctx, key, &want, &problem)) {
        ret_result->is_gone = problem.code == ERR_NOT_FOUND && !want.record.uid;
        if (!ret_result->is_gone)
            err_move(err, &problem);
        return ret_result->is_gone;
    }
    backup_plan(&want, &rules, clock_wall_ms(), &plan);
    if (!record_annotation(&want.record, ANNOTATION_PAUSED) && !run_plan(ctx, &want, &plan, ret_result, err))
        return false;
    if (ret_result->wants_long_lane || ret_result->requeue_after_ms)
        return true;
    if (plan_has(&plan, BACKUP_STEP_RELEASE) || plan_has(&plan, BACKUP_STEP_LET_GO))
        wake_others(ctx, &want);
    if (plan_has(&plan, BACKUP_STEP_RELEASE)) {
        ret_result->is_gone = true;
        return true;
    }
    if (plan.blocked_reason)
        set_text(&want.status.message, plan.blocked_message);
    if (!backup_tell(ctx, &want, err))
        return false;
    if (plan.blocked_reason)
        return plan_outcome(&plan, &ret_result->requeue_after_ms, err);
    ret_result->requeue_after_ms = next_look_ms(&want, &plan);
    return true;
}

bool backup_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err)
{
    CLEANUP(backup_want_release) struct backup_want want = { 0 };
    const struct backup_rules rules = backup_rules(ctx->settings);
    store_set_call(ctx->store, &ctx->call);
    *ret_plan = (struct plan)PLAN_INIT;
    if (!record->uid) { /* only proposed */
        plan_add(ret_plan, BACKUP_STEP_TAKE, backup_step_traits[BACKUP_STEP_TAKE].name, EFFECT_NONE,
                 json_text(record->spec, "instance"));
        return true;
    }
    if (!backup_want_load(ctx, &record->key, &want, err))
        return false;
    backup_plan(&want, &rules, clock_wall_ms(), ret_plan);
    return true;
}

/* ---- admission ---- */

static bool resolve_instance(struct store *tx, struct record *next, struct err *err)
{
    struct record_key key;
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const char *name = json_text(next->spec, "instance");
    const char *given = json_text(next->spec, "instanceUid");
    record_init(&instance);
    if (!name || !record_key_set(&key, KIND_INSTANCE, next->key.namespace, name))
        return err_set(err, ERR_INVALID, "spec.instance: is no name");
    if (!store_get(tx, &key, &instance, &problem)) {
        if (problem.code == ERR_NOT_FOUND)
            return err_set(err, ERR_INVALID, "spec.instance: there is no instance %s in tenant %s", name,
                           next->key.namespace);
        err_move(err, &problem);
        return false;
    }
    if (given && !str_equal(given, instance.uid))
        return err_set(err, ERR_INVALID, "spec.instanceUid: instance %s has uid %s", name, instance.uid);
    json_put_text(next->spec, "instanceUid", instance.uid);
    return true;
}

bool backup_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    if (old)
        return true;
    if (!backup_has_place(settings))
        return err_set(err, ERR_INVALID, "no place for backups is configured: backup.directory or backup.s3");
    return resolve_instance(tx, next, err);
}

bool backup_dependents(struct store *store, const struct record_key *key,
                       void (*add)(void *context, const struct record_key *key), void *context, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = KIND_BACKUP, .namespace = key->namespace };
    if (!store_list(store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        if (str_equal(json_text(records.items[i].spec, "instance"), key->name))
            add(context, &records.items[i].key);
    return true;
}
