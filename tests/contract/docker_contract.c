/* The contract of the engine; see docker_contract.h. */
#include "tests/contract/docker_contract.h"

#include "base/crypto.h"

#define LASTS "while :; do sleep 0.1; done"

static char *name_of(const struct docker_contract *contract, const char *name)
{
    return mem_printf("%s.%s", contract->prefix, name);
}

/* A /26 that hardly anybody has. */
static char *some_subnet(void)
{
    return mem_printf("10.%d.%d.64/26", 200 + (int)random_below(50), (int)random_below(256));
}

/* The id, owned. */
static char *create(const struct docker_contract *contract, const char *name, const char *script,
                    const struct container_create *base)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *full_name = name_of(contract, name);
    const char *const command[] = { "/bin/sh", "-c", script, NULL };
    struct container_create create = base ? *base : (struct container_create){ 0 };
    char *id = NULL;
    create.name = full_name;
    create.image = contract->image;
    create.command = command;
    create.labels = contract->labels;
    assert_ok(container_create(contract->docker, &create, NULL, &id, &err), &err);
    return id;
}

static void assert_state(const struct docker_contract *contract, const char *id, enum container_state state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    assert_ok(container_inspect(contract->docker, id, NULL, &container, &err), &err);
    assert_int_equal(container.state, state);
}

static bool has_item(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (str_equal(json_string_value(item), text))
            return true;
    return false;
}

/* ---- containers ---- */

