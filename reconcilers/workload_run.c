/* A workload's containers: the serving one, one-shot jobs, and the pair that copies a volume; see workload.h. */
#include "reconcilers/names.h"
#include "reconcilers/workload.h"
#include "specs/template.h"

enum {
    CREATE_TIMEOUT_MS = 60000,
    JOB_START_TIMEOUT_MS = 120000, /* a busy host takes its time */
    COPY_TIMEOUT_MS = 3600000,
    CLEAN_UP_MS = 20000,
    OUTPUT_LIMIT = 8192,
    PASSWD_LIMIT = 262144,
};

/* "name:x:uid:gid:..." in an /etc/passwd. */
static bool find_user(const char *passwd, const char *name, struct numeric_user *ret)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, passwd, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        CLEANUP(strv_release) struct strv parts = STRV_INIT;
        strv_split(&parts, lines.items[i], ':');
        if (parts.count >= 4 && str_equal(parts.items[0], name))
            return str_parse_int64(parts.items[2], 0, INT32_MAX, &ret->uid) &&
                   str_parse_int64(parts.items[3], 0, INT32_MAX, &ret->gid);
    }
    return false;
}

static bool user_from_image(struct reconcile_context *ctx, const struct workload *workload, struct numeric_user *ret,
                            struct err *err)
{
    struct image image = { 0 };
    if (!image_inspect(ctx->docker, workload->image, &ctx->call, &image, err))
        return err_wrap(err, "image %s", workload->image);
    CLEANUP(freep) char *user = mem_strdup(image.user ? image.user : "");
    image_release(&image);
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, user, ':');
    *ret = (struct numeric_user){ 0, 0 };
    if (parts.count == 0)
        return true;
    if (str_parse_int64(parts.items[0], 0, INT32_MAX, &ret->uid)) {
        ret->gid = ret->uid;
        return parts.count < 2 || str_parse_int64(parts.items[1], 0, INT32_MAX, &ret->gid) ||
               err_set(err, ERR_INVALID, "image %s has user %s: give the App a numeric `user`", workload->image, user);
    }
    CLEANUP(str_release) struct str passwd = STR_INIT;
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, workload->key, workload->uid, "copy");
    if (!image_read_file(ctx->docker, workload->image, "/etc/passwd", PASSWD_LIMIT, labels, &ctx->call, &passwd, err))
        return err_wrap(err, "find user %s in image %s", user, workload->image);
    if (!find_user(passwd.text, parts.items[0], ret))
        return err_set(err, ERR_INVALID,
                       "image %s runs as %s, whom its /etc/passwd does not know: give the App a numeric `user`",
                       workload->image, user);
    return true;
}

bool workload_user(struct reconcile_context *ctx, const struct workload *workload, struct numeric_user *ret,
                   struct err *err)
{
    if (workload->app->user.uid >= 0) {
        ret->uid = workload->app->user.uid;
        ret->gid = workload->app->user.gid >= 0 ? workload->app->user.gid : ret->uid;
        return true;
    }
    return user_from_image(ctx, workload, ret, err);
}

static const char **null_terminated(const struct strv *list)
{
    const char **vector = mem_zalloc((list->count + 1) * sizeof(*vector));
    for (size_t i = 0; i < list->count; i++)
        vector[i] = list->items[i];
    return vector;
}

static bool put_files(struct reconcile_context *ctx, const char *id, const struct rendered *rendered,
                      const struct numeric_user *user, struct err *err)
{
    if (rendered->files.count == 0)
        return true;
    const struct rendered_file *files = rendered->files.items;
    CLEANUP(freep) struct container_file *put = mem_zalloc(rendered->files.count * sizeof(*put));
    for (size_t i = 0; i < rendered->files.count; i++)
        put[i] = (struct container_file){
            .path = files[i].path,
            .bytes = files[i].content,
            .size = strlen(files[i].content),
            .mode = files[i].executable ? 0500 : 0400,
            .uid = user->uid,
            .gid = user->gid,
        };
    return container_put_files(ctx->docker, id, put, rendered->files.count, &ctx->call, err) ||
           err_wrap(err, "put files");
}

