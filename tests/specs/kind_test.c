#include "specs/kind.h"
#include "tests/specs/documents.h"

static const struct name_row {
    const char *why;
    enum kind_id kind;
    const char *name;
    const char *problem; /* NULL: fine */
} name_rows[] = {
    { "a name", KIND_INSTANCE, "erp-2", NULL },
    { "a digit first", KIND_TENANT, "7up", NULL },
    { "thirty characters", KIND_TENANT, "a23456789012345678901234567890", NULL },
    { "too long for a tenant", KIND_TENANT, "a234567890123456789012345678901",
      "\"a234567890123456789012345678901\" has 31 characters; the name of a Tenant has at most 30" },
    { "too long for an instance", KIND_INSTANCE, "a234567890123456789012345678901",
      "the name of an Instance has at most 30" },
    { "an app may have 63", KIND_APP, "a23456789012345678901234567890a23456789012345678901234567890abc", NULL },
    { "too long for an app", KIND_APP, "a23456789012345678901234567890a23456789012345678901234567890abcd",
      "at most 63" },
    { "empty", KIND_TENANT, "", "is required" },
    { "upper case", KIND_TENANT, "Acme", "\"Acme\" has upper-case letters; use a-z, 0-9 and -" },
    { "not ASCII", KIND_TENANT, "käse", "\"käse\" has letters outside ASCII; use a-z, 0-9 and -" },
    { "not UTF-8", KIND_TENANT, "caf\xE9", "has letters outside ASCII" },
    { "underscore", KIND_TENANT, "a_b", "\"a_b\" is not a name; use a-z, 0-9 and - (not at the ends)" },
    { "dot", KIND_INSTANCE, "a.b", "is not a name" },
    { "slash", KIND_INSTANCE, "a/b", "is not a name" },
    { "dash first", KIND_TENANT, "-a", "is not a name" },
    { "dash last", KIND_TENANT, "a-", "is not a name" },
    { "default", KIND_TENANT, "default", "\"default\" is a reserved name; choose another one" },
    { "kube-system", KIND_TENANT, "kube-system", "is a reserved name" },
    { "kubernetes is free", KIND_TENANT, "kubernetes", NULL },
    { "postgres", KIND_INSTANCE, "postgres", "is a reserved name" },
    { "template0", KIND_INSTANCE, "template0", "is a reserved name" },
    { "template1", KIND_TENANT, "template1", "is a reserved name" },
    { "admin", KIND_TENANT, "admin", "is a reserved name" },
    { "public", KIND_TENANT, "public", "is a reserved name" },
    { "system", KIND_TENANT, "system", "is a reserved name" },
    { "tenantd", KIND_TENANT, "tenantd", "is a reserved name" },
};

static void checks_names(void **state)
{
    const struct name_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool good = kind_check_name(&kinds[row->kind], row->name, &err);
    if (!row->problem) {
        assert_ok(good, &err);
        return;
    }
    assert_false(good);
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), row->problem);
}

static void finds_kinds_by_their_names(void **state)
{
    (void)state;
    assert_ptr_equal(kind_by_name("Instance"), &kinds[KIND_INSTANCE]);
    assert_null(kind_by_name("instance"));
    assert_ptr_equal(kind_by_plural("apps"), &kinds[KIND_APP]);
    assert_null(kind_by_plural("app"));
    static const char *const any[] = { "instance", "Instances", "INST", "inst", "instances" };
    for (size_t i = 0; i < ARRAY_LEN(any); i++)
        assert_ptr_equal(kind_by_any_name(any[i]), &kinds[KIND_INSTANCE]);
    assert_ptr_equal(kind_by_any_name("tn"), &kinds[KIND_TENANT]);
    assert_null(kind_by_any_name("pods"));
    for (size_t i = 0; i < KINDS; i++)
        assert_int_equal(kinds[i].id, i);
}

static const struct column_row {
    const char *why;
    struct column column;
    const char *text;
} column_rows[] = {
    { "a text", { .type = "string", .path = "status.phase" }, "Running" },
    { "a number", { .type = "integer", .path = "status.instances" }, "0" },
    { "a boolean", { .type = "string", .path = "spec.suspended" }, "true" },
    { "absent", { .type = "string", .path = "status.url" }, "" },
    { "absent on the way", { .type = "string", .path = "nothing.at.all" }, "" },
    { "a map", { .type = "string", .path = "spec" }, "" },
    { "a condition's status", { .type = "string", .path = "status.conditions[Ready]" }, "True" },
    { "a condition's message", { .type = "string", .path = "status.conditions[Ready].message" }, "fine" },
    { "a condition that is not there", { .type = "string", .path = "status.conditions[Read]" }, "" },
    { "all of a list", { .type = "string", .path = "spec.versions[*].name" }, "16.0,17.0" },
    { "all of no list", { .type = "string", .path = "spec.phase[*].name" }, "" },
    { "an age", { .type = "date", .path = "metadata.creationTimestamp" }, "3m" },
    { "an age from the future", { .type = "date", .path = "metadata.deletionTimestamp" }, "0s" },
    { "an age without a time", { .type = "date", .path = "metadata.nothing" }, "" },
};

static void prints_columns(void **state)
{
    const struct column_row *row = *state;
    CLEANUP(json_decrefp)
    json_t *object = document(
        "{metadata: {creationTimestamp: \"1970-01-01T00:00:10Z\", deletionTimestamp: \"1970-01-01T01:00:10Z\"},"
        " spec: {suspended: true, versions: [{name: \"16.0\"}, {name: \"17.0\"}]},"
        " status: {phase: Running, instances: 0,"
        " conditions: [{type: Healthy, status: \"False\"}, {type: Ready, status: \"True\", message: fine}]}}");
    CLEANUP(freep) char *text = column_text(&row->column, object, 190 * 1000);
    assert_string_equal(text, row->text);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_names, name_rows);
    CHECK_TEST(&list, finds_kinds_by_their_names);
    CHECK_ROWS(&list, prints_columns, column_rows);
    return check_run("kind", &list);
}
