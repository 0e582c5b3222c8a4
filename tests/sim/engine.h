/*
 * The inside of the simulated Docker Engine (docker.c, docker_things.c), for those who look at the world or hurt it past the header. What it
 * answers is held to the real engine's answers by tests/contract/docker_contract.c.
 */
#pragma once

#include "clients/docker/docker.h"
#include "tests/sim/sim.h"

/* What stands in a database or a volume: made together by an `init`, or not. */
struct sim_data {
    uint64_t token; /* of the init that made it; a clone's is its template's, until its own command ran */
    enum { SIM_EMPTY, SIM_HALF, SIM_WHOLE } state;
    bool
        is_counted; /* its record's state called it initialised at some time: nobody may destroy it without being asked */
    char owner[40]; /* the uid whose record counted it */
};

struct sim_container {
    struct container seen; /* as an inspect shows it; networks without addresses while it does not run */
    json_t *files;         /* path -> {"text", "mode", "uid", "gid"} */
    bool is_hung;
    bool is_held;    /* the engine holds on to its last run, as one does that was killed: it never starts again */
    int64_t ends_ms; /* by itself; 0: never */
    int planned_exit;
    bool is_job; /* one that the programs told to be so, for end() */
};
struct sim_network {
    char *id, *name, *subnet;
    json_t *labels;
    struct map *members; /* id of a running container -> the container, borrowed */
    int last_address;
};
struct sim_volume {
    char *name;
    json_t *labels;
    int64_t created_ms;
    struct sim_data data;
};
struct sim_image {
    char *id, *user;
};
struct sim_event {
    const char *type; /* container, network */
    char *action, *id;
    json_t *attributes;
};

struct sim_engine {
    struct map *containers;      /* id -> struct sim_container */
    struct map *container_names; /* name -> the same, borrowed */
    struct map *labelled;        /* "key=value", "key" -> struct map: id -> the same, borrowed */
    struct map *networks, *volumes;
    struct map *images;         /* reference -> struct sim_image */
    struct map *registry;       /* reference -> struct sim_image: what can be pulled */
    struct map *removed_images; /* owned here, as containers point at nothing of theirs */
    uint64_t last_id;
    size_t ending; /* containers with an end to come */
    bool has_listener;
    bool measures; /* else it says that it is busy with that, for another */
    struct sim_event *events;
    size_t event_count;
    struct docker_host host;
};

struct sim_programs {
    /* A container was started: how long it runs (< 0: until it is ended) and with which code it ends then. */
    void (*begin)(void *context, struct sim_container *container, int64_t *ret_lasts_ms, int *ret_exit_code);
    /* It came to its own end (only those whose begin() gave one). */
    void (*finish)(void *context, struct sim_container *container);
};

/* What every simulated image has. */
#define SIM_IMAGE_ENV     "PATH=/app:/bin"
#define SIM_IMAGE_COMMAND "/app/serve"

struct sim_engine *sim_engine_new(void);
void sim_engine_free(struct sim_engine *engine);
/* A reference that is on the host, or that a registry has. */
void sim_image_add(const char *reference, const char *id, const char *user);
void sim_registry_add(const char *reference, const char *id, const char *user);
void sim_image_remove(const char *reference);
/* Ends what was to end by now. Every call does so first. */
void sim_engine_tick(void);
struct sim_container *sim_container_find(const char *name_or_id);
/* The process ends, by whatever hand. */
void sim_container_end(struct sim_container *container, int exit_code);
const char *sim_container_env(const struct sim_container *container, const char *name); /* NULL: not set */
/* The next line of the event stream, owned; NULL: none. They are kept only while somebody listens. */
char *sim_event_take(void);
void sim_events_clear(void);

/* ---- for docker_things.c ---- */

char *sim_engine_id(void);
bool sim_volume_is_used(const char *name);
json_t *sim_labels(const json_t *labels);
bool sim_has_label(const json_t *labels, const char *key_and_value);
void sim_labelled_add(struct map *labelled, struct sim_container *container);
void sim_labelled_remove(struct map *labelled, const struct sim_container *container);
void sim_labelled_free(void *containers);
void sim_event_add(const struct sim_container *container, const char *action);
void sim_network_event(const struct sim_network *network, const char *action, const char *container_id_or_null);
/* Puts a running container on the network, or takes it off. */
void sim_network_join(struct sim_network *network, struct sim_container *container);
void sim_network_leave(struct sim_network *network, struct sim_container *container);
struct sim_network *sim_network_find(const char *name);
