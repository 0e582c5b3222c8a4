/* POST /api/v1/instances/{id}/actions: one table says what may be done when, and what will happen. */
#include "api/auth.h"
#include "api/handlers.h"
#include "api/platform.h"
#include "api/routes.h"
#include "api/status.h"

#define IN(status)  (1U << (status))
#define ALIVE       (IN(STATUS_RUNNING) | IN(STATUS_UPDATING) | IN(STATUS_ERROR))
#define MADE        (ALIVE | IN(STATUS_STOPPED))
#define NOT_LEAVING (MADE | IN(STATUS_CREATING) | IN(STATUS_SUSPENDED) | IN(STATUS_RESTORING))

struct act {
    struct worker *worker;
    struct request *request;
    struct record *record;
    const json_t *parameters;
};
typedef bool act_fn(const struct act *act, struct err *err);

static act_fn act_start, act_stop, act_restart, act_update, act_backup, act_restore, act_suspend, act_unsuspend,
    act_terminate;

static const struct action {
    const char *name;
    unsigned statuses; /* in which it is allowed */
    enum verb verb;    /* that one must be granted, besides VERB_ACT */
    act_fn *run;
    const char *kind; /* of records that it needs this tenantd to know; NULL: none */
    const char *parameters;
    const char *will;
} actions[] = {
    { "start", IN(STATUS_STOPPED), VERB_PATCH, act_start, NULL, "", "the container will be started" },
    { "stop", ALIVE | IN(STATUS_CREATING), VERB_PATCH, act_stop, NULL, "", "the container will be stopped" },
    { "restart", ALIVE, VERB_PATCH, act_restart, NULL, "", "the container will be stopped and started again" },
    { "update", MADE, VERB_PATCH, act_update, NULL, "version (text)",
      "the container will be replaced by one of that version, after its upgrade command" },
    { "backup", MADE | IN(STATUS_SUSPENDED), VERB_CREATE, act_backup, "Backup", "",
      "a recovery point will be made and read back" },
    { "restore", MADE, VERB_CREATE, act_restore, "Restore", "backup (text)",
      "the recovery point will take the place of database and files" },
    { "suspend", MADE | IN(STATUS_CREATING), VERB_SUSPEND, act_suspend, NULL, "reason (text)",
      "the container will be stopped until it is unsuspended" },
    { "unsuspend", IN(STATUS_SUSPENDED), VERB_SUSPEND, act_unsuspend, NULL, "",
      "the instance will be as it was before it was suspended" },
    { "terminate", NOT_LEAVING, VERB_DELETE, act_terminate, NULL, "",
      "the instance will be deleted; its deletionPolicy says what stays" },
};

/* ---- what each does ---- */

static bool edit_member(json_t *document, const char *part, const char *key, json_t *value_taken)
{
    json_put(json_object_get(document, part), key, value_taken);
    return true;
}

static bool edit_state(json_t *document, const void *context, struct request *request, struct err *err)
{
    (void)request;
    (void)err;
    return edit_member(document, "spec", "state", json_from_text(context));
}

static bool edit_version(json_t *document, const void *context, struct request *request, struct err *err)
{
    (void)request;
    (void)err;
    return edit_member(document, "spec", "version", json_from_text(context));
}

struct annotation {
    const char *name;
    const char *value; /* NULL: taken off */
};

static bool edit_annotation(json_t *document, const void *context, struct request *request, struct err *err)
{
    (void)request;
    (void)err;
    const struct annotation *annotation = context;
    json_t *metadata = json_object_get(document, "metadata");
    if (!json_object_get(metadata, "annotations"))
        json_put(metadata, "annotations", json_object());
    json_t *annotations = json_object_get(metadata, "annotations");
    if (annotation->value)
        json_put(annotations, annotation->name, json_from_text(annotation->value));
    else
        json_object_del(annotations, annotation->name);
    return true;
}

static bool change(const struct act *act, platform_edit_fn *edit, const void *context, struct err *err)
{
    return platform_change(act->worker, act->request, edit, context, act->record, err);
}

