/*
 * `GET .../backups/{name}/objects/{object}`: what a recovery point has, as it streams out of its place. `manifest.json`, `database.dump.zst.age` and
 * `data.tar.zst.age` are what is stored; `database.dump` and `data.tar` the same opened. An answer that does not come to its end was not right, and an
 * event on the Backup says why.
 */
#include "api/download.h"

#include "api/api.h"
#include "api/handlers.h"
#include "api/status.h"
#include "api/stream.h"
#include "api/write.h"
#include "base/log.h"
#include "base/pool.h"
#include "reconcilers/backup/point.h"
#include "reconcilers/backup/tiers.h"
#include "specs/backup.h"

#define FIND_MS (2 * MINUTE_MS)

typedef bool read_fn(struct point *point, const char *object, struct sink *to, const struct call *call,
                     struct err *err);

static const struct content {
    const char *name;   /* in the path */
    const char *object; /* of the recovery point */
    read_fn *read;
} contents[] = {
    { POINT_DATABASE, POINT_DATABASE, point_read_stored },
    { POINT_DATA, POINT_DATA, point_read_stored },
    { "database.dump", POINT_DATABASE, point_read },
    { "data.tar", POINT_DATA, point_read },
};

struct downloads {
    struct pool *pool;
    const struct api_options *options;
    int count; /* atomic: submitted and not yet over */
    int is_cancelled;
};

struct download {
    struct pool_job job; /* the first member: a job is its download */
    struct downloads *downloads;
    struct stream *stream;
    struct tiers tiers;
    struct point *point; /* of one of them */
    struct record backup;
    const struct content *content;
};

/* ---- on a download's thread ---- */

/* Into the answer; waits for a slow reader. */
struct stream_sink {
    struct sink sink;
    struct stream *stream;
};

static bool stream_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct stream *stream = ((const struct stream_sink *)sink)->stream;
    stream_add(stream, bytes, len);
    return stream_wait_below(stream, DOWNLOAD_BUFFER) || err_set(err, ERR_CANCELLED, "the reader is gone");
}

static bool stream_finish(struct sink *sink, struct err *err)
{
    (void)sink; /* the download ends it, when all of it was right */
    (void)err;
    return true;
}

static void stream_no_free(struct sink *sink)
{
    (void)sink; /* on the stack */
}

static void download_free(struct download *download)
{
    stream_end(download->stream);
    stream_unref(download->stream);
    point_free(download->point);
    tiers_release(&download->tiers);
    record_release(&download->backup);
    __atomic_sub_fetch(&download->downloads->count, 1, __ATOMIC_RELAXED);
    free(download);
}

/* The status was sent, so an answer that breaks off and an event are what is left to say so. */
static void tell_failure(const struct download *download, const struct err *err)
{
    CLEANUP(store_freep) struct store *store = store_new(download->downloads->options->store);
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(freep) char *message = mem_printf("%s: %s", download->content->name, err_message(err));
    log_warning("download broke", LOG_STR("backup", download->backup.key.name), LOG_STR("error", err_message(err)));
    if (!store_event_add(store, &download->backup, EVENT_WARNING, DOWNLOAD_FAILED, message, &problem))
        log_warning("event not stored", LOG_STR("error", err_message(&problem)));
}

static void run_download(struct pool_job *job, void *worker)
{
    (void)worker; /* handles of its own */
    struct download *download = (struct download *)job;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct stream_sink to = { { stream_write, stream_finish, stream_no_free }, download->stream };
    /* As long as somebody reads. */
    struct call call = { .cancelled = stream_gone_flag(download->stream), .deadline_mono_ms = INT64_MAX };
    const struct content *content = download->content;
    if (!content->read(download->point, content->object, &to.sink, &call, &err) && !stream_is_gone(download->stream)) {
        tell_failure(download, &err);
        stream_abort(download->stream);
    }
    download_free(download);
}

struct downloads *downloads_new(const struct api_options *options)
{
    struct downloads *downloads = MEM_NEW(struct downloads);
    const struct pool_options pool = { .name = "downloads", .threads = DOWNLOADS_MAX };
    downloads->options = options;
    downloads->pool = pool_new(&pool);
    return downloads;
}

void downloads_cancel(struct downloads *downloads)
{
    if (downloads)
        __atomic_store_n(&downloads->is_cancelled, 1, __ATOMIC_RELEASE);
}

void downloads_free(struct downloads *downloads)
{
    if (!downloads)
        return;
    pool_free(downloads->pool);
    free(downloads);
}

/* ---- on a worker ---- */

