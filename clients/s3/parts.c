/* A small fixed pool of part buffers, and the threads that send them. */
#include "clients/s3/parts.h"

#include <pthread.h>
#include <sys/mman.h>

#define BUFFERS   (S3_UPLOADERS + 1) /* one is filled meanwhile */
#define LOOK_MS   INT64_C(100)       /* how soon a cancel is noticed while parts are under way */
#define NUMBER_AS "%zu"

enum buffer_state { BUFFER_FREE, BUFFER_FILLING, BUFFER_READY, BUFFER_SENDING };

struct buffer {
    enum buffer_state state;
    char *bytes; /* NULL until needed */
    size_t len;
    size_t number; /* of the part, from 1 */
};

struct part_sender {
    struct s3 *s3;
    char *full_key;
    char *upload_id;
    const struct call *call;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct buffer buffers[BUFFERS];
    struct strv etags; /* by part number, from 0; NULL: under way */
    pthread_t threads[S3_UPLOADERS];
    size_t thread_count;
    bool is_closing;
    int stop; /* a part failed or nobody wants them any more: ends the threads' requests; atomic */
    bool failed;
    struct err err;
};

struct uploader {
    struct part_sender *sender;
    struct http *http;
};

/* Straight from the system, and back to it: the allocator might keep such sizes. */
static char *map_buffer(void)
{
    void *memory = mmap(NULL, S3_PART_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort(); /* out of memory, as in mem_grow() */
    return memory;
}

struct part_sender *part_sender_new(struct s3 *s3, const char *full_key, const struct call *call)
{
    struct part_sender *sender = MEM_NEW(struct part_sender);
    pthread_condattr_t attributes;
    sender->s3 = s3;
    sender->full_key = mem_strdup(full_key);
    sender->call = call;
    if (pthread_mutex_init(&sender->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&sender->changed, &attributes) != 0)
        abort();
    pthread_condattr_destroy(&attributes);
    return sender;
}

static struct buffer *find_buffer(struct part_sender *sender, enum buffer_state state)
{
    struct buffer *first = NULL;
    for (size_t i = 0; i < BUFFERS; i++) {
        struct buffer *buffer = &sender->buffers[i];
        if (buffer->state == state && (!first || buffer->number < first->number))
            first = buffer;
    }
    return first;
}

/* ---- the threads ---- */

static bool send_part(struct uploader *uploader, const struct buffer *buffer, char **ret_etag, struct err *err)
{
    struct part_sender *sender = uploader->sender;
    CLEANUP(freep) char *number = mem_printf(NUMBER_AS, buffer->number);
    const struct s3_pair query[] = { { "partNumber", number }, { "uploadId", sender->upload_id }, { NULL } };
    const struct s3_request request = {
        .method = "PUT", .key = sender->full_key, .query = query, .body = buffer->bytes, .body_len = buffer->len
    };
    const struct call call = {
        .deadline_mono_ms = sender->call ? sender->call->deadline_mono_ms : 0,
        .cancelled = &sender->stop,
    };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    if (!s3_send(sender->s3, uploader->http, &request, &call, &reply, err))
        return false;
    *ret_etag = http_reply_header(&reply.http, "ETag");
    return *ret_etag || err_set(err, ERR_REMOTE, "PUT s3://%s/%s at %s: a part's answer has no ETag",
                                sender->s3->bucket, sender->full_key, sender->s3->endpoint);
}

static void note_failure(struct part_sender *sender, struct err *err)
{
    if (!sender->failed)
        err_move(&sender->err, err);
    sender->failed = true;
    __atomic_store_n(&sender->stop, 1, __ATOMIC_RELEASE);
}

static void *upload(void *context)
{
    struct uploader *uploader = context;
    struct part_sender *sender = uploader->sender;
    pthread_mutex_lock(&sender->lock);
    for (;;) {
        struct buffer *buffer = find_buffer(sender, BUFFER_READY);
        if (sender->failed || (!buffer && sender->is_closing))
            break;
        if (!buffer) {
            pthread_cond_wait(&sender->changed, &sender->lock);
            continue;
        }
        CLEANUP(err_release) struct err err = ERR_INIT;
        char *etag = NULL;
        buffer->state = BUFFER_SENDING;
        pthread_mutex_unlock(&sender->lock);
        bool sent = send_part(uploader, buffer, &etag, &err);
        pthread_mutex_lock(&sender->lock);
        buffer->state = BUFFER_FREE;
        if (sent)
            sender->etags.items[buffer->number - 1] = etag;
        else
            note_failure(sender, &err);
        pthread_cond_broadcast(&sender->changed);
    }
    pthread_mutex_unlock(&sender->lock);
    free(uploader);
    return NULL;
}

static void start_threads(struct part_sender *sender)
{
    for (; sender->thread_count < S3_UPLOADERS; sender->thread_count++) {
        struct http **http = &sender->s3->uploaders[sender->thread_count];
        struct uploader *uploader = MEM_NEW(struct uploader);
        if (!*http)
            *http = s3_http_new(sender->s3); /* kept for the next put, with its connection */
        uploader->sender = sender;
        uploader->http = *http;
        if (pthread_create(&sender->threads[sender->thread_count], NULL, upload, uploader) != 0)
            abort(); /* as without memory */
    }
}

static void join_threads(struct part_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    sender->is_closing = true;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
    for (size_t i = 0; i < sender->thread_count; i++)
        pthread_join(sender->threads[i], NULL);
    sender->thread_count = 0;
}

/* ---- the filling side ---- */

/* The lock is held. Waits for a change, but not for long. False: the call is over, and so are all requests. */
static bool wait_for_change(struct part_sender *sender, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&sender->changed, &sender->lock, &until);
    if (call_check(sender->call, err))
        return true;
    __atomic_store_n(&sender->stop, 1, __ATOMIC_RELEASE);
    return false;
}