static bool act_start(const struct act *act, struct err *err)
{
    return change(act, edit_state, "Running", err);
}

static bool act_stop(const struct act *act, struct err *err)
{
    return change(act, edit_state, "Stopped", err);
}

static bool act_restart(const struct act *act, struct err *err)
{
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    const struct annotation annotation = { ANNOTATION_RESTARTED_AT, now };
    return change(act, edit_annotation, &annotation, err);
}

static bool needs_text(const struct act *act, const char *name, const char **ret, struct err *err)
{
    *ret = json_text(act->parameters, name);
    if (*ret && (*ret)[0])
        return true;
    CLEANUP(freep) char *path = mem_printf("parameters.%s", name);
    problems_add(&act->request->problems, PROBLEM_REQUIRED, path, "is required");
    return problems_to_err(&act->request->problems, err);
}

static bool act_update(const struct act *act, struct err *err)
{
    const char *version;
    return needs_text(act, "version", &version, err) && change(act, edit_version, version, err);
}

/* A record that runs once, named after the instance and the moment. */
static bool create_once(const struct act *act, const char *kind, json_t *spec_taken, struct err *err)
{
    CLEANUP(record_release) struct record made = { 0 };
    CLEANUP(freep) char *random = random_hex(4);
    CLEANUP(freep) char *name = mem_printf("%s-%s", act->record->key.name, random);
    CLEANUP(json_decrefp) json_t *document = json_object();
    json_t *metadata = json_object();
    json_put_text(metadata, "name", name);
    json_put(document, "metadata", metadata);
    json_put(document, "spec", spec_taken);
    const struct kind *of = kind_by_name(kind);
    act->request->view = view_of_kind(of);
    act->request->namespace = act->record->key.namespace;
    request_set_about(act->request, &act->request->view, name);
    return platform_create(act->worker, act->request, of, document, &made, err);
}

static bool act_backup(const struct act *act, struct err *err)
{
    json_t *spec = json_object();
    json_put_text(spec, "instance", act->record->key.name);
    return create_once(act, "Backup", spec, err);
}

static bool act_restore(const struct act *act, struct err *err)
{
    const char *backup;
    if (!needs_text(act, "backup", &backup, err))
        return false;
    json_t *spec = json_object();
    json_put(spec, "backup", json_from_text(backup));
    json_put_text(spec, "instance", act->record->key.name);
    return create_once(act, "Restore", spec, err);
}

static bool act_suspend(const struct act *act, struct err *err)
{
    const char *reason = json_text(act->parameters, "reason");
    const struct annotation annotation = { ANNOTATION_SUSPENDED, reason && reason[0] ? reason : "suspended" };
    return change(act, edit_annotation, &annotation, err);
}

static bool act_unsuspend(const struct act *act, struct err *err)
{
    const struct annotation annotation = { ANNOTATION_SUSPENDED, NULL };
    if (!record_annotation(act->record, ANNOTATION_SUSPENDED))
        return err_set(err, ERR_CONFLICT, "the whole tenant is suspended, not this instance");
    return change(act, edit_annotation, &annotation, err);
}

static bool act_terminate(const struct act *act, struct err *err)
{
    return platform_delete(act->worker, act->request, act->record, err);
}

/* ---- which one ---- */

static bool is_allowed(const struct action *action, const struct record *record, const struct identity *identity)
{
    return (action->statuses & IN(instance_wanted_status(record))) && (!action->kind || kind_by_name(action->kind)) &&
           auth_may(identity, action->verb, KIND_INSTANCE, record->key.namespace) == AUTH_ALLOWED;
}

json_t *instance_allowed_actions(const struct record *record, const struct identity *identity)
{
    json_t *names = json_array();
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (is_allowed(&actions[i], record, identity))
            json_push(names, json_string(actions[i].name));
    return names;
}

