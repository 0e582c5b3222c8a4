/* Docker's event stream; see events.h. */
#include "controller/events.h"

#include "base/log.h"
#include "reconcilers/names.h"

enum { LINE_LIMIT = 1 << 20, RECONNECT_FIRST_MS = 200, RECONNECT_MAX_MS = 15000 };

struct docker_events {
    struct events_options options;
    struct docker *docker;
    char *label;
    struct http_flight *flight;
    struct str line;
    bool line_is_too_long;
    ev_timer reconnect;
    int64_t wait_ms;
};

void docker_events_take(struct docker_events *events, const char *line, size_t len)
{
    docker_event_take(events->options.queue, events->options.world, line, len);
}

static void on_data(void *context, const char *bytes, size_t len)
{
    struct docker_events *events = context;
    events->wait_ms = RECONNECT_FIRST_MS;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            if (events->line.len < LINE_LIMIT)
                str_addc(&events->line, bytes[i]);
            else
                events->line_is_too_long = true;
            continue;
        }
        if (!events->line_is_too_long && events->line.len)
            docker_events_take(events, events->line.text, events->line.len);
        str_clear(&events->line);
        events->line_is_too_long = false;
    }
}

static void on_done(void *context, int status, const char *problem)
{
    struct docker_events *events = context;
    events->flight = NULL;
    log_debug("event stream ended", LOG_INT("status", status), LOG_STR("problem", problem));
    ev_timer_set(&events->reconnect, (double)events->wait_ms / 1000, 0.);
    ev_timer_start(events->options.loop, &events->reconnect);
    events->wait_ms = events->wait_ms * 2 < RECONNECT_MAX_MS ? events->wait_ms * 2 : RECONNECT_MAX_MS;
}

/* Subscribed first, listed then: what happens between the two is not missed. */
static void on_open(void *context, int status)
{
    struct docker_events *events = context;
    if (status == 200 && events->options.on_connect)
        events->options.on_connect(events->options.context);
}

static void connect_stream(struct docker_events *events)
{
    struct http_flight_options flight = {
        .on_open = on_open, .on_data = on_data, .on_done = on_done, .context = events
    };
    CLEANUP(freep) char *path = NULL;
    str_clear(&events->line);
    events->line_is_too_long = false;
    docker_event_source(events->docker, events->label, &flight.target, &path);
    flight.path = path;
    events->flight = http_loop_get(events->options.http_loop, &flight);
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
    events->line = (struct str)STR_INIT;
    events->wait_ms = RECONNECT_FIRST_MS;
    if (!docker_open(options->docker, &events->docker, err)) {
        free(events);
        return false;
    }
    events->label = label_installation(options->settings);
    ev_init(&events->reconnect, on_reconnect);
    events->reconnect.data = events;
    connect_stream(events);
    *ret_events = events;
    return true;
}

void docker_events_stop(struct docker_events *events)
{
    if (!events)
        return;
    ev_timer_stop(events->options.loop, &events->reconnect);
    if (events->flight)
        http_flight_cancel(events->flight);
    str_release(&events->line);
    docker_free(events->docker);
    free(events->label);
    free(events);
}
