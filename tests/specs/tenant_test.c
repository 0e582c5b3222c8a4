#include "specs/tenant.h"
#include "tests/specs/documents.h"

static const struct row {
    const char *why;
    const char *spec;
    const char *problem;
} rows[] = {
    { "nothing", "{}", "" },
    { "all of it",
      "{displayName: Acme Ltd., owner: boss@acme.example, plan: gold, quota: {instances: 3, cpu: 4, memory: 8Gi, "
      "storage: 50Gi},"
      " suspended: true}",
      "" },
    { "an owner without address", "{owner: boss}",
      "spec.owner: \"boss\" is not an e-mail address like admin@example.com" },
    { "a negative quota", "{quota: {instances: -1}}",
      "spec.quota.instances: -1 is out of range; it must be between 0 and 100000" },
    { "a quota in a wrong unit", "{quota: {memory: 8GB}}", "spec.quota.memory: \"8GB\" is not a quantity; try 8Gi" },
    { "a place for backups", "{backup: {bucket: acme}}", "" },
    { "a bucket that cannot be", "{backup: {bucket: Acme}}",
      "spec.backup.bucket: \"Acme\" is not a bucket's name; use 3 to 63 of a-z, 0-9, - and ." },
    { "a plan of two words", "{plan: very good}", "spec.plan: \"very good\" must not have blanks" },
};

static void checks_specs(void **state)
{
    const struct row *row = *state;
    assert_problem(&kinds[KIND_TENANT], row->spec, row->problem);
}

static void decodes(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *spec = document("{quota: {instances: 3, cpu: 1.5, memory: 8Gi}, suspended: true}");
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct tenant_spec tenant = { 0 };
    fields_decode(tenant_spec_fields, spec, "spec", &tenant, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(tenant.quota.instances, 3);
    assert_int_equal(tenant.quota.cpu_millicores, 1500);
    assert_true(tenant.quota.memory_bytes == INT64_C(8) << 30);
    assert_int_equal(tenant.quota.storage_bytes, 0);
    assert_true(tenant.suspended);
    fields_release(tenant_spec_fields, &tenant);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_specs, rows);
    CHECK_TEST(&list, decodes);
    return check_run("tenant", &list);
}
