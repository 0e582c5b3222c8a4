/*
 * Label and field selectors as Kubernetes writes them: `a=b,c!=d,e in (f,g),h notin (i),j,!k` and
 * `metadata.name=web,status.phase!=Ready`. Pure.
 */
#pragma once

#include "base/json.h"

enum selector_operator { SELECT_EQUAL, SELECT_NOT_EQUAL, SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_MISSING };
struct requirement {
    enum selector_operator operator;
    char *key; /* a label, or a field's path */
    struct strv values;
};
struct selector {
    struct requirement *labels;
    size_t label_count;
    struct requirement *fields;
    size_t field_count;
};
void selector_release(struct selector *selector);
/*
 * Either text may be NULL or empty: everything. `known_fields` is NULL-terminated; another one is ERR_BAD_REQUEST
 * `field label not supported: x`. `ret_selector` is to be released in any case.
 */
bool selector_parse(const char *labels, const char *fields, const char *const *known_fields,
                    struct selector *ret_selector, struct err *err) MUST_USE;
bool selector_is_empty(const struct selector *selector);
bool selector_matches(const struct selector *selector, const json_t *object);
/* Whether an object that matches does so for its whole life: it asks for nothing but names. */
bool selector_is_constant(const struct selector *selector);
/* The one name it asks for, borrowed; NULL when it may be several. */
const char *selector_name(const struct selector *selector);
