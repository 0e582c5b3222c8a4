/*
 * The backup reconciler's own structures: what is wanted (the record, its instance, the other recovery points of that), and the steps.
 * plan.c is pure; want.c loads; steps.c acts, take.c takes; reconcile.c drives them.
 */
#pragma once

#include "reconcilers/backup/point.h"
#include "reconcilers/backup/tiers.h"
#include "reconcilers/instance/instance.h"
#include "specs/backup.h"
#include "specs/retention.h"

/* (scope, instance uid) belongs to the Backup that works on the instance: one at a time. */
#define CLAIM_BACKUP "backup"
/* (scope, "1" to backup.parallel) belongs to a Backup that runs. */
#define CLAIM_BACKUP_SLOT "backup-slot"
/* (scope, uid of the Backup) belongs to a Restore that reads it: it does not go meanwhile. */
#define CLAIM_POINT_IN_USE "point-in-use"
/* Asks for another verification; any value that status.verifyAnswered does not have yet. */
#define ANNOTATION_VERIFY "tenantd/verify"

/* Kept beside the record. */
struct backup_state {
    char *bucket, *prefix;    /* of the tenant, when it was taken: there its objects are */
    int64_t instance_gone_ms; /* when it was first seen that the instance is no more; 0: it is there */
    bool swept;               /* what a failed one left was removed */
};
extern const struct field backup_state_fields[];

/* One recovery point of the same instance: this one among them. */
struct backup_sibling {
    char *name;
    int64_t time_ms;
    bool is_self, is_over, is_complete, is_verified, is_in_use, is_going;
    bool is_local; /* the local tier has it */
};

struct backup_want {
    struct record record;
    struct backup_spec spec;
    struct backup_status status;
    struct backup_state state;
    bool has_instance; /* of the very uid */
    struct instance_want instance;
    struct backup_sibling *siblings;
    size_t sibling_count;
    char *restore_holder; /* uid of the Restore that has the instance; NULL: none */
    bool holds_claims;    /* of CLAIM_BACKUP or CLAIM_BACKUP_SLOT */
    bool deleting;
};
void backup_want_release(struct backup_want *want);
/* In place: the struct must not be moved afterwards. ERR_NOT_FOUND: no such record. Release it in either case. */
bool backup_want_load(struct reconcile_context *ctx, const struct record_key *key, struct backup_want *ret,
                      struct err *err) MUST_USE;
bool backup_state_save(struct reconcile_context *ctx, const struct backup_want *want, struct err *err) MUST_USE;

enum backup_step {
    BACKUP_STEP_CLAIM,
    BACKUP_STEP_TAKE,
    BACKUP_STEP_FAIL,
    BACKUP_STEP_LET_GO,     /* of what others wait for; of one that is over in any case */
    BACKUP_STEP_SWEEP,      /* what a failed one left in its places */
    BACKUP_STEP_VERIFY,     /* again, because somebody asked */
    BACKUP_STEP_NOTE_GONE,  /* the instance is no more: from now on its age counts */
    BACKUP_STEP_NOTE_BACK,  /* it is there again, under the same uid */
    BACKUP_STEP_DROP_LOCAL, /* the local tier keeps only the newest ones */
    BACKUP_STEP_EXPIRE,     /* requests its own deletion */
    BACKUP_STEP_REMOVE_POINT,
    BACKUP_STEP_RELEASE,
    BACKUP_STEPS
};
struct backup_rules {
    int64_t keep_local, keep_deleted_ms;
    bool has_s3;
};
/* Pure. `rules` are the configuration's. */
void backup_plan(const struct backup_want *want, const struct backup_rules *rules, int64_t now_ms, struct plan *plan);
/* The rules that keep it (enum retention_rule), as plan.c decides; of a failed or unfinished one 0. Pure. */
unsigned backup_kept(const struct backup_want *want);
/* When it goes at the latest: a point of an instance that is no more, or a failed one; 0: rules decide. Pure. */
int64_t backup_expires_ms(const struct backup_want *want, const struct backup_rules *rules);
struct backup_rules backup_rules(const struct settings *settings);

struct backup_step_traits {
    const char *name;
    bool is_long;
    enum step_effect effect;
    const char *done; /* reason of the event that tells of it; NULL: none */
};
extern const struct backup_step_traits backup_step_traits[BACKUP_STEPS];
typedef bool backup_step_fn(struct reconcile_context *ctx, struct backup_want *want, struct err *err);
extern backup_step_fn *const backup_step_effects[BACKUP_STEPS];

/* The parts of taking, as on_step is told of them; NULL-terminated. */
extern const char *const backup_take_parts[];
/* The whole of taking: dump, files, read back, publish. Fills status; false with ERR_... as take.c says. */
bool backup_take(struct reconcile_context *ctx, struct backup_want *want, struct err *err) MUST_USE;
/*
 * The slot, then the instance with what a copy left on it, so that others may go on; what it does not hold is left alone. On a call of its own: also
 * when the attempt was cancelled.
 */
bool backup_let_go(struct reconcile_context *ctx, const struct backup_want *want, struct err *err) MUST_USE;
/* Writes want->status where it differs from what is stored. */
bool backup_tell(struct reconcile_context *ctx, struct backup_want *want, struct err *err) MUST_USE;
void backup_event(struct reconcile_context *ctx, const struct backup_want *want, enum event_type type,
                  const char *reason, const char *message);
/* The files of the instance into a recovery point, through a container that is never started; copy.c. */
struct backup_files {
    struct backup_want *want; /* whose progress it is */
    const struct point_target *target;
    const struct strv *must_exist; /* sorted */
    struct point_part *ret_part;
};
/* Whether the image is there that the copy's containers are made from. ERR_INVALID: the App has none; ERR_NOT_FOUND: it is not on the host. */
bool backup_check_image(struct reconcile_context *ctx, const struct backup_want *want, struct err *err) MUST_USE;
bool backup_copy_files(struct reconcile_context *ctx, const struct backup_want *want, const struct backup_files *files,
                       struct err *err) MUST_USE;
/* Removes the container that a killed copy left; fine when there is none. */
bool backup_remove_copier(struct reconcile_context *ctx, const struct record_key *instance, const char *uid,
                          struct err *err) MUST_USE;
/* A sink that counts along, ends with ctx->call, and tells the record now and then. Borrows all until it is freed. */
struct sink *backup_meter_new(struct reconcile_context *ctx, struct backup_want *want, const char *what,
                              struct sink *next_taken);

bool backup_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err);
bool backup_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err);
bool backup_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
/* Of an instance: its Backups. */
bool backup_dependents(struct store *store, const struct record_key *key,
                       void (*add)(void *context, const struct record_key *key), void *context, struct err *err);
