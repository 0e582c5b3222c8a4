#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "tests/check.h"

#define ARGV(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(script) ARGV("sh", "-c", script)

/* No test waits that long; one that hangs ends. */
static struct call generous(void)
{
    return call_within(NULL, MINUTE_MS);
}

static bool run(const struct process *process, struct str *ret_output, struct err *err)
{
    struct call call = generous();
    return process_run(process, &call, ret_output, err);
}

static const struct {
    const char *why;
    const char *script;
    const char *input;
    const char *output; /* NULL: it fails */
    enum err_code code;
    const char *message;
} rows[] = {
    { "silent", "true", NULL, "", 0, NULL },
    { "both outputs, in order", "echo out; echo err >&2; echo out", NULL, "out\nerr\nout\n", 0, NULL },
    { "without input it is empty", "cat; echo end", NULL, "end\n", 0, NULL },
    { "input", "cat", "line\n", "line\n", 0, NULL },
    { "input that nobody reads", "echo done", "ignored", "done\n", 0, NULL },
    { "status", "exit 3", NULL, NULL, ERR_EXIT, "sh exited with status 3" },
    { "status and output", "echo no such table >&2; exit 1", NULL, NULL, ERR_EXIT,
      "sh exited with status 1: no such table" },
    { "the last four lines", "printf '1\\n2\\n3\\n4\\n5\\n\\n'; exit 1", NULL, NULL, ERR_EXIT,
      "sh exited with status 1: 2 / 3 / 4 / 5" },
    { "output that is no text", "printf 'a\\377\\000b'; exit 1", NULL, NULL, ERR_EXIT,
      "sh exited with status 1: a\uFFFD / b" },
    { "signal", "kill -9 $$", NULL, NULL, ERR_EXIT, "sh was killed by signal 9 (Killed)" },
};

static void runs(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL(row->script),
                               .input = row->input,
                               .input_len = row->input ? strlen(row->input) : 0 };
    str_add(&output, "replaced");
    if (row->output) {
        assert_ok(run(&process, &output, &err), &err);
        assert_string_equal(output.text, row->output);
    } else {
        assert_false(run(&process, &output, &err));
        assert_int_equal(err.code, row->code);
        assert_string_equal(err_message(&err), row->message);
    }
}

static void output_of_a_failure_is_kept(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL("echo why; exit 1") };
    assert_fails(run(&process, &output, &err), &err, ERR_EXIT);
    assert_string_equal(output.text, "why\n");
    assert_fails(run(&process, NULL, &err), &err, ERR_EXIT);
}

static void a_missing_program_is_not_not_found(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct process process = { .argv = ARGV("tenantd-no-such-program") };
    assert_false(run(&process, NULL, &err));
    assert_string_equal(err_message(&err), "run tenantd-no-such-program: No such file or directory");
    assert_int_equal(err.code, ERR_INTERNAL);
}

static void arguments_see_no_shell(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = ARGV("printf", "[%s]", "$HOME", "a b", "", "; exit 1") };
    assert_ok(run(&process, &output, &err), &err);
    assert_string_equal(output.text, "[$HOME][a b][][; exit 1]");
}

static void environment_and_directory(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    assert_int_equal(setenv("TENANTD_TEST", "ours", 1), 0);
    assert_int_equal(setenv("TENANTD_TEST_KEPT", "kept", 1), 0);
    const char *const extra[] = { "TENANTD_TEST=theirs", "PGPASSWORD=a=b c", NULL };
    struct process process = {
        .argv = SHELL("echo $TENANTD_TEST $TENANTD_TEST_KEPT \"$PGPASSWORD\"; pwd; env | grep -c ^TENANTD_TEST="),
        .extra_env = extra,
        .directory = "/usr",
    };
    assert_ok(run(&process, &output, &err), &err);
    assert_string_equal(output.text, "theirs kept a=b c\n/usr\n1\n");
    process.directory = "/nonexistent";
    assert_fails(run(&process, NULL, &err), &err, ERR_INTERNAL);
}

static void only_the_last_output_is_kept(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL("seq 1 200000"), .output_limit = 14 };
    assert_ok(run(&process, &output, &err), &err);
    assert_string_equal(output.text, "199999\n200000\n");
    process.output_limit = 0;
    assert_ok(run(&process, &output, &err), &err);
    assert_int_equal(output.len, 64 << 10);
}

