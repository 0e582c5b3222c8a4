/*
 * The whole API in this process, on ports of its own, over a real PostgreSQL; and a stand-in for the controller,
 * which makes every record Ready and lets go of what is to be deleted. All in a header, as tests/store/pg_fixture.h
 * says.
 */
#pragma once

#include <pthread.h>
#include <sys/resource.h>

#include "api/api.h"
#include "api/certificate.h"
#include "tests/store/store_fixture.h"

#define ADMIN_TOKEN  "admin-token-of-the-tests"
#define MEMBER_TOKEN "member-token-of-the-tests"

struct api_fixture {
    struct store_fixture store; /* its store is the test's own connection */
    char *directory;            /* for certificate and kubeconfig */
    char *certificate_pem, *key_pem;
    struct config_listen listen;
    struct config_accounts accounts;
    struct settings settings;
    struct docker_options docker;
    struct world *world;
    struct feed *feed;
    struct api_options options;
    const char *server_url; /* NULL: the store's */
    struct api *api;
    pthread_t settler;
    int settler_stops;
};

/* ---- the stand-in for the controller ---- */

static inline void settle_record(struct store *store, const struct record *record)
{
    CLEANUP(err_release) struct err ignored = ERR_INIT; /* somebody else wrote: the next round sees it */
    if (record->deletion_ms) {
        if (strv_has(&record->finalizers, FINALIZER_TEARDOWN) &&
            !store_remove_finalizer(store, &record->key, record->uid, FINALIZER_TEARDOWN, &ignored))
            return;
        return;
    }
    CLEANUP(json_decrefp)
    json_t *status = json_pack("{s:s, s:I, s:[{s:s, s:s, s:s, s:s, s:s, s:I}]}", "phase", "Running",
                               "observedGeneration", (json_int_t)record->generation, "conditions", "type", "Ready",
                               "status", "True", "reason", "Running", "message", "", "lastTransitionTime",
                               "2026-01-01T00:00:00Z", "observedGeneration", (json_int_t)record->generation);
    assert_non_null(status);
    if (json_equal(status, record->status))
        return;
    if (store_update_status(store, &record->key, record->uid, status, NULL, &ignored) &&
        !store_event_add(store, record, EVENT_NORMAL, "Ready", "is running", &ignored))
        return;
}

static inline void *settle_all(void *context)
{
    struct api_fixture *fixture = context;
    CLEANUP(store_freep) struct store *store = store_new(&fixture->store.options);
    int64_t seen = -1;
    while (!__atomic_load_n(&fixture->settler_stops, __ATOMIC_ACQUIRE)) {
        int64_t newest = feed_version(fixture->feed);
        for (size_t kind = 0; newest != seen && kind < KINDS; kind++) {
            CLEANUP(records_release) struct records records = { 0 };
            CLEANUP(err_release) struct err ignored = ERR_INIT;
            struct store_query query = { .kind = (enum kind_id)kind };
            int64_t version;
            if (!store_list(store, &query, &records, &version, &ignored))
                continue;
            for (size_t i = 0; i < records.count; i++)
                settle_record(store, &records.items[i]);
        }
        seen = newest;
        usleep(20000);
    }
    return NULL;
}

static inline void api_fixture_settle(struct api_fixture *fixture)
{
    __atomic_store_n(&fixture->settler_stops, 0, __ATOMIC_RELEASE);
    assert_int_equal(pthread_create(&fixture->settler, NULL, settle_all, fixture), 0);
}

static inline void api_fixture_unsettle(struct api_fixture *fixture)
{
    __atomic_store_n(&fixture->settler_stops, 1, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(fixture->settler, NULL), 0);
}

/* ---- the API ---- */

