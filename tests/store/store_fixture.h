/* One database with the store's schema per test, and records to put into it. All in a header, as pg_fixture.h says. */
#pragma once

#include "store/account.h"
#include "store/audit.h"
#include "store/feed.h"
#include "store/store.h"
#include "tests/store/pg_fixture.h"

static const uint8_t fixture_key[SEAL_KEY_SIZE] = "a key for tests, of 32 bytes....";

struct store_fixture {
    char *url;
    struct store_options options;
    struct store *store;
};

static inline void store_fixture_open(struct store_fixture *fixture, struct pg_fixture *pg)
{
    struct call call = call_within(NULL, MINUTE_MS);
    struct err err = ERR_INIT;
    *fixture = (struct store_fixture){ .url = pg_fixture_database(pg) };
    fixture->options = (struct store_options){ .url = fixture->url, .key = fixture_key };
    fixture->store = store_new(&fixture->options);
    assert_ok(store_migrate(fixture->store, &call, &err), &err);
}

static inline void store_fixture_close(struct store_fixture *fixture)
{
    store_free(fixture->store);
    free(fixture->url);
}

static inline struct record_key key_of(enum kind_id kind, const char *namespace, const char *name)
{
    struct record_key key;
    assert_true(record_key_set(&key, kind, namespace, name));
    return key;
}

/* An initialised record whose spec is {"number": number}. */
static inline void record_make(struct record *record, enum kind_id kind, const char *namespace, const char *name,
                               int number)
{
    record_init(record);
    record->key = key_of(kind, namespace, name);
    json_put(record->spec, "number", json_integer(number));
}

static const struct store_write plain_write = { .mode = STORE_WRITE, .who = "test" };

/* Creates it; its uid, owned. */
static inline char *record_store(struct store *store, enum kind_id kind, const char *namespace, const char *name,
                                 int number)
{
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    record_make(&record, kind, namespace, name, number);
    assert_ok(store_create(store, &record, &plain_write, &err), &err);
    return mem_strdup(record.uid);
}

static inline int64_t newest_version(const struct store_fixture *fixture)
{
    return pg_fixture_int(fixture->url, "select version from store.counter");
}

/* ---- for main() ---- */

static struct pg_fixture fixture_pg;

static inline int store_test_setup(void **state)
{
    struct store_fixture *fixture = MEM_NEW(struct store_fixture);
    store_fixture_open(fixture, &fixture_pg);
    *state = fixture;
    return 0;
}

static inline int store_test_teardown(void **state)
{
    store_fixture_close(*state);
    free(*state);
    return 0;
}

/* The test finds a struct store_fixture of its own in *state. */
#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, store_test_setup, store_test_teardown)

static inline int store_tests_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
    pg_fixture_start(&fixture_pg);
    int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    pg_fixture_stop(&fixture_pg);
    return failed;
}
