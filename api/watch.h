/*
 * Watches: every change that a scope has, in order, none lost, as one JSON object per line. Each watch pulls from the
 * feed at its reader's pace; what it holds in memory is bounded.
 *
 * A slow reader costs no more than listen.watchBuffer bytes: its watch stands still meanwhile and goes on where it stood,
 * from the database where need be. Who takes nothing at all for the listener's idle timeout is cut off; whose place
 * is no longer kept gets 410.
 */
#pragma once

#include "api/request.h"
#include "base/pool.h"

#define WATCH_TICK_MS (30 * SECOND_MS)

struct watches;
/* `buffer_bytes`: what a reader may leave unread. */
struct watches *watches_new(struct streams *streams, struct feed *feed, size_t buffer_bytes);
/* From now on `workers` fetch what the feed's memory no longer has. */
void watches_start(struct watches *watches, struct pool *workers);
/* Brings all of them up to date, on the streams' thread; returns when it wants to be called even if nothing happens. */
int64_t watches_tend(struct watches *watches, int64_t now_mono_ms);
void watches_stop(struct watches *watches); /* the feed wakes nobody any more */
void watches_free(struct watches *watches); /* after the pool's end */
size_t watches_count(struct watches *watches);

/* Answers `?watch=true`: sends what exists where no version is given, then what changes. */
bool watch_begin(struct worker *worker, struct request *request, struct answer *answer, struct err *err);
