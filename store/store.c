/* The store's connection: opening it, running statements by name, transactions. */
#include <assert.h>

#include "store/store_internal.h"

#define CALL_MS     (10 * SECOND_MS)
#define ROLLBACK_MS SECOND_MS
#define TRIES       4

/*
 * What must hold on each connection, whatever the server, the role or the database have as defaults. A daemon that
 * was stopped in the middle of a transaction must not keep others from writing for ever.
 */
static const char session[] = "set search_path to store, pg_catalog, pg_temp;"
                              "set default_transaction_isolation to 'read committed';"
                              "set default_transaction_read_only to off;"
                              "set idle_in_transaction_session_timeout to '60s';"
                              "select set_config('synchronous_commit', 'on', false)"
                              " where current_setting('synchronous_commit') in ('off', 'local');";

static bool prepare_connection(struct pg *pg, void *context, const struct call *call, struct err *err)
{
    const struct store *store = context;
    CLEANUP(str_release) struct str script = STR_INIT;
    if (store->listens)
        str_add(&script, "listen tenantd_change;");
    str_add(&script, session);
    statements_add_script(&script);
    return pg_query(pg, script.text, NULL, 0, call, NULL, err) || err_wrap(err, "prepare the store's statements");
}

struct store *store_new(const struct store_options *options)
{
    struct store *store = MEM_NEW(struct store);
    store->url = mem_strdup(options->url);
    store->pg = pg_new(options->url);
    store->key = options->key;
    pg_on_connect(store->pg, prepare_connection, store);
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    change_page_release(&store->ahead);
    pg_free(store->pg);
    mem_wipe(store->url, strlen(store->url)); /* it may hold a password */
    free(store->url);
    free(store);
}

void store_freep(struct store **store)
{
    store_free(*store);
}

void store_set_call(struct store *store, const struct call *call)
{
    store->call = call;
}

bool store_ping(struct store *store, const struct call *call, struct err *err)
{
    const struct call *usual = store->call;
    store->call = call;
    bool answers = store_run(store, PING, NO_PARAMS, NULL, err);
    store->call = usual;
    return answers;
}

static const struct call *current_call(struct store *store)
{
    if (store->call && store->call->deadline_mono_ms)
        return store->call;
    if (!store->in_transaction) /* one deadline for all of a transaction */
        store->own_call = call_within(store->call, CALL_MS);
    return &store->own_call;
}

bool store_run(struct store *store, enum statement_id id, struct params params, PGresult **ret, struct err *err)
{
    const struct statement *statement = &statements[id];
    const char *values[STATEMENT_PARAMS_MAX];
    CLEANUP(strv_release) struct strv numbers = STRV_INIT;
    assert(params.count == statement->params && params.count <= STATEMENT_PARAMS_MAX);
    if (store->has_failed) /* the next statement would find a new connection, outside of the transaction */
        return err_set(err, ERR_INTERNAL, "%s: the transaction has failed before", statement->name);
    for (size_t i = 0; i < params.count; i++) {
        const struct param *param = &params.items[i];
        if (param->is_number)
            strv_addf(&numbers, "%lld", (long long)param->number);
        else if (param->text && !str_is_utf8(param->text, strlen(param->text)))
            return err_set(err, ERR_INVALID, "%s: a text is not UTF-8", statement->name);
        values[i] = param->is_number ? numbers.items[numbers.count - 1] : param->text;
    }
    if (pg_run(store->pg, statement->name, values, (int)params.count, current_call(store), ret, err))
        return true;
    store->has_failed = store->in_transaction;
    return err_wrap(err, "%s", statement->name);
}

bool store_run_versioned(struct store *store, enum statement_id id, struct params params, int64_t *ret_version,
                         struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    assert(store->in_transaction);
    if (!store_run(store, id, params, &result, err))
        return false;
    if (PQntuples(result) != 1) {
        store->has_failed = true; /* the counter went on and must come back */
        return err_set(err, ERR_INTERNAL, "%s: the row that was locked is gone", statements[id].name);
    }
    store->keep = true;
    *ret_version = pg_int(result, 0, "version");
    return true;
}

static bool begin(struct store *store, struct err *err)
{
    if (!pg_query(store->pg, "begin", NULL, 0, current_call(store), NULL, err))
        return err_wrap(err, "begin");
    store->in_transaction = true;
    store->has_failed = false;
    store->keep = false;
    return true;
}

/* Also when the caller's deadline has passed: closing the connection ends the transaction as well. */
static void end_without_commit(struct store *store)
{
    struct call call = call_within(NULL, ROLLBACK_MS);
    store->in_transaction = false;
    store->has_failed = false;
    if (!pg_handle(store->pg) || !pg_query(store->pg, "rollback", NULL, 0, &call, NULL, NULL))
        pg_close(store->pg);
}

/* An answer that did not come leaves open whether it was committed: the caller looks again. */
static bool commit(struct store *store, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    bool answered = pg_query(store->pg, "commit", NULL, 0, current_call(store), &result, err);
    if (answered && str_equal(PQcmdStatus(result), "COMMIT")) {
        store->in_transaction = false;
        return true;
    }
    if (answered)
        return err_set(err, ERR_INTERNAL, "commit: the transaction had failed and was rolled back");
    if (err && err->code == ERR_CANCELLED)
        return err_set(err, ERR_TIMEOUT, "commit: cancelled before the answer came");
    return err_wrap(err, "commit");
}

bool store_transact(struct store *store, store_transaction_fn *run, void *context, struct err *err)
{
    if (store->in_transaction)
        return err_set(err, ERR_INTERNAL, "a write within the admission of another write");
    for (int try = 1;; try++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (!begin(store, err))
            return false;
        bool done = (store->epoch == 0 || epoch_is_newest(store, &problem)) && run(store, context, &problem);
        if (done && !store->keep && !store->has_failed) {
            end_without_commit(store);
            return true;
        }
        if (done && commit(store, &problem))
            return true;
        const char *sqlstate = pg_sqlstate(store->pg);
        bool again = try < TRIES && (str_equal(sqlstate, "40001") || str_equal(sqlstate, "40P01"));
        bool is_orphan = store_has_lost_its_record(store);
        end_without_commit(store);
        if (again)
            continue;
        if (is_orphan)
            return err_set(err, ERR_NOT_FOUND, "the record that a claim, state or secret belongs to is gone");
        err_move(err, &problem);
        return false;
    }
}

bool store_has_lost_its_record(struct store *store)
{
    return str_equal(pg_sqlstate(store->pg), "23503");
}