static inline void raise_descriptor_limit(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static inline void api_fixture_start(struct api_fixture *fixture)
{
    struct err err = ERR_INIT;
    fixture->world = world_new();
    fixture->feed = feed_start(&fixture->store.options, HOUR_MS);
    fixture->options.feed = fixture->feed;
    fixture->options.world = fixture->world;
    assert_ok(api_start(&fixture->options, &fixture->api, &err), &err);
    api_open(fixture->api, fixture->server_url ? fixture->server_url : fixture->store.url);
}

static inline void api_fixture_stop(struct api_fixture *fixture)
{
    api_stop(fixture->api);
    feed_stop(fixture->feed);
    world_free(fixture->world);
    fixture->api = NULL;
}

static inline void api_fixture_open(struct api_fixture *fixture, struct pg_fixture *pg)
{
    static char plan[] = "free", app[] = "tiny";
    char path[] = "/tmp/tenantd-api-XXXXXX";
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct identity member = { .user = "jo", .role = ROLE_MEMBER, .tenants = { "acme" } };
    struct err err = ERR_INIT;
    raise_descriptor_limit();
    *fixture = (struct api_fixture){ 0 };
    store_fixture_open(&fixture->store, pg);
    assert_ok(store_token_put(fixture->store.store, &admin, ADMIN_TOKEN, &err), &err);
    assert_ok(store_token_put(fixture->store.store, &member, MEMBER_TOKEN, &err), &err);
    assert_non_null(mkdtemp(path));
    fixture->directory = mem_strdup(path);
    assert_ok(certificate_ensure(path, NULL, &fixture->certificate_pem, &fixture->key_pem, &err), &err);
    fixture->listen = (struct config_listen){
        .address = mem_strdup("127.0.0.1:0"),
        .plain = mem_strdup("127.0.0.1:0"),
        .threads = 4,
        .max_connections = 4000,
        .max_body_bytes = 3 << 20,
        .head_bytes = 32 << 10,
        .watch_buffer_bytes = 256 << 10,
        .idle_timeout_ms = 60 * SECOND_MS,
    };
    fixture->accounts = (struct config_accounts){
        .registration = true,
        .session_ms = HOUR_MS,
        .login_window_ms = HOUR_MS,
        .logins_per_account = 5,
        .logins_per_address = 1000,
        .new_tenant = { .plan = plan, .instances = 2 },
        .app = app,
    };
    fixture->settings =
        (struct settings){ .installation = "0a1b2c", .prefix = "tdapitest", .network_pool = "10.213.0.0/16" };
    fixture->docker = (struct docker_options){ .host = "unix:///nonexistent/docker.sock", .timeout_ms = SECOND_MS };
    fixture->options = (struct api_options){
        .listen = &fixture->listen,
        .accounts = &fixture->accounts,
        .certificate_pem = fixture->certificate_pem,
        .key_pem = fixture->key_pem,
        .store = &fixture->store.options,
        .settings = &fixture->settings,
        .docker = &fixture->docker,
    };
    api_fixture_start(fixture);
}

static inline void api_fixture_close(struct api_fixture *fixture)
{
    struct err err = ERR_INIT;
    api_fixture_stop(fixture);
    store_fixture_close(&fixture->store);
    assert_ok(dir_remove(fixture->directory, &err), &err);
    free(fixture->directory);
    free(fixture->certificate_pem);
    free(fixture->key_pem);
    free(fixture->listen.address);
    free(fixture->listen.plain);
}

/* ---- cmocka: one PostgreSQL per program, one database and API per test ---- */

static struct pg_fixture api_pg;

static inline int api_setup(void **state)
{
    struct api_fixture *fixture = MEM_NEW(struct api_fixture);
    api_fixture_open(fixture, &api_pg);
    *state = fixture;
    return 0;
}

static inline int api_teardown(void **state)
{
    api_fixture_close(*state);
    free(*state);
    return 0;
}

static inline void check_api(struct check_list *list, const char *name, CMUnitTestFunction test)
{
    check_add(list, name, test, NULL);
    list->tests[list->count - 1].setup_func = api_setup;
    list->tests[list->count - 1].teardown_func = api_teardown;
}
#define CHECK_API(list, test) check_api((list), #test, (test))

static inline int start_api_pg(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT); /* what clients do to it is the test's own doing */
    pg_fixture_start(&api_pg);
    return 0;
}

static inline int stop_api_pg(void **state)
{
    (void)state;
    pg_fixture_stop(&api_pg);
    return 0;
}

static inline int check_run_api(const char *group, struct check_list *list)
{
    int failed = _cmocka_run_group_tests(group, list->tests, list->count, start_api_pg, stop_api_pg);
    free(list->tests);
    return failed;
}
