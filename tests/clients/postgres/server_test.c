/*
 * Roles and databases on a real cluster: done through server.h, looked at with psql as the superuser, attacked as a tenant.
 * The server logs every statement, and its log is searched for clear passwords at the end.
 */
#include <poll.h>
#include <pthread.h>

#include "clients/postgres/server.h"
#include "tests/clients/postgres/live.h"

#define INSTALLATION "0a1b2c"
#define STAMP(uid)   "tenantd " INSTALLATION " " uid
#define ROLE_A       "td_" INSTALLATION "_aaaaaaaaaaaa"
#define ROLE_B       "td_" INSTALLATION "_bbbbbbbbbbbb"
#define ROLE_C       "td_" INSTALLATION "_cccccccccccc"
#define FOREIGN_ROLE "td_ffffff_aaaaaaaaaaaa"
#define PASSWORD     "open-sesame-1001" /* of the connection role */
#define PASSWORD_A   "open-sesame-a"
#define PASSWORD_B   "open-sesame-b"
#define ODD_NAME     "we\"ird'; drop database \"a\"; --\\ \n %s ä"

static struct live *live;
static struct cluster cluster;
static char *url;
static struct server *server;
static char *verifier_a, *verifier_b;

static struct server_bootstrap bootstrap_of(const char *role, const char *database)
{
    return (struct server_bootstrap){ .admin_url = cluster.admin_url,
                                      .installation = INSTALLATION,
                                      .role = role,
                                      .password = PASSWORD,
                                      .database = database };
}

static char *host_url(const char *database, const char *role, const char *password)
{
    CLEANUP(freep) char *base = mem_printf("postgresql://127.0.0.1:%d/", cluster.port);
    return pg_url_with(base, database, role, password);
}

/* `want`: "" or the SQLSTATE, or a part of the message of a refused login. */
static void assert_answer(const char *role, const char *password, const char *database, const char *sql,
                          const char *want)
{
    CLEANUP(freep) char *role_url = host_url(database, role, password);
    CLEANUP(freep) char *got = refusal(role_url, sql);
    if (*want ? !strstr(got, want) : *got)
        fail_msg("%s in %s: %s: \"%s\" instead of \"%s\"", role, database, sql, got, want);
}

static int start(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct call call = test_call();
    live = live_new(0755);
    assert_ok(live_start(live, &cluster, &err), &err);
    assert_psql(cluster.admin_url, "alter system set log_statement = 'all'", "");
    assert_psql(cluster.admin_url, "alter system set log_min_duration_statement = 0", "");
    assert_psql(cluster.admin_url, "alter system set log_parameter_max_length_on_error = -1", "");
    assert_psql(cluster.admin_url, "select pg_reload_conf()", "t");
    struct server_bootstrap bootstrap = bootstrap_of("tenantd", "tenantd");
    assert_ok(server_bootstrap(&bootstrap, &call, &err), &err);
    url = host_url("tenantd", "tenantd", PASSWORD);
    server = server_new(url, INSTALLATION);
    assert_ok(server_scram_verifier(server, ROLE_A, PASSWORD_A, &call, &verifier_a, &err), &err);
    assert_ok(server_scram_verifier(server, ROLE_B, PASSWORD_B, &call, &verifier_b, &err), &err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_free(server);
    free(url);
    free(verifier_a);
    free(verifier_b);
    cluster_release(&cluster);
    live_free(live);
    return 0;
}

/* Back to a server with nothing but what start() made. */
static int tidy(void **state)
{
    (void)state;
    static const char list[] =
        "select format('drop database %I with (force)', datname) from pg_database"
        " where datname not in ('postgres', 'template0', 'template1', 'tenantd') union all"
        " select format('drop role %I', rolname) from pg_roles where rolname like 'td\\_%' or rolname like 'other%'";
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(pg_query(pg, list, NULL, 0, &call, &result, &err), &err);
    for (int i = 0; i < PQntuples(result); i++)
        assert_ok(pg_query(pg, PQgetvalue(result, i, 0), NULL, 0, &call, NULL, &err), &err);
    return 0;
}

static void make_role(const char *role, const char *verifier)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(role_ensure(server, role, verifier, 7, &call, &err), &err);
}

static void make_database(const char *name, const char *role, const char *template_or_null, const char *stamp)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(database_create(server, name, role, template_or_null, stamp, &call, &err), &err);
}

