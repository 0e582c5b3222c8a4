#include "controller/backoff.h"
#include "tests/check.h"

static const struct {
    const char *why;
    int64_t first_ms, max_ms;
    int attempts;
    uint64_t random;
    int64_t wait_ms;
} rows[] = {
    { "the first wait", 1000, 300000, 1, 0, 1000 },
    { "doubled", 1000, 300000, 2, 0, 2000 },
    { "and again", 1000, 300000, 5, 0, 16000 },
    { "up to the limit", 1000, 300000, 10, 0, 300000 },
    { "and no further", 1000, 300000, 1000, 0, 300000 },
    { "jitter takes up to a quarter", 1000, 300000, 1, UINT64_MAX, 751 },
    { "half of it", 1000, 300000, 1, UINT64_C(1) << 63, 875 },
    { "of the limit, too", 1000, 300000, 1000, UINT64_MAX, 225001 },
    { "a limit below the second wait", 1000, 1500, 2, 0, 1500 },
    { "first and limit alike", 50, 50, 7, 0, 50 },
    { "too short for a jitter", 3, 300000, 1, UINT64_MAX, 3 },
    { "a limit near the end of numbers", INT64_MAX / 2, INT64_MAX - 1, 3, 0, INT64_MAX - 1 },
};

static struct record_key key_of(const char *name)
{
    struct record_key key;
    assert_true(record_key_set(&key, KIND_INSTANCE, "acme", name));
    return key;
}

static void test_wait(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct backoff *backoff = backoff_new(row->first_ms, row->max_ms);
    struct record_key key = key_of("erp");
    int64_t wait_ms = 0;
    for (int i = 0; i < row->attempts; i++)
        wait_ms = backoff_fail(backoff, &key, 1, row->random);
    assert_int_equal(wait_ms, row->wait_ms);
    assert_int_equal(backoff_attempts(backoff, &key), row->attempts);
    backoff_free(backoff);
}

static void test_resets(void **state)
{
    (void)state;
    struct backoff *backoff = backoff_new(100, 10000);
    struct record_key key = key_of("erp"), other = key_of("shop");
    assert_int_equal(backoff_fail(backoff, &key, 1, 0), 100);
    assert_int_equal(backoff_fail(backoff, &key, 1, 0), 200);
    assert_int_equal(backoff_fail(backoff, &other, 1, 0), 100);
    assert_int_equal(backoff_fail(backoff, &key, 2, 0), 100); /* a new generation */
    assert_int_equal(backoff_fail(backoff, &key, 2, 0), 200);
    assert_true(backoff_forget(backoff, &key));
    assert_false(backoff_forget(backoff, &key));
    assert_int_equal(backoff_attempts(backoff, &key), 0);
    assert_int_equal(backoff_fail(backoff, &key, 2, 0), 100);
    assert_int_equal(backoff_attempts(backoff, &other), 1);
    backoff_free(backoff);
}

static void test_restore(void **state)
{
    (void)state;
    struct backoff *backoff = backoff_new(100, 10000);
    struct record_key key = key_of("erp");
    backoff_restore(backoff, &key, 3, 4);
    assert_int_equal(backoff_attempts(backoff, &key), 4);
    assert_int_equal(backoff_fail(backoff, &key, 3, 0), 1600);
    backoff_restore(backoff, &key, 3, 4);
    assert_int_equal(backoff_fail(backoff, &key, 4, 0), 100);
    backoff_free(backoff);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_wait, rows);
    CHECK_TEST(&list, test_resets);
    CHECK_TEST(&list, test_restore);
    return check_run("backoff", &list);
}
