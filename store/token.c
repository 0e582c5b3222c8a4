/* What opens the API: long-lived tokens and sessions' ones. Only their digests are stored. */
#include "store/store_internal.h"

#define TOUCH_MS MINUTE_MS /* how exactly the last use is known */

void tokens_release(struct tokens *tokens)
{
    free(tokens->items);
    *tokens = (struct tokens){ 0 };
}

static bool check_identity(const struct identity *identity, const char *token, struct err *err)
{
    if (!*identity->user || !*token)
        return err_set(err, ERR_INVALID, "a token needs a user and may not be empty");
    if (identity->role != ROLE_ADMIN && (identity->role != ROLE_MEMBER || !*identity->tenants[0]))
        return err_set(err, ERR_INVALID, "user %s: a role is needed, and a tenant for a member", identity->user);
    return true;
}

struct creation {
    const struct identity *identity;
    const char *token;
    int64_t expires_ms;
    enum statement_id statement;
};

static bool create_in_transaction(struct store *store, void *context, struct err *err)
{
    const struct creation *creation = context;
    const struct identity *identity = creation->identity;
    CLEANUP(freep) char *digest = sha256_hex(creation->token, strlen(creation->token));
    CLEANUP(freep) char *tenants = identity_tenants(identity);
    CLEANUP(freep) char *verbs = verbs_text(identity->verbs);
    const struct audit_subject subject = { .kind = "Token", .name = identity->user };
    store->keep = true;
    return store_run(store, creation->statement,
                     PARAMS(TEXT(identity->user), TEXT(digest), TEXT(role_name(identity->role)), TEXT(tenants),
                            TEXT(verbs), NUMBER(clock_wall_ms()), NUMBER(creation->expires_ms)),
                     NULL, err) &&
           audit_add(store, &subject, err);
}

bool store_token_put(struct store *store, const struct identity *identity, const char *token, struct err *err)
{
    struct creation creation = { identity, token, 0, TOKEN_PUT };
    return check_identity(identity, token, err) && store_transact(store, create_in_transaction, &creation, err);
}

bool store_token_create(struct store *store, const struct identity *identity, const char *token, int64_t expires_ms,
                        struct err *err)
{
    struct creation creation = { identity, token, expires_ms, TOKEN_INSERT };
    if (!check_identity(identity, token, err))
        return false;
    if (store_transact(store, create_in_transaction, &creation, err))
        return true;
    return err && err->code == ERR_EXISTS ? err_set(err, ERR_EXISTS, "there is a token %s already", identity->user)
                                          : false;
}

/* ---- reading ---- */

static bool identity_from_row(const PGresult *result, int row, struct identity *ret, struct err *err)
{
    struct identity identity = { 0 };
    const char *user = pg_text(result, row, "user_name");
    const char *account = pg_text(result, row, "account");
    if (strlen(user) >= sizeof(identity.user) || strlen(account) >= sizeof(identity.account) ||
        !identity_set_tenants(&identity, pg_text(result, row, "tenants")) ||
        !role_from_name(pg_text(result, row, "role"), &identity.role))
        return err_set(err, ERR_INTERNAL, "the stored token's user, tenant or role is none");
    memcpy(identity.user, user, strlen(user) + 1);
    memcpy(identity.account, account, strlen(account) + 1);
    identity.verbs = verbs_from_text(pg_text(result, row, "verbs"));
    *ret = identity;
    return true;
}

bool store_token_list(struct store *store, struct tokens *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, TOKEN_LIST, NO_PARAMS, &result, err))
        return false;
    tokens_release(ret);
    for (int row = 0; row < PQntuples(result); row++) {
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(*ret->items));
        struct token *token = &ret->items[ret->count++];
        *token = (struct token){
            .created_ms = pg_int(result, row, "created_ms"),
            .expires_ms = pg_int(result, row, "expires_ms"),
            .used_ms = pg_int(result, row, "used_ms"),
        };
        if (!identity_from_row(result, row, &token->identity, err))
            return false;
    }
    return true;
}