static void make_two_tenants(void)
{
    make_role(ROLE_A, verifier_a);
    make_role(ROLE_B, verifier_b);
    make_database("a", ROLE_A, NULL, STAMP("a"));
    make_database("b", ROLE_B, NULL, STAMP("b"));
}

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
                "3");
    assert_psql(
        cluster.admin_url,
        "select datname, has_database_privilege('public', datname, 'connect') as c,"
        " has_database_privilege('public', datname, 'temp'), has_database_privilege('public', datname, 'create')"
        " from pg_database order by 1",
        "postgres|t|f|f\ntemplate0|t|f|f\ntemplate1|f|f|f\ntenantd|f|f|f");
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

static void test_roles(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    struct call call = test_call();
    struct role_seen seen = { .exists = true };
    assert_ok(role_look(server, ROLE_A, verifier_a, &call, &seen, &err), &err);
    assert_false(seen.exists);
    make_role(ROLE_A, verifier_a);
    assert_ok(role_look(server, ROLE_A, verifier_a, &call, &seen, &err), &err);
    assert_true(seen.exists && seen.can_login && seen.verifier_matches && !seen.deviates);
    assert_int_equal(seen.connection_limit, 7);
    assert_ok(role_look(server, ROLE_A, verifier_b, &call, &seen, &err), &err);
    assert_false(seen.verifier_matches);
    assert_answer(ROLE_A, PASSWORD_A, "postgres", "select 1", "");
    assert_answer(ROLE_A, PASSWORD_B, "postgres", "select 1", "password authentication failed");
    make_role(ROLE_A, verifier_a);
    make_role(ROLE_A, verifier_b);
    assert_answer(ROLE_A, PASSWORD_B, "postgres", "select 1", "");
    assert_psql(cluster.admin_url, "create role " FOREIGN_ROLE "; create role td_other; create role other_1", "");
    make_role(ROLE_B, verifier_b);
    assert_ok(role_list(server, &call, &names, &err), &err);
    CLEANUP(freep) char *joined = strv_join(&names, " ");
    assert_string_equal(joined, ROLE_A " " ROLE_B);
    assert_ok(role_drop(server, ROLE_A, &call, &err), &err);
    assert_refused(role_drop(server, ROLE_A, &call, &err), ERR_NOT_FOUND, err);
    assert_ok(role_ensure(server, ROLE_A, verifier_a, -1, &call, &err), &err);
    assert_refused(role_ensure(server, ROLE_A, verifier_a, -2, &call, &err), ERR_INVALID, err);
}

static void test_role_put_right(void **state)
{
    (void)state;
    static const struct {
        const char *why, *sql;
    } rows[] = {
        { "superuser", "alter role " ROLE_A " superuser" },
        { "CREATEDB", "alter role " ROLE_A " createdb" },
        { "CREATEROLE", "alter role " ROLE_A " createrole" },
        { "REPLICATION", "alter role " ROLE_A " replication" },
        { "BYPASSRLS", "alter role " ROLE_A " bypassrls" },
        { "NOINHERIT", "alter role " ROLE_A " noinherit" },
        { "expires", "alter role " ROLE_A " valid until '2020-01-01'" },
        { "member of a predefined role", "grant pg_read_all_data to " ROLE_A },
        { "member of another tenant's role", "grant " ROLE_B " to " ROLE_A },
        { "another tenant is a member", "grant " ROLE_A " to " ROLE_B },
        { "we are no member", "revoke " ROLE_A " from tenantd" },
    };
    static const char rights[] =
        "select rolcanlogin, rolinherit, rolcreatedb, rolsuper, rolcreaterole, rolreplication, rolbypassrls,"
        " (select string_agg(roleid::regrole || ' to ' || member::regrole, ', ') from pg_auth_members"
        "  where (roleid, member) <> ('pg_monitor'::regrole, 0) and r.oid in (roleid, member))"
        " from pg_roles r where rolname = '" ROLE_A "'";
    make_role(ROLE_B, verifier_b);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct call call = test_call();
        struct role_seen seen = { 0 };
        print_message("%s\n", rows[i].why);
        make_role(ROLE_A, verifier_a);
        assert_psql(cluster.admin_url, rows[i].sql, "");
        assert_ok(role_look(server, ROLE_A, verifier_a, &call, &seen, &err), &err);
        assert_true(seen.deviates);
        make_role(ROLE_A, verifier_a);
        assert_ok(role_look(server, ROLE_A, verifier_a, &call, &seen, &err), &err);
        assert_false(seen.deviates);
        assert_psql(cluster.admin_url, rights, "t|t|f|f|f|f|f|" ROLE_A " to tenantd");
    }
    assert_psql(cluster.admin_url, "alter role " ROLE_A " nologin password null connection limit 3", "");
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    struct role_seen seen = { 0 };
    assert_ok(role_look(server, ROLE_A, verifier_a, &call, &seen, &err), &err);
    assert_true(seen.exists && !seen.can_login && !seen.verifier_matches && seen.connection_limit == 3);
}

