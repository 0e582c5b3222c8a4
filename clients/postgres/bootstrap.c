/*
 * What an administrator does once for us: the connection role, its database, and functions that act with the
 * administrator's rights on roles of one installation only, so that the connection role needs no right but CREATEDB.
 */
#include "base/log.h"
#include "base/str.h"
#include "clients/postgres/server_internal.h"

/* Whether role `a` of pg_authid has other rights or memberships than ensure_role() gives. */
#define DEVIATES                                                                                                       \
    "(a.rolsuper or a.rolcreatedb or a.rolcreaterole or a.rolreplication or a.rolbypassrls or not a.rolinherit"        \
    " or coalesce(a.rolvaliduntil <> 'infinity', false)"                                                               \
    " or exists (select from pg_auth_members m where m.member = a.oid)"                                                \
    " or exists (select from pg_auth_members m join pg_roles r on r.oid = m.member"                                    \
    "            where m.roleid = a.oid and r.rolname <> @ROLE@)"                                                      \
    " or not exists (select from pg_auth_members m join pg_roles r on r.oid = m.member"                                \
    "                where m.roleid = a.oid and r.rolname = @ROLE@))"

/*
 * Placeholders: @PATTERN@ for a literal, what a role of this installation is named like, @STAMP@ what the comment of
 * its databases is like; @ROLE@ for a literal, the connection role. That one becomes a member of each role it makes: PostgreSQL asks this of who gives a database to a
 * role, ends its sessions or reassigns what it owns. (From 16 on a plain GRANT by a superuser means the same: INHERIT
 * and SET, without ADMIN.) A verifier that does not look like one would be taken for a clear password, hence the
 * second check. Up to PostgreSQL 15 a role may grant itself to others, so members are looked at as well.
 */
static const char functions[] =
    "create function tenantd.ensure_role(role_name text, verifier text, connection_limit integer)\n"
    "returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$\n"
    "declare\n"
    "    membership record;\n"
    "begin\n"
    "    if role_name is null or role_name !~ @PATTERN@ then\n"
    "        raise exception 'not a role of this installation' using errcode = '42501';\n"
    "    end if;\n"
    "    if verifier is null or verifier !~ @VERIFIER@ then\n"
    "        raise exception 'not a SCRAM-SHA-256 verifier' using errcode = '42501';\n"
    "    end if;\n"
    "    if connection_limit is null or connection_limit < -1 then\n"
    "        raise exception 'not a connection limit' using errcode = '42501';\n"
    "    end if;\n"
    "    perform pg_advisory_xact_lock(7464, hashtext(role_name)); -- two at once fail: tuple concurrently updated\n"
    "    if not exists (select from pg_roles where rolname = role_name) then\n"
    "        execute format('create role %I', role_name);\n"
    "    end if;\n"
    "    execute format('alter role %I login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls '\n"
    "                   'connection limit %s password %L valid until ''infinity''',\n"
    "                   role_name, connection_limit, verifier);\n"
    "    for membership in\n"
    "        select r.rolname as granted, m.rolname as member\n"
    "        from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member\n"
    "        where (r.rolname = role_name and m.rolname <> @ROLE@) or m.rolname = role_name\n"
    "    loop\n"
    "        execute format('revoke %I from %I', membership.granted, membership.member);\n"
    "    end loop;\n"
    "    if not exists (select from pg_auth_members a join pg_roles r on r.oid = a.roleid\n"
    "                   join pg_roles m on m.oid = a.member where r.rolname = role_name and m.rolname = @ROLE@) then\n"
    "        execute format('grant %I to %I', role_name, @ROLE@);\n"
    "    end if;\n"
    "end $function$;\n"

    "create function tenantd.look_role(role_name text, verifier text)\n"
    "returns table (can_login boolean, connection_limit integer, verifier_matches boolean, deviates boolean)\n"
    "language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $function$\n"
    "begin\n"
    "    if role_name is null or role_name !~ @PATTERN@ then\n"
    "        raise exception 'not a role of this installation' using errcode = '42501';\n"
    "    end if;\n"
    "    return query\n"
    "        select a.rolcanlogin, a.rolconnlimit, coalesce(a.rolpassword = verifier, false),\n"
    "               " DEVIATES "\n"
    "        from pg_authid a where a.rolname = role_name;\n"
    "end $function$;\n"

    "create function tenantd.list_roles()\n"
    "returns table (role_name text, can_login boolean, connection_limit integer, verifier_digest text,\n"
    "               deviates boolean)\n"
    "language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $function$\n"
    "begin\n"
    "    return query\n"
    "        select a.rolname::text, a.rolcanlogin, a.rolconnlimit,\n"
    "               coalesce(encode(sha256(convert_to(a.rolpassword, 'UTF8')), 'hex'), ''),\n"
    "               " DEVIATES "\n"
    "        from pg_authid a where a.rolname ~ @PATTERN@;\n"
    "end $function$;\n"

    "create function tenantd.own_database(database_name text, role_name text)\n"
    "returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$\n"
    "begin\n"
    "    if role_name is null or (role_name !~ @PATTERN@ and role_name <> @ROLE@) then\n"
    "        raise exception 'not a role of this installation' using errcode = '42501';\n"
    "    end if;\n"
    "    if not exists (select from pg_database where datname = database_name\n"
    "                   and shobj_description(oid, 'pg_database') ~ @STAMP@) then\n"
    "        raise exception 'not a database of this installation' using errcode = '42501';\n"
    "    end if;\n"
    "    execute format('alter database %I owner to %I', database_name, role_name);\n"
    "end $function$;\n"

    "create function tenantd.drop_role(role_name text)\n"
    "returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$\n"
    "begin\n"
    "    if role_name is null or role_name !~ @PATTERN@ then\n"
    "        raise exception 'not a role of this installation' using errcode = '42501';\n"
    "    end if;\n"
    "    perform pg_advisory_xact_lock(7464, hashtext(role_name));\n"
    "    perform pg_terminate_backend(pid) from pg_stat_activity where usename = role_name;\n"
    "    execute format('drop role %I', role_name);\n"
    "end $function$;\n";