static bool drop_in_transaction(struct store *store, void *context, struct err *err)
{
    const char *name = context;
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const struct audit_subject subject = { .kind = "Token", .name = name };
    store->keep = true;
    if (!store_run(store, TOKEN_DROP, PARAMS(TEXT(name)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no token %s", name);
    return audit_add(store, &subject, err);
}

bool store_token_drop(struct store *store, const char *name, struct err *err)
{
    return store_transact(store, drop_in_transaction, (void *)(uintptr_t)name, err);
}

bool store_token_find(struct store *store, const char *token, struct identity *ret, struct err *err)
{
    CLEANUP(freep) char *digest = sha256_hex(token, strlen(token));
    CLEANUP(pg_clearp) PGresult *result = NULL;
    struct identity identity;
    int64_t now_ms = clock_wall_ms();
    if (!store_run(store, TOKEN_FIND, PARAMS(TEXT(digest), NUMBER(now_ms)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    if (!identity_from_row(result, 0, &identity, err))
        return false;
    if (identity.account[0] == '\0' && pg_int(result, 0, "used_ms") < now_ms - TOUCH_MS &&
        !store_run(store, TOKEN_TOUCH, PARAMS(TEXT(digest), NUMBER(now_ms)), NULL, err))
        return false;
    *ret = identity;
    return true;
}

/* ---- attempts to log in ---- */

bool store_attempt_count(struct store *store, const char *key, int64_t window_ms, int64_t *ret_count, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    int64_t now_ms = clock_wall_ms();
    if (!store_run(store, ATTEMPT_COUNT, PARAMS(TEXT(key), NUMBER(now_ms), NUMBER(now_ms - window_ms)), &result, err))
        return false;
    *ret_count = pg_int(result, 0, "count");
    return true;
}

bool store_attempt_clear(struct store *store, const char *key, struct err *err)
{
    return store_run(store, ATTEMPT_CLEAR, PARAMS(TEXT(key)), NULL, err);
}

/* ---- requests that may be sent twice ---- */

void kept_answer_release(struct kept_answer *kept)
{
    free(kept->digest);
    free(kept->body);
    *kept = (struct kept_answer){ 0 };
}

bool store_idempotency_begin(struct store *store, const struct idempotency *wish, bool *ret_begun,
                             struct kept_answer *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *begun = NULL;
    CLEANUP(pg_clearp) PGresult *kept = NULL;
    int64_t now_ms = clock_wall_ms();
    if (!store_run(store, IDEMPOTENCY_PRUNE, PARAMS(NUMBER(now_ms - wish->keep_ms), NUMBER(now_ms - wish->pending_ms)),
                   NULL, err) ||
        !store_run(store, IDEMPOTENCY_BEGIN,
                   PARAMS(TEXT(wish->user), TEXT(wish->key), TEXT(wish->digest), NUMBER(now_ms)), &begun, err) ||
        !store_run(store, IDEMPOTENCY_FIND, PARAMS(TEXT(wish->user), TEXT(wish->key)), &kept, err))
        return false;
    if (PQntuples(kept) == 0)
        return err_set(err, ERR_CONFLICT, "another request with this Idempotency-Key has just failed; send it again");
    *ret_begun = PQntuples(begun) > 0;
    kept_answer_release(ret);
    *ret = (struct kept_answer){
        .digest = mem_strdup(pg_text(kept, 0, "digest")),
        .status = pg_int(kept, 0, "status"),
        .body = mem_strdup(pg_text(kept, 0, "body")),
    };
    return true;
}

bool store_idempotency_keep(struct store *store, const struct idempotency *wish, int64_t status, const char *body,
                            struct err *err)
{
    return store_run(store, IDEMPOTENCY_KEEP, PARAMS(TEXT(wish->user), TEXT(wish->key), NUMBER(status), TEXT(body)),
                     NULL, err);
}

bool store_idempotency_forget(struct store *store, const struct idempotency *wish, struct err *err)
{
    return store_run(store, IDEMPOTENCY_FORGET, PARAMS(TEXT(wish->user), TEXT(wish->key)), NULL, err);
}
