/* Admission and the transaction it runs in, with others writing at the same time. */
#include <pthread.h>

#include "tests/store/store_fixture.h"

static void get(struct store *store, const struct record_key *key, struct record *ret)
{
    struct err err = ERR_INIT;
    assert_ok(store_get(store, key, ret, &err), &err);
}

/* A quota of one instance per tenant; it takes its time, so that others try meanwhile. */
static bool admit_one(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = next->key.namespace };
    CLEANUP(records_release) struct records records = { 0 };
    (void)context; /* needs nothing else */
    assert_null(old);
    if (!store_list(tx, &query, &records, NULL, err))
        return false;
    usleep(100000);
    return records.count == 0 || err_set(err, ERR_FORBIDDEN, "the quota is one instance");
}

struct attempt {
    const struct store_options *options;
    const char *namespace;
    char *name;
    enum err_code outcome;
};

static void *create_one(void *context)
{
    struct attempt *attempt = context;
    struct store_write write = { .mode = STORE_WRITE, .admit = admit_one };
    CLEANUP(store_freep) struct store *store = store_new(attempt->options);
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    record_make(&record, KIND_INSTANCE, attempt->namespace, attempt->name, 1);
    attempt->outcome = store_create(store, &record, &write, &err) ? ERR_NONE : err.code;
    err_release(&err);
    return NULL;
}

