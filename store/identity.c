/* Names of roles and verbs, and an identity's tenants. */
#include "store/identity.h"

static const char *const role_names[] = { [ROLE_NONE] = NULL, [ROLE_MEMBER] = "member", [ROLE_ADMIN] = "admin" };

static const struct {
    enum verb verb;
    const char *name;
} verb_names[] = {
    { VERB_GET, "get" },       { VERB_LIST, "list" },       { VERB_WATCH, "watch" },   { VERB_CREATE, "create" },
    { VERB_UPDATE, "update" }, { VERB_PATCH, "patch" },     { VERB_DELETE, "delete" }, { VERB_PLAN, "plan" },
    { VERB_LOG, "log" },       { VERB_SECRETS, "secrets" }, { VERB_ACT, "act" },       { VERB_SUSPEND, "suspend" },
};

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_from_name(const char *name, enum role *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
        if (role_names[i] && str_equal(role_names[i], name)) {
            *ret = (enum role)i;
            return true;
        }
    return false;
}

const char *verb_name(enum verb verb)
{
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++)
        if (verb_names[i].verb == verb)
            return verb_names[i].name;
    return "";
}

bool verb_from_name(const char *name, enum verb *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++)
        if (str_equal(verb_names[i].name, name)) {
            *ret = verb_names[i].verb;
            return true;
        }
    return false;
}

bool identity_same_rights(const struct identity *a, const struct identity *b)
{
    if (a->role != b->role || a->verbs != b->verbs)
        return false;
    for (size_t i = 0; i < IDENTITY_TENANTS_MAX; i++) {
        if (!str_equal(a->tenants[i], b->tenants[i]))
            return false;
        if (!a->tenants[i][0])
            break;
    }
    return true;
}

bool identity_has_tenant(const struct identity *identity, const char *tenant)
{
    for (size_t i = 0; tenant && i < IDENTITY_TENANTS_MAX && identity->tenants[i][0]; i++)
        if (str_equal(identity->tenants[i], tenant))
            return true;
    return false;
}

char *identity_tenants(const struct identity *identity)
{
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    for (size_t i = 0; i < IDENTITY_TENANTS_MAX && identity->tenants[i][0]; i++)
        strv_add(&list, identity->tenants[i]);
    return strv_join(&list, ",");
}

bool identity_set_tenants(struct identity *identity, const char *list)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_split(&names, list, ',');
    memset(identity->tenants, 0, sizeof(identity->tenants));
    if (names.count > IDENTITY_TENANTS_MAX)
        return false;
    for (size_t i = 0; i < names.count; i++) {
        size_t len = strlen(names.items[i]);
        if (len > TENANT_NAME_MAX)
            return false;
        memcpy(identity->tenants[i], names.items[i], len + 1);
    }
    return true;
}

char *verbs_text(unsigned verbs)
{
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++)
        if (verbs & verb_names[i].verb)
            strv_add(&list, verb_names[i].name);
    return strv_join(&list, ",");
}

unsigned verbs_from_text(const char *text)
{
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    unsigned verbs = 0;
    strv_split(&list, text, ',');
    for (size_t i = 0; i < list.count; i++) {
        enum verb verb;
        if (verb_from_name(list.items[i], &verb))
            verbs |= verb;
    }
    return verbs;
}
