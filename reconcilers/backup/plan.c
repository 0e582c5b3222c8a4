/* What to do for a backup. Pure. */
#include "reconcilers/backup/backup.h"

#define FAILED_KEEP_MS (7 * DAY_MS) /* a failed one tells of itself that long */

const struct backup_step_traits backup_step_traits[BACKUP_STEPS] = {
    [BACKUP_STEP_CLAIM] = { "claim" },
    [BACKUP_STEP_TAKE] = { "take", .is_long = true },
    [BACKUP_STEP_FAIL] = { "fail" },
    [BACKUP_STEP_LET_GO] = { "let-go" },
    [BACKUP_STEP_SWEEP] = { "sweep" },
    [BACKUP_STEP_VERIFY] = { "verify", .is_long = true, .done = "Verified" },
    [BACKUP_STEP_NOTE_GONE] = { "note-instance-gone" },
    [BACKUP_STEP_NOTE_BACK] = { "note-instance-back" },
    [BACKUP_STEP_DROP_LOCAL] = { "drop-local-copy" },
    [BACKUP_STEP_EXPIRE] = { "expire", .effect = EFFECT_DESTROY, .done = "Expired" },
    [BACKUP_STEP_REMOVE_POINT] = { "remove-point", .effect = EFFECT_DESTROY },
    [BACKUP_STEP_RELEASE] = { "release-record" },
};

static void add(struct plan *plan, enum backup_step step, const char *detail)
{
    plan_add(plan, (int)step, backup_step_traits[step].name, backup_step_traits[step].effect, detail);
}

static const struct backup_sibling *self_of(const struct backup_want *want)
{
    for (size_t i = 0; i < want->sibling_count; i++)
        if (want->siblings[i].is_self)
            return &want->siblings[i];
    return NULL;
}

unsigned backup_kept(const struct backup_want *want)
{
    CLEANUP(freep) struct retention_point *points = mem_zalloc((want->sibling_count + 1) * sizeof(*points));
    CLEANUP(freep) unsigned *kept = mem_zalloc((want->sibling_count + 1) * sizeof(*kept));
    size_t count = 0, self = SIZE_MAX;
    for (size_t i = 0; i < want->sibling_count; i++) {
        const struct backup_sibling *sibling = &want->siblings[i];
        if (!sibling->is_complete || sibling->is_going)
            continue;
        if (sibling->is_self)
            self = count;
        points[count++] = (struct retention_point){ sibling->time_ms, sibling->is_verified, sibling->is_in_use };
    }
    if (self == SIZE_MAX)
        return 0;
    const struct instance_retention none = { 0 };
    retention_decide(want->has_instance ? &want->instance.spec.backup.retention : &none, points, count, kept);
    return kept[self];
}

int64_t backup_expires_ms(const struct backup_want *want, const struct backup_rules *rules)
{
    if (str_equal(want->status.phase, BACKUP_FAILED))
        return want->status.completed_ms + FAILED_KEEP_MS;
    bool is_gone = !want->has_instance && want->state.instance_gone_ms; /* not one that came back */
    return is_gone ? want->state.instance_gone_ms + rules->keep_deleted_ms : 0;
}

/* How many newer ones that were verified the local tier has. */
static int64_t newer_local(const struct backup_want *want, const struct backup_sibling *self)
{
    int64_t newer = 0;
    for (size_t i = 0; i < want->sibling_count; i++)
        newer += want->siblings[i].is_local && want->siblings[i].is_verified && !want->siblings[i].is_going &&
                 want->siblings[i].time_ms > self->time_ms;
    return newer;
}

/* Completed or failed: how long it stays. */
static void plan_keeping(const struct backup_want *want, const struct backup_rules *rules, int64_t now_ms,
                         struct plan *plan)
{
    const struct backup_sibling *self = self_of(want);
    const char *verify = record_annotation(&want->record, ANNOTATION_VERIFY);
    bool is_failed = str_equal(want->status.phase, BACKUP_FAILED);
    int64_t expires_ms = backup_expires_ms(want, rules);
    if (want->holds_claims) /* it was killed, or a call failed, before it let go */
        add(plan, BACKUP_STEP_LET_GO, NULL);
    if (is_failed && !want->state.swept)
        add(plan, BACKUP_STEP_SWEEP, NULL);
    if (!want->has_instance && !want->state.instance_gone_ms) {
        add(plan, BACKUP_STEP_NOTE_GONE, NULL);
        return; /* the time begins now */
    }
    if (want->has_instance && want->state.instance_gone_ms)
        add(plan, BACKUP_STEP_NOTE_BACK, NULL);
    bool is_in_use = self && self->is_in_use;
    if (expires_ms && now_ms >= expires_ms && !is_in_use)
        add(plan, BACKUP_STEP_EXPIRE, is_failed ? "it failed" : "its instance was deleted");
    else if (!is_failed && want->has_instance && !backup_kept(want))
        add(plan, BACKUP_STEP_EXPIRE, "no rule keeps it");
    else if (!is_failed && verify && !str_equal(verify, want->status.verify_answered))
        add(plan, BACKUP_STEP_VERIFY, NULL);
    else if (rules->has_s3 && self && self->is_local && !is_in_use && newer_local(want, self) >= rules->keep_local)
        add(plan, BACKUP_STEP_DROP_LOCAL, NULL);
}

static bool instance_is_on_its_way_out(const struct backup_want *want)
{
    return want->instance.deleting && want->instance.spec.deletion_policy != DELETION_BACKUP;
}

void backup_plan(const struct backup_want *want, const struct backup_rules *rules, int64_t now_ms, struct plan *plan)
{
    if (want->deleting) {
        const struct backup_sibling *self = self_of(want);
        if (self && self->is_in_use) {
            plan_block(plan, BLOCK_WOKEN, "InUse", "it is being restored");
            return;
        }
        add(plan, BACKUP_STEP_REMOVE_POINT, NULL);
        add(plan, BACKUP_STEP_RELEASE, NULL);
        return;
    }
    if (backup_is_over(&want->status)) {
        plan_keeping(want, rules, now_ms, plan);
        return;
    }
    if (!want->has_instance || instance_is_on_its_way_out(want)) {
        add(plan, BACKUP_STEP_FAIL,
            want->has_instance ? "its instance is being deleted" : "there is no such instance any more");
        add(plan, BACKUP_STEP_LET_GO, NULL);
        return;
    }
    if (!want->instance.state.initialised) {
        plan_block(plan, BLOCK_WOKEN, "InstanceHasNoData", "instance %s has no data yet", want->spec.instance);
        return;
    }
    if (want->restore_holder) {
        plan_block(plan, BLOCK_WOKEN, "RestoreRuns", "a restore of instance %s runs", want->spec.instance);
        return;
    }
    add(plan, BACKUP_STEP_CLAIM, NULL);
    add(plan, BACKUP_STEP_TAKE, want->spec.instance);
    add(plan, BACKUP_STEP_LET_GO, NULL);
}
