/* The effects: one per step, each safe to repeat. The database's and the data's; containers are in steps_container.c. */
#include "base/log.h"
#include "reconcilers/instance/steps_internal.h"
#include "reconcilers/names.h"
#include "reconcilers/volume.h"

enum {
    PASSWORD_LENGTH = 32,
    SECRET_LENGTH = 24,
    PORTS_TRIED = 200,
    DATABASE_TIMEOUT_MS = 1800000, /* of what copies or goes through a whole database */
};

/* ---- choosing and remembering ---- */

static bool ensure_secret(struct reconcile_context *ctx, struct instance_want *want, const char *name, size_t length,
                          struct err *err)
{
    CLEANUP(freep) char *fresh = random_text(length);
    CLEANUP(freep) char *kept = NULL;
    return store_secret_ensure(ctx->store, want->record.uid, name, fresh, &kept, err);
}

/* Any free port of the range; a random start keeps concurrent tries apart. */
static bool claim_any_port(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    int count = ctx->settings->publish_last - ctx->settings->publish_first + 1;
    int start = (int)random_below((uint64_t)count);
    for (int i = 0; i < count && i < PORTS_TRIED; i++) {
        int port = ctx->settings->publish_first + (start + i) % count;
        CLEANUP(freep) char *text = mem_printf("%d", port);
        struct err problem = ERR_INIT;
        if (store_claim(ctx->store, CLAIM_PORT, text, want->record.uid, &problem)) {
            want->state.port = port;
            return true;
        }
        if (problem.code != ERR_CONFLICT) {
            err_move(err, &problem);
            return false;
        }
        err_release(&problem);
    }
    return err_set(err, ERR_CONFLICT, "no port is free in publish.range");
}

static bool choose_port(struct reconcile_context *ctx, struct instance_want *want, struct err *err)
{
    int64_t wish = instance_publish_wish(&want->spec);
    if (wish < 0 ? want->state.port > 0 : want->state.port == wish)
        return true;
    CLEANUP(freep) char *text = mem_printf("%" PRId64, wish);
    /* Before the old one is let go, which the container still has. */
    if (wish > 0 && !store_claim(ctx->store, CLAIM_PORT, text, want->record.uid, err))
        return err_wrap(err, "publish: host port %s is another instance's", text);
    if (!store_claim_drop(ctx->store, CLAIM_PORT, want->record.uid, err))
        return false;
    want->state.port = 0;
    if (wish < 0)
        return claim_any_port(ctx, want, err);
    if (wish > 0 && !store_claim(ctx->store, CLAIM_PORT, text, want->record.uid, err))
        return false;
    want->state.port = wish;
    return true;
}

/* Tenant and App count their instances. */
static void wake_owners(struct reconcile_context *ctx, const struct instance_want *want)
{
    struct record_key key;
    if (record_key_set(&key, KIND_TENANT, "", want->record.key.namespace))
        world_wake(ctx->world, &key, 0);
    if (record_key_set(&key, KIND_APP, "", want->spec.app))
        world_wake(ctx->world, &key, 0);
}

static bool step_allocate(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                          struct err *err)
{
    (void)seen; /* nothing of it is seen outside */
    if (!ensure_secret(ctx, want, SECRET_DATABASE_PASSWORD, PASSWORD_LENGTH, err))
        return false;
    for (size_t i = 0; i < want->app.secrets.count; i++)
        if (!ensure_secret(ctx, want, want->app.secrets.items[i], SECRET_LENGTH, err))
            return false;
    if (!choose_port(ctx, want, err))
        return false;
    if (!want->state.volume) {
        want->state.volume = name_volume(ctx->settings, &want->record.key, want->record.uid);
        wake_owners(ctx, want);
    }
    return instance_state_save(ctx, want, err);
}

struct forgetting {
    struct reconcile_context *ctx;
    struct instance_want *want;
};

