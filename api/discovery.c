/* Discovery, as every kubectl reads it: which groups, versions and resources there are. */
#include <sys/utsname.h>

#include "api/handlers.h"

static const char *const record_verbs[] = { "create", "delete", "get", "list", "patch", "update", "watch", NULL };
static const char *const reading_verbs[] = { "get", "list", "watch", NULL };
static const char *const getting_verbs[] = { "get", NULL };
static const char *const creating_verbs[] = { "create", NULL };
static const char *const record_categories[] = { "all", "tenantd", NULL };

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (; *list; list++)
        json_push(array, json_from_text(*list));
    return array;
}

struct resource {
    const char *plural, *singular, *kind;
    bool is_namespaced;
    const char *const *verbs;
    const char *const *short_names; /* at most 3; NULL: none */
    const char *const *categories;  /* NULL: none */
};

static void add_resource(json_t *list, const struct resource *resource)
{
    json_t *object = json_object();
    json_put_text(object, "name", resource->plural);
    json_put_text(object, "singularName", resource->singular);
    json_put(object, "namespaced", json_boolean(resource->is_namespaced));
    json_put_text(object, "kind", resource->kind);
    json_put(object, "verbs", texts(resource->verbs));
    if (resource->short_names && resource->short_names[0]) {
        json_t *names = json_array();
        for (size_t i = 0; i < 3 && resource->short_names[i]; i++)
            json_push(names, json_from_text(resource->short_names[i]));
        json_put(object, "shortNames", names);
    }
    if (resource->categories)
        json_put(object, "categories", texts(resource->categories));
    json_push(list, object);
}

static json_t *resource_list(const char *group_version, json_t *resources_taken)
{
    json_t *object = json_object();
    json_put_text(object, "kind", "APIResourceList");
    json_put_text(object, "apiVersion", "v1");
    json_put_text(object, "groupVersion", group_version);
    json_put(object, "resources", resources_taken);
    return object;
}

/* GET /api */
bool discovery_core(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker; /* constant, as are the others here */
    (void)request;
    (void)err;
    static const char *const versions[] = { "v1", NULL };
    json_t *object = json_object();
    json_put_text(object, "kind", "APIVersions");
    json_put(object, "versions", texts(versions));
    answer_json(answer, 200, object);
    return true;
}

static void add_group(json_t *groups, const char *name)
{
    CLEANUP(freep) char *group_version = mem_printf("%s/v1", name);
    json_t *version = json_object();
    json_put_text(version, "groupVersion", group_version);
    json_put_text(version, "version", "v1");
    json_t *versions = json_array();
    json_push(versions, json_incref(version));
    json_t *group = json_object();
    json_put_text(group, "name", name);
    json_put(group, "versions", versions);
    json_put(group, "preferredVersion", version);
    json_push(groups, group);
}

/* GET /apis */
bool discovery_groups(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    json_t *groups = json_array();
    add_group(groups, API_GROUP);
    add_group(groups, "authorization.k8s.io");
    add_group(groups, "authentication.k8s.io");
    json_t *object = json_object();
    json_put_text(object, "kind", "APIGroupList");
    json_put_text(object, "apiVersion", "v1");
    json_put(object, "groups", groups);
    answer_json(answer, 200, object);
    return true;
}

/* GET /api/v1 */
bool discovery_core_resources(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    static const char *const namespace_names[] = { "ns", NULL };
    static const char *const event_names[] = { "ev", NULL };
    const struct resource namespaces = {
        "namespaces", "namespace", "Namespace", false, reading_verbs, namespace_names, NULL,
    };
    const struct resource events = { "events", "event", "Event", true, reading_verbs, event_names, NULL };
    json_t *resources = json_array();
    add_resource(resources, &namespaces);
    add_resource(resources, &events);
    answer_json(answer, 200, resource_list("v1", resources));
    return true;
}

/* GET /apis/tenantd/v1 */
bool discovery_resources(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    json_t *resources = json_array();
    for (size_t i = 0; i < KINDS; i++) {
        const struct kind *kind = &kinds[i];
        add_resource(resources, &(struct resource){ kind->plural, kind->singular, kind->name, kind->namespaced,
                                                    record_verbs, kind->short_names, record_categories });
        CLEANUP(freep) char *status = mem_printf("%s/status", kind->plural);
        add_resource(resources,
                     &(struct resource){ status, "", kind->name, kind->namespaced, getting_verbs, NULL, NULL });
    }
    answer_json(answer, 200, resource_list(API_VERSION, resources));
    return true;
}

/* GET /apis/authorization.k8s.io/v1 */
bool discovery_authorization(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    json_t *resources = json_array();
    add_resource(resources, &(struct resource){ "selfsubjectaccessreviews", "selfsubjectaccessreview",
                                                "SelfSubjectAccessReview", false, creating_verbs, NULL, NULL });
    add_resource(resources, &(struct resource){ "selfsubjectrulesreviews", "selfsubjectrulesreview",
                                                "SelfSubjectRulesReview", false, creating_verbs, NULL, NULL });
    answer_json(answer, 200, resource_list("authorization.k8s.io/v1", resources));
    return true;
}

/* GET /apis/authentication.k8s.io/v1 */
bool discovery_authentication(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    json_t *resources = json_array();
    add_resource(resources, &(struct resource){ "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview", false,
                                                creating_verbs, NULL, NULL });
    answer_json(answer, 200, resource_list("authentication.k8s.io/v1", resources));
    return true;
}

/* GET /version: the minor is that of the newest kubectl this was run with; another one is only remarked upon. */
bool discovery_version(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    struct utsname system;
    bool is_arm = uname(&system) == 0 && str_equal(system.machine, "aarch64");
    json_t *object = json_object();
    json_put_text(object, "major", "1");
    json_put_text(object, "minor", "32");
    json_put_text(object, "gitVersion", "v1.32.0+tenantd." TENANTD_VERSION);
    json_put_text(object, "gitCommit", "");
    json_put_text(object, "gitTreeState", "clean");
    json_put_text(object, "buildDate", "");
    json_put_text(object, "goVersion", "");
    json_put_text(object, "compiler", "");
    json_put_text(object, "platform", is_arm ? "linux/arm64" : "linux/amd64");
    answer_json(answer, 200, object);
    return true;
}
