/*
 * What is known of the world without asking: containers as listed and inspected, databases, roles, probe results; and what
 * reconcilers remember only in memory (restart delays). Written by the controller (list passes, events, probes) and by reconcilers after
 * their own live looks; read by reconcilers. A cache: before an act that destroys or replaces, look live. Any thread; results are copies.
 */
#pragma once

#include "clients/docker/docker.h"
#include "clients/postgres/server.h"
#include "specs/record.h"

struct world;
struct world *world_new(void);
void world_free(struct world *world);

/* ---- containers of this installation ---- */

/*
 * A complete list replaces what was known; what an inspect told stays with a container of the same id, for a while. What the list held is the
 * world's then. `ret_missing`, initialised, gets those that were known and are not in it; containers_release() it.
 */
void world_take_containers(struct world *world, struct containers *list_taken, struct containers *ret_missing);
void world_put_container(struct world *world, const struct container *container); /* after an inspect */
void world_drop_container(struct world *world, const char *name_or_id);
/* How long what an inspect told is believed without news; the App's files in a container are compared as seldom. Once, before threads. */
void world_set_inspect_holds(struct world *world, int64_t holds_ms);
bool world_files_are_due(struct world *world, const char *id);
void world_note_files(struct world *world, const char *id); /* they are as they should be */
/* The inspected part is no longer to be trusted (an update event). */
void world_touch_container(struct world *world, const char *id);
enum world_answer { WORLD_UNKNOWN, WORLD_ABSENT, WORLD_PRESENT };
enum world_answer world_container(struct world *world, const char *name, struct container *ret);
/* The id's record key by its labels, from the last list; false: none of ours. */
bool world_container_owner(struct world *world, const char *id, struct record_key *ret_key);

/* ---- the engine ---- */

/*
 * A failed call marks the engine as away since then; a good list clears it. 0: it answers. One that comes back has ended containers by itself,
 * so the delays between restarts start anew.
 */
void world_set_engine(struct world *world, bool answers, const char *problem, int64_t now_wall_ms);
int64_t world_engine_away_since_ms(struct world *world, char **ret_problem); /* ret_problem may be NULL */
void world_set_host(struct world *world, const struct docker_host *host);
bool world_host(struct world *world, struct docker_host *ret); /* false: not known yet */

/* ---- databases and roles ---- */

/* A complete list, as server_list() gives it. */
void world_put_databases(struct world *world, const struct databases *list, const struct role_list *roles);
enum world_answer world_database(struct world *world, const char *name, struct database *ret);
enum world_answer world_role(struct world *world, const char *name, struct role_listed *ret); /* ret may be NULL */
/* After a live look; a role that is not there: NULL. */
void world_put_database(struct world *world, const struct database *database, const struct role_listed *role_or_null);
void world_forget_databases(struct world *world); /* unknown until the next pass */
void world_forget_database(struct world *world, const char *name);
void world_set_database_size(struct world *world, const char *name, int64_t bytes);
int64_t world_database_size(struct world *world, const char *name); /* -1: not known */
void world_set_volume_size(struct world *world, const char *name, int64_t bytes);
int64_t world_volume_size(struct world *world, const char *name); /* -1: not known */
void world_set_server(struct world *world, bool answers, const char *problem, int64_t now_wall_ms);
int64_t world_server_away_since_ms(struct world *world, char **ret_problem);

/* ---- health ---- */

/* What a reconciler wants probed, over HTTP by the loop; 2xx and 3xx are good. A changed container starts afresh. */
struct probe_target {
    struct record_key key;
    char uid[40];
    char container_id[72];
    char address[64];
    int port;
    char path[256];
    int64_t started_wall_ms;    /* of the container */
    int64_t startup_timeout_ms; /* failures before it count only when it has passed */
    int64_t failure_threshold;  /* failures in a row that make one unhealthy */
};
enum health { HEALTH_UNKNOWN, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
struct health_seen {
    enum health health;
    int64_t since_wall_ms;
    int64_t failures;  /* in a row */
    char problem[200]; /* of the last failed probe */
    bool was_healthy;  /* this container was healthy at least once */
};
void world_want_probe(struct world *world, const struct probe_target *target);
void world_end_probe(struct world *world, const char *uid);
/* UNKNOWN when another container is asked for than the one probed. */
struct health_seen world_health(struct world *world, const char *uid, const char *container_id);
/* The prober's side: targets whose time has come (at most `room`), and what became of one. True: health changed, so reconcile its key. */
size_t world_due_probes(struct world *world, int64_t now_mono_ms, struct probe_target *ret, size_t room,
                        int64_t *ret_next_mono_ms);
bool world_probe_result(struct world *world, const struct probe_target *target, bool good, const char *problem,
                        int64_t now_wall_ms, int64_t now_mono_ms);
/* Probed again at once (its container was started). */
void world_probe_now(struct world *world, const char *uid);

/* ---- growing delays between restarts of one instance, in memory ---- */

/* When it may be started again; 0: now. */
int64_t world_restart_allowed_wall_ms(struct world *world, const char *uid);
void world_note_restart(struct world *world, const char *uid, int64_t now_wall_ms); /* 0 s, 1 s, 2 s, 4 s ... 5 min */
int64_t world_restart_count(struct world *world, const char *uid);
void world_note_stable(struct world *world, const char *uid); /* healthy for long: the delay starts anew */
void world_forget(struct world *world, const char *uid);      /* the record is gone */

/* Whoever waits for a change of the world (an instance for its tenant's network ...) is woken by the controller through this. */
typedef void world_wake_fn(void *context, const struct record_key *key, int64_t after_ms);
void world_set_wake(struct world *world, world_wake_fn *wake, void *context);         /* once, before threads */
void world_wake(struct world *world, const struct record_key *key, int64_t after_ms); /* enqueue `key` */
