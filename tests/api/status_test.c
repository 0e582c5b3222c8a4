/* api/status.c: errors as kubectl reads them. */
#include "api/status.h"
#include "tests/check.h"

static const struct {
    const char *why;
    enum err_code code;
    const char *message; /* as it was raised */
    bool from_store;     /* worded by raise_from_store() */
    int http_status;
    const char *reason, *told, *details_kind;
} rows[] = {
    { "not found", ERR_NOT_FOUND, "nothing", true, 404, "NotFound", "instances.tenantd \"web\" not found",
      "instances" },
    { "the tenant is not there", ERR_NOT_FOUND, "namespaces \"acme\" not found", true, 404, "NotFound",
      "namespaces \"acme\" not found", "namespaces" },
    { "exists", ERR_EXISTS, "x", true, 409, "AlreadyExists", "instances.tenantd \"web\" already exists", "instances" },
    { "another version, worded by the store", ERR_CONFLICT,
      "Operation cannot be fulfilled on instances.tenantd \"web\": the object has been modified", true, 409, "Conflict",
      "Operation cannot be fulfilled on instances.tenantd \"web\": the object has been modified", "instances" },
    { "a name that is taken", ERR_CONFLICT, "spec.database.name: acme is taken", true, 409, "Conflict",
      "Operation cannot be fulfilled on instances.tenantd \"web\": spec.database.name: acme is taken", "instances" },
    { "quota", ERR_FORBIDDEN, "exceeded quota", true, 403, "Forbidden",
      "instances.tenantd \"web\" is forbidden: exceeded quota", "instances" },
    { "forbidden, worded by the store", ERR_FORBIDDEN, "instances.tenantd \"web\" is forbidden: protected", true, 403,
      "Forbidden", "instances.tenantd \"web\" is forbidden: protected", "instances" },
    { "one text of admission", ERR_INVALID, "spec.app: there is no app x; apply it first", true, 422, "Invalid",
      "Instance.tenantd \"web\" is invalid: spec.app: there is no app x; apply it first", "Instance" },
    { "no path in it", ERR_INVALID, "nested too deeply", true, 422, "Invalid",
      "Instance.tenantd \"web\" is invalid: spec: nested too deeply", "Instance" },
    { "several in one text", ERR_INVALID, "spec.version: unknown; spec.env.A: no such parameter", true, 422, "Invalid",
      "Instance.tenantd \"web\" is invalid: [spec.version: unknown, spec.env.A: no such parameter]", "Instance" },
    { "a path that cannot be read", ERR_BAD_REQUEST, "broken", false, 400, "BadRequest", "broken", "instances" },
    { "the database is away", ERR_UNREACHABLE, "no answer", true, 503, "ServiceUnavailable", "no answer", "instances" },
    { "too many", ERR_TOO_MANY, "wait", false, 429, "TooManyRequests", "wait", "instances" },
};

static void request_make(struct request *request)
{
    *request = (struct request){ .view = view_of_kind(&kinds[KIND_INSTANCE]), .namespace = "acme", .name = "web" };
    request->body = (struct str)STR_INIT;
    request_set_about(request, &request->view, request->name);
}

static json_t *answered(const struct request *request, const struct err *err, int *ret_status)
{
    CLEANUP(answer_release) struct answer answer = { .body = STR_INIT };
    struct err problem = ERR_INIT;
    json_t *status = NULL;
    status_answer(request, err, &answer);
    assert_ok(json_parse(answer.body.text, answer.body.len, &status, &problem), &problem);
    *ret_status = answer.status;
    assert_int_equal(answer.headers.count > 0, err->code == ERR_TOO_MANY || err->code == ERR_UNAUTHORIZED);
    return status;
}

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct request request;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int http_status;
    request_make(&request);
    err_set(&err, row->code, "%s", row->message);
    if (row->from_store)
        assert_false(raise_from_store(&request, &err));
    CLEANUP(json_decrefp) json_t *status = answered(&request, &err, &http_status);
    assert_int_equal(http_status, row->http_status);
    assert_string_equal(json_text(status, "kind"), "Status");
    assert_string_equal(json_text(status, "reason"), row->reason);
    assert_string_equal(json_text(status, "message"), row->told);
    assert_int_equal(json_int(status, "code", 0), row->http_status);
    assert_string_equal(json_text(json_object_get(status, "details"), "kind"), row->details_kind);
    request_release(&request);
}

static void test_causes(void **state)
{
    (void)state;
    struct request request;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int http_status;
    request_make(&request);
    problems_add(&request.problems, PROBLEM_INVALID, "spec.resources.memory", "\"2Gb\" is not a quantity; try 2Gi");
    problems_add(&request.problems, PROBLEM_REQUIRED, "spec.app", "is required");
    problems_add(&request.problems, PROBLEM_NOT_SUPPORTED, "spec.type", "is none of a, b");
    assert_false(problems_to_err(&request.problems, &err));
    CLEANUP(json_decrefp) json_t *status = answered(&request, &err, &http_status);
    assert_int_equal(http_status, 422);
    const json_t *causes = json_at(status, "details", "causes", NULL);
    static const struct {
        const char *reason, *field;
    } wanted[] = {
        { "FieldValueInvalid", "spec.resources.memory" },
        { "FieldValueRequired", "spec.app" },
        { "FieldValueNotSupported", "spec.type" },
    };
    assert_int_equal(json_array_size(causes), ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_string_equal(json_text(json_array_get(causes, i), "reason"), wanted[i].reason);
        assert_string_equal(json_text(json_array_get(causes, i), "field"), wanted[i].field);
    }
    assert_string_equal(json_text(json_array_get(causes, 0), "message"), "\"2Gb\" is not a quantity; try 2Gi");
    request_release(&request);
}

static void test_without_a_subject(void **state)
{
    (void)state;
    struct request request = { .body = STR_INIT };
    CLEANUP(err_release) struct err err = ERR_INIT;
    int http_status;
    err_set(&err, ERR_UNAUTHORIZED, "Unauthorized");
    CLEANUP(json_decrefp) json_t *status = answered(&request, &err, &http_status);
    assert_int_equal(http_status, 401);
    assert_null(json_object_get(status, "details"));
    request_release(&request);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_TEST(&list, test_causes);
    CHECK_TEST(&list, test_without_a_subject);
    return check_run("status", &list);
}
