/* Bootstrapping a server, and what a tenant's role can do on it afterwards. */
#include "tests/clients/postgres/server_fixture.h"

static void test_version(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    struct server_version version = { 0 };
    assert_ok(server_version(server, &call, &version, &err), &err);
    CLEANUP(freep) char *number = mem_printf("%d", version.number);
    assert_psql(cluster.admin_url, "show server_version_num", number);
    assert_null(strchr(version.text, ' '));
    assert_true(version.number >= 130000);
    free(version.text);
}

static void test_bootstrap(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    static const char rights[] =
        "select rolcanlogin, rolcreatedb, rolsuper, rolcreaterole, rolreplication, rolbypassrls"
        " from pg_roles where rolname = 'tenantd'";
    make_role(ROLE_A, verifier_a);
    struct server_bootstrap bootstrap = bootstrap_of("tenantd", "tenantd");
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err); /* also as a member of a tenant's role */
    bootstrap.password = NULL;
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err);
    assert_psql(cluster.admin_url, rights, "t|t|f|f|f|f");
    assert_answer("tenantd", PASSWORD, "tenantd", "select 1", ""); /* the password was left alone */
    bootstrap.password = PASSWORD "x";
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err);
    assert_answer("tenantd", PASSWORD, "tenantd", "select 1", "password authentication failed");
    bootstrap.password = PASSWORD;
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err);
    /* The functions belong to the administrator, and to nobody else they answer. */
    CLEANUP(freep) char *tenantd_url = pg_url_with(cluster.admin_url, "tenantd", NULL, NULL);
    assert_psql(tenantd_url,
                "select string_agg(distinct pg_get_userbyid(proowner) || ' ' || prosecdef || ' ' || proacl::text, ', ')"
                " from pg_proc where pronamespace = 'tenantd'::regnamespace",
                "postgres true {postgres=X/postgres,tenantd=X/postgres}");
    assert_psql(tenantd_url,
                "select count(*) from pg_proc where pronamespace = 'tenantd'::regnamespace"
                " and proconfig = '{\"search_path=pg_catalog, pg_temp\"}'",
                "5");
    assert_psql(
        cluster.admin_url,
        "select datname, has_database_privilege('public', datname, 'connect') as c,"
        " has_database_privilege('public', datname, 'temp'), has_database_privilege('public', datname, 'create')"
        " from pg_database order by 1",
        "postgres|t|f|f\ntemplate0|t|f|f\ntemplate1|f|f|f\ntenantd|f|f|f");
}

/* The connection role owns the database, and still cannot change what the audit says. */
static void test_audit_is_append_only(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *want;
    } tries[] = {
        { "insert into tenantd.audit (at_ms, who, address, verb, kind, namespace, name, uid, fields)"
          " values (1, 'jo', '', 'create', 'Tenant', '', 'acme', '', '')",
          "" },
        { "select * from tenantd.audit", "" },
        { "update tenantd.audit set who = 'nobody'", "42501" },
        { "delete from tenantd.audit", "42501" },
        { "truncate tenantd.audit", "42501" },
        { "drop table tenantd.audit", "42501" },
        { "alter table tenantd.audit disable trigger all", "42501" },
        { "alter table tenantd.audit owner to tenantd", "42501" },
        { "create rule hide as on insert to tenantd.audit do instead nothing", "42501" },
        { "alter table tenantd.audit rename to elsewhere", "42501" },
        { "insert into tenantd.audit (number, at_ms, who, address, verb, kind, namespace, name, uid, fields)"
          " overriding system value values (1, 1, 'x', '', '', '', '', '', '', '')"
          " on conflict (number) do update set who = 'nobody'",
          "42501" },
        { "drop schema tenantd cascade", "42501" },
    };
    struct err err = ERR_INIT;
    struct call call = test_call();
    for (size_t i = 0; i < ARRAY_LEN(tries); i++)
        assert_answer("tenantd", PASSWORD, "tenantd", tries[i].sql, tries[i].want);
    struct server_bootstrap again = bootstrap_of("tenantd", "tenantd");
    assert_ok(server_bootstrap(&again, &call, &err), &err); /* keeps what is there */
    CLEANUP(freep) char *admin = pg_url_with(cluster.admin_url, "tenantd", NULL, NULL);
    assert_psql(admin, "select count(*), min(who) from tenantd.audit", "1|jo");
}