/*
 * Who wrote what through the API. Whoever owns a table may change its rows, so it belongs to the administrator; the
 * connection role gets insert and select.
 */
static const char audit_table[] =
    "create schema if not exists tenantd;\n"
    "create table if not exists tenantd.audit (\n"
    "    number bigint generated always as identity primary key,\n"
    "    at_ms bigint not null, who text not null, address text not null, verb text not null, kind text not null,\n"
    "    namespace text not null, name text not null, uid text not null, fields text not null);\n";

static const char *const signatures[] = {
    "tenantd.ensure_role(text, text, integer)", "tenantd.look_role(text, text)", "tenantd.list_roles()",
    "tenantd.own_database(text, text)",         "tenantd.drop_role(text)",
};

static const char verifier_pattern[] =
    "^SCRAM-SHA-256\\$[0-9]{1,9}:[A-Za-z0-9+/]+={0,2}\\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$";

static bool execute(struct pg *pg, const struct str *sql, const struct call *call, struct err *err)
{
    return pg_query(pg, sql->text, NULL, 0, call, NULL, err);
}

/* True with *ret_exists; the role of the connection must not be able to do more than make databases. */
static bool check_role(struct pg *pg, const char *role, const struct call *call, bool *ret_exists, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    const char *params[] = { role };
    if (!pg_query(pg,
                  "select concat_ws(', ', case when r.rolsuper then 'SUPERUSER' end,"
                  " case when r.rolcreaterole then 'CREATEROLE' end,"
                  " case when r.rolreplication then 'REPLICATION' end,"
                  " case when r.rolbypassrls then 'BYPASSRLS' end,"
                  " (select 'membership in ' || string_agg(g.rolname, ', ') from pg_auth_members m"
                  "  join pg_roles g on g.oid = m.roleid where m.member = r.oid"
                  "  and g.rolname !~ '^td_[0-9a-f]{6}_[0-9a-f]{12}$')) as too_much"
                  " from pg_roles r where r.rolname = $1",
                  params, 1, call, &result, err))
        return false;
    *ret_exists = PQntuples(result) > 0;
    if (!*ret_exists || !*pg_text(result, 0, "too_much"))
        return true;
    return err_set(err, ERR_INVALID,
                   "role %s has more rights than CREATEDB (%s); take them away or choose another role", role,
                   pg_text(result, 0, "too_much"));
}

