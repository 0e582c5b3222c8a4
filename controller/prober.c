/* Health probes; see prober.h. */
#include "controller/prober.h"

#include "base/metrics.h"

enum {
    IN_FLIGHT_MAX = 64,
    PROBE_TIMEOUT_MS = 5000,
    ANSWER_LIMIT = 4096,
    STATUS_OK_MAX = 399,
    LOOK_SPACING_MS = 100, /* a look goes through all targets, and each answer and each timer asks for one */
};

static const struct metric probes_total = {
    "tenantd_probes_total", "Health probes by result.", METRIC_COUNTER, { "result" }
};

/* One under way. */
struct probe {
    struct prober *prober; /* NULL: free */
    struct probe_target target;
};

struct prober {
    struct ev_loop *loop;
    struct http_loop *http_loop;
    struct queue *queue;
    struct world *world;
    ev_timer timer; /* to the next look */
    int64_t looked_mono_ms;
    size_t in_flight;
    struct probe probes[IN_FLIGHT_MAX];
};

static void on_done(void *context, int status, const char *problem)
{
    struct probe *probe = context;
    struct prober *prober = probe->prober;
    bool good = status >= 200 && status <= STATUS_OK_MAX;
    CLEANUP(freep)
    char *why = good     ? NULL
                : status ? mem_printf("%s answers HTTP %d", probe->target.path, status)
                         : mem_strdup(problem);
    metric_add(&probes_total, 1, good ? "good" : "bad", NULL, NULL);
    prober->in_flight--;
    if (world_probe_result(prober->world, &probe->target, good, why ? why : "", clock_wall_ms(), clock_mono_ms()))
        queue_add(prober->queue, &probe->target.key, QUEUE_URGENT, clock_mono_ms());
    probe->prober = NULL;
    prober_look(prober);
}

static void send_probe(struct prober *prober, const struct probe_target *target)
{
    struct probe *probe = prober->probes;
    while (probe->prober)
        probe++; /* there is room: prober_look() counts */
    *probe = (struct probe){ prober, *target };
    CLEANUP(freep) char *url = mem_printf("http://%s:%d", target->address, target->port);
    struct http_flight_options options = { .target = { .base_url = url },
                                           .path = probe->target.path,
                                           .timeout_ms = PROBE_TIMEOUT_MS,
                                           .body_limit = ANSWER_LIMIT,
                                           .on_done = on_done,
                                           .context = probe };
    prober->in_flight++;
    http_loop_get(prober->http_loop, &options);
}

static void look_after(struct prober *prober, int64_t wait_ms)
{
    ev_timer_stop(prober->loop, &prober->timer);
    ev_now_update(prober->loop);
    ev_timer_set(&prober->timer, (double)wait_ms / 1000, 0.);
    ev_timer_start(prober->loop, &prober->timer);
}

static void look(struct prober *prober)
{
    struct probe_target due[IN_FLIGHT_MAX];
    size_t room = IN_FLIGHT_MAX - prober->in_flight;
    int64_t next_ms, now_ms = clock_mono_ms();
    prober->looked_mono_ms = now_ms;
    size_t count = room ? world_due_probes(prober->world, now_ms, due, room, &next_ms) : 0;
    for (size_t i = 0; i < count; i++)
        send_probe(prober, &due[i]);
    if (room) /* else an answer asks for the next one */
        look_after(prober, next_ms > now_ms + LOOK_SPACING_MS ? next_ms - now_ms : LOOK_SPACING_MS);
}

void prober_look(struct prober *prober)
{
    int64_t wait_ms = prober->looked_mono_ms + LOOK_SPACING_MS - clock_mono_ms();
    if (wait_ms > 0)
        look_after(prober, wait_ms);
    else
        look(prober);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    look(timer->data);
}

struct prober *prober_new(struct ev_loop *loop, struct http_loop *http_loop, struct queue *queue, struct world *world)
{
    struct prober *prober = MEM_NEW(struct prober);
    *prober = (struct prober){ .loop = loop, .http_loop = http_loop, .queue = queue, .world = world };
    ev_init(&prober->timer, on_timer);
    prober->timer.data = prober;
    prober_look(prober);
    return prober;
}

void prober_free(struct prober *prober)
{
    if (!prober)
        return;
    ev_timer_stop(prober->loop, &prober->timer);
    free(prober);
}
