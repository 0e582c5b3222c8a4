/* pg_restore, fed from a chain of sinks, and the count of what came of it. */
#include "clients/postgres/restore.h"

#include "base/process.h"
#include "base/str.h"
#include "clients/postgres/server_internal.h"

/* The process' sink with what it points to. */
struct restore_sink {
    struct sink sink;
    struct sink *program;
    struct process process;
    char *path, *connection, *password;
    const char *argv[12];
    const char *env[5];
};

static bool restore_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct restore_sink *self = (struct restore_sink *)sink;
    return sink_write(self->program, bytes, len, err);
}

static bool restore_finish(struct sink *sink, struct err *err)
{
    struct restore_sink *self = (struct restore_sink *)sink;
    return sink_finish(self->program, err);
}

static void restore_free(struct sink *sink)
{
    struct restore_sink *self = (struct restore_sink *)sink;
    sink_free(self->program);
    free(self->path);
    free(self->connection);
    mem_wipe(self->password, strlen(self->password));
    free(self->password);
    free(self);
}

/* The server's own parameters without user, password and database, as "key='value'" that can stand in an argument. */
static bool add_connection(struct str *out, const char *url, const struct restore_into *into, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    PQfreemem(message); /* may show the URL, and so a password */
    if (!options)
        return err_set(err, ERR_INVALID, "the database server's URL cannot be read");
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        bool is_secret = strchr(option->dispchar, '*') != NULL;
        bool is_replaced = str_equal(option->keyword, "user") || str_equal(option->keyword, "dbname") ||
                           str_equal(option->keyword, "options") || str_equal(option->keyword, "passfile");
        if (!option->val || is_secret || is_replaced)
            continue;
        str_addf(out, "%s=", option->keyword);
        str_add_dsn_value(out, option->val);
        str_addc(out, ' ');
    }
    PQconninfoFree(options);
    str_add(out, "user=");
    str_add_dsn_value(out, into->role);
    str_add(out, " dbname=");
    str_add_dsn_value(out, into->database);
    return true;
}

struct sink *restore_sink_new(struct server *server, const struct restore_into *into, const struct call *call,
                              struct err *err)
{
    CLEANUP(str_release) struct str connection = STR_INIT;
    CLEANUP(freep) char *path = NULL;
    int major = 0;
    if (!add_connection(&connection, server->url, into, err) ||
        !dump_find_program("pg_restore", call, &path, &major, err))
        return NULL;
    struct restore_sink *self = MEM_NEW(struct restore_sink);
    self->sink = (struct sink){ restore_write, restore_finish, restore_free };
    self->path = STEAL(path);
    self->connection = str_steal(&connection);
    self->password = mem_printf("PGPASSWORD=%s", into->password);
    const char *argv[] = { self->path,         "--exit-on-error", "--no-owner", "--no-privileges",
                           "--no-tablespaces", "--format=custom", "--dbname",   self->connection };
    memcpy(self->argv, argv, sizeof(argv));
    self->env[0] = self->password;
    self->env[1] = "PGCONNECT_TIMEOUT=30";
    self->env[2] = "PGAPPNAME=tenantd";
    self->env[3] = "LC_ALL=C.UTF-8";
    self->process = (struct process){ .argv = self->argv, .extra_env = self->env };
    self->program = process_sink_new(&self->process, call);
    return &self->sink;
}

/* ---- counting ---- */

static int compare_tables(const void *a, const void *b)
{
    return strcmp(((const struct dump_table *)a)->name, ((const struct dump_table *)b)->name);
}

/*
 * Nothing of the tenant's runs with our rights: what would be row security is an error instead, and count(*) is pg_catalog's.
 */
static bool count_all(struct pg *pg, const struct call *call, struct dump_tables *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *tables = NULL;
    if (!pg_query(pg, "set row_security = off", NULL, 0, call, NULL, err) ||
        !pg_query(pg,
                  "select n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted"
                  " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                  " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')"
                  " and n.nspname not like 'pg\\_toast%' and n.nspname not like 'pg\\_temp%'",
                  NULL, 0, call, &tables, err))
        return false;
    int count = PQntuples(tables);
    ret->items = mem_zalloc(((size_t)count + 1) * sizeof(*ret->items));
    for (int i = 0; i < count; i++) {
        CLEANUP(pg_clearp) PGresult *rows = NULL;
        CLEANUP(freep) char *sql = mem_printf("select count(*) as rows from only %s", pg_text(tables, i, "quoted"));
        if (!pg_query(pg, sql, NULL, 0, call, &rows, err))
            return false;
        ret->items[ret->count].name = mem_strdup(pg_text(tables, i, "name"));
        ret->items[ret->count++].rows = pg_int(rows, 0, "rows");
    }
    qsort(ret->items, ret->count, sizeof(*ret->items), compare_tables);
    return true;
}

bool database_count_rows(struct server *server, const char *database, const struct call *call, struct dump_tables *ret,
                         struct err *err)
{
    CLEANUP(freep) char *url = pg_url_with(server->url, database, NULL, NULL);
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(url);
    *ret = (struct dump_tables){ 0 };
    if (count_all(pg, call, ret, err))
        return true;
    dump_tables_release(ret);
    return err_wrap(err, "count the rows of database %s", database);
}
