#include "base/str.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *text;
    char separator;
    size_t count;
    const char *joined; /* with "|" */
} split_rows[] = {
    { "empty text gives no part", "", ',', 0, "" },
    { "one part", "sale", ',', 1, "sale" },
    { "two parts", "sale,purchase", ',', 2, "sale|purchase" },
    { "empty parts are kept", ",a,,b,", ',', 5, "|a||b|" },
    { "only a separator", ",", ',', 2, "|" },
    { "another separator", "a/b,c", '/', 2, "a|b,c" },
};

static void splits(void **state)
{
    const __typeof__(split_rows[0]) *row = *state;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_split(&list, row->text, row->separator);
    assert_int_equal(list.count, row->count);
    CLEANUP(freep) char *joined = strv_join(&list, "|");
    assert_string_equal(joined, row->joined);
}

static void grows_and_finds(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    for (int i = 0; i < 1000; i++)
        strv_addf(&list, "name-%d", i);
    strv_add(&list, "plain");
    strv_add_taken(&list, mem_strdup("taken"));
    assert_int_equal(list.count, 1002);
    assert_string_equal(list.items[999], "name-999");
    assert_true(strv_has(&list, "name-0"));
    assert_true(strv_has(&list, "taken"));
    assert_false(strv_has(&list, "name-1000"));
}

static void splitting_adds_to_what_is_there(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_add(&list, "first");
    strv_split(&list, "a b", ' ');
    CLEANUP(freep) char *joined = strv_join(&list, ", ");
    assert_string_equal(joined, "first, a, b");
}

static void copies_are_equal_and_independent(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv from = STRV_INIT;
    CLEANUP(strv_release) struct strv to = STRV_INIT;
    assert_true(strv_equal(&from, &to));
    strv_split(&from, "a,b", ',');
    strv_add(&to, "old");
    assert_false(strv_equal(&from, &to));
    strv_copy(&to, &from);
    assert_true(strv_equal(&from, &to));
    assert_ptr_not_equal(from.items[0], to.items[0]);
    strv_copy(&to, &to);
    assert_true(strv_equal(&from, &to));
    strv_add(&to, "c");
    assert_false(strv_equal(&from, &to));
}

static void order_counts(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv a = STRV_INIT;
    CLEANUP(strv_release) struct strv b = STRV_INIT;
    strv_split(&a, "x,y", ',');
    strv_split(&b, "y,x", ',');
    assert_false(strv_equal(&a, &b));
}

static void sorting_is_by_bytes(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_sort(&list);
    strv_split(&list, "b,a,\xC3\xA4,,B,a10,a9", ',');
    strv_sort(&list);
    CLEANUP(freep) char *joined = strv_join(&list, ",");
    assert_string_equal(joined, ",B,a,a10,a9,b,\xC3\xA4");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, splits, split_rows);
    CHECK_TEST(&list, grows_and_finds);
    CHECK_TEST(&list, splitting_adds_to_what_is_there);
    CHECK_TEST(&list, copies_are_equal_and_independent);
    CHECK_TEST(&list, order_counts);
    CHECK_TEST(&list, sorting_is_by_bytes);
    return check_run("strv", &list);
}
