/* What is done for a backup, by tables. */
#include "reconcilers/backup/backup.h"
#include "tests/check.h"

#define NOW INT64_C(1772420400000)

struct scene {
    struct backup_want want;
    struct backup_rules rules;
};

static struct backup_sibling *sibling(struct scene *scene, int64_t age_ms)
{
    struct backup_want *want = &scene->want;
    want->siblings = mem_grow(want->siblings, want->sibling_count + 1, sizeof(want->siblings[0]));
    struct backup_sibling *added = &want->siblings[want->sibling_count++];
    *added = (struct backup_sibling){
        .name = mem_strdup("b"), .time_ms = NOW - age_ms, .is_over = true, .is_complete = true, .is_verified = true
    };
    return added;
}

/* An instance with data, and a backup of it that is wanted. */
static void fresh(struct scene *scene)
{
    scene->rules = (struct backup_rules){ .keep_local = 1, .keep_deleted_ms = 30 * DAY_MS };
    record_init(&scene->want.record);
    scene->want.spec.instance = mem_strdup("erp");
    scene->want.has_instance = true;
    scene->want.instance.state.initialised = true;
    scene->want.instance.spec.backup.retention.last = 2;
}

static void completed(struct scene *scene)
{
    scene->want.status.phase = mem_strdup(BACKUP_COMPLETED);
    scene->want.status.started_ms = NOW - HOUR_MS;
    scene->want.status.verified_ms = NOW - HOUR_MS;
    struct backup_sibling *self = sibling(scene, HOUR_MS);
    self->is_self = true;
    self->is_local = true;
}

static void failed(struct scene *scene)
{
    scene->want.status.phase = mem_strdup(BACKUP_FAILED);
    scene->want.status.completed_ms = NOW - HOUR_MS;
}

static void failed_long_ago(struct scene *scene)
{
    failed(scene);
    scene->want.state.swept = true;
    scene->want.status.completed_ms = NOW - 8 * DAY_MS;
}

static void completed_and_holds_claims(struct scene *scene)
{
    completed(scene);
    scene->want.holds_claims = true;
}

static void failed_and_holds_claims(struct scene *scene)
{
    failed(scene);
    scene->want.holds_claims = true;
}

static void failed_and_swept(struct scene *scene)
{
    failed(scene);
    scene->want.state.swept = true;
}

static void broke_off(struct scene *scene)
{
    scene->want.status.phase = mem_strdup(BACKUP_VERIFYING);
}

static void no_data(struct scene *scene)
{
    scene->want.instance.state.initialised = false;
}

static void restore_runs(struct scene *scene)
{
    scene->want.restore_holder = mem_strdup("some-restore");
}

static void no_instance(struct scene *scene)
{
    scene->want.has_instance = false;
}

static void deleted_instance(struct scene *scene)
{
    scene->want.instance.deleting = true;
    scene->want.instance.spec.deletion_policy = DELETION_DELETE;
}

static void deleted_with_a_last_backup(struct scene *scene)
{
    scene->want.instance.deleting = true;
    scene->want.instance.spec.deletion_policy = DELETION_BACKUP;
}

static void two_newer(struct scene *scene)
{
    completed(scene);
    sibling(scene, MINUTE_MS);
    sibling(scene, 2 * MINUTE_MS);
}

static void two_newer_and_in_use(struct scene *scene)
{
    two_newer(scene);
    scene->want.siblings[0].is_in_use = true;
}

static void two_newer_never_read_back(struct scene *scene)
{
    two_newer(scene);
    scene->want.siblings[1].is_verified = scene->want.siblings[2].is_verified = false;
}

static void two_newer_that_failed(struct scene *scene)
{
    two_newer(scene);
    scene->want.siblings[1].is_complete = scene->want.siblings[2].is_complete = false;
}

static void orphan(struct scene *scene)
{
    two_newer(scene);
    scene->want.has_instance = false;
}

static void young_orphan(struct scene *scene)
{
    orphan(scene);
    scene->want.state.instance_gone_ms = NOW - DAY_MS;
}

static void old_orphan(struct scene *scene)
{
    completed(scene); /* the only one: the newest goes, too */
    scene->want.has_instance = false;
    scene->want.state.instance_gone_ms = NOW - 31 * DAY_MS;
}

