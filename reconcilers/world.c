/* The observed world in memory: one lock, three maps. See world.h; health and restart delays are in world_health.c. */
#include "reconcilers/names.h"
#include "reconcilers/world_internal.h"
#include "specs/kind.h"

enum { INSPECT_HOLDS_MS = 240000 }; /* older ones are looked at anew by the next resync */

/* A container as last heard of. */
struct heard {
    struct container container;
    int64_t inspected_mono_ms;
    int64_t files_mono_ms; /* when its files were last right; at first sight they are taken to be */
    int64_t list;          /* the last one that named it */
};

static void container_drop(void *value)
{
    struct heard *heard = value;
    container_release(&heard->container);
    free(heard);
}

static void database_drop_entry(void *value)
{
    database_release(value);
    free(value);
}

static void role_drop_entry(void *value)
{
    role_listed_release(value);
    free(value);
}

struct world *world_new(void)
{
    struct world *world = MEM_NEW(struct world);
    pthread_mutex_init(&world->lock, NULL);
    world->inspect_holds_ms = INSPECT_HOLDS_MS;
    world->containers = map_new(container_drop);
    world->container_names = map_new(free);
    world->databases = map_new(database_drop_entry);
    world->roles = map_new(role_drop_entry);
    world->database_sizes = map_new(free);
    world->volume_sizes = map_new(free);
    world->watched = map_new(free);
    return world;
}

void world_free(struct world *world)
{
    if (!world)
        return;
    map_free(world->containers);
    map_free(world->container_names);
    map_free(world->databases);
    map_free(world->roles);
    map_free(world->database_sizes);
    map_free(world->volume_sizes);
    map_free(world->watched);
    free(world->engine.problem);
    free(world->server.problem);
    pthread_mutex_destroy(&world->lock);
    free(world);
}

/* ---- containers ---- */

/* Or news of that one would be taken for those of whoever has its name now. The lock is held. */
static void forget_id(struct world *world, const struct container *container)
{
    if (str_equal(map_get(world->container_names, container->id), container->name))
        map_remove(world->container_names, container->id);
}

/* Both maps speak of the same container; the lock is held. */
static void remember(struct world *world, struct heard *heard_taken, const struct heard *before)
{
    bool same = before && str_equal(before->container.id, heard_taken->container.id);
    heard_taken->files_mono_ms = same ? before->files_mono_ms : clock_mono_ms();
    if (before && !same)
        forget_id(world, &before->container);
    map_put(world->container_names, heard_taken->container.id, mem_strdup(heard_taken->container.name));
    map_put(world->containers, heard_taken->container.name, heard_taken);
}

static struct heard *find(struct world *world, const char *name_or_id)
{
    struct heard *heard = map_get(world->containers, name_or_id);
    const char *name = heard ? NULL : map_get(world->container_names, name_or_id);
    return heard ? heard : name ? map_get(world->containers, name) : NULL;
}

