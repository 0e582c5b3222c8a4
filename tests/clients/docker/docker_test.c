/* The connection to an engine: version negotiation, addresses, and what refusals mean. Nothing is called. */
#include "clients/docker/docker_internal.h"
#include "tests/check.h"
#include "tests/clients/http/server.h"

/* As the engines' GET /version answers, cut down to what says something about versions. */
static const struct negotiation_row {
    const char *why;
    const char *reply;
    const char *api; /* NULL: refused with `code` */
    enum err_code code;
} negotiation_rows[] = {
    { "20.10, the oldest we take",
      "{\"Platform\":{\"Name\":\"\"},\"Components\":[{\"Name\":\"Engine\",\"Version\":\"20.10.24+dfsg1\",\"Details\":"
      "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}}],\"Version\":\"20.10.24+dfsg1\",\"ApiVersion\":\"1.41\","
      "\"MinAPIVersion\":\"1.12\",\"GoVersion\":\"go1.19.8\",\"Os\":\"linux\",\"Arch\":\"amd64\"}",
      "1.41", ERR_NONE },
    { "24",
      "{\"Platform\":{\"Name\":\"Docker Engine - Community\"},\"Version\":\"24.0.7\",\"ApiVersion\":\"1.43\","
      "\"MinAPIVersion\":\"1.12\",\"Os\":\"linux\",\"Arch\":\"amd64\"}",
      "1.43", ERR_NONE },
    { "27",
      "{\"Platform\":{\"Name\":\"Docker Engine - Community\"},\"Version\":\"27.5.1\",\"ApiVersion\":\"1.47\","
      "\"MinAPIVersion\":\"1.24\",\"Os\":\"linux\",\"Arch\":\"amd64\"}",
      "1.47", ERR_NONE },
    { "28.0", "{\"Version\":\"28.0.4\",\"ApiVersion\":\"1.48\",\"MinAPIVersion\":\"1.24\",\"Os\":\"linux\"}", "1.48",
      ERR_NONE },
    { "28.3", "{\"Version\":\"28.3.3\",\"ApiVersion\":\"1.51\",\"MinAPIVersion\":\"1.24\",\"Os\":\"linux\"}", "1.51",
      ERR_NONE },
    { "29 is newer than us, and refuses below 1.44",
      "{\"Version\":\"29.0.0\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\",\"Os\":\"linux\",\"Arch\":\"arm64\"}",
      "1.51", ERR_NONE },
    { "Podman's imitation", "{\"Version\":\"4.3.1\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.24\"}", "1.41",
      ERR_NONE },
    { "19.03 is too old", "{\"Version\":\"19.03.15\",\"ApiVersion\":\"1.40\",\"MinAPIVersion\":\"1.12\"}", NULL,
      ERR_UNSUPPORTED },
    { "one that has left us behind", "{\"Version\":\"40.0.0\",\"ApiVersion\":\"1.70\",\"MinAPIVersion\":\"1.52\"}",
      NULL, ERR_UNSUPPORTED },
    { "the second number is a number", "{\"Version\":\"x\",\"ApiVersion\":\"1.5\",\"MinAPIVersion\":\"1.1\"}", NULL,
      ERR_UNSUPPORTED },
    { "nothing said", "{}", NULL, ERR_INTERNAL },
    { "no smallest version", "{\"ApiVersion\":\"1.41\"}", NULL, ERR_INTERNAL },
    { "no version", "{\"ApiVersion\":\"latest\",\"MinAPIVersion\":\"1.12\"}", NULL, ERR_INTERNAL },
    { "no whole number", "{\"ApiVersion\":\"1.41beta\",\"MinAPIVersion\":\"1.12\"}", NULL, ERR_INTERNAL },
    { "another first number", "{\"ApiVersion\":\"2.41\",\"MinAPIVersion\":\"2.12\"}", NULL, ERR_INTERNAL },
    { "another type", "{\"ApiVersion\":1.41,\"MinAPIVersion\":1.12}", NULL, ERR_INTERNAL },
    { "no object", "[]", NULL, ERR_INTERNAL },
};

