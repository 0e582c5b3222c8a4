/* Reading objects: HEAD, and GET that is taken up again where it broke. */
#include <curl/curl.h>

#include "clients/s3/s3_internal.h"

#define HELD_FOR_EVER INT64_MAX /* a legal hold has no end */

char *s3_held_text(int64_t held_until_ms)
{
    if (held_until_ms == HELD_FOR_EVER)
        return mem_strdup("until its legal hold is lifted");
    CLEANUP(freep) char *until = time_to_rfc3339(held_until_ms);
    return mem_printf("until %s", until);
}

static int64_t held_until_ms(const struct http_reply *reply)
{
    CLEANUP(freep) char *hold = http_reply_header(reply, "x-amz-object-lock-legal-hold");
    CLEANUP(freep) char *until = http_reply_header(reply, "x-amz-object-lock-retain-until-date");
    int64_t wall_ms = 0;
    if (str_equal(hold, "ON"))
        return HELD_FOR_EVER;
    /* One that has passed holds nothing. */
    return until && time_from_rfc3339(until, &wall_ms) && wall_ms > clock_wall_ms() ? wall_ms : 0;
}

static bool read_size(const struct http_reply *reply, uint64_t *ret_size)
{
    CLEANUP(freep) char *text = http_reply_header(reply, "Content-Length");
    int64_t size;
    if (!text || !str_parse_int64(text, 0, INT64_MAX, &size))
        return false;
    *ret_size = (uint64_t)size;
    return true;
}

bool s3_head(struct s3 *s3, const char *full_key, const char *version, const struct call *call, struct object *ret,
             char **ret_put, struct err *err)
{
    const struct s3_pair query[] = { { version ? "versionId" : NULL, version }, { NULL } };
    const struct s3_request request = { .method = "HEAD", .key = full_key, .query = query };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    if (!s3_send(s3, s3->http, &request, call, &reply, err))
        return false;
    CLEANUP(freep) char *modified = http_reply_header(&reply.http, "Last-Modified");
    time_t modified_s = modified ? curl_getdate(modified, NULL) : -1;
    uint64_t size = 0;
    if (!read_size(&reply.http, &size) || modified_s < 0)
        return err_set(err, ERR_REMOTE, "HEAD %s/%s at %s: the answer has no length or date", s3->bucket, full_key,
                       s3->endpoint);
    object_release(ret);
    ret->key = mem_strdup(full_key);
    ret->size = size;
    ret->modified_ms = (int64_t)modified_s * SECOND_MS;
    ret->held_until_ms = held_until_ms(&reply.http);
    if (ret_put)
        *ret_put = http_reply_header(&reply.http, S3_PUT_HEADER);
    return true;
}

/* ---- GET ---- */

struct download {
    struct sink *to;
    char *etag;          /* of the first answer; NULL before */
    uint64_t size, done; /* of the whole object */
    uint64_t skip;       /* bytes of this answer that came before: the server ignored the range */
    bool to_failed;      /* what reads, not what sends */
};

static void download_release(struct download *download)
{
    free(download->etag);
}

/* "bytes 100-199/200": begins at `first`. */
static bool begins_at(const struct http_reply *head, uint64_t first)
{
    CLEANUP(freep) char *range = http_reply_header(head, "Content-Range");
    CLEANUP(freep) char *wanted = mem_printf("bytes %" PRIu64 "-", first);
    return range && str_starts_with(range, wanted);
}

static bool take_head(void *context, const struct http_reply *head, struct err *err)
{
    struct download *download = context;
    CLEANUP(freep) char *etag = http_reply_header(head, "ETag");
    download->skip = 0;
    if (!download->etag) {
        if (head->status != 200 || !etag || !read_size(head, &download->size))
            return err_set(err, ERR_REMOTE, "the answer has no length or ETag");
        download->etag = STEAL(etag);
        return true;
    }
    if (!str_equal(etag, download->etag))
        return err_set(err, ERR_CONFLICT, "the object was replaced while it was read");
    if (head->status != 206)
        download->skip = download->done;
    else if (!begins_at(head, download->done))
        return err_set(err, ERR_REMOTE, "another range came than was asked for");
    return true;
}

static bool take_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    struct download *download = context;
    uint64_t skip = download->skip < len ? download->skip : len;
    download->skip -= skip;
    bytes += skip;
    len -= (size_t)skip;
    if (len > download->size - download->done)
        return err_set(err, ERR_REMOTE, "more came than the object's %" PRIu64 " bytes", download->size);
    if (!sink_write(download->to, bytes, len, err)) {
        download->to_failed = true;
        return false;
    }
    download->done += len;
    return true;
}

/* One answer, from where the last one ended. */
static bool get_more(struct s3 *s3, const char *full_key, struct download *download, const struct call *call,
                     struct s3_reply *reply, struct err *err)
{
    CLEANUP(freep) char *range = mem_printf("bytes=%" PRIu64 "-", download->done);
    const struct s3_pair headers[] = { { "if-match", download->etag }, { "range", range }, { NULL } };
    const struct s3_request request = {
        .method = "GET",
        .key = full_key,
        .headers = download->etag ? headers : NULL,
        .head = take_head,
        .sink = take_bytes,
        .sink_context = download,
    };
    return s3_try(s3, s3->http, &request, call, reply, err);
}

static bool get_all(struct s3 *s3, const char *full_key, struct download *download, const struct call *call,
                    struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct s3_patience patience = { 0 };
    for (;;) {
        CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
        uint64_t before = download->done;
        if (get_more(s3, full_key, download, call, &reply, &problem) &&
            (download->etag ? download->done == download->size : take_head(download, &reply.http, &problem)))
            return true;
        if (problem.code == ERR_NONE)
            err_set(&problem, ERR_REMOTE, "s3://%s/%s at %s: %" PRIu64 " of %" PRIu64 " bytes came", s3->bucket,
                    full_key, s3->endpoint, download->done, download->size);
        if (download->done != before) /* it goes on, so patience begins anew */
            patience = (struct s3_patience){ 0 };
        if (download->to_failed || !s3_wait(s3, &patience, &reply, call, &problem))
            break;
        err_clear(&problem);
    }
    if (err)
        err_move(err, &problem);
    return false;
}

bool s3_get(struct objects *objects, const char *key, struct sink *to, const struct call *call, struct err *err)
{
    struct s3 *s3 = (struct s3 *)objects;
    CLEANUP(freep) char *full_key = s3_full_key(s3, key);
    CLEANUP(download_release) struct download download = { .to = to };
    return s3_prepare(s3, call, err) && get_all(s3, full_key, &download, call, err);
}
