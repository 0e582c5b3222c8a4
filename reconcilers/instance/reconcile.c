/* The instance's reconcile: look, plan, act, tell. See instance.h for the parts. */
#include "base/log.h"
#include "reconcilers/app/rollout.h"
#include "reconcilers/instance/instance.h"
#include "reconcilers/names.h"

enum {
    ROUNDS_MAX = 8, /* a plan that changes what is wanted is made again; more than this is a mistake of ours */
    STABLE_AFTER_MS = 600000,
    RESIZE_RETRY_MS = 60000,
    STATUS_CALL_MS = 10000,
    DUE_LOOK_MS = 86400000, /* a schedule farther away is met by the resync */
};
#define STEP_OF_CRASH "run" /* status.failure's, when it was no step of ours */

/* One reconcile under way. */
struct attempt {
    struct reconcile_context *ctx;
    struct instance_want want;
    struct instance_seen seen;
    struct plan plan;
    int failed_step; /* -1: none */
    bool looked;     /* `seen` is whole */
};

static void attempt_release(struct attempt *attempt)
{
    instance_want_release(&attempt->want);
    instance_seen_release(&attempt->seen);
    plan_release(&attempt->plan);
}

static bool look_and_plan(struct attempt *attempt, enum look look, struct err *err)
{
    instance_seen_release(&attempt->seen);
    plan_release(&attempt->plan);
    attempt->looked = instance_observe(attempt->ctx, &attempt->want, look, &attempt->seen, err);
    bool away = attempt->seen.engine_away_ms || attempt->seen.server_away_ms;
    if (attempt->looked || away)
        instance_plan(&attempt->want, &attempt->seen, clock_wall_ms(), &attempt->plan);
    else /* of half a look nothing can be concluded */
        plan_block(&attempt->plan, BLOCK_PASSING, "NotSeen", "%s", err_message(err));
    return attempt->looked;
}

/* ---- telling ---- */

static void add_event(struct attempt *attempt, enum event_type type, const char *reason, const char *message)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!store_event_add(attempt->ctx->store, &attempt->want.record, type, reason, message, &problem))
        log_warning("event not stored", LOG_STR("reason", reason), LOG_STR("error", err_message(&problem)));
}

/* The end of what it wrote, with the container's own time: each look at the same end tells the same. */
static void fill_crash(const struct attempt *attempt, struct instance_status *status)
{
    free(status->failure.step);
    status->failure.step = mem_strdup(STEP_OF_CRASH);
    free(status->failure.output);
    status->failure.output = mem_strdup(attempt->seen.last_output);
    status->failure.exit_code = attempt->seen.container.exit_code;
    status->failure.time_ms = attempt->seen.container.finished_ms;
}

static void fill_failure(struct attempt *attempt, struct instance_status *status, const struct err *error,
                         int64_t now_ms)
{
    const struct instance_step_traits *traits = &instance_step_traits[attempt->failed_step];
    const char *reason = traits->failed ? traits->failed : "StepFailed";
    if (error->code == ERR_DISK_FULL || instance_says_disk_full(attempt->want.job_output))
        reason = "DiskFull";
    condition_set(&status->conditions, "Ready", CONDITION_FALSE, reason, err_message(error),
                  attempt->want.record.generation, now_ms);
    free(status->message);
    status->message = mem_strdup(err_message(error));
    free(status->failure.step);
    status->failure.step = mem_strdup(traits->name);
    free(status->failure.output);
    status->failure.output = mem_strdup(attempt->want.job_output);
    status->failure.exit_code = attempt->want.job_exit_code;
    status->failure.time_ms = now_ms;
}

static void clear_failure(struct instance_status *status)
{
    free(STEAL(status->failure.step));
    free(STEAL(status->failure.output));
    status->failure.exit_code = 0;
    status->failure.time_ms = 0;
}

