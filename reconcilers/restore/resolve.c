/* Finds out which recovery point is meant and which instance gets it; a clone's record is made here. */
#include "reconcilers/names.h"
#include "reconcilers/restore/restore.h"
#include "specs/kind.h"

void opened_point_release(struct opened_point *opened)
{
    point_freep(&opened->point);
    tiers_release(&opened->tiers);
}

static struct point_source point_source(const struct settings *settings, struct objects *place)
{
    const struct backup_settings *backup = settings->backup;
    return (struct point_source){ .place = place,
                                  .identity = backup->has_identity ? &backup->identity : NULL,
                                  .manifest_key = backup->manifest_key };
}

/* The place of a tenant's recovery points, also when the tenant is gone: then the installation's. */
static bool open_tiers_of(struct reconcile_context *ctx, const char *tenant, struct tiers *ret, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(problems_release)
    struct problems ignored = PROBLEMS_INIT; /* of another version's spec: what decodes counts */
    struct tenant_spec spec = { 0 };
    struct record_key key;
    struct err problem = ERR_INIT;
    record_init(&record);
    bool there = record_key_set(&key, KIND_TENANT, "", tenant) && store_get(ctx->store, &key, &record, &problem);
    if (!there && problem.code != ERR_NOT_FOUND && problem.code != ERR_NONE) {
        err_move(err, &problem);
        return false;
    }
    err_release(&problem);
    if (there)
        fields_decode(tenant_spec_fields, record.spec, "", &spec, &ignored);
    bool ok = tiers_open(ctx->settings, there ? &spec.backup : NULL, ret, err);
    fields_release(tenant_spec_fields, &spec);
    return ok;
}

/* Each Backup remembers its place; its tenant may name another one by now, or be gone. `uid` NULL: of any instance. */
static bool find_backup(struct reconcile_context *ctx, const struct point_id *id, struct record *ret, bool *ret_there,
                        struct err *err)
{
    struct record_key key;
    struct err problem = ERR_INIT;
    *ret_there = false;
    if (!record_key_set(&key, KIND_BACKUP, id->tenant, id->name))
        return true;
    if (!store_get(ctx->store, &key, ret, &problem)) {
        bool missing = problem.code == ERR_NOT_FOUND;
        if (missing)
            err_release(&problem);
        else
            err_move(err, &problem);
        return missing;
    }
    *ret_there = !id->uid || str_equal(json_text(ret->spec, "instanceUid"), id->uid);
    return true;
}

static bool open_tiers(struct reconcile_context *ctx, const struct point_id *id, struct tiers *ret, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *state = NULL;
    bool there;
    record_init(&record);
    if (!find_backup(ctx, id, &record, &there, err))
        return false;
    if (!there)
        return open_tiers_of(ctx, id->tenant, ret, err);
    if (!store_state_get(ctx->store, record.uid, &state, err))
        return false;
    const struct tenant_backup where = { (char *)(uintptr_t)json_text(state, "bucket"),
                                         (char *)(uintptr_t)json_text(state, "prefix") };
    return tiers_open(ctx->settings, &where, ret, err);
}

bool restore_open_point(struct reconcile_context *ctx, const struct restore_want *want, const char *tier,
                        struct opened_point *ret, struct err *err)
{
    const struct restore_source *source = &want->state.source;
    const struct point_id id = { source->tenant, source->uid, source->name };
    if (!open_tiers(ctx, &id, &ret->tiers, err))
        return false;
    for (size_t i = 0; i < ret->tiers.count; i++)
        if (str_equal(ret->tiers.items[i].name, tier)) {
            struct point_source from = point_source(ctx->settings, ret->tiers.items[i].objects);
            return point_open(&from, &id, &ctx->call, &ret->point, err);
        }
    return err_set(err, ERR_NOT_FOUND, "no tier %s is configured", tier);
}

/* ---- the point ---- */

