/* The ring between two threads; see ring_internal.h. */
#include <errno.h>

#include "clients/docker/ring_internal.h"

#define RING_SIZE     ((size_t)1 << 20)
#define LOOK_EVERY_MS 100 /* how soon a cancel is noticed while one side waits for the other */

void ring_init(struct ring *ring, const struct call *call)
{
    pthread_condattr_t attributes;
    *ring = (struct ring){ .bytes = mem_zalloc(RING_SIZE), .call = *call };
    if (pthread_mutex_init(&ring->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&ring->changed, &attributes) != 0)
        abort();
    pthread_condattr_destroy(&attributes);
}

void ring_release(struct ring *ring)
{
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->lock);
    free(ring->bytes);
}

void ring_set(struct ring *ring, bool *flag)
{
    pthread_mutex_lock(&ring->lock);
    *flag = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

/* Until the other side did something, at most a short while. With the lock. */
static bool ring_wait(struct ring *ring, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int result = pthread_cond_timedwait(&ring->changed, &ring->lock, &until);
    if (result != 0 && result != ETIMEDOUT)
        abort();
    return call_check(&ring->call, err);
}

static bool ring_put_locked(struct ring *ring, const char *bytes, size_t len, struct err *err)
{
    while (len > 0) {
        if (ring->writer_gone)
            return err_set(err, ERR_CANCELLED, "the other side has ended");
        size_t end = (ring->begin + ring->len) % RING_SIZE;
        size_t room = ring->len == RING_SIZE ? 0 : end >= ring->begin ? RING_SIZE - end : ring->begin - end;
        size_t part = len < room ? len : room;
        memcpy(ring->bytes + end, bytes, part);
        ring->len += part;
        bytes += part;
        len -= part;
        if (part > 0)
            pthread_cond_broadcast(&ring->changed);
        else if (!ring_wait(ring, err))
            return false;
    }
    return true;
}

bool ring_put(struct ring *ring, const char *bytes, size_t len, struct err *err)
{
    pthread_mutex_lock(&ring->lock);
    bool fine = ring_put_locked(ring, bytes, len, err);
    pthread_mutex_unlock(&ring->lock);
    return fine;
}

static bool ring_take_locked(struct ring *ring, char *bytes, size_t room, size_t *ret_len, struct err *err)
{
    while (ring->len == 0 && !ring->finished && !ring->reader_failed)
        if (!ring_wait(ring, err))
            return false;
    if (ring->reader_failed)
        return err_set(err, ERR_CANCELLED, "the other side has failed");
    size_t straight = RING_SIZE - ring->begin < ring->len ? RING_SIZE - ring->begin : ring->len;
    size_t part = room < straight ? room : straight;
    memcpy(bytes, ring->bytes + ring->begin, part);
    ring->begin = (ring->begin + part) % RING_SIZE;
    ring->len -= part;
    pthread_cond_broadcast(&ring->changed);
    *ret_len = part;
    return true;
}

bool ring_take(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err)
{
    struct ring *ring = context;
    pthread_mutex_lock(&ring->lock);
    bool fine = ring_take_locked(ring, bytes, room, ret_len, err);
    pthread_mutex_unlock(&ring->lock);
    return fine;
}
