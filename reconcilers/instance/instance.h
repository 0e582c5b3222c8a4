/*
 * The instance reconciler's own structures: what is wanted (the records, and what was remembered), what is seen, and the steps between the
 * two. plan.c is pure; observe.c looks; steps.c acts; reconcile.c drives them.
 */
#pragma once

#include "reconcilers/restore/offer.h"
#include "reconcilers/workload.h"
#include "specs/tenant.h"

#define CLAIM_DATABASE           "database"
#define CLAIM_PORT               "port"
#define SECRET_DATABASE_PASSWORD "database.password"
#define SECRET_DATABASE_VERIFIER "database.verifier"

/*
 * Data that a Restore built beside and that takes the place of the instance's own, from before the two change places until the new one
 * has proved healthy or the old one is back. All of it is stored before the first of it is done.
 */
struct instance_swap {
    char *restore;        /* uid of the Restore; NULL: no such thing goes on */
    char *beside, *aside; /* the other names of the two databases: the new one's before, the old one's after */
    char *volume;         /* the new one */
    char *version;        /* of the new data */
    json_t *applied;
    char *source_database;
    bool neutralize;
    json_t *before; /* the whole state of before, which is gone back to; NULL: there was no data, it is a clone */
    bool placed;    /* the new one is the live one */
    int64_t placed_ms;
    bool after_due;  /* restore.after is still to be run */
    bool going_back; /* it did not prove healthy */
    char *problem;   /* why */
};
/* What a swap left: the pair that is not used any more, kept for a while. */
struct instance_replaced {
    char *database, *volume;
    int64_t drop_ms; /* when it goes */
};

/*
 * What cannot be derived or seen, kept beside the record and stored before it is used. An initialisation that was begun and not
 * finished is `dirty`: its database and volume never counted, and are made afresh.
 */
struct instance_state {
    char *volume; /* the live one's name; NULL: nothing was chosen yet */
    int64_t port; /* on the host; 0: not published */
    bool dirty, initialised;
    char *version;              /* that of the data */
    char *previous;             /* version to go back to while an upgrade's health gate is open */
    char *failed_version;       /* an upgrade to it failed ... */
    int64_t failed_generation;  /* ... at this generation: not tried again until the record changes */
    char *clone_source;         /* template database that the data came from */
    json_t *applied;            /* {"addons": "sale,crm", ...}: values that the application has taken over */
    char *restarted_at;         /* the annotation that was acted upon */
    int64_t settled_generation; /* of the record, that its container was last seen to be right for; 0: not yet */
    char *backup_schedule;      /* as it was seen last ... */
    int64_t backup_slot_ms;     /* ... and what of it is done: the time that was run last, or when it was seen first */
    int64_t drill_slot_ms; /* of spec.backup.drill.schedule: the time that was run last, or since when there is one */
    bool from_restore;     /* a Restore made the record: it never begins with empty data */
    struct instance_swap swap;
    struct field_list replaced; /* struct instance_replaced */
    struct instance_outcome {
        char *restore; /* uid of the last Restore whose data was put in place */
        bool failed;
        bool went_back; /* the data of before serves again */
        char *problem;
        int64_t time_ms;
    } outcome;
};
extern const struct field instance_state_fields[], instance_swap_fields[];

/* A warm template that is ready. */
struct warm_template {
    char *database, *volume, *role;
    char *image_id; /* that it was made with */
};

/* Its Backups, as far as its own plan depends on them; recovery.c. */
struct instance_recovery {
    bool is_known;            /* loaded: it has a schedule, or is deleted with a last backup */
    int64_t last_verified_ms; /* the time of the newest recovery point that was read back; 0: none */
    char *last_name;
    char *running; /* a Backup that is not over; NULL: none */
    bool restore_runs;
    /* Of the last backups before its deletion. */
    bool final_is_complete;
    char *final_name, *final_phase, *final_message; /* the newest one; NULL: none */
    int64_t final_over_ms;
    int64_t final_failures;
};

struct instance_want {
    struct record record;
    struct instance_spec spec;
    bool has_tenant, has_app;
    struct tenant_spec tenant;
    bool tenant_is_going;
    struct app_spec app;
    struct instance_state state;
    char *app_uid; /* NULL: no App */
    int64_t app_generation;
    bool app_rolls_out;    /* the App says that not all its instances are as it is now */
    char *rollout_problem; /* why it goes no further; NULL: it goes on */
    bool warm_is_building;
    struct warm_template warm; /* database NULL: none */

