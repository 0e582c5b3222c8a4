/* The API's start and end: threads, pools, listeners. */
#include "api/api.h"

#include <signal.h>

#include "api/download.h"
#include "api/health.h"
#include "api/listener.h"
#include "api/logs.h"
#include "api/stream.h"
#include "api/vigil.h"
#include "api/watch.h"
#include "base/log.h"

/* Requests that wait for a worker; beyond that they are answered 429. */
#define QUEUE_LIMIT 2000
/* One may be asking the neighbours for /readyz. */
#define HEALTH_THREADS 2

struct api {
    struct api_options options;
    struct api_shared shared;
    struct pool *workers;
    struct pool *health; /* threads of their own: they answer also when all others wait for a neighbour that hangs */
    struct listener *encrypted;
    struct listener *plain;
};

static void *start_worker(void *shared)
{
    struct worker *worker = MEM_NEW(struct worker);
    worker->shared = shared;
    return worker;
}

static void stop_worker(void *context)
{
    struct worker *worker = context;
    store_free(worker->store);
    docker_free(worker->docker);
    server_free(worker->server);
    free(worker);
}

bool worker_open(struct worker *worker, struct err *err)
{
    const struct api_options *options = worker->shared->options;
    if (!__atomic_load_n(&worker->shared->is_open, __ATOMIC_ACQUIRE)) {
        CLEANUP(str_release) struct str problems = STR_INIT;
        if (options->add_problems)
            options->add_problems(options->problems_context, &problems);
        return err_set(err, ERR_UNREACHABLE, "tenantd is starting: %s",
                       problems.len ? problems.text : "the records' database is being opened");
    }
    if (!worker->store)
        worker->store = store_new(options->store);
    return true;
}

struct docker *worker_docker(struct worker *worker, struct err *err)
{
    if (!worker->docker && !docker_open(worker->shared->options->docker, &worker->docker, err))
        return NULL;
    return worker->docker;
}

struct server *worker_server(struct worker *worker)
{
    const struct api_options *options = worker->shared->options;
    if (!worker->server)
        worker->server = server_new(worker->shared->server_url, options->settings->installation);
    return worker->server;
}

static bool is_loopback(const char *address)
{
    static const char *const local[] = { "127.", "localhost:", "[::1]:" };
    for (size_t i = 0; i < ARRAY_LEN(local); i++)
        if (str_starts_with(address, local[i]))
            return true;
    return false;
}

static bool start_listeners(struct api *api, struct err *err)
{
    const struct config_listen *listen = api->options.listen;
    if (listen->plain && !is_loopback(listen->plain))
        log_warning("tokens travel unencrypted on the plain listener", LOG_STR("address", listen->plain));
    struct listener_options encrypted = {
        .limits = listen,
        .address = listen->address,
        .certificate_pem = api->options.certificate_pem,
        .key_pem = api->options.key_pem,
        .workers = api->workers,
        .health = api->health,
    };
    struct listener_options plain = {
        .limits = listen, .address = listen->plain, .workers = api->workers, .health = api->health
    };
    return listener_start(&encrypted, &api->encrypted, err) &&
           (!listen->plain || listener_start(&plain, &api->plain, err));
}

static int64_t tend(void *context, int64_t now_mono_ms)
{
    struct api *api = context;
    const int64_t next_mono_ms[] = {
        watches_tend(api->shared.watches, now_mono_ms),
        vigil_tend(api->shared.vigil, now_mono_ms),
        listener_tend(api->encrypted, now_mono_ms),
        listener_tend(api->plain, now_mono_ms),
    };
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(next_mono_ms); i++)
        first = next_mono_ms[i] < first ? next_mono_ms[i] : first;
    return first;
}

/* Signals are the daemon's loop's, so our threads, libmicrohttpd's too, are born with all blocked. */
static bool start(struct api *api, struct err *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    api->shared.options = &api->options;
    api->shared.streams = streams_new();
    api->shared.readiness = readiness_new();
    api->shared.watches =
        watches_new(api->shared.streams, api->options.feed, (size_t)api->options.listen->watch_buffer_bytes);
    struct pool_options workers = {
        .name = "api",
        .threads = (size_t)api->options.listen->threads,
        .queue_limit = QUEUE_LIMIT,
        .worker_start = start_worker,
        .worker_stop = stop_worker,
        .shared = &api->shared,
    };
    api->workers = pool_new(&workers);
    workers.name = "health";
    workers.threads = HEALTH_THREADS;
    api->health = pool_new(&workers);
    api->shared.followers = followers_new(&api->options);
    api->shared.downloads = downloads_new(&api->options);
    watches_start(api->shared.watches, api->workers);
    api->shared.vigil = vigil_new(api->workers);
    bool good = start_listeners(api, err);
    if (good)
        streams_start(api->shared.streams, tend, api); /* looks at the listeners, so it comes after them */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

bool api_start(const struct api_options *options, struct api **ret_api, struct err *err)
{
    struct api *api = MEM_NEW(struct api);
    api->options = *options;
    if (!start(api, err)) {
        api_stop(api);
        return err_wrap(err, "start the API");
    }
    *ret_api = api;
    return true;
}

void api_open(struct api *api, const char *server_url)
{
    api->shared.server_url = server_url;
    __atomic_store_n(&api->shared.is_open, 1, __ATOMIC_RELEASE);
}

void api_stop(struct api *api)
{
    if (!api)
        return;
    /* No work begins any more, then no stream goes on, then nothing is suspended: only so may a listener be stopped. */
    followers_cancel(api->shared.followers);
    downloads_cancel(api->shared.downloads);
    listener_drain(api->encrypted);
    listener_drain(api->plain);
    streams_end_all(api->shared.streams);
    watches_stop(api->shared.watches);
    streams_stop(api->shared.streams);
    listener_free(api->encrypted);
    listener_free(api->plain);
    followers_free(api->shared.followers);
    downloads_free(api->shared.downloads);
    pool_free(api->workers);
    pool_free(api->health);
    watches_free(api->shared.watches);
    vigil_free(api->shared.vigil);
    streams_free(api->shared.streams);
    readiness_free(api->shared.readiness);
    free(api);
}

int api_port(const struct api *api)
{
    return listener_port(api->encrypted);
}

int api_plain_port(const struct api *api)
{
    return listener_port(api->plain);
}