static void shows_what_was_asked_for(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container by_name = { 0 };
    CLEANUP(containers_release) struct containers list = { 0 };
    CLEANUP(freep) char *volume = name_of(contract, "volume");
    CLEANUP(freep) char *name = name_of(contract, "c");
    static const char *const env[] = { "A=b c", NULL };
    const struct container_mount mount = { .volume = volume, .target = "/data" };
    const struct container_publish publish = { 8080, "127.0.0.1", 28111 };
    const struct container_create base = { .env = env,
                                           .user = "1000:1001",
                                           .network = "bridge",
                                           .mounts = &mount,
                                           .mount_count = 1,
                                           .publishes = &publish,
                                           .publish_count = 1,
                                           .memory_bytes = 64 << 20,
                                           .nano_cpus = 500000000,
                                           .pids_limit = 33 };
    assert_ok(volume_create(contract->docker, volume, contract->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    assert_ok(container_inspect(contract->docker, name, NULL, &by_name, &err), &err);
    assert_string_equal(by_name.id, id);
    assert_string_equal(by_name.name, name);
    assert_string_equal(by_name.image, contract->image);
    assert_true(by_name.inspected);
    assert_int_equal(by_name.state, CONTAINER_CREATED);
    assert_int_equal(by_name.started_ms, 0);
    assert_int_equal(by_name.memory_bytes, 64 << 20);
    assert_int_equal(by_name.memory_swap_bytes, 64 << 20);
    assert_int_equal(by_name.nano_cpus, 500000000);
    assert_int_equal(by_name.pids_limit, 33);
    assert_string_equal(by_name.restart_policy, "no");
    assert_string_equal(by_name.user, "1000:1001");
    assert_true(has_item(by_name.env, "A=b c"));
    assert_string_equal(json_string_value(json_array_get(by_name.command, 0)), "/bin/sh");
    assert_int_equal(json_array_size(by_name.command), 3);
    assert_string_equal(json_text(json_array_get(by_name.mounts, 0), "source"), volume);
    assert_string_equal(json_text(json_array_get(by_name.mounts, 0), "target"), "/data");
    assert_int_equal(json_int(json_array_get(by_name.ports, 0), "host", 0), 28111);
    assert_ok(container_list(contract->docker, contract->label, NULL, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, name);
    assert_string_equal(list.items[0].id, id);
    assert_int_equal(list.items[0].state, CONTAINER_CREATED);
    assert_int_equal(json_array_size(list.items[0].ports), 0); /* as it does not run */
    assert_false(list.items[0].inspected);
}

static void says_not_found(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container none = { 0 };
    CLEANUP(image_release) struct image image = { 0 };
    CLEANUP(network_release) struct network network = { 0 };
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(freep) char *name = name_of(contract, "nobody");
    const struct container_resources resources = { .pids_limit = 30 };
    const struct container_create create = { .name = name, .image = "tdtest.nobody:none", .labels = contract->labels };
    struct docker *docker = contract->docker;
    int exit_code;
    char *id = NULL;
    assert_fails(container_inspect(docker, name, NULL, &none, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_start(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_stop(docker, name, 1000, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_restart(docker, name, 1000, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_kill(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_unpause(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_remove(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_rename(docker, name, "tdtest.other", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_wait(docker, name, NULL, &exit_code, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_update(docker, name, &resources, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_create(docker, &create, NULL, &id, &err), &err, ERR_NOT_FOUND);
    assert_fails(image_inspect(docker, "tdtest.nobody:none", NULL, &image, &err), &err, ERR_NOT_FOUND);
    assert_fails(network_inspect(docker, name, NULL, &network, &err), &err, ERR_NOT_FOUND);
    assert_fails(network_remove(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(volume_inspect(docker, name, NULL, &volume, &err), &err, ERR_NOT_FOUND);
    assert_fails(volume_remove(docker, name, NULL, &err), &err, ERR_NOT_FOUND);
}

static void names_are_unique(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = create(contract, "c", LASTS, NULL);
    CLEANUP(freep) char *other = create(contract, "other", LASTS, NULL);
    CLEANUP(freep) char *name = name_of(contract, "c");
    CLEANUP(freep) char *fresh = name_of(contract, "fresh");
    CLEANUP(container_release) struct container seen = { 0 };
    const char *const command[] = { "/bin/sh", NULL };
    const struct container_create again = {
        .name = name, .image = contract->image, .command = command, .labels = contract->labels
    };
    char *none = NULL;
    assert_fails(container_create(contract->docker, &again, NULL, &none, &err), &err, ERR_CONFLICT);
    assert_fails(container_rename(contract->docker, other, name, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(container_rename(contract->docker, id, fresh, NULL, &err), &err);
    assert_ok(container_inspect(contract->docker, fresh, NULL, &seen, &err), &err);
    assert_string_equal(seen.id, id);
    assert_ok(container_rename(contract->docker, other, name, NULL, &err), &err);
}

static void lives_and_ends(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container seen = { 0 };
    struct docker *docker = contract->docker;
    int exit_code = 1;
    int64_t bytes = -1;
    CLEANUP(freep) char *id = create(contract, "c", LASTS, NULL);
    assert_ok(container_wait(docker, id, NULL, &exit_code, &err), &err); /* it counts as ended */
    assert_int_equal(exit_code, 0);
    assert_ok(container_start(docker, id, NULL, &err), &err);
    assert_ok(container_start(docker, id, NULL, &err), &err);
    assert_ok(container_inspect(docker, id, NULL, &seen, &err), &err);
    assert_int_equal(seen.state, CONTAINER_RUNNING);
    assert_true(seen.started_ms > 0);
    assert_ok(container_memory_use(docker, id, NULL, &bytes, &err), &err);
    assert_true(bytes > 0);
    assert_fails(container_unpause(docker, id, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(container_restart(docker, id, 0, NULL, &err), &err);
    assert_state(contract, id, CONTAINER_RUNNING);
    assert_ok(container_kill(docker, id, NULL, &err), &err);
    assert_ok(container_wait(docker, id, NULL, &exit_code, &err), &err);
    assert_int_equal(exit_code, 137);
    assert_state(contract, id, CONTAINER_EXITED);
    assert_ok(container_memory_use(docker, id, NULL, &bytes, &err), &err);
    assert_int_equal(bytes, 0);
    assert_fails(container_kill(docker, id, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(container_stop(docker, id, 0, NULL, &err), &err);
    assert_ok(container_restart(docker, id, 0, NULL, &err), &err); /* starts one that does not run */
    assert_state(contract, id, CONTAINER_RUNNING);
    assert_ok(container_stop(docker, id, 0, NULL, &err), &err);
    assert_state(contract, id, CONTAINER_EXITED);
    assert_ok(container_start(docker, id, NULL, &err), &err);
    assert_ok(container_remove(docker, id, NULL, &err), &err); /* also while it runs */
    assert_fails(container_remove(docker, id, NULL, &err), &err, ERR_NOT_FOUND);
}

static void tells_its_exit_code(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container seen = { 0 };
    CLEANUP(freep) char *id = create(contract, "c", "exit 42", NULL);
    int exit_code = 0;
    assert_ok(container_start(contract->docker, id, NULL, &err), &err);
    assert_ok(container_wait(contract->docker, id, NULL, &exit_code, &err), &err);
    assert_int_equal(exit_code, 42);
    assert_ok(container_inspect(contract->docker, id, NULL, &seen, &err), &err);
    assert_int_equal(seen.state, CONTAINER_EXITED);
    assert_int_equal(seen.exit_code, 42);
}

static void limits_change(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container seen = { 0 };
    CLEANUP(freep) char *id = create(contract, "c", LASTS, NULL);
    const struct container_resources resources = {
        .memory_bytes = 128 << 20, .nano_cpus = 250000000, .pids_limit = 44, .restart_policy = "always"
    };
    const struct container_resources none = { .restart_policy = "no" };
    struct docker_host host;
    assert_ok(docker_host(contract->docker, NULL, &host, &err), &err);
    const struct container_resources too_much = { .nano_cpus = host.millicores * 1000000 + 1000000000 };
    assert_ok(container_update(contract->docker, id, &resources, NULL, &err), &err);
    assert_ok(container_update(contract->docker, id, &none, NULL, &err), &err); /* 0: as it is */
    assert_fails(container_update(contract->docker, id, &too_much, NULL, &err), &err, ERR_INVALID);
    assert_ok(container_inspect(contract->docker, id, NULL, &seen, &err), &err);
    assert_int_equal(seen.memory_bytes, 128 << 20);
    assert_int_equal(seen.memory_swap_bytes, 128 << 20);
    assert_int_equal(seen.nano_cpus, 250000000);
    assert_int_equal(seen.pids_limit, 44);
    assert_string_equal(seen.restart_policy, "no");
}

static void files_are_put_and_read(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = create(contract, "c", LASTS, NULL);
    const struct container_file file = {
        .path = "/some/where/x.conf", .bytes = "content", .size = 7, .mode = 0400, .uid = 1000, .gid = 1001
    };
    struct container_file_seen seen = { .bytes = STR_INIT };
    assert_ok(container_put_files(contract->docker, id, &file, 1, NULL, &err), &err);
    assert_ok(container_read_file(contract->docker, id, file.path, 100, NULL, &seen, &err), &err);
    assert_string_equal(seen.bytes.text, "content");
    assert_int_equal(seen.mode & 0777, 0400);
    assert_int_equal(seen.uid, 1000);
    assert_int_equal(seen.gid, 1001);
    assert_fails(container_read_file(contract->docker, id, file.path, 6, NULL, &seen, &err), &err, ERR_TOO_LARGE);
    assert_fails(container_read_file(contract->docker, id, "/some/where/else", 6, NULL, &seen, &err), &err,
                 ERR_NOT_FOUND);
    str_release(&seen.bytes);
}

static void ports_are_taken_at_the_start(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct container_publish publish = { 8080, "127.0.0.1", 28112 };
    const struct container_create base = { .network = "bridge", .publishes = &publish, .publish_count = 1 };
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    CLEANUP(freep) char *other = create(contract, "other", LASTS, &base);
    assert_ok(container_start(contract->docker, id, NULL, &err), &err);
    assert_false(container_start(contract->docker, other, NULL, &err));
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_contains(err_message(&err), "port is already allocated");
    err_clear(&err);
    assert_ok(container_stop(contract->docker, id, 0, NULL, &err), &err);
    assert_ok(container_start(contract->docker, other, NULL, &err), &err);
}

/* ---- networks ---- */

static void networks_do_not_overlap(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(network_release) struct network seen = { 0 };
    CLEANUP(networks_release) struct networks list = { 0 };
    CLEANUP(freep) char *name = name_of(contract, "n");
    CLEANUP(freep) char *other = name_of(contract, "other");
    CLEANUP(freep) char *subnet = some_subnet();
    CLEANUP(freep) char *far = mem_printf("10.199.%d.0/26", (int)random_below(256));
    assert_ok(network_create(contract->docker, name, subnet, contract->labels, NULL, &err), &err);
    assert_fails(network_create(contract->docker, name, far, contract->labels, NULL, &err), &err, ERR_EXISTS);
    assert_fails(network_create(contract->docker, other, subnet, contract->labels, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(network_inspect(contract->docker, name, NULL, &seen, &err), &err);
    assert_string_equal(seen.name, name);
    assert_string_equal(seen.subnet, subnet);
    assert_ok(network_list(contract->docker, contract->label, NULL, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, seen.id);
    assert_ok(network_remove(contract->docker, name, NULL, &err), &err);
}

static void networks_hold_who_runs_on_them(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container seen = { 0 };
    CLEANUP(network_release) struct network members = { 0 };
    CLEANUP(freep) char *name = name_of(contract, "n");
    CLEANUP(freep) char *subnet = some_subnet();
    struct docker *docker = contract->docker;
    const struct container_create base = { .network = name };
    assert_ok(network_create(docker, name, subnet, contract->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    assert_ok(container_inspect(docker, id, NULL, &seen, &err), &err);
    assert_non_null(json_object_get(seen.networks, name));
    assert_ok(container_start(docker, id, NULL, &err), &err);
    assert_ok(network_inspect(docker, name, NULL, &members, &err), &err);
    assert_non_null(json_text(members.containers, id));
    assert_fails(network_remove(docker, name, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(network_connect(docker, name, id, NULL, &err), &err, ERR_EXISTS);
    assert_ok(network_disconnect(docker, name, id, NULL, &err), &err);
    assert_fails(network_disconnect(docker, name, id, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(container_inspect(docker, id, NULL, &seen, &err), &err);
    assert_null(json_object_get(seen.networks, name));
    assert_ok(network_connect(docker, name, id, NULL, &err), &err);
    assert_ok(container_inspect(docker, id, NULL, &seen, &err), &err);
    assert_contains(json_text(json_object_get(seen.networks, name), "address"), "10.");
    assert_ok(container_stop(docker, id, 0, NULL, &err), &err);
    assert_ok(network_remove(docker, name, NULL, &err), &err); /* who is stopped does not hold it */
}

/* What was on a network when that was removed does not start, until it is connected to the one that stands there now. */
static void a_network_made_anew_is_another_one(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = name_of(contract, "n");
    CLEANUP(freep) char *subnet = some_subnet();
    struct docker *docker = contract->docker;
    const struct container_create base = { .network = name };
    assert_ok(network_create(docker, name, subnet, contract->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    assert_ok(container_start(docker, id, NULL, &err), &err);
    assert_ok(container_stop(docker, id, 0, NULL, &err), &err);
    assert_ok(network_remove(docker, name, NULL, &err), &err);
    assert_fails(container_start(docker, id, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(network_create(docker, name, subnet, contract->labels, NULL, &err), &err);
    assert_fails(container_start(docker, id, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(network_connect(docker, name, id, NULL, &err), &err);
    assert_ok(container_start(docker, id, NULL, &err), &err);
}

/* ---- volumes ---- */

static void volumes_in_use_stay(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(volume_release) struct volume seen = { 0 };
    CLEANUP(volumes_release) struct volumes list = { 0 };
    CLEANUP(json_decrefp) json_t *others = json_pack("{s:s}", "tenantd.contract", "another");
    CLEANUP(freep) char *name = name_of(contract, "v");
    struct docker *docker = contract->docker;
    const struct container_mount mount = { .volume = name, .target = "/data" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    assert_ok(volume_create(docker, name, contract->labels, NULL, &err), &err);
    assert_ok(volume_create(docker, name, contract->labels, NULL, &err), &err);
    assert_fails(volume_create(docker, name, others, NULL, &err), &err, ERR_EXISTS);
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    assert_fails(volume_remove(docker, name, NULL, &err), &err, ERR_CONFLICT); /* it was never started */
    assert_ok(volume_list(docker, contract->label, NULL, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_ok(container_remove(docker, id, NULL, &err), &err);
    assert_ok(volume_inspect(docker, name, NULL, &seen, &err), &err); /* a named one stays */
    assert_ok(volume_remove(docker, name, NULL, &err), &err);
}

static void a_missing_volume_is_made_without_labels(void **state)
{
    const struct docker_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(volume_release) struct volume seen = { 0 };
    CLEANUP(freep) char *name = name_of(contract, "v");
    const struct container_mount mount = { .volume = name, .target = "/data" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    CLEANUP(freep) char *id = create(contract, "c", LASTS, &base);
    assert_ok(volume_inspect(contract->docker, name, NULL, &seen, &err), &err);
    assert_int_equal(json_object_size(seen.labels), 0);
    assert_ok(container_remove(contract->docker, id, NULL, &err), &err);
    assert_ok(volume_remove(contract->docker, name, NULL, &err), &err);
}

void docker_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown)
{
    size_t first = list->count;
    CHECK_TEST(list, shows_what_was_asked_for);
    CHECK_TEST(list, says_not_found);
    CHECK_TEST(list, names_are_unique);
    CHECK_TEST(list, lives_and_ends);
    CHECK_TEST(list, tells_its_exit_code);
    CHECK_TEST(list, limits_change);
    CHECK_TEST(list, files_are_put_and_read);
    CHECK_TEST(list, ports_are_taken_at_the_start);
    CHECK_TEST(list, networks_do_not_overlap);
    CHECK_TEST(list, networks_hold_who_runs_on_them);
    CHECK_TEST(list, a_network_made_anew_is_another_one);
    CHECK_TEST(list, volumes_in_use_stay);
    CHECK_TEST(list, a_missing_volume_is_made_without_labels);
    for (size_t i = first; i < list->count; i++) {
        list->tests[i].setup_func = setup;
        list->tests[i].teardown_func = teardown;
    }
}
