/* The schema: a numbered list of steps that is only ever appended to. */
#include "clients/postgres/server.h"
#include "store/store_internal.h"

/* Any number of our own; two daemons that start together take turns. */
#define MIGRATION_LOCK "731964850263"

/*
 * Documents are of type json, not jsonb: they come back as they were written (jsonb writes 1e300 as 301 digits, which
 * no JSON reader takes for an integer), and nothing looks into them by SQL. Names compare bytewise ("C"), so pages
 * and their order do not depend on the cluster's locale. What belongs to a record goes with it; its foreign keys are
 * deferred because admission may claim before the record itself is stored.
 */
static const char *const migrations[] = {
    /* 1 */
    "create table counter (version bigint not null, is_only boolean primary key default true check (is_only));"
    "insert into counter (version) values (0);"
    "create table fact (name text collate \"C\" primary key, value text not null);"
    "create table record ("
    " uid text collate \"C\" primary key,"
    " kind text collate \"C\" not null, namespace text collate \"C\" not null, name text collate \"C\" not null,"
    " generation bigint not null, version bigint not null,"
    " created_ms bigint not null, deletion_ms bigint not null,"
    " finalizers json not null, labels json not null, annotations json not null, spec json not null, status json not "
    "null,"
    " unique (kind, namespace, name));"
    "create index record_namespace on record (namespace);"
    "create table change ("
    " version bigint primary key,"
    " kind text collate \"C\" not null, namespace text collate \"C\" not null, name text collate \"C\" not null,"
    " uid text collate \"C\" not null, generation bigint not null,"
    " operation text not null check (operation in ('ADDED', 'MODIFIED', 'DELETED')),"
    " object json not null, spec_changed boolean not null, is_event boolean not null, who text, at_ms bigint not null);"
    "create table state ("
    " uid text collate \"C\" primary key references record on delete cascade deferrable initially deferred,"
    " document json not null);"
    "create table secret ("
    " uid text collate \"C\" not null references record on delete cascade deferrable initially deferred,"
    " name text collate \"C\" not null, sealed text not null, primary key (uid, name));"
    "create table claim ("
    " scope text collate \"C\" not null, value text collate \"C\" not null,"
    " uid text collate \"C\" not null references record on delete cascade deferrable initially deferred,"
    " primary key (scope, value));"
    "create index claim_uid on claim (uid);"
    "create table event ("
    " uid text collate \"C\" primary key, name text collate \"C\" not null, namespace text collate \"C\" not null,"
    " version bigint not null,"
    " about_kind text not null, about_namespace text not null, about_name text not null, about_uid text collate \"C\" "
    "not null,"
    " type text not null, reason text not null, message text not null,"
    " first_ms bigint not null, last_ms bigint not null, count bigint not null);"
    "create index event_about on event (about_uid, version);"
    "create index event_namespace on event (namespace);"
    "create index event_last on event (last_ms);"
    "create table token ("
    " user_name text collate \"C\" primary key, digest text collate \"C\" not null unique,"
    " role text not null check (role in ('member', 'admin')), namespace text collate \"C\" not null, created_ms bigint "
    "not null);",
    /* 2 */
    "create table leader (epoch bigint not null, holder text not null, name text not null, since_ms bigint not null,"
    " is_only boolean primary key default true check (is_only));"
    "insert into leader (epoch, holder, name, since_ms) values (0, '', '', 0);",
    /* 3: accounts, sessions, tokens with a scope, attempts to log in, answers that are kept */
    "alter table token add column tenants text not null default '', add column verbs text not null default '',"
    " add column expires_ms bigint not null default 0, add column used_ms bigint not null default 0;"
    "update token set tenants = namespace;"
    "alter table token drop column namespace;"
    "create table account ("
    " id text collate \"C\" primary key, email text collate \"C\" not null unique, name text,"
    " password_hash text not null, role text not null check (role in ('member', 'admin')), tenants text not null,"
    " disabled boolean not null, created_ms bigint not null, last_login_ms bigint not null);"
    "create table session ("
    " digest text collate \"C\" primary key,"
    " account text collate \"C\" not null references account on delete cascade,"
    " created_ms bigint not null, expires_ms bigint not null);"
    "create index session_account on session (account);"
    "create table attempt (key text collate \"C\" primary key, count bigint not null, since_ms bigint not null);"
    "create table idempotency ("
    " user_name text collate \"C\" not null, key text collate \"C\" not null, digest text not null,"
    " status bigint not null default 0, body text not null default '', at_ms bigint not null,"
    " primary key (user_name, key));",
    /* 4: whose fields are, by server-side apply */
    "alter table record add column managed json not null default '[]';",
    /* 5: the row as it was before the change; null: there was none, or nobody kept it yet */
    "alter table change add column before json;",
    /* 6: what a Source applied last of each record */
    "create table applied ("
    " uid text collate \"C\" primary key references record on delete cascade deferrable initially deferred,"
    " source text collate \"C\" not null, document json not null);"
    "create index applied_source on applied (source);",
};

