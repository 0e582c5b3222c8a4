/* Accounts, as an administrator keeps them. */
#include <ctype.h>

#include "api/accounts.h"
#include "api/handlers.h"
#include "base/password.h"
#include "specs/check.h"

char *text_lower(const char *text)
{
    char *lower = mem_strdup(text);
    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return lower;
}

const char *const role_words[] = { "member", "admin", NULL };

enum role role_of_word(int word)
{
    enum role role = ROLE_NONE;
    return role_from_name(role_words[word], &role) ? role : ROLE_NONE;
}

#define COMMON_FIELDS                                                                                                  \
    { "name",                                                                                                          \
      FIELD_TEXT,                                                                                                      \
      offsetof(struct account_wish, name),                                                                             \
      .max = 200,                                                                                                      \
      .example = "Jo Smith",                                                                                           \
      .doc = "Name shown to people." },                                                                                \
        { "role",                                                                                                      \
          FIELD_ENUM,                                                                                                  \
          offsetof(struct account_wish, role),                                                                         \
          .fallback = "member",                                                                                        \
          .choices = role_words,                                                                                       \
          .doc = "member: of its tenants; admin: everything." },                                                       \
        { "tenants",                                                                                                   \
          FIELD_TEXTS,                                                                                                 \
          offsetof(struct account_wish, tenants),                                                                      \
          .fallback = "[]",                                                                                            \
          .max = IDENTITY_TENANTS_MAX,                                                                                 \
          .example = "[acme]",                                                                                         \
          .doc = "Names of the tenants that a member belongs to." },                                                   \
    {                                                                                                                  \
        "disabled", FIELD_BOOL, offsetof(struct account_wish, disabled),                                               \
            .fallback = "false", .doc = "Whether nobody may log in; its sessions end at once."                         \
    }

const struct field account_fields[] = {
    { "email", FIELD_TEXT, offsetof(struct account_wish, email), FIELD_REQUIRED, .max = IDENTITY_USER_MAX,
      .check = check_email, .example = "jo@acme.example", .doc = "E-mail address; one logs in with it." },
    { "password", FIELD_TEXT, offsetof(struct account_wish, password), FIELD_REQUIRED | FIELD_SECRET,
      .max = PASSWORD_MAX, .check = check_password, .doc = "At least 10 characters." },
    COMMON_FIELDS,
    { NULL },
};

const struct field account_change_fields[] = {
    { "password", FIELD_TEXT, offsetof(struct account_wish, password), FIELD_SECRET, .max = PASSWORD_MAX,
      .check = check_password, .doc = "A new password, of at least 10 characters; its sessions end at once." },
    COMMON_FIELDS,
    { NULL },
};

static void wish_release(struct account_wish *wish)
{
    if (wish->password)
        mem_wipe(wish->password, strlen(wish->password));
    fields_release(account_fields, wish);
}

static void complain(struct request *request, const char *fmt, const char *name)
{
    CLEANUP(freep) char *text = mem_printf("%s %s", name, fmt);
    problems_add(&request->problems, PROBLEM_INVALID, "tenants", "%s", text);
}

bool check_tenants(struct worker *worker, struct request *request, enum role role, const struct strv *tenants,
                   struct err *err)
{
    for (size_t i = 0; i < tenants->count; i++) {
        CLEANUP(record_release) struct record tenant = { 0 };
        CLEANUP(err_release) struct err problem = ERR_INIT;
        struct record_key key;
        if (!is_dns_label(tenants->items[i]) || !record_key_set(&key, KIND_TENANT, "", tenants->items[i])) {
            complain(request, "is no tenant's name", tenants->items[i]);
            continue;
        }
        if (store_get(worker->store, &key, &tenant, &problem))
            continue;
        if (problem.code != ERR_NOT_FOUND) {
            err_move(err, &problem);
            return false;
        }
        complain(request, "is no tenant", tenants->items[i]);
    }
    if (role == ROLE_ADMIN && tenants->count > 0)
        problems_add(&request->problems, PROBLEM_INVALID, "tenants", "an admin has all tenants; leave it out");
    return problems_to_err(&request->problems, err);
}

