/*
 * Each status code that /openapi/v3 and /openapi.json tell of is made to happen, on each of their routes. That no other one
 * ever does is what assert_documented() checks in all tests.
 */
#include "api/auth.h"
#include "tests/api/api_client.h"

#define PASSWORD "correct horse battery"
#define LONG     40000 /* more than a head may have */

/* A server with enough workers to let many requests hang at a time. */
#define THREADS 40

struct walk {
    struct api_fixture *api;
    char *tenant_id, *instance_id;
    char *long_text;
};

/* ---- which routes ---- */

static bool is_printed(const struct route *route)
{
    return strstr(route->pattern, "{plural}") || route->of || str_starts_with(route->pattern, "/auth/");
}

/* The first kind that it is there for; of several all are the same code. */
static const struct kind *kind_of(const struct route *route)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].id != KIND_APP && route_serves(route, &kinds[i]))
            return &kinds[i];
    fail_msg("%s is there for no kind", route->pattern);
    return NULL;
}

static bool is_in_tenant(const struct route *route)
{
    return strstr(route->pattern, "{namespace}");
}

static const char *id_of(const struct walk *walk, const struct route *route)
{
    if (!route->of)
        return route->about == ABOUT_TOKENS ? "walk" : "walk@acme.example";
    return route->of->id == KIND_TENANT ? walk->tenant_id : walk->instance_id;
}

static const char *name_of(const struct kind *kind)
{
    if (!kind || kind->id == KIND_INSTANCE)
        return "web";
    return kind->id == KIND_SOURCE ? "fleet" : "acme";
}

/* The route's path; `misses`: of something that is not there. */
static char *path_of(const struct walk *walk, const struct route *route, bool misses)
{
    const struct kind *kind = strstr(route->pattern, "{plural}") ? kind_of(route) : NULL;
    const char *id = misses ? "00000000-0000-4000-8000-000000000000" : id_of(walk, route);
    const struct {
        const char *param, *value;
    } values[] = {
        { "{namespace}", misses ? "gone" : "acme" },
        { "{plural}", kind ? kind->plural : "" },
        { "{name}", misses ? "gone" : name_of(kind) },
        { "{key}", "webhook" },
        { "{id}", id },
        { "{customer_id}", id },
    };
    CLEANUP(str_release) struct str path = STR_INIT;
    for (const char *at = route->pattern; *at;) {
        size_t len = *at == '{' ? strcspn(at, "}") + 1 : 1;
        const char *value = NULL;
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
            if (*at == '{' && strncmp(at, values[i].param, len) == 0)
                value = values[i].value;
        str_addn(&path, value ? value : at, value ? strlen(value) : 1);
        at += len;
    }
    return str_steal(&path);
}

/* ---- bodies ---- */

#define BAD_TENANT                                                                                                     \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"},\"spec\":{\"owner\":\"x\"}}"
#define BAD_INSTANCE INSTANCE("web", ",\"state\":\"x\"")
#define GOLDEN                                                                                                         \
    "{\"apiVersion\":\"tenantd/"                                                                                       \
    "v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"},\"spec\":{\"plan\":\"gold\"}}"
#define NONE    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"gone\"},\"spec\":{}}"
#define SOURCES "/apis/tenantd/v1/sources"
#define FLEET                                                                                                          \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Source\",\"metadata\":{\"name\":\"fleet\"},\"spec\":{\"directory\":\"/" \
    "srv/fleet\"}}"
#define WALKER "{\"email\":\"walk@acme.example\",\"password\":\"" PASSWORD "\",\"tenants\":[\"acme\"]}"
#define WALK   "{\"name\":\"walk\",\"tenants\":[\"acme\"]}"
#define FRESH  "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"fresh\"},\"spec\":{}}"
#define LOGIN  "{\"email\":\"jo@acme.example\",\"password\":\"" PASSWORD "\"}"

