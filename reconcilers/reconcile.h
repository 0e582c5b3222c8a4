/*
 * Reconcilers: one signature, one table. A reconciler gets a key, never an event; reads all it needs; may run twice, late, or after a
 * crash. Deleting is the same function seeing deletion_ms; it lets go of the record (its finalizer) only when the outside is clean.
 * The controller runs them and turns outcomes into what follows; the API asks for plans and admission.
 */
#pragma once

#include "clients/docker/docker.h"
#include "clients/postgres/server.h"
#include "reconcilers/plan.h"
#include "reconcilers/world.h"
#include "store/store.h"

struct backup_settings;
/* What reconcilers know of the configuration; constant while the daemon runs. Borrowed strings. */
struct settings {
    const char *installation;  /* 6 hex digits */
    const char *prefix;        /* of names in Docker */
    const char *network_pool;  /* "10.213.0.0/16" */
    int network_prefix_length; /* 26 */
    const char *publish_address;
    int publish_first, publish_last;
    const char *proxy_container;   /* NULL: none */
    const char *proxy_entrypoints; /* may be NULL */
    const char *proxy_cert_resolver;
    const char *database_host;    /* as containers name it */
    const char *database_address; /* of that host as an extra host entry ("host-gateway"); NULL: none needed */
    int database_port;            /* as containers reach it */
    int64_t role_connection_limit;
    const char *cluster_directory; /* of the embedded database server; NULL: it is another one */
    int64_t restore_grace_ms;      /* how long the data that a restore replaced is kept */
    const struct image_credentials *registries;
    size_t registry_count;
    const struct backup_settings *backup; /* reconcilers/backup/tiers.h; NULL: no backups (tests) */
    const char *identity_path;            /* of the age identity that opens sealed manifests */
    const char *sources_directory;        /* of what is fetched for Sources */
};

enum lane { LANE_QUICK, LANE_LONG };

/* One per worker; its members belong to that worker's thread, but for world and settings. */
struct reconcile_context {
    struct store *store;
    struct docker *docker;
    struct server *server;
    struct world *world;
    const struct settings *settings;
    enum lane lane;
    struct call call; /* deadline none; cancelled when the daemon stops or the record's generation moved on */
    const char *step; /* being run, for logs and metrics; NULL */
    void (*on_step)(void *context, const struct record_key *key, const char *step,
                    const char *phase); /* "begin", "end"; tests and metrics; may be NULL */
    void *on_step_context;
};

struct reconcile_result {
    bool is_gone;             /* there is no such record (any more) */
    bool wants_long_lane;     /* the next step is long: call again with LANE_LONG */
    int64_t requeue_after_ms; /* 0: rests until a change */
};

typedef bool reconcile_fn(struct reconcile_context *ctx, const struct record_key *key,
                          struct reconcile_result *ret_result, struct err *err);
/* What reconcile would do for `record` as given (stored or only proposed); touches nothing. */
typedef bool preview_fn(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan,
                        struct err *err);
/* Adds the keys of records that must be looked at when `key` changed. */
typedef bool dependents_fn(struct store *store, const struct record_key *key,
                           void (*add)(void *context, const struct record_key *key), void *context, struct err *err);

struct reconciler {
    enum kind_id kind;
    reconcile_fn *reconcile;
    preview_fn *preview;
    store_admit_fn *admit;     /* context: const struct settings * */
    dependents_fn *dependents; /* NULL: none */
    int64_t resync_ms;         /* how long a settled record rests before it is looked at again */
};
extern const struct reconciler reconcilers[KINDS];

/*
 * The record that a reconcile is about, into zeroed `ret_record`. False with ret_result->is_gone when there is none (any more), which is no
 * error: then err is left alone.
 */
bool reconcile_find(struct reconcile_context *ctx, const struct record_key *key, struct record *ret_record,
                    struct reconcile_result *ret_result, struct err *err);
/*
 * Puts the outcome of a failed reconcile into status.retry and the Ready condition (compared first, written only when it differs). Called by
 * the controller, which alone knows attempts and the next time; `error` NULL clears retry.
 */
bool reconcile_note_retry(struct store *store, const struct record_key *key, const struct err *error, int64_t attempts,
                          int64_t next_wall_ms, struct err *err);
/* The labels every Docker object of ours carries; `label_installation()` is what lists are filtered by ("tenantd.installation=<id>"). Owned. */
char *label_installation(const struct settings *settings);
