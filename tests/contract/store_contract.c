/* The contract of the store; see store_contract.h. */
#include "tests/contract/store_contract.h"

static const struct store_write plain = { .mode = STORE_WRITE, .who = "contract" };

static struct record_key key_of(enum kind_id kind, const char *namespace, const char *name)
{
    struct record_key key;
    assert_true(record_key_set(&key, kind, namespace, name));
    return key;
}

/* Creates a record whose spec is {"number": 1}, with our finalizer when one is named. */
static void create(struct store *store, const struct record_key *key, const char *finalizer_or_null, struct record *ret)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    record_init(ret);
    ret->key = *key;
    json_put(ret->spec, "number", json_integer(1));
    if (finalizer_or_null)
        strv_add(&ret->finalizers, finalizer_or_null);
    assert_ok(store_create(store, ret, &plain, &err), &err);
}

/* A tenant, and an instance of it with our finalizer. */
static void create_both(struct store *store, struct record *ret_tenant, struct record *ret_instance)
{
    struct record_key tenant = key_of(KIND_TENANT, "", "acme"), instance = key_of(KIND_INSTANCE, "acme", "erp");
    create(store, &tenant, NULL, ret_tenant);
    create(store, &instance, FINALIZER_TEARDOWN, ret_instance);
}

static void created_and_read(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(record_release) struct record seen = { 0 };
    CLEANUP(record_release) struct record orphan = { 0 };
    CLEANUP(records_release) struct records list = { 0 };
    struct record_key none = key_of(KIND_INSTANCE, "acme", "none");
    int64_t version = 0;
    create_both(store, &tenant, &instance);
    assert_int_equal(instance.generation, 1);
    assert_true(instance.version > tenant.version && instance.created_ms > 0 && strlen(instance.uid) == 36);
    assert_ok(store_get(store, &instance.key, &seen, &err), &err);
    assert_string_equal(seen.uid, instance.uid);
    assert_int_equal(json_int(seen.spec, "number", 0), 1);
    assert_int_equal(json_object_size(seen.status), 0);
    assert_fails(store_get(store, &none, &seen, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_get_by_uid(store, instance.uid, &seen, &err), &err);
    assert_fails(store_create(store, &instance, &plain, &err), &err, ERR_EXISTS);
    record_init(&orphan);
    orphan.key = key_of(KIND_INSTANCE, "nobody", "erp");
    assert_fails(store_create(store, &orphan, &plain, &err), &err, ERR_NOT_FOUND);
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = "acme" };
    assert_ok(store_list(store, &query, &list, &version, &err), &err);
    assert_int_equal(list.count, 1);
    assert_int_equal(version, instance.version);
    query.namespace = "beta";
    assert_ok(store_list(store, &query, &list, &version, &err), &err);
    assert_int_equal(list.count, 0);
}

static void read_as_text(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(record_release) struct record seen = { 0 };
    CLEANUP(record_texts_release) struct record_texts texts = { 0 };
    CLEANUP(str_release) struct str printed = STR_INIT;
    struct record_key none = key_of(KIND_INSTANCE, "acme", "none");
    int64_t version = 0;
    create_both(store, &tenant, &instance);
    assert_ok(store_get(store, &instance.key, &seen, &err), &err);
    CLEANUP(json_decrefp) json_t *object = record_to_json(&seen);
    CLEANUP(freep) char *wanted = json_dump(object);
    struct store_query query = { .kind = KIND_INSTANCE, .limit = 2 };
    assert_ok(store_list_texts(store, &query, &texts, &version, &err), &err);
    assert_int_equal(texts.count, 1);
    assert_int_equal(version, instance.version);
    record_text_print(&texts.items[0], &printed);
    assert_string_equal(printed.text, wanted);
    query.after = "acme/erp";
    assert_ok(store_list_texts(store, &query, &texts, &version, &err), &err);
    assert_int_equal(texts.count, 0);
    assert_ok(store_get_text(store, &instance.key, &texts, &err), &err);
    str_clear(&printed);
    record_text_print(&texts.items[0], &printed);
    assert_string_equal(printed.text, wanted);
    assert_fails(store_get_text(store, &none, &texts, &err), &err, ERR_NOT_FOUND);
}

