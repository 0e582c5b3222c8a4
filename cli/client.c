/* The API as calls that return JSON or one clear error. */
#include "cli/client.h"

#include "cli/terminal.h"

#define ANSWER_TIMEOUT_MS (30 * SECOND_MS)
#define BUSY_TRIES        5
#define BODY_SHOWN_MAX    300

struct client {
    struct http *http;
    const struct connection *connection;
    char *authorization; /* the header; NULL: no token */
};

struct client *client_new(const struct connection *connection)
{
    struct client *client = MEM_NEW(struct client);
    client->connection = connection;
    client->http = http_new(&(struct http_target){
        .base_url = connection->server,
        .ca_pem = connection->ca_pem,
        .skip_verify = connection->skip_verify,
    });
    if (connection->token)
        client->authorization = mem_printf("Authorization: Bearer %s", connection->token);
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    http_free(client->http);
    if (client->authorization)
        mem_wipe(client->authorization, strlen(client->authorization));
    free(client->authorization);
    free(client);
}

void client_freep(struct client **client)
{
    client_free(*client);
    *client = NULL;
}

/* ---- what went wrong ---- */

/* The only place that says what an answer's status means to us. */
static enum err_code code_of_status(int status)
{
    switch (status) {
    case 400:
        return ERR_BAD_REQUEST;
    case 401:
        return ERR_UNAUTHORIZED;
    case 403:
        return ERR_FORBIDDEN;
    case 404:
        return ERR_NOT_FOUND;
    case 405:
        return ERR_METHOD;
    case 409:
        return ERR_CONFLICT;
    case 410:
        return ERR_EXPIRED;
    case 413:
        return ERR_TOO_LARGE;
    case 415:
        return ERR_UNSUPPORTED;
    case 422:
        return ERR_INVALID;
    case 429:
        return ERR_TOO_MANY;
    default:
        return status >= 500 ? ERR_REMOTE : ERR_INTERNAL;
    }
}

/* With causes the message repeats them in a row, so each gets a line of its own instead. */
static void add_causes(const json_t *status, const json_t *causes, struct str *text)
{
    const json_t *details = json_object_get(status, "details");
    const char *kind = json_text(details, "kind");
    const char *name = json_text(details, "name");
    str_clear(text);
    str_addf(text, "%s \"%s\" is invalid:", kind ? kind : "record", name ? name : "");
    for (size_t i = 0; i < json_array_size(causes); i++) {
        const json_t *cause = json_array_get(causes, i);
        const char *field = json_text(cause, "field");
        const char *message = json_text(cause, "message");
        str_addf(text, "\n  %s%s", field ? field : "", field && field[0] ? ": " : "");
        text_add_clean(text, message ? message : "");
    }
}

bool client_raise(int http_status, const char *body, size_t len, struct err *err)
{
    CLEANUP(json_decrefp) json_t *status = NULL;
    CLEANUP(str_release) struct str text = STR_INIT;
    enum err_code code = code_of_status(http_status);
    if (!json_parse_answer(body, len, &status, NULL) || !json_is_object(status)) {
        CLEANUP(freep) char *shown = mem_strndup(body, len < BODY_SHOWN_MAX ? len : BODY_SHOWN_MAX);
        text_add_clean(&text, shown);
        return err_set(err, code, "the server answered %d%s%s", http_status, text.len > 0 ? ": " : "", text.text);
    }
    const char *message = json_text(status, "message");
    if (!message)
        message = json_text(status, "detail"); /* what is below /auth */
    const json_t *causes = json_at(status, "details", "causes", NULL);
    text_add_clean(&text, message ? message : "");
    if (code == ERR_INVALID && json_array_size(causes) > 0)
        add_causes(status, causes, &text);
    if (code == ERR_CONFLICT && str_equal(json_text(status, "reason"), "AlreadyExists"))
        code = ERR_EXISTS;
    return err_set(err, code, "%s", text.len > 0 ? text.text : "the server does not say why");
}

/* Our own deadline for one answer is to the user a server that is not there. */
static bool explain_silence(const struct client *client, int64_t timeout_ms, const struct call *outer, struct err *err)
{
    if (err->code == ERR_TIMEOUT && call_left_ms(outer) > 0)
        return err_set(err, ERR_UNREACHABLE, "%s did not answer within %" PRId64 " s", client->connection->server,
                       timeout_ms / SECOND_MS);
    if (err->code == ERR_UNREACHABLE)
        return err_wrap(err, "cannot reach the server");
    return false;
}

/* ---- sending ---- */

static void set_headers(const struct client *client, enum client_accept accept, const char *headers[3])
{
    static const char *const accepts[] = {
        [ACCEPT_OBJECT] = "Accept: " MEDIA_JSON,
        [ACCEPT_TABLE] = "Accept: " MEDIA_JSON ";as=Table;v=v1;g=meta.k8s.io," MEDIA_JSON,
    };
    headers[0] = accepts[accept];
    headers[1] = client->authorization;
    headers[2] = NULL;
}

static bool send_once(struct client *client, const struct client_request *request, const struct call *call,
                      struct http_reply *ret_reply, struct err *err)
{
    const char *headers[3];
    CLEANUP(freep) char *body = request->body ? json_dump(request->body) : NULL;
    const struct http_request message = {
        .method = request->method,
        .path = request->path,
        .content_type = !body                   ? NULL
                        : request->content_type ? request->content_type
                                                : MEDIA_JSON,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .headers = headers,
    };
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : ANSWER_TIMEOUT_MS;
    struct call within = call_within(call, timeout_ms);
    set_headers(client, request->accept, headers);
    return http_send(client->http, &message, &within, ret_reply, err) || explain_silence(client, timeout_ms, call, err);
}

/* A server that asks for patience (429) has done nothing yet. False: the call is over. */
static bool pause_a_second(const struct call *call)
{
    const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
    for (int i = 0; i < 10 && call_check(call, NULL); i++)
        nanosleep(&step, NULL);
    return call_check(call, NULL);
}

bool client_send(struct client *client, const struct client_request *request, const struct call *call, json_t **ret,
                 struct err *err)
{
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    for (int tries = 1;; tries++) {
        if (!send_once(client, request, call, &reply, err))
            return false;
        if (reply.status != 429 || tries == BUSY_TRIES || !pause_a_second(call))
            break;
    }
    if (reply.status / 100 != 2)
        return client_raise(reply.status, reply.body.text, reply.body.len, err);
    return json_parse_answer(reply.body.text, reply.body.len, ret, err) || err_wrap(err, "the server's answer");
}

bool client_get(struct client *client, const char *path, const struct call *call, json_t **ret, struct err *err)
{
    return client_send(client, &(struct client_request){ .method = "GET", .path = path }, call, ret, err);
}

bool client_stream(struct client *client, const struct client_stream *stream, const struct call *call, struct err *err)
{
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    const char *headers[3];
    const struct http_request message = {
        .method = "GET",
        .path = stream->path,
        .sink = stream->sink,
        .sink_context = stream->context,
        .headers = headers,
    };
    set_headers(client, stream->accept, headers);
    if (!http_send(client->http, &message, call, &reply, err))
        return err->code == ERR_UNREACHABLE ? err_wrap(err, "cannot reach the server") : false;
    if (reply.status / 100 != 2)
        return client_raise(reply.status, reply.body.text, reply.body.len, err);
    return true;
}
