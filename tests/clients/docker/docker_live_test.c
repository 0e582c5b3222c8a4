/* Containers on a real engine: each function of the header, its effect seen through the docker command line. */
#include "tests/clients/docker/live.h"

#define SLEEP "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done"
#define DEAF  "trap '' TERM; echo ready; while :; do sleep 0.1; done"

#define MOUNT_AT(path) "{{range .Mounts}}{{if eq .Destination \"" path "\"}}{{.Type}} {{.Name}} {{.RW}}{{end}}{{end}}"

static bool collect(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err;
    str_addn(context, bytes, len);
    return true;
}

/* Until the container's log contains `text`. */
static void wait_for_log(const struct live *live, const char *id, const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t until_ms = clock_mono_ms() + LIVE_WAIT_MS;
    for (;;) {
        CLEANUP(str_release) struct str log = STR_INIT;
        assert_ok(container_log_tail(live->docker, id, 10000, NULL, &log, &err), &err);
        if (strstr(log.text, text))
            return;
        if (clock_mono_ms() > until_ms)
            fail_msg("no \"%s\" in the log: %s", text, log.text);
        const struct timespec span = { .tv_nsec = 20000000 };
        nanosleep(&span, NULL);
    }
}

static void engine(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(docker_version_release) struct docker_version version = { 0 };
    struct docker_host host;
    CLEANUP(freep) char *bridge = NULL;
    assert_ok(docker_version(live->docker, NULL, &version, &err), &err);
    CLEANUP(freep)
    char *seen = LIVE_RUN("docker", "version", "--format", "{{.Server.Version}} {{.Server.Os}} {{.Server.Arch}}");
    CLEANUP(freep) char *said = mem_printf("%s %s %s", version.engine, version.operating_system, version.architecture);
    assert_string_equal(said, seen);
    assert_true(str_starts_with(version.api, "1."));
    assert_ok(docker_host(live->docker, NULL, &host, &err), &err);
    CLEANUP(freep) char *size = LIVE_RUN("docker", "info", "--format", "{{.NCPU}}000 {{.MemTotal}}");
    CLEANUP(freep) char *own_size = mem_printf("%lld %lld", (long long)host.millicores, (long long)host.memory_bytes);
    assert_string_equal(own_size, size);
    assert_true(docker_is_local(live->docker));
    assert_ok(docker_bridge_address(live->docker, NULL, &bridge, &err), &err);
    CLEANUP(freep) char *interface = LIVE_RUN("sh", "-c", "ip -4 -o addr show docker0 | awk '{print $4}'");
    CLEANUP(freep) char *address = mem_strndup(interface, strcspn(interface, "/"));
    assert_string_equal(bridge, address);
}

