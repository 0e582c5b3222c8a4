/*
 * Requests, from the target's first byte to what is stored: whatever comes to the real routes is answered as they are documented to, leaves
 * only records behind that would be accepted again, and changes nothing of another tenant's for a member. The store is the simulated one.
 *
 * An input reads as HTTP does: "PATCH /target?query", headers, an empty line, the body. "As: member" asks as a member of acme.
 */
#include "api/api.h"
#include "api/apply.h"
#include "api/auth.h"
#include "api/handlers.h"
#include "api/routes.h"
#include "api/status.h"
#include "base/log.h"
#include "reconcilers/world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/store.h"

#define API "/apis/tenantd/v1"

/* ---- the request ---- */

static char *take_line(const char **text, const char *end)
{
    const char *begin = *text, *stop = memchr(begin, '\n', (size_t)(end - begin));
    *text = stop ? stop + 1 : end;
    char *line = mem_strndup(begin, (size_t)((stop ? stop : end) - begin));
    line[strcspn(line, "\r")] = '\0';
    return line;
}

static void take_header(struct request *request, const char *line, bool *ret_member)
{
    const struct {
        const char *name;
        char **value;
    } headers[] = {
        { "Accept: ", &request->accept },
        { "Content-Type: ", &request->content_type },
        { "Authorization: ", &request->authorization },
        { "X-Hub-Signature-256: ", &request->signature },
        { "Idempotency-Key: ", &request->idempotency_key },
    };
    if (str_equal(line, "As: member"))
        *ret_member = true;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        if (strncasecmp(line, headers[i].name, strlen(headers[i].name)) == 0 && !*headers[i].value)
            *headers[i].value = mem_strdup(line + strlen(headers[i].name));
}

