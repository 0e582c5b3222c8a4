/* What is wanted of an instance: its records decoded, names derived, templates filled in. */
#include "reconcilers/app/rollout.h"
#include "reconcilers/app/warm.h"
#include "reconcilers/instance/instance.h"
#include "reconcilers/names.h"
#include "specs/kind.h"

static const char no_uid[] = "00000000-0000-0000-0000-000000000000"; /* of a record that is only proposed */

const struct field instance_swap_fields[] = {
    { "restore", FIELD_TEXT, offsetof(struct instance_swap, restore) },
    { "beside", FIELD_TEXT, offsetof(struct instance_swap, beside) },
    { "aside", FIELD_TEXT, offsetof(struct instance_swap, aside) },
    { "volume", FIELD_TEXT, offsetof(struct instance_swap, volume) },
    { "version", FIELD_TEXT, offsetof(struct instance_swap, version) },
    { "applied", FIELD_JSON, offsetof(struct instance_swap, applied) },
    { "sourceDatabase", FIELD_TEXT, offsetof(struct instance_swap, source_database) },
    { "neutralize", FIELD_BOOL, offsetof(struct instance_swap, neutralize) },
    { "before", FIELD_JSON, offsetof(struct instance_swap, before) },
    { "placed", FIELD_BOOL, offsetof(struct instance_swap, placed) },
    { "placedTime", FIELD_TIME, offsetof(struct instance_swap, placed_ms) },
    { "afterDue", FIELD_BOOL, offsetof(struct instance_swap, after_due) },
    { "goingBack", FIELD_BOOL, offsetof(struct instance_swap, going_back) },
    { "problem", FIELD_TEXT, offsetof(struct instance_swap, problem) },
    { NULL },
};

static const struct field replaced_fields[] = {
    { "database", FIELD_TEXT, offsetof(struct instance_replaced, database) },
    { "volume", FIELD_TEXT, offsetof(struct instance_replaced, volume) },
    { "drop", FIELD_TIME, offsetof(struct instance_replaced, drop_ms) },
    { NULL },
};

static const struct field outcome_fields[] = {
    { "restore", FIELD_TEXT, offsetof(struct instance_outcome, restore) },
    { "failed", FIELD_BOOL, offsetof(struct instance_outcome, failed) },
    { "wentBack", FIELD_BOOL, offsetof(struct instance_outcome, went_back) },
    { "problem", FIELD_TEXT, offsetof(struct instance_outcome, problem) },
    { "time", FIELD_TIME, offsetof(struct instance_outcome, time_ms) },
    { NULL },
};

const struct field instance_state_fields[] = {
    { "volume", FIELD_TEXT, offsetof(struct instance_state, volume) },
    { "port", FIELD_INT, offsetof(struct instance_state, port) },
    { "dirty", FIELD_BOOL, offsetof(struct instance_state, dirty) },
    { "initialised", FIELD_BOOL, offsetof(struct instance_state, initialised) },
    { "version", FIELD_TEXT, offsetof(struct instance_state, version) },
    { "previous", FIELD_TEXT, offsetof(struct instance_state, previous) },
    { "failedVersion", FIELD_TEXT, offsetof(struct instance_state, failed_version) },
    { "failedGeneration", FIELD_INT, offsetof(struct instance_state, failed_generation) },
    { "cloneSource", FIELD_TEXT, offsetof(struct instance_state, clone_source) },
    { "applied", FIELD_JSON, offsetof(struct instance_state, applied) },
    { "restartedAt", FIELD_TEXT, offsetof(struct instance_state, restarted_at) },
    { "settledGeneration", FIELD_INT, offsetof(struct instance_state, settled_generation) },
    { "backupSchedule", FIELD_TEXT, offsetof(struct instance_state, backup_schedule) },
    { "backupSlot", FIELD_TIME, offsetof(struct instance_state, backup_slot_ms) },
    { "drillSlot", FIELD_TIME, offsetof(struct instance_state, drill_slot_ms) },
    { "fromRestore", FIELD_BOOL, offsetof(struct instance_state, from_restore) },
    { "swap", FIELD_OBJECT, offsetof(struct instance_state, swap), .fields = instance_swap_fields },
    { "replaced", FIELD_LIST, offsetof(struct instance_state, replaced), .fields = replaced_fields,
      .item_size = sizeof(struct instance_replaced) },
    { "outcome", FIELD_OBJECT, offsetof(struct instance_state, outcome), .fields = outcome_fields },
    { NULL },
};

void instance_want_release(struct instance_want *want)
{
    record_release(&want->record);
    fields_release(instance_spec_fields, &want->spec);
    fields_release(tenant_spec_fields, &want->tenant);
    fields_release(app_spec_fields, &want->app);
    fields_release(instance_state_fields, &want->state);
    warm_template_release(&want->warm);
    free(want->app_uid);
    free(want->rollout_problem);
    free(want->container);
    free(want->job);
    free(want->network);
    free(want->role);
    free(want->stamp);
    json_decref(want->values);
    free(want->verifier);
    rendered_release(&want->rendered);
    free(want->render_problem);
    instance_recovery_release(&want->recovery);
    free(want->job_output);
    free(want->restore_uid);
    fields_release(restore_offer_fields, &want->offer);
    free(want->last_drill.point);
    free(want->last_drill.result);
    free(want->last_drill.message);
    *want = (struct instance_want){ 0 };
}

