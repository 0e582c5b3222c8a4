/* The data directory into a recovery point, while the instance runs: see clients/docker/tree.h for why it is not disturbed. */
#include "base/log.h"
#include "clients/docker/tree.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/names.h"

enum { CLEAN_UP_MS = 20000, SHOWN_MISSING = 3 };
static const char copier_suffix[] = ".backup", quiesce_suffix[] = ".quiesce", resume_suffix[] = ".resume";

static char *copier_name(struct reconcile_context *ctx, const struct record_key *instance)
{
    CLEANUP(freep) char *container = name_container(ctx->settings, instance);
    return mem_printf("%s%s", container, copier_suffix);
}

bool backup_remove_copier(struct reconcile_context *ctx, const struct record_key *instance, const char *uid,
                          struct err *err)
{
    CLEANUP(freep) char *name = copier_name(ctx, instance);
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct call call = call_afterwards(&ctx->call, CLEAN_UP_MS);
    if ((container_inspect(ctx->docker, name, &call, &container, &problem) &&
         (!name_is_ours(ctx->settings, container.labels, uid) ||
          container_remove(ctx->docker, container.id, &call, &problem))) ||
        problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return err_wrap(err, "remove container %s", name);
}

/* Never started: it only lends its mount. */
static bool create_copier(struct reconcile_context *ctx, const struct instance_want *instance, char **ret_id,
                          struct err *err)
{
    static const char *const never_started[] = { "/never-started", NULL };
    const struct record_key *key = &instance->record.key;
    CLEANUP(freep) char *name = copier_name(ctx, key);
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, key, instance->record.uid, "copy");
    const struct container_mount mount = { .volume = instance->state.volume,
                                           .target = instance->app.data_path,
                                           .read_only = true };
    const struct container_create request = { .name = name,
                                              .image = instance->image,
                                              .command = never_started,
                                              .labels = labels,
                                              .network = "none",
                                              .mounts = &mount,
                                              .mount_count = 1 };
    return (backup_remove_copier(ctx, key, instance->record.uid, err) &&
            container_create(ctx->docker, &request, &ctx->call, ret_id, err)) ||
           err_wrap(err, "create container %s", name);
}

/* ---- files that must be there ---- */

struct search {
    const struct strv *wanted; /* sorted */
    bool *is_seen;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, *(char *const *)b);
}

static bool see(void *context, const char *name, char type, struct err *err)
{
    (void)err;
    const struct search *search = context;
    if (type == '5' || search->wanted->count == 0)
        return true;
    char *const *items = search->wanted->items;
    char *const *found = bsearch(name, items, search->wanted->count, sizeof(*items), compare_names);
    /* A name may stand there several times; any of them is found. */
    for (char *const *at = found; at && at >= items && str_equal(*at, name); at--)
        search->is_seen[at - items] = true;
    for (char *const *at = found; at && at < items + search->wanted->count && str_equal(*at, name); at++)
        search->is_seen[at - items] = true;
    return true;
}

static bool all_seen(const struct search *search, struct err *err)
{
    CLEANUP(str_release) struct str names = STR_INIT;
    size_t missing = 0;
    for (size_t i = 0; i < search->wanted->count; i++) {
        if (search->is_seen[i])
            continue;
        if (missing++ < SHOWN_MISSING)
            str_addf(&names, "%s%s", names.len ? ", " : "", search->wanted->items[i]);
    }
    return missing == 0 ||
           err_set(err, ERR_INVALID, "%zu files that the database refers to are not among the files: %s%s", missing,
                   names.text, missing > SHOWN_MISSING ? " ..." : "");
}

/* ---- one copy ---- */

/* The bytes of one part, from the first sink to the last; the meter sees them plain. */
static bool stream(struct reconcile_context *ctx, const struct backup_want *want, const struct backup_files *files,
                   const char *id, struct err *err)
{
    const struct instance_want *instance = &want->instance;
    CLEANUP(freep) bool *is_seen = mem_zalloc(files->must_exist->count + 1);
    struct search search = { files->must_exist, is_seen };
    const struct tree_filter filter = { &instance->app.backup.exclude, see, &search };
    struct sink *part = point_part_sink_new(files->target, POINT_DATA, files->ret_part);
    CLEANUP(sink_freep) struct sink *sink = backup_meter_new(ctx, files->want, "data", part);
    return container_read_tree(ctx->docker, id, instance->app.data_path, &filter, sink, files->target->call, err) &&
           all_seen(&search, err) && sink_finish(sink, err);
}

static bool run_job(struct reconcile_context *ctx, const struct instance_want *instance,
                    const struct app_command *command, const char *suffix, struct err *err)
{
    struct numeric_user user;
    CLEANUP(freep) char *output = NULL;
    int exit_code = 0;
    const struct job job = { .purpose = suffix + 1,
                             .command = &command->command,
                             .timeout_ms = command->timeout_ms,
                             .values = instance->values,
                             .suffix = suffix };
    if (command->command.count == 0)
        return true;
    return (workload_user(ctx, &instance->workload, &user, err) &&
            workload_run_job(ctx, &instance->workload, &instance->rendered, &user, &job, &output, &exit_code, err)) ||
           err_wrap(err, "backup.%s", suffix + 1);
}

bool backup_check_image(struct reconcile_context *ctx, const struct backup_want *want, struct err *err)
{
    const struct instance_want *instance = &want->instance;
    struct image image = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!instance->app.data_path)
        return true;
    if (!instance->image)
        return err_set(err, ERR_INVALID, "app %s has no version %s any more", instance->spec.app, instance->version);
    if (image_inspect(ctx->docker, instance->image, &ctx->call, &image, &problem)) {
        image_release(&image);
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return err_set(
            err, ERR_NOT_FOUND,
            "image %s of version %s, which the files are copied through, is not on this host: docker pull %s",
            instance->image, instance->version, instance->image);
    err_move(err, &problem);
    return err_wrap(err, "image %s", instance->image);
}

bool backup_copy_files(struct reconcile_context *ctx, const struct backup_want *want, const struct backup_files *files,
                       struct err *err)
{
    const struct instance_want *instance = &want->instance;
    CLEANUP(freep) char *id = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!run_job(ctx, instance, &instance->app.backup.quiesce, quiesce_suffix, err))
        return false;
    bool copied = create_copier(ctx, instance, &id, &problem) && stream(ctx, want, files, id, &problem);
    CLEANUP(err_release) struct err resume_problem = ERR_INIT;
    bool resumed = run_job(ctx, instance, &instance->app.backup.resume, resume_suffix, &resume_problem);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!backup_remove_copier(ctx, &instance->record.key, instance->record.uid, &ignored))
        log_warning("container of a copy stays until the next one", LOG_STR("error", err_message(&ignored)));
    if (copied && resumed)
        return true;
    err_move(err, copied ? &resume_problem : &problem);
    return false;
}