static bool open_in(const struct settings *settings, struct objects *place, const struct record *backup,
                    struct point **ret, struct err *err)
{
    const struct backup_settings *keys = settings->backup;
    struct call call = call_within(NULL, FIND_MS);
    const struct point_source source = { place, keys->has_identity ? &keys->identity : NULL, keys->manifest_key };
    const struct point_id id = { backup->key.namespace, json_text(backup->spec, "instanceUid"), backup->key.name };
    return point_open(&source, &id, &call, ret, err);
}

/* In the first place that has it: the near one, which stands last, is asked first. */
static bool open_point(struct worker *worker, const struct record *backup, struct tiers *tiers, struct point **ret,
                       struct err *err)
{
    const struct settings *settings = worker->shared->options->settings;
    CLEANUP(json_decrefp) json_t *state = NULL;
    if (!str_equal(json_text(backup->status, "phase"), BACKUP_COMPLETED))
        return err_set(err, ERR_CONFLICT, "backup %s is not complete: it has nothing to download", backup->key.name);
    if (!store_state_get(worker->store, backup->uid, &state, err))
        return false;
    const struct tenant_backup where = { (char *)(uintptr_t)json_text(state, "bucket"),
                                         (char *)(uintptr_t)json_text(state, "prefix") };
    if (!tiers_open(settings, &where, tiers, err))
        return false;
    for (size_t i = tiers->count; i-- > 0;) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (open_in(settings, tiers->items[i].objects, backup, ret, &problem))
            return true;
        if (problem.code != ERR_NOT_FOUND || i == 0) {
            err_move(err, &problem);
            return false;
        }
    }
    return err_set(err, ERR_INTERNAL, "there is no place");
}

static bool begin(struct worker *worker, struct download *download, struct answer *answer, struct err *err)
{
    struct downloads *downloads = worker->shared->downloads;
    if (__atomic_load_n(&downloads->is_cancelled, __ATOMIC_ACQUIRE))
        return err_set(err, ERR_CANCELLED, "the server is shutting down");
    if (__atomic_add_fetch(&downloads->count, 1, __ATOMIC_RELAXED) > DOWNLOADS_MAX) {
        __atomic_sub_fetch(&downloads->count, 1, __ATOMIC_RELAXED);
        return err_set(err, ERR_TOO_MANY, "%d downloads run already; try again when one has ended", DOWNLOADS_MAX);
    }
    struct download *moved = MEM_NEW(struct download);
    *moved = *download;
    *download = (struct download){ 0 };
    moved->job.run = run_download;
    moved->downloads = downloads;
    moved->stream = stream_new(worker->shared->streams);
    stream_ref(moved->stream);
    answer->stream = moved->stream;
    answer->status = 200;
    answer->content_type = "application/octet-stream";
    strv_add(&answer->headers, "Cache-Control: no-store");
    if (!pool_submit(downloads->pool, &moved->job)) {
        stream_abort(moved->stream); /* on the way out */
        download_free(moved);
    }
    return true;
}

static const struct content *find_content(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(contents); i++)
        if (str_equal(contents[i].name, name))
            return &contents[i];
    return NULL;
}

/* An identity that is elsewhere, or a part that the App does not have, is said while there is a status to say it with. */
static bool check_content(struct worker *worker, const struct download *download, struct err *err)
{
    const struct content *content = download->content;
    const struct backup_settings *keys = worker->shared->options->settings->backup;
    if (!point_has(download->point, content->object))
        return err_set(err, ERR_NOT_FOUND, "recovery point %s has no %s", download->backup.key.name, content->object);
    return content->read == point_read_stored || keys->has_identity ||
           err_set(err, ERR_FORBIDDEN, "there is no age identity on this host to open it with; download %s instead",
                   content->object);
}

bool point_download(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    const char *name = request_param(request, "object");
    struct download download = { .content = find_content(name) };
    bool is_manifest = str_equal(name, POINT_MANIFEST);
    if (request->view.record_kind->id != KIND_BACKUP)
        return raise_missing(request, err);
    if (!is_manifest && !download.content)
        return err_set(err, ERR_NOT_FOUND,
                       "a recovery point has no object %s: there are manifest.json, database.dump, data.tar, and as "
                       "stored " POINT_DATABASE " and " POINT_DATA,
                       name);
    record_init(&download.backup);
    bool good = write_find(worker, request, &download.backup, err) &&
                open_point(worker, &download.backup, &download.tiers, &download.point, err);
    if (good && is_manifest)
        answer_text(answer, 200, point_manifest_text(download.point));
    else if (good)
        good = check_content(worker, &download, err) &&
               store_audit_note(worker->store, kinds[KIND_BACKUP].name, request->namespace, request->name, err) &&
               begin(worker, &download, answer, err);
    point_free(download.point);
    tiers_release(&download.tiers);
    record_release(&download.backup);
    return good;
}
