#include "tests/store/store_fixture.h"

#define KEEP_MS HOUR_MS
#define WAIT_MS (20 * SECOND_MS)

static void feed_freep(struct feed **feed)
{
    feed_stop(*feed);
}

static void change_unrefp(struct change **change)
{
    change_unref(*change);
}

/* One that stands at the newest version. */
static struct feed *start(struct store_fixture *fixture)
{
    struct feed *feed = feed_start(&fixture->options, KEEP_MS);
    int64_t newest = newest_version(fixture);
    for (int i = 0; i < 2000 && !feed_is_connected(feed); i++)
        usleep(10000);
    assert_true(feed_wait(feed, newest, WAIT_MS));
    return feed;
}

static struct change *next(struct feed *feed, struct store *store, int64_t after)
{
    bool expired = true;
    struct change *change = feed_next(feed, store, after, &expired);
    assert_false(expired);
    return change;
}

static bool is_expired(struct feed *feed, struct store *store, int64_t after)
{
    bool expired = false;
    CLEANUP(change_unrefp) struct change *change = feed_next(feed, store, after, &expired);
    assert_true(!expired || !change);
    return expired;
}

/* `count` changes of no record, as many writers would have made them. */
static void add_changes(struct store_fixture *fixture, int count, int64_t at_ms)
{
    CLEANUP(freep)
    char *sql = mem_printf("insert into store.change select version + i, 'Tenant', '', 'acme', 'uid', 1, 'MODIFIED', "
                           "'{\"metadata\":{\"name\":\"acme\",\"uid\":\"uid\"}}', true, false, null, %lld from "
                           "store.counter, generate_series(1, %d) i;"
                           "update store.counter set version = version + %d; select pg_notify('tenantd_change', 'any')",
                           (long long)at_ms, count, count);
    pg_fixture_run(fixture->url, sql);
}

static void a_change_tells_all(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Active");
    CLEANUP(change_unrefp) struct change *added = NULL;
    CLEANUP(change_unrefp) struct change *updated = NULL;
    CLEANUP(change_unrefp) struct change *status_change = NULL;
    CLEANUP(change_unrefp) struct change *event = NULL;
    CLEANUP(change_unrefp) struct change *deleted = NULL;
    struct err err = ERR_INIT;
    bool gone;
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    record_make(&record, KIND_TENANT, "", "acme", 1);
    assert_ok(store_create(fixture->store, &record, &plain_write, &err), &err);
    CLEANUP(json_decrefp) json_t *object = record_to_json(&record);
    CLEANUP(freep) char *text = json_dump(object);
    struct record_key key = record.key;
    json_put_text(record.labels, "a", "b");
    assert_ok(store_update(fixture->store, &record, 0, &plain_write, &err), &err);
    assert_ok(store_update_status(fixture->store, &key, record.uid, status, NULL, &err), &err);
    assert_ok(store_event_add(fixture->store, &record, EVENT_NORMAL, "Ready", "is running", &err), &err);
    assert_ok(store_delete(fixture->store, &key, NULL, 0, STORE_WRITE, NULL, &record, &gone, &err), &err);
    assert_true(feed_wait(feed, 5, WAIT_MS));
    added = next(feed, NULL, 0);
    assert_int_equal(added->version, 1);
    assert_int_equal(added->type, CHANGE_ADDED);
    assert_true(record_key_equal(&added->key, &key));
    assert_string_equal(added->object_text, text);
    assert_true(json_equal(added->object, object));
    assert_string_equal(added->spec_by, "test");
    assert_true(added->spec_changed);
    assert_false(added->is_event);
    updated = next(feed, NULL, 1);
    assert_int_equal(updated->type, CHANGE_MODIFIED);
    assert_true(updated->spec_changed);
    assert_int_equal(updated->generation, 1);
    status_change = next(feed, NULL, 2);
    assert_false(status_change->spec_changed);
    assert_null(status_change->spec_by);
    event = next(feed, NULL, 3);
    assert_true(event->is_event);
    assert_true(record_key_equal(&event->key, &key));
    assert_string_equal(json_text(event->object, "reason"), "Ready");
    assert_string_equal(json_string_value(json_at(event->object, "metadata", "resourceVersion", NULL)), "4");
    deleted = next(feed, NULL, 4);
    assert_int_equal(deleted->type, CHANGE_DELETED);
    assert_string_equal(json_string_value(json_at(deleted->object, "metadata", "resourceVersion", NULL)), "5");
    assert_string_equal(json_string_value(json_at(deleted->object, "status", "phase", NULL)), "Active");
    assert_null(next(feed, NULL, 5));
    assert_null(next(feed, fixture->store, 5));
}

