/* Status: what a user is told, from what is wanted, seen and still to do. Phases are computed, never stored to drive us. Pure. */
#include "reconcilers/app/rollout.h"
#include "reconcilers/instance/instance.h"

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

/* One condition, with what all of them share. */
struct teller {
    struct field_list *conditions;
    int64_t generation, now_ms;
    const char *failed_step; /* the last one; NULL: none since it went well */
    bool
        believed; /* healthy when it was last probed, by a tenantd before this one: so it is until a probe says otherwise */
};

static void tell(const struct teller *teller, const char *type, enum condition_status status, const char *reason,
                 const char *message)
{
    condition_set(teller->conditions, type, status, reason, message, teller->generation, teller->now_ms);
}

static void tell_database(const struct teller *teller, const struct instance_want *want,
                          const struct instance_seen *seen)
{
    const char *type = "DatabaseReady";
    if (seen->server_away_ms || seen->database_is == THING_UNKNOWN)
        tell(teller, type, CONDITION_UNKNOWN, "NotSeen", seen->server_problem);
    else if (seen->database_is == THING_ABSENT)
        tell(teller, type, CONDITION_FALSE, want->state.initialised ? "DataMissing" : "Provisioning", NULL);
    else if (seen->database_is == THING_STRANGER)
        tell(teller, type, CONDITION_FALSE, "NameTaken", NULL);
    else if (!want->state.initialised)
        tell(teller, type, CONDITION_FALSE, "Provisioning", NULL);
    else
        tell(teller, type, seen->database_right ? CONDITION_TRUE : CONDITION_FALSE,
             seen->database_right ? "Ready" : "NotAsLeft", NULL);
}

static bool container_runs(const struct instance_seen *seen)
{
    return seen->container_is == THING_OURS && seen->container.state == CONTAINER_RUNNING;
}

static const char *stopped_because(const struct instance_want *want)
{
    return want->tenant.suspended ? "TenantSuspended" : want->suspended ? "Suspended" : "Stopped";
}

static void tell_container(const struct teller *teller, const struct instance_want *want,
                           const struct instance_seen *seen)
{
    const char *type = "ContainerReady";
    if (seen->engine_away_ms || seen->container_is == THING_UNKNOWN)
        tell(teller, type, CONDITION_UNKNOWN, "NotSeen", seen->engine_problem);
    else if (container_runs(seen))
        tell(teller, type, CONDITION_TRUE, "Running", NULL);
    else if (!want->running)
        tell(teller, type, CONDITION_FALSE, stopped_because(want), NULL);
    else
        tell(teller, type, CONDITION_FALSE, seen->container_is == THING_OURS ? "Exited" : "Missing", NULL);
}

/* The status as stored says Healthy of this very run of the container. */
static bool was_healthy(const struct instance_status *before, const struct container *container)
{
    const struct condition *healthy = condition_find(&before->conditions, "Healthy");
    return healthy && healthy->status == CONDITION_TRUE && str_equal(before->container.id, container->id) &&
           before->container.started_ms / SECOND_MS == container->started_ms / SECOND_MS;
}

static bool is_healthy(const struct teller *teller, const struct instance_want *want, const struct instance_seen *seen)
{
    bool good = seen->health.health == HEALTH_HEALTHY || teller->believed;
    return container_runs(seen) && (!want->app.health.path || good);
}

static void tell_health(const struct teller *teller, const struct instance_want *want, const struct instance_seen *seen)
{
    const char *type = "Healthy";
    if (seen->engine_away_ms || seen->container_is == THING_UNKNOWN)
        tell(teller, type, CONDITION_UNKNOWN, "NotSeen", NULL);
    else if (is_healthy(teller, want, seen))
        tell(teller, type, CONDITION_TRUE, want->app.health.path ? "ProbeSucceeded" : "NoProbe", NULL);
    else if (!container_runs(seen))
        tell(teller, type, CONDITION_FALSE, "NotRunning", NULL);
    else
        tell(teller, type, CONDITION_FALSE, seen->health.health == HEALTH_UNHEALTHY ? "Unhealthy" : "Starting",
             seen->health.problem);
}

