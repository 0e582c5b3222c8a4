/* All routes, in one table: method, path, who may, who answers. */
#pragma once

#include "api/request.h"

enum access {
    ACCESS_HEALTH,  /* without a token, and also while there are no records to be had */
    ACCESS_ANYBODY, /* without a token: logging in */
    ACCESS_SIGNED,  /* without a token, with a signature of the body, which the handler checks */
    ACCESS_TOKEN,   /* anybody with one */
    /*
     * What api/auth.c grants for `verb` on the view (or `about`) and the tenant that the path names. Where the path has
     * an id and no tenant, the handler asks again as soon as it knows whose that is.
     */
    ACCESS_GRANTS,
};

struct route {
    const char *method;
    const char *pattern; /* "/apis/tenantd/v1/namespaces/{namespace}/{plural}" */
    enum access access;
    enum verb verb;
    handler_fn *handler;
    const struct view *view; /* NULL: of the kind that {plural} names, if it has that */
    int about;               /* enum auth_subject where it is about no records; 0: it is */
    const struct kind *of;   /* of the platform API's routes: the records behind it */
    const char *act;         /* what the audit calls it; NULL: the verb's name */
    size_t body_max;         /* 0: the configured limit */
};
extern const struct route routes[]; /* ends with a NULL method */

/*
 * Finds request->route and fills view, namespace and name from the path. False: ERR_NOT_FOUND, or ERR_METHOD where
 * the path has other methods. Pure.
 */
bool routes_find(struct request *request, struct err *err) MUST_USE;
char *routes_methods(const struct uri *uri); /* "GET, POST": what its path offers, for an Allow header; owned */
/* Whether the route, of those with {plural}, is there for records of this kind. Pure. */
bool route_serves(const struct route *route, const struct kind *kind);
/* Whether the route may answer with this status: /openapi/v3 and /openapi.json are printed from it. Pure. */
bool route_documents(const struct route *route, int status);
/* Whether anybody may call what was found, without a token. */
bool route_is_public(const struct route *route);
/* Health: answered by threads of its own, without a store. */
bool route_is_health(const struct route *route);
/* Checks what the identity may, then runs the handler. On a worker. */
bool routes_run(struct worker *worker, struct request *request, struct answer *answer, struct err *err) MUST_USE;
