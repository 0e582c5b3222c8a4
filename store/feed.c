/*
 * The change feed's thread. What it publishes is what the table `change` has, in the order of versions, without a
 * gap; a notification says only that it is time to read.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_internal.h"

/* The ring: whoever keeps up reads here; it is kept small, because the table has the rest. */
#define RING_CHANGES 1024
#define RING_BYTES   ((size_t)1 << 20) /* of text; the trees take some five times as much */

#define PAGE           100
#define PAGE_AHEAD     32 /* kept by each store of a slow reader */
#define CALL_MS        (10 * SECOND_MS)
#define SAFETY_MS      (30 * SECOND_MS)
#define PRUNE_MS       MINUTE_MS
#define RETRY_FIRST_MS 200
#define RETRY_LAST_MS  (5 * SECOND_MS)
#define EVENTS_KEPT_MS (7 * DAY_MS)
#define NOT_KNOWN      INT64_C(-1)

struct subscriber {
    int id;
    feed_wake_fn *wake;
    void *context;
};

struct feed {
    /* The thread's own. */
    struct store *store;
    struct call call;
    int64_t keep_ms;
    int64_t pruned_mono_ms;
    pthread_t thread;

    int cancelled; /* atomic: the feed stops */
    int stop_fd;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t moved;
    int64_t version; /* newest seen; NOT_KNOWN before the first connection */
    bool is_connected;
    struct change *ring[RING_CHANGES]; /* versions in a row; the oldest at `first` */
    size_t first, count, bytes;

    pthread_mutex_t wake_lock; /* for the subscribers; held while they are woken, never with `lock` */
    struct subscriber *subscribers;
    size_t subscriber_count;
    int last_id;
};

/* ---- the ring, under the lock ---- */

static struct change *ring_at(const struct feed *feed, size_t index)
{
    return feed->ring[(feed->first + index) % RING_CHANGES];
}

static void ring_drop_oldest(struct feed *feed)
{
    struct change *oldest = feed->ring[feed->first];
    feed->bytes -= strlen(oldest->object_text);
    feed->ring[feed->first] = NULL;
    feed->first = (feed->first + 1) % RING_CHANGES;
    feed->count--;
    change_unref(oldest);
}

static void ring_clear(struct feed *feed)
{
    while (feed->count > 0)
        ring_drop_oldest(feed);
}

static void ring_add(struct feed *feed, struct change *change)
{
    size_t bytes = strlen(change->object_text);
    while (feed->count == RING_CHANGES || (feed->count > 0 && feed->bytes + bytes > RING_BYTES))
        ring_drop_oldest(feed);
    feed->ring[(feed->first + feed->count) % RING_CHANGES] = change_ref(change);
    feed->count++;
    feed->bytes += bytes;
}

/* ---- the thread ---- */

static void wake_subscribers(struct feed *feed)
{
    pthread_mutex_lock(&feed->wake_lock);
    for (size_t i = 0; i < feed->subscriber_count; i++)
        feed->subscribers[i].wake(feed->subscribers[i].context);
    pthread_mutex_unlock(&feed->wake_lock);
}

static void publish(struct feed *feed, const struct change_page *page)
{
    pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < page->count; i++) {
        ring_add(feed, page->items[i]);
        feed->version = page->items[i]->version;
    }
    pthread_cond_broadcast(&feed->moved);
    pthread_mutex_unlock(&feed->lock);
    wake_subscribers(feed);
}

/* Goes to where the database is, with an empty ring: at start, and when rows that should follow are not there. */
static void jump(struct feed *feed, int64_t version)
{
    if (feed->version != NOT_KNOWN)
        log_error("change feed lost its place", LOG_INT("version", feed->version), LOG_INT("newest", version));
    pthread_mutex_lock(&feed->lock);
    ring_clear(feed);
    feed->version = version;
    pthread_cond_broadcast(&feed->moved);
    pthread_mutex_unlock(&feed->lock);
    wake_subscribers(feed);
}

static bool read_page(struct feed *feed, int64_t after, int64_t limit, struct change_page *ret, struct err *err)
{
    struct call call = { .cancelled = &feed->cancelled };
    feed->call = call_within(&call, CALL_MS);
    return change_read(feed->store, after, limit, ret, err);
}