static void negotiation(void **state)
{
    const struct negotiation_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    CLEANUP(freep) char *api = NULL;
    assert_true(json_parse(row->reply, strlen(row->reply), &reply, &err));
    bool done = docker_negotiate(reply, &api, &err);
    if (done != (row->api != NULL) || !str_equal(api, row->api) || err.code != row->code)
        fail_msg("%s: %s, %s", row->why, api, err_message(&err));
}

static void refusal_names_both_ranges(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    static const char text[] = "{\"Version\":\"19.03.15\",\"ApiVersion\":\"1.40\",\"MinAPIVersion\":\"1.12\"}";
    char *api = NULL;
    (void)state;
    assert_true(json_parse(text, strlen(text), &reply, &err));
    assert_false(docker_negotiate(reply, &api, &err));
    assert_string_equal(err_message(&err),
                        "the Docker engine 19.03.15 speaks API versions 1.12 to 1.40, tenantd speaks 1.41 "
                        "(Docker 20.10) to 1.51");
}

static void refusals(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_code code;
    } rows[] = {
        { 400, "{\"message\":\"No command specified\"}", ERR_INVALID },
        { 400, "{\"message\":\"Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available\"}",
          ERR_INVALID },
        { 400, "{\"message\":\"client version 1.51 is too new. Maximum supported API version is 1.41\"}", ERR_REMOTE },
        { 400,
          "{\"message\":\"client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your "
          "client to "
          "a newer version\"}",
          ERR_REMOTE },
        { 404, "{\"message\":\"No such container: td-a.b\"}", ERR_NOT_FOUND },
        { 404, "{\"message\":\"page not found\"}", ERR_REMOTE },
        { 404, "404 page not found\n", ERR_REMOTE },
        { 404, "<html>Not Found</html>", ERR_REMOTE },
        { 404, "", ERR_REMOTE },
        { 404, "{\"error\":\"x\"}", ERR_REMOTE },
        { 401, "{\"message\":\"who are you\"}", ERR_UNAUTHORIZED },
        { 403, "{\"message\":\"authorization denied by plugin\"}", ERR_FORBIDDEN },
        { 403, "{\"message\":\"Pool overlaps with other one on this address space\"}", ERR_CONFLICT },
        { 403, "{\"message\":\"invalid pool request: Pool overlaps with other one on this address space\"}",
          ERR_CONFLICT },
        { 403, "{\"message\":\"error while removing network: network td-a id 2475 has active endpoints\"}",
          ERR_CONFLICT },
        { 403, "{\"message\":\"endpoint with name td-a.b already exists in network bridge\"}", ERR_EXISTS },
        { 409, "{\"message\":\"network with name td-a already exists\"}", ERR_EXISTS },
        { 409,
          "{\"message\":\"Conflict. The container name \\\"/td-a.b\\\" is already in use by container \\\"5685\\\".\"}",
          ERR_CONFLICT },
        { 409, "{\"message\":\"remove td-v: volume is in use - [5685]\"}", ERR_CONFLICT },
        { 500,
          "{\"message\":\"Cannot update container 5685: runc did not terminate successfully: exit status 1: unable to "
          "set "
          "memory limit to 8388608 (current usage: 42516480, peak usage: 46436352)\\n: unknown\"}",
          ERR_INVALID },
        { 500,
          "{\"message\":\"Cannot update container 5685: failed to write 8388608 to memory.limit_in_bytes: write "
          "/sys/fs/cgroup/memory/docker/5685/memory.limit_in_bytes: device or resource busy\"}",
          ERR_INVALID },
        { 500,
          "{\"message\":\"driver failed programming external connectivity on endpoint td-a.b (c498): Bind for "
          "127.0.0.1:23456 failed: port is already allocated\"}",
          ERR_CONFLICT },
        { 500,
          "{\"message\":\"driver failed programming external connectivity on endpoint td-a.b (c498): Error starting "
          "userland "
          "proxy: listen tcp4 127.0.0.1:23456: bind: address already in use\"}",
          ERR_CONFLICT },
        { 500, "{\"message\":\"container 312f is not connected to network bridge\"}", ERR_NOT_FOUND },
        { 500, "{\"message\":\"Container 5685 is not paused\"}", ERR_CONFLICT },
        { 500,
          "{\"message\":\"Get \\\"https://registry-1.docker.io/v2/\\\": dial tcp: lookup registry-1.docker.io: no such "
          "host\"}",
          ERR_UNREACHABLE },
        { 500,
          "{\"message\":\"Get \\\"https://registry.example/v2/\\\": unauthorized: incorrect username or password\"}",
          ERR_UNAUTHORIZED },
        { 404,
          "{\"message\":\"pull access denied for nosuch, repository does not exist or may require 'docker login'\"}",
          ERR_NOT_FOUND },
        { 500, "{\"message\":\"toomanyrequests: You have reached your pull rate limit.\"}", ERR_TOO_MANY },
        { 500, "{\"message\":\"write /var/lib/docker/x: no space left on device\"}", ERR_DISK_FULL },
        { 503, "{\"message\":\"This node is not a swarm manager.\"}", ERR_REMOTE },
        { 418, "{\"message\":\"teapot\"}", ERR_REMOTE },
        { 301, "{\"message\":\"elsewhere\"}", ERR_REMOTE },
        /* Names are quoted in messages and must not be taken for one. */
        { 404, "{\"message\":\"No such container: td-unauthorized.toomanyrequests\"}", ERR_NOT_FOUND },
        { 500, "{\"message\":\"cannot start td-unauthorized.toomanyrequests\"}", ERR_REMOTE },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        assert_false(docker_set_error(&err, rows[i].status, rows[i].body, strlen(rows[i].body)));
        if (err.code != rows[i].code)
            fail_msg("%d %s: %s instead of %s", rows[i].status, rows[i].body, err_kinds[err.code].name,
                     err_kinds[rows[i].code].name);
        assert_true(err_message(&err)[0]);
    }
}

