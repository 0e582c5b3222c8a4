#include "base/str.h"
#include "controller/marks.h"
#include "tests/check.h"

/* "name:what it was" of each that is news to the list, and of each that has gone with a "-". */
static void note_gone(void *context, const char *name, const char *text)
{
    strv_addf(context, "-%s:%s", name, text);
}

static char *read_list(struct marks *marks, const char *const (*list)[2])
{
    CLEANUP(strv_release) struct strv news = STRV_INIT;
    marks_begin(marks);
    for (; (*list)[0]; list++) {
        CLEANUP(freep) char *before = NULL;
        if (!marks_note(marks, (*list)[0], (*list)[1], &before))
            strv_addf(&news, "%s:%s", (*list)[0], before ? before : "(new)");
    }
    marks_end(marks, note_gone, &news);
    strv_sort(&news);
    return strv_join(&news, " ");
}

static void lists_in_a_row(void **state)
{
    static const struct {
        const char *list[4][2];
        const char *news;
    } rows[] = {
        { { { "a", "1" }, { "b", "1" } }, "a:(new) b:(new)" },
        { { { "a", "1" }, { "b", "1" } }, "" },
        { { { "b", "2" }, { "a", "1" }, { "c", "" } }, "b:1 c:(new)" },
        { { { "c", "" } }, "-a:1 -b:2" },
        { { { "a", "1" }, { "c", "" } }, "a:(new)" }, /* what has gone and comes back is new */
        { { { NULL } }, "-a:1 -c:" },
        { { { NULL } }, "" },
    };
    struct marks *marks = marks_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(freep) char *news = read_list(marks, rows[i].list);
        assert_string_equal(news, rows[i].news);
    }
    marks_free(marks);
    marks_free(NULL);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, lists_in_a_row);
    return check_run("marks", &list);
}
