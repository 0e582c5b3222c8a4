/* Roles: made, put right, dropped; names and verifiers that must not pass. */
#include "tests/clients/postgres/server_fixture.h"

static struct role_listed *find_listed(struct role_list *roles, const char *name)
{
    for (size_t i = 0; i < roles->count; i++)
        if (str_equal(roles->items[i].name, name))
            return &roles->items[i];
    return NULL;
}

static void list(struct databases *ret_databases, struct role_list *ret_roles)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    databases_release(ret_databases);
    role_list_release(ret_roles);
    assert_ok(server_list(server, &call, ret_databases, ret_roles, &err), &err);
}

static void add_role_names(struct strv *names)
{
    CLEANUP(databases_release) struct databases databases = { 0 };
    CLEANUP(role_list_release) struct role_list roles = { 0 };
    list(&databases, &roles);
    for (size_t i = 0; i < roles.count; i++)
        strv_add(names, roles.items[i].name);
    strv_sort(names);
}

/* What a pass is to notice of a role without knowing its verifier. */
static void test_list(void **state)
{
    (void)state;
    CLEANUP(databases_release) struct databases databases = { 0 };
    CLEANUP(role_list_release) struct role_list roles = { 0 };
    CLEANUP(freep) char *digest = server_verifier_digest(verifier_a);
    make_two_tenants();
    list(&databases, &roles);
    assert_int_equal(databases.count, 6);
    assert_int_equal(roles.count, 2);
    const struct role_listed *role = find_listed(&roles, ROLE_A);
    assert_non_null(role);
    assert_true(role->can_login && !role->deviates);
    assert_int_equal(role->connection_limit, 7);
    assert_string_equal(role->verifier_digest, digest);
    assert_psql(cluster.admin_url,
                "alter role " ROLE_A " nologin connection limit 3 password 'x'; grant " ROLE_B " to " ROLE_A, "");
    list(&databases, &roles);
    role = find_listed(&roles, ROLE_A);
    assert_true(!role->can_login && role->deviates);
    assert_int_equal(role->connection_limit, 3);
    assert_string_not_equal(role->verifier_digest, digest);
    assert_psql(cluster.admin_url, "alter role " ROLE_A " password null", "");
    list(&databases, &roles);
    assert_string_equal(find_listed(&roles, ROLE_A)->verifier_digest, "");
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
    add_role_names(&names);
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
        "select tenantd.own_database('a', %s)",
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
    assert_answer("tenantd", PASSWORD, "tenantd", "select tenantd.own_database('postgres', '" ROLE_A "')", "42501");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_roles, tidy),
        cmocka_unit_test_teardown(test_list, tidy),
        cmocka_unit_test_teardown(test_role_put_right, tidy),
        cmocka_unit_test_teardown(test_role_names, tidy),
        cmocka_unit_test_teardown(test_verifiers, tidy),
        cmocka_unit_test_teardown(test_role_with_dependents, tidy),
        cmocka_unit_test_teardown(test_connection_limit, tidy),
        cmocka_unit_test(test_log_holds_no_password),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
