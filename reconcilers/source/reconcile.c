/* The Source's reconcile: fetch when that is due, look, apply, tell. */
#include "base/file.h"
#include "base/log.h"
#include "reconcilers/source/source.h"
#include "specs/kind.h"

#define REQUEST_SPACING_MS 500             /* requests that come closer together are one */
#define FAILED_SPACING_MS  (2 * SECOND_MS) /* wakes while a fetch fails; the runner's backoff is longer soon */
#define QUICK_ACTS_MAX     20              /* more are a long piece of work */

const struct field source_state_fields[] = {
    { "revision", FIELD_TEXT, offsetof(struct source_state, revision) },
    { "handled", FIELD_TEXT, offsetof(struct source_state, handled) },
    { "generation", FIELD_INT, offsetof(struct source_state, generation) },
    { "fetchedMs", FIELD_INT, offsetof(struct source_state, fetched_ms) },
    { "nextFetchMs", FIELD_INT, offsetof(struct source_state, next_fetch_ms) },
    { "appliedMs", FIELD_INT, offsetof(struct source_state, applied_ms) },
    { NULL },
};

void source_attempt_release(struct source_attempt *attempt)
{
    fields_release(source_spec_fields, &attempt->spec);
    fields_release(source_status_fields, &attempt->status);
    fields_release(source_state_fields, &attempt->state);
    free(attempt->directory);
    free(attempt->revision);
    source_files_release(&attempt->files);
    source_plan_release(&attempt->plan);
    document_reader_release(&attempt->reader);
    documents_release(&attempt->documents);
    records_release(&attempt->lives);
    json_decref(attempt->applied);
    strv_release(&attempt->failures);
    record_release(&attempt->record);
}

/* ---- what is remembered ---- */

static bool load(struct source_attempt *attempt, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of another version: what decodes counts */
    CLEANUP(json_decrefp) json_t *state = NULL;
    fields_decode(source_spec_fields, attempt->record.spec, "spec", &attempt->spec, &problems);
    fields_decode(source_status_fields, attempt->record.status, "", &attempt->status, &ignored);
    attempt->begun_ms = clock_wall_ms();
    attempt->directory = mem_printf("%s/%s", attempt->ctx->settings->sources_directory,
                                    attempt->record.uid ? attempt->record.uid : "new");
    if (!problems_to_err(&problems, err))
        return false;
    if (attempt->record.uid && !store_state_get(attempt->ctx->store, attempt->record.uid, &state, err))
        return false;
    fields_decode(source_state_fields, state, "", &attempt->state, &ignored);
    return true;
}

static bool keep_state(struct source_attempt *attempt, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = fields_encode(source_state_fields, &attempt->state);
    return store_state_put(attempt->ctx->store, attempt->record.uid, state, err);
}

static void set_text(char **member, const char *text)
{
    char *copy = mem_strdup(text); /* it may be the old one */
    free(*member);
    *member = copy;
}

/* ---- when ---- */

