/* Accounts, sessions, tokens and the audit over the wire. */
#include "tests/api/api_client.h"

#define PASSWORD               "correct horse battery"
#define JO                     "{\"email\":\"Jo@Acme.example\",\"password\":\"" PASSWORD "\",\"tenants\":[\"acme\"]}"
#define LOGIN(email, password) "{\"email\":\"" email "\",\"password\":\"" password "\"}"

static void make_jo(struct api_fixture *api)
{
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = "/auth/accounts", .body = JO);
}

/* The session's token; owned. */
static char *login(struct api_fixture *api, const char *body)
{
    CLEANUP(reply_release) struct reply reply;
    ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/login", .body = body }, &reply);
    if (reply.status != 200)
        fail_msg("login: %d %s", reply.status, reply.body.text);
    assert_contains(reply.headers.text, "Cache-Control: no-store");
    return mem_strdup(json_text(reply.json, "access_token"));
}

static void test_session(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply me, out;
    make_jo(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    CLEANUP(freep) char *token = login(api, LOGIN("jo@acme.example", PASSWORD));
    assert_int_equal(strlen(token), 64);
    CLEANUP(freep)
    char *stored = pg_fixture_text(api->store.url, "select string_agg(s::text, ' ') from store.session s");
    assert_null(strstr(stored, token));

    ask(api, &(struct ask){ .token = token, .path = "/auth/me" }, &me);
    assert_int_equal(me.status, 200);
    assert_string_equal(json_text(me.json, "email"), "jo@acme.example");
    assert_int_equal(strlen(json_text(me.json, "id")), 36);
    assert_int_equal(json_int(me.json, "instance_count", -1), 1);
    assert_string_equal(json_text(me.json, "subscription_status"), "active");
    assert_true(json_is_null(json_object_get(me.json, "subscription_plan")));
    assert_asked(api, 200, .token = token, .path = INSTANCES "/web");
    assert_asked(api, 404, .token = token, .path = TENANTS "/beta");
    assert_asked(api, 403, .token = token, .path = "/auth/accounts");

    ask(api, &(struct ask){ .token = token, .method = "POST", .path = "/auth/logout" }, &out);
    assert_int_equal(out.status, 200);
    assert_asked(api, 401, .token = token, .path = "/auth/me");
    assert_asked(api, 401, .token = token, .path = TENANTS);
    assert_asked(api, 409, .method = "POST", .path = "/auth/logout"); /* a token is no session */
}

/* On the other replica, too: the database decides. */
static void test_sessions_end_at_once(void **state)
{
    struct api_fixture *api = *state;
    make_jo(api);
    struct api *other = NULL;
    struct err err = ERR_INIT;
    assert_ok(api_start(&api->options, &other, &err), &err);
    api_open(other, api->store.url);
    struct api_fixture replica = *api;
    replica.api = other;

    CLEANUP(freep) char *first = login(api, LOGIN("jo@acme.example", PASSWORD));
    CLEANUP(freep) char *second = login(&replica, LOGIN("jo@acme.example", PASSWORD));
    assert_asked(&replica, 200, .token = first, .path = "/auth/me");
    assert_asked(&replica, 403, .token = first, .method = "POST", .path = "/auth/password-change",
                 .body = "{\"current_password\":\"wrong one\",\"new_password\":\"another password\"}");
    assert_asked(&replica, 422, .token = first, .method = "POST", .path = "/auth/password-change",
                 .body = "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"short\"}");
    CLEANUP(reply_release) struct reply changed;
    ask(&replica,
        &(struct ask){ .token = first,
                       .method = "POST",
                       .path = "/auth/password-change",
                       .body = "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"another password\"}" },
        &changed);
    assert_int_equal(changed.status, 200);
    assert_asked(api, 401, .token = first, .path = "/auth/me");
    assert_asked(api, 401, .token = second, .path = "/auth/me");
    assert_asked(api, 200, .token = json_text(changed.json, "access_token"), .path = "/auth/me");
    assert_asked(api, 401, .token = "", .method = "POST", .path = "/auth/login",
                 .body = LOGIN("jo@acme.example", PASSWORD));

    CLEANUP(freep) char *third = login(api, LOGIN("jo@acme.example", "another password"));
    assert_asked(api, 200, .method = "PATCH", .path = "/auth/accounts/jo@acme.example", .body = "{\"disabled\":true}");
    assert_asked(&replica, 401, .token = third, .path = "/auth/me");
    assert_asked(&replica, 401, .token = "", .method = "POST", .path = "/auth/login",
                 .body = LOGIN("jo@acme.example", "another password"));
    assert_asked(api, 200, .method = "PATCH", .path = "/auth/accounts/jo@acme.example", .body = "{\"disabled\":false}");
    assert_asked(&replica, 401, .token = third, .path = "/auth/me"); /* it does not come back */
    api_stop(other);
}

static void test_no_such_user_and_wrong_password_look_alike(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply wrong, none;
    make_jo(api);
    ask(api,
        &(struct ask){ .token = "", .method = "POST", .path = "/auth/login", .body = LOGIN("jo@acme.example", "x") },
        &wrong);
    ask(api,
        &(struct ask){ .token = "", .method = "POST", .path = "/auth/login", .body = LOGIN("no@acme.example", "x") },
        &none);
    assert_int_equal(wrong.status, 401);
    assert_int_equal(none.status, 401);
    assert_string_equal(wrong.body.text, none.body.text);
    assert_contains(wrong.body.text, "{\"detail\":");
    /* And the limit does not tell them apart either. */
    static const char *const bodies[] = { LOGIN("JO@acme.example", "x"), LOGIN("no@acme.example", "x") };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        for (int tries = 1; tries < 5; tries++)
            assert_asked(api, 401, .token = "", .method = "POST", .path = "/auth/login", .body = bodies[i]);
        CLEANUP(reply_release) struct reply limited;
        ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/login", .body = bodies[i] }, &limited);
        assert_int_equal(limited.status, 429);
        assert_contains(limited.headers.text, "Retry-After:");
    }
    /* The right password does not open it while it is limited: else the answer would tell which one is right. */
    assert_asked(api, 429, .token = "", .method = "POST", .path = "/auth/login",
                 .body = LOGIN("jo@acme.example", PASSWORD));
    pg_fixture_run(api->store.url, "update store.attempt set since_ms = 0");
    CLEANUP(freep) char *token = login(api, LOGIN("jo@acme.example", PASSWORD));
    assert_asked(api, 200, .token = token, .path = "/auth/me");
}

