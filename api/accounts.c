/* Accounts, as their owners use them: registering, logging in and out, the password, who one is. */
#include "api/accounts.h"

#include <arpa/inet.h>

#include "api/api.h"
#include "api/auth.h"
#include "api/handlers.h"
#include "api/write.h"
#include "base/log.h"
#include "base/password.h"
#include "specs/check.h"
#include "specs/quantity.h"
#include "specs/tenant.h"

#define TOKEN_BYTES  32 /* 256 bits */
#define PASSWORD_MIN 10

void check_password(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (strlen(text) < PASSWORD_MIN)
        problems_add(problems, PROBLEM_INVALID, path, "has fewer than %d characters", PASSWORD_MIN);
}

/* ---- how often one may try ---- */

/* Of an IPv6 address its /64: that is what one customer of a provider has. */
static char *address_key(const char *purpose, const char *address)
{
    struct in6_addr binary;
    if (inet_pton(AF_INET6, address, &binary) != 1)
        return mem_printf("%s:%s", purpose, address);
    CLEANUP(str_release) struct str prefix = STR_INIT;
    str_add_hex(&prefix, &binary, 8);
    return mem_printf("%s:%s", purpose, prefix.text);
}

static bool count_attempt(struct worker *worker, const char *key, int64_t most, struct err *err)
{
    int64_t count = 0;
    if (!store_attempt_count(worker->store, key, worker->shared->options->accounts->login_window_ms, &count, err))
        return false;
    return count <= most || err_set(err, ERR_TOO_MANY, "too many attempts; try again later");
}

/* Counted before anything is looked up, so that the answer is the same whether the account exists or not. */
static bool check_attempts(struct worker *worker, const struct request *request, const char *account, struct err *err)
{
    const struct config_accounts *accounts = worker->shared->options->accounts;
    CLEANUP(freep) char *from = address_key("address", request->address);
    return count_attempt(worker, account, accounts->logins_per_account, err) &&
           count_attempt(worker, from, accounts->logins_per_address, err);
}

static char *account_key(const char *email)
{
    CLEANUP(freep) char *lower = text_lower(email);
    return mem_printf("account:%s", lower);
}

/*
 * Whether the account is that of the address as attempts are counted. The database finds it by its id, too, and by letters that it thinks are
 * the same (a Kelvin sign is a k): each would be another name to try passwords under.
 */
static bool is_named(const struct account *account, const char *email)
{
    CLEANUP(freep) char *lower = text_lower(email);
    return str_equal(account->email, lower);
}

/* ---- what is answered ---- */

/* `id` is a string in any case; a token is nobody's account, so it tells its name. */
static void put_who(json_t *object, const struct identity *identity, const struct account *account)
{
    json_put_text(object, "id", account->id ? account->id : identity->user);
    json_put(object, "email", account->email ? json_from_text(account->email) : json_null());
    json_put(object, "name", json_from_text(account->name ? account->name : identity->user));
    json_put_text(object, "role", role_name(identity->role));
    if (account->created_ms) {
        CLEANUP(freep) char *created = time_to_rfc3339(account->created_ms);
        json_put_text(object, "created_at", created);
    }
}

static const char *subscription_status(const struct record *tenant)
{
    if (tenant->deletion_ms)
        return "terminating";
    return json_bool(tenant->spec, "suspended") ? "suspended" : "active";
}

