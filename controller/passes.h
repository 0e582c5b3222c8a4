/*
 * The list pass: on a timer, one list of containers per engine and one of databases per server go into the world, and what differs from the
 * list before wakes its record. It is also the one probe of a neighbour that is away: others wait for it. One thread.
 */
#pragma once

#include "controller/known.h"
#include "controller/queue.h"

/* All borrowed until passes_stop(). */
struct passes_options {
    struct queue *queue;
    struct known *known;
    struct world *world;
    const struct settings *settings;
    const struct docker_options *docker;
    const char *server_url;
    int64_t interval_ms;
};
struct passes;
bool passes_new(const struct passes_options *options, struct passes **ret_passes, struct err *err) MUST_USE;
/* The thread. The first pass has been made (or has failed) when this returns. */
bool passes_start(struct passes *passes, struct err *err) MUST_USE;
/* What the thread does, for whoever has none (tests/sim): asks whom it is time to ask; and when that is next. */
void passes_turn(struct passes *passes);
int64_t passes_next_ms(struct passes *passes);
/* Somebody got no answer: ask whether the neighbours are there. However many suspect, one asks. Any thread. */
void passes_suspect(struct passes *passes);
/* The event stream was opened: list the engine now, for what happened before. Any thread. */
void passes_hurry(struct passes *passes);
/* Ends the thread where there is one, and frees. NULL does nothing. */
void passes_stop(struct passes *passes);
