/* Requests to tenantd's API. One thread per client. */
#pragma once

#include "cli/kubeconfig.h"
#include "clients/http/http.h"

#define MEDIA_JSON        "application/json"
#define MEDIA_MERGE_PATCH "application/merge-patch+json"

struct client;
/* `connection` is borrowed while the client lives. */
struct client *client_new(const struct connection *connection);
void client_free(struct client *client);
void client_freep(struct client **client);

enum client_accept { ACCEPT_OBJECT, ACCEPT_TABLE };
struct client_request {
    const char *method;
    const char *path; /* encoded, with its query */
    enum client_accept accept;
    const char *content_type; /* NULL: MEDIA_JSON */
    const json_t *body;       /* NULL: none */
    int64_t timeout_ms;       /* of the answer; 0: 30 s */
};
/*
 * The JSON of a 2xx answer, owned. Otherwise the error is what the server's Status says, its causes one per line. ERR_UNREACHABLE: no answer at all; ERR_REMOTE: it answered that it failed.
 */
bool client_send(struct client *client, const struct client_request *request, const struct call *call, json_t **ret,
                 struct err *err) MUST_USE;
bool client_get(struct client *client, const char *path, const struct call *call, json_t **ret,
                struct err *err) MUST_USE;
/* GET whose 2xx body goes to `sink` as it comes; the call's deadline is all there is. */
struct client_stream {
    const char *path;
    enum client_accept accept;
    http_sink_fn *sink;
    void *context;
};
bool client_stream(struct client *client, const struct client_stream *stream, const struct call *call,
                   struct err *err) MUST_USE;
/* A Status object, or whatever stands in a body, as an error. Always false. */
bool client_raise(int http_status, const char *body, size_t len, struct err *err);
