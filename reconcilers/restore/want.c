/* What is wanted of a Restore: its record, what was found out so far, and the instance it is about. */
#include "reconcilers/backup/backup.h"
#include "reconcilers/names.h"
#include "reconcilers/restore/restore.h"
#include "specs/kind.h"

static const struct field source_fields[] = {
    { "tenant", FIELD_TEXT, offsetof(struct restore_source, tenant) },
    { "uid", FIELD_TEXT, offsetof(struct restore_source, uid) },
    { "name", FIELD_TEXT, offsetof(struct restore_source, name) },
    { "databaseBytes", FIELD_INT, offsetof(struct restore_source, database_bytes) },
    { "dataBytes", FIELD_INT, offsetof(struct restore_source, data_bytes) },
    { NULL },
};

static const struct field target_fields[] = {
    { "namespace", FIELD_TEXT, offsetof(struct restore_target, namespace) },
    { "name", FIELD_TEXT, offsetof(struct restore_target, name) },
    { "uid", FIELD_TEXT, offsetof(struct restore_target, uid) },
    { "database", FIELD_TEXT, offsetof(struct restore_target, database) },
    { "isNew", FIELD_BOOL, offsetof(struct restore_target, is_new) },
    { NULL },
};

static const struct field result_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct restore_result, phase) },
    { "message", FIELD_TEXT, offsetof(struct restore_result, message) },
    { "time", FIELD_TIME, offsetof(struct restore_result, time_ms) },
    { "seconds", FIELD_INT, offsetof(struct restore_result, seconds) },
    { "tables", FIELD_INT, offsetof(struct restore_result, tables) },
    { "files", FIELD_INT, offsetof(struct restore_result, files) },
    { NULL },
};

const struct field restore_state_fields[] = {
    { "resolved", FIELD_BOOL, offsetof(struct restore_state, resolved) },
    { "source", FIELD_OBJECT, offsetof(struct restore_state, source), .fields = source_fields },
    { "target", FIELD_OBJECT, offsetof(struct restore_state, target), .fields = target_fields },
    { "tier", FIELD_TEXT, offsetof(struct restore_state, tier) },
    { "offer", FIELD_OBJECT, offsetof(struct restore_state, offer), .fields = restore_offer_fields },
    { "started", FIELD_TIME, offsetof(struct restore_state, started_ms) },
    { "failures", FIELD_INT, offsetof(struct restore_state, failures) },
    { "problem", FIELD_TEXT, offsetof(struct restore_state, problem) },
    { "result", FIELD_OBJECT, offsetof(struct restore_state, result), .fields = result_fields },
    { NULL },
};

void restore_want_release(struct restore_want *want)
{
    record_release(&want->record);
    fields_release(restore_spec_fields, &want->spec);
    fields_release(restore_state_fields, &want->state);
    instance_want_release(&want->target);
    free(want->claim_holder);
    free(want->backup_name);
    *want = (struct restore_want){ 0 };
}

static bool decode(const struct field *fields, const json_t *document, const char *what, void *ret, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(fields, document, "", ret, &problems);
    return problems_to_err(&problems, err) || err_wrap(err, "stored %s", what);
}

/* What it reads is not to be exchanged under it: database and files of one recovery point belong together. */
static bool load_backup(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    CLEANUP(record_release) struct record backup = { 0 };
    CLEANUP(freep) char *holder = NULL;
    record_init(&backup);
    if (!store_claim_holder(ctx->store, CLAIM_BACKUP, want->state.target.uid, &holder, err) ||
        (holder && !store_get_by_uid(ctx->store, holder, &backup, err)))
        return false;
    want->backup_name = holder ? mem_strdup(backup.key.name) : NULL;
    return true;
}

/* A target that is gone, or whose name another one has by now, is no error. */
static bool load_target(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    const struct restore_target *target = &want->state.target;
    struct record_key key;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!record_key_set(&key, KIND_INSTANCE, target->namespace, target->name) ||
        !instance_want_load(ctx, &key, &want->target, &problem)) {
        if (problem.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &problem);
        return false;
    }
    want->has_target = str_equal(want->target.record.uid, target->uid);
    return store_claim_holder(ctx->store, want->spec.drill ? CLAIM_DRILL : CLAIM_RESTORE, target->uid,
                              &want->claim_holder, err) &&
           (want->spec.drill || load_backup(ctx, want, err));
}

bool restore_want_load(struct reconcile_context *ctx, const struct record_key *key, struct restore_want *want,
                       struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = NULL;
    *want = (struct restore_want){ 0 };
    record_init(&want->record);
    if (!store_get(ctx->store, key, &want->record, err) ||
        !decode(restore_spec_fields, want->record.spec, "spec", &want->spec, err) ||
        !store_state_get(ctx->store, want->record.uid, &state, err) ||
        !decode(restore_state_fields, state, "state", &want->state, err))
        return false;
    want->deleting = want->record.deletion_ms != 0;
    return !want->state.resolved || want->state.result.phase || load_target(ctx, want, err);
}

bool restore_state_save(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = fields_encode(restore_state_fields, &want->state);
    return store_state_put(ctx->store, want->record.uid, state, err) || err_wrap(err, "store state");
}
