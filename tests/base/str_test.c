#include "base/str.h"
#include "tests/check.h"

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str str = STR_INIT;
    assert_string_equal(str.text, "");
    for (int i = 0; i < 1000; i++) {
        str_addc(&str, 'x');
        assert_int_equal(str.len, i + 1);
        assert_int_equal(str.text[str.len], '\0');
        assert_true(str.capacity > str.len);
    }
    str_clear(&str);
    assert_string_equal(str.text, "");
    assert_true(str.capacity > 1000);
}

static void nothing_added_allocates_nothing(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str str = STR_INIT;
    str_add(&str, "");
    str_addn(&str, NULL, 0);
    str_addf(&str, "%s", "");
    str_clear(&str);
    assert_int_equal(str.capacity, 0);
    assert_ptr_equal(str.text, str_empty);
}

static void printf_grows_at_every_length(void **state)
{
    (void)state;
    for (int len = 0; len < 200; len++) {
        CLEANUP(str_release) struct str str = STR_INIT;
        str_add(&str, "ab");
        str_addf(&str, "%*s", len, "");
        assert_int_equal(str.len, 2 + len);
        assert_int_equal(strlen(str.text), 2 + len);
    }
}

static void bytes_may_hold_nul(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str str = STR_INIT;
    str_addn(&str, "a\0b", 3);
    str_add(&str, "c");
    assert_int_equal(str.len, 4);
    assert_memory_equal(str.text, "a\0bc", 5);
}

static void stealing(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str str = STR_INIT;
    CLEANUP(freep) char *empty = str_steal(&str);
    assert_string_equal(empty, "");
    assert_ptr_not_equal(empty, str_empty);
    str_add(&str, "text");
    CLEANUP(freep) char *text = str_steal(&str);
    assert_string_equal(text, "text");
    assert_string_equal(str.text, "");
    assert_int_equal(str.capacity, 0);
}

static void moving(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str from = STR_INIT;
    CLEANUP(str_release) struct str to = STR_INIT;
    str_add(&from, "new");
    str_add(&to, "old");
    str_move(&to, &from);
    assert_string_equal(to.text, "new");
    assert_string_equal(from.text, "");
    str_move(&to, &to);
    assert_string_equal(to.text, "new");
}

static void comparing(void **state)
{
    (void)state;
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_false(str_equal("", NULL));
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "ab"));
    assert_true(str_starts_with("tenant", ""));
    assert_true(str_starts_with("tenant", "ten"));
    assert_false(str_starts_with("ten", "tenant"));
    assert_true(str_ends_with("tenant", "ant"));
    assert_true(str_ends_with("tenant", ""));
    assert_false(str_ends_with("ant", "tenant"));
    assert_false(str_ends_with("tenant", "Ant"));
}

static const struct {
    const char *why;
    const char *text;
    size_t len;
    bool is_utf8;
    const char *repaired;
} utf8_rows[] = {
    { "empty", "", 0, true, "" },
    { "ASCII", "erp", 3, true, "erp" },
    { "two, three and four bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98", 9, true,
      "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98" },
    { "first of each length", "\xC2\x80\xE0\xA0\x80\xF0\x90\x80\x80", 9, true, "\xC2\x80\xE0\xA0\x80\xF0\x90\x80\x80" },
    { "last before and first after the surrogates", "\xED\x9F\xBF\xEE\x80\x80", 6, true, "\xED\x9F\xBF\xEE\x80\x80" },
    { "U+10FFFF", "\xF4\x8F\xBF\xBF", 4, true, "\xF4\x8F\xBF\xBF" },
    { "above U+10FFFF", "\xF4\x90\x80\x80", 4, false, "\uFFFD\uFFFD\uFFFD\uFFFD" },
    { "overlong slash", "\xC0\xAF", 2, false, "\uFFFD\uFFFD" },
    { "overlong in three", "\xE0\x80\xAF", 3, false, "\uFFFD\uFFFD\uFFFD" },
    { "overlong in four", "\xF0\x80\x80\xAF", 4, false, "\uFFFD\uFFFD\uFFFD\uFFFD" },
    { "surrogate", "\xED\xA0\x80", 3, false, "\uFFFD\uFFFD\uFFFD" },
    { "lonely continuation", "a\x80z", 3, false, "a\uFFFDz" },
    { "cut at the end", "a\xE2\x82", 3, false, "a\uFFFD\uFFFD" },
    { "lead byte before ASCII", "\xC3(", 2, false, "\uFFFD(" },
    { "third byte wrong", "\xE2\x82(", 3, false, "\uFFFD\uFFFD(" },
    { "Latin-1", "caf\xE9", 4, false, "caf\uFFFD" },
    { "bytes that never occur", "\xFE\xFF", 2, false, "\uFFFD\uFFFD" },
    { "NUL", "a\0b", 3, false, "a\uFFFDb" },
};

static void utf8(void **state)
{
    const __typeof__(utf8_rows[0]) *row = *state;
    CLEANUP(freep) char *exact = mem_grow(NULL, row->len, 1); /* so that ASan sees a read past its end */
    memcpy(exact, row->text, row->len);
    assert_int_equal(str_is_utf8(exact, row->len), row->is_utf8);
    CLEANUP(str_release) struct str repaired = STR_INIT;
    str_add_utf8(&repaired, exact, row->len);
    assert_string_equal(repaired.text, row->repaired);
}

static const struct {
    const char *why;
    const char *text;
    int64_t min;
    int64_t max;
    bool is_fine;
    int64_t value;
} int_rows[] = {
    { "zero", "0", 0, 10, true, 0 },
    { "minus zero", "-0", 0, 10, true, 0 },
    { "negative", "-7", -10, 10, true, -7 },
    { "at the upper bound", "10", 0, 10, true, 10 },
    { "over the upper bound", "11", 0, 10, false, 0 },
    { "under the lower bound", "-1", 0, 10, false, 0 },
    { "INT64_MAX", "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
    { "INT64_MIN", "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
    { "one past INT64_MAX", "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
    { "one below INT64_MIN", "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
    { "a hundred digits", "9999999999999999999999999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
    { "leading zeros", "0080", 0, 100, true, 80 },
    { "empty", "", 0, 10, false, 0 },
    { "only a sign", "-", -10, 10, false, 0 },
    { "two signs", "--1", -10, 10, false, 0 },
    { "plus", "+1", 0, 10, false, 0 },
    { "blank before", " 1", 0, 10, false, 0 },
    { "blank after", "1 ", 0, 10, false, 0 },
    { "hexadecimal", "0x1", 0, 10, false, 0 },
    { "fraction", "1.0", 0, 10, false, 0 },
    { "not ASCII", "\xD9\xA1", 0, 10, false, 0 },
};

static void parse_int64(void **state)
{
    const __typeof__(int_rows[0]) *row = *state;
    int64_t value = 4711;
    assert_int_equal(str_parse_int64(row->text, row->min, row->max, &value), row->is_fine);
    assert_int_equal(value, row->is_fine ? row->value : 4711);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, grows_and_stays_terminated);
    CHECK_TEST(&list, nothing_added_allocates_nothing);
    CHECK_TEST(&list, printf_grows_at_every_length);
    CHECK_TEST(&list, bytes_may_hold_nul);
    CHECK_TEST(&list, stealing);
    CHECK_TEST(&list, moving);
    CHECK_TEST(&list, comparing);
    CHECK_ROWS(&list, utf8, utf8_rows);
    CHECK_ROWS(&list, parse_int64, int_rows);
    return check_run("str", &list);
}
