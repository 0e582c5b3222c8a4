/*
 * Plans: ordered steps, as a kind's pure plan function lists them and `tenantctl diff` prints them. A step's effect is looked
 * up by its id in the kind's table of steps. Pure.
 */
#pragma once

#include "base/json.h"

/* What a step does to a running customer; printed by diff. */
enum step_effect { EFFECT_NONE, EFFECT_RESTART, EFFECT_DESTROY };

struct plan_step {
    int id;           /* index into the kind's table of steps */
    const char *name; /* "create-database"; static */
    char *detail;     /* "acme_erp"; owned, may be NULL */
    enum step_effect effect;
};
enum plan_block {
    BLOCK_FINAL,   /* waits for a change of the records */
    BLOCK_PASSING, /* looked at again with backoff */
    BLOCK_WOKEN,   /* who is waited for wakes it; looked at again now and then, should that have been missed */
    BLOCK_AWAY,    /* a neighbour does not answer; looked at again when it does */
};
struct plan {
    struct plan_step *steps;
    size_t count;
    /* Why nothing (more) can be done now, for the Ready condition: reason in CamelCase and a sentence. NULL: nothing is in the way. */
    const char *blocked_reason;
    char *blocked_message;
    enum plan_block block; /* counts with a reason */
};
#define PLAN_INIT                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }
void plan_release(struct plan *plan);
void plan_add(struct plan *plan, int id, const char *name, enum step_effect effect, const char *detail_or_null);
/* The first one stays. */
void plan_block(struct plan *plan, enum plan_block block, const char *reason, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool plan_has(const struct plan *plan, int id);
/* What a reconciler returns for what is in the way: true where it rests, for `ret_requeue_after_ms` unless that is 0; an error that is tried again. */
bool plan_outcome(const struct plan *plan, int64_t *ret_requeue_after_ms, struct err *err) MUST_USE;
char *plan_text(const struct plan *plan); /* "create-role create-database", for tests; owned */
json_t *plan_to_json(
    const struct plan
        *plan); /* {"steps":[{"name","detail","effect":"none|restart|destroy"}],"blocked":{"reason","message"}} */
