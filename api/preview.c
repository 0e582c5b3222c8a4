/* `POST .../plan`: what the reconciler would do, for the stored record or for one as in a PUT. Touches nothing. */
#include "api/api.h"
#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"

#define PREVIEW_MS MINUTE_MS

/* The record as it would be stored: created or changed in a dry run, so it has passed every rule. */
static bool propose(struct worker *worker, struct request *request, struct answer *answer, struct record *ret_record,
                    struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    int64_t version; /* a plan insists on none */
    if (!request_document(request, &document, err) ||
        !write_decode(request, document, request->name, answer, ret_record, &version, err))
        return false;
    free(ret_record->uid);
    ret_record->uid = NULL;
    if (write_update(worker, request, ret_record, 0, STORE_DRY_RUN, &problem))
        return true;
    if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    return write_create(worker, request, ret_record, STORE_DRY_RUN, err);
}

/* What Docker or PostgreSQL refuse us is not refused to the caller. */
static bool blame_neighbour(struct err *err)
{
    int status = err_kinds[err->code].http_status;
    if (status == 401 || status == 403 || status == 404 || status == 409)
        return err_set(err, ERR_REMOTE, "%s", err_message(err));
    return false;
}

bool plan_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(plan_release) struct plan plan = PLAN_INIT;
    bool is_stored = request->body.len == 0;
    if (!(is_stored ? write_find(worker, request, &record, err) : propose(worker, request, answer, &record, err)))
        return false;
    struct docker *docker = worker_docker(worker, err);
    if (!docker)
        return false;
    struct reconcile_context context = {
        .store = worker->store,
        .docker = docker,
        .server = worker_server(worker),
        .world = worker->shared->options->world,
        .settings = worker->shared->options->settings,
        .call = call_within(NULL, PREVIEW_MS),
    };
    if (!reconcilers[record.key.kind].preview(&context, &record, &plan, err))
        return blame_neighbour(err);
    answer_json(answer, 200, plan_to_json(&plan));
    return true;
}
