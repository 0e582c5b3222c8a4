/*
 * The Source's reconciler: a repository's manifests become records and stay what they say. It fetches, reads all of the tree, checks all of
 * it, compares it with what is stored, and writes the difference as an API caller would, with the same admission.
 */
#pragma once

#include "clients/git/git.h"
#include "reconcilers/reconcile.h"
#include "reconcilers/source/plan.h"

/* ---- the tree ---- */

struct source_file {
    char *path; /* below the Source's path */
    struct str text;
    char *refusal; /* why it could not be opened; NULL: it is plain, or was */
};
struct source_files {
    struct source_file *items;
    size_t count;
};
void source_files_release(struct source_files *files);
/* Whether a file's name makes it a manifest: .yaml or .yml, and nothing hidden on the way. Pure. */
bool source_is_manifest(const char *path);
/*
 * The manifests of a commit or a directory. ERR_INVALID and ERR_NOT_FOUND as git_list() has them, ERR_TOO_LARGE beyond 10,000 files,
 * 4 MiB of one and 64 MiB of all. `ret_revision` of a directory: the digest of what was read.
 */
bool source_read_commit(const struct git *git, const char *commit, const char *path, const struct call *call,
                        struct source_files *ret, struct err *err) MUST_USE;
bool source_read_directory(const char *directory, const char *path, struct source_files *ret, char **ret_revision,
                           struct err *err) MUST_USE;
#define SOURCE_SEALED ".age.yaml"
/* Opens the files that age has sealed, with the identity in the file at `identity_path`; what cannot be opened keeps a refusal. */
void source_open_sealed(struct source_files *files, const char *identity_path);
/*
 * Files become documents in the order of applying. What is wrong is added to the reader's complaints: all of it, each with file, line and field.
 * Pure.
 */
void source_load(const struct source_files *files, const char *name, const struct source_spec *spec,
                 struct document_reader *reader);
/* What only the stored records tell: Apps and tenants that are nowhere, fields that cannot be changed. Pure. */
void source_check(const struct source_plan *plan, const struct records *lives, struct document_reader *reader);

/* ---- one attempt ---- */

/* The steps, as on_step() is told of them: the fetch, and an act's; NULL: it touches no record. */
#define SOURCE_STEP_FETCH "fetch"
extern const char *const source_act_steps[SOURCE_ACTS];

/* What is remembered beside the record. */
struct source_state {
    char *revision;        /* the one that the records are made to follow; stored before the first of them is touched */
    char *handled;         /* the ANNOTATION_SYNC_REQUESTED that the last fetch answered */
    int64_t generation;    /* of the spec that was fetched for */
    int64_t fetched_ms;    /* when a fetch was last begun */
    int64_t next_fetch_ms; /* when the next one is due */
    int64_t applied_ms;    /* when all of `revision` was first applied; 0: not yet */
};
extern const struct field source_state_fields[];

struct source_attempt {
    struct reconcile_context *ctx;
    struct record record;
    struct source_spec spec;
    struct source_status status;
    struct source_state state, stored_state;
    char *directory; /* of git's files */
    char *revision;  /* that is looked at */
    bool has_fetched;
    bool is_superseded; /* a newer request came: this attempt ended early */
    int64_t begun_ms;   /* wall clock */
    struct source_files files;
    struct documents documents;
    struct document_reader reader;
    struct records lives;
    json_t *applied;
    struct source_plan plan;
    struct strv failures; /* of applying: "Instance/acme/erp: ..." */
    int64_t applied_acts;
};
void source_attempt_release(struct source_attempt *attempt);

/* fetch.c */
bool source_fetch(struct source_attempt *attempt, const char *directory, struct err *err) MUST_USE;
/* The tree at attempt->revision, checked and planned. True also with complaints. */
bool source_look(struct source_attempt *attempt, const char *directory, struct err *err) MUST_USE;
/* apply.c: runs the plan; what single records refuse is in `failures`. False: it cannot go on. */
bool source_apply(struct source_attempt *attempt, struct err *err) MUST_USE;
/* Lets go of all records. */
bool source_release_records(struct source_attempt *attempt, struct err *err) MUST_USE;
/* status.c */
struct source_health {
    size_t waiting;
    char *first; /* "Instance/acme/erp: message"; NULL: none waits */
};
void source_health_of(const struct source_plan *plan, struct source_health *ret);
bool source_tell_failure(struct source_attempt *attempt, const char *reason, const struct err *why,
                         struct err *err) MUST_USE;
bool source_tell_suspended(struct source_attempt *attempt, struct err *err) MUST_USE;
/* `ret_look_ms`: when the health of what it waits for is to be looked at again; 0: it waits for none. */
bool source_tell(struct source_attempt *attempt, const struct source_health *health, int64_t *ret_look_ms,
                 struct err *err) MUST_USE;

bool source_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err);
bool source_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err);
bool source_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
