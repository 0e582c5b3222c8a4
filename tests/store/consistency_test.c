/*
 * Many writers, readers that resume anywhere, and lists, while the feed is restarted and PostgreSQL is killed. Every
 * reader must see every version once, in order, as it was written; and what a watch makes of a list must be the list
 * of that later version.
 */
#include <pthread.h>

#include "base/map.h"
#include "tests/store/store_fixture.h"

#define WRITERS      16
#define READERS      4
#define LISTERS      2
#define WRITES       60 /* that succeed, of each writer */
#define NAMES        24
#define VERSIONS_MAX (WRITERS * WRITES * 4)

struct world {
    struct store_options options;
    pthread_rwlock_t feed_lock; /* the feed is restarted under its readers */
    struct feed *feed;
    pthread_mutex_t lock;        /* for what follows */
    char *written[VERSIONS_MAX]; /* by version: the object as its writer got it back; NULL: not known */
    char *read[VERSIONS_MAX];    /* by version: the object as the first reader saw it */
    int64_t last;                /* set when all writers are done, -1 before */
    int problems;
};

struct task {
    struct world *world;
    unsigned seed;
};

static void complain(struct world *world, const char *what, int64_t version, const char *text, const char *other)
{
    pthread_mutex_lock(&world->lock);
    if (world->problems++ < 10)
        fprintf(stderr, "%s at version %lld\n  %s\n  %s\n", what, (long long)version, text ? text : "-",
                other ? other : "-");
    pthread_mutex_unlock(&world->lock);
}

static int64_t last_version(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    int64_t last = world->last;
    pthread_mutex_unlock(&world->lock);
    return last;
}

/* ---- writers ---- */

static void note_record(struct world *world, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *object = record_to_json(record);
    CLEANUP(freep) char *text = json_dump(object);
    char **slot = &world->written[record->version];
    pthread_mutex_lock(&world->lock);
    bool differs = *slot && !str_equal(*slot, text); /* a no-op answers with what an earlier write made */
    if (!*slot)
        *slot = STEAL(text);
    pthread_mutex_unlock(&world->lock);
    if (differs)
        complain(world, "two writers got different objects", record->version, *slot, text);
}

static bool write_once(struct world *world, struct store *store, unsigned *seed, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(freep) char *name = mem_printf("erp-%d", rand_r(seed) % NAMES);
    bool gone = false;
    record_make(&record, KIND_INSTANCE, "acme", name, rand_r(seed) % 5);
    struct record_key key = record.key;
    struct record present = { 0 };
    struct err missing = ERR_INIT;
    if (!store_get(store, &key, &present, &missing)) {
        bool created = missing.code == ERR_NOT_FOUND && store_create(store, &record, &plain_write, err);
        if (missing.code != ERR_NOT_FOUND)
            err_move(err, &missing);
        err_release(&missing);
        if (created)
            note_record(world, &record);
        return created;
    }
    CLEANUP(record_release) struct record current = present;
    CLEANUP(json_decrefp) json_t *status = json_pack("{s:i}", "number", rand_r(seed) % 1000);
    switch (rand_r(seed) % 6) {
    case 0:
        if (!store_delete(store, &key, current.uid, 0, STORE_WRITE, "test", &record, &gone, err))
            return false;
        note_record(world, &record);
        return true;
    case 1:
        return store_add_finalizer(store, &key, current.uid, "a/b", err);
    case 2:
        return store_remove_finalizer(store, &key, current.uid, "a/b", err);
    case 3:
        return store_update_status(store, &key, current.uid, status, NULL, err);
    case 4:
        return store_event_add(store, &current, EVENT_NORMAL, "Step", name, err);
    default:
        json_put(current.spec, "number", json_integer(rand_r(seed) % 1000));
        if (!store_update(store, &current, current.version, &plain_write, err))
            return false;
        note_record(world, &current);
        return true;
    }
}

