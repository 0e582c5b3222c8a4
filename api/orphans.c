/*
 * `GET /orphans`: what carries our installation's id and belongs to no record. `POST /orphans/removal` with {"orphans": [{"kind", "name"}]}
 * removes those of them that are named: all is looked at anew first, so nothing goes that has a record by now.
 */
#include "reconcilers/orphans.h"

#include "api/api.h"
#include "api/handlers.h"
#include "base/log.h"
#include "base/map.h"
#include "reconcilers/names.h"

#define LOOK_MS   MINUTE_MS
#define REMOVE_MS (5 * MINUTE_MS)

static bool has_record(void *context, const char *uid12)
{
    return map_get(context, uid12) != NULL;
}

static bool list_records(struct worker *worker, struct map *ret_uids, struct err *err)
{
    for (int kind = 0; kind < KINDS; kind++) {
        CLEANUP(records_release) struct records records = { 0 };
        struct store_query query = { .kind = (enum kind_id)kind };
        if (!store_list(worker->store, &query, &records, NULL, err))
            return false;
        for (size_t i = 0; i < records.count; i++) {
            CLEANUP(freep) char *uid12 = name_uid12(records.items[i].uid);
            map_put(ret_uids, uid12, ret_uids); /* a set: any value that is not NULL */
        }
    }
    return true;
}

static bool find(struct worker *worker, const struct call *call, struct orphans *ret, struct err *err)
{
    struct docker *docker = worker_docker(worker, err);
    if (!docker ||
        !orphans_list_owned(docker, worker_server(worker), worker->shared->options->settings, call, ret, err))
        return false;
    struct map *uids = map_new(NULL);
    bool ok = list_records(worker, uids, err);
    if (ok)
        orphans_keep_leftovers(ret, has_record, uids);
    else
        orphans_release(ret);
    map_free(uids);
    return ok;
}

bool orphans_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request; /* it has no parameters */
    CLEANUP(orphans_release) struct orphans orphans = { 0 };
    struct call call = call_within(NULL, LOOK_MS);
    if (!find(worker, &call, &orphans, err))
        return false;
    json_t *object = json_object();
    json_put(object, "orphans", orphans_to_json(&orphans));
    answer_json(answer, 200, object);
    return true;
}

static bool is_named(const json_t *named, const struct orphan *orphan)
{
    for (size_t i = 0; i < json_array_size(named); i++) {
        const json_t *item = json_array_get(named, i);
        if (str_equal(json_text(item, "kind"), orphan_kind_names[orphan->kind]) &&
            str_equal(json_text(item, "name"), orphan->name))
            return true;
    }
    return false;
}

/* One that stays does not keep the others. */
static json_t *remove_named(struct worker *worker, const struct orphans *orphans, const json_t *named,
                            const struct call *call)
{
    json_t *results = json_array();
    for (size_t i = 0; i < orphans->count; i++) {
        const struct orphan *orphan = &orphans->items[i];
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (!is_named(named, orphan))
            continue;
        bool gone = orphan_remove(worker->docker, worker_server(worker), worker->shared->options->settings, orphan,
                                  call, &problem);
        json_t *result = json_object();
        json_put_text(result, "kind", orphan_kind_names[orphan->kind]);
        json_put_text(result, "name", orphan->name);
        json_put_text(result, "problem", gone ? NULL : err_message(&problem));
        json_push(results, result);
        if (gone)
            log_warning("leftover removed", LOG_STR("kind", orphan_kind_names[orphan->kind]),
                        LOG_STR("name", orphan->name));
    }
    return results;
}

bool orphans_remove(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(orphans_release) struct orphans orphans = { 0 };
    struct call call = call_within(NULL, REMOVE_MS);
    if (!request_document(request, &document, err))
        return false;
    const json_t *named = json_object_get(document, "orphans");
    if (!json_is_array(named))
        return err_set(err, ERR_BAD_REQUEST, "orphans: the list of what to remove is missing");
    if (!find(worker, &call, &orphans, err))
        return false;
    json_t *object = json_object();
    json_put(object, "removed", remove_named(worker, &orphans, named, &call));
    answer_json(answer, 200, object);
    return true;
}