static void add_ready_event(struct attempt *attempt, const json_t *old_status, const struct instance_status *status)
{
    const struct condition *ready = condition_find(&status->conditions, "Ready");
    struct instance_status old = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a status that an older version wrote */
    fields_decode(instance_status_fields, old_status, "", &old, &ignored);
    const struct condition *before = condition_find(&old.conditions, "Ready");
    bool was = before && before->status == CONDITION_TRUE, is = ready->status == CONDITION_TRUE;
    bool same = before && before->status == ready->status && str_equal(before->reason, ready->reason);
    if (is && !was)
        add_event(attempt, EVENT_NORMAL, "Ready", status->url ? status->url : ready->reason);
    else if (!is && !same && ready->message && ready->message[0] && !str_equal(ready->reason, "WaitingForHealth") &&
             !str_equal(ready->reason, "Provisioning") && !str_equal(ready->reason, "Reconciling"))
        add_event(attempt, EVENT_WARNING, ready->reason, ready->message);
    fields_release(instance_status_fields, &old);
}

/* The App gives turns by what its instances tell. */
static void wake_rollout(const struct attempt *attempt, const struct instance_status *status)
{
    struct record_key app;
    bool waits = condition_find(&status->conditions, CONDITION_ROLLOUT_WAITS) != NULL;
    if ((waits || attempt->want.app_rolls_out) && record_key_set(&app, KIND_APP, "", attempt->want.spec.app))
        world_wake(attempt->ctx->world, &app, 0);
}

/* Writes status, events with it, where it differs from what is stored. `error` NULL: nothing failed. */
static bool tell(struct attempt *attempt, const struct err *error, struct err *err)
{
    struct instance_want *want = &attempt->want;
    struct instance_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    int64_t now_ms = clock_wall_ms();
    fields_decode(instance_status_fields, want->record.status, "", &status, &ignored);
    instance_status_fill(&status, want, &attempt->seen, &attempt->plan, attempt->ctx->settings, now_ms);
    struct world *world = attempt->ctx->world;
    int64_t size = world_database_size(world, want->spec.database.name);
    if (size >= 0)
        status.database.size_bytes = size;
    size = want->state.volume ? world_volume_size(world, want->state.volume) : -1;
    if (size >= 0)
        status.storage.used_bytes = size;
    /* What made it end stays told while it may do so again. */
    bool may_crash_again = str_equal(status.failure.step, STEP_OF_CRASH) && attempt->seen.restarts;
    if (error && attempt->failed_step >= 0)
        fill_failure(attempt, &status, error, now_ms);
    else if (attempt->seen.last_output)
        fill_crash(attempt, &status);
    else if (!attempt->plan.count && !attempt->plan.blocked_reason && !may_crash_again &&
             !str_equal(want->state.failed_version, want->spec.version))
        clear_failure(&status);
    CLEANUP(json_decrefp) json_t *json = fields_encode(instance_status_fields, &status);
    bool differs = !json_equal(json, want->record.status);
    /* What was done is told even when the attempt was cancelled by a newer generation. */
    struct call call = call_within(NULL, STATUS_CALL_MS);
    store_set_call(attempt->ctx->store, &call);
    bool ok =
        !differs || store_update_status(attempt->ctx->store, &want->record.key, want->record.uid, json, NULL, err);
    if (ok && differs) {
        add_ready_event(attempt, want->record.status, &status);
        wake_rollout(attempt, &status);
    }
    store_set_call(attempt->ctx->store, &attempt->ctx->call);
    if (ok && differs) {
        json_decref(want->record.status);
        want->record.status = json_incref(json);
    }
    fields_release(instance_status_fields, &status);
    return ok;
}

/* ---- acting ---- */

static bool has_long_step(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (instance_step_traits[plan->steps[i].id].is_long)
            return true;
    return false;
}

