/* Long-lived tokens, and the audit: an administrator's. */
#include "api/accounts.h"
#include "api/handlers.h"
#include "specs/check.h"

#define TOKEN_BYTES     32 /* 256 bits */
#define TOKEN_NAME_MAX  63
#define AUDIT_LIMIT_MAX 10000

static void check_token_name(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const char *text = *(char *const *)value;
    if (strchr(text, '@')) /* so that the audit cannot take it for an account */
        problems_add(problems, PROBLEM_INVALID, path, "has an @, which only accounts have");
    check_word(field, value, path, problems);
}

static void check_verbs(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const struct strv *list = value;
    CLEANUP(freep) char *all = verbs_text(~0U);
    for (size_t i = 0; i < list->count; i++) {
        enum verb verb;
        if (!verb_from_name(list->items[i], &verb))
            problems_add(problems, PROBLEM_NOT_SUPPORTED, path, "there are only: %s", all);
    }
}

const struct field token_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct token_wish, name), FIELD_REQUIRED, .max = TOKEN_NAME_MAX,
      .check = check_token_name, .example = "portal", .doc = "What it is for; unique." },
    { "role", FIELD_ENUM, offsetof(struct token_wish, role), .fallback = "member", .choices = role_words,
      .doc = "member: of its tenants; admin: everything." },
    { "tenants", FIELD_TEXTS, offsetof(struct token_wish, tenants), .fallback = "[]", .max = IDENTITY_TENANTS_MAX,
      .example = "[acme]", .doc = "Tenants that a member's token is for." },
    { "verbs", FIELD_TEXTS, offsetof(struct token_wish, verbs), .fallback = "[]", .check = check_verbs,
      .example = "[get, list, watch]", .doc = "What alone it may be used for; empty: all that its role may." },
    { "expires_in", FIELD_DURATION, offsetof(struct token_wish, expires_in_ms), .max = 3650 * DAY_MS, .example = "90d",
      .doc = "How long it is good; absent: until it is revoked." },
    { NULL },
};

static void wish_release(struct token_wish *wish)
{
    fields_release(token_fields, wish);
}

static void put_time(json_t *object, const char *key, int64_t time_ms)
{
    CLEANUP(freep) char *text = time_ms ? time_to_rfc3339(time_ms) : NULL;
    json_put(object, key, text ? json_from_text(text) : json_null());
}

static json_t *token_to_json(const struct token *token)
{
    const struct identity *identity = &token->identity;
    CLEANUP(strv_release) struct strv tenants = STRV_INIT;
    CLEANUP(strv_release) struct strv verbs = STRV_INIT;
    CLEANUP(freep) char *tenant_list = identity_tenants(identity);
    CLEANUP(freep) char *verb_list = verbs_text(identity->verbs);
    strv_split(&tenants, tenant_list, ',');
    strv_split(&verbs, verb_list, ',');
    json_t *object = json_object();
    json_put(object, "name", json_from_text(identity->user));
    json_put_text(object, "role", role_name(identity->role));
    json_put(object, "tenants", json_from_strv(&tenants));
    json_put(object, "verbs", json_from_strv(&verbs));
    put_time(object, "created_at", token->created_ms);
    put_time(object, "expires_at", token->expires_ms);
    put_time(object, "last_used_at", token->used_ms);
    return object;
}

/* GET /auth/tokens */
bool tokens_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request;
    CLEANUP(tokens_release) struct tokens tokens = { 0 };
    if (!store_token_list(worker->store, &tokens, err))
        return false;
    json_t *items = json_array();
    for (size_t i = 0; i < tokens.count; i++)
        json_push(items, token_to_json(&tokens.items[i]));
    json_t *object = json_object();
    json_put(object, "items", items);
    answer_json(answer, 200, object);
    return true;
}

