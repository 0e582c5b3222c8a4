/* api/table.c: what kubectl prints of records, namespaces and events. */
#include "api/table.h"
#include "tests/check.h"

#define NOW_MS (INT64_C(1767225600) * 1000) /* 2026-01-01T00:00:00Z */

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = ERR_INIT;
    assert_ok(json_parse(text, strlen(text), &value, &err), &err);
    return value;
}

static const struct column columns[] = {
    { .name = "Status", .type = "string", .path = "status.phase" },
    { .name = "Instances", .type = "integer", .path = "status.instances" },
    { .name = "Owner", .type = "string", .path = "spec.owner", .priority = 1 },
    { .name = NULL },
};
static const struct view tenant_like = { .kind = "Tenant", .columns = columns };

static const struct {
    const char *why;
    const struct view *view;
    const char *object;
    const char *cells;
} rows[] = {
    { "a record: name first, age last", &tenant_like,
      "{\"metadata\":{\"name\":\"acme\",\"creationTimestamp\":\"2025-12-31T23:55:00Z\"},\"spec\":{\"owner\":\"jo\"},"
      "\"status\":{\"phase\":\"Active\",\"instances\":3}}",
      "[\"acme\",\"Active\",3,\"jo\",\"5m\"]" },
    { "what is not there yet is empty", &tenant_like,
      "{\"metadata\":{\"name\":\"acme\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{},\"status\":{}}",
      "[\"acme\",\"\",\"\",\"\",\"0s\"]" },
    { "a namespace", &namespace_view,
      "{\"metadata\":{\"name\":\"acme\",\"creationTimestamp\":\"2025-12-28T00:00:00Z\"},\"status\":{\"phase\":"
      "\"Active\"}}",
      "[\"acme\",\"Active\",\"4d\"]" },
    { "an event has its own columns", &event_view,
      "{\"metadata\":{\"name\":\"web.1\"},\"type\":\"Normal\",\"reason\":\"Ready\",\"message\":\"is "
      "running\",\"count\":2,"
      "\"firstTimestamp\":\"2025-12-31T22:00:00Z\",\"lastTimestamp\":\"2025-12-31T23:59:50Z\","
      "\"involvedObject\":{\"kind\":\"Instance\",\"name\":\"web\"}}",
      "[\"10s\",\"Normal\",\"Ready\",\"instance/web\",\"is running\",\"120m\",\"2\",\"web.1\"]" },
};

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *object = parse(row->object);
    CLEANUP(json_decrefp) json_t *table = table_new(row->view, "17");
    table_add(table, row->view, object, TABLE_METADATA, NOW_MS);
    json_t *cells = json_at(json_array_get(json_object_get(table, "rows"), 0), "cells", NULL);
    CLEANUP(freep) char *text = json_dump(cells);
    assert_string_equal(text, row->cells);
    assert_int_equal(json_array_size(cells), json_array_size(json_object_get(table, "columnDefinitions")));
    assert_string_equal(json_text(json_object_get(table, "metadata"), "resourceVersion"), "17");
}

static void test_name_column_is_marked(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *table = table_new(&tenant_like, "1");
    const json_t *definitions = json_object_get(table, "columnDefinitions");
    assert_string_equal(json_text(json_array_get(definitions, 0), "name"), "Name");
    assert_string_equal(json_text(json_array_get(definitions, 0), "format"), "name");
    assert_int_equal(json_int(json_array_get(definitions, 3), "priority", -1), 1);
    assert_string_equal(json_text(json_array_get(definitions, 4), "name"), "Age");
}

static const struct {
    const char *why;
    enum table_object include;
    const char *kind; /* of what stands beside the cells; NULL: nothing */
    bool has_spec;
} included[] = {
    { "metadata", TABLE_METADATA, "PartialObjectMetadata", false },
    { "the whole object", TABLE_OBJECT, "Tenant", true },
    { "nothing", TABLE_NONE, NULL, false },
};

static void test_included(void **state)
{
    const __typeof__(included[0]) *row = *state;
    CLEANUP(json_decrefp)
    json_t *object =
        parse("{\"kind\":\"Tenant\",\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"}},\"spec\":{\"q\":1}}");
    CLEANUP(json_decrefp) json_t *table = table_new_without_columns("1");
    table_add(table, &tenant_like, object, row->include, NOW_MS);
    const json_t *beside = json_at(json_array_get(json_object_get(table, "rows"), 0), "object", NULL);
    assert_true(str_equal(json_text(beside, "kind"), row->kind));
    assert_int_equal(json_object_get(beside, "spec") != NULL, row->has_spec);
    if (beside)
        assert_string_equal(json_text(json_at(beside, "metadata", "labels", NULL), "x"), "y");
    assert_int_equal(json_array_size(json_object_get(table, "columnDefinitions")), 0);
}

static void test_projection(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *tenant =
        parse("{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\",\"uid\":\"u\","
              "\"resourceVersion\":\"5\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"f\"]},"
              "\"spec\":{\"owner\":\"secretly\"}}");
    CLEANUP(json_decrefp) json_t *namespace = view_project(&namespace_view, tenant);
    assert_string_equal(json_text(namespace, "kind"), "Namespace");
    assert_string_equal(json_text(namespace, "apiVersion"), "v1");
    assert_string_equal(json_text(json_object_get(namespace, "status"), "phase"), "Terminating");
    assert_string_equal(json_text(json_object_get(namespace, "metadata"), "uid"), "u");
    CLEANUP(freep) char *text = json_dump(namespace);
    assert_null(strstr(text, "secretly"));
    assert_null(strstr(text, "finalizers"));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_TEST(&list, test_name_column_is_marked);
    CHECK_ROWS(&list, test_included, included);
    CHECK_TEST(&list, test_projection);
    return check_run("table", &list);
}