static void engine_message_is_part_of_the_error(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str body = STR_INIT;
    (void)state;
    str_add(&body, "{\"message\":\"No such container: x\"}");
    docker_set_error(&err, 404, body.text, body.len);
    assert_string_equal(err_message(&err), "No such container: x");
    str_clear(&body);
    str_add(&body, "{\"message\":\"");
    for (int i = 0; i < 100000; i++)
        str_addc(&body, 'z');
    str_add(&body, "\"}");
    docker_set_error(&err, 500, body.text, body.len);
    assert_in_range(strlen(err_message(&err)), 500, 2000);
}

static void addresses(void **state)
{
    static const struct {
        const char *host;
        const char *cert_path;
        const char *base_url; /* NULL: refused */
        const char *unix_socket;
    } rows[] = {
        { "unix:///var/run/docker.sock", NULL, "http://docker", "/var/run/docker.sock" },
        { "unix:///var/run/docker.sock", "/etc/docker", "http://docker", "/var/run/docker.sock" },
        { "tcp://10.0.0.1:2375", NULL, "http://10.0.0.1:2375", NULL },
        { "tcp://10.0.0.1", NULL, "http://10.0.0.1:2375", NULL },
        { "tcp://engine.example", "/etc/docker", "https://engine.example:2376", NULL },
        { "tcp://engine.example:4000", "/etc/docker", "https://engine.example:4000", NULL },
        { "tcp://[::1]:2375", NULL, "http://[::1]:2375", NULL },
        { "tcp://[::1]", NULL, "http://[::1]:2375", NULL },
        { "unix://", NULL, NULL, NULL },
        { "unix://relative.sock", NULL, NULL, NULL },
        { "tcp://", NULL, NULL, NULL },
        { "tcp://:2375", NULL, NULL, NULL },
        { "tcp://host:", NULL, NULL, NULL },
        { "tcp://host:0", NULL, NULL, NULL },
        { "tcp://host:66000", NULL, NULL, NULL },
        { "tcp://host:23x", NULL, NULL, NULL },
        { "tcp://host/path", NULL, NULL, NULL },
        { "tcp://me:secret@host:2375", NULL, NULL, NULL },
        { "ssh://host", NULL, NULL, NULL },
        { "/var/run/docker.sock", NULL, NULL, NULL },
        { "", NULL, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(docker_freep) struct docker *docker = NULL;
        const struct docker_options options = { .host = rows[i].host, .cert_path = rows[i].cert_path };
        bool opened = docker_open(&options, &docker, &err);
        if (opened != (rows[i].base_url != NULL) || (!opened && err.code != ERR_INVALID))
            fail_msg("%s: %s", rows[i].host, err_message(&err));
        if (!opened)
            continue;
        assert_string_equal(docker_target(docker).base_url, rows[i].base_url);
        assert_true(str_equal(docker_target(docker).unix_socket, rows[i].unix_socket));
        assert_int_equal(docker_is_local(docker), rows[i].unix_socket != NULL);
    }
}

static void environment(void **state)
{
    static const struct {
        const char *host, *verify, *cert_path;
        const char *base_url; /* NULL: refused */
        const char *ca_file;
    } rows[] = {
        { NULL, NULL, NULL, "http://docker", NULL },
        { "", "", "", "http://docker", NULL },
        { "tcp://h", NULL, NULL, "http://h:2375", NULL },
        { "tcp://h", NULL, "/certs", "http://h:2375", NULL },
        { "tcp://h", "1", "/certs", "https://h:2376", "/certs/ca.pem" },
        { "tcp://h", "1", NULL, NULL, NULL },
        { NULL, "1", NULL, "http://docker", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(docker_freep) struct docker *docker = NULL;
        const struct docker_options options = { 0 };
        rows[i].host ? setenv("DOCKER_HOST", rows[i].host, 1) : unsetenv("DOCKER_HOST");
        rows[i].verify ? setenv("DOCKER_TLS_VERIFY", rows[i].verify, 1) : unsetenv("DOCKER_TLS_VERIFY");
        rows[i].cert_path ? setenv("DOCKER_CERT_PATH", rows[i].cert_path, 1) : unsetenv("DOCKER_CERT_PATH");
        if (docker_open(&options, &docker, &err) != (rows[i].base_url != NULL))
            fail_msg("row %zu: %s", i, err_message(&err));
        if (!docker)
            continue;
        assert_string_equal(docker_target(docker).base_url, rows[i].base_url);
        assert_true(str_equal(docker_target(docker).ca_file, rows[i].ca_file));
    }
    unsetenv("DOCKER_HOST");
    unsetenv("DOCKER_TLS_VERIFY");
    unsetenv("DOCKER_CERT_PATH");
}

static void no_engine_is_unreachable(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(docker_freep) struct docker *docker = NULL;
    CLEANUP(container_release) struct container container = { 0 };
    const struct docker_options options = { .host = "unix:///nonexistent/docker.sock" };
    (void)state;
    assert_true(docker_open(&options, &docker, &err));
    assert_false(container_inspect(docker, "td-a.b", NULL, &container, &err));
    assert_int_equal(err.code, ERR_UNREACHABLE); /* and never ERR_NOT_FOUND */
    assert_non_null(strstr(err_message(&err), "/nonexistent/docker.sock"));
    assert_non_null(strstr(err_message(&err), "td-a.b"));
}

/* ---- an engine of a few sentences, for what a true one cannot be made to say ---- */

struct script {
    const char *path;   /* begins the request's */
    const char *answer; /* raw, when it begins with "HTTP/", else the body of a 200 */
};
struct fake_engine {
    struct server *server;
    struct docker *docker;
    const struct script *script; /* the next one to be asked for */
    int unexpected;
};

static bool follow_script(struct server *server, int fd, const char *request)
{
    struct fake_engine *fake = server->context;
    const struct script *line = fake->script;
    const char *path = strchr(request, ' ') + 1;
    if (!line->path || !str_starts_with(path, line->path)) {
        fake->unexpected++;
        return false;
    }
    fake->script++;
    if (str_starts_with(line->answer, "HTTP/"))
        return say(fd, line->answer), false;
    return answer(fd, 200, line->answer), true;
}

static void fake_engine_start(struct fake_engine *fake, const struct script *script)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    *fake = (struct fake_engine){ .server = server_unix(), .script = script };
    fake->server->context = fake;
    fake->server->script = follow_script;
    CLEANUP(freep) char *host = mem_printf("unix://%s", fake->server->unix_socket);
    assert_ok(docker_open(&(struct docker_options){ .host = host }, &fake->docker, &err), &err);
}

/* All that was in the script was asked for, and nothing else. */
static void fake_engine_end(struct fake_engine *fake)
{
    docker_free(fake->docker);
    server_free(fake->server);
    assert_int_equal(fake->unexpected, 0);
    assert_null(fake->script->path);
}

#define VERSION_27                                                                                                     \
    "{\"Version\":\"27.5.1\",\"ApiVersion\":\"1.47\",\"MinAPIVersion\":\"1.24\",\"Os\":\"l\",\"Arch\":\"a\"}"
#define VERSION_20                                                                                                     \
    "{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\"Os\":\"l\",\"Arch\":\"a\"}"
#define TOO_NEW                                                                                                        \
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"                                                            \
    "{\"message\":\"client version 1.47 is too new. Maximum supported API version is 1.41\"}"

/* The version is asked for once; and again when the engine was replaced by an older one. */
static void negotiated_again(void **state)
{
    static const struct script script[] = {
        { "/version ", VERSION_27 },
        { "/v1.47/containers/json?all=1&filters=", "[]" },
        { "/v1.47/containers/json?all=1&filters=", TOO_NEW },
        { "/version ", VERSION_20 },
        { "/v1.41/containers/json?all=1&filters=", "[]" },
        { "/version ", VERSION_27 },
        { "/v1.47/volumes?filters=", "{\"Volumes\":null,\"Warnings\":null}" },
        { NULL, NULL },
    };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(docker_version_release) struct docker_version version = { 0 };
    struct containers none = { 0 };
    struct volumes no_volumes = { 0 };
    struct fake_engine fake;
    (void)state;
    fake_engine_start(&fake, script);
    assert_ok(container_list(fake.docker, "a=b", NULL, &none, &err), &err);
    containers_release(&none);
    assert_fails(container_list(fake.docker, "a=b", NULL, &none, &err), &err, ERR_REMOTE);
    assert_ok(container_list(fake.docker, "a=b", NULL, &none, &err), &err);
    containers_release(&none);
    assert_ok(docker_version(fake.docker, NULL, &version, &err), &err);
    assert_string_equal(version.api, "1.47");
    assert_ok(volume_list(fake.docker, "a=b", NULL, &no_volumes, &err), &err);
    assert_int_equal(no_volumes.count, 0);
    volumes_release(&no_volumes);
    fake_engine_end(&fake);
}

static const struct bad_list_row {
    const char *why;
    const char *answer;
    enum err_code code;
} bad_list_rows[] = {
    { "a list cut within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n[{\"Id\":\"a\"",
      ERR_UNREACHABLE },
    { "a list cut where it could end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
      ERR_UNREACHABLE },
    { "a list shorter than announced", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[]", ERR_UNREACHABLE },
    { "nothing", "", ERR_INTERNAL },
    { "half a list", "[{\"Id\":\"a\"", ERR_INTERNAL },
    { "no list", "{}", ERR_INTERNAL },
    { "a list of something else", "[1]", ERR_INTERNAL },
    { "one of them makes no sense", "[{\"Id\":\"a\",\"State\":\"running\"},{\"Id\":\"b\"}]", ERR_INTERNAL },
    { "a proxy's error", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops", ERR_REMOTE },
    { "a proxy's not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\noops", ERR_REMOTE },
    { "a redirect", "HTTP/1.1 301 Moved\r\nLocation: /version\r\nContent-Length: 0\r\n\r\n", ERR_REMOTE },
};

/* A list that is not whole would make containers look removed. */
static void bad_list(void **state)
{
    const struct bad_list_row *row = *state;
    const struct script script[] = { { "/version ", VERSION_20 },
                                     { "/v1.41/containers/json", row->answer },
                                     { NULL, NULL } };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct containers none = { 0 };
    struct fake_engine fake;
    fake_engine_start(&fake, script);
    assert_fails(container_list(fake.docker, "a=b", &(struct call){ 0 }, &none, &err), &err, row->code);
    assert_int_equal(none.count, 0);
    fake_engine_end(&fake);
}

/* ---- a cancel while the engine is at work ---- */

enum { CANCEL_IS_SEEN_MS = 500 }; /* several times what the client needs to notice one */

/* Answers a while after the caller was told to end. */
static bool answer_after_cancel(struct server *server, int fd, const char *request)
{
    volatile int *cancelled = server->context;
    if (strstr(request, " /version ")) {
        answer(fd, 200, VERSION_20);
        return true;
    }
    __atomic_store_n(cancelled, 1, __ATOMIC_RELEASE);
    sleep_ms(CANCEL_IS_SEEN_MS);
    answer(fd, 200, "{\"Id\":\"a\",\"Labels\":{}}");
    return true;
}

static bool make_network(struct docker *docker, const struct call *call, struct err *err)
{
    return network_create(docker, "td-a", "10.1.0.0/26", NULL, call, err);
}

static bool make_volume(struct docker *docker, const struct call *call, struct err *err)
{
    return volume_create(docker, "td-a", NULL, call, err);
}

static bool make_container(struct docker *docker, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *id = NULL;
    return container_create(docker, &(struct container_create){ .image = "tiny" }, call, &id, err);
}

static bool remove_volume(struct docker *docker, const struct call *call, struct err *err)
{
    return volume_remove(docker, "td-a", call, err);
}

static const struct cancel_row {
    const char *why;
    bool (*act)(struct docker *docker, const struct call *call, struct err *err);
    bool ends_whole;
} cancel_rows[] = {
    { "a network is made to the end", make_network, true },
    { "a volume is made to the end", make_volume, true },
    { "a container is made to the end", make_container, true },
    { "a removal is broken off", remove_volume, false },
};

/* What would appear after a deletion has looked for it would stay for ever. */
static void cancelled_at_work(void **state)
{
    const struct cancel_row *row = *state;
    static const struct script none[] = { { NULL, NULL } };
    CLEANUP(err_release) struct err err = ERR_INIT;
    volatile int cancelled = 0;
    const struct call call = { .cancelled = &cancelled };
    struct fake_engine fake;
    fake_engine_start(&fake, none);
    fake.server->context = (void *)(uintptr_t)&cancelled;
    fake.server->script = answer_after_cancel;
    if (row->ends_whole)
        assert_ok(row->act(fake.docker, &call, &err), &err);
    else
        assert_fails(row->act(fake.docker, &call, &err), &err, ERR_CANCELLED);
    int asked = fake.server->requests;
    assert_fails(row->act(fake.docker, &call, &err), &err, ERR_CANCELLED); /* nothing new is begun */
    assert_int_equal(fake.server->requests, asked);
    fake_engine_end(&fake);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, negotiation, negotiation_rows);
    CHECK_TEST(&list, refusal_names_both_ranges);
    CHECK_TEST(&list, refusals);
    CHECK_TEST(&list, engine_message_is_part_of_the_error);
    CHECK_TEST(&list, addresses);
    CHECK_TEST(&list, environment);
    CHECK_TEST(&list, no_engine_is_unreachable);
    CHECK_TEST(&list, negotiated_again);
    CHECK_ROWS(&list, bad_list, bad_list_rows);
    CHECK_ROWS(&list, cancelled_at_work, cancel_rows);
    return check_run("docker", &list);
}
