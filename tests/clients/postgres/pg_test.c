/* The PostgreSQL connection against a real server, a mute one and none. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "tests/clients/postgres/live.h"

static struct live *live;
static struct cluster cluster;

static int start(void **state)
{
    (void)state; /* cmocka's signature, here and below */
    struct err err = ERR_INIT;
    live = live_new(0755);
    assert_ok(live_start(live, &cluster, &err), &err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_release(&cluster);
    live_free(live);
    return 0;
}

static void raise_flag_later(int *flag)
{
    poll(NULL, 0, 200);
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static void *flag_thread(void *flag)
{
    raise_flag_later(flag);
    return NULL;
}

static void assert_server_is_free_of(const char *query)
{
    char *sql = mem_printf(
        "select count(*) from pg_stat_activity where query like '%%%s%%' and pid <> pg_backend_pid()", query);
    assert_psql(cluster.admin_url, sql, "0");
    free(sql);
}

static void test_results(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    const char *params[] = { "41", NULL };
    assert_null(pg_handle(pg));
    assert_ok(pg_query(pg, "select 1 as a; select 2 as b", NULL, 0, &call, &result, &err), &err);
    assert_int_equal(pg_int(result, 0, "b"), 2);
    pg_clearp(&result);
    assert_ok(pg_query(pg, "select $1::int + 1 as a, $2::text as b", params, 2, &call, &result, &err), &err);
    assert_string_equal(pg_text(result, 0, "a"), "42");
    assert_null(pg_text(result, 0, "b"));
    assert_int_equal(pg_int(result, 0, "b"), 0);
    pg_clearp(&result);
    assert_ok(pg_prepare(pg, "twice", "select $1::int * 2 as a", &call, &err), &err);
    assert_ok(pg_run(pg, "twice", params, 1, &call, &result, &err), &err);
    assert_int_equal(pg_int(result, 0, "a"), 82);
    assert_ok(pg_query(pg, "", NULL, 0, &call, NULL, &err), &err);
    assert_string_equal(pg_sqlstate(pg), "");
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *why, *sqlstate;
        enum err_code code;
    } rows[] = {
        { "broken", "08006", ERR_UNREACHABLE },   { "shut down", "57P01", ERR_UNREACHABLE },
        { "starting", "57P03", ERR_UNREACHABLE }, { "cancelled by others", "57014", ERR_REMOTE },
        { "unique", "23505", ERR_EXISTS },        { "database exists", "42P04", ERR_EXISTS },
        { "role exists", "42710", ERR_EXISTS },   { "no database", "3D000", ERR_NOT_FOUND },
        { "no role", "42704", ERR_NOT_FOUND },    { "in use", "55006", ERR_CONFLICT },
        { "closed", "55000", ERR_CONFLICT },      { "serialization", "40001", ERR_CONFLICT },
        { "deadlock", "40P01", ERR_CONFLICT },    { "foreign key", "23503", ERR_CONFLICT },
        { "dependents", "2BP01", ERR_CONFLICT },  { "privilege", "42501", ERR_FORBIDDEN },
        { "login", "28P01", ERR_REMOTE },         { "too many", "53300", ERR_REMOTE },
        { "disk", "58030", ERR_REMOTE },          { "corrupt", "XX001", ERR_REMOTE },
        { "read only", "25006", ERR_REMOTE },     { "no table", "42P01", ERR_INTERNAL },
        { "bad value", "22P02", ERR_INTERNAL },   { "our check", "23514", ERR_INTERNAL },
    };
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    struct call call = test_call();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(freep)
        char *sql = mem_printf("do $$ begin raise exception E'one\\n\\ttwo' using errcode = '%s',"
                               " detail = 'secret'; end $$",
                               rows[i].sqlstate);
        print_message("%s\n", rows[i].why);
        assert_refused(pg_query(pg, sql, NULL, 0, &call, NULL, &err), rows[i].code, err);
        assert_string_equal(pg_sqlstate(pg), rows[i].sqlstate);
        assert_non_null(strstr(err_message(&err), rows[i].sqlstate));
        assert_null(strstr(err_message(&err), "secret"));
        assert_null(strchr(err_message(&err), '\n'));
        if (strncmp(rows[i].sqlstate, "22", 2) != 0)
            assert_non_null(strstr(err_message(&err), "one two"));
    }
}