/* Where it says which one it is, nothing is searched. */
struct search {
    const char *name;     /* NULL: the newest */
    const char *best_uid; /* of the instance that it is for; NULL: none yet */
    struct restore_source *source;
    int64_t modified_ms;
    bool ambiguous;
};

static void consider(struct search *search, const struct point_listed *listed)
{
    struct restore_source *source = search->source;
    if (!listed->has_manifest || (search->name && !str_equal(listed->name, search->name)))
        return;
    bool same = source->uid && str_equal(source->uid, listed->uid);
    bool has_best = source->uid && str_equal(source->uid, search->best_uid);
    if (search->name && source->uid && !same)
        search->ambiguous = !has_best && !str_equal(listed->uid, search->best_uid);
    if (has_best && !same)
        return;
    if (!search->name && source->uid && listed->modified_ms <= search->modified_ms)
        return;
    free(source->tenant);
    free(source->uid);
    free(source->name);
    source->tenant = mem_strdup(listed->tenant);
    source->uid = mem_strdup(listed->uid);
    source->name = mem_strdup(listed->name);
    search->modified_ms = listed->modified_ms;
}

static bool search_places(struct reconcile_context *ctx, const struct restore_want *want, struct search *search,
                          struct err *err)
{
    const char *tenant = want->record.key.namespace;
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    CLEANUP(freep)
    char *prefix = search->name ? mem_printf("%s/", tenant) : mem_printf("%s/%s/", tenant, search->best_uid);
    if (!open_tiers_of(ctx, tenant, &tiers, err))
        return false;
    for (size_t i = 0; i < tiers.count; i++) {
        CLEANUP(point_list_release) struct point_list list = { 0 };
        if (!point_list(tiers.items[i].objects, prefix, &ctx->call, &list, err))
            return false;
        for (size_t j = 0; j < list.count; j++)
            consider(search, &list.items[j]);
    }
    if (search->ambiguous)
        return err_set(
            err, ERR_INVALID,
            "spec.backup: several instances of tenant %s have a recovery point %s; give it as <tenant>/<instance "
            "uid>/%s",
            tenant, search->name, search->name);
    if (search->source->uid)
        return true;
    if (search->name)
        return err_set(err, ERR_NOT_FOUND, "tenant %s has no recovery point %s", tenant, search->name);
    return err_set(err, ERR_NOT_FOUND, "instance %s has no recovery point yet", want->spec.instance);
}

/* The Backup of that name, which says of which instance it is. */
static bool take_listed(struct reconcile_context *ctx, const struct restore_want *want, struct restore_source *source,
                        bool *ret_taken, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    const struct point_id id = { want->record.key.namespace, NULL, want->spec.backup };
    record_init(&record);
    if (!find_backup(ctx, &id, &record, ret_taken, err))
        return false;
    if (!*ret_taken)
        return true;
    source->tenant = mem_strdup(id.tenant);
    source->uid = mem_strdup(json_text(record.spec, "instanceUid"));
    source->name = mem_strdup(id.name);
    return true;
}

static bool find_source(struct reconcile_context *ctx, struct restore_want *want, const char *target_uid,
                        struct err *err)
{
    struct restore_source *source = &want->state.source;
    struct restore_point_parts parts = { 0 };
    struct search search = { .name = want->spec.backup, .best_uid = target_uid, .source = source };
    int64_t failures = want->state.failures;
    fields_release(restore_state_fields, &want->state); /* of an earlier try */
    want->state.failures = failures;
    if (want->spec.backup && restore_point_split(want->spec.backup, &parts)) {
        source->tenant = parts.tenant;
        source->uid = parts.uid;
        source->name = parts.name;
        return true;
    }
    bool is_listed = false;
    if (want->spec.backup && !take_listed(ctx, want, source, &is_listed, err))
        return false;
    return is_listed || search_places(ctx, want, &search, err);
}