/* What a route wants to hear, and what it refuses as invalid; the first that fits counts. */
static const struct {
    const char *method, *pattern; /* how it begins */
    const char *good, *bad;
} bodies[] = {
    { "POST", "/apis/tenantd/v1/namespaces/{namespace}/{plural}/{name}/plan", INSTANCE("web", ""), BAD_INSTANCE },
    { "POST", "/apis/tenantd/v1/namespaces/", INSTANCE("fresh", ""), INSTANCE("fresh", ",\"state\":\"x\"") },
    { "PUT", "/apis/tenantd/v1/namespaces/", INSTANCE("web", ",\"description\":\"new\""), BAD_INSTANCE },
    { "PATCH", "/apis/tenantd/v1/namespaces/", "{\"spec\":{\"description\":\"seen\"}}",
      "{\"spec\":{\"state\":\"x\"}}" },
    { "PUT", "/apis/tenantd/v1/{plural}/{name}/secrets/", "{\"value\":\"of the test\"}", NULL },
    { "DELETE", "/apis/tenantd/v1/{plural}/{name}/secrets/", NULL, NULL },
    { "POST", "/apis/tenantd/v1/{plural}/{name}/sync", NULL, NULL },
    { "POST", "/apis/tenantd/v1/{plural}/{name}/plan", ACME, BAD_TENANT },
    { "POST", "/apis/tenantd/v1/", FRESH, BAD_TENANT },
    { "PUT", "/apis/tenantd/v1/", GOLDEN, BAD_TENANT },
    { "PATCH", "/apis/tenantd/v1/", "{\"spec\":{\"plan\":\"gold\"}}", "{\"spec\":{\"owner\":\"x\"}}" },
    { "DELETE", "/apis/tenantd/v1/{plural}", NULL, "{\"propagationPolicy\":\"Orphan\"}" },
    { "POST", "/api/v1/instances/{id}/actions", "{\"action\":\"stop\"}", "{\"action\":\"fly\"}" },
    { "POST", "/api/v1/instances",
      "{\"tenant_id\":\"acme\",\"name\":\"fresh\",\"app\":\"tiny\",\"odoo_version\":\"1.0\"}",
      "{\"tenant_id\":\"acme\",\"name\":\"fresh\"}" },
    { "PUT", "/api/v1/instances", "{\"description\":\"seen\"}", "{\"memory_limit\":\"much\"}" },
    { "POST", "/api/v1/tenants", "{\"name\":\"fresh\"}", "{\"name\":\"NO\"}" },
    { "PUT", "/api/v1/tenants", "{\"plan\":\"gold\"}", "{\"owner_email\":\"x\"}" },
    { "POST", "/auth/register",
      "{\"email\":\"new@shop.example\",\"password\":\"" PASSWORD "\",\"tenant_name\":\"shop\"}", "{}" },
    { "POST", "/auth/login", LOGIN, "{}" },
    { "POST", "/auth/password-change",
      "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"another " PASSWORD "\"}", "{}" },
    { "POST", "/auth/accounts", WALKER, "{}" },
    { "PATCH", "/auth/accounts", "{\"name\":\"Walker\"}", "{\"tenants\":[\"nosuch\"]}" },
    { "POST", "/auth/tokens", WALK, "{}" },
};

static const char *body_of(const struct route *route, bool is_good)
{
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (str_equal(bodies[i].method, route->method) && str_starts_with(route->pattern, bodies[i].pattern))
            return is_good ? bodies[i].good : bodies[i].bad;
    return NULL;
}

/* ---- making one status happen ---- */

static bool is_session_only(const struct route *route)
{
    return str_equal(route->pattern, "/auth/logout") || str_equal(route->pattern, "/auth/password-change");
}

static char *log_in(struct api_fixture *api)
{
    CLEANUP(reply_release) struct reply reply;
    ask(api, &(struct ask){ .token = "", .method = "POST", .path = "/auth/login", .body = LOGIN }, &reply);
    if (reply.status != 200)
        fail_msg("login: %d %s", reply.status, reply.body.text);
    return mem_strdup(json_text(reply.json, "access_token"));
}

