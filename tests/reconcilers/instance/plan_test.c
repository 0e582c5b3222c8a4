/* The instance's plan, row by row: what is wanted and seen, and the steps between the two. */
#include "tests/reconcilers/instance/scene.h"

static void nothing_there(struct scene *scene)
{
    settled(scene);
    json_decref(scene->want.state.applied);
    scene->want.state = (struct instance_state){ 0 };
    scene->want.secrets_complete = false;
    scene->seen.container_is = scene->seen.volume_is = scene->seen.database_is = scene->seen.role_is = THING_ABSENT;
    scene->seen.role_right = scene->seen.database_right = scene->seen.container_matches = scene->seen.on_network =
        false;
}

static void deleted(struct scene *scene);
static void deleted_before_anything(struct scene *scene);

static void allocated(struct scene *scene)
{
    static char volume[] = "td-acme.erp-0123";
    nothing_there(scene);
    scene->want.secrets_complete = true;
    scene->want.state.volume = volume;
}

static void allocated_without_image(struct scene *scene)
{
    allocated(scene);
    scene->seen.image_is = THING_ABSENT;
}

static void allocated_without_network(struct scene *scene)
{
    allocated(scene);
    scene->seen.network_is = THING_ABSENT;
}

static void allocated_with_warm(struct scene *scene)
{
    static char database[] = "td_x_warm", volume[] = "td-_app.tiny-1";
    allocated(scene);
    scene->want.warm = (struct warm_template){ .database = database, .volume = volume };
}

static void warm_but_demo_data_is_immutable(struct scene *scene)
{
    allocated_with_warm(scene);
    scene->want.spec.demo_data = true;
    scene->want.app.on_change.field[CHANGE_DEMO_DATA].immutable = true;
}

static void warm_is_building(struct scene *scene)
{
    allocated(scene);
    scene->want.warm_is_building = true;
}

static void clone_was_killed_and_warm_is_building(struct scene *scene)
{
    warm_is_building(scene);
    scene->want.state.dirty = true;
    scene->seen.job_is = scene->seen.database_is = scene->seen.role_is = THING_OURS;
    scene->seen.role_right = true;
}

static void init_was_killed(struct scene *scene)
{
    allocated(scene);
    scene->want.state.dirty = true;
    scene->seen.job_is = scene->seen.database_is = scene->seen.volume_is = scene->seen.role_is = THING_OURS;
    scene->seen.role_right = true;
}

static void state_was_lost(struct scene *scene)
{
    allocated(scene);
    scene->seen.database_is = scene->seen.volume_is = scene->seen.role_is = THING_OURS;
    scene->seen.role_right = true;
}

static void stamp_was_changed(struct scene *scene)
{
    settled(scene);
    scene->seen.database_unstamped = true;
}

static void deleted_with_state_lost(struct scene *scene)
{
    deleted(scene);
    json_decref(scene->want.state.applied);
    scene->want.state = (struct instance_state){ 0 };
}

static void deleted_retain_with_state_lost(struct scene *scene)
{
    static char volume[] = "td-acme.erp-0123";
    deleted_with_state_lost(scene);
    scene->want.state.volume = volume;
    scene->want.spec.deletion_policy = DELETION_RETAIN;
}

static void deleted_backup_with_state_lost(struct scene *scene)
{
    deleted_retain_with_state_lost(scene);
    scene->want.spec.deletion_policy = DELETION_BACKUP;
}

static void deleted_backup_before_anything(struct scene *scene)
{
    deleted_before_anything(scene);
    scene->want.spec.deletion_policy = DELETION_BACKUP;
}

static void deleted_backup(struct scene *scene)
{
    deleted(scene);
    scene->want.spec.deletion_policy = DELETION_BACKUP;
}

static void deleted_retain_in_init(struct scene *scene)
{
    deleted_retain_with_state_lost(scene);
    scene->want.state.dirty = true;
}

static void created_stopped(struct scene *scene)
{
    allocated(scene);
    scene->want.running = false;
}

static void too_large_for_host(struct scene *scene)
{
    allocated(scene);
    scene->want.spec.resources.cpu_millicores = 64000;
}

static void container_removed(struct scene *scene)
{
    settled(scene);
    scene->seen.container_is = THING_ABSENT;
    scene->seen.container_matches = scene->seen.on_network = false;
}

static void container_exited(struct scene *scene)
{
    settled(scene);
    scene->seen.container.state = CONTAINER_EXITED;
}

static void container_exits_again(struct scene *scene)
{
    container_exited(scene);
    scene->seen.restart_allowed_ms = NOW_MS + 5000;
}

