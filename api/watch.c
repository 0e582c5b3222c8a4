/* Watches. */
#include "api/watch.h"

#include <pthread.h>

#include "api/api.h"
#include "api/stream.h"
#include "api/watch_lines.h"

#define RETRY_MS SECOND_MS

struct watch {
    struct pool_job job; /* the first member: a job is its watch */
    struct watches *watches;
    struct watch *next; /* the list's */
    /*
     * The rest belongs to the streams' thread, but while `is_away` to a worker, and before it is in the list to its
     * maker.
     */
    struct stream *stream;
    struct watch_lines lines;
    int64_t version; /* everything up to here was looked at */
    bool wants_bookmarks;
    int64_t end_mono_ms;   /* INT64_MAX: never */
    int64_t tick_mono_ms;  /* when a quiet watch says something */
    int64_t retry_mono_ms; /* not again before */
    bool is_full;
    bool is_away; /* under the list's lock */
    bool is_over;
};

struct watches {
    struct streams *streams;
    struct feed *feed;
    struct pool *workers;
    size_t buffer_bytes;
    int subscription;
    pthread_mutex_t lock; /* guards what follows */
    struct watch *all;
    size_t count;
};

/* A watch goes on when its reader has taken all but this. */
static size_t refill_below(const struct watch *watch)
{
    return watch->watches->buffer_bytes / 4;
}

static void watch_free(struct watch *watch)
{
    stream_end(watch->stream);
    stream_unref(watch->stream);
    watch_lines_release(&watch->lines);
    free(watch);
}

/* ---- filling a stream from the feed ---- */

enum filled {
    FILLED_ALL,     /* up to the newest change */
    FILLED_UP,      /* the reader must take some first */
    FILLED_AWAY,    /* the feed's memory no longer has what comes next: a worker must go on */
    FILLED_EXPIRED, /* and nobody has it */
};

static void say(struct watch *watch, const struct str *text)
{
    if (text->len == 0)
        return;
    stream_add(watch->stream, text->text, text->len);
    watch->tick_mono_ms = clock_mono_ms() + WATCH_TICK_MS;
}

static void expire(struct watch *watch)
{
    CLEANUP(str_release) struct str line = STR_INIT;
    watch_lines_add_expired(watch->version, feed_version(watch->watches->feed), &line);
    say(watch, &line);
    stream_end(watch->stream);
    watch->is_over = true;
}

/* `store` NULL: only from memory. Blocks only with a store. */
static enum filled fill(struct watch *watch, struct store *store)
{
    CLEANUP(str_release) struct str lines = STR_INIT;
    size_t unsent = stream_unsent(watch->stream);
    enum filled filled = unsent < watch->watches->buffer_bytes ? FILLED_ALL : FILLED_UP;
    while (filled == FILLED_ALL && !stream_is_gone(watch->stream)) {
        bool is_expired = false;
        struct change *change = feed_next(watch->watches->feed, store, watch->version, &is_expired);
        if (is_expired)
            filled = store ? FILLED_EXPIRED : FILLED_AWAY;
        else if (!change)
            break;
        else
            watch_lines_add_change(&watch->lines, change, &lines);
        if (change)
            watch->version = change->version;
        change_unref(change);
        if (unsent + lines.len >= watch->watches->buffer_bytes)
            filled = FILLED_UP;
    }
    say(watch, &lines);
    return filled;
}

static void note_filled(struct watch *watch, enum filled filled)
{
    watch->is_full = filled == FILLED_UP;
    if (watch->is_full)
        stream_tell_when_below(watch->stream, refill_below(watch));
    if (filled == FILLED_EXPIRED)
        expire(watch);
}

/* ---- on the streams' thread ---- */

