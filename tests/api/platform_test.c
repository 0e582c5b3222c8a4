/* The platform API over the wire: what a portal sends comes back, and really changes the records. */
#include "tests/api/api_client.h"

#define P_INSTANCES "/api/v1/instances/"
#define P_TENANTS   "/api/v1/tenants/"

static const char wish[] =
    "{\"tenant_id\":\"%s\",\"name\":\"web\",\"description\":\"Accounting\",\"odoo_version\":\"1.0\","
    "\"instance_type\":\"production\",\"cpu_limit\":1.0,\"memory_limit\":\"2G\",\"storage_limit\":\"10G\","
    "\"admin_email\":\"admin@acme.example\",\"demo_data\":true,\"database_name\":\"acme_web\","
    "\"environment_vars\":{\"ODOO_WORKERS\":\"2\"}}";

#define APP_WITH_ALL                                                                                                   \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"App\",\"metadata\":{\"name\":\"tiny\"},\"spec\":{\"versions\":"         \
    "[{\"name\":\"1.0\",\"image\":\"tiny:1\"},{\"name\":\"2.0\",\"image\":\"tiny:2\"}],\"ports\":[{\"name\":\"http\"," \
    "\"port\":8080}],\"dataPath\":\"/data\",\"health\":{\"path\":\"/\"},\"env\":{\"A\":\"{{spec.adminEmail}}\","       \
    "\"D\":\"{{spec.demoData}}\"}}}"

static char *make_tenant(struct api_fixture *api, const char *name)
{
    CLEANUP(reply_release) struct reply made;
    CLEANUP(freep)
    char *body = mem_printf("{\"name\":\"%s\",\"plan\":\"gold\",\"cpu_limit\":4.0,\"memory_limit\":\"8Gi\","
                            "\"customer_id\":\"c-77\"}",
                            name);
    ask(api, &(struct ask){ .method = "POST", .path = P_TENANTS, .body = body }, &made);
    if (made.status != 201)
        fail_msg("%s", made.body.text);
    assert_string_equal(json_text(made.json, "plan"), "gold");
    assert_true(json_is_real(json_object_get(made.json, "cpu_limit")));
    return mem_strdup(json_text(made.json, "id"));
}

static char *make_instance(struct api_fixture *api, const char *tenant_id)
{
    CLEANUP(reply_release) struct reply made;
    CLEANUP(freep) char *body = mem_printf(wish, tenant_id);
    ask(api, &(struct ask){ .method = "POST", .path = P_INSTANCES, .body = body }, &made);
    if (made.status != 201)
        fail_msg("%s", made.body.text);
    return mem_strdup(json_text(made.json, "id"));
}

static void set_status(struct api_fixture *api, const char *uid, const char *phase)
{
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    assert_ok(store_get_by_uid(api->store.store, uid, &record, &err), &err);
    CLEANUP(json_decrefp)
    json_t *status = json_pack("{s:s, s:I}", "phase", phase, "observedGeneration", (json_int_t)record.generation);
    assert_ok(store_update_status(api->store.store, &record.key, uid, status, NULL, &err), &err);
}

/* Every field that was sent stands in the answer as it was sent, with its type. */
static void assert_same(const char *sent_text, const json_t *got)
{
    CLEANUP(json_decrefp) json_t *sent = json_loads(sent_text, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach (sent, key, value)
        if (!json_equal(value, json_object_get(got, key))) {
            CLEANUP(freep) char *there = json_dump(json_object_get(got, key));
            fail_msg("%s came back as %s", key, there);
        }
}

static void test_what_is_sent_comes_back(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply made, got, raw, missing;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    CLEANUP(freep) char *body = mem_printf(wish, tenant);
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    ask(api, &(struct ask){ .method = "POST", .path = P_INSTANCES, .body = body }, &made);
    if (made.status != 201)
        fail_msg("%s", made.body.text);
    assert_string_equal(json_text(made.json, "status"), "creating");
    assert_same(body, made.json);
    const char *id = json_text(made.json, "id");
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s", id);
    ask(api, &(struct ask){ .path = path }, &got);
    assert_same(body, got.json);
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &raw); /* there is no second model */
    assert_string_equal(json_text(metadata_of(&raw), "uid"), id);
    assert_asked(api, 409, .method = "POST", .path = P_INSTANCES, .body = body);
    ask(api, &(struct ask){ .path = P_INSTANCES "00000000-0000-4000-8000-000000000000" }, &missing);
    assert_int_equal(missing.status, 404);
    assert_non_null(json_text(missing.json, "detail"));
    assert_null(json_text(missing.json, "kind"));
}

