/* What is done to databases: made, closed, taken over, renamed, dropped; each looks at the stamp before it acts. */
#include <poll.h>

#include "base/str.h"
#include "clients/postgres/server_internal.h"

#define SESSIONS_END_MS (5 * SECOND_MS) /* for sessions that were told to end, and PostgreSQL's own workers */
#define REOPEN_MS       (5 * SECOND_MS)
#define SLICE_MS        20
#define INVALID_LIMIT   (-2) /* pg_database.datconnlimit of what an interrupted DROP DATABASE left (15.4 on) */

static bool execute(struct pg *pg, const struct str *sql, const struct call *call, struct err *err)
{
    return pg_query(pg, sql->text, NULL, 0, call, NULL, err);
}

/* "alter database <name> <what>; " with the name quoted. */
static void add_alter(struct str *sql, const char *name, const char *what)
{
    str_add(sql, "alter database ");
    str_add_pg_ident(sql, name);
    str_addf(sql, " %s; ", what);
}

static void add_rename(struct str *sql, const char *name, const char *new_name)
{
    str_add(sql, "alter database ");
    str_add_pg_ident(sql, name);
    str_add(sql, " rename to ");
    str_add_pg_ident(sql, new_name);
    str_add(sql, "; ");
}

static void add_owner(struct str *sql, const char *name, const char *role)
{
    str_add(sql, "alter database ");
    str_add_pg_ident(sql, name);
    str_add(sql, " owner to ");
    str_add_pg_ident(sql, role);
    str_add(sql, "; ");
}

/* Closed, and ours, for its owner could open it again or make it a template, which cannot be dropped. */
static void add_seize(struct str *sql, const char *name)
{
    add_alter(sql, name, "allow_connections false is_template false");
    add_alter(sql, name, "owner to current_user");
}

static void add_revoke(struct str *sql, const char *name, const char *quoted_grantee)
{
    str_add(sql, "revoke all on database ");
    str_add_pg_ident(sql, name);
    str_addf(sql, " from %s; ", quoted_grantee);
}

/* An owner whom somebody took CONNECT from cannot come in. */
static void add_grant(struct str *sql, const char *name, const char *role)
{
    str_add(sql, "grant all on database ");
    str_add_pg_ident(sql, name);
    str_add(sql, " to ");
    str_add_pg_ident(sql, role);
    str_add(sql, "; ");
}

static void add_stamp(struct str *sql, const char *name, const char *stamp)
{
    str_add(sql, "comment on database ");
    str_add_pg_ident(sql, name);
    str_add(sql, " is ");
    str_add_pg_literal(sql, stamp);
    str_add(sql, "; ");
}

static bool stamp_is_ours(const struct server *server, const char *stamp)
{
    CLEANUP(freep) char *prefix = mem_printf("tenantd %s ", server->installation);
    return stamp && str_starts_with(stamp, prefix) && stamp[strlen(prefix)];
}

static bool stamp_check(const struct server *server, const char *stamp, struct err *err)
{
    return stamp_is_ours(server, stamp) ||
           err_set(err, ERR_INVALID, "\"%s\" is no stamp of installation %s", stamp ? stamp : "", server->installation);
}

static bool raise_not_ours(const struct database *database, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "database %s belongs to somebody else: its stamp is %s, its owner %s",
                   database->name, database->comment ? database->comment : "missing", database->owner);
}

/* Looks at it and is content only when it carries `stamp`. */
static bool look_at_ours(struct server *server, const char *name, const char *stamp, const struct call *call,
                         struct database *ret, struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    if (!database_look(server, name, call, &database, err))
        return false;
    if (!str_equal(database.comment, stamp))
        return raise_not_ours(&database, err);
    *ret = database;
    database = (struct database){ 0 };
    return true;
}

