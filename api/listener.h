/*
 * One HTTP listener: libmicrohttpd with its own epoll thread. It reads requests within limits and hands each to a
 * worker while the connection is suspended; nothing on its thread ever blocks.
 */
#pragma once

#include "api/request.h"
#include "base/pool.h"
#include "specs/config.h"

struct listener;
/* All borrowed while the listener lives. */
struct listener_options {
    const struct config_listen *limits;
    const char *address;                   /* "127.0.0.1:7440", "[::1]:0", ":7440" */
    const char *certificate_pem, *key_pem; /* NULL: plain HTTP */
    struct pool *workers;
    struct pool *health; /* answers what anybody may ask */
};
bool listener_start(const struct listener_options *options, struct listener **ret_listener, struct err *err) MUST_USE;
int listener_port(const struct listener *listener);
/*
 * From now on each new request is answered 503; waits until no worker has one. Streams are others' to end. NULL does
 * nothing.
 */
void listener_drain(struct listener *listener);
void listener_free(struct listener *listener); /* after listener_drain() and streams_end_all() */
/*
 * Cuts off those who take too long over a request's head. Returns when it wants to look again; NULL: never. Does not
 * block.
 */
int64_t listener_tend(struct listener *listener, int64_t now_mono_ms);
