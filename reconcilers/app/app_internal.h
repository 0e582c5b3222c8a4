/* What the files of the App's reconciler share; nobody else includes it. */
#pragma once

#include "reconcilers/app/rollout.h"
#include "reconcilers/reconcile.h"
#include "specs/app.h"

enum rollout_news { ROLLOUT_SAME, ROLLOUT_CHANGED };

/* Whose rollout. Borrowed; `state` is the App's internal state, which is changed and stored. */
struct rollout_subject {
    const struct record *app;
    const struct app_spec *spec;
    json_t *state;
    const struct records *instances; /* that are made from it and not going */
    const char *reason_before;       /* of the condition; NULL: none was told */
};
/* For the App's condition. */
struct rollout_told {
    bool looked; /* what follows counts */
    bool is_under_way;
    const char *reason; /* NULL: nothing is under way */
    char *message;      /* owned */
    int64_t look_again_ms;
    struct record_key *wakes; /* owned; to be woken when the condition is stored, which they read */
    size_t wake_count;
};
void rollout_told_release(struct rollout_told *told);
/* Decides, and remembers the turns before anybody is told. */
bool app_roll_out(struct reconcile_context *ctx, struct rollout_subject *subject, struct rollout_told *ret,
                  struct err *err) MUST_USE;
