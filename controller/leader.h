/*
 * Leadership: of several daemons on the same records one acts, the others stand by. One thread holds the lock on a
 * connection of its own and has it confirmed several times within `hold_ms`; the permission to act lasts `hold_ms` from
 * the last question that was answered, by our own clock, so that who was stopped and goes on finds it lapsed. The server
 * ends a session that was silent for twice that; the next leader then waits `take_over_ms`, unless the one before left in
 * order or was of the same data directory, whose lock we hold. Who lost the lock stands by again.
 */
#pragma once

#include "specs/config.h"
#include "store/leadership.h"

enum leader_state {
    LEADER_STANDBY,
    LEADER_WAITING, /* has the lock, and waits until the one before must have noticed */
    LEADER_LEADING,
};

/* All borrowed until leader_free(). */
struct leader_options {
    const struct store_options *store;
    const struct config_leader *config;
    const char *holder;                                        /* identity of this data directory on this host */
    const char *name;                                          /* for people */
    void (*on_change)(void *context, enum leader_state state); /* from the leader's thread; must not block */
    void *context;
};
struct leader;
struct leader *leader_new(const struct leader_options *options); /* may not act yet */
bool leader_start(struct leader *leader, struct err *err) MUST_USE;
/* Whether something may be begun now, and the epoch that its writes carry. Any thread. */
bool leader_may_act(const struct leader *leader, int64_t *ret_epoch);
/* What a call's permitted_until_mono_ms points to. */
const volatile int64_t *leader_permission(const struct leader *leader);
/* With nothing under way any more: gives the lock back, so that a standby takes over without waiting. NULL does nothing. */
void leader_stop(struct leader *leader);
void leader_free(struct leader *leader);
