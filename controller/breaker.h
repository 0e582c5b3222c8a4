/*
 * When to ask a dependency (the engine, the database server, the record store) whether it answers, so that one asks for all: a pass at its regular
 * time, at once when somebody's call was not answered, and with a growing interval while it is away. Pure; time is an argument.
 */
#pragma once

#include "base/mem.h"

#define BREAKER_FIRST_MS INT64_C(500)   /* the interval while it is away begins with this ... */
#define BREAKER_MAX_MS   INT64_C(30000) /* ... and doubles up to this */
#define BREAKER_GAP_MS   INT64_C(1000)  /* between two questions that suspicion leads to */

struct breaker {
    int64_t rest_ms;     /* between regular passes; 0: only suspicion leads to one */
    bool is_open;        /* it is away */
    bool is_asking;      /* one is under way */
    bool is_suspected;   /* since that one began */
    int64_t interval_ms; /* while it is open */
    int64_t next_ms;     /* when to ask; INT64_MAX: not */
    int64_t asked_ms;    /* when the last answer came */
};
/* The first question is due at once. */
void breaker_init(struct breaker *breaker, int64_t rest_ms, int64_t now_ms);
/* Somebody's call was not answered. */
void breaker_suspect(struct breaker *breaker, int64_t now_ms);
/* Ask as soon as may be, whatever the regular time is. */
void breaker_hurry(struct breaker *breaker, int64_t now_ms);
/* True: a question is due; the caller asks, and tells by breaker_note() what came of it. */
bool breaker_take(struct breaker *breaker, int64_t now_ms);
enum breaker_turn { BREAKER_SAME, BREAKER_OPENED, BREAKER_CLOSED };
enum breaker_turn breaker_note(struct breaker *breaker, bool answers, int64_t now_ms);
/* When breaker_take() is next true; INT64_MAX: something else has to happen first. */
int64_t breaker_next_ms(const struct breaker *breaker);
