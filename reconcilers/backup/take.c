/*
 * Taking a recovery point: the database first, then the files, then everything is read back, and only then the manifest is written. An attempt that
 * broke off is made again from its beginning; what it had published already is believed once it was read back.
 */
#include "base/log.h"
#include "clients/postgres/dump.h"
#include "reconcilers/backup/backup.h"

#define ATTEMPT_MS DAY_MS
#define TRIES      2 /* of a dump or a tar that turned out broken */
#define OPEN_DUMP  "age -d -i KEY " POINT_DATABASE " | zstd -d | pg_restore -d DATABASE"
#define OPEN_DATA  "age -d -i KEY " POINT_DATA " | zstd -d | tar -x"

enum part { PART_DUMP, PART_COPY, PART_READ_BACK, PART_PUBLISH };
const char *const backup_take_parts[] = {
    [PART_DUMP] = "dump-database",
    [PART_COPY] = "copy-files",
    [PART_READ_BACK] = "read-back",
    [PART_PUBLISH] = "publish",
    NULL,
};

struct attempt {
    struct reconcile_context *ctx;
    struct backup_want *want;
    struct tiers tiers;
    struct objects *places[TIERS_MAX];
    struct point_id id;
    struct point_target target;
    struct call call;
    struct dump_result dump;
    struct point_part database, data;
    bool has_data;
    struct manifest manifest;
};

static void attempt_release(struct attempt *attempt)
{
    tiers_release(&attempt->tiers);
    dump_result_release(&attempt->dump);
    manifest_release(&attempt->manifest);
}

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

static bool set_phase(struct attempt *attempt, const char *phase, struct err *err)
{
    set_text(&attempt->want->status.phase, phase);
    return backup_tell(attempt->ctx, attempt->want, err);
}

static void note(struct attempt *attempt, enum part part, const char *phase)
{
    const char *step = backup_take_parts[part];
    struct reconcile_context *ctx = attempt->ctx;
    ctx->step = str_equal(phase, "begin") ? step : NULL;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &attempt->want->record.key, step, phase);
}

/* ---- begin ---- */

static bool open_tiers(struct attempt *attempt, struct err *err)
{
    struct backup_want *want = attempt->want;
    const struct tenant_backup *where = &want->instance.tenant.backup;
    set_text(&want->state.bucket, where->bucket);
    set_text(&want->state.prefix, where->prefix);
    if (!backup_state_save(attempt->ctx, want, err) || !tiers_open(attempt->ctx->settings, where, &attempt->tiers, err))
        return false;
    for (size_t i = 0; i < attempt->tiers.count; i++)
        attempt->places[i] = attempt->tiers.items[i].objects;
    const struct backup_settings *backup = attempt->ctx->settings->backup;
    attempt->id = (struct point_id){ want->record.key.namespace, want->spec.instance_uid, want->record.key.name };
    attempt->target = (struct point_target){ .id = &attempt->id,
                                             .places = attempt->places,
                                             .place_count = attempt->tiers.count,
                                             .recipients = backup->recipients,
                                             .recipient_count = backup->recipient_count,
                                             .call = &attempt->call };
    return true;
}

/* What an attempt left that broke off behind its last step; false without an error: there is none. */
static bool find_published(struct attempt *attempt, bool *ret_found, struct err *err)
{
    CLEANUP(point_freep) struct point *point = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct point_source source = { attempt->places[0], NULL, attempt->ctx->settings->backup->manifest_key };
    *ret_found = point_open(&source, &attempt->id, &attempt->call, &point, &problem) &&
                 point_verify(point, &attempt->call, &problem);
    if (*ret_found) {
        const char *text = point_manifest_text(point);
        return manifest_decode(text, strlen(text), &attempt->manifest, err);
    }
    bool is_none = problem.code == ERR_NOT_FOUND || problem.code == ERR_INVALID || problem.code == ERR_FORBIDDEN;
    if (is_none)
        return true;
    err_move(err, &problem);
    return false;
}

static bool clear_places(struct attempt *attempt, struct err *err)
{
    for (size_t i = 0; i < attempt->tiers.count; i++)
        if (!point_remove(attempt->places[i], &attempt->id, &attempt->call, err))
            return err_wrap(err, "clear %s", objects_name(attempt->places[i]));
    return true;
}

/* ---- the parts ---- */

static bool is_faulty(const struct err *err)
{
    return err->code == ERR_EXIT || err->code == ERR_REMOTE || err->code == ERR_INVALID;
}

