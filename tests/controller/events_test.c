/* Lines as Engine 20.10 sent them: which one wakes a record, and what it does to the cache. */
#include "controller/events.h"
#include "reconcilers/names.h"
#include "tests/check.h"

#define ID "2f1d5c0e9a"
#define APP                                                                                                            \
    "\"tenantd.installation\":\"aabbcc\",\"tenantd.kind\":\"Instance\",\"tenantd.namespace\":\"acme\",\"tenantd."      \
    "name\":\"erp\",\"tenantd.purpose\":\"app\""
#define ONESHOT                                                                                                        \
    "\"tenantd.installation\":\"aabbcc\",\"tenantd.kind\":\"Instance\",\"tenantd.namespace\":\"acme\",\"tenantd."      \
    "name\":\"erp\",\"tenantd.purpose\":\"job\""
#define EVENT(type, action, labels)                                                                                    \
    "{\"status\":\"" action "\",\"id\":\"" ID "\",\"from\":\"tiny:1\",\"Type\":\"" type "\",\"Action\":\"" action      \
    "\",\"Actor\":{\"ID\":\"" ID "\",\"Attributes\":{" labels                                                          \
    ",\"exitCode\":\"137\",\"name\":\"td-acme.erp\"}},\"scope\":\"local\",\"time\":1700000000,\"timeNano\":"           \
    "1700000000000000000}"

#define NETWORK(name)                                                                                                  \
    "{\"Type\":\"network\",\"Action\":\"destroy\",\"Actor\":{\"ID\":\"77aa\",\"Attributes\":{\"name\":\"" name         \
    "\",\"type\":\"bridge\"}},\"scope\":\"local\",\"time\":1700000000}"

static const struct row {
    const char *why, *line;
    bool wakes, wakes_tenant, drops, touches;
} rows[] = {
    { "it died", EVENT("container", "die", APP), .wakes = true, .touches = true },
    { "it was removed", EVENT("container", "destroy", APP), .wakes = true, .drops = true },
    { "its limits were changed", EVENT("container", "update", APP), .wakes = true, .touches = true },
    { "somebody looked into it", EVENT("container", "exec_create: sh", APP) },
    { "it was attached to", EVENT("container", "attach", APP) },
    { "a one-shot ended", EVENT("container", "die", ONESHOT), .touches = true },
    { "another type", EVENT("volume", "destroy", APP) },
    { "disconnected from a network", EVENT("network", "disconnect", "\"container\":\"" ID "\",\"type\":\"bridge\""),
      .wakes = true, .touches = true },
    { "another container was disconnected",
      EVENT("network", "disconnect", "\"container\":\"0123\",\"type\":\"bridge\"") },
    { "connected to a network", EVENT("network", "connect", "\"container\":\"" ID "\"") },
    { "its network is gone", NETWORK("td-acme"), .wakes_tenant = true },
    { "another's network is gone", NETWORK("tdx-acme") },
    { "a network without a name is gone", NETWORK("td-") },
    { "an unknown kind",
      EVENT("container", "die", "\"tenantd.purpose\":\"app\",\"tenantd.kind\":\"Robot\",\"tenantd.name\":\"x\""),
      .touches = true },
    { "no JSON", "<html>502</html>" },
    { "an array", "[]" },
    { "an event without a type", "{\"Action\":\"die\"}" },
    { "cut off", "{\"Type\":\"container\",\"Act" },
};

struct scene {
    struct ev_loop *loop;
    struct http_loop *http_loop;
    struct queue *queue;
    struct world *world;
    struct settings settings;
    struct docker_options docker;
    struct docker_events *events;
};

static void set_up(struct scene *scene)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    *scene = (struct scene){ .loop = ev_loop_new(EVFLAG_AUTO), .queue = queue_new(), .world = world_new() };
    scene->http_loop = http_loop_new(scene->loop);
    scene->settings.installation = "aabbcc";
    scene->settings.prefix = "td";
    scene->docker.host = "unix:///nonexistent/docker.sock";
    struct container container = {
        .id = mem_strdup(ID), .name = mem_strdup("td-acme.erp"), .state = CONTAINER_RUNNING, .inspected = true
    };
    container.labels = json_pack("{s:s, s:s, s:s}", LABEL_KIND, "Instance", LABEL_NAMESPACE, "acme", LABEL_NAME, "erp");
    world_put_container(scene->world, &container);
    container_release(&container);
    struct events_options options = { scene->loop,      scene->http_loop, scene->queue, scene->world,
                                      &scene->settings, &scene->docker,   NULL,         NULL };
    assert_ok(docker_events_start(&options, &scene->events, &err), &err);
}

static void tear_down(struct scene *scene)
{
    docker_events_stop(scene->events);
    http_loop_free(scene->http_loop);
    queue_free(scene->queue);
    world_free(scene->world);
    ev_loop_destroy(scene->loop);
}

static void test_line(void **state)
{
    const struct row *row = *state;
    struct scene scene;
    struct queue_item item;
    CLEANUP(container_release) struct container seen = { 0 };
    set_up(&scene);
    docker_events_take(scene.events, row->line, strlen(row->line));
    assert_int_equal(queue_take(scene.queue, LANE_QUICK, clock_mono_ms(), &item), row->wakes || row->wakes_tenant);
    if (row->wakes_tenant) {
        assert_int_equal(item.key.kind, KIND_TENANT);
        assert_string_equal(item.key.name, "acme");
    }
    if (row->wakes) {
        assert_string_equal(item.key.namespace, "acme");
        assert_string_equal(item.key.name, "erp");
    }
    bool is_there = world_container(scene.world, "td-acme.erp", &seen) == WORLD_PRESENT;
    assert_int_equal(is_there, !row->drops);
    assert_int_equal(is_there && !seen.inspected, row->touches);
    tear_down(&scene);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_line, rows);
    return check_run("docker events", &list);
}
