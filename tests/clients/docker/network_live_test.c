/* Networks, volumes and events on a real engine. */
#include <ev.h>

#include "clients/http/http_loop.h"
#include "tests/clients/docker/live.h"

/* Each test has 8 of the 2048 in 10.214.0.0/15 for itself, as others may run at the same time. */
static char *subnet(const struct live *live, int at)
{
    int number = (int)(strtol(live->prefix + strlen("tdtest-"), NULL, 16) % 256) * 8 + at;
    return mem_printf("10.%d.%d.%d/26", 214 + number / 1024, number / 4 % 256, number % 4 * 64);
}

static char *first_address(const char *of_subnet)
{
    char *address = mem_strndup(of_subnet, strcspn(of_subnet, "/"));
    address[strlen(address) - 1]++; /* 0, 64, 128, 192: no carry */
    return address;
}

static void networks(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = mem_printf("%s-net", live->prefix);
    CLEANUP(freep) char *range = subnet(live, 0);
    CLEANUP(freep) char *gateway = first_address(range);
    CLEANUP(network_release) struct network network = { 0 };
    CLEANUP(networks_release) struct networks all = { 0 };
    assert_ok(network_create(live->docker, name, range, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *expected = mem_printf("bridge %s %s", range, live->prefix);
    assert_seen(name, "{{.Driver}} {{(index .IPAM.Config 0).Subnet}} {{index .Labels \"tenantd.test\"}}", expected);
    assert_ok(network_inspect(live->docker, name, NULL, &network, &err), &err);
    assert_string_equal(network.name, name);
    assert_string_equal(network.subnet, range);
    assert_string_equal(network.gateway, gateway);
    assert_string_equal(json_text(network.labels, LIVE_LABEL), live->prefix);
    assert_int_equal(json_object_size(network.containers), 0);
    assert_ok(network_list(live->docker, live->label, NULL, &all, &err), &err);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.items[0].id, network.id);
    assert_string_equal(all.items[0].subnet, range);
    assert_ok(network_remove(live->docker, name, NULL, &err), &err);
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    CLEANUP(freep) char *left = LIVE_RUN("docker", "network", "ls", "-q", "--filter", filter);
    assert_string_equal(left, "");
    assert_fails(network_remove(live->docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(network_inspect(live->docker, name, NULL, &network, &err), &err, ERR_NOT_FOUND);
}

static void network_refusals(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = mem_printf("%s-net", live->prefix);
    CLEANUP(freep) char *other = mem_printf("%s-other", live->prefix);
    CLEANUP(freep) char *range = subnet(live, 1);
    CLEANUP(freep) char *other_range = subnet(live, 2);
    assert_ok(network_create(live->docker, name, range, live->labels, NULL, &err), &err);
    assert_fails(network_create(live->docker, name, other_range, live->labels, NULL, &err), &err, ERR_EXISTS);
    assert_fails(network_create(live->docker, other, range, live->labels, NULL, &err), &err, ERR_CONFLICT);
    assert_false(network_create(live->docker, other, "10.999.0.0/26", live->labels, NULL, &err));
    err_clear(&err);
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    CLEANUP(freep) char *made = LIVE_RUN("docker", "network", "ls", "--format", "{{.Name}}", "--filter", filter);
    assert_string_equal(made, name);
}

static void connections(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = mem_printf("%s-net", live->prefix);
    CLEANUP(freep) char *second = mem_printf("%s-second", live->prefix);
    CLEANUP(freep) char *range = subnet(live, 3);
    CLEANUP(freep) char *second_range = subnet(live, 4);
    const struct container_create base = { .network = name, .hostname = "erp" };
    CLEANUP(network_release) struct network network = { 0 };
    CLEANUP(container_release) struct container container = { 0 };
    assert_ok(network_create(live->docker, name, range, live->labels, NULL, &err), &err);
    assert_ok(network_create(live->docker, second, second_range, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = live_start(live, "c", "sleep 600", &base);
    assert_ok(network_connect(live->docker, second, id, NULL, &err), &err);
    assert_ok(container_inspect(live->docker, id, NULL, &container, &err), &err);
    const char *address = json_text(json_at(container.networks, second, NULL), "address");
    assert_ok(network_inspect(live->docker, second, NULL, &network, &err), &err);
    assert_string_equal(json_text(network.containers, id), address);
    assert_string_equal(json_text(json_at(container.networks, second, NULL), "id"), network.id);
    CLEANUP(freep) char *format = mem_printf("{{(index .NetworkSettings.Networks \"%s\").IPAddress}}", second);
    assert_seen(id, format, address);
    assert_fails(network_connect(live->docker, second, id, NULL, &err), &err, ERR_EXISTS);
    assert_fails(network_remove(live->docker, second, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(network_disconnect(live->docker, second, id, NULL, &err), &err);
    CLEANUP(freep) char *only = mem_printf("%s ", name);
    assert_seen(id, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", only);
    assert_fails(network_disconnect(live->docker, second, id, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(network_connect(live->docker, second, "tdtest.nobody", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(network_connect(live->docker, "tdtest-nosuch", id, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(network_remove(live->docker, second, NULL, &err), &err);
    assert_fails(network_remove(live->docker, name, NULL, &err), &err, ERR_CONFLICT);
}

/* ---- volumes ---- */

static void volumes(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = live_name(live, "volume");
    CLEANUP(freep) char *mount = mem_printf("%s:/data", name);
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(volume_release) struct volume gone = { 0 };
    CLEANUP(volumes_release) struct volumes all = { 0 };
    CLEANUP(volumes_release) struct volumes none = { 0 };
    CLEANUP(json_decrefp) json_t *sizes = NULL;
    assert_ok(volume_create(live->docker, name, live->labels, NULL, &err), &err);
    assert_seen(name, "{{index .Labels \"tenantd.test\"}}", live->prefix);
    assert_ok(volume_create(live->docker, name, live->labels, NULL, &err), &err); /* ours already */
    CLEANUP(json_decrefp) json_t *other_labels = json_object();
    json_put_text(other_labels, LIVE_LABEL, "somebody else");
    assert_fails(volume_create(live->docker, name, other_labels, NULL, &err), &err, ERR_EXISTS);
    assert_ok(volume_inspect(live->docker, name, NULL, &volume, &err), &err);
    assert_string_equal(volume.name, name);
    assert_string_equal(json_text(volume.labels, LIVE_LABEL), live->prefix);
    assert_in_range(volume.created_ms, clock_wall_ms() - MINUTE_MS, clock_wall_ms() + MINUTE_MS);
    assert_ok(volume_list(live->docker, live->label, NULL, &all, &err), &err);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.items[0].name, name);
    assert_ok(volume_list(live->docker, LIVE_LABEL "=nobody", NULL, &none, &err), &err);
    assert_int_equal(none.count, 0);
    CLEANUP(freep)
    char *filled = LIVE_RUN("docker", "run", "--rm", "--network", "none", "--user", "0:0", "-v", mount, "--entrypoint",
                            "/bin/sh", live->image, "-c", "head -c 300000 /dev/zero >/data/x");
    assert_ok(volume_sizes(live->docker, &(struct call){ 0 }, &sizes, &err), &err);
    assert_in_range(json_int(sizes, name, -1), 300000, 320000);
    assert_ok(volume_remove(live->docker, name, NULL, &err), &err);
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    CLEANUP(freep) char *left = LIVE_RUN("docker", "volume", "ls", "-q", "--filter", filter);
    assert_string_equal(left, "");
    assert_fails(volume_remove(live->docker, name, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(volume_inspect(live->docker, name, NULL, &gone, &err), &err, ERR_NOT_FOUND);
    assert_fails(volume_create(live->docker, "no/good", live->labels, NULL, &err), &err, ERR_INVALID);
}

/* What users of official images count on, and what a restored volume must not meet: it is empty only where the image is. */
static void a_fresh_volume_takes_after_the_image(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *name = live_name(live, "volume");
    const struct container_mount mount = { .volume = name, .target = "/etc" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    assert_ok(volume_create(live->docker, name, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = live_create(live, "c", "true", &base);
    assert_fails(volume_remove(live->docker, name, NULL, &err), &err, ERR_CONFLICT); /* in use, though nothing runs */
    CLEANUP(freep) char *volume_mount = mem_printf("%s:/v", name);
    CLEANUP(freep)
    char *seen = LIVE_RUN("docker", "run", "--rm", "--network", "none", "-v", volume_mount, "--entrypoint", "/bin/sh",
                          live->image, "-c", "ls /v");
    assert_contains(seen, "passwd");
}

/* ---- events ---- */

struct watch {
    struct ev_loop *loop;
    struct str lines;
    const char *until;
    int opened;
    char *problem;
};

static void on_open(void *context, int status)
{
    struct watch *watch = context;
    watch->opened = status;
    ev_break(watch->loop, EVBREAK_ALL);
}

static void on_data(void *context, const char *bytes, size_t len)
{
    struct watch *watch = context;
    str_addn(&watch->lines, bytes, len);
    if (watch->until && strstr(watch->lines.text, watch->until))
        ev_break(watch->loop, EVBREAK_ALL);
}

static void on_done(void *context, int status, const char *problem)
{
    struct watch *watch = context;
    free(watch->problem);
    watch->problem = mem_printf("%d %s", status, problem);
    ev_break(watch->loop, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void run_for(struct ev_loop *loop, int64_t ms)
{
    ev_timer timer;
    ev_now_update(loop);
    ev_timer_init(&timer, on_late, (ev_tstamp)ms / 1000, 0);
    ev_timer_start(loop, &timer);
    ev_run(loop, 0);
    ev_timer_stop(loop, &timer);
}

/* "container create;container start;..." of `id`, checking each event on the way. */
static void read_actions(const struct live *live, const struct str *lines, const char *id, struct str *actions)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv each = STRV_INIT;
    strv_split(&each, lines->text, '\n');
    for (size_t i = 0; i + 1 < each.count; i++) {
        CLEANUP(json_decrefp) json_t *line = NULL;
        CLEANUP(docker_event_release) struct docker_event event = { 0 };
        assert_ok(json_parse_answer(each.items[i], strlen(each.items[i]), &line, &err), &err);
        assert_ok(docker_event_from_json(line, &event, &err), &err);
        assert_string_equal(event.id, id);
        assert_string_equal(json_text(event.attributes, LIVE_LABEL), live->prefix);
        assert_in_range(event.time_ms, clock_wall_ms() - MINUTE_MS, clock_wall_ms() + MINUTE_MS);
        str_addf(actions, "%s %s;", event.type, event.action);
        if (strcmp(event.action, "die") == 0)
            assert_string_equal(json_text(event.attributes, "exitCode"), "137");
    }
}

static void events(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = NULL;
    CLEANUP(docker_version_release) struct docker_version version = { 0 };
    struct watch watch = { .loop = ev_loop_new(EVFLAG_AUTO), .lines = STR_INIT };
    struct http_loop *http_loop = http_loop_new(watch.loop);
    struct http_flight_options options = {
        .on_open = on_open, .on_data = on_data, .on_done = on_done, .context = &watch
    };
    assert_ok(docker_version(live->docker, NULL, &version, &err), &err);
    docker_event_source(live->docker, live->label, &options.target, &path);
    options.path = path;
    CLEANUP(freep) char *versioned = mem_printf("/v%s/events?", version.api);
    assert_true(str_starts_with(path, versioned));
    http_loop_get(http_loop, &options);
    run_for(watch.loop, 10000);
    assert_int_equal(watch.opened, 200); /* now it is subscribed */
    CLEANUP(freep)
    char *stranger = LIVE_RUN("docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/true", live->image);
    const struct container_create base = { .memory_bytes = 64 << 20 };
    CLEANUP(freep) char *id = live_start(live, "c", "sleep 600", &base);
    const struct container_resources resources = { .memory_bytes = 128 << 20 };
    assert_ok(container_update(live->docker, id, &resources, NULL, &err), &err);
    assert_ok(container_remove(live->docker, id, NULL, &err), &err);
    watch.until = "\"Action\":\"destroy\"";
    run_for(watch.loop, 10000);
    CLEANUP(str_release) struct str actions = STR_INIT;
    read_actions(live, &watch.lines, id, &actions);
    assert_string_equal(actions.text, "container create;container start;container update;container kill;container die;"
                                      "container destroy;");
    assert_null(watch.problem); /* the stream goes on */
    http_loop_free(http_loop);
    ev_loop_destroy(watch.loop);
    str_release(&watch.lines);
}

int main(void)
{
    struct check_list list = { 0 };
    LIVE_TEST(&list, networks);
    LIVE_TEST(&list, network_refusals);
    LIVE_TEST(&list, connections);
    LIVE_TEST(&list, volumes);
    LIVE_TEST(&list, a_fresh_volume_takes_after_the_image);
    LIVE_TEST(&list, events);
    return check_run("network_live", &list);
}