static void test_attempts_of_one_address_are_limited(void **state)
{
    struct api_fixture *api = *state;
    api->accounts.logins_per_address = 3;
    for (int i = 0; i < 4; i++) {
        CLEANUP(freep) char *body = mem_printf("{\"email\":\"u%d@acme.example\",\"password\":\"x\"}", i);
        assert_asked(api, i < 3 ? 401 : 429, .token = "", .method = "POST", .path = "/auth/login", .body = body);
    }
}

static void test_registration(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply made, tenant, again;
    static const char body[] =
        "{\"email\":\"new@shop.example\",\"password\":\"" PASSWORD "\",\"name\":\"Shop\",\"tenant_name\":\"shop\"}";
    ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/register", .body = body }, &made);
    assert_int_equal(made.status, 201);
    assert_string_equal(json_text(made.json, "subscription_plan"), "free");
    assert_int_equal(json_int(made.json, "instance_count", -1), 0);
    ask(api, &(struct ask){ .path = TENANTS "/shop" }, &tenant);
    assert_string_equal(json_string_value(json_at(tenant.json, "spec", "owner", NULL)), "new@shop.example");
    assert_int_equal(json_integer_value(json_at(tenant.json, "spec", "quota", "instances", NULL)), 2);
    CLEANUP(freep) char *token = login(api, LOGIN("new@shop.example", PASSWORD));
    assert_asked(api, 200, .token = token, .path = TENANTS "/shop");

    /* Nobody gets into somebody else's tenant, nor makes a second account of an address. */
    assert_asked(api, 409, .token = "", .method = "POST", .path = "/auth/register",
                 .body = "{\"email\":\"thief@x.example\",\"password\":\"" PASSWORD "\",\"tenant_name\":\"shop\"}");
    ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/register", .body = body }, &again);
    assert_int_equal(again.status, 409);
    assert_asked(api, 422, .token = "", .method = "POST", .path = "/auth/register",
                 .body = "{\"email\":\"no address\",\"password\":\"" PASSWORD "\"}");
    assert_int_equal(pg_fixture_int(api->store.url, "select count(*) from store.account"), 1);
    api->accounts.registration = false;
    assert_asked(api, 403, .token = "", .method = "POST", .path = "/auth/register", .body = body);
}

