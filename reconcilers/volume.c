/* Data volumes; see volume.h. */
#include "reconcilers/volume.h"

#include "reconcilers/names.h"

enum { MEASURE_TIMEOUT_MS = 300000 }; /* the engine walks through all volumes */

bool volume_is_half(const struct volume *volume)
{
    return json_object_size(volume->labels) == 0;
}

static bool is_empty(struct reconcile_context *ctx, const char *name, bool *ret, struct err *err)
{
    struct call call = call_within(&ctx->call, MEASURE_TIMEOUT_MS);
    CLEANUP(json_decrefp) json_t *sizes = NULL;
    if (!volume_sizes(ctx->docker, &call, &sizes, err))
        return false;
    *ret = json_int(sizes, name, -1) == 0;
    return true;
}

/* True: it may go. */
static bool check_ours(struct reconcile_context *ctx, const struct volume *volume, const char *uid, struct err *err)
{
    bool empty = false;
    if (name_is_ours(ctx->settings, volume->labels, uid))
        return true;
    if (!volume_is_half(volume))
        return err_set(err, ERR_CONFLICT, "volume %s is not ours", volume->name);
    return is_empty(ctx, volume->name, &empty, err) &&
           (empty || err_set(err, ERR_CONFLICT,
                             "volume %s carries no labels and is not empty; it is left alone: rename or remove it",
                             volume->name));
}

bool volume_discard(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err)
{
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if ((volume_inspect(ctx->docker, name, &ctx->call, &volume, &problem) && check_ours(ctx, &volume, uid, &problem) &&
         volume_remove(ctx->docker, name, &ctx->call, &problem)) ||
        problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}