static void test_mistakes_name_the_portals_fields(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    static const struct {
        const char *body, *field;
        int status;
    } rows[] = {
        { "{\"tenant_id\":\"acme\",\"name\":\"web\",\"odoo_version\":\"1.0\",\"memory_limit\":\"2Gb\"}", "memory_limit",
          422 },
        { "{\"tenant_id\":\"acme\",\"name\":\"Web\",\"odoo_version\":\"1.0\"}", "name", 422 },
        { "{\"tenant_id\":\"acme\",\"name\":\"web\",\"odoo_version\":17}", "odoo_version", 422 },
        { "{\"tenant_id\":\"acme\",\"name\":\"web\"}", "odoo_version", 422 },
        { "{\"name\":\"web\",\"odoo_version\":\"1.0\"}", "tenant_id", 422 },
        { "{\"tenant_id\":\"acme\",\"name\":\"web\",\"odoo_version\":\"1.0\",\"environment_vars\":[]}",
          "environment_vars", 422 },
        { "{\"tenant_id\":\"acme\",\"name\":\"web\",\"odoo_version\":\"1.0\",\"colour\":\"red\"}", "colour", 400 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(reply_release) struct reply reply;
        ask(api, &(struct ask){ .method = "POST", .path = P_INSTANCES, .body = rows[i].body }, &reply);
        const json_t *first = json_array_get(json_object_get(reply.json, "errors"), 0);
        if (reply.status != rows[i].status || !str_equal(json_text(first, "field"), rows[i].field))
            fail_msg("%s: %d %s", rows[i].body, reply.status, reply.body.text);
    }
    assert_asked(api, 404, .method = "POST", .path = P_INSTANCES,
                 .body = "{\"tenant_id\":\"nosuch\",\"name\":\"web\",\"odoo_version\":\"1.0\"}");
}

static void test_lists_filter_before_they_page(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(freep) char *acme = make_tenant(api, "acme");
    CLEANUP(freep) char *beta = make_tenant(api, "beta");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    for (int i = 0; i < 7; i++) {
        CLEANUP(reply_release) struct reply made;
        CLEANUP(freep)
        char *body = mem_printf("{\"tenant_id\":\"%s\",\"name\":\"i%d\",\"odoo_version\":\"1.0\",\"cpu_limit\":0.1,"
                                "\"memory_limit\":\"64Mi\"}",
                                i < 5 ? acme : beta, i);
        ask(api, &(struct ask){ .method = "POST", .path = P_INSTANCES, .body = body }, &made);
        assert_int_equal(made.status, 201);
        if (i % 2 == 0)
            set_status(api, json_text(made.json, "id"), "Running");
    }
    static const struct {
        const char *query, *token;
        int64_t total;
        size_t items;
    } rows[] = {
        { "", NULL, 7, 7 },
        { "?page_size=3", NULL, 7, 3 },
        { "?page_size=3&page=3", NULL, 7, 1 },
        { "?page_size=3&page=4", NULL, 7, 0 },
        { "?status=running", NULL, 4, 4 },
        { "?status=running&page_size=3&page=2", NULL, 4, 1 },
        { "?tenant_id=acme&status=running", NULL, 3, 3 },
        { "?tenant_id=beta&status=creating", NULL, 1, 1 },
        { "?tenant_id=none", NULL, 0, 0 },
        { "", MEMBER_TOKEN, 5, 5 },
        { "?tenant_id=beta", MEMBER_TOKEN, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(reply_release) struct reply reply;
        CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s", rows[i].query);
        ask(api, &(struct ask){ .path = path, .token = rows[i].token }, &reply);
        if (reply.status != 200 || json_int(reply.json, "total", -1) != rows[i].total ||
            items_of(&reply) != rows[i].items)
            fail_msg("%s: %d %s", path, reply.status, reply.body.text);
    }
    assert_asked(api, 400, .path = P_INSTANCES "?status=odd");
    assert_asked(api, 400, .path = P_INSTANCES "?page=0");
}

static void test_put_changes_the_record(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply put, raw, whole;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    CLEANUP(freep) char *id = make_instance(api, tenant);
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s", id);
    ask(api, &(struct ask){ .method = "PUT", .path = path, .body = "{\"cpu_limit\":2.5,\"memory_limit\":\"3G\"}" },
        &put);
    assert_int_equal(put.status, 200);
    assert_true(json_real_value(json_object_get(put.json, "cpu_limit")) == 2.5);
    assert_string_equal(json_text(put.json, "description"), "Accounting"); /* silent about it: it stays */
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &raw);
    assert_string_equal(json_string_value(json_at(raw.json, "spec", "resources", "memory", NULL)), "3G");
    assert_int_equal(json_int(metadata_of(&raw), "generation", 0), 2);
    /* A portal that sends the whole object back changes nothing. */
    ask(api, &(struct ask){ .method = "PUT", .path = path, .body = put.body.text }, &whole);
    assert_int_equal(whole.status, 200);
    assert_true(json_equal(whole.json, put.json));
    assert_asked(api, 422, .method = "PUT", .path = path, .body = "{\"database_name\":\"other\"}");
    assert_asked(api, 202, .method = "DELETE", .path = path);
}

static void act(struct api_fixture *api, const char *id, const char *action, int status, struct reply *ret)
{
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s/actions", id);
    CLEANUP(freep) char *body = mem_printf("{\"action\":\"%s\",\"parameters\":{}}", action);
    ask(api, &(struct ask){ .method = "POST", .path = path, .body = body }, ret);
    if (ret->status != status)
        fail_msg("%s: %d %s", action, ret->status, ret->body.text);
}

static bool offers(const struct reply *reply, const char *action)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    json_to_strv(json_object_get(reply->json, "allowed_actions"), &names);
    return strv_has(&names, action);
}

