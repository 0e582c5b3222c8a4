/* Programs as the beginning and as the end of a chain of sinks. */
#include <signal.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/process.h"
#include "tests/check.h"

#define ARGV(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(script) ARGV("sh", "-c", script)

static struct call generous(void)
{
    return call_within(NULL, MINUTE_MS);
}

static bool run_into(const char *script, struct str *ret, size_t limit, struct err *err)
{
    struct call call = generous();
    const struct process process = { .argv = SHELL(script) };
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(ret, limit);
    return process_run_into(&process, sink, &call, err);
}

static const struct {
    const char *why, *script, *output;
    enum err_code code; /* 0: it succeeds */
    const char *message;
} rows[] = {
    { "nothing", "true", "", 0, NULL },
    { "only standard output", "echo out; echo err >&2", "out\n", 0, NULL },
    { "written behind its end by a child of its", "(sleep 0.2; echo late) & echo early", "early\nlate\n", 0, NULL },
    { "a status counts although all came", "echo out; echo broken >&2; exit 3", "out\n", ERR_EXIT,
      "sh exited with status 3: broken" },
    { "killed", "echo out; kill -9 $$", "out\n", ERR_EXIT, "killed by signal 9" },
};

static void runs_into(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool done = run_into(row->script, &output, 1000, &err);
    assert_string_equal(output.text, row->output);
    assert_int_equal(err.code, row->code);
    assert_int_equal(done, row->code == 0);
    if (row->message)
        assert_contains(err_message(&err), row->message);
}

static void much_comes_whole(void **state)
{
    (void)state;
    struct digest digest = { 0 };
    struct call call = generous();
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&digest, NULL);
    const struct process process = { .argv = SHELL("head -c 20000000 /dev/zero") };
    assert_ok(process_run_into(&process, sink, &call, &err), &err);
    assert_ok(sink_finish(sink, &err), &err);
    assert_int_equal(digest.bytes, 20000000);
    assert_string_equal(digest.sha256_hex, "9e21c61969cd3e077a1b2b58ddb583b175e13c6479d2d83912eaddc23c0cdd52");
}

static void a_refusal_ends_it(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_false(run_into("yes", &output, 100000, &err));
    assert_int_equal(err.code, ERR_TOO_LARGE);
}

static void a_deadline_ends_it(void **state)
{
    (void)state;
    struct call call = call_within(NULL, 200);
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&output, 1000);
    const struct process process = { .argv = SHELL("echo begun; sleep 1000") };
    assert_false(process_run_into(&process, sink, &call, &err));
    assert_int_equal(err.code, ERR_TIMEOUT);
}

static void a_cancel_ends_one_that_ignores_sigterm(void **state)
{
    (void)state;
    int cancelled = 1;
    struct call call = { .cancelled = &cancelled };
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&output, 1000);
    const struct process process = { .argv = SHELL("trap '' TERM; sleep 1000") };
    assert_false(process_run_into(&process, sink, &call, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

/* ---- a program as a sink ---- */

static struct call *no_end(void)
{
    static struct call call;
    call = generous();
    return &call;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char place[] = "/tmp/tenantd-process-XXXXXX";
    int fd = mkstemp(place);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *script = mem_printf("cat >%s; echo fine >&2", place);
    const struct process process = { .argv = SHELL(script) };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, no_end());
    for (int i = 0; i < 50000; i++)
        assert_ok(sink_write(sink, "0123456789", 10, &err), &err);
    assert_ok(sink_finish(sink, &err), &err);
    assert_int_equal(lseek(fd, 0, SEEK_END), 500000);
    close(fd);
    unlink(place);
}

static void its_status_counts(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct process process = { .argv = SHELL("cat >/dev/null; echo 'relation exists' >&2; exit 1") };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, no_end());
    assert_ok(sink_write(sink, "x", 1, &err), &err);
    assert_false(sink_finish(sink, &err));
    assert_int_equal(err.code, ERR_EXIT);
    assert_contains(err_message(&err), "status 1: relation exists");
}

static void one_that_ends_early_fails_the_write(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *much = mem_zalloc(1 << 20);
    const struct process process = { .argv = SHELL("echo 'no such table' >&2; exit 1") };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, no_end());
    assert_false(sink_write(sink, much, 1 << 20, &err));
    assert_int_equal(err.code, ERR_EXIT);
    assert_contains(err_message(&err), "no such table");
}

static void one_that_reads_only_half_has_failed(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *much = mem_zalloc(1 << 20);
    const struct process process = { .argv = SHELL("head -c 10 >/dev/null") };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, no_end());
    assert_false(sink_write(sink, much, 1 << 20, &err));
    assert_contains(err_message(&err), "before it had read everything");
}

static void nothing_written_is_an_empty_input(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct process process = { .argv = SHELL("test $(wc -c) = 0") };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, no_end());
    assert_ok(sink_finish(sink, &err), &err);
}

static void freed_it_is_gone(void **state)
{
    (void)state;
    char place[] = "/tmp/tenantd-process-XXXXXX";
    int fd = mkstemp(place);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *script = mem_printf("cat >/dev/null; echo ended >%s", place);
    const struct process process = { .argv = SHELL(script) };
    struct sink *sink = process_sink_new(&process, no_end());
    assert_ok(sink_write(sink, "x", 1, &err), &err);
    sink_free(sink);
    usleep(200000);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0); /* it was killed, and saw no end of its input */
    close(fd);
    unlink(place);
}

static void a_stall_ends_with_the_deadline(void **state)
{
    (void)state;
    struct call call = call_within(NULL, 300);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *much = mem_zalloc(1 << 20);
    const struct process process = { .argv = SHELL("sleep 1000") };
    CLEANUP(sink_freep) struct sink *sink = process_sink_new(&process, &call);
    assert_false(sink_write(sink, much, 1 << 20, &err));
    assert_int_equal(err.code, ERR_TIMEOUT);
}

int main(void)
{
    struct check_list list = { 0 };
    signal(SIGPIPE, SIG_IGN);
    CHECK_ROWS(&list, runs_into, rows);
    CHECK_TEST(&list, much_comes_whole);
    CHECK_TEST(&list, a_refusal_ends_it);
    CHECK_TEST(&list, a_deadline_ends_it);
    CHECK_TEST(&list, a_cancel_ends_one_that_ignores_sigterm);
    CHECK_TEST(&list, what_is_written_is_read);
    CHECK_TEST(&list, its_status_counts);
    CHECK_TEST(&list, one_that_ends_early_fails_the_write);
    CHECK_TEST(&list, one_that_reads_only_half_has_failed);
    CHECK_TEST(&list, nothing_written_is_an_empty_input);
    CHECK_TEST(&list, freed_it_is_gone);
    CHECK_TEST(&list, a_stall_ends_with_the_deadline);
    return check_run("process_stream", &list);
}
