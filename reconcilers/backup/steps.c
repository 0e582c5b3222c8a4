/* What the steps of a backup do. */
#include "base/log.h"
#include "reconcilers/backup/backup.h"

enum { LET_GO_MS = 30000 };

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

static struct point_id id_of(const struct backup_want *want)
{
    return (struct point_id){ want->record.key.namespace, want->spec.instance_uid, want->record.key.name };
}

/* Where it was taken to; a tenant that names another bucket by now, or is gone, changes nothing about that. */
static bool open_tiers(struct reconcile_context *ctx, const struct backup_want *want, struct tiers *ret,
                       struct err *err)
{
    const struct tenant_backup where = { .bucket = want->state.bucket, .prefix = want->state.prefix };
    return tiers_open(ctx->settings, &where, ret, err);
}

/* ---- claims: one per instance, and so many at all ---- */

static bool claim_slot(struct reconcile_context *ctx, const struct backup_want *want, struct err *err)
{
    CLEANUP(freep) char *held = NULL;
    int64_t slots = ctx->settings->backup->config->parallel;
    if (!store_claim_of(ctx->store, CLAIM_BACKUP_SLOT, want->record.uid, &held, err))
        return false;
    for (int64_t slot = 1; !held && slot <= slots; slot++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        CLEANUP(freep) char *value = mem_printf("%" PRId64, slot);
        if (store_claim(ctx->store, CLAIM_BACKUP_SLOT, value, want->record.uid, &problem))
            return true;
        if (problem.code != ERR_CONFLICT) {
            err_move(err, &problem);
            return false;
        }
    }
    return held || err_set(err, ERR_CONFLICT, "%" PRId64 " backups run already (backup.parallel)", slots);
}

static bool step_claim(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!ctx->settings->backup)
        return err_set(err, ERR_UNSUPPORTED, "no place for backups is configured");
    if (store_claim(ctx->store, CLAIM_BACKUP, want->spec.instance_uid, want->record.uid, &problem)) {
        if (claim_slot(ctx, want, err))
            return true;
        CLEANUP(err_release) struct err ignored = ERR_INIT; /* kept, it would only keep a restore waiting */
        if (!store_claim_drop(ctx->store, CLAIM_BACKUP, want->record.uid, &ignored))
            log_warning("claim not dropped", LOG_STR("error", err_message(&ignored)));
        return false;
    }
    if (problem.code == ERR_CONFLICT)
        err_set(&problem, ERR_CONFLICT, "another backup of instance %s runs", want->spec.instance);
    err_move(err, &problem);
    return false;
}

/* A copy's container has the instance's name, so nobody else may take that instance while it stands. */
static bool let_go_of_instance(struct reconcile_context *ctx, const struct backup_want *want, struct err *err)
{
    struct record_key instance;
    CLEANUP(freep) char *holder = NULL;
    if (!store_claim_holder(ctx->store, CLAIM_BACKUP, want->spec.instance_uid, &holder, err))
        return false;
    if (!str_equal(holder, want->record.uid)) /* the container, too, is another one's */
        return true;
    return (!record_key_set(&instance, KIND_INSTANCE, want->record.key.namespace, want->spec.instance) ||
            backup_remove_copier(ctx, &instance, want->spec.instance_uid, err)) &&
           store_claim_drop(ctx->store, CLAIM_BACKUP, want->record.uid, err);
}

bool backup_let_go(struct reconcile_context *ctx, const struct backup_want *want, struct err *err)
{
    struct call call = call_afterwards(&ctx->call, LET_GO_MS);
    store_set_call(ctx->store, &call);
    bool done =
        store_claim_drop(ctx->store, CLAIM_BACKUP_SLOT, want->record.uid, err) && let_go_of_instance(ctx, want, err);
    store_set_call(ctx->store, &ctx->call);
    return done || err_wrap(err, "let go of claims");
}

/* ---- the attempt and its end ---- */

/* Objects, and what was put and never finished. Nothing of this name runs any more: its one worker is here. */
static bool remove_everywhere(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    const struct point_id id = id_of(want);
    CLEANUP(freep) char *directory = point_key(&id, "");
    if (!open_tiers(ctx, want, &tiers, err))
        return false;
    for (size_t i = 0; i < tiers.count; i++)
        if (!point_remove(tiers.items[i].objects, &id, &ctx->call, err) ||
            !objects_sweep(tiers.items[i].objects, directory, 0, &ctx->call, err))
            return err_wrap(err, "%s", objects_name(tiers.items[i].objects));
    return true;
}