static void tell_resize(const struct teller *teller, const struct instance_want *want, const struct instance_seen *seen)
{
    CLEANUP(freep) char *pending = instance_resize_pending(want, seen);
    if (pending)
        tell(teller, "ResizePending", CONDITION_TRUE, "InUse", pending);
    else
        condition_drop(teller->conditions, "ResizePending");
}

static void tell_turn(const struct teller *teller, const struct instance_want *want, const struct instance_seen *seen)
{
    const char *type = CONDITION_ROLLOUT_WAITS;
    CLEANUP(freep) char *message = NULL;
    if (!instance_waits_for_turn(want, seen)) {
        condition_drop(teller->conditions, type);
        return;
    }
    if (!want->rollout_problem)
        message = mem_printf("its container is not yet as app %s is now; at most %" PRId64
                             " of its instances are made anew at a time",
                             want->spec.app, want->app.rollout.max_unavailable);
    tell(teller, type, CONDITION_TRUE, want->rollout_problem ? ROLLOUT_STOPPED : "Waiting",
         want->rollout_problem ? want->rollout_problem : message);
}

static bool version_failed(const struct instance_want *want)
{
    return str_equal(want->state.failed_version, want->spec.version) &&
           want->state.failed_generation == want->record.generation;
}

/* A step of this plan is what failed last, at this generation. */
static bool fails_again(const struct teller *teller, const struct plan *plan)
{
    const struct condition *ready = condition_find(teller->conditions, "Ready");
    if (!ready || ready->status != CONDITION_FALSE || ready->observed_generation != teller->generation)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct instance_step_traits *traits = &instance_step_traits[plan->steps[i].id];
        bool is_disk = str_equal(ready->reason, "DiskFull") && str_equal(teller->failed_step, traits->name);
        if (is_disk || (traits->failed && str_equal(ready->reason, traits->failed)))
            return true;
    }
    return false;
}

static void tell_ready(const struct teller *teller, const struct instance_want *want, const struct instance_seen *seen,
                       const struct plan *plan)
{
    const char *type = "Ready";
    if (want->deleting)
        tell(teller, type, CONDITION_FALSE, plan->blocked_reason ? plan->blocked_reason : "Deleting",
             plan->blocked_message);
    else if (seen->engine_away_ms || seen->server_away_ms)
        tell(teller, type, CONDITION_UNKNOWN, seen->engine_away_ms ? "EngineUnavailable" : "DatabaseServerUnavailable",
             plan->blocked_message);
    else if (str_equal(plan->blocked_reason, "NotSeen"))
        tell(teller, type, CONDITION_UNKNOWN, plan->blocked_reason, plan->blocked_message);
    else if (want->paused) /* before what is in the way: that message says what is done about it, and nothing is */
        tell(teller, type, is_healthy(teller, want, seen) ? CONDITION_TRUE : CONDITION_FALSE, "Paused",
             record_annotation(&want->record, ANNOTATION_PAUSED));
    else if (plan->blocked_reason)
        tell(teller, type, CONDITION_FALSE, plan->blocked_reason, plan->blocked_message);
    else if (want->state.swap.restore)
        tell(teller, type, CONDITION_FALSE, "Restoring",
             want->state.swap.going_back ? "the restored data did not prove healthy; the data of before comes back"
                                         : "the restored data is in place and has yet to become healthy");
    else if (version_failed(want))
        tell(teller, type, CONDITION_FALSE, "UpgradeFailed",
             "the upgrade failed; the version before it goes on. Change the record to try again");
    else if (fails_again(teller, plan))
        return; /* while it is tried again, the failure before is what there is to say */
    else if (plan->count)
        tell(teller, type, CONDITION_FALSE, want->state.initialised ? "Reconciling" : "Provisioning",
             plan->steps[0].name);
    else if (!want->running)
        tell(teller, type, CONDITION_TRUE, stopped_because(want), NULL);
    else if (want->state.previous)
        tell(teller, type, CONDITION_FALSE, "WaitingForHealth", "the new version has yet to become healthy");
    else if (!is_healthy(teller, want, seen))
        tell(teller, type, CONDITION_FALSE, container_runs(seen) ? "WaitingForHealth" : "Starting",
             seen->health.problem);
    else
        tell(teller, type, CONDITION_TRUE, "Running", NULL);
}

