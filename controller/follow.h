/*
 * Follows the store's change feed: a record whose spec, metadata or deletion changed is put into the queue, and with it those that stand on
 * it; a running attempt of an older generation is cancelled. One thread.
 */
#pragma once

#include "controller/run.h"
#include "store/feed.h"

/* All borrowed until follow_stop(). */
struct follow_options {
    struct feed *feed;
    struct queue *queue;
    struct known *known;
    struct runner *runner;
    const struct reconciler *reconcilers;
    const struct store_options *store;
};
struct follow;
struct follow *follow_new(const struct follow_options *options);
/* The thread. First every record there is goes into the queue, then what changes. */
bool follow_start(struct follow *follow, struct err *err) MUST_USE;
/* What the thread does, for whoever has none (tests/sim): takes the changes there are. False: it failed and is to be tried again. */
bool follow_turn(struct follow *follow);
/* Ends the thread where there is one, and frees. NULL does nothing. */
void follow_stop(struct follow *follow);