static void test_role_names(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "postgres",
        "tenantd",
        FOREIGN_ROLE,
        "td_" INSTALLATION "_aaaaaaaaaaa",
        "td_" INSTALLATION "_aaaaaaaaaaaaa",
        "td_" INSTALLATION "_AAAAAAAAAAAA",
        "td_" INSTALLATION "_aaaaaaaaaaaa\n",
        "td_" INSTALLATION "_aaaaaaaaaaa\"",
        ROLE_A "; drop role postgres",
        ROLE_A "\" superuser; --",
        "pg_execute_server_program",
    };
    static const char *const functions[] = {
        "select tenantd.ensure_role(%s, %s, 1)",
        "select tenantd.look_role(%s, %s)",
        "select tenantd.drop_role(%s)",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct call call = test_call();
        struct role_seen seen = { 0 };
        char *verifier = NULL;
        assert_refused(role_ensure(server, rows[i], verifier_a, 1, &call, &err), ERR_INVALID, err);
        assert_refused(role_look(server, rows[i], verifier_a, &call, &seen, &err), ERR_INVALID, err);
        assert_refused(role_drop(server, rows[i], &call, &err), ERR_INVALID, err);
        assert_refused(server_scram_verifier(server, rows[i], "x", &call, &verifier, &err), ERR_INVALID, err);
        assert_refused(database_create(server, "a", rows[i], NULL, STAMP("a"), &call, &err), ERR_INVALID, err);
        /* Past our own check, too: the functions are what an intruder with our connection would call. */
        for (size_t k = 0; k < ARRAY_LEN(functions); k++) {
            CLEANUP(str_release) struct str name = STR_INIT;
            CLEANUP(str_release) struct str secret = STR_INIT;
            CLEANUP(str_release) struct str sql = STR_INIT;
            str_add_pg_literal(&name, rows[i]);
            str_add_pg_literal(&secret, verifier_a);
            const char *args[] = { name.text, secret.text };
            size_t arg = 0;
            for (const char *at = functions[k]; *at; at++)
                if (str_starts_with(at, "%s")) {
                    str_add(&sql, args[arg++]);
                    at++;
                } else
                    str_addc(&sql, *at);
            assert_answer("tenantd", PASSWORD, "tenantd", sql.text, "42501");
        }
    }
    assert_answer("tenantd", PASSWORD, "tenantd", "select tenantd.drop_role(null)", "42501");
    assert_psql(cluster.admin_url, "select count(*) from pg_roles where rolname in ('postgres', 'tenantd')", "2");
}

static void test_verifiers(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "clear-text",
        "md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096:c2FsdA==$x:y",
        "SCRAM-SHA-256$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"
        " superuser; --",
    };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_refused(role_ensure(server, ROLE_A, rows[i], 1, &call, &err), ERR_FORBIDDEN, err);
        assert_null(strstr(err_message(&err), "c2FsdA"));
    }
    assert_psql(cluster.admin_url, "select count(*) from pg_roles where rolname = '" ROLE_A "'", "0");
    CLEANUP(freep) char *again = NULL;
    assert_ok(server_scram_verifier(server, ROLE_A, PASSWORD_A, &call, &again, &err), &err);
    assert_string_not_equal(again, verifier_a);
}

static void test_role_with_dependents(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    assert_answer(ROLE_A, PASSWORD_A, "a", "create table t (x int); grant connect on database a to " ROLE_B, "");
    assert_refused(role_drop(server, ROLE_A, &call, &err), ERR_CONFLICT, err);
    print_message("%s\n", err_message(&err));
    assert_contains(err_message(&err), "owner of database a");
    assert_contains(err_message(&err), "1 objects or grants in database a");
    assert_refused(role_drop(server, ROLE_B, &call, &err), ERR_CONFLICT, err);
    assert_contains(err_message(&err), "grants on database a");
    assert_ok(database_drop(server, "a", STAMP("a"), &call, &err), &err);
    /* Sessions elsewhere are no obstacle. */
    CLEANUP(freep) char *role_url = host_url("postgres", ROLE_A, PASSWORD_A);
    PGconn *session = PQconnectdb(role_url);
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    assert_ok(role_drop(server, ROLE_A, &call, &err), &err);
    PQfinish(session);
    assert_psql(cluster.admin_url, "select count(*) from pg_stat_activity where usename = '" ROLE_A "'", "0");
}

