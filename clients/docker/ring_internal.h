/*
 * A ring of fixed size between two threads of which one fills and the other empties, each of them at its own pace; the caller's call
 * ends the waiting of both.
 */
#pragma once

#include <pthread.h>

#include "base/clock.h"

/* Everything but `call` is behind the lock. */
struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *bytes;
    size_t begin, len;
    bool finished;      /* nothing more comes: the tree is complete */
    bool reader_failed; /* nothing more comes: it is not complete */
    bool writer_gone;   /* nobody empties it any more */
    struct call call;
};
void ring_init(struct ring *ring, const struct call *call);
void ring_release(struct ring *ring);
/* One of its flags. */
void ring_set(struct ring *ring, bool *flag);
/* Blocks until there was room for all of it. ERR_CANCELLED when nobody empties it any more. */
bool ring_put(struct ring *ring, const char *bytes, size_t len, struct err *err) MUST_USE;
/* An http_source_fn; `context` is the ring. ERR_CANCELLED when the other side has failed. */
bool ring_take(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err) MUST_USE;
