/*
 * One attempt of a reconciler, and the only place that turns its outcome into what follows: log, metrics, status.retry, the next time. Knows
 * no threads: whoever took a key from the queue calls runner_run() with its own context, a worker or a simulator.
 */
#pragma once

#include "controller/known.h"
#include "controller/queue.h"

/* All borrowed while the runner lives. */
struct runner_options {
    struct queue *queue;
    struct known *known;
    const struct reconciler *reconcilers; /* KINDS of them */
    int64_t backoff_first_ms, backoff_max_ms;
    uint64_t (*random)(void *context); /* all 64 bits */
    /* Somebody's call to the outside was not answered. Any thread. */
    void (*no_answer)(void *context);
    /* A dependency is known to be away: attempts are short, and who fails for want of an answer rests until it is back (queue_hurry_all()). */
    bool (*is_away)(void *context);
    void *context;
    const volatile int64_t *permission; /* of each attempt's calls, see struct call; NULL: none is needed */
    /* NULL: reconcile_note_retry(). */
    bool (*note_retry)(struct store *store, const struct record_key *key, const struct err *error, int64_t attempts,
                       int64_t next_wall_ms, struct err *err);
};

struct runner;
struct runner *runner_new(const struct runner_options *options);
void runner_free(struct runner *runner);
/*
 * Runs the key's reconciler, puts back into the queue what follows, and calls queue_done(). `ctx` is the caller's: store, docker, server, world,
 * settings and on_step count; lane, call and step are set here.
 */
void runner_run(struct runner *runner, struct reconcile_context *ctx, const struct queue_item *item);
/* The attempt that runs for `key` is to end at its next safe point; it is made again. Any thread. */
void runner_supersede(struct runner *runner, const struct record_key *key);
/* All attempts under way: another daemon leads. Any thread. */
void runner_yield_all(struct runner *runner);
/* All attempts, also those that begin later: the daemon stops. Any thread. */
void runner_cancel_all(struct runner *runner);
/* What status.retry says of failures before the daemon was started. */
void runner_restore(struct runner *runner, const struct record_key *key, int64_t generation, int64_t attempts);
