/*
 * Where records are kept: PostgreSQL. Blocking; one struct store per thread (it holds one connection). Every write is
 * one transaction; the new version comes from one counter row taken as the last statement, so version order is commit
 * order, and a row in `change` goes with it. Cross-record rules run inside the writing transaction (store_admit_fn).
 *
 * Errors: ERR_NOT_FOUND, ERR_EXISTS, ERR_CONFLICT (another version, claimed by somebody else), ERR_INVALID (NUL, no
 * UTF-8, nested too deeply), and those of clients/postgres/pg.h. Messages about records read as Kubernetes words
 * them. After ERR_TIMEOUT or ERR_UNREACHABLE a write may have happened: look again. Results that have a release
 * function must be initialised or zeroed; what they held is freed.
 */
#pragma once

#include "base/crypto.h"
#include "specs/kind.h"
#include "specs/record_text.h"

struct store;
struct store_options {
    const char *url;
    const uint8_t *key; /* SEAL_KEY_SIZE bytes; borrowed, for secrets */
};
struct store *store_new(const struct store_options *options); /* connects with the first call */
void store_free(struct store *store);
void store_freep(struct store **store);
/* Creates or upgrades the schema under an advisory lock; a schema from the future is ERR_INVALID. Once, at start. */
bool store_migrate(struct store *store, const struct call *call, struct err *err) MUST_USE;
bool store_ping(struct store *store, const struct call *call, struct err *err) MUST_USE;
/*
 * Named facts of the installation (installation id, key check ...): reads it, or keeps `initial` when there is none
 * (NULL: ERR_NOT_FOUND). Owned.
 */
bool store_fact(struct store *store, const char *name, const char *initial, char **ret, struct err *err) MUST_USE;

/* All calls that follow use this deadline and cancel flag; 10 s each where it has no deadline, or is NULL. Borrowed. */
void store_set_call(struct store *store, const struct call *call);

/* ---- records ---- */

bool store_get(struct store *store, const struct record_key *key, struct record *ret, struct err *err) MUST_USE;
bool store_get_by_uid(struct store *store, const char *uid, struct record *ret, struct err *err) MUST_USE;
struct store_query {
    enum kind_id kind;
    const char *namespace; /* NULL: all */
    int64_t limit;         /* 0: all */
    const char *after;     /* "namespace/name" of the last one of the page before; NULL */
    int64_t at_version;    /* as it was then; ERR_EXPIRED when changes since then are no longer kept. 0: as it is */
};
/*
 * Ordered by namespace, name. `ret_version`: the version this list stands for, at_version if that is given; a watch from
 * there misses nothing.
 */
bool store_list(struct store *store, const struct store_query *query, struct records *ret, int64_t *ret_version,
                struct err *err) MUST_USE;

/* The same, unread: for whoever prints them. */
struct record_texts {
    struct record_text *items;
    size_t count;
    void *rows; /* what they borrow from; the store's own */
};
void record_texts_release(struct record_texts *texts);
bool store_list_texts(struct store *store, const struct store_query *query, struct record_texts *ret,
                      int64_t *ret_version, struct err *err) MUST_USE;
bool store_get_text(struct store *store, const struct record_key *key, struct record_texts *ret,
                    struct err *err) MUST_USE; /* one */

/* How many there are; `namespace` NULL: in all. */
bool store_count(struct store *store, enum kind_id kind, const char *namespace, int64_t *ret_count,
                 struct err *err) MUST_USE;

/*
 * Looks at a write before it is stored, in its transaction (tenant row locked for a namespaced record, so admissions
 * of one tenant take turns): quota, App exists, names unique. May change labels, annotations, finalizers and spec of
 * `next` (resolve defaults) and claim for next->uid. `old` is NULL when it is created. False refuses with err. `tx`
 * is the same store: it reads, claims, keeps state and secrets as part of the transaction; writing records or events
 * is ERR_INTERNAL. It may run again with a fresh `next` (deadlock), and is not asked when an update changes nothing.
 */
typedef bool store_admit_fn(struct store *tx, const struct record *old, struct record *next, void *context,
                            struct err *err);
/* A dry run does all but take a version, and rolls back; the version stays (created: 0). */
enum store_mode { STORE_WRITE, STORE_DRY_RUN };
/* Of a record that comes back from a copy: what it had. All borrowed. */
struct store_return {
    const char *uid;
    int64_t created_ms;
    const json_t *status; /* NULL: none yet */
};
struct store_write {
    enum store_mode mode;
    store_admit_fn *admit; /* may be NULL */
    void *context;
    const char *who;                    /* for the change row; may be NULL */
    const json_t *managed;              /* the record's managedFields from now on; NULL: as they are. Borrowed */
    const struct store_return *returns; /* for store_create(); NULL: it is new */
};
/*
 * Fills uid, generation 1, version, creation time, empty status of `record`, which is left alone on failure. A
 * missing tenant is ERR_NOT_FOUND (but for what returns and outlives its tenant), one being deleted ERR_FORBIDDEN.
 */
bool store_create(struct store *store, struct record *record, const struct store_write *write,
                  struct err *err) MUST_USE;
/*
 * Changes labels, annotations, finalizers and spec of the stored record to those of `next` (status and server-owned
 * metadata stay); generation + 1 only where spec changed; nothing is written when nothing changed. `expected_version`
 * 0: whatever is there. Removing the last finalizer of a record whose deletion was requested removes it; adding one
 * then is ERR_INVALID. `next` is filled with what is stored then, and left alone on failure; its uid, when it has
 * one, is a precondition (ERR_CONFLICT).
 */
