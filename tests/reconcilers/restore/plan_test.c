/* The Restore's plan, row by row: what was found out and built so far, and the steps that are left. */
#include "reconcilers/restore/restore.h"
#include "tests/check.h"

static char uid[] = "r1", other[] = "r2", backup[] = "b-1", tier[] = "local", phase[] = "Completed",
            problem[] = "broken", name[] = "erp", verifier[] = "SCRAM";

static void fresh(struct restore_want *want)
{
    *want = (struct restore_want){ 0 };
    want->record.uid = uid;
    want->spec.backup = backup;
}

static void fresh_and_deleted(struct restore_want *want)
{
    fresh(want);
    want->deleting = true;
}

static void resolved(struct restore_want *want)
{
    fresh(want);
    want->state.resolved = true;
    want->state.target.name = name;
    want->has_target = true;
    want->target.secrets_complete = true;
    want->target.verifier = verifier;
}

static void other_runs(struct restore_want *want)
{
    resolved(want);
    want->claim_holder = other;
}

static void backup_runs(struct restore_want *want)
{
    resolved(want);
    want->backup_name = backup;
}

static void claimed(struct restore_want *want)
{
    resolved(want);
    want->claim_holder = uid;
}

static void claimed_and_backup_waits(struct restore_want *want)
{
    claimed(want);
    want->backup_name = backup;
}

static void backup_runs_and_deleted(struct restore_want *want)
{
    backup_runs(want);
    want->deleting = true;
}

static void backup_runs_and_target_deleted(struct restore_want *want)
{
    backup_runs(want);
    want->target.deleting = true;
}

static void claimed_for_clone(struct restore_want *want)
{
    claimed(want);
    want->target.verifier = NULL;
}

static void verified(struct restore_want *want)
{
    claimed(want);
    want->state.tier = tier;
}

static void failed(struct restore_want *want)
{
    verified(want);
    want->state.problem = problem;
}

static void failed_unresolved(struct restore_want *want)
{
    fresh(want);
    want->state.problem = problem;
}

static void built(struct restore_want *want)
{
    verified(want);
    want->state.offer.ready = true;
}

static void built_and_deleted(struct restore_want *want)
{
    built(want);
    want->deleting = true;
}

static void target_deleted(struct restore_want *want)
{
    verified(want);
    want->target.deleting = true;
}

static void target_gone(struct restore_want *want)
{
    verified(want);
    want->has_target = false;
}

static void switching(struct restore_want *want)
{
    built(want);
    want->target.state.swap.restore = uid;
}

static void switching_and_deleted(struct restore_want *want)
{
    switching(want);
    want->deleting = true;
}

static void placed(struct restore_want *want)
{
    switching(want);
    want->target.state.swap.placed = true;
}

static void another_switches(struct restore_want *want)
{
    other_runs(want);
    want->target.state.swap.restore = other;
}

static void settled(struct restore_want *want)
{
    built(want);
    want->target.state.outcome.restore = uid;
}

static void over(struct restore_want *want)
{
    fresh(want);
    want->state.resolved = true;
    want->state.result.phase = phase;
}

static void over_and_deleted(struct restore_want *want)
{
    over(want);
    want->deleting = true;
}

static void drill(struct restore_want *want)
{
    verified(want);
    want->spec.drill = true;
}

static void drill_unverified(struct restore_want *want)
{
    claimed(want);
    want->spec.drill = true;
}

static const struct row {
    const char *why;
    void (*scene)(struct restore_want *want);
    const char *plan, *blocked, *phase;
} rows[] = {
    { "found out first", fresh, "resolve", NULL, "Pending" },
    { "deleted before anything", fresh_and_deleted, "give-up", NULL, "Pending" },
    { "nobody else is at it", resolved, "claim-instance", NULL, "Pending" },
    { "one at a time", other_runs, "", "RestoreRunning", "Pending" },
    { "what a backup is reading is not exchanged under it", backup_runs, "", "BackupRuns", "Pending" },
    { "once claimed, it is the backup that waits", claimed_and_backup_waits, "verify", NULL, "Fetching" },
    { "deleted while a backup runs", backup_runs_and_deleted, "give-up", NULL, "Pending" },
    { "the last backup of a deletion is not waited for", backup_runs_and_target_deleted, "give-up", NULL, "Pending" },
    { "another one's switch is not ours", another_switches, "", "RestoreRunning", "Pending" },
    { "read through before anything is built", claimed, "verify", NULL, "Fetching" },
    { "a clone's role comes first", claimed_for_clone, "", "WaitingForInstance", "Fetching" },
    { "built beside, afresh", verified, "clear build-database build-data offer", NULL, "Building" },
    { "failed for good: cleared away", failed, "clear finish", NULL, "Building" },
    { "failed before anything was known", failed_unresolved, "finish", NULL, "Pending" },
    { "offered, and the instance's turn", built, "", "WaitingForSwitch", "Switching" },
    { "offered, and deleted before it was taken", built_and_deleted, "give-up", NULL, "Switching" },
    { "the instance is deleted", target_deleted, "give-up", NULL, "Building" },
    { "the instance is gone", target_gone, "give-up", NULL, "Building" },
    { "the instance switches", switching, "", "WaitingForHealth", "Switching" },
    { "what is being switched is waited for, also by a deletion", switching_and_deleted, "", "WaitingForHealth",
      "Switching" },
    { "the instance proves itself", placed, "", "WaitingForHealth", "Checking" },
    { "decided; what the instance took is not cleared", settled, "finish", NULL, "Switching" },
    { "over", over, "", NULL, "Completed" },
    { "over and deleted", over_and_deleted, "release-record", NULL, "Completed" },
    { "a drill reads through, too", drill_unverified, "verify", NULL, "Fetching" },
    { "a drill leaves nothing", drill, "clear build-database build-data compare start-scratch pass clear finish", NULL,
      "Building" },
};

static void plans(void **state)
{
    const struct row *row = *state;
    struct restore_want want;
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    row->scene(&want);
    restore_plan(&want, &plan);
    CLEANUP(freep) char *text = plan_text(&plan);
    assert_string_equal(text, row->plan);
    assert_string_equal(plan.blocked_reason ? plan.blocked_reason : "", row->blocked ? row->blocked : "");
    assert_string_equal(restore_phase(&want), row->phase);
}

static const struct failure_row {
    const char *why;
    enum err_code code;
    int64_t failures;
    bool is_final;
} failure_rows[] = {
    { "an altered object", ERR_INVALID, 1, true },
    { "a missing object", ERR_NOT_FOUND, 1, true },
    { "a wrong key", ERR_FORBIDDEN, 1, true },
    { "a manifest from the future", ERR_UNSUPPORTED, 1, true },
    { "the name of a clone is taken", ERR_EXISTS, 1, true },
    { "pg_restore failed: perhaps its server went away", ERR_EXIT, 1, false },
    { "pg_restore fails again and again", ERR_EXIT, 3, true },
    { "no answer", ERR_UNREACHABLE, 5, false },
    { "no answer for hours", ERR_UNREACHABLE, 30, true },
    { "a server error", ERR_REMOTE, 1, false },
};

static void weighs(void **state)
{
    const struct failure_row *row = *state;
    assert_int_equal(restore_failure_is_final(row->code, row->failures), row->is_final);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, plans, rows);
    CHECK_ROWS(&list, weighs, failure_rows);
    return check_run("restore plan", &list);
}