    char *container, *job, *network, *role, *stamp; /* names */
    const char
        *version; /* the container's to be: the data's, or the spec's where there is no data or an upgrade is due */
    const char *image; /* of that version; NULL: the App does not have it */
    bool secrets_complete;
    json_t *values; /* template values, secrets among them */
    char *verifier; /* of the database password; NULL: not made yet */
    struct workload workload;
    struct rendered rendered; /* hash NULL: could not be rendered, render_problem says why */
    char *render_problem;

    struct instance_recovery recovery;

    char *job_output; /* of the one-shot that failed last, secrets blanked; NULL: none */
    int job_exit_code;

    /* The Restore that has this instance's claim, if one has. Until it lets go, changes of the spec wait. */
    char *restore_uid; /* NULL: none */
    struct record_key restore_key;
    struct restore_offer offer;
    struct drill_status last_drill; /* owned; time_ms 0: there was none */

    bool deleting, paused;
    bool suspended; /* the tenant, or this instance alone */
    bool running;   /* state Running, tenant not suspended, not deleting */
};
void instance_want_release(struct instance_want *want);
/* Loads and renders, in place: the struct must not be moved afterwards. ERR_NOT_FOUND when there is no such record. Release it in either case. */
bool instance_want_load(struct reconcile_context *ctx, const struct record_key *key, struct instance_want *ret,
                        struct err *err) MUST_USE;
/* The same for a record as given, stored or only proposed. */
bool instance_want_from(struct reconcile_context *ctx, const struct record *record, struct instance_want *ret,
                        struct err *err) MUST_USE;
/* Version, image and rendering become those of the data, also while an upgrade is due: for who reads the data as it is. */
void instance_want_in_place(struct reconcile_context *ctx, struct instance_want *want);
bool instance_state_save(struct reconcile_context *ctx, struct instance_want *want, struct err *err) MUST_USE;
/* False where a field with `immutable` asks for something else than a template has. */
bool instance_can_be_cloned(const struct instance_want *want);
/* The host port that spec.publish asks for: 0 none, -1 any. */
int64_t instance_publish_wish(const struct instance_spec *spec);

enum look { LOOK_CACHED, LOOK_LIVE };
enum thing { THING_UNKNOWN, THING_ABSENT, THING_OURS, THING_STRANGER };

struct instance_seen {
    enum look look;
    enum thing container_is;
    struct container container;
    bool container_matches;  /* is what `want` asks for, but for limits */
    bool container_outdated; /* made from other records or settings than there are now, not changed by hand */
    bool has_turn;           /* in the App's rollout; looked up where it counts */
    bool renamed;            /* the container has another name than ours */
    bool files_differ;       /* one of the App's files in the container; looked at now and then */
    bool network_is_stale;   /* the container is on one that is gone, and had the name of ours */
    bool on_network;
    enum thing job_is, network_is, volume_is, image_is, database_is, role_is;
    bool role_right, database_right; /* as we leave them */
    bool database_unstamped;         /* ours by its owner, without our stamp */
    struct health_seen health;
    int64_t memory_use; /* -1: not known */
    bool host_known;
    struct docker_host host;
    int64_t restart_allowed_ms;
    int64_t restarts;
    struct strv leftovers; /* ids of other containers that carry its uid; looked up for a deletion */
    char *last_output; /* of a container that ended by itself and waits for its next start, secrets blanked; or NULL */
    int64_t engine_away_ms, server_away_ms; /* since; 0: answers */
    char *engine_problem, *server_problem;
};
void instance_seen_release(struct instance_seen *seen);
/* LOOK_LIVE fails when something does not answer; LOOK_CACHED does not ask and says THING_UNKNOWN. */
bool instance_observe(struct reconcile_context *ctx, const struct instance_want *want, enum look look,
                      struct instance_seen *ret, struct err *err) MUST_USE;

