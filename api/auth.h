/* Who asks, and what they may. */
#pragma once

#include "api/request.h"

/*
 * The token of `Authorization: Bearer x`, or of Basic's password where the listener is plain (kubectl sends nothing
 * else there). Owned, NULL when there is none.
 */
char *auth_token(const struct request *request);
/* Fills request->identity. ERR_UNAUTHORIZED without a good token. Blocking. */
bool auth_identify(struct store *store, struct request *request, struct err *err) MUST_USE;

enum auth_answer {
    AUTH_ALLOWED,
    AUTH_HIDDEN,    /* another tenant's: as if it were not there */
    AUTH_FORBIDDEN, /* may know of it, may not do this */
};
/* What else than a kind of records (enum kind_id) may be granted. */
enum auth_subject {
    ABOUT_RECORDS = -1, /* all kinds */
    ABOUT_EVENTS = -2,
    ABOUT_ACCOUNTS = -3,
    ABOUT_TOKENS = -4,
    ABOUT_AUDIT = -5,
    ABOUT_METRICS = -6,
    ABOUT_ORPHANS = -7,
    ABOUT_RECOVERY_KEY = -8,
    ABOUT_CATALOG = -9,
};
enum whose { OWN, ANYBODYS };
/* One table decides: role by verb by kind by whose. */
struct grant {
    enum role role;
    int subject; /* enum kind_id or enum auth_subject */
    unsigned verbs;
    enum whose whose;
};
extern const struct grant grants[]; /* ends with ROLE_NONE */
/*
 * What the table says. `tenant`: whose it is (a namespace, or a Tenant's own name); NULL where all tenants are asked
 * for: then the answer is for the caller's own, and auth_may_see() filters.
 */
enum auth_answer auth_may(const struct identity *identity, enum verb verb, int subject, const char *tenant);
/* Whether this object of `view` is one that the identity may know of; others' are as if they were not there. */
bool auth_may_see(const struct identity *identity, const struct view *view, const json_t *object);
int auth_subject_of(const struct view *view);              /* a view's, for auth_may() */
const char *auth_tenant_of(const struct request *request); /* whose what it names is, for auth_may(); borrowed */
/*
 * `instances.tenantd is forbidden: User "u" cannot list resource "instances" in API group "tenantd" in the namespace
 * "n"`
 */
bool raise_forbidden_verb(struct request *request, enum verb verb, struct err *err);