static void test_errors_show_no_value(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "select $1::int",
        "select $1::jsonb",
        "select $1::inet",
        "with t(x) as (values ($1)) select x::date from t",
        "insert into taken values ($1)",
    };
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    const char *params[] = { "sesame" };
    assert_ok(pg_query(pg, "create temp table taken (x text primary key)", NULL, 0, &call, NULL, &err), &err);
    assert_ok(pg_query(pg, "insert into taken values ($1)", params, 1, &call, NULL, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(pg_query(pg, rows[i], params, 1, &call, NULL, &err));
        print_message("%s\n", err_message(&err));
        assert_null(strstr(err_message(&err), "sesame"));
    }
}

static void test_errors_show_no_password(void **state)
{
    (void)state;
    CLEANUP(freep) char *wrong = mem_printf("postgresql://nobody:sesame@127.0.0.1:%d/postgres", cluster.port);
    CLEANUP(freep) char *no_database = pg_url_with(cluster.admin_url, "nosuch", NULL, NULL);
    const struct {
        const char *why, *url, *sqlstate;
        enum err_code code;
    } rows[] = {
        { "no such role", wrong, "28P01", ERR_REMOTE },
        { "no such database", no_database, "3D000", ERR_NOT_FOUND },
        { "nobody listens", "postgresql://nobody:sesame@127.0.0.1:1/postgres", "", ERR_UNREACHABLE },
        { "no socket", "postgresql:///x?host=/nonexistent&password=sesame", "", ERR_UNREACHABLE },
        { "unreadable URI", "postgresql://nobody:sesame@127.0.0.1:1/x%zz", "", ERR_INVALID },
        { "unreadable list", "host=127.0.0.1 password=x sesame", "", ERR_INVALID },
        { "unknown parameter", "postgresql:///x?sesame=1", "", ERR_INVALID },
    };
    struct call call = test_call();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(pg_freep) struct pg *pg = pg_new(rows[i].url);
        CLEANUP(err_release) struct err err = ERR_INIT;
        assert_refused(pg_connect(pg, &call, &err), rows[i].code, err);
        print_message("%s: %s\n", rows[i].why, err_message(&err));
        assert_string_equal(pg_sqlstate(pg), rows[i].sqlstate);
        assert_null(strstr(err_message(&err), "sesame"));
        assert_null(strchr(err_message(&err), '\n'));
    }
}

static void test_deadline(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(pg_connect(pg, &call, &err), &err);
    int64_t started_ms = clock_mono_ms();
    call = call_within(NULL, 300);
    assert_refused(pg_query(pg, "select pg_sleep(10)", NULL, 0, &call, NULL, &err), ERR_TIMEOUT, err);
    assert_true(clock_mono_ms() - started_ms < 2000);
    assert_null(pg_handle(pg));
    poll(NULL, 0, 200);
    assert_server_is_free_of("pg_sleep(10)");
    /* A call that is over costs no connection. */
    assert_refused(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), ERR_TIMEOUT, err);
    call = test_call();
    assert_ok(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), &err);
}

static void test_cancel(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    pthread_t thread;
    int flag = 0;
    struct call call = { .cancelled = &flag };
    assert_int_equal(pthread_create(&thread, NULL, flag_thread, &flag), 0);
    int64_t started_ms = clock_mono_ms();
    assert_refused(pg_query(pg, "select pg_sleep(10), 'flagged'", NULL, 0, &call, NULL, &err), ERR_CANCELLED, err);
    assert_true(clock_mono_ms() - started_ms < 2000);
    pthread_join(thread, NULL);
    assert_server_is_free_of("flagged");
}

