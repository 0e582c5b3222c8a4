/* store/account.c: changes of an account that come at one time undo nothing of each other. */
#include <pthread.h>

#include "tests/store/store_fixture.h"

#define THREADS 8

static char *make_account(struct store *store)
{
    struct err err = ERR_INIT;
    CLEANUP(account_release)
    struct account account = {
        .email = mem_strdup("jo@acme.example"),
        .password_hash = mem_strdup("first hash"),
        .role = ROLE_ADMIN,
    };
    assert_ok(store_account_create(store, &account, &err), &err);
    return mem_strdup(account.id);
}

static bool edit_demote(struct account *account, void *context, struct err *err)
{
    (void)context;
    (void)err;
    account->role = ROLE_MEMBER;
    account->disabled = true;
    strv_add(&account->tenants, "acme");
    return true;
}

static bool edit_password(struct account *account, void *context, struct err *err)
{
    (void)err;
    free(account->password_hash);
    account->password_hash = mem_strdup(context);
    return true;
}

static bool edit_refuse(struct account *account, void *context, struct err *err)
{
    account->disabled = false;
    return edit_password(account, context, err) && err_set(err, ERR_FORBIDDEN, "no");
}

static void a_change_is_of_what_is_stored(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(freep) char *id = make_account(fixture->store);
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(account_release) struct account found = { 0 };
    char hash[] = "second hash", other[] = "third hash";
    struct err err = ERR_INIT;
    const struct account_change demotion = { id, edit_demote, NULL };
    const struct account_change password = { id, edit_password, hash };
    const struct account_change refusal = { id, edit_refuse, other };
    const struct account_change nobody = { "nobody", edit_password, hash };
    assert_ok(store_account_update(fixture->store, &demotion, &account, &err), &err);
    assert_ok(store_account_update(fixture->store, &password, &account, &err), &err);
    assert_fails(store_account_update(fixture->store, &refusal, &account, &err), &err, ERR_FORBIDDEN);
    assert_fails(store_account_update(fixture->store, &nobody, &account, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_account_find(fixture->store, id, &found, &err), &err);
    const struct account *const both[] = { &account, &found };
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        assert_string_equal(both[i]->password_hash, "second hash");
        assert_int_equal(both[i]->role, ROLE_MEMBER);
        assert_true(both[i]->disabled);
        assert_true(strv_has(&both[i]->tenants, "acme"));
    }
}

struct joining {
    const struct store_options *options;
    const char *id;
    char tenant[8];
    bool is_done;
};

static bool edit_join(struct account *account, void *context, struct err *err)
{
    (void)err;
    strv_add(&account->tenants, context);
    return true;
}

static void *join(void *context)
{
    struct joining *joining = context;
    CLEANUP(store_freep) struct store *store = store_new(joining->options);
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct account_change change = { joining->id, edit_join, joining->tenant };
    joining->is_done = store_account_update(store, &change, &account, &err);
    return NULL;
}

static void changes_take_turns(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(freep) char *id = make_account(fixture->store);
    CLEANUP(account_release) struct account account = { 0 };
    struct joining joinings[THREADS];
    pthread_t threads[THREADS];
    struct err err = ERR_INIT;
    for (int i = 0; i < THREADS; i++) {
        joinings[i] = (struct joining){ &fixture->options, id, { 't', (char)('0' + i) } };
        assert_int_equal(pthread_create(&threads[i], NULL, join, &joinings[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_ok(store_account_find(fixture->store, id, &account, &err), &err);
    assert_int_equal(account.tenants.count, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_true(joinings[i].is_done && strv_has(&account.tenants, joinings[i].tenant));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_change_is_of_what_is_stored),
        STORE_TEST(changes_take_turns),
    };
    return store_tests_run("store/account", tests, ARRAY_LEN(tests));
}
