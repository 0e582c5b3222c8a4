/* The API in this process over TLS: records, and what is refused. */
#include "tests/api/api_client.h"

/* As all is answered: compact, keys sorted. */
static void assert_printed_in_order(const struct reply *reply)
{
    CLEANUP(freep) char *text = json_dump(reply->json);
    CLEANUP(freep) char *line = mem_printf("%s\n", text);
    assert_string_equal(reply->body.text, line);
}

/* ---- create, get, list, replace, patch, delete ---- */

static void test_life_of_a_record(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply created, again, got, list;
    make_acme(api);
    ask(api, &(struct ask){ .method = "POST", .path = INSTANCES, .body = INSTANCE("web", "") }, &created);
    assert_int_equal(created.status, 201);
    assert_string_equal(json_text(created.json, "kind"), "Instance");
    assert_string_equal(json_text(metadata_of(&created), "namespace"), "acme");
    assert_int_equal(json_int(metadata_of(&created), "generation", 0), 1);
    assert_string_equal(json_text(json_object_get(json_object_get(created.json, "spec"), "database"), "name"),
                        "acme_web");

    ask(api, &(struct ask){ .method = "POST", .path = INSTANCES, .body = INSTANCE("web", "") }, &again);
    assert_int_equal(again.status, 409);
    assert_string_equal(message_of(&again), "instances.tenantd \"web\" already exists");
    assert_string_equal(json_text(again.json, "reason"), "AlreadyExists");

    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &got);
    assert_int_equal(got.status, 200);
    assert_true(json_equal(got.json, created.json));
    ask(api, &(struct ask){ .path = INSTANCES }, &list);
    assert_string_equal(json_text(list.json, "kind"), "InstanceList");
    assert_true(json_equal(json_array_get(json_object_get(list.json, "items"), 0), created.json));
    assert_printed_in_order(&created);
    assert_printed_in_order(&got);
    assert_printed_in_order(&list);

    assert_asked(api, 200, .method = "DELETE", .path = INSTANCES "/web");
    assert_asked(api, 200, .path = INSTANCES "/web"); /* our finalizer holds it */
    api_fixture_settle(api);
    for (int i = 0; i < 250; i++) {
        CLEANUP(reply_release) struct reply gone;
        ask(api, &(struct ask){ .path = INSTANCES "/web" }, &gone);
        if (gone.status == 404)
            break;
        usleep(20000);
    }
    assert_asked(api, 404, .path = INSTANCES "/web");
    assert_asked(api, 404, .method = "DELETE", .path = INSTANCES "/web");
    api_fixture_unsettle(api);
}

static void test_changes(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply first, patched, same, stale, replaced;
    make_acme(api);
    ask(api, &(struct ask){ .path = TENANTS "/acme" }, &first);
    const char *version = json_text(metadata_of(&first), "resourceVersion");

    ask(api,
        &(struct ask){ .method = "PATCH",
                       .path = TENANTS "/acme",
                       .content_type = MERGE,
                       .body = "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"owner\":\"jo@acme.example\"}}" },
        &patched);
    assert_int_equal(patched.status, 200);
    assert_int_equal(json_int(metadata_of(&patched), "generation", 0), 2);
    ask(api,
        &(struct ask){ .method = "PATCH",
                       .path = TENANTS "/acme",
                       .content_type = MERGE,
                       .body = "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"owner\":\"jo@acme.example\"}}" },
        &same);
    assert_true(json_equal(same.json, patched.json)); /* and so the same version */

    CLEANUP(freep)
    char *old = mem_printf("{\"metadata\":{\"resourceVersion\":\"%s\",\"labels\":{\"c\":\"d\"}}}", version);
    ask(api, &(struct ask){ .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE, .body = old }, &stale);
    assert_int_equal(stale.status, 409);
    assert_string_equal(
        message_of(&stale),
        "Operation cannot be fulfilled on tenants.tenantd \"acme\": the object has been modified; please "
        "apply your changes to the latest version and try again");

    CLEANUP(freep) char *body = json_dump(patched.json);
    ask(api, &(struct ask){ .method = "PUT", .path = TENANTS "/acme", .body = body }, &replaced);
    assert_int_equal(replaced.status, 200);
    assert_true(json_equal(replaced.json, patched.json));
    CLEANUP(freep) char *stale_body = json_dump(first.json);
    assert_asked(api, 409, .method = "PUT", .path = TENANTS "/acme", .body = stale_body);

    /* The server keeps what is its own, whatever a body says. */
    CLEANUP(reply_release) struct reply claimed;
    ask(api,
        &(struct ask){
            .method = "PATCH",
            .path = TENANTS "/acme",
            .content_type = MERGE,
            .body = "{\"metadata\":{\"generation\":77,\"creationTimestamp\":null},\"status\":{\"phase\":\"Fine\"}}" },
        &claimed);
    assert_true(json_equal(claimed.json, patched.json));
}

