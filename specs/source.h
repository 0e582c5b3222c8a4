/* Source: a repository or directory of manifests that records are made to follow. Pure. */
#pragma once

#include "specs/record.h"

enum source_mode { SOURCE_APPLY, SOURCE_DETECT_ONLY };

/* Names of a Source's secrets, as `tenantctl secret set source/NAME KEY` takes them. */
#define SOURCE_SECRET_PASSWORD "password"
#define SOURCE_SECRET_SSH_KEY  "sshKey"
#define SOURCE_SECRET_WEBHOOK  "webhook"
extern const char *const source_secrets[]; /* ends with NULL */

struct source_spec {
    struct source_git {
        char *url;                   /* https://, ssh:// or file:// */
        char *branch, *tag, *commit; /* at most one; none: branch main */
        char *username;              /* of the secret "password" */
        char *known_hosts;           /* ssh: lines as in known_hosts */
        char *ca;                    /* https: PEM; NULL: the system's authorities */
        int64_t timeout_ms;          /* of all the talk of one fetch */
        int64_t max_bytes;           /* of what a fetch may bring */
    } git;
    char *directory; /* instead of git: on the daemon's host */
    char *path;      /* below the root; NULL: all of it */
    char *tenant;    /* only this namespace; NULL: anything */
    int64_t interval_ms;
    int mode; /* enum source_mode */
    bool prune;
    int64_t prune_limit; /* percent of the Source's records that one sync may prune */
    bool suspend;
    int64_t suspend_until_ms; /* 0: until suspend is taken back */
    bool wait;
    int64_t wait_timeout_ms;
};
extern const struct field source_spec_fields[];

struct source_status {
    char *phase; /* Pending, Syncing, Synced, Waiting, Drifted, Failed, Suspended, Deleting */
    char *message;
    int64_t observed_generation;
    struct field_list conditions; /* Ready, Synced, Healthy (with wait) */
    char *revision;               /* that the records were last made to follow */
    char *attempted_revision;     /* the one that was looked at last */
    int64_t last_sync_ms, last_attempt_ms;
    struct source_counts {
        int64_t records; /* that are this Source's */
        int64_t created, changed, unchanged, pruned, adopted, ignored, failed;
    } counts;              /* of the last sync */
    struct strv drifted;   /* records that differ from what was applied */
    struct strv conflicts; /* records that are somebody else's, and whose */
    struct strv kept;      /* records without a manifest that were not pruned, and why */
    struct strv problems;  /* "path:line: Kind name: field: message" */
    struct retry_status retry;
};
extern const struct field source_status_fields[];

void source_validate(const struct record *record, const void *spec, struct problems *problems);
/* Whether it is to rest at `now_ms`. */
bool source_is_suspended(const struct source_spec *spec, int64_t now_ms);
/* Whether a path stays below the root that it is told from: no "..", ".", empty part, ".git" or control character. */
bool source_path_is_inside(const char *path);
enum source_transport { TRANSPORT_NONE, TRANSPORT_HTTPS, TRANSPORT_SSH, TRANSPORT_FILE };
enum source_transport source_transport(const char *url);
