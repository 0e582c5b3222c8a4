/*
 * A workload: an App's blueprint filled with one subject's values (an instance's, or a warm template's) and turned into containers: the
 * one that serves, and one-shot jobs of the same image, network, volume, env and files.
 */
#pragma once

#include "reconcilers/reconcile.h"
#include "specs/instance.h"

/* Raised when the same records would be rendered otherwise than before; older containers are then compared by what they are (promise 9). */
#define RENDER_VERSION "1"
#define PIDS_LIMIT     512

/* What to render; all borrowed. */
struct workload {
    const struct app_spec *app;
    const struct record_key *key;
    const char *uid;
    const char *image;
    const char *network;
    const char *volume;
    const char *volume_uid; /* whose the volume is; NULL: `uid`'s */
    const json_t
        *values; /* {"database.host": "...", "spec.addons": "a,b", ...}: every name that templates may use, as text */
    const json_t *extra_env;    /* of the instance, over the App's; NULL: none */
    const struct strv *domains; /* NULL: none */
    int64_t publish_port;       /* 0: not published */
    int64_t millicores, memory_bytes;
};

/* Whom the values stand for. */
struct workload_subject {
    const char *app_name, *version;
    const char *name, *namespace, *uid;
    const char *database, *role, *password; /* password NULL: not made yet */
    const json_t *secrets;                  /* {"adminPassword": "..."} */
};
/* Every name that templates know, but those of one job (change.*). A new object. */
json_t *workload_values(const struct settings *settings, const struct app_spec *app, const struct instance_spec *spec,
                        const struct workload_subject *subject);
/* A change field's value as text: lists comma-joined, booleans "true" and "false". Owned. */
char *workload_change_value(const struct instance_spec *spec, enum app_change_field field);

struct rendered_file {
    char *path, *content;
    bool executable;
};
/* The App's templates filled in. */
struct rendered {
    struct strv command;
    struct strv env;         /* "K=v", sorted */
    struct field_list files; /* struct rendered_file */
    json_t *labels;          /* of the serving container, with hash and render version */
    char *hash;
};
void rendered_release(struct rendered *rendered);
/* One template; `ret` is owned. */
bool workload_render_text(const char *template, const json_t *values, char **ret, struct err *err) MUST_USE;
/* A template that renders to nothing is left out: that makes an option conditional; an argument that is empty as written stays. */
bool workload_render_command(const struct strv *templates, const json_t *values, struct strv *ret,
                             struct err *err) MUST_USE;
bool workload_render(const struct settings *settings, const struct workload *workload, struct rendered *ret,
                     struct err *err) MUST_USE;
/*
 * Whether `container` is what `rendered` asks for. One that this version rendered must carry the hash; and what an inspect shows must be as
 * asked for, whoever rendered it: somebody may have made it anew with our labels. `image_or_null`, the image that is asked for, tells what
 * env and command a container has by itself; without it, or where the tag has moved on, what goes beyond ours is not judged.
 */
bool workload_matches(const struct workload *workload, const struct rendered *rendered,
                      const struct container *container, const struct image *image_or_null);
/* Its hash label says that it was rendered otherwise: from other records, not by somebody's hand. */
bool workload_is_outdated(const struct rendered *rendered, const struct container *container);

struct numeric_user {
    int64_t uid, gid;
};
/* Whom files and data belong to: the App's `user`, else what the image says (its /etc/passwd is read for names). */
bool workload_user(struct reconcile_context *ctx, const struct workload *workload, struct numeric_user *ret,
                   struct err *err) MUST_USE;

/* Creates the serving container with its files in it; not started. */
bool workload_create(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                     const struct numeric_user *user, struct err *err) MUST_USE;

/* Whether a file in the container is missing or has another content than `rendered`. */
bool workload_files_differ(struct reconcile_context *ctx, const struct rendered *rendered, const char *container_id,
                           bool *ret, struct err *err) MUST_USE;
/* Puts them back; what reads them only when it starts has to be restarted. */
bool workload_put_files(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                        const char *container_id, struct err *err) MUST_USE;

/*
 * Runs `command` (templates) as a one-shot, waits and removes it. A job of before that still stands (a crash) is removed first. With
 * ERR_EXIT, `ret_output` holds the end of its output with secret values blanked, and `ret_exit_code` its status.
 */
struct job {
    const char *purpose; /* "init", "upgrade", ... for messages */
    const struct strv *command;
    int64_t timeout_ms;
    const json_t *values; /* those of the workload, with this job's own (change.old ...) */
    const char *suffix;   /* of its container's name, for one that may run beside another; NULL: none */
};
bool workload_run_job(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                      const struct numeric_user *user, const struct job *job, char **ret_output, int *ret_exit_code,
                      struct err *err) MUST_USE;
/* A job's container is called name_job(); the two that copy a volume add these. */
#define COPY_FROM_SUFFIX "-from"
#define COPY_TO_SUFFIX   "-to"
/* The registry's that `image` comes from; borrowed, NULL: none are configured. */
const struct image_credentials *workload_credentials(const struct settings *settings, const char *image);
/* Removes a job that stands and a copy's containers; fine when there are none; a stranger under such a name is ERR_CONFLICT. */
bool workload_remove_job(struct reconcile_context *ctx, const struct record_key *key, const char *uid,
                         struct err *err) MUST_USE;
/*
 * A container of the workload's image on `volume`, at the App's dataPath, that is never started: archives go into and out of the volume
 * through it. It is called name_job() with `suffix`; one of an earlier try is removed first. The caller removes it. `ret_id` is owned.
 */
bool workload_create_copier(struct reconcile_context *ctx, const struct workload *workload, const char *volume,
                            const char *suffix, char **ret_id, struct err *err) MUST_USE;
/* Copies a volume into the workload's own, through two created, never-started containers. */
bool workload_copy_volume(struct reconcile_context *ctx, const struct workload *workload, const char *from_volume,
                          struct err *err) MUST_USE;
/*
 * Replaces the values whose names are secret ("database.password", "secret.*") by asterisks: also where line breaks were put into them, and
 * their ends where `text` begins in their midst. Owned.
 */
char *workload_blank_secrets(const json_t *values, const char *text);