static void test_actions(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply start, stop, again, run, restart, raw, unknown, suspend, lift, gone;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    CLEANUP(freep) char *id = make_instance(api, tenant);
    set_status(api, id, "Running");
    act(api, id, "start", 409, &start);
    assert_true(offers(&start, "stop") && offers(&start, "restart") && offers(&start, "suspend"));
    assert_false(offers(&start, "start") || offers(&start, "unsuspend"));
    act(api, id, "stop", 202, &stop);
    assert_string_equal(json_text(stop.json, "detail"), "the container will be stopped");
    act(api, id, "stop", 409, &again);
    assert_true(offers(&again, "start"));
    act(api, id, "start", 202, &run);
    set_status(api, id, "Running");
    act(api, id, "restart", 202, &restart);
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &raw);
    assert_non_null(json_at(raw.json, "metadata", "annotations", "tenantd/restartedAt", NULL));
    act(api, id, "explode", 422, &unknown);

    act(api, id, "suspend", 202, &suspend);
    assert_asked(api, 403, .token = MEMBER_TOKEN, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"metadata\":{\"annotations\":{\"tenantd/suspended\":null}}}");
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s/actions", id);
    assert_asked(api, 403, .token = MEMBER_TOKEN, .method = "POST", .path = path, .body = "{\"action\":\"unsuspend\"}");
    assert_asked(api, 409, .token = MEMBER_TOKEN, .method = "POST", .path = path, .body = "{\"action\":\"start\"}");
    act(api, id, "unsuspend", 202, &lift);
    assert_asked(api, 202, .token = MEMBER_TOKEN, .method = "POST", .path = path,
                 .body = "{\"action\":\"update\",\"parameters\":{\"version\":\"2.0\"}}");
    assert_asked(api, 422, .token = MEMBER_TOKEN, .method = "POST", .path = path, .body = "{\"action\":\"update\"}");
    act(api, id, "terminate", 202, &gone);
    assert_asked(api, 409, .method = "POST", .path = path, .body = "{\"action\":\"terminate\"}");
}

static void test_a_key_counts_once(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply first, second, raw, later;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    CLEANUP(freep) char *id = make_instance(api, tenant);
    set_status(api, id, "Running");
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s/actions", id);
    const struct ask restart = {
        .method = "POST", .path = path, .body = "{\"action\":\"restart\"}", .header = "Idempotency-Key: k1"
    };
    ask(api, &restart, &first);
    assert_int_equal(first.status, 202);
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &raw);
    usleep(1100000); /* a second restart would have another second in its annotation */
    ask(api, &restart, &second);
    assert_int_equal(second.status, 202);
    assert_string_equal(first.body.text, second.body.text);
    assert_contains(second.headers.text, "Idempotency-Replayed: true");
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &later);
    assert_true(json_equal(raw.json, later.json));
    assert_asked(api, 422, .method = "POST", .path = path, .body = "{\"action\":\"stop\"}",
                 .header = "Idempotency-Key: k1");
    /* A creation, too; and what failed may be tried again. */
    const struct ask bad = {
        .method = "POST", .path = P_TENANTS, .body = "{\"name\":\"NO\"}", .header = "Idempotency-Key: k2"
    };
    const struct ask good = {
        .method = "POST", .path = P_TENANTS, .body = "{\"name\":\"shop\"}", .header = "Idempotency-Key: k2"
    };
    CLEANUP(reply_release) struct reply failed, made, replayed;
    ask(api, &bad, &failed);
    assert_int_equal(failed.status, 422);
    ask(api, &good, &made);
    assert_int_equal(made.status, 201);
    ask(api, &good, &replayed);
    assert_int_equal(replayed.status, 201);
    assert_string_equal(made.body.text, replayed.body.text);
}

