#include "base/metrics.h"
#include "controller/known.h"
#include "tests/check.h"

#define UID_A "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define UID_B "ffffffff-4e5f-6071-8293-a4b5c6d7e8f9"

static struct known_record record_of(const char *name, const char *uid, int64_t generation)
{
    struct known_record record = { .uid = uid, .generation = generation, .phase = "Running" };
    assert_true(record_key_set(&record.key, KIND_INSTANCE, "acme", name));
    return record;
}

static void test_news(void **state)
{
    (void)state;
    struct known *known = known_new();
    struct known_record record = record_of("erp", UID_A, 1);
    assert_false(known_has(known, &record.key));
    assert_int_equal(known_put(known, &record), KNOWN_NEW);
    assert_int_equal(known_put(known, &record), KNOWN_SAME);
    record.phase = "Degraded"; /* status alone */
    assert_int_equal(known_put(known, &record), KNOWN_SAME);
    record.generation = 2;
    assert_int_equal(known_put(known, &record), KNOWN_SUPERSEDED);
    assert_int_equal(known_generation(known, &record.key), 2);
    record.is_going = true;
    assert_int_equal(known_put(known, &record), KNOWN_SUPERSEDED);
    assert_int_equal(known_put(known, &record), KNOWN_SAME);
    record.uid = UID_B; /* another record of that name */
    assert_int_equal(known_put(known, &record), KNOWN_SUPERSEDED);
    assert_true(known_drop(known, &record.key));
    assert_false(known_drop(known, &record.key));
    assert_int_equal(known_generation(known, &record.key), 0);
    known_free(known);
}

static void test_uids(void **state)
{
    (void)state;
    struct known *known = known_new();
    struct known_record erp = record_of("erp", UID_A, 1), shop = record_of("shop", UID_B, 1);
    struct record_key key;
    assert_false(known_by_uid12(known, "0a1b2c3d4e5f", &key));
    known_put(known, &erp);
    known_put(known, &shop);
    assert_true(known_by_uid12(known, "0a1b2c3d4e5f", &key));
    assert_true(record_key_equal(&key, &erp.key));
    /* The name goes over to another record. */
    assert_true(known_drop(known, &shop.key));
    erp.uid = UID_B;
    known_put(known, &erp);
    assert_false(known_by_uid12(known, "0a1b2c3d4e5f", &key));
    assert_true(known_by_uid12(known, "ffffffff4e5f", &key));
    assert_true(record_key_equal(&key, &erp.key));
    assert_true(known_drop(known, &erp.key));
    assert_false(known_by_uid12(known, "ffffffff4e5f", &key));
    known_free(known);
}

static void add_name(void *context, const struct record_key *key)
{
    strv_add(context, key->name);
}

static void test_listing_drops_the_rest(void **state)
{
    (void)state;
    struct known *known = known_new();
    CLEANUP(strv_release) struct strv gone = STRV_INIT;
    struct known_record erp = record_of("erp", UID_A, 1), shop = record_of("shop", UID_B, 1);
    known_begin(known);
    known_put(known, &erp);
    known_put(known, &shop);
    known_end(known, add_name, &gone);
    assert_int_equal(gone.count, 0);
    known_begin(known);
    known_put(known, &shop);
    known_end(known, add_name, &gone);
    assert_int_equal(gone.count, 1);
    assert_string_equal(gone.items[0], "erp");
    assert_int_equal(known_count(known), 1);
    assert_true(known_has(known, &shop.key));
    known_free(known);
}

static void test_gauges(void **state)
{
    (void)state;
    struct known *known = known_new();
    struct known_record erp = record_of("erp", UID_A, 1), shop = record_of("shop", UID_B, 1);
    known_put(known, &erp);
    shop.phase = NULL;
    known_put(known, &shop);
    for (int i = 0; i < 2; i++) { /* set anew, not added up */
        CLEANUP(str_release) struct str out = STR_INIT;
        known_set_gauges(known);
        metrics_print(&out);
        assert_contains(out.text, "tenantd_records{kind=\"Instance\",phase=\"Running\"} 1\n");
        assert_contains(out.text, "tenantd_records{kind=\"Instance\",phase=\"Pending\"} 1\n");
    }
    known_free(known);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_news);
    CHECK_TEST(&list, test_uids);
    CHECK_TEST(&list, test_listing_drops_the_rest);
    CHECK_TEST(&list, test_gauges);
    return check_run("known", &list);
}
