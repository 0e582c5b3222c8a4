/*
 * Records after Kubernetes' resource model: the envelope around every kind's spec and status. Plain data. Pure.
 */
#pragma once

#include "base/clock.h"
#include "specs/field.h"

#define API_GROUP                   "tenantd"
#define API_VERSION                 "tenantd/v1"
#define FINALIZER_TEARDOWN          "tenantd/teardown"
#define ANNOTATION_PAUSED           "tenantd/paused"
#define ANNOTATION_RESTARTED_AT     "tenantd/restartedAt"
#define ANNOTATION_ACCEPT_DATA_LOSS "tenantd/accept-data-loss"
#define ANNOTATION_PROTECT          "tenantd/protect"
#define ANNOTATION_SOURCE           "tenantd/source" /* "fleet/<uid>": the Source whose record this is; the server's own */
#define ANNOTATION_ADOPT            "tenantd/adopt"           /* "fleet": that Source may take the record over */
#define ANNOTATION_SYNC             "tenantd/sync"            /* "ignore": its Source leaves the record alone */
#define ANNOTATION_SYNC_REQUESTED   "tenantd/syncRequestedAt" /* of a Source: RFC 3339 */
#define ANNOTATION_CONFIRM_PRUNE    "tenantd/confirm-prune" /* of a Source: the commit whose prune may pass pruneLimit */
#define ANNOTATION_SUSPENDED        "tenantd/suspended"
/* kubectl's note of what was applied last; tenantctl apply keeps it, too. */
#define ANNOTATION_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define RECORD_NAME_MAX         63
/* A tenant's and an instance's name: both stand in names of containers, databases and networks. */
#define TENANT_NAME_MAX   30
#define INSTANCE_NAME_MAX 30

enum kind_id { KIND_TENANT, KIND_APP, KIND_INSTANCE, KIND_BACKUP, KIND_RESTORE, KIND_SOURCE, KINDS };

/* A copy, nothing to free. `namespace` is "" for cluster-scoped kinds. */
struct record_key {
    enum kind_id kind;
    char namespace[RECORD_NAME_MAX + 1];
    char name[RECORD_NAME_MAX + 1];
};
/* False when a name is longer than RECORD_NAME_MAX. */
bool record_key_set(struct record_key *key, enum kind_id kind, const char *namespace, const char *name);
bool record_key_equal(const struct record_key *a, const struct record_key *b);
char *record_key_text(const struct record_key *key); /* "Instance/acme/erp", "Tenant/acme"; owned */

struct record {
    struct record_key key;
    char *uid;
    int64_t generation;
    int64_t version; /* resourceVersion */
    int64_t created_ms;
    int64_t deletion_ms; /* 0: no deletion requested */
    struct strv finalizers;
    json_t *managed; /* array: metadata.managedFields of who applies; the API's own */
    json_t *labels;  /* object of strings, never NULL after record_init() */
    json_t *annotations;
    json_t *spec;   /* with defaults */
    json_t *status; /* {} before the controller saw it */
};
void record_init(struct record *record);
void record_release(struct record *record);
void record_copy(struct record *to, const struct record *from); /* deep; what `to` held is not looked at */
void record_swap(struct record *a, struct record *b);
const char *record_annotation(const struct record *record, const char *name); /* borrowed, NULL when absent */
json_t *record_to_json(const struct record *record); /* the whole object with apiVersion and kind */
json_t *record_to_json_shared(
    const struct record *record); /* the same with the record's own documents: for who ends with the record */

/* A list of records; each owned. */
struct records {
    struct record *items;
    size_t count;
};
void records_release(struct records *records);
struct record *records_add(struct records *records); /* a fresh, initialised one at the end */

/*
 * Reads what a client sent: apiVersion, kind, metadata.{name, namespace, labels, annotations, finalizers} and spec with defaults;
 * server-owned metadata and status are not taken over. `namespace` and `name` come from the URL and win where the body is silent; a
 * body that differs is a problem. Validates envelope, field table and cross-field rules; all problems are reported.
 * `ret_version`: the body's metadata.resourceVersion as a precondition, 0 when absent; may be NULL. `name` NULL: the body's counts.
 * `ret_record` must be record_release()d also when there were problems. True: none was added.
 */
struct kind;
bool record_from_json(const json_t *document, const struct kind *kind, const char *namespace, const char *name,
                      struct record *ret_record, int64_t *ret_version, struct problems *problems) MUST_USE;
/*
 * The step between record_from_json() and the store: FIELD_KEEP members come over from `old` (NULL: it is created), what is still open
 * is settled (kind->settle), and changed FIELD_IMMUTABLE members become problems. True: none was added.
 */
bool record_settle(const struct kind *kind, const struct record *old, struct record *next,
                   struct problems *problems) MUST_USE;
/*
 * The document that one would have written for it: no status, nothing of the server's own, no defaults that nobody set, no annotation that says
 * something about now (tenantd/paused, kubectl's note ...). Owned.
 */
json_t *record_as_written(const struct record *record);
/* Whether spec (and so generation) is the same. */
bool record_spec_equal(const struct record *a, const struct record *b);
/* What a user may change besides spec: labels, annotations, finalizers. */
bool record_metadata_equal(const struct record *a, const struct record *b);

/* ---- conditions ---- */

enum condition_status { CONDITION_UNKNOWN, CONDITION_TRUE, CONDITION_FALSE };
struct condition {
    char *type;
    int status; /* enum condition_status */
    char *reason;
    char *message;
    int64_t last_transition_ms;
    int64_t observed_generation;
};
extern const struct field condition_fields[];
/* Sets or adds; lastTransitionTime moves only when the status differs. `message` may be NULL. `list` holds struct condition. */
void condition_set(struct field_list *list, const char *type, enum condition_status status, const char *reason,
                   const char *message, int64_t generation, int64_t now_ms);
void condition_drop(struct field_list *list, const char *type);
const struct condition *condition_find(const struct field_list *list, const char *type);

/* status.retry, alike in every kind. */
struct retry_status {
    char *class; /* "passing", "conflict", "invalid" */
    int64_t attempts;
    int64_t next_ms;
};
extern const struct field retry_status_fields[];
