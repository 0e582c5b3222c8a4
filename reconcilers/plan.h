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
struct plan {
    struct plan_step *steps;
    size_t count;
    /* Why nothing (more) can be done now, for the Ready condition: reason in CamelCase and a sentence. NULL: nothing is in the way. */
    const char *blocked_reason;
    char *blocked_message;
    bool blocked_is_final; /* waits for a change of the records; else looked at again with backoff */
};
#define PLAN_INIT                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }
void plan_release(struct plan *plan);
void plan_add(struct plan *plan, int id, const char *name, enum step_effect effect, const char *detail_or_null);
enum plan_block { BLOCK_FINAL, BLOCK_PASSING };
/* The first one stays. */
void plan_block(struct plan *plan, enum plan_block block, const char *reason, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool plan_has(const struct plan *plan, int id);
char *plan_text(const struct plan *plan); /* "create-role create-database", for tests; owned */
json_t *plan_to_json(
    const struct plan
        *plan); /* {"steps":[{"name","detail","effect":"none|restart|destroy"}],"blocked":{"reason","message"}} */
