/* Lines of the event stream, as 20.10 sent them, and where the stream is found. */
#include "clients/docker/docker.h"
#include "clients/http/http.h"
#include "tests/check.h"

static const struct lines_row {
    const char *why;
    const char *line;
    const char *seen; /* NULL: refused */
} lines_rows[] = {
    { "a death",
      "{\"status\":\"die\",\"id\":\"3f2a\",\"from\":\"tenantd/"
      "tiny:1\",\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":"
      "\"3f2a\",\"Attributes\":{\"exitCode\":\"137\",\"image\":\"tenantd/"
      "tiny:1\",\"name\":\"td-a.b\"}},\"scope\":\"local\","
      "\"time\":1795473909,\"timeNano\":1795473909123456789}",
      "container die 3f2a 1795473909123 {\"exitCode\":\"137\",\"image\":\"tenantd/tiny:1\",\"name\":\"td-a.b\"}" },
    { "a network",
      "{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"2475\",\"Attributes\":{\"container\":\"312f\","
      "\"name\":"
      "\"td-a\",\"type\":\"bridge\"}},\"scope\":\"local\",\"time\":1795473909,\"timeNano\":1795473909999999999}",
      "network connect 2475 1795473909999 {\"container\":\"312f\",\"name\":\"td-a\",\"type\":\"bridge\"}" },
    { "no nanoseconds", "{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"v\"},\"time\":7}",
      "volume create v 7000 {}" },
    { "no attributes", "{\"Type\":\"image\",\"Action\":\"pull\",\"Actor\":{\"ID\":\"i\",\"Attributes\":null}}",
      "image pull i 0 {}" },
    { "no type", "{\"Action\":\"die\",\"Actor\":{\"ID\":\"3f2a\"}}", NULL },
    { "no action", "{\"Type\":\"container\",\"Actor\":{\"ID\":\"3f2a\"}}", NULL },
    { "no actor", "{\"Type\":\"container\",\"Action\":\"die\"}", NULL },
    { "an actor that is none", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":\"x\"}", NULL },
    { "an error of the engine", "{\"message\":\"x\"}", NULL },
    { "no object", "7", NULL },
};

static void lines(void **state)
{
    const struct lines_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *line = NULL;
    CLEANUP(docker_event_release) struct docker_event event = { 0 };
    assert_true(json_parse(row->line, strlen(row->line), &line, &err));
    bool read = docker_event_from_json(line, &event, &err);
    if (read != (row->seen != NULL) || (!read && err.code != ERR_INTERNAL))
        fail_msg("%s: %s", row->why, err_message(&err));
    if (!read)
        return;
    CLEANUP(freep) char *attributes = json_dump(event.attributes);
    CLEANUP(freep)
    char *seen =
        mem_printf("%s %s %s %lld %s", event.type, event.action, event.id, (long long)event.time_ms, attributes);
    assert_string_equal(seen, row->seen);
}

static void source(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(docker_freep) struct docker *docker = NULL;
    CLEANUP(freep) char *path = NULL;
    const struct docker_options options = { .host = "unix:///run/d.sock" };
    struct http_target target = { 0 };
    (void)state;
    assert_true(docker_open(&options, &docker, &err));
    docker_event_source(docker, "tenantd.installation=a&b", &target, &path);
    assert_string_equal(target.base_url, "http://docker");
    assert_string_equal(target.unix_socket, "/run/d.sock");
    /* Not connected yet, so without a version: any engine takes that. */
    assert_string_equal(path, "/events?filters=%7B%22label%22%3A%5B%22tenantd.installation%3Da%26b%22%5D%7D");
    free(STEAL(path));
    docker_network_event_source(docker, &target, &path);
    assert_string_equal(path,
                        "/events?filters=%7B%22type%22%3A%5B%22network%22%5D%2C%22event%22%3A%5B%22disconnect%22%2C"
                        "%22destroy%22%5D%7D");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, lines, lines_rows);
    CHECK_TEST(&list, source);
    return check_run("events", &list);
}
