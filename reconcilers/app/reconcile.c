/* The App's reconcile: warm templates are made, renewed and removed; status says how many instances stand on it. */
#include "base/log.h"
#include "reconcilers/app/app.h"
#include "reconcilers/app/app_internal.h"
#include "reconcilers/app/warm.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "specs/kind.h"

enum app_step { APP_BUILD_WARM, APP_REMOVE_WARM, APP_REMOVE_NETWORK, APP_RELEASE };

struct app_attempt {
    struct reconcile_context *ctx;
    struct record record;
    struct app_spec spec;
    json_t *state; /* {"warm": {"<version>": struct warm_entry}} */
    struct plan plan;
    struct records instances; /* that stand on it */
    struct strv users;        /* "tenant/instance" of them */
    struct rollout_told rollout;
    struct strv moved; /* versions whose image's tag has moved */
};

static void attempt_release(struct app_attempt *attempt)
{
    record_release(&attempt->record);
    fields_release(app_spec_fields, &attempt->spec);
    json_decref(attempt->state);
    plan_release(&attempt->plan);
    records_release(&attempt->instances);
    strv_release(&attempt->users);
    rollout_told_release(&attempt->rollout);
    strv_release(&attempt->moved);
}

/* ---- who stands on it ---- */

typedef void add_key_fn(void *context, const struct record_key *key);