/* Plan and status are those of the first tenant; somebody without one has no subscription. */
static bool put_tenants(struct store *store, const struct identity *identity, json_t *object, struct err *err)
{
    json_t *names = json_array();
    json_t *ids = json_array();
    int64_t instances = 0;
    json_put(object, "tenants", names);
    json_put(object, "tenant_ids", ids);
    json_put(object, "subscription_plan", json_null());
    json_put(object, "subscription_status", json_string("none"));
    for (size_t i = 0; i < IDENTITY_TENANTS_MAX && identity->tenants[i][0]; i++) {
        CLEANUP(record_release) struct record tenant = { 0 };
        CLEANUP(err_release) struct err problem = ERR_INIT;
        struct record_key key;
        int64_t count = 0;
        if (!record_key_set(&key, KIND_TENANT, "", identity->tenants[i]) ||
            !store_get(store, &key, &tenant, &problem)) {
            if (problem.code == ERR_NOT_FOUND)
                continue;
            err_move(err, &problem);
            return false;
        }
        if (!store_count(store, KIND_INSTANCE, identity->tenants[i], &count, err))
            return false;
        instances += count;
        if (json_array_size(names) == 0) {
            const char *plan = json_text(tenant.spec, "plan");
            json_put(object, "subscription_plan", plan ? json_from_text(plan) : json_null());
            json_put_text(object, "subscription_status", subscription_status(&tenant));
        }
        json_push(names, json_from_text(tenant.key.name));
        json_push(ids, json_from_text(tenant.uid));
    }
    if (identity->role == ROLE_ADMIN && !store_count(store, KIND_INSTANCE, NULL, &instances, err))
        return false;
    json_put(object, "instance_count", json_integer(instances));
    return true;
}

static bool describe(struct store *store, const struct identity *identity, const struct account *account, json_t **ret,
                     struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = json_object();
    put_who(object, identity, account);
    if (!put_tenants(store, identity, object, err))
        return false;
    *ret = STEAL(object);
    return true;
}

static void identity_of(const struct account *account, struct identity *ret)
{
    CLEANUP(freep) char *tenants = strv_join(&account->tenants, ",");
    *ret = (struct identity){ .role = (enum role)account->role };
    if (!identity_set_tenants(ret, tenants))
        ret->tenants[0][0] = '\0';
}

bool account_me(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(account_release) struct account account = { 0 };
    json_t *object = NULL;
    const struct identity *identity = &request->identity;
    if (identity->account[0] && !store_account_find(worker->store, identity->account, &account, err))
        return false;
    if (!describe(worker->store, identity, &account, &object, err))
        return false;
    answer_json(answer, 200, object);
    return true;
}

/* ---- sessions ---- */

/* A new session; the answer holds the token, and nothing else ever will. */
static bool answer_session(struct worker *worker, const struct account *account, struct answer *answer, struct err *err)
{
    int64_t lifetime_ms = worker->shared->options->accounts->session_ms;
    CLEANUP(json_decrefp) json_t *user = NULL;
    struct identity identity;
    identity_of(account, &identity);
    char *token = random_hex(TOKEN_BYTES);
    bool good = describe(worker->store, &identity, account, &user, err) &&
                store_session_begin(worker->store, account, token, lifetime_ms, err);
    if (good) {
        json_t *object = json_object();
        json_put_text(object, "access_token", token);
        json_put_text(object, "token_type", "bearer");
        json_put(object, "expires_in", json_integer(lifetime_ms / SECOND_MS));
        json_put(object, "user", STEAL(user));
        answer_json(answer, 200, object);
        strv_add(&answer->headers, "Cache-Control: no-store");
    }
    mem_wipe(token, strlen(token));
    free(token);
    return good;
}

static bool wrong_login(struct err *err)
{
    return err_set(err, ERR_UNAUTHORIZED, "wrong e-mail address or password");
}

const struct field login_fields[] = {
    { "email", FIELD_TEXT, offsetof(struct login, email), FIELD_REQUIRED, .max = IDENTITY_USER_MAX,
      .example = "boss@acme.example", .doc = "E-mail address of the account." },
    { "password", FIELD_TEXT, offsetof(struct login, password), FIELD_REQUIRED | FIELD_SECRET, .max = PASSWORD_MAX,
      .doc = "Its password." },
    { NULL },
};

static void login_release(struct login *login)
{
    if (login->password)
        mem_wipe(login->password, strlen(login->password));
    fields_release(login_fields, login);
}

/* POST /auth/login. No such user, a disabled one and a wrong password have one answer and cost one hash. */
bool account_login(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(login_release) struct login login = { 0 };
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!request_decode(request, login_fields, &login, NULL, err))
        return false;
    CLEANUP(freep) char *key = account_key(login.email);
    if (!check_attempts(worker, request, key, err))
        return false;
    if (!store_account_find(worker->store, login.email, &account, &problem) && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    bool matches = password_matches(login.password, account.password_hash);
    if (!matches || account.disabled || !is_named(&account, login.email)) {
        log_info("login refused", LOG_STR("address", request->address));
        return wrong_login(err);
    }
    request->origin.who = account.email;
    if (!answer_session(worker, &account, answer, err))
        return err && err->code == ERR_UNAUTHORIZED ? wrong_login(err) : false;
    return store_attempt_clear(worker->store, key, err);
}