static void swap_text(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

static void swap_json(json_t **a, json_t **b)
{
    json_t *kept = *a;
    *a = *b;
    *b = kept;
}

/* The list shows no limits, env and mounts: what an inspect told of the same container stays. It moves: `known` goes afterwards. */
static void keep_inspected(struct heard *fresh, struct heard *known)
{
    struct container *to = &fresh->container, *from = &known->container;
    if (!from->inspected || !str_equal(from->id, to->id))
        return;
    swap_text(&to->image, &from->image);
    swap_text(&to->error, &from->error);
    swap_text(&to->restart_policy, &from->restart_policy);
    swap_text(&to->user, &from->user);
    swap_json(&to->env, &from->env);
    swap_json(&to->command, &from->command);
    swap_json(&to->mounts, &from->mounts);
    to->exit_code = from->exit_code;
    to->oom_killed = from->oom_killed;
    to->started_ms = from->started_ms;
    to->finished_ms = from->finished_ms;
    to->memory_bytes = from->memory_bytes;
    to->memory_swap_bytes = from->memory_swap_bytes;
    to->nano_cpus = from->nano_cpus;
    to->pids_limit = from->pids_limit;
    /* It started or ended since: times and exit code are of the past. */
    to->inspected = from->state == to->state;
    fresh->inspected_mono_ms = known->inspected_mono_ms;
}

/* The same as remember(), in place: of most containers a list tells nothing new. */
static void renew(struct world *world, struct heard *heard, struct container *fresh_taken)
{
    struct heard fresh = { .container = *fresh_taken, .files_mono_ms = heard->files_mono_ms, .list = world->lists };
    keep_inspected(&fresh, heard);
    if (!str_equal(fresh.container.id, heard->container.id)) {
        fresh.files_mono_ms = clock_mono_ms();
        forget_id(world, &heard->container);
    }
    if (!str_equal(map_get(world->container_names, fresh.container.id), fresh.container.name))
        map_put(world->container_names, fresh.container.id, mem_strdup(fresh.container.name));
    container_release(&heard->container);
    *heard = fresh;
}

/* Those that the last list did not name. The lock is held. */
static void take_missing(struct world *world, struct containers *ret)
{
    size_t at = 0;
    const char *name;
    void *value;
    while (map_next(world->containers, &at, &name, &value)) {
        struct heard *heard = value;
        if (heard->list == world->lists)
            continue;
        forget_id(world, &heard->container);
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(ret->items[0]));
        ret->items[ret->count++] = heard->container;
        heard->container = (struct container){ 0 };
        map_remove(world->containers, name);
    }
}

void world_take_containers(struct world *world, struct containers *list_taken, struct containers *ret_missing)
{
    LOCK(world);
    world->lists++;
    for (size_t i = 0; i < list_taken->count; i++) {
        struct container *fresh = &list_taken->items[i];
        struct heard *heard = map_get(world->containers, fresh->name);
        if (heard) {
            renew(world, heard, fresh);
        } else {
            heard = MEM_NEW(struct heard);
            heard->container = *fresh;
            heard->list = world->lists;
            remember(world, heard, NULL);
        }
    }
    take_missing(world, ret_missing);
    world->containers_known = true;
    free(list_taken->items);
    *list_taken = (struct containers){ 0 };
}

void world_put_container(struct world *world, const struct container *container)
{
    struct heard *fresh = MEM_NEW(struct heard);
    container_copy(&fresh->container, container);
    fresh->inspected_mono_ms = clock_mono_ms();
    LOCK(world);
    const char *old_name = map_get(world->container_names, fresh->container.id);
    if (old_name && !str_equal(old_name, fresh->container.name))
        map_remove(world->containers, old_name);
    remember(world, fresh, map_get(world->containers, fresh->container.name));
}

void world_drop_container(struct world *world, const char *name_or_id)
{
    LOCK(world);
    struct heard *heard = find(world, name_or_id);
    if (!heard)
        return;
    CLEANUP(freep) char *name = mem_strdup(heard->container.name);
    map_remove(world->container_names, heard->container.id);
    map_remove(world->containers, name);
}

void world_touch_container(struct world *world, const char *id)
{
    LOCK(world);
    struct heard *heard = find(world, id);
    if (heard)
        heard->container.inspected = false;
}

void world_set_inspect_holds(struct world *world, int64_t holds_ms)
{
    world->inspect_holds_ms = holds_ms;
}

bool world_files_are_due(struct world *world, const char *id)
{
    LOCK(world);
    const struct heard *heard = find(world, id);
    return heard && clock_mono_ms() - heard->files_mono_ms > world->inspect_holds_ms;
}

void world_note_files(struct world *world, const char *id)
{
    LOCK(world);
    struct heard *heard = find(world, id);
    if (heard)
        heard->files_mono_ms = clock_mono_ms();
}

