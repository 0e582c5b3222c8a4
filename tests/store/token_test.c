#include "tests/store/store_fixture.h"

static void a_token_tells_who(void **state)
{
    struct store_fixture *fixture = *state;
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct identity alice = { .user = "alice", .role = ROLE_MEMBER, .tenants = { "acme" } };
    struct identity found = { 0 };
    struct err err = ERR_INIT;
    assert_ok(store_token_put(fixture->store, &admin, "first token", &err), &err);
    assert_ok(store_token_put(fixture->store, &alice, "second token", &err), &err);
    assert_ok(store_token_find(fixture->store, "second token", &found, &err), &err);
    assert_string_equal(found.user, "alice");
    assert_int_equal(found.role, ROLE_MEMBER);
    assert_string_equal(found.tenants[0], "acme");
    assert_ok(store_token_find(fixture->store, "first token", &found, &err), &err);
    assert_string_equal(found.user, "admin");
    assert_int_equal(found.role, ROLE_ADMIN);
    assert_string_equal(found.tenants[0], "");
    assert_fails(store_token_find(fixture->store, "third token", &found, &err), &err, ERR_UNAUTHORIZED);
    assert_fails(store_token_find(fixture->store, "", &found, &err), &err, ERR_UNAUTHORIZED);
    assert_fails(store_token_find(fixture->store, "' or true --\xff", &found, &err), &err, ERR_UNAUTHORIZED);
}

static void a_new_token_replaces_the_old(void **state)
{
    struct store_fixture *fixture = *state;
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct identity found = { 0 };
    struct err err = ERR_INIT;
    assert_ok(store_token_put(fixture->store, &admin, "old", &err), &err);
    assert_ok(store_token_put(fixture->store, &admin, "new", &err), &err);
    assert_fails(store_token_find(fixture->store, "old", &found, &err), &err, ERR_UNAUTHORIZED);
    assert_ok(store_token_find(fixture->store, "new", &found, &err), &err);
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.token"), 1);
}

static void only_its_digest_is_stored(void **state)
{
    struct store_fixture *fixture = *state;
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct identity found = { 0 };
    struct err err = ERR_INIT;
    assert_ok(store_token_put(fixture->store, &admin, "the token", &err), &err);
    CLEANUP(freep) char *row = pg_fixture_text(fixture->url, "select token::text from store.token");
    CLEANUP(freep) char *digest = sha256_hex("the token", strlen("the token"));
    assert_null(strstr(row, "the token"));
    assert_contains(row, digest);
    assert_fails(store_token_find(fixture->store, digest, &found, &err), &err, ERR_UNAUTHORIZED);
}

static void what_is_no_identity_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct identity identities[] = {
        { .user = "", .role = ROLE_ADMIN },
        { .user = "alice", .role = ROLE_NONE },
        { .user = "alice", .role = ROLE_MEMBER },
    };
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct identity other = { .user = "other", .role = ROLE_ADMIN };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(identities); i++)
        assert_fails(store_token_put(fixture->store, &identities[i], "token", &err), &err, ERR_INVALID);
    assert_fails(store_token_put(fixture->store, &admin, "", &err), &err, ERR_INVALID);
    assert_ok(store_token_put(fixture->store, &admin, "token", &err), &err);
    assert_fails(store_token_put(fixture->store, &other, "token", &err), &err, ERR_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_token_tells_who),
        STORE_TEST(a_new_token_replaces_the_old),
        STORE_TEST(only_its_digest_is_stored),
        STORE_TEST(what_is_no_identity_is_refused),
    };
    return store_tests_run("store/token", tests, ARRAY_LEN(tests));
}
