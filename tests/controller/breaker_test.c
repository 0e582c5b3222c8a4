#include "controller/breaker.h"
#include "tests/check.h"

/*
 * A timetable: what happens at which time, and what is expected of it. `what`: '?' is a question due (expect 1 or 0), '+' and '-' an answer and
 * none (expect the turn), 's' a suspicion, 'h' a hurry, 'n' the next time.
 */
struct event {
    int64_t at_ms;
    char what;
    int64_t expect;
};
#define NEVER INT64_MAX

static const struct {
    const char *why;
    int64_t rest_ms;
    struct event events[24];
} rows[] = {
    { "the first question is due at once", 30000, { { 0, '?', 1 } } },
    { "one at a time", 30000, { { 0, '?', 1 }, { 0, '?', 0 }, { 90000, '?', 0 }, { 90000, 'n', NEVER } } },
    { "then at its regular time",
      30000,
      { { 0, '?', 1 }, { 10, '+', BREAKER_SAME }, { 10, 'n', 30010 }, { 30009, '?', 0 }, { 30010, '?', 1 } } },
    { "never without a regular time", 0, { { 0, '?', 1 }, { 10, '+', BREAKER_SAME }, { 10, 'n', NEVER } } },
    { "no answer opens", 30000, { { 0, '?', 1 }, { 5, '-', BREAKER_OPENED }, { 5, 'n', 505 } } },
    { "the interval grows up to a limit",
      30000,
      { { 0, '?', 1 },
        { 0, '-', BREAKER_OPENED },
        { 500, '?', 1 },
        { 500, '-', BREAKER_SAME },
        { 500, 'n', 1500 },
        { 1500, '?', 1 },
        { 1500, '-', BREAKER_SAME },
        { 1500, 'n', 3500 },
        { 3500, '?', 1 },
        { 3500, '-', BREAKER_SAME },
        { 7500, '?', 1 },
        { 7500, '-', BREAKER_SAME },
        { 15500, '?', 1 },
        { 15500, '-', BREAKER_SAME },
        { 31500, '?', 1 },
        { 31500, '-', BREAKER_SAME },
        { 31500, 'n', 61500 },
        { 61500, '?', 1 },
        { 61500, '-', BREAKER_SAME },
        { 61500, 'n', 91500 } } },
    { "an answer closes, and the interval begins anew",
      30000,
      { { 0, '?', 1 },
        { 0, '-', BREAKER_OPENED },
        { 500, '?', 1 },
        { 500, '-', BREAKER_SAME },
        { 1500, '?', 1 },
        { 1500, '+', BREAKER_CLOSED },
        { 1500, 'n', 31500 },
        { 31500, '?', 1 },
        { 31500, '-', BREAKER_OPENED },
        { 31500, 'n', 32000 } } },
    { "a suspicion asks before the time",
      30000,
      { { 0, '?', 1 }, { 0, '+', BREAKER_SAME }, { 5000, 's', 0 }, { 5000, 'n', 5000 }, { 5000, '?', 1 } } },
    { "but not again and again",
      30000,
      { { 0, '?', 1 }, { 0, '+', BREAKER_SAME }, { 100, 's', 0 }, { 200, 's', 0 }, { 200, 'n', 1000 } } },
    { "a suspicion while asking asks once more, when an answer came",
      0,
      { { 0, '?', 1 }, { 3000, 's', 0 }, { 4000, '+', BREAKER_SAME }, { 4000, 'n', 5000 } } },
    { "and needs not when none came",
      0,
      { { 0, '?', 1 }, { 3000, 's', 0 }, { 4000, '-', BREAKER_OPENED }, { 4000, 'n', 4500 } } },
    { "a suspicion of what is away changes nothing",
      30000,
      { { 0, '?', 1 }, { 0, '-', BREAKER_OPENED }, { 100, 's', 0 }, { 100, 'n', 500 } } },
    { "one asks for all: many suspicions, one question",
      0,
      { { 0, '?', 1 },
        { 0, '+', BREAKER_SAME },
        { 9000, 's', 0 },
        { 9000, 's', 0 },
        { 9000, 's', 0 },
        { 9000, '?', 1 },
        { 9001, '?', 0 },
        { 9002, '+', BREAKER_SAME },
        { 9002, 'n', NEVER } } },
    { "a hurry does not wait for the gap",
      30000,
      { { 0, '?', 1 }, { 0, '+', BREAKER_SAME }, { 10, 'h', 0 }, { 10, '?', 1 } } },
    { "a hurry while asking asks afterwards",
      30000,
      { { 0, '?', 1 }, { 10, 'h', 0 }, { 20, '?', 0 }, { 30, '+', BREAKER_SAME }, { 30, '?', 1 } } },
};

static void test_timetable(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct breaker breaker;
    breaker_init(&breaker, row->rest_ms, 0);
    for (const struct event *event = row->events; event->what; event++)
        switch (event->what) {
        case '?':
            assert_int_equal(breaker_take(&breaker, event->at_ms), event->expect);
            break;
        case 's':
            breaker_suspect(&breaker, event->at_ms);
            break;
        case 'h':
            breaker_hurry(&breaker, event->at_ms);
            break;
        case 'n':
            assert_int_equal(breaker_next_ms(&breaker), event->expect);
            break;
        default:
            assert_int_equal(breaker_note(&breaker, event->what == '+', event->at_ms), event->expect);
        }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_timetable, rows);
    return check_run("breaker", &list);
}