/* In how many milliseconds a fetch is due as of `now_ms`; 0: now. */
static int64_t fetch_wait_ms(const struct source_attempt *attempt, int64_t now_ms)
{
    const struct source_state *state = &attempt->state;
    const char *request = record_annotation(&attempt->record, ANNOTATION_SYNC_REQUESTED);
    int64_t since_ms = now_ms - state->fetched_ms, wait_ms = state->next_fetch_ms - now_ms;
    bool has_new_spec = state->generation != attempt->record.generation;
    bool is_clock_back = since_ms < 0 || wait_ms > 2 * attempt->spec.interval_ms;
    if (has_new_spec || is_clock_back || state->fetched_ms == 0)
        return 0;
    if (request && !str_equal(request, state->handled) && REQUEST_SPACING_MS - since_ms < wait_ms)
        wait_ms = REQUEST_SPACING_MS - since_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

/* Never longer than until the next fetch, which a request may have moved here. */
static int64_t rest_ms(const struct source_attempt *attempt)
{
    int64_t wait_ms = fetch_wait_ms(attempt, clock_wall_ms());
    return wait_ms > 0 ? wait_ms : 1;
}

static int64_t jittered(int64_t interval_ms)
{
    return interval_ms - interval_ms / 10 + (int64_t)random_below((uint64_t)(interval_ms / 5 + 1));
}

static void note_fetch(struct source_attempt *attempt, int64_t next_ms)
{
    attempt->state.generation = attempt->record.generation;
    attempt->state.fetched_ms = attempt->begun_ms;
    attempt->state.next_fetch_ms = clock_wall_ms() + next_ms;
    set_text(&attempt->state.handled, record_annotation(&attempt->record, ANNOTATION_SYNC_REQUESTED));
}

/* A request that comes from now on is another one; should we end here, this one is still due. */
static bool note_begin(struct source_attempt *attempt, struct err *err)
{
    const char *request = record_annotation(&attempt->record, ANNOTATION_SYNC_REQUESTED);
    if (!request || str_equal(request, attempt->state.handled))
        return true;
    set_text(&attempt->state.handled, request);
    attempt->state.next_fetch_ms = 0;
    return keep_state(attempt, err);
}

/* ---- failures ---- */

/* Only a change helps, there or here: looked at again after the interval, or when asked. */
static bool waits_for_change(enum err_code code)
{
    return code == ERR_INVALID || code == ERR_NOT_FOUND || code == ERR_TOO_LARGE || code == ERR_UNAUTHORIZED ||
           code == ERR_FORBIDDEN;
}

static bool fail(struct source_attempt *attempt, const char *reason, struct err *why, struct reconcile_result *result,
                 struct err *err)
{
    bool rests = waits_for_change(why->code);
    if (why->code == ERR_CANCELLED) {
        err_move(err, why);
        return false;
    }
    int64_t next_ms = rests ? jittered(attempt->spec.interval_ms) : FAILED_SPACING_MS;
    if (attempt->has_fetched)
        note_fetch(attempt, next_ms);
    if (!source_tell_failure(attempt, reason, why, err) || !keep_state(attempt, err))
        return false;
    log_warning("source not synced", LOG_STR("reason", reason), LOG_STR("error", err_message(why)));
    if (!rests)
        err_move(err, why);
    result->requeue_after_ms = rests ? rest_ms(attempt) : 0;
    return rests;
}

static bool fail_manifests(struct source_attempt *attempt, struct reconcile_result *result, struct err *err)
{
    CLEANUP(err_release) struct err why = ERR_INIT;
    const struct strv *complaints = &attempt->reader.complaints;
    err_set(&why, ERR_INVALID, "nothing was applied of %.12s, because of %zu problem%s: %s", attempt->revision,
            complaints->count, complaints->count == 1 ? "" : "s", complaints->items[0]);
    return fail(attempt, "InvalidManifests", &why, result, err);
}

/* ---- the sync ---- */

/* The revision is remembered before the first record is touched: after a crash it is gone on with, not gone back from. */
static bool begin_applying(struct source_attempt *attempt, struct err *err)
{
    const struct git git = { .directory = attempt->directory, .max_bytes = attempt->spec.git.max_bytes };
    if (str_equal(attempt->state.revision, attempt->revision))
        return true;
    set_text(&attempt->state.revision, attempt->revision);
    attempt->state.applied_ms = 0;
    return (attempt->spec.directory || git_keep(&git, attempt->revision, &attempt->ctx->call, err)) &&
           keep_state(attempt, err);
}

static bool apply(struct source_attempt *attempt, struct err *err)
{
    bool detects = attempt->spec.mode == SOURCE_DETECT_ONLY;
    return detects || (begin_applying(attempt, err) && source_apply(attempt, err));
}

static bool finish(struct source_attempt *attempt, struct reconcile_result *result, struct err *err)
{
    struct source_health health;
    int64_t look_ms = 0;
    int64_t now_ms = clock_wall_ms();
    if (attempt->has_fetched)
        note_fetch(attempt, jittered(attempt->spec.interval_ms));
    if (attempt->failures.count == 0 && !attempt->is_superseded && attempt->state.applied_ms == 0)
        attempt->state.applied_ms = now_ms;
    source_health_of(&attempt->plan, &health);
    /* In this order: after a crash between the two the fetch is still due, and all of it is told again. */
    bool ok = source_tell(attempt, &health, &look_ms, err) && keep_state(attempt, err);
    free(health.first);
    if (!ok)
        return false;
    if (attempt->failures.count > 0)
        return err_set(err, ERR_CONFLICT, "%zu records refused, the first: %s", attempt->failures.count,
                       attempt->failures.items[0]);
    int64_t left_ms = attempt->is_superseded ? 1 : rest_ms(attempt);
    result->requeue_after_ms = look_ms && look_ms < left_ms ? look_ms : left_ms;
    return true;
}

static bool sync(struct source_attempt *attempt, struct reconcile_result *result, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!source_look(attempt, attempt->directory, &problem))
        return fail(attempt, "TreeRefused", &problem, result, err);
    if (attempt->reader.complaints.count > 0)
        return fail_manifests(attempt, result, err);
    bool is_much = attempt->spec.mode == SOURCE_APPLY && source_plan_acts(&attempt->plan) > QUICK_ACTS_MAX;
    if (is_much && ctx->lane == LANE_QUICK) {
        result->wants_long_lane = true;
        return true;
    }
    return apply(attempt, err) && finish(attempt, result, err);
}

