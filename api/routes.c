/* All routes, in one table. */
#include "api/routes.h"

#include "api/auth.h"
#include "api/handlers.h"
#include "api/status.h"

#define RECORDS "/apis/tenantd/v1"
/* Of a push, whoever sends it: it need not be known before the body is there. */
#define HOOK_BODY_MAX ((size_t)1 << 20)
#define NAMESPACED    RECORDS "/namespaces/{namespace}"

/* The first one that matches counts, so the more literal ones come first. */
const struct route routes[] = {
    { "GET", "/healthz", ACCESS_HEALTH, VERB_NONE, health_live },
    { "GET", "/livez", ACCESS_HEALTH, VERB_NONE, health_live },
    { "GET", "/readyz", ACCESS_HEALTH, VERB_NONE, health_ready },
    { "GET", "/metrics", ACCESS_GRANTS, VERB_GET, metrics_show, .about = ABOUT_METRICS },
    { "GET", "/orphans", ACCESS_GRANTS, VERB_LIST, orphans_show, .about = ABOUT_ORPHANS },
    { "POST", "/orphans/removal", ACCESS_GRANTS, VERB_DELETE, orphans_remove, .about = ABOUT_ORPHANS },
    { "GET", "/recovery-key", ACCESS_GRANTS, VERB_GET, recovery_key_show, .about = ABOUT_RECOVERY_KEY },
    { "POST", "/recovery-key", ACCESS_GRANTS, VERB_SECRETS, recovery_key_export, .about = ABOUT_RECOVERY_KEY,
      .act = "export" },
    { "POST", "/catalog/rebuild", ACCESS_GRANTS, VERB_CREATE, catalog_rebuild_run, .about = ABOUT_CATALOG },
    { "GET", "/version", ACCESS_TOKEN, VERB_NONE, discovery_version },
    { "GET", "/openapi/v2", ACCESS_TOKEN, VERB_NONE, openapi_v2 },
    { "GET", "/openapi/v3", ACCESS_TOKEN, VERB_NONE, openapi_index },
    { "GET", "/openapi/v3/apis/tenantd/v1", ACCESS_TOKEN, VERB_NONE, openapi_records },
    { "GET", "/openapi.json", ACCESS_TOKEN, VERB_NONE, openapi_platform },

    { "POST", "/auth/register", ACCESS_ANYBODY, VERB_NONE, account_register, .act = "register" },
    { "POST", "/auth/login", ACCESS_ANYBODY, VERB_NONE, account_login, .act = "login" },
    { "POST", "/auth/logout", ACCESS_TOKEN, VERB_NONE, account_logout, .act = "logout" },
    { "POST", "/auth/password-change", ACCESS_TOKEN, VERB_NONE, account_change_password, .act = "password-change" },
    { "GET", "/auth/me", ACCESS_TOKEN, VERB_NONE, account_me },
    { "GET", "/auth/accounts", ACCESS_GRANTS, VERB_LIST, accounts_list, .about = ABOUT_ACCOUNTS },
    { "POST", "/auth/accounts", ACCESS_GRANTS, VERB_CREATE, accounts_create, .about = ABOUT_ACCOUNTS },
    { "GET", "/auth/accounts/{id}", ACCESS_GRANTS, VERB_GET, accounts_get, .about = ABOUT_ACCOUNTS },
    { "PATCH", "/auth/accounts/{id}", ACCESS_GRANTS, VERB_PATCH, accounts_change, .about = ABOUT_ACCOUNTS },
    { "DELETE", "/auth/accounts/{id}", ACCESS_GRANTS, VERB_DELETE, accounts_delete, .about = ABOUT_ACCOUNTS },
    { "GET", "/auth/tokens", ACCESS_GRANTS, VERB_LIST, tokens_list, .about = ABOUT_TOKENS },
    { "POST", "/auth/tokens", ACCESS_GRANTS, VERB_CREATE, tokens_create, .about = ABOUT_TOKENS },
    { "DELETE", "/auth/tokens/{id}", ACCESS_GRANTS, VERB_DELETE, tokens_revoke, .about = ABOUT_TOKENS },
    { "GET", "/auth/audit", ACCESS_GRANTS, VERB_LIST, audit_show, .about = ABOUT_AUDIT },

    { "GET", "/api", ACCESS_TOKEN, VERB_NONE, discovery_core },
    { "GET", "/apis", ACCESS_TOKEN, VERB_NONE, discovery_groups },
    { "GET", "/api/v1", ACCESS_TOKEN, VERB_NONE, discovery_core_resources },
    { "GET", RECORDS, ACCESS_TOKEN, VERB_NONE, discovery_resources },
    { "GET", "/apis/authorization.k8s.io/v1", ACCESS_TOKEN, VERB_NONE, discovery_authorization },
    { "GET", "/apis/authentication.k8s.io/v1", ACCESS_TOKEN, VERB_NONE, discovery_authentication },
    { "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ACCESS_TOKEN, VERB_NONE, review_access },
    { "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", ACCESS_TOKEN, VERB_NONE, review_rules },
    { "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", ACCESS_TOKEN, VERB_NONE, review_self },

    { "GET", "/api/v1/namespaces", ACCESS_GRANTS, VERB_LIST, resources_list, &namespace_view },
    { "GET", "/api/v1/namespaces/{name}", ACCESS_GRANTS, VERB_GET, resources_get, &namespace_view },
    { "GET", "/api/v1/events", ACCESS_GRANTS, VERB_LIST, resources_list, &event_view },
    { "GET", "/api/v1/namespaces/{namespace}/events", ACCESS_GRANTS, VERB_LIST, resources_list, &event_view },
    { "GET", "/api/v1/namespaces/{namespace}/events/{name}", ACCESS_GRANTS, VERB_GET, resources_get, &event_view },

    { "GET", "/api/v1/instances", ACCESS_GRANTS, VERB_LIST, platform_instance_list, .of = &kinds[KIND_INSTANCE] },
    { "POST", "/api/v1/instances", ACCESS_GRANTS, VERB_CREATE, platform_instance_create, .of = &kinds[KIND_INSTANCE] },
    { "GET", "/api/v1/instances/{id}", ACCESS_GRANTS, VERB_GET, platform_instance_get, .of = &kinds[KIND_INSTANCE] },
    { "PUT", "/api/v1/instances/{id}", ACCESS_GRANTS, VERB_UPDATE, platform_instance_put, .of = &kinds[KIND_INSTANCE] },
    { "DELETE", "/api/v1/instances/{id}", ACCESS_GRANTS, VERB_DELETE, platform_instance_delete,
      .of = &kinds[KIND_INSTANCE] },
    { "GET", "/api/v1/instances/{id}/status", ACCESS_GRANTS, VERB_GET, platform_instance_status,
      .of = &kinds[KIND_INSTANCE] },
    { "GET", "/api/v1/instances/{id}/logs", ACCESS_GRANTS, VERB_LOG, platform_instance_logs,
      .of = &kinds[KIND_INSTANCE] },
    { "GET", "/api/v1/instances/{id}/backups", ACCESS_GRANTS, VERB_GET, platform_instance_backups,
      .of = &kinds[KIND_INSTANCE] },
    { "POST", "/api/v1/instances/{id}/actions", ACCESS_GRANTS, VERB_ACT, platform_instance_act,
      .of = &kinds[KIND_INSTANCE] },
    { "GET", "/api/v1/tenants", ACCESS_GRANTS, VERB_LIST, platform_tenant_list, .of = &kinds[KIND_TENANT] },
    { "POST", "/api/v1/tenants", ACCESS_GRANTS, VERB_CREATE, platform_tenant_create, .of = &kinds[KIND_TENANT] },
    { "GET", "/api/v1/tenants/{id}", ACCESS_GRANTS, VERB_GET, platform_tenant_get, .of = &kinds[KIND_TENANT] },
    { "PUT", "/api/v1/tenants/{id}", ACCESS_GRANTS, VERB_UPDATE, platform_tenant_put, .of = &kinds[KIND_TENANT] },
    { "DELETE", "/api/v1/tenants/{id}", ACCESS_GRANTS, VERB_DELETE, platform_tenant_delete, .of = &kinds[KIND_TENANT] },
    { "GET", "/api/v1/tenants/customer/{customer_id}/stats", ACCESS_GRANTS, VERB_GET, platform_customer_stats,
      .of = &kinds[KIND_TENANT] },

    { "GET", NAMESPACED "/{plural}/{name}/log", ACCESS_GRANTS, VERB_LOG, logs_show },
    { "GET", NAMESPACED "/{plural}/{name}/objects/{object}", ACCESS_GRANTS, VERB_SECRETS, point_download,
      .act = "download" },
    { "GET", NAMESPACED "/{plural}/{name}/secrets", ACCESS_GRANTS, VERB_SECRETS, secrets_show },
    { "POST", NAMESPACED "/{plural}/{name}/plan", ACCESS_GRANTS, VERB_PLAN, plan_show },
    { "GET", NAMESPACED "/{plural}/{name}/status", ACCESS_GRANTS, VERB_GET, resources_get },
    { "PUT", NAMESPACED "/{plural}/{name}/status", ACCESS_GRANTS, VERB_UPDATE, records_refuse_status },
    { "PATCH", NAMESPACED "/{plural}/{name}/status", ACCESS_GRANTS, VERB_PATCH, records_refuse_status },
    { "GET", NAMESPACED "/{plural}", ACCESS_GRANTS, VERB_LIST, resources_list },
    { "POST", NAMESPACED "/{plural}", ACCESS_GRANTS, VERB_CREATE, records_create },
    { "GET", NAMESPACED "/{plural}/{name}", ACCESS_GRANTS, VERB_GET, resources_get },
    { "PUT", NAMESPACED "/{plural}/{name}", ACCESS_GRANTS, VERB_UPDATE, records_replace },
    { "PATCH", NAMESPACED "/{plural}/{name}", ACCESS_GRANTS, VERB_PATCH, records_patch },
    { "DELETE", NAMESPACED "/{plural}/{name}", ACCESS_GRANTS, VERB_DELETE, records_delete },

    { "GET", RECORDS "/{plural}/{name}/secrets", ACCESS_GRANTS, VERB_SECRETS, source_secrets_list },
    { "PUT", RECORDS "/{plural}/{name}/secrets/{key}", ACCESS_GRANTS, VERB_SECRETS, source_secret_put,
      .act = "set-secret" },
    { "DELETE", RECORDS "/{plural}/{name}/secrets/{key}", ACCESS_GRANTS, VERB_SECRETS, source_secret_drop,
      .act = "drop-secret" },
    { "POST", RECORDS "/{plural}/{name}/sync", ACCESS_GRANTS, VERB_ACT, source_sync, .act = "sync" },
    { "POST", "/hooks/sources/{name}", ACCESS_SIGNED, VERB_NONE, source_hook, .body_max = HOOK_BODY_MAX },

    { "POST", RECORDS "/{plural}/{name}/plan", ACCESS_GRANTS, VERB_PLAN, plan_show },
    { "GET", RECORDS "/{plural}/{name}/status", ACCESS_GRANTS, VERB_GET, resources_get },
    { "PUT", RECORDS "/{plural}/{name}/status", ACCESS_GRANTS, VERB_UPDATE, records_refuse_status },
    { "PATCH", RECORDS "/{plural}/{name}/status", ACCESS_GRANTS, VERB_PATCH, records_refuse_status },
    { "GET", RECORDS "/{plural}", ACCESS_GRANTS, VERB_LIST, resources_list },
    { "POST", RECORDS "/{plural}", ACCESS_GRANTS, VERB_CREATE, records_create },
    { "GET", RECORDS "/{plural}/{name}", ACCESS_GRANTS, VERB_GET, resources_get },
    { "PUT", RECORDS "/{plural}/{name}", ACCESS_GRANTS, VERB_UPDATE, records_replace },
    { "PATCH", RECORDS "/{plural}/{name}", ACCESS_GRANTS, VERB_PATCH, records_patch },
    { "DELETE", RECORDS "/{plural}/{name}", ACCESS_GRANTS, VERB_DELETE, records_delete },
    { 0 },
};

/* ---- finding ---- */

/* Moves *at behind the next segment of a pattern. False: there is none left. */
static bool next_segment(const char **at, const char **ret_start, size_t *ret_len)
{
    if (**at != '/')
        return false;
    *ret_start = *at + 1;
    *ret_len = strcspn(*ret_start, "/");
    *at = *ret_start + *ret_len;
    return true;
}

static bool pattern_matches(const char *pattern, const struct strv *segments)
{
    const char *start;
    size_t len;
    for (size_t i = 0; i < segments->count; i++) {
        const char *segment = segments->items[i];
        if (!next_segment(&pattern, &start, &len))
            return false;
        if (start[0] == '{') {
            if (segment[0] == '\0')
                return false;
        } else if (strncmp(segment, start, len) != 0 || segment[len] != '\0') {
            return false;
        }
    }
    return *pattern == '\0';
}

const char *request_param(const struct request *request, const char *name)
{
    const char *at = request->route->pattern;
    const char *start;
    size_t len;
    for (size_t i = 0; next_segment(&at, &start, &len); i++)
        if (start[0] == '{' && strncmp(start + 1, name, len - 2) == 0 && name[len - 2] == '\0')
            return request->uri.segments.items[i];
    return NULL;
}

static bool no_such_path(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "the server could not find the requested resource");
}