static void large_input_and_output_at_once(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str input = STR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    for (int i = 0; i < 500000; i++)
        str_addf(&input, "%07d\n", i);
    struct process process = {
        .argv = ARGV("cat"), .input = input.text, .input_len = input.len, .output_limit = 2 * input.len
    };
    assert_ok(run(&process, &output, &err), &err);
    assert_int_equal(output.len, input.len);
    assert_memory_equal(output.text, input.text, input.len);
}

static void no_descriptor_leaks(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(strv_release) struct strv ours = STRV_INIT;
    CLEANUP(strv_release) struct strv ours_after = STRV_INIT;
    CLEANUP(closep) int not_cloexec = open("/dev/null", O_RDONLY); /* as a careless library would */
    CLEANUP(closep) int far_away = fcntl(not_cloexec, F_DUPFD, 200);
    struct process process = { .argv = SHELL("for i in $(seq 0 300); do test -e /proc/$$/fd/$i && echo $i; done; true"),
                               .input = "x",
                               .input_len = 1 };
    assert_ok(dir_list("/proc/self/fd", &ours, &err), &err);
    assert_ok(run(&process, &output, &err), &err);
    assert_string_equal(output.text, "0\n1\n2\n");
    assert_fails(run(&(struct process){ .argv = ARGV("/nonexistent") }, NULL, &err), &err, ERR_INTERNAL);
    assert_ok(dir_list("/proc/self/fd", &ours_after, &err), &err);
    assert_true(strv_equal(&ours, &ours_after)); /* and none is left with us */
}

static void the_child_has_its_own_group_and_plain_signals(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    sigset_t blocked, before;
    sigfillset(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before); /* as in a worker thread */
    signal(SIGPIPE, SIG_IGN);
    /* The shell reads its own status: while it starts another program, it blocks all signals for a moment. */
    struct process process = { .argv = SHELL("ps -o pgid= -p $$ | tr -d ' '; echo $$; "
                                             "while read key value; do "
                                             "case $key in SigBlk:) echo $value;; esac; done </proc/$$/status; "
                                             "kill -PIPE $$; echo still here") };
    bool ran = run(&process, &output, &err);
    signal(SIGPIPE, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_false(ran);
    assert_contains(err_message(&err), "killed by signal 13 (Broken pipe)");
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, output.text, '\n');
    assert_int_equal(lines.count, 4);
    assert_string_equal(lines.items[0], lines.items[1]);
    assert_string_equal(lines.items[2], "0000000000000000");
}

static bool is_running(const char *pid_text)
{
    int64_t pid;
    CLEANUP(freep) char *trimmed = mem_strndup(pid_text, strcspn(pid_text, "\n"));
    assert_true(str_parse_int64(trimmed, 2, INT32_MAX, &pid));
    /* An orphan that was killed may stay a zombie for a moment, until init has reaped it. */
    CLEANUP(freep) char *path = mem_printf("/proc/%d/stat", (int)pid);
    CLEANUP(str_release) struct str stat = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    return file_read(path, 4096, &stat, &err) && !strstr(stat.text, ") Z ");
}

/* Orphans die shortly after their signal, not with it. */
static void assert_ends(const char *pid_text)
{
    for (int i = 0; i < 500 && is_running(pid_text); i++)
        usleep(10000);
    assert_false(is_running(pid_text));
}

static void the_deadline_ends_the_whole_group(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL("sleep 1000 & echo $!; wait") };
    int64_t started_ms = clock_mono_ms();
    struct call call = call_within(NULL, 300);
    assert_false(process_run(&process, &call, &output, &err));
    assert_in_range(clock_mono_ms() - started_ms, 300, 20000);
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_true(str_starts_with(err_message(&err), "sh was ended, the deadline has passed: "));
    assert_ends(output.text);
}

static void what_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL("trap '' TERM; echo $$; while :; do sleep 1; done") };
    int64_t started_ms = clock_mono_ms();
    struct call call = call_within(NULL, 200);
    assert_fails(process_run(&process, &call, &output, &err), &err, ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - started_ms, 2200, 30000);
    assert_ends(output.text);
}