static void run_catch_up(struct pool_job *job, void *context)
{
    struct watch *watch = (struct watch *)job;
    struct watches *watches = watch->watches;
    struct worker *worker = context;
    int64_t before = watch->version;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (worker_open(worker, &err)) /* as it was when the watch began */
        note_filled(watch, fill(watch, worker->store));
    if (watch->version == before) /* the database does not answer: not again at once */
        watch->retry_mono_ms = clock_mono_ms() + RETRY_MS;
    pthread_mutex_lock(&watches->lock);
    watch->is_away = false;
    pthread_mutex_unlock(&watches->lock);
    streams_wake(watches->streams);
}

static void send_away(struct watch *watch, int64_t now_mono_ms)
{
    watch->is_away = true;
    watch->job.run = run_catch_up;
    if (pool_submit(watch->watches->workers, &watch->job))
        return;
    watch->is_away = false;
    watch->retry_mono_ms = now_mono_ms + RETRY_MS;
}

/* A bookmark where they are wanted, else a line break: it keeps proxies from thinking that nobody is there. */
static void tick(struct watch *watch)
{
    CLEANUP(str_release) struct str line = STR_INIT;
    if (watch->wants_bookmarks)
        watch_lines_add_bookmark(&watch->lines, watch->version, false, &line);
    else
        str_addc(&line, '\n');
    say(watch, &line);
}