bool store_update(struct store *store, struct record *next, int64_t expected_version, const struct store_write *write,
                  struct err *err) MUST_USE;
/*
 * Status alone, compared first: nothing is written when it is the same JSON. ERR_NOT_FOUND when the record is gone,
 * or another one has its name by now, here and with finalizers. `ret_version` may be NULL.
 */
bool store_update_status(struct store *store, const struct record_key *key, const char *uid, const json_t *status,
                         int64_t *ret_version, struct err *err) MUST_USE;
/* Adds our finalizer where it is missing, as a controller's write. ERR_CONFLICT when deletion was requested. */
bool store_add_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                         struct err *err) MUST_USE;
/*
 * Takes a finalizer off; with the last one, when deletion was requested, the record goes, with its claims, secrets
 * and state.
 */
bool store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                            struct err *err) MUST_USE;
/*
 * Requests deletion: with finalizers deletionTimestamp is set (once) and the record stays; without, it goes.
 * `ret_gone` tells which; `ret` is the last state. Preconditions: uid and version when given (NULL, 0; ERR_CONFLICT).
 * ANNOTATION_PROTECT is ERR_FORBIDDEN, a tenant that still has records and no finalizer ERR_CONFLICT. With a tenant
 * the tokens of its members go.
 */
bool store_delete(struct store *store, const struct record_key *key, const char *uid, int64_t expected_version,
                  enum store_mode mode, const char *who, struct record *ret, bool *ret_gone, struct err *err) MUST_USE;

/* ---- what reconcilers keep beside a record, not shown by the API ---- */

/* {} when there is none yet. Putting state, secrets and claims for a uid that no record has is ERR_NOT_FOUND. */
bool store_state_get(struct store *store, const char *uid, json_t **ret, struct err *err) MUST_USE;
bool store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err) MUST_USE;
/* Secrets are sealed with the key and bound to uid and name. */
bool store_secret_get(struct store *store, const char *uid, const char *name, char **ret, struct err *err) MUST_USE;
/* Stores `value` unless there is one already; `ret` is what counts. */
bool store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                         struct err *err) MUST_USE;
bool store_secret_put(struct store *store, const char *uid, const char *name, const char *value,
                      struct err *err) MUST_USE;
bool store_secret_names(struct store *store, const char *uid, struct strv *ret, struct err *err) MUST_USE;
bool store_secret_drop(struct store *store, const char *uid, const char *name, struct err *err) MUST_USE;

/*
 * Claims: (scope, value) belongs to at most one uid: database names, ports, subnets. ERR_CONFLICT when another one
 * holds it. Gone with the record. A uid may hold several values of a scope: store_claim_of() tells the first one in
 * order, store_claim_drop() drops all.
 */
bool store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err) MUST_USE;
/* Owned; NULL: free, or none. */
bool store_claim_holder(struct store *store, const char *scope, const char *value, char **ret_uid,
                        struct err *err) MUST_USE;
bool store_claim_of(struct store *store, const char *scope, const char *uid, char **ret_value,
                    struct err *err) MUST_USE;
bool store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err) MUST_USE;
bool store_claims(struct store *store, const char *scope, struct strv *ret_values, struct err *err) MUST_USE;

/* ---- what a Source applied last of a record; gone with the record ---- */

bool store_applied_put(struct store *store, const char *uid, const char *source_uid, const json_t *document,
                       struct err *err) MUST_USE;
bool store_applied_get(struct store *store, const char *uid, json_t **ret, struct err *err) MUST_USE; /* NULL: none */
/* An object of all that the Source applied: the records' uids to documents. */
bool store_applied_list(struct store *store, const char *source_uid, json_t **ret, struct err *err) MUST_USE;
bool store_applied_drop(struct store *store, const char *uid, struct err *err) MUST_USE;
/*
 * Who last wrote each record, as far back as changes are kept: an object of record_key_text() to names. `but` is not
 * counted.
 */
bool store_last_writers(struct store *store, const char *but, json_t **ret, struct err *err) MUST_USE;

/* ---- events, as `kubectl describe` shows them ---- */

enum event_type { EVENT_NORMAL, EVENT_WARNING };
struct event {
    char *name, *uid; /* its own */
    int64_t version;
    struct record_key about;
    char *about_uid;
    int type;      /* enum event_type */
    char *reason;  /* CamelCase */
    char *message; /* no secret */
    int64_t first_ms, last_ms, count;
};
void event_release(struct event *event);
struct events {
    struct event *items;
    size_t count;
};
void events_release(struct events *events);
/* As core/v1 shows it; events about cluster-scoped records are in namespace "default". A new reference. */
json_t *event_to_json(const struct event *event);
const char *event_namespace(const struct event *event); /* borrowed */
/*
 * The same (about, type, reason, message) within an hour is counted up. Kept for seven days, at most 100 per record,
 * also after the record is gone; old ones go without a change in the feed. The message is cut after 4 KiB, and what
 * is no UTF-8 replaced.
 */
bool store_event_add(struct store *store, const struct record *about, enum event_type type, const char *reason,
                     const char *message, struct err *err) MUST_USE;
/* In the order of versions: the latest last. */
bool store_event_list(struct store *store, const char *namespace_or_null, struct events *ret, int64_t *ret_version,
                      struct err *err) MUST_USE;