static void container_paused(struct scene *scene)
{
    settled(scene);
    scene->seen.container.state = CONTAINER_PAUSED;
}

static void container_differs(struct scene *scene)
{
    settled(scene);
    scene->seen.container_matches = false;
}

static void off_network(struct scene *scene)
{
    settled(scene);
    scene->seen.on_network = false;
}

static void more_memory(struct scene *scene)
{
    settled(scene);
    scene->want.spec.resources.memory_bytes = 2 * GIB;
}

static void less_memory_than_used(struct scene *scene)
{
    settled(scene);
    scene->want.spec.resources.memory_bytes = GIB / 2;
    scene->seen.memory_use = GIB * 3 / 4;
}

static void less_memory_and_little_used(struct scene *scene)
{
    less_memory_than_used(scene);
    scene->seen.memory_use = GIB / 4;
}

static void pids_limit_by_hand(struct scene *scene)
{
    settled(scene);
    scene->seen.container.pids_limit = 10;
}

static void more_cpu_than_host(struct scene *scene)
{
    settled(scene);
    scene->want.spec.resources.cpu_millicores = 64000;
}

static void unhealthy(struct scene *scene)
{
    settled(scene);
    scene->seen.health.health = HEALTH_UNHEALTHY;
}

static void unhealthy_again(struct scene *scene)
{
    unhealthy(scene);
    scene->seen.restart_allowed_ms = NOW_MS + 5000;
}

static void starting(struct scene *scene)
{
    settled(scene);
    scene->seen.health.health = HEALTH_STARTING;
}

static void stopped_wanted(struct scene *scene)
{
    settled(scene);
    scene->want.running = false;
}

static void stopped_and_stopped(struct scene *scene)
{
    stopped_wanted(scene);
    scene->seen.container.state = CONTAINER_EXITED;
}

static void stopped_and_removed(struct scene *scene)
{
    container_removed(scene);
    scene->want.running = false;
}

static void restart_asked(struct scene *scene)
{
    settled(scene);
    json_put_text(scene->want.record.annotations, ANNOTATION_RESTARTED_AT, "2026-01-01");
}

static void restart_done(struct scene *scene)
{
    static char when[] = "2026-01-01";
    restart_asked(scene);
    scene->want.state.restarted_at = when;
}

static void role_gone(struct scene *scene)
{
    settled(scene);
    scene->seen.role_is = THING_ABSENT;
}

static void password_changed(struct scene *scene)
{
    settled(scene);
    scene->seen.role_right = false;
}

static void database_open_to_all(struct scene *scene)
{
    settled(scene);
    scene->seen.database_right = false;
}

static void database_gone(struct scene *scene)
{
    settled(scene);
    scene->seen.database_is = THING_ABSENT;
}

static void volume_gone(struct scene *scene)
{
    container_removed(scene);
    scene->seen.volume_is = THING_ABSENT;
}

static void loss_accepted(struct scene *scene)
{
    database_gone(scene);
    json_put_text(scene->want.record.annotations, ANNOTATION_ACCEPT_DATA_LOSS, "0123");
}

static void loss_of_another_accepted(struct scene *scene)
{
    database_gone(scene);
    json_put_text(scene->want.record.annotations, ANNOTATION_ACCEPT_DATA_LOSS, "9999");
}

static void stranger_container(struct scene *scene)
{
    settled(scene);
    scene->seen.container_is = THING_STRANGER;
    scene->seen.container_matches = false;
}

static void stranger_database(struct scene *scene)
{
    allocated(scene);
    scene->seen.database_is = THING_STRANGER;
}

static void version_raised(struct scene *scene)
{
    static char version[] = "2.0";
    settled(scene);
    scene->want.spec.version = version;
    scene->seen.container_matches = false;
}

static void version_raised_without_image(struct scene *scene)
{
    version_raised(scene);
    scene->seen.image_is = THING_ABSENT;
}

static void upgrade_failed_before(struct scene *scene)
{
    static char version[] = "2.0";
    version_raised(scene);
    scene->want.state.failed_version = version;
    scene->want.state.failed_generation = 3;
    scene->seen.container_matches = true; /* rendered for the version that the data has */
}

static void upgrade_failed_and_record_changed(struct scene *scene)
{
    upgrade_failed_before(scene);
    scene->want.record.generation = 4;
    scene->seen.container_matches = false;
}

static void gate_open_healthy(struct scene *scene)
{
    static char previous[] = "0.9";
    settled(scene);
    scene->want.state.previous = previous;
}

static void gate_open_starting(struct scene *scene)
{
    gate_open_healthy(scene);
    scene->seen.health.health = HEALTH_STARTING;
}

