/* What an instance's plan and status have to do with its recovery points. Pure; loading and acting are in steps_recovery.c. */
#include "reconcilers/instance/instance.h"
#include "specs/schedule.h"

#define FINAL_WAIT_FIRST_MS MINUTE_MS
#define FINAL_WAIT_MAX_MS   HOUR_MS

void instance_recovery_release(struct instance_recovery *recovery)
{
    free(recovery->last_name);
    free(recovery->running);
    free(recovery->final_name);
    free(recovery->final_phase);
    free(recovery->final_message);
    *recovery = (struct instance_recovery){ 0 };
}

/* ---- the schedule ---- */

static bool read_schedule(const struct instance_want *want, struct cron *ret)
{
    CLEANUP(err_release) struct err ignored = ERR_INIT; /* it was checked when it was stored */
    return want->spec.backup.schedule && cron_parse(want->spec.backup.schedule, ret, &ignored);
}

int64_t instance_backup_due_ms(const struct instance_want *want, int64_t now_ms)
{
    struct cron cron;
    return read_schedule(want, &cron) && !want->deleting
               ? schedule_due_ms(&cron, want->record.uid, want->state.backup_slot_ms, now_ms)
               : 0;
}

int64_t instance_backup_next_ms(const struct instance_want *want, int64_t now_ms)
{
    struct cron cron;
    return read_schedule(want, &cron) && !want->deleting ? schedule_next_ms(&cron, want->record.uid, now_ms)
                                                         : INT64_MAX;
}

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

/* Verified, whatever the reason that there is none: not made, failed, lost, a schedule that never fires. */
static void tell_current(struct instance_status *status, const struct instance_want *want, const struct cron *cron,
                         int64_t now_ms)
{
    static const char type[] = "BackupCurrent";
    int64_t limit_ms = 2 * schedule_period_ms(cron, now_ms), last_ms = want->recovery.last_verified_ms;
    int64_t generation = want->record.generation;
    CLEANUP(freep) char *limit = time_age(limit_ms);
    CLEANUP(freep) char *age = time_age(now_ms - last_ms);
    CLEANUP(freep) char *message = NULL;
    if (last_ms && now_ms - last_ms <= limit_ms) {
        condition_set(&status->conditions, type, CONDITION_TRUE, "Verified", NULL, generation, now_ms);
    } else if (last_ms) {
        message = mem_printf("the newest recovery point that was read back, %s, is %s old, and the schedule allows %s",
                             want->recovery.last_name, age, limit);
        condition_set(&status->conditions, type, CONDITION_FALSE, "TooOld", message, generation, now_ms);
    } else if (want->state.backup_slot_ms && now_ms - want->state.backup_slot_ms <= limit_ms &&
               now_ms - want->record.created_ms <= limit_ms) {
        condition_set(&status->conditions, type, CONDITION_UNKNOWN, "WaitingForFirst", NULL, generation, now_ms);
    } else {
        message = mem_printf("there is no recovery point that was read back, and the schedule allows %s", limit);
        condition_set(&status->conditions, type, CONDITION_FALSE, "None", message, generation, now_ms);
    }
}

/* What cannot be restored is no recovery point, however young it is; so it stays until a drill has passed. */
static bool tell_drill(struct instance_status *status, const struct instance_want *want, int64_t now_ms)
{
    const struct drill_status *drill = &want->last_drill;
    if (!str_equal(drill->result, DRILL_FAILED))
        return false;
    CLEANUP(freep)
    char *message = mem_printf("the last drill failed: %s", drill->message ? drill->message : "no reason is known");
    condition_set(&status->conditions, "BackupCurrent", CONDITION_FALSE, "DrillFailed", message,
                  want->record.generation, now_ms);
    return true;
}

void instance_tell_recovery(struct instance_status *status, const struct instance_want *want, int64_t now_ms)
{
    struct cron cron;
    int64_t next_ms = instance_backup_next_ms(want, now_ms);
    bool drill_failed = tell_drill(status, want, now_ms);
    if (!want->recovery.is_known) {
        if (!drill_failed)
            condition_drop(&status->conditions, "BackupCurrent");
        status->backup.next_ms = 0;
        return;
    }
    status->backup.last_ms = want->recovery.last_verified_ms;
    set_text(&status->backup.last_name, want->recovery.last_name);
    status->backup.next_ms = next_ms == INT64_MAX ? 0 : next_ms;
    if (drill_failed)
        return;
    if (read_schedule(want, &cron))
        tell_current(status, want, &cron, now_ms);
    else
        condition_drop(&status->conditions, "BackupCurrent");
}

/* ---- the last one ---- */

/* After a failure the next try waits, longer each time. */
static bool may_try_again(const struct instance_recovery *recovery, int64_t now_ms)
{
    int64_t wait_ms = FINAL_WAIT_FIRST_MS;
    for (int64_t i = 1; i < recovery->final_failures && wait_ms < FINAL_WAIT_MAX_MS; i++)
        wait_ms *= 2;
    return now_ms - recovery->final_over_ms >= (wait_ms < FINAL_WAIT_MAX_MS ? wait_ms : FINAL_WAIT_MAX_MS);
}

bool instance_plan_last_backup(const struct instance_want *want, int64_t now_ms, struct plan *plan)
{
    const struct instance_recovery *recovery = &want->recovery;
    const char *name = instance_step_traits[STEP_LAST_BACKUP].name;
    if (recovery->final_is_complete)
        return true;
    if (!want->state.initialised) {
        plan_block(
            plan, BLOCK_WOKEN, "DataUnknown",
            "a database or volume of this record exists that tenantd does not remember making, and so can make no "
            "last backup of. Set deletionPolicy to Retain to keep it under another name, or to Delete to drop it");
        return false;
    }
    bool has_failed = str_equal(recovery->final_phase, "Failed");
    if (!recovery->final_name || (has_failed && may_try_again(recovery, now_ms))) {
        plan_add(plan, STEP_LAST_BACKUP, name, EFFECT_NONE, NULL);
        return false;
    }
    const char *message = recovery->final_message ? recovery->final_message : "";
    if (has_failed)
        plan_block(plan, BLOCK_WOKEN, "LastBackupFailed",
                   "its last backup %s failed and is tried again: %s. deletionPolicy may be set to Delete or Retain",
                   recovery->final_name, message);
    else
        plan_block(plan, BLOCK_WOKEN, "WaitingForBackup", "its last backup %s is %s%s%s", recovery->final_name,
                   recovery->final_phase ? recovery->final_phase : "Pending", *message ? ": " : "", message);
    return false;
}
