/* What apply remembers in a record, and sends. */
#include "cli/merge.h"

#include "cli/objects.h"

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
    json_t *copy = merge_without_nulls(applied);
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
    json_t *copy = merge_without_nulls(wanted);
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
