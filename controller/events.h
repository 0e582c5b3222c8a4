/*
 * Docker's event streams on the loop: what happens to a container of ours, and to a network, wakes its record within milliseconds. Events are
 * hints: a lost one is made up for by the list pass. Loop thread only.
 */
#pragma once

#include "clients/http/http_loop.h"
#include "controller/queue.h"

struct events_options {
    struct ev_loop *loop;
    struct http_loop *http_loop;
    struct queue *queue;
    struct world *world;
    const struct settings *settings;
    const struct docker_options *docker;
    void (*on_connect)(void *context); /* the stream is open: list now, for what happened before */
    void *context;
};
struct docker_events;
bool docker_events_start(const struct events_options *options, struct docker_events **ret_events,
                         struct err *err) MUST_USE;
void docker_events_stop(struct docker_events *events);
/* Takes one line of a stream; for tests, too. */
void docker_events_take(struct docker_events *events, const char *line, size_t len);
/* The same without a stream; `prefix` is that of our networks' names. Any thread. */
void docker_event_take(struct queue *queue, struct world *world, const char *prefix, const char *line, size_t len);
