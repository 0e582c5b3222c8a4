/* The daemon without threads; see daemon.h. */
#include "tests/sim/daemon.h"

#include "base/crypto.h"
#include "controller/events.h"
#include "tests/sim/engine.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"

enum {
    RESYNC_MS = 30000,
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 60000,
    FOLLOW_TICK_MS = 30000,
    FOLLOW_RETRY_MS = 2000
};

const struct settings sim_settings = {
    .installation = "0a1b2c",
    .prefix = "td",
    .network_pool = "10.213.0.0/16",
    .network_prefix_length = 26,
    .publish_address = "127.0.0.1",
    .publish_first = 20000,
    .publish_last = 20009,
    .database_host = "tenantd-database",
    .database_port = 5432,
    .role_connection_limit = 32,
};

static const struct store_options no_store = { 0 };
static const struct docker_options no_docker = { 0 };

static uint64_t random_number(void *context)
{
    (void)context;
    uint64_t number;
    random_bytes(&number, sizeof(number));
    return number;
}

static void suspect(void *context)
{
    struct sim_daemon *daemon = context;
    passes_suspect(daemon->passes);
}

static bool is_away(void *context)
{
    const struct sim_daemon *daemon = context;
    return world_engine_away_since_ms(daemon->world, NULL) || world_server_away_since_ms(daemon->world, NULL);
}

static void wake(void *context, const struct record_key *key, int64_t after_ms)
{
    struct sim_daemon *daemon = context;
    queue_add_after(daemon->queue, key, QUEUE_URGENT, clock_mono_ms(), after_ms);
}

static void start_parts(struct sim_daemon *daemon)
{
    struct err err = ERR_INIT; /* nothing that could fail here does in this world */
    struct runner_options runner = {
        .queue = daemon->queue,
        .known = daemon->known,
        .reconcilers = reconcilers,
        .backoff_first_ms = BACKOFF_FIRST_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .random = random_number,
        .no_answer = suspect,
        .is_away = is_away,
        .context = daemon,
    };
    struct passes_options passes = {
        .queue = daemon->queue,
        .known = daemon->known,
        .world = daemon->world,
        .settings = &sim_settings,
        .docker = &no_docker,
        .interval_ms = RESYNC_MS,
    };
    struct follow_options follow = {
        .queue = daemon->queue,
        .known = daemon->known,
        .reconcilers = reconcilers,
        .store = &no_store,
    };
    daemon->runner = runner_new(&runner);
    if (!passes_new(&passes, &daemon->passes, &err))
        abort();
    follow.runner = daemon->runner;
    daemon->follow = follow_new(&follow);
    for (size_t i = 0; i < ARRAY_LEN(daemon->workers); i++) {
        struct reconcile_context *ctx = &daemon->workers[i].ctx;
        *ctx = (struct reconcile_context){ .world = daemon->world, .settings = &sim_settings };
        ctx->store = store_new(&no_store);
        ctx->server = server_new(NULL, sim_settings.installation);
        if (!docker_open(&no_docker, &ctx->docker, &err))
            abort();
    }
}

void sim_daemon_start(struct sim_daemon *daemon)
{
    daemon->queue = queue_new();
    daemon->known = known_new();
    daemon->world = world_new();
    world_set_wake(daemon->world, wake, daemon);
    start_parts(daemon);
    daemon->follow_next_ms = 0;
    daemon->follow_failed = false;
    daemon->passes_busy = daemon->follow_busy = false;
    /* The stream is opened first, then the engine is listed, before any record is looked at. */
    sim_events_clear();
    sim->engine->has_listener = true;
    sim_daemon_work(daemon, SIM_WORK_PASS);
}

void sim_daemon_drop(struct sim_daemon *daemon)
{
    sim->engine->has_listener = false;
    sim_events_clear();
    for (size_t i = 0; i < ARRAY_LEN(daemon->workers); i++) {
        store_free(daemon->workers[i].ctx.store);
        server_free(daemon->workers[i].ctx.server);
        docker_free(daemon->workers[i].ctx.docker);
        daemon->workers[i] = (struct sim_worker){ 0 };
    }
    follow_stop(daemon->follow);
    passes_stop(daemon->passes);
    runner_free(daemon->runner);
    world_free(daemon->world);
    known_free(daemon->known);
    queue_free(daemon->queue);
}

/* ---- work ---- */

