/* The tenant's reconcile: look, plan, act, tell. */
#include "base/log.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/tenant/tenant.h"
#include "specs/kind.h"

struct tenant_attempt {
    struct reconcile_context *ctx;
    struct record record;
    struct tenant_spec spec;
    struct tenant_seen seen;
    struct plan plan;
    char *network, *subnet;
    struct records going; /* what goes with it: instances first */
};

static void attempt_release(struct tenant_attempt *attempt)
{
    record_release(&attempt->record);
    fields_release(tenant_spec_fields, &attempt->spec);
    free(attempt->seen.blockers);
    plan_release(&attempt->plan);
    free(attempt->network);
    free(attempt->subnet);
    records_release(&attempt->going);
}

static bool look_at_kind(struct tenant_attempt *attempt, enum kind_id kind, struct strv *names, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = kind, .namespace = attempt->record.key.name };
    if (!store_list(attempt->ctx->store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++) {
        strv_addf(names, "%s%s%s", kind == KIND_INSTANCE ? "" : kinds[kind].singular, kind == KIND_INSTANCE ? "" : " ",
                  records.items[i].key.name);
        attempt->seen.not_going += records.items[i].deletion_ms == 0;
        record_swap(records_add(&attempt->going), &records.items[i]);
    }
    *(kind == KIND_INSTANCE ? &attempt->seen.instances : &attempt->seen.others) += records.count;
    return true;
}

static bool look_at_records(struct tenant_attempt *attempt, struct err *err)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!look_at_kind(attempt, KIND_INSTANCE, &names, err))
        return false;
    /* Of the others only what is to go matters. */
    for (int kind = 0; attempt->record.deletion_ms && kind < KINDS; kind++)
        if (kind != KIND_INSTANCE && kinds[kind].namespaced && !kinds[kind].outlives_tenant &&
            !look_at_kind(attempt, (enum kind_id)kind, &names, err))
            return false;
    attempt->seen.blockers = names.count ? strv_join(&names, ", ") : NULL;
    return true;
}