/* The server stands still, the ending of the query hangs as well: still only a second more. */
static void test_server_stands_still(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep)
    char *pid_text = psql(cluster.admin_url, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
    int64_t pid = 0;
    struct call call = test_call();
    assert_true(str_parse_int64(pid_text, 2, INT32_MAX, &pid));
    assert_ok(pg_connect(pg, &call, &err), &err);
    kill((pid_t)pid, SIGSTOP);
    int64_t started_ms = clock_mono_ms();
    call = call_within(NULL, 300);
    bool done = pg_query(pg, "select pg_sleep(3)", NULL, 0, &call, NULL, &err);
    int64_t took_ms = clock_mono_ms() - started_ms;
    kill((pid_t)pid, SIGCONT);
    assert_refused(done, ERR_TIMEOUT, err);
    assert_true(took_ms < 2500);
}

/* The kernel accepts for a listener that never does. */
static int mute_listener(int *ret_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_mute_server(void **state)
{
    (void)state;
    int port = 0, flag = 0;
    CLEANUP(closep) int fd = mute_listener(&port);
    CLEANUP(freep) char *url = mem_printf("postgresql://x:y@127.0.0.1:%d/z", port);
    CLEANUP(pg_freep) struct pg *pg = pg_new(url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    pthread_t thread;
    struct call call = call_within(NULL, 300);
    int64_t started_ms = clock_mono_ms();
    assert_refused(pg_connect(pg, &call, &err), ERR_TIMEOUT, err);
    assert_true(clock_mono_ms() - started_ms < 1000);
    call = (struct call){ .cancelled = &flag };
    assert_int_equal(pthread_create(&thread, NULL, flag_thread, &flag), 0);
    started_ms = clock_mono_ms();
    assert_refused(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), ERR_CANCELLED, err);
    assert_true(clock_mono_ms() - started_ms < 1000);
    pthread_join(thread, NULL);
}

static void end_session_of(struct pg *pg)
{
    char *sql = mem_printf("select pg_terminate_backend(%d, 5000)", PQbackendPID(pg_handle(pg)));
    assert_psql(cluster.admin_url, sql, "t");
    free(sql);
}

static void test_server_gone(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(pg_connect(pg, &call, &err), &err);
    end_session_of(pg);
    assert_ok(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), &err); /* an idle one costs nobody a call */
    assert_ok(pg_query(pg, "begin", NULL, 0, &call, NULL, &err), &err);
    end_session_of(pg);
    assert_refused(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), ERR_UNREACHABLE, err);
    assert_ok(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), &err);
    assert_refused(pg_query(pg, "select pg_terminate_backend(pg_backend_pid())", NULL, 0, &call, NULL, &err),
                   ERR_UNREACHABLE, err);
    assert_string_equal(pg_sqlstate(pg), "57P01");
    assert_null(pg_handle(pg));
}

static bool fail_to_prepare(struct pg *pg, void *context, const struct call *call, struct err *err)
{
    ++*(int *)context;
    return pg_query(pg, "select nosuch", NULL, 0, call, NULL, err);
}

static bool prepare(struct pg *pg, void *context, const struct call *call, struct err *err)
{
    ++*(int *)context;
    return pg_prepare(pg, "one", "select 1 as one", call, err);
}

static void test_on_connect(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    int count = 0;
    pg_on_connect(pg, fail_to_prepare, &count);
    assert_refused(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), ERR_INTERNAL, err);
    assert_null(pg_handle(pg));
    pg_on_connect(pg, prepare, &count);
    assert_ok(pg_run(pg, "one", NULL, 0, &call, NULL, &err), &err);
    assert_ok(pg_run(pg, "one", NULL, 0, &call, NULL, &err), &err);
    assert_int_equal(count, 2);
    end_session_of(pg);
    assert_ok(pg_run(pg, "one", NULL, 0, &call, NULL, &err), &err);
    assert_int_equal(count, 3);
}

static void test_copy_is_refused(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_refused(pg_query(pg, "copy (select generate_series(1, 100000)) to stdout", NULL, 0, &call, NULL, &err),
                   ERR_INTERNAL, err);
    assert_ok(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), &err);
}

