/* Retention over months of history, and what it must never do. */
#include "specs/retention.h"
#include "tests/check.h"

#define MAX 1000
/* Monday, 2026-03-02 03:00 UTC. */
#define MONDAY INT64_C(1772420400000)

struct history {
    struct retention_point points[MAX];
    unsigned kept[MAX];
    size_t count;
};

static void add(struct history *history, int64_t time_ms)
{
    history->points[history->count++] = (struct retention_point){ .time_ms = time_ms, .is_verified = true };
}

static void decide(struct history *history, const struct instance_retention *rules)
{
    retention_decide(rules, history->points, history->count, history->kept);
}

/* The ages in days of those that stay, the youngest first. */
static char *ages(const struct history *history, int64_t now_ms)
{
    struct str out = STR_INIT;
    for (size_t i = history->count; i-- > 0;)
        if (history->kept[i])
            str_addf(&out, "%s%" PRId64, out.len ? " " : "", (now_ms - history->points[i].time_ms) / DAY_MS);
    return str_steal(&out);
}

/* One each day for `days` days until MONDAY, the oldest first. */
static void fill_daily(struct history *history, int days)
{
    for (int i = days - 1; i >= 0; i--)
        add(history, MONDAY - i * DAY_MS);
}

static const struct {
    const char *why;
    int days;
    struct instance_retention rules;
    const char *ages;
} rows[] = {
    { "nothing", 0, { .last = 3 }, "" },
    { "one alone", 1, { .last = 3 }, "0" },
    { "the last three", 10, { .last = 3 }, "0 1 2" },
    { "last 1", 10, { .last = 1 }, "0" },
    { "fewer than asked for", 2, { .last = 5, .daily = 5 }, "0 1" },
    { "daily", 10, { .daily = 4 }, "0 1 2 3" },
    { "weekly: each week's newest, and weeks begin on Monday", 30, { .weekly = 4 }, "0 1 8 15" },
    { "monthly: each month's newest", 100, { .monthly = 3 }, "0 2 30" },
    { "rules add up", 120, { .last = 2, .daily = 3, .weekly = 2, .monthly = 4 }, "0 1 2 30 61" },
    { "no rule at all: the default", 120, { 0 }, "0 1 2 3 4 5 6 8 15 30" },
};

static void days(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct history history = { 0 };
    fill_daily(&history, row->days);
    decide(&history, &row->rules);
    CLEANUP(freep) char *seen = ages(&history, MONDAY);
    assert_string_equal(seen, row->ages);
}

/* Day by day for a year, deleting as it says: at each moment there is what the rules promise, and never more than they allow. */
static void a_year_day_by_day(void **state)
{
    (void)state;
    const struct instance_retention rules = { .last = 3, .daily = 7, .weekly = 4, .monthly = 6 };
    struct history history = { 0 };
    for (int day = 0; day < 400; day++) {
        add(&history, MONDAY + day * DAY_MS);
        decide(&history, &rules);
        size_t left = 0;
        for (size_t i = 0; i < history.count; i++)
            if (history.kept[i])
                history.points[left++] = history.points[i];
        history.count = left;
        assert_int_equal(history.points[left - 1].time_ms, MONDAY + day * DAY_MS);
        assert_true(left <= 3 + 7 + 4 + 6);
        for (int back = 0; back < 7 && back <= day; back++) /* each of the last seven days */
            assert_int_equal(history.points[left - 1 - (size_t)back].time_ms, MONDAY + (day - back) * DAY_MS);
        if (day > 200) /* six months back there is one of each */
            assert_true(MONDAY + day * DAY_MS - history.points[0].time_ms > 120 * DAY_MS);
    }
}

static void many_in_one_day(void **state)
{
    (void)state;
    const struct instance_retention rules = { .daily = 2 };
    struct history history = { 0 };
    for (int i = 47; i >= 0; i--) /* Tuesday 02:00 back to Sunday 03:00 */
        add(&history, MONDAY + 23 * HOUR_MS - i * HOUR_MS);
    decide(&history, &rules);
    size_t kept = 0;
    for (size_t i = 0; i < history.count; i++)
        kept += history.kept[i] != 0;
    assert_int_equal(kept, 2);
    assert_true(history.kept[47] != 0);
    assert_true(history.kept[44] != 0); /* Monday 23:00 */
}

static void the_newest_verified_one_never_goes(void **state)
{
    (void)state;
    const struct instance_retention rules = { .last = 1 };
    struct history history = { 0 };
    fill_daily(&history, 5);
    for (size_t i = 1; i < 5; i++)
        history.points[i].is_verified = false;
    decide(&history, &rules);
    assert_true(history.kept[0] & KEPT_NEWEST_VERIFIED);
    for (size_t i = 1; i < 5; i++) /* newer than that one: they may be the next to count */
        assert_int_equal(history.kept[i], KEPT_YOUNG);
}

static void what_was_never_read_back_takes_no_place(void **state)
{
    (void)state;
    const struct instance_retention rules = { .last = 2 };
    struct history history = { 0 };
    fill_daily(&history, 5);
    history.points[3].is_verified = false;
    decide(&history, &rules);
    assert_true(history.kept[4] & KEPT_LAST);
    assert_int_equal(history.kept[3], 0);
    assert_true(history.kept[2] & KEPT_LAST);
    assert_int_equal(history.kept[1], 0);
}

static void one_in_use_stays(void **state)
{
    (void)state;
    const struct instance_retention rules = { .last = 1 };
    struct history history = { 0 };
    fill_daily(&history, 5);
    history.points[1].is_in_use = true;
    decide(&history, &rules);
    assert_int_equal(history.kept[1], KEPT_IN_USE);
    assert_int_equal(history.kept[0], 0);
}

static void any_order_and_equal_times(void **state)
{
    (void)state;
    const struct instance_retention rules = { .last = 1 };
    struct history history = { 0 };
    add(&history, MONDAY);
    add(&history, MONDAY);
    add(&history, MONDAY - DAY_MS);
    decide(&history, &rules);
    assert_true(history.kept[0] != 0);
    assert_int_equal(history.kept[1], 0);
    assert_int_equal(history.kept[2], 0);
}

static void deleted_ones_expire(void **state)
{
    (void)state;
    assert_false(retention_is_expired(0, 10, 1000));
    assert_false(retention_is_expired(500, 501, 1000));
    assert_true(retention_is_expired(500, 500, 1000));
    assert_true(retention_is_expired(500, 0, 500));
}

static void words(void **state)
{
    (void)state;
    CLEANUP(freep) char *none = retention_wording(0);
    CLEANUP(freep) char *some = retention_wording(KEPT_DAILY | KEPT_LAST);
    assert_string_equal(none, "");
    assert_string_equal(some, "last, daily");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, days, rows);
    CHECK_TEST(&list, a_year_day_by_day);
    CHECK_TEST(&list, many_in_one_day);
    CHECK_TEST(&list, the_newest_verified_one_never_goes);
    CHECK_TEST(&list, what_was_never_read_back_takes_no_place);
    CHECK_TEST(&list, one_in_use_stays);
    CHECK_TEST(&list, any_order_and_equal_times);
    CHECK_TEST(&list, deleted_ones_expire);
    CHECK_TEST(&list, words);
    return check_run("retention", &list);
}
