/* Writing records: one transaction each, from the lock on the row to the version that others see. */
#include "store/store_internal.h"

/* ---- what every write shares ---- */

static bool raise_modified(const struct record_key *key, struct err *err)
{
    return err_set(
        err, ERR_CONFLICT,
        "Operation cannot be fulfilled on %s.%s \"%s\": the object has been modified; please apply your changes to the "
        "latest version and try again",
        kinds[key->kind].plural, API_GROUP, key->name);
}

static bool raise_exists(const struct record_key *key, struct err *err)
{
    return err_set(err, ERR_EXISTS, "%s.%s \"%s\" already exists", kinds[key->kind].plural, API_GROUP, key->name);
}

/*
 * Holds the tenant's row until the end of the transaction, so that admissions within one tenant take turns and no
 * record is made in a tenant that goes. Always taken before the record's own row: no deadlock.
 */
static bool lock_tenant(struct store *store, const struct record_key *key, struct record *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct record_key tenant = { 0 };
    if (!record_key_set(&tenant, KIND_TENANT, "", key->namespace))
        return err_set(err, ERR_INTERNAL, "namespace %s is too long", key->namespace);
    if (record_find(store, RECORD_LOCK, &tenant, ret, &problem))
        return true;
    if (problem.code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "namespaces \"%s\" not found", key->namespace);
    err_move(err, &problem);
    return false;
}

/* The parts of a record as they are stored, and the whole as it is told. */
struct printed {
    char *managed, *finalizers, *labels, *annotations, *spec, *status, *object;
};

static void printed_release(struct printed *printed)
{
    free(printed->managed);
    free(printed->finalizers);
    free(printed->labels);
    free(printed->annotations);
    free(printed->spec);
    free(printed->status);
    free(printed->object);
}

static bool record_print(const struct record *record, struct printed *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *finalizers = json_from_strv(&record->finalizers);
    CLEANUP(json_decrefp) json_t *object = NULL;
    ret->managed = record->managed ? json_dump_exactly(record->managed) : mem_strdup("[]");
    if (!document_print(finalizers, "metadata.finalizers", &ret->finalizers, err) ||
        !document_print(record->labels, "metadata.labels", &ret->labels, err) ||
        !document_print(record->annotations, "metadata.annotations", &ret->annotations, err) ||
        !document_print(record->spec, "spec", &ret->spec, err) ||
        !document_print(record->status, "status", &ret->status, err))
        return false;
    object = record_to_json(record);
    ret->object = json_dump_exactly(object);
    return true;
}

/* ---- create ---- */

static void replace_json(json_t **target, const json_t *value)
{
    json_t *copy = value ? json_deep_copy(value) : json_object();
    json_decref(*target);
    *target = copy;
}

struct creation {
    const struct record *wish;
    const struct store_write *write;
    struct record stored;
};

static bool insert_record(struct store *store, struct record *record, const char *who, struct err *err)
{
    CLEANUP(printed_release) struct printed printed = { 0 };
    if (!record_print(record, &printed, err))
        return false;
    struct params params =
        PARAMS(TEXT(kinds[record->key.kind].name), TEXT(record->key.namespace), TEXT(record->key.name),
               TEXT(record->uid), NUMBER(record->generation), NUMBER(record->created_ms), TEXT(printed.finalizers),
               TEXT(printed.labels), TEXT(printed.annotations), TEXT(printed.spec), TEXT(printed.status),
               TEXT(printed.object), TEXT(who), TEXT(printed.managed));
    if (store_run_versioned(store, RECORD_INSERT, params, &record->version, err))
        return true;
    return str_equal(pg_sqlstate(store->pg), "23505") ? raise_exists(&record->key, err) : false;
}

