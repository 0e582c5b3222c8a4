/* What the simulated store keeps beside records: states, secrets, claims; see store.h. */
#include "store/store.h"
#include "tests/sim/store.h"

static bool check_uid(const char *uid, struct err *err)
{
    return sim_record_by_uid(uid) || err_set(err, ERR_NOT_FOUND, "no record has uid %s", uid);
}

static char *joined(const char *first, const char *second)
{
    return mem_printf("%s/%s", first, second);
}

/* ---- state ---- */

bool store_state_get(struct store *store, const char *uid, json_t **ret, struct err *err)
{
    static const struct sim_call what = { "store_state_get", SIM_STORE, SIM_READS };
    if (!sim_store_begin(store, &what, err))
        return false;
    const json_t *state = map_get(sim->store->states, uid);
    CLEANUP(json_decrefp) json_t *copy = state ? json_deep_copy(state) : json_object();
    if (!sim_end(&what, true, err))
        return false;
    *ret = json_incref(copy);
    return true;
}

static bool put_state(const char *uid, const json_t *state, struct err *err)
{
    if (!check_uid(uid, err))
        return false;
    map_put(sim->store->states, uid, json_deep_copy(state));
    if (sim->store->on_state)
        sim->store->on_state(sim->store->context, uid, state);
    return true;
}

bool store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err)
{
    static const struct sim_call what = { "store_state_put", SIM_STORE, SIM_CHANGES };
    return sim_store_begin(store, &what, err) && sim_end(&what, put_state(uid, state, err), err);
}

/* ---- secrets ---- */

static const char *find_secret(const char *uid, const char *name)
{
    const struct map *secrets = map_get(sim->store->secrets, uid);
    return secrets ? map_get(secrets, name) : NULL;
}

static void keep_secret(const char *uid, const char *name, const char *value)
{
    struct map *secrets = map_get(sim->store->secrets, uid);
    if (!secrets) {
        secrets = map_new(free);
        map_put(sim->store->secrets, uid, secrets);
    }
    map_put(secrets, name, mem_strdup(value));
}

bool store_secret_get(struct store *store, const char *uid, const char *name, char **ret, struct err *err)
{
    static const struct sim_call what = { "store_secret_get", SIM_STORE, SIM_READS };
    if (!sim_store_begin(store, &what, err))
        return false;
    CLEANUP(freep) char *copy = mem_strdup(find_secret(uid, name));
    if (!copy)
        return err_set(err, ERR_NOT_FOUND, "record %s has no secret %s", uid, name);
    if (!sim_end(&what, true, err))
        return false;
    *ret = STEAL(copy);
    return true;
}

bool store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                         struct err *err)
{
    static const struct sim_call what = { "store_secret_ensure", SIM_STORE, SIM_CHANGES };
    if (!sim_store_begin(store, &what, err) || !check_uid(uid, err))
        return false;
    if (!find_secret(uid, name))
        keep_secret(uid, name, value);
    CLEANUP(freep) char *copy = mem_strdup(find_secret(uid, name));
    if (!sim_end(&what, true, err))
        return false;
    *ret = STEAL(copy);
    return true;
}

bool store_secret_put(struct store *store, const char *uid, const char *name, const char *value, struct err *err)
{
    static const struct sim_call what = { "store_secret_put", SIM_STORE, SIM_CHANGES };
    if (!sim_store_begin(store, &what, err) || !check_uid(uid, err))
        return false;
    keep_secret(uid, name, value);
    return sim_end(&what, true, err);
}

bool store_secret_names(struct store *store, const char *uid, struct strv *ret, struct err *err)
{
    static const struct sim_call what = { "store_secret_names", SIM_STORE, SIM_READS };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    size_t at = 0;
    const char *name;
    void *value;
    if (!sim_store_begin(store, &what, err))
        return false;
    const struct map *secrets = map_get(sim->store->secrets, uid);
    while (secrets && map_next(secrets, &at, &name, &value))
        strv_add(&names, name);
    strv_sort(&names);
    if (!sim_end(&what, true, err))
        return false;
    strv_release(ret);
    *ret = names;
    names = (struct strv)STRV_INIT;
    return true;
}

/* ---- claims ---- */

static bool claim(const char *scope, const char *value, const char *uid, struct err *err)
{
    CLEANUP(freep) char *key = joined(scope, value);
    const char *holder = map_get(sim->store->claims, key);
    if (!check_uid(uid, err))
        return false;
    if (holder)
        return str_equal(holder, uid) || err_set(err, ERR_CONFLICT, "%s %s is taken", scope, value);
    map_put(sim->store->claims, key, mem_strdup(uid));
    return true;
}

