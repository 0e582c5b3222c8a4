/* Storing an object: in one request, or in parts when it is bigger than one. */
#include "base/crypto.h"
#include "clients/s3/parts.h"

#define COMPLETE_STALL_MS (5 * MINUTE_MS) /* the server puts gigabytes together before it answers */
#define ABORT_MS          (10 * SECOND_MS)

struct s3_put_sink {
    struct sink sink; /* first, so that the address is the same */
    struct s3 *s3;
    const struct call *call;
    char *full_key;
    char *put_id;    /* tells this put from others of the same key */
    char *upload_id; /* NULL: not begun, or completed and seen */
    struct part_sender *sender;
    size_t parts;
    size_t filled;  /* bytes in the sender's room */
    uint64_t total; /* bytes written */
};

/* ---- after an answer, or without one ---- */

/* Whether the object is there as this put wrote it. */
static bool look(struct s3_put_sink *self, bool *ret_is_there, struct err *err)
{
    CLEANUP(object_release) struct object object = { 0 };
    CLEANUP(freep) char *put_id = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret_is_there = false;
    if (s3_head(self->s3, self->full_key, NULL, self->call, &object, &put_id, &problem)) {
        *ret_is_there = object.size == self->total && str_equal(put_id, self->put_id);
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return true;
    if (err)
        err_move(err, &problem);
    return false;
}

/* A server that says yes and keeps nothing must not be believed. */
static bool verify(struct s3_put_sink *self, struct err *err)
{
    bool is_there = false;
    if (!look(self, &is_there, err))
        return false;
    return is_there ||
           err_set(err, ERR_REMOTE, "PUT s3://%s/%s at %s: it was answered well, but the object is not there",
                   self->s3->bucket, self->full_key, self->s3->endpoint);
}

/* ---- in one request ---- */

static bool put_whole(struct s3_put_sink *self, const char *bytes, struct err *err)
{
    const struct s3_pair headers[] = { { S3_PUT_HEADER, self->put_id }, { NULL } };
    const struct s3_request request = {
        .method = "PUT", .key = self->full_key, .headers = headers, .body = bytes, .body_len = self->filled
    };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    return s3_send(self->s3, self->s3->http, &request, self->call, &reply, err);
}

/* ---- in parts ---- */

static bool begin(struct s3_put_sink *self, struct err *err)
{
    static const struct s3_pair query[] = { { "uploads", "" }, { NULL } };
    const struct s3_pair headers[] = { { S3_PUT_HEADER, self->put_id }, { NULL } };
    const struct s3_request request = { .method = "POST", .key = self->full_key, .query = query, .headers = headers };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(freep) char *id = NULL;
    if (self->upload_id)
        return true;
    if (!s3_prepare(self->s3, self->call, err) || !s3_send(self->s3, self->s3->http, &request, self->call, &reply, err))
        return false;
    if (!s3_text_read(reply.http.body.text, reply.http.body.len, "InitiateMultipartUploadResult/UploadId", &id, err) ||
        (*id == '\0' && !err_set(err, ERR_REMOTE, "the answer has no upload")))
        return err_wrap(err, "POST s3://%s/%s at %s", self->s3->bucket, self->full_key, self->s3->endpoint);
    self->upload_id = STEAL(id);
    return true;
}

static bool send_part(struct s3_put_sink *self, struct err *err)
{
    if (self->parts == S3_PARTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "s3://%s/%s: larger than %d parts of %zu bytes", self->s3->bucket,
                       self->full_key, S3_PARTS_MAX, S3_PART_BYTES);
    if (!begin(self, err))
        return false;
    part_sender_send(self->sender, self->upload_id, self->filled);
    self->parts++;
    self->filled = 0;
    return true;
}

static bool try_complete(struct s3_put_sink *self, const char *body, struct s3_reply *reply, struct err *err)
{
    const struct s3_pair query[] = { { "uploadId", self->upload_id }, { NULL } };
    const struct s3_request request = {
        .method = "POST",
        .key = self->full_key,
        .query = query,
        .body = body,
        .body_len = strlen(body),
        .stall_ms = COMPLETE_STALL_MS,
    };
    return s3_try(self->s3, self->s3->http, &request, self->call, reply, err);
}

/* An answer may get lost, and a repeated request is then answered with any error: the object itself knows. */
static bool complete(struct s3_put_sink *self, const struct strv *etags, struct err *err)
{
    CLEANUP(str_release) struct str body = STR_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct s3_patience patience = { 0 };
    str_add(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < etags->count; i++) {
        str_addf(&body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        str_add_xml_text(&body, etags->items[i]);
        str_add(&body, "</ETag></Part>");
    }
    str_add(&body, "</CompleteMultipartUpload>");
    for (;;) {
        CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
        bool is_there = false;
        if (try_complete(self, body.text, &reply, &problem))
            return true;
        if (call_check(self->call, NULL) && look(self, &is_there, NULL) && is_there)
            return true;
        if (!s3_wait(self->s3, &patience, &reply, self->call, &problem))
            break;
    }
    if (err)
        err_move(err, &problem);
    return false;
}

static bool finish_parts(struct s3_put_sink *self, struct err *err)
{
    CLEANUP(strv_release) struct strv etags = STRV_INIT;
    return (self->filled == 0 || send_part(self, err)) && part_sender_finish(self->sender, &etags, err) &&
           complete(self, &etags, err);
}

/* ---- the sink ---- */

static bool put_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct s3_put_sink *self = (struct s3_put_sink *)sink;
    const char *at = bytes;
    while (len > 0) {
        if (self->filled == S3_PART_BYTES && !send_part(self, err))
            return false;
        char *room = part_sender_room(self->sender, err);
        if (!room)
            return err_wrap(err, "PUT s3://%s/%s", self->s3->bucket, self->full_key);
        size_t left = S3_PART_BYTES - self->filled;
        size_t part = len < left ? len : left;
        memcpy(room + self->filled, at, part);
        self->filled += part;
        self->total += part;
        at += part;
        len -= part;
    }
    return true;
}

static bool put_finish(struct sink *sink, struct err *err)
{
    struct s3_put_sink *self = (struct s3_put_sink *)sink;
    char *room = self->parts > 0 ? NULL : part_sender_room(self->sender, err);
    bool stored = self->parts > 0 ? finish_parts(self, err)
                                  : room && s3_prepare(self->s3, self->call, err) && put_whole(self, room, err);
    if (!stored || !verify(self, err))
        return false;
    free(STEAL(self->upload_id)); /* nothing is left to abort */
    return true;
}

static void abort_upload(struct s3_put_sink *self)
{
    const struct s3_pair query[] = { { "uploadId", self->upload_id }, { NULL } };
    const struct s3_request request = { .method = "DELETE", .key = self->full_key, .query = query };
    const struct call call = call_within(NULL, ABORT_MS); /* the put's own may be over */
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!s3_send(self->s3, self->s3->http, &request, &call, &reply, &err))
        err_clear(&err); /* a sweep will find it */
}

static void put_free(struct sink *sink)
{
    struct s3_put_sink *self = (struct s3_put_sink *)sink;
    part_sender_free(self->sender);
    if (self->upload_id)
        abort_upload(self);
    free(self->upload_id);
    free(self->put_id);
    free(self->full_key);
    free(self);
}

struct sink *s3_put(struct objects *objects, const char *key, const struct call *call)
{
    struct s3_put_sink *self = MEM_NEW(struct s3_put_sink);
    self->sink = (struct sink){ .write = put_write, .finish = put_finish, .free = put_free };
    self->s3 = (struct s3 *)objects;
    self->call = call;
    self->full_key = s3_full_key(self->s3, key);
    self->put_id = random_hex(8);
    self->sender = part_sender_new(self->s3, self->full_key, call);
    return &self->sink;
}
