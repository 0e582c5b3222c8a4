/* How messages show what a user wrote, and what was probably meant. Pure. */
#pragma once

#include "base/json.h"

/* In double quotes, control characters and anything that is not UTF-8 as '?', cut after 60 characters. Owned. */
char *quoted(const char *text);
/* As quoted(), for any value: 17.0, true, "text", a list, a map. Owned. */
char *value_wording(const json_t *value);
const char *value_type_wording(const json_t *value); /* "a number", "text", "a list" ... */
/* Appends `text`, cut after `max` bytes at a character's border, with control characters as '?'. */
void str_add_shown(struct str *out, const char *text, size_t max);

/* Finds the candidate that `wrong` was probably meant to be: nearest_start(), nearest_offer() each, then `best` (NULL: none is near). */
struct nearest {
    const char *wrong;
    const char *best; /* borrowed from the offer */
    size_t distance;  /* one that is farther away does not count */
};
void nearest_start(struct nearest *nearest, const char *wrong);
void nearest_offer(struct nearest *nearest, const char *candidate);
