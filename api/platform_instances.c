/* /api/v1/instances: instances, as a portal sees them. */
#include "api/api.h"
#include "api/auth.h"
#include "api/handlers.h"
#include "api/platform.h"
#include "api/routes.h"
#include "api/status.h"
#include "api/write.h"
#include "base/map.h"

#define LINES         100
#define LINES_MAX     5000
#define LOG_BYTES_MAX (1024 * 1024)
#define LOOK_MS       (5 * SECOND_MS)

json_t *instance_to_flat(const struct record *record, const char *tenant_id)
{
    json_t *object = flat_from_record(instance_flat_fields, record);
    json_put_text(object, "status", flat_status_names[instance_flat_status(record)]);
    json_put(object, "tenant_id", tenant_id ? json_from_text(tenant_id) : json_null());
    return object;
}

/* Uids of tenants by name, looked up once each. */
static bool tenant_id(struct worker *worker, struct map *known, const char *name, const char **ret, struct err *err)
{
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct record_key key;
    *ret = map_get(known, name);
    if (*ret || !record_key_set(&key, KIND_TENANT, "", name))
        return true;
    if (store_get(worker->store, &key, &tenant, &problem)) {
        map_put(known, name, mem_strdup(tenant.uid));
        *ret = map_get(known, name);
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

static bool answer_instance(struct worker *worker, const struct record *record, int status, struct answer *answer,
                            struct err *err)
{
    CLEANUP(map_freep) struct map *known = map_new(free);
    const char *id;
    if (!tenant_id(worker, known, record->key.namespace, &id, err))
        return false;
    answer_json(answer, status, instance_to_flat(record, id));
    return true;
}

/* ---- create ---- */

static bool find_own_tenant(struct worker *worker, struct request *request, const json_t *body, struct record *ret,
                            struct err *err)
{
    const json_t *said = json_object_get(body, "tenant_id");
    const struct identity *identity = &request->identity;
    if (json_is_string(said))
        return platform_find_tenant(worker, request, json_string_value(said), VERB_CREATE, ret, err);
    if (!said && identity->tenants[0][0] && !identity->tenants[1][0])
        return platform_find_tenant(worker, request, identity->tenants[0], VERB_CREATE, ret, err);
    problems_add(&request->problems, said ? PROBLEM_INVALID : PROBLEM_REQUIRED, "tenant_id", "%s",
                 said ? "must be text" : "is required");
    return problems_to_err(&request->problems, err);
}

static bool create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = NULL;
    CLEANUP(json_decrefp) json_t *document = json_object();
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(record_release) struct record record = { 0 };
    if (!request_document(request, &body, err) || !find_own_tenant(worker, request, body, &tenant, err))
        return false;
    flat_to_document(instance_flat_fields, body, FLAT_CREATE, document, &request->problems);
    if (!problems_to_err(&request->problems, err))
        return false;
    if (!json_at(document, "spec", "app", NULL))
        json_put_text(json_object_get(document, "spec"), "app", worker->shared->options->accounts->app);
    const char *name = json_text(json_object_get(document, "metadata"), "name");
    request->view = view_of_kind(&kinds[KIND_INSTANCE]);
    request->namespace = tenant.key.name;
    request_set_about(request, &request->view, name);
    bool good = platform_create(worker, request, &kinds[KIND_INSTANCE], document, &record, err);
    request->namespace = NULL; /* it is borrowed */
    if (!good)
        return false;
    answer_json(answer, 201, instance_to_flat(&record, tenant.uid));
    return true;
}

/* POST /api/v1/instances/ */
bool platform_instance_create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return platform_once(worker, request, answer, create, err);
}

/* ---- read ---- */

/* GET /api/v1/instances/{id} */
bool platform_instance_get(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    return platform_find(worker, request, VERB_GET, &record, err) && answer_instance(worker, &record, 200, answer, err);
}

