#include "base/clock.h"
#include "specs/cron.h"
#include "tests/check.h"

static const struct next_row {
    const char *why;
    const char *text;
    const char *after;
    const char *next;
} next_rows[] = {
    { "every minute", "* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z" },
    { "strictly after: the minute itself does not count", "0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z" },
    { "one millisecond before", "0 3 * * *", "2026-01-01T02:59:59.999Z", "2026-01-01T03:00:00Z" },
    { "inside the minute", "0 3 * * *", "2026-01-01T03:00:30Z", "2026-01-02T03:00:00Z" },
    { "over the end of a year", "0 3 * * *", "2026-12-31T04:00:00Z", "2027-01-01T03:00:00Z" },
    { "next year", "30 12 1 1 *", "2026-01-01T12:30:00Z", "2027-01-01T12:30:00Z" },
    { "step", "*/15 * * * *", "2026-01-01T00:16:00Z", "2026-01-01T00:30:00Z" },
    { "step in a range", "10-40/15 * * * *", "2026-01-01T00:26:00Z", "2026-01-01T00:40:00Z" },
    { "step larger than the range", "5-10/30 * * * *", "2026-01-01T00:06:00Z", "2026-01-01T01:05:00Z" },
    { "list", "0 1,5,23 * * *", "2026-01-01T05:00:00Z", "2026-01-01T23:00:00Z" },
    { "list of ranges", "0 1-2,8-9 * * *", "2026-01-01T02:00:00Z", "2026-01-01T08:00:00Z" },
    { "the 31st skips short months", "0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z" },
    { "the 31st over summer", "0 0 31 * *", "2026-08-31T00:00:00Z", "2026-10-31T00:00:00Z" },
    { "February 29th waits for a leap year", "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z" },
    { "a century that is a leap year", "0 0 29 2 *", "1999-12-31T00:00:00Z", "2000-02-29T00:00:00Z" },
    { "a century that is none", "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z" },
    { "weekday", "0 4 * * 1", "2026-01-01T00:00:00Z", "2026-01-05T04:00:00Z" },
    { "weekday by name", "0 4 * * mon", "2026-01-01T00:00:00Z", "2026-01-05T04:00:00Z" },
    { "weekday in capitals", "0 4 * * MON", "2026-01-01T00:00:00Z", "2026-01-05T04:00:00Z" },
    { "Sunday is 0", "0 4 * * 0", "2026-01-01T00:00:00Z", "2026-01-04T04:00:00Z" },
    { "Sunday is 7, too", "0 4 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T04:00:00Z" },
    { "a range up to 7", "0 4 * * 6-7", "2026-01-03T04:00:00Z", "2026-01-04T04:00:00Z" },
    { "working days", "0 4 * * 1-5", "2026-01-02T04:00:00Z", "2026-01-05T04:00:00Z" },
    { "months by name", "0 0 1 feb,oct *", "2026-02-01T00:00:00Z", "2026-10-01T00:00:00Z" },
    { "both day fields: the day of month matches", "0 0 13 * 5", "2026-01-10T00:00:00Z", "2026-01-13T00:00:00Z" },
    { "both day fields: the weekday matches", "0 0 13 * 5", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z" },
    { "both day fields, day impossible: the weekday is left", "0 0 31 2 1", "2026-01-01T00:00:00Z",
      "2026-02-02T00:00:00Z" },
    { "a stepped star does not restrict: both must match", "0 0 */2 * 1", "2026-01-05T00:00:00Z",
      "2026-01-19T00:00:00Z" },
    { "February 29th on a Monday", "0 0 29 2 */6", "2096-03-01T00:00:00Z", "2116-02-29T00:00:00Z" },
    { "before 1970", "0 0 1 1 *", "1969-06-01T00:00:00Z", "1970-01-01T00:00:00Z" },
    { "tabs and more blanks", " 5\t4  * * * ", "2026-01-01T00:00:00Z", "2026-01-01T04:05:00Z" },
};

static void finds_the_next(void **state)
{
    const struct next_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cron cron;
    int64_t after_ms;
    assert_ok(cron_parse(row->text, &cron, &err), &err);
    assert_true(time_from_rfc3339(row->after, &after_ms));
    CLEANUP(freep) char *next = time_to_rfc3339(cron_next_ms(&cron, after_ms));
    assert_string_equal(next, row->next);
}

static const struct bad_row {
    const char *why;
    const char *text;
    const char *problem;
} bad_rows[] = {
    { "February 31st", "0 0 31 2 *", "\"0 0 31 2 *\" never happens" },
    { "February 30th", "0 0 30 2 *", "never happens" },
    { "the 31st of short months", "0 0 31 4,6,9,11 *", "never happens" },
    { "the 31st of a short month, stepped weekday", "0 0 31 4 */2", "never happens" },
    { "four fields", "0 3 * *", "has 4 fields; five are needed" },
    { "six fields", "0 0 3 * * *", "has 6 fields" },
    { "empty", "", "has 0 fields" },
    { "a macro", "@daily", "write the five fields instead" },
    { "minute 60", "60 * * * *", "\"60\" is not a valid minute: use 0 to 59" },
    { "hour 24", "0 24 * * *", "\"24\" is not a valid hour: use 0 to 23" },
    { "day 0", "0 0 0 * *", "is not a valid day of month: use 1 to 31" },
    { "day 32", "0 0 32 * *", "day of month" },
    { "month 13", "0 0 1 13 *", "is not a valid month: use 1 to 12, or jan to dec" },
    { "weekday 8", "0 0 * * 8", "is not a valid day of week: use 0 to 7, or sun to sat" },
    { "a weekday's name in the month", "0 0 1 mon *", "month" },
    { "a whole word", "0 0 * * monday", "day of week" },
    { "backwards", "30-10 * * * *", "the range runs backwards" },
    { "backwards over Sunday", "0 0 * * sat-mon", "the range runs backwards" },
    { "step of nothing", "*/0 * * * *", "the step after / must be a number from 1 on" },
    { "step without number", "*/ * * * *", "the step after /" },
    { "step without range", "5/10 * * * *", "a step needs a range before it" },
    { "empty part of a list", "1,,2 * * * *", "is not a valid minute" },
    { "comma at the end", "1, * * * *", "is not a valid minute" },
    { "half a range", "1- * * * *", "is not a valid minute" },
    { "negative", "-1 * * * *", "is not a valid minute" },
    { "large number", "99999999999999999999 * * * *", "is not a valid minute" },
    { "rubbish behind", "1x * * * *", "is not a valid minute" },
    { "star with more", "*5 * * * *", "is not a valid minute" },
    { "question mark", "0 0 ? * 1", "day of month" },
    { "last day of month", "0 0 L * *", "day of month" },
};

static void refuses(void **state)
{
    const struct bad_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cron cron;
    assert_false(cron_parse(row->text, &cron, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), row->problem);
}

static void ends_with_the_calendar(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cron cron;
    assert_ok(cron_parse("* * * * *", &cron, &err), &err);
    assert_true(cron_next_ms(&cron, INT64_MAX) == INT64_MAX);
    assert_true(cron_next_ms(&cron, INT64_C(253402300800000)) == INT64_MAX);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, finds_the_next, next_rows);
    CHECK_ROWS(&list, refuses, bad_rows);
    CHECK_TEST(&list, ends_with_the_calendar);
    return check_run("cron", &list);
}
