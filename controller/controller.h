/*
 * The controller: compares, all the time, the records with the world, and makes the world match. It owns the loop thread, the workers, the list pass
 * and the follower of changes; whoever starts it lends it the rest.
 */
#pragma once

#include "reconcilers/reconcile.h"
#include "specs/config.h"
#include "store/feed.h"

/* All borrowed until controller_stop(). */
struct controller_options {
    const struct config_controller *config;
    const struct config_leader *leader;
    const char *holder, *name; /* see struct leader_options */
    struct world *world;
    const struct settings *settings;
    const struct store_options *store;
    const struct docker_options *docker;
    const char *server_url;
    struct feed *feed;
};
struct controller;
bool controller_start(const struct controller_options *options, struct controller **ret_controller,
                      struct err *err) MUST_USE;
/* Cancels what runs (it is taken up again at the next start) and waits for it. NULL does nothing. */
void controller_stop(struct controller *controller);