static void copy_heard(struct container *to, const struct heard *heard, int64_t holds_ms)
{
    container_copy(to, &heard->container);
    if (clock_mono_ms() - heard->inspected_mono_ms > holds_ms)
        to->inspected = false;
}

enum world_answer world_container(struct world *world, const char *name, struct container *ret)
{
    LOCK(world);
    const struct heard *heard = map_get(world->containers, name);
    if (heard && ret)
        copy_heard(ret, heard, world->inspect_holds_ms);
    return heard ? WORLD_PRESENT : world->containers_known ? WORLD_ABSENT : WORLD_UNKNOWN;
}

bool world_container_owner(struct world *world, const char *id, struct record_key *ret_key)
{
    LOCK(world);
    const struct heard *heard = find(world, id);
    const json_t *labels = heard ? heard->container.labels : NULL;
    const struct kind *kind = heard ? kind_by_name(json_text(labels, LABEL_KIND)) : NULL;
    if (!kind)
        return false;
    const char *namespace = json_text(labels, LABEL_NAMESPACE), *name = json_text(labels, LABEL_NAME);
    return name && record_key_set(ret_key, kind->id, namespace ? namespace : "", name);
}

/* ---- neighbours that may be away ---- */

static void set_neighbour(struct world *world, struct neighbour *neighbour, bool answers, const char *problem,
                          int64_t now_ms)
{
    LOCK(world);
    free(neighbour->problem);
    neighbour->problem = answers ? NULL : mem_strdup(problem);
    if (answers)
        neighbour->away_since_ms = 0;
    else if (!neighbour->away_since_ms)
        neighbour->away_since_ms = now_ms;
}

static int64_t away_since(struct world *world, const struct neighbour *neighbour, char **ret_problem)
{
    LOCK(world);
    if (ret_problem)
        *ret_problem = mem_strdup(neighbour->problem);
    return neighbour->away_since_ms;
}

void world_set_engine(struct world *world, bool answers, const char *problem, int64_t now_wall_ms)
{
    bool was_away = away_since(world, &world->engine, NULL) != 0;
    set_neighbour(world, &world->engine, answers, problem, now_wall_ms);
    if (answers && was_away)
        world_note_all_stable(world);
}

int64_t world_engine_away_since_ms(struct world *world, char **ret_problem)
{
    return away_since(world, &world->engine, ret_problem);
}

void world_set_server(struct world *world, bool answers, const char *problem, int64_t now_wall_ms)
{
    set_neighbour(world, &world->server, answers, problem, now_wall_ms);
}

int64_t world_server_away_since_ms(struct world *world, char **ret_problem)
{
    return away_since(world, &world->server, ret_problem);
}

void world_set_host(struct world *world, const struct docker_host *host)
{
    LOCK(world);
    world->host = *host;
    world->host_known = true;
}

bool world_host(struct world *world, struct docker_host *ret)
{
    LOCK(world);
    *ret = world->host;
    return world->host_known;
}

/* ---- databases and roles ---- */

static void copy_database(struct database *to, const struct database *from)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->owner = mem_strdup(from->owner);
    to->comment = mem_strdup(from->comment);
}

static void copy_role(struct role_listed *to, const struct role_listed *from)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->verifier_digest = mem_strdup(from->verifier_digest);
}

static bool same_database(const struct database *a, const struct database *b)
{
    return str_equal(a->owner, b->owner) && str_equal(a->comment, b->comment) &&
           a->public_can_connect == b->public_can_connect && a->allow_connections == b->allow_connections &&
           a->deviates == b->deviates && a->connections == b->connections && a->size_bytes == b->size_bytes;
}

static bool same_role(const struct role_listed *a, const struct role_listed *b)
{
    return a->can_login == b->can_login && a->connection_limit == b->connection_limit && a->deviates == b->deviates &&
           str_equal(a->verifier_digest, b->verifier_digest);
}

