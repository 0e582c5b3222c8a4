/* apply, diff and delete against a stub: what is sent, and what is said. */
#include "tests/cli/run.h"

#define APIS    "/apis/tenantd/v1"
#define TENANTS APIS "/tenants"
#define ERPS    APIS "/namespaces/acme/instances"

#define TENANT "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: ACME}\n"
#define ERP                                                                                                            \
    "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp, namespace: acme}\n"                                 \
    "spec: {app: odoo, version: \"17.0\"}\n"

#define TENANT_JSON(version, spec)                                                                                     \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\",\"generation\":1,"             \
    "\"resourceVersion\":\"" version "\",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":"       \
    "\"{\\\"apiVersion\\\":\\\"tenantd/v1\\\",\\\"kind\\\":\\\"Tenant\\\",\\\"metadata\\\":{\\\"annotations\\\":{},"   \
    "\\\"name\\\":\\\"acme\\\"},\\\"spec\\\":{\\\"displayName\\\":\\\"ACME\\\"}}\\n\"}},\"spec\":" spec "}"

#define ERP_JSON(version, uid, spec, more)                                                                             \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"erp\",\"namespace\":\"acme\","      \
    "\"generation\":1,\"uid\":\"" uid "\",\"resourceVersion\":\"" version "\"" more "},\"spec\":" spec "}"

#define NOT_FOUND                                                                                                      \
    "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"message\":\"tenants.tenantd \\\"acme\\\" not "        \
    "found\"}"

