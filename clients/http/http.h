/*
 * A blocking HTTP client on one CURL handle: what Docker, S3, the command line and others stand on. One thread per handle.
 * Unix sockets and TLS are part of the target. Connections are kept; what gets no answer on a kept one is sent again at once, unless it
 * is a POST. No redirect is followed. TLS may raise SIGPIPE: the program ignores that signal.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"

struct http;

/* Where to. All borrowed while the client lives. */
struct http_target {
    const char *base_url;             /* "http://docker/v1.41", "https://127.0.0.1:7440"; no trailing slash */
    const char *unix_socket;          /* NULL: TCP */
    const char *ca_file, *ca_pem;     /* at most one; NULL: the system's */
    const char *cert_file, *key_file; /* client certificate, or NULL */
    bool skip_verify;
};
/* Eats a part of the body; false (with err) ends the transfer. */
typedef bool http_sink_fn(void *context, const char *bytes, size_t len, struct err *err);
/* Fills `bytes` with up to `room`; *ret_len 0: the end. */
typedef bool http_source_fn(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err);

struct http_reply;
/* The head of a 2xx answer is there and its body is about to come; false (with err) ends the transfer. */
typedef bool http_head_fn(void *context, const struct http_reply *head, struct err *err);

struct http_request {
    const char *method; /* "GET" */
    const char *path;   /* begins with "/"; already encoded, with its query */
    const char *content_type;
    const void *body; /* or: */
    size_t body_len;
    http_source_fn *source; /* streamed with chunked encoding; `body` is NULL then */
    void *source_context;
    http_sink_fn *sink; /* gets the body of a 2xx answer; others are collected in reply.body; NULL: all collected */
    void *sink_context;
    http_head_fn *head;         /* asked once, with sink_context, before the first byte goes to `sink`; may be NULL */
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    size_t body_limit;          /* of what is collected; 0: 64 MiB */
    int64_t stall_ms; /* no byte moved in either direction for so long: ERR_UNREACHABLE; 0: only `call` ends it */
};
struct http_reply {
    int status;
    struct str head; /* the lines behind the status line, as they came */
    struct str body;
};
#define HTTP_REPLY_INIT                                                                                                \
    {                                                                                                                  \
        .head = STR_INIT, .body = STR_INIT                                                                             \
    }
void http_reply_release(struct http_reply *reply);
char *http_reply_header(const struct http_reply *reply,
                        const char *name); /* its first one, in any case; owned; NULL: none */

struct http *http_new(const struct http_target *target);
void http_free(struct http *http);
void http_freep(struct http **http);
/*
 * One request. True: an answer came, of any status. False: ERR_UNREACHABLE, ERR_TIMEOUT, ERR_CANCELLED, ERR_TOO_LARGE, or what sink or source said.
 * `call` may be NULL: 30 s.
 */
bool http_send(struct http *http, const struct http_request *request, const struct call *call,
               struct http_reply *ret_reply, struct err *err) MUST_USE;
