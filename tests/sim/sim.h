/*
 * The simulated world: what stands behind the headers of the clients, the store, the clock and randomness when a test links the objects of
 * tests/sim before the library. One thread, one world at a time; everything follows from its seed. The fakes know no scenario: whoever wants
 * faults sets the hooks, which every call of theirs passes through, before and after its effect.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"

enum sim_side { SIM_ENGINE, SIM_SERVER, SIM_STORE, SIM_SIDES };
enum sim_access { SIM_READS, SIM_CHANGES };

/* One call of a header, or one of several effects within it; static, so that its address stands for it. */
struct sim_call {
    const char *name;
    enum sim_side side;
    enum sim_access access;
};

struct sim_data;
/* False with err: before, it does not happen; after, it has happened and the answer is lost. */
struct sim_hooks {
    bool (*before)(void *context, const struct sim_call *what, struct err *err);
    bool (*after)(void *context, const struct sim_call *what, struct err *err);
    /* What programs in containers do; see engine.h. NULL: only shell scripts "exit N" and "sleep N" are understood. */
    const struct sim_programs *programs;
    /* The daemon (not an outsider) destroys data, or changes an object of Docker's that carries these labels. */
    void (*destroyed)(void *context, const char *name, const struct sim_data *data);
    void (*touched)(void *context, const char *call, const char *name, const json_t *labels);
    void *context;
};

struct sim_engine;
struct sim_server;
struct sim_store;

struct sim {
    int64_t mono_ms;
    uint64_t random;
    bool is_outsider; /* what is called now is called by a user or a stranger, not by the daemon: no hooks, no counts */
    struct sim_hooks hooks;
    struct sim_engine *engine;
    struct sim_server *server;
    struct sim_store *store;
    int64_t calls[SIM_SIDES], changes[SIM_SIDES]; /* of the daemon */
    struct str *trace;                            /* NULL: no log is kept */
};

#define SIM_EPOCH_MS INT64_C(1767225600000) /* 2026-01-01, when mono_ms is 0 */
#define SIM_CALL_MS  2                      /* how long each call takes */

/* The world that the headers' functions find, as those carry no context. NULL: none. */
extern struct sim *sim;
/* Makes it, empty, and `sim` point to it. */
void sim_open(uint64_t seed);
void sim_close(void);

/* Around each effect: time passes, the call's end is looked at, hooks are asked. `ok` false: it was refused, with err set. */
bool sim_begin(const struct sim_call *what, const struct call *call, struct err *err) MUST_USE;
bool sim_end(const struct sim_call *what, bool ok, struct err *err) MUST_USE;
/* Time passes within a long call, while others may do something. False: the call is over. */
bool sim_wait(const struct sim_call *what, int64_t wait_ms, const struct call *call, struct err *err) MUST_USE;

/* The next number of a stream; any seed is good. */
uint64_t sim_mix(uint64_t value);
