/* Tokens: who presents one, and as what. Only their digests are stored. */
#include "store/store_internal.h"

static const char *const role_names[] = { [ROLE_NONE] = NULL, [ROLE_MEMBER] = "member", [ROLE_ADMIN] = "admin" };

static bool role_from_text(const char *text, enum role *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
        if (role_names[i] && str_equal(role_names[i], text)) {
            *ret = (enum role)i;
            return true;
        }
    return false;
}

bool store_token_put(struct store *store, const struct identity *identity, const char *token, struct err *err)
{
    CLEANUP(freep) char *digest = sha256_hex(token, strlen(token));
    if (!*identity->user || !*token)
        return err_set(err, ERR_INVALID, "a token needs a user and may not be empty");
    if (identity->role != ROLE_ADMIN && (identity->role != ROLE_MEMBER || !*identity->namespace))
        return err_set(err, ERR_INVALID, "user %s: a role is needed, and a tenant for a member", identity->user);
    struct params params = PARAMS(TEXT(identity->user), TEXT(digest), TEXT(role_names[identity->role]),
                                  TEXT(identity->namespace), NUMBER(clock_wall_ms()));
    return store_run(store, TOKEN_PUT, params, NULL, err);
}

bool store_token_find(struct store *store, const char *token, struct identity *ret, struct err *err)
{
    CLEANUP(freep) char *digest = sha256_hex(token, strlen(token));
    CLEANUP(pg_clearp) PGresult *result = NULL;
    struct identity identity = { 0 };
    if (!store_run(store, TOKEN_FIND, PARAMS(TEXT(digest)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    const char *user = pg_text(result, 0, "user_name");
    const char *namespace = pg_text(result, 0, "namespace");
    if (strlen(user) >= sizeof(identity.user) || strlen(namespace) >= sizeof(identity.namespace) ||
        !role_from_text(pg_text(result, 0, "role"), &identity.role))
        return err_set(err, ERR_INTERNAL, "the stored token's user, tenant or role is none");
    memcpy(identity.user, user, strlen(user) + 1);
    memcpy(identity.namespace, namespace, strlen(namespace) + 1);
    *ret = identity;
    return true;
}
