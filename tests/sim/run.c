/* A run: trouble, then calm; see run.h. */
#include "tests/sim/run.h"

enum {
    TROUBLE_TURNS_MIN = 25,
    TROUBLE_TURNS_MORE = 70,
    CALM_TURNS_MAX = 6000,
    CALM_MS_MAX = 3 * 3600 * 1000,
    DEPTH_MAX = 3,
    RESTART_MS = 500,
    QUIET_MS = 33000,        /* a pass and more */
    SIZES_QUIET_MS = 640000, /* until what was made has been measured */
};

void run_fail(struct run *run, const char *fmt, ...)
{
    struct str text = STR_INIT;
    va_list args;
    if (run->fault)
        return;
    str_addf(&text, "%s: ", run->stage);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    run_trace(run, "FAULT %s", text.text);
    run->fault = str_steal(&text);
}

void run_trace(const struct run *run, const char *fmt, ...)
{
    if (!sim->trace)
        return;
    va_list args;
    str_addf(sim->trace, "%10.3f %*s", (double)sim->mono_ms / 1000, run->depth * 2, "");
    va_start(args, fmt);
    str_vaddf(sim->trace, fmt, args);
    va_end(args);
    str_addc(sim->trace, '\n');
}

struct ledger *run_ledger(struct run *run, const char *uid)
{
    struct ledger *ledger = map_get(run->ledgers, uid);
    if (!ledger) {
        ledger = MEM_NEW(struct ledger);
        map_put(run->ledgers, uid, ledger);
    }
    return ledger;
}

/* ---- where something is injected ---- */

static struct call_count *count_of(struct run *run, const char *name)
{
    size_t at = ((uintptr_t)name >> 3) % ARRAY_LEN(run->counts);
    while (run->counts[at].name && run->counts[at].name != name)
        at = (at + 1) % ARRAY_LEN(run->counts);
    run->counts[at].name = name;
    return &run->counts[at];
}

static uint64_t hash_point(const struct run *run, const char *call, unsigned nth, enum sim_when when)
{
    uint64_t hash = run->seed;
    for (; *call; call++)
        hash = (hash ^ (unsigned char)*call) * UINT64_C(0x100000001b3);
    return sim_mix(hash ^ (uint64_t)nth << 1 ^ (uint64_t)when);
}

static bool fits(const struct action *action, const struct sim_call *what, enum sim_when when)
{
    bool is_turn = str_equal(what->name, "turn");
    switch (action->place) {
    case PLACE_ANY:
        return true;
    case PLACE_BEFORE:
        return when == SIM_BEFORE && !is_turn;
    case PLACE_AFTER:
        return when == SIM_AFTER;
    case PLACE_TURN:
        return is_turn;
    }
    return false;
}

/* By dice; NULL: nothing here. */
static const struct action *roll(const struct run *run, const struct sim_call *what, unsigned nth, enum sim_when when,
                                 unsigned *ret_parameter)
{
    uint64_t hash = hash_point(run, what->name, nth, when);
    bool is_turn = str_equal(what->name, "turn");
    if (run->hurts >= run->most || hash % (is_turn ? 3 : run->one_in) != 0)
        return NULL;
    uint64_t dice = sim_mix(hash);
    int total = 0;
    for (size_t i = 0; i < action_count; i++)
        total += fits(&actions[i], what, when) ? actions[i].weight : 0;
    int at = (int)(dice % (uint64_t)total);
    *ret_parameter = (unsigned)(dice >> 40 & 63);
    for (size_t i = 0; i < action_count; i++) {
        at -= fits(&actions[i], what, when) ? actions[i].weight : 0;
        if (at < 0)
            return &actions[i];
    }
    return NULL;
}

static const struct action *look_up(const struct script *script, const char *call, unsigned nth, enum sim_when when,
                                    unsigned *ret_parameter)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct injection *item = &script->items[i];
        if (item->nth == nth && item->when == when && str_equal(item->call, call)) {
            *ret_parameter = item->parameter;
            return item->action;
        }
    }
    return NULL;
}

static void note(struct run *run, struct injection injection)
{
    struct script *done = &run->done;
    done->items = mem_grow(done->items, done->count + 1, sizeof(done->items[0]));
    done->items[done->count++] = injection;
}

