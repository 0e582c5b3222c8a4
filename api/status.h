/* Errors as Kubernetes words them: Status objects. Pure. */
#pragma once

#include "api/request.h"

/* `err` as the answer to this request. */
void status_answer(const struct request *request, const struct err *err, struct answer *answer);
/* A new Status object, for the ERROR event of a watch. */
json_t *status_failure(const struct err *err);
/* A new Status object that says that `name` is gone. */
json_t *status_deleted(const struct view *view, const char *name, const char *uid);

/* Raising, with Kubernetes' wording, about what request->about says; each returns false. */
bool raise_missing(const struct request *request, struct err *err);
bool raise_namespace_missing(struct request *request, struct err *err);
/*
 * Words an error of a store's or an admission's as Kubernetes would, where it does not already: `... not found`, `...
 * already exists`, `Operation cannot be fulfilled on ...: <message>`, `... is forbidden: <message>`; other codes stay
 * as they are.
 */
bool raise_from_store(struct request *request, struct err *err);
