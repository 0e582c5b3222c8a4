/*
 * Which recovery points of one instance stay: the newest ones, and of the last days, weeks and months that have any the newest one each.
 * Days begin at 00:00 UTC, weeks on Monday. Pure.
 */
#pragma once

#include "specs/instance.h"

struct retention_point {
    int64_t time_ms;
    bool is_verified; /* only those fill a rule's places: what was never read back keeps nothing else from staying */
    bool is_in_use;   /* being restored */
};

enum retention_rule {
    KEPT_NEWEST_VERIFIED = 1,
    KEPT_IN_USE = 2,
    KEPT_LAST = 4,
    KEPT_DAILY = 8,
    KEPT_WEEKLY = 16,
    KEPT_MONTHLY = 32,
    KEPT_YOUNG = 64, /* newer than the newest verified one: it may be the next one to count */
};

/* Where the spec names no rule at all. */
extern const struct instance_retention retention_default;
/* For each of `count` points, in any order, the rules that keep it (enum retention_rule, ored); 0: it goes. */
void retention_decide(const struct instance_retention *retention, const struct retention_point *points, size_t count,
                      unsigned *ret_kept);
/*
 * The same when the instance is gone: all stay until `keep_ms` after its deletion, then all go but those in use.
 */
bool retention_is_expired(int64_t deleted_ms, int64_t keep_ms, int64_t now_ms);
char *retention_wording(unsigned kept); /* "last, daily"; owned */