/* Which status is asked for; FLAT_STATUSES: any. */
static bool wished_status(const struct request *request, enum flat_status *ret, struct err *err)
{
    const char *wish = uri_query(&request->uri, "status");
    *ret = FLAT_STATUSES;
    if (!wish || !wish[0])
        return true;
    for (size_t i = 0; i < FLAT_STATUSES; i++)
        if (str_equal(flat_status_names[i], wish)) {
            *ret = (enum flat_status)i;
            return true;
        }
    return err_set(err, ERR_BAD_REQUEST, "status: there is none of that name");
}

/* Filtered first, paged then, so that the totals are those of what was asked for. */
bool platform_instance_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(json_decrefp) json_t *objects = json_array();
    CLEANUP(map_freep) struct map *known = map_new(free);
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const char *wish = uri_query(&request->uri, "tenant_id");
    enum flat_status status;
    if (!wished_status(request, &status, err))
        return false;
    if (wish && wish[0] && !platform_find_tenant(worker, request, wish, VERB_LIST, &tenant, &problem)) {
        if (problem.code == ERR_NOT_FOUND) /* it has none, whether it is there or not */
            return platform_answer_page(request, objects, answer, err);
        err_move(err, &problem);
        return false;
    }
    if (!platform_instances(worker, request, tenant.uid ? tenant.key.name : NULL, &records, err))
        return false;
    for (size_t i = 0; i < records.count; i++) {
        const struct record *record = &records.items[i];
        const char *id;
        if (status != FLAT_STATUSES && instance_flat_status(record) != status)
            continue;
        if (!tenant_id(worker, known, record->key.namespace, &id, err))
            return false;
        json_push(objects, instance_to_flat(record, id));
    }
    return platform_answer_page(request, objects, answer, err);
}

/* ---- change ---- */

static bool edit_flat(json_t *document, const void *body, struct request *request, struct err *err)
{
    problems_release(&request->problems);
    flat_to_document(request->view.record_kind->id == KIND_TENANT ? tenant_flat_fields : instance_flat_fields, body,
                     FLAT_UPDATE, document, &request->problems);
    return problems_to_err(&request->problems, err);
}

/* PUT /api/v1/instances/{id} and /tenants/{id}: what the body is silent about stays as it is. */
bool platform_put(struct worker *worker, struct request *request, struct record *record, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = NULL;
    return request_document(request, &body, err) && platform_change(worker, request, edit_flat, body, record, err);
}

bool platform_instance_put(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    return platform_find(worker, request, VERB_UPDATE, &record, err) && platform_put(worker, request, &record, err) &&
           answer_instance(worker, &record, 200, answer, err);
}

/* DELETE /api/v1/instances/{id}: 202, it takes a while; deletionPolicy says what stays. */
bool platform_instance_delete(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    if (!platform_find(worker, request, VERB_DELETE, &record, err) || !platform_delete(worker, request, &record, err))
        return false;
    json_t *object = json_object();
    json_put_text(object, "id", record.uid);
    json_put_text(object, "status", flat_status_names[STATUS_TERMINATING]);
    answer_json(answer, 202, object);
    return true;
}

/* ---- status, logs, backups ---- */

/* Docker is asked at once; where it does not answer, what was seen last counts, and says since when. */
static void put_observed(struct worker *worker, const struct record *record, json_t *object)
{
    CLEANUP(container_release) struct container container = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const char *name = json_string_value(json_at(record->status, "container", "name", NULL));
    int64_t now_ms = clock_wall_ms();
    int64_t observed_ms = now_ms;
    struct docker *docker = worker_docker(worker, &problem);
    struct call call = call_within(NULL, LOOK_MS);
    bool answers = docker && name && name[0] && container_inspect(docker, name, &call, &container, &problem);
    if (!answers && problem.code != ERR_NOT_FOUND && name && name[0]) {
        int64_t away_ms = world_engine_away_since_ms(worker->shared->options->world, NULL);
        observed_ms = away_ms ? away_ms : record->created_ms;
        json_put(object, "container_running", json_null());
        json_put(object, "problem", json_from_text(err_message(&problem)));
    } else {
        json_put(object, "container_running", json_boolean(answers && container.state == CONTAINER_RUNNING));
        json_put(object, "problem", json_null());
    }
    CLEANUP(freep) char *observed = time_to_rfc3339(observed_ms);
    json_put_text(object, "observed_at", observed);
    json_put(object, "age_seconds", json_integer((now_ms - observed_ms) / SECOND_MS));
}