bool app_dependents(struct store *store, const struct record_key *key, add_key_fn *add, void *context, struct err *err)
{
    struct records records = { 0 };
    struct store_query query = { .kind = KIND_INSTANCE };
    if (!store_list(store, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        if (str_equal(json_text(records.items[i].spec, "app"), key->name))
            add(context, &records.items[i].key);
    records_release(&records);
    return true;
}

/* In place: those of other Apps are let go. */
static bool load_instances(struct app_attempt *attempt, struct err *err)
{
    struct records *records = &attempt->instances;
    struct store_query query = { .kind = KIND_INSTANCE };
    if (!store_list(attempt->ctx->store, &query, records, NULL, err))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < records->count; i++) {
        struct record *record = &records->items[i];
        if (!str_equal(json_text(record->spec, "app"), attempt->record.key.name)) {
            record_release(record);
            continue;
        }
        strv_addf(&attempt->users, "%s/%s", record->key.namespace, record->key.name);
        if (kept != i) {
            records->items[kept] = *record;
            *record = (struct record){ 0 };
        }
        kept++;
    }
    records->count = kept;
    return true;
}

static void wake_user(void *world, const struct record_key *key)
{
    world_wake(world, key, 0);
}

/* ---- plan ---- */

static bool warm_is_wanted(const struct app_attempt *attempt, const char *version)
{
    return attempt->spec.warm_database && attempt->spec.init.command.count && app_find_version(&attempt->spec, version);
}

/* A tag that was pulled anew is another image: what was made with the old one is made again. */
static void look_for_moved_tags(struct app_attempt *attempt)
{
    const struct app_version *versions = attempt->spec.versions.items;
    for (size_t i = 0; i < attempt->spec.versions.count; i++) {
        const char *made_with = json_text(json_at(attempt->state, "warm", versions[i].name, NULL), "imageId");
        CLEANUP(image_release) struct image image = { 0 };
        CLEANUP(err_release) struct err ignored = ERR_INIT; /* an image that is not there has not moved */
        if (made_with &&
            image_inspect(attempt->ctx->docker, versions[i].image, &attempt->ctx->call, &image, &ignored) &&
            !str_equal(image.id, made_with))
            strv_add(&attempt->moved, versions[i].name);
    }
}

static void plan_deletion(struct app_attempt *attempt)
{
    struct plan *plan = &attempt->plan;
    if (attempt->users.count) {
        CLEANUP(freep) char *names = strv_join(&attempt->users, ", ");
        plan_block(plan, BLOCK_WOKEN, "InUse", "waits until no instance is made from it: %s", names);
        return;
    }
    const char *version;
    json_t *entry;
    json_object_foreach (json_object_get(attempt->state, "warm"), version, entry)
        plan_add(plan, APP_REMOVE_WARM, "remove-warm-database", EFFECT_NONE, version);
    plan_add(plan, APP_REMOVE_NETWORK, "remove-network", EFFECT_NONE, NULL);
    plan_add(plan, APP_RELEASE, "release-record", EFFECT_NONE, NULL);
}

static void plan_templates(struct app_attempt *attempt)
{
    const struct app_version *versions = attempt->spec.versions.items;
    for (size_t i = 0; i < attempt->spec.versions.count; i++) {
        struct warm_template warm = { 0 };
        enum warm_state state = warm_find(&attempt->spec, attempt->state, versions[i].name, &warm);
        warm_template_release(&warm);
        bool due = state == WARM_BUILDING || state == WARM_FAILED || strv_has(&attempt->moved, versions[i].name);
        if (due && warm_is_wanted(attempt, versions[i].name))
            plan_add(&attempt->plan, APP_BUILD_WARM, "build-warm-database", EFFECT_NONE, versions[i].name);
    }
    const char *version;
    json_t *entry;
    json_object_foreach (json_object_get(attempt->state, "warm"), version, entry)
        if (!warm_is_wanted(attempt, version))
            plan_add(&attempt->plan, APP_REMOVE_WARM, "remove-warm-database", EFFECT_NONE, version);
}

static void make_plan(struct app_attempt *attempt)
{
    CLEANUP(freep) char *engine_problem = NULL;
    CLEANUP(freep) char *server_problem = NULL;
    struct world *world = attempt->ctx->world;
    bool no_engine = world_engine_away_since_ms(world, &engine_problem) != 0;
    bool no_server = world_server_away_since_ms(world, &server_problem) != 0;
    if (!no_engine)
        look_for_moved_tags(attempt);
    if (attempt->record.deletion_ms)
        plan_deletion(attempt);
    else
        plan_templates(attempt);
    /* All that it does needs both. */
    if (attempt->plan.count && no_engine)
        plan_block(&attempt->plan, BLOCK_AWAY, "EngineUnavailable", "Docker does not answer: %s", engine_problem);
    else if (attempt->plan.count && no_server)
        plan_block(&attempt->plan, BLOCK_AWAY, "DatabaseServerUnavailable", "the database server does not answer: %s",
                   server_problem);
}

static bool is_held(const struct app_attempt *attempt)
{
    return attempt->plan.blocked_reason && attempt->plan.block == BLOCK_AWAY;
}

/* ---- act ---- */

static void entry_release(struct warm_entry *entry)
{
    fields_release(warm_entry_fields, entry);
}

static bool keep_entry(struct app_attempt *attempt, const char *version, const struct warm_entry *entry_or_null,
                       struct err *err)
{
    json_t *warm = json_object_get(attempt->state, "warm");
    if (!warm) {
        warm = json_object();
        json_put(attempt->state, "warm", warm);
    }
    if (entry_or_null)
        json_put(warm, version, fields_encode(warm_entry_fields, entry_or_null));
    else
        json_object_del(warm, version);
    return store_state_put(attempt->ctx->store, attempt->record.uid, attempt->state, err);
}

static bool build(struct app_attempt *attempt, const char *version, struct err *err)
{
    CLEANUP(entry_release) struct warm_entry entry = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct app_version *wanted = app_find_version(&attempt->spec, version);
    struct warm_template ignored = { 0 };
    /* A failure is remembered while it is tried again: instances are made without the template, and do not wait for each try. */
    bool failed = warm_find(&attempt->spec, attempt->state, version, &ignored) == WARM_FAILED;
    warm_template_release(&ignored);
    warm_begin(attempt->ctx->settings, &attempt->record, &attempt->spec, wanted, &entry);
    if (!failed && !keep_entry(attempt, version, &entry, err))
        return false;
    bool ok = warm_build(attempt->ctx, &attempt->record, &attempt->spec, wanted, &entry, &problem);
    /* Only what the App itself did wrong counts as failed: a dead neighbour or a newer generation is tried again as if new. */
    bool counts = ok || problem.code == ERR_EXIT || problem.code == ERR_INVALID || problem.code == ERR_NOT_FOUND;
    if (counts && !keep_entry(attempt, version, &entry, err))
        return false;
    if (counts && !app_dependents(attempt->ctx->store, &attempt->record.key, wake_user, attempt->ctx->world, err))
        return false;
    if (!ok)
        err_move(err, &problem);
    return ok;
}

static bool remove_template(struct app_attempt *attempt, const char *version, struct err *err)
{
    CLEANUP(entry_release) struct warm_entry entry = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(warm_entry_fields, json_at(attempt->state, "warm", version, NULL), "", &entry, &problems);
    return problems_to_err(&problems, err) &&
           (!entry.database || warm_remove(attempt->ctx, &attempt->record, &entry, err)) &&
           keep_entry(attempt, version, NULL, err);
}

static bool run_step(struct app_attempt *attempt, const struct plan_step *step, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    CLEANUP(freep) char *network = warm_network(ctx->settings, attempt->record.key.name);
    switch ((enum app_step)step->id) {
    case APP_BUILD_WARM:
        return build(attempt, step->detail, err);
    case APP_REMOVE_WARM:
        return remove_template(attempt, step->detail, err);
    case APP_REMOVE_NETWORK:
        return network_withdraw(ctx, network, attempt->record.uid, err);
    case APP_RELEASE:
        return store_remove_finalizer(ctx->store, &attempt->record.key, attempt->record.uid, FINALIZER_TEARDOWN, err);
    }
    return err_set(err, ERR_INTERNAL, "unknown step %d", step->id);
}

static bool run_plan(struct app_attempt *attempt, struct err *err)
{
    struct reconcile_context *ctx = attempt->ctx;
    for (size_t i = 0; i < attempt->plan.count; i++) {
        const struct plan_step *step = &attempt->plan.steps[i];
        if (!call_check(&ctx->call, err))
            return false;
        ctx->step = step->name;
        if (ctx->on_step)
            ctx->on_step(ctx->on_step_context, &attempt->record.key, step->name, "begin");
        bool ok = run_step(attempt, step, err);
        if (ctx->on_step)
            ctx->on_step(ctx->on_step_context, &attempt->record.key, step->name, "end");
        ctx->step = NULL;
        if (!ok)
            return err_wrap(err, "%s", step->name);
        log_info("step done", LOG_STR("step", step->name), LOG_STR("detail", step->detail));
    }
    return true;
}

/* ---- tell ---- */

static void fill_warm(struct app_attempt *attempt, struct app_status *status)
{
    const struct app_version *versions = attempt->spec.versions.items;
    struct app_warm *warm = mem_zalloc((attempt->spec.versions.count + 1) * sizeof(*warm));
    status->warm = (struct field_list){ .items = warm };
    for (size_t i = 0; i < attempt->spec.versions.count; i++) {
        if (!warm_is_wanted(attempt, versions[i].name))
            continue;
        const json_t *entry = json_at(attempt->state, "warm", versions[i].name, NULL);
        const char *state = json_text(entry, "state");
        warm[status->warm.count++] = (struct app_warm){
            .version = mem_strdup(versions[i].name),
            .state = mem_strdup(state ? state : "Building"),
            .database = mem_strdup(json_text(entry, "database")),
            .message = mem_strdup(json_text(entry, "message")),
        };
    }
}

/* An App whose instances were never out of date says nothing about it. */
static void tell_rollout(struct app_attempt *attempt, struct app_status *status)
{
    const struct rollout_told *rollout = &attempt->rollout;
    const struct condition *before = condition_find(&status->conditions, CONDITION_ROLLED_OUT);
    CLEANUP(freep) char *reason_before = mem_strdup(before ? before->reason : NULL);
    if (!rollout->looked || (!rollout->is_under_way && !before))
        return;
    const char *reason = rollout->is_under_way ? rollout->reason : ROLLOUT_COMPLETE;
    condition_set(&status->conditions, CONDITION_ROLLED_OUT, rollout->is_under_way ? CONDITION_FALSE : CONDITION_TRUE,
                  reason, rollout->message, attempt->record.generation, clock_wall_ms());
    if (str_equal(reason, reason_before))
        return;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    enum event_type type = str_equal(reason, ROLLOUT_STOPPED) ? EVENT_WARNING : EVENT_NORMAL;
    const char *message = rollout->message ? rollout->message : "all its instances are as it is now";
    if (!store_event_add(attempt->ctx->store, &attempt->record, type, reason, message, &problem))
        log_warning("event not stored", LOG_STR("reason", reason), LOG_STR("error", err_message(&problem)));
}

static bool tell(struct app_attempt *attempt, const struct err *error, struct err *err)
{
    struct record *record = &attempt->record;
    struct app_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    fields_decode(app_status_fields, record->status, "", &status, &ignored);
    struct app_status told = { .conditions = status.conditions, .retry = status.retry };
    status.conditions = (struct field_list){ 0 };
    status.retry = (struct retry_status){ 0 };
    fields_release(app_status_fields, &status);
    const char *reason = record->deletion_ms ? "Deleting" : error ? "WarmDatabaseFailed" : "Ready";
    const char *message = error ? err_message(error) : attempt->plan.blocked_message;
    if (!error && attempt->plan.blocked_reason)
        reason = attempt->plan.blocked_reason;
    bool away = error ? error->code == ERR_UNREACHABLE || error->code == ERR_TIMEOUT : is_held(attempt);
    bool building = !error && !away && attempt->plan.count && plan_has(&attempt->plan, APP_BUILD_WARM) &&
                    attempt->ctx->lane == LANE_QUICK;
    /* Instances can be made without a template too, only slower: an App is Ready all the same while one is being made. */
    bool ready = !error && !record->deletion_ms && !attempt->plan.blocked_reason;
    condition_set(&told.conditions, "Ready",
                  away    ? CONDITION_UNKNOWN
                  : ready ? CONDITION_TRUE
                          : CONDITION_FALSE,
                  building ? "BuildingWarmDatabase" : reason, message, record->generation, clock_wall_ms());
    told.phase = mem_strdup(record->deletion_ms ? "Deleting" : error ? "Degraded" : "Ready");
    told.message = mem_strdup(message);
    told.instances = (int64_t)attempt->users.count;
    told.observed_generation = record->generation;
    fill_warm(attempt, &told);
    tell_rollout(attempt, &told);
    CLEANUP(json_decrefp) json_t *json = fields_encode(app_status_fields, &told);
    fields_release(app_status_fields, &told);
    return json_equal(json, record->status) ||
           store_update_status(attempt->ctx->store, &record->key, record->uid, json, NULL, err);
}

/* ---- rollout ---- */

static bool says_it_waits(const struct record *instance)
{
    const json_t *conditions = json_object_get(instance->status, "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (str_equal(json_text(json_array_get(conditions, i), "type"), CONDITION_ROLLOUT_WAITS))
            return true;
    return false;
}

static bool roll_out(struct app_attempt *attempt, struct err *err)
{
    bool is_wanted = json_object_get(attempt->state, "rollout") != NULL;
    for (size_t i = 0; i < attempt->instances.count && !is_wanted; i++)
        is_wanted = says_it_waits(&attempt->instances.items[i]);
    attempt->rollout.looked = true;
    if (!is_wanted)
        return true;
    CLEANUP(freep) char *before = NULL;
    const json_t *conditions = json_object_get(attempt->record.status, "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (str_equal(json_text(json_array_get(conditions, i), "type"), CONDITION_ROLLED_OUT))
            before = mem_strdup(json_text(json_array_get(conditions, i), "reason"));
    struct rollout_subject subject = { &attempt->record, &attempt->spec, attempt->state, &attempt->instances, before };
    return app_roll_out(attempt->ctx, &subject, &attempt->rollout, err);
}

/* ---- the whole ---- */

static bool load(struct app_attempt *attempt, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(app_spec_fields, attempt->record.spec, "spec", &attempt->spec, &problems);
    return problems_to_err(&problems, err) &&
           store_state_get(attempt->ctx->store, attempt->record.uid ? attempt->record.uid : "", &attempt->state, err) &&
           load_instances(attempt, err);
}

bool app_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                   struct err *err)
{
    CLEANUP(attempt_release) struct app_attempt attempt = { .ctx = ctx };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    store_set_call(ctx->store, &ctx->call);
    if (!reconcile_find(ctx, key, &attempt.record, ret_result, err))
        return ret_result->is_gone;
    if (!load(&attempt, err))
        return false;
    make_plan(&attempt);
    bool paused = record_annotation(&attempt.record, ANNOTATION_PAUSED) != NULL;
    bool rests = paused || is_held(&attempt);
    bool ok = paused || attempt.record.deletion_ms || roll_out(&attempt, &problem);
    if (ok && !rests && ctx->lane == LANE_QUICK && plan_has(&attempt.plan, APP_BUILD_WARM))
        ret_result->wants_long_lane = true;
    else if (ok)
        ok = rests || run_plan(&attempt, &problem);
    if (ok && !rests && plan_has(&attempt.plan, APP_RELEASE))
        return true;
    CLEANUP(err_release) struct err told = ERR_INIT;
    if (!tell(&attempt, ok ? NULL : &problem, &told) && ok) {
        err_move(err, &told);
        return false;
    }
    for (size_t i = 0; i < attempt.rollout.wake_count; i++)
        world_wake(ctx->world, &attempt.rollout.wakes[i], 0);
    if (!ok) {
        err_move(err, &problem);
        return false;
    }
    ret_result->requeue_after_ms = attempt.rollout.look_again_ms;
    return paused || plan_outcome(&attempt.plan, &ret_result->requeue_after_ms, err);
}

bool app_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err)
{
    CLEANUP(attempt_release) struct app_attempt attempt = { .ctx = ctx };
    record_copy(&attempt.record, record);
    if (!load(&attempt, err))
        return false;
    make_plan(&attempt);
    *ret_plan = attempt.plan;
    attempt.plan = (struct plan)PLAN_INIT;
    return true;
}

/* A version that an instance runs cannot be taken away under it. */
static bool versions_stay(struct store *tx, const struct record *next, const struct app_spec *spec, struct err *err)
{
    struct records records = { 0 };
    struct store_query query = { .kind = KIND_INSTANCE };
    if (!store_list(tx, &query, &records, NULL, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < records.count; i++) {
        const struct record *instance = &records.items[i];
        const char *version = json_text(instance->spec, "version");
        if (str_equal(json_text(instance->spec, "app"), next->key.name) && version && !app_find_version(spec, version))
            ok = err_set(err, ERR_CONFLICT, "spec.versions: instance %s/%s runs version %s, so it cannot be taken out",
                         instance->key.namespace, instance->key.name, version);
    }
    records_release(&records);
    return ok;
}

bool app_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    (void)settings;
    /* Also on an update: a document without finalizers must not let go of what has to be torn down. */
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    if (!old || next->deletion_ms)
        return true;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct app_spec spec = { 0 };
    fields_decode(app_spec_fields, next->spec, "spec", &spec, &problems);
    bool ok = problems_to_err(&problems, err) && versions_stay(tx, next, &spec, err);
    fields_release(app_spec_fields, &spec);
    return ok;
}