static json_t *account_to_json(const struct account *account)
{
    CLEANUP(freep) char *created = time_to_rfc3339(account->created_ms);
    CLEANUP(freep) char *login = account->last_login_ms ? time_to_rfc3339(account->last_login_ms) : NULL;
    json_t *object = json_object();
    json_put_text(object, "id", account->id);
    json_put(object, "email", json_from_text(account->email));
    json_put(object, "name", account->name ? json_from_text(account->name) : json_null());
    json_put_text(object, "role", role_name((enum role)account->role));
    json_put(object, "tenants", json_from_strv(&account->tenants));
    json_put(object, "disabled", json_boolean(account->disabled));
    json_put_text(object, "created_at", created);
    json_put(object, "last_login_at", login ? json_from_text(login) : json_null());
    return object;
}

/* GET /auth/accounts */
bool accounts_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request;
    CLEANUP(accounts_release) struct accounts accounts = { 0 };
    if (!store_account_list(worker->store, &accounts, err))
        return false;
    json_t *items = json_array();
    for (size_t i = 0; i < accounts.count; i++)
        json_push(items, account_to_json(&accounts.items[i]));
    json_t *object = json_object();
    json_put(object, "items", items);
    answer_json(answer, 200, object);
    return true;
}

/* POST /auth/accounts */
bool accounts_create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(wish_release) struct account_wish wish = { 0 };
    CLEANUP(account_release) struct account account = { 0 };
    if (!request_decode(request, account_fields, &wish, NULL, err) ||
        !check_tenants(worker, request, role_of_word(wish.role), &wish.tenants, err))
        return false;
    account.email = text_lower(wish.email);
    account.name = mem_strdup(wish.name);
    account.password_hash = password_hash(wish.password);
    account.role = (int)role_of_word(wish.role);
    account.disabled = wish.disabled;
    strv_copy(&account.tenants, &wish.tenants);
    if (!store_account_create(worker->store, &account, err))
        return false;
    answer_json(answer, 201, account_to_json(&account));
    return true;
}

/* GET /auth/accounts/{id}: by id or e-mail address, as for the next two. */
bool accounts_get(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(account_release) struct account account = { 0 };
    if (!store_account_find(worker->store, request_param(request, "id"), &account, err))
        return false;
    answer_json(answer, 200, account_to_json(&account));
    return true;
}

/* What a change wishes of the account, whatever it is by then. */
struct wished_change {
    struct worker *worker;
    struct request *request;
    const json_t *body;
    const struct account_wish *wish;
    const char *password_hash; /* NULL: as it is; made beforehand, as it takes its time */
};

static bool edit_as_wished(struct account *account, void *context, struct err *err)
{
    const struct wished_change *change = context;
    const struct account_wish *wish = change->wish;
    if (change->password_hash) {
        free(account->password_hash);
        account->password_hash = mem_strdup(change->password_hash);
    }
    if (json_object_get(change->body, "name")) {
        free(account->name);
        account->name = mem_strdup(wish->name);
    }
    if (json_object_get(change->body, "role"))
        account->role = (int)role_of_word(wish->role);
    if (json_object_get(change->body, "disabled"))
        account->disabled = wish->disabled;
    if (json_object_get(change->body, "tenants"))
        strv_copy(&account->tenants, &wish->tenants);
    return check_tenants(change->worker, change->request, (enum role)account->role, &account->tenants, err);
}

/* PATCH /auth/accounts/{id} */
bool accounts_change(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(wish_release) struct account_wish wish = { 0 };
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(account_release) struct account changed = { 0 };
    CLEANUP(json_decrefp) json_t *body = NULL;
    if (!request_decode(request, account_change_fields, &wish, &body, err) ||
        !store_account_find(worker->store, request_param(request, "id"), &account, err))
        return false;
    CLEANUP(freep) char *hash = wish.password ? password_hash(wish.password) : NULL;
    struct wished_change wished = { worker, request, body, &wish, hash };
    const struct account_change change = { account.id, edit_as_wished, &wished };
    if (!store_account_update(worker->store, &change, &changed, err))
        return false;
    answer_json(answer, 200, account_to_json(&changed));
    return true;
}

/* DELETE /auth/accounts/{id}; its sessions go with it, its tenants stay. */
bool accounts_delete(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(account_release) struct account account = { 0 };
    if (!store_account_find(worker->store, request_param(request, "id"), &account, err) ||
        !store_account_drop(worker->store, &account, err))
        return false;
    answer_json(answer, 200, account_to_json(&account));
    return true;
}