static void test_database(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database database = { 0 };
    CLEANUP(databases_release) struct databases databases = { 0 };
    struct call call = test_call();
    int64_t bytes = 0;
    assert_refused(database_look(server, "a", &call, &database, &err), ERR_NOT_FOUND, err);
    assert_refused(database_size(server, "a", &call, &bytes, &err), ERR_NOT_FOUND, err);
    make_two_tenants();
    assert_psql(cluster.admin_url,
                "select pg_get_userbyid(datdba), datallowconn, datistemplate, pg_encoding_to_char(encoding),"
                " shobj_description(oid, 'pg_database'), has_database_privilege('public', oid, 'connect')"
                " from pg_database where datname = 'a'",
                ROLE_A "|t|f|UTF8|" STAMP("a") "|f");
    assert_ok(database_look(server, "a", &call, &database, &err), &err);
    assert_string_equal(database.owner, ROLE_A);
    assert_string_equal(database.comment, STAMP("a"));
    assert_true(database.allow_connections && !database.public_can_connect);
    assert_int_equal(database.connections, 0);
    assert_int_equal(database.size_bytes, -1);
    assert_ok(database_size(server, "a", &call, &bytes, &err), &err);
    assert_true(bytes > 1 << 20);
    assert_refused(database_create(server, "a", ROLE_B, NULL, STAMP("b"), &call, &err), ERR_EXISTS, err);
    assert_refused(database_create(server, "c", ROLE_C, NULL, STAMP("c"), &call, &err), ERR_NOT_FOUND, err);
    assert_refused(database_create(server, "c", ROLE_A, NULL, "somebody's", &call, &err), ERR_INVALID, err);
    assert_refused(database_create(server, "c", ROLE_A, NULL, "tenantd ffffff c", &call, &err), ERR_INVALID, err);
    assert_refused(database_create(server, "", ROLE_A, NULL, STAMP("c"), &call, &err), ERR_INVALID, err);
    assert_psql(cluster.admin_url, "comment on database postgres is 'somebody''s note'", "");
    assert_ok(database_list(server, &call, &databases, &err), &err);
    assert_int_equal(databases.count, 6);
    for (size_t i = 0; i < databases.count; i++) {
        const struct database *one = &databases.items[i];
        bool is_tenants = strlen(one->name) == 1;
        assert_true(is_tenants == (one->comment != NULL));
        if (str_equal(one->name, "postgres"))
            assert_true(one->public_can_connect);
        if (str_equal(one->name, "tenantd"))
            assert_int_equal(one->connections, 1);
    }
}

static void test_odd_names(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database database = { 0 };
    struct call call = test_call();
    char long_name[65] = "";
    int64_t bytes = 0;
    memset(long_name, 'x', sizeof(long_name) - 1);
    make_two_tenants();
    assert_refused(database_create(server, long_name, ROLE_A, NULL, STAMP("c"), &call, &err), ERR_INVALID, err);
    assert_refused(database_rename(server, "a", long_name, &call, &err), ERR_INVALID, err);
    long_name[63] = '\0';
    assert_ok(database_create(server, long_name, ROLE_A, NULL, STAMP("c"), &call, &err), &err);
    assert_ok(database_drop(server, long_name, STAMP("c"), &call, &err), &err);
    assert_ok(database_create(server, ODD_NAME, ROLE_A, NULL, STAMP("o'dd\\"), &call, &err), &err);
    assert_ok(database_look(server, ODD_NAME, &call, &database, &err), &err);
    assert_string_equal(database.name, ODD_NAME);
    assert_string_equal(database.comment, STAMP("o'dd\\"));
    assert_ok(database_size(server, ODD_NAME, &call, &bytes, &err), &err);
    assert_ok(database_repair(server, ODD_NAME, ROLE_A, STAMP("o'dd\\"), &call, &err), &err);
    assert_ok(database_take_over(server, ODD_NAME, ROLE_A, &call, &err), &err);
    assert_ok(database_rename(server, ODD_NAME, ODD_NAME "2", &call, &err), &err);
    assert_ok(database_close(server, ODD_NAME "2", STAMP("o'dd\\"), &call, &err), &err);
    assert_ok(database_create(server, ODD_NAME, ROLE_B, ODD_NAME "2", STAMP("clone"), &call, &err), &err);
    assert_ok(database_drop(server, ODD_NAME, STAMP("clone"), &call, &err), &err);
    assert_ok(database_drop(server, ODD_NAME "2", STAMP("o'dd\\"), &call, &err), &err);
    assert_psql(cluster.admin_url, "select string_agg(datname, ' ' order by datname) from pg_database",
                "a b postgres template0 template1 tenantd");
}

