/* From changes of records to keys in the queue; see follow.h. */
#include "controller/follow.h"

#include <pthread.h>

#include "base/log.h"
#include "reconcilers/source/owner.h"
#include "specs/kind.h"

enum { RETRY_MS = 2000, TICK_MS = 30000 };

struct follow {
    struct follow_options options;
    struct store *store;
    int64_t version; /* up to which changes were seen */
    bool listed;     /* everything there was is in the queue */
    int subscription;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `woken` and `stopped` */
    pthread_cond_t changed;
    bool woken, stopped;
};

static void add_key(void *context, const struct record_key *key)
{
    queue_add(context, key, QUEUE_URGENT, clock_mono_ms());
}

static void forget_key(void *context, const struct record_key *key)
{
    struct follow *follow = context;
    runner_supersede(follow->options.runner, key);
    add_key(follow->options.queue, key);
}

static void put_known(struct follow *follow, const struct known_record *record)
{
    if (known_put(follow->options.known, record) == KNOWN_SUPERSEDED)
        runner_supersede(follow->options.runner, &record->key);
}

static bool list_kind(struct follow *follow, enum kind_id kind, int64_t *ret_version, struct err *err)
{
    struct records records = { 0 };
    struct store_query query = { .kind = kind };
    if (!store_list(follow->store, &query, &records, ret_version, err))
        return false;
    for (size_t i = 0; i < records.count; i++) {
        const struct record *record = &records.items[i];
        struct known_record known = { .key = record->key,
                                      .uid = record->uid,
                                      .generation = record->generation,
                                      .is_going = record->deletion_ms != 0,
                                      .phase = json_text(record->status, "phase") };
        put_known(follow, &known);
        const json_t *retry = json_object_get(record->status, "retry");
        if (retry)
            runner_restore(follow->options.runner, &record->key, record->generation, json_int(retry, "attempts", 0));
        add_key(follow->options.queue, &record->key);
    }
    records_release(&records);
    return true;
}

static bool list_everything(struct follow *follow, struct err *err)
{
    /* From the oldest of the lists' versions on: what changes while we list is seen again, and nothing is missed. */
    int64_t first_version = INT64_MAX;
    known_begin(follow->options.known);
    for (int kind = 0; kind < KINDS; kind++) {
        int64_t version;
        if (!list_kind(follow, (enum kind_id)kind, &version, err))
            return false;
        if (version < first_version)
            first_version = version;
    }
    known_end(follow->options.known, forget_key, follow);
    follow->version = first_version;
    follow->listed = true;
    return true;
}

static bool take_change(struct follow *follow, const struct change *change, struct err *err)
{
    if (change->is_event)
        return true;
    if (change->spec_changed) /* by whom ever: what its Source states is put back at once */
        source_keys_of(change->object, add_key, follow->options.queue);
    if (change->type == CHANGE_DELETED) {
        known_drop(follow->options.known, &change->key);
        forget_key(follow, &change->key);
    } else {
        const json_t *metadata = json_object_get(change->object, "metadata");
        struct known_record known = { .key = change->key,
                                      .uid = json_text(metadata, "uid"),
                                      .generation = change->generation,
                                      .is_going = json_object_get(metadata, "deletionTimestamp") != NULL,
                                      .phase = json_text(json_object_get(change->object, "status"), "phase") };
        put_known(follow, &known);
        if (!change->spec_changed)
            return true;
        add_key(follow->options.queue, &change->key);
    }
    dependents_fn *dependents = follow->options.reconcilers[change->key.kind].dependents;
    return !dependents || dependents(follow->store, &change->key, add_key, follow->options.queue, err);
}

static bool take_changes(struct follow *follow, struct err *err)
{
    bool expired = false;
    struct change *change;
    if (!follow->listed && !list_everything(follow, err))
        return false;
    while ((change = feed_next(follow->options.feed, follow->store, follow->version, &expired))) {
        bool ok = take_change(follow, change, err);
        if (ok)
            follow->version = change->version;
        change_unref(change);
        if (!ok)
            return false;
    }
    if (expired)
        follow->listed = false; /* too far behind: list anew */
    return !expired || take_changes(follow, err);
}

/* False: stopped. */
static bool rest(struct follow *follow, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&follow->lock);
    while (!follow->woken && !follow->stopped)
        if (pthread_cond_timedwait(&follow->changed, &follow->lock, &until) != 0)
            break;
    follow->woken = false;
    bool stopped = follow->stopped;
    pthread_mutex_unlock(&follow->lock);
    return !stopped;
}

bool follow_turn(struct follow *follow)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    bool ok = take_changes(follow, &problem);
    if (!ok)
        log_warning("changes not followed", LOG_STR("error", err_message(&problem)));
    return ok;
}

static void *follow_for_ever(void *context)
{
    struct follow *follow = context;
    bool ok;
    do {
        ok = follow_turn(follow);
    } while (rest(follow, ok ? TICK_MS : RETRY_MS));
    return NULL;
}

static void wake_follower(void *context)
{
    struct follow *follow = context;
    pthread_mutex_lock(&follow->lock);
    follow->woken = true;
    pthread_cond_signal(&follow->changed);
    pthread_mutex_unlock(&follow->lock);
}

struct follow *follow_new(const struct follow_options *options)
{
    struct follow *follow = MEM_NEW(struct follow);
    follow->options = *options;
    follow->store = store_new(options->store);
    pthread_mutex_init(&follow->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&follow->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return follow;
}

bool follow_start(struct follow *follow, struct err *err)
{
    follow->subscription = feed_subscribe(follow->options.feed, wake_follower, follow);
    follow->has_thread = pthread_create(&follow->thread, NULL, follow_for_ever, follow) == 0;
    return follow->has_thread || err_set(err, ERR_INTERNAL, "no thread to follow changes");
}

static void end_thread(struct follow *follow)
{
    feed_unsubscribe(follow->options.feed, follow->subscription);
    pthread_mutex_lock(&follow->lock);
    follow->stopped = true;
    pthread_cond_signal(&follow->changed);
    pthread_mutex_unlock(&follow->lock);
    pthread_join(follow->thread, NULL);
}

void follow_stop(struct follow *follow)
{
    if (!follow)
        return;
    if (follow->has_thread)
        end_thread(follow);
    store_free(follow->store);
    pthread_cond_destroy(&follow->changed);
    pthread_mutex_destroy(&follow->lock);
    free(follow);
}
