/* Comparing values. */
#include "cli/difference.h"

#include "cli/terminal.h"

#define VALUE_SHOWN_MAX 200

void differences_release(struct differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        free(differences->items[i].path);
        free(differences->items[i].before);
        free(differences->items[i].after);
    }
    free(differences->items);
    *differences = (struct differences){ 0 };
}

/* NULL: absent. */
static char *value_text(const json_t *value)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!value)
        return NULL;
    CLEANUP(freep) char *json = json_dump(value);
    text_add_cut(&text, json, VALUE_SHOWN_MAX);
    return str_steal(&text);
}

static void add(struct differences *differences, const char *path, const json_t *before, const json_t *after)
{
    differences->items = mem_grow(differences->items, differences->count + 1, sizeof(differences->items[0]));
    differences->items[differences->count++] = (struct difference){
        .kind = !before  ? DIFFERENCE_ADDED
                : !after ? DIFFERENCE_REMOVED
                         : DIFFERENCE_CHANGED,
        .path = mem_strdup(path),
        .before = value_text(before),
        .after = value_text(after),
    };
}

static void compare_objects(struct differences *differences, const char *path, const json_t *before,
                            const json_t *after)
{
    CLEANUP(json_decrefp) json_t *both = json_deep_copy(before ? before : after);
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    const char *key;
    json_t *value;
    if (before && after)
        json_object_update_missing(both, (json_t *)(uintptr_t)after); /* takes no const; only `both` is changed */
    json_object_foreach (both, key, value)
        strv_add(&keys, key);
    strv_sort(&keys);
    for (size_t i = 0; i < keys.count; i++) {
        CLEANUP(freep) char *child = mem_printf("%s%s%s", path, path[0] ? "." : "", keys.items[i]);
        differences_add(differences, child, json_object_get(before, keys.items[i]),
                        json_object_get(after, keys.items[i]));
    }
}

static void compare_lists(struct differences *differences, const char *path, const json_t *before, const json_t *after)
{
    for (size_t i = 0; i < json_array_size(before); i++) {
        CLEANUP(freep) char *child = mem_printf("%s[%zu]", path, i);
        differences_add(differences, child, json_array_get(before, i), json_array_get(after, i));
    }
}

static bool is_filled_object(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) > 0;
}

void differences_add(struct differences *differences, const char *path, const json_t *before, const json_t *after)
{
    before = json_is_null(before) ? NULL : before;
    after = json_is_null(after) ? NULL : after;
    if ((!before && !after) || (before && after && json_equal(before, after)))
        return;
    bool both_objects = json_is_object(before) && json_is_object(after);
    if (both_objects || (!before && is_filled_object(after)) || (!after && is_filled_object(before)))
        compare_objects(differences, path, before, after);
    else if (json_is_array(before) && json_is_array(after) && json_array_size(before) == json_array_size(after) &&
             json_is_object(json_array_get(before, 0)))
        compare_lists(differences, path, before, after);
    else
        add(differences, path, before, after);
}