/* A patch that creates is an apply. */
static void make_applied(struct ask *ask)
{
    ask->content_type = "application/apply-patch+yaml";
    ask->path = strstr(ask->path, "/namespaces/") ? INSTANCES "/fresh?fieldManager=x&dryRun=All"
                                                  : TENANTS "/fresh?fieldManager=x&dryRun=All";
    ask->body = strstr(ask->path, "/namespaces/") ? INSTANCE("fresh", "") : FRESH;
}

static void check_one(const struct walk *walk, const struct route *route, int status)
{
    bool is_public = route_is_public(route);
    bool is_good = status < 300 || (status == 409 && !is_session_only(route));
    bool is_merge = str_equal(route->method, "PATCH") && !route->about && status != 201;
    const char *body = body_of(route, status != 422);
    CLEANUP(freep) char *path = path_of(walk, route, status == 404);
    bool needs_session = is_session_only(route) && (status < 300 || status == 415 || status == 422);
    CLEANUP(freep) char *session = needs_session ? log_in(walk->api) : NULL;
    CLEANUP(freep) char *header = status == 431 ? mem_printf("X-Long: %s", walk->long_text) : NULL;
    CLEANUP(str_release) struct str whole = STR_INIT;
    CLEANUP(reply_release) struct reply reply;
    str_add(&whole, path);
    if (status == 414)
        str_addf(&whole, "?x=%s", walk->long_text);
    else if (status == 400)
        str_add(&whole, "?x=%zz");
    else if (status == 410)
        str_add(&whole, "?limit=1&continue=eyJ2ZXJzaW9uIjoxLCJhZnRlciI6Ii9hIn0%3D"); /* of version 1 */
    else if (is_good && status != 409 && !str_starts_with(path, "/auth/"))
        str_add(&whole, "?dryRun=All");
    struct ask what = {
        .token = is_public || (status == 401) ? "" : session,
        .method = route->method,
        .path = whole.text,
        .content_type = status == 415 ? "text/plain"
                        : is_merge    ? MERGE
                                      : NULL,
        .body = status == 415 && !body ? "x" : body,
        .header = status == 403 ? "Impersonate-User: x" : header,
    };
    if (status == 401 && is_public)
        what.body = "{\"email\":\"jo@acme.example\",\"password\":\"a wrong one\"}";
    if (status == 413) {
        what.body = walk->long_text;
        what.body_len = 4 << 20;
    }
    if (status == 201 && str_equal(route->method, "PATCH"))
        make_applied(&what);
    if (status == 404 && route_documents(route, 405)) /* refused in any case, but not told of to everybody */
        what.token = MEMBER_TOKEN;
    if (status == 404 && route->verb == VERB_PLAN)
        what.body = NULL;
    if (status == 404 && route->verb == VERB_UPDATE && !route->of && !route_documents(route, 405))
        what.body = is_in_tenant(route) ? INSTANCE("gone", "") : NONE;
    if (status == 404 && route->verb == VERB_CREATE && route->of)
        what.body = "{\"tenant_id\":\"gone\",\"name\":\"fresh\",\"odoo_version\":\"1.0\"}";
    ask(walk->api, &what, &reply);
    if (reply.status != status)
        fail_msg("%s %s: %d instead of %d: %.300s", route->method, route->pattern, reply.status, status,
                 reply.body.text);
}

/* What needs a container, Docker to ask about one, or a recovery point: server_live_test.c, tests/e2e/portal_test.sh, download_test.sh. */
static bool is_elsewhere(const struct route *route, int status)
{
    return status == 200 && ((route->verb & (VERB_LOG | VERB_PLAN)) || strstr(route->pattern, "/objects/"));
}

