/* The instance's plan while restored data is on its way into its place, row by row. */
#include "tests/reconcilers/instance/scene.h"

static char restore_uid[] = "r1", beside[] = "acme_erp_restoring_r1", aside[] = "acme_erp_replaced_r1",
            new_volume[] = "td-acme.erp-r1", old_volume[] = "td-acme.erp-r0", problem[] = "sick";

static void claimed(struct scene *scene)
{
    settled(scene);
    scene->want.restore_uid = restore_uid;
    record_key_set(&scene->want.restore_key, KIND_RESTORE, "acme", "back");
}

static void claimed_and_edited(struct scene *scene)
{
    static char version[] = "2.0";
    claimed(scene);
    scene->want.spec.version = version;
    scene->want.spec.resources.memory_bytes = 2 * GIB;
}

static void claimed_and_died(struct scene *scene)
{
    claimed_and_edited(scene);
    scene->seen.container.state = CONTAINER_EXITED;
    scene->seen.container_matches = false;
}

static void claimed_without_container(struct scene *scene)
{
    claimed(scene);
    scene->seen.container_is = THING_ABSENT;
}

static void offered(struct scene *scene)
{
    claimed(scene);
    scene->want.offer = (struct restore_offer){ .ready = true, .beside = beside, .aside = aside, .volume = new_volume };
}

static void claimed_with_changed_stamp(struct scene *scene)
{
    claimed(scene);
    scene->seen.database_unstamped = true;
}

static void offered_with_changed_stamp(struct scene *scene)
{
    offered(scene);
    scene->seen.database_unstamped = true;
}

static void offered_with_a_stranger(struct scene *scene)
{
    offered(scene);
    scene->seen.database_is = THING_STRANGER;
}

static void offered_and_stopped(struct scene *scene)
{
    offered(scene);
    scene->seen.container_is = THING_ABSENT;
    scene->want.running = false;
}

static void offered_again(struct scene *scene)
{
    offered(scene);
    scene->want.state.outcome.restore = restore_uid;
}

static void swapping(struct scene *scene)
{
    offered(scene);
    scene->want.state.swap = (struct instance_swap){
        .restore = restore_uid, .beside = beside, .aside = aside, .volume = new_volume, .before = json_object()
    };
    scene->seen.container_is = THING_ABSENT;
}

static void swapping_with_changed_stamp(struct scene *scene)
{
    swapping(scene);
    scene->seen.database_unstamped = true;
}

static void swapped_without_claim(struct scene *scene)
{
    swapping(scene);
    scene->want.restore_uid = NULL;
}

static void placed(struct scene *scene)
{
    swapping(scene);
    scene->want.state.volume = new_volume;
    scene->want.state.swap.placed = true;
    scene->want.state.swap.placed_ms = NOW_MS - 1000;
    scene->want.app.health.startup_timeout_ms = 60000;
}

static void placed_after_due(struct scene *scene)
{
    placed(scene);
    scene->want.state.swap.after_due = true;
}

static void placed_after_was_killed(struct scene *scene)
{
    placed_after_due(scene);
    scene->seen.job_is = THING_OURS;
}

static void placed_starting(struct scene *scene)
{
    placed(scene);
    scene->seen.container_is = THING_OURS;
    scene->seen.health.health = HEALTH_STARTING;
}

static void placed_old_container(struct scene *scene)
{
    placed_starting(scene);
    scene->seen.container_matches = false;
    scene->seen.health.health = HEALTH_UNHEALTHY;
}

static void placed_healthy(struct scene *scene)
{
    placed_starting(scene);
    scene->seen.health.health = HEALTH_HEALTHY;
}

static void placed_without_probe(struct scene *scene)
{
    placed_starting(scene);
    scene->want.app.health.path = NULL;
}

static void placed_and_stopped_wanted(struct scene *scene)
{
    placed(scene);
    scene->want.running = false;
}