/* Backups and events outlive their tenant; whoever registers under its name must not get them. */
static void test_registration_inherits_nothing(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply refused;
    CLEANUP(record_release) struct record backup = { 0 };
    struct err err = ERR_INIT;
    static const char body[] =
        "{\"email\":\"new@shop.example\",\"password\":\"" PASSWORD "\",\"tenant_name\":\"acme\"}";
    make_acme(api);
    record_make(&backup, KIND_BACKUP, "acme", "b1", 1);
    assert_ok(store_create(api->store.store, &backup, &plain_write, &err), &err);
    assert_ok(store_event_add(api->store.store, &backup, EVENT_NORMAL, "Made", "It is there.", &err), &err);
    pg_fixture_run(api->store.url, "delete from store.record where kind = 'Tenant'");
    ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/register", .body = body }, &refused);
    assert_int_equal(refused.status, 409);
    assert_contains(refused.body.text, "tenants.tenantd \\\"acme\\\" already exists");
    pg_fixture_run(api->store.url, "delete from store.record where kind = 'Backup'");
    assert_asked(api, 409, .token = "", .method = "POST", .path = "/auth/register", .body = body);
    assert_int_equal(pg_fixture_int(api->store.url, "select count(*) from store.account"), 0);
    pg_fixture_run(api->store.url, "delete from store.event");
    assert_asked(api, 201, .token = "", .method = "POST", .path = "/auth/register", .body = body);
}

static void test_tokens(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply made, list, expired;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    assert_asked(api, 422, .method = "POST", .path = "/auth/tokens", .body = "{\"name\":\"ci\"}");
    assert_asked(api, 422, .method = "POST", .path = "/auth/tokens",
                 .body = "{\"name\":\"ci\",\"tenants\":[\"nosuch\"]}");
    assert_asked(api, 422, .method = "POST", .path = "/auth/tokens",
                 .body = "{\"name\":\"ci\",\"tenants\":[\"acme\"],\"verbs\":[\"fly\"]}");
    ask(api,
        &(struct ask){ .method = "POST",
                       .path = "/auth/tokens",
                       .body = "{\"name\":\"ci\",\"tenants\":[\"acme\",\"beta\"],\"verbs\":[\"get\",\"list\"]}" },
        &made);
    assert_int_equal(made.status, 201);
    const char *token = json_text(made.json, "token");
    assert_asked(api, 200, .token = token, .path = TENANTS "/acme");
    assert_asked(api, 200, .token = token, .path = TENANTS "/beta");
    assert_asked(api, 403, .token = token, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 403, .token = token, .path = INSTANCES "?watch=true&timeoutSeconds=1");
    assert_asked(api, 403, .token = token, .method = "POST", .path = "/auth/tokens", .body = "{\"name\":\"x\"}");
    assert_asked(api, 409, .method = "POST", .path = "/auth/tokens",
                 .body = "{\"name\":\"ci\",\"tenants\":[\"acme\"]}");

    ask(api, &(struct ask){ .path = "/auth/tokens" }, &list);
    assert_null(strstr(list.body.text, token));
    assert_contains(list.body.text, "\"name\":\"ci\"");
    assert_null(strstr(list.body.text, "\"last_used_at\":null,\"name\":\"ci\""));

    ask(api,
        &(struct ask){ .method = "POST",
                       .path = "/auth/tokens",
                       .body = "{\"name\":\"short\",\"role\":\"admin\",\"expires_in\":\"1h\"}" },
        &expired);
    assert_asked(api, 200, .token = json_text(expired.json, "token"), .path = TENANTS);
    pg_fixture_run(api->store.url, "update store.token set expires_ms = 1 where user_name = 'short'");
    assert_asked(api, 401, .token = json_text(expired.json, "token"), .path = TENANTS);

    /* Gone with its tenants, and revoked at once. */
    assert_asked(api, 200, .method = "DELETE", .path = TENANTS "/beta");
    pg_fixture_run(api->store.url, "select 1");
    assert_asked(api, 200, .method = "DELETE", .path = "/auth/tokens/ci");
    assert_asked(api, 401, .token = token, .path = TENANTS "/acme");
    assert_asked(api, 404, .method = "DELETE", .path = "/auth/tokens/ci");
}

static bool has_entry(const json_t *items, const char *who, const char *verb, const char *name, const char *fields)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *entry = json_array_get(items, i);
        if (str_equal(json_text(entry, "who"), who) && str_equal(json_text(entry, "verb"), verb) &&
            str_equal(json_text(entry, "name"), name) && str_equal(json_text(entry, "fields"), fields) &&
            str_equal(json_text(entry, "address"), "127.0.0.1"))
            return true;
    }
    return false;
}

