/*
 * A real PostgreSQL of a test program's own, and fresh databases in it. A guardian process, made before anything
 * else, waits for the program's end, however it comes, then stops the server and removes all of it. All in a header:
 * the Makefile links a test of one file.
 */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "clients/postgres/cluster.h"
#include "clients/postgres/pg.h"
#include "store/store.h"
#include "tests/check.h"

#define FIXTURE_START_MS (2 * MINUTE_MS)

struct pg_fixture {
    char *data;
    struct cluster cluster;
    pid_t guardian;
    int guard_fd; /* written to or closed: the guardian acts */
    int databases;
};

static inline void pg_fixture_guard(struct pg_fixture *fixture)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fixture->guardian = fork();
    assert_true(fixture->guardian >= 0);
    if (fixture->guardian > 0) {
        close(ends[0]);
        fixture->guard_fd = ends[1];
        return;
    }
    close(ends[1]);
    setsid(); /* an interrupt at the terminal is for the test */
    ssize_t len;
    while ((len = read(ends[0], &byte, 1)) < 0)
        ;
    if (len == 0)
        sleep(5); /* it was killed: what it was just starting may still come up */
    struct call call = call_within(NULL, MINUTE_MS);
    struct err err = ERR_INIT;
    bool done = cluster_stop(fixture->data, &call, &err) && dir_remove(fixture->data, &err);
    if (!done)
        fprintf(stderr, "PostgreSQL in %s is left: %s\n", fixture->data, err_message(&err));
    _exit(done ? 0 : 1);
}

static inline void pg_fixture_up(struct pg_fixture *fixture)
{
    struct cluster_options options = { .data = fixture->data };
    struct call call = call_within(NULL, FIXTURE_START_MS);
    struct err err = ERR_INIT;
    cluster_release(&fixture->cluster);
    assert_ok(cluster_start(&options, &call, &fixture->cluster, &err), &err);
}

static inline void pg_fixture_start(struct pg_fixture *fixture)
{
    char path[] = "/tmp/tenantd-store-XXXXXX";
    assert_non_null(mkdtemp(path));
    assert_int_equal(chmod(path, 0755), 0);                /* PostgreSQL's user looks in */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* where process 1 is no init, nobody else would */
    *fixture = (struct pg_fixture){ .data = mem_strdup(path) };
    pg_fixture_guard(fixture);
    pg_fixture_up(fixture);
}

static inline void pg_fixture_stop(struct pg_fixture *fixture)
{
    int status = -1;
    assert_int_equal(write(fixture->guard_fd, "", 1), 1);
    close(fixture->guard_fd);
    assert_int_equal(waitpid(fixture->guardian, &status, 0), fixture->guardian);
    assert_int_equal(status, 0);
    cluster_release(&fixture->cluster);
    free(fixture->data);
}

static inline void pg_fixture_run(const char *url, const char *sql)
{
    CLEANUP(pg_freep) struct pg *pg = pg_new(url);
    struct call call = call_within(NULL, MINUTE_MS);
    struct err err = ERR_INIT;
    assert_ok(pg_query(pg, sql, NULL, 0, &call, NULL, &err), &err);
}

/* The first column of the first row; owned. */
static inline char *pg_fixture_text(const char *url, const char *sql)
{
    CLEANUP(pg_freep) struct pg *pg = pg_new(url);
    CLEANUP(pg_clearp) PGresult *result = NULL;
    struct call call = call_within(NULL, MINUTE_MS);
    struct err err = ERR_INIT;
    assert_ok(pg_query(pg, sql, NULL, 0, &call, &result, &err), &err);
    return mem_strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
}

static inline int64_t pg_fixture_int(const char *url, const char *sql)
{
    CLEANUP(freep) char *text = pg_fixture_text(url, sql);
    int64_t number = INT64_MIN;
    assert_true(str_parse_int64(text, INT64_MIN, INT64_MAX, &number));
    return number;
}

/* The URL of a fresh, empty database; owned. */
static inline char *pg_fixture_database(struct pg_fixture *fixture)
{
    CLEANUP(freep) char *name = mem_printf("store_%d", ++fixture->databases);
    CLEANUP(freep) char *sql = mem_printf("create database %s template template0", name);
    pg_fixture_run(fixture->cluster.admin_url, sql);
    return pg_url_with(fixture->cluster.admin_url, name, NULL, NULL);
}

static inline void pg_fixture_kill_process(pid_t pid)
{
    struct pollfd pollfd = { .fd = pidfd_open(pid, 0), .events = POLLIN };
    if (pollfd.fd < 0)
        return; /* gone already */
    kill(pid, SIGKILL);
    assert_int_equal(poll(&pollfd, 1, 10000), 1); /* dead */
    waitpid(pid, NULL, WNOHANG);                  /* and buried, where it is ours: a zombie's number counts as alive */
    close(pollfd.fd);
}

/* As a power cut would: the server and each of its processes at once. */
static inline void pg_fixture_kill(struct pg_fixture *fixture)
{
    CLEANUP(freep) char *pid_path = mem_printf("%s/postmaster.pid", fixture->cluster.directory);
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(str_release) struct str children = STR_INIT;
    CLEANUP(strv_release) struct strv pids = STRV_INIT;
    struct err err = ERR_INIT;
    int64_t pid = 0, child = 0;
    assert_ok(file_read(pid_path, 4096, &text, &err), &err);
    text.text[strcspn(text.text, "\n")] = '\0';
    assert_true(str_parse_int64(text.text, 2, INT32_MAX, &pid));
    CLEANUP(freep) char *children_path = mem_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
    assert_int_equal(kill((pid_t)pid, SIGSTOP), 0); /* it makes no more of them */
    assert_ok(file_read(children_path, 65536, &children, &err), &err);
    strv_split(&pids, children.text, ' ');
    pg_fixture_kill_process((pid_t)pid);
    for (size_t i = 0; i < pids.count; i++)
        if (str_parse_int64(pids.items[i], 2, INT32_MAX, &child))
            pg_fixture_kill_process((pid_t)child);
}
