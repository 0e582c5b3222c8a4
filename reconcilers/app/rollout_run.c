/* The rollout's shell: instances' records become its input, and turns are remembered and told; the decision is rollout.c's. */
#include "reconcilers/app/app_internal.h"
#include "specs/instance.h"

/* One that is listed, decoded as far as the rollout needs it; what rollout_instance borrows stands here. */
struct listed {
    struct instance_status status;
    char *name, *problem;
};

static void listed_release(struct listed *listed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields_release(instance_status_fields, &listed[i].status);
        free(listed[i].name);
        free(listed[i].problem);
    }
    free(listed);
}

/* What a start goes through by itself; with restarts behind it, it has failed before. */
static bool passes_by_waiting(const struct condition *ready, int64_t restarts)
{
    static const char *const starts[] = { "WaitingForHealth", "Starting" };
    static const char *const others[] = { "Reconciling", "Provisioning", "WaitingForNetwork", "WaitingForWarmDatabase",
                                          "Paused" };
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (str_equal(ready->reason, starts[i]))
            return restarts == 0;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_equal(ready->reason, others[i]))
            return true;
    return false;
}

static void read_instance(const struct record *record, struct listed *listed, struct rollout_instance *ret)
{
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a status that an older version wrote */
    fields_decode(instance_status_fields, record->status, "", &listed->status, &ignored);
    const struct condition *ready = condition_find(&listed->status.conditions, "Ready");
    const struct condition *waits = condition_find(&listed->status.conditions, CONDITION_ROLLOUT_WAITS);
    listed->name = mem_printf("%s/%s", record->key.namespace, record->key.name);
    *ret = (struct rollout_instance){
        .uid = record->uid,
        .name = listed->name,
        .container = listed->status.container.id,
        .is_waiting = waits && waits->status == CONDITION_TRUE,
        .is_paused = record->deletion_ms || record_annotation(record, ANNOTATION_PAUSED),
    };
    if (!ready)
        return;
    ret->is_ready = ready->status == CONDITION_TRUE;
    ret->ready_since_ms = ready->last_transition_ms;
    ret->is_failing = ready->status == CONDITION_FALSE && !passes_by_waiting(ready, listed->status.container.restarts);
    bool says = ready->message && ready->message[0];
    listed->problem = mem_printf("%s%s%s", ready->reason, says ? ": " : "", says ? ready->message : "");
    ret->problem = listed->problem;
}

/* Who has its turn; and, where there is news, who waits, to say whom it waits for. */
static void add_wakes(const struct records *instances, const struct rollout_instance *listed,
                      const struct rollout_verdict *verdict, enum rollout_news news, struct rollout_told *ret)
{
    const json_t *turns = json_at(verdict->after, "turns", NULL);
    for (size_t i = 0; i < instances->count; i++) {
        bool has_turn = json_text(turns, listed[i].uid) != NULL;
        if (!listed[i].is_waiting || (!has_turn && news == ROLLOUT_SAME))
            continue;
        ret->wakes = mem_grow(ret->wakes, ret->wake_count + 1, sizeof(ret->wakes[0]));
        ret->wakes[ret->wake_count++] = instances->items[i].key;
    }
}

static void tell(const struct rollout_verdict *verdict, int64_t max_unavailable, struct rollout_told *ret)
{
    ret->is_under_way = verdict->after != NULL;
    ret->look_again_ms = verdict->look_again_ms;
    if (!verdict->after)
        return;
    ret->reason = verdict->failed ? ROLLOUT_STOPPED : ROLLOUT_UNDER_WAY;
    ret->message =
        verdict->failed
            ? mem_printf("instance %s did not become healthy (%s), so %zu more wait until it does or the App is edited",
                         verdict->failed->name, verdict->failed->problem, verdict->waiting)
            : mem_printf("%zu under way, at most %" PRId64 " at a time; %zu wait for their turn", verdict->going,
                         max_unavailable, verdict->waiting);
}

void rollout_told_release(struct rollout_told *told)
{
    free(told->message);
    free(told->wakes);
    *told = (struct rollout_told){ 0 };
}

bool app_roll_out(struct reconcile_context *ctx, struct rollout_subject *subject, struct rollout_told *ret,
                  struct err *err)
{
    size_t count = subject->instances->count;
    struct listed *listed = mem_zalloc((count + 1) * sizeof(*listed));
    CLEANUP(freep) struct rollout_instance *instances = mem_zalloc((count + 1) * sizeof(*instances));
    for (size_t i = 0; i < count; i++)
        read_instance(&subject->instances->items[i], &listed[i], &instances[i]);
    json_t *before = json_object_get(subject->state, "rollout");
    struct rollout_input input = {
        .before = before,
        .generation = subject->app->generation,
        .max_unavailable = subject->spec->rollout.max_unavailable,
        .settle_ms = subject->spec->health.path ? 0 : ROLLOUT_SETTLE_MS,
        .now_ms = clock_wall_ms(),
        .instances = instances,
        .count = count,
    };
    CLEANUP(rollout_verdict_release) struct rollout_verdict verdict = { 0 };
    rollout_decide(&input, &verdict);
    bool ok = true;
    if (!json_equal(before, verdict.after)) {
        if (verdict.after)
            json_put(subject->state, "rollout", json_incref(verdict.after));
        else
            json_object_del(subject->state, "rollout");
        ok = store_state_put(ctx->store, subject->app->uid, subject->state, err);
    }
    if (ok) {
        tell(&verdict, input.max_unavailable, ret);
        bool same = str_equal(ret->reason, subject->reason_before);
        add_wakes(subject->instances, instances, &verdict, same ? ROLLOUT_SAME : ROLLOUT_CHANGED, ret);
    }
    listed_release(listed, count);
    return ok || err_wrap(err, "roll out");
}