static bool create_in_transaction(struct store *store, void *context, struct err *err)
{
    struct creation *creation = context;
    const struct store_write *write = creation->write;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record present = { 0 };
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    record_copy(&record, creation->wish);
    bool needs_tenant = !write->returns || !kinds[record.key.kind].outlives_tenant;
    if (kinds[record.key.kind].namespaced && needs_tenant) {
        if (!lock_tenant(store, &record.key, &tenant, err))
            return false;
        if (tenant.deletion_ms && !kinds[record.key.kind].outlives_tenant)
            return err_set(err, ERR_FORBIDDEN,
                           "%s.%s \"%s\" is forbidden: unable to create new content in namespace %s because it is "
                           "being terminated",
                           kinds[record.key.kind].plural, API_GROUP, record.key.name, record.key.namespace);
    }
    if (record_find(store, RECORD_FIND, &record.key, &present, &problem))
        return raise_exists(&record.key, err);
    if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    free(record.uid);
    /* Before admission, which may claim something for it. */
    record.uid = write->returns ? mem_strdup(write->returns->uid) : random_uuid();
    record.generation = 1;
    record.version = 0;
    record.created_ms = write->returns ? write->returns->created_ms : clock_wall_ms();
    record.deletion_ms = 0;
    replace_json(&record.status, write->returns ? write->returns->status : NULL);
    if (write->admit && !write->admit(store, NULL, &record, write->context, err))
        return false;
    if (write->mode == STORE_WRITE &&
        (!audit_add_record(store, NULL, &record, err) || !insert_record(store, &record, write->who, err)))
        return false;
    store->keep = write->mode == STORE_WRITE;
    record_move(&creation->stored, &record);
    return true;
}

bool store_create(struct store *store, struct record *record, const struct store_write *write, struct err *err)
{
    struct creation creation = { .wish = record, .write = write };
    if (!store_transact(store, create_in_transaction, &creation, err)) {
        record_release(&creation.stored); /* of a transaction that then failed to commit */
        return false;
    }
    record_move(record, &creation.stored);
    return true;
}

/* ---- change what is there ---- */

/*
 * Makes `next`, which is a copy of `old`, what is to be stored. Called with the record's row locked. What follows is
 * the same for all: nothing is written when nothing differs, and a record whose deletion was requested goes with its
 * last finalizer.
 */
typedef bool edit_fn(struct store *store, const struct record *old, struct record *next, const void *context,
                     struct err *err);
struct change_of_record {
    const struct record_key *key;
    const char *uid;          /* NULL: whatever record has the name */
    enum err_code other_uid;  /* what it means when the record has another uid */
    int64_t expected_version; /* 0: any */
    enum store_mode mode;
    const char *who;
    bool in_turn; /* with the other writes of its tenant */
    edit_fn *edit;
    const void *context;
    struct record stored;
    bool is_gone;
};

static bool update_record(struct store *store, const struct record *old, struct record *next, const char *who,
                          struct err *err)
{
    CLEANUP(printed_release) struct printed printed = { 0 };
    bool spec_changed = next->generation != old->generation || next->deletion_ms != old->deletion_ms ||
                        !record_metadata_equal(old, next);
    if (!record_print(next, &printed, err))
        return false;
    return store_run_versioned(store, RECORD_UPDATE,
                               PARAMS(TEXT(next->uid), NUMBER(next->generation), NUMBER(next->deletion_ms),
                                      TEXT(printed.finalizers), TEXT(printed.labels), TEXT(printed.annotations),
                                      TEXT(printed.spec), TEXT(printed.status), TEXT(printed.object),
                                      TEXT(spec_changed ? "true" : "false"), TEXT(who), NUMBER(clock_wall_ms()),
                                      TEXT(printed.managed)),
                               &next->version, err);
}

/* PostgreSQL's array of the kinds whose records stay without their tenant. */
static char *lasting_kinds(void)
{
    CLEANUP(str_release) struct str list = STR_INIT;
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].outlives_tenant)
            str_addf(&list, "%s%s", list.len ? "," : "", kinds[i].name);
    return mem_printf("{%s}", list.text);
}

/*
 * Refuses to leave records behind in a tenant that is no more, but of kinds that are meant to; its members' tokens
 * would open the next tenant of that name.
 */
static bool empty_tenant(struct store *store, const struct record_key *key, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(freep) char *lasting = lasting_kinds();
    if (!store_run(store, NAMESPACE_IS_USED, PARAMS(TEXT(key->name), TEXT(lasting)), &result, err))
        return false;
    if (PQntuples(result) > 0)
        return err_set(err, ERR_CONFLICT, "tenant %s still has records", key->name);
    return store_run(store, TOKEN_LEAVE_TENANT, PARAMS(TEXT(key->name)), NULL, err) &&
           store_run(store, TOKEN_DROP_MEMBERS, NO_PARAMS, NULL, err) &&
           store_run(store, ACCOUNT_LEAVE_TENANT, PARAMS(TEXT(key->name)), NULL, err);
}

