/*
 * A tenantd without threads: the real queue, known records, world, runner, passes, follower and reconcilers, wired as controller/controller.c
 * does it, and driven one turn at a time. Turns may be nested: what a hook runs within a call is what another thread would do meanwhile.
 */
#pragma once

#include "controller/follow.h"
#include "controller/passes.h"
#include "controller/run.h"

enum sim_work {
    SIM_WORK_QUICK,
    SIM_WORK_LONG,
    SIM_WORK_FOLLOW,
    SIM_WORK_PASS,
    SIM_WORK_EVENT,
    SIM_WORK_PROBES,
    SIM_WORKS
};
#define SIM_QUICK_WORKERS 3

struct sim_worker {
    struct reconcile_context ctx;
    bool is_busy;
};
struct sim_daemon {
    struct queue *queue;
    struct known *known;
    struct world *world;
    struct runner *runner;
    struct passes *passes;
    struct follow *follow;
    struct sim_worker workers[SIM_QUICK_WORKERS + 1]; /* the last one is the long lane's */
    bool passes_busy, follow_busy;
    bool follow_failed;
    int64_t follow_next_ms, followed_version;
    int64_t runs; /* attempts begun */
    /* An HTTP request to a container: NULL when it answers well, else what is wrong. */
    const char *(*probe)(void *context, const struct probe_target *target);
    void *context;
};

extern const struct settings sim_settings;

void sim_daemon_start(struct sim_daemon *daemon);
/* All that is in memory goes, as with kill -9; nothing of it may be on the stack. */
void sim_daemon_drop(struct sim_daemon *daemon);
/* Does one piece of that work, if there is one now. */
bool sim_daemon_work(struct sim_daemon *daemon, enum sim_work work);
/* When there is work again, as far as the daemon knows; INT64_MAX: never. */
int64_t sim_daemon_next_ms(struct sim_daemon *daemon);
/* Every record there is goes into the queue. */
void sim_daemon_resync(struct sim_daemon *daemon);
