/* From a key to an attempt, and from its outcome to what follows; see run.h. */
#include "controller/run.h"

#include <pthread.h>

#include "base/log.h"
#include "base/metrics.h"
#include "controller/backoff.h"
#include "controller/breaker.h"
#include "specs/kind.h"

enum {
    AWAY_CALL_MS = 3000, /* of an attempt while a dependency is away: who waits for it in vain starves nobody */
    NOTE_CALL_MS = 10000,
};

static const struct metric runs_total = {
    .name = "tenantd_reconciles_total",
    .help = "Attempts to reconcile a record, by what became of them.",
    .type = METRIC_COUNTER,
    .labels = { "kind", "result" },
};
static const struct metric run_seconds = {
    .name = "tenantd_reconcile_duration_seconds",
    .help = "How long attempts took.",
    .type = METRIC_HISTOGRAM,
    .labels = { "kind", "lane" },
};
static const struct metric wait_seconds = {
    .name = "tenantd_queue_wait_seconds",
    .help = "How long due keys waited for a worker.",
    .type = METRIC_HISTOGRAM,
    .labels = { "lane" },
};
static const struct metric retries_total = {
    .name = "tenantd_reconcile_retries_total",
    .help = "Attempts that failed and are made again, by class of the error.",
    .type = METRIC_COUNTER,
    .labels = { "kind", "class" },
};
static const struct metric step_seconds = {
    .name = "tenantd_step_duration_seconds",
    .help = "How long the steps of plans took.",
    .type = METRIC_HISTOGRAM,
    .labels = { "kind", "step" },
};

static const char *const lane_names[] = { [LANE_QUICK] = "quick", [LANE_LONG] = "long" };
static const char *const class_names[] = {
    [RETRY_NEVER] = "invalid",
    [RETRY_BACKOFF] = "passing",
    [RETRY_CONFLICT] = "conflict",
};

/* One that is under way. */
struct attempt {
    struct attempt *next; /* the runner's list */
    const struct queue_item *item;
    const struct reconciler *reconciler;
    struct reconcile_context *ctx;
    int64_t generation; /* as known when it began; 0: not known */
    int cancelled;      /* atomic */
    bool was_told;      /* to end, before it was at its end */
    uint64_t number;
    int64_t started_ms, took_ms;
    int64_t step_started_ms;
    int64_t steps;
    void (*on_step)(void *context, const struct record_key *key, const char *step, const char *phase);
    void *on_step_context;
};

struct runner {
    struct runner_options options;
    pthread_mutex_t lock; /* guards all below */
    struct attempt *attempts;
    struct backoff *backoff;
    uint64_t last_number;
    bool is_stopping;
};

struct runner *runner_new(const struct runner_options *options)
{
    struct runner *runner = MEM_NEW(struct runner);
    runner->options = *options;
    if (!runner->options.note_retry)
        runner->options.note_retry = reconcile_note_retry;
    pthread_mutex_init(&runner->lock, NULL);
    runner->backoff = backoff_new(options->backoff_first_ms, options->backoff_max_ms);
    return runner;
}

void runner_free(struct runner *runner)
{
    if (!runner)
        return;
    backoff_free(runner->backoff);
    pthread_mutex_destroy(&runner->lock);
    free(runner);
}

void runner_supersede(struct runner *runner, const struct record_key *key)
{
    pthread_mutex_lock(&runner->lock);
    for (struct attempt *attempt = runner->attempts; attempt; attempt = attempt->next)
        if (record_key_equal(&attempt->item->key, key))
            __atomic_store_n(&attempt->cancelled, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&runner->lock);
}

static void cancel_attempts(struct runner *runner)
{
    for (struct attempt *attempt = runner->attempts; attempt; attempt = attempt->next)
        __atomic_store_n(&attempt->cancelled, 1, __ATOMIC_RELEASE);
}

void runner_yield_all(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    cancel_attempts(runner);
    pthread_mutex_unlock(&runner->lock);
}

void runner_cancel_all(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    runner->is_stopping = true;
    cancel_attempts(runner);
    pthread_mutex_unlock(&runner->lock);
}

void runner_restore(struct runner *runner, const struct record_key *key, int64_t generation, int64_t attempts)
{
    pthread_mutex_lock(&runner->lock);
    backoff_restore(runner->backoff, key, generation, attempts);
    pthread_mutex_unlock(&runner->lock);
}

/* ---- the attempt ---- */

static void note_step(void *context, const struct record_key *key, const char *step, const char *phase)
{
    struct attempt *attempt = context;
    int64_t now_ms = clock_mono_ms();
    if (str_equal(phase, "begin")) {
        attempt->step_started_ms = now_ms;
        attempt->steps++;
    } else {
        metric_observe(&step_seconds, (double)(now_ms - attempt->step_started_ms) / SECOND_MS, kinds[key->kind].name,
                       step, NULL);
    }
    if (attempt->on_step)
        attempt->on_step(attempt->on_step_context, key, step, phase);
}

