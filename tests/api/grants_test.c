/*
 * Every route, every role, own and foreign tenant, over the wire, against the one table: what it allows is done, what it
 * hides cannot be told from what is not there, what it forbids is 403.
 */
#include "api/auth.h"
#include "api/routes.h"
#include "tests/api/api_client.h"

#define NO_UID "00000000-0000-4000-8000-000000000000"
#define FLEET                                                                                                          \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Source\",\"metadata\":{\"name\":\"fleet\"},"                            \
    "\"spec\":{\"directory\":\"/srv/fleet\"}}"

/* What a path's {...} stand for. */
struct place {
    const char *tenant, *plural, *name, *id;
};

static void add_param(struct str *path, const char *param, size_t len, const struct place *place)
{
    const struct {
        const char *param, *value;
    } values[] = {
        { "{namespace}", place->tenant }, { "{plural}", place->plural },
        { "{name}", place->name },        { "{id}", place->id },
        { "{customer_id}", place->id },   { "{key}", "webhook" },
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (strlen(values[i].param) == len && strncmp(values[i].param, param, len) == 0) {
            str_add(path, values[i].value);
            return;
        }
    fail_msg("%.*s", (int)len, param);
}

static char *fill_in(const char *pattern, const struct place *place)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    for (const char *at = pattern; *at;) {
        if (*at != '{') {
            str_addc(&path, *at++);
            continue;
        }
        size_t len = strcspn(at, "}") + 1;
        add_param(&path, at, len, place);
        at += len;
    }
    str_add(&path, "?dryRun=All&timeoutSeconds=1");
    return str_steal(&path);
}

/* A body with which the request is good, where it needs one; others are refused only after the rights. */
static char *body_of(const struct route *route, const struct kind *kind, const char *tenant)
{
    if (str_equal(route->method, "PATCH"))
        return mem_strdup("{}");
    if (strstr(route->pattern, "/actions"))
        return mem_strdup("{\"action\":\"stop\"}");
    if (strstr(route->pattern, "/secrets/"))
        return mem_strdup("{\"value\":\"of the test\"}");
    if (str_equal(route->method, "POST") && kind && kind->id == KIND_INSTANCE)
        return str_starts_with(route->pattern, "/api/v1/")
                   ? mem_printf("{\"tenant_id\":\"%s\",\"name\":\"fresh\",\"app\":\"tiny\",\"odoo_version\":\"1.0\"}",
                                tenant)
                   : mem_strdup(INSTANCE("fresh", ""));
    return mem_strdup(str_equal(route->method, "GET") || str_equal(route->method, "DELETE") ? NULL : "{}");
}

static void send_as(struct api_fixture *api, const char *token, const struct route *route, const struct kind *kind,
                    const struct place *place, struct reply *ret)
{
    CLEANUP(freep) char *path = fill_in(route->pattern, place);
    CLEANUP(freep) char *body = body_of(route, kind, place->tenant);
    ask(api,
        &(struct ask){ .token = token,
                       .method = route->method,
                       .path = path,
                       .body = body,
                       .content_type = str_equal(route->method, "PATCH") ? MERGE : NULL },
        ret);
}

static bool is_list(const struct route *route)
{
    return route->verb == VERB_LIST;
}