static bool drop_record(struct store *store, struct record *record, const char *who, struct err *err)
{
    CLEANUP(printed_release) struct printed printed = { 0 };
    if (!record_print(record, &printed, err))
        return false;
    return store_run_versioned(store, RECORD_DELETE,
                               PARAMS(TEXT(record->uid), TEXT(printed.object), TEXT(who), NUMBER(clock_wall_ms())),
                               &record->version, err);
}

static bool change_in_transaction(struct store *store, void *context, struct err *err)
{
    struct change_of_record *change = context;
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record old = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    if (change->in_turn && kinds[change->key->kind].namespaced && !lock_tenant(store, change->key, &tenant, err))
        return false;
    if (!record_find(store, RECORD_LOCK, change->key, &old, err))
        return false;
    if (change->uid && !str_equal(change->uid, old.uid))
        return err_set(err, change->other_uid, "%s.%s \"%s\" with uid %s not found: there is one with uid %s",
                       kinds[old.key.kind].plural, API_GROUP, old.key.name, change->uid, old.uid);
    if (change->expected_version && change->expected_version != old.version)
        return raise_modified(&old.key, err);
    record_copy(&next, &old);
    if (!change->edit(store, &old, &next, change->context, err))
        return false;
    if (!record_spec_equal(&old, &next))
        next.generation = old.generation + 1;
    bool differs = next.generation != old.generation || next.deletion_ms != old.deletion_ms ||
                   !record_metadata_equal(&old, &next) || !json_equal(old.status, next.status);
    change->is_gone = next.deletion_ms != 0 && next.finalizers.count == 0;
    if (change->is_gone && old.key.kind == KIND_TENANT && !empty_tenant(store, &old.key, err))
        return false;
    if (change->mode == STORE_WRITE && (change->is_gone || differs) && !audit_add_record(store, &old, &next, err))
        return false;
    if (change->mode == STORE_WRITE && change->is_gone && !drop_record(store, &next, change->who, err))
        return false;
    if (change->mode == STORE_WRITE && !change->is_gone && differs &&
        !update_record(store, &old, &next, change->who, err))
        return false;
    if (change->mode == STORE_DRY_RUN)
        store->keep = false;
    record_move(&change->stored, &next);
    return true;
}

static bool change_record(struct store *store, struct change_of_record *change, struct err *err)
{
    if (store_transact(store, change_in_transaction, change, err))
        return true;
    record_release(&change->stored); /* of a transaction that then failed to commit */
    change->stored = (struct record){ 0 };
    return false;
}

/* ---- the edits ---- */

struct update {
    const struct record *wish;
    const struct store_write *write;
};