static bool find_view(struct request *request)
{
    const char *plural = request_param(request, "plural");
    const struct kind *kind = plural ? kind_by_plural(plural) : NULL;
    if (!request->route->view && !kind)
        return false;
    request->view = kind ? view_of_kind(kind) : *request->route->view;
    request->namespace = request_param(request, "namespace");
    request->name = request_param(request, "name");
    request_set_about(request, &request->view, request->name);
    return true;
}

/* Lists of a namespaced kind exist with and without a namespace, all else only where it belongs. */
static bool has_right_scope(const struct request *request)
{
    if (request->namespace && !request->view.is_namespaced)
        return false;
    return request->namespace || !request->view.is_namespaced || request->route->verb == VERB_LIST;
}

static const char *method_of(const struct request *request)
{
    /* A HEAD is a GET whose body libmicrohttpd leaves out. */
    return str_equal(request->method, "HEAD") ? "GET" : request->method;
}

bool routes_find(struct request *request, struct err *err)
{
    bool has_path = false;
    for (const struct route *route = routes; route->method; route++) {
        if (!pattern_matches(route->pattern, &request->uri.segments))
            continue;
        has_path = true;
        if (!str_equal(route->method, method_of(request)))
            continue;
        request->route = route;
        if (route->access != ACCESS_GRANTS || route->about || route->of ||
            (find_view(request) && has_right_scope(request)))
            return true;
        request->route = NULL;
        return no_such_path(err);
    }
    if (!has_path)
        return no_such_path(err);
    return err_set(err, ERR_METHOD, "the server does not allow this method on the requested resource");
}