static bool inject(struct run *run, const struct sim_call *what, enum sim_when when, struct err *err)
{
    struct call_count *count = count_of(run, what->name);
    unsigned nth = when == SIM_BEFORE ? ++count->before : ++count->after, parameter = 0;
    const struct action *action =
        run->script ? look_up(run->script, what->name, nth, when, &parameter) : roll(run, what, nth, when, &parameter);
    if (!action)
        return true;
    struct injection injection = { .nth = nth, .when = when, .action = action, .parameter = parameter };
    snprintf(injection.call, sizeof(injection.call), "%s", what->name);
    note(run, injection);
    run_trace(run, "%s#%u%c%s:%u", what->name, nth, when == SIM_BEFORE ? '<' : '>', action->name, parameter);
    run->hurts += !str_starts_with(action->name, "work");
    return action->act(run, what, parameter, err);
}

static bool check_alive(const struct run *run, const struct sim_call *what, struct err *err)
{
    if (run->is_killed)
        return err_set(err, ERR_CANCELLED, "killed");
    return run->away_until_ms[what->side] <= sim->mono_ms ||
           err_set(err, ERR_UNREACHABLE, "%s: connection refused", what->name);
}

static bool before(void *context, const struct sim_call *what, struct err *err)
{
    struct run *run = context;
    if (run->is_killed)
        return err_set(err, ERR_CANCELLED, "killed");
    if (!run->is_calm && run->depth < DEPTH_MAX && !inject(run, what, SIM_BEFORE, err))
        return false;
    if (!check_alive(run, what, err))
        return false;
    if (sim->trace && what->access == SIM_CHANGES)
        run_trace(run, "call %s", what->name);
    return true;
}

static bool after(void *context, const struct sim_call *what, struct err *err)
{
    struct run *run = context;
    if (run->is_calm || run->is_killed || run->depth >= DEPTH_MAX)
        return !run->is_killed || err_set(err, ERR_CANCELLED, "killed");
    return inject(run, what, SIM_AFTER, err) && (!run->is_killed || err_set(err, ERR_CANCELLED, "killed"));
}

/* ---- turns ---- */

static void start_daemon(struct run *run)
{
    do {
        run->is_killed = false;
        run->is_starting = true;
        sim_daemon_start(&run->daemon);
        run->is_starting = false;
        if (run->is_killed)
            sim_daemon_drop(&run->daemon);
    } while (run->is_killed);
}

static void restart_daemon(struct run *run)
{
    run_trace(run, "the daemon is started anew");
    sim_daemon_drop(&run->daemon);
    sim->mono_ms += RESTART_MS;
    start_daemon(run);
}

/* Some work, or time passes until there is some. The order is the dice's, as threads' is nobody's. */
static void turn(struct run *run)
{
    static const struct sim_call what = { "turn", SIM_STORE, SIM_READS };
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!run->is_calm && !inject(run, &what, SIM_BEFORE, &ignored))
        err_clear(&ignored);
    unsigned first = (unsigned)(sim_mix(sim->random++) % SIM_WORKS);
    for (unsigned i = 0; i < SIM_WORKS && !run->is_killed; i++)
        if (sim_daemon_work(&run->daemon, (enum sim_work)((first + i) % SIM_WORKS))) {
            if (run->is_killed)
                restart_daemon(run);
            return;
        }
    if (run->is_killed) {
        restart_daemon(run);
        return;
    }
    sim_engine_tick();
    int64_t next_ms = sim_daemon_next_ms(&run->daemon);
    sim->mono_ms = next_ms > sim->mono_ms ? next_ms : sim->mono_ms + 1;
}

static bool is_idle(struct run *run)
{
    return sim_daemon_next_ms(&run->daemon) > sim->mono_ms;
}

/* Turns until `look` finds nothing to complain of; false: it never did, and that is the fault. */
static bool settle(struct run *run, char *(*look)(struct run *run))
{
    int64_t end_ms = sim->mono_ms + CALM_MS_MAX;
    CLEANUP(freep) char *complaint = NULL;
    for (int turns = 0; turns < CALM_TURNS_MAX && sim->mono_ms < end_ms && !run->fault; turns++) {
        turn(run);
        if (!is_idle(run))
            continue;
        free(complaint);
        complaint = look(run);
        if (!complaint)
            return true;
    }
    run_fail(run, "it does not converge: %s", complaint ? complaint : "there is always something to do");
    return false;
}

static void keep_quiet(struct run *run, int64_t span_ms)
{
    for (int64_t end_ms = sim->mono_ms + span_ms; sim->mono_ms < end_ms && !run->fault;)
        turn(run);
}

