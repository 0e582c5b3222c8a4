/* Answers that go on. */
#include "api/stream.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS_AT_ONCE 64
#define BLOCK_SIZE     (16 * 1024)

struct stream {
    struct streams *streams;
    int references;
    pthread_mutex_t lock; /* guards what follows; taken before the list's */
    pthread_cond_t drained;
    struct str buffer;
    size_t sent;
    size_t tell_below; /* SIZE_MAX: nobody wants to know */
    bool has_ended;
    volatile int is_gone;
    bool is_suspended;
    struct MHD_Connection *connection; /* NULL before and after it is attached */
    int fd;
    struct stream *next, *previous; /* the list's */
};

struct streams {
    int epoll_fd;
    int wake_fd;
    pthread_t thread;
    bool is_started;
    streams_tend_fn *tend;
    void *context;
    pthread_mutex_t lock; /* guards what follows */
    bool is_stopping;
    bool ends_all;
    struct stream *attached;
    size_t count;
    struct stream *detached; /* the thread drops its references when no event can name them any more */
};

/* ---- the list, and the thread that waits for departures ---- */

static void wake_fd_write(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written; /* a full counter wakes just as well */
}

struct streams *streams_new(void)
{
    struct streams *streams = MEM_NEW(struct streams);
    streams->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    streams->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (streams->epoll_fd < 0 || streams->wake_fd < 0 ||
        epoll_ctl(streams->epoll_fd, EPOLL_CTL_ADD, streams->wake_fd, &event) != 0)
        abort(); /* as with memory */
    pthread_mutex_init(&streams->lock, NULL);
    return streams;
}

static void drop_detached(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    struct stream *stream = streams->detached;
    streams->detached = NULL;
    pthread_mutex_unlock(&streams->lock);
    while (stream) {
        struct stream *next = stream->next;
        stream_unref(stream);
        stream = next;
    }
}

static bool is_stopping(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    bool stopping = streams->is_stopping;
    pthread_mutex_unlock(&streams->lock);
    return stopping;
}

static int wait_ms_until(int64_t next_mono_ms)
{
    if (next_mono_ms == INT64_MAX)
        return -1;
    int64_t wait_ms = next_mono_ms - clock_mono_ms();
    return wait_ms < 0 ? 0 : wait_ms > MINUTE_MS ? (int)MINUTE_MS : (int)wait_ms;
}

static void *tend_streams(void *argument)
{
    struct streams *streams = argument;
    pthread_setname_np(pthread_self(), "api-streams");
    while (!is_stopping(streams)) {
        int64_t next_mono_ms = streams->tend(streams->context, clock_mono_ms());
        struct epoll_event events[EVENTS_AT_ONCE];
        int count = epoll_wait(streams->epoll_fd, events, EVENTS_AT_ONCE, wait_ms_until(next_mono_ms));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) {
                stream_abort(events[i].data.ptr);
                continue;
            }
            uint64_t times;
            ssize_t got = read(streams->wake_fd, &times, sizeof(times));
            (void)got; /* it was readable; how often it was written is all the same */
        }
        drop_detached(streams);
    }
    return NULL;
}

void streams_start(struct streams *streams, streams_tend_fn *tend, void *context)
{
    streams->tend = tend;
    streams->context = context;
    if (pthread_create(&streams->thread, NULL, tend_streams, streams) != 0)
        abort();
    streams->is_started = true;
}

void streams_wake(struct streams *streams)
{
    wake_fd_write(streams->wake_fd);
}

void streams_stop(struct streams *streams)
{
    if (!streams->is_started)
        return;
    pthread_mutex_lock(&streams->lock);
    streams->is_stopping = true;
    pthread_mutex_unlock(&streams->lock);
    streams_wake(streams);
    pthread_join(streams->thread, NULL);
    streams->is_started = false;
}

void streams_free(struct streams *streams)
{
    if (!streams)
        return;
    streams_stop(streams);
    drop_detached(streams);
    close(streams->epoll_fd);
    close(streams->wake_fd);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

size_t streams_count(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    size_t count = streams->count;
    pthread_mutex_unlock(&streams->lock);
    return count;
}

/* A new reference to some attached stream that has not been told to end. */
static struct stream *find_unended(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    struct stream *found = streams->attached;
    while (found && __atomic_load_n(&found->is_gone, __ATOMIC_ACQUIRE))
        found = found->next;
    if (found)
        stream_ref(found);
    pthread_mutex_unlock(&streams->lock);
    return found;
}

void streams_end_all(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->ends_all = true;
    pthread_mutex_unlock(&streams->lock);
    for (struct stream *stream; (stream = find_unended(streams));) {
        stream_abort(stream);
        stream_unref(stream);
    }
}

static void attach(struct streams *streams, struct stream *stream)
{
    pthread_mutex_lock(&streams->lock);
    stream->next = streams->attached;
    stream->previous = NULL;
    if (stream->next)
        stream->next->previous = stream;
    streams->attached = stream;
    streams->count++;
    pthread_mutex_unlock(&streams->lock);
    stream_ref(stream); /* the thread's: its events name the stream */
}

static void detach(struct streams *streams, struct stream *stream)
{
    pthread_mutex_lock(&streams->lock);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        streams->attached = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    streams->count--;
    stream->next = streams->detached;
    streams->detached = stream;
    pthread_mutex_unlock(&streams->lock);
    streams_wake(streams);
}

/* ---- one stream ---- */

struct stream *stream_new(struct streams *streams)
{
    struct stream *stream = MEM_NEW(struct stream);
    stream->streams = streams;
    stream->references = 1;
    stream->buffer = (struct str)STR_INIT;
    stream->tell_below = SIZE_MAX;
    stream->fd = -1;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->drained, NULL);
    return stream;
}

