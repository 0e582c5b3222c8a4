/* Accounts of people and their sessions. */
#include "store/store_internal.h"

void account_release(struct account *account)
{
    free(account->id);
    free(account->email);
    free(account->name);
    if (account->password_hash)
        mem_wipe(account->password_hash, strlen(account->password_hash));
    free(account->password_hash);
    strv_release(&account->tenants);
    *account = (struct account){ 0 };
}

void accounts_release(struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++)
        account_release(&accounts->items[i]);
    free(accounts->items);
    *accounts = (struct accounts){ 0 };
}

static bool account_from_row(const PGresult *result, int row, struct account *ret, struct err *err)
{
    enum role role;
    if (!role_from_name(pg_text(result, row, "role"), &role))
        return err_set(err, ERR_INTERNAL, "the stored role of account %s is none", pg_text(result, row, "id"));
    *ret = (struct account){
        .id = mem_strdup(pg_text(result, row, "id")),
        .email = mem_strdup(pg_text(result, row, "email")),
        .name = mem_strdup(pg_text(result, row, "name")),
        .password_hash = mem_strdup(pg_text(result, row, "password_hash")),
        .role = role,
        .disabled = str_equal(pg_text(result, row, "disabled"), "t"),
        .created_ms = pg_int(result, row, "created_ms"),
        .last_login_ms = pg_int(result, row, "last_login_ms"),
    };
    strv_split(&ret->tenants, pg_text(result, row, "tenants"), ',');
    return true;
}

static bool audit_account(struct store *store, const struct account *account, const char *fields, struct err *err)
{
    const struct audit_subject subject = {
        .kind = "Account", .name = account->email, .uid = account->id, .fields = fields
    };
    store->keep = true;
    return audit_add(store, &subject, err);
}

/* ---- create ---- */

static bool create_in_transaction(struct store *store, void *context, struct err *err)
{
    struct account *account = context;
    CLEANUP(freep) char *tenants = strv_join(&account->tenants, ",");
    return store_run(store, ACCOUNT_INSERT,
                     PARAMS(TEXT(account->id), TEXT(account->email), TEXT(account->name), TEXT(account->password_hash),
                            TEXT(role_name((enum role)account->role)), TEXT(tenants), NUMBER(account->created_ms)),
                     NULL, err) &&
           audit_account(store, account, "", err);
}

bool store_account_create(struct store *store, struct account *account, struct err *err)
{
    free(account->id);
    account->id = random_uuid();
    account->created_ms = clock_wall_ms();
    if (store_transact(store, create_in_transaction, account, err))
        return true;
    return err && err->code == ERR_EXISTS ? err_set(err, ERR_EXISTS, "there is an account %s already", account->email)
                                          : false;
}

/* ---- read ---- */

bool store_account_find(struct store *store, const char *id_or_email, struct account *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, ACCOUNT_FIND, PARAMS(TEXT(id_or_email)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no such account");
    account_release(ret);
    return account_from_row(result, 0, ret, err);
}

bool store_account_list(struct store *store, struct accounts *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, ACCOUNT_LIST, NO_PARAMS, &result, err))
        return false;
    accounts_release(ret);
    for (int row = 0; row < PQntuples(result); row++) {
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(*ret->items));
        if (!account_from_row(result, row, &ret->items[ret->count], err))
            return false;
        ret->count++;
    }
    return true;
}

/* ---- change ---- */

static void note_change(struct strv *fields, const char *name, const char *old, const char *next)
{
    if (!str_equal(old ? old : "", next ? next : ""))
        strv_add(fields, name);
}

/* Which fields differ; sessions end where what they stand for does. */
static char *changed_fields(const struct account *old, const struct account *next, bool *ret_ends)
{
    CLEANUP(strv_release) struct strv fields = STRV_INIT;
    CLEANUP(freep) char *old_tenants = strv_join(&old->tenants, ",");
    CLEANUP(freep) char *next_tenants = strv_join(&next->tenants, ",");
    note_change(&fields, "password", old->password_hash, next->password_hash);
    note_change(&fields, "role", role_name((enum role)old->role), role_name((enum role)next->role));
    note_change(&fields, "tenants", old_tenants, next_tenants);
    if (old->disabled != next->disabled)
        strv_add(&fields, "disabled");
    *ret_ends = fields.count > 0;
    note_change(&fields, "name", old->name, next->name);
    return strv_join(&fields, ", ");
}

