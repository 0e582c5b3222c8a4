/* Who asks: roles, verbs and the tenants that somebody belongs to. Plain data. Pure. */
#pragma once

#include "specs/record.h"

enum role { ROLE_NONE, ROLE_MEMBER, ROLE_ADMIN };

/* What may be done with a record; api/auth.c says who may. */
enum verb {
    VERB_NONE = 0, /* not about records */
    VERB_GET = 1,
    VERB_LIST = 2,
    VERB_WATCH = 4,
    VERB_CREATE = 8,
    VERB_UPDATE = 16,
    VERB_PATCH = 32,
    VERB_DELETE = 64,
    VERB_PLAN = 128,
    VERB_LOG = 256,
    VERB_SECRETS = 512,
    VERB_ACT = 1024,     /* the platform API's actions */
    VERB_SUSPEND = 2048, /* suspend and unsuspend an instance */
};
#define VERB_LAST VERB_SUSPEND

#define IDENTITY_USER_MAX    254 /* an e-mail address */
#define IDENTITY_TENANTS_MAX 16
#define ACCOUNT_ID_MAX       36

/* A copy, nothing to free. */
struct identity {
    char user[IDENTITY_USER_MAX + 1]; /* a token's name, an account's e-mail address */
    enum role role;
    char tenants[IDENTITY_TENANTS_MAX][TENANT_NAME_MAX + 1]; /* a member's; ends with an empty one */
    unsigned verbs;                                          /* of these alone; 0: all that the role may */
    char account[ACCOUNT_ID_MAX + 1];                        /* of a session; "": a token's */
};

const char *role_name(enum role role);                                         /* "member", "admin"; NULL: none */
bool role_from_name(const char *name, enum role *ret);                         /* false: there is no such role */
const char *verb_name(enum verb verb);                                         /* "list" */
bool verb_from_name(const char *name, enum verb *ret);                         /* false: there is no such verb */
bool identity_same_rights(const struct identity *a, const struct identity *b); /* role, tenants, verbs */
bool identity_has_tenant(const struct identity *identity, const char *tenant);
char *identity_tenants(const struct identity *identity); /* "acme,beta"; owned */
/* From "acme,beta". False: too many, or a name too long. */
bool identity_set_tenants(struct identity *identity, const char *list);
char *verbs_text(unsigned verbs);           /* "get,list"; "" for 0; owned */
unsigned verbs_from_text(const char *text); /* what is no verb counts as none */