static PGconn *session_of(const char *database, const char *role, const char *password)
{
    CLEANUP(freep) char *role_url = host_url(database, role, password);
    PGconn *session = PQconnectdb(role_url);
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    return session;
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

static void test_connection_limit(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(role_ensure(server, ROLE_A, verifier_a, 1, &call, &err), &err);
    CLEANUP(freep) char *role_url = host_url("postgres", ROLE_A, PASSWORD_A);
    PGconn *session = PQconnectdb(role_url);
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    assert_answer(ROLE_A, PASSWORD_A, "postgres", "select 1", "too many connections");
    PQfinish(session);
}

static void test_repair(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    static const char look[] =
        "select pg_get_userbyid(datdba), datallowconn, datconnlimit, shobj_description(oid, 'pg_database'), datacl"
        " from pg_database where datname = 'a'";
    static const char right[] = ROLE_A "|t|-1|" STAMP("a") "|{" ROLE_A "=CTc/" ROLE_A "}";
    static const struct {
        const char *why, *sql;
    } rows[] = {
        { "right already", "select 1 where false" },
        { "killed before its stamp", "comment on database a is null; alter database a allow_connections false" },
        { "opened by the tenant", "grant all on database a to public; grant connect on database a to " ROLE_B },
        { "another owner", "alter database a owner to " ROLE_B },
        { "closed as a template", "alter database a owner to tenantd; alter database a allow_connections false" },
        { "limited", "alter database a connection limit 0" },
    };
    make_two_tenants();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].why);
        assert_psql(cluster.admin_url, rows[i].sql, "");
        assert_ok(database_repair(server, "a", ROLE_A, STAMP("a"), &call, &err), &err);
        assert_psql(cluster.admin_url, look, right);
    }
    assert_refused(database_repair(server, "nosuch", ROLE_A, STAMP("a"), &call, &err), ERR_NOT_FOUND, err);
    assert_refused(database_repair(server, "b", ROLE_A, STAMP("a"), &call, &err), ERR_CONFLICT, err);
    assert_refused(database_repair(server, "postgres", ROLE_A, STAMP("a"), &call, &err), ERR_CONFLICT, err);
    assert_psql(cluster.admin_url, "comment on database b is null", "");
    assert_refused(database_repair(server, "b", ROLE_A, STAMP("a"), &call, &err), ERR_CONFLICT, err);
}

static void test_open_to_others_is_seen(void **state)
{
    (void)state;
    static const char *const rows[] = { "grant connect on database a to public",
                                        "grant connect on database a to " ROLE_B };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(database_release) struct database before = { 0 };
        CLEANUP(database_release) struct database after = { 0 };
        assert_answer(ROLE_A, PASSWORD_A, "a", rows[i], "");
        assert_ok(database_look(server, "a", &call, &before, &err), &err);
        assert_true(before.public_can_connect);
        assert_ok(database_repair(server, "a", ROLE_A, STAMP("a"), &call, &err), &err);
        assert_ok(database_look(server, "a", &call, &after, &err), &err);
        assert_false(after.public_can_connect);
        assert_answer(ROLE_B, PASSWORD_B, "a", "select 1", "permission denied for database");
    }
}

static void assert_session_ended(PGconn *session)
{
    PGresult *result = PQexec(session, "select 1");
    assert_int_not_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    PQfinish(session);
}

static void test_rename(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    PGconn *session = session_of("a", ROLE_A, PASSWORD_A);
    assert_refused(database_rename(server, "a", "b", &call, &err), ERR_EXISTS, err);
    assert_refused(database_rename(server, "nosuch", "c", &call, &err), ERR_NOT_FOUND, err);
    assert_refused(database_rename(server, "postgres", "c", &call, &err), ERR_CONFLICT, err);
    PQclear(PQexec(session, "select 1"));
    assert_int_equal(PQstatus(session), CONNECTION_OK); /* nobody was thrown out for nothing */
    assert_ok(database_rename(server, "a", "c", &call, &err), &err);
    assert_session_ended(session);
    assert_answer(ROLE_A, PASSWORD_A, "c", "select 1", "");
    assert_psql(cluster.admin_url,
                "select datallowconn, shobj_description(oid, 'pg_database') from pg_database"
                " where datname = 'c'",
                "t|" STAMP("a"));
    /* A closed one stays closed. */
    assert_psql(cluster.admin_url, "alter database c allow_connections false", "");
    assert_ok(database_rename(server, "c", "a", &call, &err), &err);
    assert_psql(cluster.admin_url, "select datallowconn from pg_database where datname = 'a'", "f");
}

