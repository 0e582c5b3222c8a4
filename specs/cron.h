/*
 * Cron expressions, five fields, UTC (POSIX crontab(5): when both day fields are restricted, either matches; names, steps, ranges, lists).
 * A day field that begins with '*' (also "*" with a step) is unrestricted: both must match then.
 * An expression that can never happen ("0 0 31 2 *") is an error. Pure.
 */
#pragma once

#include "base/err.h"

struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool day_restricted, weekday_restricted;
};
bool cron_parse(const char *text, struct cron *ret_cron, struct err *err) MUST_USE;
/* The first matching minute strictly after `after_ms`; INT64_MAX past the year 9999. */
int64_t cron_next_ms(const struct cron *cron, int64_t after_ms);
