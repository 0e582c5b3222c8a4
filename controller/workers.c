/* The worker threads; see workers.h. */
#include "controller/workers.h"

#include <pthread.h>

enum {
    WAIT_MAX_MS = 60000,
    STORE_AWAY_MS = 1000, /* how long a key rests while the records' database is away */
    STANDBY_MS = 1000,    /* between two looks whether we lead; a change wakes earlier */
};

struct worker {
    struct workers *workers;
    enum lane lane;
    pthread_t thread;
    struct reconcile_context ctx;
};

struct workers {
    struct workers_options options;
    pthread_mutex_t lock; /* guards `stopping`; the queue is looked at under it before a wait, so no change is missed */
    pthread_cond_t changed; /* the queue has something else, or stopping */
    bool stopping;
    struct worker *items;
    size_t opened, started;
};

/* The queue's changes come here, from whatever thread made them. */
static void wake(void *context)
{
    struct workers *workers = context;
    pthread_mutex_lock(&workers->lock);
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
}

void workers_wake(struct workers *workers)
{
    wake(workers);
}

/* What this worker writes from now on carries the epoch in which we lead. */
static bool may_act(struct worker *worker)
{
    const struct leader *leader = worker->workers->options.leader;
    int64_t epoch = 0;
    if (leader && !leader_may_act(leader, &epoch))
        return false;
    store_set_epoch(worker->ctx.store, epoch);
    return true;
}

/* Waits until something may be due. False: stopping. */
static bool wait_for_work(struct worker *worker)
{
    struct workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    int64_t now_ms = clock_mono_ms(), next_ms = queue_next_ms(workers->options.queue, worker->lane, now_ms);
    if (!may_act(worker))
        next_ms = now_ms + STANDBY_MS;
    if (next_ms > now_ms + WAIT_MAX_MS)
        next_ms = now_ms + WAIT_MAX_MS;
    struct timespec until = { .tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000 };
    if (next_ms > now_ms && !workers->stopping)
        pthread_cond_timedwait(&workers->changed, &workers->lock, &until);
    bool stopping = workers->stopping;
    pthread_mutex_unlock(&workers->lock);
    return !stopping;
}

static void *work(void *context)
{
    struct worker *worker = context;
    const struct workers_options *options = &worker->workers->options;
    while (wait_for_work(worker)) {
        struct queue_item item;
        int64_t now_ms = clock_mono_ms();
        if (!may_act(worker) || !queue_take(options->queue, worker->lane, now_ms, &item))
            continue;
        if (options->feed && !feed_is_connected(options->feed)) {
            queue_add_after(options->queue, &item.key, QUEUE_URGENT, now_ms, STORE_AWAY_MS);
            queue_done(options->queue, &item.key, now_ms);
            continue;
        }
        runner_run(options->runner, &worker->ctx, &item);
        if (options->on_done)
            options->on_done(options->context);
    }
    return NULL;
}

static bool open_worker(struct workers *workers, struct worker *worker, enum lane lane, struct err *err)
{
    const struct workers_options *options = &workers->options;
    worker->workers = workers;
    worker->lane = lane;
    worker->ctx = (struct reconcile_context){ .world = options->world, .settings = options->settings, .lane = lane };
    worker->ctx.store = store_new(options->store);
    worker->ctx.server = server_new(options->server_url, options->settings->installation);
    return docker_open(options->docker, &worker->ctx.docker, err);
}

struct workers *workers_new(const struct workers_options *options)
{
    struct workers *workers = MEM_NEW(struct workers);
    workers->options = *options;
    workers->items = mem_zalloc((options->quick + options->long_ones) * sizeof(workers->items[0]));
    pthread_mutex_init(&workers->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    queue_on_change(options->queue, wake, workers);
    return workers;
}

bool workers_start(struct workers *workers, struct err *err)
{
    size_t quick = workers->options.quick, count = quick + workers->options.long_ones;
    for (; workers->opened < count; workers->opened++)
        if (!open_worker(workers, &workers->items[workers->opened], workers->opened < quick ? LANE_QUICK : LANE_LONG,
                         err))
            return false;
    for (; workers->started < count; workers->started++) {
        struct worker *worker = &workers->items[workers->started];
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            return err_set(err, ERR_INTERNAL, "no thread for worker %zu", workers->started);
    }
    return true;
}

void workers_stop(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    runner_cancel_all(workers->options.runner);
    for (size_t i = 0; i < workers->started; i++)
        pthread_join(workers->items[i].thread, NULL);
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    for (size_t i = 0; i < workers->options.quick + workers->options.long_ones; i++) {
        store_free(workers->items[i].ctx.store);
        docker_free(workers->items[i].ctx.docker);
        server_free(workers->items[i].ctx.server);
    }
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    free(workers->items);
    free(workers);
}