static void note_step(struct attempt *attempt, const char *step, const char *phase)
{
    attempt->ctx->step = step;
    if (attempt->ctx->on_step)
        attempt->ctx->on_step(attempt->ctx->on_step_context, &attempt->want.record.key, step, phase);
}

static bool run_step(struct attempt *attempt, const struct plan_step *step, struct err *err)
{
    const struct instance_step_traits *traits = &instance_step_traits[step->id];
    if (!call_check(&attempt->ctx->call, err))
        return false;
    int64_t started_ms = clock_mono_ms();
    note_step(attempt, traits->name, "begin");
    bool ok = instance_step_effects[step->id](attempt->ctx, &attempt->want, &attempt->seen, err);
    note_step(attempt, traits->name, "end");
    attempt->ctx->step = NULL;
    if (!ok) {
        /* What went away between look and act is no failure of the step: the next look sees it. */
        bool went_away = err->code == ERR_NOT_FOUND && step->id != STEP_PULL_IMAGE;
        attempt->failed_step = err->code == ERR_CANCELLED || went_away ? -1 : step->id;
        return err_wrap(err, "%s", traits->name);
    }
    log_info("step done", LOG_STR("step", traits->name), LOG_STR("detail", step->detail),
             LOG_INT("took_ms", clock_mono_ms() - started_ms));
    if (traits->done)
        add_event(attempt, EVENT_NORMAL, traits->done, step->detail ? step->detail : traits->name);
    return true;
}

/* Runs steps until one changes what is wanted. */
static bool run_plan(struct attempt *attempt, struct err *err)
{
    for (size_t i = 0; i < attempt->plan.count; i++) {
        if (!run_step(attempt, &attempt->plan.steps[i], err))
            return false;
        if (instance_step_traits[attempt->plan.steps[i].id].replan)
            break;
    }
    return true;
}

static bool reload(struct attempt *attempt, struct err *err)
{
    struct record_key key = attempt->want.record.key;
    instance_want_release(&attempt->want);
    if (instance_want_load(attempt->ctx, &key, &attempt->want, err))
        return true;
    instance_want_release(&attempt->want); /* from a half nothing is told */
    return false;
}

static void watch_health(struct attempt *attempt)
{
    struct reconcile_context *ctx = attempt->ctx;
    const struct instance_want *want = &attempt->want;
    const struct container *container = &attempt->seen.container;
    const struct app_port *port = want->has_app ? app_find_port(&want->app, want->app.health.port) : NULL;
    bool runs = attempt->seen.container_is == THING_OURS && container->state == CONTAINER_RUNNING && want->running;
    if (runs && !want->app.health.path && container->inspected &&
        clock_wall_ms() - container->started_ms > STABLE_AFTER_MS)
        world_note_stable(ctx->world, want->record.uid);
    if (!runs || !port || !want->app.health.path) {
        world_end_probe(ctx->world, want->record.uid);
        return;
    }
    struct probe_target target = { .key = want->record.key,
                                   .port = (int)port->port,
                                   .started_wall_ms = container->started_ms,
                                   .startup_timeout_ms = want->app.health.startup_timeout_ms,
                                   .failure_threshold = want->app.health.failure_threshold };
    const char *address = json_text(json_object_get(container->networks, want->network), "address");
    bool published = !docker_is_local(ctx->docker) && want->state.port;
    if (published) {
        address = ctx->settings->publish_address;
        target.port = (int)want->state.port;
    }
    /* What was not inspected has no starting time: the probe goes on as it was. */
    if (!address || !address[0] || !container->inspected)
        return;
    snprintf(target.uid, sizeof(target.uid), "%s", want->record.uid);
    snprintf(target.container_id, sizeof(target.container_id), "%s", container->id);
    snprintf(target.address, sizeof(target.address), "%s", address);
    snprintf(target.path, sizeof(target.path), "%s", want->app.health.path);
    world_want_probe(ctx->world, &target);
    attempt->seen.health = world_health(ctx->world, want->record.uid, container->id);
    if (attempt->seen.health.health == HEALTH_HEALTHY &&
        clock_wall_ms() - attempt->seen.health.since_wall_ms > STABLE_AFTER_MS)
        world_note_stable(ctx->world, want->record.uid);
}

