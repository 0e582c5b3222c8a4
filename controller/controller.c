/* Wiring of the controller's parts, and the loop thread; see controller.h. */
#include "controller/controller.h"

#include <pthread.h>

#include "base/crypto.h"
#include "base/metrics.h"
#include "controller/events.h"
#include "controller/follow.h"
#include "controller/leader.h"
#include "controller/passes.h"
#include "controller/prober.h"
#include "controller/records_copies.h"
#include "controller/workers.h"

static const struct metric due_gauge = {
    .name = "tenantd_queue_depth",
    .help = "Keys that are due and wait for a worker.",
    .type = METRIC_GAUGE,
    .labels = { "lane" },
};
static const struct metric oldest_gauge = {
    .name = "tenantd_queue_oldest_seconds",
    .help = "How long the oldest due key has waited.",
    .type = METRIC_GAUGE,
};
static const struct metric running_gauge = {
    .name = "tenantd_queue_running",
    .help = "Keys that a worker has.",
    .type = METRIC_GAUGE,
};

struct controller {
    struct controller_options options;
    struct reconciler reconcilers[KINDS]; /* with the configured times */
    struct queue *queue;
    struct known *known;
    struct runner *runner;
    struct passes *passes;
    struct workers *workers;
    struct follow *follow;
    struct leader *leader;
    struct records_copies *copies;

    pthread_t loop_thread;
    bool loop_runs;
    struct ev_loop *loop;
    struct http_loop *http_loop;
    struct prober *prober;
    struct docker_events *events;
    ev_async look, stop;
};

/* ---- the loop thread ---- */

static void on_look(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)loop;
    (void)revents;
    struct controller *controller = async->data;
    prober_look(controller->prober);
}

static void on_stop(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)async;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void *run_loop(void *context)
{
    struct controller *controller = context;
    ev_run(controller->loop, 0);
    docker_events_stop(controller->events);
    http_loop_free(controller->http_loop);
    prober_free(controller->prober);
    return NULL;
}

static void hurry(void *context)
{
    struct controller *controller = context;
    passes_hurry(controller->passes);
}

/* A worker is through with a record: what it wants probed may have changed. */
static void look_at_probes(void *context)
{
    struct controller *controller = context;
    ev_async_send(controller->loop, &controller->look);
}

static bool start_loop(struct controller *controller, struct err *err)
{
    const struct controller_options *options = &controller->options;
    /* Not the default loop: that one reaps every child and takes exit statuses away from who waits for them. */
    controller->loop = ev_loop_new(EVFLAG_AUTO);
    controller->http_loop = http_loop_new(controller->loop);
    controller->prober = prober_new(controller->loop, controller->http_loop, controller->queue, options->world);
    ev_async_init(&controller->look, on_look);
    ev_async_init(&controller->stop, on_stop);
    controller->look.data = controller;
    ev_async_start(controller->loop, &controller->look);
    ev_async_start(controller->loop, &controller->stop);
    struct events_options events = { controller->loop,
                                     controller->http_loop,
                                     controller->queue,
                                     options->world,
                                     options->settings,
                                     options->docker,
                                     hurry,
                                     controller };
    if (!docker_events_start(&events, &controller->events, err))
        return false;
    controller->loop_runs = pthread_create(&controller->loop_thread, NULL, run_loop, controller) == 0;
    return controller->loop_runs || err_set(err, ERR_INTERNAL, "no thread for the loop");
}

/* ---- the whole ---- */

static void wake(void *context, const struct record_key *key, int64_t after_ms)
{
    struct controller *controller = context;
    queue_add_after(controller->queue, key, QUEUE_URGENT, clock_mono_ms(), after_ms);
}

static void set_gauges(void *context)
{
    static const char *const lanes[] = { [LANE_QUICK] = "quick", [LANE_LONG] = "long" };
    struct controller *controller = context;
    struct queue_stats stats = queue_stats(controller->queue, clock_mono_ms());
    int64_t epoch;
    if (!leader_may_act(controller->leader, &epoch))
        stats = (struct queue_stats){ 0 }; /* what waits here is another one's to do */
    for (size_t lane = 0; lane < ARRAY_LEN(lanes); lane++)
        metric_set(&due_gauge, (double)stats.due[lane], lanes[lane], NULL, NULL);
    metric_set(&oldest_gauge, (double)stats.oldest_ms / SECOND_MS, NULL, NULL, NULL);
    metric_set(&running_gauge, (double)stats.running, NULL, NULL, NULL);
    known_set_gauges(controller->known);
}

static uint64_t random_number(void *context)
{
    (void)context;
    uint64_t number;
    random_bytes(&number, sizeof(number));
    return number;
}

