#include <pthread.h>

#include "base/metrics.h"
#include "controller/run.h"
#include "tests/check.h"

/* ---- a runner with a fake reconciler; the store is never connected to ---- */

enum { FIRST_MS = 1000, MAX_MS = 60000, RESYNC_MS = 600000 };

struct fixture {
    struct queue *queue;
    struct known *known;
    struct runner *runner;
    struct store *store;
    bool is_away;
    int no_answers;

    /* What the reconciler does ... */
    enum err_code fails;
    struct reconcile_result result;
    bool supersedes_itself;
    bool adds_itself;
    bool forgets_itself;
    bool note_fails; /* the store's part */
    /* ... and what it saw. */
    enum lane lane;
    bool had_deadline, was_cancelled;

    /* What was noted last. */
    int notes;
    enum err_code noted;
    int64_t noted_attempts, noted_next_ms;
};

/* Callbacks of the store's and reconciler's shape carry no context; each test sets this anew. */
static struct fixture *fixture;

static struct record_key the_key(void)
{
    struct record_key key;
    assert_true(record_key_set(&key, KIND_INSTANCE, "acme", "erp"));
    return key;
}

static bool fake_reconcile(struct reconcile_context *ctx, const struct record_key *key,
                           struct reconcile_result *ret_result, struct err *err)
{
    fixture->lane = ctx->lane;
    fixture->had_deadline = ctx->call.deadline_mono_ms != 0;
    if (fixture->supersedes_itself)
        runner_supersede(fixture->runner, key);
    if (fixture->adds_itself)
        queue_add(fixture->queue, key, QUEUE_URGENT, clock_mono_ms());
    if (fixture->forgets_itself)
        known_drop(fixture->known, key);
    fixture->was_cancelled = call_is_cancelled(&ctx->call);
    ctx->on_step(ctx->on_step_context, key, "create-role", "begin");
    ctx->on_step(ctx->on_step_context, key, "create-role", "end");
    *ret_result = fixture->result;
    if (fixture->was_cancelled)
        return call_check(&ctx->call, err);
    return fixture->fails == ERR_NONE || err_set(err, fixture->fails, "as the test wants");
}

static bool fake_note(struct store *store, const struct record_key *key, const struct err *error, int64_t attempts,
                      int64_t next_wall_ms, struct err *err)
{
    (void)store;
    (void)key;
    if (fixture->note_fails)
        return err_set(err, ERR_UNREACHABLE, "as the test wants");
    fixture->notes++;
    fixture->noted = error ? error->code : ERR_NONE;
    fixture->noted_attempts = attempts;
    fixture->noted_next_ms = next_wall_ms;
    return true;
}

static uint64_t no_random(void *context)
{
    (void)context;
    return 0;
}

static void note_no_answer(void *context)
{
    ((struct fixture *)context)->no_answers++;
}

static bool say_away(void *context)
{
    return ((struct fixture *)context)->is_away;
}

static const struct reconciler fakes[KINDS] = {
    [KIND_INSTANCE] = { KIND_INSTANCE, fake_reconcile, .resync_ms = RESYNC_MS },
};

