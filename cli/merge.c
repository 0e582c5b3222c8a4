/* Three-way merges. */
#include "cli/merge.h"

#include "cli/objects.h"

/* A member that is null says the same as none. */
static json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static json_t *without_nulls(const json_t *value)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *child;
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_t *copy = json_object();
    json_object_foreach (tree, key, child) {
        if (!json_is_null(child))
            json_put(copy, key, without_nulls(child));
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
    CLEANUP(json_decrefp) json_t *clean_a = without_nulls(a);
    CLEANUP(json_decrefp) json_t *clean_b = without_nulls(b);
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
            json_put(patch, key, without_nulls(value));
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

/* ---- the annotation ---- */

json_t *merge_last_applied(const json_t *live)
{
    json_t *last = NULL;
    const char *text = object_annotation(live, ANNOTATION_LAST_APPLIED);
    if (!text || !json_parse(text, strlen(text), &last, NULL) || !json_is_object(last)) {
        json_decref(last);
        return NULL;
    }
    return last;
}

/* What counts of a document, whoever noted it: kubectl notes empty annotations where a file has none. */
static json_t *as_noted(const json_t *applied)
{
    json_t *copy = without_nulls(applied);
    json_t *metadata = json_object_get(copy, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");
    json_object_del(annotations, ANNOTATION_LAST_APPLIED);
    if (json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    json_object_del(copy, "status");
    return copy;
}

static json_t *child_object(json_t *object, const char *key)
{
    if (!json_is_object(json_object_get(object, key)))
        json_put(object, key, json_object());
    return json_object_get(object, key);
}

/* To the letter as kubectl writes it (Go's JSON encoder), or each of the two tools would change what the other one wrote. */
static char *note_text(const json_t *wanted)
{
    CLEANUP(json_decrefp) json_t *noted = as_noted(wanted);
    CLEANUP(str_release) struct str text = STR_INIT;
    child_object(child_object(noted, "metadata"), "annotations");
    CLEANUP(freep) char *json = json_dump(noted);
    for (const char *at = json; *at; at++) {
        if (strchr("<>&", *at)) /* in JSON they stand in texts only */
            str_addf(&text, "\\u%04x", (unsigned)*at);
        else
            str_addc(&text, *at);
    }
    str_addc(&text, '\n');
    return str_steal(&text);
}

static void note(json_t *object, const json_t *wanted)
{
    CLEANUP(freep) char *text = note_text(wanted);
    json_put_text(child_object(child_object(object, "metadata"), "annotations"), ANNOTATION_LAST_APPLIED, text);
}

json_t *merge_remembering(const json_t *wanted)
{
    json_t *copy = without_nulls(wanted);
    note(copy, wanted);
    return copy;
}

json_t *merge_apply(const json_t *wanted, const json_t *live)
{
    CLEANUP(json_decrefp) json_t *last = merge_last_applied(live);
    CLEANUP(json_decrefp) json_t *noted_last = last ? as_noted(last) : NULL;
    CLEANUP(json_decrefp) json_t *noted = as_noted(wanted);
    json_t *patch = merge_three_way(noted_last, noted, live);
    if (noted_last && json_equal(noted_last, noted))
        return patch;
    if (!patch)
        patch = json_object();
    note(patch, wanted);
    return patch;
}