/* POST /auth/logout */
bool account_logout(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    if (!request->identity.account[0])
        return err_set(err, ERR_CONFLICT, "%s is a token, no session: an administrator revokes it",
                       request->identity.user);
    char *token = auth_token(request);
    bool good = store_session_end(worker->store, token, err);
    mem_wipe(token, strlen(token));
    free(token);
    json_t *object = json_object();
    json_put_text(object, "detail", "logged out");
    answer_json(answer, 200, object);
    return good;
}

const struct field password_change_fields[] = {
    { "current_password", FIELD_TEXT, offsetof(struct password_change, current), FIELD_REQUIRED | FIELD_SECRET,
      .max = PASSWORD_MAX, .doc = "The password until now." },
    { "new_password", FIELD_TEXT, offsetof(struct password_change, next), FIELD_REQUIRED | FIELD_SECRET,
      .max = PASSWORD_MAX, .check = check_password, .doc = "The password from now on; at least 10 characters." },
    { NULL },
};

static void password_change_release(struct password_change *change)
{
    if (change->current)
        mem_wipe(change->current, strlen(change->current));
    if (change->next)
        mem_wipe(change->next, strlen(change->next));
    fields_release(password_change_fields, change);
}

static bool wrong_password(struct err *err)
{
    return err_set(err, ERR_FORBIDDEN, "the current password is another one");
}

struct new_password {
    const char *present_hash; /* what the current password was compared with */
    const char *next_hash;
};

static bool edit_password(struct account *account, void *context, struct err *err)
{
    const struct new_password *password = context;
    if (!str_equal(account->password_hash, password->present_hash))
        return wrong_password(err); /* since a moment ago */
    free(account->password_hash);
    account->password_hash = mem_strdup(password->next_hash);
    return true;
}

/* POST /auth/password-change: all sessions end, this one too; the answer is a new one. */
bool account_change_password(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(password_change_release) struct password_change change = { 0 };
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(account_release) struct account changed = { 0 };
    if (!request->identity.account[0])
        return err_set(err, ERR_CONFLICT, "%s is a token, no account: it has no password", request->identity.user);
    if (!request_decode(request, password_change_fields, &change, NULL, err))
        return false;
    CLEANUP(freep) char *key = account_key(request->identity.user);
    if (!check_attempts(worker, request, key, err) ||
        !store_account_find(worker->store, request->identity.account, &account, err))
        return false;
    if (!password_matches(change.current, account.password_hash))
        return wrong_password(err);
    CLEANUP(freep) char *hash = password_hash(change.next);
    struct new_password password = { account.password_hash, hash };
    const struct account_change edit = { account.id, edit_password, &password };
    return store_account_update(worker->store, &edit, &changed, err) && answer_session(worker, &changed, answer, err) &&
           store_attempt_clear(worker->store, key, err);
}

/* ---- registering ---- */

const struct field registration_fields[] = {
    { "email", FIELD_TEXT, offsetof(struct registration, email), FIELD_REQUIRED, .max = IDENTITY_USER_MAX,
      .check = check_email, .example = "boss@acme.example", .doc = "E-mail address; one logs in with it." },
    { "password", FIELD_TEXT, offsetof(struct registration, password), FIELD_REQUIRED | FIELD_SECRET,
      .max = PASSWORD_MAX, .check = check_password, .doc = "At least 10 characters." },
    { "name", FIELD_TEXT, offsetof(struct registration, name), .max = 200, .example = "Acme Ltd.",
      .doc = "Name shown to people." },
    { "tenant_name", FIELD_TEXT, offsetof(struct registration, tenant), .max = TENANT_NAME_MAX,
      .check = check_dns_label, .example = "acme", .doc = "Name of the tenant; absent: one is made." },
    { NULL },
};

static void registration_release(struct registration *registration)
{
    if (registration->password)
        mem_wipe(registration->password, strlen(registration->password));
    fields_release(registration_fields, registration);
}