static bool step_take(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    /* What an attempt before made that was killed never counted: its manifest must not stand beside other objects. */
    if (want->status.attempts > 0 && !remove_everywhere(ctx, want, err))
        return false;
    if (!backup_take(ctx, want, err))
        return false;
    set_text(&want->status.phase, BACKUP_COMPLETED);
    set_text(&want->status.message, NULL);
    if (!backup_tell(ctx, want, err))
        return false;
    CLEANUP(freep)
    char *message = mem_printf("%s: %" PRId64 " bytes of database and %" PRId64 " of files, %" PRId64 " stored",
                               want->record.key.name, want->status.sizes.database_bytes, want->status.sizes.data_bytes,
                               want->status.sizes.stored_bytes);
    backup_event(ctx, want, EVENT_NORMAL, "BackupCompleted", message);
    return true;
}

static bool step_fail(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    set_text(&want->status.phase, BACKUP_FAILED);
    want->status.completed_ms = clock_wall_ms();
    if (!want->status.message)
        set_text(&want->status.message,
                 want->has_instance ? "its instance is being deleted" : "there is no such instance any more");
    if (!backup_tell(ctx, want, err))
        return false;
    backup_event(ctx, want, EVENT_WARNING, "BackupFailed", want->status.message);
    return true;
}

static bool step_let_go(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    return backup_let_go(ctx, want, err);
}

static bool step_sweep(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    if (!remove_everywhere(ctx, want, err))
        return false;
    want->state.swept = true;
    return backup_state_save(ctx, want, err);
}

/* ---- what stays ---- */

static bool verify_in(struct reconcile_context *ctx, struct backup_want *want, const struct tier *tier, struct err *err)
{
    const struct backup_settings *backup = ctx->settings->backup;
    CLEANUP(point_freep) struct point *point = NULL;
    const struct point_source source = { tier->objects, backup->has_identity ? &backup->identity : NULL,
                                         backup->manifest_key };
    const struct point_id id = id_of(want);
    return point_open(&source, &id, &ctx->call, &point, err) && point_verify(point, &ctx->call, err);
}

static bool is_verdict(const struct err *err)
{
    return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID || err->code == ERR_FORBIDDEN;
}

static bool verify_tier(struct reconcile_context *ctx, struct backup_want *want, const struct tiers *tiers,
                        struct backup_tier_status *status, struct err *err)
{
    for (size_t i = 0; i < tiers->count; i++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        bool counts = i == 0;
        if (!str_equal(tiers->items[i].name, status->name))
            continue;
        bool is_right = verify_in(ctx, want, &tiers->items[i], &problem);
        if (!is_right && !is_verdict(&problem)) {
            err_move(err, &problem);
            return false;
        }
        set_text(&status->problem, is_right ? NULL : err_message(&problem));
        status->verified_ms = is_right ? clock_wall_ms() : 0;
        if (counts) {
            want->status.verified_ms = status->verified_ms;
            set_text(&want->status.message, status->problem);
        }
        if (!is_right)
            backup_event(ctx, want, EVENT_WARNING, "VerificationFailed", status->problem);
    }
    return true;
}

static bool step_verify(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    struct backup_tier_status *status = want->status.tiers.items;
    if (!open_tiers(ctx, want, &tiers, err))
        return false;
    for (size_t i = 0; i < want->status.tiers.count; i++)
        if (!verify_tier(ctx, want, &tiers, &status[i], err))
            return false;
    set_text(&want->status.verify_answered, record_annotation(&want->record, ANNOTATION_VERIFY));
    return backup_tell(ctx, want, err);
}

static bool step_note_gone(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    want->state.instance_gone_ms = clock_wall_ms();
    return backup_state_save(ctx, want, err);
}

static bool step_note_back(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    want->state.instance_gone_ms = 0;
    return backup_state_save(ctx, want, err);
}

