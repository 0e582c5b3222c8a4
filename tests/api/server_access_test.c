/* Who may do what over the wire, and what needs no record: discovery, health, metrics. */
#include "api/routes.h"
#include "tests/api/api_client.h"

static void test_every_route_needs_a_token(void **state)
{
    struct api_fixture *api = *state;
    for (const struct route *route = routes; route->method; route++) {
        CLEANUP(str_release) struct str path = STR_INIT;
        for (const char *at = route->pattern; *at; at++) { /* {plural} etc. become names */
            bool is_plural = str_starts_with(at, "{plural}");
            if (*at == '{')
                at += strcspn(at, "}");
            if (*at == '}')
                str_add(&path, is_plural ? "instances" : "x");
            else
                str_addc(&path, *at);
        }
        bool is_public = route_is_public(route) && route->access != ACCESS_SIGNED; /* nothing is signed here */
        static const char *const wrong[] = { "", "wrong-token" };
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            CLEANUP(reply_release) struct reply reply;
            ask(api, &(struct ask){ .token = wrong[i], .method = route->method, .path = path.text, .body = "{}" },
                &reply);
            if ((reply.status == 401) == is_public)
                fail_msg("%s %s: %d", route->method, path.text, reply.status);
        }
    }
    assert_asked(api, 401, .token = "", .path = "/nowhere");
    assert_asked(api, 401, .token = "wrong", .method = "BREW", .path = TENANTS);
    assert_asked(api, 200, .token = "", .path = "/healthz");
    assert_asked(api, 200, .token = "", .path = "/livez");
}

static void test_impersonation_is_refused(void **state)
{
    struct api_fixture *api = *state;
    assert_asked(api, 403, .path = TENANTS, .header = "Impersonate-User: nobody");
    assert_asked(api, 403, .path = TENANTS, .header = "impersonate-extra-x: y");
    assert_asked(api, 403, .path = TENANTS, .token = "", .plain = true, .header = "Impersonate-Group: system:masters");
}

static void test_plain_listener_takes_basic(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(str_release) struct str header = STR_INIT;
    str_add(&header, "Authorization: Basic ");
    str_add_base64(&header, "any:" ADMIN_TOKEN, strlen("any:" ADMIN_TOKEN));
    assert_asked(api, 200, .path = TENANTS, .token = "", .plain = true, .header = header.text);
    assert_asked(api, 401, .path = TENANTS, .token = "", .header = header.text);
}

static void test_member(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply tenants, all, foreign, missing, namespaces, denied;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    assert_asked(api, 201, .method = "POST", .path = "/apis/tenantd/v1/namespaces/beta/instances",
                 .body = INSTANCE("their", ""));
    assert_asked(api, 201, .token = MEMBER_TOKEN, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 200, .token = MEMBER_TOKEN, .path = INSTANCES "/web");

    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = TENANTS }, &tenants);
    assert_int_equal(items_of(&tenants), 1);
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/instances" }, &all);
    assert_int_equal(items_of(&all), 1);
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = "/api/v1/namespaces" }, &namespaces);
    assert_int_equal(items_of(&namespaces), 1);

    /* Another tenant's record and one that is not there cannot be told apart. */
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/namespaces/beta/instances/their" },
        &foreign);
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/namespaces/none/instances/their" },
        &missing);
    assert_int_equal(foreign.status, 404);
    assert_string_equal(foreign.body.text, missing.body.text);
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = TENANTS "/beta");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = "/api/v1/namespaces/beta");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .method = "DELETE", .path = TENANTS "/beta");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .method = "POST",
                 .path = "/apis/tenantd/v1/namespaces/beta/instances", .body = INSTANCE("mine", ""));
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/namespaces/beta/instances/their/secrets");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/namespaces/beta/instances/their/log");

    ask(api,
        &(struct ask){
            .token = MEMBER_TOKEN, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE, .body = "{}" },
        &denied);
    assert_int_equal(denied.status, 403);
    assert_contains(message_of(&denied), "User \"jo\" cannot patch resource \"tenants\" in API group \"tenantd\"");
    assert_asked(api, 403, .token = MEMBER_TOKEN, .method = "POST", .path = APPS, .body = TINY);
    assert_asked(api, 403, .token = MEMBER_TOKEN, .path = "/metrics");
    assert_asked(api, 200, .token = MEMBER_TOKEN, .path = APPS "/tiny");
}

#define RESTORES "/apis/tenantd/v1/namespaces/acme/restores"
#define RESTORE(name, spec)                                                                                            \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Restore\",\"metadata\":{\"name\":\"" name "\"},\"spec\":{" spec "}}"

