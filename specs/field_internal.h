/* What the files field_*.c share. */
#pragma once

#include "specs/field.h"

#define FIELD_TEXT_MAX  (64 * 1024)
#define PROBLEMS_MAX    100
#define FIELD_ITEMS_MAX 1000

/* The default as the document would have it, new; NULL: none. Aborts when the table itself is wrong. */
json_t *field_fallback(const struct field *field);
/* Whether both mean the same: "2Gi" and "2048Mi" do. NULL and null are alike. */
bool field_values_equal(const struct field *field, const json_t *a, const json_t *b);
/* Milliseconds, bytes or millicores from a document's value, for FIELD_BYTES, FIELD_CPU and FIELD_DURATION. */
bool field_quantity(const struct field *field, const json_t *value, int64_t *ret, struct err *err) MUST_USE;

static inline void *field_member(const struct field *field, void *structure)
{
    return (char *)structure + field->offset;
}
static inline const void *field_member_const(const struct field *field, const void *structure)
{
    return (const char *)structure + field->offset;
}

/* A path that grows and shrinks while a document is walked: `mark = path_push(...)`, then path_pop(path, mark). */
size_t path_push(struct str *path, const char *name);    /* of a table */
size_t path_push_key(struct str *path, const char *key); /* of a document: made fit to be shown */
size_t path_push_index(struct str *path, size_t index);
void path_pop(struct str *path, size_t mark);