/* One route, as one role, at one place; `nowhere` is the same where nothing is. */
static void check_one(struct api_fixture *api, const struct identity *identity, const char *token,
                      const struct route *route, const struct kind *kind, const struct place *place,
                      const struct place *nowhere)
{
    CLEANUP(reply_release) struct reply reply = { .body = STR_INIT, .headers = STR_INIT };
    CLEANUP(reply_release) struct reply missing = { .body = STR_INIT, .headers = STR_INIT };
    int subject = route->about ? route->about : kind ? (int)kind->id : ABOUT_EVENTS;
    bool is_tenant = kind && kind->id == KIND_TENANT;
    bool has_tenant = strstr(route->pattern, "{namespace}") || strstr(route->pattern, "{id}") ||
                      strstr(route->pattern, "{customer_id}") || (is_tenant && strstr(route->pattern, "{name}")) ||
                      (str_equal(route->pattern, "/api/v1/instances") && route->verb == VERB_CREATE);
    enum auth_answer answer = auth_may(identity, route->verb, subject, has_tenant ? place->tenant : NULL);
    if (answer == AUTH_HIDDEN && route->verb == VERB_CREATE && !has_tenant)
        answer = AUTH_FORBIDDEN; /* what is in no tenant: there is nothing to hide */
    CLEANUP(freep)
    char *what = mem_printf("%s as %s of %s %s %s/%s", identity->user, role_name(identity->role), route->method,
                            route->pattern, place->tenant, place->plural ? place->plural : "");
    send_as(api, token, route, kind, place, &reply);
    if (reply.status == 401)
        fail_msg("%s: 401", what);
    if ((answer == AUTH_FORBIDDEN) != (reply.status == 403))
        fail_msg("%s: %d where the table says %d: %s", what, reply.status, (int)answer, reply.body.text);
    bool is_foreign = has_tenant && identity->role == ROLE_MEMBER && !identity_has_tenant(identity, place->tenant);
    if (answer == AUTH_HIDDEN && is_list(route)) {
        if (reply.status != 200 || strstr(reply.body.text, "\"uid\""))
            fail_msg("%s: %d %s", what, reply.status, reply.body.text);
        return;
    }
    if (answer == AUTH_HIDDEN && reply.status != 404)
        fail_msg("%s: %d instead of 404: %s", what, reply.status, reply.body.text);
    if (answer == AUTH_ALLOWED && reply.status == 404 && !strstr(reply.body.text, "no container"))
        fail_msg("%s: 404: %s", what, reply.body.text);
    if (!is_foreign || answer != AUTH_HIDDEN)
        return;
    /* As if it were not there: word for word, but for the name that was asked for. */
    send_as(api, token, route, kind, nowhere, &missing);
    if (missing.status != reply.status || strlen(missing.body.text) != strlen(reply.body.text))
        fail_msg("%s: %s\nwhere nothing is: %s", what, reply.body.text, missing.body.text);
}

static const struct kind *kind_of(const struct route *route, const char *plural)
{
    if (strstr(route->pattern, "{plural}"))
        return kind_by_plural(plural);
    if (route->view)
        return route->view->record_kind;
    return route->of;
}

struct world_of_test {
    struct {
        char *instance, *tenant; /* uids */
    } own, foreign;
};

static char *create(struct api_fixture *api, const char *path, const char *body)
{
    CLEANUP(reply_release) struct reply reply;
    ask(api, &(struct ask){ .method = "POST", .path = path, .body = body }, &reply);
    if (reply.status != 201)
        fail_msg("%s: %s", path, reply.body.text);
    return mem_strdup(json_text(metadata_of(&reply), "uid"));
}

static const char *name_in(const struct kind *kind, const char *tenant)
{
    if (!kind)
        return "none";
    if (kind->id == KIND_SOURCE)
        return "fleet";
    return kind->id == KIND_TENANT ? tenant : kind->id == KIND_APP ? "tiny" : "web";
}

/* One record of each kind that has no other way into this test: not what it says counts, but whose it is. */
static void store_others(struct api_fixture *api)
{
    static const char *const tenants[] = { "acme", "beta" };
    for (size_t i = KIND_INSTANCE + 1; i < KINDS; i++)
        for (size_t k = 0; k < (kinds[i].namespaced ? ARRAY_LEN(tenants) : 1); k++)
            free(record_store(api->store.store, (enum kind_id)i, kinds[i].namespaced ? tenants[k] : "", "web", 1));
}