/* Publishes all that is newer; stands at the counter's version then. */
static bool read_on(struct feed *feed, struct err *err)
{
    CLEANUP(change_page_release) struct change_page page = { 0 };
    if (feed->version == NOT_KNOWN) {
        if (!read_page(feed, INT64_MAX, 1, &page, err))
            return false;
        jump(feed, page.newest);
    }
    do {
        if (!read_page(feed, feed->version, PAGE, &page, err))
            return false;
        if (page.is_expired)
            jump(feed, page.newest);
        else if (page.count > 0)
            publish(feed, &page);
    } while (feed->version != page.newest);
    return true;
}

static bool prune(struct feed *feed, struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    if (feed->pruned_mono_ms && now_ms < feed->pruned_mono_ms + PRUNE_MS)
        return true;
    feed->pruned_mono_ms = now_ms;
    return change_prune(feed->store, clock_wall_ms() - feed->keep_ms, feed->version, err) &&
           event_prune(feed->store, clock_wall_ms() - EVENTS_KEPT_MS, err);
}

/* Waits for the first of: the socket has something, the feed stops, the time is over. `conn` may be NULL. */
static void wait_ready(struct feed *feed, PGconn *conn, int64_t wait_ms)
{
    struct pollfd pollfds[] = { { .fd = feed->stop_fd, .events = POLLIN },
                                { .fd = conn ? PQsocket(conn) : -1, .events = POLLIN } };
    if (poll(pollfds, ARRAY_LEN(pollfds), (int)wait_ms) > 0 && pollfds[1].revents && !PQconsumeInput(conn))
        log_debug("change feed's connection broke"); /* the next read opens a new one */
}

/*
 * A notification may have come together with the answer to the last read, when the socket is silent already. Those
 * that tell nothing new are dropped on the way.
 */
static bool has_news(struct feed *feed, PGconn *conn)
{
    bool has_newer = false;
    PGnotify *notify;
    while (conn && (notify = PQnotifies(conn)) != NULL) {
        int64_t version = 0;
        has_newer = has_newer || !str_parse_int64(notify->extra, 0, INT64_MAX, &version) || version > feed->version;
        PQfreemem(notify);
    }
    return has_newer;
}

static bool is_stopping(const struct feed *feed)
{
    return __atomic_load_n(&feed->cancelled, __ATOMIC_ACQUIRE) != 0;
}

static void set_connected(struct feed *feed, bool is_connected, const struct err *problem)
{
    if (is_connected == feed_is_connected(feed) || is_stopping(feed))
        return;
    pthread_mutex_lock(&feed->lock);
    feed->is_connected = is_connected;
    pthread_mutex_unlock(&feed->lock);
    if (is_connected)
        log_info("change feed connected", LOG_INT("version", feed->version));
    else
        log_warning("change feed lost its connection", LOG_STR("error", err_message(problem)));
    if (is_connected)
        wake_subscribers(feed); /* what they tried meanwhile with their own connection may have failed */
}

static void *feed_run(void *context)
{
    struct feed *feed = context;
    int64_t retry_ms = RETRY_FIRST_MS;
    while (!is_stopping(feed)) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        bool is_good = read_on(feed, &problem) && prune(feed, &problem);
        PGconn *conn = pg_handle(feed->store->pg);
        set_connected(feed, is_good, &problem);
        if (!is_good) {
            wait_ready(feed, NULL, retry_ms);
            retry_ms = retry_ms * 2 < RETRY_LAST_MS ? retry_ms * 2 : RETRY_LAST_MS;
            continue;
        }
        retry_ms = RETRY_FIRST_MS;
        if (!has_news(feed, conn))
            wait_ready(feed, conn, SAFETY_MS);
    }
    return NULL;
}

/* ---- for other threads ---- */

struct feed *feed_new(int64_t keep_ms)
{
    struct feed *feed = MEM_NEW(struct feed);
    pthread_condattr_t monotonic;
    feed->keep_ms = keep_ms;
    feed->version = NOT_KNOWN;
    feed->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_mutex_init(&feed->wake_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (feed->stop_fd < 0)
        abort(); /* out of descriptors before the daemon has begun */
    return feed;
}

void feed_open(struct feed *feed, const struct store_options *options)
{
    sigset_t all, usual;
    feed->store = store_new(options);
    feed->store->listens = true;
    store_set_call(feed->store, &feed->call);
    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &usual);
    if (pthread_create(&feed->thread, NULL, feed_run, feed) != 0)
        abort(); /* out of memory before the daemon has begun */
    pthread_sigmask(SIG_SETMASK, &usual, NULL);
    pthread_setname_np(feed->thread, "feed");
}

