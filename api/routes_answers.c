/* Which status codes a route answers with: /openapi/v3 and /openapi.json tell them, tests/api/answers_test.c makes each. */
#include "api/auth.h"
#include "api/handlers.h"
#include "api/routes.h"

static bool is_about_one(const struct route *route)
{
    return strstr(route->pattern, "{name}") || strstr(route->pattern, "id}");
}

static bool is_of_records(const struct route *route)
{
    return strstr(route->pattern, "{plural}");
}

static bool is_review(const struct route *route)
{
    return strstr(route->pattern, "reviews");
}

static bool is_refusal(const struct route *route)
{
    return route->handler == records_refuse_status;
}

static bool writes(const struct route *route)
{
    return !str_equal(route->method, "GET") && !is_refusal(route);
}

/* What a Source has besides: secrets that are set, and a sync that is asked for. */
static bool is_of_sources(const struct route *route)
{
    return is_of_records(route) && !strstr(route->pattern, "{namespace}") &&
           (route->verb == VERB_SECRETS || route->verb == VERB_ACT);
}

bool route_serves(const struct route *route, const struct kind *kind)
{
    bool in_namespace = strstr(route->pattern, "{namespace}") != NULL;
    if (is_of_sources(route))
        return kind->id == KIND_SOURCE;
    if (route->handler == point_download)
        return kind->id == KIND_BACKUP;
    if (route->verb == VERB_LOG || route->verb == VERB_SECRETS)
        return kind->id == KIND_INSTANCE;
    return in_namespace == kind->namespaced || (!in_namespace && route->verb == VERB_LIST);
}

static bool is_success(const struct route *route, int status)
{
    bool is_delayed = route->verb == VERB_ACT || (route->of && route->verb == VERB_DELETE);
    bool creates = (route->verb == VERB_CREATE && route->about != ABOUT_CATALOG) || is_review(route) ||
                   route->handler == account_register;
    if (is_refusal(route))
        return false;
    if (route->access == ACCESS_SIGNED) /* old news, or a sync that begins */
        return status == 200 || status == 202;
    if (status == 201)
        return creates || (route->verb == VERB_PATCH && is_of_records(route)); /* an apply that creates */
    return status == 202 ? is_delayed : !is_delayed && !creates;
}

/* What it refers to may be missing: the object that the path names, or the tenant of a new one. */
static bool may_miss(const struct route *route)
{
    bool is_placed = strstr(route->pattern, "{namespace}") || (route->of && route->of->namespaced);
    return is_about_one(route) || (route->verb == VERB_CREATE && is_placed);
}

static bool may_collide(const struct route *route)
{
    bool is_dry = route->verb == VERB_PLAN || is_review(route) || route->about == ABOUT_ORPHANS;
    return (writes(route) && !is_dry) || (route->of && route->verb == VERB_LOG); /* which needs a container */
}

static bool has_body(const struct route *route)
{
    bool is_deletion = str_equal(route->method, "DELETE") && (!is_of_records(route) || is_of_sources(route));
    bool is_sync = is_of_sources(route) && route->verb == VERB_ACT;
    return writes(route) && !is_deletion && !is_sync && route->handler != account_logout;
}

/* Of a deletion's options only `Orphan` is refused so, and only where something would be left. */
static bool has_rules(const struct route *route)
{
    bool is_in_tenant = strstr(route->pattern, "{namespace}");
    if (is_review(route) || is_of_sources(route) || route->about == ABOUT_ORPHANS ||
        (route->verb == VERB_DELETE && is_in_tenant))
        return false;
    return has_body(route);
}

bool route_documents(const struct route *route, int status)
{
    switch (status) {
    case 200:
    case 201:
    case 202:
        return is_success(route, status);
    case 400: /* these five are told before it is known what is asked for */
    case 403:
    case 413:
    case 414:
    case 431:
        return true;
    case 401:
        return !route_is_public(route) || route->access == ACCESS_SIGNED || route->handler == account_login;
    case 404:
        return may_miss(route) && route->access != ACCESS_SIGNED;
    case 405:
        return is_refusal(route);
    case 409:
        return may_collide(route);
    case 410:
        return route->verb == VERB_LIST && !route->of && !route->about && route->view != &event_view;
    case 415:
        return has_body(route);
    case 422:
        return has_rules(route);
    case 503:
        return !route_is_health(route) || route->handler == health_ready;
    case 429:
    case 500:
    case 504:
        return !route_is_health(route);
    default:
        return false;
    }
}
