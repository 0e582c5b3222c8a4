/* Derived names never collide, and ownership is told by labels. */
#include "reconcilers/names.h"
#include "tests/check.h"

static const struct settings settings = { .installation = "a1b2c3", .prefix = "td" };
static const char uid[] = "01234567-89ab-cdef-0123-456789abcdef";

static void test_derived(void **state)
{
    (void)state;
    struct record_key key, app;
    record_key_set(&key, KIND_INSTANCE, "acme", "erp");
    record_key_set(&app, KIND_APP, "", "odoo");
    CLEANUP(freep) char *container = name_container(&settings, &key);
    CLEANUP(freep) char *job = name_job(&settings, &key);
    CLEANUP(freep) char *volume = name_volume(&settings, &key, uid);
    CLEANUP(freep) char *network = name_network(&settings, "acme");
    CLEANUP(freep) char *role = name_role(&settings, uid);
    CLEANUP(freep) char *of_app = name_container(&settings, &app);
    CLEANUP(freep) char *stamp = name_stamp(&settings, uid);
    assert_string_equal(container, "td-acme.erp");
    assert_string_equal(job, "td-acme.erp.job");
    assert_string_equal(volume, "td-acme.erp-0123456789ab");
    assert_string_equal(network, "td-acme");
    assert_string_equal(role, "td_a1b2c3_0123456789ab");
    assert_string_equal(of_app, "td-_app.odoo");
    assert_string_equal(stamp, "tenantd a1b2c3 01234567-89ab-cdef-0123-456789abcdef");
}

static void test_dash_and_dot_keep_tenants_apart(void **state)
{
    (void)state;
    struct record_key one, other;
    record_key_set(&one, KIND_INSTANCE, "a-b", "c");
    record_key_set(&other, KIND_INSTANCE, "a", "b-c");
    CLEANUP(freep) char *first = name_container(&settings, &one);
    CLEANUP(freep) char *second = name_container(&settings, &other);
    assert_string_not_equal(first, second);
}

static void test_retained_fits(void **state)
{
    (void)state;
    CLEANUP(freep) char *name = name_retained("a23456789012345678901234567890123456789012345678901234567890123", uid);
    assert_true(strlen(name) <= 63);
    assert_true(str_ends_with(name, "_retained_0123456789ab"));
}

static void test_ownership(void **state)
{
    (void)state;
    struct record_key key;
    record_key_set(&key, KIND_INSTANCE, "acme", "erp");
    CLEANUP(json_decrefp) json_t *labels = name_labels(&settings, &key, uid, "app");
    assert_true(name_is_ours(&settings, labels, uid));
    assert_false(name_is_ours(&settings, labels, "another"));
    assert_false(name_is_ours(&settings, NULL, uid));
    struct settings other = { .installation = "ffffff", .prefix = "td" };
    assert_false(name_is_ours(&other, labels, uid));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_derived);
    CHECK_TEST(&list, test_dash_and_dot_keep_tenants_apart);
    CHECK_TEST(&list, test_retained_fits);
    CHECK_TEST(&list, test_ownership);
    return check_run("names", &list);
}