/* Once more when it turned out broken, and not because somebody is away. */
static bool with_second_try(struct attempt *attempt, bool (*run)(struct attempt *attempt, struct err *err),
                            struct err *err)
{
    for (int try = 1;; try++) {
        struct err problem = ERR_INIT;
        if (run(attempt, &problem))
            return true;
        bool again = is_faulty(&problem) && try < TRIES && !call_is_cancelled(&attempt->call);
        if (again) {
            log_warning("part of a backup is taken again", LOG_STR("error", err_message(&problem)));
            err_release(&problem);
            continue;
        }
        if (problem.code == ERR_REMOTE) /* twice: that does not pass by itself */
            problem.code = ERR_EXIT;
        err_move(err, &problem);
        return false;
    }
}

static bool dump_once(struct attempt *attempt, struct err *err)
{
    const struct instance_want *instance = &attempt->want->instance;
    const struct dump_source source = { .database = instance->spec.database.name,
                                        .role = instance->role,
                                        .password = json_text(instance->values, "database.password"),
                                        .query = instance->app.backup.must_exist };
    struct sink *part = point_part_sink_new(&attempt->target, POINT_DATABASE, &attempt->database);
    CLEANUP(sink_freep) struct sink *sink = backup_meter_new(attempt->ctx, attempt->want, "database", part);
    return database_dump(attempt->ctx->server, &source, sink, &attempt->call, &attempt->dump, err) &&
           sink_finish(sink, err);
}

static bool copy_once(struct attempt *attempt, struct err *err)
{
    const struct backup_files files = { .want = attempt->want,
                                        .target = &attempt->target,
                                        .must_exist = &attempt->dump.answers,
                                        .ret_part = &attempt->data };
    return backup_copy_files(attempt->ctx, attempt->want, &files, err);
}

static bool store_parts(struct attempt *attempt, struct err *err)
{
    note(attempt, PART_DUMP, "begin");
    bool dumped = with_second_try(attempt, dump_once, err);
    note(attempt, PART_DUMP, "end");
    attempt->has_data = attempt->want->instance.app.data_path != NULL;
    if (!dumped || !attempt->has_data)
        return dumped;
    note(attempt, PART_COPY, "begin");
    bool copied = with_second_try(attempt, copy_once, err);
    note(attempt, PART_COPY, "end");
    return copied;
}

/* ---- manifest ---- */

static void add_object(struct manifest *manifest, const char *name, const char *how_to_open,
                       const struct point_part *part)
{
    struct manifest_object *objects =
        mem_grow(manifest->objects.items, manifest->objects.count + 1, sizeof(struct manifest_object));
    manifest->objects.items = objects;
    objects[manifest->objects.count++] =
        (struct manifest_object){ .name = mem_strdup(name),
                                  .description = mem_strdup(how_to_open),
                                  .plain_bytes = (int64_t)part->plain.bytes,
                                  .stored_bytes = (int64_t)part->stored.bytes,
                                  .plain_sha256 = mem_strdup(part->plain.sha256_hex),
                                  .stored_sha256 = mem_strdup(part->stored.sha256_hex) };
}

static void add_tables(struct manifest *manifest, const struct dump_tables *tables)
{
    struct manifest_table *items = mem_zalloc((tables->count + 1) * sizeof(*items));
    for (size_t i = 0; i < tables->count; i++)
        items[i] = (struct manifest_table){ mem_strdup(tables->items[i].name), tables->items[i].rows };
    manifest->database.tables = (struct field_list){ items, tables->count };
}

/* As the API shows it, without what changes by itself. */
static bool keep_record(struct attempt *attempt, enum kind_id kind, const char *namespace, const char *name,
                        json_t **ret)
{
    struct record_key key;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    record_init(&record);
    if (!record_key_set(&key, kind, namespace, name) || !store_get(attempt->ctx->store, &key, &record, &ignored))
        return false;
    *ret = record_to_json(&record);
    json_object_del(*ret, "status");
    return true;
}

static bool make_manifest(struct attempt *attempt, struct err *err)
{
    const struct backup_want *want = attempt->want;
    const struct instance_want *instance = &want->instance;
    struct manifest *manifest = &attempt->manifest;
    *manifest = (struct manifest){ .format = MANIFEST_FORMAT,
                                   .installation = mem_strdup(attempt->ctx->settings->installation),
                                   .tenant = mem_strdup(want->record.key.namespace),
                                   .instance = mem_strdup(want->spec.instance),
                                   .uid = mem_strdup(want->spec.instance_uid),
                                   .backup = mem_strdup(want->record.key.name),
                                   .reason = mem_strdup(backup_reason_words[want->spec.reason]),
                                   .app = mem_strdup(instance->spec.app),
                                   .version = mem_strdup(instance->state.version),
                                   .image = mem_strdup(instance->image),
                                   .volume_path = mem_strdup(instance->app.data_path),
                                   .started_ms = want->status.started_ms,
                                   .finished_ms = clock_wall_ms() };
    manifest->database.name = mem_strdup(instance->spec.database.name);
    manifest->database.server_version = mem_strdup(attempt->dump.version.text);
    manifest->database.server_number = attempt->dump.version.number;
    add_tables(manifest, &attempt->dump.tables);
    add_object(manifest, POINT_DATABASE, OPEN_DUMP, &attempt->database);
    if (attempt->has_data)
        add_object(manifest, POINT_DATA, OPEN_DATA, &attempt->data);
    return (keep_record(attempt, KIND_TENANT, "", want->record.key.namespace, &manifest->records.tenant) &&
            keep_record(attempt, KIND_APP, "", instance->spec.app, &manifest->records.app) &&
            keep_record(attempt, KIND_INSTANCE, want->record.key.namespace, want->spec.instance,
                        &manifest->records.instance)) ||
           err_set(err, ERR_CONFLICT, "a record went away while the backup ran");
}

