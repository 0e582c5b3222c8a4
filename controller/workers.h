/*
 * The worker threads: each takes keys of its lane from the queue and has the runner run them, in plain blocking code, with handles of its own for
 * store, Docker and database server.
 */
#pragma once

#include "controller/leader.h"
#include "controller/run.h"
#include "store/feed.h"

/* All borrowed until workers_free(). */
struct workers_options {
    struct queue *queue;
    struct runner *runner;
    struct world *world;
    const struct settings *settings;
    const struct store_options *store;
    const struct docker_options *docker;
    const char *server_url;
    struct feed *feed;              /* while it is not connected nothing is tried; NULL: always */
    const struct leader *leader;    /* while it may not act nothing is tried; NULL: always */
    size_t quick, long_ones;        /* threads per lane */
    void (*on_done)(void *context); /* after each attempt, from its worker; must not block */
    void *context;
};
struct workers;
/* Before anybody else has the queue: its changes come here. */
struct workers *workers_new(const struct workers_options *options);
bool workers_start(struct workers *workers, struct err *err) MUST_USE;
/* What they may do has changed: they look again. Any thread. */
void workers_wake(struct workers *workers);
/* Cancels what runs and waits for it. NULL does nothing. */
void workers_stop(struct workers *workers);
/* After the last one who changes the queue has ended. NULL does nothing. */
void workers_free(struct workers *workers);
