/*
 * Accounts of people, their sessions, long-lived tokens, and how often somebody tried to log in. What opens the API is
 * stored as SHA-256 alone, passwords as hashes (base/password.h). The database decides at each request, so what ends
 * here ends at once, on every replica. Each write but an attempt's is audited (store/audit.h). Blocking, as store.h says.
 */
#pragma once

#include "store/identity.h"
#include "store/store.h"

struct account {
    char *id;    /* a uid, made when it is stored */
    char *email; /* in lower case; unique */
    char *name;  /* shown to people; may be NULL */
    char *password_hash;
    int role; /* enum role */
    struct strv tenants;
    bool disabled;
    int64_t created_ms, last_login_ms; /* 0: never */
};
void account_release(struct account *account);
struct accounts {
    struct account *items;
    size_t count;
};
void accounts_release(struct accounts *accounts);

/* Fills id and creation time. ERR_EXISTS: the address is taken. */
bool store_account_create(struct store *store, struct account *account, struct err *err) MUST_USE;
/* By id or e-mail address, in any case. ERR_NOT_FOUND. */
bool store_account_find(struct store *store, const char *id_or_email, struct account *ret, struct err *err) MUST_USE;
bool store_account_list(struct store *store, struct accounts *ret, struct err *err) MUST_USE; /* by address */
/*
 * Changes name, password hash, role, tenants and disabled of an account as it is stored by then, under its lock, so that
 * nobody's change is undone by another's. May run again (deadlock); false refuses with err.
 */
typedef bool account_edit_fn(struct account *account, void *context, struct err *err);
struct account_change {
    const char *id;
    account_edit_fn *edit;
    void *context;
};
/*
 * A new password, a disabled account or another role or tenant ends its sessions. `ret` is what is stored then, and is
 * left alone on failure.
 */
bool store_account_update(struct store *store, const struct account_change *change, struct account *ret,
                          struct err *err) MUST_USE;
bool store_account_drop(struct store *store, const struct account *account, struct err *err) MUST_USE;

/* ---- sessions ---- */

bool store_session_begin(struct store *store, const struct account *account, const char *token, int64_t lifetime_ms,
                         struct err *err) MUST_USE;
/* Nothing happens when the token is no session's. */
bool store_session_end(struct store *store, const char *token, struct err *err) MUST_USE;

/* ---- tokens ---- */

struct token {
    struct identity identity;                /* the user is its name */
    int64_t created_ms, expires_ms, used_ms; /* 0: never */
};
struct tokens {
    struct token *items;
    size_t count;
};
void tokens_release(struct tokens *tokens);
/*
 * Stores the token's SHA-256; a token of that user is replaced. ERR_EXISTS when another user has the same token.
 * store_token_put() is for one that does not expire.
 */
bool store_token_put(struct store *store, const struct identity *identity, const char *token, struct err *err) MUST_USE;
/* ERR_EXISTS when there is one of that name. `expires_ms` 0: never. */
bool store_token_create(struct store *store, const struct identity *identity, const char *token, int64_t expires_ms,
                        struct err *err) MUST_USE;
bool store_token_list(struct store *store, struct tokens *ret, struct err *err) MUST_USE;
bool store_token_drop(struct store *store, const char *name, struct err *err) MUST_USE; /* ERR_NOT_FOUND */
/* Of a token or a session that has not expired, of an account that is not disabled; else ERR_UNAUTHORIZED. */
bool store_token_find(struct store *store, const char *token, struct identity *ret, struct err *err) MUST_USE;

/* ---- attempts to log in ---- */

/* Counts one more for `key` and tells how many there are within a window that began with the first. */
bool store_attempt_count(struct store *store, const char *key, int64_t window_ms, int64_t *ret_count,
                         struct err *err) MUST_USE;
bool store_attempt_clear(struct store *store, const char *key, struct err *err) MUST_USE;

/* ---- requests that may be sent twice ---- */

/* An answer that was given to an Idempotency-Key. */
struct kept_answer {
    char *digest;   /* of the request it was given to */
    int64_t status; /* 0: it is still being made */
    char *body;
};
void kept_answer_release(struct kept_answer *kept);
/*
 * Begins a request under a key, or tells what was kept: `ret_begun` says which. What was begun and not finished within
 * `pending_ms`, and what is older than `keep_ms`, counts no more.
 */
struct idempotency {
    const char *user, *key, *digest;
    int64_t pending_ms, keep_ms;
};
bool store_idempotency_begin(struct store *store, const struct idempotency *wish, bool *ret_begun,
                             struct kept_answer *ret, struct err *err) MUST_USE;
bool store_idempotency_keep(struct store *store, const struct idempotency *wish, int64_t status, const char *body,
                            struct err *err) MUST_USE;
bool store_idempotency_forget(struct store *store, const struct idempotency *wish, struct err *err) MUST_USE;
