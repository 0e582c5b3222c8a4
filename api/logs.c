/* Containers' logs, streamed from Docker. */
#include "api/logs.h"

#include "api/api.h"
#include "api/handlers.h"
#include "api/status.h"
#include "api/stream.h"
#include "api/write.h"
#include "base/log.h"
#include "base/pool.h"

#define TAIL_MAX   1000000
#define INSPECT_MS (10 * SECOND_MS)

struct followers {
    struct pool *pool;
    const struct api_options *options;
    int count; /* atomic: submitted and not yet over */
    int is_cancelled;
};

struct follower {
    struct pool_job job; /* the first member: a job is its follower */
    struct followers *followers;
    struct stream *stream;
    char *container;
    struct container_logs logs;
};

/* ---- on a follower's thread ---- */

static bool take_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    struct follower *follower = context;
    stream_add(follower->stream, bytes, len);
    return stream_wait_below(follower->stream, LOG_BUFFER) || err_set(err, ERR_CANCELLED, "the reader is gone");
}

static void follower_free(struct follower *follower)
{
    stream_end(follower->stream);
    stream_unref(follower->stream);
    free(follower->container);
    __atomic_sub_fetch(&follower->followers->count, 1, __ATOMIC_RELAXED);
    free(follower);
}

static void run_follower(struct pool_job *job, void *worker)
{
    (void)worker; /* a handle of its own: it may last for days, and its timeouts are others */
    struct follower *follower = (struct follower *)job;
    CLEANUP(docker_freep) struct docker *docker = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    /* As long as somebody reads. */
    struct call call = { .cancelled = stream_gone_flag(follower->stream), .deadline_mono_ms = INT64_MAX };
    bool good = docker_open(follower->followers->options->docker, &docker, &err) &&
                container_read_logs(docker, follower->container, &follower->logs, take_bytes, follower, &call, &err);
    if (!good && !stream_is_gone(follower->stream)) {
        /* The status is sent already: an answer that breaks off is what is left to say so. */
        log_warning("log stream broke", LOG_STR("container", follower->container), LOG_STR("error", err_message(&err)));
        stream_abort(follower->stream);
    }
    follower_free(follower);
}

struct followers *followers_new(const struct api_options *options)
{
    struct followers *followers = MEM_NEW(struct followers);
    const struct pool_options pool = { .name = "api-logs", .threads = FOLLOWERS_MAX };
    followers->options = options;
    followers->pool = pool_new(&pool);
    return followers;
}

void followers_cancel(struct followers *followers)
{
    if (followers)
        __atomic_store_n(&followers->is_cancelled, 1, __ATOMIC_RELEASE);
}

void followers_free(struct followers *followers)
{
    if (!followers)
        return;
    pool_free(followers->pool);
    free(followers);
}

/* ---- on a worker ---- */

static bool read_wish(const struct request *request, struct container_logs *ret, struct err *err)
{
    int64_t since_s;
    if (!uri_query_flag(&request->uri, "follow", &ret->follow, err) ||
        !uri_query_flag(&request->uri, "timestamps", &ret->timestamps, err) ||
        !uri_query_number(&request->uri, "tailLines", TAIL_MAX, -1, &ret->tail, err) ||
        !uri_query_number(&request->uri, "sinceSeconds", INT32_MAX, 0, &since_s, err))
        return false;
    ret->since_ms = since_s ? clock_wall_ms() - since_s * SECOND_MS : 0;
    return true;
}

/* The container must be there while an answer can still say that it is not. */
static bool find_container(struct worker *worker, struct request *request, char **ret_id, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(container_release) struct container container = { 0 };
    if (!write_find(worker, request, &record, err))
        return false;
    const json_t *status = json_object_get(record.status, "container");
    const char *name = json_text(status, "id");
    if (!name || name[0] == '\0')
        name = json_text(status, "name");
    if (!name || name[0] == '\0')
        return err_set(err, ERR_NOT_FOUND, "instance %s has no container yet", request->name);
    struct docker *docker = worker_docker(worker, err);
    struct call call = call_within(NULL, INSPECT_MS);
    if (!docker || !container_inspect(docker, name, &call, &container, err))
        return err_wrap(err, "container of instance %s", request->name);
    *ret_id = mem_strdup(container.id);
    return true;
}

/*
 * GET .../instances/{name}/log?follow=&tailLines=&sinceSeconds=&timestamps=: text, as the container wrote it. Without
 * tailLines: all.
 */
bool logs_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    struct followers *followers = worker->shared->followers;
    struct container_logs logs;
    CLEANUP(freep) char *container = NULL;
    if (request->view.record_kind->id != KIND_INSTANCE)
        return raise_missing(request, err);
    if (!read_wish(request, &logs, err) || !find_container(worker, request, &container, err))
        return false;
    if (__atomic_load_n(&followers->is_cancelled, __ATOMIC_ACQUIRE))
        return err_set(err, ERR_CANCELLED, "the server is shutting down");
    if (__atomic_add_fetch(&followers->count, 1, __ATOMIC_RELAXED) > FOLLOWERS_MAX) {
        __atomic_sub_fetch(&followers->count, 1, __ATOMIC_RELAXED);
        return err_set(err, ERR_TOO_MANY, "%d logs are being read already; try again when one has ended",
                       FOLLOWERS_MAX);
    }
    struct follower *follower = MEM_NEW(struct follower);
    follower->followers = followers;
    follower->stream = stream_new(worker->shared->streams);
    follower->container = STEAL(container);
    follower->logs = logs;
    follower->job.run = run_follower;
    stream_ref(follower->stream);
    answer->stream = follower->stream;
    answer->status = 200;
    answer->content_type = "text/plain; charset=utf-8";
    if (!pool_submit(followers->pool, &follower->job))
        follower_free(follower); /* which ends the stream: an empty log, on the way out */
    return true;
}