/* GET …/{id}/status */
bool platform_instance_status(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    static const char *const copied[] = { "phase",      "url",       "message",  "version",
                                          "conditions", "container", "database", "storage" };
    CLEANUP(record_release) struct record record = { 0 };
    if (!platform_find(worker, request, VERB_GET, &record, err))
        return false;
    json_t *object = json_object();
    json_put_text(object, "id", record.uid);
    json_put_text(object, "status", flat_status_names[instance_flat_status(&record)]);
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        const json_t *value = json_object_get(record.status, copied[i]);
        json_put(object, copied[i], value ? json_deep_copy(value) : json_null());
    }
    json_put(object, "allowed_actions", instance_allowed_actions(&record, &request->identity));
    put_observed(worker, &record, object);
    answer_json(answer, 200, object);
    return true;
}

static bool add_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    struct str *text = context;
    if (text->len + len > LOG_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "these lines have more than 1 MiB; ask for fewer");
    str_add_utf8(text, bytes, len);
    return true;
}

/* GET …/{id}/logs?lines= */
bool platform_instance_logs(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    struct container_logs logs = { 0 };
    struct call call = call_within(NULL, LOOK_MS);
    if (!uri_query_number(&request->uri, "lines", LINES_MAX, LINES, &logs.tail, err) ||
        !platform_find(worker, request, VERB_LOG, &record, err))
        return false;
    const char *name = json_string_value(json_at(record.status, "container", "name", NULL));
    if (!name || !name[0])
        return err_set(err, ERR_CONFLICT, "the instance has no container yet");
    struct docker *docker = worker_docker(worker, err);
    if (!docker || !container_read_logs(docker, name, &logs, add_bytes, &text, &call, err))
        return err && err->code == ERR_NOT_FOUND ? err_set(err, ERR_CONFLICT, "the instance has no container now")
                                                 : false;
    if (text.len > 0 && text.text[text.len - 1] == '\n')
        text.text[--text.len] = '\0';
    strv_split(&lines, text.text, '\n');
    json_t *object = json_object();
    json_put_text(object, "id", record.uid);
    json_put(object, "lines", json_from_strv(&lines));
    answer_json(answer, 200, object);
    return true;
}

static json_t *backup_to_flat(const struct record *record)
{
    CLEANUP(freep) char *created = time_to_rfc3339(record->created_ms);
    json_t *object = json_object();
    json_put_text(object, "id", record->uid);
    json_put_text(object, "name", record->key.name);
    json_put_text(object, "status", json_text(record->status, "phase"));
    json_put_text(object, "message", json_text(record->status, "message"));
    json_put_text(object, "created_at", created);
    json_put_text(object, "completed_at", json_text(record->status, "completed"));
    json_put_text(object, "verified_at", json_text(record->status, "verified"));
    json_put_text(object, "expires_at", json_text(record->status, "expires"));
    return object;
}

/* GET …/{id}/backups: the records of kind Backup that name it. */
bool platform_instance_backups(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(records_release) struct records backups = { 0 };
    CLEANUP(json_decrefp) json_t *objects = json_array();
    const struct kind *kind = kind_by_name("Backup");
    int64_t version;
    if (!platform_find(worker, request, VERB_GET, &record, err))
        return false;
    struct store_query query = { .kind = kind ? kind->id : KIND_INSTANCE, .namespace = record.key.namespace };
    if (kind && !store_list(worker->store, &query, &backups, &version, err))
        return false;
    for (size_t i = 0; i < backups.count; i++)
        if (str_equal(json_text(backups.items[i].spec, "instance"), record.key.name))
            json_push(objects, backup_to_flat(&backups.items[i]));
    return platform_answer_page(request, objects, answer, err);
}
