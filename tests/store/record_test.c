#include "tests/store/store_fixture.h"

static void assert_printed(const struct record *record, const struct record_text *text)
{
    CLEANUP(json_decrefp) json_t *object = record_to_json(record);
    CLEANUP(freep) char *wanted = json_dump(object);
    CLEANUP(str_release) struct str printed = STR_INIT;
    record_text_print(text, &printed);
    assert_string_equal(printed.text, wanted);
}

/* The same records, unread. */
static void assert_texts(struct store *store, const struct store_query *query, const struct records *records,
                         int64_t version)
{
    CLEANUP(record_texts_release) struct record_texts texts = { 0 };
    CLEANUP(record_texts_release) struct record_texts one = { 0 };
    struct err err = ERR_INIT;
    int64_t texts_version = -1;
    assert_ok(store_list_texts(store, query, &texts, &texts_version, &err), &err);
    assert_int_equal(texts_version, version);
    assert_int_equal(texts.count, records->count);
    for (size_t i = 0; i < texts.count; i++)
        assert_printed(&records->items[i], &texts.items[i]);
    if (texts.count == 0 || query->at_version)
        return;
    assert_ok(store_get_text(store, &records->items[0].key, &one, &err), &err);
    assert_int_equal(one.count, 1);
    assert_printed(&records->items[0], &one.items[0]);
}

static char *list_names(struct store *store, const struct store_query *query, int64_t *ret_version)
{
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    struct err err = ERR_INIT;
    assert_ok(store_list(store, query, &records, ret_version, &err), &err);
    assert_texts(store, query, &records, *ret_version);
    for (size_t i = 0; i < records.count; i++)
        strv_addf(&names, "%s/%s", records.items[i].key.namespace, records.items[i].key.name);
    return strv_join(&names, " ");
}

static void lists_are_ordered_and_filtered(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct {
        const char *namespace, *name;
    } instances[] = {
        { "zeta", "a" }, { "acme", "z" }, { "acme", "a" }, { "acme", "a-b" }, { "a-b", "x" }, { "acme", "ab" },
    };
    static const struct {
        const char *why;
        struct store_query query;
        const char *names;
    } rows[] = {
        { "all", { .kind = KIND_INSTANCE }, "a-b/x acme/a acme/a-b acme/ab acme/z zeta/a" },
        { "a namespace", { .kind = KIND_INSTANCE, .namespace = "acme" }, "acme/a acme/a-b acme/ab acme/z" },
        { "a namespace without any", { .kind = KIND_INSTANCE, .namespace = "none" }, "" },
        { "a kind without any", { .kind = KIND_APP }, "" },
        { "cluster-scoped", { .kind = KIND_TENANT }, "/a-b /acme /zeta" },
        { "first page", { .kind = KIND_INSTANCE, .limit = 2 }, "a-b/x acme/a" },
        { "next page", { .kind = KIND_INSTANCE, .limit = 2, .after = "acme/a" }, "acme/a-b acme/ab" },
        { "last page", { .kind = KIND_INSTANCE, .limit = 2, .after = "acme/z" }, "zeta/a" },
        { "after one that is gone", { .kind = KIND_INSTANCE, .after = "acme/m" }, "acme/z zeta/a" },
        { "after the last", { .kind = KIND_INSTANCE, .after = "zeta/a" }, "" },
        { "cluster-scoped page", { .kind = KIND_TENANT, .limit = 1, .after = "/a-b" }, "/acme" },
        { "in a namespace after", { .kind = KIND_INSTANCE, .namespace = "acme", .after = "acme/ab" }, "acme/z" },
    };
    free(record_store(fixture->store, KIND_TENANT, "", "zeta", 1));
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    free(record_store(fixture->store, KIND_TENANT, "", "a-b", 1));
    for (size_t i = 0; i < ARRAY_LEN(instances); i++)
        free(record_store(fixture->store, KIND_INSTANCE, instances[i].namespace, instances[i].name, 1));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t version = -1;
        CLEANUP(freep) char *names = list_names(fixture->store, &rows[i].query, &version);
        if (!str_equal(names, rows[i].names) || version != 9)
            fail_msg("%s: \"%s\" at %d", rows[i].why, names, (int)version);
    }
}