/* In the transaction that takes the acceptance off: one stands for one loss, and neither is ever seen without the other. */
static bool forget_data(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    const struct forgetting *forgetting = context;
    (void)tx; /* the context's own store */
    (void)old;
    (void)next;
    forgetting->want->state.initialised = false;
    forgetting->want->state.dirty = true;
    return instance_state_save(forgetting->ctx, forgetting->want, err);
}

static bool step_forget_loss(struct reconcile_context *ctx, struct instance_want *want,
                             const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    log_warning("loss of data accepted", LOG_STR("uid", want->record.uid));
    json_object_del(want->record.annotations, ANNOTATION_ACCEPT_DATA_LOSS);
    struct forgetting forgetting = { ctx, want };
    struct store_write write = { .who = "tenantd", .admit = forget_data, .context = &forgetting };
    return store_update(ctx->store, &want->record, want->record.version, &write, err);
}

/* From here on whatever stands was not finished, until instance_data_is_complete(). */
static bool begin_data(struct reconcile_context *ctx, struct instance_want *want, const char *clone_source,
                       struct err *err)
{
    want->state.dirty = true;
    free(want->state.clone_source);
    want->state.clone_source = mem_strdup(clone_source);
    return instance_state_save(ctx, want, err);
}

/* A command that is given a field's value has taken it over. */
static bool is_given(const struct app_command *command, enum app_change_field field)
{
    CLEANUP(freep) char *name = mem_printf("spec.%s}}", app_change_field_names[field]);
    for (size_t i = 0; i < command->command.count; i++)
        if (strstr(command->command.items[i], name))
            return true;
    return false;
}

/* `after_clone_or_null`: the data is a template's, where the fields are neutral, and this command was run on it. */
static bool data_is_complete(struct reconcile_context *ctx, struct instance_want *want,
                             const struct app_command *after_clone_or_null, struct err *err)
{
    json_decref(want->state.applied);
    want->state.applied = json_object();
    for (int field = 0; field < CHANGE_FIELDS; field++) {
        CLEANUP(freep) char *value = workload_change_value(&want->spec, (enum app_change_field)field);
        bool neutral = after_clone_or_null && !is_given(after_clone_or_null, (enum app_change_field)field);
        json_put_text(want->state.applied, app_change_field_names[field],
                      !neutral                    ? value
                      : field == CHANGE_DEMO_DATA ? "false"
                                                  : "");
    }
    want->state.dirty = false;
    want->state.initialised = true;
    free(want->state.version);
    want->state.version = mem_strdup(want->spec.version);
    return instance_state_save(ctx, want, err);
}

/* ---- role and database ---- */

static bool step_put_role(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                          struct err *err)
{
    (void)seen;
    if (!want->verifier) {
        CLEANUP(freep) char *fresh = NULL;
        CLEANUP(freep) char *password = NULL;
        if (!store_secret_get(ctx->store, want->record.uid, SECRET_DATABASE_PASSWORD, &password, err) ||
            !server_scram_verifier(ctx->server, want->role, password, &ctx->call, &fresh, err) ||
            !store_secret_ensure(ctx->store, want->record.uid, SECRET_DATABASE_VERIFIER, fresh, &want->verifier, err))
            return false;
    }
    if (!role_ensure(ctx->server, want->role, want->verifier, ctx->settings->role_connection_limit, &ctx->call, err))
        return false;
    instance_wake_restore(ctx, want); /* a clone's, which waits for the owner of what it builds */
    return true;
}

static bool step_discard_database(struct reconcile_context *ctx, struct instance_want *want,
                                  const struct instance_seen *seen, struct err *err)
{
    const char *name = want->spec.database.name;
    if (seen->database_unstamped && !database_repair(ctx->server, name, want->role, want->stamp, &ctx->call, err))
        return false;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!database_drop(ctx->server, name, want->stamp, &ctx->call, &problem) && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    world_forget_database(ctx->world, name);
    return true;
}

