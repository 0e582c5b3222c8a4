/*
 * /openapi/v3 for kubectl (explain, and that PATCH takes fieldValidation), /openapi.json for the platform API: printed from
 * the route table and the field tables, so they say what the server does.
 */
#include "api/accounts.h"
#include "api/handlers.h"
#include "api/platform.h"
#include "api/routes.h"

#define RECORDS "/apis/" API_VERSION "/"

/* ---- pieces ---- */

static json_t *reference(const char *name)
{
    CLEANUP(freep) char *path = mem_printf("#/components/schemas/%s", name);
    json_t *object = json_object();
    json_put_text(object, "$ref", path);
    return object;
}

static json_t *parameter(const char *name, const char *in, const char *type)
{
    json_t *schema = json_object();
    json_put_text(schema, "type", type);
    json_t *object = json_object();
    json_put_text(object, "name", name);
    json_put_text(object, "in", in);
    if (str_equal(in, "path"))
        json_put(object, "required", json_true());
    json_put(object, "schema", schema);
    return object;
}

static json_t *path_parameters(const char *path)
{
    json_t *list = json_array();
    for (const char *at = path; (at = strchr(at, '{')); at++) {
        CLEANUP(freep) char *name = mem_strndup(at + 1, strcspn(at, "}") - 1);
        json_push(list, parameter(name, "path", "string"));
    }
    return list;
}