static void test_patches_of_others_are_kept(void **state)
{
    struct api_fixture *api = *state;
    make_acme(api);
    assert_asked(api, 415, .method = "PATCH", .path = TENANTS "/acme", .body = "{}",
                 .content_type = "application/strategic-merge-patch+json");
    assert_asked(api, 422, .method = "PATCH", .path = TENANTS "/acme", .content_type = "application/json-patch+json",
                 .body = "[{\"op\":\"test\",\"path\":\"/spec/owner\",\"value\":\"nobody\"}]");
    assert_asked(api, 200, .method = "PATCH", .path = TENANTS "/acme", .content_type = "application/json-patch+json",
                 .body = "[{\"op\":\"add\",\"path\":\"/spec/owner\",\"value\":\"jo@acme.example\"}]");
    assert_asked(api, 404, .method = "PATCH", .path = TENANTS "/none", .content_type = MERGE, .body = "{}");
    assert_asked(api, 400, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE, .body = "[]");
    assert_asked(api, 409, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE,
                 .body = "{\"metadata\":{\"uid\":\"another\",\"labels\":{\"x\":\"y\"}}}");
}

static void test_yaml(void **state)
{
    struct api_fixture *api = *state;
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .content_type = "application/yaml; charset=utf-8",
                 .body = "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n");
    CLEANUP(reply_release) struct reply broken;
    ask(api, &(struct ask){ .method = "POST", .path = TENANTS, .content_type = "text/yaml", .body = "a: b\n  c: d\n" },
        &broken);
    assert_int_equal(broken.status, 400);
    assert_contains(message_of(&broken), "line 2");
    assert_asked(api, 415, .method = "POST", .path = TENANTS, .content_type = "text/plain", .body = "x");
}

static void test_generated_names(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply reply;
    ask(api,
        &(struct ask){
            .method = "POST",
            .path = TENANTS,
            .body = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"generateName\":\"gen-\"}}" },
        &reply);
    assert_int_equal(reply.status, 201);
    const char *name = json_text(metadata_of(&reply), "name");
    assert_true(str_starts_with(name, "gen-"));
    assert_int_equal(strlen(name), strlen("gen-") + 5);
}

/* ---- dry runs ---- */

static void test_dry_runs_leave_nothing(void **state)
{
    struct api_fixture *api = *state;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    CLEANUP(reply_release) struct reply before, patched, after;
    int64_t version = newest_version(&api->store);
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &before);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES "?dryRun=All", .body = INSTANCE("other", ""));
    assert_asked(api, 409, .method = "POST", .path = INSTANCES "?dryRun=All", .body = INSTANCE("web", ""));
    assert_asked(api, 404, .path = INSTANCES "/other");
    ask(api,
        &(struct ask){ .method = "PATCH",
                       .path = INSTANCES "/web?dryRun=All",
                       .content_type = MERGE,
                       .body = "{\"spec\":{\"description\":\"x\"}}" },
        &patched);
    assert_int_equal(patched.status, 200);
    assert_int_equal(json_int(metadata_of(&patched), "generation", 0), 2);
    assert_string_equal(json_text(metadata_of(&patched), "resourceVersion"),
                        json_text(metadata_of(&before), "resourceVersion"));
    assert_asked(api, 200, .method = "DELETE", .path = INSTANCES "/web?dryRun=All");
    assert_asked(api, 200, .method = "DELETE", .path = INSTANCES "/web", .body = "{\"dryRun\":[\"All\"]}");
    assert_asked(api, 400, .method = "DELETE", .path = INSTANCES "/web?dryRun=Some");
    ask(api, &(struct ask){ .path = INSTANCES "/web" }, &after);
    assert_true(json_equal(after.json, before.json));
    assert_int_equal(newest_version(&api->store), version);
    /* The database's name that a dry run asked for is free. */
    assert_asked(api, 201, .method = "POST", .path = INSTANCES,
                 .body = INSTANCE("third", ",\"database\":{\"name\":\"acme_other\"}"));
}

/* ---- what is refused ---- */

