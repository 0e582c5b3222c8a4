#include "tests/store/store_fixture.h"

static void get(struct store *store, const struct record_key *key, struct record *ret)
{
    struct err err = ERR_INIT;
    assert_ok(store_get(store, key, ret, &err), &err);
}

/* ---- create, update, delete ---- */

static void a_created_record_is_what_get_returns(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(record_release) struct record read = { 0 };
    CLEANUP(record_release) struct record by_uid = { 0 };
    struct err err = ERR_INIT;
    int64_t before_ms = clock_wall_ms();
    record_make(&record, KIND_TENANT, "", "acme", 1);
    json_put_text(record.labels, "tier", "gold");
    json_put_text(record.annotations, "note", "\xc3\xa4 \"quoted\" \\ and\nmore");
    json_put(record.spec, "real", json_real(1e300));
    json_put(record.spec, "third", json_real(1.0 / 3));
    json_put(record.spec, "whole", json_real(2.0));
    json_put(record.spec, "large", json_integer(INT64_MAX));
    json_put(record.status, "phase", json_string("mine"));
    strv_add(&record.finalizers, FINALIZER_TEARDOWN);
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    assert_int_equal(record.generation, 1);
    assert_int_equal(record.version, 1);
    assert_int_equal(record.deletion_ms, 0);
    assert_true(record.created_ms >= before_ms);
    assert_int_equal(strlen(record.uid), 36);
    assert_int_equal(json_object_size(record.status), 0);
    get(fixture->store, &record.key, &read);
    assert_ok(store_get_by_uid(fixture->store, record.uid, &by_uid, &err), &err);
    CLEANUP(json_decrefp) json_t *made = record_to_json(&record);
    CLEANUP(json_decrefp) json_t *found = record_to_json(&read);
    CLEANUP(json_decrefp) json_t *found_by_uid = record_to_json(&by_uid);
    assert_true(json_equal(made, found));
    assert_true(json_equal(made, found_by_uid));
    assert_true(read.created_ms == record.created_ms);
}

/* A copy of a lost host's records: what was known under its uid still is, and what outlives its tenant needs none. */
static void a_record_that_returns_is_what_it_was(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record backup = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(record_release) struct record read = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Completed");
    struct err err = ERR_INIT;
    const struct store_return returns = { "11111111-2222-4333-8444-555555555555", 1234567890000, status };
    const struct store_return taken = { "11111111-2222-4333-8444-555555555555", 1, NULL };
    const struct store_return other = { "11111111-2222-4333-8444-666666666666", 1, NULL };
    const struct store_write write = { .who = "test", .returns = &returns };
    const struct store_write write_taken = { .who = "test", .returns = &taken };
    const struct store_write write_other = { .who = "test", .returns = &other };
    record_make(&backup, KIND_BACKUP, "nobody", "b", 1);
    assert_ok(store_create(fixture->store, &backup, &write, &err), &err);
    get(fixture->store, &backup.key, &read);
    assert_string_equal(read.uid, returns.uid);
    assert_true(read.created_ms == returns.created_ms);
    assert_string_equal(json_text(read.status, "phase"), "Completed");
    record_make(&tenant, KIND_TENANT, "", "acme", 1);
    assert_fails(store_create(fixture->store, &tenant, &write_taken, &err), &err, ERR_EXISTS);
    record_make(&instance, KIND_INSTANCE, "nobody", "erp", 1);
    assert_fails(store_create(fixture->store, &instance, &write_other, &err), &err, ERR_NOT_FOUND);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct record_key key = key_of(KIND_TENANT, "", "nobody");
    struct err err = ERR_INIT;
    bool gone;
    json_t *status = json_object();
    record_make(&record, KIND_TENANT, "", "nobody", 1);
    assert_fails(store_get(fixture->store, &key, &record, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_get_by_uid(fixture->store, "nobody", &record, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_update(fixture->store, &record, 0, &plain_write, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_update_status(fixture->store, &key, "uid", status, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_add_finalizer(fixture->store, &key, "uid", "x/y", &err), &err, ERR_NOT_FOUND);
    assert_fails(store_remove_finalizer(fixture->store, &key, "uid", "x/y", &err), &err, ERR_NOT_FOUND);
    if (store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err))
        fail();
    assert_string_equal(err_message(&err), "tenants.tenantd \"nobody\" not found");
    err_release(&err);
    json_decref(status);
    assert_int_equal(newest_version(fixture), 0);
}

static void the_same_name_twice_exists(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    record_make(&record, KIND_TENANT, "", "acme", 2);
    if (store_create(fixture->store, &record, &plain_write, &err))
        fail();
    assert_int_equal(err.code, ERR_EXISTS);
    assert_string_equal(err_message(&err), "tenants.tenantd \"acme\" already exists");
    err_release(&err);
    assert_null(record.uid);
    assert_int_equal(newest_version(fixture), 1);
}

static void a_record_needs_its_tenant(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(record_release) struct record tenant = { 0 };
    struct err err = ERR_INIT;
    bool gone;
    record_make(&record, KIND_INSTANCE, "acme", "erp", 1);
    if (store_create(fixture->store, &record, &plain_write, &err))
        fail();
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err_message(&err), "namespaces \"acme\" not found");
    err_release(&err);
    record_make(&tenant, KIND_TENANT, "", "acme", 1);
    strv_add(&tenant.finalizers, "a/b");
    assert_ok(store_create(fixture->store, &tenant, &plain_write, &err), &err);
    struct record_key key = tenant.key;
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, NULL, &tenant, &gone, &err), &err);
    assert_false(gone);
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_FORBIDDEN);
}

