/* A clone's contents change hands: what its template's role owns in it becomes the new role's. */
#include "base/str.h"
#include "clients/postgres/server_internal.h"

/* Quoted names of the roles of this installation, but `role`, that own something here or were granted something. */
static bool find_others(struct server *server, struct pg *pg, const char *role, const struct call *call,
                        struct strv *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg,
                  "select distinct pg_get_userbyid(refobjid) as name from pg_shdepend"
                  " where refclassid = 'pg_authid'::regclass"
                  " and dbid = (select oid from pg_database where datname = current_database())",
                  NULL, 0, call, &result, err))
        return false;
    for (int i = 0; i < PQntuples(result); i++) {
        const char *name = pg_text(result, i, "name");
        if (server_is_role(server->installation, name) && !str_equal(name, role))
            strv_add(ret, name);
    }
    return true;
}

/*
 * REASSIGN OWNED also moves shared objects: whole databases, the template among them where it was not closed first.
 * They are given back within the same transaction, so that nobody ever sees them moved.
 */
static bool add_giving_back(struct pg *pg, const char *other, struct str *sql, const struct call *call, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { other };
    if (!pg_query(pg,
                  "select datname from pg_database where datdba = (select oid from pg_roles where rolname = $1)"
                  " and datname <> current_database()",
                  params, 1, call, &result, err))
        return false;
    for (int i = 0; i < PQntuples(result); i++) {
        str_add(sql, "alter database ");
        str_add_pg_ident(sql, pg_text(result, i, "datname"));
        str_add(sql, " owner to ");
        str_add_pg_ident(sql, other);
        str_add(sql, "; ");
    }
    return true;
}

static bool add_reassign(struct pg *pg, const char *other, const char *role, struct str *sql, const struct call *call,
                         struct err *err)
{
    str_add(sql, "reassign owned by ");
    str_add_pg_ident(sql, other);
    str_add(sql, " to ");
    str_add_pg_ident(sql, role);
    str_add(sql, "; ");
    if (!add_giving_back(pg, other, sql, call, err))
        return false;
    /* Owns nothing here any more: what this takes away are grants and default privileges, which would hold the role. */
    str_add(sql, "drop owned by ");
    str_add_pg_ident(sql, other);
    str_add(sql, "; ");
    return true;
}

bool database_take_over(struct server *server, const char *name, const char *role, const struct call *call,
                        struct err *err)
{
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(strv_release) struct strv others = STRV_INIT;
    CLEANUP(str_release) struct str sql = STR_INIT;
    if (!server_role_check(server, role, err) || !database_look(server, name, call, &database, err))
        return false;
    if (!str_equal(database.owner, role))
        return err_set(err, ERR_CONFLICT, "database %s belongs to role %s, not to %s", name, database.owner, role);
    CLEANUP(freep) char *url = pg_url_with(server->url, name, NULL, NULL);
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(url);
    bool done = find_others(server, pg, role, call, &others, err);
    for (size_t i = 0; done && i < others.count; i++)
        done = add_reassign(pg, others.items[i], role, &sql, call, err);
    if (done && sql.len > 0)
        done = pg_query(pg, sql.text, NULL, 0, call, NULL, err);
    return done || err_wrap(err, "give the contents of database %s to role %s", name, role);
}