/* The lock is held, here and below. One that is known as it is stays: of most a list tells nothing new. */
static void put_database(struct world *world, const struct database *database)
{
    const struct database *known = map_get(world->databases, database->name);
    if (known && same_database(known, database))
        return;
    struct database *copy = MEM_NEW(struct database);
    copy_database(copy, database);
    map_put(world->databases, copy->name, copy);
}

static void put_role(struct world *world, const struct role_listed *role)
{
    const struct role_listed *known = map_get(world->roles, role->name);
    if (known && same_role(known, role))
        return;
    struct role_listed *copy = MEM_NEW(struct role_listed);
    copy_role(copy, role);
    map_put(world->roles, copy->name, copy);
}

static void put_lists(struct world *world, const struct databases *list, const struct role_list *roles)
{
    for (size_t i = 0; i < list->count; i++)
        put_database(world, &list->items[i]);
    for (size_t i = 0; i < roles->count; i++)
        put_role(world, &roles->items[i]);
}

void world_put_databases(struct world *world, const struct databases *list, const struct role_list *roles)
{
    LOCK(world);
    put_lists(world, list, roles);
    /* More are known than there are: some have gone. */
    if (map_count(world->databases) > list->count || map_count(world->roles) > roles->count) {
        map_free(world->databases);
        map_free(world->roles);
        world->databases = map_new(database_drop_entry);
        world->roles = map_new(role_drop_entry);
        put_lists(world, list, roles);
    }
    world->databases_known = true;
}

enum world_answer world_database(struct world *world, const char *name, struct database *ret)
{
    LOCK(world);
    const struct database *database = map_get(world->databases, name);
    if (database && ret)
        copy_database(ret, database);
    return database ? WORLD_PRESENT : world->databases_known ? WORLD_ABSENT : WORLD_UNKNOWN;
}

enum world_answer world_role(struct world *world, const char *name, struct role_listed *ret)
{
    LOCK(world);
    const struct role_listed *role = map_get(world->roles, name);
    if (role && ret)
        copy_role(ret, role);
    return role ? WORLD_PRESENT : world->databases_known ? WORLD_ABSENT : WORLD_UNKNOWN;
}

void world_put_database(struct world *world, const struct database *database, const struct role_listed *role_or_null)
{
    LOCK(world);
    put_database(world, database);
    if (role_or_null)
        put_role(world, role_or_null);
}

void world_forget_databases(struct world *world)
{
    LOCK(world);
    world->databases_known = false;
}

void world_forget_database(struct world *world, const char *name)
{
    LOCK(world);
    map_remove(world->databases, name);
    map_remove(world->database_sizes, name);
}

static void put_size(struct world *world, struct map *sizes, const char *name, int64_t bytes)
{
    int64_t *value = mem_zalloc(sizeof(*value));
    *value = bytes;
    LOCK(world);
    map_put(sizes, name, value);
}

static int64_t get_size(struct world *world, const struct map *sizes, const char *name)
{
    LOCK(world);
    const int64_t *value = map_get(sizes, name);
    return value ? *value : -1;
}

void world_set_database_size(struct world *world, const char *name, int64_t bytes)
{
    put_size(world, world->database_sizes, name, bytes);
}

int64_t world_database_size(struct world *world, const char *name)
{
    return get_size(world, world->database_sizes, name);
}

void world_set_volume_size(struct world *world, const char *name, int64_t bytes)
{
    put_size(world, world->volume_sizes, name, bytes);
}

int64_t world_volume_size(struct world *world, const char *name)
{
    return get_size(world, world->volume_sizes, name);
}

/* ---- waking the controller ---- */

void world_set_wake(struct world *world, world_wake_fn *wake, void *context)
{
    world->wake = wake;
    world->wake_context = context;
}

void world_wake(struct world *world, const struct record_key *key, int64_t after_ms)
{
    if (world->wake)
        world->wake(world->wake_context, key, after_ms);
}