static void check_route(struct api_fixture *api, const struct identity *identity, const char *token,
                        const struct route *route, const char *plural, const struct world_of_test *world)
{
    const struct kind *kind = kind_of(route, plural);
    bool in_namespace = strstr(route->pattern, "{namespace}") != NULL;
    bool has_plural = strstr(route->pattern, "{plural}") != NULL;
    if (has_plural && in_namespace != kind->namespaced && !(is_list(route) && !in_namespace))
        return; /* no such path */
    if (!kind && route->view && strstr(route->pattern, "{name}"))
        return; /* one event: there is none to ask for */
    bool has_secrets = strstr(route->pattern, "/log") || strstr(route->pattern, "/secrets");
    if (has_plural && has_secrets && kind->id != (in_namespace ? KIND_INSTANCE : KIND_SOURCE))
        return;
    if (strstr(route->pattern, "/sync") && kind->id != KIND_SOURCE)
        return;
    if (strstr(route->pattern, "/objects/"))
        return; /* Backups', and there is none here: tests/e2e/download_test.sh asks as these do */
    bool of_tenants = kind && kind->id == KIND_TENANT;
    for (int is_foreign = 0; is_foreign < 2; is_foreign++) {
        const __typeof__(world->own) *side = is_foreign ? (const void *)&world->foreign : (const void *)&world->own;
        const char *tenant = is_foreign ? "beta" : "acme";
        const struct place place = { tenant, plural, name_in(kind, tenant),
                                     of_tenants ? side->tenant : side->instance };
        const struct place nowhere = { "none", plural, name_in(kind, "none"), NO_UID };
        if (route->about && strstr(route->pattern, "{id}") && identity->role == ROLE_ADMIN)
            continue; /* there is no such account or token: 404 says nothing about rights */
        check_one(api, identity, token, route, kind, &place, &nowhere);
    }
}

static const struct {
    struct identity identity;
    const char *token;
} callers[] = {
    { { .user = "admin", .role = ROLE_ADMIN }, ADMIN_TOKEN },
    { { .user = "jo", .role = ROLE_MEMBER, .tenants = { "acme" } }, MEMBER_TOKEN },
    { { .user = "reader", .role = ROLE_MEMBER, .tenants = { "acme" }, .verbs = VERB_GET | VERB_LIST }, "reader-token" },
    { { .user = "watchdog", .role = ROLE_ADMIN, .verbs = VERB_LIST | VERB_LOG }, "watchdog-token" },
};

static void test_every_route_as_the_table_says(void **state)
{
    struct api_fixture *api = *state;
    struct err err = ERR_INIT;
    struct world_of_test world;
    size_t checked = 0;
    for (size_t i = 2; i < ARRAY_LEN(callers); i++)
        assert_ok(store_token_put(api->store.store, &callers[i].identity, callers[i].token, &err), &err);
    make_acme(api);
    world.foreign.tenant = create(api, TENANTS, BETA);
    world.own.instance = create(api, INSTANCES, INSTANCE("web", ""));
    world.foreign.instance = create(api, "/apis/tenantd/v1/namespaces/beta/instances", INSTANCE("web", ""));
    free(create(api, "/apis/tenantd/v1/sources", FLEET));
    world.own.tenant =
        pg_fixture_text(api->store.url, "select uid from store.record where kind = 'Tenant' and name = 'acme'");
    store_others(api);
    for (const struct route *route = routes; route->method; route++) {
        if (route->access != ACCESS_GRANTS)
            continue;
        bool has_plural = strstr(route->pattern, "{plural}") != NULL;
        for (size_t kind = 0; kind < (has_plural ? KINDS : 1); kind++) {
            const char *plural = has_plural ? kinds[kind].plural : NULL;
            for (size_t i = 0; i < ARRAY_LEN(callers); i++)
                check_route(api, &callers[i].identity, callers[i].token, route, plural, &world);
            checked++;
        }
    }
    assert_true(checked > 40);
    free(world.own.instance);
    free(world.own.tenant);
    free(world.foreign.instance);
    free(world.foreign.tenant);
}

/* Routes that no grant guards, each on purpose. */
static void test_what_needs_no_grant(void **state)
{
    (void)state;
    static const char *const harmless[] = {
        "/healthz",
        "/livez",
        "/readyz",
        "/version",
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/apis/tenantd/v1",
        "/openapi/v3/api/v1",
        "/openapi.json",
        "/api",
        "/apis",
        "/api/v1",
        "/apis/tenantd/v1",
        "/apis/authorization.k8s.io/v1",
        "/apis/authentication.k8s.io/v1",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "/auth/register",
        "/auth/login",
        "/auth/logout",
        "/auth/password-change",
        "/auth/me",
        "/hooks/sources/{name}", /* its handler checks the signature */
    };
    for (const struct route *route = routes; route->method; route++) {
        bool is_harmless = false;
        for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
            is_harmless = is_harmless || str_equal(harmless[i], route->pattern);
        if ((route->access != ACCESS_GRANTS) != is_harmless)
            fail_msg("%s %s", route->method, route->pattern);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_every_route_as_the_table_says);
    CHECK_TEST(&list, test_what_needs_no_grant);
    return check_run_api("grants", &list);
}
