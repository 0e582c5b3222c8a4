/* The tenant's plan, row by row. */
#include "reconcilers/tenant/tenant.h"
#include "tests/check.h"

static char names[] = "erp, shop";

static const struct row {
    const char *why;
    bool deleting;
    struct tenant_seen seen;
    const char *plan;
    const char *blocked;
} rows[] = {
    { "nothing there", false, { 0 }, "create-network", NULL },
    { "nothing there, and a proxy is configured",
      false,
      { .proxy_is_missing = true },
      "create-network connect-proxy",
      NULL },
    { "all as wished", false, { .network_exists = true, .network_is_ours = true }, "", NULL },
    { "the proxy fell off",
      false,
      { .network_exists = true, .network_is_ours = true, .proxy_is_missing = true },
      "connect-proxy",
      NULL },
    { "a stranger's network", false, { .network_exists = true }, "", "NameTaken" },
    { "deleted, instances stand",
      true,
      { .network_exists = true, .network_is_ours = true, .instances = 2, .not_going = 1, .blockers = names },
      "delete-instances",
      "WaitingForInstances" },
    { "deleted, instances are going",
      true,
      { .network_exists = true, .network_is_ours = true, .instances = 2, .blockers = names },
      "",
      "WaitingForInstances" },
    { "deleted, a restore is going",
      true,
      { .network_exists = true, .network_is_ours = true, .others = 1, .blockers = names },
      "",
      "WaitingForInstances" },
    { "deleted, empty",
      true,
      { .network_exists = true, .network_is_ours = true },
      "remove-network release-record",
      NULL },
    { "deleted, a stranger's network stays", true, { .network_exists = true }, "release-record", NULL },
};

static void test_plan(void **state)
{
    const struct row *row = *state;
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    CLEANUP(record_release) struct record record = { 0 };
    record_init(&record);
    record.deletion_ms = row->deleting;
    tenant_plan(&record, "td-acme", &row->seen, &plan);
    CLEANUP(freep) char *text = plan_text(&plan);
    assert_string_equal(text, row->plan);
    assert_true(str_equal(plan.blocked_reason, row->blocked));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_plan, rows);
    return check_run("tenant plan", &list);
}