static const struct {
    const char *why;
    const char *body;
    int status;
    const char *says;
} bad_bodies[] = {
    { "no body", "", 400, "no body" },
    { "no JSON", "{", 400, "line 1" },
    { "no object", "[]", 400, "must be an object" },
    { "an unknown field", INSTANCE("web", ",\"bogus\":1"), 400, "unknown field \"spec.bogus\"" },
    { "all problems at once", INSTANCE("web", ",\"bogus\":1,\"resources\":{\"memory\":\"2Gb\"}"), 422,
      "spec.resources.memory" },
    { "a wrong type", INSTANCE("web", ",\"env\":[\"A=b\"]"), 422, "spec.env" },
    { "a wrong kind", "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"web\"}}", 422,
      "kind" },
    { "a name that is none", INSTANCE("Web", ""), 422, "metadata.name" },
    { "no such app",
      "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"web\"},\"spec\":"
      "{\"app\":\"none\",\"version\":\"1.0\"}}",
      422, "spec.app" },
    { "another namespace",
      "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"web\",\"namespace\":"
      "\"beta\"},\"spec\":{}}",
      400, "does not match" },
    { "NUL as an escape", "{\"a\":\"\\u0000\"}", 400, "" },
    { "duplicate keys", "{\"spec\":{},\"spec\":{}}", 400, "" },
};

static void test_bad_bodies(void **state)
{
    struct api_fixture *api = *state;
    make_acme(api);
    int64_t version = newest_version(&api->store);
    for (size_t i = 0; i < ARRAY_LEN(bad_bodies); i++) {
        CLEANUP(reply_release) struct reply reply;
        ask(api, &(struct ask){ .method = "POST", .path = INSTANCES, .body = bad_bodies[i].body }, &reply);
        if (reply.status != bad_bodies[i].status || !strstr(message_of(&reply), bad_bodies[i].says))
            fail_msg("%s: %d %s", bad_bodies[i].why, reply.status, reply.body.text);
    }
    assert_int_equal(newest_version(&api->store), version);
}

static const struct {
    const char *why;
    const char *method, *path;
    int status;
    const char *says;
} bad_requests[] = {
    { "no such path", "GET", "/apis/tenantd/v1/nosuchthings", 404, "the server could not find the requested resource" },
    { "no such record", "GET", INSTANCES "/none", 404, "instances.tenantd \"none\" not found" },
    { "no such tenant", "GET", "/api/v1/namespaces/none", 404, "namespaces \"none\" not found" },
    { "a name no record can have", "GET",
      TENANTS "/0123456789012345678901234567890123456789012345678901234567890123456789", 404, "not found" },
    { "a NUL in the path", "GET", TENANTS "/a%00b", 400, "NUL" },
    { "a broken escape", "GET", TENANTS "/a%2", 400, "%XX" },
    { "another method", "DELETE", TENANTS, 405, "does not allow this method" },
    { "an unknown field label", "GET", TENANTS "?fieldSelector=no.such%3D1", 400,
      "field label not supported: no.such" },
    { "a broken label selector", "GET", TENANTS "?labelSelector=a+in+b", 400, "unable to parse" },
    { "a limit that is none", "GET", TENANTS "?limit=many", 400, "limit" },
    { "a continuation we did not give", "GET", TENANTS "?limit=1&continue=abc", 400, "continue" },
    { "a continuation of the last version there could be", "GET",
      TENANTS "?limit=1&continue=eyJhZnRlciI6ImEvYiIsInZlcnNpb24iOjkyMjMzNzIwMzY4NTQ3NzU4MDd9", 400,
      "continue key is not valid" },
    { "a dry run of some", "GET", TENANTS "?watch=maybe", 400, "watch" },
    { "openapi of a group that is not there", "GET", "/openapi/v3/apis/other/v1", 404, "" },
};

static void test_bad_requests(void **state)
{
    struct api_fixture *api = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad_requests); i++) {
        CLEANUP(reply_release) struct reply reply;
        ask(api, &(struct ask){ .method = bad_requests[i].method, .path = bad_requests[i].path }, &reply);
        if (reply.status != bad_requests[i].status || !strstr(message_of(&reply), bad_requests[i].says))
            fail_msg("%s: %d %s", bad_requests[i].why, reply.status, reply.body.text);
        if (reply.status == 405)
            assert_contains(reply.headers.text, "Allow: GET, POST");
    }
}

