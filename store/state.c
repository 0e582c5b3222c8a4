/* What is kept beside records: facts of the installation, reconcilers' state, sealed secrets, claims. */
#include "store/store_internal.h"

/* One statement that refers to a record. */
static bool run_for_record(struct store *store, enum statement_id id, const char *uid, struct params params,
                           struct err *err)
{
    if (store_run_alone(store, id, params, err))
        return true;
    return store_has_lost_its_record(store) ? err_set(err, ERR_NOT_FOUND, "no record has uid %s", uid) : false;
}

/* The first row's column, owned; NULL when there is no row. */
static bool find_text(struct store *store, enum statement_id id, struct params params, const char *column, char **ret,
                      struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, id, params, &result, err))
        return false;
    *ret = PQntuples(result) > 0 ? mem_strdup(pg_text(result, 0, column)) : NULL;
    return true;
}

static bool find_texts(struct store *store, enum statement_id id, const char *key, const char *column, struct strv *ret,
                       struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, id, PARAMS(TEXT(key)), &result, err))
        return false;
    strv_release(ret);
    for (int row = 0; row < PQntuples(result); row++)
        strv_add(ret, pg_text(result, row, column));
    return true;
}

bool store_fact(struct store *store, const char *name, const char *initial, char **ret, struct err *err)
{
    char *value = NULL;
    if (!find_text(store, FACT_FIND, PARAMS(TEXT(name)), "value", &value, err))
        return false;
    if (!value && initial &&
        (!store_run(store, FACT_ADD, PARAMS(TEXT(name), TEXT(initial)), NULL, err) ||
         !find_text(store, FACT_FIND, PARAMS(TEXT(name)), "value", &value, err)))
        return false;
    if (!value)
        return err_set(err, ERR_NOT_FOUND, "no fact is named %s", name);
    *ret = value;
    return true;
}

bool store_state_get(struct store *store, const char *uid, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    json_t *state = NULL;
    if (!find_text(store, STATE_FIND, PARAMS(TEXT(uid)), "document", &text, err))
        return false;
    if (text && !json_parse_answer(text, strlen(text), &state, err))
        return err_wrap(err, "state of %s", uid);
    *ret = state ? state : json_object();
    return true;
}

bool store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    if (!document_print(state, "state", &text, err))
        return false;
    return run_for_record(store, STATE_PUT, uid, PARAMS(TEXT(uid), TEXT(text)), err);
}

/* ---- secrets ---- */

static void wipe_and_release(struct str *secret)
{
    mem_wipe(secret->text, secret->len);
    str_release(secret);
}

/* A uid has no slash, so no two secrets are bound to the same text. */
static char *bound_to(const char *uid, const char *name)
{
    return mem_printf("%s/%s", uid, name);
}

static bool has_key(const struct store *store, struct err *err)
{
    return store->key || err_set(err, ERR_INTERNAL, "this store was opened without the key for secrets");
}

static bool write_secret(struct store *store, enum statement_id id, const char *uid, const char *name,
                         const char *value, struct err *err)
{
    CLEANUP(freep) char *bound = bound_to(uid, name);
    CLEANUP(str_release) struct str sealed = STR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!has_key(store, err))
        return false;
    seal(store->key, bound, value, strlen(value), &sealed);
    str_add_base64(&text, sealed.text, sealed.len);
    return run_for_record(store, id, uid, PARAMS(TEXT(uid), TEXT(name), TEXT(text.text)), err);
}

bool store_secret_get(struct store *store, const char *uid, const char *name, char **ret, struct err *err)
{
    CLEANUP(freep) char *bound = bound_to(uid, name);
    CLEANUP(freep) char *text = NULL;
    CLEANUP(str_release) struct str sealed = STR_INIT;
    CLEANUP(wipe_and_release) struct str plain = STR_INIT;
    if (!has_key(store, err) || !find_text(store, SECRET_FIND, PARAMS(TEXT(uid), TEXT(name)), "sealed", &text, err))
        return false;
    if (!text)
        return err_set(err, ERR_NOT_FOUND, "record %s has no secret %s", uid, name);
    if (!str_base64_decode(text, &sealed, err) || !seal_open(store->key, bound, sealed.text, sealed.len, &plain, err))
        return err_wrap(err, "secret %s of record %s", name, uid);
    *ret = mem_strdup(plain.text);
    return true;
}

bool store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                         struct err *err)
{
    return write_secret(store, SECRET_ADD, uid, name, value, err) && store_secret_get(store, uid, name, ret, err);
}

bool store_secret_put(struct store *store, const char *uid, const char *name, const char *value, struct err *err)
{
    return write_secret(store, SECRET_PUT, uid, name, value, err);
}

bool store_secret_names(struct store *store, const char *uid, struct strv *ret, struct err *err)
{
    return find_texts(store, SECRET_NAMES, uid, "name", ret, err);
}

bool store_secret_drop(struct store *store, const char *uid, const char *name, struct err *err)
{
    return store_run(store, SECRET_DROP, PARAMS(TEXT(uid), TEXT(name)), NULL, err);
}

/* ---- claims ---- */

bool store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err)
{
    for (;;) {
        CLEANUP(freep) char *holder = NULL;
        if (!run_for_record(store, CLAIM_ADD, uid, PARAMS(TEXT(scope), TEXT(value), TEXT(uid)), err) ||
            !store_claim_holder(store, scope, value, &holder, err))
            return false;
        if (!holder) /* somebody held it just now and let go */
            continue;
        if (str_equal(holder, uid))
            return true;
        return err_set(err, ERR_CONFLICT, "%s %s is taken", scope, value);
    }
}

bool store_claim_holder(struct store *store, const char *scope, const char *value, char **ret_uid, struct err *err)
{
    return find_text(store, CLAIM_HOLDER, PARAMS(TEXT(scope), TEXT(value)), "uid", ret_uid, err);
}

bool store_claim_of(struct store *store, const char *scope, const char *uid, char **ret_value, struct err *err)
{
    return find_text(store, CLAIM_OF, PARAMS(TEXT(scope), TEXT(uid)), "value", ret_value, err);
}

bool store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err)
{
    return store_run_alone(store, CLAIM_DROP, PARAMS(TEXT(scope), TEXT(uid)), err);
}

bool store_claims(struct store *store, const char *scope, struct strv *ret_values, struct err *err)
{
    return find_texts(store, CLAIM_VALUES, scope, "value", ret_values, err);
}
