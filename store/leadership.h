/*
 * Which of several daemons on the same records acts. A session's advisory lock says who may; one row counts the
 * epochs, one per change of hands, and names who leads. The lock alone is not enough, because a holder that was
 * stopped and goes on does not know that it lost it: so each write of a controller carries the epoch in which it was
 * made (store_set_epoch()), and one of an older epoch is refused. Writes of the API carry none.
 *
 * The calls below are for one store that is used for nothing else: the lock lives as long as its connection.
 */
#pragma once

#include "store/store.h"

/* Who leads, as the records say; texts are owned. */
struct leadership {
    int64_t epoch; /* 0: nobody ever did */
    char *holder;  /* identity; "" when the last one left in order */
    char *name;    /* for people: "host1 (4711)" */
    int64_t since_ms;
};
void leadership_release(struct leadership *leadership);
/* Also for any other store. */
bool store_leadership(struct store *store, struct leadership *ret, struct err *err) MUST_USE;

/*
 * Asks for the lock without waiting. A server that hears nothing of this session for `silence_ms` ends it, so that a
 * holder that was stopped loses the lock.
 */
bool store_leader_lock(struct store *store, int64_t silence_ms, bool *ret_held, struct err *err) MUST_USE;
/* With the lock held: begins the next epoch. `ret_before` is how it was until now. */
bool store_leader_begin(struct store *store, const char *holder, const char *name, struct leadership *ret_before,
                        int64_t *ret_epoch, struct err *err) MUST_USE;
/* Whether this session still has the lock, and `epoch` is the newest. */
bool store_leader_confirm(struct store *store, int64_t epoch, bool *ret_holds, struct err *err) MUST_USE;
/* With nothing under way any more: the next one need not wait. Drops the lock, too. */
bool store_leader_leave(struct store *store, int64_t epoch, struct err *err) MUST_USE;

/*
 * All writes of this store that follow are made in `epoch` (0: in none): when another one has begun, they are
 * ERR_CONFLICT and nothing is written.
 */
void store_set_epoch(struct store *store, int64_t epoch);
