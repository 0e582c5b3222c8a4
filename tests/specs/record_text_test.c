#include "specs/record_text.h"
#include "tests/record_texts.h"
#include "tests/specs/documents.h"

/* A record, and the texts that are stored of it. */
struct stored {
    struct record record;
    struct record_text text;
    struct strv texts;
};

static void store(struct stored *stored)
{
    stored->text = record_text_of(&stored->record, &stored->texts);
}

static void stored_release(struct stored *stored)
{
    record_release(&stored->record);
    strv_release(&stored->texts);
}

static void put(json_t **target, const char *yaml)
{
    if (!yaml)
        return;
    json_decref(*target);
    *target = document(yaml);
}

static const struct print_row {
    const char *why;
    enum kind_id kind;
    const char *namespace, *name, *uid;
    const char *labels, *annotations, *spec, *status, *managed; /* YAML; NULL: empty */
    const char *finalizer;
    int64_t deletion_ms;
} print_rows[] = {
    { "nothing but a name", KIND_TENANT, "", "acme", "0b6c" },
    { "in a namespace", KIND_INSTANCE, "acme", "erp", "0b6c", .spec = "{app: odoo, version: '14'}" },
    { "all there is", KIND_INSTANCE, "acme", "erp", "0b6c", "{b: x, a: y}",
      "{tenantd/paused: moving, a: '{\"b\":1.5}'}", "{z: {b: [1, 2, {}], a: null}, app: odoo}",
      "{phase: Ready, conditions: [{type: Ready, status: 'True'}]}", "[{manager: kubectl, operation: Apply}]",
      "tenantd/teardown", 1795600001234 },
    { "real numbers are shown with 15 digits", KIND_APP, "", "tiny", "0b6c", .spec = "{a: 0.1, b: [3.3, -2.5e-7]}",
      .status = "{c: 1.0e+300, d: 7}" },
    { "what looks like one", KIND_APP, "", "tiny", "0b6c",
      .spec = "{a: '0.1', '1.5': true, b: false, c: '\"2.5', d: '\\'}" },
    { "texts that need quoting", KIND_APP, "", "tiny", "a\"\\\n\x7f\xc3\xa9", "{a: 'ü'}",
      "{a: \"line\\nline \\\" \\\\ \\u20ac\"}", "{'\"': \"\\t\"}" },
};

static void prints_as_the_record_would_be(void **state)
{
    const struct print_row *row = *state;
    CLEANUP(stored_release) struct stored stored = { 0 };
    CLEANUP(json_decrefp) json_t *object = NULL;
    CLEANUP(json_decrefp) json_t *head = NULL;
    CLEANUP(str_release) struct str printed = STR_INIT;
    struct err err = ERR_INIT;
    struct record *record = &stored.record;
    record_init(record);
    assert_true(record_key_set(&record->key, row->kind, row->namespace, row->name));
    record->uid = mem_strdup(row->uid);
    record->generation = 3;
    record->version = 1234567890123;
    record->created_ms = 1795600000000;
    record->deletion_ms = row->deletion_ms;
    put(&record->labels, row->labels);
    put(&record->annotations, row->annotations);
    put(&record->spec, row->spec);
    put(&record->status, row->status);
    put(&record->managed, row->managed);
    if (row->finalizer)
        strv_add(&record->finalizers, row->finalizer);
    store(&stored);

    CLEANUP(json_decrefp) json_t *expected = record_to_json(record);
    CLEANUP(freep) char *expected_text = json_dump(expected);
    str_add(&printed, "before,");
    record_text_print(&stored.text, &printed);
    assert_true(str_starts_with(printed.text, "before,"));
    assert_string_equal(printed.text + strlen("before,"), expected_text);
    assert_ok(record_text_to_json(&stored.text, &object, &err), &err);
    assert_true(json_equal(object, expected));
    assert_ok(record_text_head(&stored.text, &head, &err), &err);
    static const char *const keys[] = { "name", "namespace", "labels" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        CLEANUP(freep) char *seen = json_dump(json_at(head, "metadata", keys[i], NULL));
        CLEANUP(freep) char *wanted = json_dump(json_at(expected, "metadata", keys[i], NULL));
        assert_string_equal(seen, wanted);
    }
}

/* By another tenantd, or by hand. */
static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct record_text text = { .uid = "0b6c", .generation = 1, .version = 1, .created_ms = 1 };
    json_t *object = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    text.finalizers = text.managed = "[]";
    text.labels = text.annotations = text.status = "{}";
    text.spec = "{\"a\":\"\\u0000\"}";
    assert_true(record_key_set(&text.key, KIND_INSTANCE, "acme", "erp"));
    assert_fails(record_text_to_json(&text, &object, &err), &err, ERR_INTERNAL);
    text.labels = "{\"a\":1,\"a\":2}";
    assert_false(record_text_head(&text, &object, &err));
    assert_contains(err_message(&err), "stored Instance acme/erp: column labels");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, prints_as_the_record_would_be, print_rows);
    CHECK_TEST(&list, what_cannot_be_read_is_named);
    return check_run("record_text", &list);
}
