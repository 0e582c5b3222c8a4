/* What differs between two values, member by member. Pure. */
#pragma once

#include "base/json.h"

enum difference_kind { DIFFERENCE_ADDED, DIFFERENCE_REMOVED, DIFFERENCE_CHANGED };
struct difference {
    enum difference_kind kind;
    char *path;           /* "spec.env.ODOO_WORKERS" */
    char *before, *after; /* in one line each; NULL: absent */
};
struct differences {
    struct difference *items;
    size_t count;
};
void differences_release(struct differences *differences);
/* Objects are entered, lists of the same length as well; `path` is what the values themselves are called. */
void differences_add(struct differences *differences, const char *path, const json_t *before, const json_t *after);