/* The catalog or a user made it again. */
static void instance_that_came_back(struct scene *scene)
{
    old_orphan(scene);
    scene->want.has_instance = true;
}

static void old_orphan_in_use(struct scene *scene)
{
    old_orphan(scene);
    scene->want.siblings[0].is_in_use = true;
}

static void verification_asked(struct scene *scene)
{
    completed(scene);
    json_put_text(scene->want.record.annotations, ANNOTATION_VERIFY, "7");
}

static void verification_answered(struct scene *scene)
{
    verification_asked(scene);
    scene->want.status.verify_answered = mem_strdup("7");
}

static void newer_local_one(struct scene *scene)
{
    completed(scene);
    sibling(scene, MINUTE_MS)->is_local = true;
    scene->rules.has_s3 = true;
}

static void newer_local_one_without_s3(struct scene *scene)
{
    newer_local_one(scene);
    scene->rules.has_s3 = false;
}

static void newer_local_one_never_read_back(struct scene *scene)
{
    newer_local_one(scene);
    scene->want.siblings[1].is_verified = false;
}

static void deletion(struct scene *scene)
{
    completed(scene);
    scene->want.deleting = true;
}

static void deletion_in_use(struct scene *scene)
{
    deletion(scene);
    scene->want.siblings[0].is_in_use = true;
}

static const struct {
    const char *why;
    void (*arrange)(struct scene *scene);
    const char *steps;
    const char *blocked; /* NULL: not */
} rows[] = {
    { "a fresh one", NULL, "claim take let-go", NULL },
    { "one that broke off is made again", broke_off, "claim take let-go", NULL },
    { "an instance without data", no_data, "", "InstanceHasNoData" },
    { "not while a restore runs", restore_runs, "", "RestoreRuns" },
    { "no such instance any more", no_instance, "fail let-go", NULL },
    { "an instance that goes without a backup", deleted_instance, "fail let-go", NULL },
    { "an instance that waits for one", deleted_with_a_last_backup, "claim take let-go", NULL },
    { "failed: what is left goes", failed, "sweep", NULL },
    { "failed, and others wait for it", failed_and_holds_claims, "let-go sweep", NULL },
    { "complete, and others wait for it", completed_and_holds_claims, "let-go", NULL },
    { "failed: it tells of itself", failed_and_swept, "", NULL },
    { "failed long ago", failed_long_ago, "expire", NULL },
    { "complete, and kept", completed, "", NULL },
    { "no rule keeps it", two_newer, "expire", NULL },
    { "unless it is being restored", two_newer_and_in_use, "", NULL },
    { "newer ones that were never read back do not count", two_newer_never_read_back, "", NULL },
    { "nor do failed ones", two_newer_that_failed, "", NULL },
    { "its instance is gone: the time begins", orphan, "note-instance-gone", NULL },
    { "then rules rest", young_orphan, "", NULL },
    { "and the newest goes, too", old_orphan, "expire", NULL },
    { "its instance came back: the time ends", instance_that_came_back, "note-instance-back", NULL },
    { "but one in use", old_orphan_in_use, "", NULL },
    { "a verification is asked for", verification_asked, "verify", NULL },
    { "once", verification_answered, "", NULL },
    { "the local tier keeps the newest", newer_local_one, "drop-local-copy", NULL },
    { "where it is not the only one", newer_local_one_without_s3, "", NULL },
    { "that was read back", newer_local_one_never_read_back, "", NULL },
    { "deleted", deletion, "remove-point release-record", NULL },
    { "deleted while it is being restored", deletion_in_use, "", "InUse" },
};

static void plans(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    struct scene scene = { 0 };
    fresh(&scene);
    if (row->arrange)
        row->arrange(&scene);
    backup_plan(&scene.want, &scene.rules, NOW, &plan);
    CLEANUP(freep) char *steps = plan_text(&plan);
    assert_string_equal(steps, row->steps);
    if (row->blocked)
        assert_string_equal(plan.blocked_reason, row->blocked);
    else
        assert_null(plan.blocked_reason);
    backup_want_release(&scene.want);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, plans, rows);
    return check_run("backup plan", &list);
}