static void check_all(const struct walk *walk, const int *statuses, size_t count)
{
    size_t made = 0;
    for (const struct route *route = routes; route->method; route++)
        for (size_t i = 0; i < count && is_printed(route); i++)
            if (route_documents(route, statuses[i]) && !is_elsewhere(route, statuses[i])) {
                check_one(walk, route, statuses[i]);
                made++;
            }
    assert_true(made > 0);
}
#define CHECK_ALL(walk, ...) check_all((walk), (const int[]){ __VA_ARGS__ }, ARRAY_LEN(((const int[]){ __VA_ARGS__ })))

/* ---- the world for it ---- */

static char *uid_in(const struct api_fixture *api, const char *name)
{
    CLEANUP(freep) char *sql = mem_printf("select uid from store.record where name = '%s'", name);
    return pg_fixture_text(api->store.url, sql);
}

static void begin(struct api_fixture *api, struct walk *walk)
{
    api->accounts.logins_per_account = 1000000;
    api->listen.threads = THREADS;
    api_fixture_stop(api);
    api_fixture_start(api);
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 201, .method = "POST", .path = SOURCES, .body = FLEET);
    assert_asked(api, 200, .method = "PUT", .path = SOURCES "/fleet/secrets/webhook", .body = "{\"value\":\"x\"}");
    assert_asked(api, 201, .method = "POST", .path = "/auth/accounts",
                 .body = "{\"email\":\"jo@acme.example\",\"password\":\"" PASSWORD "\",\"tenants\":[\"acme\"]}");
    *walk = (struct walk){ .api = api, .tenant_id = uid_in(api, "acme"), .instance_id = uid_in(api, "web") };
    walk->long_text = mem_zalloc((4 << 20) + 1);
    memset(walk->long_text, 'x', 4 << 20);
}

/* The account and the token that the routes about one of them are asked for. */
static void make_walker(struct api_fixture *api)
{
    assert_asked(api, 201, .method = "POST", .path = "/auth/accounts", .body = WALKER);
    assert_asked(api, 201, .method = "POST", .path = "/auth/tokens", .body = WALK);
}

static void end(struct walk *walk)
{
    free(walk->tenant_id);
    free(walk->instance_id);
    free(walk->long_text);
}

static void test_what_a_request_is_to_blame_for(void **state)
{
    struct api_fixture *api = *state;
    struct walk walk;
    begin(api, &walk);
    make_walker(api);
    CHECK_ALL(&walk, 400, 401, 403, 404, 405, 413, 415, 422);
    CLEANUP(freep) char *long_text = walk.long_text;
    walk.long_text = mem_strndup(long_text, LONG);
    CHECK_ALL(&walk, 414, 431);
    pg_fixture_run(api->store.url, "delete from store.change where version <= 2");
    CHECK_ALL(&walk, 410);
    end(&walk);
}

/* In the table's order, so that what is made is there to be read, changed and deleted. */
static void test_what_is_done(void **state)
{
    struct walk walk;
    begin(*state, &walk);
    for (const struct route *route = routes; route->method; route++) {
        if (!is_printed(route))
            continue;
        /* Of accounts the list comes before the first one is made, and the session's password is changed last. */
        static const int statuses[] = { 200, 201, 202 };
        for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
            if (route_documents(route, statuses[i]) && !is_elsewhere(route, statuses[i]))
                check_one(&walk, route, statuses[i]);
        if (str_equal(route->pattern, "/auth/password-change"))
            pg_fixture_run(walk.api->store.url, "delete from store.account where email = 'jo@acme.example'");
    }
    end(&walk);
}

/* Somebody else writes the same at the same time. */
static void test_what_collides(void **state)
{
    static const struct {
        const char *name, *column; /* that is written where something is changed, and not where it is seen */
    } tables[] = { { "record", "version" },
                   { "account", "tenants" },
                   { "session", "account" },
                   { "token", "digest" },
                   { "secret", "sealed" } };
    struct api_fixture *api = *state;
    struct walk walk;
    begin(api, &walk);
    make_walker(api);
    pg_fixture_run(api->store.url,
                   "update store.record set annotations = '{}' where kind = 'Source'"); /* no sync waits */
    pg_fixture_run(api->store.url, "create function store.busy() returns trigger language plpgsql as "
                                   "'begin raise exception sqlstate ''55P03''; end'");
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        CLEANUP(freep)
        char *sql = mem_printf("create trigger busy before insert or update of %s or delete on store.%s for each row "
                               "execute function store.busy()",
                               tables[i].column, tables[i].name);
        pg_fixture_run(api->store.url, sql);
    }
    CHECK_ALL(&walk, 409);
    end(&walk);
}