/* One who cannot be ended by us stays in the way; the error says who. */
static bool raise_sessions(struct pg *pg, const char *name, const struct call *call, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { name };
    if (!pg_query(pg,
                  "select string_agg(coalesce(usename, 'a server process') || ' (process ' || pid || ')', ', ') as who"
                  " from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
                  params, 1, call, &result, err))
        return false;
    const char *who = pg_text(result, 0, "who");
    return err_set(err, ERR_CONFLICT, "database %s is in use by %s; end that session", name,
                   who ? who : "a prepared transaction or replication slot");
}

static bool terminate(struct pg *pg, const char *pid, const struct call *call, struct err *err)
{
    CLEANUP(err_release) struct err why = ERR_INIT;
    const char *params[] = { pid };
    if (pg_query(pg, "select pg_terminate_backend($1::int)", params, 1, call, NULL, &why) || why.code == ERR_FORBIDDEN)
        return true; /* a superuser's: raise_sessions() tells of it when it does not end by itself */
    err_move(err, &why);
    return false;
}

/* The database is closed to new ones. PostgreSQL's own workers are left to it: the act that follows ends them. */
static bool end_sessions(struct pg *pg, const char *name, const struct call *call, struct err *err)
{
    struct call waiting = call_within(call, SESSIONS_END_MS);
    const char *params[] = { name };
    for (;;) {
        CLEANUP(pg_clearp) PGresult *result = NULL;
        if (!pg_query(pg,
                      "select pid from pg_stat_activity where datname = $1 and usename is not null"
                      " and pid <> pg_backend_pid()",
                      params, 1, call, &result, err))
            return false;
        if (PQntuples(result) == 0)
            return true;
        if (call_left_ms(&waiting) == 0)
            return raise_sessions(pg, name, call, err);
        for (int i = 0; i < PQntuples(result); i++)
            if (!terminate(pg, pg_text(result, i, "pid"), call, err))
                return false;
        poll(NULL, 0, SLICE_MS);
    }
}

bool database_create(struct server *server, const char *name, const char *role, const char *template_or_null,
                     const char *stamp, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str create = STR_INIT;
    CLEANUP(str_release) struct str finish = STR_INIT;
    const char *template = template_or_null ? template_or_null : "template0";
    if (!server_name_check("database", name, err) || !server_name_check("template", template, err) ||
        !server_role_check(server, role, err) || !stamp_check(server, stamp, err))
        return false;
    str_add(&create, "create database ");
    str_add_pg_ident(&create, name);
    str_add(&create, " owner ");
    str_add_pg_ident(&create, role);
    str_add(&create, " template ");
    str_add_pg_ident(&create, template);
    str_add(&create, template_or_null ? " allow_connections false" : " encoding 'UTF8' allow_connections false");
    add_stamp(&finish, name, stamp);
    add_revoke(&finish, name, "public");
    add_alter(&finish, name, "allow_connections true");
    if (!execute(server->pg, &create, call, err) || !execute(server->pg, &finish, call, err))
        return err_wrap(err, "create database %s", name);
    return true;
}

/* Everybody who was granted something by name, but the owner. */
static bool add_revokes(struct server *server, const char *name, struct str *sql, const struct call *call,
                        struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { name };
    if (!pg_query(server->pg,
                  "select distinct quote_ident(pg_get_userbyid(a.grantee)) as grantee"
                  " from pg_database d, aclexplode(d.datacl) a"
                  " where d.datname = $1 and a.grantee not in (0, d.datdba)",
                  params, 1, call, &result, err))
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        add_revoke(sql, name, pg_text(result, i, "grantee"));
    add_revoke(sql, name, "public");
    return true;
}

/*
 * A database of ours that an administrator gave to somebody else, or whose owner we are no member of any more, is not ours to alter: the
 * administrator's function gives it to `role` (NULL: to the connection role).
 */