static void placed_sick(struct scene *scene)
{
    placed_starting(scene);
    scene->seen.health.health = HEALTH_UNHEALTHY;
}

static void placed_died_once(struct scene *scene)
{
    placed_starting(scene);
    scene->seen.container.state = CONTAINER_EXITED;
    scene->seen.restarts = 1;
}

static void placed_dies(struct scene *scene)
{
    placed_died_once(scene);
    scene->seen.restarts = 3;
}

static void placed_too_long(struct scene *scene)
{
    placed_starting(scene);
    scene->want.state.swap.placed_ms = NOW_MS - 60000 - INT64_C(15) * 60000 - 1;
}

static void placed_and_gone(struct scene *scene)
{
    placed_starting(scene);
    scene->seen.volume_is = THING_ABSENT;
}

static void going_back(struct scene *scene)
{
    placed_sick(scene);
    scene->want.state.swap.going_back = true;
    scene->want.state.swap.problem = problem;
}

static void going_back_with_changed_stamp(struct scene *scene)
{
    going_back(scene);
    scene->seen.database_unstamped = true;
}

static void going_back_after_kill(struct scene *scene)
{
    going_back(scene);
    scene->seen.container_is = THING_ABSENT;
}

static void clone_waits(struct scene *scene)
{
    claimed(scene);
    json_decref(scene->want.state.applied);
    scene->want.state = (struct instance_state){ .volume = old_volume, .from_restore = true };
    scene->seen.container_is = scene->seen.volume_is = scene->seen.database_is = scene->seen.role_is = THING_ABSENT;
    scene->seen.role_right = false;
}

static void clone_offered(struct scene *scene)
{
    clone_waits(scene);
    scene->seen.role_is = THING_OURS;
    scene->seen.role_right = true;
    scene->want.offer = (struct restore_offer){ .ready = true, .beside = beside, .aside = aside, .volume = new_volume };
}

static void clone_failed(struct scene *scene)
{
    clone_waits(scene);
    scene->want.restore_uid = NULL;
}

static struct instance_replaced replaced_items[1];

static void replaced_due(struct scene *scene)
{
    settled(scene);
    replaced_items[0] = (struct instance_replaced){ aside, old_volume, NOW_MS };
    scene->want.state.replaced = (struct field_list){ replaced_items, 1 };
}

static void replaced_not_due(struct scene *scene)
{
    replaced_due(scene);
    replaced_items[0].drop_ms = NOW_MS + 1;
}

static void deleted_while_claimed(struct scene *scene)
{
    claimed(scene);
    scene->want.deleting = true;
    scene->want.running = false;
}

static void deleted_while_swapping(struct scene *scene)
{
    swapping(scene);
    scene->want.deleting = true;
}

static void deleted_while_placed(struct scene *scene)
{
    placed(scene);
    scene->want.deleting = true;
}

static void deleted_while_going_back(struct scene *scene)
{
    going_back(scene);
    scene->want.deleting = true;
    scene->want.running = false;
}

static void deleted_while_going_back_with_changed_stamp(struct scene *scene)
{
    deleted_while_going_back(scene);
    scene->seen.database_unstamped = true;
}

static void deleted_while_going_back_after_kill(struct scene *scene)
{
    deleted_while_going_back(scene);
    scene->seen.container_is = THING_ABSENT;
    scene->seen.job_is = THING_OURS;
}

static void deleted_with_replaced(struct scene *scene)
{
    replaced_not_due(scene);
    scene->want.deleting = true;
}