static bool edit_update(struct store *store, const struct record *old, struct record *next, const void *context,
                        struct err *err)
{
    const struct update *update = context;
    const struct record *wish = update->wish;
    const struct store_write *write = update->write;
    strv_copy(&next->finalizers, &wish->finalizers);
    if (write->managed)
        replace_json(&next->managed, write->managed);
    replace_json(&next->labels, wish->labels);
    replace_json(&next->annotations, wish->annotations);
    replace_json(&next->spec, wish->spec);
    if (record_spec_equal(old, next) && record_metadata_equal(old, next))
        return true; /* it was admitted once; a rule that came later must not fail those who change nothing */
    if (write->admit) {
        if (!write->admit(store, old, next, write->context, err))
            return false;
        store->keep = true; /* it may have claimed something */
    }
    for (size_t i = 0; old->deletion_ms && i < next->finalizers.count; i++)
        if (!strv_has(&old->finalizers, next->finalizers.items[i]))
            return err_set(
                err, ERR_INVALID,
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted");
    return true;
}

bool store_update(struct store *store, struct record *next, int64_t expected_version, const struct store_write *write,
                  struct err *err)
{
    struct update update = { .wish = next, .write = write };
    struct change_of_record change = { .key = &next->key,
                                       .uid = next->uid,
                                       .other_uid = ERR_CONFLICT,
                                       .expected_version = expected_version,
                                       .mode = write->mode,
                                       .who = write->who,
                                       .in_turn = write->admit != NULL,
                                       .edit = edit_update,
                                       .context = &update };
    if (!change_record(store, &change, err))
        return false;
    record_move(next, &change.stored);
    return true;
}

static bool edit_status(struct store *store, const struct record *old, struct record *next, const void *context,
                        struct err *err)
{
    (void)store; /* nothing but the new status to look at */
    (void)old;
    (void)err;
    replace_json(&next->status, context);
    return true;
}

bool store_update_status(struct store *store, const struct record_key *key, const char *uid, const json_t *status,
                         int64_t *ret_version, struct err *err)
{
    CLEANUP(record_release) struct record present = { 0 };
    /* Most statuses are what they were: one read tells, and locks nothing. */
    if (!store_get(store, key, &present, err))
        return false;
    if (!str_equal(present.uid, uid) || !json_equal(present.status, status)) {
        struct change_of_record change = {
            .key = key, .uid = uid, .other_uid = ERR_NOT_FOUND, .edit = edit_status, .context = status
        };
        if (!change_record(store, &change, err))
            return false;
        record_move(&present, &change.stored);
    }
    if (ret_version)
        *ret_version = present.version;
    return true;
}

static bool edit_add_finalizer(struct store *store, const struct record *old, struct record *next, const void *context,
                               struct err *err)
{
    (void)store; /* the record alone decides */
    if (strv_has(&old->finalizers, context))
        return true;
    if (old->deletion_ms)
        return err_set(err, ERR_CONFLICT, "%s.%s \"%s\" is being deleted", kinds[old->key.kind].plural, API_GROUP,
                       old->key.name);
    strv_add(&next->finalizers, context);
    return true;
}

static bool edit_remove_finalizer(struct store *store, const struct record *old, struct record *next,
                                  const void *context, struct err *err)
{
    (void)store; /* the record alone decides */
    (void)err;
    strv_release(&next->finalizers);
    next->finalizers = (struct strv)STRV_INIT;
    for (size_t i = 0; i < old->finalizers.count; i++)
        if (!str_equal(old->finalizers.items[i], context))
            strv_add(&next->finalizers, old->finalizers.items[i]);
    return true;
}

static bool change_finalizers(struct store *store, const struct record_key *key, const char *uid, edit_fn *edit,
                              const char *finalizer, struct err *err)
{
    struct change_of_record change = {
        .key = key, .uid = uid, .other_uid = ERR_NOT_FOUND, .edit = edit, .context = finalizer
    };
    bool changed = change_record(store, &change, err);
    record_release(&change.stored);
    return changed;
}

bool store_add_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                         struct err *err)
{
    return change_finalizers(store, key, uid, edit_add_finalizer, finalizer, err);
}

bool store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                            struct err *err)
{
    return change_finalizers(store, key, uid, edit_remove_finalizer, finalizer, err);
}

static bool edit_delete(struct store *store, const struct record *old, struct record *next, const void *context,
                        struct err *err)
{
    (void)store; /* the record alone decides */
    (void)context;
    if (old->deletion_ms)
        return true;
    if (record_annotation(old, ANNOTATION_PROTECT))
        return err_set(err, ERR_FORBIDDEN, "%s.%s \"%s\" is forbidden: annotation %s protects it; remove that first",
                       kinds[old->key.kind].plural, API_GROUP, old->key.name, ANNOTATION_PROTECT);
    next->deletion_ms = clock_wall_ms();
    return true;
}

bool store_delete(struct store *store, const struct record_key *key, const char *uid, int64_t expected_version,
                  enum store_mode mode, const char *who, struct record *ret, bool *ret_gone, struct err *err)
{
    struct change_of_record change = { .key = key,
                                       .uid = uid,
                                       .other_uid = ERR_CONFLICT,
                                       .expected_version = expected_version,
                                       .mode = mode,
                                       .who = who,
                                       .edit = edit_delete };
    if (!change_record(store, &change, err))
        return false;
    *ret_gone = change.is_gone;
    record_move(ret, &change.stored);
    return true;
}