static void test_rename_with_a_superuser_in_it(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    CLEANUP(freep) char *inside = pg_url_with(cluster.admin_url, "a", NULL, NULL);
    PGconn *session = PQconnectdb(inside);
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    assert_refused(database_rename(server, "a", "c", &call, &err), ERR_CONFLICT, err);
    print_message("%s\n", err_message(&err));
    assert_contains(err_message(&err), "postgres (process ");
    assert_answer(ROLE_A, PASSWORD_A, "a", "select 1", ""); /* open again */
    assert_refused(database_drop(server, "a", STAMP("a"), &call, &err), ERR_CONFLICT, err);
    PQfinish(session);
    assert_ok(database_repair(server, "a", ROLE_A, STAMP("a"), &call, &err), &err);
    assert_answer(ROLE_A, PASSWORD_A, "a", "select 1", "");
    assert_ok(database_drop(server, "a", STAMP("a"), &call, &err), &err);
}

static void test_rename_cancelled(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    make_two_tenants();
    CLEANUP(freep) char *inside = pg_url_with(cluster.admin_url, "a", NULL, NULL);
    PGconn *session = PQconnectdb(inside);
    struct call call = call_within(NULL, 400);
    assert_refused(database_rename(server, "a", "c", &call, &err), ERR_TIMEOUT, err);
    PQfinish(session);
    assert_answer(ROLE_A, PASSWORD_A, "a", "select 1", "");
}

static void test_drop(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    PGconn *session = session_of("a", ROLE_A, PASSWORD_A);
    assert_refused(database_drop(server, "a", STAMP("b"), &call, &err), ERR_CONFLICT, err);
    assert_refused(database_drop(server, "a", "tenantd ffffff a", &call, &err), ERR_INVALID, err);
    assert_refused(database_drop(server, "nosuch", STAMP("a"), &call, &err), ERR_NOT_FOUND, err);
    assert_refused(database_drop(server, "tenantd", STAMP("a"), &call, &err), ERR_CONFLICT, err);
    assert_psql(cluster.admin_url, "create database other; ", "");
    assert_refused(database_drop(server, "other", STAMP("a"), &call, &err), ERR_CONFLICT, err);
    PQclear(PQexec(session, "select 1"));
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    assert_ok(database_drop(server, "a", STAMP("a"), &call, &err), &err);
    assert_session_ended(session);
    assert_refused(database_drop(server, "a", STAMP("a"), &call, &err), ERR_NOT_FOUND, err);
    /* What a tenant may do to keep it. */
    make_database("a", ROLE_A, NULL, STAMP("a"));
    assert_answer(ROLE_A, PASSWORD_A, "a", "alter database a is_template true", "");
    assert_ok(database_drop(server, "a", STAMP("a"), &call, &err), &err);
    /* What an interrupted DROP DATABASE leaves. */
    assert_psql(cluster.admin_url, "update pg_database set datconnlimit = -2 where datname = 'b'", "");
    assert_ok(database_drop(server, "b", STAMP("b"), &call, &err), &err);
    assert_psql(cluster.admin_url, "select string_agg(datname, ' ' order by datname) from pg_database",
                "other postgres template0 template1 tenantd");
}