/* In the first place that has it: the quick one is asked first. */
static bool open_anywhere(struct reconcile_context *ctx, const struct restore_want *want, struct opened_point *ret,
                          struct err *err)
{
    static const char *const order[] = { TIER_LOCAL, TIER_S3 };
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        err_clear(err);
        opened_point_release(ret);
        *ret = (struct opened_point){ 0 };
        if (restore_open_point(ctx, want, order[i], ret, err))
            return true;
        if (err->code != ERR_NOT_FOUND)
            return false;
    }
    return err_set(err, ERR_NOT_FOUND, "there is no recovery point %s/%s/%s", want->state.source.tenant,
                   want->state.source.uid, want->state.source.name);
}

/* ---- the instance ---- */

struct making {
    struct restore_want *want;
    void *settings;
};

/* Record, claim and what marks it as ours to fill come into being in one transaction. */
static bool admit_clone(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    struct making *making = context;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *state = json_object();
    json_put(state, "fromRestore", json_true());
    if (!record_settle(&kinds[KIND_INSTANCE], NULL, next, &problems))
        return problems_to_err(&problems, err);
    return instance_admit(tx, old, next, making->settings, err) &&
           store_claim(tx, CLAIM_RESTORE, next->uid, making->want->record.uid, err) &&
           store_state_put(tx, next->uid, state, err);
}

/* What must not be had twice, and what the original alone is to be reached by. */
static json_t *clone_spec(const struct manifest *manifest)
{
    json_t *spec = json_deep_copy(json_object_get(manifest->records.instance, "spec"));
    json_object_del(spec, "database");
    json_object_del(spec, "domains");
    json_object_del(spec, "publish");
    fields_add_defaults(instance_spec_fields, spec);
    return spec;
}

static bool make_clone(struct reconcile_context *ctx, struct restore_want *want, const struct manifest *manifest,
                       const struct record_key *key, struct record *record, struct err *err)
{
    struct making making = { want, (void *)(uintptr_t)ctx->settings };
    struct store_write write = { .admit = admit_clone, .context = &making, .who = "tenantd" };
    record->key = *key;
    json_decref(record->spec);
    record->spec = clone_spec(manifest);
    CLEANUP(freep) char *from = mem_printf("%s/%s/%s", manifest->tenant, manifest->uid, manifest->backup);
    json_put_text(record->annotations, "tenantd/restored-from", from);
    return store_create(ctx->store, record, &write, err) ||
           err_wrap(err, "make instance %s/%s", key->namespace, key->name);
}

/* After a crash it is there already, with our claim on it. */
static bool find_or_make_clone(struct reconcile_context *ctx, struct restore_want *want,
                               const struct manifest *manifest, struct record *record, struct err *err)
{
    struct record_key key;
    CLEANUP(freep) char *holder = NULL;
    struct err problem = ERR_INIT;
    const char *tenant = want->spec.to.tenant ? want->spec.to.tenant : want->record.key.namespace;
    if (!record_key_set(&key, KIND_INSTANCE, tenant, want->spec.to.instance))
        return err_set(err, ERR_INVALID, "spec.to: no instance can have that name");
    if (store_get(ctx->store, &key, record, &problem))
        return store_claim_holder(ctx->store, CLAIM_RESTORE, record->uid, &holder, err) &&
               (str_equal(holder, want->record.uid) ||
                err_set(err, ERR_EXISTS, "spec.to: instance %s/%s exists; choose another name, or restore into it",
                        tenant, key.name));
    if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    err_release(&problem);
    return make_clone(ctx, want, manifest, &key, record, err);
}

static bool find_instance(struct reconcile_context *ctx, const struct restore_want *want, struct record *record,
                          struct err *err)
{
    struct record_key key;
    if (!want->spec.instance)
        return true;
    if (!record_key_set(&key, KIND_INSTANCE, want->record.key.namespace, want->spec.instance))
        return err_set(err, ERR_NOT_FOUND, "spec.instance: there is no instance %s", want->spec.instance);
    return store_get(ctx->store, &key, record, err) || err_wrap(err, "spec.instance");
}

/* ---- what goes with what ---- */

