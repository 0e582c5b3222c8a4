/*
 * A bootstrapped cluster whose log holds every statement, for the tests of server.h: done through server.h, looked at
 * with psql as the superuser, attacked as a tenant.
 */
#pragma once

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

static struct live *live;
static struct cluster cluster;
static char *url;
static struct server *server;
static char *verifier_a, *verifier_b;

static inline struct server_bootstrap bootstrap_of(const char *role, const char *database)
{
    return (struct server_bootstrap){ .admin_url = cluster.admin_url,
                                      .installation = INSTALLATION,
                                      .role = role,
                                      .password = PASSWORD,
                                      .database = database };
}

static inline char *host_url(const char *database, const char *role, const char *password)
{
    CLEANUP(freep) char *base = mem_printf("postgresql://127.0.0.1:%d/", cluster.port);
    return pg_url_with(base, database, role, password);
}

/* `want`: "" or the SQLSTATE, or a part of the message of a refused login. */
static inline void assert_answer(const char *role, const char *password, const char *database, const char *sql,
                                 const char *want)
{
    CLEANUP(freep) char *role_url = host_url(database, role, password);
    CLEANUP(freep) char *got = refusal(role_url, sql);
    if (*want ? !strstr(got, want) : *got)
        fail_msg("%s in %s: %s: \"%s\" instead of \"%s\"", role, database, sql, got, want);
}

static inline PGconn *session_of(const char *database, const char *role, const char *password)
{
    CLEANUP(freep) char *role_url = host_url(database, role, password);
    PGconn *session = PQconnectdb(role_url);
    assert_int_equal(PQstatus(session), CONNECTION_OK);
    return session;
}

static inline void assert_session_ended(PGconn *session)
{
    PGresult *result = PQexec(session, "select 1");
    assert_int_not_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    PQfinish(session);
}

static inline int start(void **state)
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

static inline int stop(void **state)
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
static inline int tidy(void **state)
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

static inline void make_role(const char *role, const char *verifier)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(role_ensure(server, role, verifier, 7, &call, &err), &err);
}

static inline void make_database(const char *name, const char *role, const char *template_or_null, const char *stamp)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(database_create(server, name, role, template_or_null, stamp, &call, &err), &err);
}

static inline void make_two_tenants(void)
{
    make_role(ROLE_A, verifier_a);
    make_role(ROLE_B, verifier_b);
    make_database("a", ROLE_A, NULL, STAMP("a"));
    make_database("b", ROLE_B, NULL, STAMP("b"));
}

/* The last test of each program: all the others have passed through the log by then. */
static inline void test_log_holds_no_password(void **state)
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
