/* Fetches a recovery point, and makes a database and a volume of it beside the instance's own. */
#include "base/log.h"
#include "clients/postgres/restore.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/restore/build_internal.h"
#include "reconcilers/restore/room.h"
#include "specs/kind.h"

enum {
    PULL_TIMEOUT_MS = 3600000,
    CLEAN_UP_MS = 20000,
    MOVE_TIMEOUT_MS = 3 * 86400000,
};

struct call restore_moving(const struct reconcile_context *ctx)
{
    return call_within(&ctx->call, MOVE_TIMEOUT_MS);
}

/* ---- is it whole? ---- */

/* Everything that will be used, unpacked into nothing. */
static bool read_through(struct reconcile_context *ctx, struct restore_want *want, struct point *point, struct err *err)
{
    static const char *const objects[] = { POINT_DATABASE, POINT_DATA };
    const int64_t total[] = { want->state.source.database_bytes, want->state.source.data_bytes };
    struct call call = restore_moving(ctx);
    if (!point_has(point, POINT_DATABASE))
        return err_set(err, ERR_INVALID, "the recovery point has no %s", POINT_DATABASE);
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        struct digest ignored;
        CLEANUP(sink_freep)
        struct sink *sink = restore_progress_sink_new(ctx, want, "verify", total[i], digest_sink_new(&ignored, NULL));
        if (point_has(point, objects[i]) && !point_read(point, objects[i], sink, &call, err))
            return false;
    }
    return true;
}

static bool verify_tier(struct reconcile_context *ctx, struct restore_want *want, const char *tier, struct err *err)
{
    CLEANUP(opened_point_release) struct opened_point opened = { 0 };
    return restore_open_point(ctx, want, tier, &opened, err) && read_through(ctx, want, opened.point, err);
}

/* Its Backup does not go meanwhile. Another Restore may have said so already; then that one's word holds, and ours follows with the next step. */
static bool hold_point(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    const struct restore_source *source = &want->state.source;
    CLEANUP(record_release) struct record backup = { 0 };
    struct record_key key;
    struct err problem = ERR_INIT;
    record_init(&backup);
    bool there = record_key_set(&key, KIND_BACKUP, source->tenant, source->name) &&
                 store_get(ctx->store, &key, &backup, &problem);
    bool done = there ? !str_equal(json_text(backup.spec, "instanceUid"), source->uid) ||
                            store_claim(ctx->store, CLAIM_POINT_IN_USE, backup.uid, want->record.uid, &problem) ||
                            problem.code == ERR_CONFLICT
                      : problem.code == ERR_NOT_FOUND || problem.code == ERR_NONE;
    if (done)
        err_release(&problem);
    else
        err_move(err, &problem);
    return done;
}