bool store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err)
{
    static const struct sim_call what = { "store_claim", SIM_STORE, SIM_CHANGES };
    return sim_store_begin(store, &what, err) && sim_end(&what, claim(scope, value, uid, err), err);
}

bool store_claim_holder(struct store *store, const char *scope, const char *value, char **ret_uid, struct err *err)
{
    static const struct sim_call what = { "store_claim_holder", SIM_STORE, SIM_READS };
    CLEANUP(freep) char *key = joined(scope, value);
    if (!sim_store_begin(store, &what, err) || !sim_end(&what, true, err))
        return false;
    *ret_uid = mem_strdup(map_get(sim->store->claims, key));
    return true;
}

/* The values of a scope, in order; those of one holder when `uid` is given. */
static void values_of(const char *scope, const char *uid, struct strv *ret)
{
    CLEANUP(freep) char *prefix = joined(scope, "");
    size_t at = 0;
    const char *key;
    void *holder;
    while (map_next(sim->store->claims, &at, &key, &holder))
        if (str_starts_with(key, prefix) && (!uid || str_equal(holder, uid)))
            strv_add(ret, key + strlen(prefix));
    strv_sort(ret);
}

bool store_claim_of(struct store *store, const char *scope, const char *uid, char **ret_value, struct err *err)
{
    static const struct sim_call what = { "store_claim_of", SIM_STORE, SIM_READS };
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    if (!sim_store_begin(store, &what, err))
        return false;
    values_of(scope, uid, &values);
    if (!sim_end(&what, true, err))
        return false;
    *ret_value = values.count ? mem_strdup(values.items[0]) : NULL;
    return true;
}

static void drop_claims(const char *scope_or_null, const char *uid)
{
    CLEANUP(freep) char *prefix = scope_or_null ? joined(scope_or_null, "") : mem_strdup("");
    size_t at = 0;
    const char *key;
    void *holder;
    while (map_next(sim->store->claims, &at, &key, &holder))
        if (str_starts_with(key, prefix) && str_equal(holder, uid)) {
            CLEANUP(freep) char *gone = mem_strdup(key);
            map_remove(sim->store->claims, gone);
        }
}

bool store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err)
{
    static const struct sim_call what = { "store_claim_drop", SIM_STORE, SIM_CHANGES };
    if (!sim_store_begin(store, &what, err))
        return false;
    drop_claims(scope, uid);
    return sim_end(&what, true, err);
}

bool store_claims(struct store *store, const char *scope, struct strv *ret_values, struct err *err)
{
    static const struct sim_call what = { "store_claims", SIM_STORE, SIM_READS };
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    if (!sim_store_begin(store, &what, err))
        return false;
    values_of(scope, NULL, &values);
    if (!sim_end(&what, true, err))
        return false;
    strv_release(ret_values);
    *ret_values = values;
    values = (struct strv)STRV_INIT;
    return true;
}

/* ---- Sources: there are none in this world, so nothing was applied by one ---- */

static bool no_sources(struct err *err)
{
    return err_set(err, ERR_INTERNAL, "Sources are not simulated");
}

bool store_applied_get(struct store *store, const char *uid, json_t **ret, struct err *err)
{
    (void)store;
    (void)uid;
    (void)err;
    *ret = NULL;
    return true;
}

bool store_applied_put(struct store *store, const char *uid, const char *source_uid, const json_t *document,
                       struct err *err)
{
    (void)store;
    (void)uid;
    (void)source_uid;
    (void)document;
    return no_sources(err);
}

bool store_applied_list(struct store *store, const char *source_uid, json_t **ret, struct err *err)
{
    (void)store;
    (void)source_uid;
    (void)ret;
    return no_sources(err);
}

bool store_applied_drop(struct store *store, const char *uid, struct err *err)
{
    (void)store;
    (void)uid;
    return no_sources(err);
}

bool store_last_writers(struct store *store, const char *but, json_t **ret, struct err *err)
{
    (void)store;
    (void)but;
    (void)ret;
    return no_sources(err);
}

bool store_secret_drop(struct store *store, const char *uid, const char *name, struct err *err)
{
    (void)store;
    (void)uid;
    (void)name;
    return no_sources(err);
}

void sim_store_forget(const char *uid)
{
    drop_claims(NULL, uid);
    map_remove(sim->store->states, uid);
    map_remove(sim->store->secrets, uid);
}