/* Whatever has happened since, while it is known what has. */
static void a_list_of_before_stays_as_it_was(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const names[] = { "changed", "deleted", "gone", "stays" };
    static const struct {
        struct store_query query;
        const char *names;
    } rows[] = {
        { { .kind = KIND_INSTANCE, .at_version = 5 }, "acme/changed acme/deleted acme/gone acme/stays" },
        { { .kind = KIND_INSTANCE, .at_version = 5, .limit = 2 }, "acme/changed acme/deleted" },
        { { .kind = KIND_INSTANCE, .at_version = 5, .after = "acme/deleted" }, "acme/gone acme/stays" },
        { { .kind = KIND_INSTANCE, .at_version = 5, .namespace = "none" }, "" },
        { { .kind = KIND_INSTANCE, .at_version = 4 }, "acme/changed acme/deleted acme/gone" },
        { { .kind = KIND_TENANT, .at_version = 5 }, "/acme" },
        { { .kind = KIND_INSTANCE }, "acme/changed acme/deleted acme/new acme/stays" },
    };
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(record_release) struct record last = { 0 };
    struct err err = ERR_INIT;
    bool is_gone;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        free(record_store(fixture->store, KIND_INSTANCE, "acme", names[i], 1));
    assert_int_equal(newest_version(fixture), 5);
    for (int number = 2; number < 4; number++) {
        CLEANUP(record_release) struct record changed = { 0 };
        record_make(&changed, KIND_INSTANCE, "acme", "changed", number);
        json_put(changed.spec, "real", json_real(1e300));
        assert_ok(store_update(fixture->store, &changed, 0, &plain_write, &err), &err);
    }
    for (size_t i = 1; i < 3; i++) {
        struct record_key key = key_of(KIND_INSTANCE, "acme", names[i]);
        assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, "test", &last, &is_gone, &err), &err);
        assert_true(is_gone);
    }
    free(record_store(fixture->store, KIND_INSTANCE, "acme", "deleted", 7)); /* another one of that name */
    free(record_store(fixture->store, KIND_INSTANCE, "acme", "new", 1));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t version = -1;
        CLEANUP(freep) char *seen = list_names(fixture->store, &rows[i].query, &version);
        assert_string_equal(seen, rows[i].names);
        assert_int_equal(version, rows[i].query.at_version ? rows[i].query.at_version : newest_version(fixture));
    }
    assert_ok(store_list(fixture->store, &rows[0].query, &records, NULL, &err), &err);
    for (size_t i = 0; i < records.count; i++) {
        assert_int_equal(json_int(records.items[i].spec, "number", 0), 1);
        assert_int_equal(records.items[i].version, 2 + (int64_t)i);
    }
    struct store_query between = { .kind = KIND_INSTANCE, .at_version = 6, .limit = 1 };
    assert_ok(store_list(fixture->store, &between, &records, NULL, &err), &err);
    assert_int_equal(json_int(records.items[0].spec, "number", 0), 2);
    assert_true(json_real_value(json_object_get(records.items[0].spec, "real")) == 1e300);
    pg_fixture_run(fixture->url, "delete from store.change where version <= 6");
    assert_fails(store_list(fixture->store, &rows[0].query, &records, NULL, &err), &err, ERR_EXPIRED);
    assert_ok(store_list(fixture->store, &between, &records, NULL, &err), &err); /* all after it is there */
    pg_fixture_run(fixture->url, "update store.change set before = null");       /* as an older tenantd wrote it */
    assert_fails(store_list(fixture->store, &between, &records, NULL, &err), &err, ERR_EXPIRED);
    struct store_query future = { .kind = KIND_INSTANCE, .at_version = 1000 };
    assert_fails(store_list(fixture->store, &future, &records, NULL, &err), &err, ERR_EXPIRED);
}

static void an_empty_store_is_at_version_0(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = { .kind = KIND_INSTANCE };
    int64_t version = -1;
    CLEANUP(freep) char *names = list_names(fixture->store, &query, &version);
    assert_string_equal(names, "");
    assert_int_equal(version, 0);
}

static void a_place_that_is_none_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(str_release) struct str after = STR_INIT;
    CLEANUP(records_release) struct records records = { 0 };
    struct err err = ERR_INIT;
    for (int i = 0; i < 100; i++)
        str_add(&after, "long");
    struct store_query query = { .kind = KIND_INSTANCE, .after = after.text };
    assert_fails(store_list(fixture->store, &query, &records, NULL, &err), &err, ERR_BAD_REQUEST);
}

static void a_result_given_twice_does_not_leak(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(record_release) struct record record = { 0 };
    struct store_query query = { .kind = KIND_TENANT };
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    struct err err = ERR_INIT;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    record_init(&record);
    for (int i = 0; i < 2; i++) {
        assert_ok(store_list(fixture->store, &query, &records, NULL, &err), &err);
        assert_ok(store_get(fixture->store, &key, &record, &err), &err);
    }
    assert_int_equal(records.count, 1);
}

/* A server that restarts between two calls costs the caller nothing. */
static void an_idle_connection_that_broke_is_opened_anew(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    struct err err = ERR_INIT;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    pg_fixture_run(fixture->url, "select pg_terminate_backend(pid) from pg_stat_activity "
                                 "where datname = current_database() and pid <> pg_backend_pid()");
    usleep(100000);
    assert_ok(store_get(fixture->store, &key, &record, &err), &err);
    pg_fixture_kill(&fixture_pg);
    pg_fixture_up(&fixture_pg);
    free(record_store(fixture->store, KIND_TENANT, "", "zeta", 1));
    assert_ok(store_get(fixture->store, &key, &record, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(lists_are_ordered_and_filtered),     STORE_TEST(a_list_of_before_stays_as_it_was),
        STORE_TEST(an_empty_store_is_at_version_0),     STORE_TEST(a_place_that_is_none_is_refused),
        STORE_TEST(a_result_given_twice_does_not_leak), STORE_TEST(an_idle_connection_that_broke_is_opened_anew),
    };
    return store_tests_run("store/record", tests, ARRAY_LEN(tests));
}
