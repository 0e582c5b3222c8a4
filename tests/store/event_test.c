#include <pthread.h>

#include "tests/store/store_fixture.h"

static void add(struct store *store, const struct record *about, enum event_type type, const char *reason,
                const char *message)
{
    struct err err = ERR_INIT;
    assert_ok(store_event_add(store, about, type, reason, message, &err), &err);
}

static void list(struct store *store, const char *namespace, struct events *ret, int64_t *ret_version)
{
    struct err err = ERR_INIT;
    assert_ok(store_event_list(store, namespace, ret, ret_version, &err), &err);
}

static void make_tenant(struct store *store, const char *name, struct record *ret)
{
    struct err err = ERR_INIT;
    record_make(ret, KIND_TENANT, "", name, 1);
    assert_ok(store_create(store, ret, &plain_write, &err), &err);
}

static void equal_ones_are_counted(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    int64_t version = 0;
    make_tenant(fixture->store, "acme", &tenant);
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "is running");
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "is running");
    add(fixture->store, &tenant, EVENT_WARNING, "Ready", "is running");
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "is running");
    list(fixture->store, NULL, &events, &version);
    assert_int_equal(version, 5);
    assert_int_equal(events.count, 2);
    assert_int_equal(events.items[0].type, EVENT_WARNING);
    assert_int_equal(events.items[0].count, 1);
    assert_int_equal(events.items[1].type, EVENT_NORMAL);
    assert_int_equal(events.items[1].count, 3);
    assert_int_equal(events.items[1].version, 5);
    assert_true(events.items[1].last_ms >= events.items[1].first_ms);
    assert_true(record_key_equal(&events.items[1].about, &tenant.key));
    assert_string_equal(events.items[1].about_uid, tenant.uid);
    assert_true(str_starts_with(events.items[1].name, "acme."));
}

static void after_an_hour_it_is_a_new_one(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    make_tenant(fixture->store, "acme", &tenant);
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "is running");
    pg_fixture_run(fixture->url, "update store.event set last_ms = last_ms - 3600001");
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "is running");
    list(fixture->store, NULL, &events, NULL);
    assert_int_equal(events.count, 2);
    assert_int_equal(events.items[1].count, 1);
}

static void a_hundred_are_kept_per_record(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record other = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    make_tenant(fixture->store, "acme", &tenant);
    make_tenant(fixture->store, "zeta", &other);
    add(fixture->store, &other, EVENT_NORMAL, "Ready", "other");
    for (int i = 0; i < 103; i++) {
        CLEANUP(freep) char *message = mem_printf("number %d", i);
        add(fixture->store, &tenant, EVENT_NORMAL, "Step", message);
    }
    list(fixture->store, NULL, &events, NULL);
    assert_int_equal(events.count, 101);
    assert_string_equal(events.items[0].message, "other");
    assert_string_equal(events.items[1].message, "number 3");
    assert_string_equal(events.items[100].message, "number 102");
}

static void namespaces_tell_them_apart(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record instance = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    struct err err = ERR_INIT;
    make_tenant(fixture->store, "acme", &tenant);
    record_make(&instance, KIND_INSTANCE, "acme", "erp", 1);
    assert_ok(store_create(fixture->store, &instance, &plain_write, &err), &err);
    add(fixture->store, &tenant, EVENT_NORMAL, "Ready", "tenant");
    add(fixture->store, &instance, EVENT_WARNING, "Failed", "instance");
    list(fixture->store, "acme", &events, NULL);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.items[0].message, "instance");
    CLEANUP(json_decrefp) json_t *object = event_to_json(&events.items[0]);
    assert_string_equal(json_string_value(json_at(object, "metadata", "namespace", NULL)), "acme");
    assert_string_equal(json_string_value(json_at(object, "metadata", "resourceVersion", NULL)), "4");
    assert_string_equal(json_string_value(json_at(object, "involvedObject", "kind", NULL)), "Instance");
    assert_string_equal(json_string_value(json_at(object, "involvedObject", "namespace", NULL)), "acme");
    assert_string_equal(json_text(object, "type"), "Warning");
    list(fixture->store, "default", &events, NULL);
    assert_int_equal(events.count, 1);
    CLEANUP(json_decrefp) json_t *about_tenant = event_to_json(&events.items[0]);
    assert_string_equal(json_string_value(json_at(about_tenant, "metadata", "namespace", NULL)), "default");
    assert_null(json_at(about_tenant, "involvedObject", "namespace", NULL));
    list(fixture->store, "none", &events, NULL);
    assert_int_equal(events.count, 0);
}

static void any_text_can_be_told(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    CLEANUP(str_release) struct str text = STR_INIT;
    make_tenant(fixture->store, "acme", &tenant);
    str_add(&text, "a\xff\x01 \xc3");
    while (text.len < 10000)
        str_add(&text, "\xc3\xa4");
    add(fixture->store, &tenant, EVENT_NORMAL, "Output", text.text);
    list(fixture->store, NULL, &events, NULL);
    assert_int_equal(events.count, 1);
    assert_true(strlen(events.items[0].message) <= 4200);
    assert_true(str_starts_with(events.items[0].message, "a\xef\xbf\xbd"));
}

static void they_outlive_their_record(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    struct err err = ERR_INIT;
    bool gone;
    make_tenant(fixture->store, "acme", &tenant);
    struct record_key key = tenant.key;
    add(fixture->store, &tenant, EVENT_NORMAL, "Deleting", "on request");
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, NULL, &tenant, &gone, &err), &err);
    add(fixture->store, &tenant, EVENT_NORMAL, "Deleted", "is gone");
    list(fixture->store, NULL, &events, NULL);
    assert_int_equal(events.count, 2);
}

struct adder {
    const struct store_options *options;
    const struct record *about;
};

static void *add_ten(void *context)
{
    const struct adder *adder = context;
    CLEANUP(store_freep) struct store *store = store_new(adder->options);
    for (int i = 0; i < 10; i++) {
        struct err err = ERR_INIT;
        if (!store_event_add(store, adder->about, EVENT_NORMAL, "Same", "for all", &err))
            fprintf(stderr, "%s\n", err_message(&err));
        err_release(&err);
    }
    return NULL;
}

static void equal_ones_at_once_are_one(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(events_release) struct events events = { 0 };
    pthread_t threads[8];
    make_tenant(fixture->store, "acme", &tenant);
    struct adder adder = { .options = &fixture->options, .about = &tenant };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_ten, &adder), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    list(fixture->store, NULL, &events, NULL);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.items[0].count, 80);
    assert_int_equal(newest_version(fixture), 81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(equal_ones_are_counted),        STORE_TEST(after_an_hour_it_is_a_new_one),
        STORE_TEST(a_hundred_are_kept_per_record), STORE_TEST(namespaces_tell_them_apart),
        STORE_TEST(any_text_can_be_told),          STORE_TEST(they_outlive_their_record),
        STORE_TEST(equal_ones_at_once_are_one),
    };
    return store_tests_run("store/event", tests, ARRAY_LEN(tests));
}
