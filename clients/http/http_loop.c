/* HTTP on the loop thread: one curl multi whose sockets and timer are libev watchers. */
#include "clients/http/http_loop.h"

#include <curl/curl.h>

#include "clients/http/http_internal.h"

struct http_flight {
    struct http_loop *http_loop;
    struct http_flight *previous, *next;
    CURL *curl;
    bool added;     /* to the multi; later when asked for from inside of a curl callback */
    bool cancelled; /* from inside of a curl callback: goes away once curl has returned */
    size_t body_limit;
    size_t delivered;
    struct http_head head;
    void (*on_open)(void *context, int status);
    void (*on_data)(void *context, const char *bytes, size_t len);
    void (*on_done)(void *context, int status, const char *problem);
    void *context;
    char *where;
    char problem[CURL_ERROR_SIZE];
};

struct http_loop {
    struct ev_loop *loop;
    CURLM *multi;
    ev_timer timer;
    struct http_flight *flights;
    bool inside;     /* of curl, which cannot be called from its own callbacks */
    size_t deferred; /* flights to add or to take away when it returns */
};

struct socket_watch {
    ev_io io; /* first, so that the watcher's address is ours */
    struct http_loop *http_loop;
};

static void multi_must(CURLMcode code)
{
    if (code != CURLM_OK)
        abort();
}

static void flight_free(struct http_flight *flight)
{
    if (flight->added)
        multi_must(curl_multi_remove_handle(flight->http_loop->multi, flight->curl));
    if (flight->previous)
        flight->previous->next = flight->next;
    else
        flight->http_loop->flights = flight->next;
    if (flight->next)
        flight->next->previous = flight->previous;
    curl_easy_cleanup(flight->curl);
    free(flight->where);
    free(flight);
}

static void flight_add(struct http_flight *flight)
{
    flight->added = true;
    multi_must(curl_multi_add_handle(flight->http_loop->multi, flight->curl));
}

static void do_deferred(struct http_loop *http_loop)
{
    if (http_loop->deferred == 0)
        return;
    http_loop->deferred = 0;
    struct http_flight *next;
    for (struct http_flight *flight = http_loop->flights; flight; flight = next) {
        next = flight->next;
        if (flight->cancelled)
            flight_free(flight);
        else if (!flight->added)
            flight_add(flight);
    }
}

static void finish(struct http_flight *flight, CURLcode result)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    long status = 0;
    void (*on_done)(void *context, int status, const char *problem) = flight->on_done;
    void *context = flight->context;
    if (http_check(&err, result, &flight->head, flight->where, flight->problem))
        http_must(curl_easy_getinfo(flight->curl, CURLINFO_RESPONSE_CODE, &status));
    flight_free(flight);
    on_done(context, (int)status, err_message(&err));
}

/* What curl left to be done; on_done() may ask for new flights and cancel others. */
static void settle(struct http_loop *http_loop)
{
    int queued;
    const CURLMsg *message;
    do_deferred(http_loop);
    while ((message = curl_multi_info_read(http_loop->multi, &queued))) {
        struct http_flight *flight = NULL;
        http_must(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight));
        finish(flight, message->data.result);
    }
}

static void act(struct http_loop *http_loop, curl_socket_t fd, int what)
{
    int running;
    http_loop->inside = true;
    multi_must(curl_multi_socket_action(http_loop->multi, fd, what, &running));
    http_loop->inside = false;
    settle(http_loop);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    const struct socket_watch *watch = (const struct socket_watch *)io;
    int what = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
    act(watch->http_loop, io->fd, what);
}

/* curl: when it wants to be called without anything having happened. */
static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_loop *http_loop = context;
    ev_timer_stop(http_loop->loop, &http_loop->timer);
    if (timeout_ms < 0)
        return 0;
    ev_timer_set(&http_loop->timer, (ev_tstamp)timeout_ms / 1000, 0);
    ev_timer_start(http_loop->loop, &http_loop->timer);
    return 0;
}

