/* pg_dump as a stream, beside a session that holds the snapshot and looks at what is in it. */
#include "clients/postgres/dump.h"

#include "base/file.h"
#include "base/process.h"
#include "clients/postgres/server_internal.h"

#define PROGRAMS     "/usr/lib/postgresql" /* Debian's layout */
#define LOCK_WAIT_MS (10 * MINUTE_MS)      /* for a table that somebody changes; then it is tried again later */

void dump_tables_release(struct dump_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        free(tables->items[i].name);
    free(tables->items);
    *tables = (struct dump_tables){ 0 };
}

void dump_result_release(struct dump_result *result)
{
    free(result->version.text);
    dump_tables_release(&result->tables);
    strv_release(&result->answers);
    *result = (struct dump_result){ 0 };
}

/* ---- the program ---- */

static bool major_in_path(const char *name, const struct call *call, int *ret_major, struct err *err)
{
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const char *argv[] = { name, "--version", NULL }; /* "pg_dump (PostgreSQL) 15.14 (Debian ...)" */
    const struct process process = { .argv = argv };
    if (!process_run(&process, call, &output, &problem))
        return err_set(err, ERR_NOT_FOUND, "%s is not installed: install PostgreSQL's client programs", name);
    const char *number = strstr(output.text, ") ");
    CLEANUP(freep) char *digits = number ? mem_strndup(number + 2, strspn(number + 2, "0123456789")) : NULL;
    int64_t major = 0;
    if (!digits || !str_parse_int64(digits, 1, 1000, &major))
        return err_set(err, ERR_INTERNAL, "%s does not tell its version", name);
    *ret_major = (int)major;
    return true;
}

bool dump_find_program(const char *name, const struct call *call, char **ret_path, int *ret_major, struct err *err)
{
    CLEANUP(strv_release) struct strv versions = STRV_INIT;
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    int64_t newest = 0;
    if (!dir_list(PROGRAMS, &versions, &ignored))
        versions.count = 0; /* another layout: PATH knows */
    for (size_t i = 0; i < versions.count; i++) {
        CLEANUP(freep) char *path = mem_printf(PROGRAMS "/%s/bin/%s", versions.items[i], name);
        int64_t major;
        if (!str_parse_int64(versions.items[i], 1, 1000, &major) || major <= newest || !file_exists(path))
            continue;
        newest = major;
        free(*ret_path);
        *ret_path = STEAL(path);
    }
    *ret_major = (int)newest;
    if (newest)
        return true;
    *ret_path = mem_strdup(name);
    return major_in_path(name, call, ret_major, err);
}

static bool find_new_enough(const struct server_version *version, const struct call *call, char **ret_path,
                            struct err *err)
{
    int major = 0;
    if (!dump_find_program("pg_dump", call, ret_path, &major, err))
        return false;
    return major >= version->number / 10000 ||
           err_set(err, ERR_UNSUPPORTED,
                   "pg_dump %d is older than the server, which is PostgreSQL %s: install postgresql-client-%d", major,
                   version->text, version->number / 10000);
}

/* ---- the snapshot ---- */

/* A session of the instance's role in a transaction that sees one moment, and its name for pg_dump. */
static bool open_snapshot(struct pg *pg, const struct call *call, char **ret_snapshot, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg,
                  "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set row_security = off; "
                  "begin isolation level repeatable read read only; select pg_export_snapshot() as snapshot",
                  NULL, 0, call, &result, err))
        return err_wrap(err, "open a snapshot");
    *ret_snapshot = mem_strdup(pg_text(result, 0, "snapshot"));
    return true;
}

static bool count_rows(struct pg *pg, const char *schema, const char *table, const struct call *call, int64_t *ret_rows,
                       struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(str_release) struct str sql = STR_INIT;
    str_add(&sql, "select count(*) as rows from only ");
    str_add_pg_ident(&sql, schema);
    str_addc(&sql, '.');
    str_add_pg_ident(&sql, table);
    if (!pg_query(pg, sql.text, NULL, 0, call, &result, err))
        return err_wrap(err, "count the rows of %s.%s", schema, table);
    *ret_rows = pg_int(result, 0, "rows");
    return true;
}

