/* What is there of an instance: from the cache, or by asking everybody now. */
#include "reconcilers/app/rollout.h"
#include "reconcilers/instance/instance.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/volume.h"

void instance_seen_release(struct instance_seen *seen)
{
    container_release(&seen->container);
    strv_release(&seen->leftovers);
    free(seen->last_output);
    free(seen->engine_problem);
    free(seen->server_problem);
    *seen = (struct instance_seen){ 0 };
}

static enum thing whose(struct reconcile_context *ctx, const struct instance_want *want, const json_t *labels)
{
    return name_is_ours(ctx->settings, labels, want->record.uid) ? THING_OURS : THING_STRANGER;
}

/* `image_or_null`: the one that is asked for, where it was looked at. */
static void judge_container(const struct instance_want *want, const struct image *image_or_null,
                            struct instance_seen *seen)
{
    if (seen->container_is != THING_OURS)
        return;
    /* One that was created and not started may lack its files (we were killed in between); a dead one can only be removed. */
    bool usable = seen->container.state != CONTAINER_CREATED && seen->container.state != CONTAINER_DEAD;
    seen->container_matches = usable && want->rendered.hash &&
                              workload_matches(&want->workload, &want->rendered, &seen->container, image_or_null);
    seen->container_outdated = want->rendered.hash && workload_is_outdated(&want->rendered, &seen->container);
    seen->on_network = json_object_get(seen->container.networks, want->network) != NULL;
}

static void judge_database(const struct instance_want *want, const struct database *database,
                           struct instance_seen *seen)
{
    bool owned = str_equal(database->owner, want->role), stamped = str_equal(database->comment, want->stamp);
    /* The comment is the owner's to change: who owns it as this record's own role is believed, and the stamp put back. */
    seen->database_unstamped = owned && !stamped;
    seen->database_is = owned || stamped ? THING_OURS : THING_STRANGER;
    seen->database_right = owned && database->allow_connections && !database->public_can_connect && !database->deviates;
}

/* ---- from the cache ---- */

static enum thing thing_of(enum world_answer answer)
{
    return answer == WORLD_ABSENT ? THING_ABSENT : THING_UNKNOWN;
}

static void look_cached(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen)
{
    enum world_answer answer = world_container(ctx->world, want->container, &seen->container);
    seen->container_is = answer == WORLD_PRESENT ? whose(ctx, want, seen->container.labels) : thing_of(answer);
    judge_container(want, NULL, seen);
    CLEANUP(container_release) struct container job = { 0 };
    answer = world_container(ctx->world, want->job, &job);
    seen->job_is = answer == WORLD_PRESENT ? whose(ctx, want, job.labels) : thing_of(answer);
    /* Docker removes no volume that a container has, and no network that a running one is on. */
    seen->volume_is = seen->container_matches ? THING_OURS : THING_UNKNOWN;
    seen->network_is = seen->on_network ? THING_OURS : THING_UNKNOWN;
    seen->image_is = THING_UNKNOWN;
    CLEANUP(database_release) struct database database = { 0 };
    answer = world_database(ctx->world, want->spec.database.name, &database);
    seen->database_is = thing_of(answer);
    if (answer == WORLD_PRESENT)
        judge_database(want, &database, seen);
    CLEANUP(role_listed_release) struct role_listed role = { 0 };
    answer = world_role(ctx->world, want->role, &role);
    seen->role_is = answer == WORLD_PRESENT ? THING_OURS : thing_of(answer);
    CLEANUP(freep) char *digest = want->verifier ? server_verifier_digest(want->verifier) : NULL;
    seen->role_right = answer == WORLD_PRESENT && digest && str_equal(role.verifier_digest, digest) && role.can_login &&
                       !role.deviates && role.connection_limit == ctx->settings->role_connection_limit;
}

/* ---- live ---- */

