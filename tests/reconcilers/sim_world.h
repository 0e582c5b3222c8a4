/* The simulated world around single steps and looks: what a reconcile has, and one instance acme/erp in the store. */
#pragma once

#include "reconcilers/instance/instance.h"
#include "reconcilers/names.h"
#include "tests/check.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"

struct sim_world {
    struct reconcile_context ctx;
    struct record instance;
};

static const struct settings sim_world_settings = { .installation = "0a1b2c", .prefix = "td" };

static inline void sim_world_record(struct sim_world *world, enum kind_id kind, const char *namespace, const char *name,
                                    struct record *ret)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct store_write write = { .who = "user" };
    record_init(ret);
    assert_true(record_key_set(&ret->key, kind, namespace, name));
    assert_ok(store_create(world->ctx.store, ret, &write, &err), &err);
}

static inline void sim_world_open(struct sim_world *world)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record tenant = { 0 };
    static const struct docker_options options = { 0 };
    sim_open(1);
    *world = (struct sim_world){ .ctx = { .world = world_new(), .settings = &sim_world_settings } };
    world->ctx.store = store_new(NULL);
    world->ctx.server = server_new(NULL, sim_world_settings.installation);
    assert_ok(docker_open(&options, &world->ctx.docker, &err), &err);
    sim_world_record(world, KIND_TENANT, "", "acme", &tenant);
    sim_world_record(world, KIND_INSTANCE, "acme", "erp", &world->instance);
}

static inline void sim_world_close(struct sim_world *world)
{
    record_release(&world->instance);
    docker_free(world->ctx.docker);
    server_free(world->ctx.server);
    store_free(world->ctx.store);
    world_free(world->ctx.world);
    sim_close();
}
