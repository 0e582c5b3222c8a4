/*
 * HTTP on the loop thread: many requests at once on one curl multi and one libev loop, never blocking. For health probes and Docker's
 * event stream. Loop thread only.
 */
#pragma once

#include <ev.h>

#include "clients/http/http.h"

struct http_loop;
struct http_flight; /* a request under way */

struct http_flight_options {
    struct http_target target; /* copied */
    const char *path;
    int64_t timeout_ms; /* 0: none, for streams */
    size_t body_limit;  /* of a collected body; beyond it the rest is thrown away, which is no error; 0: none */
    /* The head of an answer is there, so a stream is open; at most once. NULL: nobody asks. */
    void (*on_open)(void *context, int status);
    void (*on_data)(void *context, const char *bytes, size_t len); /* NULL: collected nowhere */
    /* Exactly once, unless cancelled. `status` 0: no answer, `problem` says why ("" otherwise). The flight is gone afterwards. */
    void (*on_done)(void *context, int status, const char *problem);
    void *context;
};
struct http_loop *http_loop_new(struct ev_loop *loop);
void http_loop_free(struct http_loop *http_loop); /* cancels all; not from within a callback */
struct http_flight *http_loop_get(struct http_loop *http_loop, const struct http_flight_options *options);
void http_flight_cancel(struct http_flight *flight); /* no on_done */
