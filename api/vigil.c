/* Answers that go on are cut off when their token no longer is what it was. */
#include "api/vigil.h"

#include <pthread.h>

#include "api/request.h"
#include "base/log.h"
#include "store/account.h"

struct watched {
    struct watched *next;
    struct stream *stream; /* a reference of ours */
    char *token;
    struct identity identity;
};

struct vigil {
    struct pool_job job; /* the first member: the job is its vigil */
    struct pool *workers;
    pthread_mutex_t lock; /* guards what follows */
    struct watched *all;
    int64_t due_mono_ms;
    bool is_away; /* a worker has the job */
};

static void watched_free(struct watched *watched)
{
    stream_unref(watched->stream);
    mem_wipe(watched->token, strlen(watched->token));
    free(watched->token);
    free(watched);
}

/* ---- on a worker ---- */

/* Without an answer from the database nobody is cut off. */
static bool is_revoked(const struct watched *watched, struct store *store)
{
    struct identity now = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (store_token_find(store, watched->token, &now, &err))
        return !identity_same_rights(&watched->identity, &now);
    return err.code == ERR_UNAUTHORIZED;
}

static bool goes_on(const struct watched *watched, struct store *store)
{
    if (stream_is_gone(watched->stream))
        return false;
    if (!is_revoked(watched, store))
        return true;
    log_info("an answer was cut off: its token was revoked, or may do something else now",
             LOG_STR("user", watched->identity.user));
    stream_abort(watched->stream);
    return false;
}

static struct watched *take_all(struct vigil *vigil)
{
    pthread_mutex_lock(&vigil->lock);
    struct watched *all = STEAL(vigil->all);
    pthread_mutex_unlock(&vigil->lock);
    return all;
}

/* What came meanwhile stays, too. */
static void give_back(struct vigil *vigil, struct watched *kept, struct watched **kept_end)
{
    pthread_mutex_lock(&vigil->lock);
    *kept_end = vigil->all;
    vigil->all = kept;
    vigil->is_away = false;
    vigil->due_mono_ms = clock_mono_ms() + VIGIL_MS;
    pthread_mutex_unlock(&vigil->lock);
}

static void run_look(struct pool_job *job, void *context)
{
    struct vigil *vigil = (struct vigil *)job;
    struct worker *worker = context;
    struct watched *kept = NULL, **kept_end = &kept;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool can_ask = worker_open(worker, &err);
    for (struct watched *watched = take_all(vigil), *next; watched; watched = next) {
        next = watched->next;
        if (can_ask && !goes_on(watched, worker->store)) {
            watched_free(watched);
            continue;
        }
        *kept_end = watched;
        kept_end = &watched->next;
    }
    give_back(vigil, kept, kept_end);
}

/* ---- on the streams' thread ---- */

/* Whether there is something to look up now. */
static bool begin_look(struct vigil *vigil, int64_t now_mono_ms, int64_t *ret_next_mono_ms)
{
    pthread_mutex_lock(&vigil->lock);
    bool is_due = !vigil->is_away && now_mono_ms >= vigil->due_mono_ms;
    bool begins = is_due && vigil->all;
    if (is_due)
        vigil->due_mono_ms = now_mono_ms + VIGIL_MS;
    if (begins)
        vigil->is_away = true;
    *ret_next_mono_ms = vigil->is_away ? now_mono_ms + VIGIL_MS : vigil->due_mono_ms;
    pthread_mutex_unlock(&vigil->lock);
    return begins;
}

int64_t vigil_tend(struct vigil *vigil, int64_t now_mono_ms)
{
    int64_t next_mono_ms;
    if (begin_look(vigil, now_mono_ms, &next_mono_ms) && !pool_submit(vigil->workers, &vigil->job)) {
        pthread_mutex_lock(&vigil->lock);
        vigil->is_away = false; /* they have too much to do: next time */
        pthread_mutex_unlock(&vigil->lock);
    }
    return next_mono_ms;
}

/* ---- life ---- */

struct vigil *vigil_new(struct pool *workers)
{
    struct vigil *vigil = MEM_NEW(struct vigil);
    vigil->job.run = run_look;
    vigil->workers = workers;
    pthread_mutex_init(&vigil->lock, NULL);
    return vigil;
}

void vigil_add(struct vigil *vigil, struct stream *stream, const char *token, const struct identity *identity)
{
    struct watched *watched = MEM_NEW(struct watched);
    stream_ref(stream);
    watched->stream = stream;
    watched->token = mem_strdup(token);
    watched->identity = *identity;
    pthread_mutex_lock(&vigil->lock);
    watched->next = vigil->all;
    vigil->all = watched;
    pthread_mutex_unlock(&vigil->lock);
}

void vigil_free(struct vigil *vigil)
{
    if (!vigil)
        return;
    for (struct watched *watched = vigil->all, *next; watched; watched = next) {
        next = watched->next;
        watched_free(watched);
    }
    pthread_mutex_destroy(&vigil->lock);
    free(vigil);
}
