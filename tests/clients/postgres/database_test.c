/* Databases: made, repaired, closed, cloned, taken over, renamed, dropped. */
#include <poll.h>
#include <pthread.h>

#include "tests/clients/postgres/server_fixture.h"

#define ODD_NAME "we\"ird'; drop database \"a\"; --\\ \n %s ä"

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
        { "an administrator's", "alter database a owner to postgres" },
        { "we are no member of its owner", "alter database a owner to " ROLE_B "; revoke " ROLE_B " from tenantd" },
        { "closed as a template", "alter database a owner to tenantd; alter database a allow_connections false" },
        { "limited", "alter database a connection limit 0" },
        { "a template", "alter database a is_template true" },
        { "its owner is locked out", "revoke all on database a from " ROLE_A },
    };
    const size_t first_deviating = 7;
    make_two_tenants();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].why);
        CLEANUP(database_release) struct database before = { 0 };
        CLEANUP(database_release) struct database after = { 0 };
        assert_psql(cluster.admin_url, rows[i].sql, "");
        assert_ok(database_look(server, "a", &call, &before, &err), &err);
        assert_int_equal(before.deviates, i >= first_deviating);
        assert_ok(database_repair(server, "a", ROLE_A, STAMP("a"), &call, &err), &err);
        assert_psql(cluster.admin_url, look, right);
        assert_ok(database_look(server, "a", &call, &after, &err), &err);
        assert_false(after.deviates);
    }
    assert_psql(cluster.admin_url, "alter database a owner to postgres", "");
    assert_ok(database_rename(server, "a", "c", &call, &err), &err);
    assert_psql(cluster.admin_url, "alter database c owner to postgres", "");
    assert_ok(database_drop(server, "c", STAMP("a"), &call, &err), &err);
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

/* The server goes on with what it was told until it sees that nobody waits for the answer. */
static void wait_for_killed_sessions(void)
{
    for (int i = 0; i < 100; i++) {
        poll(NULL, 0, 200);
        CLEANUP(freep)
        char *count = psql(cluster.admin_url, "select count(*) from pg_stat_activity"
                                              " where usename = 'tenantd' or query like 'create database%'");
        if (str_equal(count, "1")) /* our own */
            return;
    }
    fail_msg("the killed session does not end");
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
        wait_for_killed_sessions();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_database, tidy),
        cmocka_unit_test_teardown(test_odd_names, tidy),
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
