/* Docker's event streams; see events.h. */
#include "controller/events.h"

#include "base/log.h"
#include "reconcilers/names.h"

enum { LINE_LIMIT = 1 << 20, RECONNECT_FIRST_MS = 200, RECONNECT_MAX_MS = 15000 };

enum stream_kind { STREAM_CONTAINERS, STREAM_NETWORKS, STREAMS };

struct event_stream {
    struct docker_events *events;
    enum stream_kind kind;
    struct http_flight *flight;
    struct str line;
    bool line_is_too_long;
    ev_timer reconnect;
    int64_t wait_ms;
};

struct docker_events {
    struct events_options options;
    struct docker *docker;
    char *label;
    struct event_stream streams[STREAMS];
};

void docker_events_take(struct docker_events *events, const char *line, size_t len)
{
    docker_event_take(events->options.queue, events->options.world, events->options.settings->prefix, line, len);
}

static void on_data(void *context, const char *bytes, size_t len)
{
    struct event_stream *stream = context;
    stream->wait_ms = RECONNECT_FIRST_MS;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            if (stream->line.len < LINE_LIMIT)
                str_addc(&stream->line, bytes[i]);
            else
                stream->line_is_too_long = true;
            continue;
        }
        if (!stream->line_is_too_long && stream->line.len)
            docker_events_take(stream->events, stream->line.text, stream->line.len);
        str_clear(&stream->line);
        stream->line_is_too_long = false;
    }
}

static void on_done(void *context, int status, const char *problem)
{
    struct event_stream *stream = context;
    stream->flight = NULL;
    log_debug("event stream ended", LOG_INT("status", status), LOG_STR("problem", problem));
    ev_timer_set(&stream->reconnect, (double)stream->wait_ms / 1000, 0.);
    ev_timer_start(stream->events->options.loop, &stream->reconnect);
    stream->wait_ms = stream->wait_ms * 2 < RECONNECT_MAX_MS ? stream->wait_ms * 2 : RECONNECT_MAX_MS;
}

/* Subscribed first, listed then: what happens between the two is not missed. */
static void on_open(void *context, int status)
{
    struct event_stream *stream = context;
    struct docker_events *events = stream->events;
    if (status == 200 && events->options.on_connect)
        events->options.on_connect(events->options.context);
}

static void connect_stream(struct event_stream *stream)
{
    struct docker_events *events = stream->events;
    struct http_flight_options flight = {
        .on_open = on_open, .on_data = on_data, .on_done = on_done, .context = stream
    };
    CLEANUP(freep) char *path = NULL;
    str_clear(&stream->line);
    stream->line_is_too_long = false;
    if (stream->kind == STREAM_CONTAINERS)
        docker_event_source(events->docker, events->label, &flight.target, &path);
    else
        docker_network_event_source(events->docker, &flight.target, &path);
    flight.path = path;
    stream->flight = http_loop_get(events->options.http_loop, &flight);
}

static void on_reconnect(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    connect_stream(timer->data);
}

bool docker_events_start(const struct events_options *options, struct docker_events **ret_events, struct err *err)
{
    struct docker_events *events = MEM_NEW(struct docker_events);
    events->options = *options;
    if (!docker_open(options->docker, &events->docker, err)) {
        free(events);
        return false;
    }
    events->label = label_installation(options->settings);
    for (int kind = 0; kind < STREAMS; kind++) {
        struct event_stream *stream = &events->streams[kind];
        *stream = (struct event_stream){ .events = events, .kind = (enum stream_kind)kind, .line = STR_INIT };
        stream->wait_ms = RECONNECT_FIRST_MS;
        ev_init(&stream->reconnect, on_reconnect);
        stream->reconnect.data = stream;
        connect_stream(stream);
    }
    *ret_events = events;
    return true;
}

void docker_events_stop(struct docker_events *events)
{
    if (!events)
        return;
    for (int kind = 0; kind < STREAMS; kind++) {
        struct event_stream *stream = &events->streams[kind];
        ev_timer_stop(events->options.loop, &stream->reconnect);
        if (stream->flight)
            http_flight_cancel(stream->flight);
        str_release(&stream->line);
    }
    docker_free(events->docker);
    free(events->label);
    free(events);
}