static void older_ones_come_from_the_table(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 100, clock_wall_ms());
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    assert_int_equal(feed_version(feed), 100);
    add_changes(fixture, 5, clock_wall_ms());
    assert_true(feed_wait(feed, 105, WAIT_MS));
    assert_true(is_expired(feed, NULL, 99));
    for (int64_t at = 0; at < 105; at++) {
        CLEANUP(change_unrefp) struct change *change = next(feed, fixture->store, at);
        assert_non_null(change);
        assert_int_equal(change->version, at + 1);
    }
    CLEANUP(change_unrefp) struct change *back = next(feed, fixture->store, 17);
    assert_int_equal(back->version, 18);
}

static void the_ring_forgets_but_the_table_does_not(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    add_changes(fixture, 3000, clock_wall_ms());
    assert_true(feed_wait(feed, 3000, WAIT_MS));
    assert_true(is_expired(feed, NULL, 10));
    for (int64_t at = 0; at < 3000; at++) {
        CLEANUP(change_unrefp) struct change *change = next(feed, fixture->store, at);
        assert_non_null(change);
        assert_int_equal(change->version, at + 1);
    }
    CLEANUP(change_unrefp) struct change *recent = next(feed, NULL, 2990);
    assert_int_equal(recent->version, 2991);
}

static void what_was_pruned_has_expired(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 2500, clock_wall_ms() - KEEP_MS - MINUTE_MS);
    add_changes(fixture, 10, clock_wall_ms());
    for (int round = 0; round < 2; round++) { /* the second feed prunes nothing, and must know the same */
        CLEANUP(feed_freep) struct feed *feed = start(fixture);
        assert_int_equal(pg_fixture_int(fixture->url, "select min(version) from store.change"), 2501);
        assert_true(is_expired(feed, fixture->store, 0));
        assert_true(is_expired(feed, fixture->store, 2499));
        CLEANUP(change_unrefp) struct change *oldest = next(feed, fixture->store, 2500);
        assert_int_equal(oldest->version, 2501);
        assert_null(next(feed, fixture->store, 2510));
    }
    pg_fixture_run(fixture->url, "update store.change set at_ms = 0");
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    CLEANUP(store_freep) struct store *fresh = store_new(&fixture->options); /* has read nothing ahead */
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.change"), 0);
    assert_true(is_expired(feed, fresh, 2509));
    assert_null(next(feed, fixture->store, 2510));
    assert_false(is_expired(feed, fixture->store, 2510));
}

static void a_young_change_keeps_those_after_it(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 3, 0);
    add_changes(fixture, 1, clock_wall_ms());
    add_changes(fixture, 3, 0); /* the clock was wrong */
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    assert_int_equal(pg_fixture_int(fixture->url, "select min(version) from store.change"), 4);
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.change"), 4);
}

static void a_version_from_the_future_has_expired(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 3, clock_wall_ms());
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    assert_true(is_expired(feed, fixture->store, 4));
    assert_true(is_expired(feed, fixture->store, INT64_MAX));
    assert_false(is_expired(feed, NULL, 4)); /* without a look it may be one written just now */
}

/* Of another tenantd's kinds, or broken by hand: readers list anew, the feed goes on. */
static void what_cannot_be_read_counts_as_missing(void **state)
{
    static const struct {
        const char *why, *kind, *object;
    } rows[] = {
        { "a kind of another tenantd", "Unheard", "{\"metadata\":{\"uid\":\"uid\"}}" },
        { "a text with a NUL", "Tenant", "{\"metadata\":{\"uid\":\"\\u0000\"}}" },
        { "no object", "Tenant", "null" },
        { "a list", "Tenant", "[]" },
        { "nothing in it", "Tenant", "{}" },
        { "metadata of another type", "Tenant", "{\"metadata\":[\"uid\"]}" },
        { "no uid", "Tenant", "{\"metadata\":{\"name\":\"acme\"}}" },
        { "a uid of another type", "Tenant", "{\"metadata\":{\"uid\":7}}" },
        { "an empty uid", "Tenant", "{\"metadata\":{\"uid\":\"\"}}" },
    };
    struct store_fixture *fixture = *state;
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t version = newest_version(fixture) + 1;
        CLEANUP(freep)
        char *sql =
            mem_printf("update store.counter set version = version + 1;"
                       "insert into store.change select version, '%s', '', 'acme', 'uid', 1, 'MODIFIED', '%s', true, "
                       "false, null, 0 from store.counter; select pg_notify('tenantd_change', 'any')",
                       rows[i].kind, rows[i].object);
        pg_fixture_run(fixture->url, sql);
        assert_true(feed_wait(feed, version, WAIT_MS));
        if (!is_expired(feed, fixture->store, version - 1))
            fail_msg("%s was read", rows[i].why);
        add_changes(fixture, 1, clock_wall_ms());
        assert_true(feed_wait(feed, version + 1, WAIT_MS));
        CLEANUP(change_unrefp) struct change *change = next(feed, NULL, version);
        assert_int_equal(change->version, version + 1);
    }
}