/* There to say why it is refused. */
static bool is_refusal(const struct route *route)
{
    return route->handler == records_refuse_status;
}

char *routes_methods(const struct uri *uri)
{
    CLEANUP(strv_release) struct strv methods = STRV_INIT;
    for (const struct route *route = routes; route->method; route++)
        if (pattern_matches(route->pattern, &uri->segments) && !is_refusal(route) && !strv_has(&methods, route->method))
            strv_add(&methods, route->method);
    return strv_join(&methods, ", ");
}

bool route_is_public(const struct route *route)
{
    return route && route->access <= ACCESS_SIGNED;
}

bool route_is_health(const struct route *route)
{
    return route && route->access == ACCESS_HEALTH;
}

/* ---- running ---- */

/* A list and a watch have one path. */
static bool settle_verb(const struct request *request, enum verb *ret_verb, struct err *err)
{
    bool watches;
    *ret_verb = request->route->verb;
    if (*ret_verb != VERB_LIST)
        return true;
    if (!uri_query_flag(&request->uri, "watch", &watches, err))
        return false;
    if (watches)
        *ret_verb = VERB_WATCH;
    return true;
}

/* Whose the record is, is known only when it was found: its handler asks then. */
static bool asks_again(const struct route *route)
{
    return strstr(route->pattern, "id}") || (route->verb == VERB_CREATE && route->of->namespaced);
}

