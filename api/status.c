/* Errors as Kubernetes words them: Status objects. */
#include "api/status.h"

static const char *const cause_reasons[] = {
    [PROBLEM_INVALID] = "FieldValueInvalid",       [PROBLEM_REQUIRED] = "FieldValueRequired",
    [PROBLEM_UNKNOWN_FIELD] = "FieldValueInvalid", [PROBLEM_NOT_SUPPORTED] = "FieldValueNotSupported",
    [PROBLEM_FORBIDDEN] = "FieldValueForbidden",
};

static json_t *status_new(const char *status)
{
    json_t *object = json_object();
    json_put_text(object, "kind", "Status");
    json_put_text(object, "apiVersion", "v1");
    json_put(object, "metadata", json_object());
    json_put_text(object, "status", status);
    return object;
}

json_t *status_failure(const struct err *err)
{
    const struct err_kind *kind = &err_kinds[err->code];
    json_t *object = status_new("Failure");
    json_put(object, "message", json_from_text(err_message(err)));
    json_put_text(object, "reason", kind->reason);
    json_put(object, "code", json_integer(kind->http_status));
    return object;
}

json_t *status_deleted(const struct view *view, const char *name, const char *uid)
{
    json_t *details = json_object();
    json_put_text(details, "name", name);
    json_put_text(details, "group", view->group);
    json_put_text(details, "kind", view->plural);
    json_put_text(details, "uid", uid);
    json_t *object = status_new("Success");
    json_put(object, "details", details);
    return object;
}

/* ---- 422: kubectl prints the causes, and without them nothing but "is invalid" ---- */

static void add_cause(json_t *causes, const char *reason, const char *field, const char *message)
{
    json_t *cause = json_object();
    json_put_text(cause, "reason", reason);
    json_put(cause, "message", json_from_text(message));
    json_put(cause, "field", json_from_text(field));
    json_push(causes, cause);
}

/* Admission gives one text, "spec.version: ...; spec.env.X: ...". A part without a path is about the spec. */
static void add_causes_of_text(json_t *causes, const char *text)
{
    static const char path_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/[]\"";
    size_t len = strspn(text, path_chars);
    bool has_path = (str_starts_with(text, "spec") || str_starts_with(text, "metadata")) && text[len] == ':' &&
                    text[len + 1] == ' ';
    if (!has_path) {
        add_cause(causes, cause_reasons[PROBLEM_INVALID], "spec", text);
        return;
    }
    CLEANUP(freep) char *field = mem_strndup(text, len);
    const char *message = text + len + 2;
    const char *next = strstr(message, "; spec.");
    if (!next) {
        add_cause(causes, cause_reasons[PROBLEM_INVALID], field, message);
        return;
    }
    CLEANUP(freep) char *first = mem_strndup(message, (size_t)(next - message));
    add_cause(causes, cause_reasons[PROBLEM_INVALID], field, first);
    add_causes_of_text(causes, next + 2);
}

static json_t *causes_of(const struct request *request, const struct err *err)
{
    json_t *causes = json_array();
    for (size_t i = 0; i < request->problems.count; i++) {
        const struct problem *problem = &request->problems.items[i];
        add_cause(causes, cause_reasons[problem->kind], problem->path, problem->message);
    }
    if (request->problems.count == 0)
        add_causes_of_text(causes, err_message(err));
    return causes;
}

/* `Instance.tenantd "web" is invalid: [spec.a: b, spec.c: d]` */
static json_t *invalid_message(const struct request *request, const json_t *causes)
{
    const struct view *view = request->about;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_add(&text, view->kind);
    if (view->group[0])
        str_addf(&text, ".%s", view->group);
    str_addf(&text, " \"%s\" is invalid: ", request->about_name ? request->about_name : "");
    size_t count = json_array_size(causes);
    for (size_t i = 0; i < count; i++) {
        const json_t *cause = json_array_get(causes, i);
        str_add(&text, i > 0 ? ", " : count > 1 ? "[" : "");
        str_addf(&text, "%s: %s", json_text(cause, "field"), json_text(cause, "message"));
    }
    if (count > 1)
        str_add(&text, "]");
    return json_from_text(text.text);
}