static void a_database_that_went_back_is_noticed(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 10, clock_wall_ms());
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    pg_fixture_run(fixture->url, "delete from store.change where version > 5; update store.counter set version = 5;"
                                 "notify tenantd_change, 'restored'");
    for (int i = 0; i < 2000 && feed_version(feed) != 5; i++)
        usleep(10000);
    assert_int_equal(feed_version(feed), 5);
    assert_true(is_expired(feed, fixture->store, 10));
    assert_null(next(feed, fixture->store, 5));
}

/* ---- waking ---- */

static void count_up(void *context)
{
    __atomic_add_fetch((int *)context, 1, __ATOMIC_RELAXED);
}

static void subscribers_are_woken(void **state)
{
    struct store_fixture *fixture = *state;
    int first = 0, second = 0;
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    int first_id = feed_subscribe(feed, count_up, &first);
    int second_id = feed_subscribe(feed, count_up, &second);
    assert_int_not_equal(first_id, second_id);
    add_changes(fixture, 1, clock_wall_ms());
    for (int i = 0; i < 2000 && !__atomic_load_n(&second, __ATOMIC_RELAXED); i++)
        usleep(10000);
    assert_true(__atomic_load_n(&first, __ATOMIC_RELAXED) > 0);
    feed_unsubscribe(feed, first_id);
    int before = first;
    int before_second = __atomic_load_n(&second, __ATOMIC_RELAXED);
    add_changes(fixture, 1, clock_wall_ms());
    for (int i = 0; i < 2000 && __atomic_load_n(&second, __ATOMIC_RELAXED) == before_second; i++)
        usleep(10000);
    assert_true(__atomic_load_n(&second, __ATOMIC_RELAXED) > before_second);
    assert_int_equal(first, before);
    feed_unsubscribe(feed, second_id);
    feed_unsubscribe(feed, 99);
}

static void waiting_ends(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    int64_t before_ms = clock_mono_ms();
    assert_false(feed_wait(feed, 1, 100));
    assert_true(clock_mono_ms() - before_ms >= 100);
    assert_true(feed_wait(feed, 0, 0));
    add_changes(fixture, 1, clock_wall_ms());
    assert_true(feed_wait(feed, 1, WAIT_MS));
}

static void without_a_database_it_waits_for_one(void **state)
{
    struct store_fixture *fixture = *state;
    add_changes(fixture, 3, clock_wall_ms());
    CLEANUP(feed_freep) struct feed *feed = start(fixture);
    pg_fixture_kill(&fixture_pg);
    for (int i = 0; i < 2000 && feed_is_connected(feed); i++)
        usleep(10000);
    assert_false(feed_is_connected(feed));
    assert_null(next(feed, fixture->store, 1)); /* not expired: it is only not known */
    assert_null(next(feed, NULL, 3));
    CLEANUP(feed_freep) struct feed *late = feed_start(&fixture->options, KEEP_MS);
    assert_int_equal(feed_version(late), 0);
    assert_null(next(late, NULL, 0));
    pg_fixture_up(&fixture_pg);
    add_changes(fixture, 1, clock_wall_ms());
    assert_true(feed_wait(feed, 4, WAIT_MS));
    assert_true(feed_wait(late, 4, WAIT_MS));
    CLEANUP(change_unrefp) struct change *change = next(feed, NULL, 3);
    assert_int_equal(change->version, 4);
}

static void a_change_outlives_its_feed(void **state)
{
    struct store_fixture *fixture = *state;
    struct feed *feed = start(fixture);
    add_changes(fixture, 1, clock_wall_ms());
    assert_true(feed_wait(feed, 1, WAIT_MS));
    CLEANUP(change_unrefp) struct change *change = next(feed, NULL, 0);
    feed_stop(feed);
    assert_int_equal(change->version, 1);
    assert_contains(change->object_text, "acme");
}

/* Stopping is prompt also while there is no server. */
static void it_stops_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_options nowhere = { .url = "postgresql://127.0.0.1:1/none" };
    struct feed *feed = start(fixture);
    int64_t before_ms = clock_mono_ms();
    feed_stop(feed);
    feed = feed_start(&nowhere, KEEP_MS);
    usleep(100000);
    feed_stop(feed);
    assert_true(clock_mono_ms() - before_ms < 2000);
    feed_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_change_tells_all),
        STORE_TEST(older_ones_come_from_the_table),
        STORE_TEST(the_ring_forgets_but_the_table_does_not),
        STORE_TEST(what_was_pruned_has_expired),
        STORE_TEST(a_young_change_keeps_those_after_it),
        STORE_TEST(a_version_from_the_future_has_expired),
        STORE_TEST(what_cannot_be_read_counts_as_missing),
        STORE_TEST(a_database_that_went_back_is_noticed),
        STORE_TEST(subscribers_are_woken),
        STORE_TEST(waiting_ends),
        STORE_TEST(without_a_database_it_waits_for_one),
        STORE_TEST(a_change_outlives_its_feed),
        STORE_TEST(it_stops_at_once),
    };
    return store_tests_run("store/feed", tests, ARRAY_LEN(tests));
}