static void a_quota_of_one_admits_one(void **state)
{
    struct store_fixture *fixture = *state;
    struct attempt attempts[8];
    pthread_t threads[ARRAY_LEN(attempts)];
    int won[2] = { 0 };
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    free(record_store(fixture->store, KIND_TENANT, "", "zeta", 1));
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        attempts[i] = (struct attempt){ .options = &fixture->options,
                                        .namespace = i % 2 ? "acme" : "zeta",
                                        .name = mem_printf("erp-%zu", i) };
        assert_int_equal(pthread_create(&threads[i], NULL, create_one, &attempts[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        pthread_join(threads[i], NULL);
        assert_true(attempts[i].outcome == ERR_NONE || attempts[i].outcome == ERR_FORBIDDEN);
        won[i % 2] += attempts[i].outcome == ERR_NONE;
        free(attempts[i].name);
    }
    assert_int_equal(won[0], 1);
    assert_int_equal(won[1], 1);
    assert_int_equal(newest_version(fixture), 4);
}

static bool admit_and_claim(struct store *tx, const struct record *old, struct record *next, void *context,
                            struct err *err)
{
    const char *database = context;
    (void)old;
    json_put_text(next->spec, "database", database);
    return store_claim(tx, "database", database, next->uid, err);
}

static void admission_resolves_and_claims(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(freep) char *holder = NULL;
    char database[] = "shared";
    struct store_write write = { .mode = STORE_WRITE, .admit = admit_and_claim, .context = database };
    struct store_write dry = { .mode = STORE_DRY_RUN, .admit = admit_and_claim, .context = database };
    struct err err = ERR_INIT;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    record_make(&record, KIND_INSTANCE, "acme", "dry", 1);
    assert_ok(store_create(fixture->store, &record, &dry, &err), &err);
    assert_ok(store_claim_holder(fixture->store, "database", "shared", &holder, &err), &err);
    assert_null(holder);
    record_release(&record);
    record_make(&record, KIND_INSTANCE, "acme", "first", 1);
    assert_ok(store_create(fixture->store, &record, &write, &err), &err);
    assert_string_equal(json_text(record.spec, "database"), "shared");
    assert_ok(store_claim_holder(fixture->store, "database", "shared", &holder, &err), &err);
    assert_string_equal(holder, record.uid);
    record_release(&record);
    record_make(&record, KIND_INSTANCE, "acme", "second", 1);
    assert_fails(store_create(fixture->store, &record, &write, &err), &err, ERR_CONFLICT);
    assert_int_equal(json_int(record.spec, "number", 0), 1);
    assert_null(json_text(record.spec, "database"));
    assert_int_equal(newest_version(fixture), 2);
}

/* Claims "x" and "y" in the order of the context, with time for another one to come between. */
static bool admit_two_claims(struct store *tx, const struct record *old, struct record *next, void *context,
                             struct err *err)
{
    const char *order = context;
    (void)old;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(freep) char *value = mem_strndup(order + i, 1);
        if (!store_claim(tx, "database", value, next->uid, err))
            return false;
        usleep(200000);
    }
    return true;
}

static void *create_with_claims(void *context)
{
    struct attempt *attempt = context;
    char order[] = { attempt->name[0], attempt->name[1], '\0' };
    struct store_write write = { .mode = STORE_WRITE, .admit = admit_two_claims, .context = order };
    CLEANUP(store_freep) struct store *store = store_new(attempt->options);
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    record_make(&record, KIND_INSTANCE, attempt->namespace, attempt->name, 1);
    attempt->outcome = store_create(store, &record, &write, &err) ? ERR_NONE : err.code;
    if (attempt->outcome != ERR_NONE)
        assert_contains(err_message(&err), "is taken");
    err_release(&err);
    return NULL;
}

static void a_deadlock_is_tried_again(void **state)
{
    struct store_fixture *fixture = *state;
    char first_name[] = "xy", second_name[] = "yx";
    struct attempt first = { .options = &fixture->options, .namespace = "acme", .name = first_name };
    struct attempt second = { .options = &fixture->options, .namespace = "zeta", .name = second_name };
    pthread_t threads[2];
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    free(record_store(fixture->store, KIND_TENANT, "", "zeta", 1));
    assert_int_equal(pthread_create(&threads[0], NULL, create_with_claims, &first), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, create_with_claims, &second), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal((first.outcome == ERR_NONE) + (second.outcome == ERR_NONE), 1);
    assert_int_equal((first.outcome == ERR_CONFLICT) + (second.outcome == ERR_CONFLICT), 1);
    assert_int_equal(newest_version(fixture), 3);
}

static bool admit_nothing(struct store *tx, const struct record *old, struct record *next, void *context,
                          struct err *err)
{
    (void)tx;
    (void)old;
    (void)next;
    (void)context;
    return err_set(err, ERR_FORBIDDEN, "no");
}

static bool admit_with_a_write(struct store *tx, const struct record *old, struct record *next, void *context,
                               struct err *err)
{
    CLEANUP(record_release) struct record other = { 0 };
    struct err inner = ERR_INIT;
    (void)old;
    (void)context;
    record_make(&other, KIND_TENANT, "", "other", 1);
    assert_fails(store_create(tx, &other, &plain_write, &inner), &inner, ERR_INTERNAL);
    assert_fails(store_event_add(tx, next, EVENT_NORMAL, "Reason", "text", &inner), &inner, ERR_INTERNAL);
    return err_set(err, ERR_FORBIDDEN, "seen");
}

static void an_update_is_admitted_only_when_it_changes_something(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct store_write write = { .mode = STORE_WRITE, .admit = admit_nothing };
    struct err err = ERR_INIT;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    get(fixture->store, &key, &record);
    assert_ok(store_update(fixture->store, &record, 0, &write, &err), &err);
    json_put(record.spec, "number", json_integer(2));
    assert_fails(store_update(fixture->store, &record, 0, &write, &err), &err, ERR_FORBIDDEN);
    write.admit = admit_with_a_write;
    assert_fails(store_update(fixture->store, &record, 0, &write, &err), &err, ERR_FORBIDDEN);
    assert_int_equal(newest_version(fixture), 1);
    assert_ok(store_update(fixture->store, &record, 0, &plain_write, &err), &err);
    assert_int_equal(newest_version(fixture), 2);
}

/* The connection ends in the middle of the transaction: nothing of it may happen outside of one. */
static bool admit_and_break(struct store *tx, const struct record *old, struct record *next, void *context,
                            struct err *err)
{
    struct store_fixture *fixture = context;
    struct err inner = ERR_INIT;
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    (void)old;
    (void)next;
    (void)err;
    pg_fixture_run(fixture->url,
                   "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                   "and pid <> pg_backend_pid()");
    if (store_claims(tx, "database", &values, &inner))
        fail();
    assert_int_equal(inner.code, ERR_UNREACHABLE);
    err_release(&inner);
    return true; /* as a careless one would */
}

static void a_connection_lost_within_a_write_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct store_write write = { .mode = STORE_WRITE, .admit = admit_and_break, .context = fixture };
    struct err err = ERR_INIT;
    record_make(&record, KIND_TENANT, "", "acme", 1);
    if (store_create(fixture->store, &record, &write, &err))
        fail();
    err_release(&err);
    assert_int_equal(newest_version(fixture), 0);
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    assert_int_equal(newest_version(fixture), 1);
}

static void a_deadline_ends_a_write_that_waits(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(pg_freep) struct pg *blocker = pg_new(fixture->url);
    struct err err = ERR_INIT;
    struct call call = call_within(NULL, MINUTE_MS);
    assert_ok(pg_query(blocker, "begin; select * from store.counter for update", NULL, 0, &call, NULL, &err), &err);
    record_make(&record, KIND_TENANT, "", "acme", 1);
    struct call short_call = call_within(NULL, 300);
    store_set_call(fixture->store, &short_call);
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_TIMEOUT);
    store_set_call(fixture->store, NULL);
    assert_ok(pg_query(blocker, "rollback", NULL, 0, &call, NULL, &err), &err);
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    assert_int_equal(record.version, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_quota_of_one_admits_one),
        STORE_TEST(admission_resolves_and_claims),
        STORE_TEST(a_deadlock_is_tried_again),
        STORE_TEST(an_update_is_admitted_only_when_it_changes_something),
        STORE_TEST(a_connection_lost_within_a_write_writes_nothing),
        STORE_TEST(a_deadline_ends_a_write_that_waits),
    };
    return store_tests_run("store/admit", tests, ARRAY_LEN(tests));
}
