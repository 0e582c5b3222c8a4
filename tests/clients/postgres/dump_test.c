/* Dumps of a tenant's database: what pg_restore makes of them, the counts of their own snapshot, and what goes wrong. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "clients/postgres/dump.h"
#include "tests/clients/postgres/server_fixture.h"

#define LIMIT ((size_t)64 << 20)

static const struct dump_source source_a = { .database = "a", .role = ROLE_A, .password = PASSWORD_A };

static void fill(void)
{
    CLEANUP(freep) char *url_a = host_url("a", ROLE_A, PASSWORD_A);
    make_two_tenants();
    assert_psql(
        url_a,
        "create table items as select i as id, 'text ' || i as word from generate_series(1, 1000) i;"
        "create schema \"Odd \"\"name\"; create table \"Odd \"\"name\".\"T.1\" (x int); create table empty (x int);"
        "create view seen as select * from items; create table parted (x int) partition by range (x);"
        "create table part_one partition of parted for values from (0) to (10); insert into parted values (3), (4)",
        "");
}

static bool dump(const struct dump_source *source, struct str *ret, struct dump_result *result, struct err *err)
{
    struct call call = test_call();
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(ret, LIMIT);
    return database_dump(server, source, sink, &call, result, err);
}

static int64_t rows_of(const struct dump_result *result, const char *table)
{
    for (size_t i = 0; i < result->tables.count; i++)
        if (str_equal(result->tables.items[i].name, table))
            return result->tables.items[i].rows;
    return -1;
}

static void test_dump(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = STR_INIT, listed = STR_INIT;
    CLEANUP(dump_result_release) struct dump_result result = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    fill();
    assert_ok(dump(&source_a, &bytes, &result, &err), &err);
    assert_memory_equal(bytes.text, "PGDMP", 5);
    assert_int_equal(result.version.number / 10000, 15);
    assert_int_equal(result.tables.count, 4);
    assert_int_equal(rows_of(&result, "public.items"), 1000);
    assert_int_equal(rows_of(&result, "public.empty"), 0);
    assert_int_equal(rows_of(&result, "Odd \"name.T.1"), 0);
    assert_int_equal(rows_of(&result, "public.part_one"), 2);
    const struct process process = { .argv = (const char *const[]){ "pg_restore", "--list", NULL },
                                     .input = bytes.text,
                                     .input_len = bytes.len };
    assert_ok(process_run(&process, NULL, &listed, &err), &err);
    assert_contains(listed.text, "TABLE DATA public items");
}

/* What is written behind the snapshot is neither in the dump nor in the counts. */
struct writer {
    struct sink sink;
    struct sink *next;
    bool has_written;
};

static bool writer_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct writer *writer = (struct writer *)sink;
    CLEANUP(freep) char *url_a = host_url("a", ROLE_A, PASSWORD_A);
    if (!writer->has_written)
        assert_psql(url_a, "insert into items select i, 'late' from generate_series(1, 500) i", "");
    writer->has_written = true;
    return sink_write(writer->next, bytes, len, err);
}

static void test_counts_are_those_of_the_snapshot(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(dump_result_release) struct dump_result result = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    CLEANUP(sink_freep) struct sink *text = text_sink_new(&bytes, LIMIT);
    struct writer writer = { .sink = { .write = writer_write }, .next = text };
    fill();
    assert_ok(database_dump(server, &source_a, &writer.sink, &call, &result, &err), &err);
    assert_true(writer.has_written);
    assert_int_equal(rows_of(&result, "public.items"), 1000);
    assert_null(memmem(bytes.text, bytes.len, "\tlate\n", 6));
}

static void test_questions(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(dump_result_release) struct dump_result result = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct dump_source source = source_a;
    fill();
    source.query = "select word from items where id < 3 union all select null";
    assert_ok(dump(&source, &bytes, &result, &err), &err);
    assert_int_equal(result.answers.count, 2);
    assert_string_equal(result.answers.items[0], "text 1");
    source.query = "select nothing from nowhere";
    assert_false(dump(&source, &bytes, &result, &err));
    assert_contains(err_message(&err), "which files must exist");
    err_clear(&err);
    source.query = "insert into items values (1, 'x') returning word"; /* it may only look */
    assert_false(dump(&source, &bytes, &result, &err));
    assert_contains(err_message(&err), "read-only");
    err_clear(&err);
}

static void test_failures(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(dump_result_release) struct dump_result result = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct dump_source source = source_a;
    fill();
    source.password = "open-sesame-wrong";
    assert_false(dump(&source, &bytes, &result, &err));
    assert_null(strstr(err_message(&err), "open-sesame"));
    err_clear(&err);
    source = source_a;
    source.database = "nowhere";
    assert_refused(dump(&source, &bytes, &result, &err), ERR_NOT_FOUND, err);
    assert_psql(cluster.admin_url, "select 1", "1");
    CLEANUP(freep) char *admin_a = pg_url_with(cluster.admin_url, "a", NULL, NULL);
    assert_psql(admin_a, "create table theirs (x int)", ""); /* not the role's own */
    assert_refused(dump(&source_a, &bytes, &result, &err), ERR_EXIT, err);
}

/* One that is killed in its midst has failed, however much came. */
static void test_killed(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(dump_result_release) struct dump_result result = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    int cancelled = 1;
    struct call call = { .cancelled = &cancelled };
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&bytes, LIMIT);
    fill();
    assert_false(database_dump(server, &source_a, sink, &call, &result, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

static void test_programs(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *other = NULL;
    int major = 0;
    assert_ok(dump_find_program("pg_dump", NULL, &path, &major, &err), &err);
    assert_true(major >= 15);
    assert_true(file_exists(path));
    assert_refused(dump_find_program("pg_nothing", NULL, &other, &major, &err), ERR_NOT_FOUND, err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_dump, tidy),
        cmocka_unit_test_teardown(test_counts_are_those_of_the_snapshot, tidy),
        cmocka_unit_test_teardown(test_questions, tidy),
        cmocka_unit_test_teardown(test_failures, tidy),
        cmocka_unit_test_teardown(test_killed, tidy),
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_log_holds_no_password),
    };
    return cmocka_run_group_tests_name("dump", tests, start, stop);
}