/* ---- what the server is to blame for ---- */

static void test_what_is_broken(void **state)
{
    struct api_fixture *api = *state;
    struct walk walk;
    begin(api, &walk);
    pg_fixture_run(api->store.url, "alter table store.token rename to lost; alter table store.attempt rename to lost2");
    CHECK_ALL(&walk, 500);
    end(&walk);
}

static void test_what_is_not_there_yet(void **state)
{
    struct api_fixture *api = *state;
    struct walk walk;
    struct err err = ERR_INIT;
    begin(api, &walk);
    struct api_fixture closed = *api;
    assert_ok(api_start(&api->options, &closed.api, &err), &err); /* and not api_open() */
    walk.api = &closed;
    CHECK_ALL(&walk, 503);
    api_stop(closed.api);
    end(&walk);
}

struct one {
    const struct walk *walk;
    const struct route *route;
    pthread_t thread;
};

static void *ask_one(void *context)
{
    struct one *one = context;
    check_one(one->walk, one->route, 504);
    return NULL;
}

/* A transaction of somebody's that holds what every request needs. */
static void hold_tables(PGconn *conn)
{
    PGresult *result = PQexec(conn, "begin; lock table store.token, store.attempt");
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
}

/* Each waits for as long as a statement may take, so they do at the same time. */
static void test_what_hangs(void **state)
{
    struct api_fixture *api = *state;
    struct walk walk;
    struct one all[128];
    size_t count = 0;
    begin(api, &walk);
    PGconn *conn = PQconnectdb(api->store.url);
    hold_tables(conn);
    for (const struct route *route = routes; route->method; route++)
        if (is_printed(route) && route_documents(route, 504)) {
            assert_true(count < ARRAY_LEN(all));
            all[count++] = (struct one){ .walk = &walk, .route = route };
        }
    for (size_t first = 0; first < count; first += THREADS) {
        size_t last = first + THREADS < count ? first + THREADS : count;
        for (size_t i = first; i < last; i++)
            assert_int_equal(pthread_create(&all[i].thread, NULL, ask_one, &all[i]), 0);
        for (size_t i = first; i < last; i++)
            assert_int_equal(pthread_join(all[i].thread, NULL), 0);
    }
    PQfinish(conn);
    end(&walk);
}

#define WAITING 2100 /* what the workers' queue holds, and those who are asked about already */

static void test_what_is_too_much(void **state)
{
    struct api_fixture *api = *state;
    struct walk walk;
    static int fds[WAITING];
    begin(api, &walk);
    PGconn *conn = PQconnectdb(api->store.url);
    hold_tables(conn);
    for (size_t i = 0; i < WAITING; i++) {
        fds[i] = dial(api);
        send_get(fds[i], TENANTS);
    }
    CLEANUP(str_release) struct str answer = STR_INIT;
    receive_until(fds[WAITING - 1], &answer, "\r\n\r\n", 20 * SECOND_MS); /* the last one is told first */
    assert_contains(answer.text, " 429 ");
    CHECK_ALL(&walk, 429);
    PQfinish(conn);
    for (size_t i = 0; i < WAITING; i++)
        close(fds[i]);
    end(&walk);
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_what_a_request_is_to_blame_for);
    CHECK_API(&list, test_what_is_done);
    CHECK_API(&list, test_what_collides);
    CHECK_API(&list, test_what_is_broken);
    CHECK_API(&list, test_what_is_not_there_yet);
    CHECK_API(&list, test_what_hangs);
    CHECK_API(&list, test_what_is_too_much);
    return check_run_api("answers", &list);
}
