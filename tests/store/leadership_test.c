#include <pthread.h>

#include "store/leadership.h"
#include "tests/store/store_fixture.h"

#define SILENCE_MS (10 * SECOND_MS)

/* A second daemon's store. */
static struct store *another(const struct store_fixture *fixture)
{
    return store_new(&fixture->options);
}

static int64_t begin_epoch(struct store *store, const char *holder, struct leadership *ret_before)
{
    struct err err = ERR_INIT;
    int64_t epoch = 0;
    assert_ok(store_leader_begin(store, holder, "host (1)", ret_before, &epoch, &err), &err);
    return epoch;
}

static bool takes_lock(struct store *store)
{
    struct err err = ERR_INIT;
    bool held = false;
    assert_ok(store_leader_lock(store, SILENCE_MS, &held, &err), &err);
    return held;
}

static bool confirms(struct store *store, int64_t epoch)
{
    struct err err = ERR_INIT;
    bool holds = false;
    assert_ok(store_leader_confirm(store, epoch, &holds, &err), &err);
    return holds;
}

static void one_has_the_lock(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *first = another(fixture);
    CLEANUP(store_freep) struct store *second = another(fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    CLEANUP(leadership_release) struct leadership now = { 0 };
    struct err err = ERR_INIT;
    assert_true(takes_lock(first));
    assert_false(takes_lock(second));
    int64_t epoch = begin_epoch(first, "here", &before);
    assert_int_equal(epoch, 1);
    assert_string_equal(before.holder, "");
    assert_true(confirms(first, epoch));
    assert_false(confirms(second, epoch)); /* it is the newest, and another one's */
    assert_ok(store_leadership(fixture->store, &now, &err), &err);
    assert_int_equal(now.epoch, 1);
    assert_string_equal(now.holder, "here");
    assert_string_equal(now.name, "host (1)");

    store_free(STEAL(first)); /* as when it dies: the session goes, and the lock with it */
    while (!takes_lock(second))
        usleep(10000);
    assert_int_equal(begin_epoch(second, "there", &before), 2);
    assert_string_equal(before.holder, "here");
    assert_true(confirms(second, 2));
}

static void who_leaves_in_order_says_so(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *first = another(fixture);
    CLEANUP(store_freep) struct store *second = another(fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    struct err err = ERR_INIT;
    assert_true(takes_lock(first));
    int64_t epoch = begin_epoch(first, "here", &before);
    assert_ok(store_leader_leave(first, epoch, &err), &err);
    assert_true(takes_lock(second));
    begin_epoch(second, "there", &before);
    assert_string_equal(before.holder, "");
    assert_ok(store_leader_leave(first, epoch, &err), &err); /* late: it is another one's by now */
    CLEANUP(leadership_release) struct leadership now = { 0 };
    assert_ok(store_leadership(fixture->store, &now, &err), &err);
    assert_string_equal(now.holder, "there");
}

/* A connection that was opened anew holds no lock, though it is the same store's. */
static void a_new_session_holds_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *first = another(fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    assert_true(takes_lock(first));
    int64_t epoch = begin_epoch(first, "here", &before);
    pg_fixture_run(fixture_pg.cluster.admin_url,
                   "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory'");
    assert_false(confirms(first, epoch));
    assert_true(takes_lock(first));
}

static void a_silent_session_loses_the_lock(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *first = another(fixture);
    CLEANUP(store_freep) struct store *second = another(fixture);
    struct err err = ERR_INIT;
    bool held = false;
    assert_ok(store_leader_lock(first, 300, &held, &err), &err);
    assert_true(held);
    int64_t until_ms = clock_mono_ms() + MINUTE_MS;
    while (!takes_lock(second)) {
        assert_true(clock_mono_ms() < until_ms);
        usleep(50000);
    }
}

/* ---- what an older epoch may not ---- */

struct place {
    struct store *store;
    struct record record;
};

static bool write_status(struct place *place, struct err *err)
{
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:s}", "phase", "Late");
    return store_update_status(place->store, &place->record.key, place->record.uid, status, NULL, err);
}

static bool write_state(struct place *place, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = json_pack("{s:s}", "volume", "late");
    return store_state_put(place->store, place->record.uid, state, err);
}

static bool write_secret(struct place *place, struct err *err)
{
    return store_secret_put(place->store, place->record.uid, "password", "late", err);
}

static bool ensure_secret(struct place *place, struct err *err)
{
    CLEANUP(freep) char *kept = NULL;
    return store_secret_ensure(place->store, place->record.uid, "token", "late", &kept, err);
}

static bool write_claim(struct place *place, struct err *err)
{
    return store_claim(place->store, "port", "20001", place->record.uid, err);
}

static bool drop_claim(struct place *place, struct err *err)
{
    return store_claim_drop(place->store, "port", place->record.uid, err);
}

static bool add_finalizer(struct place *place, struct err *err)
{
    return store_add_finalizer(place->store, &place->record.key, place->record.uid, "late", err);
}

static bool remove_finalizer(struct place *place, struct err *err)
{
    return store_remove_finalizer(place->store, &place->record.key, place->record.uid, "tenantd/teardown", err);
}

static bool update_record(struct place *place, struct err *err)
{
    CLEANUP(record_release) struct record next = { 0 };
    record_copy(&next, &place->record);
    json_put(next.spec, "number", json_integer(99));
    return store_update(place->store, &next, 0, &plain_write, err);
}

static bool delete_record(struct place *place, struct err *err)
{
    CLEANUP(record_release) struct record last = { 0 };
    bool gone;
    record_init(&last);
    return store_delete(place->store, &place->record.key, NULL, 0, STORE_WRITE, "late", &last, &gone, err);
}

static bool create_record(struct place *place, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    record_make(&record, KIND_TENANT, "", "late", 1);
    return store_create(place->store, &record, &plain_write, err);
}

static bool add_event(struct place *place, struct err *err)
{
    return store_event_add(place->store, &place->record, EVENT_NORMAL, "Late", "too late", err);
}

static const struct {
    const char *why;
    bool (*write)(struct place *place, struct err *err);
} writes[] = {
    { "a status", write_status },        { "state", write_state },
    { "a secret", write_secret },        { "a secret that may be there", ensure_secret },
    { "a claim", write_claim },          { "the end of a claim", drop_claim },
    { "a finalizer", add_finalizer },    { "the end of a finalizer", remove_finalizer },
    { "a changed spec", update_record }, { "a deletion", delete_record },
    { "a new record", create_record },   { "an event", add_event },
};

/* All tables that a write could have touched, as one text; the leader's own row is left out. */
static char *everything(const struct store_fixture *fixture)
{
    return pg_fixture_text(fixture->url, "select string_agg(t, '|' order by t) from ("
                                         "select row_to_json(c)::text as t from store.counter c union all "
                                         "select row_to_json(r)::text from store.record r union all "
                                         "select row_to_json(s)::text from store.state s union all "
                                         "select row_to_json(s)::text from store.secret s union all "
                                         "select row_to_json(c)::text from store.claim c union all "
                                         "select row_to_json(e)::text from store.event e) a");
}

static void a_write_of_an_older_epoch_is_refused(void **state)
{
    const __typeof__(writes[0]) *row = *state;
    struct store_fixture fixture;
    store_fixture_open(&fixture, &fixture_pg);
    CLEANUP(store_freep) struct store *first = another(&fixture);
    CLEANUP(store_freep) struct store *second = another(&fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    struct place place = { .store = first };
    struct err err = ERR_INIT;
    record_make(&place.record, KIND_TENANT, "", "acme", 1);
    strv_add(&place.record.finalizers, "tenantd/teardown");
    assert_ok(store_create(fixture.store, &place.record, &plain_write, &err), &err);
    assert_ok(store_claim(fixture.store, "port", "20000", place.record.uid, &err), &err);

    store_set_epoch(first, begin_epoch(first, "here", &before));
    CLEANUP(freep) char *untouched = everything(&fixture);
    begin_epoch(second, "there", &before);
    if (row->write(&place, &err))
        fail_msg("%s was written in an epoch that had ended", row->why);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_contains(err_message(&err), "epoch 2");
    err_clear(&err);
    CLEANUP(freep) char *still = everything(&fixture);
    assert_string_equal(untouched, still);

    store_set_epoch(first, 2);
    assert_ok(row->write(&place, &err), &err); /* it was the epoch alone */
    record_release(&place.record);
    store_fixture_close(&fixture);
}

/* A write that is under way ends before the next epoch begins. */
struct admission {
    struct store_fixture *fixture;
    pthread_t thread;
    int has_begun; /* atomic */
};

static void *begin_next(void *context)
{
    struct admission *admission = context;
    CLEANUP(store_freep) struct store *second = another(admission->fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    int64_t epoch = 0;
    if (store_leader_begin(second, "there", "", &before, &epoch, NULL))
        __atomic_store_n(&admission->has_begun, 1, __ATOMIC_RELEASE);
    return NULL;
}

static bool look_while_written(struct store *tx, const struct record *old, struct record *next, void *context,
                               struct err *err)
{
    (void)tx;
    (void)old;
    (void)next;
    (void)err;
    struct admission *admission = context;
    if (!admission->thread)
        assert_int_equal(pthread_create(&admission->thread, NULL, begin_next, admission), 0);
    usleep(300000);
    assert_false(__atomic_load_n(&admission->has_begun, __ATOMIC_ACQUIRE));
    return true;
}

static void a_write_under_way_holds_the_gate(void **state)
{
    struct store_fixture *fixture = *state;
    CLEANUP(store_freep) struct store *first = another(fixture);
    CLEANUP(leadership_release) struct leadership before = { 0 };
    CLEANUP(record_release) struct record record = { 0 };
    struct admission admission = { .fixture = fixture };
    struct store_write write = { .mode = STORE_WRITE, .admit = look_while_written, .context = &admission };
    struct err err = ERR_INIT;
    store_set_epoch(first, begin_epoch(first, "here", &before));
    record_make(&record, KIND_TENANT, "", "acme", 1);
    assert_ok(store_create(first, &record, &write, &err), &err);
    pthread_join(admission.thread, NULL);
    assert_true(admission.has_begun);
}

int main(void)
{
    struct CMUnitTest tests[5 + ARRAY_LEN(writes)] = {
        STORE_TEST(one_has_the_lock),
        STORE_TEST(who_leaves_in_order_says_so),
        STORE_TEST(a_new_session_holds_nothing),
        STORE_TEST(a_silent_session_loses_the_lock),
        STORE_TEST(a_write_under_way_holds_the_gate),
    };
    for (size_t i = 0; i < ARRAY_LEN(writes); i++)
        tests[5 + i] = (struct CMUnitTest){ .name = writes[i].why,
                                            .test_func = a_write_of_an_older_epoch_is_refused,
                                            .initial_state = (void *)(uintptr_t)&writes[i] };
    return store_tests_run("store/leadership", tests, ARRAY_LEN(tests));
}