static void generation_moves_only_with_spec(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Active");
    struct err err = ERR_INIT;
    int64_t version;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    get(fixture->store, &key, &record);
    json_put_text(record.labels, "a", "b");
    assert_ok(store_update(fixture->store, &record, record.version, &plain_write, &err), &err);
    assert_int_equal(record.generation, 1);
    assert_int_equal(record.version, 2);
    json_put(record.spec, "number", json_integer(2));
    assert_ok(store_update(fixture->store, &record, record.version, &plain_write, &err), &err);
    assert_int_equal(record.generation, 2);
    assert_int_equal(record.version, 3);
    assert_ok(store_update_status(fixture->store, &key, record.uid, status, &version, &err), &err);
    assert_int_equal(version, 4);
    get(fixture->store, &key, &record);
    assert_int_equal(record.generation, 2);
    assert_string_equal(json_text(record.status, "phase"), "Active");
    /* Status is not the user's, whatever the document says. */
    json_put_text(record.status, "phase", "Lie");
    json_put(record.spec, "number", json_integer(3));
    assert_ok(store_update(fixture->store, &record, 0, &plain_write, &err), &err);
    assert_string_equal(json_text(record.status, "phase"), "Active");
}

static void the_same_again_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s,s:f}", "phase", "Active", "number", 1.0 / 3);
    CLEANUP(json_decrefp) json_t *reordered = json_pack("{s:f,s:s}", "number", 1.0 / 3, "phase", "Active");
    struct err err = ERR_INIT;
    int64_t version = 0;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    assert_ok(store_update_status(fixture->store, &key, uid, status, NULL, &err), &err);
    assert_ok(store_add_finalizer(fixture->store, &key, uid, "a/b", &err), &err);
    assert_int_equal(newest_version(fixture), 3);
    CLEANUP(freep) char *before = pg_fixture_text(fixture->url, "select xmin::text || record::text from store.record");
    get(fixture->store, &key, &record);
    assert_ok(store_update(fixture->store, &record, record.version, &plain_write, &err), &err);
    assert_int_equal(record.version, 3);
    assert_ok(store_update_status(fixture->store, &key, uid, reordered, &version, &err), &err);
    assert_int_equal(version, 3);
    assert_ok(store_add_finalizer(fixture->store, &key, uid, "a/b", &err), &err);
    assert_ok(store_remove_finalizer(fixture->store, &key, uid, "c/d", &err), &err);
    CLEANUP(freep) char *after = pg_fixture_text(fixture->url, "select xmin::text || record::text from store.record");
    assert_string_equal(before, after);
    assert_int_equal(newest_version(fixture), 3);
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.change"), 3);
}

static void another_version_or_uid_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_object();
    struct err err = ERR_INIT;
    bool gone;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    get(fixture->store, &key, &record);
    json_put(record.spec, "number", json_integer(2));
    if (store_update(fixture->store, &record, 7, &plain_write, &err))
        fail();
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(
        err_message(&err),
        "Operation cannot be fulfilled on tenants.tenantd \"acme\": the object has been modified; please "
        "apply your changes to the latest version and try again");
    err_release(&err);
    free(record.uid);
    record.uid = mem_strdup("another");
    assert_fails(store_update(fixture->store, &record, 0, &plain_write, &err), &err, ERR_CONFLICT);
    assert_fails(store_delete(fixture->store, &key, "another", 0, STORE_WRITE, NULL, &record, &gone, &err), &err,
                 ERR_CONFLICT);
    assert_fails(store_delete(fixture->store, &key, uid, 7, STORE_WRITE, NULL, &record, &gone, &err), &err,
                 ERR_CONFLICT);
    assert_fails(store_update_status(fixture->store, &key, "another", status, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_add_finalizer(fixture->store, &key, "another", "a/b", &err), &err, ERR_NOT_FOUND);
    assert_int_equal(newest_version(fixture), 1);
}

