/* The embedded cluster: made, adopted, killed at every stage, misconfigured; looked at with psql and in /proc. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/clients/postgres/live.h"

/* Each test has a directory of its own, so that none depends on what another left. */
static int set_up(void **state)
{
    *state = live_new(0755);
    return 0;
}

static int set_up_closed(void **state)
{
    *state = live_new(0700);
    return 0;
}

static int tear_down(void **state)
{
    live_free(*state);
    return 0;
}

static int64_t first_line_as_int(const char *directory, const char *name)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", directory, name);
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t value = 0;
    assert_ok(file_read(path, 4096, &text, &err), &err);
    text.text[strcspn(text.text, "\n")] = '\0';
    assert_true(str_parse_int64(text.text, 1, INT32_MAX, &value));
    return value;
}

static pid_t server_pid(const struct cluster *cluster)
{
    return (pid_t)first_line_as_int(cluster->directory, "postmaster.pid");
}

static void start_well(struct live *live, struct cluster *ret)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_ok(live_start(live, ret, &err), &err);
    assert_psql(ret->admin_url, "select current_user", "postgres");
}

static void stop_well(struct live *live)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = test_call();
    assert_ok(cluster_stop(live->data, &call, &err), &err);
}

static void test_settings(void **state)
{
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    start_well(*state, &cluster);
    assert_psql(cluster.admin_url,
                "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in ('fsync',"
                " 'synchronous_commit', 'full_page_writes', 'max_connections', 'password_encryption', 'log_statement',"
                " 'data_checksums', 'listen_addresses', 'server_encoding', 'lc_collate')",
                "data_checksums=on fsync=on full_page_writes=on lc_collate=C.UTF-8 listen_addresses=127.0.0.1"
                " log_statement=none max_connections=1000 password_encryption=scram-sha-256 server_encoding=UTF8"
                " synchronous_commit=on");
    assert_psql(cluster.admin_url,
                "select string_agg(concat_ws(' ', type, database, user_name, address, auth_method), ', '"
                " order by line_number) || count(error) from pg_hba_file_rules",
                "local {all} {postgres} peer, host {all} {postgres} all reject,"
                " host {all} {all} 127.0.0.1 scram-sha-2560");
    assert_in_range(cluster.port, 30100, 30999);
}

