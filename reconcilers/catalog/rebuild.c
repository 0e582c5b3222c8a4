/* Makes the records that a catalogue tells of and the store does not have. */
#include "base/log.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/backup/records_copy.h"
#include "reconcilers/catalog/catalog.h"

void catalog_report_release(struct catalog_report *report)
{
    strv_release(&report->made);
    strv_release(&report->restored);
    strv_release(&report->left);
    strv_release(&report->problems);
    *report = (struct catalog_report){ 0 };
}

struct rebuild {
    struct store *store;
    const struct settings *settings;
    const struct catalog *catalog;
    struct catalog_report *report;
};

/* What a record had besides itself. Borrowed. */
struct coming_back {
    const struct settings *settings;
    const json_t *secrets; /* NULL: none */
    const json_t *state;   /* NULL: none */
};

/* Of one record: told, and the next one follows. False: the store does not answer. */
static bool note_problem(struct rebuild *rebuild, const char *what, struct err *problem, struct err *err)
{
    if (problem->code == ERR_UNREACHABLE || problem->code == ERR_TIMEOUT || problem->code == ERR_CANCELLED) {
        err_move(err, problem);
        return err_wrap(err, "%s", what);
    }
    strv_addf(&rebuild->report->problems, "%s: %s", what, err_message(problem));
    return true;
}

/* ---- one record ---- */

/*
 * Quota and rules that came later must not keep back what was there before, so the record is judged as one that does not change; only what it holds
 * is claimed anew.
 */
static bool admit_instance(struct store *tx, struct record *next, const struct coming_back *coming, struct err *err)
{
    const char *database = json_text(json_object_get(next->spec, "database"), "name");
    return instance_admit(tx, next, next, (void *)(uintptr_t)coming->settings, err) &&
           (!database || store_claim(tx, CLAIM_DATABASE, database, next->uid, err));
}

static bool admit(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    (void)old; /* it is created */
    const struct coming_back *coming = context;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    enum kind_id kind = next->key.kind;
    if (!record_settle(&kinds[kind], NULL, next, &problems))
        return problems_to_err(&problems, err);
    bool good = kind == KIND_INSTANCE
                    ? admit_instance(tx, next, coming, err)
                    : reconcilers[kind].admit(tx, NULL, next, (void *)(uintptr_t)coming->settings, err);
    if (!good)
        return false;
    json_t *secrets = (json_t *)(uintptr_t)coming->secrets; /* iterators take no const */
    const char *name;
    json_t *value;
    json_object_foreach (secrets, name, value)
        if (!store_secret_put(tx, next->uid, name, json_string_value(value), err))
            return false;
    return !coming->state || store_state_put(tx, next->uid, coming->state, err);
}

static bool key_of(const json_t *document, struct record_key *ret)
{
    const json_t *metadata = json_object_get(document, "metadata");
    const char *kind_name = json_text(document, "kind"), *name = json_text(metadata, "name");
    const char *namespace = json_text(metadata, "namespace");
    const struct kind *kind = kind_name ? kind_by_name(kind_name) : NULL;
    return kind && name && record_key_set(ret, kind->id, kind->namespaced && namespace ? namespace : "", name);
}

/* ERR_EXISTS: a record of its name is there. */
static bool make_record(struct rebuild *rebuild, const json_t *document, const struct coming_back *coming,
                        struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    const json_t *metadata = json_object_get(document, "metadata");
    struct record_key key;
    struct store_return returns = { .uid = json_text(metadata, "uid") };
    if (!key_of(document, &key) || !returns.uid ||
        !time_from_rfc3339(json_text(metadata, "creationTimestamp"), &returns.created_ms))
        return err_set(err, ERR_INVALID, "it is no record");
    record_init(&record);
    if (!record_from_json(document, &kinds[key.kind], key.namespace, key.name, &record, NULL, &problems))
        return problems_to_err(&problems, err);
    const struct store_write write = {
        .admit = admit, .context = (void *)(uintptr_t)coming, .who = "tenantd", .returns = &returns
    };
    return store_create(rebuild->store, &record, &write, err);
}

