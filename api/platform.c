/* What the platform API's handlers share: finding, changing and listing records, pages. */
#include "api/platform.h"

#include "api/api.h"
#include "api/auth.h"
#include "api/routes.h"
#include "api/status.h"
#include "api/write.h"

#define TRIES         32
#define PAGE_SIZE     20
#define PAGE_SIZE_MAX 1000
#define PAGE_MAX      1000000

void platform_set_about(struct request *request, const struct kind *kind, const struct record_key *key)
{
    request->view = view_of_kind(kind);
    request->namespace = key->namespace[0] ? key->namespace : NULL;
    request->name = key->name;
    request_set_about(request, &request->view, key->name);
}

static bool raise_no_id(const struct request *request, const char *id, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no %s with id %s", request->route->of->singular, id);
}

static const char *tenant_of(const struct record *record)
{
    return record->key.kind == KIND_TENANT ? record->key.name : record->key.namespace;
}

bool platform_find(struct worker *worker, struct request *request, enum verb verb, struct record *ret, struct err *err)
{
    const char *id = request_param(request, "id");
    const struct kind *kind = request->route->of;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!store_get_by_uid(worker->store, id, &record, &problem)) {
        if (problem.code == ERR_NOT_FOUND || problem.code == ERR_INVALID)
            return raise_no_id(request, id, err);
        err_move(err, &problem);
        return false;
    }
    enum auth_answer answer = record.key.kind != kind->id
                                  ? AUTH_HIDDEN
                                  : auth_may(&request->identity, verb, (int)kind->id, tenant_of(&record));
    if (answer == AUTH_HIDDEN)
        return raise_no_id(request, id, err);
    record_release(ret);
    *ret = record;
    record = (struct record){ 0 };
    platform_set_about(request, kind, &ret->key);
    return answer == AUTH_ALLOWED || raise_forbidden_verb(request, verb, err);
}

bool platform_find_tenant(struct worker *worker, struct request *request, const char *name_or_id, enum verb verb,
                          struct record *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct record_key key;
    bool found =
        strlen(name_or_id) <= TENANT_NAME_MAX
            ? record_key_set(&key, KIND_TENANT, "", name_or_id) && store_get(worker->store, &key, ret, &problem)
            : store_get_by_uid(worker->store, name_or_id, ret, &problem) && ret->key.kind == KIND_TENANT;
    if (!found && problem.code != ERR_NONE && problem.code != ERR_NOT_FOUND && problem.code != ERR_INVALID) {
        err_move(err, &problem);
        return false;
    }
    int subject = (int)request->route->of->id;
    switch (found ? auth_may(&request->identity, verb, subject, ret->key.name) : AUTH_HIDDEN) {
    case AUTH_ALLOWED:
        return true;
    case AUTH_FORBIDDEN:
        request->view = view_of_kind(request->route->of);
        return raise_forbidden_verb(request, verb, err);
    case AUTH_HIDDEN:
        break;
    }
    return err_set(err, ERR_NOT_FOUND, "there is no tenant %s", name_or_id);
}

/* ---- writing ---- */

static const struct flat_field *fields_of(const struct kind *kind)
{
    return kind->id == KIND_TENANT ? tenant_flat_fields : kind->id == KIND_INSTANCE ? instance_flat_fields : NULL;
}

/* The client hears of its own fields, not of the record's. */
static bool reword(struct request *request, struct err *err)
{
    const struct flat_field *fields = fields_of(request->view.record_kind);
    if (!fields || request->problems.count == 0 || !err)
        return false;
    flat_rename_problems(fields, &request->problems);
    return problems_to_err(&request->problems, err);
}

bool platform_create(struct worker *worker, struct request *request, const struct kind *kind, json_t *document,
                     struct record *ret, struct err *err)
{
    struct answer warnings = { .body = STR_INIT };
    int64_t version;
    enum store_mode mode;
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kind->name);
    bool good = request_mode(request, &mode, err) &&
                write_decode(request, document, NULL, &warnings, ret, &version, err) &&
                write_create(worker, request, ret, mode, err);
    answer_release(&warnings);
    return good || reword(request, err);
}

static bool change_once(struct worker *worker, struct request *request, platform_edit_fn *edit, const void *context,
                        struct record *record, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = record_to_json(record);
    CLEANUP(record_release) struct record next = { 0 };
    struct answer warnings = { .body = STR_INIT };
    enum store_mode mode;
    int64_t version;
    bool good = request_mode(request, &mode, err) && edit(document, context, request, err) &&
                write_decode(request, document, request->name, &warnings, &next, &version, err) &&
                write_update(worker, request, &next, record->version, mode, err);
    answer_release(&warnings);
    if (!good)
        return reword(request, err);
    record_release(record);
    *record = next;
    next = (struct record){ 0 };
    return true;
}

