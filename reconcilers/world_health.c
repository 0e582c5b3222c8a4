/* Health by probes, and the delays between restarts, per instance uid; part of struct world. */
#include "base/crypto.h"
#include "reconcilers/world_internal.h"

enum {
    PROBE_FAST_MS = 2000,  /* until healthy */
    PROBE_SLOW_MS = 30000, /* from then on */
    PROBE_FIRST_MS = 250,  /* after a start: small applications answer at once */
    DELAY_FIRST_MS = 1000,
    DELAY_MAX_MS = 300000,
};

struct watched {
    bool wanted; /* a probe target is set */
    bool in_flight;
    struct probe_target target;
    struct health_seen seen;
    int64_t next_mono_ms;
    int64_t fast_tries;
    int64_t restarts;        /* without a stable time between */
    int64_t restart_wall_ms; /* when the next one may be */
};

static struct watched *watched_of(struct world *world, const char *uid)
{
    struct watched *watched = map_get(world->watched, uid);
    if (!watched) {
        watched = MEM_NEW(struct watched);
        map_put(world->watched, uid, watched);
    }
    return watched;
}

void world_want_probe(struct world *world, const struct probe_target *target)
{
    LOCK(world);
    struct watched *watched = watched_of(world, target->uid);
    bool same_run = watched->wanted && str_equal(watched->target.container_id, target->container_id) &&
                    watched->target.started_wall_ms == target->started_wall_ms;
    watched->target = *target;
    watched->wanted = true;
    if (!same_run) {
        watched->seen = (struct health_seen){ .health = HEALTH_STARTING, .since_wall_ms = target->started_wall_ms };
        watched->next_mono_ms = 0;
        watched->fast_tries = 0;
    }
}

void world_end_probe(struct world *world, const char *uid)
{
    LOCK(world);
    struct watched *watched = map_get(world->watched, uid);
    if (!watched)
        return;
    watched->wanted = false;
    watched->seen = (struct health_seen){ 0 };
}

struct health_seen world_health(struct world *world, const char *uid, const char *container_id)
{
    LOCK(world);
    const struct watched *watched = map_get(world->watched, uid);
    if (!watched || !watched->wanted || !str_equal(watched->target.container_id, container_id))
        return (struct health_seen){ 0 };
    return watched->seen;
}

size_t world_due_probes(struct world *world, int64_t now_mono_ms, struct probe_target *ret, size_t room,
                        int64_t *ret_next_mono_ms)
{
    LOCK(world);
    size_t count = 0, at = 0;
    void *value;
    *ret_next_mono_ms = now_mono_ms + PROBE_SLOW_MS;
    while (map_next(world->watched, &at, NULL, &value)) {
        struct watched *watched = value;
        if (!watched->wanted || watched->in_flight)
            continue;
        if (watched->next_mono_ms <= now_mono_ms && count < room) {
            watched->in_flight = true;
            ret[count++] = watched->target;
        } else if (watched->next_mono_ms < *ret_next_mono_ms) {
            *ret_next_mono_ms = watched->next_mono_ms;
        }
    }
    return count;
}

static int64_t until_next_probe(struct watched *watched)
{
    if (watched->seen.health == HEALTH_HEALTHY && watched->seen.failures == 0)
        return PROBE_SLOW_MS - (int64_t)random_below(PROBE_SLOW_MS / 5);
    /* 250 ms, 500 ms, 1 s, then every 2 s: what starts quickly is seen quickly. */
    int64_t wait = PROBE_FAST_MS;
    if (watched->fast_tries < 3)
        wait = PROBE_FIRST_MS << watched->fast_tries++;
    return wait;
}

bool world_probe_result(struct world *world, const struct probe_target *target, bool good, const char *problem,
                        int64_t now_wall_ms, int64_t now_mono_ms)
{
    LOCK(world);
    struct watched *watched = map_get(world->watched, target->uid);
    if (!watched)
        return false;
    watched->in_flight = false;
    /* An answer of a container that is no longer the one asked about. */
    if (!watched->wanted || !str_equal(watched->target.container_id, target->container_id) ||
        watched->target.started_wall_ms != target->started_wall_ms)
        return false;
    struct health_seen *seen = &watched->seen;
    enum health before = seen->health;
    if (good) {
        seen->failures = 0;
        seen->problem[0] = '\0';
        seen->health = HEALTH_HEALTHY;
        seen->was_healthy = true;
    } else {
        seen->failures++;
        snprintf(seen->problem, sizeof(seen->problem), "%s", problem);
        bool starting_is_over = now_wall_ms - target->started_wall_ms >= target->startup_timeout_ms;
        /* One failure is none: also not of an old container that we begin to watch, after a restart of ours. */
        if ((seen->was_healthy || starting_is_over) && seen->failures >= target->failure_threshold)
            seen->health = HEALTH_UNHEALTHY;
    }
    if (seen->health != before)
        seen->since_wall_ms = now_wall_ms;
    watched->next_mono_ms = now_mono_ms + until_next_probe(watched);
    return seen->health != before;
}

void world_probe_now(struct world *world, const char *uid)
{
    LOCK(world);
    struct watched *watched = map_get(world->watched, uid);
    if (watched)
        watched->next_mono_ms = 0;
}

int64_t world_restart_allowed_wall_ms(struct world *world, const char *uid)
{
    LOCK(world);
    const struct watched *watched = map_get(world->watched, uid);
    return watched ? watched->restart_wall_ms : 0;
}

void world_note_restart(struct world *world, const char *uid, int64_t now_wall_ms)
{
    LOCK(world);
    struct watched *watched = watched_of(world, uid);
    int64_t delay = DELAY_MAX_MS;
    if (watched->restarts < 9)
        delay = DELAY_FIRST_MS << watched->restarts;
    if (delay > DELAY_MAX_MS)
        delay = DELAY_MAX_MS;
    watched->restarts++;
    watched->restart_wall_ms = now_wall_ms + delay;
}

int64_t world_restart_count(struct world *world, const char *uid)
{
    LOCK(world);
    const struct watched *watched = map_get(world->watched, uid);
    return watched ? watched->restarts : 0;
}

void world_note_stable(struct world *world, const char *uid)
{
    LOCK(world);
    struct watched *watched = map_get(world->watched, uid);
    if (!watched)
        return;
    watched->restarts = 0;
    watched->restart_wall_ms = 0;
}

void world_note_all_stable(struct world *world)
{
    LOCK(world);
    size_t at = 0;
    void *value;
    while (map_next(world->watched, &at, NULL, &value)) {
        struct watched *watched = value;
        watched->restarts = 0;
        watched->restart_wall_ms = 0;
    }
}

void world_forget(struct world *world, const char *uid)
{
    LOCK(world);
    map_remove(world->watched, uid);
}