static void test_causes(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply reply;
    make_acme(api);
    ask(api,
        &(struct ask){ .method = "POST",
                       .path = INSTANCES,
                       .body = INSTANCE("web", ",\"resources\":{\"memory\":\"2Gb\"},\"state\":\"Sleeping\"") },
        &reply);
    assert_int_equal(reply.status, 422);
    const json_t *details = json_object_get(reply.json, "details");
    const json_t *causes = json_object_get(details, "causes");
    assert_string_equal(json_text(details, "kind"), "Instance");
    assert_string_equal(json_text(details, "name"), "web");
    assert_int_equal(json_array_size(causes), 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(str_starts_with(json_text(json_array_get(causes, i), "field"), "spec."));
}

static void test_field_validation(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply warned, ignored, strict;
    static const char body[] =
        "{\"apiVersion\":\"tenantd/"
        "v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\",\"a.b\":1},\"spec\":{\"nope\":{\"x\":1}}}";
    ask(api, &(struct ask){ .method = "POST", .path = TENANTS "?fieldValidation=Strict", .body = body }, &strict);
    assert_int_equal(strict.status, 400);
    ask(api, &(struct ask){ .method = "POST", .path = TENANTS "?fieldValidation=Warn&dryRun=All", .body = body },
        &warned);
    assert_int_equal(warned.status, 201);
    assert_contains(warned.headers.text, "Warning: 299 - \"unknown field \\\"spec.nope\\\"\"");
    assert_contains(warned.headers.text, "metadata.a.b");
    ask(api, &(struct ask){ .method = "POST", .path = TENANTS "?fieldValidation=Ignore", .body = body }, &ignored);
    assert_int_equal(ignored.status, 201);
    assert_null(strstr(ignored.headers.text, "Warning:"));
    assert_null(json_object_get(json_object_get(ignored.json, "spec"), "nope"));
    assert_asked(api, 400, .method = "POST", .path = TENANTS "?fieldValidation=Perhaps", .body = body);
}

/* ---- deleting ---- */

static void test_what_is_being_deleted(void **state)
{
    struct api_fixture *api = *state;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 409, .method = "DELETE", .path = INSTANCES "/web",
                 .body = "{\"preconditions\":{\"uid\":\"another\"}}");
    assert_asked(api, 409, .method = "DELETE", .path = INSTANCES "/web",
                 .body = "{\"preconditions\":{\"resourceVersion\":\"1\"}}");
    assert_asked(api, 200, .method = "DELETE", .path = INSTANCES "/web",
                 .body = "{\"propagationPolicy\":\"Background\"}");
    assert_asked(api, 200, .method = "DELETE", .path = INSTANCES "/web");
    assert_asked(api, 403, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"spec\":{\"description\":\"late\"}}");
    assert_asked(api, 200, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"spec\":{\"deletionPolicy\":\"Delete\"}}");
    assert_asked(api, 422, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"metadata\":{\"finalizers\":[\"tenantd/teardown\",\"example.com/new\"]}}");
    /* Ours stays whatever a user writes: what was made would be left behind. */
    CLEANUP(reply_release) struct reply reply;
    ask(api,
        &(struct ask){ .method = "PATCH",
                       .path = INSTANCES "/web",
                       .content_type = MERGE,
                       .body = "{\"metadata\":{\"finalizers\":null}}" },
        &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(json_array_size(json_object_get(metadata_of(&reply), "finalizers")), 1);
    assert_asked(api, 200, .path = INSTANCES "/web");
    assert_asked(api, 200, .method = "DELETE", .path = TENANTS "/acme");
    assert_asked(api, 403, .method = "POST", .path = INSTANCES, .body = INSTANCE("new", ""));
}

static void test_protection(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply refused, tenant;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 200, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"metadata\":{\"annotations\":{\"tenantd/protect\":\"yes\"}}}");
    ask(api, &(struct ask){ .method = "DELETE", .path = INSTANCES "/web" }, &refused);
    assert_int_equal(refused.status, 403);
    assert_contains(message_of(&refused), "tenantd/protect");
    ask(api, &(struct ask){ .method = "DELETE", .path = TENANTS "/acme" }, &tenant);
    assert_int_equal(tenant.status, 403);
    assert_contains(message_of(&tenant), "web");
    assert_asked(api, 422, .method = "DELETE", .path = TENANTS "/acme", .body = "{\"propagationPolicy\":\"Orphan\"}");
    assert_asked(api, 200, .method = "PATCH", .path = INSTANCES "/web", .content_type = MERGE,
                 .body = "{\"metadata\":{\"annotations\":null}}");
    assert_asked(api, 200, .method = "DELETE", .path = TENANTS "/acme");
}

