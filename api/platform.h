/*
 * The platform API, /api/v1: what a customer portal calls. Flat JSON over the records; one table per resource says which
 * field stands for which path, and that is all the model there is.
 */
#pragma once

#include "api/request.h"
#include "specs/instance.h"

/* ---- mapping ---- */

enum flat_type {
    FLAT_TEXT,
    FLAT_BOOL,
    FLAT_INT,
    FLAT_CPU,  /* a number of cores, 0.5 */
    FLAT_SIZE, /* a quantity as text, "2G" */
    FLAT_TEXTS,
    FLAT_MAP, /* of texts */
};
enum flat_flags {
    FLAT_REQUIRED = 1,  /* at creation */
    FLAT_READ_ONLY = 2, /* what a client sends back of it is passed over */
};
struct flat_field {
    const char *name; /* "memory_limit"; NULL ends a table */
    enum flat_type type;
    const char *path; /* of the record, "spec.resources.memory"; NULL: a handler fills it in */
    unsigned flags;
    const char *doc;
};
extern const struct flat_field instance_flat_fields[];
extern const struct flat_field tenant_flat_fields[];

enum flat_use { FLAT_CREATE, FLAT_UPDATE };
/* Puts what `body` says into the record's document; wrong types and unknown fields become problems, named as they came. */
void flat_to_document(const struct flat_field *fields, const json_t *body, enum flat_use use, json_t *document,
                      struct problems *problems);
/* A new object; members without a path are left to the handler. */
json_t *flat_from_record(const struct flat_field *fields, const struct record *record);
/* Gives the problems, worded for the record's paths, the names that the client used. */
void flat_rename_problems(const struct flat_field *fields, struct problems *problems);
json_t *flat_schema(const struct flat_field *fields); /* an OpenAPI schema */

/* ---- what an instance is doing, in the portal's words ---- */

enum flat_status {
    STATUS_CREATING,
    STATUS_RUNNING,
    STATUS_UPDATING,
    STATUS_ERROR,
    STATUS_STOPPED,
    STATUS_SUSPENDED,
    STATUS_RESTORING,
    STATUS_TERMINATING,
    FLAT_STATUSES
};
extern const char *const flat_status_names[FLAT_STATUSES + 1];      /* NULL-terminated */
enum flat_status instance_flat_status(const struct record *record); /* as it was seen */
/* As it is wanted to be where that differs, so that `start` may follow `stop` at once. */
enum flat_status instance_wanted_status(const struct record *record);

/* ---- shared by the handlers ---- */

/*
 * The record that {id} names, when the identity may `verb` it: ERR_NOT_FOUND also for another tenant's. From then on the
 * request is about it; `ret` is to be kept until the handler returns.
 */
bool platform_find(struct worker *worker, struct request *request, enum verb verb, struct record *ret,
                   struct err *err) MUST_USE;
/* The request is about this record: for writes and errors. Texts are borrowed. */
void platform_set_about(struct request *request, const struct kind *kind, const struct record_key *key);
/* A tenant by name or uid; ERR_NOT_FOUND also where the identity may not `verb` records of `kind` in it. */
bool platform_find_tenant(struct worker *worker, struct request *request, const char *name_or_id, enum verb verb,
                          struct record *ret, struct err *err) MUST_USE;
/* What a change of a stored record goes through: edit its document, all the rules, store; again when others wrote. */
typedef bool platform_edit_fn(json_t *document, const void *context, struct request *request, struct err *err);
bool platform_change(struct worker *worker, struct request *request, platform_edit_fn *edit, const void *context,
                     struct record *record, struct err *err) MUST_USE;
bool platform_create(struct worker *worker, struct request *request, const struct kind *kind, json_t *document,
                     struct record *ret, struct err *err) MUST_USE;
/* PUT's body over the stored record: what it is silent about stays. */
bool platform_put(struct worker *worker, struct request *request, struct record *record, struct err *err) MUST_USE;
/* Marks the record for deletion, as DELETE of it does. */
bool platform_delete(struct worker *worker, struct request *request, struct record *record, struct err *err) MUST_USE;
/* The instances that the identity may see, of one tenant (NULL: all). */
bool platform_instances(struct worker *worker, const struct request *request, const char *tenant, struct records *ret,
                        struct err *err) MUST_USE;
/* The page that ?page= and ?page_size= ask for, of all `objects`, with the totals. */
bool platform_answer_page(const struct request *request, const json_t *objects, struct answer *answer,
                          struct err *err) MUST_USE;
/* An instance as the platform API shows it; `tenant_id` is its tenant's uid. */
json_t *instance_to_flat(const struct record *record, const char *tenant_id);
json_t *instance_allowed_actions(const struct record *record, const struct identity *identity);

/*
 * Runs `handler` once per Idempotency-Key: a second request with the same key and content gets the first one's answer. Only
 * good answers are kept, for a day.
 */
bool platform_once(struct worker *worker, struct request *request, struct answer *answer, handler_fn *handler,
                   struct err *err) MUST_USE;

void platform_print_reference(struct str *out); /* Markdown: mapping and actions */