static bool is_gone(const struct attempt *attempt)
{
    return plan_has(&attempt->plan, STEP_RELEASE);
}

/* Plans are made and run until nothing is left to do, something is in the way, or a long step has to move to its lane. */
static bool converge(struct attempt *attempt, struct reconcile_result *ret_result, bool *ret_gone, struct err *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!look_and_plan(attempt, LOOK_LIVE, err))
            return false;
        if (attempt->plan.count == 0 || attempt->want.paused)
            return true;
        if (has_long_step(&attempt->plan) && attempt->ctx->lane == LANE_QUICK) {
            ret_result->wants_long_lane = true;
            return true;
        }
        if (has_long_step(&attempt->plan) && !tell(attempt, NULL, err))
            return false;
        if (!run_plan(attempt, err))
            return false;
        *ret_gone = attempt->want.deleting && is_gone(attempt);
        if (*ret_gone)
            return true;
        if (!reload(attempt, err))
            return false;
    }
    return err_set(err, ERR_INTERNAL, "the plan does not come to rest: %s is asked for again and again",
                   attempt->plan.count ? attempt->plan.steps[0].name : "nothing");
}

static int64_t next_look_ms(const struct attempt *attempt)
{
    int64_t now_ms = clock_wall_ms();
    const struct plan *plan = &attempt->plan;
    if (attempt->seen.restart_allowed_ms > now_ms && plan->blocked_reason)
        return attempt->seen.restart_allowed_ms - now_ms + 1;
    CLEANUP(freep) char *pending = instance_resize_pending(&attempt->want, &attempt->seen);
    return pending ? RESIZE_RETRY_MS : 0;
}

/* Of one at rest: the next backup, the next drill, and what a restore replaced. 0: nothing is due by the clock. */
static int64_t next_due_ms(const struct attempt *attempt, int64_t drill_wait_ms)
{
    int64_t now_ms = clock_wall_ms();
    const int64_t dues_ms[] = { instance_backup_next_ms(&attempt->want, now_ms),
                                instance_replaced_due_ms(&attempt->want),
                                drill_wait_ms ? now_ms + drill_wait_ms : INT64_MAX };
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(dues_ms); i++)
        due_ms = dues_ms[i] < due_ms ? dues_ms[i] : due_ms;
    if (due_ms == INT64_MAX)
        return 0;
    return due_ms > now_ms ? due_ms - now_ms + 1 : SECOND_MS;
}

static bool settled_by_cache(struct attempt *attempt, struct err *err)
{
    bool ok = look_and_plan(attempt, LOOK_CACHED, err);
    const struct instance_seen *seen = &attempt->seen;
    bool known = seen->container_is != THING_UNKNOWN && seen->database_is != THING_UNKNOWN &&
                 seen->role_is != THING_UNKNOWN && (seen->container_is != THING_OURS || seen->container.inspected);
    /* Only a container shows that the volume is there; what was stopped and has none is looked at. */
    known = known && (seen->volume_is != THING_UNKNOWN || !attempt->want.state.initialised);
    bool away = seen->engine_away_ms || seen->server_away_ms;
    return ok &&
           (away || (known && attempt->plan.count == 0 && !attempt->plan.blocked_reason && !attempt->want.deleting));
}

/* From now on another rendering of the same record is the App's doing, and waits for its turn. */
static bool note_settled(struct attempt *attempt, struct err *err)
{
    struct instance_want *want = &attempt->want;
    const struct instance_seen *seen = &attempt->seen;
    bool settled = attempt->looked && !attempt->plan.count && !attempt->plan.blocked_reason && !want->paused &&
                   seen->container_is == THING_OURS && seen->container_matches;
    if (!settled || want->state.settled_generation == want->record.generation)
        return true;
    want->state.settled_generation = want->record.generation;
    return instance_state_save(attempt->ctx, want, err);
}