static void created_as_asked(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = live_name(live, "volume");
    CLEANUP(freep) char *name = live_name(live, "c");
    static const char *const env[] = { "A=b c", "EMPTY=", NULL };
    static const char *const hosts[] = { "db:10.9.8.7", NULL };
    static const char *const capabilities[] = { "CHOWN", "SETUID", NULL };
    const struct container_mount mounts[] = { { .volume = volume, .target = "/data" },
                                              { .volume = volume, .target = "/ro", .read_only = true } };
    static const struct container_publish publishes[] = { { 8069, "127.0.0.1", 28069 }, { 8069, "127.0.0.2", 28069 } };
    const struct container_create base = {
        .env = env,
        .user = "1000:1001",
        .capabilities = capabilities,
        .network = "bridge",
        .extra_hosts = hosts,
        .hostname = "erp",
        .mounts = mounts,
        .mount_count = 2,
        .publishes = publishes,
        .publish_count = 2,
        .memory_bytes = 64 << 20,
        .nano_cpus = 500000000,
        .pids_limit = 33,
        .stop_timeout_ms = 2500,
    };
    assert_ok(volume_create(live->docker, volume, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = live_create(live, "c", SLEEP, &base);
    assert_seen(name, "{{.Id}}", id);
    assert_seen(name, "{{.State.Status}}", "created");
    assert_seen(name, "{{json .Config.Entrypoint}} {{.Path}} {{index .Args 0}}", "[\"/bin/sh\"] /bin/sh -c");
    assert_seen(name, "{{json .Config.Env}}", "[\"A=b c\",\"EMPTY=\",\"PATH=/app:/bin\"]");
    assert_seen(name, "{{.Config.User}} {{.Config.Hostname}} {{.Config.StopTimeout}}", "1000:1001 erp 3");
    assert_seen(name, "{{index .Config.Labels \"tenantd.test\"}}", live->prefix);
    assert_seen(name, "{{json .HostConfig.ExtraHosts}}", "[\"db:10.9.8.7\"]");
    assert_seen(name, "{{json .HostConfig.CapDrop}} {{json .HostConfig.CapAdd}}", "[\"ALL\"] [\"CHOWN\",\"SETUID\"]");
    assert_seen(name, "{{json .HostConfig.SecurityOpt}} {{.HostConfig.Init}}", "[\"no-new-privileges\"] true");
    assert_seen(name,
                "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}",
                "67108864 67108864 500000000 33");
    assert_seen(name, "{{json .HostConfig.LogConfig}}",
                "{\"Type\":\"json-file\",\"Config\":{\"max-file\":\"3\",\"max-size\":\"10m\"}}");
    assert_seen(name, "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}}", "no bridge");
    CLEANUP(freep) char *data = mem_printf("volume %s true", volume);
    CLEANUP(freep) char *read_only = mem_printf("volume %s false", volume);
    assert_seen(name, MOUNT_AT("/data"), data);
    assert_seen(name, MOUNT_AT("/ro"), read_only);
    assert_seen(name, "{{json .HostConfig.PortBindings}}",
                "{\"8069/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"28069\"},"
                "{\"HostIp\":\"127.0.0.2\",\"HostPort\":\"28069\"}]}");
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(containers_release) struct containers containers = { 0 };
    assert_ok(container_inspect(live->docker, id, NULL, &container, &err), &err);
    assert_int_equal(json_array_size(container.ports), 2);
    assert_ok(container_list(live->docker, live->label, NULL, &containers, &err), &err);
    assert_int_equal(json_array_size(containers.items[0].ports), 0); /* as it does not run */
    assert_seen(name, "{{json .Config.ExposedPorts}}", "{\"8069/tcp\":{},\"8080/tcp\":{}}");
}

static void inside_of_it(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct container_create base = { .memory_bytes = 64 << 20, .pids_limit = 20 };
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, &base);
    CLEANUP(freep)
    char *status = LIVE_RUN("docker", "exec", id, "grep", "-E", "^(CapEff|NoNewPrivs)", "/proc/1/status");
    assert_contains(status, "CapEff:\t0000000000000000");
    assert_contains(status, "NoNewPrivs:\t1");
    CLEANUP(freep) char *init = LIVE_RUN("docker", "exec", id, "head", "-n", "1", "/proc/1/status");
    assert_contains(init, "docker-init");
}

static void inspected_and_listed(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = live_name(live, "c");
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(containers_release) struct containers containers = { 0 };
    CLEANUP(containers_release) struct containers none = { 0 };
    static const struct container_publish publishes[] = { { 8069, "127.0.0.1", 28070 } };
    const struct container_create base = { .network = "bridge",
                                           .publishes = publishes,
                                           .publish_count = 1,
                                           .memory_bytes = 64 << 20,
                                           .nano_cpus = 250000000 };
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, &base);
    CLEANUP(freep) char *second = live_create(live, "second", SLEEP, NULL);
    assert_ok(container_inspect(live->docker, name, NULL, &container, &err), &err);
    assert_string_equal(container.id, id);
    assert_string_equal(container.name, name);
    assert_int_equal(container.state, CONTAINER_RUNNING);
    assert_int_equal(container.memory_bytes, 64 << 20);
    assert_int_equal(container.nano_cpus, 250000000);
    assert_in_range(container.started_ms, clock_wall_ms() - MINUTE_MS, clock_wall_ms() + MINUTE_MS);
    CLEANUP(freep) char *address = LIVE_RUN("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", id);
    assert_string_equal(json_text(json_at(container.networks, "bridge", NULL), "address"), address);
    CLEANUP(freep) char *ports = json_dump(container.ports);
    assert_string_equal(ports, "[{\"address\":\"127.0.0.1\",\"container\":8069,\"host\":28070}]");
    assert_ok(container_list(live->docker, live->label, NULL, &containers, &err), &err);
    assert_int_equal(containers.count, 2); /* the one that does not run, too */
    for (size_t i = 0; i < containers.count; i++) {
        const struct container *item = &containers.items[i];
        bool first = strcmp(item->id, id) == 0;
        assert_string_equal(item->id, first ? id : second);
        assert_int_equal(item->state, first ? CONTAINER_RUNNING : CONTAINER_CREATED);
        assert_string_equal(item->image, live->image);
        assert_string_equal(json_text(item->labels, LIVE_LABEL), live->prefix);
    }
    assert_ok(container_list(live->docker, LIVE_LABEL "=nobody", NULL, &none, &err), &err);
    assert_int_equal(none.count, 0);
}