static bool take_back(struct server *server, const struct database *database, const char *role_or_null,
                      const struct call *call, struct err *err)
{
    const char *params[] = { database->name, role_or_null };
    return server_run(server,
                      "select tenantd.own_database($1, coalesce($2, current_user)) from pg_database"
                      " where datname = $1 and not pg_has_role(current_user, datdba, 'MEMBER')",
                      params, 2, call, NULL, err);
}

bool database_repair(struct server *server, const char *name, const char *role, const char *stamp,
                     const struct call *call, struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(str_release) struct str sql = STR_INIT;
    if (!server_role_check(server, role, err) || !stamp_check(server, stamp, err) ||
        !database_look(server, name, call, &database, err))
        return false;
    bool is_remainder = !database.comment && str_equal(database.owner, role);
    if (!is_remainder && !str_equal(database.comment, stamp))
        return raise_not_ours(&database, err);
    if (!take_back(server, &database, role, call, err) ||
        !add_revokes(server, name, &sql, call, err)) /* by the owner there still is: the grantor */
        return err_wrap(err, "repair database %s", name);
    add_owner(&sql, name, role);
    add_grant(&sql, name, role);
    add_stamp(&sql, name, stamp);
    add_alter(&sql, name, "allow_connections true connection limit -1 is_template false");
    return execute(server->pg, &sql, call, err) || err_wrap(err, "repair database %s", name);
}

bool database_close(struct server *server, const char *name, const char *stamp, const struct call *call,
                    struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(str_release) struct str sql = STR_INIT;
    if (!stamp_check(server, stamp, err) || !look_at_ours(server, name, stamp, call, &database, err))
        return false;
    if (!take_back(server, &database, NULL, call, err) || !add_revokes(server, name, &sql, call, err))
        return err_wrap(err, "close database %s", name);
    add_seize(&sql, name);
    if (!execute(server->pg, &sql, call, err) || !end_sessions(server->pg, name, call, err))
        return err_wrap(err, "close database %s", name);
    return true;
}

/*
 * After an act that failed, also because its deadline passed; what cannot be reopened now is so by database_repair().
 */
static void reopen(struct server *server, const char *name, const struct call *failed)
{
    struct call call = call_afterwards(failed, REOPEN_MS);
    CLEANUP(str_release) struct str sql = STR_INIT;
    CLEANUP(err_release) struct err why = ERR_INIT;
    add_alter(&sql, name, "allow_connections true");
    if (!execute(server->pg, &sql, &call, &why))
        pg_close(server->pg);
}

static bool name_is_free(struct server *server, const char *new_name, const struct call *call, struct err *err)
{
    CLEANUP(database_release) struct database other = { 0 };
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (database_look(server, new_name, call, &other, &why))
        return err_set(err, ERR_EXISTS, "database %s exists", new_name);
    if (why.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &why);
    return false;
}

bool database_rename(struct server *server, const char *name, const char *new_name, const struct call *call,
                     struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(str_release) struct str close = STR_INIT;
    CLEANUP(str_release) struct str rename = STR_INIT;
    if (!server_name_check("database", new_name, err) || !database_look(server, name, call, &database, err))
        return false;
    if (!stamp_is_ours(server, database.comment))
        return raise_not_ours(&database, err);
    if (!take_back(server, &database, NULL, call, err) ||
        !name_is_free(server, new_name, call, err)) /* before anybody is thrown out */
        return err_wrap(err, "rename database %s", name);
    add_rename(&rename, name, new_name);
    if (database.allow_connections)
        add_alter(&rename, new_name, "allow_connections true");
    add_alter(&close, name, "allow_connections false");
    if (execute(server->pg, &close, call, err) && end_sessions(server->pg, name, call, err) &&
        execute(server->pg, &rename, call, err))
        return true;
    if (database.allow_connections)
        reopen(server, name, call);
    return err_wrap(err, "rename database %s to %s", name, new_name);
}

/* ---- changing places ---- */

