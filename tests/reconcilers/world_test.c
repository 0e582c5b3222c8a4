/* The cache says unknown before it was filled, keeps what an inspect told, and judges health by probes. */
#include "reconcilers/names.h"
#include "reconcilers/world.h"
#include "tests/check.h"

static struct container container_of(const char *id, const char *name, enum container_state state)
{
    struct container container = { .id = mem_strdup(id), .name = mem_strdup(name), .state = state };
    container.labels = json_pack("{s:s, s:s, s:s}", LABEL_KIND, "Instance", LABEL_NAMESPACE, "acme", LABEL_NAME, "erp");
    container.networks = json_object();
    container.ports = json_array();
    return container;
}

static void put_list(struct world *world, struct container container)
{
    struct containers list = { .items = MEM_NEW(struct container), .count = 1 }, missing = { 0 };
    list.items[0] = container;
    world_take_containers(world, &list, &missing);
    assert_int_equal(list.count, 0);
    containers_release(&missing);
}

static void test_unknown_before_the_first_list(void **state)
{
    (void)state;
    struct world *world = world_new();
    assert_int_equal(world_container(world, "td-acme.erp", NULL), WORLD_UNKNOWN);
    assert_int_equal(world_database(world, "acme_erp", NULL), WORLD_UNKNOWN);
    struct containers empty = { 0 }, missing = { 0 };
    world_take_containers(world, &empty, &missing);
    assert_int_equal(missing.count, 0);
    assert_int_equal(world_container(world, "td-acme.erp", NULL), WORLD_ABSENT);
    world_free(world);
}

static void test_inspect_survives_a_list_of_the_same_container(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct container inspected = container_of("c1", "td-acme.erp", CONTAINER_RUNNING), seen = { 0 };
    inspected.inspected = true;
    inspected.memory_bytes = 42;
    world_put_container(world, &inspected);
    container_release(&inspected);
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_RUNNING));
    assert_int_equal(world_container(world, "td-acme.erp", &seen), WORLD_PRESENT);
    assert_true(seen.inspected);
    assert_int_equal(seen.memory_bytes, 42);
    container_release(&seen);
    /* It ended since: what was inspected is of the past. */
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_EXITED));
    seen = (struct container){ 0 };
    world_container(world, "td-acme.erp", &seen);
    assert_false(seen.inspected);
    assert_int_equal(seen.state, CONTAINER_EXITED);
    container_release(&seen);
    world_free(world);
}

static void test_what_vanished_is_told(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct containers empty = { 0 };
    CLEANUP(containers_release) struct containers missing = { 0 };
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_RUNNING));
    world_take_containers(world, &empty, &missing);
    assert_int_equal(missing.count, 1);
    assert_string_equal(missing.items[0].id, "c1");
    assert_string_equal(json_text(missing.items[0].labels, LABEL_NAME), "erp");
    assert_int_equal(world_container(world, "td-acme.erp", NULL), WORLD_ABSENT);
    world_free(world);
}

/* Files are compared now and then, and not before a container was known for that long. */
static void test_files_become_due(void **state)
{
    (void)state;
    struct world *world = world_new();
    assert_false(world_files_are_due(world, "c1"));
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_RUNNING));
    assert_false(world_files_are_due(world, "c1"));
    world_set_inspect_holds(world, -1); /* any time is long enough */
    assert_true(world_files_are_due(world, "c1"));
    world_set_inspect_holds(world, 60000);
    world_note_files(world, "c1");
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_RUNNING));
    assert_false(world_files_are_due(world, "c1"));
    world_free(world);
}

static void test_roles(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct role_listed role = { .name = mem_strdup("td_a_b"), .can_login = true, .connection_limit = 32 };
    role.verifier_digest = mem_strdup("d1");
    struct role_list roles = { &role, 1 };
    struct databases none = { 0 };
    CLEANUP(role_listed_release) struct role_listed seen = { 0 };
    assert_int_equal(world_role(world, "td_a_b", NULL), WORLD_UNKNOWN);
    world_put_databases(world, &none, &roles);
    assert_int_equal(world_role(world, "td_a_b", &seen), WORLD_PRESENT);
    assert_true(seen.can_login && seen.connection_limit == 32);
    assert_string_equal(seen.verifier_digest, "d1");
    assert_int_equal(world_role(world, "td_a_c", NULL), WORLD_ABSENT);
    role_listed_release(&role);
    world_free(world);
}

static void test_owner_and_removal(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct record_key key;
    put_list(world, container_of("c1", "td-acme.erp", CONTAINER_RUNNING));
    assert_true(world_container_owner(world, "c1", &key));
    assert_string_equal(key.name, "erp");
    world_drop_container(world, "c1");
    assert_int_equal(world_container(world, "td-acme.erp", NULL), WORLD_ABSENT);
    assert_false(world_container_owner(world, "c1", &key));
    world_free(world);
}