/* curl: what it waits for on which socket. */
static int set_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)curl;
    struct http_loop *http_loop = context;
    struct socket_watch *watch = socket_context;
    if (watch)
        ev_io_stop(http_loop->loop, &watch->io);
    if (what == CURL_POLL_REMOVE) {
        free(watch);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    if (!watch) {
        watch = MEM_NEW(struct socket_watch);
        watch->http_loop = http_loop;
        ev_io_init(&watch->io, on_socket, fd, events);
        multi_must(curl_multi_assign(http_loop->multi, fd, watch));
    }
    ev_io_set(&watch->io, fd, events);
    ev_io_start(http_loop->loop, &watch->io);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_flight *flight = context;
    size_t len = size * count;
    size_t room = flight->body_limit ? flight->body_limit - flight->delivered : len;
    size_t take = len < room ? len : room;
    if (take > 0 && flight->on_data && !flight->cancelled)
        flight->on_data(flight->context, bytes, take);
    flight->delivered += take;
    return flight->cancelled ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct http_flight *flight = context;
    bool fine = http_head_take(&flight->head, bytes, size * count);
    long status = 0;
    http_must(curl_easy_getinfo(flight->curl, CURLINFO_RESPONSE_CODE, &status));
    if (fine && flight->head.ended && status >= 200 && flight->on_open && !flight->cancelled) {
        void (*on_open)(void *context, int status) = flight->on_open;
        flight->on_open = NULL; /* trailers come here, too */
        on_open(flight->context, (int)status);
    }
    return fine && !flight->cancelled ? size * count : 0;
}

struct http_loop *http_loop_new(struct ev_loop *loop)
{
    http_global_init();
    struct http_loop *http_loop = MEM_NEW(struct http_loop);
    http_loop->loop = loop;
    http_loop->multi = curl_multi_init();
    if (!http_loop->multi)
        abort();
    ev_timer_init(&http_loop->timer, on_timer, 0, 0);
    http_loop->timer.data = http_loop;
    multi_must(curl_multi_setopt(http_loop->multi, CURLMOPT_SOCKETFUNCTION, set_socket));
    multi_must(curl_multi_setopt(http_loop->multi, CURLMOPT_SOCKETDATA, http_loop));
    multi_must(curl_multi_setopt(http_loop->multi, CURLMOPT_TIMERFUNCTION, set_timer));
    multi_must(curl_multi_setopt(http_loop->multi, CURLMOPT_TIMERDATA, http_loop));
    return http_loop;
}

void http_loop_free(struct http_loop *http_loop)
{
    if (!http_loop)
        return;
    while (http_loop->flights)
        flight_free(http_loop->flights);
    curl_multi_cleanup(http_loop->multi);
    ev_timer_stop(http_loop->loop, &http_loop->timer);
    free(http_loop);
}

struct http_flight *http_loop_get(struct http_loop *http_loop, const struct http_flight_options *options)
{
    struct http_flight *flight = MEM_NEW(struct http_flight);
    flight->http_loop = http_loop;
    flight->body_limit = options->body_limit;
    flight->on_open = options->on_open;
    flight->on_data = options->on_data;
    flight->on_done = options->on_done;
    flight->context = options->context;
    flight->where = http_target_name(&options->target);
    flight->curl = curl_easy_init();
    if (!flight->curl)
        abort();
    http_setup(flight->curl, &options->target, options->path, flight->problem);
    http_must(curl_easy_setopt(flight->curl, CURLOPT_PRIVATE, flight));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_WRITEFUNCTION, on_body));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_WRITEDATA, flight));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_HEADERFUNCTION, on_header));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_HEADERDATA, flight));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_NOPROXY, "*")); /* containers and engines are neighbours */
    /* A probe asks whether new visitors get in; and thousands of idle connections would cost descriptors. */
    http_must(curl_easy_setopt(flight->curl, CURLOPT_FRESH_CONNECT, 1L));
    http_must(curl_easy_setopt(flight->curl, CURLOPT_FORBID_REUSE, 1L));
    flight->next = http_loop->flights;
    if (flight->next)
        flight->next->previous = flight;
    http_loop->flights = flight;
    if (http_loop->inside)
        http_loop->deferred++;
    else
        flight_add(flight);
    return flight;
}

void http_flight_cancel(struct http_flight *flight)
{
    if (!flight->http_loop->inside) {
        flight_free(flight);
        return;
    }
    flight->cancelled = true;
    flight->http_loop->deferred++;
}
