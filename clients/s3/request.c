/* One request to S3: signed, sent, its answer understood, tried again while that makes sense. */
#include <curl/curl.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "clients/s3/s3_internal.h"

#define WAIT_FIRST_MS   INT64_C(100)
#define WAIT_MAX_MS     (5 * SECOND_MS)
#define WAIT_ASKED_MAX  (30 * SECOND_MS) /* of a Retry-After */
#define WAIT_NOTICED_MS INT64_C(100)     /* how soon a cancel ends a wait */
#define PACE_FIRST_MS   INT64_C(50)
#define PACE_MAX_MS     (2 * SECOND_MS)
#define SKEW_TOLD_MS    (5 * MINUTE_MS)
#define BODY_LIMIT      ((size_t)16 << 20)

void s3_reply_release(struct s3_reply *reply)
{
    http_reply_release(&reply->http);
    s3_problem_release(&reply->problem);
}

static void sleep_ms(int64_t ms)
{
    struct timespec time = { .tv_sec = ms / SECOND_MS, .tv_nsec = (ms % SECOND_MS) * 1000000 };
    nanosleep(&time, NULL); /* a signal that shortens it does no harm */
}

/* False when `call` is over, with its error. */
static bool sleep_within(int64_t ms, const struct call *call, struct err *err)
{
    int64_t until_mono_ms = clock_mono_ms() + ms;
    for (;;) {
        if (!call_check(call, err))
            return false;
        int64_t left_ms = until_mono_ms - clock_mono_ms();
        if (left_ms <= 0)
            return true;
        sleep_ms(left_ms < WAIT_NOTICED_MS ? left_ms : WAIT_NOTICED_MS);
    }
}

/* ---- pace: who is asked for fewer requests sends fewer, until it went well for a while ---- */

static void pace_slower(struct s3 *s3)
{
    int64_t pace_ms = __atomic_load_n(&s3->pace_ms, __ATOMIC_RELAXED) * 2;
    pace_ms = pace_ms < PACE_FIRST_MS ? PACE_FIRST_MS : pace_ms > PACE_MAX_MS ? PACE_MAX_MS : pace_ms;
    __atomic_store_n(&s3->pace_ms, pace_ms, __ATOMIC_RELAXED);
}

static void pace_faster(struct s3 *s3)
{
    int64_t pace_ms = __atomic_load_n(&s3->pace_ms, __ATOMIC_RELAXED);
    if (pace_ms > 0)
        __atomic_store_n(&s3->pace_ms, pace_ms < PACE_FIRST_MS ? 0 : pace_ms / 2, __ATOMIC_RELAXED);
}

/* ---- errors ---- */

/* "PUT s3://bucket/key at https://server"; the key is shown as it is, our own having no control characters. Owned. */
static char *request_name(const struct s3 *s3, const struct s3_request *request)
{
    return mem_printf("%s s3://%s%s%s at %s", request->method, s3->bucket, request->key ? "/" : "",
                      request->key ? request->key : "", s3->endpoint);
}

/* How far this host's clock is ahead of the server's; 0: not known. */
static int64_t clock_ahead_ms(const struct s3 *s3, const struct s3_reply *reply)
{
    CLEANUP(freep) char *date = http_reply_header(&reply->http, "Date");
    time_t theirs = date ? curl_getdate(date, NULL) : -1;
    return theirs < 0 ? 0 : clock_wall_ms() + s3->clock_offset_ms - (int64_t)theirs * SECOND_MS;
}

/* What an operator should look at, behind the error itself. Owned. */
static char *advice(const struct s3 *s3, const struct s3_reply *reply)
{
    const char *code = reply->problem.code;
    int64_t ahead_ms = clock_ahead_ms(s3, reply);
    int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
    if (str_equal(code, "RequestTimeTooSkewed") || (reply->http.status == 403 && off_ms > SKEW_TOLD_MS))
        return mem_printf("; this host's clock is %" PRId64 " s %s the server's: set it", off_ms / SECOND_MS,
                          ahead_ms < 0 ? "behind" : "ahead of");
    if (str_equal(code, "AuthorizationHeaderMalformed") || reply->http.status == 301)
        return *reply->problem.region ? mem_printf("; the request was signed for region %s, and %s is asked for",
                                                   s3->region, reply->problem.region)
                                      : mem_printf("; the request was signed for region %s", s3->region);
    if (str_equal(code, "SignatureDoesNotMatch"))
        return mem_strdup("; the secret key is not this access key's");
    return mem_strdup("");
}

static bool set_error(const struct s3 *s3, const struct s3_request *request, struct s3_reply *reply, struct err *err)
{
    const struct s3_problem *problem = &reply->problem;
    struct s3_meaning meaning = s3_meaning_of(reply->http.status, problem->code);
    CLEANUP(freep) char *name = request_name(s3, request);
    CLEANUP(freep) char *more = advice(s3, reply);
    return err_set(err, meaning.code, "%s: %d%s%s%s%s%s", name, reply->http.status, *problem->code ? " " : "",
                   problem->code, *problem->message ? ": " : "", problem->message, more);
}

static int64_t asked_wait_ms(const struct s3_reply *reply)
{
    CLEANUP(freep) char *text = http_reply_header(&reply->http, "Retry-After");
    int64_t seconds;
    if (!text || !str_parse_int64(text, 0, WAIT_ASKED_MAX / SECOND_MS, &seconds))
        return 0;
    return seconds * SECOND_MS;
}

/* ---- one try ---- */