static void test_place(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(freep) char *want = mem_printf("%s/postgres", live->data);
    struct stat status;
    start_well(live, &cluster);
    assert_string_equal(cluster.directory, want);
    assert_int_equal(stat(cluster.directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_true(status.st_uid != 0);
}

static void test_place_of_closed_directory(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(freep) char *inside = mem_printf("%s/postgres", live->data);
    CLEANUP(freep) char *location = mem_printf("%s/postgres.location", live->data);
    CLEANUP(freep) char *line = NULL;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_well(live, &cluster);
    if (geteuid() != 0) {
        assert_string_equal(cluster.directory, inside);
        return;
    }
    line = mem_printf("%s\n", cluster.directory);
    assert_false(file_exists(inside));
    assert_ok(file_read(location, 4096, &text, &err), &err);
    assert_string_equal(text.text, line);
    assert_true(str_starts_with(cluster.directory, "/var/lib/tenantd"));
    stop_well(live);
    cluster_release(&cluster);
    start_well(live, &cluster);
}

static void test_adopted(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster first = { 0 };
    CLEANUP(cluster_release) struct cluster second = { 0 };
    start_well(live, &first);
    pid_t pid = server_pid(&first);
    start_well(live, &second);
    assert_int_equal(server_pid(&second), pid);
    assert_int_equal(second.port, first.port);
    assert_string_equal(second.admin_url, first.admin_url);
}

/* One that nobody has waited for yet keeps its number, but has no command line. */
static bool is_alive(pid_t pid)
{
    CLEANUP(freep) char *path = mem_printf("/proc/%d/cmdline", pid);
    CLEANUP(str_release) struct str line = STR_INIT;
    return file_read(path, 4096, &line, NULL) && line.len > 0;
}

static void test_stopped_and_started(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster first = { 0 };
    CLEANUP(cluster_release) struct cluster second = { 0 };
    stop_well(live); /* nothing there yet */
    start_well(live, &first);
    pid_t pid = server_pid(&first);
    assert_psql(first.admin_url, "create table kept as select 1 as a", "");
    stop_well(live);
    assert_false(is_alive(pid));
    stop_well(live);
    start_well(live, &second);
    assert_int_equal(second.port, first.port);
    assert_psql(second.admin_url, "select a from kept", "1");
}

static bool holds_descriptor_of(pid_t pid, const char *path)
{
    CLEANUP(freep) char *directory = mem_printf("/proc/%d/fd", pid);
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool holds = false;
    assert_ok(dir_list(directory, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *link = mem_printf("%s/%s", directory, names.items[i]);
        char target[4096] = "";
        holds = holds || (readlink(link, target, sizeof(target) - 1) > 0 && str_equal(target, path));
    }
    return holds;
}

/*
 * cluster_start() in a process group of its own, with an open descriptor; killed `after_ms`, or when it is done (-1).
 */
static void start_and_kill(struct live *live, int after_ms)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        CLEANUP(freep) char *marker = mem_printf("%s/marker", live->data);
        struct cluster cluster = { 0 };
        struct err err = ERR_INIT;
        setpgid(0, 0);
        int fd = open(marker, O_RDWR | O_CREAT, 0600); /* not O_CLOEXEC */
        bool done = fd >= 0 && live_start(live, &cluster, &err);
        if (!done)
            fprintf(stderr, "starter: %s\n", err_message(&err));
        if (after_ms < 0)
            kill(0, SIGKILL);
        pause();
    }
    if (after_ms >= 0) {
        poll(NULL, 0, after_ms);
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_survives_its_starter(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(freep) char *marker = mem_printf("%s/marker", live->data);
    CLEANUP(freep) char *directory = mem_printf("%s/postgres", live->data);
    start_and_kill(live, -1);
    pid_t pid = (pid_t)first_line_as_int(directory, "postmaster.pid");
    poll(NULL, 0, 300);
    assert_true(is_alive(pid));
    assert_int_not_equal(getsid(pid), getsid(0));
    assert_false(holds_descriptor_of(pid, marker));
    start_well(live, &cluster);
    assert_int_equal(server_pid(&cluster), pid);
}

static void test_starter_killed_at_any_time(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(cluster_release) struct cluster again = { 0 };
    static const int after_ms[] = { 20, 60, 120, 250, 400, 600, 800, 1000, 1200 };
    for (size_t i = 0; i < ARRAY_LEN(after_ms); i++)
        start_and_kill(live, after_ms[i]);
    start_well(live, &cluster);
    assert_psql(cluster.admin_url, "select count(*) from pg_database", "3");
    poll(NULL, 0, 2000); /* an initdb that outlived its starter */
    start_well(live, &again);
    assert_ok(dir_list(live->data, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++)
        assert_null(strstr(names.items[i], "new"));
}

static void test_server_killed(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster first = { 0 };
    CLEANUP(cluster_release) struct cluster second = { 0 };
    start_well(live, &first);
    assert_psql(first.admin_url, "create table kept as select 1 as a", "");
    kill(server_pid(&first), SIGKILL);
    start_well(live, &second);
    assert_psql(second.admin_url, "select a from kept", "1");
}

/* After a reboot the number of the old server may be anybody's. */
static void test_stale_pid_file(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster first = { 0 };
    CLEANUP(cluster_release) struct cluster second = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_well(live, &first);
    stop_well(live);
    CLEANUP(freep) char *path = mem_printf("%s/postmaster.pid", first.directory);
    CLEANUP(freep)
    char *text = mem_printf("%d\n%s\n1\n%d\n%s\n127.0.0.1\n1 1\nready   \n", getpid(), first.directory, first.port,
                            first.directory);
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
    start_well(live, &second);
    assert_int_not_equal(server_pid(&second), getpid());
    stop_well(live);
    /* A stranger's number is no reason to send it a signal, either. */
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
    stop_well(live);
}

static void test_other_postgres_with_our_number(void **state)
{
    struct live *other = live_new(0755);
    CLEANUP(cluster_release) struct cluster first = { 0 };
    CLEANUP(cluster_release) struct cluster second = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_well(*state, &first);
    start_well(other, &second);
    stop_well(*state);
    CLEANUP(freep) char *path = mem_printf("%s/postmaster.pid", first.directory);
    CLEANUP(freep) char *text = mem_printf("%d\n%s\n1\n%d\n", server_pid(&second), first.directory, first.port);
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
    stop_well(*state);
    assert_psql(second.admin_url, "select 1", "1");
    live_free(other);
}

static void test_unsafe_settings(void **state)
{
    static const char *const names[] = { "fsync", "synchronous_commit", "full_page_writes" };
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(cluster_release) struct cluster restored = { 0 };
    start_well(live, &cluster);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(cluster_release) struct cluster again = { 0 };
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(freep) char *off = mem_printf("alter system set %s = off", names[i]);
        CLEANUP(freep) char *reset = mem_printf("alter system reset %s", names[i]);
        assert_psql(cluster.admin_url, off, "");
        assert_psql(cluster.admin_url, "select pg_reload_conf() from pg_sleep(0)", "t");
        poll(NULL, 0, 300);
        assert_refused(live_start(live, &again, &err), ERR_INVALID, err);
        assert_contains(err_message(&err), names[i]);
        assert_contains(err_message(&err), "ALTER SYSTEM RESET");
        assert_psql(cluster.admin_url, reset, "");
        assert_psql(cluster.admin_url, "select pg_reload_conf()", "t");
        poll(NULL, 0, 300);
    }
    start_well(live, &restored);
}

static void test_broken_configuration(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(cluster_release) struct cluster again = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_well(live, &cluster);
    assert_psql(cluster.admin_url, "alter system set shared_preload_libraries = 'nosuchlibrary'", "");
    stop_well(live);
    assert_refused(live_start(live, &again, &err), ERR_REMOTE, err);
    print_message("%s\n", err_message(&err));
    assert_contains(err_message(&err), "nosuchlibrary");
}

static void test_long_path(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    char name[101] = "";
    memset(name, 'x', sizeof(name) - 1);
    CLEANUP(freep) char *data = mem_printf("%s/%s", live->data, name);
    struct live deep = { .data = data };
    assert_int_equal(mkdir(data, 0755), 0);
    start_well(&deep, &cluster);
    stop_well(&deep);
    /* The directory of the socket. */
    const char *host = geteuid() == 0 ? "host=%2Frun%2Ftenantd-" : "host=%2Ftmp%2Ftenantd-";
    const char *base = strstr(cluster.admin_url, host);
    assert_non_null(base);
    CLEANUP(freep) char *hash = mem_strndup(base + strlen(host), 16);
    CLEANUP(freep) char *sockets = mem_printf("%s/tenantd-%s", geteuid() == 0 ? "/run" : "/tmp", hash);
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_ok(dir_remove(sockets, &err), &err);
}

static void test_lost_cluster(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(cluster_release) struct cluster again = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_well(live, &cluster);
    stop_well(live);
    CLEANUP(freep) char *aside = mem_printf("%s.aside", cluster.directory);
    assert_int_equal(rename(cluster.directory, aside), 0);
    assert_refused(live_start(live, &again, &err), ERR_INVALID, err);
    assert_contains(err_message(&err), "gone");
    assert_int_equal(rename(aside, cluster.directory), 0);
    start_well(live, &again);
}

static void test_port_taken(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    struct cluster_options options = { .data = live->data, .port = ntohs(address.sin_port) };
    struct call call = test_call();
    assert_refused(cluster_start(&options, &call, &cluster, &err), ERR_CONFLICT, err);
    closep(&fd);
    fd = -1;
    assert_ok(cluster_start(&options, &call, &cluster, &err), &err);
    assert_int_equal(cluster.port, options.port);
}

static void test_bad_options(void **state)
{
    struct live *live = *state;
    CLEANUP(freep) char *quoted = mem_printf("%s/a\"$(touch x)", live->data);
    CLEANUP(freep) char *data = mem_printf("%s/plain", live->data);
    const struct {
        const char *why;
        struct cluster_options options;
    } rows[] = {
        { "quotes in the path", { .data = quoted } },
        { "no port", { .data = data, .port = 65536 } },
        { "no address", { .data = data, .listen = "docker0" } },
        { "one of two is no address", { .data = data, .listen = "127.0.0.2,x" } },
        { "no network", { .data = data, .allow = "10.0.0.0" } },
        { "another method", { .data = data, .allow = "10.0.0.0/8 trust\n" } },
        { "too many bits", { .data = data, .allow = "10.0.0.0/33" } },
    };
    assert_int_equal(mkdir(quoted, 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(cluster_release) struct cluster cluster = { 0 };
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct call call = test_call();
        assert_refused(cluster_start(&rows[i].options, &call, &cluster, &err), ERR_INVALID, err);
        print_message("%s: %s\n", rows[i].why, err_message(&err));
    }
}

/* docker0 may come later than we do; that keeps nobody from working. */
static void test_absent_address(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(cluster_release) struct cluster again = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cluster_options options = { .data = live->data, .listen = "192.0.2.1", .allow = "10.213.0.0/16" };
    struct call call = test_call();
    assert_ok(cluster_start(&options, &call, &cluster, &err), &err);
    pid_t pid = server_pid(&cluster);
    /* A changed network is let in at once, without a restart. */
    options.allow = "10.214.0.0/16";
    assert_ok(cluster_start(&options, &call, &again, &err), &err);
    assert_int_equal(server_pid(&again), pid);
    assert_psql(again.admin_url,
                "select string_agg(address || ' ' || auth_method, ', ' order by line_number)"
                " from pg_hba_file_rules where address like '10.%'",
                "10.214.0.0 reject, 10.214.0.0 reject, 10.214.0.0 scram-sha-256");
}

/* An address of this machine that stands for a container's: connecting to it, we come from it. Owned, or NULL. */
static char *own_address(void)
{
    struct ifaddrs *all = NULL;
    char *found = NULL;
    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        char text[INET_ADDRSTRLEN];
        struct sockaddr_in address;
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&address, one->ifa_addr, sizeof(address));
        if (address.sin_addr.s_addr != htonl(INADDR_LOOPBACK) &&
            inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text)))
            found = mem_strdup(text);
    }
    freeifaddrs(all);
    return found;
}

