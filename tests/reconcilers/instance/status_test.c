/* What a user is told: phase and the Ready condition, row by row. */
#include "reconcilers/instance/instance.h"
#include "tests/check.h"

struct scene {
    struct instance_want want;
    struct instance_seen seen;
    struct plan plan;
};

/* Runs as wished, healthy. All texts are static. */
static void settled(struct scene *scene)
{
    static char version[] = "1.0", volume[] = "td-acme.erp-1", path[] = "/health", database[] = "acme_erp", id[] = "c1";
    *scene = (struct scene){ 0 };
    record_init(&scene->want.record);
    scene->want.record.generation = 3;
    scene->want.spec.version = version;
    scene->want.spec.database.name = database;
    scene->want.state = (struct instance_state){ .volume = volume, .version = version, .initialised = true };
    scene->want.has_tenant = scene->want.has_app = scene->want.running = true;
    scene->want.app.health.path = path;
    scene->seen = (struct instance_seen){
        .container_is = THING_OURS, .database_is = THING_OURS, .database_right = true, .memory_use = -1
    };
    scene->seen.container = (struct container){ .id = id, .state = CONTAINER_RUNNING };
    scene->seen.health.health = HEALTH_HEALTHY;
}

static void just_created(struct scene *scene)
{
    settled(scene);
    scene->want.state = (struct instance_state){ 0 };
    scene->seen.container_is = scene->seen.database_is = THING_ABSENT;
    plan_add(&scene->plan, STEP_ALLOCATE, "allocate", EFFECT_NONE, NULL);
}
static void initialising(struct scene *scene)
{
    static char volume[] = "td-acme.erp-1";
    just_created(scene);
    scene->want.state.volume = volume;
}
static void starting(struct scene *scene)
{
    settled(scene);
    scene->seen.health.health = HEALTH_STARTING;
}
static void unhealthy(struct scene *scene)
{
    settled(scene);
    scene->seen.health.health = HEALTH_UNHEALTHY;
    plan_block(&scene->plan, BLOCK_PASSING, "Unhealthy", "in 3 s");
}
static void no_probe(struct scene *scene)
{
    settled(scene);
    scene->want.app.health.path = NULL;
    scene->seen.health.health = HEALTH_UNKNOWN;
}
static void stopped(struct scene *scene)
{
    settled(scene);
    scene->want.running = false;
    scene->seen.container.state = CONTAINER_EXITED;
}
static void still_stopping(struct scene *scene)
{
    settled(scene);
    scene->want.running = false;
    plan_add(&scene->plan, STEP_STOP, "stop", EFFECT_RESTART, NULL);
}
static void suspended(struct scene *scene)
{
    stopped(scene);
    scene->want.tenant.suspended = scene->want.suspended = true;
}
static void engine_away(struct scene *scene)
{
    settled(scene);
    scene->seen.engine_away_ms = 1;
    plan_block(&scene->plan, BLOCK_AWAY, "EngineUnavailable", "refused");
}
static void server_away(struct scene *scene)
{
    settled(scene);
    scene->seen.server_away_ms = 1;
    plan_block(&scene->plan, BLOCK_AWAY, "DatabaseServerUnavailable", "refused");
}
static void not_seen(struct scene *scene)
{
    settled(scene);
    scene->seen.container_is = scene->seen.database_is = THING_UNKNOWN;
    plan_block(&scene->plan, BLOCK_PASSING, "NotSeen", "Docker answered 500");
}
static void deleting(struct scene *scene)
{
    settled(scene);
    scene->want.deleting = true;
    scene->want.running = false;
}
static void deletion_held(struct scene *scene)
{
    deleting(scene);
    plan_block(&scene->plan, BLOCK_FINAL, "WaitingForBackup", "a last backup runs");
}
static void paused(struct scene *scene)
{
    settled(scene);
    scene->want.paused = true;
    plan_add(&scene->plan, STEP_RESIZE, "resize", EFFECT_NONE, NULL);
}
static void paused_and_down(struct scene *scene)
{
    settled(scene);
    scene->want.paused = true;
    scene->seen.container.state = CONTAINER_EXITED;
    plan_block(&scene->plan, BLOCK_PASSING, "CrashLoop", "it is started again in 3 s");
}
static void upgrade_failed(struct scene *scene)
{
    static char failed[] = "2.0";
    settled(scene);
    scene->want.spec.version = failed;
    scene->want.state.failed_version = failed;
    scene->want.state.failed_generation = 3;
}
static void gate_open(struct scene *scene)
{
    static char previous[] = "0.9";
    starting(scene);
    scene->want.state.previous = previous;
}
static void data_missing(struct scene *scene)
{
    settled(scene);
    scene->seen.database_is = THING_ABSENT;
    plan_block(&scene->plan, BLOCK_PASSING, "DataMissing", "gone");
}

