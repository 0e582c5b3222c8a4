/* Options of a command line by tables: one row parses, documents and completes an option. Main thread only (getopt_long). */
#pragma once

#include "base/str.h"

enum option_type {
    OPTION_FLAG,     /* bool           --wait, --wait=false */
    OPTION_TEXT,     /* char * */
    OPTION_TEXTS,    /* struct strv    may be repeated */
    OPTION_NUMBER,   /* int64_t        0 or more */
    OPTION_DURATION, /* int64_t        milliseconds, "10m" */
    OPTION_CHOICE,   /* int            index into `choices` */
};

struct option_row {
    const char *name; /* NULL ends a table */
    char letter;      /* 0: none */
    enum option_type type;
    size_t offset;
    const char *argument; /* what help calls its value: "FILE" */
    const char *fallback; /* as one would write it; NULL: zero */
    /* NULL-terminated; of a flag: other words for true ("server" in --dry-run=server). */
    const char *const *choices;
    const char *doc;
};

/* A table and the zeroed struct its offsets are about. */
struct option_table {
    const struct option_row *rows; /* may be NULL */
    void *values;
};

enum options_order {
    OPTIONS_ANYWHERE,
    OPTIONS_FIRST, /* stop at the first argument that is none */
};

/*
 * Fills the structs of all tables; what is no option goes to `ret_rest`, in order. ERR_BAD_REQUEST says what is wrong with which option. The
 * structs must be options_release()d also when it failed.
 */
bool options_parse(const struct option_table *tables, size_t count, enum options_order order, const struct strv *args,
                   struct strv *ret_rest, struct err *err) MUST_USE;
void options_release(const struct option_table *table);
void option_tables_set_fallbacks(const struct option_table *tables, size_t count);
/* "-f, --filename=FILE" as help prints it. Owned. */
char *option_usage(const struct option_row *row);
