/* One line of Docker's event stream becomes a key in the queue; see events.h. Knows neither loop nor connection. */
#include "base/log.h"
#include "base/metrics.h"
#include "controller/events.h"
#include "reconcilers/names.h"
#include "specs/kind.h"

static const struct metric events_total = {
    "tenantd_docker_events_total", "Events of our containers, by action.", METRIC_COUNTER, { "action" }
};

/* What changes the state that a list shows: the container is dropped or looked at anew. */
static bool is_telling(const char *action)
{
    static const char *const actions[] = { "create",  "start",  "die", "stop",   "kill",    "pause",
                                           "unpause", "rename", "oom", "update", "destroy", "restart" };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_equal(action, actions[i]))
            return true;
    return false;
}

static void add(struct queue *queue, const struct record_key *key)
{
    queue_add(queue, key, QUEUE_URGENT, clock_mono_ms());
}

static void take_container(struct queue *queue, struct world *world, const struct docker_event *event)
{
    if (!is_telling(event->action))
        return;
    metric_add(&events_total, 1, event->action, NULL, NULL);
    if (str_equal(event->action, "destroy"))
        world_drop_container(world, event->id);
    else
        world_touch_container(world, event->id);
    /* One-shots come and go by their reconciler's own hand. */
    if (!str_equal(json_text(event->attributes, LABEL_PURPOSE), "app"))
        return;
    const struct kind *kind = kind_by_name(json_text(event->attributes, LABEL_KIND));
    const char *namespace = json_text(event->attributes, LABEL_NAMESPACE),
               *name = json_text(event->attributes, LABEL_NAME);
    struct record_key key;
    if (kind && name && record_key_set(&key, kind->id, namespace ? namespace : "", name))
        add(queue, &key);
}

/* Networks' events carry no labels: a container is found by its id, a tenant by its network's name. */
static void take_network(struct queue *queue, struct world *world, const char *prefix, const struct docker_event *event)
{
    const char *container = json_text(event->attributes, "container"), *name = json_text(event->attributes, "name");
    struct record_key key;
    if (str_equal(event->action, "disconnect") && container && world_container_owner(world, container, &key)) {
        metric_add(&events_total, 1, event->action, NULL, NULL);
        world_touch_container(world, container);
        add(queue, &key);
    }
    size_t length = strlen(prefix);
    bool may_be_ours = name && str_starts_with(name, prefix) && name[length] == '-' && name[length + 1];
    if (str_equal(event->action, "destroy") && may_be_ours &&
        record_key_set(&key, KIND_TENANT, "", name + length + 1)) {
        metric_add(&events_total, 1, event->action, NULL, NULL);
        add(queue, &key);
    }
}

void docker_event_take(struct queue *queue, struct world *world, const char *prefix, const char *line, size_t len)
{
    CLEANUP(json_decrefp) json_t *json = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(docker_event_release) struct docker_event event = { 0 };
    if (!json_parse_answer(line, len, &json, &problem) || !docker_event_from_json(json, &event, &problem))
        log_warning("event not understood", LOG_STR("error", err_message(&problem)));
    else if (str_equal(event.type, "container"))
        take_container(queue, world, &event);
    else if (str_equal(event.type, "network"))
        take_network(queue, world, prefix, &event);
}