static void test_template_and_clone(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    static const char owners[] =
        "select string_agg(distinct pg_get_userbyid(o.owner), ' ') from ("
        " select relowner as owner from pg_class where relnamespace = 'public'::regnamespace"
        " union all select proowner from pg_proc where proname = 'f' union all select nspowner from pg_namespace"
        " where nspname = 's' union all select lomowner from pg_largeobject_metadata union all"
        " select extowner from pg_extension where extname = 'pg_trgm' union all"
        " select typowner from pg_type where typname = 'mood') o";
    make_two_tenants();
    make_role(ROLE_C, verifier_b);
    assert_answer(
        ROLE_A, PASSWORD_A, "a",
        "create table t (id serial primary key, x text); insert into t (x) values ('one');"
        "create view v as select * from t; create function f() returns int language sql as 'select 1';"
        "create schema s; create table s.u (x int); create type mood as enum ('good'); create extension pg_trgm;"
        "select lo_create(4711); grant usage on schema public to " ROLE_A ";"
        "alter default privileges in schema s grant select on tables to " ROLE_A ";"
        "alter default privileges for role " ROLE_A " grant select on tables to " ROLE_C,
        "");
    PGconn *session = session_of("a", ROLE_A, PASSWORD_A);
    assert_refused(database_close(server, "a", STAMP("b"), &call, &err), ERR_CONFLICT, err);
    assert_ok(database_close(server, "a", STAMP("a"), &call, &err), &err);
    assert_session_ended(session);
    assert_ok(database_close(server, "a", STAMP("a"), &call, &err), &err);
    assert_answer(ROLE_A, PASSWORD_A, "a", "select 1", "not currently accepting connections");
    assert_psql(cluster.admin_url,
                "select pg_get_userbyid(datdba), datallowconn, datacl from pg_database where datname = 'a'",
                "tenantd|f|{tenantd=CTc/tenantd}");

    assert_ok(database_create(server, "clone", ROLE_B, "a", STAMP("clone"), &call, &err), &err);
    CLEANUP(freep) char *clone_url = pg_url_with(cluster.admin_url, "clone", NULL, NULL);
    assert_psql(clone_url, owners, ROLE_A);
    assert_refused(database_take_over(server, "clone", ROLE_C, &call, &err), ERR_CONFLICT, err);
    assert_ok(database_take_over(server, "clone", ROLE_B, &call, &err), &err);
    assert_ok(database_take_over(server, "clone", ROLE_B, &call, &err), &err);
    assert_psql(clone_url, owners, ROLE_B);
    assert_psql(clone_url,
                "select count(*) from pg_shdepend where refobjid = '" ROLE_A "'::regrole and dbid ="
                " (select oid from pg_database where datname = current_database())",
                "0");
    assert_answer(ROLE_B, PASSWORD_B, "clone",
                  "insert into t (x) values ('two'); select similarity('a', 'b'), f(); alter table s.u add y int;"
                  "drop view v; drop extension pg_trgm; select lo_unlink(4711); drop schema s cascade;"
                  "alter type mood add value 'bad'; create table public.more (x int)",
                  "");
    assert_psql(clone_url, "select string_agg(x, ' ' order by id) from t", "one two");
    /* The template is where it was, and the other tenants' databases whose they were. */
    assert_psql(cluster.admin_url,
                "select string_agg(datname || ' ' || pg_get_userbyid(datdba), ', ' order by datname)"
                " from pg_database where datname in ('a', 'b', 'clone')",
                "a tenantd, b " ROLE_B ", clone " ROLE_B);
    /* And the template's role can go once the template has. */
    assert_ok(database_drop(server, "a", STAMP("a"), &call, &err), &err);
    assert_ok(role_drop(server, ROLE_A, &call, &err), &err);
}

/* A template's role that still has databases of its own keeps them. */
static void test_take_over_leaves_other_databases(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    make_database("a2", ROLE_A, NULL, STAMP("a2"));
    assert_answer(ROLE_A, PASSWORD_A, "a", "create table t (x int)", "");
    assert_ok(database_close(server, "a", STAMP("a"), &call, &err), &err);
    make_database("clone", ROLE_B, "a", STAMP("clone"));
    assert_ok(database_take_over(server, "clone", ROLE_B, &call, &err), &err);
    assert_psql(cluster.admin_url,
                "select string_agg(datname || ' ' || pg_get_userbyid(datdba) || ' ' || datacl::text, ', '"
                " order by datname) from pg_database where datname in ('a2', 'clone')",
                "a2 " ROLE_A " {" ROLE_A "=CTc/" ROLE_A "}, clone " ROLE_B " {" ROLE_B "=CTc/" ROLE_B "}");
    assert_answer(ROLE_A, PASSWORD_A, "a2", "create table t (x int)", "");
}

/* Operators that fit our queries better than PostgreSQL's own would run with the connection role's rights. */
static void test_take_over_runs_nothing_of_the_tenant(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    assert_answer(ROLE_A, PASSWORD_A, "a",
                  "create function evil(oid, regclass) returns bool language plpgsql as"
                  " $$ begin raise exception 'hijacked'; end $$;"
                  "create operator = (leftarg = oid, rightarg = regclass, procedure = evil);"
                  "create function evil(name, text) returns bool language plpgsql as"
                  " $$ begin raise exception 'hijacked'; end $$;"
                  "create operator <> (leftarg = name, rightarg = text, procedure = evil)",
                  "");
    CLEANUP(freep) char *inside = pg_url_with(url, "a", NULL, NULL);
    CLEANUP(freep)
    char *got = refusal(inside, "select count(*) from pg_shdepend where refclassid = 'pg_authid'::regclass");
    assert_string_equal(got, "P0001"); /* so the trap is a real one */
    assert_ok(database_close(server, "a", STAMP("a"), &call, &err), &err);
    make_database("clone", ROLE_B, "a", STAMP("clone"));
    assert_ok(database_take_over(server, "clone", ROLE_B, &call, &err), &err);
    CLEANUP(freep) char *clone_url = pg_url_with(cluster.admin_url, "clone", NULL, NULL);
    assert_psql(clone_url,
                "select string_agg(distinct pg_get_userbyid(proowner), ' ') from pg_proc where proname = 'evil'",
                ROLE_B);
}

