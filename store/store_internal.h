/* What the files of store/ share: the connection, running statements by name, transactions, rows. */
#pragma once

#include "clients/postgres/pg.h"
#include "specs/kind.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/feed.h"
#include "store/statements.h"
#include "store/store.h"

/* Changes in a row, each with one reference. */
struct change_page {
    struct change **items;
    size_t count;
    int64_t newest;  /* the version counter in the same snapshot */
    bool is_expired; /* what follows the version asked for is no longer kept */
};
void change_page_release(struct change_page *page);

struct store {
    char *url;
    struct pg *pg;
    const uint8_t *key;
    const struct store_origin *origin; /* NULL: writes are not audited */
    const struct call *call;           /* the caller's; NULL: own_call, made anew for each */
    struct call own_call;
    int64_t epoch; /* writes are refused when another one has begun; 0: they are made in none */
    bool listens;  /* the feed's connection: LISTEN comes before all else */
    bool in_transaction;
    bool has_failed;          /* a statement of this transaction did: the others are refused */
    bool keep;                /* there is something to commit */
    struct change_page ahead; /* what feed_next() read from the table beyond the change it was asked for */
};

/* ---- statements ---- */

struct param {
    const char *text; /* NULL with is_number false: SQL null */
    int64_t number;
    bool is_number;
};
struct params {
    const struct param *items;
    size_t count;
};
#define TEXT(value)   ((struct param){ .text = (value) })
#define NUMBER(value) ((struct param){ .number = (value), .is_number = true })
#define PARAMS(...)                                                                                                    \
    ((struct params){ (const struct param[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct param[]){ __VA_ARGS__ })) })
#define NO_PARAMS ((struct params){ NULL, 0 })

/* `ret` may be NULL; pg_clearp it. Text that is no UTF-8 is ERR_INVALID and does not reach the server. */
bool store_run(struct store *store, enum statement_id id, struct params params, PGresult **ret,
               struct err *err) MUST_USE;
/* The same for statements that take a version: tells which. */
bool store_run_versioned(struct store *store, enum statement_id id, struct params params, int64_t *ret_version,
                         struct err *err) MUST_USE;

/* A write that is one statement: a transaction of its own where it is made in an epoch. */
bool store_run_alone(struct store *store, enum statement_id id, struct params params, struct err *err) MUST_USE;
/* Within a transaction: the store's epoch still counts until that ends. ERR_CONFLICT: another one has begun. */
bool epoch_is_newest(struct store *store, struct err *err) MUST_USE;

/* ---- transactions ---- */

/*
 * Runs `run` in a transaction, again when the server ended it for a deadlock; commits when it returns true and set
 * store->keep (store_run_versioned() does), else rolls back. `run` must bear to be called more than once.
 */
typedef bool store_transaction_fn(struct store *store, void *context, struct err *err);
bool store_transact(struct store *store, store_transaction_fn *run, void *context, struct err *err) MUST_USE;

/*
 * A deferred foreign key speaks up when the statement or the transaction commits: the record is not there (any more).
 */
bool store_has_lost_its_record(struct store *store);

/* ---- rows and documents ---- */

/* Fills an initialised record from a row with the columns of RECORD_FIND. */
bool record_from_row(const PGresult *result, int row, struct record *ret, struct err *err) MUST_USE;
/*
 * The JSON text to store; NULL is {}. ERR_INVALID, naming `what`, for NUL characters, invalid UTF-8 and too deep
 * nesting. Owned.
 */
bool document_print(const json_t *document, const char *what, char **ret, struct err *err) MUST_USE;
char *json_dump_exactly(const json_t *value);
bool record_find(struct store *store, enum statement_id id, const struct record_key *key, struct record *ret,
                 struct err *err) MUST_USE;
void record_move(struct record *to, struct record *from); /* `from` is zeroed memory then */
bool raise_not_found(const struct record_key *key, struct err *err);

/* ---- changes ---- */

/* At most `limit` changes after `after`, from the table. */
bool change_read(struct store *store, int64_t after, int64_t limit, struct change_page *ret, struct err *err) MUST_USE;
/* Deletes changes written before `before_ms` up to `up_to`, in small parts. */
bool change_prune(struct store *store, int64_t before_ms, int64_t up_to, struct err *err) MUST_USE;
bool event_prune(struct store *store, int64_t before_ms, struct err *err) MUST_USE;

/* ---- audit ---- */

/* What a write was about; NULL texts are "". */
struct audit_subject {
    const char *kind, *namespace, *name, *uid, *fields;
};
/* One row, within the transaction of the write; nothing where the store has no origin. */
bool audit_add(struct store *store, const struct audit_subject *subject, struct err *err) MUST_USE;
/* The same for a record; `old` NULL: created. */
bool audit_add_record(struct store *store, const struct record *old, const struct record *next,
                      struct err *err) MUST_USE;