/* Of a look that failed: not found is an answer, and any other end is none, from which nothing follows. */
static bool conclude(struct err *problem, enum thing *ret_is, struct err *err)
{
    bool is_absent = problem->code == ERR_NOT_FOUND;
    *ret_is = is_absent ? THING_ABSENT : THING_UNKNOWN;
    if (!is_absent)
        err_move(err, problem);
    return is_absent;
}

/* Inspects `name`: what it is, and the container itself in `ret`. */
static bool look_container(struct reconcile_context *ctx, const struct instance_want *want, const char *name,
                           struct container *ret, enum thing *ret_is, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (container_inspect(ctx->docker, name, &ctx->call, ret, &problem)) {
        *ret_is = whose(ctx, want, ret->labels);
        if (*ret_is == THING_OURS)
            world_put_container(ctx->world, ret);
        return true;
    }
    if (!conclude(&problem, ret_is, err))
        return false;
    world_drop_container(ctx->world, name);
    return true;
}

static bool look_volume(struct reconcile_context *ctx, const struct instance_want *want, enum thing *ret,
                        struct err *err)
{
    CLEANUP(freep) char *derived = name_volume(ctx->settings, &want->record.key, want->record.uid);
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (volume_inspect(ctx->docker, want->state.volume ? want->state.volume : derived, &ctx->call, &volume, &problem)) {
        bool may_be_half = want->state.dirty && !want->state.initialised && volume_is_half(&volume);
        *ret = may_be_half ? THING_OURS : whose(ctx, want, volume.labels);
        return true;
    }
    return conclude(&problem, ret, err);
}

static bool look_image(struct reconcile_context *ctx, const struct instance_want *want, struct image *ret_image,
                       enum thing *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret = THING_UNKNOWN;
    if (!want->image)
        return true;
    if (image_inspect(ctx->docker, want->image, &ctx->call, ret_image, &problem)) {
        *ret = THING_OURS;
        return true;
    }
    return conclude(&problem, ret, err);
}

static bool look_memory(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                        struct err *err)
{
    seen->memory_use = -1;
    bool lowered = seen->container_is == THING_OURS && seen->container.state == CONTAINER_RUNNING &&
                   want->spec.resources.memory_bytes < seen->container.memory_bytes;
    return !lowered || container_memory_use(ctx->docker, seen->container.id, &ctx->call, &seen->memory_use, err);
}

/* What a copy left that was killed in its midst counts as a job that did not come to its end. */
static bool look_copiers(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                         struct err *err)
{
    static const char *const suffixes[] = { COPY_FROM_SUFFIX, COPY_TO_SUFFIX };
    bool may_be_there = !want->state.initialised || want->deleting;
    for (size_t i = 0; may_be_there && i < ARRAY_LEN(suffixes); i++) {
        CLEANUP(container_release) struct container copier = { 0 };
        CLEANUP(freep) char *name = mem_printf("%s%s", want->job, suffixes[i]);
        enum thing is = THING_ABSENT;
        if (!look_container(ctx, want, name, &copier, &is, err))
            return false;
        if (is == THING_OURS && seen->job_is == THING_ABSENT)
            seen->job_is = THING_OURS;
    }
    return true;
}