static bool count_tables(struct pg *pg, const struct call *call, struct dump_tables *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg,
                  "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
                  " where relkind = 'r' and relpersistence <> 't' and nspname !~ '^pg_'"
                  " and nspname <> 'information_schema' and not exists (select 1 from pg_depend"
                  " where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')"
                  " order by (nspname || '.' || relname) collate \"C\"",
                  NULL, 0, call, &result, err))
        return err_wrap(err, "list the tables");
    int count = PQntuples(result);
    ret->items = mem_grow(ret->items, (size_t)count + 1, sizeof(ret->items[0]));
    for (int i = 0; i < count; i++) {
        const char *schema = pg_text(result, i, "nspname"), *table = pg_text(result, i, "relname");
        struct dump_table *item = &ret->items[ret->count];
        if (!count_rows(pg, schema, table, call, &item->rows, err))
            return false;
        item->name = mem_printf("%s.%s", schema, table);
        ret->count++;
    }
    return true;
}

/* The customer's App wrote the query, so it runs as what it is: his, read only, in his own database. */
static bool ask(struct pg *pg, const char *query, const struct call *call, struct strv *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!query)
        return true;
    if (!pg_query(pg, "set local search_path = public", NULL, 0, call, NULL, err) ||
        !pg_query(pg, query, NULL, 0, call, &result, err))
        return err_wrap(err, "ask which files must exist");
    if (PQnfields(result) < 1)
        return err_set(err, ERR_INVALID, "the query for files that must exist gives no column");
    if (PQntuples(result) > DUMP_ANSWERS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d files must exist", DUMP_ANSWERS_MAX);
    for (int i = 0; i < PQntuples(result); i++)
        if (!PQgetisnull(result, i, 0))
            strv_add(ret, PQgetvalue(result, i, 0));
    strv_sort(ret);
    return true;
}

/* ---- the dump ---- */

struct invocation {
    char *program, *snapshot, *url, *password_env;
};

static void invocation_release(struct invocation *invocation)
{
    if (invocation->password_env)
        mem_wipe(invocation->password_env, strlen(invocation->password_env));
    free(invocation->program);
    free(invocation->snapshot);
    free(invocation->url);
    free(invocation->password_env);
}

static bool run(const struct invocation *invocation, struct sink *to, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *snapshot = mem_printf("--snapshot=%s", invocation->snapshot);
    CLEANUP(freep) char *database = mem_printf("--dbname=%s", invocation->url);
    CLEANUP(freep) char *lock_wait = mem_printf("--lock-wait-timeout=%lld", (long long)LOCK_WAIT_MS);
    const char *argv[] = { invocation->program, "--format=custom", "--compress=0", "--no-password",
                           lock_wait,           snapshot,          database,       NULL };
    const char *env[] = { invocation->password_env, "PGPASSFILE=/dev/null", "LC_ALL=C", NULL };
    const struct process process = { .argv = argv, .extra_env = env };
    return process_run_into(&process, to, call, err);
}

static bool dump(struct server *server, const struct dump_source *source, struct sink *to, const struct call *call,
                 struct dump_result *ret, struct err *err)
{
    CLEANUP(invocation_release)
    struct invocation invocation = { .url = pg_url_with(server->url, source->database, source->role, NULL),
                                     .password_env = mem_printf("PGPASSWORD=%s", source->password) };
    CLEANUP(freep) char *url = pg_url_with(server->url, source->database, source->role, source->password);
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(url);
    mem_wipe(url, strlen(url));
    return server_version(server, call, &ret->version, err) &&
           find_new_enough(&ret->version, call, &invocation.program, err) &&
           open_snapshot(pg, call, &invocation.snapshot, err) && run(&invocation, to, call, err) &&
           count_tables(pg, call, &ret->tables, err) && ask(pg, source->query, call, &ret->answers, err);
}

bool database_dump(struct server *server, const struct dump_source *source, struct sink *to, const struct call *call,
                   struct dump_result *ret, struct err *err)
{
    dump_result_release(ret);
    return dump(server, source, to, call, ret, err) || err_wrap(err, "dump database %s", source->database);
}
