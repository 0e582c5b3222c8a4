/* An instance's Backups: looked at, and asked for. */
#include "base/log.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/instance/steps_internal.h"
#include "reconcilers/names.h"
#include "specs/schedule.h"

/* ---- looking ---- */

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

static void note_final(struct instance_recovery *recovery, const struct record *record,
                       const struct backup_status *status)
{
    recovery->final_is_complete =
        recovery->final_is_complete || (str_equal(status->phase, BACKUP_COMPLETED) && status->verified_ms);
    recovery->final_failures += str_equal(status->phase, BACKUP_FAILED);
    bool is_newest = !recovery->final_name || status->completed_ms >= recovery->final_over_ms || !status->completed_ms;
    if (!is_newest)
        return;
    set_text(&recovery->final_name, record->key.name);
    set_text(&recovery->final_phase, status->phase);
    set_text(&recovery->final_message, status->message);
    recovery->final_over_ms = status->completed_ms ? status->completed_ms : INT64_MAX;
}

static void note(struct instance_recovery *recovery, const struct record *record, const char *uid)
{
    struct backup_spec spec = { 0 };
    struct backup_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* another version's: what decodes counts */
    fields_decode(backup_spec_fields, record->spec, "", &spec, &ignored);
    fields_decode(backup_status_fields, record->status, "", &status, &ignored);
    if (str_equal(spec.instance_uid, uid)) {
        if (!backup_is_over(&status))
            set_text(&recovery->running, record->key.name);
        if (str_equal(status.phase, BACKUP_COMPLETED) && status.verified_ms &&
            status.started_ms > recovery->last_verified_ms) {
            recovery->last_verified_ms = status.started_ms;
            set_text(&recovery->last_name, record->key.name);
        }
        if (spec.reason == BACKUP_DELETION && !record->deletion_ms)
            note_final(recovery, record, &status);
    }
    fields_release(backup_spec_fields, &spec);
    fields_release(backup_status_fields, &status);
}

bool instance_recovery_load(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    struct instance_recovery *recovery = &want->recovery;
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(freep) char *restore = NULL;
    struct store_query query = { .kind = KIND_BACKUP, .namespace = want->record.key.namespace };
    bool has_last_backup = want->deleting && want->spec.deletion_policy == DELETION_BACKUP;
    if (!want->spec.backup.schedule && !has_last_backup)
        return true;
    if (!store_list(ctx->store, &query, &records, NULL, err) ||
        !store_claim_holder(ctx->store, CLAIM_RESTORE, want->record.uid, &restore, err))
        return err_wrap(err, "look at its backups");
    for (size_t i = 0; i < records.count; i++)
        note(recovery, &records.items[i], want->record.uid);
    recovery->restore_runs = restore != NULL;
    recovery->is_known = true;
    return true;
}

/* ---- asking ---- */

/* Made already, by an attempt that then broke off: the same. */
static bool create(struct reconcile_context *ctx, const struct instance_want *want, const char *name,
                   const struct backup_spec *spec, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct store_write write = {
        .admit = backup_admit,
        .context = (void *)(uintptr_t)ctx->settings, /* admission reads it only */
        .who = "tenantd",
    };
    record_init(&record);
    if (!record_key_set(&record.key, KIND_BACKUP, want->record.key.namespace, name))
        return err_set(err, ERR_INTERNAL, "%s is too long for a name", name);
    json_decref(record.spec);
    record.spec = fields_encode(backup_spec_fields, spec);
    if (store_create(ctx->store, &record, &write, &problem) || problem.code == ERR_EXISTS)
        return true;
    err_move(err, &problem);
    return err_wrap(err, "create backup %s", name);
}

bool step_note_schedule(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                        struct err *err)
{
    (void)seen;
    set_text(&want->state.backup_schedule, want->spec.backup.schedule);
    want->state.backup_slot_ms = clock_wall_ms();
    return instance_state_save(ctx, want, err);
}

/* The name tells the time, so that a repeat makes no second one. */
bool step_schedule_backup(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                          struct err *err)
{
    (void)seen;
    int64_t slot_ms = instance_backup_due_ms(want, clock_wall_ms());
    if (!slot_ms)
        return true;
    time_t seconds = (time_t)(slot_ms / SECOND_MS);
    struct tm tm;
    char when[32];
    gmtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%Y%m%d-%H%M", &tm);
    CLEANUP(freep) char *uid12 = name_uid12(want->record.uid);
    CLEANUP(freep) char *name = mem_printf("%s-%s-%.4s", want->record.key.name, when, uid12);
    const struct backup_spec spec = { .instance = want->record.key.name,
                                      .instance_uid = want->record.uid,
                                      .reason = BACKUP_SCHEDULE,
                                      .scheduled_ms = slot_ms };
    if (!create(ctx, want, name, &spec, err))
        return false;
    want->state.backup_slot_ms = slot_ms;
    return instance_state_save(ctx, want, err);
}

bool step_last_backup(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                      struct err *err)
{
    (void)seen;
    CLEANUP(freep) char *uid12 = name_uid12(want->record.uid);
    CLEANUP(freep)
    char *name = want->recovery.final_failures ? mem_printf("%s-last-%.6s-%" PRId64, want->record.key.name, uid12,
                                                            want->recovery.final_failures + 1)
                                               : mem_printf("%s-last-%.6s", want->record.key.name, uid12);
    const struct backup_spec spec = { .instance = want->record.key.name,
                                      .instance_uid = want->record.uid,
                                      .reason = BACKUP_DELETION };
    return create(ctx, want, name, &spec, err);
}
