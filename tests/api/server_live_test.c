/* What the API has from a real Docker Engine: logs, plans, readiness. */
#include "tests/api/api_client.h"
#include "tests/clients/docker/live.h"

#define STREAMS "tenantd_api_streams"
#define LOG     INSTANCES "/web/log"

struct place {
    struct live *live;
    struct api_fixture *api;
    char *uid; /* of instance acme/web */
    char *server_url;
};

/* The database server as an administrator prepares it. */
static char *prepare_server(struct api_fixture *api)
{
    struct err err = ERR_INIT;
    const struct server_bootstrap bootstrap = {
        .admin_url = api_pg.cluster.admin_url,
        .installation = api->settings.installation,
        .role = "tdlive",
        .password = "for this test only",
        .database = "tdlive",
    };
    assert_ok(server_bootstrap(&bootstrap, NULL, &err), &err);
    CLEANUP(freep) char *url = mem_printf("postgresql://127.0.0.1:%d/", api_pg.cluster.port);
    return pg_url_with(url, bootstrap.database, bootstrap.role, bootstrap.password);
}

static int open_place(void **state)
{
    struct place *place = MEM_NEW(struct place);
    void *live, *api;
    if (live_setup(&live) != 0 || api_setup(&api) != 0)
        return -1;
    *place = (struct place){ .live = live, .api = api };
    api_fixture_stop(place->api);
    place->api->docker = (struct docker_options){ .timeout_ms = 10 * SECOND_MS };
    place->api->settings.prefix = place->live->prefix;
    place->server_url = prepare_server(place->api);
    place->api->server_url = place->server_url;
    api_fixture_start(place->api);
    make_acme(place->api);
    CLEANUP(reply_release) struct reply reply;
    ask(place->api, &(struct ask){ .method = "POST", .path = INSTANCES, .body = INSTANCE("web", "") }, &reply);
    place->uid = mem_strdup(json_text(metadata_of(&reply), "uid"));
    *state = place;
    return 0;
}

static int close_place(void **state)
{
    struct place *place = *state;
    void *api = place->api, *live = place->live;
    api_teardown(&api);
    live_teardown(&live);
    free(place->uid);
    free(place->server_url);
    free(place);
    return 0;
}

static void set_container(struct place *place, const char *id)
{
    struct err err = ERR_INIT;
    struct record_key key = key_of(KIND_INSTANCE, "acme", "web");
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:{s:s}}", "container", "id", id);
    assert_ok(store_update_status(place->api->store.store, &key, place->uid, status, NULL, &err), &err);
}

static void test_logs(void **state)
{
    struct place *place = *state;
    CLEANUP(reply_release) struct reply none, all, tail, stamped, gone;
    ask(place->api, &(struct ask){ .path = LOG }, &none);
    assert_int_equal(none.status, 404);
    assert_contains(message_of(&none), "no container yet");
    CLEANUP(freep) char *id = live_start(place->live, "web", "echo one; echo two >&2; sleep 0.3; echo three", NULL);
    free(LIVE_RUN("docker", "wait", id));
    set_container(place, id);
    ask(place->api, &(struct ask){ .path = LOG, .token = MEMBER_TOKEN }, &all);
    assert_int_equal(all.status, 200);
    assert_contains(all.headers.text, "Content-Type: text/plain");
    assert_contains(all.body.text, "one\n");
    assert_contains(all.body.text, "two\n");
    ask(place->api, &(struct ask){ .path = LOG "?tailLines=1" }, &tail);
    assert_string_equal(tail.body.text, "three\n");
    ask(place->api, &(struct ask){ .path = LOG "?timestamps=true&sinceSeconds=3600&tailLines=1" }, &stamped);
    assert_contains(stamped.body.text, "T");
    assert_contains(stamped.body.text, "Z three\n");
    assert_asked(place->api, 400, .path = LOG "?tailLines=some");
    set_container(place, "0000000000000000000000000000000000000000000000000000000000000000");
    ask(place->api, &(struct ask){ .path = LOG }, &gone);
    assert_int_equal(gone.status, 404);
}

