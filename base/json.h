/* What jansson lacks for us: paths, copies with errors that name the key. jansson itself has CLEANUP(json_decrefp). */
#pragma once

#include <jansson.h>

#include "base/str.h"

/* Descends by keys, e.g. json_at(reply, "State", "Health", NULL); NULL when a step is missing. Borrowed. */
json_t *json_at(const json_t *root, ...) __attribute__((sentinel));
/* Borrowed text, or NULL when missing or of another type. */
const char *json_text(const json_t *object, const char *key);
int64_t json_int(const json_t *object, const char *key, int64_t fallback);
bool json_bool(const json_t *object, const char *key); /* false when missing */
/* Never NULL: what is no UTF-8 becomes U+FFFD, where json_string() gives NULL. For all text from outside. */
json_t *json_from_text(const char *text);
/* Sets, taking `value_taken`; aborts when that is NULL (out of memory) or the key is no UTF-8. */
void json_put(json_t *object, const char *key, json_t *value_taken);
void json_put_text(json_t *object, const char *key, const char *text); /* NULL text: the key is left out */
void json_push(json_t *array, json_t *value_taken);
json_t *json_from_strv(const struct strv *list);
void json_to_strv(const json_t *array, struct strv *ret_list); /* strings only; others are skipped */
char *json_dump(const json_t *value); /* compact, keys sorted, owned; NULL is printed as null */
char *json_dump_pretty(const json_t *value);
/*
 * The levels of objects and lists that are read. jansson copies, prints and frees by recursion: what is made of what was
 * read must keep to them, too.
 */
#define JSON_LEVELS_MAX 100
/* Whether there are more than `levels` levels of objects and lists; no more than that are looked at. */
bool json_is_deeper(const json_t *value, size_t levels);
/*
 * Limits: 4 MiB of text (ERR_TOO_LARGE), JSON_LEVELS_MAX; duplicate keys, NUL and invalid UTF-8 are refused. Any JSON value,
 * not only objects and arrays. ERR_BAD_REQUEST; the message has line and column.
 */
bool json_parse(const char *text, size_t len, json_t **ret, struct err *err) MUST_USE;
/* The same for a neighbour's answer: whoever read it limited its size, and nonsense is ERR_INTERNAL (tried again). */
bool json_parse_answer(const char *text, size_t len, json_t **ret, struct err *err) MUST_USE;
/* Owned copy of a member; missing or of another type: ERR_INTERNAL, as this is how answers are read. */
bool json_copy_string(const json_t *object, const char *key, char **ret, struct err *err) MUST_USE;
