/* pg_restore as the end of a chain of sinks, on a real server. */
#include "clients/postgres/restore.h"
#include "tests/clients/postgres/server_fixture.h"

static void dump(const char *database, struct str *ret)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *program = NULL;
    CLEANUP(freep) char *inside = pg_url_with(cluster.admin_url, database, NULL, NULL);
    struct call call = test_call();
    int major;
    assert_ok(dump_find_program("pg_dump", &call, &program, &major, &err), &err);
    const char *argv[] = { program, "-Fc", "-Z0", "-d", inside, NULL };
    struct process process = { .argv = argv };
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(ret, 64 << 20);
    assert_ok(process_run_into(&process, sink, &call, &err) && sink_finish(sink, &err), &err);
}

static bool restore(const char *database, const char *bytes, size_t len, const char *password, struct err *err)
{
    const struct restore_into into = { database, ROLE_A, password };
    struct call call = test_call();
    CLEANUP(sink_freep) struct sink *sink = restore_sink_new(server, &into, &call, err);
    return sink && sink_write(sink, bytes, len, err) && sink_finish(sink, err);
}

static void fill(void)
{
    make_two_tenants();
    CLEANUP(freep) char *inside = pg_url_with(url, "a", ROLE_A, PASSWORD_A);
    free(psql(inside, "create table customer (id serial primary key, name text);"
                      " insert into customer (name) select repeat('x', 200) from generate_series(1, 20000);"
                      " create schema other; create table other.\"Odd name\" (n int);"
                      " insert into other.\"Odd name\" values (1), (2); create view seen as select * from customer;"
                      " create function hello() returns int language sql as 'select 1'"));
}

static void test_restore(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(dump_tables_release) struct dump_tables tables = { 0 };
    struct call call = test_call();
    fill();
    dump("a", &bytes);
    make_database("a_restoring", ROLE_A, NULL, STAMP("a"));
    assert_ok(restore("a_restoring", bytes.text, bytes.len, PASSWORD_A, &err), &err);
    CLEANUP(freep) char *inside = pg_url_with(cluster.admin_url, "a_restoring", NULL, NULL);
    assert_psql(inside, "select count(*), max(id), length(max(name)) from customer", "20000|20000|200");
    assert_psql(inside,
                "select distinct pg_get_userbyid(relowner) from pg_class c join pg_namespace n on n.oid = relnamespace"
                " where nspname in ('public', 'other')",
                ROLE_A);
    assert_ok(database_count_rows(server, "a_restoring", &call, &tables, &err), &err);
    assert_int_equal(tables.count, 2);
    assert_string_equal(tables.items[0].name, "other.Odd name");
    assert_int_equal(tables.items[0].rows, 2);
    assert_string_equal(tables.items[1].name, "public.customer");
    assert_int_equal(tables.items[1].rows, 20000);
}

static void test_restore_fails(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    fill();
    dump("a", &bytes);
    make_database("a_restoring", ROLE_A, NULL, STAMP("a"));
    assert_fails(restore("a_restoring", bytes.text, bytes.len / 2, PASSWORD_A, &err), &err, ERR_EXIT);
    assert_fails(restore("a_restoring", "garbage", 7, PASSWORD_A, &err), &err, ERR_EXIT);
    assert_fails(restore("nosuch", bytes.text, bytes.len, PASSWORD_A, &err), &err, ERR_EXIT);
    /* At the first error: what is there already is one. */
    assert_refused(restore("a", bytes.text, bytes.len, PASSWORD_A, &err), ERR_EXIT, err);
    assert_contains(err_message(&err), "already exists");
    assert_null(strstr(err_message(&err), PASSWORD_A));
    assert_fails(restore("a_restoring", bytes.text, bytes.len, "wrong", &err), &err, ERR_EXIT);
}

/* The dump is the customer's: what he put into it runs with his rights, and cannot take ours. */
static void test_restore_runs_as_the_role(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    make_two_tenants();
    CLEANUP(freep) char *inside = pg_url_with(url, "a", ROLE_A, PASSWORD_A);
    free(psql(inside, "create table seen (who text);"
                      " create function who(int) returns bool language plpgsql as $$ begin reset role;"
                      " insert into public.seen values (session_user); return true; end $$;"
                      " create table t (n int check (public.who(n))); insert into t values (1)"));
    dump("a", &bytes);
    make_database("a_restoring", ROLE_A, NULL, STAMP("a"));
    assert_ok(restore("a_restoring", bytes.text, bytes.len, PASSWORD_A, &err), &err);
    CLEANUP(freep) char *there = pg_url_with(cluster.admin_url, "a_restoring", NULL, NULL);
    assert_psql(there, "select who, count(*) > 1 from seen group by who", ROLE_A "|t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_restore, tidy),
        cmocka_unit_test_teardown(test_restore_fails, tidy),
        cmocka_unit_test_teardown(test_restore_runs_as_the_role, tidy),
        cmocka_unit_test(test_log_holds_no_password),
    };
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    return cmocka_run_group_tests(tests, start, stop);
}