/* A second pass, and a daemon that knows nothing, find nothing to do. */
static void check_rest(struct run *run)
{
    keep_quiet(run, sim->engine->measures ? SIZES_QUIET_MS
                                          : QUIET_MS); /* what was still on its way: the last status, an event, sizes */
    int64_t changes = sim->changes[SIM_ENGINE] + sim->changes[SIM_SERVER] + sim->changes[SIM_STORE];
    int64_t version = sim->store->version;
    run->stage = "second pass";
    for (int i = 0; i < 2; i++) {
        sim_daemon_resync(&run->daemon);
        keep_quiet(run, QUIET_MS);
        int64_t now = sim->changes[SIM_ENGINE] + sim->changes[SIM_SERVER] + sim->changes[SIM_STORE];
        if (now != changes || sim->store->version != version)
            run_fail(run, "%" PRId64 " calls that change something, %" PRId64 " records written", now - changes,
                     sim->store->version - version);
        if (i == 0) {
            run->stage = "pass of a fresh daemon";
            restart_daemon(run);
        }
    }
}

static void delete_all(struct run *run)
{
    struct record_key *keys = NULL;
    size_t count = 0, at = 0;
    void *value;
    while (map_next(sim->store->records, &at, NULL, &value)) {
        keys = mem_grow(keys, count + 1, sizeof(keys[0]));
        keys[count++] = ((struct record *)value)->key;
    }
    for (size_t i = 0; i < count; i++)
        scene_delete(run, &keys[i]);
    free(keys);
}

static char *records_left(struct run *run)
{
    (void)run;
    return map_count(sim->store->records) ? mem_strdup("records that were deleted are still there") : NULL;
}

static void check_calm(struct run *run)
{
    run->stage = "calm";
    run->is_calm = true;
    if (run->is_killed)
        restart_daemon(run);
    for (int side = 0; side < SIM_SIDES; side++)
        run->away_until_ms[side] = 0;
    oracle_resolve(run);
    if (!settle(run, oracle_unsettled))
        return;
    check_rest(run);
    if (run->fault)
        return;
    run->stage = "deletion";
    delete_all(run);
    if (!settle(run, records_left))
        return;
    keep_quiet(run, QUIET_MS);
    CLEANUP(freep) char *left = oracle_leftover(run);
    if (left)
        run_fail(run, "left over: %s", left);
}

static void run_all(struct run *run, struct str *trace)
{
    static const unsigned rates[] = { 6, 12, 24, 60 };
    uint64_t dice = sim_mix(run->seed ^ 77);
    int turns = TROUBLE_TURNS_MIN + (int)(dice >> 20 & 0xffff) % TROUBLE_TURNS_MORE;
    sim_open(run->seed);
    sim->trace = trace;
    run->ledgers = map_new(free);
    run->done.seed = run->seed;
    run->one_in = rates[dice >> 8 & 3];
    run->most = 4 + (dice >> 10 & 15);
    sim->hooks = (struct sim_hooks){ .before = before,
                                     .after = after,
                                     .programs = &scene_programs,
                                     .destroyed = oracle_destroyed,
                                     .touched = oracle_touched,
                                     .context = run };
    sim->store->on_state = oracle_state;
    sim->store->context = run;
    run->daemon.probe = scene_probe;
    run->daemon.context = run;
    run->stage = "trouble";
    sim->engine->measures = (dice >> 40 & 15) == 0; /* in few: it takes long until all has been measured */
    scene_set_up(run, (unsigned)(dice & 255));
    start_daemon(run);
    for (int i = 0; i < turns && !run->fault; i++)
        turn(run);
    if (!run->fault)
        check_calm(run);
    sim_daemon_drop(&run->daemon);
    map_free(run->ledgers);
    sim_close();
}

static bool finish(struct run *run, char **ret_fault)
{
    *ret_fault = run->fault;
    return !run->fault;
}

bool run_seed(uint64_t seed, char **ret_fault, struct script *ret_done)
{
    struct run run = { .seed = seed };
    run_all(&run, NULL);
    *ret_done = run.done;
    return finish(&run, ret_fault);
}

bool run_script(const struct script *script, char **ret_fault)
{
    return run_script_traced(script, NULL, ret_fault);
}

bool run_script_traced(const struct script *script, struct str *trace, char **ret_fault)
{
    struct run run = { .seed = script->seed, .script = script };
    run_all(&run, trace);
    script_release(&run.done);
    return finish(&run, ret_fault);
}
