/* The effects of a restore on its instance: the switch, what is run in the restored data, keeping it or going back. */
#include "base/log.h"
#include "reconcilers/instance/steps_internal.h"
#include "reconcilers/names.h"
#include "reconcilers/volume.h"

#define OUTPUT_SHOWN 300 /* bytes of a command's output in a message */

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

void instance_wake_restore(struct reconcile_context *ctx, const struct instance_want *want)
{
    if (want->restore_uid)
        world_wake(ctx->world, &want->restore_key, 0);
}

/* What the Restore looks at when it is woken is there by then. */
static bool save_and_wake(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    if (!instance_state_save(ctx, want, err))
        return false;
    instance_wake_restore(ctx, want);
    return true;
}

static void swap_end(struct instance_want *want)
{
    json_t *swap = json_object();
    CLEANUP(problems_release) struct problems none = PROBLEMS_INIT; /* an empty object has none */
    fields_release(instance_swap_fields, &want->state.swap);
    fields_decode(instance_swap_fields, swap, "", &want->state.swap, &none);
    json_decref(swap);
}

static void outcome_set(struct instance_want *want, const char *restore, const char *problem_or_null)
{
    struct instance_outcome *outcome = &want->state.outcome;
    set_text(&outcome->restore, restore);
    set_text(&outcome->problem, problem_or_null);
    outcome->failed = problem_or_null != NULL;
    outcome->went_back = false;
    outcome->time_ms = clock_wall_ms();
}

static void add_replaced(struct instance_want *want, const char *database, const char *volume, int64_t drop_ms)
{
    struct field_list *list = &want->state.replaced;
    struct instance_replaced *items = mem_grow(list->items, list->count + 1, sizeof(*items));
    items[list->count++] = (struct instance_replaced){ mem_strdup(database), mem_strdup(volume), drop_ms };
    list->items = items;
}

/* ---- there ---- */

/* Stopping took its time, in which the Restore may have given up. */
static bool offer_is_there(struct reconcile_context *ctx, const struct instance_want *want, bool *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = NULL;
    if (!store_state_get(ctx->store, want->restore_uid, &state, err))
        return false;
    *ret = json_is_true(json_object_get(json_object_get(state, "offer"), "ready"));
    return true;
}