static void test_large_both_ways(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    size_t len = (size_t)16 << 20;
    CLEANUP(freep) char *text = mem_zalloc(len + 1);
    memset(text, 'x', len);
    const char *params[] = { text };
    assert_ok(pg_query(pg, "select $1::text as a", params, 1, &call, &result, &err), &err);
    assert_int_equal(strlen(pg_text(result, 0, "a")), len);
}

static void test_no_descriptor_leaks(void **state)
{
    (void)state;
    CLEANUP(pg_freep) struct pg *pg = pg_new(cluster.admin_url);
    CLEANUP(freep) char *bad_url = pg_url_with(cluster.admin_url, "nosuch", NULL, NULL);
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(pg_connect(pg, &call, &err), &err);
    pg_close(pg);
    size_t before = count_descriptors();
    for (int i = 0; i < 100; i++) {
        CLEANUP(pg_freep) struct pg *bad = pg_new(bad_url);
        assert_refused(pg_connect(bad, &call, &err), ERR_NOT_FOUND, err);
        assert_ok(pg_query(pg, "select 1", NULL, 0, &call, NULL, &err), &err);
        assert_true(fcntl(PQsocket(pg_handle(pg)), F_GETFD) & FD_CLOEXEC);
        pg_close(pg);
    }
    for (int i = 0; i < 5; i++) {
        struct call brief = call_within(NULL, 30);
        assert_false(pg_query(pg, "select pg_sleep(1)", NULL, 0, &brief, NULL, &err));
    }
    assert_int_equal(count_descriptors(), before);
}

static void *query_thread(void *context)
{
    struct pg *pg = pg_new(cluster.admin_url);
    struct err err = ERR_INIT;
    struct call call = test_call();
    size_t *done = context;
    for (int i = 0; i < 100; i++) {
        *done += pg_query(pg, "select 1", NULL, 0, &call, NULL, &err);
        if (i % 10 == 0)
            pg_close(pg);
    }
    pg_free(pg);
    err_release(&err);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    size_t done[ARRAY_LEN(threads)] = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, query_thread, &done[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(done[i], 100);
    }
}

static void test_url_with(void **state)
{
    (void)state;
    static const struct {
        const char *why, *url, *database, *user, *password, *want;
    } rows[] = {
        { "database only", "postgresql://u:p%40@db:5433/a?sslmode=require", "b", NULL, NULL,
          "postgresql://u:p%40@db:5433/b?sslmode=require" },
        { "another user has another password", "postgresql://u:p@db/a", "b", "v", NULL, "postgresql://v@db/b" },
        { "everything odd", "postgresql://db/a", "x/y z", "a@b", "p:/?#",
          "postgresql://a%40b:p%3A%2F%3F%23@db/x%2Fy%20z" },
        { "keywords", "host=db port=1 user=u password='it''s' dbname=a", "b", NULL, NULL, NULL },
        { "socket", "host=/run/x port=1 user=u dbname=a", "b", NULL, NULL,
          "postgresql:///b?user=u&host=%2Frun%2Fx&port=1" },
        { "several hosts", "postgresql://u:p@h1:1,h2:2/a", "b", NULL, NULL,
          "postgresql:///b?user=u&password=p&host=h1%2Ch2&port=1%2C2" },
        { "IPv6", "postgresql://u@[::1]:5/a", "b", NULL, NULL, "postgresql:///b?user=u&host=%3A%3A1&port=5" },
        { "no host", "postgresql:///a", "b", NULL, NULL, "postgresql:///b" },
        { "unreadable", "postgresql://%zz", "b", NULL, NULL, "postgresql://%zz" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(freep) char *got = pg_url_with(rows[i].url, rows[i].database, rows[i].user, rows[i].password);
        print_message("%s: %s\n", rows[i].why, got);
        if (rows[i].want)
            assert_string_equal(got, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_errors_show_no_value),
        cmocka_unit_test(test_errors_show_no_password),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_server_stands_still),
        cmocka_unit_test(test_mute_server),
        cmocka_unit_test(test_server_gone),
        cmocka_unit_test(test_on_connect),
        cmocka_unit_test(test_copy_is_refused),
        cmocka_unit_test(test_large_both_ways),
        cmocka_unit_test(test_no_descriptor_leaks),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_url_with),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
