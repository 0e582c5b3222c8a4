/*
 * What the controller knows of each record without asking the store: that it is there, its uid and generation, its phase for the
 * metrics. Filled by the first listing, kept by the change feed. Any thread; results are copies.
 */
#pragma once

#include "specs/record.h"

enum known_news {
    KNOWN_SAME,
    KNOWN_NEW,        /* it was not known */
    KNOWN_SUPERSEDED, /* another generation or record, or its deletion was requested: work on the old one is to end */
};

struct known;
struct known *known_new(void);
void known_free(struct known *known);

struct known_record {
    struct record_key key;
    const char *uid;
    int64_t generation;
    bool is_going;     /* its deletion was requested */
    const char *phase; /* may be NULL */
};
enum known_news known_put(struct known *known, const struct known_record *record);
bool known_drop(struct known *known, const struct record_key *key); /* false: it was not known */
bool known_has(struct known *known, const struct record_key *key);
int64_t known_generation(struct known *known, const struct record_key *key); /* 0: not known */
/* By the first 12 hex digits of the uid, as roles carry them. */
bool known_by_uid12(struct known *known, const char *uid12, struct record_key *ret_key);
size_t known_count(struct known *known);

/* A full listing: begin, put all, end. What was not put since is dropped, and told to `gone`. */
void known_begin(struct known *known);
void known_end(struct known *known, void (*gone)(void *context, const struct record_key *key), void *context);
bool known_was_listed(struct known *known); /* all there is was put at least once */

/* The gauge of records by kind and phase, set anew. */
void known_set_gauges(struct known *known);