/* ---- the life of finalizers ---- */

static void a_record_goes_with_its_last_finalizer(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    bool gone = true;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    assert_ok(store_add_finalizer(fixture->store, &key, uid, "a/b", &err), &err);
    assert_ok(store_add_finalizer(fixture->store, &key, uid, "c/d", &err), &err);
    assert_ok(store_delete(fixture->store, &key, uid, 3, STORE_WRITE, "test", &record, &gone, &err), &err);
    assert_false(gone);
    assert_true(record.deletion_ms > 0);
    assert_int_equal(record.version, 4);
    int64_t deletion_ms = record.deletion_ms;
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, "test", &record, &gone, &err), &err);
    assert_false(gone);
    assert_true(record.deletion_ms == deletion_ms);
    assert_int_equal(record.version, 4);
    assert_fails(store_add_finalizer(fixture->store, &key, uid, "e/f", &err), &err, ERR_CONFLICT);
    strv_add(&record.finalizers, "e/f");
    assert_fails(store_update(fixture->store, &record, 0, &plain_write, &err), &err, ERR_INVALID);
    assert_ok(store_remove_finalizer(fixture->store, &key, uid, "a/b", &err), &err);
    get(fixture->store, &key, &record);
    assert_int_equal(record.finalizers.count, 1);
    assert_string_equal(record.finalizers.items[0], "c/d");
    /* A user may take the last one off as well. */
    strv_release(&record.finalizers);
    assert_ok(store_update(fixture->store, &record, 0, &plain_write, &err), &err);
    assert_int_equal(record.version, 6);
    assert_fails(store_get(fixture->store, &key, &record, &err), &err, ERR_NOT_FOUND);
    CLEANUP(freep)
    char *last = pg_fixture_text(fixture->url, "select operation || uid from store.change where version = 6");
    CLEANUP(freep) char *wanted = mem_printf("DELETED%s", uid);
    assert_string_equal(last, wanted);
}

static void without_finalizers_it_goes_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    bool gone = false;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, "test", &record, &gone, &err), &err);
    assert_true(gone);
    assert_int_equal(record.version, 2);
    assert_int_equal(json_int(record.spec, "number", 0), 1);
    assert_fails(store_get(fixture->store, &key, &record, &err), &err, ERR_NOT_FOUND);
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 2);
    get(fixture->store, &key, &record);
    assert_string_equal(record.uid, uid);
    assert_int_equal(record.generation, 1);
}

static void what_belongs_to_it_goes_too(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *document = json_object();
    struct identity member = { .user = "alice", .role = ROLE_MEMBER, .tenants = { "acme" } };
    struct err err = ERR_INIT;
    bool gone;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    assert_ok(store_state_put(fixture->store, uid, document, &err), &err);
    assert_ok(store_secret_put(fixture->store, uid, "password", "s", &err), &err);
    assert_ok(store_claim(fixture->store, "subnet", "10.0.0.0/26", uid, &err), &err);
    assert_ok(store_token_put(fixture->store, &member, "token", &err), &err);
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, "test", &record, &gone, &err), &err);
    assert_int_equal(pg_fixture_int(fixture->url,
                                    "select (select count(*) from store.state) + (select count(*) from store.secret) + "
                                    "(select count(*) from store.claim) + (select count(*) from store.token)"),
                     0);
}

static void a_tenant_does_not_go_before_its_records(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    bool gone;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "acme", 1);
    free(record_store(fixture->store, KIND_INSTANCE, "acme", "erp", 1));
    struct record_key tenant = key_of(KIND_TENANT, "", "acme");
    struct record_key instance = key_of(KIND_INSTANCE, "acme", "erp");
    assert_fails(store_delete(fixture->store, &tenant, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err), &err,
                 ERR_CONFLICT);
    assert_ok(store_add_finalizer(fixture->store, &tenant, uid, "a/b", &err), &err);
    assert_ok(store_delete(fixture->store, &tenant, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err), &err);
    assert_fails(store_remove_finalizer(fixture->store, &tenant, uid, "a/b", &err), &err, ERR_CONFLICT);
    assert_ok(store_delete(fixture->store, &instance, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err), &err);
    assert_ok(store_remove_finalizer(fixture->store, &tenant, uid, "a/b", &err), &err);
    assert_fails(store_get(fixture->store, &tenant, &record, &err), &err, ERR_NOT_FOUND);
}

