/* Tables by width. */
#include <locale.h>

#include "cli/table.h"
#include "tests/check.h"

static const struct {
    const char *why;
    size_t widths[4], least[4], room, fitted[4];
} rows[] = {
    { "all fit", { 5, 6, 7, 8 }, { 0 }, 32, { 5, 6, 7, 8 } },
    { "the widest gives", { 5, 6, 30, 8 }, { 0 }, 40, { 5, 6, 15, 8 } },
    { "two wide ones share", { 5, 5, 40, 40 }, { 0 }, 56, { 5, 5, 20, 20 } },
    { "what is left over goes to the first", { 5, 5, 40, 40 }, { 0 }, 57, { 5, 5, 21, 20 } },
    { "none below 8", { 30, 30, 30, 30 }, { 0 }, 10, { 8, 8, 8, 8 } },
    { "none below its own least", { 30, 30, 30, 30 }, { 12, 0, 0, 0 }, 10, { 12, 8, 8, 8 } },
    { "narrow ones stay", { 3, 2, 1, 100 }, { 0 }, 30, { 3, 2, 1, 18 } },
};

static void fits(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    size_t widths[4];
    memcpy(widths, row->widths, sizeof(widths));
    table_fit(widths, row->least, 4, row->room);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(widths[i], row->fitted[i]);
}

static void fill(struct table *table, const char *const *cells, size_t rows_wanted)
{
    for (size_t i = 0; i < 3; i++)
        strv_add(&table->header, cells[i]);
    for (size_t row = 1; row <= rows_wanted; row++) {
        struct strv *out = table_add_row(table);
        for (size_t i = 0; i < 3; i++)
            strv_add(out, cells[row * 3 + i]);
    }
}

static const char *const cells[] = {
    "NAME", "STATUS", "MESSAGE", "erp", "Running", "", "crm", "Failed", "a long story"
};

static void prints(void **state)
{
    (void)state;
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal file = { .width = 10 };
    fill(&table, cells, 2);
    table_print(&table, &file, TABLE_WITH_HEADER, NULL, &out);
    assert_string_equal(out.text, "NAME  STATUS   MESSAGE\n"
                                  "erp   Running  -\n"
                                  "crm   Failed   a long story\n");
}

static void is_cut_on_a_terminal_only(void **state)
{
    (void)state;
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal narrow = { .is_terminal = true, .width = 24 };
    fill(&table, cells, 2);
    table_print(&table, &narrow, TABLE_WITHOUT_HEADER, NULL, &out);
    assert_string_equal(out.text, "erp  Running  -\n"
                                  "crm  Failed   a long ...\n");
}

static void has_colours_where_there_are_some(void **state)
{
    (void)state;
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal colour = { .is_terminal = true, .has_colour = true, .width = 80 };
    fill(&table, cells, 1);
    table_print(&table, &colour, TABLE_WITHOUT_HEADER, NULL, &out);
    assert_string_equal(out.text, "erp  \033[32mRunning\033[0m  -\n");
}

static void later_rows_stand_under_the_first(void **state)
{
    (void)state;
    CLEANUP(table_release) struct table first = { 0 };
    CLEANUP(table_release) struct table later = { 0 };
    CLEANUP(table_widths_release) struct table_widths widths = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal file = { 0 };
    static const char *const short_cells[] = { "A", "B", "C", "x", "y", "z" };
    fill(&first, cells, 1);
    fill(&later, short_cells, 1);
    table_print(&first, &file, TABLE_WITH_HEADER, &widths, &out);
    str_clear(&out);
    table_print(&later, &file, TABLE_WITHOUT_HEADER, &widths, &out);
    assert_string_equal(out.text, "x     y        z\n");
}

/* ---- texts ---- */

static const struct {
    const char *why, *text;
    size_t width;
    const char *cut;
} texts[] = {
    { "fits", "abc", 3, "abc" },
    { "is cut", "abcdef", 5, "ab..." },
    { "too narrow for dots", "abcdef", 3, "abc" },
    { "no room", "abc", 0, "" },
    { "two-byte characters", "äöüß", 4, "äöüß" },
    { "two-byte characters, cut", "äöüßäöüß", 6, "äöü..." },
    { "wide characters", "日本語", 6, "日本語" },
    { "wide characters, cut", "日本語日本語", 8, "日本..." },
    { "escape sequences are harmless", "a\033[31mb", 20, "a?[31mb" },
    { "line ends are harmless", "a\nb\r", 20, "a?b?" },
    { "eight-bit controls are harmless",
      "a\xC2\x9B"
      "31m",
      20, "a?31m" },
    { "no UTF-8",
      "a\xFF"
      "b",
      20, "a?b" },
};

static void cuts(void **state)
{
    const __typeof__(texts[0]) *row = *state;
    CLEANUP(str_release) struct str out = STR_INIT;
    setlocale(LC_CTYPE, "C.UTF-8");
    size_t used = text_add_cut(&out, row->text, row->width);
    assert_string_equal(out.text, row->cut);
    assert_true(used <= row->width);
    assert_int_equal(used, text_width(out.text));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, fits, rows);
    CHECK_ROWS(&list, cuts, texts);
    CHECK_TEST(&list, prints);
    CHECK_TEST(&list, is_cut_on_a_terminal_only);
    CHECK_TEST(&list, has_colours_where_there_are_some);
    CHECK_TEST(&list, later_rows_stand_under_the_first);
    return check_run("cli/table", &list);
}