struct update {
    const struct account_change *change;
    struct account next;
};

static bool update_in_transaction(struct store *store, void *context, struct err *err)
{
    struct update *update = context;
    struct account *next = &update->next;
    CLEANUP(account_release) struct account old = { 0 };
    CLEANUP(pg_clearp) PGresult *result = NULL;
    bool ends = false;
    if (!store_run(store, ACCOUNT_LOCK, PARAMS(TEXT(update->change->id)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no such account");
    account_release(next); /* of a run before */
    if (!account_from_row(result, 0, &old, err) || !account_from_row(result, 0, next, err) ||
        !update->change->edit(next, update->change->context, err))
        return false;
    CLEANUP(freep) char *tenants = strv_join(&next->tenants, ",");
    CLEANUP(freep) char *fields = changed_fields(&old, next, &ends);
    return store_run(store, ACCOUNT_UPDATE,
                     PARAMS(TEXT(next->id), TEXT(next->name), TEXT(next->password_hash),
                            TEXT(role_name((enum role)next->role)), TEXT(tenants),
                            TEXT(next->disabled ? "true" : "false")),
                     NULL, err) &&
           (!ends || store_run(store, SESSION_DROP_OF, PARAMS(TEXT(next->id)), NULL, err)) &&
           audit_account(store, next, fields, err);
}

bool store_account_update(struct store *store, const struct account_change *change, struct account *ret,
                          struct err *err)
{
    struct update update = { .change = change };
    bool good = store_transact(store, update_in_transaction, &update, err);
    if (good) {
        account_release(ret);
        *ret = update.next;
    } else {
        account_release(&update.next);
    }
    return good;
}

static bool drop_in_transaction(struct store *store, void *context, struct err *err)
{
    const struct account *account = context;
    return store_run(store, ACCOUNT_DROP, PARAMS(TEXT(account->id)), NULL, err) &&
           audit_account(store, account, "", err);
}

bool store_account_drop(struct store *store, const struct account *account, struct err *err)
{
    return store_transact(store, drop_in_transaction, (void *)(uintptr_t)account, err);
}

/* ---- sessions ---- */

struct session {
    const struct account *account;
    const char *token;
    int64_t lifetime_ms;
};

/*
 * The account is read under a lock that a change of it waits for, and the other way round: no session begins of a password
 * that has just been changed.
 */
static bool begin_in_transaction(struct store *store, void *context, struct err *err)
{
    const struct session *session = context;
    CLEANUP(account_release) struct account present = { 0 };
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(freep) char *digest = sha256_hex(session->token, strlen(session->token));
    int64_t now_ms = clock_wall_ms();
    if (!store_run(store, ACCOUNT_LOCK, PARAMS(TEXT(session->account->id)), &result, err))
        return false;
    if (PQntuples(result) > 0 && !account_from_row(result, 0, &present, err))
        return false;
    if (!present.id || present.disabled || !str_equal(present.password_hash, session->account->password_hash))
        return err_set(err, ERR_UNAUTHORIZED, "the account has changed");
    return store_run(store, SESSION_INSERT,
                     PARAMS(TEXT(digest), TEXT(present.id), NUMBER(now_ms), NUMBER(now_ms + session->lifetime_ms)),
                     NULL, err) &&
           store_run(store, ACCOUNT_SEEN, PARAMS(TEXT(present.id), NUMBER(now_ms)), NULL, err) &&
           audit_account(store, &present, "", err);
}

bool store_session_begin(struct store *store, const struct account *account, const char *token, int64_t lifetime_ms,
                         struct err *err)
{
    struct session session = { account, token, lifetime_ms };
    return store_transact(store, begin_in_transaction, &session, err);
}

static bool end_in_transaction(struct store *store, void *context, struct err *err)
{
    const char *token = context;
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(freep) char *digest = sha256_hex(token, strlen(token));
    if (!store_run(store, SESSION_DROP, PARAMS(TEXT(digest)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return true;
    const struct audit_subject subject = { .kind = "Account",
                                           .name = pg_text(result, 0, "email"),
                                           .uid = pg_text(result, 0, "account") };
    store->keep = true;
    return audit_add(store, &subject, err);
}

bool store_session_end(struct store *store, const char *token, struct err *err)
{
    return store_transact(store, end_in_transaction, (void *)(uintptr_t)token, err);
}