/* The tenant makes its network; should news of its end have been lost, this is the one who misses it. */
static void wake_tenant(const struct attempt *attempt)
{
    struct record_key tenant;
    if (str_equal(attempt->plan.blocked_reason, "WaitingForNetwork") &&
        record_key_set(&tenant, KIND_TENANT, "", attempt->want.record.key.namespace))
        world_wake(attempt->ctx->world, &tenant, 0);
}

static bool fail(struct attempt *attempt, struct err *cause, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    /* Without a uid the record itself could not be read: nothing can be told. Nor of a look that was broken off. */
    bool can_tell = attempt->want.record.uid && (attempt->looked || cause->code != ERR_CANCELLED);
    if (can_tell && !tell(attempt, cause, &problem))
        log_warning("status not stored", LOG_STR("error", err_message(&problem)));
    err_move(err, cause);
    return false;
}

/* Who counts its instances, or waits for them to go. Also of one that was let go in a call whose answer was lost. */
static void wake_counters(struct reconcile_context *ctx, const struct record_key *key, const char *app_or_null)
{
    struct record_key waiting;
    if (record_key_set(&waiting, KIND_TENANT, "", key->namespace))
        world_wake(ctx->world, &waiting, 0);
    if (app_or_null && record_key_set(&waiting, KIND_APP, "", app_or_null))
        world_wake(ctx->world, &waiting, 0);
}

bool instance_reconcile(struct reconcile_context *ctx, const struct record_key *key,
                        struct reconcile_result *ret_result, struct err *err)
{
    CLEANUP(attempt_release) struct attempt attempt = { .ctx = ctx, .failed_step = -1 };
    struct err problem = ERR_INIT;
    store_set_call(ctx->store, &ctx->call);
    if (!instance_want_load(ctx, key, &attempt.want, &problem)) {
        ret_result->is_gone = problem.code == ERR_NOT_FOUND;
        if (!ret_result->is_gone) {
            err_move(err, &problem);
            return false;
        }
        err_release(&problem);
        wake_counters(ctx, key, NULL);
        return true;
    }
    bool gone = false;
    if (!settled_by_cache(&attempt, &problem) && !converge(&attempt, ret_result, &gone, &problem))
        return fail(&attempt, &problem, err);
    if (gone) {
        ret_result->is_gone = true;
        wake_counters(ctx, key, attempt.want.spec.app);
        return true;
    }
    watch_health(&attempt);
    wake_tenant(&attempt);
    int64_t drill_wait_ms;
    if (!note_settled(&attempt, err) || !tell(&attempt, NULL, err) ||
        !instance_schedule_drill(ctx, &attempt.want, &drill_wait_ms, err))
        return false;
    ret_result->requeue_after_ms = next_look_ms(&attempt);
    bool rests = ret_result->requeue_after_ms || attempt.want.paused ||
                 plan_outcome(&attempt.plan, &ret_result->requeue_after_ms, err);
    int64_t due_ms = next_due_ms(&attempt, drill_wait_ms);
    if (rests && due_ms > 0 && due_ms < DUE_LOOK_MS &&
        (!ret_result->requeue_after_ms || due_ms < ret_result->requeue_after_ms))
        ret_result->requeue_after_ms = due_ms;
    return rests;
}

bool instance_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan,
                      struct err *err)
{
    CLEANUP(attempt_release) struct attempt attempt = { .ctx = ctx, .failed_step = -1 };
    if (!instance_want_from(ctx, record, &attempt.want, err))
        return false;
    if (!look_and_plan(&attempt, LOOK_LIVE, err))
        return false;
    *ret_plan = attempt.plan;
    attempt.plan = (struct plan)PLAN_INIT;
    return true;
}