/* A record of that name that is there already stays as it is. */
static bool make(struct rebuild *rebuild, const json_t *document, const json_t *secrets, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct coming_back coming = { rebuild->settings, secrets, NULL };
    const json_t *metadata = json_object_get(document, "metadata");
    const char *namespace = json_text(metadata, "namespace"), *name = json_text(metadata, "name");
    CLEANUP(freep)
    char *what = mem_printf("%s %s%s%s", json_text(document, "kind"), namespace ? namespace : "", namespace ? "/" : "",
                            name ? name : "");
    if (make_record(rebuild, document, &coming, &problem)) {
        strv_add(&rebuild->report->made, what);
        return true;
    }
    return problem.code == ERR_EXISTS || note_problem(rebuild, what, &problem, err);
}

/* ---- what was copied ---- */

static const json_t *entries_of(const struct rebuild *rebuild)
{
    return json_object_get(rebuild->catalog->copy, "records");
}

static bool is_going(const json_t *record)
{
    return json_text(json_object_get(record, "metadata"), "deletionTimestamp") != NULL;
}

/* All of a kind that the copy has and that were not being deleted. */
static bool make_copied(struct rebuild *rebuild, enum kind_id kind, struct err *err)
{
    const json_t *entries = entries_of(rebuild);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *record = json_object_get(entry, "record");
        if (str_equal(json_text(record, "kind"), kinds[kind].name) && !is_going(record) &&
            !make(rebuild, record, json_object_get(entry, "secrets"), err))
            return false;
    }
    return true;
}

/* NULL: the copy does not have it. */
static const json_t *copied_instance(const struct rebuild *rebuild, const char *uid)
{
    const json_t *entries = entries_of(rebuild);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *record = json_object_get(entry, "record");
        if (str_equal(json_text(record, "kind"), kinds[KIND_INSTANCE].name) &&
            str_equal(json_text(json_object_get(record, "metadata"), "uid"), uid))
            return entry;
    }
    return NULL;
}

/* ---- instances ---- */

/* It was made by us, and has no data yet: then its Restore may still be to be made. */
static bool waits_for_data(struct rebuild *rebuild, const struct catalog_instance *instance, bool *ret, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *state = NULL;
    struct record_key key;
    record_init(&record);
    *ret = false;
    if (!record_key_set(&key, KIND_INSTANCE, instance->tenant, instance->name) ||
        !store_get(rebuild->store, &key, &record, err))
        return false;
    if (!str_equal(record.uid, instance->uid))
        return true;
    if (!store_state_get(rebuild->store, record.uid, &state, err))
        return false;
    *ret = json_bool(state, "fromRestore") && !json_bool(state, "initialised");
    return true;
}

/* By a derived name, so that it is made once. */
static bool make_restore(struct rebuild *rebuild, const struct catalog_instance *instance, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *spec = json_object();
    const struct store_write write = { .admit = reconcilers[KIND_RESTORE].admit,
                                       .context = (void *)(uintptr_t)rebuild->settings,
                                       .who = "tenantd" };
    CLEANUP(freep) char *name = mem_printf("%s-rebuilt-%.8s", instance->name, instance->uid);
    CLEANUP(freep) char *from = mem_printf("%s/%s/%s", instance->tenant, instance->uid, instance->point);
    CLEANUP(freep) char *taken = time_to_rfc3339(instance->point_ms);
    record_init(&record);
    if (!record_key_set(&record.key, KIND_RESTORE, instance->tenant, name))
        return err_set(err, ERR_INVALID, "its name is too long");
    json_put_text(spec, "backup", from);
    json_put_text(spec, "instance", instance->name);
    fields_add_defaults(kinds[KIND_RESTORE].spec_fields, spec);
    json_decref(record.spec);
    record.spec = STEAL(spec);
    if (!store_create(rebuild->store, &record, &write, err))
        return false;
    strv_addf(&rebuild->report->restored, "%s/%s from %s, taken %s", instance->tenant, instance->name, instance->point,
              taken);
    return true;
}

