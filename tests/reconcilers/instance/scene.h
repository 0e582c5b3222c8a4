/* Scenes for tables of plans: an instance that runs as wished, from which each row departs. */
#pragma once

#include "reconcilers/instance/instance.h"
#include "tests/check.h"

#define GIB    (INT64_C(1) << 30)
#define NOW_MS INT64_C(1000000)

struct scene {
    struct instance_want want;
    struct instance_seen seen;
};

/* ---- scenes: each changes a scene of an instance that runs as wished ---- */

static inline void settled(struct scene *scene)
{
    static char version[] = "1.0", image[] = "app:1", volume[] = "td-acme.erp-0123", path[] = "/health",
                database[] = "acme_erp";
    static char app[] = "tiny", uid[] = "0123", publish[] = "none", restart_policy[] = "no", id[] = "c1",
                container[] = "td-acme.erp", network[] = "td-acme", role[] = "td_x_0123", job[] = "td-acme.erp.job",
                hash[] = "h1";
    struct instance_want *want = &scene->want;
    struct instance_seen *seen = &scene->seen;
    *scene = (struct scene){ 0 };
    record_init(&want->record);
    record_key_set(&want->record.key, KIND_INSTANCE, "acme", "erp");
    want->record.uid = uid;
    want->record.generation = 3;
    want->spec = (struct instance_spec){ .app = app,
                                         .version = version,
                                         .publish = publish,
                                         .resources = { 1000, GIB, 10 * GIB },
                                         .database = { database },
                                         .deletion_policy = DELETION_DELETE };
    want->has_tenant = want->has_app = want->secrets_complete = want->running = true;
    want->app.health.path = path;
    want->app.health.failure_threshold = 3;
    want->state = (struct instance_state){ .volume = volume, .initialised = true, .version = version };
    want->state.applied = json_pack("{s:s}", "demoData", "false");
    want->version = version;
    want->image = image;
    want->container = container;
    want->network = network;
    want->role = role;
    want->job = job;
    want->rendered.hash = hash;
    *seen = (struct instance_seen){ .look = LOOK_LIVE,
                                    .container_is = THING_OURS,
                                    .container_matches = true,
                                    .on_network = true,
                                    .job_is = THING_ABSENT,
                                    .network_is = THING_OURS,
                                    .volume_is = THING_OURS,
                                    .image_is = THING_OURS,
                                    .database_is = THING_OURS,
                                    .role_is = THING_OURS,
                                    .role_right = true,
                                    .database_right = true,
                                    .memory_use = -1,
                                    .host_known = true,
                                    .host = { 4000, 8 * GIB } };
    seen->health.health = HEALTH_HEALTHY;
    seen->container = (struct container){ .id = id,
                                          .state = CONTAINER_RUNNING,
                                          .inspected = true,
                                          .memory_bytes = GIB,
                                          .memory_swap_bytes = GIB,
                                          .nano_cpus = 1000000000,
                                          .pids_limit = PIDS_LIMIT,
                                          .restart_policy = restart_policy };
}

/* All its texts are static. */
static inline void scene_release(struct scene *scene)
{
    json_decref(scene->want.state.applied);
    json_decref(scene->want.state.swap.before);
    scene->want.record.uid = NULL;
    record_release(&scene->want.record);
}