static const char *phase_of(const struct instance_want *want, const struct instance_seen *seen,
                            const struct condition *ready)
{
    if (want->deleting)
        return "Deleting";
    if (want->state.swap.restore || str_equal(ready->reason, "Restoring"))
        return "Restoring";
    if (!want->running && !container_runs(seen) && want->state.initialised && seen->container_is != THING_UNKNOWN)
        return want->suspended ? "Suspended" : "Stopped";
    if (!want->state.volume)
        return "Pending";
    if (!want->state.initialised)
        return "Provisioning";
    if (ready->status == CONDITION_TRUE)
        return "Running";
    bool starting = str_equal(ready->reason, "WaitingForHealth") && seen->health.health != HEALTH_UNHEALTHY;
    return starting && !want->state.previous ? "Provisioning" : "Degraded";
}

static char *url_of(const struct instance_want *want, const struct instance_seen *seen, const struct settings *settings)
{
    const struct app_port *port = want->has_app ? app_find_port(&want->app, NULL) : NULL;
    if (want->spec.domains.count)
        return mem_printf("%s://%s", settings->proxy_cert_resolver ? "https" : "http", want->spec.domains.items[0]);
    if (!port || !container_runs(seen))
        return NULL;
    if (want->state.port)
        return mem_printf("http://%s:%" PRId64, settings->publish_address, want->state.port);
    const char *address = json_text(json_object_get(seen->container.networks, want->network), "address");
    return address && address[0] ? mem_printf("http://%s:%" PRId64, address, port->port) : NULL;
}

static void fill_container(struct container_status *status, const struct instance_want *want,
                           const struct instance_seen *seen)
{
    bool ours = seen->container_is == THING_OURS;
    bool same_run =
        ours && str_equal(status->id, seen->container.id) &&
        (!seen->container.inspected || status->started_ms / SECOND_MS == seen->container.started_ms / SECOND_MS);
    set_text(&status->name, want->container);
    set_text(&status->id, ours ? seen->container.id : NULL);
    set_text(&status->image, ours ? seen->container.image : NULL);
    set_text(&status->digest, ours ? seen->container.image_id : NULL);
    if (!ours)
        status->started_ms = 0;
    else if (seen->container.inspected)
        status->started_ms = seen->container.started_ms;
    /* They are counted in memory: a daemon that has just begun does not take back what the one before told of this very run. */
    if (!same_run || seen->restarts > 0)
        status->restarts = seen->restarts;
}

void instance_status_fill(struct instance_status *status, const struct instance_want *want,
                          const struct instance_seen *seen, const struct plan *plan, const struct settings *settings,
                          int64_t now_ms)
{
    struct teller teller = { &status->conditions, want->record.generation, now_ms, status->failure.step };
    teller.believed = seen->health.health == HEALTH_STARTING && was_healthy(status, &seen->container);
    tell_database(&teller, want, seen);
    tell_container(&teller, want, seen);
    tell_health(&teller, want, seen);
    tell_resize(&teller, want, seen);
    if (!seen->engine_away_ms && seen->container_is != THING_UNKNOWN)
        tell_turn(&teller, want, seen);
    instance_tell_recovery(status, want, now_ms);
    tell_ready(&teller, want, seen, plan);
    const struct condition *ready = condition_find(&status->conditions, "Ready");
    set_text(&status->phase, phase_of(want, seen, ready));
    set_text(&status->message, ready->message);
    set_text(&status->version, want->state.version);
    status->observed_generation = want->record.generation;
    /* With a dead engine the last known container stays: the conditions say that it is not seen. */
    if (!seen->engine_away_ms && seen->container_is != THING_UNKNOWN) {
        free(status->url);
        status->url = url_of(want, seen, settings);
        fill_container(&status->container, want, seen);
    }
    if (want->last_drill.time_ms) { /* else what is known of one whose record is gone stays */
        struct drill_status *drill = &status->backup.last_drill;
        set_text(&drill->point, want->last_drill.point);
        set_text(&drill->result, want->last_drill.result);
        set_text(&drill->message, want->last_drill.message);
        drill->time_ms = want->last_drill.time_ms;
        drill->seconds = want->last_drill.seconds;
    }
    set_text(&status->database.name, want->spec.database.name);
    set_text(&status->database.role, want->role);
    set_text(&status->storage.volume, want->state.volume);
    status->storage.requested_bytes = want->spec.resources.storage_bytes;
}