void stream_ref(struct stream *stream)
{
    __atomic_add_fetch(&stream->references, 1, __ATOMIC_RELAXED);
}

void stream_unref(struct stream *stream)
{
    if (!stream || __atomic_sub_fetch(&stream->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    str_release(&stream->buffer);
    pthread_cond_destroy(&stream->drained);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

static size_t unsent(const struct stream *stream)
{
    return stream->buffer.len - stream->sent;
}

/* With the lock held: there is something for the listener's thread to do. */
static void resume(struct stream *stream)
{
    if (!stream->is_suspended)
        return;
    stream->is_suspended = false;
    MHD_resume_connection(stream->connection);
}

void stream_add(struct stream *stream, const char *text, size_t len)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->is_gone && !stream->has_ended) {
        if (stream->sent > 0 && stream->sent >= unsent(stream)) { /* moving costs no more than was sent since */
            memmove(stream->buffer.text, stream->buffer.text + stream->sent, unsent(stream));
            stream->buffer.len -= stream->sent;
            stream->sent = 0;
        }
        str_addn(&stream->buffer, text, len);
        resume(stream);
    }
    pthread_mutex_unlock(&stream->lock);
}

size_t stream_unsent(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    size_t bytes = unsent(stream);
    pthread_mutex_unlock(&stream->lock);
    return bytes;
}

void stream_tell_when_below(struct stream *stream, size_t limit)
{
    pthread_mutex_lock(&stream->lock);
    bool is_below = unsent(stream) <= limit;
    stream->tell_below = is_below ? SIZE_MAX : limit;
    pthread_mutex_unlock(&stream->lock);
    if (is_below)
        streams_wake(stream->streams);
}

bool stream_wait_below(struct stream *stream, size_t limit)
{
    pthread_mutex_lock(&stream->lock);
    while (!stream->is_gone && unsent(stream) > limit)
        pthread_cond_wait(&stream->drained, &stream->lock);
    bool is_there = !stream->is_gone;
    pthread_mutex_unlock(&stream->lock);
    return is_there;
}

void stream_end(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->has_ended = true;
    resume(stream);
    pthread_mutex_unlock(&stream->lock);
}

/* With the lock held. */
static void become_gone(struct stream *stream)
{
    __atomic_store_n(&stream->is_gone, 1, __ATOMIC_RELEASE);
    str_release(&stream->buffer);
    stream->sent = 0;
    pthread_cond_broadcast(&stream->drained);
}

void stream_abort(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->is_gone) {
        become_gone(stream);
        resume(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    streams_wake(stream->streams);
}

bool stream_is_gone(struct stream *stream)
{
    return __atomic_load_n(&stream->is_gone, __ATOMIC_ACQUIRE);
}

const volatile int *stream_gone_flag(const struct stream *stream)
{
    return &stream->is_gone;
}

/* ---- the listener's thread ---- */

/* Memory that an idle stream does not need is given back. */
static void forget_sent(struct stream *stream)
{
    if (unsent(stream) > 0)
        return;
    stream->sent = 0;
    if (stream->buffer.capacity > BLOCK_SIZE)
        str_release(&stream->buffer);
    else
        str_clear(&stream->buffer);
}

static ssize_t read_stream(void *context, uint64_t position, char *bytes, size_t room)
{
    (void)position; /* a response of ours is sent once */
    struct stream *stream = context;
    ssize_t count = 0;
    bool tells = false;
    pthread_mutex_lock(&stream->lock);
    if (stream->is_gone) {
        count = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (unsent(stream) > 0) {
        count = (ssize_t)(unsent(stream) < room ? unsent(stream) : room);
        memcpy(bytes, stream->buffer.text + stream->sent, (size_t)count);
        stream->sent += (size_t)count;
        forget_sent(stream);
        tells = stream->tell_below != SIZE_MAX && unsent(stream) <= stream->tell_below;
        if (tells)
            stream->tell_below = SIZE_MAX;
        pthread_cond_broadcast(&stream->drained);
    } else if (stream->has_ended) {
        count = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->lock);
    if (tells)
        streams_wake(stream->streams);
    return count;
}

/* The answer is over, whoever ended it; the socket is still open, so its number is still its own. */
static void finish_stream(void *context)
{
    struct stream *stream = context;
    pthread_mutex_lock(&stream->lock);
    become_gone(stream);
    stream->connection = NULL;
    stream->is_suspended = false;
    if (stream->fd >= 0)
        epoll_ctl(stream->streams->epoll_fd, EPOLL_CTL_DEL, stream->fd, NULL);
    pthread_mutex_unlock(&stream->lock);
    detach(stream->streams, stream);
    stream_unref(stream);
}

struct MHD_Response *stream_attach(struct stream *stream_taken, struct MHD_Connection *connection)
{
    struct stream *stream = stream_taken;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, stream, finish_stream);
    if (!response)
        abort();
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    attach(stream->streams, stream);
    pthread_mutex_lock(&stream->lock);
    stream->connection = connection;
    stream->fd = info->connect_fd;
    /* Once is enough: what leaves does not come back. A client that closes only its sending side has left, too. */
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = stream };
    epoll_ctl(stream->streams->epoll_fd, EPOLL_CTL_ADD, stream->fd, &event);
    pthread_mutex_unlock(&stream->lock);
    pthread_mutex_lock(&stream->streams->lock);
    bool ends = stream->streams->ends_all;
    pthread_mutex_unlock(&stream->streams->lock);
    if (ends)
        stream_abort(stream);
    return response;
}