bool workload_put_files(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                        const char *container_id, struct err *err)
{
    struct numeric_user user;
    return workload_user(ctx, workload, &user, err) && put_files(ctx, container_id, rendered, &user, err);
}

static bool file_differs(struct reconcile_context *ctx, const struct rendered_file *file, const char *container_id,
                         bool *ret, struct err *err)
{
    struct container_file_seen seen = { .bytes = STR_INIT };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    size_t size = strlen(file->content);
    if (container_read_file(ctx->docker, container_id, file->path, size, &ctx->call, &seen, &problem)) {
        *ret = seen.bytes.len != size || memcmp(seen.bytes.text, file->content, size) != 0;
        mem_wipe(seen.bytes.text, seen.bytes.len); /* it may hold a password */
        str_release(&seen.bytes);
        return true;
    }
    /* It is gone, has grown, or is no file. */
    *ret = problem.code == ERR_NOT_FOUND || problem.code == ERR_TOO_LARGE || problem.code == ERR_INVALID;
    if (*ret)
        return true;
    err_move(err, &problem);
    return false;
}

bool workload_files_differ(struct reconcile_context *ctx, const struct rendered *rendered, const char *container_id,
                           bool *ret, struct err *err)
{
    const struct rendered_file *files = rendered->files.items;
    *ret = false;
    for (size_t i = 0; i < rendered->files.count && !*ret; i++)
        if (!file_differs(ctx, &files[i], container_id, ret, err))
            return err_wrap(err, "compare files");
    return true;
}

/* What the serving container and the jobs have in common. */
struct creation {
    const char *name;
    const struct strv *command;
    const json_t *labels;
    int64_t publish_port; /* 0: none, as for jobs */
};

/*
 * Docker makes a volume that it misses, an empty one: a program must not be started on that. Nothing can remove one that a container has, so
 * a look after the creation is certain, and one before it keeps Docker from making one.
 */
static bool volume_is_ours(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err)
{
    CLEANUP(volume_release) struct volume volume = { 0 };
    if (!volume_inspect(ctx->docker, name, &ctx->call, &volume, err))
        return false;
    return name_is_ours(ctx->settings, volume.labels, uid) ||
           err_set(err, ERR_CONFLICT, "volume %s went away and another one has its name", name);
}

static bool has_its_volume(struct reconcile_context *ctx, const struct workload *workload, struct err *err)
{
    const char *uid = workload->volume_uid ? workload->volume_uid : workload->uid;
    return !workload->app->data_path || volume_is_ours(ctx, workload->volume, uid, err);
}

static bool create(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                   const struct numeric_user *user, const struct creation *creation, char **ret_id, struct err *err)
{
    const struct settings *settings = ctx->settings;
    CLEANUP(freep) const char **command = null_terminated(creation->command);
    CLEANUP(freep) const char **env = null_terminated(&rendered->env);
    CLEANUP(freep) const char **capabilities = null_terminated(&workload->app->capabilities);
    CLEANUP(freep)
    char *extra_host =
        settings->database_address ? mem_printf("%s:%s", settings->database_host, settings->database_address) : NULL;
    const char *extra_hosts[] = { extra_host, NULL };
    CLEANUP(freep) char *user_text = mem_printf("%" PRId64 ":%" PRId64, user->uid, user->gid);
    const struct app_port *port = app_find_port(workload->app, NULL);
    struct container_mount mount = { .volume = workload->volume, .target = workload->app->data_path };
    struct container_publish publish = { .container_port = port ? (int)port->port : 0,
                                         .address = settings->publish_address,
                                         .host_port = (int)creation->publish_port };
    struct container_create request = {
        .name = creation->name,
        .image = workload->image,
        .command = creation->command->count ? command : NULL,
        .env = env,
        .labels = creation->labels,
        .user = workload->app->user.uid >= 0 ? user_text : NULL,
        .capabilities = capabilities,
        .network = workload->network,
        .extra_hosts = extra_hosts,
        .hostname = workload->key->name,
        .mounts = &mount,
        .mount_count = workload->app->data_path ? 1 : 0,
        .publishes = &publish,
        .publish_count = port && creation->publish_port ? 1 : 0,
        .memory_bytes = workload->memory_bytes,
        .nano_cpus = workload->millicores * 1000000,
        .pids_limit = PIDS_LIMIT,
        .stop_timeout_ms = workload->app->stop_timeout_ms,
    };
    struct call call = call_within(&ctx->call, CREATE_TIMEOUT_MS);
    CLEANUP(freep) char *id = NULL;
    if (!has_its_volume(ctx, workload, err) || !container_create(ctx->docker, &request, &call, &id, err))
        return err_wrap(err, "create container %s", creation->name);
    /* A fresh volume at a path that the image lacks belongs to root. */
    bool ok = has_its_volume(ctx, workload, err) &&
              (!workload->app->data_path ||
               container_own_directory(ctx->docker, id, workload->app->data_path, user->uid, user->gid, &call, err)) &&
              put_files(ctx, id, rendered, user, err);
    if (!ok) {
        /* Without its files it must never be started, so it does not stay. */
        struct err ignored = ERR_INIT;
        struct call clean_up = call_afterwards(&ctx->call, CLEAN_UP_MS);
        if (!container_remove(ctx->docker, id, &clean_up, &ignored))
            err_release(&ignored); /* the next look finds one that was never started, which does not count */
        return err_wrap(err, "prepare container %s", creation->name);
    }
    *ret_id = STEAL(id);
    return true;
}

