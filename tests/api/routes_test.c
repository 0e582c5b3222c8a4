/* api/routes.c: what a path leads to, and api/auth.c: who may go there. */
#include "api/auth.h"
#include "api/handlers.h"
#include "api/routes.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *method, *target;
    handler_fn *handler; /* NULL: refused with `code` */
    const char *kind, *namespace, *name;
    enum err_code code;
} rows[] = {
    { "health", "GET", "/healthz", health_live },
    { "health with a query", "GET", "/readyz?verbose", health_ready },
    { "HEAD is a GET", "HEAD", "/healthz", health_live },
    { "a list", "GET", "/apis/tenantd/v1/tenants", resources_list, "Tenant" },
    { "one", "GET", "/apis/tenantd/v1/tenants/acme", resources_get, "Tenant", NULL, "acme" },
    { "of a namespace", "GET", "/apis/tenantd/v1/namespaces/acme/instances", resources_list, "Instance", "acme" },
    { "of all namespaces", "GET", "/apis/tenantd/v1/instances", resources_list, "Instance" },
    { "one of a namespace", "PATCH", "/apis/tenantd/v1/namespaces/acme/instances/web", records_patch, "Instance",
      "acme", "web" },
    { "a log", "GET", "/apis/tenantd/v1/namespaces/acme/instances/web/log", logs_show, "Instance", "acme", "web" },
    { "a plan", "POST", "/apis/tenantd/v1/namespaces/acme/instances/web/plan", plan_show, "Instance", "acme", "web" },
    { "a plan of a cluster kind", "POST", "/apis/tenantd/v1/apps/odoo/plan", plan_show, "App", NULL, "odoo" },
    { "namespaces", "GET", "/api/v1/namespaces/acme", resources_get, "Namespace", NULL, "acme" },
    { "events", "GET", "/api/v1/namespaces/acme/events", resources_list, "Event", "acme" },
    { "an encoded segment", "GET", "/apis/tenantd/v1/tenants/a%2Fb", resources_get, "Tenant", NULL, "a/b" },
    { "no such path", "GET", "/nowhere", NULL, .code = ERR_NOT_FOUND },
    { "the root", "GET", "/", NULL, .code = ERR_NOT_FOUND },
    { "no such kind", "GET", "/apis/tenantd/v1/nosuchthings", NULL, .code = ERR_NOT_FOUND },
    { "a cluster kind in a namespace", "GET", "/apis/tenantd/v1/namespaces/acme/tenants", NULL, .code = ERR_NOT_FOUND },
    { "one of a namespaced kind without it", "GET", "/apis/tenantd/v1/instances/web", NULL, .code = ERR_NOT_FOUND },
    { "created without its namespace", "POST", "/apis/tenantd/v1/instances", NULL, .code = ERR_NOT_FOUND },
    { "an empty name", "GET", "/apis/tenantd/v1/namespaces//instances", NULL, .code = ERR_NOT_FOUND },
    { "another method", "DELETE", "/healthz", NULL, .code = ERR_METHOD },
    { "delete a whole collection", "DELETE", "/apis/tenantd/v1/tenants", NULL, .code = ERR_METHOD },
    { "an unknown method", "BREW", "/apis/tenantd/v1/tenants", NULL, .code = ERR_METHOD },
    { "another group's openapi", "GET", "/openapi/v3/apis/other/v1", NULL, .code = ERR_NOT_FOUND },
};

static void request_make(struct request *request, const char *method, const char *target)
{
    struct err err = ERR_INIT;
    *request = (struct request){ .method = mem_strdup(method), .target = mem_strdup(target), .body = STR_INIT };
    assert_ok(uri_parse(target, &request->uri, &err), &err);
}

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct request request;
    struct err err = ERR_INIT;
    request_make(&request, row->method, row->target);
    bool good = routes_find(&request, &err);
    if (row->handler) {
        assert_ok(good, &err);
        assert_ptr_equal(request.route->handler, row->handler);
        assert_true(str_equal(request.view.kind, row->kind));
        assert_true(str_equal(request.namespace, row->namespace));
        assert_true(str_equal(request.name, row->name));
    } else {
        assert_fails(good, &err, row->code);
        assert_null(request.route);
    }
    request_release(&request);
}

static void test_methods(void **state)
{
    (void)state;
    struct request request;
    request_make(&request, "BREW", "/apis/tenantd/v1/tenants/acme");
    CLEANUP(freep) char *methods = routes_methods(&request.uri);
    assert_string_equal(methods, "GET, PUT, PATCH, DELETE");
    request_release(&request);
}

static void test_only_health_login_and_what_is_signed_is_public(void **state)
{
    (void)state;
    for (const struct route *route = routes; route->method; route++) {
        bool is_health = str_equal(route->pattern, "/healthz") || str_equal(route->pattern, "/livez") ||
                         str_equal(route->pattern, "/readyz");
        bool is_login = str_equal(route->pattern, "/auth/login") || str_equal(route->pattern, "/auth/register");
        bool is_hook = str_equal(route->pattern, "/hooks/sources/{name}");
        assert_int_equal(route_is_public(route), is_health || is_login || is_hook);
        assert_int_equal(route->access == ACCESS_SIGNED, is_hook);
        assert_int_equal(route->verb != VERB_NONE, route->access == ACCESS_GRANTS);
    }
}

