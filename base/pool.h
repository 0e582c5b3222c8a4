/*
 * A pool of worker threads. Jobs are moved, never shared: the submitter's until pool_submit(), the worker's in run().
 * run() frees or hands on its job. Any thread may submit.
 */
#pragma once

#include "base/err.h"

struct pool;
struct pool_job {
    struct pool_job *next; /* the pool's */
    /* `worker` is what worker_start() made for this thread (its PGconn, its CURL handle). */
    void (*run)(struct pool_job *job, void *worker);
};
struct pool_options {
    const char *name; /* thread name, at most 12 characters, and metric label */
    size_t threads;
    size_t queue_limit;                  /* 0: none; a full queue refuses */
    void *(*worker_start)(void *shared); /* in the new thread; may be NULL */
    void (*worker_stop)(void *worker);
    void *shared;
};
struct pool *pool_new(const struct pool_options *options);
/* False: full or stopping, the job is still the caller's. */
bool pool_submit(struct pool *pool, struct pool_job *job_taken);
size_t pool_waiting(struct pool *pool);
size_t pool_busy(struct pool *pool);
void pool_free(struct pool *pool); /* runs what was taken, then joins */
