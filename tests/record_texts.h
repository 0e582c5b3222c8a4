/* What the store would hold of a record, for tests: its documents printed with all digits of real numbers. */
#pragma once

#include <jansson.h>

#include "specs/record_text.h"

static inline const char *text_add(struct strv *texts, const json_t *document, const char *none)
{
    strv_add_taken(texts, document ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : mem_strdup(none));
    return texts->items[texts->count - 1];
}

/* Borrows from `record` and from `texts`, to which the printed documents are added. */
static inline struct record_text record_text_of(const struct record *record, struct strv *texts)
{
    CLEANUP(json_decrefp) json_t *finalizers = json_from_strv(&record->finalizers);
    return (struct record_text){
        .key = record->key,
        .uid = record->uid,
        .generation = record->generation,
        .version = record->version,
        .created_ms = record->created_ms,
        .deletion_ms = record->deletion_ms,
        .finalizers = text_add(texts, finalizers, "[]"),
        .managed = text_add(texts, record->managed, "[]"),
        .labels = text_add(texts, record->labels, "{}"),
        .annotations = text_add(texts, record->annotations, "{}"),
        .spec = text_add(texts, record->spec, "{}"),
        .status = text_add(texts, record->status, "{}"),
    };
}
