#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/pool.h"
#include "tests/check.h"

/* A gate that jobs wait at, so that tests decide what runs and what waits. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t arrived;
    bool is_open;
};
#define GATE_INIT                                                                                                      \
    {                                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                         \
    }

static void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_await(struct gate *gate, size_t arrived)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->arrived < arrived)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

struct test_job {
    struct pool_job job; /* first: the pool's pointer is ours */
    struct gate *gate;   /* NULL: none */
    size_t *order;       /* NULL: not recorded; else the job's number goes to its next place */
    size_t *order_count;
    size_t number;
    size_t *runs;
};

static void run_job(struct pool_job *pool_job, void *worker)
{
    struct test_job *job = (struct test_job *)pool_job;
    if (job->gate)
        gate_pass(job->gate);
    if (job->order)
        job->order[(*job->order_count)++] = job->number;
    __atomic_add_fetch(job->runs, 1, __ATOMIC_RELAXED);
    if (worker)
        __atomic_add_fetch((size_t *)worker, 1, __ATOMIC_RELAXED);
    free(job);
}

static bool submit(struct pool *pool, struct test_job job)
{
    struct test_job *copy = MEM_NEW(struct test_job);
    *copy = job;
    copy->job.run = run_job;
    if (pool_submit(pool, &copy->job))
        return true;
    free(copy);
    return false;
}

static void one_thread_keeps_the_order(void **state)
{
    (void)state;
    size_t order[100];
    size_t count = 0;
    size_t runs = 0;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "order", .threads = 1 });
    for (size_t i = 0; i < 100; i++)
        assert_true(
            submit(pool, (struct test_job){ .order = order, .order_count = &count, .number = i, .runs = &runs }));
    pool_free(pool);
    assert_int_equal(count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(order[i], i);
}

static void freeing_runs_what_was_taken(void **state)
{
    (void)state;
    size_t runs = 0;
    struct gate gate = GATE_INIT;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "rest", .threads = 3 });
    for (size_t i = 0; i < 500; i++)
        assert_true(submit(pool, (struct test_job){ .gate = &gate, .runs = &runs }));
    gate_await(&gate, 3);
    assert_int_equal(pool_busy(pool), 3);
    assert_int_equal(pool_waiting(pool), 497);
    gate_open(&gate);
    pool_free(pool);
    assert_int_equal(runs, 500);
    pool_free(NULL);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    size_t runs = 0;
    struct gate gate = GATE_INIT;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "full", .threads = 1, .queue_limit = 2 });
    struct test_job job = { .gate = &gate, .runs = &runs };
    assert_true(submit(pool, job));
    gate_await(&gate, 1); /* it runs, and no longer counts as waiting */
    assert_true(submit(pool, job));
    assert_true(submit(pool, job));
    assert_false(submit(pool, job));
    gate_open(&gate);
    gate_await(&gate, 3);
    assert_true(submit(pool, job));
    pool_free(pool);
    assert_int_equal(runs, 4);
}

struct worker_counts {
    size_t started;
    size_t stopped; /* counted by the test, from the workers */
    size_t jobs[4];
};

static void *start_worker(void *shared)
{
    struct worker_counts *counts = shared;
    size_t number = __atomic_fetch_add(&counts->started, 1, __ATOMIC_RELAXED);
    return &counts->jobs[number];
}

static size_t stopped_workers;

static void stop_worker(void *worker)
{
    assert(worker);
    __atomic_add_fetch(&stopped_workers, 1, __ATOMIC_RELAXED);
}

static void each_thread_has_a_worker_of_its_own(void **state)
{
    (void)state;
    size_t runs = 0;
    struct gate gate = GATE_INIT;
    struct worker_counts counts = { 0 };
    stopped_workers = 0;
    struct pool *pool = pool_new(&(struct pool_options){
        .name = "workers", .threads = 4, .worker_start = start_worker, .worker_stop = stop_worker, .shared = &counts });
    for (size_t i = 0; i < 4; i++)
        assert_true(submit(pool, (struct test_job){ .gate = &gate, .runs = &runs }));
    gate_await(&gate, 4);
    gate_open(&gate);
    pool_free(pool);
    assert_int_equal(counts.started, 4);
    assert_int_equal(stopped_workers, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(counts.jobs[i], 1);
}

struct submitter {
    struct pool *pool;
    size_t *runs;
};

static void *submit_many(void *argument)
{
    const struct submitter *submitter = argument;
    for (size_t i = 0; i < 2000; i++)
        while (!submit(submitter->pool, (struct test_job){ .runs = submitter->runs }))
            usleep(10);
    return NULL;
}

static void many_threads_submit(void **state)
{
    (void)state;
    size_t runs = 0;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "many", .threads = 4, .queue_limit = 100 });
    struct submitter submitter = { pool, &runs };
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, submit_many, &submitter);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    pool_free(pool);
    assert_int_equal(runs, 8000);
}

