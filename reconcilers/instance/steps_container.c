/* The effects on an instance's container; see steps.c for the others and the table. */
#include "base/log.h"
#include "reconcilers/instance/steps_internal.h"
#include "reconcilers/network.h"

enum {
    PULL_TIMEOUT_MS = 3600000,
    START_TIMEOUT_MS = 120000,
    STARTS_TRIED = 3,       /* of a container that ended, before it is made anew */
    GRACE_EXTRA_MS = 30000, /* on top of stopTimeout, for Docker itself */
};

bool step_pull_image(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                     struct err *err)
{
    (void)seen;
    struct call call = call_within(&ctx->call, PULL_TIMEOUT_MS);
    const struct image_credentials *credentials = workload_credentials(ctx->settings, want->image);
    return image_pull(ctx->docker, want->image, credentials, NULL, NULL, &call, err) ||
           err_wrap(err, "pull image %s", want->image);
}

bool step_remove_job(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                     struct err *err)
{
    (void)seen;
    return workload_remove_job(ctx, &want->record.key, want->record.uid, err);
}

bool step_stop(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
               struct err *err)
{
    struct call call = call_within(&ctx->call, want->app.stop_timeout_ms + GRACE_EXTRA_MS);
    world_end_probe(ctx->world, want->record.uid);
    /* Docker cannot stop what is frozen. */
    if (seen->container.state == CONTAINER_PAUSED && !container_unpause(ctx->docker, seen->container.id, &call, err))
        return false;
    if (!container_stop(ctx->docker, seen->container.id, want->app.stop_timeout_ms, &call, err))
        return false;
    world_note_stable(ctx->world, want->record.uid); /* this end was our own */
    return true;
}

bool step_remove_container(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    /* By id: what took the name in the meantime is not meant. */
    if (!container_remove(ctx->docker, seen->container.id, &ctx->call, &problem) && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    world_end_probe(ctx->world, want->record.uid);
    world_drop_container(ctx->world, seen->container.id);
    return true;
}

bool step_create_container(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    (void)seen;
    struct numeric_user user;
    return workload_user(ctx, &want->workload, &user, err) &&
           workload_create(ctx, &want->workload, &want->rendered, &user, err);
}

bool step_resize(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                 struct err *err)
{
    struct container_resources resources = {
        .memory_bytes = want->spec.resources.memory_bytes,
        .nano_cpus = want->spec.resources.cpu_millicores * 1000000,
        .pids_limit = PIDS_LIMIT,
        .restart_policy = "no",
    };
    if (!container_update(ctx->docker, seen->container.id, &resources, &ctx->call, err))
        return false;
    world_touch_container(ctx->world, seen->container.id);
    return true;
}

bool step_remove_leftovers(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    (void)want; /* by id: each carried its uid when it was looked at */
    for (size_t i = 0; i < seen->leftovers.count; i++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (container_remove(ctx->docker, seen->leftovers.items[i], &ctx->call, &problem) ||
            problem.code == ERR_NOT_FOUND)
            continue;
        err_move(err, &problem);
        return false;
    }
    return true;
}

bool step_rename(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                 struct err *err)
{
    if (!container_rename(ctx->docker, seen->container.id, want->container, &ctx->call, err))
        return false;
    world_drop_container(ctx->world, seen->container.id); /* under its old name */
    return true;
}

bool step_put_files(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                    struct err *err)
{
    if (!workload_put_files(ctx, &want->workload, &want->rendered, seen->container.id, err))
        return false;
    world_note_files(ctx->world, seen->container.id);
    return true;
}

bool step_connect(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                  struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (seen->network_is_stale &&
        !network_disconnect(ctx->docker, want->network, seen->container.id, &ctx->call, &problem) &&
        problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    return network_attach(ctx, want->network, seen->container.id, err);
}

bool step_unpause(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                  struct err *err)
{
    (void)want;
    return container_unpause(ctx->docker, seen->container.id, &ctx->call, err);
}

/* Somebody else on this host listens on the port we chose: another one is chosen at the next look. */
static void give_up_port(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (instance_publish_wish(&want->spec) >= 0 || !want->state.port)
        return;
    log_info("published port is in use, choosing another", LOG_INT("port", want->state.port));
    want->state.port = 0;
    if (!instance_state_save(ctx, want, &problem) ||
        !store_claim_drop(ctx->store, CLAIM_PORT, want->record.uid, &problem))
        err_wrap(err, "%s", err_message(&problem));
}

/*
 * One whose start the engine refuses again and again is not tried for ever: an engine that was killed may hold on to a container's last run,
 * or to a network that it has forgotten. There is nothing in it that is not made anew, so it goes, and the next look makes another.
 */
static bool is_beyond_hope(const struct instance_seen *seen, enum err_code refusal)
{
    return seen->container_is == THING_OURS && seen->restarts >= STARTS_TRIED &&
           (refusal == ERR_REMOTE || refusal == ERR_NOT_FOUND);
}

static void give_up_container(struct reconcile_context *ctx, struct instance_want *want,
                              const struct instance_seen *seen, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    log_info("Docker does not start the container any more, making another", LOG_STR("container", want->container));
    if (!step_remove_container(ctx, want, seen, &problem))
        err_wrap(err, "%s", err_message(&problem));
}

static bool remember_restart_wish(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    const char *restarted_at = record_annotation(&want->record, ANNOTATION_RESTARTED_AT);
    if (!restarted_at || str_equal(restarted_at, want->state.restarted_at))
        return true;
    free(want->state.restarted_at);
    want->state.restarted_at = mem_strdup(restarted_at);
    return instance_state_save(ctx, want, err);
}

bool step_start(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                struct err *err)
{
    struct call call = call_within(&ctx->call, START_TIMEOUT_MS);
    /* An end that nobody asked for: each start after it waits longer than the one before. */
    bool ended_by_itself =
        seen->container_is == THING_OURS && seen->container_matches && seen->container.state == CONTAINER_EXITED;
    if (ended_by_itself)
        world_note_restart(ctx->world, want->record.uid, clock_wall_ms());
    if (!container_start(ctx->docker, want->container, &call, err)) {
        if (strstr(err_message(err), "marked for removal"))
            return err_set(err, ERR_NOT_FOUND, "start %s: somebody is removing it", want->container);
        if (strstr(err_message(err), "port is already allocated") || strstr(err_message(err), "address already in use"))
            give_up_port(ctx, want, err);
        if (is_beyond_hope(seen, err->code))
            give_up_container(ctx, want, seen, err);
        return err_wrap(err, "start %s", want->container);
    }
    return remember_restart_wish(ctx, want, err);
}

bool step_restart(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                  struct err *err)
{
    struct call call = call_within(&ctx->call, want->app.stop_timeout_ms + START_TIMEOUT_MS);
    if (seen->health.health == HEALTH_UNHEALTHY)
        world_note_restart(ctx->world, want->record.uid, clock_wall_ms());
    world_end_probe(ctx->world, want->record.uid);
    return container_restart(ctx->docker, seen->container.id, want->app.stop_timeout_ms, &call, err) &&
           remember_restart_wish(ctx, want, err);
}