/* Whoever renamed ours, or ran more of its kind, left its uid on it. */
static bool look_for_others(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                            struct err *err)
{
    if (seen->container_is != THING_ABSENT && !want->deleting)
        return true;
    CLEANUP(freep) char *label = mem_printf("%s=%s", LABEL_UID, want->record.uid);
    CLEANUP(containers_release) struct containers list = { 0 };
    if (!container_list(ctx->docker, label, &ctx->call, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const struct container *other = &list.items[i];
        bool is_ours = whose(ctx, want, other->labels) == THING_OURS;
        bool is_known = str_equal(other->name, want->container) || str_starts_with(other->name, want->job);
        if (!is_ours || is_known)
            continue;
        bool serves = str_equal(json_text(other->labels, LABEL_PURPOSE), "app");
        if (serves && seen->container_is == THING_ABSENT && !want->deleting) {
            seen->renamed = true;
            if (!look_container(ctx, want, other->id, &seen->container, &seen->container_is, err))
                return false;
        } else {
            strv_add(&seen->leftovers, other->id);
        }
    }
    return true;
}

/* The network carries the tenant's uid, not ours: the installation and the tenant's name must agree. */
static void judge_network(struct reconcile_context *ctx, const struct instance_want *want, enum network_state state,
                          const struct network *network, struct instance_seen *seen)
{
    bool ours = state != NETWORK_ABSENT &&
                str_equal(json_text(network->labels, LABEL_INSTALLATION), ctx->settings->installation) &&
                str_equal(json_text(network->labels, LABEL_NAME), want->record.key.namespace);
    seen->network_is = state == NETWORK_ABSENT ? THING_ABSENT : ours ? THING_OURS : THING_STRANGER;
    /* A container that was stopped when its network went keeps the name, and cannot start with what stands behind it. */
    const char *id = json_text(json_object_get(seen->container.networks, want->network), "id");
    seen->network_is_stale = seen->on_network && network->id && id && id[0] && !str_equal(id, network->id);
    seen->on_network = seen->on_network && !seen->network_is_stale;
}

/* What a list and an inspect do not show: now and then, with the rolling look. */
static bool look_at_files(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                          struct err *err)
{
    bool may_be_asked = seen->container_is == THING_OURS && seen->container_matches && !seen->container_outdated &&
                        seen->container.state == CONTAINER_RUNNING;
    if (!may_be_asked || !world_files_are_due(ctx->world, seen->container.id))
        return true;
    if (!workload_files_differ(ctx, &want->rendered, seen->container.id, &seen->files_differ, err))
        return false;
    if (!seen->files_differ)
        world_note_files(ctx->world, seen->container.id);
    return true;
}

/* The end of what a program wrote that ends again and again. */
static bool look_at_output(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                           struct err *err)
{
    enum { OUTPUT_LIMIT = 4096 };
    bool waits = seen->container_is == THING_OURS && seen->container.state == CONTAINER_EXITED && want->running &&
                 seen->restart_allowed_ms > clock_wall_ms();
    CLEANUP(str_release) struct str output = STR_INIT;
    if (!waits)
        return true;
    if (!container_log_tail(ctx->docker, seen->container.id, OUTPUT_LIMIT, &ctx->call, &output, err))
        return false;
    seen->last_output = workload_blank_secrets(want->values, output.text);
    return true;
}

/* The container last: the engine answers for one that has just died only when it has cleared up behind it. */
static bool look_at_engine(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                           struct err *err)
{
    CLEANUP(container_release) struct container job = { 0 };
    CLEANUP(image_release) struct image image = { 0 };
    CLEANUP(network_release) struct network network = { 0 };
    enum network_state network_state = NETWORK_ABSENT;
    if (!look_container(ctx, want, want->job, &job, &seen->job_is, err) || !look_copiers(ctx, want, seen, err) ||
        !look_volume(ctx, want, &seen->volume_is, err) || !look_image(ctx, want, &image, &seen->image_is, err) ||
        !network_look(ctx, want->network, NULL, &network_state, &network, err) ||
        !look_container(ctx, want, want->container, &seen->container, &seen->container_is, err) ||
        !look_for_others(ctx, want, seen, err))
        return false;
    judge_container(want, &image, seen);
    judge_network(ctx, want, network_state, &network, seen);
    return look_memory(ctx, want, seen, err) && look_at_files(ctx, want, seen, err) &&
           look_at_output(ctx, want, seen, err);
}

/* What was looked at by itself, as the next list will show it. */
static struct role_listed as_listed(const struct instance_want *want, const struct role_seen *seen)
{
    return (struct role_listed){
        .name = mem_strdup(want->role),
        .can_login = seen->can_login,
        .connection_limit = seen->connection_limit,
        .deviates = seen->deviates,
        .verifier_digest =
            want->verifier && seen->verifier_matches ? server_verifier_digest(want->verifier) : mem_strdup(""),
    };
}

static bool look_at_server(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                           struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct role_seen role = { 0 };
    if (!role_look(ctx->server, want->role, want->verifier ? want->verifier : "", &ctx->call, &role, err))
        return false;
    seen->role_is = role.exists ? THING_OURS : THING_ABSENT;
    seen->role_right = role.exists && want->verifier && !role.deviates && role.can_login && role.verifier_matches &&
                       role.connection_limit == ctx->settings->role_connection_limit;
    if (database_look(ctx->server, want->spec.database.name, &ctx->call, &database, &problem)) {
        CLEANUP(role_listed_release) struct role_listed listed = as_listed(want, &role);
        judge_database(want, &database, seen);
        world_put_database(ctx->world, &database, role.exists ? &listed : NULL);
        return true;
    }
    if (!conclude(&problem, &seen->database_is, err))
        return false;
    world_forget_database(ctx->world, want->spec.database.name);
    return true;
}

static bool is_no_answer(const struct err *err)
{
    return err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT;
}

/* The server first, for the reason that the container comes last; but an engine that is away is the worse news. */
static bool look_live(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                      struct err *err)
{
    CLEANUP(err_release) struct err server = ERR_INIT;
    CLEANUP(err_release) struct err engine = ERR_INIT;
    bool has_server = look_at_server(ctx, want, seen, &server);
    bool has_engine = look_at_engine(ctx, want, seen, &engine);
    if (!has_server && is_no_answer(&server)) {
        seen->server_away_ms = clock_wall_ms();
        seen->server_problem = mem_strdup(err_message(&server));
    }
    if (!has_engine && is_no_answer(&engine)) {
        seen->engine_away_ms = clock_wall_ms();
        seen->engine_problem = mem_strdup(err_message(&engine));
    }
    if (has_server && has_engine)
        return true;
    err_move(err, has_engine ? &server : &engine);
    return err_wrap(err, has_engine ? "look at the database server" : "look at Docker");
}

/* Where it counts: only a container that has to be made anew needs a turn. */
static bool look_for_turn(struct reconcile_context *ctx, const struct instance_want *want, struct instance_seen *seen,
                          struct err *err)
{
    CLEANUP(json_decrefp) json_t *app_state = NULL;
    if (!instance_waits_for_turn(want, seen) || !want->app_uid)
        return true;
    if (!store_state_get(ctx->store, want->app_uid, &app_state, err))
        return err_wrap(err, "look for its turn");
    seen->has_turn = rollout_gives_turn(app_state, want->app_generation, want->record.uid);
    return true;
}

bool instance_observe(struct reconcile_context *ctx, const struct instance_want *want, enum look look,
                      struct instance_seen *ret, struct err *err)
{
    *ret = (struct instance_seen){ .look = look, .memory_use = -1 };
    ret->host_known = world_host(ctx->world, &ret->host);
    ret->restart_allowed_ms = world_restart_allowed_wall_ms(ctx->world, want->record.uid);
    ret->restarts = world_restart_count(ctx->world, want->record.uid);
    bool ok = true;
    if (look == LOOK_LIVE) {
        ok = look_live(ctx, want, ret, err);
    } else {
        ret->engine_away_ms = world_engine_away_since_ms(ctx->world, &ret->engine_problem);
        ret->server_away_ms = world_server_away_since_ms(ctx->world, &ret->server_problem);
        look_cached(ctx, want, ret);
    }
    if (ret->container_is == THING_OURS)
        ret->health = world_health(ctx->world, want->record.uid, ret->container.id);
    return ok && look_for_turn(ctx, want, ret, err);
}