/* The quick place is asked first; what is missing or damaged there may be whole in the other one. */
bool restore_step_verify(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    static const char *const order[] = { TIER_LOCAL, TIER_S3 };
    CLEANUP(err_release) struct err damage = ERR_INIT;
    if (!hold_point(ctx, want, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct err problem = ERR_INIT;
        if (verify_tier(ctx, want, order[i], &problem)) {
            want->state.tier = mem_strdup(order[i]);
            return restore_state_save(ctx, want, err);
        }
        if (!restore_failure_is_final(problem.code, 0)) {
            err_move(err, &problem);
            return false;
        }
        if (damage.code == ERR_NONE || (damage.code == ERR_NOT_FOUND && problem.code != ERR_NOT_FOUND)) {
            err_wrap(&problem, "tier %s", order[i]);
            err_move(&damage, &problem);
        }
        err_release(&problem);
    }
    err_move(err, &damage);
    return false;
}

/* ---- database ---- */

static bool restore_dump(struct reconcile_context *ctx, struct restore_want *want, struct point *point, struct err *err)
{
    CLEANUP(freep) char *password = NULL;
    if (!store_secret_get(ctx->store, want->state.target.uid, SECRET_DATABASE_PASSWORD, &password, err))
        return err_wrap(err, "password of instance %s", want->state.target.name);
    const struct restore_into into = { want->state.offer.beside, want->target.role, password };
    struct call call = restore_moving(ctx);
    struct sink *program = restore_sink_new(ctx->server, &into, &call, err);
    CLEANUP(sink_freep)
    struct sink *sink =
        program ? restore_progress_sink_new(ctx, want, "database", want->state.source.database_bytes, program) : NULL;
    bool done = sink && point_read_database(point, sink, &call, err) && sink_finish(sink, err);
    mem_wipe(password, strlen(password));
    return done;
}

bool restore_step_build_database(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    const struct restore_offer *offer = &want->state.offer;
    CLEANUP(opened_point_release) struct opened_point opened = { 0 };
    return hold_point(ctx, want, err) && restore_check_room(ctx, want, err) &&
           restore_open_point(ctx, want, want->state.tier, &opened, err) &&
           database_create(ctx->server, offer->beside, want->target.role, NULL, want->target.stamp, &ctx->call, err) &&
           restore_dump(ctx, want, opened.point, err);
}

/* ---- files ---- */

const char *restore_copier_suffix(const struct restore_want *want)
{
    return want->spec.drill ? "-drill" : "-restore";
}

bool restore_image(struct reconcile_context *ctx, const struct restore_want *want, const char **ret_image,
                   struct err *err)
{
    const struct app_version *version = app_find_version(&want->target.app, want->state.offer.version);
    CLEANUP(image_release) struct image image = { 0 };
    struct err problem = ERR_INIT;
    if (!version)
        return err_set(err, ERR_INVALID, "app %s has no version %s any more; add it again", want->target.spec.app,
                       want->state.offer.version);
    *ret_image = version->image;
    if (image_inspect(ctx->docker, version->image, &ctx->call, &image, &problem))
        return true;
    if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    err_release(&problem);
    struct call call = call_within(&ctx->call, PULL_TIMEOUT_MS);
    return image_pull(ctx->docker, version->image, workload_credentials(ctx->settings, version->image), NULL, NULL,
                      &call, err) ||
           err_wrap(err, "pull image %s", version->image);
}

static bool unpack(struct reconcile_context *ctx, struct restore_want *want, struct point *point, const char *container,
                   struct err *err)
{
    struct call call = restore_moving(ctx);
    struct sink *unpacking = container_unpack(ctx->docker, container, want->target.app.data_path, &call, err);
    CLEANUP(sink_freep)
    struct sink *sink =
        unpacking ? restore_progress_sink_new(ctx, want, "data", want->state.source.data_bytes, unpacking) : NULL;
    return sink && point_read_data(point, sink, &call, err) && sink_finish(sink, err);
}

/* Through a container that is never started; gone again on whatever way out. */
static bool fill_volume(struct reconcile_context *ctx, struct restore_want *want, struct point *point, struct err *err)
{
    const struct restore_offer *offer = &want->state.offer;
    CLEANUP(freep) char *container = NULL;
    struct workload workload = want->target.workload;
    if (!restore_image(ctx, want, &workload.image, err) ||
        !workload_create_copier(ctx, &workload, offer->volume, restore_copier_suffix(want), &container, err))
        return false;
    bool done = unpack(ctx, want, point, container, err);
    struct call clean_up = call_within(NULL, CLEAN_UP_MS);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!container_remove(ctx->docker, container, &clean_up, &ignored))
        log_warning("container not removed", LOG_STR("container", container), LOG_STR("error", err_message(&ignored)));
    return done;
}

bool restore_step_build_data(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    CLEANUP(opened_point_release) struct opened_point opened = { 0 };
    const struct record *instance = &want->target.record;
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, &instance->key, instance->uid, "data");
    /* Every instance has a volume, also where its App keeps nothing in it. */
    if (!volume_create(ctx->docker, want->state.offer.volume, labels, &ctx->call, err))
        return false;
    if (!want->target.app.data_path)
        return true;
    return restore_open_point(ctx, want, want->state.tier, &opened, err) &&
           (!point_has(opened.point, POINT_DATA) || fill_volume(ctx, want, opened.point, err));
}

/* ---- gone again ---- */

static bool remove_ours(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err)
{
    CLEANUP(container_release) struct container container = { 0 };
    struct err problem = ERR_INIT;
    bool there = container_inspect(ctx->docker, name, &ctx->call, &container, &problem);
    if (there && !name_is_ours(ctx->settings, container.labels, uid))
        return err_set(err, ERR_CONFLICT, "container %s is not ours", name);
    if ((there && container_remove(ctx->docker, container.id, &ctx->call, &problem)) || problem.code == ERR_NOT_FOUND) {
        err_release(&problem);
        return true;
    }
    err_move(err, &problem);
    return false;
}

bool restore_clear_containers(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    struct record_key key;
    if (!record_key_set(&key, KIND_INSTANCE, want->state.target.namespace, want->state.target.name))
        return err_set(err, ERR_INTERNAL, "a stored name is too long");
    CLEANUP(freep) char *job = name_job(ctx->settings, &key);
    CLEANUP(freep) char *copier = mem_printf("%s%s", job, restore_copier_suffix(want));
    if (!remove_ours(ctx, copier, want->state.target.uid, err))
        return false;
    if (!want->spec.drill)
        return true;
    CLEANUP(scratch_release) struct scratch scratch;
    scratch_init(&scratch, ctx, want, NULL);
    CLEANUP(freep) char *container = name_container(ctx->settings, &scratch.key);
    return workload_remove_job(ctx, &scratch.key, want->record.uid, err) &&
           remove_ours(ctx, container, want->record.uid, err) &&
           network_withdraw(ctx, scratch.network, want->record.uid, err) &&
           store_claim_drop(ctx->store, CLAIM_SUBNET, want->record.uid, err);
}
