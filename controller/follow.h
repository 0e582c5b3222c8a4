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
/* First every record there is goes into the queue, then what changes. */
bool follow_start(const struct follow_options *options, struct follow **ret_follow, struct err *err) MUST_USE;
void follow_stop(struct follow *follow);