/* A stored spec was valid when it was written; what does not decode now was written by another version of us. */
static bool decode_stored(const struct field *fields, const json_t *document, const char *what, void *ret,
                          struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(fields, document, "", ret, &problems);
    return problems_to_err(&problems, err) || err_wrap(err, "stored %s", what);
}

/* Finds a record and decodes its spec; a missing one is no error. */
static bool load_other(struct reconcile_context *ctx, enum kind_id kind, const char *name, struct record *ret_record,
                       void *ret_spec, bool *ret_found, struct err *err)
{
    struct record_key key;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret_found = false;
    if (!record_key_set(&key, kind, "", name))
        return true;
    if (!store_get(ctx->store, &key, ret_record, &problem)) {
        if (problem.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &problem);
        return false;
    }
    *ret_found = true;
    return decode_stored(kinds[kind].spec_fields, ret_record->spec, kinds[kind].name, ret_spec, err);
}

/* What the App's status says about how far it has come. */
static void read_rollout(const struct record *app, struct instance_want *want)
{
    struct app_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a status that an older version wrote */
    fields_decode(app_status_fields, app->status, "", &status, &ignored);
    const struct condition *rolled_out = condition_find(&status.conditions, CONDITION_ROLLED_OUT);
    want->app_rolls_out = rolled_out && rolled_out->status != CONDITION_TRUE;
    if (want->app_rolls_out && str_equal(rolled_out->reason, ROLLOUT_STOPPED))
        want->rollout_problem = mem_strdup(rolled_out->message);
    fields_release(app_status_fields, &status);
}

static bool load_tenant_and_app(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record app = { 0 };
    record_init(&tenant);
    record_init(&app);
    if (!load_other(ctx, KIND_TENANT, want->record.key.namespace, &tenant, &want->tenant, &want->has_tenant, err) ||
        !load_other(ctx, KIND_APP, want->spec.app, &app, &want->app, &want->has_app, err))
        return false;
    if (!want->has_app)
        return true;
    want->app_uid = mem_strdup(app.uid);
    want->app_generation = app.generation;
    read_rollout(&app, want);
    CLEANUP(json_decrefp) json_t *app_state = NULL;
    if (want->state.initialised || !want->app.warm_database)
        return true;
    if (!store_state_get(ctx->store, app.uid, &app_state, err))
        return false;
    want->warm_is_building = warm_find(&want->app, app_state, want->spec.version, &want->warm) == WARM_BUILDING;
    return true;
}

static bool load_secrets(struct reconcile_context *ctx, struct instance_want *want, json_t *secrets,
                         char **ret_password, struct err *err)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!store_secret_names(ctx->store, want->record.uid, &names, err))
        return false;
    want->secrets_complete = strv_has(&names, SECRET_DATABASE_PASSWORD);
    for (size_t i = 0; i < want->app.secrets.count; i++)
        want->secrets_complete = want->secrets_complete && strv_has(&names, want->app.secrets.items[i]);
    for (size_t i = 0; i < names.count; i++) {
        char *value = NULL;
        if (!store_secret_get(ctx->store, want->record.uid, names.items[i], &value, err))
            return false;
        if (str_equal(names.items[i], SECRET_DATABASE_PASSWORD)) {
            *ret_password = value;
        } else if (str_equal(names.items[i], SECRET_DATABASE_VERIFIER)) {
            want->verifier = value;
        } else {
            json_put_text(secrets, names.items[i], value);
            mem_wipe(value, strlen(value));
            free(value);
        }
    }
    return true;
}

/* Who has the claim, and what it offers. */
static bool load_restore(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *state = NULL;
    CLEANUP(freep) char *holder = NULL;
    if (!store_claim_holder(ctx->store, CLAIM_RESTORE, want->record.uid, &holder, err))
        return false;
    if (!holder)
        return true;
    record_init(&record);
    if (!store_get_by_uid(ctx->store, holder, &record, err) || !store_state_get(ctx->store, holder, &state, err) ||
        !decode_stored(restore_offer_fields, json_object_get(state, "offer"), "offer", &want->offer, err))
        return false;
    want->restore_key = record.key;
    want->restore_uid = STEAL(holder);
    return true;
}

/* What the Restore that was the last drill says of itself. */
static bool load_last_drill(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    struct drill_status *drill = &want->last_drill;
    CLEANUP(json_decrefp) json_t *state = NULL;
    CLEANUP(freep) char *holder = NULL;
    if (!store_claim_holder(ctx->store, CLAIM_DRILLED, want->record.uid, &holder, err) ||
        (holder && !store_state_get(ctx->store, holder, &state, err)))
        return false;
    const json_t *result = json_object_get(state, "result"), *source = json_object_get(state, "source");
    const char *time = json_text(result, "time"), *tenant = json_text(source, "tenant");
    if (!time || !time_from_rfc3339(time, &drill->time_ms))
        return true;
    drill->point = tenant ? mem_printf("%s/%s/%s", tenant, json_text(source, "uid"), json_text(source, "name")) : NULL;
    drill->result = mem_strdup(str_equal(json_text(result, "phase"), "Completed") ? DRILL_PASSED : DRILL_FAILED);
    drill->message = mem_strdup(json_text(result, "message"));
    drill->seconds = json_int(result, "seconds", 0);
    return true;
}