/* ---- lists ---- */

static void test_pages(void **state)
{
    struct api_fixture *api = *state;
    for (int i = 0; i < 7; i++) {
        CLEANUP(freep)
        char *body = mem_printf("{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"t%d\","
                                "\"labels\":{\"even\":\"%s\"}}}",
                                i, i % 2 ? "no" : "yes");
        assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = body);
    }
    static const struct {
        const char *query;
        size_t all, pages;
    } rows[] = {
        { "limit=3", 7, 3 }, { "limit=7", 7, 1 }, { "limit=2&labelSelector=even%3Dyes", 4, 2 }, { "limit=0", 7, 1 }
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(strv_release) struct strv names = STRV_INIT;
        CLEANUP(freep) char *path = mem_printf(TENANTS "?%s", rows[i].query);
        size_t pages = 0;
        for (bool more = true; more; pages++) {
            CLEANUP(reply_release) struct reply page;
            ask(api, &(struct ask){ .path = path }, &page);
            assert_int_equal(page.status, 200);
            for (size_t k = 0; k < items_of(&page); k++)
                strv_add(&names,
                         json_text(json_at(json_array_get(json_object_get(page.json, "items"), k), "metadata", NULL),
                                   "name"));
            const char *token = json_text(metadata_of(&page), "continue");
            more = token;
            CLEANUP(str_release) struct str next = STR_INIT;
            str_addf(&next, TENANTS "?%s&continue=", rows[i].query);
            str_add_url_segment(&next, token ? token : "");
            free(path);
            path = str_steal(&next);
        }
        assert_int_equal(names.count, rows[i].all);
        assert_int_equal(pages, rows[i].pages);
        for (size_t k = 1; k < names.count; k++)
            assert_true(strcmp(names.items[k - 1], names.items[k]) < 0);
    }
}

/* What is written between two pages is in none of them; what the first page promised is. */
static void test_pages_are_of_one_moment(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply first, second, expired;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    ask(api, &(struct ask){ .path = TENANTS "?limit=1" }, &first);
    CLEANUP(str_release) struct str next = STR_INIT;
    str_add(&next, TENANTS "?limit=5&continue=");
    str_add_url_segment(&next, json_text(metadata_of(&first), "continue"));
    assert_asked(api, 200, .method = "PATCH", .path = TENANTS "/beta", .content_type = MERGE,
                 .body = "{\"spec\":{\"plan\":\"gold\"}}");
    assert_asked(api, 201, .method = "POST", .path = TENANTS,
                 .body = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"zeta\"}}");
    ask(api, &(struct ask){ .path = next.text }, &second);
    assert_int_equal(second.status, 200);
    assert_int_equal(items_of(&second), 1);
    const json_t *beta = json_array_get(json_object_get(second.json, "items"), 0);
    assert_string_equal(json_text(json_object_get(beta, "metadata"), "name"), "beta");
    assert_null(json_at(beta, "spec", "plan", NULL));
    assert_string_equal(json_text(metadata_of(&second), "resourceVersion"),
                        json_text(metadata_of(&first), "resourceVersion"));
    pg_fixture_run(api->store.url, "delete from store.change where version <= 4");
    ask(api, &(struct ask){ .path = next.text }, &expired);
    assert_int_equal(expired.status, 410);
    assert_string_equal(json_text(expired.json, "reason"), "Expired");
}

static void test_field_selectors(void **state)
{
    struct api_fixture *api = *state;
    static const struct {
        const char *path, *selector;
        int status;
        size_t items;
    } rows[] = {
        { INSTANCES, "metadata.name%3Dweb", 200, 1 },
        { INSTANCES, "metadata.name!%3Dweb", 200, 1 },
        { "/apis/tenantd/v1/instances", "metadata.name%3Dweb", 200, 1 },
        { "/apis/tenantd/v1/instances", "metadata.namespace%3Dacme", 200, 2 },
        { "/apis/tenantd/v1/instances", "metadata.namespace!%3Dacme", 200, 0 },
        { INSTANCES, "spec.app%3Dtiny", 200, 2 },
        { INSTANCES, "spec.app%3Dodoo", 200, 0 },
        { INSTANCES, "status.phase%3DRunning", 200, 1 },
        { INSTANCES, "status.phase!%3DRunning,spec.app%3Dtiny", 200, 1 },
        { INSTANCES, "status.phase%3D", 200, 1 },
        { INSTANCES, "spec.version%3D1.0", 400, 0 },
        { TENANTS, "spec.app%3Dtiny", 400, 0 },
        { TENANTS, "metadata.name%3Dacme", 200, 1 },
    };
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("two", ""));
    struct record_key key = key_of(KIND_INSTANCE, "acme", "web");
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Running");
    struct err err = ERR_INIT;
    assert_ok(store_get(api->store.store, &key, &record, &err), &err);
    assert_ok(store_update_status(api->store.store, &key, record.uid, status, NULL, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(reply_release) struct reply reply;
        CLEANUP(freep) char *path = mem_printf("%s?fieldSelector=%s", rows[i].path, rows[i].selector);
        ask(api, &(struct ask){ .path = path }, &reply);
        if (reply.status != rows[i].status || (reply.status == 200 && items_of(&reply) != rows[i].items))
            fail_msg("%s: %d %s", path, reply.status, reply.body.text);
    }
}