static const struct row {
    const char *why;
    void (*scene)(struct scene *scene);
    const char *plan, *blocked;
} rows[] = {
    { "claimed: nothing is done", claimed, "", "Restoring" },
    { "claimed: edits wait", claimed_and_edited, "", "Restoring" },
    { "claimed: the old one is kept running, whatever was edited", claimed_and_died, "start", "Restoring" },
    { "claimed: a container that is gone comes back with the switch", claimed_without_container, "", "Restoring" },
    { "claimed: a changed stamp is put back", claimed_with_changed_stamp, "repair-database", "Restoring" },
    { "offered: out of the way, then the switch", offered, "stop remove-container switch-data", NULL },
    { "offered: the switch needs the stamp", offered_with_changed_stamp,
      "repair-database stop remove-container switch-data", NULL },
    { "offered: a stranger's database is left alone", offered_with_a_stranger, "", "NameTaken" },
    { "offered to a stopped one", offered_and_stopped, "switch-data", NULL },
    { "offered, and settled before", offered_again, "", NULL },
    { "killed in the switch: again", swapping, "switch-data", NULL },
    { "killed in the switch, and the stamp was changed", swapping_with_changed_stamp, "repair-database switch-data",
      NULL },
    { "killed in the switch, and the Restore is gone: to its end all the same", swapped_without_claim, "switch-data",
      NULL },
    { "in place: started", placed, "create-container start", NULL },
    { "in place, a command is due first", placed_after_due, "finish-restore", NULL },
    { "killed in the command: again", placed_after_was_killed, "remove-job finish-restore", NULL },
    { "starting is waited for", placed_starting, "", NULL },
    { "the container of before does not count", placed_old_container, "stop remove-container create-container start",
      NULL },
    { "healthy", placed_healthy, "accept-restore", NULL },
    { "running is healthy where nothing is probed", placed_without_probe, "accept-restore", NULL },
    { "a stopped one is not started for it", placed_and_stopped_wanted, "accept-restore", NULL },
    { "unhealthy", placed_sick, "reject-restore", NULL },
    { "one end is no failure yet", placed_died_once, "start", NULL },
    { "ends again and again", placed_dies, "reject-restore", NULL },
    { "neither healthy nor unhealthy for too long", placed_too_long, "reject-restore", NULL },
    { "what was put in place is gone", placed_and_gone, "reject-restore", NULL },
    { "going back", going_back, "stop remove-container switch-back", NULL },
    { "going back needs the stamp, too", going_back_with_changed_stamp,
      "repair-database stop remove-container switch-back", NULL },
    { "killed while going back: again", going_back_after_kill, "switch-back", NULL },
    { "a clone has its role made, and waits", clone_waits, "put-role", "Restoring" },
    { "a clone's data is ready", clone_offered, "switch-data", NULL },
    { "a clone whose restore failed never begins empty", clone_failed, "", "RestoreFailed" },
    { "what was replaced goes after its time", replaced_due, "drop-replaced", NULL },
    { "and not before", replaced_not_due, "", NULL },
    { "deleted: the Restore gives up first", deleted_while_claimed, "", "Restoring" },
    { "deleted in the switch: back first", deleted_while_swapping, "switch-back", NULL },
    { "deleted when in place", deleted_while_placed, "accept-restore", NULL },
    { "deleted while it goes back: what was rejected is not kept", deleted_while_going_back,
      "stop remove-container switch-back", NULL },
    { "the same, and the stamp was changed", deleted_while_going_back_with_changed_stamp,
      "repair-database stop remove-container switch-back", NULL },
    { "the same, killed in restore.after", deleted_while_going_back_after_kill, "remove-job switch-back", NULL },
    { "deleted: what was replaced goes too", deleted_with_replaced, "drop-replaced", NULL },
};

static void test_plan(void **state)
{
    const struct row *row = *state;
    struct scene scene;
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    row->scene(&scene);
    instance_plan(&scene.want, &scene.seen, NOW_MS, &plan);
    CLEANUP(freep) char *text = plan_text(&plan);
    assert_string_equal(text, row->plan);
    if (row->blocked)
        assert_string_equal(plan.blocked_reason ? plan.blocked_reason : "(nothing in the way)", row->blocked);
    else
        assert_null(plan.blocked_reason);
    scene_release(&scene);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_plan, rows);
    return check_run("instance plan, restoring", &list);
}
