/* When schedules are due: missed runs, one for all, and the delay that spreads them. */
#include "specs/schedule.h"
#include "tests/check.h"

/* Monday, 2026-03-02 00:00 UTC. */
#define MONDAY INT64_C(1772409600000)

static struct cron cron_of(const char *text)
{
    struct cron cron;
    struct err err = ERR_INIT;
    assert_ok(cron_parse(text, &cron, &err), &err);
    return cron;
}

static const struct {
    const char *why, *cron;
    int64_t now_ms, last_ms;
} last_rows[] = {
    { "this very minute", "0 3 * * *", MONDAY + 3 * HOUR_MS, MONDAY + 3 * HOUR_MS },
    { "just before", "0 3 * * *", MONDAY + 3 * HOUR_MS - 1, MONDAY - 21 * HOUR_MS },
    { "every minute", "* * * * *", MONDAY + 90 * SECOND_MS, MONDAY + MINUTE_MS },
    { "once a week", "0 0 * * 0", MONDAY, MONDAY - DAY_MS },
    { "once a month", "30 1 1 * *", MONDAY, MONDAY - DAY_MS + 90 * MINUTE_MS },
    { "once a year", "0 0 1 1 *", MONDAY, MONDAY - 60 * DAY_MS },
    { "a leap day", "0 0 29 2 *", MONDAY, MONDAY - 732 * DAY_MS },
};

static void last(void **state)
{
    const __typeof__(last_rows[0]) *row = *state;
    struct cron cron = cron_of(row->cron);
    int64_t seen_ms = schedule_last_ms(&cron, row->now_ms);
    CLEANUP(freep) char *seen = time_to_rfc3339(seen_ms);
    CLEANUP(freep) char *wanted = time_to_rfc3339(row->last_ms);
    assert_string_equal(seen, wanted);
}

static void the_delay_is_stable_and_bounded(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *"), often = cron_of("*/4 * * * *");
    int64_t least_ms = INT64_MAX, most_ms = 0;
    for (int i = 0; i < 1000; i++) {
        CLEANUP(freep) char *uid = mem_printf("uid-%d", i);
        int64_t delay_ms = schedule_delay_ms(&daily, uid, MONDAY);
        assert_int_equal(delay_ms, schedule_delay_ms(&daily, uid, MONDAY + 5 * DAY_MS));
        assert_true(delay_ms >= 0 && delay_ms < 15 * MINUTE_MS);
        assert_true(schedule_delay_ms(&often, uid, MONDAY) < MINUTE_MS);
        least_ms = delay_ms < least_ms ? delay_ms : least_ms;
        most_ms = delay_ms > most_ms ? delay_ms : most_ms;
    }
    assert_true(least_ms < MINUTE_MS && most_ms > 14 * MINUTE_MS); /* they spread over all of it */
}

/* A thousand at the same time do not begin within one second. */
static void a_thousand_do_not_start_at_once(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *");
    int seconds[900] = { 0 };
    int most = 0;
    for (int i = 0; i < 1000; i++) {
        CLEANUP(freep) char *uid = mem_printf("uid-%d", i);
        int second = (int)(schedule_delay_ms(&daily, uid, MONDAY) / SECOND_MS);
        if (++seconds[second] > most)
            most = seconds[second];
    }
    assert_true(most <= 10);
}

static void due(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *");
    const char *uid = "some-uid";
    int64_t slot_ms = MONDAY + 3 * HOUR_MS, delay_ms = schedule_delay_ms(&daily, uid, MONDAY);
    int64_t before_ms = slot_ms - DAY_MS;
    assert_int_equal(schedule_due_ms(&daily, uid, before_ms, slot_ms + delay_ms - 1), 0);
    assert_int_equal(schedule_due_ms(&daily, uid, before_ms, slot_ms + delay_ms), slot_ms);
    assert_int_equal(schedule_due_ms(&daily, uid, slot_ms, slot_ms + delay_ms), 0); /* done */
    assert_int_equal(schedule_next_ms(&daily, uid, slot_ms + delay_ms - 1), slot_ms + delay_ms);
    assert_int_equal(schedule_next_ms(&daily, uid, slot_ms + delay_ms), slot_ms + DAY_MS + delay_ms);
}

/* After ten days asleep there is one to make up, the newest; and then none. */
static void missed_ones_are_one(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *");
    int64_t now_ms = MONDAY + 10 * DAY_MS + 12 * HOUR_MS;
    int64_t slot_ms = schedule_due_ms(&daily, "u", MONDAY, now_ms);
    assert_int_equal(slot_ms, MONDAY + 10 * DAY_MS + 3 * HOUR_MS);
    assert_int_equal(schedule_due_ms(&daily, "u", slot_ms, now_ms), 0);
}

/* Set at noon, it does not run for this morning. */
static void what_was_before_it_was_set_is_not_made_up(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *");
    int64_t noon_ms = MONDAY + 12 * HOUR_MS;
    assert_int_equal(schedule_due_ms(&daily, "u", noon_ms, noon_ms + HOUR_MS), 0);
    assert_true(schedule_due_ms(&daily, "u", noon_ms, noon_ms + DAY_MS) != 0);
}

static void periods(void **state)
{
    (void)state;
    struct cron daily = cron_of("0 3 * * *"), minutely = cron_of("* * * * *"), weekly = cron_of("0 3 * * 0");
    assert_int_equal(schedule_period_ms(&daily, MONDAY), DAY_MS);
    assert_int_equal(schedule_period_ms(&minutely, MONDAY), MINUTE_MS);
    assert_int_equal(schedule_period_ms(&weekly, MONDAY), 7 * DAY_MS);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, last, last_rows);
    CHECK_TEST(&list, the_delay_is_stable_and_bounded);
    CHECK_TEST(&list, a_thousand_do_not_start_at_once);
    CHECK_TEST(&list, due);
    CHECK_TEST(&list, missed_ones_are_one);
    CHECK_TEST(&list, what_was_before_it_was_set_is_not_made_up);
    CHECK_TEST(&list, periods);
    return check_run("schedule", &list);
}