static void test_bootstrap_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *why, *prepare, *role, *database, *installation;
        enum err_code code;
    } rows[] = {
        { "a superuser", "create role other_1 superuser", "other_1", "tenantd", INSTALLATION, ERR_INVALID },
        { "CREATEROLE", "create role other_2 createrole", "other_2", "tenantd", INSTALLATION, ERR_INVALID },
        { "REPLICATION", "create role other_3 replication", "other_3", "tenantd", INSTALLATION, ERR_INVALID },
        { "BYPASSRLS", "create role other_4 bypassrls", "other_4", "tenantd", INSTALLATION, ERR_INVALID },
        { "may run programs", "create role other_5 in role pg_execute_server_program", "other_5", "tenantd",
          INSTALLATION, ERR_INVALID },
        { "the administrator himself", "select 1", "postgres", "tenantd", INSTALLATION, ERR_INVALID },
        { "another's database", "create role other_6", "other_6", "tenantd", INSTALLATION, ERR_CONFLICT },
        { "installation in capitals", "select 1", "tenantd", "tenantd", "ABCDEF", ERR_INVALID },
        { "installation with an injection", "select 1", "tenantd", "tenantd", "a'; --", ERR_INVALID },
        { "a role that ends the functions' text", "select 1", "a$function$", "tenantd", INSTALLATION, ERR_INVALID },
        { "role name too long", "select 1",
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "tenantd", INSTALLATION,
          ERR_INVALID },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct call call = test_call();
        CLEANUP(freep) char *output = psql(cluster.admin_url, rows[i].prepare);
        struct server_bootstrap bootstrap = bootstrap_of(rows[i].role, rows[i].database);
        bootstrap.installation = rows[i].installation;
        assert_refused(server_bootstrap(&bootstrap, &call, &err), rows[i].code, err);
        print_message("%s: %s\n", rows[i].why, err_message(&err));
    }
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    struct server_bootstrap bootstrap = bootstrap_of("tenantd", "tenantd");
    bootstrap.admin_url = url;
    assert_refused(server_bootstrap(&bootstrap, &call, &err), ERR_FORBIDDEN, err);
}

static void test_bootstrap_with_odd_names(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    struct server_bootstrap bootstrap = bootstrap_of("other \"role'; --\\", "other @ROLE@ \"'db\\");
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err);
    CLEANUP(freep) char *odd_url = host_url(bootstrap.database, bootstrap.role, PASSWORD);
    CLEANUP(server_freep) struct server *odd = server_new(odd_url, INSTALLATION);
    assert_ok(role_ensure(odd, ROLE_A, verifier_a, 1, &call, &err), &err);
    assert_ok(database_create(odd, "a", ROLE_A, NULL, STAMP("a"), &call, &err), &err);
    assert_ok(database_drop(odd, "a", STAMP("a"), &call, &err), &err);
    assert_ok(role_drop(odd, ROLE_A, &call, &err), &err);
}

static void test_server_without_bootstrap(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_psql(cluster.admin_url, "create database other", "");
    assert_psql(cluster.admin_url, "grant connect on database other to tenantd", "");
    CLEANUP(freep) char *other_url = pg_url_with(url, "other", NULL, NULL);
    CLEANUP(server_freep) struct server *other = server_new(other_url, INSTALLATION);
    assert_refused(role_ensure(other, ROLE_A, verifier_a, 1, &call, &err), ERR_FORBIDDEN, err);
    assert_contains(err_message(&err), "bootstrap-database");
    /* Functions of another installation. */
    CLEANUP(server_freep) struct server *strange = server_new(url, "ffffff");
    assert_refused(role_ensure(strange, FOREIGN_ROLE, verifier_a, 1, &call, &err), ERR_FORBIDDEN, err);
    assert_psql(cluster.admin_url, "select count(*) from pg_roles where rolname like 'td\\_%'", "0");
}