/* Role by verb by kind by whose. */
static const struct {
    const char *why;
    enum role role;
    unsigned verbs;
    int kind; /* -1: events */
    const char *tenant;
    enum auth_answer answer;
} grant_rows[] = {
    { "admin, everything", ROLE_ADMIN, VERB_GET | VERB_CREATE | VERB_DELETE | VERB_SECRETS, KIND_INSTANCE, "other",
      AUTH_ALLOWED },
    { "admin, tenants", ROLE_ADMIN, VERB_CREATE | VERB_PATCH, KIND_TENANT, "other", AUTH_ALLOWED },
    { "admin writes no events", ROLE_ADMIN, VERB_CREATE, -1, "other", AUTH_FORBIDDEN },
    { "member, own instances", ROLE_MEMBER, VERB_GET | VERB_CREATE | VERB_PATCH | VERB_DELETE | VERB_LOG | VERB_SECRETS,
      KIND_INSTANCE, "acme", AUTH_ALLOWED },
    { "member, others' instances", ROLE_MEMBER,
      VERB_GET | VERB_CREATE | VERB_PATCH | VERB_LOG | VERB_SECRETS | VERB_WATCH, KIND_INSTANCE, "other", AUTH_HIDDEN },
    { "member, all instances: own ones", ROLE_MEMBER, VERB_LIST | VERB_WATCH, KIND_INSTANCE, NULL, AUTH_ALLOWED },
    { "member, own tenant", ROLE_MEMBER, VERB_GET | VERB_WATCH, KIND_TENANT, "acme", AUTH_ALLOWED },
    { "member does not raise the own quota", ROLE_MEMBER, VERB_UPDATE | VERB_PATCH | VERB_DELETE | VERB_PLAN,
      KIND_TENANT, "acme", AUTH_FORBIDDEN },
    { "member, others' tenant", ROLE_MEMBER, VERB_GET | VERB_PATCH | VERB_DELETE, KIND_TENANT, "other", AUTH_HIDDEN },
    { "member reads apps", ROLE_MEMBER, VERB_GET | VERB_LIST | VERB_WATCH, KIND_APP, NULL, AUTH_ALLOWED },
    { "member writes no apps", ROLE_MEMBER, VERB_CREATE | VERB_PATCH | VERB_DELETE, KIND_APP, NULL, AUTH_FORBIDDEN },
    { "member, own events", ROLE_MEMBER, VERB_LIST, -1, "acme", AUTH_ALLOWED },
    { "member, others' events", ROLE_MEMBER, VERB_LIST, -1, "other", AUTH_HIDDEN },
    { "member, own backups", ROLE_MEMBER, VERB_GET | VERB_LIST | VERB_WATCH | VERB_CREATE | VERB_PATCH | VERB_SECRETS,
      KIND_BACKUP, "acme", AUTH_ALLOWED },
    { "member deletes no backups", ROLE_MEMBER, VERB_DELETE | VERB_UPDATE, KIND_BACKUP, "acme", AUTH_FORBIDDEN },
    { "member, others' backups", ROLE_MEMBER, VERB_GET | VERB_CREATE | VERB_PATCH | VERB_DELETE | VERB_SECRETS,
      KIND_BACKUP, "other", AUTH_HIDDEN },
    { "nobody", ROLE_NONE, VERB_GET | VERB_LIST, KIND_APP, NULL, AUTH_HIDDEN },
};

static void test_grant(void **state)
{
    const __typeof__(grant_rows[0]) *row = *state;
    const struct identity identity = { .user = "u", .role = row->role, .tenants = { "acme" } };
    for (unsigned verb = 1; verb <= VERB_SECRETS; verb <<= 1)
        if (row->verbs & verb)
            assert_int_equal(
                auth_may(&identity, (enum verb)verb, row->kind < 0 ? ABOUT_EVENTS : row->kind, row->tenant),
                row->answer);
}

static const struct {
    const char *why;
    const char *authorization;
    bool is_encrypted;
    const char *token;
} tokens[] = {
    { "bearer", "Bearer abc", true, "abc" },
    { "bearer on a plain listener", "Bearer abc", false, "abc" },
    { "the scheme in any case", "bearer abc", true, "abc" },
    { "an empty one", "Bearer ", true, NULL },
    { "only a scheme", "Bearer", true, NULL },
    { "none", NULL, true, NULL },
    { "basic where kubectl has nothing better", "Basic YW55OmFiYw==", false, "abc" },
    { "not where it has", "Basic YW55OmFiYw==", true, NULL },
    { "basic without a password", "Basic YW55", false, NULL },
    { "basic that is no base64", "Basic %%%", false, NULL },
    { "another scheme", "Digest abc", true, NULL },
};

static void test_token(void **state)
{
    const __typeof__(tokens[0]) *row = *state;
    CLEANUP(freep) char *authorization = mem_strdup(row->authorization);
    struct request request = { .authorization = authorization, .is_encrypted = row->is_encrypted };
    CLEANUP(freep) char *token = auth_token(&request);
    assert_true(str_equal(token, row->token));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_TEST(&list, test_methods);
    CHECK_TEST(&list, test_only_health_login_and_what_is_signed_is_public);
    CHECK_ROWS(&list, test_grant, grant_rows);
    CHECK_ROWS(&list, test_token, tokens);
    return check_run("routes", &list);
}
