/* When a schedule is due: cron's times, moved by a delay that is the same for an instance and differs between them. Pure. */
#pragma once

#include "base/clock.h"
#include "specs/cron.h"

/* The newest time of the schedule at or before `now_ms`; INT64_MIN: none within the last ten years. */
int64_t schedule_last_ms(const struct cron *cron, int64_t now_ms);
/* From one time to the next, as it is around `now_ms`. */
int64_t schedule_period_ms(const struct cron *cron, int64_t now_ms);
/* Spreads equal schedules: up to a quarter of the period, at most 15 minutes, always the same for one uid. */
int64_t schedule_delay_ms(const struct cron *cron, const char *uid, int64_t now_ms);
/*
 * The slot that is to be run now: the newest one whose delay has passed, unless it is not after `done_ms` (the slot that was run last, or when
 * the schedule was set). However many were missed, it is one. 0: none is due.
 */
int64_t schedule_due_ms(const struct cron *cron, const char *uid, int64_t done_ms, int64_t now_ms);
/* When the next one becomes due, delay included. */
int64_t schedule_next_ms(const struct cron *cron, const char *uid, int64_t now_ms);
