/*
 * Field tables: documents become structs, and back. One table per struct decodes, fills defaults, validates, encodes, compares
 * and prints JSON Schema, OpenAPI and the reference. Pure: no I/O, no clock. Any thread.
 *
 * Limits: a text has at most `max` bytes (0: 64 KiB), a list or map at most `max` members (0: 1,000); 100 problems are reported.
 */
#pragma once

#include "base/json.h"

enum field_type {
    FIELD_TEXT,     /* char *            a string without control characters other than \n and \t */
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int64_t           within [min, max] when max > min, as for the next three */
    FIELD_BYTES,    /* int64_t           quantity: 512Mi, 2Gi, 1G, a plain number; specs/quantity.h */
    FIELD_CPU,      /* int64_t           millicores: "1", "500m", 0.5 */
    FIELD_DURATION, /* int64_t           milliseconds: "30s", "10m", "1h30m", "2d" */
    FIELD_TIME,     /* int64_t           RFC 3339 <-> milliseconds since the epoch; 0: absent */
    FIELD_ENUM,     /* int               index into `choices` */
    FIELD_TEXTS,    /* struct strv */
    FIELD_TEXT_MAP, /* json_t *          object of strings */
    FIELD_ENV_MAP,  /* json_t *          object of strings whose keys are environment names */
    FIELD_JSON,     /* json_t *          anything, kept as it is (metadata, internal state) */
    FIELD_OBJECT,   /* a nested struct   `fields` */
    FIELD_LIST,     /* struct field_list `fields`, `item_size` */
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_IMMUTABLE = 2,   /* may be set once; a different value later is refused */
    FIELD_KEEP = 4,        /* resolved at creation and stored; an update that leaves it out keeps the stored value */
    FIELD_UNIQUE_NAME = 8, /* in a FIELD_LIST: items are told apart by their "name", which may not repeat */
    FIELD_SECRET = 16,     /* never printed: config values such as passwords */
    FIELD_NUMBER_TOO = 32, /* a FIELD_TEXT that may also be written as a whole number; the struct has it as text */
};

struct field_list {
    void *items; /* count structs of item_size */
    size_t count;
};

struct problems;
struct field;
/* Checks one given (not defaulted), well-typed value; adds problems at `path`. `value` points to the member. */
typedef void field_check_fn(const struct field *field, const void *value, const char *path, struct problems *problems);

struct field {
    const char *name; /* NULL ends a table */
    enum field_type type;
    size_t offset;
    unsigned flags;
    /*
     * The default, as YAML text would have it ("10m", "true", "[a, b]"); NULL: none. An object with "{}" is always there, filled with
     * its members' defaults; a FIELD_REQUIRED member's serves only where its object is absent.
     */
    const char *fallback;
    const char *doc; /* one sentence for reference, schema, explain */
    const char *example;
    const struct field *fields;
    size_t item_size;
    const char *const *choices; /* NULL-terminated */
    int64_t min, max;
    field_check_fn *check;
};

/* What is wrong with a document; all of it, not the first. */
enum problem_kind {
    PROBLEM_INVALID,
    PROBLEM_REQUIRED,
    PROBLEM_UNKNOWN_FIELD,
    PROBLEM_NOT_SUPPORTED,
    PROBLEM_FORBIDDEN
};
struct problem {
    enum problem_kind kind;
    char *path;    /* "spec.resources.memory" */
    char *message; /* "\"2Gb\" is not a quantity; try 2Gi" */
};
struct problems {
    struct problem *items;
    size_t count;
};
#define PROBLEMS_INIT                                                                                                  \
    {                                                                                                                  \
        0                                                                                                              \
    }
void problems_add(struct problems *problems, enum problem_kind kind, const char *path, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void problems_release(struct problems *problems);
bool problems_has_only_unknown_fields(const struct problems *problems);
/* Whether something is wrong at `path` or below it ("spec.ports": "spec.ports[1].name"), so that rules that build on it rest. */
bool problems_has_under(const struct problems *problems, const char *path);
/* "path: message; path: message". Owned. */
char *problems_text(const struct problems *problems);
/* True when there are none; else false with code ERR_BAD_REQUEST for only unknown fields (message `strict decoding error: unknown field "x"`), ERR_INVALID otherwise. */
bool problems_to_err(const struct problems *problems, struct err *err) MUST_USE;

/*
 * Reads `document` (an object; NULL and null values mean absent) into the zeroed struct at `ret_struct`; absent fields get
 * their fallback. Problems are added with `path` before the field's name; "" for none. The struct must be
 * fields_release()d also when there were problems.
 */
void fields_decode(const struct field *fields, const json_t *document, const char *path, void *ret_struct,
                   struct problems *problems);
void fields_release(const struct field *fields, void *structure);
/* Writes fallbacks into the tree where the document is silent, also inside given objects and list items; drops null members. */
void fields_add_defaults(const struct field *fields, json_t *document);
/* Takes out what equals its fallback (for export). */
void fields_drop_defaults(const struct field *fields, json_t *document);
/*
 * A new object. Members without `fallback` are left out at their zero value (NULL, 0, false, empty), an object without one when
 * its members are all at their defaults; enums are always there. Bytes that are not UTF-8 become U+FFFD.
 */
json_t *fields_encode(const struct field *fields, const void *structure);
/* Adds a problem for each FIELD_IMMUTABLE member that differs, lists not entered; a silent document means the fallback. */
void fields_check_immutable(const struct field *fields, const json_t *old, const json_t *document, const char *path,
                            struct problems *problems);
/* Copies FIELD_KEEP members from `old` where `document` is silent, lists not entered. */
void fields_keep(const struct field *fields, const json_t *old, json_t *document);

json_t *fields_schema(const struct field *fields); /* an OpenAPI v3 schema of type object */
void fields_reference(const struct field *fields, const char *path,
                      struct str *out);                           /* Markdown table rows, nested ones too */
void fields_example(const struct field *fields, struct str *out); /* commented YAML with the defaults */