enum instance_step {
    STEP_ALLOCATE,    /* volume name, secrets, port */
    STEP_FORGET_LOSS, /* the user accepted that data is gone */
    STEP_PULL_IMAGE,
    STEP_REMOVE_JOB,
    STEP_DISCARD_DATABASE, /* of an initialisation that never counted */
    STEP_DISCARD_VOLUME,
    STEP_PUT_ROLE,
    STEP_CREATE_DATABASE,
    STEP_CLONE_DATABASE,
    STEP_REPAIR_DATABASE,
    STEP_CREATE_VOLUME,
    STEP_COPY_VOLUME,
    STEP_TAKE_OVER,
    STEP_INITIALISE,
    STEP_CLONE_AFTER,
    STEP_UPGRADE,
    STEP_ROLL_BACK,
    STEP_CLOSE_GATE,
    STEP_CHANGE_ADDONS, /* in the order of enum app_change_field */
    STEP_CHANGE_DISABLED_MODULES,
    STEP_CHANGE_ADMIN_EMAIL,
    STEP_CHANGE_DEMO_DATA,
    STEP_STOP,
    STEP_REMOVE_CONTAINER,
    STEP_REMOVE_LEFTOVERS,
    STEP_CREATE_CONTAINER,
    STEP_RENAME,
    STEP_PUT_FILES,
    STEP_RESIZE,
    STEP_CONNECT,
    STEP_UNPAUSE,
    STEP_START,
    STEP_RESTART,
    STEP_NOTE_SCHEDULE, /* from now on it counts */
    STEP_SCHEDULE_BACKUP,
    STEP_LAST_BACKUP,
    STEP_DROP_DATABASE,
    STEP_RETAIN_DATABASE,
    STEP_DROP_ROLE,
    STEP_REMOVE_VOLUME,
    STEP_SWITCH_DATA,
    STEP_RESTORE_AFTER,
    STEP_KEEP_RESTORED,
    STEP_REJECT_RESTORED,
    STEP_SWITCH_BACK,
    STEP_DROP_REPLACED,
    STEP_RELEASE,
    INSTANCE_STEPS
};

/* Pure: the order of steps from what is seen to what is wanted. */
void instance_plan(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                   struct plan *plan);
/*
 * Makes the Restore that a drill is when the schedule asks for one, and lets go of old ones. `ret_wait_ms`: when it is to be looked at again;
 * 0: there is no schedule.
 */
bool instance_schedule_drill(struct reconcile_context *ctx, struct instance_want *want, int64_t *ret_wait_ms,
                             struct err *err) MUST_USE;
/* When the next pair that was replaced is to be dropped; INT64_MAX: there is none. Pure. */
int64_t instance_replaced_due_ms(const struct instance_want *want);
/* The spec asks for another version than the data has, and that one did not fail at this generation. Pure. */
bool instance_upgrade_is_due(const struct instance_want *want);
/* It runs well, and its App or our settings have changed: it is made anew when its turn has come. Pure. */
bool instance_waits_for_turn(const struct instance_want *want, const struct instance_seen *seen);
/* A text that a program wrote about its end says that a disk is full. Pure. */
bool instance_says_disk_full(const char *text_or_null);
/* A lower memory limit than what is in use is not sent; a text with both figures, or NULL. Owned. Pure. */
char *instance_resize_pending(const struct instance_want *want, const struct instance_seen *seen);

/* The schedule's time that is to be run now; 0: none. When the next one comes; INT64_MAX: none does. Pure. */
int64_t instance_backup_due_ms(const struct instance_want *want, int64_t now_ms);
int64_t instance_backup_next_ms(const struct instance_want *want, int64_t now_ms);
/* Puts `last`, `next` and the condition BackupCurrent into the status. Pure. */
void instance_tell_recovery(struct instance_status *status, const struct instance_want *want, int64_t now_ms);
/* Loads want->recovery; for want.c. */
bool instance_recovery_load(struct reconcile_context *ctx, struct instance_want *want, struct err *err) MUST_USE;
void instance_recovery_release(struct instance_recovery *recovery);
/* Adds what waits for a last backup to the plan of a deletion; true: it is there, or none is to be made. Pure. */
bool instance_plan_last_backup(const struct instance_want *want, int64_t now_ms, struct plan *plan);

/* What plan.c knows of a step ... */
struct instance_step_traits {
    const char *name;
    bool is_long; /* runs in the long lane */
    bool replan;  /* what is wanted is another thing afterwards */
    enum step_effect effect;
    const char *done;   /* reason of the event that tells of it; NULL: not worth one */
    const char *failed; /* reason of the Ready condition and the event when it fails; NULL: "StepFailed" */
};
extern const struct instance_step_traits instance_step_traits[INSTANCE_STEPS];
/* ... and what steps.c does. One effect each, safe to repeat. */
typedef bool instance_step_fn(struct reconcile_context *ctx, struct instance_want *want,
                              const struct instance_seen *seen, struct err *err);
extern instance_step_fn *const instance_step_effects[INSTANCE_STEPS];

/* Status from what is wanted and seen. Pure. `plan` is what is still to do. */
void instance_status_fill(struct instance_status *status, const struct instance_want *want,
                          const struct instance_seen *seen, const struct plan *plan, const struct settings *settings,
                          int64_t now_ms);

bool instance_reconcile(struct reconcile_context *ctx, const struct record_key *key,
                        struct reconcile_result *ret_result, struct err *err);
bool instance_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan,
                      struct err *err);
bool instance_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
