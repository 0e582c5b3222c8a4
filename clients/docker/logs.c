/* Logs of containers: Docker's frames around two output streams, taken apart. */
#include "clients/docker/logs.h"

#include "clients/docker/docker_internal.h"

#define FRAME_HEADER 8 /* stream, 0, 0, 0, length big-endian */

bool log_frames_take(struct log_frames *frames, const char *bytes, size_t len, struct err *err)
{
    for (size_t at = 0; at < len;) {
        if (frames->left == 0) {
            frames->header[frames->header_len++] = (unsigned char)bytes[at++];
            if (frames->header_len < FRAME_HEADER)
                continue;
            const unsigned char *header = frames->header;
            if (header[0] > 2 || header[1] || header[2] || header[3])
                return err_set(err, ERR_INTERNAL,
                               "the log stream has no frames; was the container made with a terminal?");
            frames->left = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 | header[7];
            frames->header_len = 0;
            continue;
        }
        size_t part = len - at < frames->left ? len - at : frames->left;
        if (!frames->sink(frames->context, bytes + at, part, err))
            return false;
        frames->left -= (uint32_t)part;
        at += part;
    }
    return true;
}

bool log_frames_end(const struct log_frames *frames, struct err *err)
{
    return (frames->left == 0 && frames->header_len == 0) ||
           err_set(err, ERR_REMOTE, "the log stream ends inside of a frame");
}

static bool take(void *context, const char *bytes, size_t len, struct err *err)
{
    return log_frames_take(context, bytes, len, err);
}

bool container_read_logs(struct docker *docker, const char *id, const struct container_logs *logs,
                         bool (*sink)(void *context, const char *bytes, size_t len, struct err *err), void *context,
                         const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    struct log_frames frames = { .sink = sink, .context = context };
    docker_path(&path, "containers", id, "/logs?stdout=1&stderr=1");
    str_addf(&path, "&follow=%d&timestamps=%d", logs->follow, logs->timestamps);
    if (logs->tail >= 0)
        str_addf(&path, "&tail=%lld", (long long)logs->tail);
    if (logs->since_ms > 0)
        str_addf(&path, "&since=%lld.%03d", (long long)(logs->since_ms / SECOND_MS), (int)(logs->since_ms % SECOND_MS));
    const struct docker_request request = { .method = "GET", .path = path.text, .sink = take, .sink_context = &frames };
    if (!docker_send(docker, &request, call, NULL, err) || !log_frames_end(&frames, err))
        return err_wrap(err, "read the log of container %s", id);
    return true;
}

/* The end of what was seen: now and then the front is dropped, so it never holds much more than twice the limit. */
struct tail {
    struct str text;
    size_t limit;
    bool cut;
};

static void drop_front(struct tail *tail, size_t len)
{
    memmove(tail->text.text, tail->text.text + len, tail->text.len - len);
    tail->text.len -= len;
    tail->text.text[tail->text.len] = '\0';
    tail->cut = true;
}

static bool tail_take(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err; /* it cannot fail; the signature is the sink's */
    struct tail *tail = context;
    str_addn(&tail->text, bytes, len);
    if (tail->text.len / 2 > tail->limit)
        drop_front(tail, tail->text.len - tail->limit);
    return true;
}

bool container_log_tail(struct docker *docker, const char *id, size_t limit, const struct call *call, struct str *ret,
                        struct err *err)
{
    struct tail tail = { .text = STR_INIT, .limit = limit };
    /* A line has a byte at least, so that many lines are enough. */
    const struct container_logs logs = { .tail = limit < INT32_MAX ? (int64_t)limit : INT32_MAX };
    if (!container_read_logs(docker, id, &logs, tail_take, &tail, call, err)) {
        str_release(&tail.text);
        return false;
    }
    if (tail.text.len > limit)
        drop_front(&tail, tail.text.len - limit);
    const char *newline = tail.cut ? memchr(tail.text.text, '\n', tail.text.len) : NULL;
    if (newline && (size_t)(newline - tail.text.text) + 1 < tail.text.len) /* half a line says nothing */
        drop_front(&tail, (size_t)(newline - tail.text.text) + 1);
    str_move(ret, &tail.text);
    return true;
}