/* Offered things may have been taken away since: then nothing is switched, and the Restore fails. */
static bool offer_stands(struct reconcile_context *ctx, const struct instance_want *want, bool *ret, struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    bool there = database_look(ctx->server, want->offer.beside, &ctx->call, &database, &problem) &&
                 volume_inspect(ctx->docker, want->offer.volume, &ctx->call, &volume, &problem);
    *ret = there && str_equal(database.comment, want->stamp) &&
           name_is_ours(ctx->settings, volume.labels, want->record.uid);
    if (there || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

/* Stored before anything is done: who comes after a crash knows both ways. */
static bool begin_swap(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    const struct restore_offer *offer = &want->offer;
    struct instance_swap *swap = &want->state.swap;
    json_t *before = want->state.initialised ? fields_encode(instance_state_fields, &want->state) : NULL;
    if (before) {
        json_object_del(before, "swap");
        json_object_del(before, "replaced");
    }
    set_text(&swap->restore, want->restore_uid);
    set_text(&swap->beside, offer->beside);
    set_text(&swap->aside, offer->aside);
    set_text(&swap->volume, offer->volume);
    set_text(&swap->version, offer->version);
    set_text(&swap->source_database, offer->source_database);
    json_decref(swap->applied);
    swap->applied = json_deep_copy(offer->applied);
    json_decref(swap->before);
    swap->before = before;
    swap->neutralize = offer->neutralize;
    swap->after_due = offer->run_after && want->app.restore.after.command.count > 0;
    swap->placed = swap->going_back = false;
    return instance_state_save(ctx, want, err);
}

/* From here on the state is that of the new data; what the spec asks for besides is done to it afterwards. */
static bool finish_swap(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    struct instance_state *state = &want->state;
    set_text(&state->volume, state->swap.volume);
    set_text(&state->version, state->swap.version);
    free(STEAL(state->previous));
    free(STEAL(state->failed_version));
    free(STEAL(state->clone_source));
    json_decref(state->applied);
    state->applied = json_deep_copy(state->swap.applied);
    state->initialised = true;
    state->dirty = false;
    state->swap.placed = true;
    state->swap.placed_ms = clock_wall_ms();
    return instance_state_save(ctx, want, err);
}

bool step_switch_data(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                      struct err *err)
{
    (void)seen;
    if (!want->state.swap.restore) {
        bool offered, stands;
        if (!offer_is_there(ctx, want, &offered, err))
            return false;
        if (!offered)
            return true; /* the next look finds no offer */
        if (!offer_stands(ctx, want, &stands, err))
            return false;
        if (!stands) {
            add_replaced(want, want->offer.beside, want->offer.volume, clock_wall_ms());
            outcome_set(want, want->restore_uid, "the database or volume that was built is gone");
            return save_and_wake(ctx, want, err);
        }
        if (!begin_swap(ctx, want, err))
            return false;
    }
    const struct instance_swap *swap = &want->state.swap;
    const struct database_swap places = { want->spec.database.name, swap->beside, swap->aside, want->stamp };
    world_note_stable(ctx->world, want->record.uid);
    if (!database_swap(ctx->server, &places, &ctx->call, err))
        return false;
    world_forget_database(ctx->world, want->spec.database.name);
    if (!finish_swap(ctx, want, err))
        return false;
    instance_wake_restore(ctx, want);
    return true;
}

/* ---- in the restored data ---- */

static const char *end_of(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    return !text ? "" : len > OUTPUT_SHOWN ? text + len - OUTPUT_SHOWN : text;
}

bool step_restore_after(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                        struct err *err)
{
    (void)seen;
    const struct app_command *after = &want->app.restore.after;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    json_put_text(want->values, "restore.sourceDatabase", want->state.swap.source_database);
    json_put_text(want->values, "restore.neutralize", want->state.swap.neutralize ? "yes" : "");
    struct job job = {
        .purpose = "restore.after", .command = &after->command, .timeout_ms = after->timeout_ms, .values = want->values
    };
    bool done = instance_run_job(ctx, want, &job, &problem);
    if (!done && problem.code != ERR_EXIT) {
        err_move(err, &problem);
        return false;
    }
    if (!done) {
        free(want->state.swap.problem);
        want->state.swap.problem = mem_printf("%s: %s", err_message(&problem), end_of(want->job_output));
        want->state.swap.going_back = true;
    }
    want->state.swap.after_due = false;
    return instance_state_save(ctx, want, err);
}

/* ---- kept, or back ---- */

bool step_keep_restored(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                        struct err *err)
{
    (void)seen;
    struct instance_swap *swap = &want->state.swap;
    if (swap->before)
        add_replaced(want, swap->aside, json_text(swap->before, "volume"),
                     clock_wall_ms() + ctx->settings->restore_grace_ms);
    outcome_set(want, swap->restore, NULL);
    swap_end(want);
    return save_and_wake(ctx, want, err);
}

/* A clone has nothing to go back to: its data stays for somebody to look at, and the Restore has failed. */
bool step_reject_restored(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                          struct err *err)
{
    struct instance_swap *swap = &want->state.swap;
    bool ended = seen->container_is == THING_OURS && seen->container.state == CONTAINER_EXITED;
    CLEANUP(freep)
    char *problem = seen->health.problem[0] ? mem_printf("it did not become healthy: %s", seen->health.problem)
                    : ended                 ? mem_printf("it ended with status %d", seen->container.exit_code)
                                            : mem_strdup("it did not become healthy in time");
    set_text(&swap->problem, problem);
    swap->going_back = true;
    if (!swap->before) {
        outcome_set(want, swap->restore, problem);
        swap_end(want);
    }
    return save_and_wake(ctx, want, err);
}

/* The state of before, but for what belongs to no data: the port that is claimed, and the pairs that are still to be dropped. */
static bool take_back_state(struct instance_want *want, struct err *err)
{
    struct instance_state *state = &want->state;
    struct instance_state before = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(instance_state_fields, state->swap.before, "", &before, &problems);
    if (!problems_to_err(&problems, err)) {
        fields_release(instance_state_fields, &before);
        return err_wrap(err, "the state of before the restore");
    }
    before.port = state->port;
    before.replaced = state->replaced;
    state->replaced = (struct field_list){ 0 };
    fields_release(instance_state_fields, state);
    *state = before;
    return true;
}

bool step_switch_back(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                      struct err *err)
{
    (void)seen;
    const struct instance_swap *swap = &want->state.swap;
    const struct database_swap places = { want->spec.database.name, swap->aside, swap->beside, want->stamp };
    CLEANUP(freep) char *restore = mem_strdup(swap->restore);
    CLEANUP(freep) char *problem = mem_strdup(swap->problem ? swap->problem : "given up");
    CLEANUP(freep) char *beside = mem_strdup(swap->beside);
    CLEANUP(freep) char *volume = mem_strdup(swap->volume);
    world_note_stable(ctx->world, want->record.uid);
    if (swap->before && !database_swap(ctx->server, &places, &ctx->call, err))
        return false;
    world_forget_database(ctx->world, want->spec.database.name);
    if (swap->before && !take_back_state(want, err))
        return false;
    if (!swap->before)
        swap_end(want);
    add_replaced(want, beside, volume, clock_wall_ms());
    outcome_set(want, restore, problem);
    want->state.outcome.went_back = true;
    log_warning("restore rolled back", LOG_STR("problem", problem));
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!store_event_add(ctx->store, &want->record, EVENT_WARNING, "RestoreRolledBack", problem, &ignored))
        log_warning("event not stored", LOG_STR("error", err_message(&ignored)));
    return save_and_wake(ctx, want, err);
}

/* ---- afterwards ---- */

static bool drop_one(struct reconcile_context *ctx, struct instance_want *want, const struct instance_replaced *old,
                     struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!database_drop(ctx->server, old->database, want->stamp, &ctx->call, &problem) &&
        problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    return !old->volume || str_equal(old->volume, want->state.volume) ||
           volume_discard(ctx, old->volume, want->record.uid, err);
}

bool step_drop_replaced(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                        struct err *err)
{
    (void)seen;
    struct field_list *list = &want->state.replaced;
    struct instance_replaced *items = list->items;
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < list->count;) {
        if (items[i].drop_ms > now_ms && !want->deleting) {
            i++;
            continue;
        }
        if (!drop_one(ctx, want, &items[i], err))
            return false;
        free(items[i].database);
        free(items[i].volume);
        items[i] = items[--list->count];
        if (!instance_state_save(ctx, want, err))
            return false;
    }
    return true;
}
