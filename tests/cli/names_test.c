/* What users type for records. */
#include "cli/names.h"
#include "tests/check.h"

static const struct {
    const char *why, *line, *namespace, *paths, *error;
} rows[] = {
    { "tenant and name", "acme/erp", NULL, "/namespaces/acme/instances/erp", NULL },
    { "several", "acme/erp beta/crm", NULL, "/namespaces/acme/instances/erp /namespaces/beta/instances/crm", NULL },
    { "a name with -n", "erp", "acme", "/namespaces/acme/instances/erp", NULL },
    { "a name without -n", "erp", NULL, NULL, "\"erp\" is neither a kind" },
    { "the slash wins over -n", "beta/erp", "acme", "/namespaces/beta/instances/erp", NULL },
    { "kind and name", "instance erp", "acme", "/namespaces/acme/instances/erp", NULL },
    { "kind and full name", "instance acme/erp", NULL, "/namespaces/acme/instances/erp", NULL },
    { "kind and names", "tenants acme beta", NULL, "/tenants/acme /tenants/beta", NULL },
    { "kind, slash, name", "instance/erp", "acme", "/namespaces/acme/instances/erp", NULL },
    { "kind, slash, tenant, slash, name", "instance/acme/erp", NULL, "/namespaces/acme/instances/erp", NULL },
    { "as -o name prints them", "instance.tenantd/acme/erp app.tenantd/odoo", NULL,
      "/namespaces/acme/instances/erp /apps/odoo", NULL },
    { "short names, any case", "INST erp", "acme", "/namespaces/acme/instances/erp", NULL },
    { "cluster-scoped, -n does not matter", "app odoo", "acme", "/apps/odoo", NULL },
    { "a kind alone is all of it", "instances", "acme", "/namespaces/acme/instances", NULL },
    { "of all tenants", "instances", NULL, "/instances", NULL },
    { "kinds with commas", "tenants,apps", NULL, "/tenants /apps", NULL },
    { "all kinds", "all", NULL, "/apps /tenants /sources /instances", NULL },
    { "encoded", "tenant a%b", NULL, "/tenants/a%25b", NULL },
    { "whose instance", "instance erp", NULL, NULL, "whose instance is erp? Write TENANT/erp, or -n TENANT" },
    { "which instance", "acme/erp tenant", NULL, NULL, "which tenant? Write tenant NAME" },
    { "names behind two kinds", "tenants,apps x", NULL, NULL, "names can follow one kind only" },
    { "a kind misspelled", "instnaces", NULL, NULL, "is instances meant?" },
    { "no name", "acme/", NULL, NULL, "does not name an instance" },
    { "no tenant", "/erp", NULL, NULL, "does not name an instance" },
    { "too many slashes", "a/b/c", NULL, NULL, "\"a\" is neither a kind" },
    { "a tenant has no namespace", "tenant a/b", NULL, NULL, "does not name a tenant" },
};

static char *paths_of(const struct targets *targets)
{
    CLEANUP(strv_release) struct strv paths = STRV_INIT;
    for (size_t i = 0; i < targets->count; i++) {
        CLEANUP(freep) char *path = target_path(&targets->items[i]);
        assert_true(str_starts_with(path, "/apis/tenantd/v1"));
        strv_add(&paths, path + strlen("/apis/tenantd/v1"));
    }
    return strv_join(&paths, " ");
}

static void parses(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    strv_split(&args, row->line, ' ');
    bool parsed = targets_parse(&args, row->namespace, &targets, &err);
    if (row->error) {
        assert_false(parsed);
        assert_int_equal(err.code, ERR_BAD_REQUEST);
        assert_contains(err_message(&err), row->error);
        return;
    }
    assert_ok(parsed, &err);
    CLEANUP(freep) char *paths = paths_of(&targets);
    assert_string_equal(paths, row->paths);
}

static void records_need_names(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    strv_split(&args, "instances", ' ');
    assert_fails(targets_parse_records(&args, NULL, &targets, &err), &err, ERR_BAD_REQUEST);
}

static void only_instances_run(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    strv_split(&args, "tenant acme", ' ');
    assert_fails(targets_parse_instances(&args, NULL, &targets, &err), &err, ERR_BAD_REQUEST);
    assert_fails(target_parse_instance("app/odoo", NULL, &targets, &err), &err, ERR_BAD_REQUEST);
}

static void texts(void **state)
{
    (void)state;
    CLEANUP(targets_release) struct targets targets = { 0 };
    targets_add(&targets, &kinds[KIND_INSTANCE], "acme", "erp");
    targets_add(&targets, &kinds[KIND_TENANT], "ignored", "acme");
    CLEANUP(freep) char *text = target_text(&targets.items[0]);
    CLEANUP(freep) char *brief = target_brief(&targets.items[0]);
    CLEANUP(freep) char *typed = target_short(&targets.items[0]);
    CLEANUP(freep) char *tenant = target_text(&targets.items[1]);
    CLEANUP(freep) char *typed_tenant = target_short(&targets.items[1]);
    assert_string_equal(text, "instance.tenantd/acme/erp");
    assert_string_equal(brief, "instance.tenantd/erp");
    assert_string_equal(typed, "acme/erp");
    assert_string_equal(tenant, "tenant.tenantd/acme");
    assert_string_equal(typed_tenant, "tenant acme");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, parses, rows);
    CHECK_TEST(&list, records_need_names);
    CHECK_TEST(&list, only_instances_run);
    CHECK_TEST(&list, texts);
    return check_run("cli/names", &list);
}
