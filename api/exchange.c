/* One request and its answer on the wire. */
#include "api/exchange.h"

#include <arpa/inet.h>

#include "api/auth.h"
#include "api/routes.h"
#include "api/status.h"
#include "api/stream.h"
#include "api/vigil.h"
#include "base/log.h"
#include "base/metrics.h"

/*
 * A body that is refused is still read (and thrown away) up to here, so that a client that only writes sees the
 * answer.
 */
#define DISCARD_MAX (32 * 1024 * 1024)
/* A body from whom nobody knows, as a login's is. */
#define PUBLIC_BODY_MAX (16 * 1024)

static const struct metric requests_total = {
    .name = "tenantd_api_requests_total",
    .help = "Requests answered, by route, method and status code.",
    .type = METRIC_COUNTER,
    .labels = { "route", "method", "code" },
};
static const struct metric request_seconds = {
    .name = "tenantd_api_request_duration_seconds",
    .help = "From the request's first byte until its answer was ready; watches and logs: until they began.",
    .type = METRIC_HISTOGRAM,
    .labels = { "route", "method" },
};

struct exchange {
    struct pool_job job; /* the first member: a job is its exchange */
    struct exchange_context *context;
    struct MHD_Connection *connection;
    struct request request;
    struct answer answer;
    struct err route_error; /* no such path or method; told only to who is known */
    bool has_head;
    bool is_identified; /* well enough to send a body */
    bool is_answered;   /* `answer` is ready to be sent */
    size_t discarded;
};

void exchange_context_init(struct exchange_context *context, struct pool *workers, struct pool *health,
                           const struct config_listen *limits, bool is_encrypted)
{
    *context = (struct exchange_context){
        .workers = workers, .health = health, .limits = limits, .is_encrypted = is_encrypted
    };
    pthread_mutex_init(&context->lock, NULL);
    pthread_cond_init(&context->idle, NULL);
}

int64_t exchange_arrival_ms(const struct exchange_context *context)
{
    return 2 * context->limits->idle_timeout_ms;
}

void exchange_context_release(struct exchange_context *context)
{
    pthread_cond_destroy(&context->idle);
    pthread_mutex_destroy(&context->lock);
}

void exchange_drain(struct exchange_context *context)
{
    pthread_mutex_lock(&context->lock);
    context->is_draining = true;
    while (context->working > 0)
        pthread_cond_wait(&context->idle, &context->lock);
    pthread_mutex_unlock(&context->lock);
}

static bool begin_work(struct exchange_context *context)
{
    pthread_mutex_lock(&context->lock);
    bool may_begin = !context->is_draining;
    context->working += may_begin;
    pthread_mutex_unlock(&context->lock);
    return may_begin;
}

static void end_work(struct exchange_context *context)
{
    pthread_mutex_lock(&context->lock);
    if (--context->working == 0)
        pthread_cond_broadcast(&context->idle);
    pthread_mutex_unlock(&context->lock);
}

/* ---- the answer ---- */

static void note_answer(const struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    const struct route *route = request->route;
    int64_t took_ms = clock_mono_ms() - request->started_mono_ms;
    /* What a client makes up must not make series. */
    const char *pattern = route ? route->pattern : "other";
    const char *method = route ? route->method : "other";
    CLEANUP(freep) char *code = mem_printf("%d", exchange->answer.status);
    metric_add(&requests_total, 1, pattern, method, code);
    metric_observe(&request_seconds, (double)took_ms / 1000.0, pattern, method, NULL);
    log_debug("request", LOG_STR("method", request->method), LOG_STR("target", request->target),
              LOG_INT("status", exchange->answer.status), LOG_INT("took_ms", took_ms),
              LOG_STR("user", request->identity.user));
}

static void fail(struct exchange *exchange, const struct err *err)
{
    const struct request *request = &exchange->request;
    status_answer(request, err, &exchange->answer);
    if (err->code == ERR_METHOD) {
        CLEANUP(freep) char *methods = routes_methods(&request->uri);
        strv_addf(&exchange->answer.headers, "Allow: %s", methods);
    }
    if (exchange->answer.status >= 500)
        log_warning("request failed", LOG_STR("method", request->method), LOG_STR("target", request->target),
                    LOG_STR("error", err_message(err)));
    exchange->is_answered = true;
}

static void fail_with(struct exchange *exchange, enum err_code code, const char *message)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    err_set(&err, code, "%s", message);
    fail(exchange, &err);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        log_warning("a header could not be sent", LOG_STR("header", name));
}