static void set_up(struct fixture *made)
{
    *made = (struct fixture){ .queue = queue_new(), .known = known_new() };
    fixture = made;
    struct store_options store = { .url = "host=/nowhere" };
    made->store = store_new(&store);
    struct runner_options options = {
        .queue = made->queue,
        .known = made->known,
        .reconcilers = fakes,
        .backoff_first_ms = FIRST_MS,
        .backoff_max_ms = MAX_MS,
        .random = no_random,
        .no_answer = note_no_answer,
        .is_away = say_away,
        .context = made,
        .note_retry = fake_note,
    };
    made->runner = runner_new(&options);
    struct known_record record = { .key = the_key(), .uid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", .generation = 1 };
    known_put(made->known, &record);
    queue_add(made->queue, &record.key, QUEUE_URGENT, clock_mono_ms());
}

static void tear_down(struct fixture *made)
{
    runner_free(made->runner);
    store_free(made->store);
    known_free(made->known);
    queue_free(made->queue);
    fixture = NULL;
}

static void take_and_run(enum lane lane, int64_t now_ms)
{
    struct reconcile_context ctx = { .store = fixture->store };
    struct queue_item item;
    assert_true(queue_take(fixture->queue, lane, now_ms, &item));
    runner_run(fixture->runner, &ctx, &item);
    assert_null(ctx.call.cancelled); /* nothing points to the attempt any more */
    assert_null(ctx.on_step);
}

/* Rounded to what follows from configuration: how long the machine took does not count. */
static int64_t next_in_ms(void)
{
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms = queue_next_ms(fixture->queue, LANE_QUICK, now_ms);
    if (next_ms == INT64_MAX)
        return -1;
    return (next_ms - now_ms + FIRST_MS / 2) / FIRST_MS * FIRST_MS;
}

#define REST_MS (RESYNC_MS / 2) /* of a settled record, with no_random() */

static const struct {
    const char *why;
    enum err_code fails;
    struct reconcile_result result;
    bool is_away, supersedes_itself, adds_itself, forgets_itself;
    int64_t next_ms; /* -1: nothing */
    bool in_long;
    int notes;
    enum err_code noted;
    bool has_next;
    int no_answers;
} rows[] = {
    { "settled: rests until the resync", .next_ms = REST_MS },
    { "gone: never again", .forgets_itself = true, .next_ms = -1 },
    { "wants to be called again", .result = { .requeue_after_ms = 5000 }, .next_ms = 5000 },
    { "later than the resync is no later", .result = { .requeue_after_ms = 2 * RESYNC_MS }, .next_ms = REST_MS },
    { "wants the long lane", .result = { .wants_long_lane = true }, .next_ms = -1, .in_long = true },
    { "changed meanwhile: again at once", .adds_itself = true, .next_ms = 0 },
    { "invalid: shown, rests", .fails = ERR_INVALID, .next_ms = REST_MS, .notes = 1, .noted = ERR_INVALID },
    { "passing: with a delay", .fails = ERR_REMOTE, .next_ms = FIRST_MS, .notes = 1, .noted = ERR_REMOTE,
      .has_next = true },
    { "conflict: with a delay", .fails = ERR_CONFLICT, .next_ms = FIRST_MS, .notes = 1, .noted = ERR_CONFLICT,
      .has_next = true },
    { "our own mistake: with a delay", .fails = ERR_INTERNAL, .next_ms = FIRST_MS, .notes = 1, .noted = ERR_INTERNAL,
      .has_next = true },
    { "failed, and changed meanwhile: again at once", .fails = ERR_REMOTE, .adds_itself = true, .next_ms = 0,
      .notes = 1, .noted = ERR_REMOTE, .has_next = true },
    { "no answer: somebody is to ask why", .fails = ERR_UNREACHABLE, .next_ms = FIRST_MS, .notes = 1,
      .noted = ERR_UNREACHABLE, .has_next = true, .no_answers = 1 },
    { "no answer in time", .fails = ERR_TIMEOUT, .next_ms = FIRST_MS, .notes = 1, .noted = ERR_TIMEOUT,
      .has_next = true, .no_answers = 1 },
    { "no answer of one known to be away: waits for it", .fails = ERR_UNREACHABLE, .is_away = true, .next_ms = REST_MS,
      .notes = 1, .noted = ERR_UNREACHABLE, .has_next = true, .no_answers = 1 },
    { "another failure while one is away: with a delay", .fails = ERR_CONFLICT, .is_away = true, .next_ms = FIRST_MS,
      .notes = 1, .noted = ERR_CONFLICT, .has_next = true },
    { "superseded: again at once, and no failure", .supersedes_itself = true, .next_ms = 0 },
    { "cancelled by nobody: a failure", .fails = ERR_CANCELLED, .next_ms = FIRST_MS, .notes = 1, .noted = ERR_CANCELLED,
      .has_next = true },
};

static void test_outcome(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct fixture made;
    set_up(&made);
    made.fails = row->fails;
    made.result = row->result;
    made.is_away = row->is_away;
    made.supersedes_itself = row->supersedes_itself;
    made.adds_itself = row->adds_itself;
    made.forgets_itself = row->forgets_itself;
    take_and_run(LANE_QUICK, clock_mono_ms());
    assert_int_equal(next_in_ms(), row->next_ms);
    assert_int_equal(queue_next_ms(made.queue, LANE_LONG, 0) == 0, row->in_long);
    assert_int_equal(made.notes, row->notes);
    assert_int_equal(made.noted, row->noted);
    assert_int_equal(made.noted_next_ms != 0, row->has_next);
    assert_int_equal(made.no_answers, row->no_answers);
    assert_int_equal(made.was_cancelled, row->supersedes_itself);
    assert_int_equal(made.had_deadline, row->is_away);
    tear_down(&made);
}

/* A clock ahead of the real one takes what waits. */
static void run_when_due(void)
{
    int64_t next_ms = queue_next_ms(fixture->queue, LANE_QUICK, clock_mono_ms());
    take_and_run(LANE_QUICK, next_ms);
}

static void test_delays_grow_and_are_reset(void **state)
{
    (void)state;
    struct fixture made;
    set_up(&made);
    made.fails = ERR_REMOTE;
    run_when_due();
    assert_int_equal(next_in_ms(), FIRST_MS);
    run_when_due();
    assert_int_equal(next_in_ms(), 2 * FIRST_MS);
    assert_int_equal(made.noted_attempts, 2);
    run_when_due();
    assert_int_equal(next_in_ms(), 4 * FIRST_MS);
    struct known_record next = { .key = the_key(), .uid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", .generation = 2 };
    assert_int_equal(known_put(made.known, &next), KNOWN_SUPERSEDED);
    run_when_due();
    assert_int_equal(next_in_ms(), FIRST_MS);
    assert_int_equal(made.noted_attempts, 1);
    made.fails = ERR_NONE;
    run_when_due();
    assert_int_equal(next_in_ms(), REST_MS);
    assert_int_equal(made.noted, ERR_NONE); /* taken off again ... */
    assert_int_equal(made.notes, 5);
    run_when_due();
    assert_int_equal(made.notes, 5); /* ... once */
    made.fails = ERR_REMOTE;
    run_when_due();
    assert_int_equal(next_in_ms(), FIRST_MS);
    tear_down(&made);
}

static void test_failures_of_before_the_start(void **state)
{
    (void)state;
    struct fixture made;
    struct record_key key = the_key();
    set_up(&made);
    runner_restore(made.runner, &key, 1, 3);
    run_when_due();
    assert_int_equal(made.notes, 1);
    assert_int_equal(made.noted, ERR_NONE);
    tear_down(&made);
}

static void test_success_is_noted_in_the_end(void **state)
{
    (void)state;
    struct fixture made;
    set_up(&made);
    made.fails = ERR_REMOTE;
    run_when_due();
    assert_int_equal(made.noted, ERR_REMOTE);
    made.fails = ERR_NONE;
    made.note_fails = true;
    run_when_due();
    assert_int_equal(made.notes, 1);
    assert_int_equal(next_in_ms(), FIRST_MS); /* not only at the next resync */
    made.note_fails = false;
    run_when_due();
    assert_int_equal(made.notes, 2);
    assert_int_equal(made.noted, ERR_NONE);
    assert_int_equal(next_in_ms(), REST_MS);
    tear_down(&made);
}

static void test_long_lane(void **state)
{
    (void)state;
    struct fixture made;
    set_up(&made);
    made.result.wants_long_lane = true;
    run_when_due();
    assert_int_equal(made.lane, LANE_QUICK);
    made.result.wants_long_lane = false;
    take_and_run(LANE_LONG, clock_mono_ms());
    assert_int_equal(made.lane, LANE_LONG);
    assert_int_equal(next_in_ms(), REST_MS);
    tear_down(&made);
}

static void test_stopping_cancels_what_begins_later(void **state)
{
    (void)state;
    struct fixture made;
    set_up(&made);
    runner_cancel_all(made.runner);
    take_and_run(LANE_QUICK, clock_mono_ms());
    assert_true(made.was_cancelled);
    assert_int_equal(made.notes, 0);
    tear_down(&made);
}

static void test_supersede_is_for_that_key_alone(void **state)
{
    (void)state;
    struct fixture made;
    struct record_key other;
    set_up(&made);
    assert_true(record_key_set(&other, KIND_INSTANCE, "acme", "shop"));
    runner_supersede(made.runner, &other);
    take_and_run(LANE_QUICK, clock_mono_ms());
    assert_false(made.was_cancelled);
    tear_down(&made);
}

static void count_step(void *context, const struct record_key *key, const char *step, const char *phase)
{
    (void)key;
    assert_string_equal(step, "create-role");
    *(int *)context += str_equal(phase, "begin") ? 1 : 10;
}

static void test_steps_are_told_on(void **state)
{
    (void)state;
    struct fixture made;
    set_up(&made);
    int seen = 0;
    struct reconcile_context ctx = { .store = made.store, .on_step = count_step, .on_step_context = &seen };
    struct queue_item item;
    assert_true(queue_take(made.queue, LANE_QUICK, clock_mono_ms(), &item));
    runner_run(made.runner, &ctx, &item);
    assert_int_equal(seen, 11);
    assert_true(ctx.on_step == count_step);
    CLEANUP(str_release) struct str out = STR_INIT;
    metrics_print(&out);
    assert_contains(out.text, "tenantd_step_duration_seconds_count{kind=\"Instance\",step=\"create-role\"}");
    assert_contains(out.text, "tenantd_reconciles_total{kind=\"Instance\",result=\"ok\"}");
    tear_down(&made);
}

/* ---- two threads: an attempt that waits is told to yield ---- */

static bool waiting_reconcile(struct reconcile_context *ctx, const struct record_key *key,
                              struct reconcile_result *ret_result, struct err *err)
{
    (void)key;
    (void)ret_result;
    __atomic_store_n(&fixture->notes, 1, __ATOMIC_RELEASE); /* begun */
    while (call_check(&ctx->call, err))
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return false;
}

static void *run_waiting(void *context)
{
    struct reconcile_context ctx = { .store = fixture->store };
    runner_run(context, &ctx, &(struct queue_item){ .key = the_key() });
    return NULL;
}

static void test_a_change_ends_what_runs(void **state)
{
    (void)state;
    static const struct reconciler waiting[KINDS] = {
        [KIND_INSTANCE] = { KIND_INSTANCE, waiting_reconcile, .resync_ms = RESYNC_MS },
    };
    struct fixture made;
    struct record_key key = the_key();
    struct queue_item item;
    pthread_t thread;
    set_up(&made);
    struct runner_options options = {
        .queue = made.queue,
        .known = made.known,
        .reconcilers = waiting,
        .backoff_first_ms = FIRST_MS,
        .backoff_max_ms = MAX_MS,
        .random = no_random,
        .no_answer = note_no_answer,
        .is_away = say_away,
        .context = &made,
        .note_retry = fake_note,
    };
    struct runner *runner = runner_new(&options);
    assert_true(queue_take(made.queue, LANE_QUICK, clock_mono_ms(), &item));
    assert_int_equal(pthread_create(&thread, NULL, run_waiting, runner), 0);
    while (__atomic_load_n(&made.notes, __ATOMIC_ACQUIRE) == 0)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    runner_supersede(runner, &key);
    pthread_join(thread, NULL);
    assert_int_equal(next_in_ms(), 0);
    assert_int_equal(made.notes, 1); /* a yielding one is no failure */
    runner_free(runner);
    tear_down(&made);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_outcome, rows);
    CHECK_TEST(&list, test_delays_grow_and_are_reset);
    CHECK_TEST(&list, test_failures_of_before_the_start);
    CHECK_TEST(&list, test_success_is_noted_in_the_end);
    CHECK_TEST(&list, test_long_lane);
    CHECK_TEST(&list, test_stopping_cancels_what_begins_later);
    CHECK_TEST(&list, test_supersede_is_for_that_key_alone);
    CHECK_TEST(&list, test_steps_are_told_on);
    CHECK_TEST(&list, test_a_change_ends_what_runs);
    return check_run("run", &list);
}
