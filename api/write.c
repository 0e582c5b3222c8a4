/* What every write of a record shares. */
#include "api/write.h"

#include "api/api.h"
#include "api/auth.h"
#include "api/routes.h"
#include "api/status.h"
#include "specs/wording.h"

/* ---- reading the body ---- */

/*
 * The path names an object, so a body that names another one is a mistake of the whole request (400), not of a field.
 */
static bool check_agrees(const json_t *document, const char *member, const char *path_says, const char *what,
                         struct err *err)
{
    const char *body_says = json_text(json_object_get(document, "metadata"), member);
    if (!path_says || !body_says || body_says[0] == '\0' || str_equal(path_says, body_says))
        return true;
    CLEANUP(freep) char *shown = quoted(body_says);
    CLEANUP(freep) char *shown_path = quoted(path_says);
    return err_set(err, ERR_BAD_REQUEST, "the %s of the object (%s) does not match the %s on the URL (%s)", what, shown,
                   what, shown_path);
}

enum strictness { STRICT, WARN, IGNORE };

static bool read_strictness(const struct request *request, enum strictness *ret, struct err *err)
{
    static const char *const names[] = { [STRICT] = "Strict", [WARN] = "Warn", [IGNORE] = "Ignore" };
    const char *wish = uri_query(&request->uri, "fieldValidation");
    *ret = STRICT; /* clients that say nothing rely on the server */
    if (!wish || wish[0] == '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(wish, names[i])) {
            *ret = (enum strictness)i;
            return true;
        }
    CLEANUP(freep) char *shown = quoted(wish);
    return err_set(err, ERR_BAD_REQUEST, "fieldValidation: %s is none of Strict, Warn, Ignore", shown);
}

/*
 * Takes out what stands at `path` ("spec.files[2].mode"). Keys may have dots in them, so at each step the longest one
 * that fits counts.
 */
static void drop_path(json_t *value, const char *path)
{
    size_t index_end = strcspn(path, "]");
    if (path[0] == '[' && path[index_end] == ']') {
        CLEANUP(freep) char *digits = mem_strndup(path + 1, index_end - 1);
        int64_t index;
        const char *rest = path + index_end + 1;
        if (str_parse_int64(digits, 0, INT32_MAX, &index))
            drop_path(json_array_get(value, (size_t)index), rest + (*rest == '.'));
        return;
    }
    const char *key, *best = NULL;
    json_t *member;
    json_object_foreach (value, key, member) {
        size_t len = strlen(key);
        bool fits = strncmp(path, key, len) == 0 && (path[len] == '\0' || path[len] == '.' || path[len] == '[');
        if (fits && (!best || len > strlen(best)))
            best = key;
    }
    if (!best)
        return;
    const char *rest = path + strlen(best);
    if (*rest == '\0')
        json_object_del(value, best);
    else
        drop_path(json_object_get(value, best), rest + (*rest == '.'));
}

/* A copy without the fields that nobody knows; each is warned of where that is wished. */
static json_t *without_unknown(const json_t *document, const struct problems *problems, enum strictness strictness,
                               struct answer *answer)
{
    json_t *copy = json_deep_copy(document);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->kind != PROBLEM_UNKNOWN_FIELD)
            continue;
        drop_path(copy, problem->path);
        CLEANUP(freep) char *text = mem_printf("unknown field \"%s\"", problem->path);
        if (strictness == WARN)
            answer_warn(answer, text);
    }
    return copy;
}

static bool has_unknown(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].kind == PROBLEM_UNKNOWN_FIELD)
            return true;
    return false;
}

bool write_decode(struct request *request, const json_t *document, const char *name, struct answer *answer,
                  struct record *ret_record, int64_t *ret_version, struct err *err)
{
    const struct kind *kind = request->view.record_kind;
    enum strictness strictness;
    if (!check_agrees(document, "name", name, "name", err) ||
        !check_agrees(document, "namespace", request->namespace, "namespace", err) ||
        !read_strictness(request, &strictness, err))
        return false;
    problems_release(&request->problems);
    bool good = record_from_json(document, kind, request->namespace, name, ret_record, ret_version, &request->problems);
    if (!good && strictness != STRICT && has_unknown(&request->problems)) {
        CLEANUP(json_decrefp) json_t *known = without_unknown(document, &request->problems, strictness, answer);
        problems_release(&request->problems);
        record_release(ret_record);
        good = record_from_json(known, kind, request->namespace, name, ret_record, ret_version, &request->problems);
    }
    const char *uid = json_text(json_object_get(document, "metadata"), "uid");
    if (uid && uid[0]) {
        free(ret_record->uid);
        ret_record->uid = mem_strdup(uid);
    }
    return good || problems_to_err(&request->problems, err);
}

/* ---- the store's calls ---- */

static bool read_managed(const struct request *request, enum admission_managed *ret, struct err *err)
{
    const char *wish = uri_query(&request->uri, "managed");
    bool has_no_warnings = request->route->of != NULL; /* the platform API's answers say it or nothing does */
    *ret = str_equal(wish, "refuse") || has_no_warnings ? ADMISSION_REFUSE : ADMISSION_WARN;
    if (!wish || wish[0] == '\0' || *ret == ADMISSION_REFUSE)
        return true;
    CLEANUP(freep) char *shown = quoted(wish);
    return err_set(err, ERR_BAD_REQUEST, "managed: %s is not known; only refuse is", shown);
}

