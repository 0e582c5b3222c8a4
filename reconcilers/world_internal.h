/* The body of struct world, for world.c and world_health.c alone. */
#pragma once

#include <pthread.h>

#include "base/map.h"
#include "reconcilers/world.h"

/* Since when something outside does not answer. */
struct neighbour {
    int64_t away_since_ms; /* 0: it answers */
    char *problem;
};

struct world {
    pthread_mutex_t lock;        /* guards all below but wake */
    struct map *containers;      /* name -> struct heard (world.c) */
    struct map *container_names; /* id -> name */
    bool containers_known;       /* a complete list came */
    int64_t lists;               /* that came so far */
    int64_t inspect_holds_ms;    /* constant */
    struct neighbour engine, server;
    struct docker_host host;
    bool host_known;
    struct map *databases; /* name -> struct database */
    struct map *roles;     /* name -> struct role_listed */
    bool databases_known;
    struct map *database_sizes, *volume_sizes; /* name -> int64_t */
    struct map *watched;                       /* uid -> struct watched (world_health.c) */
    world_wake_fn *wake;
    void *wake_context;
};

static inline void world_unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}
/* Until the end of the scope. */
#define LOCK(world)                                                                                                    \
    pthread_mutex_t *lock_ CLEANUP(world_unlock) = &(world)->lock;                                                     \
    pthread_mutex_lock(lock_)

/* Every delay between restarts starts anew. */
void world_note_all_stable(struct world *world);