static void pump(struct watch *watch, int64_t now_mono_ms)
{
    if (watch->is_full && stream_unsent(watch->stream) > refill_below(watch))
        return;
    if (now_mono_ms < watch->retry_mono_ms)
        return;
    enum filled filled = fill(watch, NULL);
    note_filled(watch, filled);
    if (filled == FILLED_AWAY)
        send_away(watch, now_mono_ms);
    else if (filled == FILLED_ALL && now_mono_ms >= watch->tick_mono_ms)
        tick(watch);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the watch wants to be looked at even if nothing happens. */
static int64_t due_mono_ms(const struct watch *watch, int64_t now_mono_ms)
{
    if (watch->is_away)
        return INT64_MAX;
    if (watch->retry_mono_ms > now_mono_ms)
        return earlier(watch->retry_mono_ms, watch->end_mono_ms);
    return earlier(watch->is_full ? INT64_MAX : watch->tick_mono_ms, watch->end_mono_ms);
}

static bool is_over(struct watch *watch, int64_t now_mono_ms)
{
    return watch->is_over || stream_is_gone(watch->stream) || now_mono_ms >= watch->end_mono_ms;
}

int64_t watches_tend(struct watches *watches, int64_t now_mono_ms)
{
    int64_t next_mono_ms = INT64_MAX;
    pthread_mutex_lock(&watches->lock);
    for (struct watch **link = &watches->all; *link;) {
        struct watch *watch = *link;
        if (!watch->is_away && is_over(watch, now_mono_ms)) {
            *link = watch->next;
            watches->count--;
            watch_free(watch);
            continue;
        }
        if (!watch->is_away)
            pump(watch, now_mono_ms);
        next_mono_ms = earlier(next_mono_ms, due_mono_ms(watch, now_mono_ms));
        link = &watch->next;
    }
    pthread_mutex_unlock(&watches->lock);
    return next_mono_ms;
}

static void wake(void *context)
{
    streams_wake(context);
}

/* ---- life ---- */

struct watches *watches_new(struct streams *streams, struct feed *feed, size_t buffer_bytes)
{
    struct watches *watches = MEM_NEW(struct watches);
    watches->streams = streams;
    watches->feed = feed;
    watches->buffer_bytes = buffer_bytes;
    pthread_mutex_init(&watches->lock, NULL);
    return watches;
}

void watches_start(struct watches *watches, struct pool *workers)
{
    watches->workers = workers;
    watches->subscription = feed_subscribe(watches->feed, wake, watches->streams);
}

void watches_stop(struct watches *watches)
{
    feed_unsubscribe(watches->feed, watches->subscription);
}

void watches_free(struct watches *watches)
{
    if (!watches)
        return;
    while (watches->all) {
        struct watch *watch = watches->all;
        watches->all = watch->next;
        watch_free(watch);
    }
    pthread_mutex_destroy(&watches->lock);
    free(watches);
}

size_t watches_count(struct watches *watches)
{
    pthread_mutex_lock(&watches->lock);
    size_t count = watches->count;
    pthread_mutex_unlock(&watches->lock);
    return count;
}

/* ---- a watch begins, on a worker ---- */

struct wish {
    int64_t version; /* 0: begin with what exists */
    int64_t timeout_s;
    bool wants_initial_end;
};

static bool read_wish(const struct request *request, struct watch *watch, struct wish *ret_wish, struct err *err)
{
    const struct uri *uri = &request->uri;
    bool initial;
    if (!uri_query_number(uri, "resourceVersion", INT64_MAX, 0, &ret_wish->version, err) ||
        !uri_query_number(uri, "timeoutSeconds", INT32_MAX, 0, &ret_wish->timeout_s, err) ||
        !uri_query_flag(uri, "allowWatchBookmarks", &watch->wants_bookmarks, err) ||
        !uri_query_flag(uri, "sendInitialEvents", &initial, err) ||
        !table_object_parse(uri_query(uri, "includeObject"), &watch->lines.include, err) ||
        !scope_of_request(request, &watch->lines.scope, err))
        return false;
    if (initial)
        ret_wish->version = 0;
    ret_wish->wants_initial_end = initial;
    watch->lines.as_table = request_wants_table(request);
    return true;
}

/* What a watch of existing things begins with, however much it is: it was asked for, as a list is. */
static void send_existing(struct watch *watch, const struct listing *listing, const struct wish *wish)
{
    CLEANUP(str_release) struct str lines = STR_INIT;
    for (size_t i = 0; i < json_array_size(listing->objects); i++)
        watch_lines_add_existing(&watch->lines, json_array_get(listing->objects, i), &lines);
    if (wish->wants_initial_end)
        watch_lines_add_bookmark(&watch->lines, listing->version, true, &lines);
    say(watch, &lines);
}

static bool start_lines(struct watch *watch, struct store *store, const struct wish *wish, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    const struct page all = { 0 };
    bool begins_with_all = wish->version == 0;
    if (begins_with_all || !selector_is_constant(&watch->lines.scope.selector)) {
        if (!scope_list(&watch->lines.scope, store, &all, &listing, err))
            return false;
        watch_lines_start(&watch->lines, &listing);
    }
    watch->version = begins_with_all ? listing.version : wish->version;
    if (begins_with_all)
        send_existing(watch, &listing, wish);
    return true;
}

/* From here on the watch is the streams' thread's; its first look is a worker's, because it may reach far back. */
static void hand_over(struct watches *watches, struct watch *watch)
{
    pthread_mutex_lock(&watches->lock);
    watch->next = watches->all;
    watches->all = watch;
    watches->count++;
    pthread_mutex_unlock(&watches->lock);
    streams_wake(watches->streams);
}

bool watch_begin(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    struct watches *watches = worker->shared->watches;
    struct watch *watch = MEM_NEW(struct watch);
    struct wish wish = { 0 };
    watch->watches = watches;
    watch->stream = stream_new(worker->shared->streams);
    if (!read_wish(request, watch, &wish, err) || !start_lines(watch, worker->store, &wish, err)) {
        watch_free(watch);
        return false;
    }
    int64_t now_ms = clock_mono_ms();
    watch->end_mono_ms = wish.timeout_s ? now_ms + wish.timeout_s * SECOND_MS : INT64_MAX;
    watch->tick_mono_ms = now_ms + WATCH_TICK_MS;
    stream_ref(watch->stream);
    answer->stream = watch->stream;
    answer->status = 200;
    note_filled(watch, fill(watch, worker->store));
    hand_over(watches, watch);
    return true;
}