static void test_audit(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply all, one;
    make_jo(api);
    CLEANUP(freep) char *token = login(api, LOGIN("jo@acme.example", PASSWORD));
    assert_asked(api, 201, .token = token, .method = "POST", .path = INSTANCES,
                 .body = INSTANCE("web", ",\"env\":{\"SECRET\":\"hidden value\"}"));
    assert_asked(api, 200, .token = token, .method = "PATCH", .path = INSTANCES "/web?dryRun=All",
                 .content_type = MERGE, .body = "{\"spec\":{\"description\":\"dry\"}}");
    assert_asked(api, 200, .token = token, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"spec\":{\"state\":\"Stopped\",\"env\":{\"SECRET\":\"another value\"}},\"metadata\":"
                         "{\"labels\":{\"a\":\"b\"}}}");
    assert_asked(api, 404, .token = token, .method = "DELETE", .path = INSTANCES "/none");
    ask(api, &(struct ask){ .path = "/auth/audit" }, &all);
    const json_t *items = json_object_get(all.json, "items");
    assert_true(has_entry(items, "admin", "create", "acme", ""));
    assert_true(has_entry(items, "admin", "create", "jo@acme.example", ""));
    assert_true(has_entry(items, "jo@acme.example", "login", "jo@acme.example", ""));
    assert_true(has_entry(items, "jo@acme.example", "create", "web", ""));
    assert_true(has_entry(items, "jo@acme.example", "patch", "web", "spec.env.SECRET, spec.state, metadata.labels.a"));
    assert_int_equal(json_array_size(items), 6); /* and nothing of the dry run, nor of what failed */
    assert_null(strstr(all.body.text, "value"));
    ask(api, &(struct ask){ .path = "/auth/audit?who=jo@acme.example&namespace=acme&limit=1" }, &one);
    assert_int_equal(json_array_size(json_object_get(one.json, "items")), 1);
    assert_true(has_entry(json_object_get(one.json, "items"), "jo@acme.example", "patch", "web",
                          "spec.env.SECRET, spec.state, metadata.labels.a"));
    assert_asked(api, 403, .token = token, .path = "/auth/audit");
}

/* Each change of a Source's credentials is one row, whether it asks for a sync or one is asked for already. */
static void test_audit_of_secrets(void **state)
{
    struct api_fixture *api = *state;
    static const char path[] = "/apis/tenantd/v1/sources/fleet/secrets/password";
    CLEANUP(reply_release) struct reply reply;
    assert_asked(api, 201, .method = "POST", .path = "/apis/tenantd/v1/sources",
                 .body = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Source\",\"metadata\":{\"name\":\"fleet\"},"
                         "\"spec\":{\"directory\":\"/srv/fleet\"}}");
    assert_asked(api, 200, .method = "PUT", .path = path, .body = "{\"value\":\"first value\"}");
    assert_asked(api, 200, .method = "PUT", .path = path, .body = "{\"value\":\"second value\"}");
    assert_asked(api, 200, .method = "DELETE", .path = path);
    ask(api, &(struct ask){ .path = "/auth/audit?name=fleet" }, &reply);
    static const char *const verbs[] = { "drop-secret", "set-secret", "set-secret", "create" }; /* the newest first */
    const json_t *items = json_object_get(reply.json, "items");
    assert_int_equal(json_array_size(items), ARRAY_LEN(verbs));
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        assert_string_equal(json_text(json_array_get(items, i), "verb"), verbs[i]);
        assert_string_equal(json_text(json_array_get(items, i), "kind"), "Source");
        assert_string_equal(json_text(json_array_get(items, i), "who"), "admin");
    }
    assert_null(strstr(reply.body.text, "value"));
}

static void test_bodies_from_strangers_are_small(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(freep) char *large = mem_zalloc(20 * 1024);
    memset(large, ' ', 20 * 1024 - 1);
    assert_asked(api, 413, .token = "", .method = "POST", .path = "/auth/login", .body = large);
    assert_asked(api, 400, .token = "", .method = "POST", .path = "/auth/login", .body = "{");
    assert_asked(api, 422, .token = "", .method = "POST", .path = "/auth/login", .body = "{}");
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_session);
    CHECK_API(&list, test_sessions_end_at_once);
    CHECK_API(&list, test_no_such_user_and_wrong_password_look_alike);
    CHECK_API(&list, test_attempts_of_one_address_are_limited);
    CHECK_API(&list, test_registration);
    CHECK_API(&list, test_registration_inherits_nothing);
    CHECK_API(&list, test_tokens);
    CHECK_API(&list, test_audit);
    CHECK_API(&list, test_audit_of_secrets);
    CHECK_API(&list, test_bodies_from_strangers_are_small);
    return check_run_api("accounts", &list);
}