static bool ensure_connection_role(struct pg *pg, const struct server_bootstrap *bootstrap, const struct call *call,
                                   struct err *err)
{
    CLEANUP(str_release) struct str sql = STR_INIT;
    CLEANUP(freep) char *verifier = NULL;
    bool exists;
    if (!check_role(pg, bootstrap->role, call, &exists, err))
        return false;
    if (bootstrap->password && !server_encrypt(pg, bootstrap->role, bootstrap->password, call, &verifier, err))
        return false;
    str_add(&sql, exists ? "alter role " : "create role ");
    str_add_pg_ident(&sql, bootstrap->role);
    str_add(&sql, " login createdb inherit");
    if (verifier) {
        str_add(&sql, " password ");
        str_add_pg_literal(&sql, verifier);
    }
    return execute(pg, &sql, call, err);
}

/* ERR_CONFLICT when the database is somebody else's. */
static bool ensure_own_database(struct pg *pg, const struct server_bootstrap *bootstrap, const struct call *call,
                                struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(str_release) struct str sql = STR_INIT;
    const char *params[] = { bootstrap->database };
    if (!pg_query(pg, "select pg_get_userbyid(datdba) as owner from pg_database where datname = $1", params, 1, call,
                  &result, err))
        return false;
    if (PQntuples(result) > 0 && !str_equal(pg_text(result, 0, "owner"), bootstrap->role))
        return err_set(err, ERR_CONFLICT, "database %s belongs to role %s, not to %s", bootstrap->database,
                       pg_text(result, 0, "owner"), bootstrap->role);
    if (PQntuples(result) == 0) {
        str_add(&sql, "create database ");
        str_add_pg_ident(&sql, bootstrap->database);
        str_add(&sql, " owner ");
        str_add_pg_ident(&sql, bootstrap->role);
        str_add(&sql, " template template0 encoding 'UTF8'");
        if (!execute(pg, &sql, call, err))
            return false;
        str_clear(&sql);
    }
    str_add(&sql, "revoke all on database ");
    str_add_pg_ident(&sql, bootstrap->database);
    str_add(&sql, " from public");
    return execute(pg, &sql, call, err);
}

/* `text` with its placeholders filled in. */
static void fill_in(struct str *sql, const char *text, const struct server_bootstrap *bootstrap)
{
    CLEANUP(freep) char *pattern = mem_printf("^td_%s_[0-9a-f]{12}$", bootstrap->installation);
    CLEANUP(freep) char *stamp = mem_printf("^tenantd %s .", bootstrap->installation);
    const struct {
        const char *placeholder, *value;
    } rows[] = { { "@PATTERN@", pattern },
                 { "@STAMP@", stamp },
                 { "@VERIFIER@", verifier_pattern },
                 { "@ROLE@", bootstrap->role } };
    while (*text) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(rows) && !found; i++)
            if (str_starts_with(text, rows[i].placeholder)) {
                str_add_pg_literal(sql, rows[i].value);
                text += strlen(rows[i].placeholder);
                found = true;
            }
        if (!found)
            str_addc(sql, *text++);
    }
}

bool server_audit_create(struct pg *pg, const struct call *call, struct err *err)
{
    return pg_query(pg, audit_table, NULL, 0, call, NULL, err) || err_wrap(err, "create the audit's table");
}

/* One that the connection role made before us could have anything hung onto it, so it is not taken over. */
static void add_audit(struct str *sql, const struct server_bootstrap *bootstrap)
{
    str_add(sql, audit_table);
    str_add(sql, "do $check$ begin\n"
                 "    if not (select r.rolsuper from pg_class c join pg_roles r on r.oid = c.relowner\n"
                 "            where c.oid = 'tenantd.audit'::regclass) then\n"
                 "        raise exception 'table tenantd.audit is not an administrator''s: drop it' "
                 "using errcode = '42501';\n"
                 "    end if;\n"
                 "end $check$;\n"
                 "revoke all on tenantd.audit from public, ");
    str_add_pg_ident(sql, bootstrap->role);
    str_add(sql, ";\ngrant insert, select on tenantd.audit to ");
    str_add_pg_ident(sql, bootstrap->role);
    str_add(sql, ";\n");
}

