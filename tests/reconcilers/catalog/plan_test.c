/* Which instances come back from the places of recovery points. */
#include "reconcilers/catalog/catalog.h"
#include "tests/check.h"

#define INSTANCES_MAX 3

/* Members of what is tested are owned by others, so they are not const. */
static char acme[] = "acme", globex[] = "globex", erp[] = "erp", a[] = "a", b[] = "b", c[] = "c", p[] = "p";

static const struct row {
    const char *why;
    int64_t copied_ms; /* 0: there is no copy of the records */
    struct catalog_instance instances[INSTANCES_MAX];
    const char *back; /* uids of those that come back */
} rows[] = {
    { "a recovery point and no copy", 0, { { acme, erp, a, p, 100 } }, "a" },
    { "no recovery point", 50, { { acme, erp, a, .in_copy = true } }, "" },
    { "older than the copy, which has it", 200, { { acme, erp, a, p, 100, .in_copy = true } }, "a" },
    { "older than the copy, which does not have it", 200, { { acme, erp, a, p, 100 } }, "" },
    { "newer than the copy", 200, { { acme, erp, a, p, 300 } }, "a" },
    { "a last backup was made", 0, { { acme, erp, a, p, 100, .had_last_backup = true } }, "" },
    { "also where the copy is older", 50, { { acme, erp, a, p, 100, .had_last_backup = true, .in_copy = true } }, "" },
    { "it was being deleted", 200, { { acme, erp, a, p, 100, .in_copy = true, .was_going = true } }, "" },
    { "two of one name: the newer one",
      0,
      { { acme, erp, a, p, 100 }, { acme, erp, b, p, 200 }, { acme, erp, c, p, 150 } },
      "b" },
    { "two of one name: the copied one",
      50,
      { { acme, erp, a, p, 100, .in_copy = true }, { acme, erp, b, p, 200 } },
      "a" },
    { "one that does not come back stands in nobody's way",
      0,
      { { acme, erp, a, p, 100 }, { acme, erp, b, p, 200, .had_last_backup = true } },
      "a" },
    { "the same name in two tenants", 0, { { acme, erp, a, p, 100 }, { globex, erp, b, p, 200 } }, "a b" },
};

static void those_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct catalog_instance instances[INSTANCES_MAX];
        CLEANUP(json_decrefp) json_t *copy = rows[i].copied_ms ? json_object() : NULL;
        CLEANUP(strv_release) struct strv back = STRV_INIT;
        struct catalog catalog = { .instances = instances, .copy = copy, .copied_ms = rows[i].copied_ms };
        memcpy(instances, rows[i].instances, sizeof(instances));
        while (catalog.instance_count < INSTANCES_MAX && instances[catalog.instance_count].uid)
            catalog.instance_count++;
        catalog_decide(&catalog);
        for (size_t k = 0; k < catalog.instance_count; k++)
            if (instances[k].verdict == CATALOG_RETURNS)
                strv_add(&back, instances[k].uid);
        CLEANUP(freep) char *seen = strv_join(&back, " ");
        if (!str_equal(seen, rows[i].back))
            fail_msg("%s: \"%s\" come back instead of \"%s\"", rows[i].why, seen, rows[i].back);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, those_come_back);
    return check_run("reconcilers/catalog/plan", &list);
}