static void begin(struct runner *runner, struct attempt *attempt)
{
    struct reconcile_context *ctx = attempt->ctx;
    pthread_mutex_lock(&runner->lock);
    attempt->number = ++runner->last_number;
    attempt->cancelled = runner->is_stopping;
    attempt->next = runner->attempts;
    runner->attempts = attempt;
    pthread_mutex_unlock(&runner->lock);

    attempt->on_step = ctx->on_step;
    attempt->on_step_context = ctx->on_step_context;
    ctx->on_step = note_step;
    ctx->on_step_context = attempt;
    ctx->lane = attempt->item->lane;
    ctx->call =
        (struct call){ .cancelled = &attempt->cancelled, .permitted_until_mono_ms = runner->options.permission };
    if (runner->options.is_away(runner->options.context))
        ctx->call = call_within(&ctx->call, AWAY_CALL_MS);
    attempt->started_ms = clock_mono_ms();
}

static void end(struct runner *runner, struct attempt *attempt)
{
    struct reconcile_context *ctx = attempt->ctx;
    attempt->took_ms = clock_mono_ms() - attempt->started_ms;
    attempt->was_told = call_is_cancelled(&ctx->call);
    store_set_call(ctx->store, NULL); /* it was the context's, which points to the attempt */
    ctx->call = (struct call){ 0 };
    ctx->step = NULL;
    ctx->on_step = attempt->on_step;
    ctx->on_step_context = attempt->on_step_context;
    pthread_mutex_lock(&runner->lock);
    struct attempt **link = &runner->attempts;
    while (*link != attempt)
        link = &(*link)->next;
    *link = attempt->next;
    pthread_mutex_unlock(&runner->lock);
}

/* ---- what follows ---- */

static void add_after(struct runner *runner, const struct attempt *attempt, enum queue_urgency urgency, int64_t wait_ms)
{
    queue_add_after(runner->options.queue, &attempt->item->key, urgency, clock_mono_ms(), wait_ms);
}

/*
 * A settled record is looked at again within its kind's time, and from half of it on: what began together spreads. One that is gone is
 * not.
 */
static void add_resync(struct runner *runner, const struct attempt *attempt)
{
    if (!known_has(runner->options.known, &attempt->item->key))
        return;
    int64_t resync_ms = attempt->reconciler->resync_ms;
    uint64_t random = runner->options.random(runner->options.context);
    int64_t jitter_ms = (int64_t)(random % (uint64_t)(resync_ms / 2 + 1));
    add_after(runner, attempt, QUEUE_BACKGROUND, resync_ms / 2 + jitter_ms);
}

/* False: it could not be stored. */
static bool note_retry(struct runner *runner, const struct attempt *attempt, const struct err *error, int64_t attempts,
                       int64_t wait_ms)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct store *store = attempt->ctx->store;
    struct call call = call_within(NULL, NOTE_CALL_MS);
    store_set_call(store, &call);
    int64_t next_ms = wait_ms ? clock_wall_ms() + wait_ms : 0;
    bool ok = runner->options.note_retry(store, &attempt->item->key, error, attempts, next_ms, &problem);
    if (!ok) {
        log_warning("retry not noted", LOG_STR("error", err_message(&problem)));
        runner->options.no_answer(runner->options.context);
    }
    store_set_call(store, NULL);
    return ok;
}

/* The record still tells of a retry: the failures count as long, and the next success takes that away. */
static void note_success_later(struct runner *runner, const struct attempt *attempt)
{
    pthread_mutex_lock(&runner->lock);
    backoff_restore(runner->backoff, &attempt->item->key, attempt->generation, 1);
    pthread_mutex_unlock(&runner->lock);
    add_after(runner, attempt, QUEUE_URGENT, runner->options.backoff_first_ms);
}

static const char *after_success(struct runner *runner, struct attempt *attempt, const struct reconcile_result *result)
{
    pthread_mutex_lock(&runner->lock);
    bool had_failed = !result->wants_long_lane && backoff_forget(runner->backoff, &attempt->item->key);
    pthread_mutex_unlock(&runner->lock);
    if (had_failed && !note_retry(runner, attempt, NULL, 0, 0))
        note_success_later(runner, attempt);
    if (result->wants_long_lane) {
        queue_add_long(runner->options.queue, &attempt->item->key);
        return "long";
    }
    if (result->requeue_after_ms)
        add_after(runner, attempt, QUEUE_URGENT, result->requeue_after_ms);
    add_resync(runner, attempt);
    return "ok";
}