/* One simple query is one transaction: all of it is there or nothing. */
static bool install_functions(const struct server_bootstrap *bootstrap, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *url = pg_url_with(bootstrap->admin_url, bootstrap->database, NULL, NULL);
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(url);
    CLEANUP(str_release) struct str sql = STR_INIT;
    str_add(&sql, "create schema if not exists tenantd;\n"
                  "alter schema tenantd owner to current_user;\n"
                  "revoke all on schema tenantd from public;\n");
    /* Not replaced: that would keep an owner, who could then change what runs with the administrator's rights. */
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
        str_addf(&sql, "drop function if exists %s;\n", signatures[i]);
    fill_in(&sql, functions, bootstrap);
    str_add(&sql, "grant usage on schema tenantd to ");
    str_add_pg_ident(&sql, bootstrap->role);
    str_add(&sql, ";\n");
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        str_addf(&sql, "revoke all on function %s from public;\n", signatures[i]);
        str_addf(&sql, "grant execute on function %s to ", signatures[i]);
        str_add_pg_ident(&sql, bootstrap->role);
        str_add(&sql, ";\n");
    }
    add_audit(&sql, bootstrap);
    return execute(pg, &sql, call, err) || err_wrap(err, "install functions in database %s", bootstrap->database);
}

/*
 * Database postgres stays open to connections, because images wait for the server by connecting there as the tenant's
 * role; but nothing can be left there, not even large objects. template1 closes: a session there would block CREATE
 * DATABASE for others.
 */
static bool restrict_common_databases(const struct server_bootstrap *bootstrap, const struct call *call,
                                      struct err *err)
{
    CLEANUP(freep) char *url = pg_url_with(bootstrap->admin_url, "postgres", NULL, NULL);
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(url);
    return pg_query(pg,
                    "revoke create, temporary on database postgres from public;"
                    "revoke create on schema public from public;"
                    "revoke execute on function pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),"
                    " pg_catalog.lo_from_bytea(oid, bytea) from public;"
                    "revoke connect on database template1 from public",
                    NULL, 0, call, NULL, err) ||
           err_wrap(err, "restrict the databases postgres and template1");
}

/* Other people's databases are not ours to close. */
static bool warn_of_open_databases(struct pg *pg, const struct call *call, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg,
                  "select datname from pg_database where datallowconn and datname not in ('postgres', 'template1') and"
                  " exists (select from aclexplode(coalesce(datacl, acldefault('d', datdba)))"
                  "  where grantee = 0 and privilege_type = 'CONNECT') order by datname",
                  NULL, 0, call, &result, err))
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        log_warning("database is open to every tenant's role", LOG_STR("database", pg_text(result, i, "datname")),
                    LOG_STR("remedy", "revoke connect on database ... from public"));
    return true;
}

bool server_bootstrap(const struct server_bootstrap *bootstrap, const struct call *call, struct err *err)
{
    CLEANUP(pg_freep) struct pg *pg = server_pg_new(bootstrap->admin_url);
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!server_installation_check(bootstrap->installation, err) || !server_name_check("role", bootstrap->role, err) ||
        !server_name_check("database", bootstrap->database, err))
        return false;
    if (strchr(bootstrap->role, '$'))
        return err_set(err, ERR_INVALID, "role name %s has a $, which ends the functions' text", bootstrap->role);
    if (!pg_query(pg, "select current_setting('is_superuser') as is_superuser", NULL, 0, call, &result, err))
        return err_wrap(err, "bootstrap the database server");
    if (!str_equal(pg_text(result, 0, "is_superuser"), "on"))
        return err_set(err, ERR_FORBIDDEN, "bootstrap the database server: its URL must be of a superuser");
    if (!ensure_connection_role(pg, bootstrap, call, err) || !ensure_own_database(pg, bootstrap, call, err) ||
        !install_functions(bootstrap, call, err) || !restrict_common_databases(bootstrap, call, err) ||
        !warn_of_open_databases(pg, call, err))
        return err_wrap(err, "bootstrap the database server");
    return true;
}
