#include "tests/specs/documents.h"

#define BODY  "apiVersion: tenantd/v1, kind: Instance"
#define NAMES "name: erp, namespace: acme"
#define SPEC  "spec: {app: odoo, version: \"17.0\"}"

static const struct row {
    const char *why;
    enum kind_id kind;
    const char *yaml;
    const char *problems; /* one per line */
} rows[] = {
    { "an instance", KIND_INSTANCE, "{" BODY ", metadata: {" NAMES "}, " SPEC "}", "" },
    { "a tenant without spec", KIND_TENANT, "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}}", "" },
    { "what a server answered may be sent back", KIND_INSTANCE,
      "{" BODY ", metadata: {" NAMES
      ", uid: x, resourceVersion: \"5\", generation: 2, creationTimestamp: null, selfLink: /x,"
      " deletionTimestamp: x, deletionGracePeriodSeconds: 0, managedFields: [{a: b}], labels: null, generateName: "
      "e-}, " SPEC ", status: {phase: Running, whatever: 1}}",
      "" },
    { "not a map", KIND_TENANT, "[1]", "must be a map of fields, not a list\nmetadata.name: is required\n" },
    { "nothing", KIND_TENANT, "{}",
      "apiVersion: is required, like tenantd/v1\nkind: is required\nmetadata.name: is required\n" },
    { "another version", KIND_TENANT, "{apiVersion: v1, kind: Tenant, metadata: {name: acme}}",
      "apiVersion: \"v1\" is not known; write tenantd/v1\n" },
    { "another kind", KIND_TENANT, "{apiVersion: tenantd/v1, kind: Instance, metadata: {name: acme}}",
      "kind: \"Instance\" stands where Tenant is expected\n" },
    { "unknown fields beside spec", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, lables: {}}, specs: {}, data: 1}",
      "metadata.lables: unknown field; did you mean \"labels\"?\nspecs: unknown field; did you mean \"spec\"?\ndata: "
      "unknown "
      "field\n" },
    { "owner references are not known", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, ownerReferences: []}}",
      "metadata.ownerReferences: unknown field\n" },
    { "a tenant in a namespace", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, namespace: x}}",
      "metadata.namespace: Tenant records have no namespace; leave it out\n" },
    { "an instance without namespace", KIND_INSTANCE, "{" BODY ", metadata: {name: erp}, " SPEC "}",
      "metadata.namespace: is required\n" },
    { "kubectl's default namespace", KIND_INSTANCE, "{" BODY ", metadata: {name: erp, namespace: default}, " SPEC "}",
      "metadata.namespace: \"default\" is a reserved name; choose another one\n" },
    { "a number as a name", KIND_TENANT, "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: 5}}",
      "metadata.name: 5 is a number; write \"5\" in quotes\n" },
    { "a very long name", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: "
      "a2345678901234567890123456789012345678901234567890123456789012345678901234567890}}",
      "metadata.name: \"a23456789012345678901234567890123456789012345678901234567890...\" has 80 characters; the name "
      "of a "
      "Tenant has at most 30\n" },
    { "a label's key", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, labels: {\"a b\": c}}}",
      "metadata.labels: \"a b\" is not a key like tier or example.com/tier (letters, digits, - _ . inside; at most 63 "
      "characters)\n" },
    { "a label's value", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, labels: {a: \"b c\", d: e/f, g: \"\", h: 5}}}",
      "metadata.labels.h: 5 is a number; write \"5\" in quotes\n"
      "metadata.labels.a: \"b c\" is not a label's value; use letters, digits, - _ . inside, at most 63 characters\n"
      "metadata.labels.d: \"e/f\" is not a label's value; use letters, digits, - _ . inside, at most 63 characters\n" },
    { "an annotation may be any text", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, annotations: {tenantd/paused: \"why\\nnot\"}}}",
      "" },
    { "an annotation's key", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, annotations: {a/b/c: x}}}",
      "metadata.annotations: \"a/b/c\" is not a key like tier or example.com/tier (letters, digits, - _ . inside; at "
      "most 63 "
      "characters)\n" },
    { "finalizers", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, finalizers: [a b, x.example/y, x.example/y]}}",
      "metadata.finalizers: \"a b\" is not a finalizer like example.com/cleanup\n"
      "metadata.finalizers[2]: \"x.example/y\" appears twice\n" },
    { "a version that is no number", KIND_TENANT,
      "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme, resourceVersion: abc}}",
      "metadata.resourceVersion: \"abc\" is not a version that this server gave out\n" },
    { "spec is text", KIND_TENANT, "{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: hello}",
      "spec: must be a map of fields, not text\n" },
    { "envelope and spec together", KIND_INSTANCE,
      "{" BODY ", metadata: {name: Erp, namespace: acme}, spec: {app: odoo, memory: 1Gi}}",
      "metadata.name: \"Erp\" has upper-case letters; use a-z, 0-9 and -\n"
      "spec.version: is required, like \"17.0\"\nspec.memory: unknown field; did you mean \"resources.memory\"?\n" },
};

