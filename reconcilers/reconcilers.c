/* The table of reconcilers, what they all begin with, and what the controller writes into every kind's status. */
#include "reconcilers/app/app.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/instance/instance.h"
#include "reconcilers/restore/restore.h"
#include "reconcilers/source/source.h"
#include "reconcilers/tenant/tenant.h"
#include "specs/kind.h"

static bool instance_dependents(struct store *store, const struct record_key *key,
                                void (*add)(void *context, const struct record_key *key), void *context,
                                struct err *err)
{
    return backup_dependents(store, key, add, context, err) && restore_dependents(store, key, add, context, err);
}

const struct reconciler reconcilers[KINDS] = {
    [KIND_TENANT] = { KIND_TENANT, tenant_reconcile, tenant_preview, tenant_admit, tenant_dependents,
                      .resync_ms = 10 * MINUTE_MS },
    [KIND_APP] = { KIND_APP, app_reconcile, app_preview, app_admit, app_dependents, .resync_ms = MINUTE_MS },
    [KIND_INSTANCE] = { KIND_INSTANCE, instance_reconcile, instance_preview, instance_admit, instance_dependents,
                        .resync_ms = 10 * MINUTE_MS },
    [KIND_BACKUP] = { KIND_BACKUP, backup_reconcile, backup_preview, backup_admit, NULL, .resync_ms = 6 * HOUR_MS },
    [KIND_RESTORE] = { KIND_RESTORE, restore_reconcile, restore_preview, restore_admit, NULL,
                       .resync_ms = 10 * MINUTE_MS },
    [KIND_SOURCE] = { KIND_SOURCE, source_reconcile, source_preview, source_admit, NULL, .resync_ms = 10 * MINUTE_MS },
};

static const char *const class_names[] = {
    [RETRY_NEVER] = "invalid",
    [RETRY_BACKOFF] = "passing",
    [RETRY_CONFLICT] = "conflict",
};

bool reconcile_find(struct reconcile_context *ctx, const struct record_key *key, struct record *ret_record,
                    struct reconcile_result *ret_result, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    record_init(ret_record);
    if (store_get(ctx->store, key, ret_record, &problem))
        return true;
    ret_result->is_gone = problem.code == ERR_NOT_FOUND;
    if (!ret_result->is_gone)
        err_move(err, &problem);
    return false;
}

bool reconcile_note_retry(struct store *store, const struct record_key *key, const struct err *error, int64_t attempts,
                          int64_t next_wall_ms, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    struct err problem = ERR_INIT;
    record_init(&record);
    if (!store_get(store, key, &record, &problem)) {
        bool gone = problem.code == ERR_NOT_FOUND;
        if (gone)
            err_release(&problem);
        else
            err_move(err, &problem);
        return gone;
    }
    CLEANUP(json_decrefp) json_t *status = json_deep_copy(record.status);
    if (error) {
        struct retry_status retry = { .attempts = attempts, .next_ms = next_wall_ms };
        retry.class = mem_strdup(class_names[err_kinds[error->code].retry]);
        json_put(status, "retry", fields_encode(retry_status_fields, &retry));
        fields_release(retry_status_fields, &retry);
    } else {
        json_object_del(status, "retry");
    }
    return json_equal(status, record.status) || store_update_status(store, key, record.uid, status, NULL, err);
}
