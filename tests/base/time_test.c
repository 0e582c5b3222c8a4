#include "base/clock.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *text;
    bool is_fine;
    int64_t wall_ms;
} parse_rows[] = {
    { "the epoch", "1970-01-01T00:00:00Z", true, 0 },
    { "a day in 2026", "2026-01-02T03:04:05Z", true, INT64_C(1767323045000) },
    { "fraction", "2026-01-02T03:04:05.678Z", true, INT64_C(1767323045678) },
    { "Docker's nanoseconds are cut", "2026-01-02T03:04:05.678999999Z", true, INT64_C(1767323045678) },
    { "one digit is a tenth", "2026-01-02T03:04:05.6Z", true, INT64_C(1767323045600) },
    { "offset east", "2026-01-02T05:04:05+02:00", true, INT64_C(1767323045000) },
    { "offset west", "2026-01-01T21:34:05.5-05:30", true, INT64_C(1767323045500) },
    { "unknown local offset", "2026-01-02T03:04:05-00:00", true, INT64_C(1767323045000) },
    { "small letters", "2026-01-02t03:04:05z", true, INT64_C(1767323045000) },
    { "leap day", "2024-02-29T00:00:00Z", true, INT64_C(1709164800000) },
    { "leap day of a century that has one", "2000-02-29T00:00:00Z", true, INT64_C(951782400000) },
    { "leap second", "2016-12-31T23:59:60Z", true, INT64_C(1483228800000) },
    { "Docker's never", "0001-01-01T00:00:00Z", true, INT64_C(-62135596800000) },
    { "before the epoch", "1969-12-31T23:59:59.5Z", true, -500 },
    { "the last one", "9999-12-31T23:59:59Z", true, INT64_C(253402300799000) },
    { "no leap year", "2026-02-29T00:00:00Z", false, 0 },
    { "a century without", "1900-02-29T00:00:00Z", false, 0 },
    { "April has 30", "2026-04-31T00:00:00Z", false, 0 },
    { "month 13", "2026-13-01T00:00:00Z", false, 0 },
    { "month 0", "2026-00-01T00:00:00Z", false, 0 },
    { "day 0", "2026-01-00T00:00:00Z", false, 0 },
    { "hour 24", "2026-01-01T24:00:00Z", false, 0 },
    { "minute 60", "2026-01-01T00:60:00Z", false, 0 },
    { "second 61", "2026-01-01T00:00:61Z", false, 0 },
    { "no offset", "2026-01-02T03:04:05", false, 0 },
    { "no seconds", "2026-01-02T03:04Z", false, 0 },
    { "only a date", "2026-01-02", false, 0 },
    { "blank instead of T", "2026-01-02 03:04:05Z", false, 0 },
    { "empty fraction", "2026-01-02T03:04:05.Z", false, 0 },
    { "comma", "2026-01-02T03:04:05,5Z", false, 0 },
    { "offset without colon", "2026-01-02T03:04:05+0200", false, 0 },
    { "offset too large", "2026-01-02T03:04:05+24:00", false, 0 },
    { "something after it", "2026-01-02T03:04:05Zx", false, 0 },
    { "blank before it", " 2026-01-02T03:04:05Z", false, 0 },
    { "signed year", "-026-01-02T03:04:05Z", false, 0 },
    { "empty", "", false, 0 },
};

static void parses(void **state)
{
    const __typeof__(parse_rows[0]) *row = *state;
    int64_t wall_ms = 4711;
    assert_int_equal(time_from_rfc3339(row->text, &wall_ms), row->is_fine);
    assert_int_equal(wall_ms, row->is_fine ? row->wall_ms : 4711);
}

static const struct {
    const char *why;
    int64_t wall_ms;
    const char *text;
} print_rows[] = {
    { "the epoch", 0, "1970-01-01T00:00:00Z" },
    { "milliseconds are cut", INT64_C(1767323045999), "2026-01-02T03:04:05Z" },
    { "cut means earlier, before the epoch, too", -1, "1969-12-31T23:59:59Z" },
    { "whole second before the epoch", -1000, "1969-12-31T23:59:59Z" },
    { "year 1", INT64_C(-62135596800000), "0001-01-01T00:00:00Z" },
};

static void prints(void **state)
{
    const __typeof__(print_rows[0]) *row = *state;
    CLEANUP(freep) char *text = time_to_rfc3339(row->wall_ms);
    assert_string_equal(text, row->text);
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    for (int64_t wall_ms = 0; wall_ms < INT64_C(4000000000000); wall_ms += INT64_C(7654321) * SECOND_MS) {
        int64_t back;
        CLEANUP(freep) char *text = time_to_rfc3339(wall_ms);
        assert_true(time_from_rfc3339(text, &back));
        assert_int_equal(back, wall_ms);
    }
}

static const struct {
    const char *why;
    int64_t span_ms;
    const char *age;
} age_rows[] = {
    { "nothing", 0, "0s" },
    { "seconds are cut", 1999, "1s" },
    { "seconds up to two minutes", 119 * SECOND_MS, "119s" },
    { "two minutes", 120 * SECOND_MS, "2m" },
    { "minutes and seconds", 190 * SECOND_MS, "3m10s" },
    { "minutes from ten on", 10 * MINUTE_MS + 30 * SECOND_MS, "10m" },
    { "minutes up to three hours", 179 * MINUTE_MS, "179m" },
    { "three hours", 180 * MINUTE_MS, "3h" },
    { "hours and minutes", 7 * HOUR_MS + 59 * MINUTE_MS, "7h59m" },
    { "hours up to two days", 47 * HOUR_MS + 59 * MINUTE_MS, "47h" },
    { "two days", 48 * HOUR_MS, "2d" },
    { "days and hours", 49 * HOUR_MS, "2d1h" },
    { "days from eight on", 8 * DAY_MS + 2 * HOUR_MS, "8d" },
    { "days up to two years", 729 * DAY_MS, "729d" },
    { "years and days", (2 * 365 + 25) * DAY_MS, "2y25d" },
    { "whole years", 3 * 365 * DAY_MS, "3y" },
    { "years", (8 * 365 + 2) * DAY_MS, "8y" },
    { "clocks that differ a little", -1999, "0s" },
    { "from the future", -2000, "<invalid>" },
    { "as far as it goes", INT64_MAX, "292471208y" },
};

static void ages(void **state)
{
    const __typeof__(age_rows[0]) *row = *state;
    CLEANUP(freep) char *age = time_age(row->span_ms);
    assert_string_equal(age, row->age);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, parses, parse_rows);
    CHECK_ROWS(&list, prints, print_rows);
    CHECK_TEST(&list, what_is_printed_is_read_back);
    CHECK_ROWS(&list, ages, age_rows);
    return check_run("time", &list);
}
