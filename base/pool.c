/* Worker threads around one locked queue. */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "base/metrics.h"

static const struct metric jobs_taken = {
    .name = "tenantd_pool_jobs_total",
    .help = "Jobs that a worker of the pool began.",
    .type = METRIC_COUNTER,
    .labels = { "pool" },
};
static const struct metric jobs_waiting = {
    .name = "tenantd_pool_waiting_jobs",
    .help = "Jobs that wait for a worker of the pool.",
    .type = METRIC_GAUGE,
    .labels = { "pool" },
};
static const struct metric workers_busy = {
    .name = "tenantd_pool_busy_workers",
    .help = "Workers of the pool that run a job.",
    .type = METRIC_GAUGE,
    .labels = { "pool" },
};

struct pool {
    struct pool_options options;
    char *name;
    pthread_t *threads;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct pool_job *first;
    struct pool_job **last; /* where the next job is hung in */
    size_t waiting;
    size_t busy;
    size_t started; /* gives each thread its number */
    bool stopping;
};

/* Under the lock, so that an older number never follows a newer one. */
static void publish(const struct pool *pool)
{
    metric_set(&jobs_waiting, (double)pool->waiting, pool->name, NULL, NULL);
    metric_set(&workers_busy, (double)pool->busy, pool->name, NULL, NULL);
}

/* Waits for the next job; NULL when the pool stops and nothing is left. Under the lock. */
static struct pool_job *take_job(struct pool *pool)
{
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->changed, &pool->lock);
    struct pool_job *job = pool->first;
    if (!job)
        return NULL;
    pool->first = job->next;
    if (!pool->first)
        pool->last = &pool->first;
    job->next = NULL;
    pool->waiting--;
    pool->busy++;
    metric_add(&jobs_taken, 1, pool->name, NULL, NULL);
    publish(pool);
    return job;
}

static void *work(void *argument)
{
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    size_t number = pool->started++;
    pthread_mutex_unlock(&pool->lock);

    CLEANUP(freep) char *thread_name = mem_printf("%.12s-%zu", pool->name, number % 100);
    pthread_setname_np(pthread_self(), thread_name);
    void *worker = pool->options.worker_start ? pool->options.worker_start(pool->options.shared) : NULL;

    pthread_mutex_lock(&pool->lock);
    for (struct pool_job *job; (job = take_job(pool));) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job, worker);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
        publish(pool);
    }
    pthread_mutex_unlock(&pool->lock);

    if (pool->options.worker_stop)
        pool->options.worker_stop(worker);
    return NULL;
}

/* Signals are the loop thread's; those that a thread raises by its own fault stay deliverable. */
static void block_signals(sigset_t *ret_before)
{
    static const int own_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(own_faults); i++)
        sigdelset(&blocked, own_faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

struct pool *pool_new(const struct pool_options *options)
{
    assert(options->threads > 0);
    struct pool *pool = MEM_NEW(struct pool);
    pool->options = *options;
    pool->name = mem_strdup(options->name);
    pool->threads = mem_grow(NULL, options->threads, sizeof(pthread_t));
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);

    sigset_t before;
    block_signals(&before);
    for (size_t i = 0; i < options->threads; i++)
        if (pthread_create(&pool->threads[i], NULL, work, pool) != 0)
            abort(); /* as with memory: a system without threads to give is no place to go on in */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

bool pool_submit(struct pool *pool, struct pool_job *job_taken)
{
    pthread_mutex_lock(&pool->lock);
    bool is_full = pool->options.queue_limit > 0 && pool->waiting >= pool->options.queue_limit;
    bool is_taken = !pool->stopping && !is_full;
    if (is_taken) {
        job_taken->next = NULL;
        *pool->last = job_taken;
        pool->last = &job_taken->next;
        pool->waiting++;
        publish(pool);
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return is_taken;
}

size_t pool_waiting(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

size_t pool_busy(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t busy = pool->busy;
    pthread_mutex_unlock(&pool->lock);
    return busy;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->options.threads; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool->name);
    free(pool);
}
