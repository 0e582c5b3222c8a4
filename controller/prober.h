/* Health probes: the world says what is due, the loop asks over HTTP, a change of health wakes the record. Loop thread only. */
#pragma once

#include "clients/http/http_loop.h"
#include "controller/queue.h"

struct prober;
struct prober *prober_new(struct ev_loop *loop, struct http_loop *http_loop, struct queue *queue, struct world *world);
/* Targets may have changed: look at what is due. */
void prober_look(struct prober *prober);
/* After http_loop_free(), which cancels what is under way. */
void prober_free(struct prober *prober);