static bool step_drop_local(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    const struct point_id id = id_of(want);
    struct backup_tier_status *status = want->status.tiers.items;
    if (!open_tiers(ctx, want, &tiers, err))
        return false;
    for (size_t i = 0; i < tiers.count; i++)
        if (str_equal(tiers.items[i].name, TIER_LOCAL) && !point_remove(tiers.items[i].objects, &id, &ctx->call, err))
            return false;
    size_t kept = 0;
    for (size_t i = 0; i < want->status.tiers.count; i++) {
        if (str_equal(status[i].name, TIER_LOCAL)) {
            free(status[i].name);
            free(status[i].place);
            free(status[i].problem);
        } else {
            status[kept++] = status[i];
        }
    }
    want->status.tiers.count = kept;
    return backup_tell(ctx, want, err);
}

static bool step_expire(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(record_release) struct record last = { 0 };
    bool is_gone;
    record_init(&last);
    return store_delete(ctx->store, &want->record.key, want->record.uid, 0, STORE_WRITE, "tenantd", &last, &is_gone,
                        err);
}

#define YEAR_9999_MS INT64_C(253402214400000) /* a hold without an end, as a time that can be written */

/* 0: nothing holds it there. */
static bool find_hold(struct objects *place, const struct point_id *id, const struct call *call, int64_t *ret_until_ms,
                      struct err *err)
{
    static const char *const objects[] = { POINT_MANIFEST, POINT_DATABASE, POINT_DATA };
    *ret_until_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        CLEANUP(freep) char *key = point_key(id, objects[i]);
        CLEANUP(object_release) struct object object = { 0 };
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (!objects_head(place, key, call, &object, &problem) && problem.code != ERR_NOT_FOUND) {
            err_move(err, &problem);
            return false;
        }
        int64_t until_ms = object.held_until_ms > YEAR_9999_MS ? YEAR_9999_MS : object.held_until_ms;
        if (until_ms > *ret_until_ms)
            *ret_until_ms = until_ms;
    }
    return true;
}

/* Of a point that an object lock holds, nothing is removed before that ends: half a point would be of no use to whoever locked it. */
static bool check_holds(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    const struct point_id id = id_of(want);
    struct backup_tier_status *status = want->status.tiers.items;
    int64_t longest_ms = 0;
    if (want->status.tiers.count == 0)
        return true;
    if (!open_tiers(ctx, want, &tiers, err))
        return false;
    for (size_t i = 0; i < want->status.tiers.count; i++)
        for (size_t k = 0; k < tiers.count; k++) {
            if (!str_equal(tiers.items[k].name, status[i].name))
                continue;
            if (!find_hold(tiers.items[k].objects, &id, &ctx->call, &status[i].held_until_ms, err))
                return false;
            longest_ms = status[i].held_until_ms > longest_ms ? status[i].held_until_ms : longest_ms;
        }
    if (longest_ms <= clock_wall_ms())
        return true;
    CLEANUP(freep) char *until = time_to_rfc3339(longest_ms);
    return err_set(err, ERR_CONFLICT, "it is held by an object lock until %s", until);
}

static bool step_remove_point(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    return backup_let_go(ctx, want, err) && check_holds(ctx, want, err) && remove_everywhere(ctx, want, err);
}

static bool step_release(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    return store_remove_finalizer(ctx->store, &want->record.key, want->record.uid, FINALIZER_TEARDOWN, err);
}

backup_step_fn *const backup_step_effects[BACKUP_STEPS] = {
    [BACKUP_STEP_CLAIM] = step_claim,
    [BACKUP_STEP_TAKE] = step_take,
    [BACKUP_STEP_FAIL] = step_fail,
    [BACKUP_STEP_LET_GO] = step_let_go,
    [BACKUP_STEP_SWEEP] = step_sweep,
    [BACKUP_STEP_VERIFY] = step_verify,
    [BACKUP_STEP_NOTE_GONE] = step_note_gone,
    [BACKUP_STEP_NOTE_BACK] = step_note_back,
    [BACKUP_STEP_DROP_LOCAL] = step_drop_local,
    [BACKUP_STEP_EXPIRE] = step_expire,
    [BACKUP_STEP_REMOVE_POINT] = step_remove_point,
    [BACKUP_STEP_RELEASE] = step_release,
};
