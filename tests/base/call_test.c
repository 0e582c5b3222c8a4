/* The clock is this file's own: linked before the library, it takes the place of base/clock.c. */
#include "base/clock.h"
#include "tests/check.h"

static int64_t now_ms;

int64_t clock_mono_ms(void)
{
    return now_ms;
}

int64_t clock_wall_ms(void)
{
    return now_ms;
}

static const struct {
    const char *why;
    int64_t outer_deadline_ms;
    int64_t at_most_ms;
    int64_t deadline_ms; /* now is 1000 */
} within_rows[] = {
    { "none outside: the new one", 0, 500, 1500 },
    { "the outer one is earlier", 1200, 500, 1200 },
    { "the new one is earlier", 5000, 500, 1500 },
    { "the outer one is over", 900, 500, 900 },
    { "no time at all", 5000, 0, 1000 },
    { "already over, and never mistaken for none", 0, -1000, 1 },
    { "without end, no outer one", 0, INT64_MAX, 0 },
    { "without end, in an outer one", 5000, INT64_MAX, 5000 },
};

static void within(void **state)
{
    const __typeof__(within_rows[0]) *row = *state;
    static const int flag;
    now_ms = 1000;
    struct call outer = { .deadline_mono_ms = row->outer_deadline_ms, .cancelled = &flag };
    struct call inner = call_within(&outer, row->at_most_ms);
    assert_int_equal(inner.deadline_mono_ms, row->deadline_ms);
    assert_ptr_equal(inner.cancelled, &flag);
}

static void time_runs_out(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    now_ms = 1000;
    struct call call = call_within(NULL, 100);
    assert_int_equal(call_left_ms(&call), 100);
    assert_ok(call_check(&call, &err), &err);
    now_ms = 1099;
    assert_int_equal(call_left_ms(&call), 1);
    assert_ok(call_check(&call, &err), &err);
    now_ms = 1100;
    assert_int_equal(call_left_ms(&call), 0);
    assert_fails(call_check(&call, &err), &err, ERR_TIMEOUT);
    now_ms = 9000;
    assert_int_equal(call_left_ms(&call), 0);
}

static void cancelling(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int flag = 0;
    now_ms = 1000;
    struct call call = { .deadline_mono_ms = 500, .cancelled = &flag };
    assert_false(call_is_cancelled(&call));
    assert_fails(call_check(&call, &err), &err, ERR_TIMEOUT);
    __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    assert_true(call_is_cancelled(&call));
    assert_fails(call_check(&call, &err), &err, ERR_CANCELLED);
}

static void a_permission_lapses(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t permitted_until_ms = 2000;
    int flag = 1;
    now_ms = 1999;
    struct call outer = { .cancelled = &flag,
                          .deadline_mono_ms = 1500,
                          .permitted_until_mono_ms = &permitted_until_ms };
    struct call afterwards = call_afterwards(&outer, 100);
    assert_ok(call_check(&afterwards, &err), &err);
    assert_int_equal(call_left_ms(&afterwards), 100);
    now_ms = 2000;
    assert_fails(call_check(&afterwards, &err), &err, ERR_CANCELLED);
    struct call within = call_within(&afterwards, 50);
    assert_true(call_is_cancelled(&within));
    __atomic_store_n(&permitted_until_ms, 3000, __ATOMIC_RELEASE);
    assert_false(call_is_cancelled(&within));
}

static void without_a_call(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_int_equal(call_left_ms(NULL), INT64_MAX);
    assert_false(call_is_cancelled(NULL));
    assert_ok(call_check(NULL, &err), &err);
    assert_ok(call_check(&(struct call){ 0 }, &err), &err);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, within, within_rows);
    CHECK_TEST(&list, time_runs_out);
    CHECK_TEST(&list, cancelling);
    CHECK_TEST(&list, a_permission_lapses);
    CHECK_TEST(&list, without_a_call);
    return check_run("call", &list);
}
