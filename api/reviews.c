/* `kubectl auth can-i` and `auth whoami`. */
#include "api/auth.h"
#include "api/handlers.h"
#include "api/protobuf.h"

/* kubectl from 1.32 on sends protobuf here, and does not fall back. */
static bool review_document(const struct request *request, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *media = request_media_type(request);
    return str_equal(media, MEDIA_PROTOBUF) ? protobuf_review(request->body.text, request->body.len, ret, err)
                                            : request_document(request, ret, err);
}

static json_t *review_new(const char *kind, const char *group, json_t *status_taken)
{
    CLEANUP(freep) char *api_version = mem_printf("%s/v1", group);
    json_t *object = json_object();
    json_put_text(object, "kind", kind);
    json_put_text(object, "apiVersion", api_version);
    json_put(object, "metadata", json_object());
    json_put(object, "spec", json_object());
    json_put(object, "status", status_taken);
    return object;
}

static bool is_reading(const char *verb)
{
    return str_equal(verb, "get") || str_equal(verb, "list") || str_equal(verb, "watch");
}

static bool is_unlimited(const struct identity *identity)
{
    return identity->role == ROLE_ADMIN && identity->verbs == 0;
}

static bool allows_verb(const struct identity *identity, const char *verb, int subject, const char *tenant)
{
    enum verb known;
    if (verb && verb_from_name(verb, &known))
        return auth_may(identity, known, subject, tenant) == AUTH_ALLOWED;
    return str_equal(verb, "*") && is_unlimited(identity);
}

static bool allows_resource(const struct identity *identity, const json_t *attributes)
{
    const char *plural = json_text(attributes, "resource");
    const char *namespace = json_text(attributes, "namespace");
    const char *name = json_text(attributes, "name");
    const char *verb = json_text(attributes, "verb");
    const struct kind *kind = plural ? kind_by_plural(plural) : NULL;
    bool is_events = str_equal(plural, "events");
    if (str_equal(plural, "namespaces")) {
        kind = &kinds[KIND_TENANT]; /* which they show, and that is all */
        if (!is_reading(verb))
            return false;
    }
    if (!kind && !is_events)
        return is_unlimited(identity) && str_equal(plural, "*");
    /* kubectl sends the context's namespace for cluster-scoped kinds, too. */
    bool is_namespaced = is_events || kind->namespaced;
    const char *tenant = is_namespaced ? namespace : kind->id == KIND_TENANT ? name : NULL;
    bool is_all = !tenant || tenant[0] == '\0';
    if (is_all && identity->role != ROLE_ADMIN && is_namespaced)
        return false; /* all namespaces are more than one's own */
    return allows_verb(identity, verb, kind ? (int)kind->id : ABOUT_EVENTS, is_all ? NULL : tenant);
}

bool review_access(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    CLEANUP(json_decrefp) json_t *body = NULL;
    if (!review_document(request, &body, err))
        return false;
    const json_t *attributes = json_at(body, "spec", "resourceAttributes", NULL);
    bool is_allowed =
        attributes ? allows_resource(&request->identity, attributes) : request->identity.role == ROLE_ADMIN;
    json_t *status = json_object();
    json_put(status, "allowed", json_boolean(is_allowed));
    if (!is_allowed)
        json_put_text(status, "reason",
                      request->identity.role == ROLE_ADMIN ? "there is no such resource or verb"
                                                           : "a tenant's member may not");
    answer_json(answer, 201, review_new("SelfSubjectAccessReview", "authorization.k8s.io", status));
    return true;
}

static json_t *one_text(const char *text)
{
    json_t *array = json_array();
    json_push(array, json_from_text(text));
    return array;
}

static void add_rule(json_t *rules, const struct identity *identity, const struct view *view, const char *tenant)
{
    json_t *verbs = json_array();
    for (unsigned bit = VERB_GET; bit <= VERB_DELETE; bit <<= 1)
        if (auth_may(identity, (enum verb)bit, auth_subject_of(view), tenant) == AUTH_ALLOWED)
            json_push(verbs, json_from_text(verb_name((enum verb)bit)));
    json_t *rule = json_object();
    json_put(rule, "verbs", verbs);
    json_put(rule, "apiGroups", one_text(view->group));
    json_put(rule, "resources", one_text(view->plural));
    json_push(rules, rule);
}

bool review_rules(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    CLEANUP(json_decrefp) json_t *body = NULL;
    if (!review_document(request, &body, err))
        return false;
    const char *namespace = json_text(json_object_get(body, "spec"), "namespace");
    json_t *rules = json_array();
    for (size_t i = 0; i < KINDS; i++) {
        struct view view = view_of_kind(&kinds[i]);
        add_rule(rules, &request->identity, &view, kinds[i].namespaced ? namespace : NULL);
    }
    add_rule(rules, &request->identity, &event_view, namespace);
    json_t *paths = json_object();
    json_put(paths, "verbs", one_text("get"));
    json_put(paths, "nonResourceURLs", one_text("/healthz"));
    json_t *path_rules = json_array();
    json_push(path_rules, paths);
    json_t *status = json_object();
    json_put(status, "resourceRules", rules);
    json_put(status, "nonResourceRules", path_rules);
    json_put(status, "incomplete", json_false());
    answer_json(answer, 201, review_new("SelfSubjectRulesReview", "authorization.k8s.io", status));
    return true;
}

bool review_self(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)err;
    const struct identity *identity = &request->identity;
    json_t *groups = json_array();
    if (identity->role == ROLE_ADMIN)
        json_push(groups, json_string("admin"));
    for (size_t i = 0; i < IDENTITY_TENANTS_MAX && identity->tenants[i][0]; i++) {
        CLEANUP(freep) char *member = mem_printf("tenant:%s", identity->tenants[i]);
        json_push(groups, json_from_text(member));
    }
    json_t *user = json_object();
    json_put_text(user, "username", identity->user);
    json_put(user, "groups", groups);
    json_t *status = json_object();
    json_put(status, "userInfo", user);
    answer_json(answer, 201, review_new("SelfSubjectReview", "authentication.k8s.io", status));
    return true;
}