static void test_following(void **state)
{
    struct place *place = *state;
    CLEANUP(str_release) struct str heard = STR_INIT;
    CLEANUP(freep)
    char *id = live_start(place->live, "web", "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.1; done", NULL);
    set_container(place, id);
    int fds[16];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial(place->api);
        send_get(fds[i], LOG "?follow=true&tailLines=1");
    }
    wait_metric(place->api, STREAMS, ARRAY_LEN(fds));
    assert_asked(place->api, 429, .path = LOG "?follow=true");
    assert_true(receive_until(fds[0], &heard, "line 9", 20 * SECOND_MS));
    assert_contains(heard.text, "line 9");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    wait_metric(place->api, STREAMS, 0);
    for (int i = 0; i < 250; i++) { /* their threads come back, too */
        CLEANUP(reply_release) struct reply reply;
        ask(place->api, &(struct ask){ .path = LOG "?tailLines=1" }, &reply);
        if (reply.status == 200)
            return;
        usleep(20000);
    }
    fail_msg("the followers did not end");
}

static void test_stop_with_a_follower(void **state)
{
    struct place *place = *state;
    CLEANUP(freep) char *id = live_start(place->live, "web", "echo hello; sleep 1000", NULL);
    set_container(place, id);
    int fd = dial(place->api);
    CLEANUP(str_release) struct str heard = STR_INIT;
    send_get(fd, LOG "?follow=true");
    assert_true(receive_until(fd, &heard, "hello", 20 * SECOND_MS));
    int64_t started_ms = clock_mono_ms();
    api_fixture_stop(place->api);
    assert_true(clock_mono_ms() - started_ms < 10 * SECOND_MS);
    api_fixture_start(place->api);
    close(fd);
}

static void test_plans(void **state)
{
    struct place *place = *state;
    int64_t version = newest_version(&place->api->store);
    static const struct {
        const char *path, *body;
        bool has_steps;
    } rows[] = {
        { INSTANCES "/web/plan", NULL, false }, /* what it waits for may be its tenant's network */
        { INSTANCES "/web/plan", INSTANCE("web", ",\"state\":\"Stopped\""), false },
        { INSTANCES "/other/plan", INSTANCE("other", ""), false },
        { TENANTS "/acme/plan", NULL, true },
        { APPS "/tiny/plan", NULL, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(reply_release) struct reply reply;
        ask(place->api, &(struct ask){ .method = "POST", .path = rows[i].path, .body = rows[i].body }, &reply);
        if (reply.status != 200 || !json_is_array(json_object_get(reply.json, "steps")))
            fail_msg("%s: %d %s", rows[i].path, reply.status, reply.body.text);
        if (rows[i].has_steps)
            assert_true(json_array_size(json_object_get(reply.json, "steps")) > 0);
    }
    assert_asked(place->api, 404, .method = "POST", .path = INSTANCES "/none/plan");
    assert_asked(place->api, 422, .method = "POST", .path = INSTANCES "/web/plan",
                 .body = INSTANCE("web", ",\"state\":\"x\""));
    assert_asked(place->api, 400, .method = "POST", .path = INSTANCES "/web/plan", .body = INSTANCE("another", ""));
    assert_int_equal(newest_version(&place->api->store), version);
}

static void test_ready(void **state)
{
    struct place *place = *state;
    CLEANUP(reply_release) struct reply ready, verbose;
    ask(place->api, &(struct ask){ .token = "", .path = "/readyz" }, &ready);
    assert_int_equal(ready.status, 200);
    assert_string_equal(ready.body.text, "ok");
    ask(place->api, &(struct ask){ .token = "", .path = "/readyz?verbose" }, &verbose);
    assert_contains(verbose.body.text, "[+]docker ok: Docker Engine ");
    assert_contains(verbose.body.text, ", API 1.");
}

static void check_place(struct check_list *list, const char *name, CMUnitTestFunction test)
{
    check_add(list, name, test, NULL);
    list->tests[list->count - 1].setup_func = open_place;
    list->tests[list->count - 1].teardown_func = close_place;
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    check_place(&list, "logs", test_logs);
    check_place(&list, "following", test_following);
    check_place(&list, "stop with a follower", test_stop_with_a_follower);
    check_place(&list, "plans", test_plans);
    check_place(&list, "ready", test_ready);
    return check_run_api("server_live", &list);
}