static void lifecycle(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, NULL);
    wait_for_log(live, id, "ready");
    assert_seen(id, "{{.State.Status}}", "running");
    assert_ok(container_start(live->docker, id, NULL, &err), &err); /* again */
    CLEANUP(freep) char *first = LIVE_RUN("docker", "inspect", "--format", "{{.State.StartedAt}}", id);
    assert_ok(container_restart(live->docker, id, 5000, NULL, &err), &err);
    CLEANUP(freep) char *second = LIVE_RUN("docker", "inspect", "--format", "{{.State.StartedAt}}", id);
    assert_string_not_equal(first, second);
    wait_for_log(live, id, "ready\nready");
    assert_ok(container_stop(live->docker, id, 5000, NULL, &err), &err);
    assert_seen(id, "{{.State.Status}} {{.State.ExitCode}}", "exited 7");
    assert_ok(container_stop(live->docker, id, 5000, NULL, &err), &err); /* again */
    assert_ok(container_start(live->docker, id, NULL, &err), &err);
    assert_ok(container_kill(live->docker, id, NULL, &err), &err);
    int exit_code = 0;
    assert_ok(container_wait(live->docker, id, NULL, &exit_code, &err), &err);
    assert_int_equal(exit_code, 137);
    assert_seen(id, "{{.State.Status}} {{.State.ExitCode}}", "exited 137");
    assert_fails(container_kill(live->docker, id, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(container_remove(live->docker, id, NULL, &err), &err);
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    CLEANUP(freep) char *left = LIVE_RUN("docker", "ps", "-aq", "--filter", filter);
    assert_string_equal(left, "");
    assert_fails(container_remove(live->docker, id, NULL, &err), &err, ERR_NOT_FOUND);
}

static void grace_is_kept(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", DEAF, NULL);
    wait_for_log(live, id, "ready");
    int64_t began_ms = clock_mono_ms();
    assert_ok(container_stop(live->docker, id, 1500, NULL, &err), &err); /* whole seconds, rounded up */
    assert_in_range(clock_mono_ms() - began_ms, 1900, 8000);
    assert_seen(id, "{{.State.Status}} {{.State.ExitCode}}", "exited 137");
}

static void remove_kills(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = live_name(live, "volume");
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    const struct container_mount mount = { .volume = volume, .target = "/data" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    assert_ok(volume_create(live->docker, volume, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = live_start(live, "c", DEAF, &base);
    assert_ok(container_remove(live->docker, id, NULL, &err), &err);
    CLEANUP(freep) char *left = LIVE_RUN("docker", "ps", "-aq", "--filter", filter);
    assert_string_equal(left, "");
    CLEANUP(freep) char *volumes = LIVE_RUN("docker", "volume", "ls", "-q", "--filter", filter);
    assert_string_equal(volumes, volume);
}

static void paused(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, NULL);
    CLEANUP(freep) char *output = LIVE_RUN("docker", "pause", id);
    assert_ok(container_inspect(live->docker, id, NULL, &container, &err), &err);
    assert_int_equal(container.state, CONTAINER_PAUSED);
    assert_ok(container_unpause(live->docker, id, NULL, &err), &err);
    assert_seen(id, "{{.State.Status}}", "running");
    assert_fails(container_unpause(live->docker, id, NULL, &err), &err, ERR_CONFLICT);
}

static void renamed(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_create(live, "old", SLEEP, NULL);
    CLEANUP(freep) char *other = live_create(live, "other", SLEEP, NULL);
    CLEANUP(freep) char *new_name = live_name(live, "new");
    CLEANUP(freep) char *other_name = live_name(live, "other");
    CLEANUP(freep) char *slashed = mem_printf("/%s", new_name);
    assert_ok(container_rename(live->docker, id, new_name, NULL, &err), &err);
    assert_seen(id, "{{.Name}}", slashed);
    assert_fails(container_rename(live->docker, id, other_name, NULL, &err), &err, ERR_CONFLICT);
}

static void exit_codes(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(freep) char *id = live_start(live, "c", "sleep 0.5; exit 42", NULL);
    int exit_code = 0;
    assert_ok(container_wait(live->docker, id, NULL, &exit_code, &err), &err);
    assert_int_equal(exit_code, 42);
    assert_ok(container_inspect(live->docker, id, NULL, &container, &err), &err);
    assert_int_equal(container.state, CONTAINER_EXITED);
    assert_int_equal(container.exit_code, 42);
    assert_in_range(container.finished_ms - container.started_ms, 400, 20000);
    assert_fails(container_wait(live->docker, "tdtest.nobody", NULL, &exit_code, &err), &err, ERR_NOT_FOUND);
}

static void calls_end_in_time(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, NULL);
    struct call call = call_within(NULL, 300);
    int64_t began_ms = clock_mono_ms();
    int exit_code = 0;
    assert_fails(container_wait(live->docker, id, &call, &exit_code, &err), &err, ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - began_ms, 250, 1000);
    assert_ok(container_kill(live->docker, id, NULL, &err), &err); /* the handle is fine */
}

static void refusals(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = live_name(live, "c");
    CLEANUP(freep) char *taken = live_create(live, "c", SLEEP, NULL);
    CLEANUP(container_release) struct container container = { 0 };
    const char *const command[] = { "/bin/sh", NULL };
    const struct container_create good = { .image = live->image, .command = command, .labels = live->labels };
    struct container_create create = good;
    char *id = NULL;
    create.name = name;
    assert_fails(container_create(live->docker, &create, NULL, &id, &err), &err, ERR_CONFLICT);
    create = good;
    create.image = "tdtest/nosuch:1";
    assert_fails(container_create(live->docker, &create, NULL, &id, &err), &err, ERR_NOT_FOUND);
    create = good;
    create.nano_cpus = INT64_C(1000000000000);
    assert_fails(container_create(live->docker, &create, NULL, &id, &err), &err, ERR_INVALID);
    create = good;
    create.memory_bytes = 1000;
    assert_fails(container_create(live->docker, &create, NULL, &id, &err), &err, ERR_INVALID);
    create = good;
    create.name = "no good / name";
    assert_fails(container_create(live->docker, &create, NULL, &id, &err), &err, ERR_INVALID);
    assert_null(id);
    assert_fails(container_inspect(live->docker, "tdtest.nobody", NULL, &container, &err), &err, ERR_NOT_FOUND);
    /* The engine takes the dots for a path and wants to send us elsewhere; we do not go. */
    assert_fails(container_inspect(live->docker, "../../version", NULL, &container, &err), &err, ERR_REMOTE);
    assert_fails(container_start(live->docker, "tdtest.nobody", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_stop(live->docker, "tdtest.nobody", 1000, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_kill(live->docker, "tdtest.nobody", NULL, &err), &err, ERR_NOT_FOUND);
}

static void taken_port(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    static const struct container_publish publish = { 80, "127.0.0.1", 28071 };
    const struct container_create base = { .network = "bridge", .publishes = &publish, .publish_count = 1 };
    CLEANUP(freep) char *first = live_start(live, "first", SLEEP, &base);
    CLEANUP(freep) char *second = live_create(live, "second", SLEEP, &base);
    assert_fails(container_start(live->docker, second, NULL, &err), &err, ERR_CONFLICT);
    assert_seen(second, "{{.State.Status}}", "created");
}

static void updated(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct container_create base = { .memory_bytes = 64 << 20, .nano_cpus = 500000000, .pids_limit = 20 };
    CLEANUP(freep)
    char *id = live_start(live, "c", "head -c 40000000 /dev/zero >/dev/shm/fill; echo full; sleep 600", &base);
    static const char all[] =
        "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} "
        "{{.HostConfig.RestartPolicy.Name}}";
    wait_for_log(live, id, "full");
    struct container_resources resources = { .memory_bytes = 128 << 20, .nano_cpus = 750000000, .pids_limit = 30 };
    assert_ok(container_update(live->docker, id, &resources, NULL, &err), &err);
    assert_seen(id, all, "134217728 134217728 750000000 30 no");
    resources = (struct container_resources){ .memory_bytes = 96 << 20 };
    assert_ok(container_update(live->docker, id, &resources, NULL, &err), &err);
    assert_seen(id, all, "100663296 100663296 750000000 30 no");
    resources = (struct container_resources){ .restart_policy = "no", .pids_limit = 40 };
    assert_ok(container_update(live->docker, id, &resources, NULL, &err), &err);
    assert_seen(id, all, "100663296 100663296 750000000 40 no");
    int64_t used_bytes = 0;
    assert_ok(container_memory_use(live->docker, id, NULL, &used_bytes, &err), &err);
    assert_in_range(used_bytes, 38 << 20, 64 << 20);
    resources = (struct container_resources){ .memory_bytes = 8 << 20 }; /* less than /dev/shm holds */
    assert_fails(container_update(live->docker, id, &resources, NULL, &err), &err, ERR_INVALID);
    resources = (struct container_resources){ .nano_cpus = INT64_C(1000000000000) };
    assert_fails(container_update(live->docker, id, &resources, NULL, &err), &err, ERR_INVALID);
    assert_seen(id, all, "100663296 100663296 750000000 40 no");
    CLEANUP(freep)
    char *limit = LIVE_RUN("docker", "exec", id, "sh", "-c",
                           "cat /sys/fs/cgroup/memory/memory.limit_in_bytes || "
                           "cat /sys/fs/cgroup/memory.max");
    assert_string_equal(limit, "100663296");
    assert_ok(container_kill(live->docker, id, NULL, &err), &err);
    int exit_code = 0;
    assert_ok(container_wait(live->docker, id, NULL, &exit_code, &err), &err);
    assert_ok(container_memory_use(live->docker, id, NULL, &used_bytes, &err), &err);
    assert_int_equal(used_bytes, 0);
}

/* ---- logs ---- */

static void logs(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep)
    char *id = live_start(
        live, "c", "echo one; sleep 0.3; echo two >&2; sleep 0.3; seq 1 1000 | sed 's/^/line /'; printf end", NULL);
    CLEANUP(str_release) struct str followed = STR_INIT;
    CLEANUP(str_release) struct str all = STR_INIT;
    CLEANUP(str_release) struct str last = STR_INIT;
    CLEANUP(str_release) struct str stamped = STR_INIT;
    CLEANUP(str_release) struct str since = STR_INIT;
    int exit_code = 0;
    /* Follows until the container ends; 20.10 then leaves out the last lines now and then. */
    assert_ok(container_read_logs(live->docker, id, &(struct container_logs){ .follow = true, .tail = -1 }, collect,
                                  &followed, NULL, &err),
              &err);
    assert_true(str_starts_with(followed.text, "one\ntwo\nline 1\nline 2\n"));
    assert_contains(followed.text, "line 900\n");
    assert_ok(container_wait(live->docker, id, NULL, &exit_code, &err), &err);
    assert_ok(container_read_logs(live->docker, id, &(struct container_logs){ .tail = -1 }, collect, &all, NULL, &err),
              &err);
    assert_true(str_starts_with(all.text, followed.text));
    assert_true(str_ends_with(all.text, "line 999\nline 1000\nend"));
    CLEANUP(freep) char *seen = LIVE_RUN("sh", "-c", "docker logs $0 2>&1 | grep -c line", id);
    assert_string_equal(seen, "1000");
    assert_ok(container_read_logs(live->docker, id, &(struct container_logs){ .tail = 2 }, collect, &last, NULL, &err),
              &err);
    assert_string_equal(last.text, "line 1000\nend");
    assert_ok(container_read_logs(live->docker, id, &(struct container_logs){ .tail = 1, .timestamps = true }, collect,
                                  &stamped, NULL, &err),
              &err);
    assert_true(str_starts_with(stamped.text, "20"));
    assert_true(str_ends_with(stamped.text, "Z end"));
    assert_ok(container_read_logs(live->docker, id,
                                  &(struct container_logs){ .tail = -1, .since_ms = clock_wall_ms() + HOUR_MS },
                                  collect, &since, NULL, &err),
              &err);
    assert_string_equal(since.text, "");
}

static void log_tail(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", "seq 1 20000 | sed 's/^/line /'", NULL);
    CLEANUP(freep) char *one_line = live_start(live, "one", "head -c 100000 /dev/zero | tr '\\0' x", NULL);
    CLEANUP(freep) char *silent = live_create(live, "silent", "true", NULL);
    int exit_code = 0;
    assert_ok(container_wait(live->docker, id, NULL, &exit_code, &err), &err);
    assert_ok(container_wait(live->docker, one_line, NULL, &exit_code, &err), &err);
    CLEANUP(str_release) struct str tail = STR_INIT;
    assert_ok(container_log_tail(live->docker, id, 25, NULL, &tail, &err), &err);
    assert_string_equal(tail.text, "line 19999\nline 20000\n"); /* whole lines, where there are any */
    assert_ok(container_log_tail(live->docker, id, 3, NULL, &tail, &err), &err);
    assert_string_equal(tail.text, "00\n");
    assert_ok(container_log_tail(live->docker, id, 1 << 20, NULL, &tail, &err), &err);
    assert_true(str_starts_with(tail.text, "line 1\n"));
    assert_ok(container_log_tail(live->docker, one_line, 1000, NULL, &tail, &err), &err);
    assert_int_equal(tail.len, 1000);
    assert_ok(container_log_tail(live->docker, silent, 1000, NULL, &tail, &err), &err);
    assert_string_equal(tail.text, "");
    assert_fails(container_log_tail(live->docker, "tdtest.nobody", 1000, NULL, &tail, &err), &err, ERR_NOT_FOUND);
}

static bool refuse(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)len;
    return err_set(err, ERR_EXPIRED, "enough");
}

static void followed_logs_end_early(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", SLEEP, NULL);
    CLEANUP(str_release) struct str seen = STR_INIT;
    const struct container_logs follow = { .follow = true, .tail = -1 };
    struct call call = call_within(NULL, 500);
    assert_fails(container_read_logs(live->docker, id, &follow, collect, &seen, &call, &err), &err, ERR_TIMEOUT);
    assert_string_equal(seen.text, "ready\n");
    assert_fails(container_read_logs(live->docker, id, &follow, refuse, NULL, NULL, &err), &err, ERR_EXPIRED);
    assert_ok(container_kill(live->docker, id, NULL, &err), &err); /* the handle is fine */
}

int main(void)
{
    struct check_list list = { 0 };
    LIVE_TEST(&list, engine);
    LIVE_TEST(&list, created_as_asked);
    LIVE_TEST(&list, inside_of_it);
    LIVE_TEST(&list, inspected_and_listed);
    LIVE_TEST(&list, lifecycle);
    LIVE_TEST(&list, grace_is_kept);
    LIVE_TEST(&list, remove_kills);
    LIVE_TEST(&list, paused);
    LIVE_TEST(&list, renamed);
    LIVE_TEST(&list, exit_codes);
    LIVE_TEST(&list, calls_end_in_time);
    LIVE_TEST(&list, refusals);
    LIVE_TEST(&list, taken_port);
    LIVE_TEST(&list, updated);
    LIVE_TEST(&list, logs);
    LIVE_TEST(&list, log_tail);
    LIVE_TEST(&list, followed_logs_end_early);
    return check_run("docker_live", &list);
}