static bool is_no_answer(enum err_code code)
{
    return code == ERR_UNREACHABLE || code == ERR_TIMEOUT;
}

/* It waits for a change of the records; what it is held against may also be another record, so it does not rest for ever. */
static void after_final(struct runner *runner, struct attempt *attempt, const struct err *error)
{
    pthread_mutex_lock(&runner->lock);
    backoff_restore(runner->backoff, &attempt->item->key, attempt->generation, 1);
    pthread_mutex_unlock(&runner->lock);
    log_warning("reconcile failed", LOG_STR("error", err_message(error)), LOG_STR("class", class_names[RETRY_NEVER]),
                LOG_INT("took_ms", attempt->took_ms));
    (void)note_retry(runner, attempt, error, 1, 0); /* the next failure notes itself */
    add_resync(runner, attempt);
}

static void after_passing(struct runner *runner, struct attempt *attempt, const struct err *error)
{
    const struct record_key *key = &attempt->item->key;
    enum retry_class class = err_kinds[error->code].retry;
    bool is_held = false;
    if (is_no_answer(error->code)) {
        is_held = runner->options.is_away(runner->options.context);
        runner->options.no_answer(runner->options.context);
    }
    uint64_t random = runner->options.random(runner->options.context);
    pthread_mutex_lock(&runner->lock);
    int64_t wait_ms = BREAKER_MAX_MS;
    if (!is_held)
        wait_ms = backoff_fail(runner->backoff, key, attempt->generation, random);
    else if (backoff_attempts(runner->backoff, key) == 0)
        backoff_restore(runner->backoff, key, attempt->generation, 1);
    int64_t attempts = backoff_attempts(runner->backoff, key);
    pthread_mutex_unlock(&runner->lock);
    log_warning("reconcile failed", LOG_STR("error", err_message(error)), LOG_STR("class", class_names[class]),
                LOG_INT("attempts", attempts), LOG_INT("retry_ms", wait_ms), LOG_INT("took_ms", attempt->took_ms));
    (void)note_retry(runner, attempt, error, attempts, wait_ms); /* the next failure notes itself */
    metric_add(&retries_total, 1, kinds[key->kind].name, class_names[class], NULL);
    if (is_held)
        add_resync(runner, attempt);
    else
        add_after(runner, attempt, QUEUE_URGENT, wait_ms);
}

static const char *after_failure(struct runner *runner, struct attempt *attempt, const struct err *error)
{
    if (error->code == ERR_CANCELLED && attempt->was_told) {
        log_info("attempt yielded", LOG_INT("took_ms", attempt->took_ms));
        add_after(runner, attempt, QUEUE_URGENT, 0);
    } else if (err_kinds[error->code].retry == RETRY_NEVER) {
        after_final(runner, attempt, error);
    } else {
        after_passing(runner, attempt, error);
    }
    return err_kinds[error->code].name;
}

void runner_run(struct runner *runner, struct reconcile_context *ctx, const struct queue_item *item)
{
    struct attempt attempt = {
        .item = item,
        .reconciler = &runner->options.reconcilers[item->key.kind],
        .ctx = ctx,
        .generation = known_generation(runner->options.known, &item->key),
    };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct reconcile_result result = { 0 };
    const char *kind = kinds[item->key.kind].name;
    begin(runner, &attempt);
    CLEANUP(freep)
    char *name =
        item->key.namespace[0] ? mem_printf("%s/%s", item->key.namespace, item->key.name) : mem_strdup(item->key.name);
    const struct log_field fields[] = { LOG_STR("kind", kind), LOG_STR("name", name),
                                        LOG_INT("run", (int64_t)attempt.number) };
    log_context(fields, ARRAY_LEN(fields));
    metric_observe(&wait_seconds, (double)item->waited_ms / SECOND_MS, lane_names[item->lane], NULL, NULL);

    bool ok = attempt.reconciler->reconcile(ctx, &item->key, &result, &problem);
    end(runner, &attempt);
    const char *outcome = ok ? after_success(runner, &attempt, &result) : after_failure(runner, &attempt, &problem);

    metric_add(&runs_total, 1, kind, outcome, NULL);
    metric_observe(&run_seconds, (double)attempt.took_ms / SECOND_MS, kind, lane_names[item->lane], NULL);
    if (ok && attempt.steps)
        log_info("reconciled", LOG_STR("result", outcome), LOG_INT("steps", attempt.steps),
                 LOG_INT("took_ms", attempt.took_ms));
    else if (ok)
        log_debug("reconciled", LOG_STR("result", outcome), LOG_INT("took_ms", attempt.took_ms));
    log_context(NULL, 0);
    queue_done(runner->options.queue, &item->key, clock_mono_ms());
}