static void add_headers(struct MHD_Response *response, const struct answer *answer)
{
    bool has_caching = false;
    for (size_t i = 0; i < answer->headers.count; i++) {
        const char *line = answer->headers.items[i];
        const char *colon = strchr(line, ':');
        CLEANUP(freep) char *name = mem_strndup(line, (size_t)(colon - line));
        has_caching = has_caching || str_equal(name, "Cache-Control");
        add_header(response, name, colon + 2);
    }
    add_header(response, "Content-Type", answer->content_type ? answer->content_type : "application/json");
    if (!has_caching)
        add_header(response, "Cache-Control", "no-cache, private");
    add_header(response, "X-Content-Type-Options", "nosniff");
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct MHD_Response *response;
    if (answer->status == 0)
        answer->status = MHD_HTTP_OK;
    note_answer(exchange);
    if (answer->stream) {
        response = stream_attach(STEAL(answer->stream), exchange->connection);
    } else {
        size_t len = answer->body.len;
        char *text = str_steal(&answer->body);
        response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
        if (!response)
            abort();
    }
    add_headers(response, answer);
    enum MHD_Result queued = MHD_queue_response(exchange->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- workers ---- */

/* Once before there is memory for a body and once more when it is there: what was revoked meanwhile opens nothing. */
static bool identify(struct exchange *exchange, struct worker *worker, struct err *err)
{
    struct request *request = &exchange->request;
    if (!route_is_health(request->route) && !worker_open(worker, err))
        return false;
    if (!route_is_public(request->route) && !auth_identify(worker->store, request, err))
        return false;
    exchange->is_identified = true;
    return true;
}

/* Gives the exchange back to its listener; it may be gone right afterwards. */
static void give_back(struct exchange *exchange)
{
    struct exchange_context *context = exchange->context;
    MHD_resume_connection(exchange->connection);
    end_work(context); /* last: a drained listener frees its connections */
}

static void run_identify(struct pool_job *job, void *context)
{
    struct exchange *exchange = (struct exchange *)job;
    struct worker *worker = context;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!identify(exchange, worker, &err))
        fail(exchange, &err);
    give_back(exchange);
}

/* What goes on after this moment is allowed only as long as its token is. */
static void keep_vigil(struct exchange *exchange, struct worker *worker)
{
    struct request *request = &exchange->request;
    if (!exchange->answer.stream || route_is_public(request->route))
        return;
    char *token = auth_token(request);
    vigil_add(worker->shared->vigil, exchange->answer.stream, token, &request->identity);
    mem_wipe(token, strlen(token));
    free(token);
}

static void run_answer(struct pool_job *job, void *context)
{
    struct exchange *exchange = (struct exchange *)job;
    struct worker *worker = context;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool good = identify(exchange, worker, &err);
    if (good && !exchange->request.route) {
        err_move(&err, &exchange->route_error);
        good = false;
    }
    good = good && routes_run(worker, &exchange->request, &exchange->answer, &err);
    if (good) {
        exchange->is_answered = true;
        keep_vigil(exchange, worker);
    } else {
        fail(exchange, &err);
    }
    give_back(exchange);
}

/*
 * Moves the exchange to a worker; its connection sleeps until it comes back. Where no worker takes it, it comes back
 * at once with an answer that says so.
 */
static void submit(struct exchange *exchange, void (*run)(struct pool_job *job, void *worker))
{
    struct exchange_context *context = exchange->context;
    exchange->job.run = run;
    MHD_suspend_connection(exchange->connection); /* before a worker may resume it */
    bool has_begun = begin_work(context);
    struct pool *pool = route_is_health(exchange->request.route) ? context->health : context->workers;
    if (has_begun && pool_submit(pool, &exchange->job))
        return;
    if (has_begun) {
        end_work(context);
        fail_with(exchange, ERR_TOO_MANY, "too many requests wait for a worker");
    } else {
        fail_with(exchange, ERR_CANCELLED, "the server is shutting down");
    }
    MHD_resume_connection(exchange->connection);
}

/* ---- reading ---- */

void *exchange_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = MEM_NEW(struct exchange);
    exchange->context = cls;
    exchange->connection = connection;
    exchange->answer.body = (struct str)STR_INIT;
    exchange->request.body = (struct str)STR_INIT;
    exchange->request.target = mem_strdup(target);
    exchange->request.started_mono_ms = clock_mono_ms();
    exchange->request.is_encrypted = exchange->context->is_encrypted;
    return exchange;
}

static enum MHD_Result find_impersonation(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind;
    (void)value;
    static const char prefix[] = "Impersonate-";
    bool *found = cls;
    if (strncasecmp(key, prefix, strlen(prefix)) == 0)
        *found = true;
    return MHD_YES;
}

