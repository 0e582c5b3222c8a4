/* DELETE of records. */
#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"

/*
 * Kubernetes' DeleteOptions. What a client may ask for and we do anyway, or have no use for (grace periods), is
 * passed over.
 */
static bool read_options(struct request *request, const json_t *options, enum store_mode *mode, const char **ret_uid,
                         int64_t *ret_version, struct err *err)
{
    const json_t *dry_run = json_object_get(options, "dryRun");
    const json_t *preconditions = json_object_get(options, "preconditions");
    const char *policy = json_text(options, "propagationPolicy");
    const char *version = json_text(preconditions, "resourceVersion");
    if (json_array_size(dry_run) > 0)
        *mode = STORE_DRY_RUN;
    *ret_uid = json_text(preconditions, "uid");
    *ret_version = 0;
    if (version && version[0] && !str_parse_int64(version, 1, INT64_MAX, ret_version))
        return err_set(err, ERR_BAD_REQUEST,
                       "preconditions.resourceVersion is not a version that this server gave out");
    if (str_equal(policy, "Orphan") && request->view.record_kind->id == KIND_TENANT) {
        problems_add(&request->problems, PROBLEM_NOT_SUPPORTED, "propagationPolicy",
                     "Orphan: a tenant cannot go without its instances");
        return problems_to_err(&request->problems, err);
    }
    return true;
}

/* A tenant takes its instances with it, so what protects one of them protects it. */
static bool check_protected_inside(struct worker *worker, struct request *request, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    if (request->view.record_kind->id != KIND_TENANT)
        return true;
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = request->name };
    int64_t version;
    if (!store_list(worker->store, &query, &records, &version, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        if (record_annotation(&records.items[i], ANNOTATION_PROTECT)) {
            err_set(err, ERR_FORBIDDEN, "annotation %s protects its instance %s; remove that first", ANNOTATION_PROTECT,
                    records.items[i].key.name);
            return raise_from_store(request, err);
        }
    return true;
}

static bool check_managed(struct worker *worker, struct request *request, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    record_init(&record);
    return write_find(worker, request, &record, err) && write_check_deletion(worker, request, &record, err);
}

static void answer_deleted(const struct request *request, const struct record *record, enum store_mode mode,
                           bool is_gone, struct answer *answer)
{
    if (is_gone && mode == STORE_WRITE)
        answer_json(answer, 200, status_deleted(&request->view, record->key.name, record->uid));
    else
        answer_json(answer, 200, record_to_json(record));
}

bool records_delete(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *options = NULL;
    CLEANUP(record_release) struct record record = { 0 };
    struct record_key key;
    enum store_mode mode;
    const char *uid = NULL;
    int64_t version = 0;
    bool is_gone = false;
    if (!request_mode(request, &mode, err))
        return false;
    if (request->body.len > 0 &&
        (!request_document(request, &options, err) || !read_options(request, options, &mode, &uid, &version, err)))
        return false;
    const char *namespace = request->namespace ? request->namespace : "";
    if (!record_key_set(&key, request->view.record_kind->id, namespace, request->name))
        return raise_missing(request, err);
    if (!check_protected_inside(worker, request, err) || !check_managed(worker, request, err))
        return false;
    if (!store_delete(worker->store, &key, uid, version, mode, request->identity.user, &record, &is_gone, err))
        return raise_from_store(request, err);
    answer_deleted(request, &record, mode, is_gone, answer);
    return true;
}
