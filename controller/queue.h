/*
 * The work queue: which records are to be reconciled, and when. Knows no kind beyond struct record_key and no clock: `now_ms` is any time that
 * never goes back (clock_mono_ms(), or a simulator's). Any thread may call.
 *
 * Equal keys merge. A key that was taken counts as running until queue_done(): it is not handed out again, and what is added meanwhile
 * makes it run once more afterwards. Of several times the earliest wins, so that an add for now beats any delay.
 */
#pragma once

#include "reconcilers/reconcile.h"

enum queue_urgency {
    QUEUE_BACKGROUND, /* resyncs; every fifth turn is theirs when urgent keys never end */
    QUEUE_URGENT,     /* edits, drift, retries */
};

struct queue_item {
    struct record_key key;
    enum lane lane;
    int64_t waited_ms; /* since it was due */
};

struct queue;
struct queue *queue_new(void);
void queue_free(struct queue *queue);
/* `wake` is called after each change that may have made something due, from the thread that made it, without a lock held. Once, before threads. */
void queue_on_change(struct queue *queue, void (*wake)(void *context), void *context);

void queue_add(struct queue *queue, const struct record_key *key, enum queue_urgency urgency, int64_t now_ms);
void queue_add_after(struct queue *queue, const struct record_key *key, enum queue_urgency urgency, int64_t now_ms,
                     int64_t wait_ms);
/*
 * For a key that is running: next, in the long lane. It keeps its place in that lane's line also when an urgent add makes it run in the quick
 * lane first.
 */
void queue_add_long(struct queue *queue, const struct record_key *key);
/* All keys that wait become due within `spread_ms`, evenly; running ones run again. */
void queue_hurry_all(struct queue *queue, int64_t now_ms, int64_t spread_ms);

/* The next due key of that lane; false: there is none now. Within a lane and an urgency, what was due first comes first. */
bool queue_take(struct queue *queue, enum lane lane, int64_t now_ms, struct queue_item *ret_item);
void queue_done(struct queue *queue, const struct record_key *key, int64_t now_ms);
/* When something of that lane can next be taken: `now_ms` when at once, INT64_MAX when nothing waits. */
int64_t queue_next_ms(struct queue *queue, enum lane lane, int64_t now_ms);

struct queue_stats {
    size_t due[2];  /* by lane: could be taken now */
    size_t delayed; /* wait for their time */
    size_t running;
    int64_t oldest_ms; /* how long the one that has waited longest is due; 0: none is */
};
struct queue_stats queue_stats(struct queue *queue, int64_t now_ms);