bool workload_create(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                     const struct numeric_user *user, struct err *err)
{
    CLEANUP(freep) char *name = name_container(ctx->settings, workload->key);
    CLEANUP(freep) char *id = NULL;
    struct creation creation = {
        .name = name, .command = &rendered->command, .labels = rendered->labels, .publish_port = workload->publish_port
    };
    return create(ctx, workload, rendered, user, &creation, &id, err);
}

static bool remove_ours(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err)
{
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!container_inspect(ctx->docker, name, &ctx->call, &container, &problem)) {
        if (problem.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &problem);
        return false;
    }
    if (!name_is_ours(ctx->settings, container.labels, uid))
        return err_set(err, ERR_CONFLICT, "container %s is not ours", name);
    if (container_remove(ctx->docker, container.id, &ctx->call, &problem) || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return err_wrap(err, "remove %s", name);
}

bool workload_remove_job(struct reconcile_context *ctx, const struct record_key *key, const char *uid, struct err *err)
{
    static const char *const suffixes[] = { "", COPY_FROM_SUFFIX, COPY_TO_SUFFIX };
    CLEANUP(freep) char *job = name_job(ctx->settings, key);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP(freep) char *name = mem_printf("%s%s", job, suffixes[i]);
        if (!remove_ours(ctx, name, uid, err))
            return false;
    }
    return true;
}

/* Waits for a started job; on whatever way out the container is removed, also when our own call was cancelled. */
static bool finish_job(struct reconcile_context *ctx, const char *id, const struct job *job, const json_t *values,
                       char **ret_output, int *ret_exit_code, struct err *err)
{
    struct call wait = call_within(&ctx->call, job->timeout_ms);
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    bool ended = container_wait(ctx->docker, id, &wait, ret_exit_code, err);
    struct call clean_up = call_afterwards(&ctx->call, CLEAN_UP_MS);
    /* Its own limit, not the attempt's. */
    if (!ended && err->code == ERR_TIMEOUT && call_left_ms(&ctx->call) > 0)
        err_set(err, ERR_EXIT, "%s did not end within its time limit of %" PRId64 " s", job->purpose,
                job->timeout_ms / 1000);
    bool failed = !ended || *ret_exit_code != 0;
    if (failed && container_log_tail(ctx->docker, id, OUTPUT_LIMIT, &clean_up, &output, &ignored))
        *ret_output = workload_blank_secrets(values, output.text);
    if (!container_remove(ctx->docker, id, &clean_up, &ignored) && ignored.code != ERR_NOT_FOUND && ended && !failed) {
        err_move(err, &ignored);
        return err_wrap(err, "remove the container of %s", job->purpose);
    }
    if (ended && failed)
        return err_set(err, ERR_EXIT, "%s ended with status %d", job->purpose, *ret_exit_code);
    return ended || err_wrap(err, "%s", job->purpose);
}

