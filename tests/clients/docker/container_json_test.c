/* The engine's JSON of containers, as 20.10 answered (cut down). */
#include "clients/docker/docker.h"
#include "tests/check.h"

static const char inspected[] =
    "{\"Id\":\"d7fa\",\"Created\":\"2026-11-23T22:45:09.976042372Z\",\"Path\":\"sleep\",\"Args\":[\"9\"],"
    "\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137,\"Error\":\"too bad\","
    "\"StartedAt\":\"2026-11-23T22:45:10.5Z\",\"FinishedAt\":\"2026-11-23T22:45:12.25Z\"},"
    "\"Image\":\"sha256:5731\",\"Name\":\"/td-acme.erp\",\"RestartCount\":0,"
    "\"HostConfig\":{\"NetworkMode\":\"td-acme\",\"PortBindings\":{\"8069/"
    "tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"20000\"}]},"
    "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"Memory\":67108864,\"MemorySwap\":67108864,"
    "\"NanoCpus\":500000000,\"PidsLimit\":50},"
    "\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"td-v\",\"Source\":\"/var/lib/docker/volumes/td-v/"
    "_data\",\"Destination\":\"/data\","
    "\"RW\":true},{\"Type\":\"bind\",\"Source\":\"/etc/hosts\",\"Destination\":\"/h\"}],"
    "\"Config\":{\"Hostname\":\"erp\",\"User\":\"1000:1000\",\"Env\":[\"A=b\",\"C=d=e\"],\"Cmd\":[\"sleep\",\"9\"],"
    "\"Image\":\"tenantd/tiny:1\",\"Labels\":{\"a\":\"b\"}},"
    "\"NetworkSettings\":{\"Ports\":{},\"Networks\":{\"td-acme\":{\"NetworkID\":\"2475\",\"IPAddress\":\"\"}}}}";

static const char listed[] =
    "{\"Id\":\"312f\",\"Names\":[\"/other/alias\",\"/td-acme.erp\"],\"Image\":\"tenantd/"
    "tiny:1\",\"ImageID\":\"sha256:5731\","
    "\"Command\":\"sleep "
    "600\",\"Created\":1795473909,\"Ports\":[{\"IP\":\"127.0.0.1\",\"PrivatePort\":8069,\"PublicPort\":20000,"
    "\"Type\":\"tcp\"},{\"PrivatePort\":8072,\"Type\":\"tcp\"}],\"Labels\":{\"a\":\"b\"},\"State\":\"running\","
    "\"Status\":\"Up 2 s\","
    "\"HostConfig\":{\"NetworkMode\":\"td-acme\"},\"NetworkSettings\":{\"Networks\":{\"td-acme\":{\"NetworkID\":"
    "\"2475\","
    "\"IPAddress\":\"10.213.0.2\"}}},\"Mounts\":[]}";

static bool read_text(const char *text, struct container *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *value = NULL;
    assert_true(json_parse(text, strlen(text), &value, err));
    return container_from_json(value, ret, err);
}

static void assert_json(const json_t *value, const char *expected)
{
    CLEANUP(freep) char *text = json_dump(value);
    assert_string_equal(text, expected);
}

static void assert_inspected(const struct container *container)
{
    assert_string_equal(container->id, "d7fa");
    assert_string_equal(container->name, "td-acme.erp");
    assert_string_equal(container->image, "tenantd/tiny:1");
    assert_string_equal(container->image_id, "sha256:5731");
    assert_int_equal(container->state, CONTAINER_EXITED);
    assert_json(container->labels, "{\"a\":\"b\"}");
    assert_json(container->networks, "{\"td-acme\":{\"address\":\"\",\"id\":\"2475\"}}");
    assert_json(container->ports, "[{\"address\":\"127.0.0.1\",\"container\":8069,\"host\":20000}]");
    assert_true(container->inspected);
    assert_int_equal(container->exit_code, 137);
    assert_true(container->oom_killed);
    assert_string_equal(container->error, "too bad");
    assert_int_equal(container->finished_ms - container->started_ms, 1750);
    assert_int_equal(container->memory_bytes, 67108864);
    assert_int_equal(container->memory_swap_bytes, 67108864);
    assert_int_equal(container->nano_cpus, 500000000);
    assert_int_equal(container->pids_limit, 50);
    assert_string_equal(container->restart_policy, "no");
    assert_json(container->env, "[\"A=b\",\"C=d=e\"]");
    assert_json(container->command, "[\"sleep\",\"9\"]");
    assert_json(container->mounts, "[{\"source\":\"td-v\",\"target\":\"/data\",\"type\":\"volume\"},"
                                   "{\"source\":\"/etc/hosts\",\"target\":\"/h\",\"type\":\"bind\"}]");
    assert_string_equal(container->user, "1000:1000");
}

