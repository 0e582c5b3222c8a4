/*
 * One run of the simulation: a scene, a time of trouble in which a seed (or a script) hurts daemon and world, and then calm, in which all has to
 * come right. See docs/simulation.md for how to run, replay and extend it.
 */
#pragma once

#include "tests/sim/daemon.h"
#include "tests/sim/engine.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"

/* Where something is injected: at the nth call of that name, before or after its effect. */
enum sim_when { SIM_BEFORE, SIM_AFTER };
struct injection {
    char call[32];
    unsigned nth;
    enum sim_when when;
    const struct action *action;
    unsigned parameter; /* what the action makes of it: whom it hurts, how long */
};
struct script {
    uint64_t seed; /* of all that is not injected: the scene, the order of turns, names */
    struct injection *items;
    size_t count;
};
void script_release(struct script *script);
/* "17 turn#3<create:1 database_create#1>lost:0": the seed and what is injected; owned. */
char *script_print(const struct script *script);
bool script_parse(const char *text, struct script *ret, struct err *err) MUST_USE;

struct run;
/* What can be injected. */
enum action_place { PLACE_ANY, PLACE_BEFORE, PLACE_AFTER, PLACE_TURN };
struct action {
    const char *name;
    enum action_place place;
    int weight; /* how often, beside the others of its place */
    /* False with err: the call fails for it. */
    bool (*act)(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err);
};
extern const struct action actions[];
extern const size_t action_count;
const struct action *action_find(const char *name); /* NULL: there is none */

/* What a user asked for, per uid: what may be destroyed. */
struct ledger {
    bool deletion_asked, loss_accepted;
    bool may_be_deleted; /* the policy said Delete at some time */
    bool was_hurt;       /* a stranger destroyed some of its data */
};

struct call_count {
    const char *name; /* NULL: free */
    unsigned before, after;
};

struct run {
    uint64_t seed;
    const struct script *script; /* NULL: the dice decide */
    struct script done;          /* what was injected */
    struct sim_daemon daemon;
    bool is_calm;
    bool is_starting; /* of the daemon nothing but the first pass runs */
    bool is_killed;   /* every call fails until the stack has unwound */
    bool drops_event, doubles_event;
    int depth;       /* of work within calls */
    unsigned one_in; /* how often the dice inject */
    size_t most;     /* injections, but for mere work */
    size_t hurts;    /* of them so far */
    int64_t away_until_ms[SIM_SIDES];
    struct call_count counts[64];
    struct map *ledgers; /* uid -> struct ledger */
    char *fault;         /* the first oracle that was broken; NULL: none */
    const char *stage;
};

/* True: it holds. False: ret_fault says what does not (owned), and ret_done what was injected (script_release it). */
bool run_seed(uint64_t seed, char **ret_fault, struct script *ret_done);
bool run_script(const struct script *script, char **ret_fault);
/* The same with a trace of all that happens. */
bool run_script_traced(const struct script *script, struct str *trace, char **ret_fault);
/* Takes away injections for as long as it still fails; in place. ret_fault is that of the smallest. */
void script_shrink(struct script *script, char **ret_fault);

void run_fail(struct run *run, const char *fmt, ...) PRINTF_LIKE(2, 3); /* the first one stays */
struct ledger *run_ledger(struct run *run, const char *uid);
void run_trace(const struct run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- scene.c: the records at the beginning, and what the images' programs do ---- */

void scene_set_up(struct run *run, unsigned scene);
extern const struct sim_programs scene_programs;
const char *scene_probe(void *context, const struct probe_target *target);
/* The instances there may be. */
extern const char *const scene_names[][2]; /* tenant, instance */
#define SCENE_NAMES 4
/* Of a record that is long gone, whose container still stands. */
#define LEFTOVER_UID "11111111-2222-4333-8444-555555555555"
struct record_key scene_key(unsigned which);
bool scene_has_health(void); /* the App has a probe */
/* As the API would: decodes, settles, admits, stores. False: refused, or not there. */
bool scene_create_instance(struct run *run, unsigned which, unsigned variant);
bool scene_create_tenant(struct run *run, const char *name);
bool scene_create_app(struct run *run, unsigned scene);
typedef void scene_edit_fn(struct record *record, const char *text, int64_t number);
bool scene_edit(struct run *run, const struct record_key *key, scene_edit_fn *edit, const char *text, int64_t number);
bool scene_delete(struct run *run, const struct record_key *key);

/* ---- oracle.c: what must hold ---- */

/* NULL: every record is as it should be, and the world is what the records say. Else what is not; owned. */
char *oracle_unsettled(struct run *run);
/* Nothing of ours is left, but what is retained. */
char *oracle_leftover(struct run *run);
/* A user resolves what only a user can: strangers go, losses are accepted, pauses end, a version that never works is taken back. */
void oracle_resolve(struct run *run);
void oracle_destroyed(void *context, const char *name, const struct sim_data *data);
void oracle_touched(void *context, const char *call, const char *name, const json_t *labels);
void oracle_state(void *context, const char *uid, const json_t *state);
