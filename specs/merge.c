/* Three-way merges, and merge patches (RFC 7396). */
#include "specs/merge.h"

/* A member that is null says the same as none. */
static json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

json_t *merge_without_nulls(const json_t *value)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *child;
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_t *copy = json_object();
    json_object_foreach (tree, key, child) {
        if (!json_is_null(child))
            json_put(copy, key, merge_without_nulls(child));
    }
    return copy;
}

/* 1 and 1.0 are one number. */
static bool is_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (!json_is_object(a) || !json_is_object(b))
        return json_equal(a, b);
    CLEANUP(json_decrefp) json_t *clean_a = merge_without_nulls(a);
    CLEANUP(json_decrefp) json_t *clean_b = merge_without_nulls(b);
    return json_equal(clean_a, clean_b);
}

static json_t *merge(const json_t *last, const json_t *wanted, const json_t *live);

static void add_changes(json_t *patch, const json_t *last, const json_t *wanted, const json_t *live)
{
    json_t *tree = (json_t *)(uintptr_t)wanted; /* as above */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        const json_t *there = member(live, key);
        if (json_is_null(value))
            continue;
        if (json_is_object(value) && json_is_object(there)) {
            json_t *changes = merge(member(last, key), value, there);
            if (changes)
                json_put(patch, key, changes);
        } else if (!there || !is_same(value, there)) {
            json_put(patch, key, merge_without_nulls(value));
        }
    }
}

static void add_removals(json_t *patch, const json_t *last, const json_t *wanted, const json_t *live)
{
    json_t *tree = (json_t *)(uintptr_t)last; /* as above */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        if (!json_is_null(value) && !member(wanted, key) && member(live, key))
            json_put(patch, key, json_null());
    }
}

static json_t *merge(const json_t *last, const json_t *wanted, const json_t *live)
{
    json_t *patch = json_object();
    add_changes(patch, last, wanted, live);
    add_removals(patch, last, wanted, live);
    if (json_object_size(patch) > 0)
        return patch;
    json_decref(patch);
    return NULL;
}

json_t *merge_three_way(const json_t *last_applied, const json_t *wanted, const json_t *live)
{
    return merge(last_applied, wanted, live);
}

json_t *patch_merge(const json_t *target, const json_t *patch)
{
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *merged = json_is_object(target) ? json_deep_copy(target) : json_object();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
        if (json_is_null(value))
            json_object_del(merged, key);
        else
            json_put(merged, key, patch_merge(json_object_get(merged, key), value));
    }
    return merged;
}
