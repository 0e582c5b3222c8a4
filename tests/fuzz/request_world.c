/*
 * What the routes ask of the store and of their worker beyond the simulated store (tests/sim/store.c): no accounts, no tokens, no events; each
 * write is nobody's. What would need threads, sockets or a container's output is not there.
 */
#include "api/api.h"
#include "api/handlers.h"
#include "api/logs.h"
#include "store/leadership.h"
#include "tests/fuzz/fuzz.h"

static bool is_not_here(struct err *err)
{
    return err_set(err, ERR_UNREACHABLE, "not in this world");
}

/* ---- the worker ---- */

bool worker_open(struct worker *worker, struct err *err)
{
    return worker->store || is_not_here(err);
}

struct docker *worker_docker(struct worker *worker, struct err *err)
{
    if (!worker->docker)
        is_not_here(err);
    return worker->docker;
}

struct server *worker_server(struct worker *worker)
{
    return worker->server;
}

/* ---- handlers of files that are not linked ---- */

bool health_live(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker;
    (void)request;
    (void)answer;
    return is_not_here(err);
}

bool health_ready(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return health_live(worker, request, answer, err);
}

bool metrics_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return health_live(worker, request, answer, err);
}

bool logs_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return health_live(worker, request, answer, err);
}

bool container_read_logs(struct docker *docker, const char *id, const struct container_logs *logs,
                         bool (*sink)(void *context, const char *bytes, size_t len, struct err *err), void *context,
                         const struct call *call, struct err *err)
{
    (void)docker;
    (void)id;
    (void)logs;
    (void)sink;
    (void)context;
    (void)call;
    return is_not_here(err);
}

/* ---- the store ---- */

void store_set_origin(struct store *store, const struct store_origin *origin)
{
    (void)store;
    (void)origin;
}

bool store_audit_note(struct store *store, const char *kind, const char *namespace, const char *name, struct err *err)
{
    (void)store;
    (void)kind;
    (void)namespace;
    (void)name;
    (void)err;
    return true;
}

bool store_fact(struct store *store, const char *name, const char *initial, char **ret, struct err *err)
{
    (void)store;
    if (!initial)
        return err_set(err, ERR_NOT_FOUND, "no fact %s", name);
    *ret = mem_strdup(initial);
    return true;
}

bool store_count(struct store *store, enum kind_id kind, const char *namespace, int64_t *ret_count, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = kind, .namespace = namespace };
    if (!store_list(store, &query, &records, NULL, err))
        return false;
    *ret_count = (int64_t)records.count;
    return true;
}

/* ---- events: there are none ---- */

bool store_event_list(struct store *store, const char *namespace_or_null, struct events *ret, int64_t *ret_version,
                      struct err *err)
{
    (void)namespace_or_null;
    struct store_query query = { .kind = KIND_TENANT };
    CLEANUP(records_release) struct records records = { 0 };
    *ret = (struct events){ 0 };
    return store_list(store, &query, &records, ret_version, err);
}

void events_release(struct events *events)
{
    FUZZ_ASSERT(events->count == 0, "there are none");
}

json_t *event_to_json(const struct event *event)
{
    FUZZ_ASSERT(false, event->name);
    return NULL;
}

/* ---- accounts, sessions, tokens, audit: nobody and nothing ---- */

static bool no_account(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no such account");
}

void account_release(struct account *account)
{
    *account = (struct account){ 0 };
}

void accounts_release(struct accounts *accounts)
{
    *accounts = (struct accounts){ 0 };
}

bool store_account_create(struct store *store, struct account *account, struct err *err)
{
    (void)store;
    (void)account;
    return is_not_here(err);
}

bool store_account_find(struct store *store, const char *id_or_email, struct account *ret, struct err *err)
{
    (void)store;
    (void)id_or_email;
    (void)ret;
    return no_account(err);
}

bool store_account_list(struct store *store, struct accounts *ret, struct err *err)
{
    (void)store;
    (void)err;
    *ret = (struct accounts){ 0 };
    return true;
}

bool store_account_update(struct store *store, const struct account_change *change, struct account *ret,
                          struct err *err)
{
    (void)store;
    (void)change;
    (void)ret;
    return no_account(err);
}

bool store_account_drop(struct store *store, const struct account *account, struct err *err)
{
    (void)store;
    (void)account;
    return no_account(err);
}

bool store_session_begin(struct store *store, const struct account *account, const char *token, int64_t lifetime_ms,
                         struct err *err)
{
    (void)store;
    (void)account;
    (void)token;
    (void)lifetime_ms;
    return no_account(err);
}

bool store_session_end(struct store *store, const char *token, struct err *err)
{
    (void)store;
    (void)token;
    (void)err;
    return true;
}

bool store_attempt_count(struct store *store, const char *key, int64_t window_ms, int64_t *ret_count, struct err *err)
{
    (void)store;
    (void)key;
    (void)window_ms;
    (void)err;
    *ret_count = 1;
    return true;
}

bool store_attempt_clear(struct store *store, const char *key, struct err *err)
{
    (void)store;
    (void)key;
    (void)err;
    return true;
}

bool store_token_find(struct store *store, const char *token, struct identity *ret, struct err *err)
{
    (void)store;
    (void)token;
    (void)ret;
    return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
}

bool store_token_create(struct store *store, const struct identity *identity, const char *token, int64_t expires_ms,
                        struct err *err)
{
    (void)store;
    (void)identity;
    (void)token;
    (void)expires_ms;
    (void)err;
    return true;
}

bool store_token_list(struct store *store, struct tokens *ret, struct err *err)
{
    (void)store;
    (void)err;
    *ret = (struct tokens){ 0 };
    return true;
}

bool store_token_drop(struct store *store, const char *name, struct err *err)
{
    (void)store;
    return err_set(err, ERR_NOT_FOUND, "there is no token %s", name);
}

void tokens_release(struct tokens *tokens)
{
    *tokens = (struct tokens){ 0 };
}

bool store_audit_list(struct store *store, const struct audit_query *query, struct audit_entries *ret, struct err *err)
{
    (void)store;
    (void)query;
    (void)err;
    *ret = (struct audit_entries){ 0 };
    return true;
}

void audit_entries_release(struct audit_entries *entries)
{
    *entries = (struct audit_entries){ 0 };
}

/* ---- requests that may be sent twice: each is the first ---- */

bool store_idempotency_begin(struct store *store, const struct idempotency *wish, bool *ret_begun,
                             struct kept_answer *ret, struct err *err)
{
    (void)store;
    (void)wish;
    (void)ret;
    (void)err;
    *ret_begun = true;
    return true;
}

bool store_idempotency_keep(struct store *store, const struct idempotency *wish, int64_t status, const char *body,
                            struct err *err)
{
    (void)store;
    (void)wish;
    (void)status;
    (void)body;
    (void)err;
    return true;
}

bool store_idempotency_forget(struct store *store, const struct idempotency *wish, struct err *err)
{
    (void)store;
    (void)wish;
    (void)err;
    return true;
}

void kept_answer_release(struct kept_answer *kept)
{
    *kept = (struct kept_answer){ 0 };
}