static void a_protected_record_stays(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    bool gone;
    record_make(&record, KIND_TENANT, "", "acme", 1);
    json_put_text(record.annotations, ANNOTATION_PROTECT, "true");
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    struct record_key key = record.key;
    assert_fails(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err), &err,
                 ERR_FORBIDDEN);
    assert_int_equal(newest_version(fixture), 1);
}

/* ---- dry runs ---- */

static void a_dry_run_leaves_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    const struct store_write dry = { .mode = STORE_DRY_RUN };
    struct err err = ERR_INIT;
    bool gone = false;
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    CLEANUP(freep)
    char *before =
        pg_fixture_text(fixture->url, "select counter::text || record::text from store.counter, store.record");
    record_make(&record, KIND_INSTANCE, "acme", "erp", 1);
    assert_ok(store_create(fixture->store, &record, &dry, &err), &err);
    assert_int_equal(record.version, 0);
    assert_int_equal(record.generation, 1);
    assert_non_null(record.uid);
    assert_fails(store_get(fixture->store, &record.key, &record, &err), &err, ERR_NOT_FOUND);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    get(fixture->store, &key, &record);
    json_put(record.spec, "number", json_integer(2));
    assert_ok(store_update(fixture->store, &record, 1, &dry, &err), &err);
    assert_int_equal(record.generation, 2);
    assert_int_equal(record.version, 1);
    assert_fails(store_update(fixture->store, &record, 7, &dry, &err), &err, ERR_CONFLICT);
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_DRY_RUN, NULL, &record, &gone, &err), &err);
    assert_true(gone);
    assert_int_equal(record.version, 1);
    CLEANUP(freep)
    char *after =
        pg_fixture_text(fixture->url, "select counter::text || record::text from store.counter, store.record");
    assert_string_equal(before, after);
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.change"), 1);
}

/* ---- what must not reach SQL ---- */

static void nul_and_invalid_text_are_refused(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    struct err err = ERR_INIT;
    CLEANUP(freep) char *uid = record_store(fixture->store, KIND_TENANT, "", "zeta", 1);
    record_make(&record, KIND_TENANT, "", "acme", 1);
    json_put(record.spec, "text", json_stringn_nocheck("a\0b", 3));
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_INVALID);
    json_put(record.spec, "text", json_stringn_nocheck("a\xff", 2));
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_INVALID);
    json_put(record.spec, "text", json_string("\xf0\x9f\x98\x80 is fine"));
    json_t *deep = json_array();
    for (int i = 0; i < 120; i++) {
        json_t *outer = json_array();
        json_push(outer, deep);
        deep = outer;
    }
    json_put(record.spec, "deep", deep);
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_INVALID);
    json_object_del(record.spec, "deep");
    json_put(record.labels, "label", json_stringn_nocheck("\0", 1));
    assert_fails(store_create(fixture->store, &record, &plain_write, &err), &err, ERR_INVALID);
    json_object_del(record.labels, "label");
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    assert_fails(store_claim(fixture->store, "scope", "a\xff", uid, &err), &err, ERR_INVALID);
    CLEANUP(json_decrefp) json_t *bad = json_array();
    json_push(bad, json_stringn_nocheck("\0", 1));
    assert_fails(store_state_put(fixture->store, uid, bad, &err), &err, ERR_INVALID);
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    assert_fails(store_update_status(fixture->store, &key, record.uid, bad, NULL, &err), &err, ERR_INVALID);
    assert_int_equal(newest_version(fixture), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_created_record_is_what_get_returns),
        STORE_TEST(a_record_that_returns_is_what_it_was),
        STORE_TEST(what_is_not_there_is_not_found),
        STORE_TEST(the_same_name_twice_exists),
        STORE_TEST(a_record_needs_its_tenant),
        STORE_TEST(generation_moves_only_with_spec),
        STORE_TEST(the_same_again_writes_nothing),
        STORE_TEST(another_version_or_uid_is_a_conflict),
        STORE_TEST(a_record_goes_with_its_last_finalizer),
        STORE_TEST(without_finalizers_it_goes_at_once),
        STORE_TEST(what_belongs_to_it_goes_too),
        STORE_TEST(a_tenant_does_not_go_before_its_records),
        STORE_TEST(a_protected_record_stays),
        STORE_TEST(a_dry_run_leaves_nothing),
        STORE_TEST(nul_and_invalid_text_are_refused),
    };
    return store_tests_run("store/write", tests, ARRAY_LEN(tests));
}