static bool check_member(const struct request *request, const struct kind *kind, const struct record *next,
                         struct err *err)
{
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* it was decoded without any before */
    if (request->identity.role == ROLE_ADMIN || !kind->admit_member)
        return true;
    void *spec = mem_zalloc(kind->spec_size);
    fields_decode(kind->spec_fields, next->spec, "spec", spec, &ignored);
    bool may = kind->admit_member(next, spec, err);
    fields_release(kind->spec_fields, spec);
    free(spec);
    return may;
}

/* Who was suspended may not lift that by hand: it is its own verb. */
static bool check_suspension(const struct identity *identity, const struct record *old, const struct record *next,
                             struct err *err)
{
    const char *before = old ? record_annotation(old, ANNOTATION_SUSPENDED) : NULL;
    if (next->key.kind != KIND_INSTANCE || str_equal(before, record_annotation(next, ANNOTATION_SUSPENDED)) ||
        auth_may(identity, VERB_SUSPEND, KIND_INSTANCE, next->key.namespace) == AUTH_ALLOWED)
        return true;
    return err_set(err, ERR_FORBIDDEN, "User \"%s\" cannot change annotation %s", identity->user, ANNOTATION_SUSPENDED);
}

/* What only this caller may not do: struct admission's check_caller. */
static bool check_caller(struct store *tx, const struct record *old, struct record *next, void *context,
                         struct err *err)
{
    (void)tx;
    const struct request *request = context;
    return check_suspension(&request->identity, old, next, err) &&
           check_member(request, &kinds[next->key.kind], next, err);
}

/* Nobody is a gone tenant's heir by its name. */
static bool check_unused(struct store *tx, const struct record *old, struct record *next, void *context,
                         struct err *err)
{
    CLEANUP(events_release) struct events events = { 0 };
    int64_t left = 0, version;
    for (size_t i = 0; i < KINDS && left == 0; i++)
        if (kinds[i].namespaced && !store_count(tx, kinds[i].id, next->key.name, &left, err))
            return false;
    if (!store_event_list(tx, next->key.name, &events, &version, err))
        return false;
    if (left > 0 || events.count > 0)
        return err_set(err, ERR_EXISTS, "records or events of a tenant of this name are left");
    return check_caller(tx, old, next, context, err);
}

static bool write_admission(struct worker *worker, struct request *request, struct admission *ret, struct err *err)
{
    *ret = (struct admission){
        .settings = worker->shared->options->settings,
        .problems = &request->problems,
        .check_caller = check_caller,
        .caller = request,
    };
    return read_managed(request, &ret->managed, err);
}

static struct store_write write_options(const struct request *request, struct admission *admission,
                                        enum store_mode mode)
{
    return (struct store_write){
        .mode = mode,
        .admit = admission_admit,
        .context = admission,
        .who = request->identity.user,
        .managed = request->managed,
    };
}

bool write_create(struct worker *worker, struct request *request, struct record *record, enum store_mode mode,
                  struct err *err)
{
    CLEANUP(admission_release) struct admission admission = { 0 };
    if (!write_admission(worker, request, &admission, err))
        return false;
    struct store_write write = write_options(request, &admission, mode);
    return store_create(worker->store, record, &write, err) || raise_from_store(request, err);
}

bool write_create_unused(struct worker *worker, struct request *request, struct record *record, struct err *err)
{
    CLEANUP(admission_release) struct admission admission = { 0 };
    if (!write_admission(worker, request, &admission, err))
        return false;
    admission.check_caller = check_unused;
    struct store_write write = write_options(request, &admission, STORE_WRITE);
    return store_create(worker->store, record, &write, err) || raise_from_store(request, err);
}

bool write_update(struct worker *worker, struct request *request, struct record *record, int64_t expected_version,
                  enum store_mode mode, struct err *err)
{
    CLEANUP(admission_release) struct admission admission = { 0 };
    if (!write_admission(worker, request, &admission, err))
        return false;
    struct store_write write = write_options(request, &admission, mode);
    if (!store_update(worker->store, record, expected_version, &write, err))
        return raise_from_store(request, err);
    request_set_warning(request, admission.note);
    return true;
}

bool write_check_deletion(struct worker *worker, struct request *request, const struct record *record, struct err *err)
{
    CLEANUP(admission_release) struct admission admission = { 0 };
    if (!write_admission(worker, request, &admission, err))
        return false;
    if (!admission_check_deletion(worker->store, record, &admission, err))
        return raise_from_store(request, err);
    request_set_warning(request, admission.note);
    return true;
}

bool write_find(struct worker *worker, struct request *request, struct record *ret_record, struct err *err)
{
    struct record_key key;
    const char *namespace = request->namespace ? request->namespace : "";
    if (!record_key_set(&key, request->view.record_kind->id, namespace, request->name))
        return raise_missing(request, err); /* no name is that long */
    return store_get(worker->store, &key, ret_record, err) || raise_from_store(request, err);
}