/* Ids are random: "@web" and "@acme" stand for those of the instance and the tenant. Owned. */
static char *with_ids(const char *target)
{
    static const struct {
        const char *sign;
        struct record_key key;
    } ids[] = {
        { "@web", { KIND_INSTANCE, "acme", "web" } },
        { "@acme", { KIND_TENANT, "", "acme" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const char *at = strstr(target, ids[i].sign);
        const struct record *record = sim_record_find(&ids[i].key);
        if (at && record)
            return mem_printf("%.*s%s%s", (int)(at - target), target, record->uid, at + strlen(ids[i].sign));
    }
    return mem_strdup(target);
}

static void take_request(const char *text, size_t size, struct request *request, bool *ret_member)
{
    const char *end = text + size;
    CLEANUP(freep) char *first = take_line(&text, end);
    char *space = strchr(first, ' ');
    request->target = with_ids(space ? space + 1 : "/");
    if (space)
        *space = '\0';
    request->method = mem_strdup(first);
    for (bool goes_on = true; goes_on;) {
        CLEANUP(freep) char *line = take_line(&text, end);
        goes_on = line[0] != '\0';
        take_header(request, line, ret_member);
    }
    str_addn(&request->body, text, (size_t)(end - text));
}

static struct identity identity_of(bool is_member)
{
    struct identity identity = { .user = "fuzz", .role = is_member ? ROLE_MEMBER : ROLE_ADMIN };
    FUZZ_ASSERT(!is_member || identity_set_tenants(&identity, "acme"), "acme");
    return identity;
}

/* ---- its way ---- */

/* What needs threads and sockets, takes long by intention (passwords are hashed), or leaves this process. */
static bool is_elsewhere(const struct request *request)
{
    static handler_fn *const handlers[] = { health_live,        health_ready,     metrics_show,
                                            logs_show,          point_download,   platform_instance_logs,
                                            account_login,      account_register, account_change_password,
                                            accounts_create,    accounts_change,  catalog_rebuild_run,
                                            recovery_key_export };
    bool watches = false;
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
        if (request->route->handler == handlers[i])
            return true;
    return request->route->handler == resources_list && uri_query_flag(&request->uri, "watch", &watches, NULL) &&
           watches;
}

/* As api/exchange.c leads it, from its head on. */
static bool answer_request(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    if (!uri_parse(request->target, &request->uri, err) || !routes_find(request, err))
        return false;
    CLEANUP(freep) char *token = auth_token(request);
    if (request->route->access == ACCESS_SIGNED && !request->signature)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    if (!is_elsewhere(request))
        return routes_run(worker, request, answer, err);
    answer_text(answer, 200, "elsewhere");
    return true;
}

static void check_answer(const struct request *request, const struct answer *answer)
{
    const struct route *route = request->route;
    CLEANUP(json_decrefp) json_t *body = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    FUZZ_ASSERT(str_is_utf8(answer->body.text, answer->body.len), request->target);
    if (answer->body.len > 0 && (!answer->content_type || str_equal(answer->content_type, "application/json")))
        FUZZ_ASSERT(json_parse_answer(answer->body.text, answer->body.len, &body, &err), err_message(&err));
    FUZZ_ASSERT(answer->status != 500, answer->body.text);
    if (route && !is_elsewhere(request) && route->access == ACCESS_GRANTS && answer->status != 503)
        FUZZ_ASSERT(route_documents(route, answer->status), answer->body.text);
    for (size_t i = 0; i < answer->headers.count; i++)
        FUZZ_ASSERT(!strpbrk(answer->headers.items[i], "\r\n") && strstr(answer->headers.items[i], ": "),
                    answer->headers.items[i]);
}

static int ask(struct worker *worker, const char *text, size_t size)
{
    struct request request = { .body = STR_INIT };
    struct answer answer = { .body = STR_INIT };
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool is_member = false;
    take_request(text, size, &request, &is_member);
    request.identity = identity_of(is_member);
    if (!answer_request(worker, &request, &answer, &err)) {
        FUZZ_ASSERT(err.code != ERR_NONE, request.target);
        status_answer(&request, &err, &answer);
    }
    int status = answer.status ? answer.status : 200;
    check_answer(&request, &answer);
    request_release(&request);
    answer_release(&answer);
    return status;
}

/* ---- the world ---- */

static void check_record(const struct record *record)
{
    CLEANUP(json_decrefp) json_t *object = record_to_json(record);
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record again = { 0 };
    bool good = record_from_json(object, &kinds[record->key.kind], NULL, NULL, &again, NULL, &problems);
    FUZZ_ASSERT(good, problems.items[0].message);
}

/* All records in one text, but what a member of acme may change. */
static char *others(void)
{
    CLEANUP(json_decrefp) json_t *all = json_object();
    const char *key;
    void *value;
    for (size_t at = 0; map_next(sim->store->records, &at, &key, &value);) {
        const struct record *record = value;
        check_record(record);
        if (!str_equal(record->key.namespace, "acme"))
            json_put(all, key, record_to_json(record));
    }
    return json_dump(all);
}

static void fill(struct worker *worker)
{
    static const char *const requests[] = {
        "POST " API "/tenants\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"}}",
        "POST " API "/tenants\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"beta\"}}",
        "POST " API
        "/apps\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"App\",\"metadata\":{\"name\":\"tiny\"},\"spec\":{"
        "\"versions\":[{\"name\":\"1.0\",\"image\":\"tiny:1\"}],\"ports\":[{\"name\":\"http\",\"port\":8080}],"
        "\"dataPath\":\"/data\",\"health\":{\"path\":\"/\"}}}",
        "POST " API "/namespaces/acme/instances\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{"
        "\"name\":\"web\",\"labels\":{\"tier\":\"gold\"}},\"spec\":{\"app\":\"tiny\",\"version\":\"1.0\"}}",
        "POST " API "/namespaces/beta/instances\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{"
        "\"name\":\"shop\"},\"spec\":{\"app\":\"tiny\",\"version\":\"1.0\"}}",
        "POST " API "/sources\n\n{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Source\",\"metadata\":{\"name\":\"fleet\"},"
        "\"spec\":{\"directory\":\"/srv/fleet\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        FUZZ_ASSERT(ask(worker, requests[i], strlen(requests[i])) == 201, requests[i]);
}

static bool asks_as_member(const char *text, size_t size)
{
    struct request request = { .body = STR_INIT };
    bool is_member = false;
    take_request(text, size, &request, &is_member);
    request_release(&request);
    return is_member;
}

/* Kept from one input to the next until something in it was changed: to fill it takes much longer than most requests do. */
struct scene {
    struct api_options options;
    struct api_shared shared;
    struct worker worker;
    char *others;
    int64_t changes;
    bool is_open;
};

static int64_t changes_so_far(void)
{
    int64_t changes = 0;
    for (int side = 0; side < SIM_SIDES; side++)
        changes += sim->changes[side];
    return changes;
}

static void scene_open(struct scene *scene, const struct api_options *options)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (scene->is_open)
        return;
    sim_open(1);
    scene->is_open = true;
    scene->options = *options;
    scene->options.world = world_new();
    scene->shared = (struct api_shared){ .options = &scene->options, .is_open = 1 };
    scene->worker = (struct worker){ .shared = &scene->shared, .store = store_new(NULL) };
    FUZZ_ASSERT(docker_open(NULL, &scene->worker.docker, &err), err_message(&err));
    scene->worker.server = server_new(NULL, options->settings->installation);
    fill(&scene->worker);
    scene->others = others();
    scene->changes = changes_so_far();
}

static void scene_close(struct scene *scene)
{
    store_free(scene->worker.store);
    docker_free(scene->worker.docker);
    server_free(scene->worker.server);
    world_free(scene->options.world);
    free(scene->others);
    sim_close();
    scene->is_open = false;
}

static void run(struct scene *scene, const char *text, size_t size)
{
    bool is_member = asks_as_member(text, size);
    ask(&scene->worker, text, size);
    if (changes_so_far() == scene->changes)
        return;
    CLEANUP(freep) char *after = others();
    FUZZ_ASSERT(!is_member || str_equal(scene->others, after), after);
    scene_close(scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char plan[] = "basic", app[] = "tiny";
    static const struct config_accounts accounts = { .registration = true,
                                                     .session_ms = HOUR_MS,
                                                     .login_window_ms = HOUR_MS,
                                                     .logins_per_account = 5,
                                                     .logins_per_address = 5,
                                                     .new_tenant = { .plan = plan },
                                                     .app = app };
    static const struct config_listen listen = { .max_body_bytes = 1 << 20 };
    static const struct settings settings = { .installation = "0a1b2c",
                                              .prefix = "td",
                                              .network_pool = "10.213.0.0/16",
                                              .network_prefix_length = 26,
                                              .publish_address = "127.0.0.1",
                                              .publish_first = 20000,
                                              .publish_last = 20009 };
    static const struct api_options options = { .listen = &listen, .accounts = &accounts, .settings = &settings };
    static struct scene scene;
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    scene_open(&scene, &options);
    run(&scene, (const char *)data, size);
    return 0;
}