static void suspect(void *context)
{
    struct controller *controller = context;
    passes_suspect(controller->passes);
}

static bool is_away(void *context)
{
    const struct controller *controller = context;
    struct world *world = controller->options.world;
    return world_engine_away_since_ms(world, NULL) || world_server_away_since_ms(world, NULL);
}

/* Attempts that run are another's from now on; or what has waited can be done. */
static void on_leadership(void *context, enum leader_state state)
{
    struct controller *controller = context;
    if (state == LEADER_STANDBY)
        runner_yield_all(controller->runner);
    workers_wake(controller->workers);
}

static struct leader *make_leader(struct controller *controller)
{
    const struct controller_options *options = &controller->options;
    struct leader_options leader = { .store = options->store,
                                     .config = options->leader,
                                     .holder = options->holder,
                                     .name = options->name,
                                     .on_change = on_leadership,
                                     .context = controller };
    return leader_new(&leader);
}

static struct runner *make_runner(struct controller *controller)
{
    const struct config_controller *config = controller->options.config;
    struct runner_options options = {
        .queue = controller->queue,
        .known = controller->known,
        .reconcilers = controller->reconcilers,
        .backoff_first_ms = config->backoff_first_ms,
        .backoff_max_ms = config->backoff_max_ms,
        .random = random_number,
        .no_answer = suspect,
        .is_away = is_away,
        .context = controller,
        .permission = leader_permission(controller->leader),
    };
    return runner_new(&options);
}

/* The world is listed before the first record is looked at: nothing is decided on emptiness. */
static bool start_parts(struct controller *controller, struct err *err)
{
    const struct controller_options *options = &controller->options;
    struct passes_options passes = {
        .queue = controller->queue,
        .known = controller->known,
        .world = options->world,
        .settings = options->settings,
        .docker = options->docker,
        .server_url = options->server_url,
        .interval_ms = options->config->resync_ms,
    };
    struct workers_options workers = {
        .queue = controller->queue,
        .runner = controller->runner,
        .world = options->world,
        .settings = options->settings,
        .store = options->store,
        .docker = options->docker,
        .server_url = options->server_url,
        .feed = options->feed,
        .leader = controller->leader,
        .quick = (size_t)options->config->workers,
        .long_ones = (size_t)options->config->long_workers,
        .on_done = look_at_probes,
        .context = controller,
    };
    struct follow_options follow = {
        .feed = options->feed,
        .queue = controller->queue,
        .known = controller->known,
        .runner = controller->runner,
        .reconcilers = controller->reconcilers,
        .store = options->store,
    };
    struct records_copies_options copies = {
        .settings = options->settings,
        .store = options->store,
        .leader = controller->leader,
    };
    controller->workers = workers_new(&workers);
    controller->follow = follow_new(&follow);
    return passes_new(&passes, &controller->passes, err) && passes_start(controller->passes, err) &&
           start_loop(controller, err) && workers_start(controller->workers, err) &&
           leader_start(controller->leader, err) && follow_start(controller->follow, err) &&
           records_copies_start(&copies, &controller->copies, err);
}

bool controller_start(const struct controller_options *options, struct controller **ret_controller, struct err *err)
{
    struct controller *controller = MEM_NEW(struct controller);
    controller->options = *options;
    memcpy(controller->reconcilers, reconcilers, sizeof(controller->reconcilers));
    controller->reconcilers[KIND_INSTANCE].resync_ms = options->config->inspect_ms;
    /* Looks come from half of that time on, so what an earlier one told has run out by then. */
    world_set_inspect_holds(options->world, options->config->inspect_ms * 2 / 5);
    controller->queue = queue_new();
    controller->known = known_new();
    controller->leader = make_leader(controller);
    controller->runner = make_runner(controller);
    world_set_wake(options->world, wake, controller);
    if (!start_parts(controller, err)) {
        controller_stop(controller);
        return err_wrap(err, "start the controller");
    }
    metrics_on_scrape(set_gauges, controller);
    *ret_controller = controller;
    return true;
}

void controller_stop(struct controller *controller)
{
    if (!controller)
        return;
    records_copies_stop(controller->copies);
    follow_stop(controller->follow);
    workers_stop(controller->workers);
    leader_stop(controller->leader);
    if (controller->loop_runs) {
        ev_async_send(controller->loop, &controller->stop);
        pthread_join(controller->loop_thread, NULL);
    }
    passes_stop(controller->passes);
    workers_free(controller->workers);
    if (controller->loop)
        ev_loop_destroy(controller->loop);
    leader_free(controller->leader);
    runner_free(controller->runner);
    known_free(controller->known);
    queue_free(controller->queue);
    free(controller);
}