/* `{"detail": "...", "errors": [{"field", "message"}]}` */
static json_t *flat_failure(const struct request *request, const struct err *err)
{
    json_t *failure = json_object();
    json_put(failure, "detail", json_from_text(err_message(err)));
    if (request->problems.count == 0)
        return failure;
    json_t *errors = json_array();
    for (size_t i = 0; i < request->problems.count; i++) {
        json_t *error = json_object();
        json_put(error, "field", json_from_text(request->problems.items[i].path));
        json_put(error, "message", json_from_text(request->problems.items[i].message));
        json_push(errors, error);
    }
    json_put(failure, "errors", errors);
    return failure;
}

void status_answer(const struct request *request, const struct err *err, struct answer *answer)
{
    bool is_flat = request_is_flat(request);
    json_t *status = is_flat ? flat_failure(request, err) : status_failure(err);
    if (request->about && !is_flat) {
        json_t *details = json_object();
        json_put_text(details, "name", request->about_name);
        json_put_text(details, "group", request->about->group);
        bool is_invalid = err->code == ERR_INVALID;
        json_put_text(details, "kind", is_invalid ? request->about->kind : request->about->plural);
        if (is_invalid) {
            json_t *causes = causes_of(request, err);
            json_put(status, "message", invalid_message(request, causes));
            json_put(details, "causes", causes);
        }
        json_put(status, "details", details);
    }
    answer_release(answer);
    if (err->code == ERR_TOO_MANY)
        strv_add(&answer->headers, "Retry-After: 1");
    if (err->code == ERR_UNAUTHORIZED)
        strv_add(&answer->headers, "WWW-Authenticate: Bearer realm=\"tenantd\"");
    answer_json(answer, err_kinds[err->code].http_status, status);
}

/* ---- raising ---- */

/* `instances.tenantd "web"`, or without a name `instances.tenantd`. */
static void add_subject(struct str *text, const struct view *view, const char *name)
{
    str_add(text, view->plural);
    if (view->group[0])
        str_addf(text, ".%s", view->group);
    if (name)
        str_addf(text, " \"%s\"", name);
}

bool raise_missing(const struct request *request, struct err *err)
{
    CLEANUP(str_release) struct str subject = STR_INIT;
    add_subject(&subject, request->about, request->about_name);
    return err_set(err, ERR_NOT_FOUND, "%s not found", subject.text);
}

bool raise_namespace_missing(struct request *request, struct err *err)
{
    request_set_about(request, &namespace_view, request->namespace);
    return raise_missing(request, err);
}

bool raise_from_store(struct request *request, struct err *err)
{
    static const char namespace_missing[] = "namespaces \"", unfulfilled[] = "Operation cannot be fulfilled on ";
    const char *message = err_message(err);
    if (err->code == ERR_NOT_FOUND && request->namespace && str_starts_with(message, namespace_missing))
        return raise_namespace_missing(request, err);
    CLEANUP(str_release) struct str subject = STR_INIT;
    add_subject(&subject, request->about, request->about_name);
    switch (err->code) {
    case ERR_NOT_FOUND:
        if (str_starts_with(message, "spec.")) /* not it, but what it refers to */
            return false;
        return err_set(err, ERR_NOT_FOUND, "%s not found", subject.text);
    case ERR_EXISTS:
        return err_set(err, ERR_EXISTS, "%s already exists", subject.text);
    case ERR_CONFLICT:
        if (str_starts_with(message, unfulfilled))
            return false;
        return err_set(err, ERR_CONFLICT, "%s%s: %s", unfulfilled, subject.text, message);
    case ERR_FORBIDDEN:
        if (str_starts_with(message, subject.text))
            return false;
        return err_set(err, ERR_FORBIDDEN, "%s is forbidden: %s", subject.text, message);
    default:
        return false;
    }
}
