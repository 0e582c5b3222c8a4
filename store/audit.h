/*
 * The audit: who wrote what, from where, which fields. Rows are added in the transaction of the write itself, to a table
 * that belongs to the server's administrator: the role that tenantd logs in as may insert and read, and nothing else
 * (clients/postgres/bootstrap.c). Values are not kept: they may be secrets.
 */
#pragma once

#include "store/store.h"

/* Whose act the writes are that follow. Texts are borrowed. */
struct store_origin {
    const char *who;
    const char *address; /* the peer's */
    const char *verb;    /* "create", "patch", "stop" ... */
};
/* Writes of records, accounts, sessions and tokens by this store are audited as this one's; NULL: not at all. Borrowed. */
void store_set_origin(struct store *store, const struct store_origin *origin);

/*
 * What was taken out and not written is told of, too: the recovery key, a download of a recovery
 * point; and what is written beside the records: a Source's secrets. In a transaction of its own; `namespace` may be "". Nothing where the store has no origin.
 */
bool store_audit_note(struct store *store, const char *kind, const char *namespace, const char *name,
                      struct err *err) MUST_USE;

struct audit_entry {
    int64_t number, at_ms;
    char *who, *address, *verb;
    char *kind, *namespace, *name, *uid;
    char *fields; /* "spec.state, metadata.labels.tier"; of a creation or deletion "" */
};
struct audit_entries {
    struct audit_entry *items;
    size_t count;
};
void audit_entries_release(struct audit_entries *entries);
struct audit_query {
    const char *who, *namespace, *name; /* NULL: any */
    int64_t since_ms;
    int64_t before; /* numbers below this one; 0: the newest */
    int64_t limit;
};
/* The newest first. */
bool store_audit_list(struct store *store, const struct audit_query *query, struct audit_entries *ret,
                      struct err *err) MUST_USE;