/* Never an instance that begins with empty data: its state says so from its first moment. */
static bool bring_back(struct rebuild *rebuild, const struct catalog_instance *instance, struct err *err)
{
    const json_t *copied = copied_instance(rebuild, instance->uid);
    const json_t *record = copied ? json_object_get(copied, "record") : instance->record;
    CLEANUP(json_decrefp) json_t *state = json_object();
    json_put(state, "fromRestore", json_true());
    const struct coming_back coming = { rebuild->settings, json_object_get(copied, "secrets"), state };
    return make_record(rebuild, record, &coming, err);
}

/* Behind the Backups: those say in which place the recovery point is. */
static bool make_restores(struct rebuild *rebuild, struct err *err)
{
    for (size_t i = 0; i < rebuild->catalog->instance_count; i++) {
        const struct catalog_instance *instance = &rebuild->catalog->instances[i];
        CLEANUP(freep) char *name = mem_printf("Restore of %s/%s", instance->tenant, instance->name);
        CLEANUP(err_release) struct err problem = ERR_INIT;
        bool waits = false;
        if (instance->verdict != CATALOG_RETURNS)
            continue;
        bool made = waits_for_data(rebuild, instance, &waits, &problem) &&
                    (!waits || make_restore(rebuild, instance, &problem));
        bool is_known = problem.code == ERR_EXISTS || problem.code == ERR_NOT_FOUND; /* it was told of already */
        if (!made && !is_known && !note_problem(rebuild, name, &problem, err))
            return false;
    }
    return true;
}

static bool make_surroundings(struct rebuild *rebuild, const struct catalog_instance *instance, struct err *err)
{
    return (!instance->tenant_record || make(rebuild, instance->tenant_record, NULL, err)) &&
           (!instance->app_record || make(rebuild, instance->app_record, NULL, err));
}

static bool make_instances(struct rebuild *rebuild, struct err *err)
{
    for (size_t i = 0; i < rebuild->catalog->instance_count; i++) {
        const struct catalog_instance *instance = &rebuild->catalog->instances[i];
        CLEANUP(freep) char *name = mem_printf("%s/%s", instance->tenant, instance->name);
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (instance->verdict != CATALOG_RETURNS) {
            strv_addf(&rebuild->report->left, "%s: %s", name, catalog_wording(instance->verdict));
            continue;
        }
        if (!make_surroundings(rebuild, instance, err))
            return false;
        if (!bring_back(rebuild, instance, &problem) && problem.code != ERR_EXISTS &&
            !note_problem(rebuild, name, &problem, err))
            return false;
    }
    return true;
}

/* ---- Backups ---- */

static void fill_tiers(const struct catalog_point *point, struct backup_status *status)
{
    struct backup_tier_status *tiers = mem_zalloc(TIERS_MAX * sizeof(*tiers));
    for (size_t i = 0; i < point->tier_count; i++)
        tiers[i] = (struct backup_tier_status){
            .name = mem_strdup(point->tiers[i].name),
            .place = mem_strdup(point->tiers[i].place),
            .stored_bytes = point->sizes.stored_bytes,
            .verified_ms = point->tiers[i].is_whole ? point->finished_ms : 0,
            .problem = point->tiers[i].is_whole ? NULL : mem_strdup("its objects are not as large as they were"),
        };
    status->tiers = (struct field_list){ tiers, point->tier_count };
}

/* As its end had left it: what has a manifest was read back before that was written. */
static json_t *status_of(const struct catalog_point *point)
{
    struct backup_status status = { .phase = mem_strdup(BACKUP_COMPLETED),
                                    .started_ms = point->started_ms,
                                    .completed_ms = point->finished_ms,
                                    .attempts = 1,
                                    .sizes = point->sizes,
                                    .app = mem_strdup(point->app),
                                    .version = mem_strdup(point->version) };
    fill_tiers(point, &status);
    status.verified_ms = point->tiers[0].is_whole ? point->finished_ms : 0;
    json_t *json = fields_encode(backup_status_fields, &status);
    fields_release(backup_status_fields, &status);
    return json;
}

