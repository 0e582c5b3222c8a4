#include "specs/record.h"
#include "tests/specs/documents.h"

static void keys_are_set_compared_and_printed(void **state)
{
    (void)state;
    struct record_key key, other;
    assert_true(record_key_set(&key, KIND_INSTANCE, "acme", "erp"));
    assert_true(record_key_set(&other, KIND_INSTANCE, "acme", "erp"));
    assert_true(record_key_equal(&key, &other));
    assert_true(record_key_set(&other, KIND_INSTANCE, "acm", "eerp"));
    assert_false(record_key_equal(&key, &other));
    assert_true(record_key_set(&other, KIND_TENANT, "", "acme"));
    CLEANUP(freep) char *text = record_key_text(&other);
    assert_string_equal(text, "Tenant/acme");
    static const char long_name[] = "0123456789012345678901234567890123456789012345678901234567890123";
    assert_false(record_key_set(&other, KIND_TENANT, "", long_name));
    assert_true(record_key_set(&other, KIND_TENANT, "", long_name + 1));
    assert_int_equal(strlen(other.name), RECORD_NAME_MAX);
}

static void becomes_json(void **state)
{
    (void)state;
    CLEANUP(record_release) struct record record;
    record_init(&record);
    assert_true(record_key_set(&record.key, KIND_TENANT, "", "acme"));
    CLEANUP(json_decrefp) json_t *fresh = record_to_json(&record);
    assert_document(fresh, "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {}, status: {}}");

    assert_true(record_key_set(&record.key, KIND_INSTANCE, "acme", "erp"));
    record.uid = mem_strdup("u-1");
    record.generation = 2;
    record.version = 42;
    record.created_ms = 1000;
    record.deletion_ms = 2000;
    strv_add(&record.finalizers, FINALIZER_TEARDOWN);
    json_put_text(record.labels, "a", "b");
    json_put_text(record.annotations, "c", "d");
    json_put_text(record.spec, "app", "odoo");
    json_put_text(record.status, "phase", "Running");
    CLEANUP(json_decrefp) json_t *full = record_to_json(&record);
    assert_document(full, "{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme, uid: u-1,"
                          " resourceVersion: \"42\", generation: 2, creationTimestamp: \"1970-01-01T00:00:01Z\","
                          " deletionTimestamp: \"1970-01-01T00:00:02Z\", labels: {a: b}, annotations: {c: d},"
                          " finalizers: [tenantd/teardown]}, spec: {app: odoo}, status: {phase: Running}}");
    /* The tree is the caller's own: changing it does not reach the record. */
    json_put_text(json_object_get(full, "spec"), "app", "tryton");
    assert_string_equal(json_text(record.spec, "app"), "odoo");
}

static void copies_are_deep(void **state)
{
    (void)state;
    CLEANUP(record_release) struct record record;
    CLEANUP(record_release) struct record copy;
    record_init(&record);
    assert_true(record_key_set(&record.key, KIND_INSTANCE, "acme", "erp"));
    record.uid = mem_strdup("u-1");
    json_put_text(record.annotations, ANNOTATION_PAUSED, "moving");
    strv_add(&record.finalizers, "a");
    record_copy(&copy, &record);
    assert_true(record_spec_equal(&record, &copy));
    assert_true(record_metadata_equal(&record, &copy));
    json_put_text(copy.spec, "app", "odoo");
    assert_false(record_spec_equal(&record, &copy));
    json_put_text(copy.annotations, ANNOTATION_PAUSED, "done");
    assert_false(record_metadata_equal(&record, &copy));
    assert_string_equal(record_annotation(&record, ANNOTATION_PAUSED), "moving");
    assert_null(record_annotation(&record, ANNOTATION_PROTECT));
}

static void a_list_owns_its_records(void **state)
{
    (void)state;
    CLEANUP(records_release) struct records records = { 0 };
    for (int i = 0; i < 10; i++)
        records_add(&records)->uid = mem_printf("u-%d", i);
    assert_int_equal(records.count, 10);
    assert_string_equal(records.items[9].uid, "u-9");
    assert_non_null(records.items[0].spec);
}

static const struct settle_row {
    const char *why;
    const char *old; /* spec; NULL: it is created */
    const char *next;
    const char *settled; /* members to be found in spec, or the problem */
} settle_rows[] = {
    { "created: what is open is settled", NULL, "{app: odoo}", "{app: odoo, database: {name: acme_erp}}" },
    { "created: what is given stays", NULL, "{app: odoo, database: {name: mine}, deletionPolicy: Delete}",
      "{app: odoo, database: {name: mine}, deletionPolicy: Delete}" },
    { "updated: silence keeps", "{app: odoo, database: {name: mine}, deletionPolicy: Delete}", "{app: odoo}",
      "{app: odoo, database: {name: mine}, deletionPolicy: Delete}" },
    { "updated: the policy may change", "{app: odoo, database: {name: mine}, deletionPolicy: Delete}",
      "{app: odoo, deletionPolicy: Retain}", "{app: odoo, database: {name: mine}, deletionPolicy: Retain}" },
    { "updated: the app may not", "{app: odoo, database: {name: mine}, deletionPolicy: Delete}", "{app: tryton}",
      "spec.app: cannot be changed from \"odoo\" to \"tryton\"; it is settled when the record is created" },
    { "updated: the database's name may not", "{app: odoo, database: {name: mine}, deletionPolicy: Delete}",
      "{app: odoo, database: {name: other}}",
      "spec.database.name: cannot be changed from \"mine\" to \"other\"; it is settled when the record is created" },
    { "updated: the type may not", "{app: odoo, type: staging, database: {name: mine}, deletionPolicy: Delete}",
      "{app: odoo}",
      "spec.type: cannot be changed from \"staging\" to nothing; it is settled when the record is created" },
    { "updated: a record from before a field was settled", "{app: odoo}", "{app: odoo}",
      "{app: odoo, database: {name: acme_erp}}" },
};

static void settles(void **state)
{
    const struct settle_row *row = *state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record old;
    CLEANUP(record_release) struct record next;
    record_init(&old);
    record_init(&next);
    assert_true(record_key_set(&next.key, KIND_INSTANCE, "acme", "erp"));
    json_decref(next.spec);
    next.spec = document(row->next);
    json_decref(old.spec);
    old.spec = document(row->old ? row->old : "{}");
    if (record_settle(&kinds[KIND_INSTANCE], row->old ? &old : NULL, &next, &problems)) {
        assert_document(next.spec, row->settled);
        return;
    }
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, row->settled);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, keys_are_set_compared_and_printed);
    CHECK_TEST(&list, becomes_json);
    CHECK_TEST(&list, copies_are_deep);
    CHECK_TEST(&list, a_list_owns_its_records);
    CHECK_ROWS(&list, settles, settle_rows);
    return check_run("record", &list);
}