static const struct row {
    const char *why;
    void (*scene)(struct scene *scene);
    const char *phase;
    enum condition_status ready;
    const char *reason;
    enum condition_status container, database;
} rows[] = {
    { "runs", settled, "Running", CONDITION_TRUE, "Running", CONDITION_TRUE, CONDITION_TRUE },
    { "runs without a probe", no_probe, "Running", CONDITION_TRUE, "Running", CONDITION_TRUE, CONDITION_TRUE },
    { "just created", just_created, "Pending", CONDITION_FALSE, "Provisioning", CONDITION_FALSE, CONDITION_FALSE },
    { "initialising", initialising, "Provisioning", CONDITION_FALSE, "Provisioning", CONDITION_FALSE, CONDITION_FALSE },
    { "starting", starting, "Provisioning", CONDITION_FALSE, "WaitingForHealth", CONDITION_TRUE, CONDITION_TRUE },
    { "unhealthy", unhealthy, "Degraded", CONDITION_FALSE, "Unhealthy", CONDITION_TRUE, CONDITION_TRUE },
    { "stopped", stopped, "Stopped", CONDITION_TRUE, "Stopped", CONDITION_FALSE, CONDITION_TRUE },
    { "on its way to be stopped", still_stopping, "Degraded", CONDITION_FALSE, "Reconciling", CONDITION_TRUE,
      CONDITION_TRUE },
    { "suspended", suspended, "Suspended", CONDITION_TRUE, "TenantSuspended", CONDITION_FALSE, CONDITION_TRUE },
    { "Docker is away", engine_away, "Degraded", CONDITION_UNKNOWN, "EngineUnavailable", CONDITION_UNKNOWN,
      CONDITION_TRUE },
    { "the database server is away", server_away, "Degraded", CONDITION_UNKNOWN, "DatabaseServerUnavailable",
      CONDITION_TRUE, CONDITION_UNKNOWN },
    { "a look that failed", not_seen, "Degraded", CONDITION_UNKNOWN, "NotSeen", CONDITION_UNKNOWN, CONDITION_UNKNOWN },
    { "deleting", deleting, "Deleting", CONDITION_FALSE, "Deleting", CONDITION_TRUE, CONDITION_TRUE },
    { "deletion is held up", deletion_held, "Deleting", CONDITION_FALSE, "WaitingForBackup", CONDITION_TRUE,
      CONDITION_TRUE },
    { "paused", paused, "Running", CONDITION_TRUE, "Paused", CONDITION_TRUE, CONDITION_TRUE },
    { "paused, and nothing is done about what is in the way", paused_and_down, "Degraded", CONDITION_FALSE, "Paused",
      CONDITION_FALSE, CONDITION_TRUE },
    { "an upgrade failed", upgrade_failed, "Degraded", CONDITION_FALSE, "UpgradeFailed", CONDITION_TRUE,
      CONDITION_TRUE },
    { "a new version is starting", gate_open, "Degraded", CONDITION_FALSE, "WaitingForHealth", CONDITION_TRUE,
      CONDITION_TRUE },
    { "data is missing", data_missing, "Degraded", CONDITION_FALSE, "DataMissing", CONDITION_TRUE, CONDITION_FALSE },
};

static void test_status(void **state)
{
    const struct row *row = *state;
    static const struct settings settings = { .publish_address = "127.0.0.1" };
    struct scene scene;
    struct instance_status status = { 0 };
    row->scene(&scene);
    instance_status_fill(&status, &scene.want, &scene.seen, &scene.plan, &settings, 1000);
    const struct condition *ready = condition_find(&status.conditions, "Ready");
    assert_string_equal(status.phase, row->phase);
    assert_string_equal(ready->reason, row->reason);
    assert_int_equal(ready->status, row->ready);
    assert_int_equal(condition_find(&status.conditions, "ContainerReady")->status, row->container);
    assert_int_equal(condition_find(&status.conditions, "DatabaseReady")->status, row->database);
    assert_int_equal(status.observed_generation, 3);
    fields_release(instance_status_fields, &status);
    plan_release(&scene.plan);
    record_release(&scene.want.record);
}

/* A new daemon has not probed yet: what the one before stored of the same run of the container is believed. */
static void test_health_outlives_the_daemon(void **state)
{
    (void)state;
    static const struct settings settings = { .publish_address = "127.0.0.1" };
    struct scene scene;
    struct instance_status status = { 0 };
    settled(&scene);
    scene.seen.container.inspected = true;
    scene.seen.container.started_ms = 5000;
    instance_status_fill(&status, &scene.want, &scene.seen, &scene.plan, &settings, 9000);
    scene.seen.health.health = HEALTH_STARTING;
    instance_status_fill(&status, &scene.want, &scene.seen, &scene.plan, &settings, 9001);
    assert_int_equal(condition_find(&status.conditions, "Ready")->status, CONDITION_TRUE);
    scene.seen.container.started_ms = 8000; /* started again since */
    instance_status_fill(&status, &scene.want, &scene.seen, &scene.plan, &settings, 9002);
    assert_int_equal(condition_find(&status.conditions, "Ready")->status, CONDITION_FALSE);
    fields_release(instance_status_fields, &status);
    plan_release(&scene.plan);
    record_release(&scene.want.record);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_status, rows);
    CHECK_TEST(&list, test_health_outlives_the_daemon);
    return check_run("instance status", &list);
}