static bool find_action(struct request *request, const json_t *body, const struct action **ret, struct err *err)
{
    const char *name = json_text(body, "action");
    const json_t *parameters = json_object_get(body, "parameters");
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        strv_add(&names, actions[i].name);
        if (str_equal(actions[i].name, name))
            *ret = &actions[i];
    }
    CLEANUP(freep) char *all = strv_join(&names, ", ");
    if (!*ret)
        problems_add(&request->problems, PROBLEM_NOT_SUPPORTED, "action", "must be one of %s", all);
    if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
        problems_add(&request->problems, PROBLEM_INVALID, "parameters", "must be an object");
    return problems_to_err(&request->problems, err);
}

/* 409 with what would be possible. */
static void answer_conflict(const struct request *request, const struct action *action, const struct record *record,
                            struct answer *answer)
{
    const char *status = flat_status_names[instance_wanted_status(record)];
    CLEANUP(freep) char *detail = mem_printf("an instance that is %s does not permit %s", status, action->name);
    json_t *object = json_object();
    json_put_text(object, "detail", detail);
    json_put_text(object, "status", status);
    json_put(object, "allowed_actions", instance_allowed_actions(record, &request->identity));
    answer_json(answer, 409, object);
}

static void answer_accepted(const struct action *action, const struct record *record, struct answer *answer)
{
    json_t *object = json_object();
    json_put_text(object, "id", record->uid);
    json_put_text(object, "action", action->name);
    json_put_text(object, "status", "accepted");
    json_put_text(object, "detail", action->will);
    answer_json(answer, 202, object);
}

static bool act(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = NULL;
    CLEANUP(record_release) struct record record = { 0 };
    const struct action *action = NULL;
    if (!platform_find(worker, request, VERB_ACT, &record, err) || !request_document(request, &body, err) ||
        !find_action(request, body, &action, err))
        return false;
    if (auth_may(&request->identity, action->verb, KIND_INSTANCE, record.key.namespace) != AUTH_ALLOWED)
        return raise_forbidden_verb(request, action->verb, err);
    if (!is_allowed(action, &record, &request->identity)) {
        answer_conflict(request, action, &record, answer);
        return true;
    }
    struct act context = { worker, request, &record, json_object_get(body, "parameters") };
    request->origin.verb = action->name;
    if (!action->run(&context, err))
        return false;
    answer_accepted(action, &record, answer);
    return true;
}

bool platform_instance_act(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return platform_once(worker, request, answer, act, err);
}

/* ---- the reference ---- */

static void print_statuses(unsigned statuses, struct str *out)
{
    bool is_first = true;
    for (size_t i = 0; i < FLAT_STATUSES; i++)
        if (statuses & IN(i)) {
            str_addf(out, "%s%s", is_first ? "" : ", ", flat_status_names[i]);
            is_first = false;
        }
}

static void print_mapping(const char *title, const struct flat_field *fields, struct str *out)
{
    str_addf(out, "\n### %s\n\n| Field | In the record | Meaning |\n|---|---|---|\n", title);
    for (; fields->name; fields++)
        str_addf(out, "| `%s`%s | %s%s%s | %s |\n", fields->name,
                 fields->flags & FLAT_REQUIRED    ? " (required)"
                 : fields->flags & FLAT_READ_ONLY ? " (read only)"
                                                  : "",
                 fields->path ? "`" : "", fields->path ? fields->path : "", fields->path ? "`" : "", fields->doc);
}

void platform_print_reference(struct str *out)
{
    str_add(out, "\n## Platform API\n\n`/api/v1`: flat JSON over the records, for portals. Errors are "
                 "`{\"detail\": \"...\"}`; `GET /openapi.json` describes every request.\n");
    print_mapping("Instance, as a portal sees it", instance_flat_fields, out);
    print_mapping("Tenant, as a portal sees it", tenant_flat_fields, out);
    str_add(out, "\n### Actions of an instance\n\n| Action | Allowed when it is | Parameters | What will happen |\n"
                 "|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        str_addf(out, "| `%s` | ", actions[i].name);
        print_statuses(actions[i].statuses, out);
        str_addf(out, " | %s | %s%s |\n", actions[i].parameters, actions[i].will,
                 actions[i].verb == VERB_SUSPEND ? " (an administrator's)" : "");
    }
}