/* Whether the reverse proxy named in the configuration has to be connected. A proxy that does not exist (yet) is no error. */
static bool proxy_is_missing(struct tenant_attempt *attempt, bool *ret, struct err *err)
{
    const char *proxy = attempt->ctx->settings->proxy_container;
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret = false;
    if (!proxy)
        return true;
    if (container_inspect(attempt->ctx->docker, proxy, &attempt->ctx->call, &container, &problem)) {
        *ret = json_object_get(container.networks, attempt->network) == NULL;
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

static bool look_and_plan(struct tenant_attempt *attempt, struct err *err)
{
    enum network_state state = NETWORK_ABSENT;
    CLEANUP(network_release) struct network network = { 0 };
    const char *uid = attempt->record.uid ? attempt->record.uid : "";
    CLEANUP(freep) char *problem = NULL;
    if (!look_at_records(attempt, err))
        return false;
    if (world_engine_away_since_ms(attempt->ctx->world, &problem)) {
        plan_block(&attempt->plan, BLOCK_AWAY, "EngineUnavailable", "Docker does not answer: %s", problem);
        return true;
    }
    if (!network_look(attempt->ctx, attempt->network, uid, &state, &network, err) ||
        !proxy_is_missing(attempt, &attempt->seen.proxy_is_missing, err))
        return false;
    attempt->seen.network_exists = state != NETWORK_ABSENT;
    attempt->seen.network_is_ours = state == NETWORK_OURS;
    attempt->subnet = state == NETWORK_OURS ? mem_strdup(network.subnet) : NULL;
    tenant_plan(&attempt->record, attempt->network, &attempt->seen, &attempt->plan);
    return true;
}

static bool request_deletions(struct tenant_attempt *attempt, struct err *err)
{
    for (size_t i = 0; i < attempt->going.count; i++) {
        const struct record *going = &attempt->going.items[i];
        CLEANUP(record_release) struct record last = { 0 };
        CLEANUP(err_release) struct err problem = ERR_INIT;
        bool gone;
        record_init(&last);
        if (!going->deletion_ms &&
            !store_delete(attempt->ctx->store, &going->key, going->uid, 0, STORE_WRITE, "tenantd", &last, &gone,
                          &problem) &&
            problem.code != ERR_NOT_FOUND) {
            err_move(err, &problem);
            return err_wrap(err, "delete %s %s", kinds[going->key.kind].singular, going->key.name);
        }
    }
    return true;
}

static void wake_instance(void *world, const struct record_key *key)
{
    world_wake(world, key, 0);
}

static bool run_step(struct tenant_attempt *attempt, enum tenant_step step, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    const struct record *record = &attempt->record;
    switch (step) {
    case TENANT_CREATE_NETWORK:
        free(STEAL(attempt->subnet));
        /* Listed anew: one that came since our look found no network, and waits for it, too. */
        return network_provide(ctx, &record->key, record->uid, attempt->network, &attempt->subnet, err) &&
               tenant_dependents(ctx->store, &record->key, wake_instance, ctx->world, err);
    case TENANT_CONNECT_PROXY:
        return network_attach(ctx, attempt->network, ctx->settings->proxy_container, err);
    case TENANT_DELETE_INSTANCES:
        return request_deletions(attempt, err);
    case TENANT_REMOVE_NETWORK:
        return network_withdraw(ctx, attempt->network, record->uid, err);
    case TENANT_RELEASE:
        return store_remove_finalizer(ctx->store, &record->key, record->uid, FINALIZER_TEARDOWN, err);
    case TENANT_STEPS:
        break;
    }
    return err_set(err, ERR_INTERNAL, "unknown step %d", (int)step);
}

static bool run_plan(struct tenant_attempt *attempt, struct err *err)
{
    for (size_t i = 0; i < attempt->plan.count; i++) {
        const struct plan_step *step = &attempt->plan.steps[i];
        struct reconcile_context *ctx = attempt->ctx;
        if (!call_check(&ctx->call, err))
            return false;
        ctx->step = step->name;
        if (ctx->on_step)
            ctx->on_step(ctx->on_step_context, &attempt->record.key, step->name, "begin");
        bool ok = run_step(attempt, (enum tenant_step)step->id, err);
        if (ctx->on_step)
            ctx->on_step(ctx->on_step_context, &attempt->record.key, step->name, "end");
        ctx->step = NULL;
        if (!ok)
            return err_wrap(err, "%s", step->name);
        log_info("step done", LOG_STR("step", step->name), LOG_STR("detail", step->detail));
    }
    return true;
}

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

static bool tell(struct tenant_attempt *attempt, const struct err *error, struct err *err)
{
    struct record *record = &attempt->record;
    struct tenant_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    fields_decode(tenant_status_fields, record->status, "", &status, &ignored);
    bool paused = record_annotation(record, ANNOTATION_PAUSED) != NULL;
    bool away = error ? error->code == ERR_UNREACHABLE || error->code == ERR_TIMEOUT
                      : attempt->plan.blocked_reason && attempt->plan.block == BLOCK_AWAY;
    /* What is not seen now is as it was. */
    bool has_network = attempt->subnet || (away && status.subnet);
    const char *reason = away                      ? "EngineUnavailable"
                         : error                   ? "StepFailed"
                         : record->deletion_ms     ? "Deleting"
                         : paused                  ? "Paused"
                         : attempt->spec.suspended ? "Suspended"
                                                   : "Active";
    const char *message = error ? err_message(error) : attempt->plan.blocked_message;
    if (!error && attempt->plan.blocked_reason)
        reason = attempt->plan.blocked_reason;
    bool ready = !error && !attempt->plan.blocked_reason && !record->deletion_ms && attempt->subnet;
    condition_set(&status.conditions, "Ready",
                  away    ? CONDITION_UNKNOWN
                  : ready ? CONDITION_TRUE
                          : CONDITION_FALSE,
                  reason, message, record->generation, clock_wall_ms());
    set_text(&status.phase, record->deletion_ms       ? "Deleting"
                            : attempt->spec.suspended ? "Suspended"
                            : has_network             ? "Active"
                                                      : "Pending");
    set_text(&status.message, message);
    set_text(&status.network, attempt->network);
    if (attempt->subnet)
        set_text(&status.subnet, attempt->subnet);
    status.instances = (int64_t)attempt->seen.instances;
    status.observed_generation = record->generation;
    CLEANUP(json_decrefp) json_t *json = fields_encode(tenant_status_fields, &status);
    fields_release(tenant_status_fields, &status);
    return json_equal(json, record->status) ||
           store_update_status(attempt->ctx->store, &record->key, record->uid, json, NULL, err);
}

static bool load(struct tenant_attempt *attempt, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(tenant_spec_fields, attempt->record.spec, "spec", &attempt->spec, &problems);
    attempt->network = name_network(attempt->ctx->settings, attempt->record.key.name);
    return problems_to_err(&problems, err);
}

bool tenant_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                      struct err *err)
{
    CLEANUP(attempt_release) struct tenant_attempt attempt = { .ctx = ctx };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    store_set_call(ctx->store, &ctx->call);
    if (!reconcile_find(ctx, key, &attempt.record, ret_result, err))
        return ret_result->is_gone;
    if (!load(&attempt, err))
        return false;
    bool paused = record_annotation(&attempt.record, ANNOTATION_PAUSED) != NULL;
    bool ok = look_and_plan(&attempt, &problem);
    if (ok) {
        ok = paused || run_plan(&attempt, &problem);
        if (ok && !paused && plan_has(&attempt.plan, TENANT_RELEASE))
            return true;
    }
    CLEANUP(err_release) struct err told = ERR_INIT;
    if (!tell(&attempt, ok ? NULL : &problem, &told) && ok) {
        err_move(err, &told);
        return false;
    }
    if (!ok) {
        err_move(err, &problem);
        return false;
    }
    return paused || plan_outcome(&attempt.plan, &ret_result->requeue_after_ms, err);
}

bool tenant_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err)
{
    CLEANUP(attempt_release) struct tenant_attempt attempt = { .ctx = ctx };
    record_copy(&attempt.record, record);
    if (!load(&attempt, err) || !look_and_plan(&attempt, err))
        return false;
    *ret_plan = attempt.plan;
    attempt.plan = (struct plan)PLAN_INIT;
    return true;
}

bool tenant_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    (void)tx;
    (void)old;
    (void)settings;
    (void)err; /* a tenant stands on nothing else */
    /* Also on an update: a document without finalizers must not let go of what has to be torn down. */
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    return true;
}

bool tenant_dependents(struct store *store, const struct record_key *key,
                       void (*add)(void *context, const struct record_key *key), void *context, struct err *err)
{
    struct records records = { 0 };
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = key->name };
    if (!store_list(store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        add(context, &records.items[i].key);
    records_release(&records);
    return true;
}