bool platform_change(struct worker *worker, struct request *request, platform_edit_fn *edit, const void *context,
                     struct record *record, struct err *err)
{
    struct record_key key = record->key;
    CLEANUP(freep) char *uid = mem_strdup(record->uid);
    bool good = false;
    request->namespace = key.namespace[0] ? key.namespace : NULL; /* `record` is replaced meanwhile */
    request->name = key.name;
    for (int tries = 1; !good; tries++) {
        good = change_once(worker, request, edit, context, record, err);
        if (!good && (!err || err->code != ERR_CONFLICT || tries == TRIES))
            break;
        if (!good) {
            err_clear(err);
            if (!store_get_by_uid(worker->store, uid, record, err))
                break;
        }
    }
    request->namespace = record->key.namespace[0] ? record->key.namespace : NULL;
    request->name = record->key.name;
    return good;
}

bool platform_delete(struct worker *worker, struct request *request, struct record *record, struct err *err)
{
    CLEANUP(record_release) struct record last = { 0 };
    enum store_mode mode;
    bool is_gone;
    if (!request_mode(request, &mode, err) || !write_check_deletion(worker, request, record, err))
        return false;
    if (!store_delete(worker->store, &record->key, record->uid, 0, mode, request->identity.user, &last, &is_gone, err))
        return raise_from_store(request, err);
    return true;
}

/* ---- lists ---- */

bool platform_instances(struct worker *worker, const struct request *request, const char *tenant, struct records *ret,
                        struct err *err)
{
    const struct identity *identity = &request->identity;
    CLEANUP(records_release) struct records all = { 0 };
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = tenant };
    int64_t version;
    if (!tenant && identity->role != ROLE_ADMIN && !identity->tenants[1][0])
        query.namespace = identity->tenants[0]; /* the only one; "" has no records */
    if (!store_list(worker->store, &query, &all, &version, err))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (auth_may(identity, VERB_LIST, KIND_INSTANCE, all.items[i].key.namespace) == AUTH_ALLOWED) {
            struct record *record = records_add(ret);
            record_release(record);
            *record = all.items[i];
            all.items[i] = (struct record){ 0 };
        }
    return true;
}

bool platform_answer_page(const struct request *request, const json_t *objects, struct answer *answer, struct err *err)
{
    int64_t page, size;
    int64_t total = (int64_t)json_array_size(objects);
    if (!uri_query_number(&request->uri, "page", PAGE_MAX, 1, &page, err) ||
        !uri_query_number(&request->uri, "page_size", PAGE_SIZE_MAX, PAGE_SIZE, &size, err))
        return false;
    if (page == 0 || size == 0)
        return err_set(err, ERR_BAD_REQUEST, "page and page_size begin at 1");
    json_t *items = json_array();
    for (int64_t i = (page - 1) * size; i < page * size && i < total; i++)
        json_push(items, json_incref(json_array_get(objects, (size_t)i)));
    json_t *object = json_object();
    json_put(object, "items", items);
    json_put(object, "total", json_integer(total));
    json_put(object, "page", json_integer(page));
    json_put(object, "page_size", json_integer(size));
    json_put(object, "pages", json_integer((total + size - 1) / size));
    answer_json(answer, 200, object);
    return true;
}

/* ---- once per key ---- */

#define KEY_MAX    255
#define KEEP_MS    DAY_MS
#define PENDING_MS (2 * MINUTE_MS) /* longer than any request: who began it is gone */

bool platform_once(struct worker *worker, struct request *request, struct answer *answer, handler_fn *handler,
                   struct err *err)
{
    const char *key = request->idempotency_key;
    CLEANUP(kept_answer_release) struct kept_answer kept = { 0 };
    CLEANUP(str_release) struct str content = STR_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    bool has_begun = false;
    if (!key || !key[0])
        return handler(worker, request, answer, err);
    if (strlen(key) > KEY_MAX)
        return err_set(err, ERR_BAD_REQUEST, "the Idempotency-Key has more than %d characters", KEY_MAX);
    str_addf(&content, "%s %s\n", request->method, request->target);
    str_addn(&content, request->body.text, request->body.len);
    CLEANUP(freep) char *digest = sha256_hex(content.text, content.len);
    const struct idempotency wish = { request->identity.user, key, digest, PENDING_MS, KEEP_MS };
    if (!store_idempotency_begin(worker->store, &wish, &has_begun, &kept, err))
        return false;
    if (!has_begun && !str_equal(kept.digest, digest))
        return err_set(err, ERR_INVALID, "the Idempotency-Key was used for another request");
    if (!has_begun && kept.status == 0)
        return err_set(err, ERR_CONFLICT, "a request with this Idempotency-Key is being answered");
    if (!has_begun) {
        answer_text(answer, (int)kept.status, kept.body);
        answer->content_type = "application/json";
        strv_add(&answer->headers, "Idempotency-Replayed: true");
        return true;
    }
    if (handler(worker, request, answer, err))
        return store_idempotency_keep(worker->store, &wish, answer->status, answer->body.text, err);
    if (!store_idempotency_forget(worker->store, &wish, &problem))
        return false; /* it is forgotten by itself, later */
    return false;
}