/* Everybody may read what was seen, and nobody but the controller may say what was. */
static void test_status_is_read_only(void **state)
{
    struct api_fixture *api = *state;
    static const char *const paths[] = { TENANTS "/acme", INSTANCES "/web" };
    static const char *const methods[] = { "PUT", "PATCH" };
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CLEANUP(freep) char *path = mem_printf("%s/status", paths[i]);
        CLEANUP(reply_release) struct reply whole, status, after;
        ask(api, &(struct ask){ .path = paths[i] }, &whole);
        ask(api, &(struct ask){ .path = path }, &status);
        assert_int_equal(status.status, 200);
        assert_true(json_equal(whole.json, status.json));
        for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
            CLEANUP(reply_release) struct reply refused;
            ask(api,
                &(struct ask){ .method = methods[k],
                               .path = path,
                               .content_type = k ? MERGE : NULL,
                               .body = "{\"status\":{\"phase\":\"Running\"}}" },
                &refused);
            assert_int_equal(refused.status, 405);
            assert_string_equal(json_text(refused.json, "reason"), "MethodNotAllowed");
            assert_contains(message_of(&refused), "is written by the controller alone");
            assert_contains(refused.headers.text, "Allow: GET\r\n");
        }
        ask(api, &(struct ask){ .path = paths[i] }, &after);
        assert_true(json_equal(whole.json, after.json));
    }
    assert_asked(api, 404, .path = INSTANCES "/none/status");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .path = "/apis/tenantd/v1/namespaces/beta/instances/web/status");
}

static void test_tables(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply list, one, full, events, missing;
    make_acme(api);
    ask(api, &(struct ask){ .path = TENANTS, .accept = TABLE }, &list);
    assert_string_equal(json_text(list.json, "kind"), "Table");
    assert_string_equal(
        json_text(json_at(json_array_get(json_object_get(list.json, "rows"), 0), "object", NULL), "kind"),
        "PartialObjectMetadata");
    ask(api, &(struct ask){ .path = TENANTS "/acme", .accept = TABLE }, &one);
    assert_int_equal(json_array_size(json_object_get(one.json, "rows")), 1);
    ask(api, &(struct ask){ .path = TENANTS "?includeObject=Object", .accept = TABLE }, &full);
    assert_string_equal(
        json_text(json_at(json_array_get(json_object_get(full.json, "rows"), 0), "object", NULL), "kind"), "Tenant");
    ask(api, &(struct ask){ .path = "/api/v1/events", .accept = TABLE }, &events);
    assert_string_equal(json_text(events.json, "kind"), "Table");
    ask(api, &(struct ask){ .path = TENANTS "/none", .accept = TABLE }, &missing);
    assert_string_equal(json_text(missing.json, "kind"), "Status");
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_life_of_a_record);
    CHECK_API(&list, test_changes);
    CHECK_API(&list, test_patches_of_others_are_kept);
    CHECK_API(&list, test_yaml);
    CHECK_API(&list, test_generated_names);
    CHECK_API(&list, test_dry_runs_leave_nothing);
    CHECK_API(&list, test_bad_bodies);
    CHECK_API(&list, test_bad_requests);
    CHECK_API(&list, test_causes);
    CHECK_API(&list, test_field_validation);
    CHECK_API(&list, test_what_is_being_deleted);
    CHECK_API(&list, test_protection);
    CHECK_API(&list, test_pages);
    CHECK_API(&list, test_pages_are_of_one_moment);
    CHECK_API(&list, test_field_selectors);
    CHECK_API(&list, test_status_is_read_only);
    CHECK_API(&list, test_tables);
    return check_run_api("server", &list);
}
