/*
 * Time, behind a header narrow enough that tests put a clock of their own behind it (tests/sim links another
 * clock.c). Milliseconds everywhere. Any thread.
 */
#pragma once

#include "base/str.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

int64_t clock_wall_ms(void); /* since the epoch, UTC; may jump */
int64_t clock_mono_ms(void); /* never goes back; for deadlines and durations */

char *time_to_rfc3339(int64_t wall_ms);                         /* "2026-01-02T03:04:05Z", owned */
bool time_from_rfc3339(const char *text, int64_t *ret_wall_ms); /* also with fraction and offset */
char *time_age(int64_t span_ms); /* as kubectl prints ages: "5s", "3m", "2h", "4d"; owned */

/*
 * Every call to the outside carries one: when it must be over and a flag that ends it early. Borrowed by the call; the
 * flag may be set by any thread.
 */
struct call {
    int64_t deadline_mono_ms;      /* 0: none */
    const volatile int *cancelled; /* NULL: cannot be cancelled; read with __atomic_load_n */
    /* A permission that its owner renews: past this time the call counts as cancelled. NULL: needs none. Atomic, too. */
    const volatile int64_t *permitted_until_mono_ms;
};
/* The earlier of the two ends. A NULL call, here and below, never ends. */
struct call call_within(const struct call *outer, int64_t at_most_ms);
/*
 * For putting in order what `outer` leaves behind when it was cancelled or is over: without its flag and deadline, but
 * never without its permission.
 */
struct call call_afterwards(const struct call *outer, int64_t at_most_ms);
int64_t call_left_ms(const struct call *call); /* never below 0; INT64_MAX without a deadline */
bool call_is_cancelled(const struct call *call);
/* False with ERR_CANCELLED or ERR_TIMEOUT when `call` is over. */
bool call_check(const struct call *call, struct err *err) MUST_USE;