static void creates(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 404, NOT_FOUND },
        { "POST " TENANTS, NULL, 201, TENANT_JSON("1", "{}") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f -", TENANT);
    assert_string_equal(outcome.out, "tenant.tenantd/acme created\n");
    assert_string_equal(outcome.errors, "");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_string_equal(
        stub_body(&stub, "POST"),
        "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"annotations\":"
        "{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\\\"apiVersion\\\":\\\"tenantd/v1\\\","
        "\\\"kind\\\":\\\"Tenant\\\",\\\"metadata\\\":{\\\"annotations\\\":{},\\\"name\\\":\\\"acme\\\"},"
        "\\\"spec\\\":{\\\"displayName\\\":\\\"ACME\\\"}}\\n\"},\"name\":\"acme\"},"
        "\"spec\":{\"displayName\":\"ACME\"}}");
    assert_contains(stub.heads.items[0], "Authorization: Bearer secret-token\r\n");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void leaves_alone_what_is_as_wished(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 200, TENANT_JSON("1", "{\"displayName\":\"ACME\",\"suspended\":false}") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f -", TENANT);
    assert_string_equal(outcome.out, "tenant.tenantd/acme unchanged\n");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_int_equal(stub.requests.count, 1);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void patches_the_difference(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 200, TENANT_JSON("1", "{\"displayName\":\"Other\",\"suspended\":true}") },
        { "PATCH " TENANTS "/acme", NULL, 200, TENANT_JSON("2", "{}") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f -", TENANT);
    assert_string_equal(outcome.out, "tenant.tenantd/acme configured\n");
    assert_string_equal(stub_body(&stub, "PATCH"), "{\"spec\":{\"displayName\":\"ACME\"}}");
    assert_contains(stub.heads.items[1], "Content-Type: application/merge-patch+json\r\n");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void tries_again_when_somebody_was_faster(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 404, NOT_FOUND, .times = 1 },
        { "POST " TENANTS, NULL, 409,
          "{\"kind\":\"Status\",\"code\":409,\"reason\":\"AlreadyExists\",\"message\":\"x\"}" },
        { "GET " TENANTS "/acme", NULL, 200, TENANT_JSON("1", "{\"displayName\":\"ACME\"}") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f -", TENANT);
    assert_string_equal(outcome.out, "tenant.tenantd/acme unchanged\n");
    assert_int_equal(outcome.exit, EXIT_OK);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void says_what_the_server_refuses_and_goes_on(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 404, NOT_FOUND },
        { "POST " TENANTS, NULL, 422,
          "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"message\":\"long\",\"details\":{\"kind\":"
          "\"Tenant\","
          "\"name\":\"acme\",\"causes\":[{\"field\":\"spec.owner\",\"message\":\"is no address\"},"
          "{\"field\":\"spec.plan\",\"message\":\"is too long\"}]}}" },
        { "GET " ERPS "/erp", NULL, 404, NOT_FOUND },
        { "POST " ERPS, NULL, 201, ERP_JSON("1", "u", "{}", "") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f -", TENANT "---\n" ERP);
    assert_string_equal(outcome.errors, "tenantctl: stdin:1: Tenant \"acme\" is invalid:\n"
                                        "  spec.owner: is no address\n"
                                        "  spec.plan: is too long\n");
    assert_string_equal(outcome.out, "instance.tenantd/erp created\n");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void one_bad_document_and_nothing_is_sent(void **state)
{
    (void)state;
    struct stub stub;
    stub_start(&stub, NULL, 0);
    struct outcome outcome = run_with(stub.url, "apply -f - --wait", TENANT "---\nkind: Tenant\nmetadata: {name: x}\n");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    assert_contains(outcome.errors, "nothing was sent, because of 1 problem:\n  stdin:5: Tenant x: apiVersion: ");
    assert_string_equal(outcome.out, "");
    assert_int_equal(stub.requests.count, 0);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void a_dry_run_knows_what_it_would_have_created(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 404, NOT_FOUND },
        { "POST " TENANTS, "dryRun=All", 201, TENANT_JSON("1", "{}") },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "apply -f - --dry-run=server", TENANT "---\n" ERP);
    assert_string_equal(outcome.errors, "");
    assert_contains(outcome.out, "tenant.tenantd/acme created (server dry run)\n");
    assert_contains(outcome.out, "instance.tenantd/erp created (checked here only: ");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_int_equal(stub.requests.count, 2);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void nothing_to_apply(void **state)
{
    (void)state;
    struct outcome outcome = run_line("http://127.0.0.1:1", "apply");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    assert_contains(outcome.errors, "nothing to apply; name a file, a directory or - with -f");
    outcome_release(&outcome);
}

static void no_server_is_said_once(void **state)
{
    (void)state;
    struct outcome outcome = run_with("http://127.0.0.1:1", "apply -f -", TENANT "---\n" ERP);
    assert_int_equal(outcome.exit, EXIT_NO_SERVER);
    assert_contains(outcome.errors, "cannot reach the server: http://127.0.0.1:1");
    assert_contains(outcome.errors, "is tenantd running there?");
    assert_null(strstr(outcome.errors, "stdin:5"));
    outcome_release(&outcome);
}

/* ---- diff ---- */

#define PLAN                                                                                                           \
    "{\"steps\":[{\"name\":\"stop\",\"detail\":\"td-acme.erp\",\"effect\":\"restart\"},"                               \
    "{\"name\":\"drop-database\",\"detail\":\"acme_erp\",\"effect\":\"destroy\"},"                                     \
    "{\"name\":\"start\",\"effect\":\"none\"}],\"blocked\":{\"reason\":\"ExceedsHost\",\"message\":\"64Gi of 8Gi\"}}"

static void diff_shows_fields_and_steps(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " ERPS "/erp", NULL, 200, ERP_JSON("1", "u", "{\"app\":\"odoo\",\"version\":\"16.0\"}", "") },
        { "PATCH " ERPS "/erp", "dryRun=All", 200, ERP_JSON("1", "u", "{\"app\":\"odoo\",\"version\":\"17.0\"}", "") },
        { "POST " ERPS "/erp/plan", NULL, 200, PLAN },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "diff -f -", ERP);
    assert_string_equal(outcome.out, "instance.tenantd/acme/erp\n"
                                     "  ~ spec.version: \"16.0\" -> \"17.0\"\n"
                                     "  Plan:\n"
                                     "   1. stop td-acme.erp  RESTARTS\n"
                                     "   2. drop-database acme_erp  DESTROYS\n"
                                     "   3. start\n"
                                     "  Then it waits: ExceedsHost: 64Gi of 8Gi\n");
    assert_int_equal(outcome.exit, EXIT_NOT);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void diff_of_a_stored_record_with_nothing_to_do(void **state)
{
    (void)state;
    static const struct stub_row rows[] = { { "POST " ERPS "/erp/plan", NULL, 200, "{\"steps\":[]}" } };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_line(stub.url, "diff acme/erp");
    assert_string_equal(outcome.out, "");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_string_equal(stub_body(&stub, "POST"), "");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void a_failing_diff_is_no_difference(void **state)
{
    (void)state;
    static const struct stub_row rows[] = { { "POST " ERPS "/erp/plan", NULL, 500, "{\"message\":\"boom\"}" } };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_line(stub.url, "diff acme/erp");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    assert_contains(outcome.errors, "plan: boom");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void diff_of_an_instance_of_a_tenant_to_come(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "GET " TENANTS "/acme", NULL, 404, NOT_FOUND },
        { "POST " TENANTS, "dryRun=All", 201, TENANT_JSON("1", "{\"displayName\":\"ACME\",\"suspended\":false}") },
        { "POST " TENANTS "/acme/plan", NULL, 200, "{\"steps\":[{\"name\":\"create-network\"}]}" },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "diff -f -", TENANT "---\n" ERP);
    assert_string_equal(outcome.errors, "");
    assert_string_equal(outcome.out, "tenant.tenantd/acme will be created\n"
                                     "  + spec.displayName: \"ACME\"\n"
                                     "  Plan:\n"
                                     "   1. create-network\n"
                                     "instance.tenantd/acme/erp will be created\n"
                                     "  + spec.app: \"odoo\"\n"
                                     "  + spec.version: \"17.0\"\n"
                                     "  Plan: known when its tenant exists\n");
    assert_int_equal(outcome.exit, EXIT_NOT);
    outcome_release(&outcome);
    stub_stop(&stub);
}

/* ---- delete ---- */

#define LIST(version, items)                                                                                           \
    "{\"kind\":\"InstanceList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define DELETING ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""

static void deletes_and_waits(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "DELETE " ERPS "/erp", NULL, 200, ERP_JSON("5", "u-1", "{}", DELETING) },
        { "GET " ERPS, "watch=true", 200,
          "{\"type\":\"MODIFIED\",\"object\":" ERP_JSON(
              "7", "u-1", "{}", DELETING) "}\n"
                                          "{\"type\":\"DELETED\",\"object\":" ERP_JSON("8", "u-1", "{}",
                                                                                       DELETING) "}\n",
          .hold_ms = 5000 },
        { "GET " ERPS, NULL, 200, LIST("6", ERP_JSON("5", "u-1", "{}", DELETING)) },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_line(stub.url, "delete acme/erp");
    assert_string_equal(outcome.out, "instance.tenantd \"erp\" deleted\n");
    assert_contains(outcome.errors, "instance.tenantd/acme/erp  Gone");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_contains(stub_body(&stub, "DELETE"), "\"propagationPolicy\":\"Background\"");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void another_one_under_its_name_is_not_it(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "DELETE " ERPS "/erp", NULL, 200, ERP_JSON("5", "u-1", "{}", DELETING) },
        { "GET " ERPS, "watch=true", 200, "", .hold_ms = 5000 },
        { "GET " ERPS, NULL, 200, LIST("6", ERP_JSON("6", "u-2", "{}", "")) },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_line(stub.url, "delete acme/erp");
    assert_int_equal(outcome.exit, EXIT_OK);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void gone_at_once(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "DELETE " ERPS "/erp", NULL, 200, "{\"kind\":\"Status\",\"status\":\"Success\"}" },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_line(stub.url, "delete acme/erp");
    assert_int_equal(outcome.exit, EXIT_OK);
    assert_int_equal(stub.requests.count, 1);
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void nothing_to_delete(void **state)
{
    (void)state;
    struct stub stub;
    stub_start(&stub, NULL, 0);
    struct outcome missing = run_line(stub.url, "delete acme/erp");
    struct outcome ignored = run_line(stub.url, "delete acme/erp --ignore-not-found");
    struct outcome nothing = run_line(stub.url, "delete");
    assert_int_equal(missing.exit, EXIT_NO_RECORD);
    assert_int_equal(ignored.exit, EXIT_OK);
    assert_int_equal(nothing.exit, EXIT_USAGE);
    outcome_release(&missing);
    outcome_release(&ignored);
    outcome_release(&nothing);
    stub_stop(&stub);
}

static void files_are_deleted_the_other_way_round(void **state)
{
    (void)state;
    static const struct stub_row rows[] = {
        { "DELETE " ERPS "/erp", NULL, 200, "{\"kind\":\"Status\",\"status\":\"Success\"}" },
        { "DELETE " TENANTS "/acme", NULL, 200, "{\"kind\":\"Status\",\"status\":\"Success\"}" },
    };
    struct stub stub;
    stub_start(&stub, rows, ARRAY_LEN(rows));
    struct outcome outcome = run_with(stub.url, "delete -f - --wait=false", TENANT "---\n" ERP);
    assert_string_equal(outcome.out, "instance.tenantd \"erp\" deleted\ntenant.tenantd \"acme\" deleted\n");
    outcome_release(&outcome);
    stub_stop(&stub);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, creates);
    CHECK_TEST(&list, leaves_alone_what_is_as_wished);
    CHECK_TEST(&list, patches_the_difference);
    CHECK_TEST(&list, tries_again_when_somebody_was_faster);
    CHECK_TEST(&list, says_what_the_server_refuses_and_goes_on);
    CHECK_TEST(&list, one_bad_document_and_nothing_is_sent);
    CHECK_TEST(&list, a_dry_run_knows_what_it_would_have_created);
    CHECK_TEST(&list, nothing_to_apply);
    CHECK_TEST(&list, no_server_is_said_once);
    CHECK_TEST(&list, diff_shows_fields_and_steps);
    CHECK_TEST(&list, diff_of_a_stored_record_with_nothing_to_do);
    CHECK_TEST(&list, a_failing_diff_is_no_difference);
    CHECK_TEST(&list, diff_of_an_instance_of_a_tenant_to_come);
    CHECK_TEST(&list, deletes_and_waits);
    CHECK_TEST(&list, another_one_under_its_name_is_not_it);
    CHECK_TEST(&list, gone_at_once);
    CHECK_TEST(&list, nothing_to_delete);
    CHECK_TEST(&list, files_are_deleted_the_other_way_round);
    return check_run("cli/apply", &list);
}
