/* Whose a record is: the annotation ANNOTATION_SOURCE, which only the server writes. */
#pragma once

#include "store/store.h"

struct source_owner {
    char name[RECORD_NAME_MAX + 1];
    char uid[RECORD_NAME_MAX + 1];
};
/* False: nobody's. `annotations` as a record has them, or metadata.annotations of its JSON; may be NULL. Pure. */
bool source_owner_of(const json_t *annotations, struct source_owner *ret);
char *source_owner_text(const char *name, const char *uid); /* the annotation's value; owned */
/* Whether ANNOTATION_SYNC says that the record's Source is to leave it alone. Pure. */
bool source_is_ignored(const json_t *annotations);
/* Adds the keys of the Sources that a change of the record concerns: whose it is, and who may take it over. Pure. */
void source_keys_of(const json_t *object, void (*add)(void *context, const struct record_key *key), void *context);

/*
 * Whether a write by hand would not last: `next` differs from `old` in what a Source states that applies and is not suspended, or `next` is
 * NULL: a deletion. `ret_note` then says so, with the Source and the field, and what to do instead; else NULL. Owned.
 */
bool source_note_of_change(struct store *store, const struct record *old, const struct record *next, char **ret_note,
                           struct err *err) MUST_USE;