static bool step_create_database(struct reconcile_context *ctx, struct instance_want *want,
                                 const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return begin_data(ctx, want, NULL, err) &&
           database_create(ctx->server, want->spec.database.name, want->role, NULL, want->stamp, &ctx->call, err);
}

/* It is closed as the last act of its making, and dropped as the first of the next: open or gone, it is a half. */
static bool template_is_whole(struct reconcile_context *ctx, const struct instance_want *want, struct err *err)
{
    CLEANUP(database_release) struct database template = { 0 };
    CLEANUP(image_release) struct image image = { 0 };
    struct record_key app;
    if (!database_look(ctx->server, want->warm.database, &ctx->call, &template, err) ||
        !image_inspect(ctx->docker, want->image, &ctx->call, &image, err))
        return err_wrap(err, "warm database");
    if (!str_equal(image.id, want->warm.image_id)) {
        /* The tag has moved since; the App's own look comes only now and then. */
        if (record_key_set(&app, KIND_APP, "", want->spec.app))
            world_wake(ctx->world, &app, 0);
        return err_set(err, ERR_CONFLICT,
                       "image %s is not the one that warm database %s was made with; it is made anew", want->image,
                       want->warm.database);
    }
    return !template.allow_connections ||
           err_set(err, ERR_CONFLICT, "warm database %s is being made anew", want->warm.database);
}

static bool step_clone_database(struct reconcile_context *ctx, struct instance_want *want,
                                const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    struct call call = call_within(&ctx->call, DATABASE_TIMEOUT_MS);
    return template_is_whole(ctx, want, err) && begin_data(ctx, want, want->warm.database, err) &&
           database_create(ctx->server, want->spec.database.name, want->role, want->warm.database, want->stamp, &call,
                           err);
}

static bool step_repair_database(struct reconcile_context *ctx, struct instance_want *want,
                                 const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return database_repair(ctx->server, want->spec.database.name, want->role, want->stamp, &ctx->call, err);
}

static bool step_take_over(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    (void)seen;
    struct call call = call_within(&ctx->call, DATABASE_TIMEOUT_MS);
    return database_take_over(ctx->server, want->spec.database.name, want->role, &call, err);
}

static bool step_retain_database(struct reconcile_context *ctx, struct instance_want *want,
                                 const struct instance_seen *seen, struct err *err)
{
    CLEANUP(freep) char *retained = name_retained(want->spec.database.name, want->record.uid);
    if (seen->database_unstamped &&
        !database_repair(ctx->server, want->spec.database.name, want->role, want->stamp, &ctx->call, err))
        return false;
    return database_rename(ctx->server, want->spec.database.name, retained, &ctx->call, err);
}