static void gate_open_unhealthy(struct scene *scene)
{
    gate_open_healthy(scene);
    scene->seen.health.health = HEALTH_UNHEALTHY;
}

static void gate_open_old_unhealthy(struct scene *scene)
{
    gate_open_unhealthy(scene);
    scene->seen.container_matches = false;
}

static void gate_open_crashing(struct scene *scene)
{
    gate_open_starting(scene);
    scene->seen.container.state = CONTAINER_EXITED;
    scene->seen.restarts = 3;
}

static void addon_added(struct scene *scene)
{
    static char sale[] = "sale", *addons[] = { sale };
    settled(scene);
    scene->want.spec.addons = (struct strv){ addons, 1 };
}

static void addon_added_live(struct scene *scene)
{
    addon_added(scene);
    scene->want.app.on_change.field[CHANGE_ADDONS].live = true;
}

static void port_wanted(struct scene *scene)
{
    static char publish[] = "auto";
    settled(scene);
    scene->want.spec.publish = publish;
}

static void deleted(struct scene *scene)
{
    settled(scene);
    scene->want.deleting = true;
    scene->want.running = false;
}

static void deleted_retain(struct scene *scene)
{
    deleted(scene);
    scene->want.spec.deletion_policy = DELETION_RETAIN;
}

static void deleted_before_anything(struct scene *scene)
{
    nothing_there(scene);
    scene->want.deleting = true;
}

static void deleted_with_strangers(struct scene *scene)
{
    deleted(scene);
    scene->seen.container_is = scene->seen.database_is = scene->seen.volume_is = THING_STRANGER;
}

static void deleted_with_engine_away(struct scene *scene)
{
    deleted(scene);
    scene->seen.engine_away_ms = 1;
}

static void no_tenant(struct scene *scene)
{
    settled(scene);
    scene->want.has_tenant = false;
}

static void no_app(struct scene *scene)
{
    settled(scene);
    scene->want.has_app = false;
}

static void job_left_behind(struct scene *scene)
{
    settled(scene);
    scene->seen.job_is = THING_OURS;
}

static void app_edited(struct scene *scene)
{
    container_differs(scene);
    scene->seen.container_outdated = true;
    scene->want.state.settled_generation = scene->want.record.generation;
}

static void app_edited_and_turn(struct scene *scene)
{
    app_edited(scene);
    scene->seen.has_turn = true;
}

static void app_edited_and_own_edit(struct scene *scene)
{
    app_edited(scene);
    scene->want.state.settled_generation--;
}

static void app_edited_and_never_settled(struct scene *scene)
{
    app_edited(scene);
    scene->want.state.settled_generation = 0;
}

static void app_edited_and_unhealthy(struct scene *scene)
{
    app_edited(scene);
    scene->seen.health.health = HEALTH_UNHEALTHY;
}

static void app_edited_and_not_probed_yet(struct scene *scene)
{
    app_edited(scene);
    scene->seen.health.health = HEALTH_STARTING;
}

static void app_edited_and_exited(struct scene *scene)
{
    app_edited(scene);
    scene->seen.container.state = CONTAINER_EXITED;
}

static void app_edited_and_paused_by_hand(struct scene *scene)
{
    app_edited(scene);
    scene->seen.container.pids_limit = 10;
    scene->seen.on_network = false;
}

static void app_edited_and_stopped(struct scene *scene)
{
    app_edited(scene);
    scene->want.running = false;
}

static void app_edited_without_image(struct scene *scene)
{
    app_edited_and_turn(scene);
    scene->seen.image_is = THING_ABSENT;
}

static void renamed(struct scene *scene)
{
    settled(scene);
    scene->seen.renamed = true;
}

static void renamed_and_stopped(struct scene *scene)
{
    renamed(scene);
    scene->want.running = false;
}

static void file_changed(struct scene *scene)
{
    settled(scene);
    scene->seen.files_differ = true;
}

static void deleted_with_leftovers(struct scene *scene)
{
    static char id[] = "c2", *ids[] = { id };
    deleted(scene);
    scene->seen.leftovers = (struct strv){ ids, 1 };
}

static void exits_with_full_disk(struct scene *scene)
{
    static char output[] = "dd: error writing '/x': No space left on device";
    container_exits_again(scene);
    scene->seen.last_output = output;
}

static void network_gone(struct scene *scene)
{
    settled(scene);
    scene->seen.network_is = THING_ABSENT;
    scene->seen.on_network = false;
}

struct row {
    const char *why;
    void (*scene)(struct scene *scene);
    const char *plan;
    const char *blocked;
};

