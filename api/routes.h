/* All routes, in one table: method, path, who may, who answers. */
#pragma once

#include "api/request.h"

enum access {
    ACCESS_ANYBODY, /* without a token: health alone */
    ACCESS_TOKEN,   /* anybody with one */
    ACCESS_ADMIN,
    ACCESS_GRANTS, /* what api/auth.c grants for `verb` on the view and tenant that the path names */
};

struct route {
    const char *method;
    const char *pattern; /* "/apis/tenantd/v1/namespaces/{namespace}/{plural}" */
    enum access access;
    enum verb verb;
    handler_fn *handler;
    const struct view *view; /* NULL: of the kind that {plural} names, if it has that */
};
extern const struct route routes[]; /* ends with a NULL method */

/*
 * Finds request->route and fills view, namespace and name from the path. False: ERR_NOT_FOUND, or ERR_METHOD where
 * the path has other methods. Pure.
 */
bool routes_find(struct request *request, struct err *err) MUST_USE;
char *routes_methods(const struct uri *uri); /* "GET, POST": what its path offers, for an Allow header; owned */
/* Whether anybody may call what was found, without a token. */
bool route_is_public(const struct route *route);
/* Checks what the identity may, then runs the handler. On a worker. */
bool routes_run(struct worker *worker, struct request *request, struct answer *answer, struct err *err) MUST_USE;
