/* Server-side apply, reviews in protobuf and the printed OpenAPI documents, over the wire. */
#include "tests/api/api_client.h"

#define APPLY "application/apply-patch+yaml"

static void apply(struct api_fixture *api, const char *query, const char *spec, int status, struct reply *ret)
{
    CLEANUP(freep) char *path = mem_printf(TENANTS "/shop?%s", query);
    CLEANUP(freep)
    char *body = mem_printf("{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"shop\"},"
                            "\"spec\":%s}",
                            spec);
    ask(api, &(struct ask){ .method = "PATCH", .path = path, .body = body, .content_type = APPLY }, ret);
    if (ret->status != status)
        fail_msg("%s %s: %d %s", query, spec, ret->status, ret->body.text);
}

static void test_apply(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply made, same, conflict, forced, less, nobody, dry, patched;
    apply(api, "fieldManager=kubectl&dryRun=All", "{\"plan\":\"gold\"}", 201, &dry);
    assert_asked(api, 404, .path = TENANTS "/shop");
    apply(api, "fieldManager=kubectl", "{\"plan\":\"gold\",\"displayName\":\"Shop\"}", 201, &made);
    assert_contains(made.body.text, "\"f:plan\":{}");
    apply(api, "fieldManager=kubectl", "{\"plan\":\"gold\",\"displayName\":\"Shop\"}", 200, &same);
    assert_true(json_equal(made.json, same.json)); /* no new version, no new time */
    apply(api, "fieldManager=other", "{\"plan\":\"free\"}", 409, &conflict);
    assert_string_equal(message_of(&conflict),
                        "Apply failed with 1 conflict: conflict with \"kubectl\" using tenantd/v1: .spec.plan");
    assert_contains(conflict.body.text, "FieldManagerConflict");
    apply(api, "fieldManager=other&force=true", "{\"plan\":\"free\"}", 200, &forced);
    assert_string_equal(json_string_value(json_at(forced.json, "spec", "plan", NULL)), "free");
    apply(api, "fieldManager=kubectl", "{}", 200, &less); /* what it still held goes, what it lost stays */
    assert_null(json_at(less.json, "spec", "displayName", NULL));
    assert_string_equal(json_string_value(json_at(less.json, "spec", "plan", NULL)), "free");
    apply(api, "force=true", "{}", 422, &nobody);
    /* Others' writes leave the entries alone. */
    ask(api,
        &(struct ask){ .method = "PATCH",
                       .path = TENANTS "/shop",
                       .content_type = MERGE,
                       .body = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}" },
        &patched);
    assert_true(json_equal(json_object_get(metadata_of(&patched), "managedFields"),
                           json_object_get(metadata_of(&less), "managedFields")));
    assert_asked(api, 400, .method = "PATCH", .path = TENANTS "/shop?fieldManager=x", .content_type = APPLY,
                 .body = "{\"metadata\":{\"managedFields\":[{}]}}");
    assert_asked(api, 422, .method = "PATCH", .path = TENANTS "/shop?fieldManager=x", .content_type = APPLY,
                 .body = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"spec\":{\"owner\":\"nobody\"}}");
    assert_asked(api, 404, .token = MEMBER_TOKEN, .method = "PATCH", .path = TENANTS "/shop?fieldManager=x",
                 .content_type = APPLY, .body = "{}");
}

/* What is not there is made for those alone who may create. */
static void test_apply_creates_for_who_may(void **state)
{
    struct api_fixture *api = *state;
    static const struct identity admin = { .user = "tuner", .role = ROLE_ADMIN, .verbs = VERB_GET | VERB_PATCH };
    static const struct identity member = {
        .user = "acme-ci", .role = ROLE_MEMBER, .tenants = { "acme" }, .verbs = VERB_GET | VERB_PATCH
    };
    static const char restore[] = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Restore\",\"spec\":{\"backup\":\"b1\","
                                  "\"instance\":\"web\"}}";
    static const char shop[] = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"spec\":{\"plan\":\"gold\"}}";
    CLEANUP(reply_release) struct reply denied;
    struct err err = ERR_INIT;
    make_acme(api);
    assert_ok(store_token_put(api->store.store, &admin, "tuner-token", &err), &err);
    assert_ok(store_token_put(api->store.store, &member, "acme-ci-token", &err), &err);
    ask(api,
        &(struct ask){ .token = "tuner-token",
                       .method = "PATCH",
                       .path = TENANTS "/shop?fieldManager=x",
                       .content_type = APPLY,
                       .body = shop },
        &denied);
    assert_int_equal(denied.status, 403);
    assert_string_equal(message_of(&denied), "tenants.tenantd \"shop\" is forbidden: User \"tuner\" cannot create "
                                             "resource \"tenants\" in API group \"tenantd\" at the cluster scope");
    assert_asked(api, 403, .token = "acme-ci-token", .method = "PATCH",
                 .path = "/apis/tenantd/v1/namespaces/acme/restores/r1?fieldManager=x", .content_type = APPLY,
                 .body = restore);
    assert_asked(api, 404, .path = TENANTS "/shop");
    assert_asked(api, 404, .path = "/apis/tenantd/v1/namespaces/acme/restores/r1");
    assert_asked(api, 201, .token = MEMBER_TOKEN, .method = "PATCH",
                 .path = "/apis/tenantd/v1/namespaces/acme/restores/r1?fieldManager=x", .content_type = APPLY,
                 .body = restore);
    /* What is there is patched. */
    assert_asked(api, 200, .token = "tuner-token", .method = "PATCH", .path = TENANTS "/acme?fieldManager=x",
                 .content_type = APPLY, .body = shop);
}