static bool step_drop_role(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    (void)seen;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (role_drop(ctx->server, want->role, &ctx->call, &problem) || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

/* ---- volume ---- */

static bool step_remove_volume(struct reconcile_context *ctx, struct instance_want *want,
                               const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return volume_discard(ctx, want->state.volume, want->record.uid, err);
}

static bool step_create_volume(struct reconcile_context *ctx, struct instance_want *want,
                               const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, &want->record.key, want->record.uid, "data");
    return volume_create(ctx->docker, want->state.volume, labels, &ctx->call, err);
}

static bool step_copy_volume(struct reconcile_context *ctx, struct instance_want *want,
                             const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return workload_copy_volume(ctx, &want->workload, want->warm.volume, err) && template_is_whole(ctx, want, err);
}

/* ---- one-shots ---- */

bool instance_run_job(struct reconcile_context *ctx, struct instance_want *want, const struct job *job, struct err *err)
{
    struct numeric_user user;
    return workload_user(ctx, &want->workload, &user, err) &&
           workload_run_job(ctx, &want->workload, &want->rendered, &user, job, &want->job_output, &want->job_exit_code,
                            err);
}

static bool step_initialise(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                            struct err *err)
{
    (void)seen;
    const struct app_command *init = &want->app.init;
    struct job job = {
        .purpose = "init", .command = &init->command, .timeout_ms = init->timeout_ms, .values = want->values
    };
    if (init->command.count && !instance_run_job(ctx, want, &job, err))
        return false;
    return data_is_complete(ctx, want, NULL, err);
}

static bool step_clone_after(struct reconcile_context *ctx, struct instance_want *want,
                             const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    const struct app_command *after = &want->app.clone.after;
    json_put_text(want->values, "clone.sourceDatabase", want->state.clone_source);
    struct job job = {
        .purpose = "clone.after", .command = &after->command, .timeout_ms = after->timeout_ms, .values = want->values
    };
    if (after->command.count && !instance_run_job(ctx, want, &job, err))
        return false;
    return data_is_complete(ctx, want, after, err);
}

static bool step_upgrade(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                         struct err *err)
{
    (void)seen;
    const struct app_command *upgrade = &want->app.upgrade;
    struct job job = {
        .purpose = "upgrade", .command = &upgrade->command, .timeout_ms = upgrade->timeout_ms, .values = want->values
    };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (upgrade->command.count && !instance_run_job(ctx, want, &job, &problem)) {
        if (problem.code == ERR_EXIT) {
            /* Not tried again by itself: the old version goes on until somebody decides. */
            free(want->state.failed_version);
            want->state.failed_version = mem_strdup(want->spec.version);
            want->state.failed_generation = want->record.generation;
            if (!instance_state_save(ctx, want, err))
                return false;
        }
        err_move(err, &problem);
        return false;
    }
    free(want->state.previous);
    want->state.previous = STEAL(want->state.version);
    want->state.version = mem_strdup(want->spec.version);
    world_note_stable(ctx->world, want->record.uid);
    return instance_state_save(ctx, want, err);
}

static bool step_roll_back(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                           struct err *err)
{
    free(want->state.failed_version);
    want->state.failed_version = STEAL(want->state.version);
    want->state.failed_generation = want->record.generation;
    want->state.version = STEAL(want->state.previous);
    free(want->job_output);
    want->job_output = mem_printf("the new version did not become healthy: %s",
                                  seen->health.problem[0] ? seen->health.problem : "it ended again and again");
    log_warning("upgrade rolled back", LOG_STR("version", want->state.failed_version),
                LOG_STR("to", want->state.version));
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!store_event_add(ctx->store, &want->record, EVENT_WARNING, "RolledBack", want->job_output, &ignored))
        log_warning("event not stored", LOG_STR("error", err_message(&ignored)));
    return instance_state_save(ctx, want, err);
}

static bool step_close_gate(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                            struct err *err)
{
    (void)seen;
    free(STEAL(want->state.previous));
    free(STEAL(want->state.failed_version));
    want->state.failed_generation = 0;
    return instance_state_save(ctx, want, err);
}

static bool change(struct reconcile_context *ctx, struct instance_want *want, enum app_change_field field,
                   struct err *err)
{
    const struct app_on_change *on_change = &want->app.on_change.field[field];
    CLEANUP(freep) char *value = workload_change_value(&want->spec, field);
    const char *name = app_change_field_names[field];
    const char *old = json_text(want->state.applied, name);
    json_put_text(want->values, "change.old", old ? old : "");
    json_put_text(want->values, "change.new", value);
    CLEANUP(freep) char *purpose = mem_printf("onChange.%s", name);
    struct job job = {
        .purpose = purpose, .command = &on_change->command, .timeout_ms = on_change->timeout_ms, .values = want->values
    };
    if (on_change->command.count && !instance_run_job(ctx, want, &job, err))
        return false;
    if (!want->state.applied)
        want->state.applied = json_object();
    json_put_text(want->state.applied, name, value);
    return instance_state_save(ctx, want, err);
}

static bool step_change_addons(struct reconcile_context *ctx, struct instance_want *want,
                               const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return change(ctx, want, CHANGE_ADDONS, err);
}

static bool step_change_modules(struct reconcile_context *ctx, struct instance_want *want,
                                const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return change(ctx, want, CHANGE_DISABLED_MODULES, err);
}