/* What leads into or out of another tenant is an administrator's to ask for. */
static void test_member_restores(void **state)
{
    struct api_fixture *api = *state;
    static const struct {
        const char *body;
        int member, admin;
    } asks[] = {
        { RESTORE("a", "\"backup\":\"b1\",\"instance\":\"web\""), 201, 201 },
        { RESTORE("b", "\"backup\":\"b1\",\"to\":{\"instance\":\"copy\"}"), 201, 201 },
        { RESTORE("c", "\"backup\":\"b1\",\"to\":{\"instance\":\"copy\",\"tenant\":\"beta\"}"), 404, 201 },
        { RESTORE("d", "\"backup\":\"beta/0123/b1\",\"instance\":\"web\""), 404, 201 },
    };
    make_acme(api);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        CLEANUP(reply_release) struct reply reply;
        ask(api, &(struct ask){ .token = MEMBER_TOKEN, .method = "POST", .path = RESTORES, .body = asks[i].body },
            &reply);
        assert_int_equal(reply.status, asks[i].member);
        if (asks[i].member == 404)
            assert_contains(message_of(&reply), "not found: another tenant's is an administrator's to");
    }
    assert_asked(api, 201, .method = "POST", .path = RESTORES, .body = asks[2].body);
    assert_asked(api, 201, .method = "POST", .path = RESTORES, .body = asks[3].body);
    /* Once made, it does not change. */
    assert_asked(api, 422, .token = MEMBER_TOKEN, .method = "PATCH", .path = RESTORES "/a", .content_type = MERGE,
                 .body = "{\"spec\":{\"backup\":\"b2\"}}");
}

/* By no verb, no way to write and no selector is another tenant's record told from one that is not there. */
static void test_member_learns_nothing(void **state)
{
    struct api_fixture *api = *state;
    static const struct {
        const char *method, *path, *query, *type, *body;
    } asks[] = {
        { "GET", "/instances/", "", NULL, NULL },
        { "GET", "/instances/", "/status", NULL, NULL },
        { "GET", "/instances?fieldSelector=metadata.name%3D", "", NULL, NULL },
        { "GET", "/instances?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3D", "", NULL, NULL },
        { "PATCH", "/instances/", "", MERGE, "{\"spec\":{\"description\":\"mine\"}}" },
        { "PATCH", "/instances/", "", "application/json-patch+json", "[]" },
        { "PATCH", "/instances/", "?fieldManager=x", "application/apply-patch+yaml", INSTANCE("their", "") },
        { "PUT", "/instances/", "", NULL, INSTANCE("their", "") },
        { "DELETE", "/instances/", "", NULL, NULL },
        { "POST", "/instances/", "/plan", NULL, INSTANCE("their", "") },
        { "GET", "/restores/", "", NULL, NULL },
        { "GET", "/backups/", "", NULL, NULL },
        { "PATCH", "/backups/", "", MERGE, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}" },
        { "DELETE", "/backups/", "", NULL, NULL },
    };
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    assert_asked(api, 201, .method = "POST", .path = "/apis/tenantd/v1/namespaces/beta/instances",
                 .body = INSTANCE("their", ""));
    free(record_store(api->store.store, KIND_RESTORE, "beta", "their", 1));
    free(record_store(api->store.store, KIND_BACKUP, "beta", "their", 1));
    int64_t version = newest_version(&api->store);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct reply replies[3];
        /* There; not there, in the same tenant; in a tenant that is none. */
        static const char *const places[][2] = { { "beta", "their" }, { "beta", "other" }, { "none", "their" } };
        for (size_t k = 0; k < ARRAY_LEN(places); k++) {
            CLEANUP(freep)
            char *path = mem_printf("/apis/tenantd/v1/namespaces/%s%s%s%s", places[k][0], asks[i].path, places[k][1],
                                    asks[i].query);
            ask(api,
                &(struct ask){ .token = MEMBER_TOKEN,
                               .method = asks[i].method,
                               .path = path,
                               .content_type = asks[i].type,
                               .body = asks[i].body },
                &replies[k]);
            if (replies[k].status != 404 && (replies[k].status != 200 || strstr(replies[k].body.text, "their\"")))
                fail_msg("%s %s: %d %s", asks[i].method, path, replies[k].status, replies[k].body.text);
            if (replies[k].status != replies[0].status || strlen(replies[k].body.text) != strlen(replies[0].body.text))
                fail_msg("%s %s: %s\nand not %s", asks[i].method, path, replies[k].body.text, replies[0].body.text);
        }
        for (size_t k = 0; k < ARRAY_LEN(places); k++)
            reply_release(&replies[k]);
    }
    assert_int_equal(newest_version(&api->store), version); /* and nothing was written */
}