static void assert_login(const char *host, int port, const char *role, const char *database, const char *want)
{
    CLEANUP(freep) char *url = mem_printf("postgresql://%s:sesame@%s:%d/%s", role, host, port, database);
    CLEANUP(freep) char *text = refusal(url, "select 1");
    if (*want ? !strstr(text, want) : *text)
        fail_msg("%s at %s to %s: \"%s\" instead of \"%s\"", role, host, database, text, want);
}

static void test_who_comes_in(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *host = own_address();
    assert_non_null(host); /* docker0's, if no other */
    CLEANUP(freep) char *network = mem_printf("%s/32", host);
    struct cluster_options options = { .data = live->data, .listen = host, .allow = network };
    struct call call = test_call();
    assert_ok(cluster_start(&options, &call, &cluster, &err), &err);
    assert_psql(cluster.admin_url,
                "create role tenantd login password 'sesame'; create role td_x login password 'sesame';"
                " alter role postgres password 'sesame'",
                "");
    assert_psql(cluster.admin_url, "create database tenantd", "");
    assert_login("127.0.0.1", cluster.port, "tenantd", "tenantd", "");
    assert_login("127.0.0.1", cluster.port, "td_x", "postgres", "");
    assert_login("127.0.0.1", cluster.port, "postgres", "postgres", "pg_hba.conf rejects");
    assert_login(host, cluster.port, "td_x", "postgres", "");
    assert_login(host, cluster.port, "td_x", "tenantd", "pg_hba.conf rejects");
    assert_login(host, cluster.port, "tenantd", "postgres", "pg_hba.conf rejects");
    assert_login(host, cluster.port, "postgres", "postgres", "pg_hba.conf rejects");
}

static void test_cancelled(void **state)
{
    struct live *live = *state;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cluster_options options = { .data = live->data };
    struct call call = call_within(NULL, 100);
    assert_refused(cluster_start(&options, &call, &cluster, &err), ERR_TIMEOUT, err);
    start_well(live, &cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_place_of_closed_directory, set_up_closed, tear_down),
        cmocka_unit_test_setup_teardown(test_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped_and_started, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_survives_its_starter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_starter_killed_at_any_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stale_pid_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_postgres_with_our_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unsafe_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_cluster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_comes_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