static json_t *applied_then(const struct manifest *manifest)
{
    json_t *applied = json_object();
    struct instance_spec spec = { 0 };
    CLEANUP(problems_release)
    struct problems ignored = PROBLEMS_INIT; /* of another version's spec: what decodes counts */
    fields_decode(instance_spec_fields, json_object_get(manifest->records.instance, "spec"), "", &spec, &ignored);
    for (int field = 0; field < CHANGE_FIELDS; field++) {
        CLEANUP(freep) char *value = workload_change_value(&spec, (enum app_change_field)field);
        json_put_text(applied, app_change_field_names[field], value);
    }
    fields_release(instance_spec_fields, &spec);
    return applied;
}

static bool fits(struct reconcile_context *ctx, const struct instance_want *target, const struct manifest *manifest,
                 struct err *err)
{
    struct server_version version = { 0 };
    if (!target->has_app || !str_equal(target->spec.app, manifest->app))
        return err_set(err, ERR_INVALID, "the recovery point is of app %s, and instance %s runs %s", manifest->app,
                       target->record.key.name, target->spec.app);
    if (!app_find_version(&target->app, manifest->version))
        return err_set(err, ERR_INVALID,
                       "the recovery point is of version %s, which app %s does not have; add it to its versions",
                       manifest->version, manifest->app);
    if (!server_version(ctx->server, &ctx->call, &version, err))
        return false;
    bool newer = manifest->database.server_number / 10000 > version.number / 10000;
    if (newer)
        err_set(err, ERR_UNSUPPORTED, "the recovery point was made with PostgreSQL %s, and this server is %s",
                manifest->database.server_version, version.text);
    free(version.text);
    return !newer;
}

static void fill_offer(struct reconcile_context *ctx, struct restore_want *want, const struct instance_want *target,
                       const struct manifest *manifest)
{
    struct restore_state *state = &want->state;
    struct restore_offer *offer = &state->offer;
    const char *database = target->spec.database.name, *uid = want->record.uid;
    const struct manifest_object *dump = manifest_find(manifest, POINT_DATABASE);
    const struct manifest_object *data = manifest_find(manifest, POINT_DATA);
    state->source.database_bytes = dump ? dump->plain_bytes : 0;
    state->source.data_bytes = data ? data->plain_bytes : 0;
    state->target.namespace = mem_strdup(target->record.key.namespace);
    state->target.name = mem_strdup(target->record.key.name);
    state->target.uid = mem_strdup(target->record.uid);
    state->target.database = mem_strdup(database);
    state->target.is_new = want->spec.to.instance != NULL;
    offer->beside = name_database(database, want->spec.drill ? "drill" : "restoring", uid);
    offer->aside = name_database(database, "replaced", uid);
    offer->volume = name_volume(ctx->settings, &target->record.key, uid);
    offer->version = mem_strdup(manifest->version);
    offer->applied = applied_then(manifest);
    offer->source_database = mem_strdup(manifest->database.name);
    offer->neutralize = want->spec.neutralize || want->spec.drill;
    offer->run_after = state->target.is_new || offer->neutralize || !str_equal(state->source.uid, state->target.uid);
    state->started_ms = clock_wall_ms();
    state->resolved = true;
}

bool restore_step_resolve(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(opened_point_release) struct opened_point opened = { 0 };
    CLEANUP(instance_want_release) struct instance_want target = { 0 };
    record_init(&record);
    if (!find_instance(ctx, want, &record, err) || !find_source(ctx, want, record.uid, err) ||
        !open_anywhere(ctx, want, &opened, err))
        return false;
    const struct manifest *manifest = point_manifest(opened.point);
    if (want->spec.to.instance && !find_or_make_clone(ctx, want, manifest, &record, err))
        return false;
    if (!instance_want_from(ctx, &record, &target, err) || !fits(ctx, &target, manifest, err))
        return false;
    fill_offer(ctx, want, &target, manifest);
    struct record_key key = record.key;
    world_wake(ctx->world, &key, 0);
    return restore_state_save(ctx, want, err);
}