/* What a query may say, by what is asked for. */
static json_t *query_parameters(const struct route *route)
{
    static const struct {
        unsigned verbs;
        bool is_flat;
        const char *name, *type;
    } rows[] = {
        { VERB_LIST, false, "labelSelector", "string" },
        { VERB_LIST, false, "fieldSelector", "string" },
        { VERB_LIST, false, "limit", "integer" },
        { VERB_LIST, false, "continue", "string" },
        { VERB_LIST, false, "resourceVersion", "string" },
        { VERB_LIST, false, "watch", "boolean" },
        { VERB_LIST, false, "allowWatchBookmarks", "boolean" },
        { VERB_LIST, false, "timeoutSeconds", "integer" },
        { VERB_CREATE | VERB_UPDATE | VERB_PATCH | VERB_DELETE, false, "dryRun", "string" },
        { VERB_CREATE | VERB_UPDATE | VERB_PATCH, false, "fieldManager", "string" },
        { VERB_CREATE | VERB_UPDATE | VERB_PATCH, false, "fieldValidation", "string" },
        { VERB_PATCH, false, "force", "boolean" },
        { VERB_LOG, false, "follow", "boolean" },
        { VERB_LOG, false, "tailLines", "integer" },
        { VERB_LOG, true, "lines", "integer" },
        { VERB_LIST, true, "page", "integer" },
        { VERB_LIST, true, "page_size", "integer" },
        { VERB_LIST, true, "tenant_id", "string" },
        { VERB_LIST, true, "customer_id", "string" },
        { VERB_LIST, true, "status", "string" },
    };
    json_t *list = json_array();
    bool is_flat = !str_starts_with(route->pattern, RECORDS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((rows[i].verbs & route->verb) && rows[i].is_flat == is_flat && (!is_flat || route->of))
            json_push(list, parameter(rows[i].name, "query", rows[i].type));
    return list;
}

static json_t *responses(const struct route *route, const char *schema)
{
    json_t *object = json_object();
    for (int status = 200; status < 600; status++) {
        if (!route_documents(route, status))
            continue;
        CLEANUP(freep) char *code = mem_printf("%d", status);
        json_t *response = json_object();
        json_put_text(response, "description", status < 300 ? "done" : "see the message");
        if (status < 300 && schema)
            json_put(response, "content", json_pack("{s:{s:o}}", "application/json", "schema", reference(schema)));
        json_put(object, code, response);
    }
    return object;
}

static json_t *body_of(const char *media, const char *schema)
{
    json_t *content = json_object();
    json_put(content, media,
             json_pack("{s:o}", "schema", schema ? reference(schema) : json_pack("{s:s}", "type", "object")));
    json_t *body = json_object();
    json_put(body, "content", content);
    return body;
}

static json_t *operation(const struct route *route, const char *path, const char *schema)
{
    json_t *object = json_object();
    CLEANUP(str_release) struct str id = STR_INIT;
    str_add(&id, route->method);
    for (const char *at = path; *at; at++)
        str_addc(&id, strchr("/{}.", *at) ? '_' : *at);
    json_put_text(object, "operationId", id.text);
    json_put(object, "parameters", query_parameters(route));
    json_put(object, "responses", responses(route, schema));
    if (str_equal(route->method, "PATCH") && str_starts_with(route->pattern, RECORDS))
        json_put(object, "requestBody", body_of("application/merge-patch+json", NULL));
    else if (!str_equal(route->method, "GET") && !str_equal(route->method, "DELETE"))
        json_put(object, "requestBody", body_of("application/json", schema));
    return object;
}

static void add_operation(json_t *paths, const char *path, const struct route *route, json_t *operation_taken)
{
    CLEANUP(freep) char *method = text_lower(route->method);
    if (!json_object_get(paths, path)) {
        json_t *item = json_object();
        json_t *parameters = path_parameters(path);
        json_put(item, "parameters", parameters);
        json_put(paths, path, item);
    }
    json_put(json_object_get(paths, path), method, operation_taken);
}

static json_t *document(const char *title, json_t *paths_taken, json_t *schemas_taken)
{
    json_t *info = json_object();
    json_put_text(info, "title", title);
    json_put_text(info, "version", TENANTD_VERSION);
    json_t *components = json_object();
    json_put(components, "schemas", schemas_taken);
    json_put(components, "securitySchemes", json_pack("{s:{s:s, s:s}}", "bearer", "type", "http", "scheme", "bearer"));
    json_t *object = json_object();
    json_put_text(object, "openapi", "3.0.0");
    json_put(object, "info", info);
    json_put(object, "paths", paths_taken);
    json_put(object, "components", components);
    json_put(object, "security", json_pack("[{s:[]}]", "bearer"));
    return object;
}

/* ---- records ---- */

static json_t *kind_identity(const struct kind *kind)
{
    return json_pack("{s:s, s:s, s:s}", "group", API_GROUP, "version", "v1", "kind", kind->name);
}

static json_t *kind_schema(const struct kind *kind)
{
    json_t *spec = fields_schema(kind->spec_fields);
    json_t *status = fields_schema(kind->status_fields);
    json_put_text(spec, "description", "What is wanted.");
    json_put_text(status, "description", "What was seen; the server's own.");
    json_t *properties = json_object();
    json_put(properties, "apiVersion", json_pack("{s:s}", "type", "string"));
    json_put(properties, "kind", json_pack("{s:s}", "type", "string"));
    json_put(properties, "metadata",
             json_pack("{s:s, s:s}", "type", "object", "description", "Name, labels and the like."));
    json_put(properties, "spec", spec);
    json_put(properties, "status", status);
    json_t *schema = json_object();
    json_put_text(schema, "type", "object");
    json_put_text(schema, "description", kind->doc);
    json_put(schema, "properties", properties);
    json_t *identities = json_array();
    json_push(identities, kind_identity(kind));
    json_put(schema, "x-kubernetes-group-version-kind", identities);
    return schema;
}

static char *path_of_kind(const char *pattern, const struct kind *kind)
{
    const char *at = strstr(pattern, "{plural}");
    return mem_printf("%.*s%s%s", (int)(at - pattern), pattern, kind->plural, at + strlen("{plural}"));
}

/* GET /openapi/v3/apis/tenantd/v1 */
bool openapi_records(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker; /* constant, as are the others here */
    (void)request;
    (void)err;
    json_t *paths = json_object();
    json_t *schemas = json_object();
    for (size_t i = 0; i < KINDS; i++) {
        const struct kind *kind = &kinds[i];
        json_put(schemas, kind->name, kind_schema(kind));
        for (const struct route *route = routes; route->method; route++) {
            if (!strstr(route->pattern, "{plural}") || !route_serves(route, kind))
                continue;
            CLEANUP(freep) char *path = path_of_kind(route->pattern, kind);
            bool is_whole = route->verb & (VERB_GET | VERB_CREATE | VERB_UPDATE | VERB_PATCH);
            json_t *made = operation(route, path, is_whole ? kind->name : NULL);
            json_put(made, "x-kubernetes-group-version-kind", kind_identity(kind));
            add_operation(paths, path, route, made);
        }
    }
    answer_json(answer, 200, document("tenantd", paths, schemas));
    return true;
}

/* GET /openapi/v3 */
bool openapi_index(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    answer_json(
        answer, 200,
        json_pack("{s:{s:{s:s}}}", "paths", "apis/" API_VERSION, "serverRelativeURL", "/openapi/v3/apis/" API_VERSION));
    return true;
}

/* ---- the platform API ---- */

static const struct {
    const char *pattern, *method;
    const struct field *fields;
    const char *name;
} bodies[] = {
    { "/auth/register", "POST", registration_fields, "Registration" },
    { "/auth/login", "POST", login_fields, "Login" },
    { "/auth/password-change", "POST", password_change_fields, "PasswordChange" },
    { "/auth/accounts", "POST", account_fields, "Account" },
    { "/auth/accounts/{id}", "PATCH", account_change_fields, "AccountChange" },
    { "/auth/tokens", "POST", token_fields, "Token" },
};

static json_t *action_schema(void)
{
    json_t *properties = json_object();
    json_put(properties, "action", json_pack("{s:s}", "type", "string"));
    json_put(properties, "parameters", json_pack("{s:s}", "type", "object"));
    return json_pack("{s:s, s:o, s:[s]}", "type", "object", "properties", properties, "required", "action");
}

static void add_flat_route(json_t *paths, const struct route *route)
{
    const char *schema = NULL;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (str_equal(bodies[i].pattern, route->pattern) && str_equal(bodies[i].method, route->method))
            schema = bodies[i].name;
    if (route->of && (route->verb & (VERB_CREATE | VERB_UPDATE)))
        schema = route->of->name;
    if (route->verb == VERB_ACT)
        schema = "Action";
    json_t *made = operation(route, route->pattern, schema);
    if (!route->of || route->verb == VERB_ACT) /* what comes back is not what was sent */
        json_put(made, "responses", responses(route, NULL));
    if (route_is_public(route))
        json_put(made, "security", json_array());
    add_operation(paths, route->pattern, route, made);
}

/* GET /openapi.json */
bool openapi_platform(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)err;
    json_t *paths = json_object();
    json_t *schemas = json_object();
    json_put(schemas, "Instance", flat_schema(instance_flat_fields));
    json_put(schemas, "Tenant", flat_schema(tenant_flat_fields));
    json_put(schemas, "Action", action_schema());
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        json_put(schemas, bodies[i].name, fields_schema(bodies[i].fields));
    for (const struct route *route = routes; route->method; route++)
        if (route->of || str_starts_with(route->pattern, "/auth/"))
            add_flat_route(paths, route);
    answer_json(answer, 200, document("tenantd platform API", paths, schemas));
    return true;
}
