/*
 * The daemon's configuration, from one table: YAML file, TENANTD_<PATH_WITH_UNDERSCORES> environment, --path.with-dots=value flags (flag over
 * environment over file over default); --help, the example file and the man page are printed from it. Pure, but for config_load().
 */
#pragma once

#include "base/log.h"
#include "specs/field.h"

enum config_s3_style { CONFIG_S3_PATH, CONFIG_S3_VIRTUAL_HOST };

struct config {
    char *data;   /* directory of everything the daemon keeps */
    char *prefix; /* of every name in Docker */
    struct config_listen {
        char *address;           /* "127.0.0.1:7440" */
        char *plain;             /* a second, plain HTTP listener; NULL: none */
        char *certificate, *key; /* PEM files; NULL: own ones */
        int64_t threads;
        int64_t max_connections;
        int64_t max_body_bytes;
        int64_t idle_timeout_ms;
        int64_t head_bytes;         /* of a request's line and headers */
        int64_t watch_buffer_bytes; /* that a watch's reader may leave unread */
    } listen;
    struct config_docker {
        char *host; /* NULL: DOCKER_HOST, else unix:///var/run/docker.sock */
        int64_t timeout_ms;
    } docker;
    struct config_network {
        char *pool;            /* "10.213.0.0/16" */
        int64_t prefix_length; /* of one tenant's subnet: 26 */
    } network;
    struct config_publish {
        char *address; /* 127.0.0.1 */
        char *range;   /* "20000-29999" */
    } publish;
    struct config_proxy {
        char *container;
        char *entrypoints;
        char *cert_resolver;
    } proxy;
    struct config_postgres {
        char *url;    /* NULL: the embedded cluster. Records live in its database "tenantd" */
        int64_t port; /* of the embedded cluster; 0: chosen once and stored */
        char *
            host_for_containers; /* as containers reach it; NULL: the embedded default's host-gateway, else the URL's host */
        int64_t connection_limit; /* per instance role */
    } postgres;
    struct config_accounts {
        bool registration;
        int64_t session_ms;
        int64_t login_window_ms;
        int64_t logins_per_account, logins_per_address; /* attempts within the window */
        struct config_new_tenant {                      /* what who registers gets; 0: no limit */
            char *plan;
            int64_t instances;
            int64_t cpu_millicores;
            int64_t memory_bytes;
            int64_t storage_bytes;
        } new_tenant;
        char *app; /* of instances that the platform API makes without naming one */
    } accounts;
    struct field_list registries; /* struct config_registry */
    struct config_controller {
        int64_t workers;
        int64_t long_workers; /* lane of init, pull, upgrade */
        int64_t resync_ms;    /* list pass */
        int64_t inspect_ms;   /* rolling look at each container */
        int64_t backoff_first_ms, backoff_max_ms;
    } controller;
    struct config_backup {
        char *directory; /* NULL: "<data>/backups"; "none": no local tier */
        int64_t keep_local;
        struct config_s3 {
            char *endpoint; /* "https://s3.example.com:9000"; NULL: no S3, and nothing else here counts */
            char *bucket;
            char *prefix; /* without "/" at its ends; NULL: none */
            char *region;
            char *access_key;
            char *secret_key, *secret_key_file; /* one of them */
            char *ca_file;                      /* NULL: the system's authorities */
            int style;                          /* enum config_s3_style */
            bool versioning;
        } s3;
        struct strv recipients; /* age1... */
        char *identity_file;    /* NULL: see its row */
        int64_t keep_deleted_ms;
        int64_t parallel;
        char *records; /* cron: when all records are copied */
    } backup;
    struct config_leader {
        int64_t hold_ms;      /* nothing is begun when the lock was not confirmed for so long */
        int64_t take_over_ms; /* how long a new leader waits before its first effect */
    } leader;
    struct config_restore {
        int64_t grace_ms; /* how long what a restore replaced is kept */
    } restore;
    struct config_log {
        int level;  /* enum log_level */
        int format; /* enum log_format */
    } log;
    int64_t change_keep_ms; /* how long a watch may look back */
};
struct config_registry {
    char *server, *username, *password;
};
extern const struct field config_fields[];
extern const struct field config_accounts_fields[]; /* of struct config_accounts alone */

/* `file` may be NULL. `argv` are the flags after the command word. All problems in one error. Releases with fields_release(). */
bool config_load(const char *file, int argc, char **argv, char **environment, struct config *ret_config,
                 struct err *err) MUST_USE;
void config_print_help(struct str *out);
