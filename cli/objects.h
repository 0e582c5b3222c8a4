/* Records as the API gives them: the members that several commands look at. Pure. */
#pragma once

#include "cli/names.h"

const json_t *object_condition(const json_t *object, const char *type); /* borrowed, NULL when absent */
/* Whether Ready is True, and about the present generation. */
bool object_is_ready(const json_t *object);
bool object_is_being_deleted(const json_t *object);
int64_t object_generation(const json_t *object);
const char *object_meta(const json_t *object, const char *key);       /* metadata's text; "" when absent */
const char *object_annotation(const json_t *object, const char *key); /* NULL when absent */
/* Adds the record that the object is; false when its kind is not known. */
bool object_target(const json_t *object, struct targets *ret);
/* A copy of the labels and annotations that are the user's: without kubectl's own note. */
json_t *object_user_annotations(const json_t *object);

/* "3m" since an RFC 3339 time; "" when that cannot be read. Owned. */
char *age_of(const char *time, int64_t now_ms);
char *object_upper(const char *text); /* owned */
/* Adds "key=value", encoded, with "&" before it where it is not the first. */
void object_add_query(struct str *query, const char *key, const char *value);