static void test_customer_stats(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply stats;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    CLEANUP(freep) char *id = make_instance(api, tenant);
    set_status(api, id, "Running");
    ask(api, &(struct ask){ .path = P_TENANTS "customer/c-77/stats" }, &stats);
    assert_int_equal(stats.status, 200);
    assert_int_equal(json_integer_value(json_at(stats.json, "instances", "by_status", "running", NULL)), 1);
    assert_int_equal(json_integer_value(json_at(stats.json, "memory", "used", NULL)), 2000000000);
    assert_int_equal(json_integer_value(json_at(stats.json, "memory", "allowed", NULL)), INT64_C(8) << 30);
    assert_true(json_real_value(json_at(stats.json, "cpu", "used", NULL)) == 1.0);
    assert_true(json_is_null(json_at(stats.json, "storage", "allowed", NULL)));
    assert_asked(api, 200, .token = MEMBER_TOKEN, .path = P_TENANTS "customer/c-77/stats");
    assert_asked(api, 404, .path = P_TENANTS "customer/none/stats");
}

static void test_what_was_seen(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply status, backups;
    CLEANUP(freep) char *tenant = make_tenant(api, "acme");
    assert_asked(api, 201, .method = "POST", .path = APPS, .body = APP_WITH_ALL);
    CLEANUP(freep) char *id = make_instance(api, tenant);
    CLEANUP(freep) char *path = mem_printf(P_INSTANCES "%s/status", id);
    ask(api, &(struct ask){ .path = path }, &status);
    assert_int_equal(status.status, 200);
    assert_string_equal(json_text(status.json, "status"), "creating");
    assert_true(json_is_integer(json_object_get(status.json, "age_seconds")));
    assert_true(offers(&status, "terminate"));
    CLEANUP(freep) char *list = mem_printf(P_INSTANCES "%s/backups", id);
    ask(api, &(struct ask){ .path = list }, &backups);
    assert_int_equal(json_int(backups.json, "total", -1), 0);
    CLEANUP(freep) char *logs = mem_printf(P_INSTANCES "%s/logs?lines=5", id);
    assert_asked(api, 409, .path = logs); /* no container yet */
}

static void test_tenants(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply put, list, own;
    CLEANUP(freep) char *acme = make_tenant(api, "acme");
    CLEANUP(freep) char *beta = make_tenant(api, "beta");
    CLEANUP(freep) char *path = mem_printf(P_TENANTS "%s", beta);
    ask(api, &(struct ask){ .method = "PUT", .path = path, .body = "{\"suspended\":true,\"plan\":\"free\"}" }, &put);
    assert_string_equal(json_text(put.json, "status"), "suspended");
    ask(api, &(struct ask){ .path = P_TENANTS "?customer_id=c-77" }, &list);
    assert_int_equal(json_int(list.json, "total", -1), 2);
    ask(api, &(struct ask){ .token = MEMBER_TOKEN, .path = P_TENANTS }, &own);
    assert_int_equal(json_int(own.json, "total", -1), 1);
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = path);
    assert_asked(api, 403, .token = MEMBER_TOKEN, .method = "POST", .path = P_TENANTS, .body = "{\"name\":\"mine\"}");
    assert_asked(api, 202, .method = "DELETE", .path = path);
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_what_is_sent_comes_back);
    CHECK_API(&list, test_mistakes_name_the_portals_fields);
    CHECK_API(&list, test_lists_filter_before_they_page);
    CHECK_API(&list, test_put_changes_the_record);
    CHECK_API(&list, test_actions);
    CHECK_API(&list, test_a_key_counts_once);
    CHECK_API(&list, test_customer_stats);
    CHECK_API(&list, test_what_was_seen);
    CHECK_API(&list, test_tenants);
    return check_run_api("platform", &list);
}
