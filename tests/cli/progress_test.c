/* Progress, on a terminal and in a file. */
#include "cli/progress.h"
#include "tests/check.h"

#define ROW(name_, phase_, doing_, also_, state_)                                                                      \
    {                                                                                                                  \
        .name = (name_), .phase = (phase_), .doing = (doing_), .also = (also_), .state = PROGRESS_##state_,            \
        .elapsed_ms = 65000                                                                                            \
    }

static void a_file_gets_a_line_per_change(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    const struct terminal file = { 0 };
    struct progress_row rows[] = { ROW("a", "Pending", "", "", WAITING), ROW("b", "Pending", "pull", "", WAITING) };
    CLEANUP(progress_freep) struct progress *progress = progress_new(stream, &file);
    progress_show(progress, rows, 2);
    rows[1].also = "tries again in 5s";
    rows[1].elapsed_ms = 70000;
    progress_show(progress, rows, 2); /* only a countdown: no news */
    rows[0] = (struct progress_row)ROW("a", "Ready", "", "", DONE);
    progress_show(progress, rows, 2);
    progress_show(progress, rows, 2);
    fclose(stream);
    assert_string_equal(text, "b  Pending         65s  pull\n"
                              "a  Ready           65s\n");
    free(text);
}

static const struct {
    const char *why;
    struct progress_row row;
    size_t width;
    const char *line;
} rows[] = {
    { "whole", ROW("instance/erp", "Provisioning", "put-role", "again in 5s", WAITING), 80,
      "instance/erp  Provisioning    65s  put-role; again in 5s" },
    { "cut", ROW("instance/erp", "Provisioning", "put-role", "again in 5s", WAITING), 45,
      "instance/erp  Provisioning    65s  put-rol..." },
    { "no room", ROW("instance/erp", "Provisioning", "put-role", "", WAITING), 20,
      "instance/erp  Provisioning    65s" },
    { "an escape sequence", ROW("instance/erp", "Pending", "a\033[2Jb", "", WAITING), 80,
      "instance/erp  Pending         65s  a?[2Jb" },
};

static void lines(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    const struct terminal plain = { .is_terminal = true, .width = 80, .height = 24 };
    CLEANUP(str_release) struct str line = STR_INIT;
    progress_line(&row->row, &plain, 0, row->width, &line);
    assert_string_equal(line.text, row->line);
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        found++;
    return found;
}

static void a_terminal_is_painted_over(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    const struct terminal terminal = { .is_terminal = true, .width = 60, .height = 24 };
    struct progress_row two[] = { ROW("a", "Pending", "x", "", WAITING), ROW("b", "Ready", "", "", DONE) };
    CLEANUP(progress_freep) struct progress *progress = progress_new(stream, &terminal);
    progress_show(progress, two, 2);
    progress_show(progress, two, 2);
    fclose(stream);
    assert_int_equal(count(text, "\033[2A"), 1);
    assert_int_equal(count(text, "\033[K\n"), 4);
    free(text);
}

static void more_than_the_terminal_has_lines(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    const struct terminal terminal = { .is_terminal = true, .width = 60, .height = 6 };
    struct progress_row many[10];
    CLEANUP(progress_freep) struct progress *progress = progress_new(stream, &terminal);
    for (size_t i = 0; i < 10; i++)
        many[i] = i < 3 ? (struct progress_row)ROW("done", "Ready", "", "", DONE)
                        : (struct progress_row)ROW("busy", "Pending", "", "", WAITING);
    progress_show(progress, many, 10);
    fclose(stream);
    assert_int_equal(count(text, "busy"), 3);
    assert_int_equal(count(text, "done"), 1); /* the last line's */
    assert_contains(text, "3 done, 4 more not shown");
    free(text);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, lines, rows);
    CHECK_TEST(&list, a_file_gets_a_line_per_change);
    CHECK_TEST(&list, a_terminal_is_painted_over);
    CHECK_TEST(&list, more_than_the_terminal_has_lines);
    return check_run("cli/progress", &list);
}
