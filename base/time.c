/* Times and ages as text; declared in clock.h. */
#include <time.h>

#include "base/clock.h"

char *time_to_rfc3339(int64_t wall_ms)
{
    int64_t seconds = wall_ms / SECOND_MS - (wall_ms % SECOND_MS < 0); /* rounded down before 1970, too */
    time_t at = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&at, &tm))
        abort(); /* a year beyond int: no 64-bit count of milliseconds reaches it */
    return mem_printf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                      tm.tm_min, tm.tm_sec);
}

/* Exactly `digits` digits, within [min, max]; moves *at behind them. */
static bool take_number(const char **at, int digits, int min, int max, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    if (value < min || value > max)
        return false;
    *at += digits;
    *ret = value;
    return true;
}

static bool take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_date_and_time(const char **at, int64_t *ret_seconds)
{
    int year, month, day, hour, minute, second;
    if (!take_number(at, 4, 0, 9999, &year) || !take_char(at, '-') || !take_number(at, 2, 1, 12, &month) ||
        !take_char(at, '-') || !take_number(at, 2, 1, days_of_month(year, month), &day))
        return false;
    if (!take_char(at, 'T') && !take_char(at, 't'))
        return false;
    /* A leap second (60) counts as the next minute's first, as POSIX time has none. */
    if (!take_number(at, 2, 0, 23, &hour) || !take_char(at, ':') || !take_number(at, 2, 0, 59, &minute) ||
        !take_char(at, ':') || !take_number(at, 2, 0, 60, &second))
        return false;
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second
    };
    *ret_seconds = timegm(&tm);
    return true;
}

/* At least one digit; what is finer than a millisecond is dropped. */
static bool take_fraction(const char **at, int64_t *ret_ms)
{
    int64_t ms = 0;
    int64_t unit_ms = 100;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit_ms /= 10)
        ms += (**at - '0') * unit_ms;
    *ret_ms = ms;
    return *at != start;
}

static bool take_offset(const char **at, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;
    if ((!take_char(at, '+') && !take_char(at, '-')) || !take_number(at, 2, 0, 23, &hours) || !take_char(at, ':') ||
        !take_number(at, 2, 0, 59, &minutes))
        return false;
    *ret_ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    return true;
}

bool time_from_rfc3339(const char *text, int64_t *ret_wall_ms)
{
    int64_t seconds;
    int64_t fraction_ms = 0;
    int64_t offset_ms;
    const char *at = text;
    if (!take_date_and_time(&at, &seconds))
        return false;
    if (take_char(&at, '.') && !take_fraction(&at, &fraction_ms))
        return false;
    if (!take_offset(&at, &offset_ms) || *at != '\0')
        return false;
    *ret_wall_ms = seconds * SECOND_MS + fraction_ms - offset_ms;
    return true;
}

char *time_age(int64_t span_ms)
{
    /* kubectl's steps (apimachinery, pkg/util/duration): ever coarser, with a second unit only where it tells something. */
    static const struct {
        int64_t below_ms;
        int64_t unit_ms;
        char unit;
        int64_t rest_ms; /* 0: no second unit */
        char rest;
    } steps[] = {
        { 2 * MINUTE_MS, SECOND_MS, 's', 0, 0 }, { 10 * MINUTE_MS, MINUTE_MS, 'm', SECOND_MS, 's' },
        { 3 * HOUR_MS, MINUTE_MS, 'm', 0, 0 },   { 8 * HOUR_MS, HOUR_MS, 'h', MINUTE_MS, 'm' },
        { 2 * DAY_MS, HOUR_MS, 'h', 0, 0 },      { 8 * DAY_MS, DAY_MS, 'd', HOUR_MS, 'h' },
        { 2 * 365 * DAY_MS, DAY_MS, 'd', 0, 0 }, { 8 * 365 * DAY_MS, 365 * DAY_MS, 'y', DAY_MS, 'd' },
        { INT64_MAX, 365 * DAY_MS, 'y', 0, 0 },
    };
    if (span_ms <= -2 * SECOND_MS) /* clocks that differ by less are taken for equal */
        return mem_strdup("<invalid>");
    if (span_ms < 0)
        return mem_strdup("0s");
    size_t i = 0;
    while (i < ARRAY_LEN(steps) - 1 && span_ms >= steps[i].below_ms)
        i++;
    long long whole = span_ms / steps[i].unit_ms;
    long long rest = steps[i].rest_ms ? span_ms % steps[i].unit_ms / steps[i].rest_ms : 0;
    if (rest == 0)
        return mem_printf("%lld%c", whole, steps[i].unit);
    return mem_printf("%lld%c%lld%c", whole, steps[i].unit, rest, steps[i].rest);
}