static bool copy_failure(struct part_sender *sender, struct err *err)
{
    return err_set(err, sender->err.code, "%s", err_message(&sender->err));
}

char *part_sender_room(struct part_sender *sender, struct err *err)
{
    char *room = NULL;
    pthread_mutex_lock(&sender->lock);
    for (;;) {
        if (sender->failed) {
            copy_failure(sender, err);
            break;
        }
        struct buffer *buffer = find_buffer(sender, BUFFER_FILLING);
        if (!buffer)
            buffer = find_buffer(sender, BUFFER_FREE);
        if (buffer) {
            buffer->state = BUFFER_FILLING;
            if (!buffer->bytes)
                buffer->bytes = map_buffer();
            room = buffer->bytes;
            break;
        }
        if (!wait_for_change(sender, err))
            break;
    }
    pthread_mutex_unlock(&sender->lock);
    return room;
}

void part_sender_send(struct part_sender *sender, const char *upload_id, size_t len)
{
    if (!sender->upload_id)
        sender->upload_id = mem_strdup(upload_id);
    pthread_mutex_lock(&sender->lock);
    struct buffer *buffer = find_buffer(sender, BUFFER_FILLING);
    strv_add_taken(&sender->etags, NULL);
    buffer->state = BUFFER_READY;
    buffer->len = len;
    buffer->number = sender->etags.count;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
    start_threads(sender);
}

static bool is_idle(struct part_sender *sender)
{
    return !find_buffer(sender, BUFFER_READY) && !find_buffer(sender, BUFFER_SENDING);
}

bool part_sender_finish(struct part_sender *sender, struct strv *ret_etags, struct err *err)
{
    bool good = true;
    pthread_mutex_lock(&sender->lock);
    while (good && !sender->failed && !is_idle(sender))
        good = wait_for_change(sender, err);
    if (good && sender->failed)
        good = copy_failure(sender, err);
    pthread_mutex_unlock(&sender->lock);
    if (!good)
        return false;
    join_threads(sender);
    strv_copy(ret_etags, &sender->etags);
    return true;
}

void part_sender_free(struct part_sender *sender)
{
    if (!sender)
        return;
    __atomic_store_n(&sender->stop, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&sender->lock);
    for (size_t i = 0; i < BUFFERS; i++)
        if (sender->buffers[i].state == BUFFER_READY)
            sender->buffers[i].state = BUFFER_FREE; /* nobody wants it any more */
    pthread_mutex_unlock(&sender->lock);
    join_threads(sender);
    for (size_t i = 0; i < BUFFERS; i++)
        if (sender->buffers[i].bytes)
            munmap(sender->buffers[i].bytes, S3_PART_BYTES);
    pthread_cond_destroy(&sender->changed);
    pthread_mutex_destroy(&sender->lock);
    strv_release(&sender->etags);
    err_release(&sender->err);
    free(sender->upload_id);
    free(sender->full_key);
    free(sender);
}