static bool step_change_email(struct reconcile_context *ctx, struct instance_want *want,
                              const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return change(ctx, want, CHANGE_ADMIN_EMAIL, err);
}

static bool step_change_demo(struct reconcile_context *ctx, struct instance_want *want,
                             const struct instance_seen *seen, struct err *err)
{
    (void)seen;
    return change(ctx, want, CHANGE_DEMO_DATA, err);
}

/* ---- letting go ---- */

static bool step_release(struct reconcile_context *ctx, struct instance_want *want, const struct instance_seen *seen,
                         struct err *err)
{
    (void)seen;
    world_end_probe(ctx->world, want->record.uid);
    world_forget(ctx->world, want->record.uid);
    return store_remove_finalizer(ctx->store, &want->record.key, want->record.uid, FINALIZER_TEARDOWN, err);
}

instance_step_fn *const instance_step_effects[INSTANCE_STEPS] = {
    [STEP_ALLOCATE] = step_allocate,
    [STEP_FORGET_LOSS] = step_forget_loss,
    [STEP_PULL_IMAGE] = step_pull_image,
    [STEP_REMOVE_JOB] = step_remove_job,
    [STEP_DISCARD_DATABASE] = step_discard_database,
    [STEP_DISCARD_VOLUME] = step_remove_volume,
    [STEP_PUT_ROLE] = step_put_role,
    [STEP_CREATE_DATABASE] = step_create_database,
    [STEP_CLONE_DATABASE] = step_clone_database,
    [STEP_REPAIR_DATABASE] = step_repair_database,
    [STEP_CREATE_VOLUME] = step_create_volume,
    [STEP_COPY_VOLUME] = step_copy_volume,
    [STEP_TAKE_OVER] = step_take_over,
    [STEP_INITIALISE] = step_initialise,
    [STEP_CLONE_AFTER] = step_clone_after,
    [STEP_UPGRADE] = step_upgrade,
    [STEP_ROLL_BACK] = step_roll_back,
    [STEP_CLOSE_GATE] = step_close_gate,
    [STEP_CHANGE_ADDONS] = step_change_addons,
    [STEP_CHANGE_DISABLED_MODULES] = step_change_modules,
    [STEP_CHANGE_ADMIN_EMAIL] = step_change_email,
    [STEP_CHANGE_DEMO_DATA] = step_change_demo,
    [STEP_STOP] = step_stop,
    [STEP_REMOVE_CONTAINER] = step_remove_container,
    [STEP_REMOVE_LEFTOVERS] = step_remove_leftovers,
    [STEP_CREATE_CONTAINER] = step_create_container,
    [STEP_RENAME] = step_rename,
    [STEP_PUT_FILES] = step_put_files,
    [STEP_RESIZE] = step_resize,
    [STEP_CONNECT] = step_connect,
    [STEP_UNPAUSE] = step_unpause,
    [STEP_START] = step_start,
    [STEP_RESTART] = step_restart,
    [STEP_NOTE_SCHEDULE] = step_note_schedule,
    [STEP_SCHEDULE_BACKUP] = step_schedule_backup,
    [STEP_LAST_BACKUP] = step_last_backup,
    [STEP_DROP_DATABASE] = step_discard_database,
    [STEP_RETAIN_DATABASE] = step_retain_database,
    [STEP_DROP_ROLE] = step_drop_role,
    [STEP_REMOVE_VOLUME] = step_remove_volume,
    [STEP_SWITCH_DATA] = step_switch_data,
    [STEP_RESTORE_AFTER] = step_restore_after,
    [STEP_KEEP_RESTORED] = step_keep_restored,
    [STEP_REJECT_RESTORED] = step_reject_restored,
    [STEP_SWITCH_BACK] = step_switch_back,
    [STEP_DROP_REPLACED] = step_drop_replaced,
    [STEP_RELEASE] = step_release,
};
