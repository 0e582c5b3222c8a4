#include <pthread.h>

#include "tests/store/store_fixture.h"

static void *migrate_once(void *context)
{
    const struct store_options *options = context;
    CLEANUP(store_freep) struct store *store = store_new(options);
    struct call call = call_within(NULL, MINUTE_MS);
    struct err err = ERR_INIT;
    bool done = store_migrate(store, &call, &err) && store_ping(store, &call, &err);
    if (!done)
        fprintf(stderr, "%s\n", err_message(&err));
    err_release(&err);
    return done ? context : NULL;
}

static void several_start_at_once(void **state)
{
    (void)state; /* cmocka's signature */
    CLEANUP(freep) char *url = pg_fixture_database(&fixture_pg);
    struct store_options options = { .url = url, .key = fixture_key };
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_once, &options), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *done = NULL;
        pthread_join(threads[i], &done);
        assert_non_null(done);
    }
    assert_int_equal(pg_fixture_int(url, "select count(*) from store.counter"), 1);
}

static void a_second_time_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct err err = ERR_INIT;
    CLEANUP(freep)
    char *before = pg_fixture_text(fixture->url, "select string_agg(migration::text, ' ') from store.migration");
    assert_ok(store_migrate(fixture->store, NULL, &err), &err);
    CLEANUP(freep)
    char *after = pg_fixture_text(fixture->url, "select string_agg(migration::text, ' ') from store.migration");
    assert_string_equal(before, after);
}

static void a_newer_schema_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct err err = ERR_INIT;
    pg_fixture_run(fixture->url, "insert into store.migration values (999, 0)");
    if (store_migrate(fixture->store, NULL, &err))
        fail();
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), "at step 999");
    err_release(&err);
}

static void without_a_schema_calls_say_so(void **state)
{
    (void)state;
    CLEANUP(freep) char *url = pg_fixture_database(&fixture_pg);
    struct store_options options = { .url = url, .key = fixture_key };
    CLEANUP(store_freep) struct store *store = store_new(&options);
    struct err err = ERR_INIT;
    if (store_ping(store, NULL, &err))
        fail();
    assert_contains(err_message(&err), "prepare the store's statements");
    err_release(&err);
}

/* What the role or the database have as defaults does not count. */
static void a_connection_has_the_settings_that_promises_rest_on(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *store = NULL;
    struct err err = ERR_INIT;
    CLEANUP(freep)
    char *sql = mem_printf("alter database store_%d set synchronous_commit to off;"
                           "alter database store_%d set default_transaction_isolation to serializable;"
                           "alter database store_%d set default_transaction_read_only to on;"
                           "alter database store_%d set search_path to public",
                           fixture_pg.databases, fixture_pg.databases, fixture_pg.databases, fixture_pg.databases);
    pg_fixture_run(fixture_pg.cluster.admin_url, sql);
    store = store_new(&fixture->options);
    free(record_store(store, KIND_TENANT, "", "acme", 1));
    assert_ok(store_ping(store, NULL, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_start_at_once),
        STORE_TEST(a_second_time_changes_nothing),
        STORE_TEST(a_newer_schema_is_refused),
        cmocka_unit_test(without_a_schema_calls_say_so),
        STORE_TEST(a_connection_has_the_settings_that_promises_rest_on),
    };
    return store_tests_run("store/migrate", tests, ARRAY_LEN(tests));
}