static const struct row rows[] = {
    { "runs as wished", settled, "", NULL },
    { "nothing there: what is chosen is stored first", nothing_there,
      "allocate put-role create-database create-volume initialise create-container start", NULL },
    { "chosen, nothing made", allocated, "put-role create-database create-volume initialise create-container start",
      NULL },
    { "the image is missing", allocated_without_image,
      "pull-image put-role create-database create-volume initialise create-container start", NULL },
    { "the tenant's network is missing", allocated_without_network, "", "WaitingForNetwork" },
    { "a warm template is there", allocated_with_warm,
      "put-role clone-database create-volume copy-volume take-over-database finish-clone create-container start",
      NULL },
    { "a template without demo data cannot serve", warm_but_demo_data_is_immutable,
      "put-role create-database create-volume initialise create-container start", NULL },
    { "a template is being made", warm_is_building, "", "WaitingForWarmDatabase" },
    { "a killed clone lets go of the template's role, or that could not be made anew",
      clone_was_killed_and_warm_is_building, "remove-job discard-database", "WaitingForWarmDatabase" },
    { "a killed init never counted: all of it anew", init_was_killed,
      "remove-job discard-database discard-volume create-database create-volume initialise create-container start",
      NULL },
    { "data that was never begun to be made is not discarded", state_was_lost, "", "DataUnknown" },
    { "the database's stamp was changed by its owner", stamp_was_changed, "repair-database", NULL },
    { "deleted, and the volume's name is not known", deleted_with_state_lost,
      "stop remove-container drop-database drop-role release-record", NULL },
    { "deleted, data retained that we do not remember making", deleted_retain_with_state_lost,
      "stop remove-container retain-database release-record", NULL },
    { "deleted, and no backup can be made of data that we do not remember making: somebody has to decide",
      deleted_backup_with_state_lost, "stop", "DataUnknown" },
    { "deleted with a last backup, and there is nothing that it could be of", deleted_backup_before_anything,
      "release-record", NULL },
    { "deleted with a last backup", deleted_backup, "stop last-backup", NULL },
    { "deleted, and what is there never counted", deleted_retain_in_init,
      "stop remove-container drop-database drop-role remove-volume release-record", NULL },
    { "created as Stopped: data, no container", created_stopped, "put-role create-database create-volume initialise",
      NULL },
    { "more cpu than the host has", too_large_for_host, "", "ExceedsHost" },
    { "container removed", container_removed, "create-container start", NULL },
    { "container ended", container_exited, "start", NULL },
    { "container ends again and again", container_exits_again, "", "CrashLoop" },
    { "container paused", container_paused, "unpause", NULL },
    { "container is another than asked for", container_differs, "stop remove-container create-container start", NULL },
    { "disconnected from its network", off_network, "connect-network", NULL },
    { "more memory is given in place", more_memory, "resize", NULL },
    { "less memory than is in use is not sent", less_memory_than_used, "", NULL },
    { "less memory, and little is used", less_memory_and_little_used, "resize", NULL },
    { "pid limit changed by hand", pids_limit_by_hand, "resize", NULL },
    { "a live instance keeps running when more cpu is asked than there is", more_cpu_than_host, "", "ExceedsHost" },
    { "health check fails", unhealthy, "restart", NULL },
    { "health check fails soon after a restart", unhealthy_again, "", "Unhealthy" },
    { "a slow start is no failure", starting, "", NULL },
    { "runs, and is to be stopped", stopped_wanted, "stop", NULL },
    { "is stopped as wished", stopped_and_stopped, "", NULL },
    { "stopped needs no container", stopped_and_removed, "", NULL },
    { "a restart was asked for", restart_asked, "restart", NULL },
    { "a restart was asked for and done", restart_done, "", NULL },
    { "role dropped", role_gone, "put-role", NULL },
    { "role's password changed", password_changed, "put-role", NULL },
    { "database opened to others", database_open_to_all, "repair-database", NULL },
    { "a database that held data is gone", database_gone, "", "DataMissing" },
    { "a volume that held data is gone", volume_gone, "", "DataMissing" },
    { "the loss is accepted", loss_accepted, "forget-lost-data", NULL },
    { "the loss of another record is accepted", loss_of_another_accepted, "", "DataMissing" },
    { "a stranger's container under our name", stranger_container, "", "NameTaken" },
    { "a stranger's database under our name", stranger_database, "", "NameTaken" },
    { "version raised", version_raised, "stop upgrade remove-container create-container start", NULL },
    { "version raised, image missing", version_raised_without_image,
      "pull-image stop upgrade remove-container create-container start", NULL },
    { "an upgrade that failed is not tried again by itself", upgrade_failed_before, "", NULL },
    { "an upgrade that failed is tried again when the record changed", upgrade_failed_and_record_changed,
      "stop upgrade remove-container create-container start", NULL },
    { "the new version is healthy", gate_open_healthy, "accept-upgrade", NULL },
    { "the new version is starting", gate_open_starting, "", NULL },
    { "the new version is unhealthy", gate_open_unhealthy, "roll-back", NULL },
    { "the version before it is unhealthy, the new one was not started yet", gate_open_old_unhealthy,
      "stop remove-container create-container start", NULL },
    { "the new version ends again and again", gate_open_crashing, "roll-back", NULL },
    { "an addon was added", addon_added, "stop change-addons start", NULL },
    { "an addon was added, the app can take it running", addon_added_live, "change-addons", NULL },
    { "a port is to be published", port_wanted, "allocate", NULL },
    { "deleted", deleted, "stop remove-container drop-database drop-role remove-volume release-record", NULL },
    { "deleted, data retained", deleted_retain, "stop remove-container retain-database release-record", NULL },
    { "deleted before anything was made", deleted_before_anything, "release-record", NULL },
    { "strangers under our names are nobody's to delete", deleted_with_strangers, "drop-role release-record", NULL },
    { "deleted while Docker is away", deleted_with_engine_away, "", "EngineUnavailable" },
    { "no tenant", no_tenant, "", "TenantMissing" },
    { "no app", no_app, "", "AppMissing" },
    { "a job was left behind by a crash", job_left_behind, "remove-job", NULL },
    { "the app was edited: waits for its turn", app_edited, "", NULL },
    { "the app was edited: its turn", app_edited_and_turn, "stop remove-container create-container start", NULL },
    { "the app was edited: the new image comes before the old container goes", app_edited_without_image,
      "pull-image stop remove-container create-container start", NULL },
    { "the app was edited, and the instance: its owner does not wait", app_edited_and_own_edit,
      "stop remove-container create-container start", NULL },
    { "the app was edited: also one that was never settled waits", app_edited_and_never_settled, "", NULL },
    { "the app was edited: what is unhealthy does not wait", app_edited_and_unhealthy,
      "stop remove-container create-container start", NULL },
    { "the app was edited: what was not probed yet waits", app_edited_and_not_probed_yet, "", NULL },
    { "the app was edited: what does not run does not wait", app_edited_and_exited,
      "remove-container create-container start", NULL },
    { "the app was edited: who waits is looked after", app_edited_and_paused_by_hand, "connect-network resize", NULL },
    { "the app was edited: what is to be stopped is not held", app_edited_and_stopped, "stop remove-container", NULL },
    { "renamed by hand", renamed, "rename", NULL },
    { "renamed by hand, and to be stopped", renamed_and_stopped, "stop rename", NULL },
    { "one of the app's files was changed in the container", file_changed, "put-files restart", NULL },
    { "deleted with a second container of ours", deleted_with_leftovers,
      "stop remove-container remove-leftovers drop-database drop-role remove-volume release-record", NULL },
    { "ends again and again for want of space", exits_with_full_disk, "", "DiskFull" },
    { "the network is gone", network_gone, "", "WaitingForNetwork" },
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

/* What is waited for and wakes us is no failure; what is away is told apart from what is in the way. */
static const struct outcome_row {
    const char *why;
    void (*scene)(struct scene *scene);
    enum err_code fails; /* ERR_NONE: it rests */
    bool looks_again;
} outcome_rows[] = {
    { "outcome: nothing to do", settled, ERR_NONE, false },
    { "outcome: waits for the network", allocated_without_network, ERR_NONE, true },
    { "outcome: waits for the template", warm_is_building, ERR_NONE, true },
    { "outcome: waits for a change", no_app, ERR_NONE, false },
    { "outcome: a stranger is in the way", stranger_container, ERR_CONFLICT, false },
    { "outcome: Docker is away", deleted_with_engine_away, ERR_UNREACHABLE, false },
};

static void test_outcome(void **state)
{
    const struct outcome_row *row = *state;
    struct scene scene;
    struct err err = ERR_INIT;
    int64_t requeue_ms = 0;
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    row->scene(&scene);
    instance_plan(&scene.want, &scene.seen, NOW_MS, &plan);
    assert_int_equal(plan_outcome(&plan, &requeue_ms, &err), row->fails == ERR_NONE);
    assert_int_equal(err.code, row->fails);
    assert_int_equal(requeue_ms > 0, row->looks_again);
    err_release(&err);
    scene_release(&scene);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_plan, rows);
    CHECK_ROWS(&list, test_outcome, outcome_rows);
    return check_run("instance plan", &list);
}