static void updated(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Running");
    int64_t version = 0, again = 0;
    create_both(store, &tenant, &instance);
    int64_t first = instance.version;
    assert_ok(store_update(store, &instance, 0, &plain, &err), &err); /* nothing differs */
    assert_int_equal(instance.version, first);
    json_put(instance.spec, "number", json_integer(2));
    assert_ok(store_update(store, &instance, first, &plain, &err), &err);
    assert_int_equal(instance.generation, 2);
    assert_true(instance.version > first);
    json_put_text(instance.annotations, "a", "b");
    assert_ok(store_update(store, &instance, 0, &plain, &err), &err);
    assert_int_equal(instance.generation, 2); /* only the spec counts */
    assert_fails(store_update(store, &instance, first, &plain, &err), &err, ERR_CONFLICT);
    assert_ok(store_update_status(store, &instance.key, instance.uid, status, &version, &err), &err);
    assert_true(version > instance.version);
    assert_ok(store_update_status(store, &instance.key, instance.uid, status, &again, &err), &err);
    assert_int_equal(again, version);
    assert_fails(store_update_status(store, &instance.key, tenant.uid, status, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_get(store, &instance.key, &instance, &err), &err);
    assert_string_equal(json_text(instance.status, "phase"), "Running");
    assert_int_equal(instance.generation, 2);
}

static void deleted(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(record_release) struct record last = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    bool gone = true;
    create_both(store, &tenant, &instance);
    record_init(&last);
    assert_fails(store_delete(store, &tenant.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err, ERR_CONFLICT);
    assert_fails(store_delete(store, &instance.key, tenant.uid, 0, STORE_WRITE, "x", &last, &gone, &err), &err,
                 ERR_CONFLICT); /* another uid */
    assert_ok(store_delete(store, &instance.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err);
    assert_false(gone);
    assert_true(last.deletion_ms > 0);
    int64_t asked_ms = last.deletion_ms;
    assert_ok(store_delete(store, &instance.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err);
    assert_int_equal(last.deletion_ms, asked_ms);
    assert_int_equal(last.generation, 1);
    assert_fails(store_add_finalizer(store, &instance.key, instance.uid, "other/one", &err), &err, ERR_CONFLICT);
    assert_fails(store_remove_finalizer(store, &instance.key, tenant.uid, FINALIZER_TEARDOWN, &err), &err,
                 ERR_NOT_FOUND);
    assert_ok(store_remove_finalizer(store, &instance.key, instance.uid, FINALIZER_TEARDOWN, &err), &err);
    assert_fails(store_get(store, &instance.key, &last, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_remove_finalizer(store, &instance.key, instance.uid, FINALIZER_TEARDOWN, &err), &err,
                 ERR_NOT_FOUND);
    create(store, &instance.key, NULL, &next);
    assert_string_not_equal(next.uid, instance.uid);
    assert_ok(store_delete(store, &instance.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err);
    assert_true(gone); /* it had no finalizer */
    assert_ok(store_add_finalizer(store, &tenant.key, tenant.uid, FINALIZER_TEARDOWN, &err), &err);
    assert_ok(store_delete(store, &tenant.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err);
    assert_false(gone);
    assert_fails(store_create(store, &next, &plain, &err), &err, ERR_FORBIDDEN); /* in a tenant that goes */
}

static void kept_beside(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(json_decrefp) json_t *empty = NULL;
    CLEANUP(json_decrefp) json_t *kept = NULL;
    CLEANUP(json_decrefp) json_t *document = json_pack("{s:s}", "volume", "v");
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;
    CLEANUP(freep) char *third = NULL;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    static const char nobody[] = "11111111-2222-4333-8444-555555555555";
    create_both(store, &tenant, &instance);
    assert_ok(store_state_get(store, instance.uid, &empty, &err), &err);
    assert_int_equal(json_object_size(empty), 0);
    assert_ok(store_state_put(store, instance.uid, document, &err), &err);
    assert_ok(store_state_get(store, instance.uid, &kept, &err), &err);
    assert_true(json_equal(kept, document));
    assert_fails(store_state_put(store, nobody, document, &err), &err, ERR_NOT_FOUND);
    assert_fails(store_secret_get(store, instance.uid, "p", &first, &err), &err, ERR_NOT_FOUND);
    assert_ok(store_secret_ensure(store, instance.uid, "p", "one", &first, &err), &err);
    assert_ok(store_secret_ensure(store, instance.uid, "p", "two", &second, &err), &err);
    assert_string_equal(first, "one");
    assert_string_equal(second, "one");
    assert_ok(store_secret_put(store, instance.uid, "p", "three", &err), &err);
    assert_ok(store_secret_get(store, instance.uid, "p", &third, &err), &err);
    assert_string_equal(third, "three");
    assert_ok(store_secret_names(store, instance.uid, &names, &err), &err);
    assert_int_equal(names.count, 1);
}

static void claimed(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(freep) char *holder = NULL;
    CLEANUP(freep) char *value = NULL;
    CLEANUP(freep) char *nobody = NULL;
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    create_both(store, &tenant, &instance);
    assert_ok(store_claim(store, "port", "20001", instance.uid, &err), &err);
    assert_ok(store_claim(store, "port", "20001", instance.uid, &err), &err);
    assert_fails(store_claim(store, "port", "20001", tenant.uid, &err), &err, ERR_CONFLICT);
    assert_ok(store_claim(store, "port", "20000", instance.uid, &err), &err);
    assert_ok(store_claim(store, "subnet", "20001", tenant.uid, &err), &err); /* another scope */
    assert_ok(store_claim_holder(store, "port", "20001", &holder, &err), &err);
    assert_string_equal(holder, instance.uid);
    assert_ok(store_claim_of(store, "port", instance.uid, &value, &err), &err);
    assert_string_equal(value, "20000"); /* the first in order */
    assert_ok(store_claims(store, "port", &values, &err), &err);
    assert_int_equal(values.count, 2);
    assert_ok(store_remove_finalizer(store, &instance.key, instance.uid, FINALIZER_TEARDOWN, &err), &err);
    assert_ok(store_claim_drop(store, "subnet", tenant.uid, &err), &err);
    assert_ok(store_claim_holder(store, "subnet", "20001", &nobody, &err), &err);
    assert_null(nobody);
}

/* With the record goes all that was kept beside it. */
static void forgotten(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(record_release) struct record last = { 0 };
    CLEANUP(json_decrefp) json_t *document = json_pack("{s:s}", "volume", "v");
    CLEANUP(json_decrefp) json_t *state_left = NULL;
    CLEANUP(freep) char *secret = NULL;
    CLEANUP(freep) char *holder = NULL;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    bool gone;
    create_both(store, &tenant, &instance);
    assert_ok(store_state_put(store, instance.uid, document, &err), &err);
    assert_ok(store_secret_ensure(store, instance.uid, "p", "one", &secret, &err), &err);
    assert_ok(store_claim(store, "port", "20001", instance.uid, &err), &err);
    record_init(&last);
    assert_ok(store_delete(store, &instance.key, NULL, 0, STORE_WRITE, "x", &last, &gone, &err), &err);
    assert_ok(store_remove_finalizer(store, &instance.key, instance.uid, FINALIZER_TEARDOWN, &err), &err);
    assert_ok(store_state_get(store, instance.uid, &state_left, &err), &err);
    assert_int_equal(json_object_size(state_left), 0);
    assert_ok(store_secret_names(store, instance.uid, &names, &err), &err);
    assert_int_equal(names.count, 0);
    assert_ok(store_claim_holder(store, "port", "20001", &holder, &err), &err);
    assert_null(holder);
    assert_fails(store_claim(store, "port", "20001", instance.uid, &err), &err, ERR_NOT_FOUND);
}

static bool refuse(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    (void)old;
    (void)context;
    return store_claim(tx, "database", "acme_erp", next->uid, err) && err_set(err, ERR_FORBIDDEN, "over quota");
}

/* What an admission claimed goes with the record that it refused. */
static void refused(void **state)
{
    struct store *store = ((struct store_contract *)*state)->store;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(freep) char *holder = NULL;
    struct record_key key = key_of(KIND_TENANT, "", "acme");
    const struct store_write write = { .mode = STORE_WRITE, .admit = refuse };
    create(store, &key, NULL, &tenant);
    record_init(&instance);
    instance.key = key_of(KIND_INSTANCE, "acme", "erp");
    assert_fails(store_create(store, &instance, &write, &err), &err, ERR_FORBIDDEN);
    assert_ok(store_claim_holder(store, "database", "acme_erp", &holder, &err), &err);
    assert_null(holder);
    assert_fails(store_get(store, &instance.key, &instance, &err), &err, ERR_NOT_FOUND);
}

void store_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown)
{
    size_t first = list->count;
    CHECK_TEST(list, created_and_read);
    CHECK_TEST(list, read_as_text);
    CHECK_TEST(list, updated);
    CHECK_TEST(list, deleted);
    CHECK_TEST(list, kept_beside);
    CHECK_TEST(list, claimed);
    CHECK_TEST(list, forgotten);
    CHECK_TEST(list, refused);
    for (size_t i = first; i < list->count; i++) {
        list->tests[i].setup_func = setup;
        list->tests[i].teardown_func = teardown;
    }
}