static void test_late_news_of_a_container_before(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct container old = container_of("c1", "td-acme.erp", CONTAINER_EXITED),
                     fresh = container_of("c2", "td-acme.erp", CONTAINER_RUNNING);
    world_put_container(world, &old);
    world_put_container(world, &fresh);
    world_drop_container(world, "c1");
    assert_int_equal(world_container(world, "td-acme.erp", NULL), WORLD_PRESENT);
    container_release(&old);
    container_release(&fresh);
    world_free(world);
}

static struct probe_target target_of(const char *container_id)
{
    struct probe_target target = {
        .port = 8080, .started_wall_ms = 1000, .startup_timeout_ms = 60000, .failure_threshold = 3
    };
    snprintf(target.uid, sizeof(target.uid), "u1");
    snprintf(target.container_id, sizeof(target.container_id), "%s", container_id);
    return target;
}

static enum health probe(struct world *world, const struct probe_target *target, bool good, int64_t now_ms)
{
    struct probe_target due[4];
    int64_t next_ms;
    world_probe_now(world, "u1");
    assert_int_equal(world_due_probes(world, now_ms, due, 4, &next_ms), 1);
    world_probe_result(world, target, good, "refused", now_ms, now_ms);
    return world_health(world, "u1", target->container_id).health;
}

/* We were restarted: the container is old, and nothing is known of its health. */
static void test_one_failure_of_an_old_container(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct probe_target target = target_of("c1");
    world_want_probe(world, &target);
    assert_int_equal(probe(world, &target, false, 10000000), HEALTH_STARTING);
    assert_int_equal(probe(world, &target, true, 10002000), HEALTH_HEALTHY);
    world_free(world);
}

static void test_health(void **state)
{
    (void)state;
    struct world *world = world_new();
    struct probe_target target = target_of("c1");
    world_want_probe(world, &target);
    assert_int_equal(world_health(world, "u1", "c1").health, HEALTH_STARTING);
    assert_int_equal(probe(world, &target, false, 2000), HEALTH_STARTING); /* a slow start is no failure */
    assert_int_equal(probe(world, &target, false, 61001), HEALTH_STARTING);
    assert_int_equal(probe(world, &target, false, 63001), HEALTH_UNHEALTHY); /* over time, and the third in a row */
    assert_int_equal(probe(world, &target, true, 64000), HEALTH_HEALTHY);    /* and a late success counts */
    assert_int_equal(probe(world, &target, false, 65000), HEALTH_HEALTHY);
    assert_int_equal(probe(world, &target, false, 66000), HEALTH_HEALTHY);
    assert_int_equal(probe(world, &target, false, 67000), HEALTH_UNHEALTHY); /* the third in a row */
    struct probe_target other = target_of("c2");
    world_want_probe(world, &other);
    assert_int_equal(world_health(world, "u1", "c2").health, HEALTH_STARTING);
    assert_int_equal(world_health(world, "u1", "c1").health, HEALTH_UNKNOWN);
    /* The answer about the container before comes late: it says nothing of this one. */
    assert_false(world_probe_result(world, &target, true, "", 66000, 66000));
    assert_int_equal(world_health(world, "u1", "c2").health, HEALTH_STARTING);
    world_free(world);
}

static void test_restart_delays_grow_and_end(void **state)
{
    (void)state;
    struct world *world = world_new();
    int64_t last = 0;
    assert_int_equal(world_restart_allowed_wall_ms(world, "u1"), 0);
    for (int i = 0; i < 12; i++) {
        world_note_restart(world, "u1", 0);
        int64_t delay = world_restart_allowed_wall_ms(world, "u1");
        assert_true(delay >= last && delay <= 300000);
        last = delay;
    }
    assert_int_equal(last, 300000);
    world_note_stable(world, "u1");
    assert_int_equal(world_restart_allowed_wall_ms(world, "u1"), 0);
    world_free(world);
}

static void test_restart_delays_end_with_an_outage(void **state)
{
    (void)state;
    struct world *world = world_new();
    world_note_restart(world, "u1", 1000);
    world_note_restart(world, "u1", 1000);
    world_set_engine(world, true, "", 2000); /* it answered before */
    assert_int_equal(world_restart_allowed_wall_ms(world, "u1"), 3000);
    world_set_engine(world, false, "killed", 3000);
    assert_int_equal(world_restart_count(world, "u1"), 2);
    world_set_engine(world, true, "", 4000);
    assert_int_equal(world_restart_allowed_wall_ms(world, "u1"), 0);
    assert_int_equal(world_restart_count(world, "u1"), 0);
    world_free(world);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_unknown_before_the_first_list);
    CHECK_TEST(&list, test_inspect_survives_a_list_of_the_same_container);
    CHECK_TEST(&list, test_what_vanished_is_told);
    CHECK_TEST(&list, test_files_become_due);
    CHECK_TEST(&list, test_roles);
    CHECK_TEST(&list, test_owner_and_removal);
    CHECK_TEST(&list, test_late_news_of_a_container_before);
    CHECK_TEST(&list, test_health);
    CHECK_TEST(&list, test_one_failure_of_an_old_container);
    CHECK_TEST(&list, test_restart_delays_grow_and_end);
    CHECK_TEST(&list, test_restart_delays_end_with_an_outage);
    return check_run("world", &list);
}