static void an_exit_of_0_after_sigterm_is_no_success(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct process process = { .argv = SHELL("trap 'exit 0' TERM; while :; do sleep 0.1; done") };
    struct call call = call_within(NULL, 300);
    assert_fails(process_run(&process, &call, NULL, &err), &err, ERR_TIMEOUT);
}

static void *cancel_soon(void *flag)
{
    usleep(200000);
    __atomic_store_n((int *)flag, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void another_thread_cancels(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    int cancelled = 0;
    struct call call = { .cancelled = &cancelled };
    struct process process = { .argv = ARGV("sleep", "1000") };
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, &cancelled);
    bool ran = process_run(&process, &call, NULL, &err);
    pthread_join(thread, NULL);
    assert_false(ran);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_string_equal(err_message(&err), "sleep was ended, cancelled");
}

static void what_is_over_before_is_not_started(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = mem_printf("/tmp/tenantd-process-test-%d", (int)getpid());
    struct process process = { .argv = ARGV("touch", path) };
    struct call call = { .deadline_mono_ms = 1 };
    assert_fails(process_run(&process, &call, NULL, &err), &err, ERR_TIMEOUT);
    assert_false(file_exists(path));
}

static void a_server_left_behind_is_not_waited_for(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = { .argv = SHELL("sleep 1000 & echo $!") }; /* holds the output open, as pg_ctl's server */
    assert_ok(run(&process, &output, &err), &err);
    assert_true(is_running(output.text));
    int64_t pid = 0;
    output.text[output.len - 1] = '\0';
    assert_true(str_parse_int64(output.text, 2, INT32_MAX, &pid));
    kill((pid_t)pid, SIGKILL);
}

static void no_zombie_is_left(void **state)
{
    (void)state;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all that the other tests started was reaped */
}

static void another_user(void **state)
{
    (void)state;
    assert_int_equal(geteuid(), 0); /* the tests are run as root */
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct process process = {
        .argv = SHELL("id -u; id -g; id -G; cat"), .input = "in", .input_len = 2, .uid = 65534, .gid = 65533
    };
    assert_ok(run(&process, &output, &err), &err);
    assert_string_equal(output.text, "65534\n65533\n65533\nin");
    process.argv = ARGV("tenantd-no-such-program");
    assert_false(run(&process, NULL, &err));
    assert_int_equal(err.code, ERR_EXIT);
    assert_contains(err_message(&err), "No such file or directory");
}

static void *run_many(void *argument)
{
    size_t *wrong = argument;
    for (int i = 0; i < 20; i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(str_release) struct str output = STR_INIT;
        CLEANUP(freep) char *text = mem_printf("%p %d", argument, i);
        struct process process = { .argv = ARGV("echo", text) };
        bool ran = run(&process, &output, &err);
        if (!ran || !str_starts_with(output.text, text))
            ++*wrong;
    }
    return NULL;
}

static void threads_run_programs_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[4];
    size_t wrong[4] = { 0 };
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_many, &wrong[i]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(wrong[i], 0);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, runs, rows);
    CHECK_TEST(&list, output_of_a_failure_is_kept);
    CHECK_TEST(&list, a_missing_program_is_not_not_found);
    CHECK_TEST(&list, arguments_see_no_shell);
    CHECK_TEST(&list, environment_and_directory);
    CHECK_TEST(&list, only_the_last_output_is_kept);
    CHECK_TEST(&list, large_input_and_output_at_once);
    CHECK_TEST(&list, no_descriptor_leaks);
    CHECK_TEST(&list, the_child_has_its_own_group_and_plain_signals);
    CHECK_TEST(&list, the_deadline_ends_the_whole_group);
    CHECK_TEST(&list, what_ignores_sigterm_is_killed);
    CHECK_TEST(&list, an_exit_of_0_after_sigterm_is_no_success);
    CHECK_TEST(&list, another_thread_cancels);
    CHECK_TEST(&list, what_is_over_before_is_not_started);
    CHECK_TEST(&list, a_server_left_behind_is_not_waited_for);
    CHECK_TEST(&list, another_user);
    CHECK_TEST(&list, threads_run_programs_side_by_side);
    CHECK_TEST(&list, no_zombie_is_left);
    return check_run("process", &list);
}