static void test_yaml_is_applied(void **state)
{
    struct api_fixture *api = *state;
    assert_asked(api, 201, .method = "PATCH", .path = TENANTS "/shop?fieldManager=x", .content_type = APPLY,
                 .body = "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: shop}\nspec:\n  plan: gold\n");
}

static void test_field_selector_of_the_app(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply found, none;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    ask(api, &(struct ask){ .path = INSTANCES "?fieldSelector=spec.app%3Dtiny" }, &found);
    assert_int_equal(items_of(&found), 1);
    ask(api, &(struct ask){ .path = INSTANCES "?fieldSelector=spec.app%3Dother" }, &none);
    assert_int_equal(items_of(&none), 0);
    assert_asked(api, 400, .path = TENANTS "?fieldSelector=spec.app%3Dtiny");
}

#define GROUP "authorization.k8s.io/v1"
static void test_reviews_in_protobuf(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply allowed, denied;
    /* k8s\0 {1: {1: apiVersion, 2: kind}, 2: {2: spec {1: {2: verb, 3: group, 5: resource}}}} */
    static const char review[] = "k8s\0"
                                 "\x0a\x32\x0a\x17" GROUP "\x12\x17"
                                 "SelfSubjectAccessReview"
                                 "\x12\x20\x12\x1e\x0a\x1c\x12\x06"
                                 "create\x1a\x07tenantd\x2a\x09"
                                 "instances";
    static const char path[] = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const struct ask asked = { .method = "POST",
                               .path = path,
                               .body = review,
                               .body_len = sizeof(review) - 1,
                               .content_type = "application/vnd.kubernetes.protobuf" };
    struct ask as_member = asked;
    as_member.token = MEMBER_TOKEN;
    ask(api, &asked, &allowed);
    assert_int_equal(allowed.status, 201);
    assert_true(json_is_true(json_at(allowed.json, "status", "allowed", NULL)));
    ask(api, &as_member, &denied); /* in all namespaces */
    assert_true(json_is_false(json_at(denied.json, "status", "allowed", NULL)));
    for (size_t len = 1; len < sizeof(review) - 1; len += 7) /* broken off anywhere, it harms nobody */
        assert_asked(api, 400, .method = "POST", .path = path, .body = review, .body_len = len,
                     .content_type = "application/vnd.kubernetes.protobuf");
}

/* Each `$ref` leads somewhere, each path's parameters are declared, each operation has an answer and a name of its own. */
static void check_document(const json_t *document)
{
    json_t *paths = json_object_get(document, "paths");
    const json_t *schemas = json_at(document, "components", "schemas", NULL);
    CLEANUP(freep) char *text = json_dump(document);
    const char *path;
    json_t *item;
    size_t operations = 0;
    assert_string_equal(json_text(document, "openapi"), "3.0.0");
    for (const char *at = text; (at = strstr(at, "#/components/schemas/")); at++) {
        CLEANUP(freep) char *name = mem_strndup(at + 21, strcspn(at + 21, "\""));
        assert_non_null(json_object_get(schemas, name));
    }
    json_object_foreach (paths, path, item) {
        size_t braces = 0;
        for (const char *at = path; *at; at++)
            braces += *at == '{';
        assert_int_equal(json_array_size(json_object_get(item, "parameters")), braces);
        const char *method;
        json_t *operation;
        json_object_foreach (item, method, operation) {
            if (str_equal(method, "parameters"))
                continue;
            CLEANUP(freep) char *quoted = mem_printf("\"operationId\":\"%s\"", json_text(operation, "operationId"));
            assert_true(json_object_size(json_object_get(operation, "responses")) > 3);
            assert_null(strstr(strstr(text, quoted) + 1, quoted));
            operations++;
        }
    }
    assert_true(operations > 10);
}

static void test_openapi(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(reply_release) struct reply index, records, platform;
    ask(api, &(struct ask){ .path = "/openapi/v3" }, &index);
    ask(api,
        &(struct ask){
            .path = json_string_value(json_at(index.json, "paths", "apis/tenantd/v1", "serverRelativeURL", NULL)) },
        &records);
    check_document(records.json);
    assert_contains(records.body.text, "\"name\":\"fieldValidation\"");
    assert_non_null(json_at(records.json, "components", "schemas", "Instance", "properties", "spec", "properties",
                            "resources", NULL));
    ask(api, &(struct ask){ .path = "/openapi.json" }, &platform);
    check_document(platform.json);
    assert_contains(platform.body.text, "memory_limit");
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_apply);
    CHECK_API(&list, test_apply_creates_for_who_may);
    CHECK_API(&list, test_yaml_is_applied);
    CHECK_API(&list, test_field_selector_of_the_app);
    CHECK_API(&list, test_reviews_in_protobuf);
    CHECK_API(&list, test_openapi);
    return check_run_api("server_apply", &list);
}