/* Its instance may be gone, so what asks for that is left out. */
static bool admit_backup(struct store *tx, const struct record *old, struct record *next, void *context,
                         struct err *err)
{
    (void)old; /* it is created */
    const struct catalog_point *point = context;
    const struct backup_state kept = { .bucket = point->bucket, .prefix = point->prefix };
    CLEANUP(json_decrefp) json_t *state = fields_encode(backup_state_fields, &kept);
    strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    return store_state_put(tx, next->uid, state, err);
}

static bool make_backup(struct rebuild *rebuild, const struct catalog_point *point, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *status = status_of(point);
    CLEANUP(freep) char *uid = random_uuid(); /* no manifest has the record's own */
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct store_return returns = { uid, point->started_ms, status };
    const struct store_write write = {
        .admit = admit_backup, .context = (void *)(uintptr_t)point, .who = "tenantd", .returns = &returns
    };
    CLEANUP(freep) char *what = mem_printf("Backup %s/%s", point->tenant, point->name);
    record_init(&record);
    if (!record_key_set(&record.key, KIND_BACKUP, point->tenant, point->name))
        err_set(&problem, ERR_INVALID, "its name is too long");
    json_put_text(record.spec, "instance", point->instance);
    json_put_text(record.spec, "instanceUid", point->uid);
    json_put_text(record.spec, "reason", backup_reason_words[point->reason]);
    if (!problem.code && store_create(rebuild->store, &record, &write, &problem)) {
        rebuild->report->listed++;
        return true;
    }
    return problem.code == ERR_EXISTS || note_problem(rebuild, what, &problem, err);
}

static bool make_backups(struct rebuild *rebuild, struct err *err)
{
    for (size_t i = 0; i < rebuild->catalog->point_count; i++)
        if (!make_backup(rebuild, &rebuild->catalog->points[i], err))
            return false;
    return true;
}

/* ---- all ---- */

/* What follows the instances; Backups come from the places, and Restores are over. */
static bool make_others(struct rebuild *rebuild, struct err *err)
{
    for (enum kind_id kind = KIND_RESTORE + 1; kind < KINDS; kind++)
        if (!make_copied(rebuild, kind, err))
            return false;
    return true;
}

/* From now on the nightly copy may take the old one's place. */
static bool note_rebuilt(struct rebuild *rebuild, struct err *err)
{
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    CLEANUP(freep) char *since = NULL;
    return store_fact(rebuild->store, FACT_RECORDS_COPY, now, &since, err);
}

bool catalog_rebuild(struct store *store, const struct settings *settings, const struct catalog *catalog,
                     enum catalog_scope scope, struct catalog_report *ret, struct err *err)
{
    *ret = (struct catalog_report){ .points = catalog->point_count };
    strv_copy(&ret->problems, &catalog->problems);
    struct rebuild rebuild = { store, settings, catalog, ret };
    bool made = scope == CATALOG_POINTS || (make_copied(&rebuild, KIND_TENANT, err) &&
                                            make_copied(&rebuild, KIND_APP, err) && make_instances(&rebuild, err));
    made = made && make_backups(&rebuild, err) &&
           (scope == CATALOG_POINTS || (make_restores(&rebuild, err) && make_others(&rebuild, err)));
    if (made && scope == CATALOG_RECORDS)
        made = note_rebuilt(&rebuild, err);
    log_info("catalogue rebuilt", LOG_INT("points", (int64_t)ret->points), LOG_INT("listed", (int64_t)ret->listed),
             LOG_INT("restored", (int64_t)ret->restored.count), LOG_INT("problems", (int64_t)ret->problems.count));
    return made;
}
