/* The table of statements to the customers' database server; see calls.h. */
#include "clients/postgres/calls.h"

const struct server_known_call server_known_calls[] = {
    { "session", "set search_path = pg_catalog" },
    { "given-up-query-end", "select pg_catalog.pg_terminate_backend(" },
    { "server-version", "select current_setting('server_version')" },
    { "role-look", "select can_login::int" },
    { "role-ensure", "select tenantd.ensure_role(" },
    { "role-drop", "select tenantd.drop_role(" },
    { "role-in-use", "select string_agg(text, ', '" },
    { "database-look", "select d.datname" },
    { "database-size", "select pg_database_size(" },
    { "database-grants", "select distinct quote_ident(pg_get_userbyid(a.grantee))" },
    { "database-limit", "select datconnlimit from pg_database" },
    { "database-sessions", "select pid from pg_stat_activity where datname" },
    { "database-users", "select string_agg(coalesce(usename" },
    { "database-end-session", "select pg_terminate_backend(" },
    { "database-create", "create database " },
    { "database-drop", "drop database " },
    { "database-comment", "comment on database " },
    { "database-revoke", "revoke all on database " },
    { "database-alter", "alter database " },
    { "take-over-owners", "select distinct pg_get_userbyid(refobjid)" },
    { "take-over-others", "select datname from pg_database where datdba" },
    { "take-over", "reassign owned by " },
    { "take-over-grants", "drop owned by " },
    { NULL },
};
