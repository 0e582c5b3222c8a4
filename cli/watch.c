/* Watching, with all that can come between. */
#include "cli/watch.h"

#define LINE_LIMIT       ((size_t)16 << 20)
#define SERVER_ENDS_S    300 /* asked for, so that a connection that died unseen is noticed */
#define STREAM_LIMIT_MS  (330 * SECOND_MS)
#define FIRST_PAUSE_MS   200
#define LONGEST_PAUSE_MS (5 * SECOND_MS)

struct watcher {
    struct client *client;
    const struct watch *watch;
    const struct call *call;
    char *version; /* the last one seen; NULL: list first */
    struct str line;
    bool is_done, is_expired, is_heard; /* is_heard: the server answered since the last pause */
    bool was_in_trouble;
    enum err_code failed; /* why the sink ended the stream for good; ERR_NONE: it did not */
};

static void watcher_release(struct watcher *watcher)
{
    free(watcher->version);
    str_release(&watcher->line);
}

static void remember_version(struct watcher *watcher, const json_t *object)
{
    const json_t *rows = json_object_get(object, "rows");
    const char *version = json_text(json_object_get(object, "metadata"), "resourceVersion");
    if ((!version || !version[0]) && json_array_size(rows) > 0)
        version = json_text(json_at(json_array_get(rows, 0), "object", "metadata", NULL), "resourceVersion");
    if (!version || !version[0])
        return;
    free(watcher->version);
    watcher->version = mem_strdup(version);
}

static void heard(struct watcher *watcher)
{
    watcher->is_heard = true;
    if (watcher->was_in_trouble && watcher->watch->on_trouble)
        watcher->watch->on_trouble(watcher->watch->context, NULL);
    watcher->was_in_trouble = false;
}

/* False ends the stream: done, or failed with err. */
static bool deliver(struct watcher *watcher, enum watch_event event, json_t *object, struct err *err)
{
    switch (watcher->watch->on_event(watcher->watch->context, event, object, err)) {
    case WATCH_GO_ON:
        return true;
    case WATCH_DONE:
        watcher->is_done = true;
        return err_set(err, ERR_CANCELLED, "done");
    case WATCH_FAILED:
        break;
    }
    watcher->failed = err->code;
    return false;
}

static bool take_error(const json_t *status, struct err *err)
{
    CLEANUP(freep) char *text = json_dump(status);
    return client_raise((int)json_int(status, "code", 500), text, strlen(text), err);
}

static bool take_event(struct watcher *watcher, const json_t *line, struct err *err)
{
    static const struct {
        const char *name;
        enum watch_event event;
    } names[] = { { "ADDED", WATCH_ADDED }, { "MODIFIED", WATCH_MODIFIED }, { "DELETED", WATCH_DELETED } };
    const char *type = json_text(line, "type");
    json_t *object = json_object_get(line, "object");
    if (str_equal(type, "ERROR"))
        return take_error(object, err);
    heard(watcher);
    remember_version(watcher, object);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(type, names[i].name))
            return deliver(watcher, names[i].event, object, err);
    return true; /* bookmarks */
}

static bool take_line(struct watcher *watcher, struct err *err)
{
    CLEANUP(json_decrefp) json_t *line = NULL;
    if (watcher->line.len == 0)
        return true;
    if (!json_parse_answer(watcher->line.text, watcher->line.len, &line, err)) {
        watcher->failed = err->code;
        return err_wrap(err, "the watch's answer");
    }
    str_clear(&watcher->line);
    return take_event(watcher, line, err);
}

static bool take_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    struct watcher *watcher = context;
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        if (watcher->line.len + part > LINE_LIMIT) {
            watcher->failed = ERR_TOO_LARGE;
            return err_set(err, ERR_TOO_LARGE, "the watch sent a line of more than %zu bytes", LINE_LIMIT);
        }
        str_addn(&watcher->line, bytes, part);
        if (!end)
            return true;
        if (!take_line(watcher, err))
            return false;
        bytes = end + 1;
        len -= part + 1;
    }
    return true;
}