/* Nobody can connect before the stamp is there, whenever the creating process is killed. */
static void test_create_killed(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    make_two_tenants();
    for (int after_ms = 5; after_ms < 150; after_ms += 15) {
        CLEANUP(database_release) struct database database = { 0 };
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct server *mine = server_new(url, INSTALLATION);
            _exit(database_create(mine, "k", ROLE_A, NULL, STAMP("k"), &call, NULL) ? 0 : 1);
        }
        poll(NULL, 0, after_ms);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        poll(NULL, 0, 300); /* the server goes on by itself */
        bool exists = database_look(server, "k", &call, &database, &err);
        print_message("%d ms: %s\n", after_ms, !exists ? "nothing" : database.comment ? "stamped" : "a remainder");
        if (!exists)
            continue;
        assert_true(database.comment || !database.allow_connections);
        assert_ok(database_repair(server, "k", ROLE_A, STAMP("k"), &call, &err), &err);
        assert_answer(ROLE_A, PASSWORD_A, "k", "create table t (x int)", "");
        assert_ok(database_drop(server, "k", STAMP("k"), &call, &err), &err);
    }
}

struct creation {
    char name[16];
    bool done;
};

static void *create_and_drop(void *context)
{
    struct creation *creation = context;
    struct server *mine = server_new(url, INSTALLATION);
    struct err err = ERR_INIT;
    struct call call = test_call();
    char *stamp = mem_printf(STAMP("%s"), creation->name);
    creation->done = true;
    for (int i = 0; i < 3; i++)
        creation->done = creation->done && role_ensure(mine, ROLE_C, verifier_b, 7, &call, &err) &&
                         database_create(mine, creation->name, ROLE_A, NULL, stamp, &call, &err) &&
                         database_drop(mine, creation->name, stamp, &call, &err);
    if (!creation->done)
        print_error("%s\n", err_message(&err));
    free(stamp);
    err_release(&err);
    server_free(mine);
    return NULL;
}

static void test_many_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct creation creations[ARRAY_LEN(threads)];
    make_two_tenants();
    make_role(ROLE_C, verifier_b);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        snprintf(creations[i].name, sizeof(creations[i].name), "many%zu", i);
        assert_int_equal(pthread_create(&threads[i], NULL, create_and_drop, &creations[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_true(creations[i].done);
    }
}

/* Last: all the others have passed through the log by now. */
static void test_log_holds_no_password(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(freep) char *directory = mem_printf("%s/log", cluster.directory);
    CLEANUP(err_release) struct err err = ERR_INIT;
    size_t statements = 0;
    assert_ok(dir_list(directory, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", directory, names.items[i]);
        CLEANUP(str_release) struct str text = STR_INIT;
        assert_ok(file_read(path, 1 << 28, &text, &err), &err);
        statements += strstr(text.text, "tenantd.ensure_role") != NULL;
        assert_null(strstr(text.text, "open-sesame"));
    }
    assert_true(statements > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_version, tidy),
        cmocka_unit_test_teardown(test_bootstrap, tidy),
        cmocka_unit_test_teardown(test_bootstrap_refusals, tidy),
        cmocka_unit_test_teardown(test_bootstrap_with_odd_names, tidy),
        cmocka_unit_test_teardown(test_server_without_bootstrap, tidy),
        cmocka_unit_test_teardown(test_roles, tidy),
        cmocka_unit_test_teardown(test_role_put_right, tidy),
        cmocka_unit_test_teardown(test_role_names, tidy),
        cmocka_unit_test_teardown(test_verifiers, tidy),
        cmocka_unit_test_teardown(test_role_with_dependents, tidy),
        cmocka_unit_test_teardown(test_database, tidy),
        cmocka_unit_test_teardown(test_odd_names, tidy),
        cmocka_unit_test_teardown(test_tenant_stays_in, tidy),
        cmocka_unit_test_teardown(test_connection_limit, tidy),
        cmocka_unit_test_teardown(test_repair, tidy),
        cmocka_unit_test_teardown(test_open_to_others_is_seen, tidy),
        cmocka_unit_test_teardown(test_rename, tidy),
        cmocka_unit_test_teardown(test_rename_with_a_superuser_in_it, tidy),
        cmocka_unit_test_teardown(test_rename_cancelled, tidy),
        cmocka_unit_test_teardown(test_drop, tidy),
        cmocka_unit_test_teardown(test_template_and_clone, tidy),
        cmocka_unit_test_teardown(test_take_over_leaves_other_databases, tidy),
        cmocka_unit_test_teardown(test_take_over_runs_nothing_of_the_tenant, tidy),
        cmocka_unit_test_teardown(test_create_killed, tidy),
        cmocka_unit_test_teardown(test_many_at_once, tidy),
        cmocka_unit_test(test_log_holds_no_password),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
