/*
 * The change feed: one thread with its own connection does LISTEN, then reads `change` from where it stood, on every
 * (re)connect, on every NOTIFY and every 30 s; keeps the newest changes in a ring and wakes subscribers. Any thread
 * may call, except where it says so.
 */
#pragma once

#include "store/store.h"

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };
/* Immutable once published; counted references. */
struct change {
    int64_t version;
    enum change_type type;
    bool is_event;         /* an event as event_to_json() prints it, not a record */
    struct record_key key; /* an event's: of what it is about */
    int64_t generation;
    /*
     * The whole record (or event) as the API shows it; last state when deleted. Shared by threads, and jansson's
     * counts are not atomic: read it while you hold the change, never json_incref, change or keep parts of it; or
     * copy deeply.
     */
    json_t *object;
    char *object_text; /* the same, printed once */
    char *spec_by;     /* who wrote; may be NULL */
    bool spec_changed; /* generation, labels, annotations, finalizers or deletion changed: not only status */
    int references;    /* atomic */
};
void change_unref(struct change *change);
struct change *change_ref(struct change *change);

struct feed;
/*
 * After store_migrate(). Stands at the newest version of the moment when it first connects. Changes older than
 * `keep_ms` are pruned each minute.
 */
struct feed *feed_start(const struct store_options *options, int64_t keep_ms);
/* The same in two steps, for who hands the feed out before the database is known: until feed_open() it is not connected. */
struct feed *feed_new(int64_t keep_ms);
void feed_open(struct feed *feed, const struct store_options *options); /* once */
/* Subscribers and waiters must have gone. */
void feed_stop(struct feed *feed);
int64_t feed_version(struct feed *feed); /* newest version seen; 0 before it first connected */
bool feed_is_connected(struct feed *feed);
/* Waits until the feed has seen `version`. False: not within `wait_ms`. */
bool feed_wait(struct feed *feed, int64_t version, int64_t wait_ms);

/*
 * The next change after `after_version`, referenced; NULL with ret_expired false: nothing newer yet; ret_expired
 * true: older than what is kept, or newer than all there is (410). Unreference it with change_unref(). What is older
 * than the ring is read from the database by `store` (may be NULL: then it counts as expired); where that fails, it
 * is NULL for now: subscribers are woken when the feed connects again.
 */
struct change *feed_next(struct feed *feed, struct store *store, int64_t after_version, bool *ret_expired);

/*
 * `wake` is called from the feed's thread after new changes were published or the feed connected again; it must not
 * block, subscribe or unsubscribe.
 */
typedef void feed_wake_fn(void *context);
int feed_subscribe(struct feed *feed, feed_wake_fn *wake, void *context);
void feed_unsubscribe(struct feed *feed, int subscription); /* after it returns, wake runs no more */
