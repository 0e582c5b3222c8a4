/* Instance: one application of one tenant; one container, one database with its own role, one data volume. Pure. */
#pragma once

#include "specs/app.h"
#include "specs/record.h"

enum instance_type { INSTANCE_PRODUCTION, INSTANCE_STAGING, INSTANCE_DEVELOPMENT };
enum desired_state { STATE_RUNNING, STATE_STOPPED };
enum deletion_policy { DELETION_BACKUP, DELETION_DELETE, DELETION_RETAIN };

struct instance_spec {
    char *app;
    char *version;
    char *description;
    int type;  /* enum instance_type */
    int state; /* enum desired_state */
    char *admin_email;
    bool demo_data;
    struct strv addons;
    struct strv disabled_modules;
    json_t *env;
    struct instance_resources {
        int64_t cpu_millicores;
        int64_t memory_bytes;
        int64_t storage_bytes;
    } resources;
    struct instance_database {
        char *name;
    } database;
    struct strv domains;
    char *publish; /* "none", "auto" or a port */
    struct instance_backup {
        char *schedule; /* cron, UTC */
        struct instance_drill {
            char *schedule; /* cron, UTC */
        } drill;
        struct instance_retention {
            int64_t last, daily, weekly, monthly; /* all 0: retention_default */
        } retention;
    } backup;
    int deletion_policy; /* enum deletion_policy */
};
extern const struct field instance_spec_fields[];

#define DRILL_PASSED "Passed"
#define DRILL_FAILED "Failed"

struct instance_status {
    char *phase;
    char *url;
    char *message;
    char *version; /* the one that runs */
    int64_t observed_generation;
    struct field_list conditions;
    struct container_status {
        char *name, *id, *image, *digest;
        int64_t started_ms;
        int64_t restarts;
    } container;
    struct database_status {
        char *name, *role;
        int64_t size_bytes;
    } database;
    struct storage_status {
        char *volume;
        int64_t used_bytes;
        int64_t requested_bytes;
    } storage;
    struct backup_of_instance {
        int64_t last_ms; /* the newest verified recovery point is of then; 0: there is none */
        char *last_name; /* its Backup */
        int64_t next_ms; /* when the schedule makes the next one; 0: there is no schedule */
        struct drill_status {
            int64_t time_ms;
            char *point, *result, *message; /* result: DRILL_PASSED, DRILL_FAILED */
            int64_t seconds;
        } last_drill;
    } backup;
    /* The last step that failed, with the end of its output (secrets blanked); cleared by its success. */
    struct failure_status {
        char *step;
        int64_t exit_code;
        char *output;
        int64_t time_ms;
    } failure;
    struct retry_status retry;
};
extern const struct field instance_status_fields[];

void instance_validate(const struct record *record, const void *spec, struct problems *problems);
/* The default database name, "<tenant>_<instance>" with dashes as underscores. Owned. */
char *instance_default_database(const char *tenant, const char *instance);
/* For kind->settle: database.name where the spec is silent. deletionPolicy depends on the configuration: the reconciler's admission settles it. */
void instance_settle(struct record *record);

/*
 * Rules that need the App, `app` being its decoded spec: the version is known, env gives parameters values of their type, addons and the like
 * are used by some template or onChange command.
 */
void instance_check_app(const struct instance_spec *instance, const struct app_spec *app, struct problems *problems);
/* Of an update: what the App cannot apply to a live instance (onChange says immutable, or nothing but `init` uses the field). */
void instance_check_app_change(const struct instance_spec *old, const struct instance_spec *instance,
                               const struct app_spec *app, struct problems *problems);