static void render(struct reconcile_context *ctx, struct instance_want *want)
{
    want->workload = (struct workload){
        .app = &want->app,
        .key = &want->record.key,
        .uid = want->record.uid,
        .image = want->image,
        .network = want->network,
        .volume = want->state.volume,
        .values = want->values,
        .extra_env = want->spec.env,
        .domains = &want->spec.domains,
        .publish_port = want->state.port,
        .millicores = want->spec.resources.cpu_millicores,
        .memory_bytes = want->spec.resources.memory_bytes,
    };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (want->image && want->state.volume &&
        !workload_render(ctx->settings, &want->workload, &want->rendered, &problem))
        want->render_problem = mem_strdup(err_message(&problem));
}

static void choose_version(struct instance_want *want, const char *name)
{
    const struct app_version *version = want->has_app ? app_find_version(&want->app, name) : NULL;
    want->version = name;
    want->image = version ? version->image : NULL;
}

void instance_want_in_place(struct reconcile_context *ctx, struct instance_want *want)
{
    if (!want->state.initialised || str_equal(want->version, want->state.version))
        return;
    choose_version(want, want->state.version);
    json_put_text(want->values, "version", want->version);
    rendered_release(&want->rendered);
    free(STEAL(want->render_problem));
    render(ctx, want);
}

/* All but the record, which is there. */
static bool fill(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    const struct record *record = &want->record;
    CLEANUP(json_decrefp) json_t *state = NULL;
    if (!decode_stored(instance_spec_fields, record->spec, "spec", &want->spec, err) ||
        !store_state_get(ctx->store, want->record.uid, &state, err) ||
        !decode_stored(instance_state_fields, state, "state", &want->state, err) ||
        !load_tenant_and_app(ctx, want, err) || !load_restore(ctx, want, err) || !load_last_drill(ctx, want, err))
        return false;
    const struct record_key *key = &want->record.key;
    want->container = name_container(ctx->settings, key);
    want->job = name_job(ctx->settings, key);
    want->network = name_network(ctx->settings, key->namespace);
    want->role = name_role(ctx->settings, want->record.uid);
    want->stamp = name_stamp(ctx->settings, want->record.uid);
    choose_version(want, !want->state.initialised || instance_upgrade_is_due(want) ? want->spec.version
                                                                                   : want->state.version);
    want->deleting = record->deletion_ms != 0;
    want->paused = record_annotation(record, ANNOTATION_PAUSED) != NULL;
    want->suspended = want->tenant.suspended || record_annotation(record, ANNOTATION_SUSPENDED);
    want->running = want->spec.state == STATE_RUNNING && !want->suspended && !want->deleting;

    CLEANUP(json_decrefp) json_t *secrets = json_object();
    CLEANUP(freep) char *password = NULL;
    if (!instance_recovery_load(ctx, want, err) || !load_secrets(ctx, want, secrets, &password, err))
        return false;
    struct workload_subject subject = {
        .app_name = want->spec.app,
        .version = want->version,
        .name = key->name,
        .namespace = key->namespace,
        .uid = want->record.uid,
        .database = want->spec.database.name,
        .role = want->role,
        .password = password,
        .secrets = secrets,
    };
    want->values = workload_values(ctx->settings, &want->app, &want->spec, &subject);
    json_put_text(want->values, "clone.sourceDatabase", want->state.clone_source ? want->state.clone_source : "");
    render(ctx, want);
    return true;
}

bool instance_want_from(struct reconcile_context *ctx, const struct record *record, struct instance_want *ret,
                        struct err *err)
{
    *ret = (struct instance_want){ 0 };
    record_copy(&ret->record, record);
    if (!ret->record.uid)
        ret->record.uid = mem_strdup(no_uid);
    return fill(ctx, ret, err);
}

bool instance_want_load(struct reconcile_context *ctx, const struct record_key *key, struct instance_want *ret,
                        struct err *err)
{
    *ret = (struct instance_want){ 0 };
    record_init(&ret->record);
    return store_get(ctx->store, key, &ret->record, err) && fill(ctx, ret, err);
}

bool instance_state_save(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = fields_encode(instance_state_fields, &want->state);
    return store_state_put(ctx->store, want->record.uid, state, err) || err_wrap(err, "store state");
}

int64_t instance_publish_wish(const struct instance_spec *spec)
{
    int64_t port = 0;
    if (str_equal(spec->publish, "auto"))
        return -1;
    return spec->publish && str_parse_int64(spec->publish, 1, 65535, &port) ? port : 0;
}