static void *run_writer(void *context)
{
    struct task *task = context;
    CLEANUP(store_freep) struct store *store = store_new(&task->world->options);
    for (int done = 0; done < WRITES;) {
        struct err err = ERR_INIT;
        bool written = write_once(task->world, store, &task->seed, &err);
        bool is_away = err.code == ERR_UNREACHABLE || err.code == ERR_TIMEOUT || err.code == ERR_REMOTE;
        bool is_race = err.code == ERR_CONFLICT || err.code == ERR_EXISTS || err.code == ERR_NOT_FOUND;
        if (!written && !is_away && !is_race)
            complain(task->world, "a write failed strangely", 0, err_message(&err), NULL);
        done += written || (!is_away && !is_race);
        if (is_away)
            usleep(20000);
        err_release(&err);
    }
    return NULL;
}

/* ---- readers ---- */

static struct change *read_next(struct world *world, struct store *store, int64_t after, bool *ret_expired)
{
    pthread_rwlock_rdlock(&world->feed_lock);
    struct change *change = feed_next(world->feed, store, after, ret_expired);
    pthread_rwlock_unlock(&world->feed_lock);
    return change;
}

static void check_change(struct world *world, const struct change *change, int64_t after)
{
    if (change->version != after + 1)
        complain(world, "a version was left out", after, change->object_text, NULL);
    pthread_mutex_lock(&world->lock);
    char **slot = &world->read[change->version];
    if (!*slot)
        *slot = mem_strdup(change->object_text);
    const char *before = *slot;
    pthread_mutex_unlock(&world->lock);
    if (!str_equal(before, change->object_text))
        complain(world, "two readers saw different objects", change->version, before, change->object_text);
}

static void *run_reader(void *context)
{
    struct task *task = context;
    struct world *world = task->world;
    CLEANUP(store_freep) struct store *store = store_new(&world->options);
    int64_t at = 0, furthest = 0;
    for (;;) {
        bool expired = false;
        struct change *change = read_next(world, store, at, &expired);
        if (expired)
            complain(world, "expired", at, NULL, NULL);
        if (change) {
            check_change(world, change, at);
            at = change->version;
            furthest = at > furthest ? at : furthest;
            change_unref(change);
        } else if (at == last_version(world)) {
            return NULL;
        } else {
            usleep(2000);
        }
        if (rand_r(&task->seed) % 100 == 0) /* a client that comes back */
            at = rand_r(&task->seed) % (furthest + 1);
    }
}

/* ---- list, then watch ---- */

static void model_add(struct map *model, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *object = record_to_json(record);
    map_put(model, record->key.name, json_dump(object));
}

static void compare_models(struct world *world, const struct map *watched, const struct map *listed, int64_t version)
{
    size_t at = 0;
    const char *name;
    void *text;
    if (map_count(watched) != map_count(listed))
        complain(world, "list and watch differ in number", version, NULL, NULL);
    while (map_next(listed, &at, &name, &text))
        if (!str_equal(map_get(watched, name), text))
            complain(world, "list and watch differ", version, map_get(watched, name), text);
}

static bool list_models(struct store *store, struct map **ret, int64_t *ret_version)
{
    struct store_query query = { .kind = KIND_INSTANCE };
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!store_list(store, &query, &records, ret_version, &err))
        return false;
    *ret = map_new(free);
    for (size_t i = 0; i < records.count; i++)
        model_add(*ret, &records.items[i]);
    return true;
}

/* Brings `model` from `at` to `version`; false when the database is away. */
static void watch_until(struct world *world, struct store *store, struct map *model, int64_t at, int64_t version)
{
    while (at < version) {
        bool expired = false;
        struct change *change = read_next(world, store, at, &expired);
        if (expired)
            complain(world, "expired", at, NULL, NULL);
        if (!change) {
            usleep(2000);
            continue;
        }
        if (!change->is_event && change->key.kind == KIND_INSTANCE && change->type == CHANGE_DELETED)
            map_remove(model, change->key.name);
        else if (!change->is_event && change->key.kind == KIND_INSTANCE)
            map_put(model, change->key.name, mem_strdup(change->object_text));
        at = change->version;
        change_unref(change);
    }
}