/* Whatever a tenant may try; 42501 is "permission denied". */
static void test_tenant_stays_in(void **state)
{
    (void)state;
    static const struct {
        const char *why, *database, *sql, *want;
    } rows[] = {
        { "his own", "a", "create table t (x int); create schema s; create extension pg_trgm", "" },
        { "the images' waiting", "postgres", "select 1", "" },
        { "another's database", "b", "select 1", "permission denied for database" },
        { "the records", "tenantd", "select 1", "permission denied for database" },
        { "the template", "template1", "select 1", "permission denied for database" },
        { "the other template", "template0", "select 1", "not currently accepting connections" },
        { "a database", "postgres", "create database evil", "42501" },
        { "a role", "postgres", "create role evil", "42501" },
        { "another role's password", "postgres", "alter role " ROLE_B " password 'x'", "42501" },
        { "more rights", "postgres", "alter role " ROLE_A " createdb", "42501" },
        { "another role", "postgres", "set role " ROLE_B, "42501" },
        { "the connection role", "postgres", "set role tenantd", "42501" },
        { "the superuser", "postgres", "set session authorization postgres", "42501" },
        { "membership", "postgres", "grant " ROLE_B " to " ROLE_A, "42501" },
        { "verifiers", "postgres", "select rolpassword from pg_authid", "42501" },
        { "old verifiers", "postgres", "select passwd from pg_shadow", "42501" },
        { "tables outside", "postgres", "create table evil (x int)", "42501" },
        { "temporary tables outside", "postgres", "create temp table evil (x int)", "42501" },
        { "schemas outside", "postgres", "create schema evil", "42501" },
        { "large objects outside", "postgres", "select lo_create(0)", "42501" },
        { "old large objects outside", "postgres", "select lo_creat(-1)", "42501" },
        { "filled large objects outside", "postgres", "select lo_from_bytea(0, 'x')", "42501" },
        { "programs", "a", "copy (select 1) to program 'true'", "42501" },
        { "files", "a", "select pg_read_file('/etc/passwd')", "42501" },
        { "untrusted extensions", "a", "create extension pageinspect", "42501" },
        { "C functions", "a", "create function c() returns int language c as 'x'", "42501" },
        { "another's sessions", "a", "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tenantd'",
          "42501" },
        { "settings for others", "postgres", "alter role " ROLE_B " set work_mem = '1GB'", "42501" },
        { "settings of the server", "postgres", "alter system set fsync = off", "42501" },
        { "another's database dropped", "postgres", "drop database b", "42501" },
        { "another's database renamed", "postgres", "alter database b rename to c", "42501" },
        { "his own renamed", "postgres", "alter database a rename to c", "42501" },
        { "another's comment", "postgres", "comment on database b is 'x'", "42501" },
        { "a role's comment", "postgres", "comment on role " ROLE_B " is 'x'", "42501" },
    };
    make_two_tenants();
    PGconn *of_connection_role = session_of("tenantd", "tenantd", PASSWORD);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].why);
        assert_answer(ROLE_A, PASSWORD_A, rows[i].database, rows[i].sql, rows[i].want);
    }
    PQfinish(of_connection_role);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_version, tidy),
        cmocka_unit_test_teardown(test_bootstrap, tidy),
        cmocka_unit_test(test_audit_is_append_only),
        cmocka_unit_test_teardown(test_bootstrap_refusals, tidy),
        cmocka_unit_test_teardown(test_bootstrap_with_odd_names, tidy),
        cmocka_unit_test_teardown(test_server_without_bootstrap, tidy),
        cmocka_unit_test_teardown(test_tenant_stays_in, tidy),
        cmocka_unit_test(test_log_holds_no_password),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