static char *md5_base64(const void *bytes, size_t len)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    uint8_t digest[16];
    if (EVP_Digest(bytes, len, digest, NULL, EVP_md5(), NULL) != 1)
        abort();
    str_add_base64(&text, digest, sizeof(digest));
    return str_steal(&text);
}

/* What goes along with a document: some servers refuse one without. */
#define EXTRA_HEADERS 2
#define HEADERS_MAX   8

static void sign(const struct s3 *s3, const struct s3_request *request, struct s3_signed *ret)
{
    bool is_object = strcmp(request->method, "PUT") == 0 && request->key;
    bool is_document = !is_object && (request->body || strcmp(request->method, "POST") == 0);
    CLEANUP(freep) char *hash = sha256_hex(request->body ? request->body : "", request->body_len);
    CLEANUP(freep) char *md5 = is_document ? md5_base64(request->body ? request->body : "", request->body_len) : NULL;
    struct s3_pair headers[HEADERS_MAX + EXTRA_HEADERS + 1] = { 0 };
    size_t count = 0;
    for (; request->headers && request->headers[count].name && count < HEADERS_MAX; count++)
        headers[count] = request->headers[count];
    if (is_document) {
        headers[count++] = (struct s3_pair){ "content-md5", md5 };
        headers[count++] = (struct s3_pair){ "content-type", "application/xml" };
    }
    const struct s3_parts parts = {
        .method = request->method,
        .host = s3->host,
        .bucket = s3->style == S3_STYLE_PATH ? s3->bucket : NULL,
        .key = request->key,
        .query = request->query,
        .headers = headers,
        .payload_sha256_hex = hash,
    };
    const struct s3_signer signer = {
        .region = s3->region,
        .access_key = s3->access_key,
        .secret_key = s3->secret_key,
        .wall_ms = clock_wall_ms() + s3->clock_offset_ms,
    };
    s3_sign(&parts, &signer, ret);
}

/* CompleteMultipartUpload answers 200 at once, and may then say that it failed. */
static bool is_success(struct s3_reply *reply)
{
    if (reply->http.status / 100 != 2) {
        s3_problem_read(reply->http.body.text, reply->http.body.len, &reply->problem);
        return false;
    }
    return reply->http.body.len == 0 || !s3_problem_read(reply->http.body.text, reply->http.body.len, &reply->problem);
}

bool s3_try(struct s3 *s3, struct http *http, const struct s3_request *request, const struct call *call,
            struct s3_reply *ret, struct err *err)
{
    CLEANUP(s3_signed_release) struct s3_signed made = S3_SIGNED_INIT;
    ret->may_pass = false;
    ret->wait_ms = 0;
    if (!sleep_within(__atomic_load_n(&s3->pace_ms, __ATOMIC_RELAXED), call, err)) {
        CLEANUP(freep) char *name = request_name(s3, request);
        return err_wrap(err, "%s", name);
    }
    sign(s3, request, &made);
    strv_add_taken(&made.headers, NULL);
    const struct http_request sent = {
        .method = request->method,
        .path = made.path.text,
        .body = request->body,
        .body_len = request->body_len,
        .head = request->head,
        .sink = request->sink,
        .sink_context = request->sink_context,
        .headers = (const char *const *)made.headers.items,
        .body_limit = BODY_LIMIT,
        .stall_ms = request->stall_ms ? request->stall_ms : s3->stall_ms,
    };
    struct call within = call ? *call : (struct call){ 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!http_send(http, &sent, &within, &ret->http, &problem)) {
        CLEANUP(freep) char *name = request_name(s3, request);
        ret->may_pass = problem.code == ERR_UNREACHABLE;
        return err_set(err, problem.code, "%s: %s", name, err_message(&problem));
    }
    if (is_success(ret)) {
        pace_faster(s3);
        return true;
    }
    struct s3_meaning meaning = s3_meaning_of(ret->http.status, ret->problem.code);
    ret->may_pass = meaning.may_pass;
    ret->wait_ms = asked_wait_ms(ret);
    if (meaning.slows_down)
        pace_slower(s3);
    return set_error(s3, request, ret, err);
}

/* ---- until it succeeds ---- */

bool s3_wait(const struct s3 *s3, struct s3_patience *patience, const struct s3_reply *reply, const struct call *call,
             struct err *err)
{
    CLEANUP(err_release) struct err over = ERR_INIT;
    int64_t now_ms = clock_mono_ms();
    if (patience->since_mono_ms == 0)
        patience->since_mono_ms = now_ms;
    if (!reply->may_pass || now_ms - patience->since_mono_ms >= s3->patience_ms)
        return false;
    int64_t most_ms = patience->tries < 6 ? WAIT_FIRST_MS << patience->tries : WAIT_MAX_MS;
    patience->tries++;
    int64_t wait_ms = most_ms / 2 + (int64_t)random_below((uint64_t)most_ms / 2 + 1);
    if (sleep_within(wait_ms > reply->wait_ms ? wait_ms : reply->wait_ms, call, &over))
        return true;
    return err_set(err, over.code, "%s; the last answer was: %s", err_message(&over), err_message(err));
}

bool s3_send(struct s3 *s3, struct http *http, const struct s3_request *request, const struct call *call,
             struct s3_reply *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct s3_patience patience = { 0 };
    for (;;) {
        if (s3_try(s3, http, request, call, ret, &problem))
            return true;
        if (!s3_wait(s3, &patience, ret, call, &problem))
            break;
    }
    if (err)
        err_move(err, &problem);
    return false;
}