static bool query_int(struct pg *pg, const char *sql, const struct call *call, int64_t *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg, sql, NULL, 0, call, &result, err))
        return false;
    *ret = PQntuples(result) > 0 ? pg_int(result, 0, "answer") : 0;
    return true;
}

/* Within a transaction that the caller ends. */
static bool upgrade(struct pg *pg, const struct call *call, struct err *err)
{
    int64_t present = 0;
    int64_t known = (int64_t)ARRAY_LEN(migrations);
    if (!pg_query(pg, "select pg_advisory_xact_lock(" MIGRATION_LOCK ")", NULL, 0, call, NULL, err))
        return err_wrap(err, "wait for another upgrade");
    if (!query_int(pg, "select count(*) as answer from pg_namespace where nspname = 'store'", call, &present, err))
        return false;
    if (present == 0 && !pg_query(pg, "create schema store", NULL, 0, call, NULL, err))
        return err_wrap(err, "create schema store");
    if (!pg_query(pg,
                  "set local search_path to store, pg_catalog, pg_temp;"
                  "create table if not exists migration (number bigint primary key, applied_ms bigint not null)",
                  NULL, 0, call, NULL, err) ||
        !query_int(pg, "select coalesce(max(number), 0) as answer from migration", call, &present, err))
        return false;
    if (present > known)
        return err_set(err, ERR_INVALID,
                       "the schema in PostgreSQL is at step %lld, this tenantd knows %lld: start the newer tenantd",
                       (long long)present, (long long)known);
    for (int64_t number = present + 1; number <= known; number++) {
        CLEANUP(freep)
        char *note = mem_printf("insert into migration (number, applied_ms) values (%lld, %lld)", (long long)number,
                                (long long)clock_wall_ms());
        if (!pg_query(pg, migrations[number - 1], NULL, 0, call, NULL, err) ||
            !pg_query(pg, note, NULL, 0, call, NULL, err))
            return err_wrap(err, "step %lld", (long long)number);
    }
    return true;
}

/*
 * The audit's table is no part of the schema that we own: an administrator makes it. A superuser is one (tests are), and
 * nothing would hold who may do everything.
 */
static bool check_audit(struct pg *pg, const struct call *call, struct err *err)
{
    int64_t is_there = 0, is_superuser = 0;
    if (!query_int(pg, "select count(*) as answer from to_regclass('tenantd.audit') found where found is not null",
                   call, &is_there, err) ||
        !query_int(pg, "select (current_setting('is_superuser') = 'on')::int as answer", call, &is_superuser, err))
        return false;
    if (is_there)
        return true;
    if (is_superuser)
        return server_audit_create(pg, call, err);
    return err_set(err, ERR_INVALID, "there is no table tenantd.audit: run tenantd bootstrap-database once more");
}

bool store_migrate(struct store *store, const struct call *call, struct err *err)
{
    /* A connection of its own: the store's prepares its statements, which needs the schema. */
    CLEANUP(pg_freep) struct pg *pg = pg_new(store->url);
    if (pg_query(pg, "begin", NULL, 0, call, NULL, err) && upgrade(pg, call, err) && check_audit(pg, call, err) &&
        pg_query(pg, "commit", NULL, 0, call, NULL, err))
        return true;
    return err_wrap(err, "upgrade the store's schema"); /* the connection closes, which rolls back */
}