static char *copy_header(struct MHD_Connection *connection, const char *name)
{
    return mem_strdup(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static size_t max_body(const struct exchange *exchange)
{
    const struct route *route = exchange->request.route;
    size_t max = (size_t)exchange->context->limits->max_body_bytes;
    size_t own = route && route->body_max > 0 ? route->body_max : max;
    if (own == max && route_is_public(route))
        own = PUBLIC_BODY_MAX;
    return own < max ? own : max;
}

static void note_address(struct MHD_Connection *connection, struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, request->address,
                  sizeof(request->address));
    if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, request->address,
                  sizeof(request->address));
}

/* What can be said without knowing who asks; true: nothing, so go on. */
static bool check_head(struct exchange *exchange, struct err *err)
{
    struct request *request = &exchange->request;
    if (!uri_parse(request->target, &request->uri, err))
        return false;
    if (!routes_find(request, &exchange->route_error))
        request->route = NULL;
    if (request->impersonates)
        return err_set(err, ERR_FORBIDDEN, "impersonation is not supported: forbidden");
    CLEANUP(freep) char *token = auth_token(request);
    bool is_anonymous = !token;
    if (token)
        mem_wipe(token, strlen(token));
    if (is_anonymous && !route_is_public(request->route))
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    if (request->route && request->route->access == ACCESS_SIGNED && !request->signature)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    CLEANUP(freep) char *length = copy_header(exchange->connection, "Content-Length");
    int64_t bytes = 0;
    if (length && str_parse_int64(length, 0, INT64_MAX, &bytes) && bytes > (int64_t)max_body(exchange))
        return err_set(err, ERR_TOO_LARGE, "the body has %lld bytes; at most %zu are taken", (long long)bytes,
                       max_body(exchange));
    return true;
}

static void set_head_due(struct MHD_Connection *connection, int64_t due_mono_ms)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info->socket_context;
    __atomic_store_n(&peer->head_due_mono_ms, due_mono_ms, __ATOMIC_RELAXED);
}

static enum MHD_Result take_head(struct exchange *exchange, const char *method)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct MHD_Connection *connection = exchange->connection;
    struct request *request = &exchange->request;
    exchange->has_head = true;
    set_head_due(connection, INT64_MAX);
    request->method = mem_strdup(method);
    request->accept = copy_header(connection, "Accept");
    request->content_type = copy_header(connection, "Content-Type");
    request->authorization = copy_header(connection, "Authorization");
    request->idempotency_key = copy_header(connection, "Idempotency-Key");
    note_address(connection, request);
    request->signature = copy_header(connection, "X-Hub-Signature-256");
    MHD_get_connection_values(connection, MHD_HEADER_KIND, find_impersonation, &request->impersonates);
    if (!check_head(exchange, &err))
        fail(exchange, &err);
    /* Who waits to be asked for the body need not send it. */
    if (exchange->is_answered && MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect"))
        return send_answer(exchange);
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *upload, size_t *upload_size)
{
    struct request *request = &exchange->request;
    size_t max = max_body(exchange);
    if (clock_mono_ms() - request->started_mono_ms > exchange_arrival_ms(exchange->context))
        return MHD_NO;
    if (!exchange->is_answered && !exchange->is_identified) {
        submit(exchange, run_identify); /* what came stays with libmicrohttpd until it is known from whom */
        return MHD_YES;
    }
    if (!exchange->is_answered && *upload_size > max - request->body.len) {
        str_release(&request->body);
        CLEANUP(err_release) struct err err = ERR_INIT;
        err_set(&err, ERR_TOO_LARGE, "the body is too large; at most %zu bytes are taken", max);
        fail(exchange, &err);
    }
    if (exchange->is_answered)
        exchange->discarded += *upload_size;
    else
        str_addn(&request->body, upload, *upload_size);
    *upload_size = 0;
    return exchange->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **request_context)
{
    (void)cls;
    (void)connection;
    (void)url; /* request.target is the whole */
    (void)version;
    struct exchange *exchange = *request_context;
    if (!exchange->has_head)
        return take_head(exchange, method);
    if (*upload_size > 0)
        return take_body(exchange, upload, upload_size);
    if (exchange->is_answered)
        return send_answer(exchange);
    submit(exchange, run_answer);
    return MHD_YES;
}

void exchange_complete(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)code;
    struct exchange *exchange = *request_context;
    *request_context = NULL;
    if (!exchange)
        return;
    set_head_due(connection, clock_mono_ms() + exchange_arrival_ms(exchange->context)); /* of the next request */
    request_release(&exchange->request);
    answer_release(&exchange->answer);
    err_release(&exchange->route_error);
    free(exchange);
}
