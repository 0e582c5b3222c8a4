/* A scope: which objects of a view one request is about, for lists and watches alike. */
#pragma once

#include "api/request.h"
#include "api/selector.h"

struct scope {
    struct view view;
    char *namespace; /* NULL: all */
    struct selector selector;
    struct identity identity; /* who asks: others' objects are not there */
};
void scope_release(struct scope *scope);
/* From path and query; `ret_scope` is to be released in any case. */
bool scope_of_request(const struct request *request, struct scope *ret_scope, struct err *err) MUST_USE;
/*
 * Whether the object, as the view shows it, is one of them whatever the selector says; that does not change in an
 * object's life.
 */
bool scope_admits(const struct scope *scope, const json_t *object);
/* And now the selector, too. */
bool scope_has(const struct scope *scope, const json_t *object);

struct page {
    int64_t limit;   /* 0: all */
    char *after;     /* "namespace/name"; NULL: from the start */
    int64_t version; /* of the first page; 0: this is the first */
};
void page_release(struct page *page);
/* ?limit= and ?continue=. ERR_BAD_REQUEST. */
bool page_of_request(const struct request *request, struct page *ret_page, struct err *err) MUST_USE;

struct listing {
    json_t *objects;    /* array, as the view shows them; ordered by namespace and name */
    struct str printed; /* or the same as text */
    int64_t version;    /* a watch from there misses nothing */
    char *next_token;   /* of the next page; NULL: that was all */
};
void listing_release(struct listing *listing);
/* What there is, from the database. Blocking. */
bool scope_list(const struct scope *scope, struct store *store, const struct page *page, struct listing *ret_listing,
                struct err *err) MUST_USE;
/*
 * The same without trees where it can be: appends the array to `printed`, which holds what the caller put there first. Byte for byte what
 * json_dump() makes of `objects`.
 */
bool scope_print_list(const struct scope *scope, struct store *store, const struct page *page, struct listing *listing,
                      struct err *err) MUST_USE;
/* One object by name; ERR_NOT_FOUND also for another tenant's. */
bool scope_get(const struct scope *scope, struct store *store, const char *name, json_t **ret_object,
               struct err *err) MUST_USE;
/* The same, appended to `out` as json_dump() prints it. */
bool scope_print(const struct scope *scope, struct store *store, const char *name, struct str *out,
                 struct err *err) MUST_USE;