static bool make_identity(struct request *request, const struct token_wish *wish, struct identity *ret, struct err *err)
{
    CLEANUP(freep) char *tenants = strv_join(&wish->tenants, ",");
    CLEANUP(freep) char *verbs = strv_join(&wish->verbs, ",");
    *ret = (struct identity){ .role = role_of_word(wish->role), .verbs = verbs_from_text(verbs) };
    memcpy(ret->user, wish->name, strlen(wish->name) + 1); /* TOKEN_NAME_MAX is less */
    if (!identity_set_tenants(ret, tenants))
        return err_set(err, ERR_INTERNAL, "tenants that were checked do not fit");
    if (ret->role == ROLE_MEMBER && wish->tenants.count == 0)
        problems_add(&request->problems, PROBLEM_REQUIRED, "tenants", "a member's token needs at least one");
    return problems_to_err(&request->problems, err);
}

/* POST /auth/tokens: the answer shows the token, and nothing else ever will. */
bool tokens_create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(wish_release) struct token_wish wish = { 0 };
    struct token token = { .created_ms = clock_wall_ms() };
    if (!request_decode(request, token_fields, &wish, NULL, err) ||
        !check_tenants(worker, request, role_of_word(wish.role), &wish.tenants, err) ||
        !make_identity(request, &wish, &token.identity, err))
        return false;
    token.expires_ms = wish.expires_in_ms ? token.created_ms + wish.expires_in_ms : 0;
    char *secret = random_hex(TOKEN_BYTES);
    bool good = store_token_create(worker->store, &token.identity, secret, token.expires_ms, err);
    if (good) {
        json_t *object = token_to_json(&token);
        json_put_text(object, "token", secret);
        answer_json(answer, 201, object);
        strv_add(&answer->headers, "Cache-Control: no-store");
    }
    mem_wipe(secret, strlen(secret));
    free(secret);
    return good;
}

/* DELETE /auth/tokens/{id}: counts at once. */
bool tokens_revoke(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    const char *name = request_param(request, "id");
    if (!store_token_drop(worker->store, name, err))
        return false;
    json_t *object = json_object();
    json_put(object, "name", json_from_text(name));
    json_put_text(object, "detail", "revoked");
    answer_json(answer, 200, object);
    return true;
}

/* ---- the audit ---- */

static json_t *entry_to_json(const struct audit_entry *entry)
{
    json_t *object = json_object();
    json_put(object, "number", json_integer(entry->number));
    put_time(object, "at", entry->at_ms);
    json_put(object, "who", json_from_text(entry->who));
    json_put(object, "address", json_from_text(entry->address));
    json_put(object, "verb", json_from_text(entry->verb));
    json_put(object, "kind", json_from_text(entry->kind));
    json_put(object, "namespace", json_from_text(entry->namespace));
    json_put(object, "name", json_from_text(entry->name));
    json_put(object, "uid", json_from_text(entry->uid));
    json_put(object, "fields", json_from_text(entry->fields));
    return object;
}

static const char *wished(const struct request *request, const char *key)
{
    const char *value = uri_query(&request->uri, key);
    return value && value[0] ? value : NULL;
}

/* GET /auth/audit?who=&namespace=&name=&sinceSeconds=&before=&limit=: the newest first. */
bool audit_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(audit_entries_release) struct audit_entries entries = { 0 };
    struct audit_query query = {
        .who = wished(request, "who"),
        .namespace = wished(request, "namespace"),
        .name = wished(request, "name"),
    };
    int64_t since_s;
    if (!uri_query_number(&request->uri, "before", INT64_MAX, 0, &query.before, err) ||
        !uri_query_number(&request->uri, "limit", AUDIT_LIMIT_MAX, 100, &query.limit, err) ||
        !uri_query_number(&request->uri, "sinceSeconds", INT32_MAX, 0, &since_s, err))
        return false;
    query.since_ms = since_s ? clock_wall_ms() - since_s * SECOND_MS : 0;
    if (!store_audit_list(worker->store, &query, &entries, err))
        return false;
    json_t *items = json_array();
    for (size_t i = 0; i < entries.count; i++)
        json_push(items, entry_to_json(&entries.items[i]));
    json_t *object = json_object();
    json_put(object, "items", items);
    answer_json(answer, 200, object);
    return true;
}