static bool fetch_and_sync(struct source_attempt *attempt, struct reconcile_result *result, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (ctx->lane == LANE_QUICK && !attempt->spec.directory) {
        result->wants_long_lane = true;
        return true;
    }
    attempt->has_fetched = true;
    if (!note_begin(attempt, err))
        return false;
    ctx->step = SOURCE_STEP_FETCH;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &attempt->record.key, SOURCE_STEP_FETCH, "begin");
    bool fetched = source_fetch(attempt, attempt->directory, &problem);
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &attempt->record.key, SOURCE_STEP_FETCH, "end");
    ctx->step = NULL;
    return fetched ? sync(attempt, result, err) : fail(attempt, "FetchFailed", &problem, result, err);
}

/* A change by hand: nothing is fetched, what was applied last (or only looked at) is compared again. */
static bool look_after(struct source_attempt *attempt, int64_t wait_ms, struct reconcile_result *result,
                       struct err *err)
{
    const struct git git = { .directory = attempt->directory, .max_bytes = attempt->spec.git.max_bytes };
    bool detects = attempt->spec.mode == SOURCE_DETECT_ONLY;
    const char *revision = detects ? attempt->status.attempted_revision : attempt->state.revision;
    result->requeue_after_ms = wait_ms;
    if (!revision)
        return true;
    if (!git_has(&git, revision, &attempt->ctx->call))
        return fetch_and_sync(attempt, result, err); /* its directory was removed */
    bool is_newest = str_equal(attempt->status.attempted_revision, revision);
    attempt->revision = mem_strdup(revision);
    if (is_newest)
        return sync(attempt, result, err);
    /* The newest one could not be applied, and that stays said; what was applied before it is still put back. */
    return source_look(attempt, attempt->directory, err) &&
           (attempt->reader.complaints.count > 0 || source_apply(attempt, err));
}

/* ---- deletion ---- */

static bool tear_down(struct source_attempt *attempt, struct reconcile_result *result, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    if (ctx->lane == LANE_QUICK) {
        result->wants_long_lane = true;
        return true;
    }
    return source_release_records(attempt, err) && dir_remove(attempt->directory, err) &&
           store_remove_finalizer(ctx->store, &attempt->record.key, attempt->record.uid, FINALIZER_TEARDOWN, err);
}

/* ---- the reconciler ---- */

bool source_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err)
{
    CLEANUP(source_attempt_release) struct source_attempt attempt = { .ctx = ctx };
    struct call call = { .cancelled = ctx->call.cancelled }; /* that Docker is away shortens nothing here */
    ctx->call = call;
    store_set_call(ctx->store, &ctx->call);
    if (!reconcile_find(ctx, key, &attempt.record, ret_result, err))
        return ret_result->is_gone;
    if (!load(&attempt, err))
        return false;
    if (attempt.record.deletion_ms)
        return tear_down(&attempt, ret_result, err);
    if (record_annotation(&attempt.record, ANNOTATION_PAUSED) || source_is_suspended(&attempt.spec, attempt.begun_ms)) {
        if (attempt.spec.suspend_until_ms > attempt.begun_ms)
            ret_result->requeue_after_ms = attempt.spec.suspend_until_ms - attempt.begun_ms;
        return source_tell_suspended(&attempt, err);
    }
    int64_t wait_ms = attempt.spec.directory ? 0 : fetch_wait_ms(&attempt, attempt.begun_ms);
    return wait_ms == 0 ? fetch_and_sync(&attempt, ret_result, err) : look_after(&attempt, wait_ms, ret_result, err);
}

/* In a directory of its own, so that it disturbs no sync that runs. */
bool source_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err)
{
    CLEANUP(source_attempt_release) struct source_attempt attempt = { .ctx = ctx };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    record_copy(&attempt.record, record);
    if (!load(&attempt, err) || !dir_make(ctx->settings->sources_directory, 0700, err))
        return false;
    CLEANUP(freep) char *directory = mem_printf("%s/preview-XXXXXX", ctx->settings->sources_directory);
    if (!mkdtemp(directory))
        return err_set(err, ERR_INTERNAL, "no directory can be made in %s", ctx->settings->sources_directory);
    bool ok = source_fetch(&attempt, directory, err) && source_look(&attempt, directory, err);
    if (!dir_remove(directory, &problem))
        log_warning("preview not removed", LOG_STR("error", err_message(&problem)));
    if (!ok)
        return false;
    CLEANUP(freep) char *complaints = strv_join(&attempt.reader.complaints, "\n  ");
    if (attempt.reader.complaints.count > 0)
        return err_set(err, ERR_INVALID, "nothing would be applied:\n  %s", complaints);
    source_plan_preview(&attempt.plan, ret_plan);
    return true;
}

bool source_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    (void)tx;
    (void)old;
    (void)settings;
    (void)err; /* a Source stands on nothing else: its tenant and its repository may come later */
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    return true;
}