/* What must be unique over all tenants tells that the name is taken, and not by whom. */
static void test_a_taken_name_tells_no_holder(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply taken;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    assert_asked(api, 201, .method = "POST", .path = "/apis/tenantd/v1/namespaces/beta/instances",
                 .body = INSTANCE("their", ",\"database\":{\"name\":\"wanted\"}"));
    ask(api,
        &(struct ask){ .token = MEMBER_TOKEN,
                       .method = "POST",
                       .path = INSTANCES,
                       .body = INSTANCE("mine", ",\"database\":{\"name\":\"wanted\"}") },
        &taken);
    assert_int_equal(taken.status, 409);
    assert_contains(message_of(&taken), "wanted is already another instance's database");
    assert_null(strstr(taken.body.text, "beta"));
    assert_null(strstr(taken.body.text, "their"));
}

static void test_secrets(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply created, shown;
    struct err err = ERR_INIT;
    make_acme(api);
    ask(api, &(struct ask){ .method = "POST", .path = INSTANCES, .body = INSTANCE("web", "") }, &created);
    const char *uid = json_text(metadata_of(&created), "uid");
    assert_ok(store_secret_put(api->store.store, uid, "adminPassword", "open sesame", &err), &err);
    assert_ok(store_secret_put(api->store.store, uid, "databasePassword", "never shown", &err), &err);
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = INSTANCES "/web/secrets" }, &shown);
    assert_int_equal(shown.status, 200);
    assert_string_equal(shown.body.text, "{\"secrets\":{\"adminPassword\":\"open sesame\"}}\n");
    assert_contains(shown.headers.text, "Cache-Control: no-store");
}

static void test_discovery_and_health(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply openapi, ready, verbose, metrics;
    static const char *const paths[] = { "/api",     "/apis",
                                         "/api/v1",  "/apis/tenantd/v1",
                                         "/version", "/apis/authorization.k8s.io/v1" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_asked(api, 200, .path = paths[i]);
    ask(api, &(struct ask){ .path = "/openapi/v2" }, &openapi);
    assert_contains(openapi.headers.text, "Content-Type: application/octet-stream");
    assert_memory_equal(openapi.body.text, "\x0a\x03\x32\x2e\x30", 5);
    ask(api, &(struct ask){ .token = "", .path = "/readyz" }, &ready);
    assert_int_equal(ready.status, 503); /* there is no Docker Engine in this test */
    assert_contains(ready.body.text, "[-]docker failed");
    ask(api, &(struct ask){ .token = "", .path = "/readyz?verbose" }, &verbose);
    assert_contains(verbose.body.text, "PostgreSQL 15");
    assert_contains(verbose.body.text, "libmicrohttpd 0.");
    ask(api, &(struct ask){ .path = "/metrics" }, &metrics);
    assert_contains(metrics.body.text, "tenantd_api_requests_total{");
    assert_null(strstr(metrics.body.text, ADMIN_TOKEN));
}

/* Who was known when a body began may be nobody when it ends. */
static void test_revoked_while_it_sends(void **state)
{
    struct api_fixture *api = *state;
    static const struct identity slow = { .user = "slow", .role = ROLE_ADMIN };
    CLEANUP(str_release) struct str answer = STR_INIT;
    struct err err = ERR_INIT;
    assert_ok(store_token_put(api->store.store, &slow, "slow-token", &err), &err);
    CLEANUP(freep)
    char *begin = mem_printf("POST " TENANTS " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow-token\r\n"
                             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.10s",
                             strlen(ACME), ACME);
    int fd = dial(api);
    send_text(fd, begin);
    int64_t until_ms = clock_mono_ms() + 20 * SECOND_MS;
    while (pg_fixture_int(api->store.url, "select used_ms from store.token where user_name = 'slow'") == 0) {
        assert_true(clock_mono_ms() < until_ms);
        usleep(20000);
    }
    assert_ok(store_token_drop(api->store.store, "slow", &err), &err);
    send_text(fd, ACME + 10);
    receive_until(fd, &answer, "\r\n\r\n", 20 * SECOND_MS);
    close(fd);
    assert_contains(answer.text, "HTTP/1.1 401 ");
    assert_asked(api, 404, .path = TENANTS "/acme");
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_every_route_needs_a_token);
    CHECK_API(&list, test_impersonation_is_refused);
    CHECK_API(&list, test_plain_listener_takes_basic);
    CHECK_API(&list, test_member);
    CHECK_API(&list, test_member_restores);
    CHECK_API(&list, test_member_learns_nothing);
    CHECK_API(&list, test_a_taken_name_tells_no_holder);
    CHECK_API(&list, test_secrets);
    CHECK_API(&list, test_discovery_and_health);
    CHECK_API(&list, test_revoked_while_it_sends);
    return check_run_api("server_access", &list);
}
