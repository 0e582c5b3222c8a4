/*
 * The Restore reconciler's own structures. plan.c is pure; steps.c and build.c act; drill.c tries a recovery point in a scratch. What it does to the
 * instance itself goes through its offer (offer.h).
 */
#pragma once

#include "reconcilers/backup/point.h"
#include "reconcilers/backup/tiers.h"
#include "reconcilers/instance/instance.h"
#include "specs/restore.h"

/* Kept beside the record, stored before it is used. */
struct restore_state {
    bool resolved; /* all of the next is known */
    struct restore_source {
        char *tenant, *uid, *name;          /* the recovery point */
        int64_t database_bytes, data_bytes; /* plain */
    } source;
    struct restore_target {
        char *namespace, *name, *uid; /* the instance */
        char *database;               /* its live one */
        bool is_new;                  /* made by this Restore */
    } target;
    char *tier; /* whose copy was read and found right; NULL: not yet */
    struct restore_offer offer;
    int64_t started_ms;
    int64_t failures; /* that may have been passing */
    char *problem;    /* it has failed for good; what was built is removed, and then it is over */
    struct restore_result {
        char *phase; /* Completed, Failed, RolledBack; NULL: it is not over */
        char *message;
        int64_t time_ms, seconds;
        int64_t tables, files; /* that a drill compared */
    } result;
};
extern const struct field restore_state_fields[];

struct restore_want {
    struct record record;
    struct restore_spec spec;
    struct restore_state state;
    bool deleting;

    /* As far as they are known: */
    bool has_target; /* the instance is there, under the uid that was resolved */
    struct instance_want target;
    char *claim_holder; /* of the instance; NULL: nobody */
    char *backup_name;  /* of the Backup that is being taken of it; NULL: none, or it does not matter to a drill */
};
void restore_want_release(struct restore_want *want);
/* In place, as instance_want_load(). ERR_NOT_FOUND when there is no such record. */
bool restore_want_load(struct reconcile_context *ctx, const struct record_key *key, struct restore_want *ret,
                       struct err *err) MUST_USE;
bool restore_state_save(struct reconcile_context *ctx, struct restore_want *want, struct err *err) MUST_USE;

enum restore_step {
    RESTORE_RESOLVE,
    RESTORE_CLAIM,
    RESTORE_VERIFY,
    RESTORE_CLEAR,
    RESTORE_BUILD_DATABASE,
    RESTORE_BUILD_DATA,
    RESTORE_OFFER,
    RESTORE_DRILL_COMPARE,
    RESTORE_DRILL_START,
    RESTORE_DRILL_PASS,
    RESTORE_GIVE_UP,
    RESTORE_FINISH,
    RESTORE_RELEASE,
    RESTORE_STEPS
};
struct restore_step_traits {
    const char *name;
    bool is_long;
    bool replan;
};
extern const struct restore_step_traits restore_step_traits[RESTORE_STEPS];

/* Pure. */
void restore_plan(const struct restore_want *want, struct plan *plan);
/* status.phase. Pure; borrowed, constant. */
const char *restore_phase(const struct restore_want *want);
/* What a failed step means: whether the Restore has failed for good. `failures`: how many there were that may have been passing. Pure. */
bool restore_failure_is_final(enum err_code code, int64_t failures);

typedef bool restore_step_fn(struct reconcile_context *ctx, struct restore_want *want, struct err *err);
extern restore_step_fn *const restore_step_effects[RESTORE_STEPS];
restore_step_fn restore_step_resolve, restore_step_verify, restore_step_clear, restore_step_build_database,
    restore_step_build_data, restore_drill_compare, restore_drill_start;

/* Opens the recovery point in the tier called `tier`; ERR_NOT_FOUND: there is no such tier, or it has no such point. */
struct opened_point {
    struct tiers tiers;
    struct point *point;
};
void opened_point_release(struct opened_point *opened);
bool restore_open_point(struct reconcile_context *ctx, const struct restore_want *want, const char *tier,
                        struct opened_point *ret, struct err *err) MUST_USE;

/* Passes bytes on and tells how far it is in status.progress, now and then. All but `next_taken` is borrowed. */
struct sink *restore_progress_sink_new(struct reconcile_context *ctx, struct restore_want *want, const char *what,
                                       int64_t total_bytes, struct sink *next_taken);
/* Writes the record's status where it differs; `progress` NULL: none. */
bool restore_tell(struct reconcile_context *ctx, struct restore_want *want, const struct plan *plan_or_null,
                  const struct restore_progress *progress, struct err *err) MUST_USE;

bool restore_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                       struct err *err);
bool restore_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan,
                     struct err *err);
/* Of an instance that is being deleted: the Restore that is on its way, so that it gives up. */
bool restore_dependents(struct store *store, const struct record_key *key,
                        void (*add)(void *context, const struct record_key *key), void *context, struct err *err);
bool restore_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
