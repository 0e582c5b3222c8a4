/* The blocking HTTP client: one easy handle, driven by a multi of its own so that a cancel is noticed while nothing moves. */
#include <curl/curl.h>

#include "clients/http/http_internal.h"

#define DEFAULT_CALL_MS    (30 * SECOND_MS)
#define DEFAULT_BODY_LIMIT ((size_t)64 << 20)
#define HEADERS_LIMIT      ((size_t)256 << 10)
#define CANCEL_NOTICED_MS  100
#define UPLOAD_BUFFER_SIZE (256L << 10)

struct http {
    CURL *curl;
    CURLM *multi;              /* keeps the connections */
    struct http_target target; /* its strings are ours */
    char *where;
    char problem[CURL_ERROR_SIZE];
};

/* One request under way; what callbacks run into waits in `err`, as curl only hears that they failed. */
struct transfer {
    CURL *curl;
    const struct http_request *request;
    struct http_reply reply;
    size_t body_limit;
    struct http_head head;
    bool announced; /* the head was shown */
    bool failed;
    curl_off_t moved; /* bytes in both directions, and when that changed last */
    int64_t moved_mono_ms;
    struct err err;
};

static void transfer_release(struct transfer *transfer)
{
    http_reply_release(&transfer->reply);
    err_release(&transfer->err);
}

void http_reply_release(struct http_reply *reply)
{
    str_release(&reply->head);
    str_release(&reply->body);
}

char *http_reply_header(const struct http_reply *reply, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *line = reply->head.text; *line;) {
        const char *end = strchrnul(line, '\n');
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            while (value < end && (*value == ' ' || *value == '\t'))
                value++;
            const char *last = end;
            while (last > value && (last[-1] == '\r' || last[-1] == ' ' || last[-1] == '\t'))
                last--;
            return mem_strndup(value, (size_t)(last - value));
        }
        line = *end ? end + 1 : end;
    }
    return NULL;
}

struct http *http_new(const struct http_target *target)
{
    http_global_init();
    struct http *http = MEM_NEW(struct http);
    http->curl = curl_easy_init();
    http->multi = curl_multi_init();
    if (!http->curl || !http->multi || curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 2L) != CURLM_OK)
        abort();
    http->target = (struct http_target){
        .base_url = mem_strdup(target->base_url),
        .unix_socket = mem_strdup(target->unix_socket),
        .ca_file = mem_strdup(target->ca_file),
        .ca_pem = mem_strdup(target->ca_pem),
        .cert_file = mem_strdup(target->cert_file),
        .key_file = mem_strdup(target->key_file),
        .skip_verify = target->skip_verify,
    };
    http->where = http_target_name(target);
    return http;
}

static void free_text(const char *owned)
{
    free((void *)(uintptr_t)owned);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    curl_multi_cleanup(http->multi);
    free_text(http->target.base_url);
    free_text(http->target.unix_socket);
    free_text(http->target.ca_file);
    free_text(http->target.ca_pem);
    free_text(http->target.cert_file);
    free_text(http->target.key_file);
    free(http->where);
    free(http);
}

void http_freep(struct http **http)
{
    http_free(*http);
    *http = NULL;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;
    bool had_ended = transfer->head.ended;
    if (!http_head_take(&transfer->head, bytes, len))
        return 0;
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        str_clear(&transfer->reply.head);
    else if (!had_ended && !transfer->head.ended)
        str_addn(&transfer->reply.head, bytes, len);
    return len;
}

static bool announce(struct transfer *transfer)
{
    if (transfer->announced || !transfer->request->head)
        return true;
    transfer->announced = true;
    return transfer->request->head(transfer->request->sink_context, &transfer->reply, &transfer->err);
}

static bool body_take(struct transfer *transfer, const char *bytes, size_t len)
{
    long status = 0;
    http_must(curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status));
    transfer->reply.status = (int)status;
    if (transfer->request->sink && status / 100 == 2)
        return announce(transfer) &&
               transfer->request->sink(transfer->request->sink_context, bytes, len, &transfer->err);
    if (len > transfer->body_limit - transfer->reply.body.len)
        return err_set(&transfer->err, ERR_TOO_LARGE, "the answer is larger than %zu bytes", transfer->body_limit);
    str_addn(&transfer->reply.body, bytes, len);
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;
    if (len == 0 || body_take(transfer, bytes, len))
        return len;
    transfer->failed = true;
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_upload(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct http_request *request = transfer->request;
    size_t len = 0;
    if (request->source(request->source_context, bytes, size * count, &len, &transfer->err))
        return len;
    transfer->failed = true;
    return CURL_READFUNC_ABORT;
}

static void add_header(struct curl_slist **headers, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*headers, header);
    if (!longer)
        abort();
    *headers = longer;
}

static void free_headers(struct curl_slist **headers)
{
    curl_slist_free_all(*headers);
}

static struct curl_slist *make_headers(const struct http_request *request)
{
    struct curl_slist *headers = NULL;
    CLEANUP(str_release) struct str type = STR_INIT;
    /* With nothing after the colon curl leaves its own idea of the header out. */
    str_addf(&type, "Content-Type:%s%s", request->content_type ? " " : "",
             request->content_type ? request->content_type : "");
    add_header(&headers, type.text);
    add_header(&headers, "Expect:"); /* curl would wait a second for "100 Continue" */
    if (request->source)
        add_header(&headers, "Transfer-Encoding: chunked");
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        add_header(&headers, request->headers[i]);
    return headers;
}

