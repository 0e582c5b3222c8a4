/* Leadership over the records: the lock, the epochs, and the check that a write is made in the newest one. */
#include "store/leadership.h"

#include "store/store_internal.h"

void leadership_release(struct leadership *leadership)
{
    free(leadership->holder);
    free(leadership->name);
    *leadership = (struct leadership){ 0 };
}

static void leadership_from_row(const PGresult *result, struct leadership *ret)
{
    leadership_release(ret);
    *ret = (struct leadership){ .epoch = pg_int(result, 0, "epoch"),
                                .holder = mem_strdup(pg_text(result, 0, "holder")),
                                .name = mem_strdup(pg_text(result, 0, "name")),
                                .since_ms = pg_int(result, 0, "since_ms") };
}

bool store_leadership(struct store *store, struct leadership *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, LEADER_FIND, NO_PARAMS, &result, err))
        return false;
    leadership_from_row(result, ret);
    return true;
}

static bool is_true(const PGresult *result, const char *column)
{
    return str_equal(pg_text(result, 0, column), "t");
}

bool store_leader_lock(struct store *store, int64_t silence_ms, bool *ret_held, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *silence = NULL;
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(freep) char *timeout = mem_printf("%lldms", (long long)silence_ms);
    if (!store_run(store, LEADER_SILENCE, PARAMS(TEXT(timeout)), &silence, err) ||
        !store_run(store, LEADER_LOCK, NO_PARAMS, &result, err))
        return false;
    *ret_held = is_true(result, "held");
    return true;
}

struct beginning {
    const char *holder, *name;
    struct leadership *before;
    int64_t epoch;
};

static bool begin_epoch(struct store *store, void *context, struct err *err)
{
    struct beginning *beginning = context;
    CLEANUP(pg_clearp) PGresult *found = NULL;
    CLEANUP(pg_clearp) PGresult *result = NULL;
    /* Whoever writes in the old epoch is through when the gate is ours. */
    if (!store_run(store, LEADER_GATE, NO_PARAMS, NULL, err) || !store_run(store, LEADER_FIND, NO_PARAMS, &found, err))
        return false;
    leadership_from_row(found, beginning->before);
    if (!store_run(store, LEADER_BEGIN, PARAMS(TEXT(beginning->holder), TEXT(beginning->name), NUMBER(clock_wall_ms())),
                   &result, err))
        return false;
    beginning->epoch = pg_int(result, 0, "epoch");
    store->keep = true;
    return true;
}

bool store_leader_begin(struct store *store, const char *holder, const char *name, struct leadership *ret_before,
                        int64_t *ret_epoch, struct err *err)
{
    struct beginning beginning = { .holder = holder, .name = name, .before = ret_before };
    if (!store_transact(store, begin_epoch, &beginning, err))
        return false;
    *ret_epoch = beginning.epoch;
    return true;
}

bool store_leader_confirm(struct store *store, int64_t epoch, bool *ret_holds, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, LEADER_CONFIRM, NO_PARAMS, &result, err))
        return false;
    *ret_holds = is_true(result, "held") && pg_int(result, 0, "epoch") == epoch;
    return true;
}

bool store_leader_leave(struct store *store, int64_t epoch, struct err *err)
{
    return store_run(store, LEADER_LEAVE, PARAMS(NUMBER(epoch)), NULL, err) &&
           store_run(store, LEADER_UNLOCK, NO_PARAMS, NULL, err);
}

/* ---- writes in an epoch ---- */

void store_set_epoch(struct store *store, int64_t epoch)
{
    store->epoch = epoch;
}

/* Holds the gate's shared side until the transaction ends, so that no epoch begins between this look and the commit. */
bool epoch_is_newest(struct store *store, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, LEADER_ENTER, NO_PARAMS, NULL, err) ||
        !store_run(store, LEADER_FIND, NO_PARAMS, &result, err))
        return false;
    int64_t newest = pg_int(result, 0, "epoch");
    return newest == store->epoch ||
           err_set(err, ERR_CONFLICT, "this tenantd led in epoch %lld, and %s leads in epoch %lld by now",
                   (long long)store->epoch, pg_text(result, 0, "name"), (long long)newest);
}

struct lone_statement {
    enum statement_id id;
    struct params params;
};

static bool run_lone(struct store *store, void *context, struct err *err)
{
    const struct lone_statement *lone = context;
    store->keep = true;
    return store_run(store, lone->id, lone->params, NULL, err);
}

bool store_run_alone(struct store *store, enum statement_id id, struct params params, struct err *err)
{
    struct lone_statement lone = { id, params };
    if (store->epoch == 0 || store->in_transaction)
        return store_run(store, id, params, NULL, err);
    return store_transact(store, run_lone, &lone, err);
}
