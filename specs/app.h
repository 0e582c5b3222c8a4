/* App: the blueprint of an application; data only. Pure. */
#pragma once

#include "specs/record.h"

enum app_change_field { CHANGE_ADDONS, CHANGE_DISABLED_MODULES, CHANGE_ADMIN_EMAIL, CHANGE_DEMO_DATA, CHANGE_FIELDS };
extern const char *const app_change_field_names[CHANGE_FIELDS + 1]; /* "addons", ... as in Instance.spec */

struct app_version {
    char *name;
    char *image;
};
struct app_port {
    char *name;
    int64_t port;
    char *path_prefix; /* NULL: the main one */
};
struct app_file {
    char *path;
    char *content; /* template */
    bool executable;
};
enum parameter_type { PARAMETER_STRING, PARAMETER_INTEGER, PARAMETER_BOOLEAN, PARAMETER_ENUM };
struct app_parameter {
    char *name;
    int type; /* enum parameter_type */
    char *fallback;
    struct strv values; /* of an enum */
    char *description;
};
/* A one-shot: the same image, network, volume, env and files as the instance, another command. */
struct app_command {
    struct strv
        command; /* templates; an argument that renders to nothing is left out; empty: there is no such command */
    int64_t timeout_ms;
};
struct app_on_change {
    struct strv command;
    int64_t timeout_ms;
    bool immutable;
    bool live; /* the container keeps running meanwhile */
};

struct app_spec {
    char *description;
    struct field_list versions; /* struct app_version */
    struct app_user {
        int64_t uid, gid; /* -1: read from the image */
    } user;
    struct strv capabilities;
    struct field_list ports; /* struct app_port */
    char *data_path;
    struct strv command;          /* templates; empty: the image's */
    json_t *env;                  /* templates */
    struct field_list files;      /* struct app_file */
    struct field_list parameters; /* struct app_parameter */
    struct strv secrets;
    struct app_command init;
    struct app_command upgrade;
    struct app_clone {
        struct app_command after;
    } clone;
    struct app_backup {
        struct app_command quiesce, resume; /* one-shots around the copying of the data directory */
        struct strv exclude;                /* patterns of paths below dataPath that are not copied */
        char *must_exist;                   /* SQL that gives paths below dataPath which must be among the files */
    } backup;
    struct app_restore {
        struct app_command after;
    } restore;
    struct app_on_changes {
        struct app_on_change field[CHANGE_FIELDS];
    } on_change;
    struct app_health {
        char *path;
        char *port; /* a port's name; NULL: the first */
        int64_t startup_timeout_ms;
        int64_t failure_threshold;
    } health;
    int64_t stop_timeout_ms;
    bool warm_database;
    struct app_rollout {
        int64_t max_unavailable;
    } rollout;
};
extern const struct field app_spec_fields[];

struct app_status {
    char *phase; /* Ready, Pending, Degraded, Deleting */
    char *message;
    int64_t observed_generation;
    struct field_list conditions;
    int64_t instances;
    struct field_list warm; /* struct app_warm */
    struct retry_status retry;
};
struct app_warm {
    char *version;
    char *state; /* Ready, Building, Failed */
    char *database;
    char *message;
};
extern const struct field app_status_fields[];

void app_validate(const struct record *record, const void *spec, struct problems *problems);
const struct app_version *app_find_version(const struct app_spec *app, const char *name);
const struct app_port *app_find_port(const struct app_spec *app, const char *name_or_null);
const struct app_parameter *app_find_parameter(const struct app_spec *app, const char *name);

/* The fixed names that templates know, NULL-terminated; besides them parameters.<declared> and secret.<declared>. */
extern const char *const app_template_names[];
bool app_template_knows(const void *app_spec, const char *name); /* for template_check(), wherever it stands */

/* Whether a value fits the parameter's type; the error says what would. */
bool app_parameter_takes(const struct app_parameter *parameter, const char *value, struct err *err) MUST_USE;
/* Whether the container's own templates (command, env, files) use a name, as template_uses() has it. */
bool app_container_uses(const struct app_spec *app, const char *name_or_prefix);
bool app_command_uses(const struct strv *command, const char *name_or_prefix);