static bool run(struct sim_daemon *daemon, enum lane lane)
{
    size_t first = lane == LANE_QUICK ? 0 : SIM_QUICK_WORKERS;
    size_t end = lane == LANE_QUICK ? SIM_QUICK_WORKERS : SIM_QUICK_WORKERS + 1;
    struct sim_worker *worker = NULL;
    struct queue_item item;
    for (size_t i = first; i < end && !worker; i++)
        if (!daemon->workers[i].is_busy)
            worker = &daemon->workers[i];
    if (!worker || !queue_take(daemon->queue, lane, clock_mono_ms(), &item))
        return false;
    worker->is_busy = true;
    daemon->runs++;
    runner_run(daemon->runner, &worker->ctx, &item);
    worker->is_busy = false;
    return true;
}

/* The feed's NOTIFY is heard at once; after a failure it is tried again a little later. */
static int64_t follow_due_ms(const struct sim_daemon *daemon)
{
    bool has_news = !daemon->follow_failed && daemon->followed_version != sim->store->version;
    return has_news ? clock_mono_ms() : daemon->follow_next_ms;
}

static bool follow_changes(struct sim_daemon *daemon)
{
    if (daemon->follow_busy || follow_due_ms(daemon) > clock_mono_ms())
        return false;
    daemon->follow_busy = true;
    int64_t version = sim->store->version;
    bool ok = follow_turn(daemon->follow);
    daemon->follow_busy = false;
    daemon->follow_failed = !ok;
    daemon->followed_version = version;
    daemon->follow_next_ms = clock_mono_ms() + (ok ? FOLLOW_TICK_MS : FOLLOW_RETRY_MS);
    return true;
}

static bool pass(struct sim_daemon *daemon)
{
    if (daemon->passes_busy || passes_next_ms(daemon->passes) > clock_mono_ms())
        return false;
    daemon->passes_busy = true;
    passes_turn(daemon->passes);
    daemon->passes_busy = false;
    return true;
}

static bool take_event(struct sim_daemon *daemon)
{
    CLEANUP(freep) char *line = sim_event_take();
    if (line)
        docker_event_take(daemon->queue, daemon->world, sim_settings.prefix, line, strlen(line));
    return line != NULL;
}

static bool probe(struct sim_daemon *daemon)
{
    struct probe_target target;
    int64_t next_ms;
    if (!world_due_probes(daemon->world, clock_mono_ms(), &target, 1, &next_ms))
        return false;
    const char *problem = daemon->probe ? daemon->probe(daemon->context, &target) : NULL;
    if (world_probe_result(daemon->world, &target, !problem, problem ? problem : "", clock_wall_ms(), clock_mono_ms()))
        queue_add(daemon->queue, &target.key, QUEUE_URGENT, clock_mono_ms());
    return true;
}

bool sim_daemon_work(struct sim_daemon *daemon, enum sim_work work)
{
    switch (work) {
    case SIM_WORK_QUICK:
        return run(daemon, LANE_QUICK);
    case SIM_WORK_LONG:
        return run(daemon, LANE_LONG);
    case SIM_WORK_FOLLOW:
        return follow_changes(daemon);
    case SIM_WORK_PASS:
        return pass(daemon);
    case SIM_WORK_EVENT:
        return take_event(daemon);
    case SIM_WORK_PROBES:
        return probe(daemon);
    case SIM_WORKS:
        break;
    }
    return false;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t sim_daemon_next_ms(struct sim_daemon *daemon)
{
    struct probe_target none;
    int64_t now_ms = clock_mono_ms(), probes_ms = INT64_MAX;
    if (sim->engine->event_count)
        return now_ms;
    world_due_probes(daemon->world, now_ms, &none, 0, &probes_ms);
    int64_t next_ms =
        least(queue_next_ms(daemon->queue, LANE_QUICK, now_ms), queue_next_ms(daemon->queue, LANE_LONG, now_ms));
    next_ms = least(next_ms, probes_ms);
    next_ms = least(next_ms, passes_next_ms(daemon->passes));
    return daemon->follow_busy ? next_ms : least(next_ms, follow_due_ms(daemon));
}

void sim_daemon_resync(struct sim_daemon *daemon)
{
    size_t at = 0;
    void *value;
    while (map_next(sim->store->records, &at, NULL, &value))
        queue_add(daemon->queue, &((struct record *)value)->key, QUEUE_URGENT, clock_mono_ms());
}
