/* Lists of owned strings; declared in str.h. */
#include "base/str.h"

void strv_release(struct strv *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strv)STRV_INIT;
}

void strv_add(struct strv *list, const char *text)
{
    strv_add_taken(list, mem_strdup(text));
}

void strv_add_taken(struct strv *list, char *text_taken)
{
    /* No capacity is kept: the list grows where its count is a power of two. */
    if ((list->count & (list->count - 1)) == 0)
        list->items = mem_grow(list->items, list->count ? list->count * 2 : 1, sizeof(char *));
    list->items[list->count++] = text_taken;
}

void strv_addf(struct strv *list, const char *fmt, ...)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    strv_add_taken(list, str_steal(&text));
}

bool strv_has(const struct strv *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_equal(list->items[i], text))
            return true;
    return false;
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

void strv_copy(struct strv *to, const struct strv *from)
{
    if (to == from)
        return;
    strv_release(to);
    for (size_t i = 0; i < from->count; i++)
        strv_add(to, from->items[i]);
}

char *strv_join(const struct strv *list, const char *separator)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            str_add(&text, separator);
        str_add(&text, list->items[i]);
    }
    return str_steal(&text);
}

void strv_split(struct strv *list, const char *text, char separator)
{
    if (text[0] == '\0')
        return;
    const char *start = text;
    for (const char *end; (end = strchr(start, separator)); start = end + 1)
        strv_add_taken(list, mem_strndup(start, (size_t)(end - start)));
    strv_add(list, start);
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof(list->items[0]), compare_items);
}