/* ---- one attempt ---- */

static bool list(struct watcher *watcher, struct err *err)
{
    const struct watch *watch = watcher->watch;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep)
    char *path = mem_printf("%s%s%s", watch->path, watch->query ? "?" : "", watch->query ? watch->query : "");
    const struct client_request request = { .method = "GET", .path = path, .accept = watch->accept };
    if (!client_send(watcher->client, &request, watcher->call, &answer, err))
        return false;
    heard(watcher);
    remember_version(watcher, answer);
    watcher->is_expired = false;
    if (!watcher->version)
        return err_set(err, ERR_INTERNAL, "the server's list has no resourceVersion");
    return deliver(watcher, WATCH_LIST, answer, err);
}

static bool follow(struct watcher *watcher, struct err *err)
{
    const struct watch *watch = watcher->watch;
    CLEANUP(str_release) struct str path = STR_INIT;
    str_addf(&path, "%s?%s%swatch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=", watch->path,
             watch->query ? watch->query : "", watch->query ? "&" : "", SERVER_ENDS_S);
    str_add_url_segment(&path, watcher->version);
    const struct client_stream stream = {
        .path = path.text,
        .accept = watch->accept,
        .sink = take_bytes,
        .context = watcher,
    };
    struct call within = call_within(watcher->call, STREAM_LIMIT_MS);
    str_clear(&watcher->line);
    return client_stream(watcher->client, &stream, &within, err);
}

static bool attempt(struct watcher *watcher, struct err *err)
{
    if ((!watcher->version || watcher->is_expired) && !list(watcher, err))
        return false;
    return follow(watcher, err);
}

/* ---- going on ---- */

static bool passes(const struct watcher *watcher, const struct err *err)
{
    if (watcher->failed != ERR_NONE)
        return false;
    switch (err->code) {
    case ERR_EXPIRED:
    case ERR_UNREACHABLE:
    case ERR_REMOTE:
    case ERR_TOO_MANY:
    case ERR_TIMEOUT:
        return true;
    default:
        return false;
    }
}

static bool pause_for(const struct call *call, int64_t ms, struct err *err)
{
    const struct timespec step = { .tv_nsec = 50 * 1000 * 1000 };
    int64_t until = clock_mono_ms() + ms;
    while (clock_mono_ms() < until) {
        if (!call_check(call, err))
            return false;
        nanosleep(&step, NULL);
    }
    return call_check(call, err);
}

static void tell_trouble(struct watcher *watcher, const struct err *trouble)
{
    bool is_trouble = trouble->code == ERR_UNREACHABLE || trouble->code == ERR_REMOTE;
    if (!is_trouble || watcher->was_in_trouble)
        return;
    watcher->was_in_trouble = true;
    if (watcher->watch->on_trouble)
        watcher->watch->on_trouble(watcher->watch->context, trouble);
}

bool watch_run(struct client *client, const struct watch *watch, const struct call *call, struct err *err)
{
    CLEANUP(watcher_release)
    struct watcher watcher = {
        .client = client,
        .watch = watch,
        .call = call,
        .line = STR_INIT,
    };
    bool was_heard = false;
    for (int64_t pause_ms = FIRST_PAUSE_MS;;) {
        CLEANUP(err_release) struct err trouble = ERR_INIT;
        watcher.is_heard = false;
        bool ended_well = attempt(&watcher, &trouble);
        if (watcher.is_done)
            return true;
        if (!call_check(call, err))
            return false;
        was_heard = was_heard || watcher.is_heard;
        if (!ended_well && (!was_heard || !passes(&watcher, &trouble))) {
            err_move(err, &trouble);
            return false;
        }
        if (!ended_well)
            tell_trouble(&watcher, &trouble);
        watcher.is_expired = watcher.is_expired || trouble.code == ERR_EXPIRED;
        pause_ms = watcher.is_heard ? FIRST_PAUSE_MS : pause_ms;
        if (!pause_for(call, pause_ms, err))
            return false;
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
}
