/* The request target: path segments and query, decoded once and strictly. Pure. */
#pragma once

#include "base/str.h"

struct uri {
    struct strv segments; /* decoded; a trailing slash adds none, an empty segment in between stays empty */
    struct strv keys;     /* of the query, with the values by position */
    struct strv values;
};
void uri_release(struct uri *uri);
/*
 * Of "/a/b%20c?x=1&y" or "http://host/a". ERR_BAD_REQUEST for a broken %XX, a NUL, what is no UTF-8, or more than 100
 * segments or parameters. `ret_uri` is to be released in any case.
 */
bool uri_parse(const char *raw, struct uri *ret_uri, struct err *err) MUST_USE;
const char *uri_query(const struct uri *uri, const char *key); /* the first one; borrowed, NULL when absent */
/* true, 1 and an empty value are true; false and 0, or no such parameter, are false; else ERR_BAD_REQUEST. */
bool uri_query_flag(const struct uri *uri, const char *key, bool *ret, struct err *err) MUST_USE;
/* A number within [0, max]; `fallback` when absent or empty. */
bool uri_query_number(const struct uri *uri, const char *key, int64_t max, int64_t fallback, int64_t *ret,
                      struct err *err) MUST_USE;