struct feed *feed_start(const struct store_options *options, int64_t keep_ms)
{
    struct feed *feed = feed_new(keep_ms);
    feed_open(feed, options);
    return feed;
}

void feed_stop(struct feed *feed)
{
    if (!feed)
        return;
    uint64_t one = 1;
    __atomic_store_n(&feed->cancelled, 1, __ATOMIC_RELEASE);
    if (write(feed->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
        abort();     /* an eventfd takes 2^64 - 2 of these */
    if (feed->store) /* it was opened */
        pthread_join(feed->thread, NULL);
    store_free(feed->store);
    ring_clear(feed);
    close(feed->stop_fd);
    pthread_cond_destroy(&feed->moved);
    pthread_mutex_destroy(&feed->lock);
    pthread_mutex_destroy(&feed->wake_lock);
    free(feed->subscribers);
    free(feed);
}

int64_t feed_version(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    int64_t version = feed->version == NOT_KNOWN ? 0 : feed->version;
    pthread_mutex_unlock(&feed->lock);
    return version;
}

bool feed_is_connected(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool is_connected = feed->is_connected;
    pthread_mutex_unlock(&feed->lock);
    return is_connected;
}

bool feed_wait(struct feed *feed, int64_t version, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + (wait_ms < DAY_MS ? wait_ms : DAY_MS);
    struct timespec until = { .tv_sec = until_ms / SECOND_MS, .tv_nsec = until_ms % SECOND_MS * 1000000 };
    int waited = 0;
    pthread_mutex_lock(&feed->lock);
    while (feed->version < version && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&feed->moved, &feed->lock, &until);
    bool is_there = feed->version >= version;
    pthread_mutex_unlock(&feed->lock);
    return is_there;
}

/* From what this store read last, or else from the table. */
static struct change *next_from_table(struct store *store, int64_t after_version, bool *ret_expired)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct change_page *ahead = &store->ahead;
    bool has_it = ahead->count > 0 && after_version >= ahead->items[0]->version - 1 &&
                  after_version < ahead->items[ahead->count - 1]->version;
    if (!has_it && !change_read(store, after_version, PAGE_AHEAD, ahead, &problem)) {
        /* Each watch would say so; the feed itself warns once. */
        log_debug("change not read", LOG_INT("after", after_version), LOG_STR("error", err_message(&problem)));
        return NULL; /* the caller asks again when it is woken */
    }
    if (!has_it && ahead->is_expired)
        *ret_expired = true;
    if (*ret_expired || ahead->count == 0)
        return NULL;
    size_t index = (size_t)(after_version + 1 - ahead->items[0]->version);
    struct change *change = change_ref(ahead->items[index]);
    if (index + 1 == ahead->count)
        change_page_release(ahead);
    return change;
}

struct change *feed_next(struct feed *feed, struct store *store, int64_t after_version, bool *ret_expired)
{
    struct change *change = NULL;
    *ret_expired = false;
    pthread_mutex_lock(&feed->lock);
    int64_t version = feed->version;
    if (feed->count > 0 && after_version < version && after_version >= ring_at(feed, 0)->version - 1)
        change = change_ref(ring_at(feed, (size_t)(after_version + 1 - ring_at(feed, 0)->version)));
    pthread_mutex_unlock(&feed->lock);
    if (change || after_version == version)
        return change;
    if (store)
        return next_from_table(store, after_version, ret_expired);
    *ret_expired = after_version < version; /* ahead of it: written just now */
    return NULL;
}

int feed_subscribe(struct feed *feed, feed_wake_fn *wake, void *context)
{
    pthread_mutex_lock(&feed->wake_lock);
    int id = ++feed->last_id;
    feed->subscribers = mem_grow(feed->subscribers, feed->subscriber_count + 1, sizeof(struct subscriber));
    feed->subscribers[feed->subscriber_count++] = (struct subscriber){ .id = id, .wake = wake, .context = context };
    pthread_mutex_unlock(&feed->wake_lock);
    return id;
}

void feed_unsubscribe(struct feed *feed, int subscription)
{
    pthread_mutex_lock(&feed->wake_lock);
    for (size_t i = 0; i < feed->subscriber_count; i++)
        if (feed->subscribers[i].id == subscription) {
            feed->subscribers[i] = feed->subscribers[--feed->subscriber_count];
            break;
        }
    pthread_mutex_unlock(&feed->wake_lock);
}