/* ---- the end ---- */

static bool read_back(struct attempt *attempt, struct err *err)
{
    const struct {
        const char *object;
        const struct point_part *part;
    } parts[] = { { POINT_DATABASE, &attempt->database }, { POINT_DATA, attempt->has_data ? &attempt->data : NULL } };
    for (size_t i = 0; i < attempt->tiers.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(parts); k++)
            if (parts[k].part && !point_check_stored(attempt->places[i], &attempt->id, parts[k].object,
                                                     &parts[k].part->stored, &attempt->call, err))
                return false;
    return true;
}

/* The one that counts comes last: where it has a manifest, all the others have. */
static bool publish(struct attempt *attempt, struct err *err)
{
    CLEANUP(freep)
    char *text = manifest_encode(&attempt->manifest, attempt->ctx->settings->backup->manifest_key);
    for (size_t i = attempt->tiers.count; i-- > 0;)
        if (!point_publish(attempt->places[i], &attempt->id, text, &attempt->call, err))
            return false;
    return true;
}

static void add_tier(struct backup_status *status, const struct tier *tier, int64_t bytes, int64_t now_ms)
{
    struct backup_tier_status *tiers =
        mem_grow(status->tiers.items, status->tiers.count + 1, sizeof(struct backup_tier_status));
    status->tiers.items = tiers;
    tiers[status->tiers.count++] = (struct backup_tier_status){ .name = mem_strdup(tier->name),
                                                                .place = mem_strdup(objects_name(tier->objects)),
                                                                .stored_bytes = bytes,
                                                                .verified_ms = now_ms };
}

static void fill_status(struct attempt *attempt)
{
    struct backup_status *status = &attempt->want->status;
    const struct manifest *manifest = &attempt->manifest;
    const struct manifest_object *database = manifest_find(manifest, POINT_DATABASE);
    const struct manifest_object *data = manifest_find(manifest, POINT_DATA);
    int64_t now_ms = clock_wall_ms();
    status->started_ms = manifest->started_ms;
    status->completed_ms = now_ms;
    status->verified_ms = now_ms;
    status->sizes = (struct backup_sizes){ .database_bytes = database ? database->plain_bytes : 0,
                                           .data_bytes = data ? data->plain_bytes : 0,
                                           .stored_bytes = manifest_stored_bytes(manifest) };
    set_text(&status->app, manifest->app);
    set_text(&status->version, manifest->version);
    for (size_t i = 0; i < attempt->tiers.count; i++)
        add_tier(status, &attempt->tiers.items[i], status->sizes.stored_bytes, now_ms);
}

static bool take(struct attempt *attempt, struct err *err)
{
    struct backup_status *status = &attempt->want->status;
    bool is_published = false;
    if (!open_tiers(attempt, err) || !find_published(attempt, &is_published, err))
        return false;
    if (is_published) {
        fill_status(attempt);
        return true;
    }
    if (!backup_check_image(attempt->ctx, attempt->want, err)) /* before a dump that would be for nothing */
        return false;
    status->started_ms = clock_wall_ms();
    status->attempts++;
    if (!set_phase(attempt, BACKUP_RUNNING, err) || !clear_places(attempt, err) || !store_parts(attempt, err) ||
        !set_phase(attempt, BACKUP_VERIFYING, err))
        return false;
    note(attempt, PART_READ_BACK, "begin");
    bool is_right = read_back(attempt, err);
    note(attempt, PART_READ_BACK, "end");
    if (!is_right || !make_manifest(attempt, err))
        return false;
    note(attempt, PART_PUBLISH, "begin");
    bool is_out = publish(attempt, err);
    note(attempt, PART_PUBLISH, "end");
    if (!is_out)
        return false;
    fill_status(attempt);
    return true;
}

bool backup_take(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(attempt_release)
    struct attempt attempt = { .ctx = ctx, .want = want, .call = call_within(&ctx->call, ATTEMPT_MS) };
    bool taken = take(&attempt, err);
    want->status.progress.bytes = 0;
    want->status.progress.bytes_per_second = 0;
    free(STEAL(want->status.progress.what));
    return taken;
}
