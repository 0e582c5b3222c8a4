/* Drills by schedule: a Restore record for each time, and not more of the old ones than one looks at. */
#include "base/log.h"
#include "reconcilers/instance/instance.h"
#include "specs/kind.h"
#include "specs/restore.h"
#include "specs/schedule.h"

#define DRILLS_KEPT 5

/* "erp-drill-20260301-0500": the same time is never drilled twice. */
static char *drill_name(const struct instance_want *want, int64_t slot_ms)
{
    CLEANUP(freep) char *time = time_to_rfc3339(slot_ms); /* "2026-03-01T05:00:00Z" */
    return mem_printf("%s-drill-%.4s%.2s%.2s-%.2s%.2s", want->record.key.name, time, time + 5, time + 8, time + 11,
                      time + 14);
}

static bool make_drill(struct reconcile_context *ctx, const struct instance_want *want, int64_t slot_ms,
                       struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(freep) char *name = drill_name(want, slot_ms);
    const struct reconciler *reconciler = &reconcilers[KIND_RESTORE];
    struct store_write write = { .admit = reconciler->admit,
                                 .context = (void *)(uintptr_t)ctx->settings,
                                 .who = "tenantd" };
    struct err problem = ERR_INIT;
    record_init(&record);
    if (!record_key_set(&record.key, KIND_RESTORE, want->record.key.namespace, name))
        return err_set(err, ERR_INTERNAL, "a drill of %s cannot be named", want->record.key.name);
    json_put(record.spec, "drill", json_true());
    json_put_text(record.spec, "instance", want->record.key.name);
    fields_add_defaults(restore_spec_fields, record.spec);
    if (store_create(ctx->store, &record, &write, &problem) || problem.code == ERR_EXISTS) {
        err_release(&problem);
        return true;
    }
    err_move(err, &problem);
    return err_wrap(err, "make drill %s", name);
}

/* By schedule, and over: their names tell. */
static bool is_old_drill(const struct instance_want *want, const struct record *record)
{
    CLEANUP(freep) char *prefix = mem_printf("%s-drill-", want->record.key.name);
    const char *phase = json_text(record->status, "phase");
    return str_starts_with(record->key.name, prefix) && json_is_true(json_object_get(record->spec, "drill")) &&
           str_equal(json_text(record->spec, "instance"), want->record.key.name) &&
           (str_equal(phase, RESTORE_COMPLETED) || str_equal(phase, RESTORE_FAILED));
}

/* Names of one instance sort by their times. */
static bool prune(struct reconcile_context *ctx, const struct instance_want *want, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = KIND_RESTORE, .namespace = want->record.key.namespace };
    size_t old = 0;
    if (!store_list(ctx->store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        old += is_old_drill(want, &records.items[i]);
    for (size_t i = 0; i < records.count && old > DRILLS_KEPT; i++) {
        CLEANUP(record_release) struct record last = { 0 };
        bool gone;
        record_init(&last);
        if (!is_old_drill(want, &records.items[i]))
            continue;
        old--;
        if (!store_delete(ctx->store, &records.items[i].key, records.items[i].uid, 0, STORE_WRITE, "tenantd", &last,
                          &gone, err))
            return err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN ? (err_clear(err), true) : false;
    }
    return true;
}

bool instance_schedule_drill(struct reconcile_context *ctx, struct instance_want *want, int64_t *ret_wait_ms,
                             struct err *err)
{
    const char *schedule = want->spec.backup.drill.schedule;
    int64_t now_ms = clock_wall_ms();
    struct cron cron;
    CLEANUP(err_release) struct err unreadable = ERR_INIT; /* another version's: it was checked when it was stored */
    *ret_wait_ms = 0;
    bool may = schedule && want->state.initialised && !want->deleting && !want->paused && !want->restore_uid;
    if (!may || !cron_parse(schedule, &cron, &unreadable))
        return true;
    int64_t slot_ms = want->state.drill_slot_ms
                          ? schedule_due_ms(&cron, want->record.uid, want->state.drill_slot_ms, now_ms)
                          : now_ms; /* the schedule is new: nothing was missed yet */
    *ret_wait_ms = schedule_next_ms(&cron, want->record.uid, now_ms) - now_ms;
    if (!slot_ms)
        return true;
    if (want->state.drill_slot_ms && (!make_drill(ctx, want, slot_ms, err) || !prune(ctx, want, err)))
        return false;
    want->state.drill_slot_ms = slot_ms;
    return instance_state_save(ctx, want, err);
}
