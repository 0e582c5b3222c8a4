/* What databases there are, whose they are, and how large. */
#include "base/str.h"
#include "clients/postgres/server_internal.h"

/* A comment that somebody else wrote is no stamp. Sizes are left out: they cost a walk over the files. */
#define LOOK_COLUMNS                                                                                                   \
    "d.datname as name, pg_get_userbyid(d.datdba) as owner, d.datallowconn::int as allow_connections,"                 \
    " case when c.comment like 'tenantd %' then c.comment end as comment,"                                             \
    " (exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"                                \
    "  where a.privilege_type = 'CONNECT' and a.grantee <> d.datdba"                                                   \
    "  and a.grantee <> (select oid from pg_roles where rolname = current_user)))::int as public_can_connect,"         \
    " (d.datconnlimit <> -1 or d.datistemplate"                                                                        \
    "  or not has_database_privilege(d.datdba, d.oid, 'CONNECT'))::int as deviates,"                                   \
    " coalesce(s.count, 0) as connections"
#define LOOK_TABLES                                                                                                    \
    " from pg_database d cross join lateral (select shobj_description(d.oid, 'pg_database') as comment) c"             \
    " left join (select datid, count(*) from pg_stat_activity group by datid) s on s.datid = d.oid"
#define LOOK_SQL "select " LOOK_COLUMNS LOOK_TABLES

/* Databases first, then roles: one answer, in which a role has no owner. */
#define LIST_SQL                                                                                                       \
    "select " LOOK_COLUMNS ", 0 as can_login, 0 as connection_limit, '' as verifier_digest" LOOK_TABLES                \
    " union all select r.role_name, null, 0, null, 0, r.deviates::int, 0, r.can_login::int, r.connection_limit,"       \
    " r.verifier_digest from tenantd.list_roles() r"

void database_release(struct database *database)
{
    free(database->name);
    free(database->owner);
    free(database->comment);
    *database = (struct database){ 0 };
}

void databases_release(struct databases *databases)
{
    for (size_t i = 0; i < databases->count; i++)
        database_release(&databases->items[i]);
    free(databases->items);
    *databases = (struct databases){ 0 };
}

static struct database database_from(const PGresult *result, int row)
{
    return (struct database){
        .name = mem_strdup(pg_text(result, row, "name")),
        .owner = mem_strdup(pg_text(result, row, "owner")),
        .comment = mem_strdup(pg_text(result, row, "comment")),
        .public_can_connect = pg_int(result, row, "public_can_connect") != 0,
        .allow_connections = pg_int(result, row, "allow_connections") != 0,
        .deviates = pg_int(result, row, "deviates") != 0,
        .connections = pg_int(result, row, "connections"),
        .size_bytes = -1,
    };
}

void role_listed_release(struct role_listed *role)
{
    free(role->name);
    free(role->verifier_digest);
    *role = (struct role_listed){ 0 };
}

void role_list_release(struct role_list *roles)
{
    for (size_t i = 0; i < roles->count; i++)
        role_listed_release(&roles->items[i]);
    free(roles->items);
    *roles = (struct role_list){ 0 };
}

static struct role_listed role_from(const PGresult *result, int row)
{
    return (struct role_listed){
        .name = mem_strdup(pg_text(result, row, "name")),
        .can_login = pg_int(result, row, "can_login") != 0,
        .connection_limit = pg_int(result, row, "connection_limit"),
        .deviates = pg_int(result, row, "deviates") != 0,
        .verifier_digest = mem_strdup(pg_text(result, row, "verifier_digest")),
    };
}

bool server_list(struct server *server, const struct call *call, struct databases *ret_databases,
                 struct role_list *ret_roles, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!server_run(server, LIST_SQL, NULL, 0, call, &result, err))
        return err_wrap(err, "list databases and roles");
    size_t count = (size_t)PQntuples(result);
    struct databases databases = { .items = mem_zalloc((count + 1) * sizeof(databases.items[0])) };
    struct role_list roles = { .items = mem_zalloc((count + 1) * sizeof(roles.items[0])) };
    for (size_t i = 0; i < count; i++) {
        if (pg_text(result, (int)i, "owner"))
            databases.items[databases.count++] = database_from(result, (int)i);
        else
            roles.items[roles.count++] = role_from(result, (int)i);
    }
    *ret_databases = databases;
    *ret_roles = roles;
    return true;
}

bool database_list(struct server *server, const struct call *call, struct databases *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(server->pg, LOOK_SQL " order by d.datname", NULL, 0, call, &result, err))
        return err_wrap(err, "list databases");
    struct databases databases = { .count = (size_t)PQntuples(result) };
    databases.items = mem_zalloc((databases.count + 1) * sizeof(databases.items[0]));
    for (size_t i = 0; i < databases.count; i++)
        databases.items[i] = database_from(result, (int)i);
    *ret = databases;
    return true;
}

bool database_look(struct server *server, const char *name, const struct call *call, struct database *ret,
                   struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { name };
    if (!server_name_check("database", name, err))
        return false;
    if (!pg_query(server->pg, LOOK_SQL " where d.datname = $1", params, 1, call, &result, err))
        return err_wrap(err, "look at database %s", name);
    if (PQntuples(result) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no database %s", name);
    *ret = database_from(result, 0);
    return true;
}

bool database_size(struct server *server, const char *name, const struct call *call, int64_t *ret_bytes,
                   struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { name };
    if (!server_name_check("database", name, err))
        return false;
    if (!pg_query(server->pg, "select pg_database_size($1) as bytes", params, 1, call, &result, err))
        return err_wrap(err, "measure database %s", name);
    *ret_bytes = pg_int(result, 0, "bytes");
    return true;
}
