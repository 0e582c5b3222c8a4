/* Loads what a backup stands on: its record, its instance, the instance's other recovery points. */
#include "reconcilers/backup/backup.h"

const struct field backup_state_fields[] = {
    { "bucket", FIELD_TEXT, offsetof(struct backup_state, bucket), .doc = "The tenant's bucket then." },
    { "prefix", FIELD_TEXT, offsetof(struct backup_state, prefix), .doc = "The tenant's prefix then." },
    { "instanceGone", FIELD_TIME, offsetof(struct backup_state, instance_gone_ms), .doc = "Since when it is gone." },
    { "swept", FIELD_BOOL, offsetof(struct backup_state, swept), .fallback = "false", .doc = "Nothing is left." },
    { NULL },
};

struct backup_rules backup_rules(const struct settings *settings)
{
    const struct backup_settings *backup = settings->backup;
    if (!backup)
        return (struct backup_rules){ 0 };
    return (struct backup_rules){ .keep_local = backup->config->keep_local,
                                  .keep_deleted_ms = backup->config->keep_deleted_ms,
                                  .has_s3 = backup->config->s3.endpoint != NULL };
}

void backup_want_release(struct backup_want *want)
{
    record_release(&want->record);
    fields_release(backup_spec_fields, &want->spec);
    fields_release(backup_status_fields, &want->status);
    fields_release(backup_state_fields, &want->state);
    instance_want_release(&want->instance);
    for (size_t i = 0; i < want->sibling_count; i++)
        free(want->siblings[i].name);
    free(want->siblings);
    free(want->restore_holder);
    *want = (struct backup_want){ 0 };
}

static bool decode(const struct field *fields, const json_t *document, const char *what, void *ret, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(fields, document, "", ret, &problems);
    return problems_to_err(&problems, err) || err_wrap(err, "stored %s", what);
}

/* One that has the name and another uid is another instance. */
static bool load_instance(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    struct record_key key;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!record_key_set(&key, KIND_INSTANCE, want->record.key.namespace, want->spec.instance))
        return true;
    if (instance_want_load(ctx, &key, &want->instance, &problem)) {
        want->has_instance = str_equal(want->instance.record.uid, want->spec.instance_uid);
        instance_want_in_place(ctx, &want->instance); /* the data is the old version's until its upgrade is through */
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return err_wrap(err, "instance %s", want->spec.instance);
}

/* What of a sibling's record counts; false: it is another instance's. */
static bool read_sibling(const struct record *record, const char *instance_uid, struct backup_sibling *ret)
{
    struct backup_spec spec = { 0 };
    struct backup_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* another version's: what decodes counts */
    fields_decode(backup_spec_fields, record->spec, "", &spec, &ignored);
    fields_decode(backup_status_fields, record->status, "", &status, &ignored);
    bool is_same = str_equal(spec.instance_uid, instance_uid);
    *ret = (struct backup_sibling){ .time_ms = status.started_ms ? status.started_ms : record->created_ms,
                                    .is_over = backup_is_over(&status),
                                    .is_complete = str_equal(status.phase, BACKUP_COMPLETED),
                                    .is_verified = status.verified_ms != 0,
                                    .is_going = record->deletion_ms != 0 };
    const struct backup_tier_status *tiers = status.tiers.items;
    for (size_t i = 0; i < status.tiers.count; i++)
        ret->is_local = ret->is_local || str_equal(tiers[i].name, TIER_LOCAL);
    fields_release(backup_spec_fields, &spec);
    fields_release(backup_status_fields, &status);
    return is_same;
}

static bool load_siblings(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = KIND_BACKUP, .namespace = want->record.key.namespace };
    if (!store_list(ctx->store, &query, &records, NULL, err))
        return false;
    want->siblings = mem_zalloc((records.count + 1) * sizeof(want->siblings[0]));
    for (size_t i = 0; i < records.count; i++) {
        struct backup_sibling *sibling = &want->siblings[want->sibling_count];
        if (!read_sibling(&records.items[i], want->spec.instance_uid, sibling))
            continue;
        CLEANUP(freep) char *user = NULL;
        sibling->is_self = str_equal(records.items[i].uid, want->record.uid);
        if (sibling->is_self && !store_claim_holder(ctx->store, CLAIM_POINT_IN_USE, want->record.uid, &user, err))
            return false;
        sibling->is_in_use = user != NULL; /* of the others nothing is decided here */
        sibling->name = mem_strdup(records.items[i].key.name);
        want->sibling_count++;
    }
    return true;
}

static bool load_claims(struct reconcile_context *ctx, struct backup_want *want, struct err *err)
{
    static const char *const scopes[] = { CLAIM_BACKUP, CLAIM_BACKUP_SLOT };
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        CLEANUP(freep) char *value = NULL;
        if (!store_claim_of(ctx->store, scopes[i], want->record.uid, &value, err))
            return false;
        want->holds_claims = want->holds_claims || value;
    }
    return store_claim_holder(ctx->store, CLAIM_RESTORE, want->spec.instance_uid, &want->restore_holder, err);
}

bool backup_want_load(struct reconcile_context *ctx, const struct record_key *key, struct backup_want *ret,
                      struct err *err)
{
    *ret = (struct backup_want){ 0 };
    record_init(&ret->record);
    CLEANUP(json_decrefp) json_t *state = NULL;
    if (!store_get(ctx->store, key, &ret->record, err))
        return false;
    ret->deleting = ret->record.deletion_ms != 0;
    return decode(backup_spec_fields, ret->record.spec, "spec", &ret->spec, err) &&
           decode(backup_status_fields, ret->record.status, "status", &ret->status, err) &&
           store_state_get(ctx->store, ret->record.uid, &state, err) &&
           decode(backup_state_fields, state, "state", &ret->state, err) && load_instance(ctx, ret, err) &&
           load_siblings(ctx, ret, err) && load_claims(ctx, ret, err);
}

bool backup_state_save(struct reconcile_context *ctx, const struct backup_want *want, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = fields_encode(backup_state_fields, &want->state);
    return store_state_put(ctx->store, want->record.uid, state, err) || err_wrap(err, "store state");
}