bool workload_run_job(struct reconcile_context *ctx, const struct workload *workload, const struct rendered *rendered,
                      const struct numeric_user *user, const struct job *job, char **ret_output, int *ret_exit_code,
                      struct err *err)
{
    CLEANUP(strv_release) struct strv command = STRV_INIT;
    if (!workload_render_command(job->command, job->values, &command, err))
        return err_wrap(err, "%s", job->purpose);
    CLEANUP(freep) char *job_name = name_job(ctx->settings, workload->key);
    CLEANUP(freep) char *name = mem_printf("%s%s", job_name, job->suffix ? job->suffix : "");
    if (!(job->suffix ? remove_ours(ctx, name, workload->uid, err)
                      : workload_remove_job(ctx, workload->key, workload->uid, err)))
        return false;
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, workload->key, workload->uid, "job");
    CLEANUP(freep) char *id = NULL;
    struct creation creation = { .name = name, .command = &command, .labels = labels };
    if (!create(ctx, workload, rendered, user, &creation, &id, err))
        return err_wrap(err, "%s", job->purpose);
    struct err problem = ERR_INIT;
    struct call start = call_within(&ctx->call, JOB_START_TIMEOUT_MS);
    if (!container_start(ctx->docker, id, &start, &problem)) {
        struct call clean_up = call_afterwards(&ctx->call, CLEAN_UP_MS);
        CLEANUP(err_release) struct err ignored = ERR_INIT;
        if (!container_remove(ctx->docker, id, &clean_up, &ignored))
            err_wrap(&problem, "(its container stays until the next try)");
        err_move(err, &problem);
        return err_wrap(err, "start %s", job->purpose);
    }
    return finish_job(ctx, id, job, workload->values, ret_output, ret_exit_code, err);
}

bool workload_create_copier(struct reconcile_context *ctx, const struct workload *workload, const char *volume,
                            const char *suffix, char **ret_id, struct err *err)
{
    CLEANUP(freep) char *job = name_job(ctx->settings, workload->key);
    CLEANUP(freep) char *name = mem_printf("%s%s", job, suffix);
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, workload->key, workload->uid, "copy");
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    struct container_mount mount = { .volume = volume, .target = workload->app->data_path };
    static const char *const never_started[] = { "/never-started", NULL };
    struct container_create request = { .name = name,
                                        .command = never_started,
                                        .image = workload->image,
                                        .labels = labels,
                                        .network = "none",
                                        .mounts = &mount,
                                        .mount_count = 1 };
    CLEANUP(container_release) struct container left = { 0 };
    if (container_inspect(ctx->docker, name, &ctx->call, &left, &ignored) &&
        name_is_ours(ctx->settings, left.labels, workload->uid) &&
        !container_remove(ctx->docker, left.id, &ctx->call, err))
        return err_wrap(err, "remove %s of an earlier try", name);
    return container_create(ctx->docker, &request, &ctx->call, ret_id, err) || err_wrap(err, "create %s", name);
}

bool workload_copy_volume(struct reconcile_context *ctx, const struct workload *workload, const char *from_volume,
                          struct err *err)
{
    if (!workload->app->data_path)
        return true;
    CLEANUP(freep) char *from = NULL;
    CLEANUP(freep) char *to = NULL;
    struct call copy = call_within(&ctx->call, COPY_TIMEOUT_MS);
    bool ok =
        workload_create_copier(ctx, workload, from_volume, COPY_FROM_SUFFIX, &from, err) &&
        workload_create_copier(ctx, workload, workload->volume, COPY_TO_SUFFIX, &to, err) &&
        container_copy_tree(ctx->docker, from, workload->app->data_path, to, workload->app->data_path, &copy, err);
    struct call clean_up = call_afterwards(&ctx->call, CLEAN_UP_MS);
    const char *made[] = { from, to };
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (made[i] && !container_remove(ctx->docker, made[i], &clean_up, &problem) && ok) {
            err_move(err, &problem);
            ok = false;
        }
    }
    return ok || err_wrap(err, "copy volume %s to %s", from_volume, workload->volume);
}
