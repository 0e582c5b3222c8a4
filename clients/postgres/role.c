/* Roles of this installation, made and looked at through the administrator's functions in schema tenantd. */
#include "base/str.h"
#include "clients/postgres/server_internal.h"

static bool is_missing_functions(const char *sqlstate)
{
    return str_equal(sqlstate, SQLSTATE_UNDEFINED_FUNCTION) || str_equal(sqlstate, SQLSTATE_NO_SUCH_SCHEMA);
}

bool server_run(struct server *server, const char *sql, const char *const *params, int count, const struct call *call,
                PGresult **ret, struct err *err)
{
    if (pg_query(server->pg, sql, params, count, call, ret, err))
        return true;
    if (is_missing_functions(pg_sqlstate(server->pg)))
        return err_set(err, ERR_FORBIDDEN,
                       "the database server is not prepared for tenantd; run once, as its administrator: "
                       "tenantd bootstrap-database");
    return false;
}

bool role_look(struct server *server, const char *role, const char *verifier, const struct call *call,
               struct role_seen *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { role, verifier };
    if (!server_role_check(server, role, err))
        return false;
    if (!server_run(server,
                    "select can_login::int, connection_limit, verifier_matches::int, deviates::int "
                    "from tenantd.look_role($1, $2)",
                    params, 2, call, &result, err))
        return err_wrap(err, "look at role %s", role);
    struct role_seen seen = { .exists = PQntuples(result) > 0 };
    if (seen.exists) {
        seen.can_login = pg_int(result, 0, "can_login") != 0;
        seen.connection_limit = pg_int(result, 0, "connection_limit");
        seen.verifier_matches = pg_int(result, 0, "verifier_matches") != 0;
        seen.deviates = pg_int(result, 0, "deviates") != 0;
    }
    *ret = seen;
    return true;
}

bool role_ensure(struct server *server, const char *role, const char *verifier, int64_t connection_limit,
                 const struct call *call, struct err *err)
{
    CLEANUP(freep) char *limit = mem_printf("%lld", (long long)connection_limit);
    const char *params[] = { role, verifier, limit };
    if (!server_role_check(server, role, err))
        return false;
    if (connection_limit < -1 || connection_limit > INT32_MAX)
        return err_set(err, ERR_INVALID, "%lld is no limit of connections", (long long)connection_limit);
    return server_run(server, "select tenantd.ensure_role($1, $2, $3::int)", params, 3, call, NULL, err) ||
           err_wrap(err, "make role %s", role);
}

/* What the server says in its DETAIL, which we leave out of errors because others show row values. */
static bool raise_dependents(struct server *server, const char *role, const struct call *call, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(err_release) struct err why = ERR_INIT;
    const char *params[] = { role };
    if (!pg_query(server->pg,
                  "select string_agg(text, ', ' order by text) as text from ("
                  " select case when s.classid = 'pg_database'::regclass"
                  "   then case s.deptype when 'o' then 'owner of' else 'grants on' end || ' database ' || o.datname"
                  "   else count(*) || ' objects or grants in database ' || coalesce(d.datname, '(shared)') end as text"
                  " from pg_shdepend s left join pg_database d on d.oid = s.dbid"
                  " left join pg_database o on s.classid = 'pg_database'::regclass and o.oid = s.objid"
                  " where s.refclassid = 'pg_authid'::regclass"
                  " and s.refobjid = (select oid from pg_roles where rolname = $1)"
                  " group by s.classid, s.deptype, o.datname, d.datname) as dependents",
                  params, 1, call, &result, &why))
        return err_wrap(err, "drop role %s", role);
    const char *text = pg_text(result, 0, "text");
    return err_set(err, ERR_CONFLICT, "drop role %s: still %s", role, text ? text : "in use");
}

bool role_drop(struct server *server, const char *role, const struct call *call, struct err *err)
{
    const char *params[] = { role };
    if (!server_role_check(server, role, err))
        return false;
    if (server_run(server, "select tenantd.drop_role($1)", params, 1, call, NULL, err))
        return true;
    if (str_equal(pg_sqlstate(server->pg), SQLSTATE_DEPENDENT_OBJECTS))
        return raise_dependents(server, role, call, err);
    return err_wrap(err, "drop role %s", role);
}
