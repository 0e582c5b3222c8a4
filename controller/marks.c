/* What the last list said; see marks.h. Most of a list is as before: nothing is allocated for that. */
#include "controller/marks.h"

#include "base/map.h"
#include "base/str.h"

struct mark {
    char *text;
    int64_t list; /* the last one that named it */
};
struct marks {
    struct map *by_name;
    int64_t list; /* the number of this one */
};

static void mark_free(void *value)
{
    struct mark *mark = value;
    free(mark->text);
    free(mark);
}

struct marks *marks_new(void)
{
    struct marks *marks = MEM_NEW(struct marks);
    marks->by_name = map_new(mark_free);
    return marks;
}

void marks_free(struct marks *marks)
{
    if (!marks)
        return;
    map_free(marks->by_name);
    free(marks);
}

void marks_begin(struct marks *marks)
{
    marks->list++;
}

bool marks_note(struct marks *marks, const char *name, const char *text, char **ret_before)
{
    struct mark *mark = map_get(marks->by_name, name);
    if (!mark) {
        mark = MEM_NEW(struct mark);
        map_put(marks->by_name, name, mark);
    }
    mark->list = marks->list;
    if (str_equal(mark->text, text))
        return true;
    *ret_before = mark->text;
    mark->text = mem_strdup(text);
    return false;
}

void marks_end(struct marks *marks, marks_gone_fn *gone_or_null, void *context)
{
    size_t at = 0;
    const char *name;
    void *value;
    while (map_next(marks->by_name, &at, &name, &value)) {
        const struct mark *mark = value;
        if (mark->list == marks->list)
            continue;
        if (gone_or_null)
            gone_or_null(context, name, mark->text);
        map_remove(marks->by_name, name);
    }
}
