/*
 * How an edited App reaches its instances: at most `rollout.maxUnavailable` of them are made anew at a time, and after the first one that does
 * not become healthy no other one follows, until it does or the App is edited again. The App's reconciler, of which there is one at a time,
 * gives turns; an instance that runs well makes its container anew only in its turn. Pure.
 */
#pragma once

#include "base/json.h"

#define CONDITION_ROLLED_OUT    "RolledOut"      /* the App's */
#define CONDITION_ROLLOUT_WAITS "RolloutPending" /* an instance's */
#define ROLLOUT_UNDER_WAY       "RollingOut"
#define ROLLOUT_STOPPED         "RolloutStopped"
#define ROLLOUT_COMPLETE        "UpToDate"
#define ROLLOUT_SETTLE_MS       INT64_C(10000) /* without a health check: how long it must have run to count as well */

/* One that is made from the App, as its record shows it. Borrowed. */
struct rollout_instance {
    const char *uid, *name; /* "acme/erp" */
    const char *container;  /* its id; may be NULL */
    const char *problem;    /* why it is failing */
    bool is_waiting;        /* runs well as it is, and waits for its turn */
    bool is_paused;
    bool is_ready;
    bool is_failing; /* for a reason that does not pass by waiting */
    int64_t ready_since_ms;
};

/*
 * Turns, as the App's internal state keeps them under "rollout": {"generation": 7, "turns": {"<uid>": "<container>"}}. The text is empty, or
 * the container that was failing already when this rollout began, which does not stop it.
 */
struct rollout_input {
    const json_t *before; /* NULL: none is under way */
    int64_t generation;
    int64_t max_unavailable;
    int64_t settle_ms; /* ROLLOUT_SETTLE_MS, or 0 where health is probed */
    int64_t now_ms;
    const struct rollout_instance *instances;
    size_t count;
};
struct rollout_verdict {
    json_t *after;                         /* NULL: nothing is left to do */
    size_t waiting;                        /* for a turn */
    size_t going;                          /* have one and are not through */
    const struct rollout_instance *failed; /* the first one; NULL: none. Of the input */
    int64_t look_again_ms;                 /* until one may have settled; 0: news wakes us */
};
void rollout_verdict_release(struct rollout_verdict *verdict);
void rollout_decide(const struct rollout_input *input, struct rollout_verdict *ret);
/* Whether the App's internal state gives that instance a turn at that generation. */
bool rollout_gives_turn(const json_t *app_state, int64_t generation, const char *uid);