static bool check_grants(struct request *request, struct err *err)
{
    enum verb verb;
    int subject = request->route->about;
    const char *tenant = NULL;
    if (!settle_verb(request, &verb, err))
        return false;
    request->origin.verb = verb_name(verb);
    if (request->route->of) {
        if (asks_again(request->route))
            return true;
        request->view = view_of_kind(request->route->of);
        subject = (int)request->route->of->id;
    } else if (!subject) {
        subject = auth_subject_of(&request->view);
        tenant = auth_tenant_of(request);
    }
    switch (auth_may(&request->identity, verb, subject, tenant)) {
    case AUTH_ALLOWED:
        return true;
    case AUTH_FORBIDDEN:
        return raise_forbidden_verb(request, verb, err);
    case AUTH_HIDDEN:
        break;
    }
    if (verb == VERB_LIST || verb == VERB_WATCH)
        return true; /* empty, as for a namespace that does not exist: auth_may_see() lets nothing through */
    if (verb == VERB_CREATE)
        return request->namespace ? raise_namespace_missing(request, err) : raise_forbidden_verb(request, verb, err);
    return raise_missing(request, err);
}

bool routes_run(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    const struct route *route = request->route;
    request->origin = (struct store_origin){ request->identity.user, request->address, NULL };
    if (route->access == ACCESS_GRANTS && !check_grants(request, err))
        return false;
    if (route->act)
        request->origin.verb = route->act;
    if (route_is_health(route))
        return route->handler(worker, request, answer, err);
    store_set_origin(worker->store, &request->origin);
    bool good = route->handler(worker, request, answer, err);
    store_set_origin(worker->store, NULL);
    if (good && request->warning)
        answer_warn(answer, request->warning);
    return good;
}