/* Whether there is one of that name; it must be ours. */
static bool look_for_ours(struct server *server, const char *name, const char *stamp, const struct call *call,
                          bool *ret_there, struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(err_release) struct err why = ERR_INIT;
    *ret_there = look_at_ours(server, name, stamp, call, &database, &why);
    if (*ret_there || why.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &why);
    return false;
}

static bool close_and_clear(struct server *server, const char *name, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str close = STR_INIT;
    add_alter(&close, name, "allow_connections false");
    return execute(server->pg, &close, call, err) && end_sessions(server->pg, name, call, err);
}

/* Several statements in one query are one transaction. */
static bool swap_places(struct server *server, const struct database_swap *swap, bool has_live, const struct call *call,
                        struct err *err)
{
    CLEANUP(str_release) struct str sql = STR_INIT;
    if (has_live)
        add_rename(&sql, swap->live, swap->aside);
    add_rename(&sql, swap->beside, swap->live);
    add_alter(&sql, swap->live, "allow_connections true");
    return close_and_clear(server, swap->beside, call, err) &&
           (!has_live || close_and_clear(server, swap->live, call, err)) && execute(server->pg, &sql, call, err);
}

bool database_swap(struct server *server, const struct database_swap *swap, const struct call *call, struct err *err)
{
    bool has_live, has_beside, has_aside;
    if (!server_name_check("database", swap->live, err) || !server_name_check("database", swap->beside, err) ||
        !server_name_check("database", swap->aside, err) || !stamp_check(server, swap->stamp, err) ||
        !look_for_ours(server, swap->live, swap->stamp, call, &has_live, err) ||
        !look_for_ours(server, swap->beside, swap->stamp, call, &has_beside, err) ||
        !look_for_ours(server, swap->aside, swap->stamp, call, &has_aside, err))
        return err_wrap(err, "put database %s in the place of %s", swap->beside, swap->live);
    if (!has_beside && has_live)
        return true;
    if (!has_beside)
        return err_set(err, ERR_NOT_FOUND, "there is neither a database %s nor %s", swap->beside, swap->live);
    if (has_live && has_aside)
        return err_set(err, ERR_EXISTS, "database %s exists; %s stays where it is", swap->aside, swap->live);
    if (swap_places(server, swap, has_live, call, err))
        return true;
    if (has_live)
        reopen(server, swap->live, call);
    return err_wrap(err, "put database %s in the place of %s", swap->beside, swap->live);
}

/* What an interrupted drop left can neither be altered nor entered, only be dropped. */
static bool is_half_dropped(struct server *server, const char *name, const struct call *call, bool *ret,
                            struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { name };
    if (!pg_query(server->pg, "select datconnlimit from pg_database where datname = $1", params, 1, call, &result, err))
        return false;
    *ret = PQntuples(result) > 0 && pg_int(result, 0, "datconnlimit") == INVALID_LIMIT;
    return true;
}

bool database_drop(struct server *server, const char *name, const char *stamp, const struct call *call, struct err *err)
{
    CLEANUP(database_release) struct database before = { 0 };
    CLEANUP(database_release) struct database closed = { 0 };
    CLEANUP(str_release) struct str close = STR_INIT;
    CLEANUP(str_release) struct str drop = STR_INIT;
    bool half_dropped = false;
    if (!stamp_check(server, stamp, err) || !look_at_ours(server, name, stamp, call, &before, err))
        return err_wrap(err, "drop database %s", name);
    add_seize(&close, name);
    str_add(&drop, "drop database ");
    str_add_pg_ident(&drop, name);
    if (!is_half_dropped(server, name, call, &half_dropped, err) ||
        (!half_dropped && (!take_back(server, &before, NULL, call, err) || !execute(server->pg, &close, call, err) ||
                           !end_sessions(server->pg, name, call, err))) ||
        /* Ending sessions took its time; under this name there may be another one by now. */
        !look_at_ours(server, name, stamp, call, &closed, err) || !execute(server->pg, &drop, call, err))
        return err_wrap(err, "drop database %s", name);
    return true;
}