static void reports_problems(void **state)
{
    const struct row *row = *state;
    CLEANUP(json_decrefp) json_t *value = document(row->yaml);
    CLEANUP(freep) char *problems = problems_of(&kinds[row->kind], value);
    assert_string_equal(problems, row->problems);
}

static void takes_over_what_is_the_clients(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *value = document(
        "{" BODY ", metadata: {" NAMES ", uid: x, resourceVersion: \"42\", labels: {a: b}, annotations: {c: d},"
        " finalizers: [x.example/y]}, spec: {app: odoo, version: \"17.0\", resources: {memory: 2048Mi}},"
        " status: {phase: Running}}");
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record;
    int64_t version = 0;
    assert_true(record_from_json(value, &kinds[KIND_INSTANCE], NULL, NULL, &record, &version, &problems));
    CLEANUP(freep) char *key = record_key_text(&record.key);
    assert_string_equal(key, "Instance/acme/erp");
    assert_int_equal(version, 42);
    assert_int_equal(record.version, 0);
    assert_null(record.uid);
    assert_document(record.labels, "{a: b}");
    assert_document(record.annotations, "{c: d}");
    assert_int_equal(record.finalizers.count, 1);
    assert_document(record.status, "{}");
    assert_string_equal(json_text(json_object_get(record.spec, "resources"), "memory"), "2048Mi");
    assert_string_equal(json_text(json_object_get(record.spec, "resources"), "cpu"), "1");
    assert_document(json_at(value, "spec", "resources", NULL), "{memory: 2048Mi}");
}

static const struct url_row {
    const char *why;
    const char *metadata;
    const char *namespace;
    const char *name;
    const char *key; /* or the problem */
} url_rows[] = {
    { "the body is silent", "{}", "acme", "erp", "Instance/acme/erp" },
    { "both say the same", "{" NAMES "}", "acme", "erp", "Instance/acme/erp" },
    { "only the namespace is in the URL", "{name: erp}", "acme", NULL, "Instance/acme/erp" },
    { "another name", "{name: shop}", "acme", "erp", "metadata.name: \"shop\" is not \"erp\", as the URL says" },
    { "another namespace", "{namespace: globex}", "acme", "erp",
      "metadata.namespace: \"globex\" is not \"acme\", as the URL says" },
    { "generateName alone, the server made a name", "{generateName: e-}", "acme", "e-x1", "Instance/acme/e-x1" },
    { "generateName alone", "{generateName: e-}", "acme", NULL, "metadata.name: is required" },
    { "empty texts are silent", "{name: \"\", namespace: \"\"}", "acme", "erp", "Instance/acme/erp" },
    { "the URL's own name is checked, too", "{}", "acme", "a_b",
      "metadata.name: \"a_b\" is not a name; use a-z, 0-9 and - (not at the ends)" },
};

static void agrees_with_the_url(void **state)
{
    const struct url_row *row = *state;
    CLEANUP(json_decrefp) json_t *value = document("{" BODY ", " SPEC "}");
    json_put(value, "metadata", document(row->metadata));
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record;
    bool good = record_from_json(value, &kinds[KIND_INSTANCE], row->namespace, row->name, &record, NULL, &problems);
    CLEANUP(freep) char *text = good ? record_key_text(&record.key) : problems_text(&problems);
    assert_string_equal(text, row->key);
}

static void limits_annotations(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *value = document("{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}}");
    CLEANUP(str_release) struct str large = STR_INIT;
    while (large.len < 256 * 1024 - 1)
        str_addc(&large, 'x');
    json_t *annotations = json_object();
    json_put(json_object_get(value, "metadata"), "annotations", annotations);
    json_put_text(annotations, "a", large.text);
    CLEANUP(freep) char *fine = problems_of(&kinds[KIND_TENANT], value);
    assert_string_equal(fine, "");
    json_put_text(annotations, "b", "");
    CLEANUP(freep) char *problems = problems_of(&kinds[KIND_TENANT], value);
    assert_string_equal(problems, "metadata.annotations: are 262145 bytes together; at most 256 KiB are kept\n");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, reports_problems, rows);
    CHECK_TEST(&list, takes_over_what_is_the_clients);
    CHECK_ROWS(&list, agrees_with_the_url, url_rows);
    CHECK_TEST(&list, limits_annotations);
    return check_run("record_decode", &list);
}
