/* PATCH with application/apply-patch+yaml: server-side apply. */
#include "api/apply.h"
#include "api/auth.h"
#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"
#include "specs/yaml.h"

#define TRIES 32

/* kubectl sends JSON under this type; others may send YAML. */
static bool read_config(const struct request *request, json_t **ret, struct err *err)
{
    const char *text = request->body.text;
    bool is_json = text[strspn(text, " \t\r\n")] == '{';
    CLEANUP(json_decrefp) json_t *config = NULL;
    if (!(is_json ? json_parse(text, request->body.len, &config, err)
                  : yaml_parse_one(text, request->body.len, &config, err)))
        return false;
    if (!json_is_object(config))
        return err_set(err, ERR_BAD_REQUEST, "the body must be an object");
    const json_t *managed = json_at(config, "metadata", "managedFields", NULL);
    if (json_array_size(managed) > 0)
        return err_set(err, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
    *ret = STEAL(config);
    return true;
}

static bool read_wish(struct request *request, const json_t *config, struct apply_wish *ret, struct err *err)
{
    const char *manager = uri_query(&request->uri, "fieldManager");
    *ret = (struct apply_wish){ .manager = manager, .config = config };
    if (!uri_query_flag(&request->uri, "force", &ret->is_forced, err))
        return false;
    if (!manager || !manager[0])
        problems_add(&request->problems, PROBLEM_REQUIRED, "fieldManager", "is required for apply patch");
    return problems_to_err(&request->problems, err);
}

/* `Apply failed with 1 conflict: conflict with "other" using tenantd/v1: .spec.size` */
static void answer_conflicts(const struct request *request, const struct apply_conflicts *conflicts,
                             struct answer *answer)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    json_t *causes = json_array();
    str_addf(&text, "Apply failed with %zu conflict%s:", conflicts->count, conflicts->count > 1 ? "s" : "");
    for (size_t i = 0; i < conflicts->count; i++) {
        const struct apply_conflict *conflict = &conflicts->items[i];
        CLEANUP(freep) char *with = mem_printf("conflict with \"%s\" using " API_VERSION, conflict->manager);
        json_t *cause = json_object();
        json_put_text(cause, "reason", "FieldManagerConflict");
        json_put(cause, "message", json_from_text(with));
        json_put(cause, "field", json_from_text(conflict->path));
        json_push(causes, cause);
        str_addf(&text, "%s %s: %s", i > 0 ? "," : "", with, conflict->path);
    }
    err_set(&problem, ERR_CONFLICT, "%s", text.text);
    json_t *status = status_failure(&problem);
    json_t *details = json_object();
    json_put_text(details, "name", request->name);
    json_put_text(details, "group", request->view.group);
    json_put_text(details, "kind", request->view.plural);
    json_put(details, "causes", causes);
    json_put(status, "details", details);
    answer_json(answer, 409, status);
}

/* The envelope is what the path says; a version that was sent is a precondition. */
static void put_envelope(const json_t *config, json_t *document)
{
    static const char *const said[] = { "name", "namespace", "resourceVersion", "uid" };
    const json_t *sent = json_object_get(config, "metadata");
    if (!json_is_object(json_object_get(document, "metadata")))
        json_put(document, "metadata", json_object());
    json_t *metadata = json_object_get(document, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        if (json_object_get(sent, said[i]))
            json_put(metadata, said[i], json_deep_copy(json_object_get(sent, said[i])));
    json_object_del(metadata, "managedFields");
    const char *const members[] = { "apiVersion", "kind" };
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (json_object_get(config, members[i]))
            json_put(document, members[i], json_deep_copy(json_object_get(config, members[i])));
    if (!json_object_get(document, "spec"))
        json_put(document, "spec", json_object());
}

static bool store_applied(struct worker *worker, struct request *request, const struct record *stored,
                          const json_t *document, json_t *managed, struct answer *answer, bool *ret_again,
                          struct err *err)
{
    CLEANUP(record_release) struct record next = { 0 };
    enum store_mode mode;
    int64_t version;
    if (!request_mode(request, &mode, err) ||
        !write_decode(request, document, request->name, answer, &next, &version, err))
        return false;
    request->managed = managed;
    bool is_new = !stored->uid;
    int64_t expected = version ? version : stored->version;
    if (is_new) {
        json_decref(next.managed);
        next.managed = json_deep_copy(managed);
    }
    bool good = is_new ? write_create(worker, request, &next, mode, err)
                       : write_update(worker, request, &next, expected, mode, err);
    request->managed = NULL;
    if (!good) {
        *ret_again = is_new ? err->code == ERR_EXISTS : err->code == ERR_CONFLICT && expected == stored->version;
        return false;
    }
    answer_json(answer, is_new ? 201 : 200, record_to_json(&next));
    return true;
}

/* PATCH alone makes nothing: who applies what is not there asks to create it. */
static bool check_may_create(struct request *request, struct err *err)
{
    int subject = auth_subject_of(&request->view);
    return auth_may(&request->identity, VERB_CREATE, subject, auth_tenant_of(request)) == AUTH_ALLOWED ||
           raise_forbidden_verb(request, VERB_CREATE, err);
}

static bool apply_once(struct worker *worker, struct request *request, const struct apply_wish *wish,
                       struct answer *answer, bool *ret_again, struct err *err)
{
    CLEANUP(record_release) struct record stored = { 0 };
    CLEANUP(apply_conflicts_release) struct apply_conflicts conflicts = { 0 };
    CLEANUP(json_decrefp) json_t *live = NULL;
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(json_decrefp) json_t *managed = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret_again = false;
    if (!write_find(worker, request, &stored, &problem) && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    if (!stored.uid && !check_may_create(request, err))
        return false;
    live = stored.uid ? record_to_json(&stored) : json_object();
    if (!apply_merge(live, stored.managed, wish, &document, &managed, &conflicts)) {
        answer_conflicts(request, &conflicts, answer);
        return true;
    }
    put_envelope(wish->config, document);
    return store_applied(worker, request, &stored, document, managed, answer, ret_again, err);
}

bool records_apply(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *config = NULL;
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    struct apply_wish wish;
    if (!read_config(request, &config, err) || !read_wish(request, config, &wish, err))
        return false;
    wish.now = now;
    request->origin.verb = "apply";
    for (int tries = 1;; tries++) {
        bool again;
        if (apply_once(worker, request, &wish, answer, &again, err))
            return true;
        if (!again || tries == TRIES)
            return false;
        err_clear(err);
        strv_release(&answer->headers);
    }
}