struct resubmit_job {
    struct pool_job job;
    struct pool *pool;
    struct gate *gate;
    size_t left;
    bool was_refused;
};

static void resubmit(struct pool_job *pool_job, void *worker)
{
    (void)worker; /* this pool has none */
    struct resubmit_job *job = (struct resubmit_job *)pool_job;
    if (job->left == 0)
        gate_pass(job->gate);
    else
        job->left--;
    /* After a successful submit the job may be running elsewhere already. */
    if (!pool_submit(job->pool, &job->job))
        job->was_refused = true;
}

static void a_job_may_submit_itself_until_the_pool_stops(void **state)
{
    (void)state;
    struct gate gate = GATE_INIT;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "again", .threads = 2 });
    struct resubmit_job job = { .job.run = resubmit, .pool = pool, .gate = &gate, .left = 100 };
    assert_true(pool_submit(pool, &job.job));
    gate_await(&gate, 1);
    assert_int_equal(job.left, 0);
    gate_open(&gate);
    pool_free(pool);
    assert_true(job.was_refused);
}

struct look_job {
    struct pool_job job;
    char name[16];
    bool blocks_term;
    bool blocks_segv;
};

static void look_around(struct pool_job *pool_job, void *worker)
{
    (void)worker; /* this pool has none */
    struct look_job *job = (struct look_job *)pool_job;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    job->blocks_term = sigismember(&blocked, SIGTERM);
    job->blocks_segv = sigismember(&blocked, SIGSEGV);
    pthread_getname_np(pthread_self(), job->name, sizeof(job->name));
}

static void threads_are_named_and_leave_signals_to_the_loop(void **state)
{
    (void)state;
    struct look_job job = { .job.run = look_around };
    struct pool *pool = pool_new(&(struct pool_options){ .name = "reconcilers-and-more", .threads = 1 });
    assert_true(pool_submit(pool, &job.job));
    pool_free(pool);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_string_equal(job.name, "reconcilers--0");
    assert_true(job.blocks_term);
    assert_false(job.blocks_segv);
    assert_false(sigismember(&blocked, SIGTERM)); /* ours is as it was */
}

static void metrics_tell_what_the_pool_does(void **state)
{
    (void)state;
    size_t runs = 0;
    struct gate gate = GATE_INIT;
    struct pool *pool = pool_new(&(struct pool_options){ .name = "measured", .threads = 1 });
    for (size_t i = 0; i < 3; i++)
        assert_true(submit(pool, (struct test_job){ .gate = &gate, .runs = &runs }));
    gate_await(&gate, 1);
    CLEANUP(str_release) struct str during = STR_INIT;
    metrics_print(&during);
    assert_contains(during.text, "tenantd_pool_busy_workers{pool=\"measured\"} 1\n");
    assert_contains(during.text, "tenantd_pool_waiting_jobs{pool=\"measured\"} 2\n");
    gate_open(&gate);
    pool_free(pool);
    CLEANUP(str_release) struct str after = STR_INIT;
    metrics_print(&after);
    assert_contains(after.text, "tenantd_pool_busy_workers{pool=\"measured\"} 0\n");
    assert_contains(after.text, "tenantd_pool_waiting_jobs{pool=\"measured\"} 0\n");
    assert_contains(after.text, "tenantd_pool_jobs_total{pool=\"measured\"} 3\n");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, one_thread_keeps_the_order);
    CHECK_TEST(&list, freeing_runs_what_was_taken);
    CHECK_TEST(&list, a_full_queue_refuses);
    CHECK_TEST(&list, each_thread_has_a_worker_of_its_own);
    CHECK_TEST(&list, many_threads_submit);
    CHECK_TEST(&list, a_job_may_submit_itself_until_the_pool_stops);
    CHECK_TEST(&list, threads_are_named_and_leave_signals_to_the_loop);
    CHECK_TEST(&list, metrics_tell_what_the_pool_does);
    return check_run("pool", &list);
}
