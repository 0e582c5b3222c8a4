#include "specs/restore.h"
#include "tests/specs/documents.h"

static const struct row {
    const char *why;
    const char *spec;
    const char *problem;
    bool forbidden_to_members;
} rows[] = {
    { "in place", "{backup: b-1, instance: erp}", "", false },
    { "in place, neutralised", "{backup: b-1, instance: erp, neutralize: true}", "", false },
    { "a point by its place", "{backup: acme/0123-45/b-1, instance: erp}", "", false },
    { "another tenant's point", "{backup: other/0123-45/b-1, instance: erp}", "", true },
    { "a clone", "{backup: b-1, to: {instance: copy}}", "", false },
    { "a clone in the same tenant by name", "{backup: b-1, to: {instance: copy, tenant: acme}}", "", false },
    { "a clone in another tenant", "{backup: b-1, to: {instance: copy, tenant: other}}", "", true },
    { "a drill of the newest", "{drill: true, instance: erp}", "", false },
    { "a drill of one", "{drill: true, instance: erp, backup: b-1}", "", false },
    { "nothing", "{}",
      "spec.backup: names what to restore; see tenantctl backups\n"
      "spec.instance: names the instance to restore; or give `to` for a new one",
      false },
    { "in place and a clone", "{backup: b, instance: erp, to: {instance: copy}}",
      "spec.to: makes a new instance, and `instance` names one; choose one", false },
    { "a drill that makes a clone", "{drill: true, backup: b, to: {instance: copy}}",
      "spec.drill: needs `instance`, and no `to`", false },
    { "two parts", "{backup: acme/b-1, instance: erp}",
      "spec.backup: \"acme/b-1\" is neither a Backup's name nor a recovery point like acme/<instance uid>/<name>",
      false },
    { "a way out of the place", "{backup: acme/../b, instance: erp}",
      "spec.backup: \"acme/../b\" is neither a Backup's name nor a recovery point like acme/<instance uid>/<name>",
      false },
    { "a clone without a name", "{backup: b, to: {tenant: other}}", "spec.to.instance: is required, like erp-copy",
      false },
};

static void checks_specs(void **state)
{
    const struct row *row = *state;
    assert_problem(&kinds[KIND_RESTORE], row->spec, row->problem);
}

static void asks_who(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_decrefp) json_t *spec = document(rows[i].spec);
        CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct restore_spec restore = { 0 };
        struct record record = { .key = { .kind = KIND_RESTORE, .namespace = "acme" } };
        if (rows[i].problem[0])
            continue;
        fields_decode(restore_spec_fields, spec, "spec", &restore, &problems);
        assert_int_equal(restore_admit_member(&record, &restore, &err), !rows[i].forbidden_to_members);
        assert_int_equal(err.code, rows[i].forbidden_to_members ? ERR_NOT_FOUND : ERR_NONE);
        fields_release(restore_spec_fields, &restore);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_specs, rows);
    CHECK_TEST(&list, asks_who);
    return check_run("restore", &list);
}