static void setup_body(CURL *curl, struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    bool bodiless = strcmp(request->method, "GET") == 0 || strcmp(request->method, "DELETE") == 0;
    if (request->source) {
        http_must(curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L));
        http_must(curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE));
        http_must(curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload));
        http_must(curl_easy_setopt(curl, CURLOPT_READDATA, transfer));
    } else if (strcmp(request->method, "HEAD") == 0) {
        http_must(curl_easy_setopt(curl, CURLOPT_NOBODY, 1L));
    } else if (request->body || !bodiless) {
        http_must(curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : ""));
        http_must(
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_len : 0)));
    }
    http_must(curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method));
    /* What gets no answer on a kept connection curl sends again. A stream cannot be rewound, and a POST may have had its effect. */
    if (request->source || strcmp(request->method, "POST") == 0)
        http_must(curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L));
}

static void setup(struct http *http, struct transfer *transfer, struct curl_slist *headers)
{
    curl_easy_reset(http->curl);
    http_setup(http->curl, &http->target, transfer->request->path, http->problem);
    setup_body(http->curl, transfer);
    http_must(curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers));
    http_must(curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, on_header));
    http_must(curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, transfer));
    http_must(curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, on_body));
    http_must(curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, transfer));
}

static int poll_ms(const struct call *call)
{
    int64_t left_ms = call_left_ms(call);
    int64_t most_ms = call->cancelled ? CANCEL_NOTICED_MS : SECOND_MS;
    return (int)(left_ms < most_ms ? left_ms : most_ms);
}

static bool multi_ok(CURLMcode code, struct err *err)
{
    return code == CURLM_OK || err_set(err, ERR_INTERNAL, "curl: %s", curl_multi_strerror(code));
}

static bool check_stall(struct http *http, struct transfer *transfer, struct err *err)
{
    curl_off_t up = 0;
    curl_off_t down = 0;
    http_must(curl_easy_getinfo(http->curl, CURLINFO_SIZE_UPLOAD_T, &up));
    http_must(curl_easy_getinfo(http->curl, CURLINFO_SIZE_DOWNLOAD_T, &down));
    int64_t now_ms = clock_mono_ms();
    if (up + down != transfer->moved || transfer->moved_mono_ms == 0) {
        transfer->moved = up + down;
        transfer->moved_mono_ms = now_ms;
    }
    int64_t stall_ms = transfer->request->stall_ms;
    return stall_ms == 0 || now_ms - transfer->moved_mono_ms < stall_ms ||
           err_set(err, ERR_UNREACHABLE, "%s: nothing moved for %" PRId64 " ms", http->where, stall_ms);
}

/* Until it is done, of whatever result, or `call` is over. */
static bool drive(struct http *http, struct transfer *transfer, const struct call *call, CURLcode *ret_result,
                  struct err *err)
{
    for (;;) {
        int running = 0;
        int queued = 0;
        if (!multi_ok(curl_multi_perform(http->multi, &running), err))
            return false;
        const CURLMsg *message = curl_multi_info_read(http->multi, &queued);
        if (message) {
            *ret_result = message->data.result;
            return true;
        }
        if (!call_check(call, err))
            return err_wrap(err, "%s", http->where);
        if (!check_stall(http, transfer, err))
            return false;
        if (!multi_ok(curl_multi_poll(http->multi, NULL, 0, poll_ms(call), NULL), err))
            return false;
    }
}

static bool run(struct http *http, struct transfer *transfer, const struct call *call, struct err *err)
{
    CURLcode result = CURLE_OK;
    if (!multi_ok(curl_multi_add_handle(http->multi, http->curl), err))
        return false;
    bool driven = drive(http, transfer, call, &result, err);
    curl_multi_remove_handle(http->multi, http->curl); /* closes the connection of an unfinished transfer */
    if (!driven)
        return false;
    if (transfer->failed) {
        if (err)
            err_move(err, &transfer->err);
        return err_wrap(err, "%s", http->where);
    }
    return http_check(err, result, &transfer->head, http->where, http->problem);
}

bool http_send(struct http *http, const struct http_request *request, const struct call *call,
               struct http_reply *ret_reply, struct err *err)
{
    struct call within = call ? *call : call_within(NULL, DEFAULT_CALL_MS);
    if (!call_check(&within, err))
        return err_wrap(err, "%s", http->where);
    CLEANUP(transfer_release)
    struct transfer transfer = {
        .curl = http->curl,
        .request = request,
        .reply = HTTP_REPLY_INIT,
        .body_limit = request->body_limit ? request->body_limit : DEFAULT_BODY_LIMIT,
    };
    CLEANUP(free_headers) struct curl_slist *headers = make_headers(request);
    setup(http, &transfer, headers);
    if (!run(http, &transfer, &within, err))
        return false;
    long status = 0;
    http_must(curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status));
    ret_reply->status = (int)status;
    str_move(&ret_reply->head, &transfer.reply.head);
    str_move(&ret_reply->body, &transfer.reply.body);
    return true;
}
