#include <pthread.h>

#include "tests/store/store_fixture.h"

static void state_is_kept_per_record(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(json_decrefp) json_t *document = json_pack("{s:s,s:f}", "volume", "td-acme", "large", 1e300);
    CLEANUP(json_decrefp) json_t *read = NULL;
    CLEANUP(json_decrefp) json_t *none = NULL;
    struct err err = ERR_INIT;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    assert_ok(store_state_get(fixture->store, uid, &none, &err), &err);
    assert_true(json_is_object(none) && json_object_size(none) == 0);
    assert_ok(store_state_put(fixture->store, uid, none, &err), &err);
    assert_ok(store_state_put(fixture->store, uid, document, &err), &err);
    assert_ok(store_state_get(fixture->store, uid, &read, &err), &err);
    assert_true(json_equal(document, read));
    assert_fails(store_state_put(fixture->store, "nobody", document, &err), &err, ERR_NOT_FOUND);
    assert_int_equal(newest_version(fixture), 1); /* nobody watches it */
}

static void facts_keep_what_was_first(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;
    char *none = NULL;
    struct err err = ERR_INIT;
    assert_fails(store_fact(fixture->store, "installation", NULL, &none, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_fact(fixture->store, "installation", "a1b2c3", &first, &err), &err);
    assert_ok(store_fact(fixture->store, "installation", "d4e5f6", &second, &err), &err);
    assert_string_equal(first, "a1b2c3");
    assert_string_equal(second, "a1b2c3");
}

static void secrets_are_sealed_and_bound(void **state)
{
    struct store_fixture *fixture = *state;
    const uint8_t other_key[SEAL_KEY_SIZE] = "another key, of 32 bytes too...";
    struct store_options other_options = { .url = fixture->url, .key = other_key };
    struct store_options keyless_options = { .url = fixture->url };
    CLEANUP(store_freep) struct store *other = store_new(&other_options);
    CLEANUP(store_freep) struct store *keyless = store_new(&keyless_options);
    CLEANUP(freep) char *value = NULL;
    CLEANUP(freep) char *kept = NULL;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    char *none = NULL;
    struct err err = ERR_INIT;
    CLEANUP(freep) char *acme = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    CLEANUP(freep) char *zeta = record_store(fixture->store, KIND_TENANT, "", "zeta", 1);
    assert_fails(store_secret_get(fixture->store, acme, "password", &none, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_secret_ensure(fixture->store, acme, "password", "correct horse", &value, &err), &err);
    assert_string_equal(value, "correct horse");
    assert_ok(store_secret_ensure(fixture->store, acme, "password", "another", &kept, &err), &err);
    assert_string_equal(kept, "correct horse");
    assert_ok(store_secret_put(fixture->store, acme, "admin", "", &err), &err);
    assert_ok(store_secret_names(fixture->store, acme, &names, &err), &err);
    CLEANUP(freep) char *joined = strv_join(&names, " ");
    assert_string_equal(joined, "admin password");
    assert_fails(store_secret_get(other, acme, "password", &none, &err), &err, ERR_INVALID);
    assert_fails(store_secret_get(keyless, acme, "password", &none, &err), &err, ERR_INTERNAL);
    /* Whoever may write the table cannot give a record another one's secret. */
    CLEANUP(freep)
    char *move = mem_printf("insert into store.secret select '%s', name, sealed from store.secret;"
                            "insert into store.secret select uid, 'renamed', sealed from store.secret "
                            "where uid = '%s' and name = 'password'",
                            zeta, acme);
    pg_fixture_run(fixture->url, move);
    assert_fails(store_secret_get(fixture->store, zeta, "password", &none, &err), &err, ERR_INVALID);
    assert_fails(store_secret_get(fixture->store, acme, "renamed", &none, &err), &err, ERR_INVALID);
    assert_fails(store_secret_put(fixture->store, "nobody", "password", "x", &err), &err, ERR_NOT_FOUND);
}

static void a_secret_stands_nowhere_in_the_database(void **state)
{
    struct store_fixture *fixture = *state;
    struct err err = ERR_INIT;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    assert_ok(store_secret_put(fixture->store, uid, "password", "correct horse", &err), &err);
    CLEANUP(freep) char *first = pg_fixture_text(fixture->url, "select sealed from store.secret");
    assert_ok(store_secret_put(fixture->store, uid, "password", "correct horse", &err), &err);
    CLEANUP(freep) char *second = pg_fixture_text(fixture->url, "select sealed from store.secret");
    CLEANUP(str_release) struct str sealed = STR_INIT;
    assert_string_not_equal(first, second); /* a nonce of its own each time */
    assert_ok(str_base64_decode(second, &sealed, &err), &err);
    assert_int_equal(sealed.len, 12 + strlen("correct horse") + 16);
    assert_null(memmem(sealed.text, sealed.len, "correct", 7));
}

/* ---- claims ---- */

static void a_claim_belongs_to_one(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(freep) char *holder = NULL;
    CLEANUP(freep) char *value = NULL;
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    char *none = NULL;
    struct err err = ERR_INIT;
    CLEANUP(freep) char *acme = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    CLEANUP(freep) char *zeta = record_store(fixture->store, KIND_TENANT, "", "zeta", 1);
    assert_ok(store_claim(fixture->store, "port", "30001", acme, &err), &err);
    assert_ok(store_claim(fixture->store, "port", "30001", acme, &err), &err);
    assert_fails(store_claim(fixture->store, "port", "30001", zeta, &err), &err, ERR_CONFLICT);
    assert_ok(store_claim(fixture->store, "subnet", "30001", zeta, &err), &err);
    assert_fails(store_claim(fixture->store, "port", "30002", "nobody", &err), &err, ERR_NOT_FOUND);
    assert_ok(store_claim_holder(fixture->store, "port", "30001", &holder, &err), &err);
    assert_string_equal(holder, acme);
    assert_ok(store_claim_of(fixture->store, "port", acme, &value, &err), &err);
    assert_string_equal(value, "30001");
    assert_ok(store_claim_of(fixture->store, "port", zeta, &none, &err), &err);
    assert_null(none);
    assert_ok(store_claim(fixture->store, "port", "30000", zeta, &err), &err);
    assert_ok(store_claims(fixture->store, "port", &values, &err), &err);
    CLEANUP(freep) char *joined = strv_join(&values, " ");
    assert_string_equal(joined, "30000 30001");
    assert_ok(store_claim_drop(fixture->store, "port", acme, &err), &err);
    assert_ok(store_claim_holder(fixture->store, "port", "30001", &none, &err), &err);
    assert_null(none);
    assert_ok(store_claim(fixture->store, "port", "30001", zeta, &err), &err);
}

struct claimant {
    const struct store_options *options;
    char *uid;
    enum err_code outcome;
    pthread_barrier_t *together;
};

static void *claim_value(void *context)
{
    struct claimant *claimant = context;
    CLEANUP(store_freep) struct store *store = store_new(claimant->options);
    struct err err = ERR_INIT;
    if (!store_ping(store, NULL, &err))
        fprintf(stderr, "%s\n", err_message(&err));
    pthread_barrier_wait(claimant->together);
    claimant->outcome = store_claim(store, "port", "30001", claimant->uid, &err) ? ERR_NONE : err.code;
    err_release(&err);
    return NULL;
}

static void of_many_at_once_one_wins(void **state)
{
    struct store_fixture *fixture = *state;
    struct claimant claimants[32];
    pthread_t threads[ARRAY_LEN(claimants)];
    pthread_barrier_t together;
    CLEANUP(freep) char *holder = NULL;
    struct err err = ERR_INIT;
    int winner = -1;
    pthread_barrier_init(&together, NULL, ARRAY_LEN(claimants));
    for (size_t i = 0; i < ARRAY_LEN(claimants); i++) {
        CLEANUP(freep) char *name = mem_printf("tenant-%zu", i);
        claimants[i] = (struct claimant){ .options = &fixture->options,
                                          .uid = record_store(fixture->store, KIND_TENANT, "", name, 1),
                                          .together = &together };
        assert_int_equal(pthread_create(&threads[i], NULL, claim_value, &claimants[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(claimants); i++)
        pthread_join(threads[i], NULL);
    assert_ok(store_claim_holder(fixture->store, "port", "30001", &holder, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(claimants); i++) {
        if (claimants[i].outcome == ERR_NONE) {
            assert_int_equal(winner, -1);
            assert_string_equal(holder, claimants[i].uid);
            winner = (int)i;
        } else {
            assert_int_equal(claimants[i].outcome, ERR_CONFLICT);
        }
        free(claimants[i].uid);
    }
    assert_int_not_equal(winner, -1);
    pthread_barrier_destroy(&together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(state_is_kept_per_record),     STORE_TEST(facts_keep_what_was_first),
        STORE_TEST(secrets_are_sealed_and_bound), STORE_TEST(a_secret_stands_nowhere_in_the_database),
        STORE_TEST(a_claim_belongs_to_one),       STORE_TEST(of_many_at_once_one_wins),
    };
    return store_tests_run("store/state", tests, ARRAY_LEN(tests));
}
