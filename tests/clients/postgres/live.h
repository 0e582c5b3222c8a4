/*
 * A real cluster for tests: made by cluster_start() in a temporary directory, ended and removed whatever becomes of
 * the test.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "clients/postgres/cluster.h"
#include "clients/postgres/pg.h"
#include "tests/check.h"

#define TEST_MS (120 * SECOND_MS)

struct live {
    char *parent; /* 0700 where the cluster's user must not reach `data`, else 0755 */
    char *data;
    pid_t guardian;
    int guardian_fd; /* its end tells the guardian that we are gone */
};

static inline struct call test_call(void)
{
    return call_within(NULL, TEST_MS);
}

/* As assert_fails(), but the error stays to be looked at. */
#define assert_refused(done, want, err) live_assert_refused((done), (want), &(err), __FILE__, __LINE__)
static inline void live_assert_refused(bool done, enum err_code want, struct err *err, const char *file, int line)
{
    if (!done && err->code != want)
        print_error("wanted %s, got %s: %s\n", err_kinds[want].name, err_kinds[err->code].name, err_message(err));
    _assert_true(!done && err->code == want, "call was refused as expected", file, line);
}

/* What the cluster under `data` left, wherever it was put. Tells on stderr what did not go. */
static inline void live_remove(const char *data, const char *parent)
{
    struct call call = call_within(NULL, 30 * SECOND_MS);
    struct err err = ERR_INIT;
    struct str location = STR_INIT;
    char *path = mem_printf("%s/postgres.location", data);
    if (!cluster_stop(data, &call, &err))
        fprintf(stderr, "live_remove: %s\n", err_message(&err));
    if (file_read(path, 4096, &location, NULL)) {
        location.text[strcspn(location.text, "\n")] = '\0';
        if (!dir_remove(location.text, &err))
            fprintf(stderr, "live_remove: %s\n", err_message(&err));
    }
    if (!dir_remove(parent, &err))
        fprintf(stderr, "live_remove: %s\n", err_message(&err));
    free(path);
    str_release(&location);
    err_release(&err);
}

/*
 * Tidies up after a test that crashed: a process of its own session that waits for our end. Called before there are
 * threads.
 */
static inline void live_guard(struct live *live)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    live->guardian = fork();
    assert_true(live->guardian >= 0);
    if (live->guardian == 0) {
        char byte;
        setsid();
        close(ends[1]);
        while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
            continue;
        if (file_exists(live->parent))
            live_remove(live->data, live->parent);
        _exit(0);
    }
    close(ends[0]);
    live->guardian_fd = ends[1];
}

static inline struct live *live_new(mode_t parent_mode)
{
    struct live *live = MEM_NEW(struct live);
    char template[] = "/tmp/tenantd-test-XXXXXX";
    assert_non_null(mkdtemp(template));
    assert_int_equal(chmod(template, parent_mode), 0);
    live->parent = mem_strdup(template);
    live->data = mem_printf("%s/data", template);
    assert_int_equal(mkdir(live->data, 0755), 0);
    live_guard(live);
    return live;
}

static inline void live_free(struct live *live)
{
    live_remove(live->data, live->parent);
    close(live->guardian_fd);
    while (waitpid(live->guardian, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(live->parent);
    free(live->data);
    free(live);
}

static inline bool live_start(struct live *live, struct cluster *ret, struct err *err)
{
    struct cluster_options options = { .data = live->data };
    struct call call = test_call();
    return cluster_start(&options, &call, ret, err);
}

/* Debian's own psql is a Perl script that looks for the real one, ten times as slow. */
static inline char *psql_path(void)
{
    glob_t found = { 0 };
    char *path = glob("/usr/lib/postgresql/*/bin/psql", 0, NULL, &found) == 0
                     ? mem_strdup(found.gl_pathv[found.gl_pathc - 1])
                     : mem_strdup("psql");
    globfree(&found);
    return path;
}

/* What psql prints, unaligned and without headers, the last newline cut off; owned. Not through our own client. */
static inline char *psql(const char *url, const char *sql)
{
    CLEANUP(freep) char *program = psql_path();
    const char *argv[] = { program, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql, NULL };
    const char *env[] = { "PGCONNECT_TIMEOUT=10", NULL };
    struct process process = { .argv = argv, .extra_env = env, .output_limit = 1 << 20 };
    struct call call = test_call();
    struct err err = ERR_INIT;
    struct str output = STR_INIT;
    assert_ok(process_run(&process, &call, &output, &err), &err);
    if (output.len > 0 && output.text[output.len - 1] == '\n')
        output.text[--output.len] = '\0';
    return str_steal(&output);
}

#define assert_psql(url, sql, want)                                                                                    \
    do {                                                                                                               \
        char *output_ = psql((url), (sql));                                                                            \
        assert_string_equal(output_, (want));                                                                          \
        free(output_);                                                                                                 \
    } while (0)

/* "" when `sql` works over `url`, else the SQLSTATE or, for a login that fails, the message; owned. */
static inline char *refusal(const char *url, const char *sql)
{
    PGconn *conn = PQconnectdb(url);
    char *text;
    if (PQstatus(conn) != CONNECTION_OK) {
        text = mem_strdup(PQerrorMessage(conn));
    } else {
        PGresult *result = PQexec(conn, sql);
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        text = mem_strdup(state ? state : "");
        PQclear(result);
    }
    PQfinish(conn);
    return text;
}

static inline size_t count_descriptors(void)
{
    struct strv names = STRV_INIT;
    struct err err = ERR_INIT;
    assert_ok(dir_list("/proc/self/fd", &names, &err), &err);
    size_t count = names.count;
    strv_release(&names);
    return count;
}