static void put_quantity(json_t *object, const char *key, char *text_taken, int64_t amount)
{
    if (amount > 0)
        json_put_text(object, key, text_taken);
    free(text_taken);
}

static json_t *new_tenant(const struct config_new_tenant *config, const struct registration *wish, const char *name)
{
    json_t *quota = json_object();
    if (config->instances > 0)
        json_put(quota, "instances", json_integer(config->instances));
    put_quantity(quota, "cpu", quantity_print_cpu(config->cpu_millicores), config->cpu_millicores);
    put_quantity(quota, "memory", quantity_print_bytes(config->memory_bytes), config->memory_bytes);
    put_quantity(quota, "storage", quantity_print_bytes(config->storage_bytes), config->storage_bytes);
    json_t *spec = json_object();
    json_put_text(spec, "displayName", wish->name ? wish->name : wish->email);
    json_put_text(spec, "owner", wish->email);
    json_put_text(spec, "plan", config->plan);
    json_put(spec, "quota", quota);
    json_t *metadata = json_object();
    json_put_text(metadata, "name", name);
    json_t *document = json_object();
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kinds[KIND_TENANT].name);
    json_put(document, "metadata", metadata);
    json_put(document, "spec", spec);
    return document;
}

static char *make_tenant_name(void)
{
    CLEANUP(freep) char *random = random_hex(5);
    return mem_printf("c-%s", random);
}

/*
 * The tenant first: an account that names a tenant which is not there would open the next one of that name. One without an
 * account, left by a crash in between, harms nobody.
 */
static bool create_both(struct worker *worker, struct request *request, const struct registration *wish,
                        struct account *account, struct err *err)
{
    CLEANUP(record_release) struct record tenant = { 0 };
    CLEANUP(freep) char *name = wish->tenant ? mem_strdup(wish->tenant) : make_tenant_name();
    CLEANUP(json_decrefp)
    json_t *document = new_tenant(&worker->shared->options->accounts->new_tenant, wish, name);
    struct answer ignored = { .body = STR_INIT };
    int64_t version;
    request->view = view_of_kind(&kinds[KIND_TENANT]);
    request_set_about(request, &request->view, name);
    bool good = write_decode(request, document, NULL, &ignored, &tenant, &version, err) &&
                write_create_unused(worker, request, &tenant, err);
    answer_release(&ignored);
    if (!good)
        return false;
    strv_add(&account->tenants, name);
    if (store_account_create(worker->store, account, err))
        return true;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(record_release) struct record last = { 0 };
    bool is_gone;
    if (!store_delete(worker->store, &tenant.key, tenant.uid, 0, STORE_WRITE, account->email, &last, &is_gone,
                      &problem))
        log_warning("a tenant without an account is left", LOG_STR("tenant", name),
                    LOG_STR("error", err_message(&problem)));
    return false;
}

/* POST /auth/register */
bool account_register(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(registration_release) struct registration wish = { 0 };
    CLEANUP(account_release) struct account account = { .role = ROLE_MEMBER };
    CLEANUP(account_release) struct account present = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct config_accounts *accounts = worker->shared->options->accounts;
    struct identity identity;
    json_t *object = NULL;
    if (!accounts->registration)
        return err_set(err, ERR_FORBIDDEN, "registration is not open here; ask the administrator for an account");
    if (!request_decode(request, registration_fields, &wish, NULL, err))
        return false;
    CLEANUP(freep) char *key = address_key("register", request->address);
    if (!count_attempt(worker, key, accounts->logins_per_address, err))
        return false;
    if (store_account_find(worker->store, wish.email, &present, &problem))
        return err_set(err, ERR_EXISTS, "there is an account %s already", wish.email);
    if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    account.email = text_lower(wish.email);
    account.name = mem_strdup(wish.name);
    account.password_hash = password_hash(wish.password);
    request->origin.who = account.email;
    if (!create_both(worker, request, &wish, &account, err))
        return false;
    identity_of(&account, &identity);
    if (!describe(worker->store, &identity, &account, &object, err))
        return false;
    answer_json(answer, 201, object);
    return true;
}