static void from_inspect(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    (void)state;
    assert_true(read_text(inspected, &container, &err));
    assert_inspected(&container);
}

static void copied(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container copy = { 0 };
    struct container container = { 0 };
    (void)state;
    assert_true(read_text(inspected, &container, &err));
    container_copy(&copy, &container);
    json_object_clear(container.labels);
    container_release(&container);
    assert_inspected(&copy);
    CLEANUP(container_release) struct container empty = { 0 };
    container_copy(&empty, &container);
    assert_null(empty.id);
}

static void from_list(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    (void)state;
    assert_true(read_text(listed, &container, &err));
    assert_false(container.inspected);
    assert_string_equal(container.id, "312f");
    assert_string_equal(container.name, "td-acme.erp");
    assert_string_equal(container.image, "tenantd/tiny:1");
    assert_string_equal(container.image_id, "sha256:5731");
    assert_int_equal(container.state, CONTAINER_RUNNING);
    assert_json(container.labels, "{\"a\":\"b\"}");
    assert_json(container.networks, "{\"td-acme\":{\"address\":\"10.213.0.2\",\"id\":\"2475\"}}");
    assert_json(container.ports, "[{\"address\":\"127.0.0.1\",\"container\":8069,\"host\":20000}]");
}

static const struct variations_row {
    const char *why;
    const char *text;
    enum err_code code;
    enum container_state state;
    int64_t started_ms;
} variations_rows[] = {
    { "never started",
      "{\"Id\":\"a\",\"Name\":\"/x\",\"State\":{\"Status\":\"created\",\"StartedAt\":\"0001-01-01T00:00:00Z\"}}",
      ERR_NONE, CONTAINER_CREATED, 0 },
    { "with an offset",
      "{\"Id\":\"a\",\"Name\":\"/x\",\"State\":{\"Status\":\"running\",\"StartedAt\":"
      "\"1970-01-01T02:00:01.5+02:00\"}}",
      ERR_NONE, CONTAINER_RUNNING, 1500 },
    { "nulls where there is nothing",
      "{\"Id\":\"a\",\"Name\":\"/"
      "x\",\"State\":{\"Status\":\"paused\"},\"Config\":{\"Env\":null,\"Cmd\":null,\"Labels\":null},"
      "\"HostConfig\":{\"PidsLimit\":null,\"PortBindings\":null},\"Mounts\":null,\"NetworkSettings\":{\"Ports\":null,"
      "\"Networks\":null}}",
      ERR_NONE, CONTAINER_PAUSED, 0 },
    { "a port that is not published",
      "{\"Id\":\"a\",\"Name\":\"/x\",\"State\":{\"Status\":\"running\"},\"NetworkSettings\":"
      "{\"Ports\":{\"80/tcp\":null}}}",
      ERR_NONE, CONTAINER_RUNNING, 0 },
    { "being removed, listed", "{\"Id\":\"a\",\"Names\":[],\"State\":\"removing\"}", ERR_NONE, CONTAINER_REMOVING, 0 },
    { "dead, listed", "{\"Id\":\"a\",\"State\":\"dead\"}", ERR_NONE, CONTAINER_DEAD, 0 },
    { "restarting, listed", "{\"Id\":\"a\",\"State\":\"restarting\"}", ERR_NONE, CONTAINER_RESTARTING, 0 },
    { "no identity", "{\"State\":\"running\"}", ERR_INTERNAL, 0, 0 },
    { "no name", "{\"Id\":\"a\",\"State\":{\"Status\":\"running\"}}", ERR_INTERNAL, 0, 0 },
    { "no state", "{\"Id\":\"a\"}", ERR_INTERNAL, 0, 0 },
    { "a state of tomorrow", "{\"Id\":\"a\",\"State\":\"dreaming\"}", ERR_INTERNAL, 0, 0 },
    { "no object", "[]", ERR_INTERNAL, 0, 0 },
};

static void variations(void **state)
{
    const struct variations_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(container_release) struct container container = { 0 };
    read_text(row->text, &container, &err) ? (void)0 : assert_null(container.id);
    if (err.code != row->code || container.state != row->state || container.started_ms != row->started_ms)
        fail_msg("%s: %s", row->why, err_message(&err));
    if (err.code != ERR_NONE)
        return;
    assert_true(json_is_object(container.labels));
    assert_true(json_is_object(container.networks));
    assert_int_equal(json_array_size(container.ports), 0);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, from_inspect);
    CHECK_TEST(&list, copied);
    CHECK_TEST(&list, from_list);
    CHECK_ROWS(&list, variations, variations_rows);
    return check_run("container_json", &list);
}