static void *run_lister(void *context)
{
    struct task *task = context;
    CLEANUP(store_freep) struct store *store = store_new(&task->world->options);
    CLEANUP(store_freep) struct store *watching = store_new(&task->world->options);
    struct map *model = NULL;
    int64_t at = 0;
    for (bool is_last = false; !is_last;) {
        struct map *listed = NULL;
        int64_t version = 0;
        is_last = last_version(task->world) >= 0;
        if (!list_models(store, &listed, &version)) {
            is_last = false;
            usleep(20000);
            continue;
        }
        if (model) {
            watch_until(task->world, watching, model, at, version);
            compare_models(task->world, model, listed, version);
        }
        map_free(model);
        model = listed;
        at = version;
        usleep((unsigned)rand_r(&task->seed) % 20000);
    }
    map_free(model);
    return NULL;
}

/* ---- what happens meanwhile ---- */

static void restart_feed(struct world *world)
{
    pthread_rwlock_wrlock(&world->feed_lock);
    feed_stop(world->feed);
    world->feed = feed_start(&world->options, HOUR_MS);
    pthread_rwlock_unlock(&world->feed_lock);
}

static void world_init(struct world *world, const struct store_fixture *fixture)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&world->feed_lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&world->lock, NULL);
    world->options = fixture->options;
    world->last = -1;
    world->feed = feed_start(&world->options, HOUR_MS);
}

static void world_release(struct world *world)
{
    feed_stop(world->feed);
    for (size_t i = 0; i < VERSIONS_MAX; i++) {
        free(world->written[i]);
        free(world->read[i]);
    }
    pthread_mutex_destroy(&world->lock);
    pthread_rwlock_destroy(&world->feed_lock);
    free(world);
}

static void every_change_is_seen_once_in_order(void **state)
{
    struct store_fixture *fixture = *state;
    struct world *world = MEM_NEW(struct world);
    pthread_t threads[WRITERS + READERS + LISTERS];
    struct task tasks[ARRAY_LEN(threads)];
    world_init(world, fixture);
    free(record_store(fixture->store, KIND_TENANT, "", "acme", 1));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *(*run)(void *) = i < WRITERS ? run_writer : i < WRITERS + READERS ? run_reader : run_lister;
        tasks[i] = (struct task){ .world = world, .seed = (unsigned)i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, run, &tasks[i]), 0);
    }
    for (int round = 0; round < 3; round++) {
        usleep(300000);
        restart_feed(world);
        usleep(200000);
        pg_fixture_kill(&fixture_pg);
        pg_fixture_up(&fixture_pg);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    int64_t last = newest_version(fixture);
    pthread_mutex_lock(&world->lock);
    world->last = last;
    pthread_mutex_unlock(&world->lock);
    for (size_t i = WRITERS; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_true(last > WRITERS * WRITES / 3 && last < VERSIONS_MAX);
    int known = 0;
    for (int64_t version = 1; version <= last; version++) {
        assert_non_null(world->read[version]);
        if (world->written[version] && !str_equal(world->written[version], world->read[version]))
            complain(world, "read is not what was written", version, world->written[version], world->read[version]);
        known += world->written[version] != NULL;
    }
    for (int64_t version = last + 1; version < VERSIONS_MAX; version++)
        assert_null(world->written[version]); /* nothing that was acknowledged is lost */
    assert_true(known > last / 10);
    assert_int_equal(pg_fixture_int(fixture->url, "select count(*) from store.change"), last);
    assert_int_equal(world->problems, 0);
    world_release(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = { STORE_TEST(every_change_is_seen_once_in_order) };
    return store_tests_run("store/consistency", tests, ARRAY_LEN(tests));
}
