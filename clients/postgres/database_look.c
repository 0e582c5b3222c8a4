/* What databases there are, whose they are, and how large. */
#include "base/str.h"
#include "clients/postgres/server_internal.h"

/* A comment that somebody else wrote is no stamp. Sizes are left out: they cost a walk over the files. */
#define LOOK_SQL                                                                                                       \
    "select d.datname, pg_get_userbyid(d.datdba) as owner, d.datallowconn::int,"                                       \
    " case when c.comment like 'tenantd %' then c.comment end as comment,"                                             \
    " (exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"                                \
    "  where a.privilege_type = 'CONNECT' and a.grantee <> d.datdba"                                                   \
    "  and a.grantee <> (select oid from pg_roles where rolname = current_user)))::int as public_can_connect,"         \
    " coalesce(s.count, 0) as connections"                                                                             \
    " from pg_database d cross join lateral (select shobj_description(d.oid, 'pg_database') as comment) c"             \
    " left join (select datid, count(*) from pg_stat_activity group by datid) s on s.datid = d.oid"

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
        .name = mem_strdup(pg_text(result, row, "datname")),
        .owner = mem_strdup(pg_text(result, row, "owner")),
        .comment = mem_strdup(pg_text(result, row, "comment")),
        .public_can_connect = pg_int(result, row, "public_can_connect") != 0,
        .allow_connections = pg_int(result, row, "datallowconn") != 0,
        .connections = pg_int(result, row, "connections"),
        .size_bytes = -1,
    };
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
