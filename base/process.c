/* Running programs: spawn, watch output, exit, deadline and cancel flag, and never leave a child behind. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process_internal.h"

#define OUTPUT_LIMIT   ((size_t)64 << 10)
#define READ_SIZE      ((size_t)16 << 10)
#define CANCEL_POLL_MS 50 /* the flag has no descriptor that poll() could wait on */
#define TERM_GRACE_MS  (2 * SECOND_MS)
#define SHOWN_LINES    4
#define SHOWN_BYTES    ((size_t)1000)

void child_init(struct child *child, const struct process *process)
{
    *child = (struct child){
        .program = process->argv[0],
        .pid_fd = -1,
        .output_fd = -1,
        .stream_fd = -1,
        .feed_fd = -1,
        .output_limit = process->output_limit ? process->output_limit : OUTPUT_LIMIT,
        .output = STR_INIT,
    };
}

void child_release(struct child *child)
{
    closep(&child->pid_fd);
    closep(&child->output_fd);
    closep(&child->stream_fd);
    closep(&child->feed_fd);
    str_release(&child->output);
}

static void build_argv(const struct process *process, struct strv *argv)
{
    /* posix_spawn() cannot change the user, so setpriv (util-linux) does, and then becomes the program. */
    bool is_other = process->uid != 0 && (process->uid != geteuid() || process->gid != getegid());
    if (is_other) {
        strv_add(argv, "setpriv");
        strv_addf(argv, "--reuid=%u", process->uid);
        strv_addf(argv, "--regid=%u", process->gid);
        strv_add(argv, "--clear-groups");
        strv_add(argv, "--");
    }
    for (size_t i = 0; process->argv[i]; i++)
        strv_add(argv, process->argv[i]);
    strv_add_taken(argv, NULL);
}

static bool is_overridden(const char *variable, const char *const *extra_env)
{
    size_t key_len = strcspn(variable, "=");
    for (size_t i = 0; extra_env && extra_env[i]; i++)
        if (strncmp(extra_env[i], variable, key_len) == 0 && extra_env[i][key_len] == '=')
            return true;
    return false;
}

static void build_env(const struct process *process, struct strv *env)
{
    for (size_t i = 0; environ && environ[i]; i++) {
        bool is_passed_on = process->env == PROCESS_ENV_OURS || str_starts_with(environ[i], "PATH=");
        if (is_passed_on && !is_overridden(environ[i], process->extra_env))
            strv_add(env, environ[i]);
    }
    for (size_t i = 0; process->extra_env && process->extra_env[i]; i++)
        strv_add(env, process->extra_env[i]);
    strv_add_taken(env, NULL);
}

/*
 * Standard input as a file in memory: the child reads at its own pace, and no pipe can fill up or break. The caller
 * closes it.
 */
static bool open_input(const struct process *process, int *ret_fd, struct err *err)
{
    if (!process->input) {
        *ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *ret_fd >= 0 || err_set_errno(err, errno, "open /dev/null");
    }
    CLEANUP(closep) int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "make standard input");
    for (size_t at = 0; at < process->input_len;) {
        ssize_t written = write(fd, process->input + at, process->input_len - at);
        if (written < 0 && errno != EINTR)
            return err_set_errno(err, errno, "write standard input");
        at += written > 0 ? (size_t)written : 0;
    }
    if (lseek(fd, 0, SEEK_SET) != 0)
        return err_set_errno(err, errno, "rewind standard input");
    *ret_fd = fd;
    fd = -1;
    return true;
}

static void attributes_set(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attributes, 0); /* a group of its own, named after its pid */
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
}

/* What the child gets as 0, 1 and 2. */
struct ends {
    int input, output, error;
};

/* The only step that can fail here is memory, which glibc reports as an errno, as posix_spawnp() does. */
static int actions_set(posix_spawn_file_actions_t *actions, const struct ends *ends, const char *directory)
{
    int errnum = posix_spawn_file_actions_adddup2(actions, ends->input, STDIN_FILENO);
    if (errnum == 0)
        errnum = posix_spawn_file_actions_adddup2(actions, ends->output, STDOUT_FILENO);
    if (errnum == 0)
        errnum = posix_spawn_file_actions_adddup2(actions, ends->error, STDERR_FILENO);
    if (errnum == 0) /* ours are O_CLOEXEC, but a library may have opened some that are not */
        errnum = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (errnum == 0 && directory)
        errnum = posix_spawn_file_actions_addchdir_np(actions, directory);
    return errnum;
}

static int spawn(const struct process *process, const struct ends *ends, pid_t *ret_pid)
{
    CLEANUP(strv_release) struct strv argv = STRV_INIT;
    CLEANUP(strv_release) struct strv env = STRV_INIT;
    build_argv(process, &argv);
    build_env(process, &env);

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    attributes_set(&attributes);
    int errnum = actions_set(&actions, ends, process->directory);
    if (errnum == 0)
        errnum = posix_spawnp(ret_pid, argv.items[0], &actions, &attributes, argv.items, env.items);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return errnum;
}

int child_reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* A pipe whose end on our side never blocks. `ours` is 0 when we read from it, 1 when we write. */
static bool open_pipe(int ours, int *ret_our_fd, int *ret_child_fd, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set_errno(err, errno, "make a pipe");
    *ret_our_fd = ends[ours];
    *ret_child_fd = ends[1 - ours];
    return fcntl(*ret_our_fd, F_SETFL, O_NONBLOCK) == 0 || err_set_errno(err, errno, "prepare the pipe");
}

bool child_start(struct child *child, const struct process *process, unsigned pipes, struct err *err)
{
    CLEANUP(closep) int input_fd = -1;
    CLEANUP(closep) int write_fd = -1;
    CLEANUP(closep) int stream_fd = -1;
    bool has_input =
        pipes & CHILD_TAKES_INPUT ? open_pipe(1, &child->feed_fd, &input_fd, err) : open_input(process, &input_fd, err);
    if (!has_input || !open_pipe(0, &child->output_fd, &write_fd, err))
        return false;
    if ((pipes & CHILD_GIVES_OUTPUT) && !open_pipe(0, &child->stream_fd, &stream_fd, err))
        return false;
    const struct ends ends = { input_fd, stream_fd >= 0 ? stream_fd : write_fd, write_fd };
    int errnum = spawn(process, &ends, &child->pid);
    if (errnum != 0) /* a program that is not installed must not read as "what you asked for is not there" */
        return err_set(err, ERR_INTERNAL, "%s", strerrordesc_np(errnum));
    child->pid_fd = pidfd_open(child->pid, 0);
    if (child->pid_fd < 0) {
        err_set_errno(err, errno, "watch the process");
        kill(-child->pid, SIGKILL);
        child_reap(child->pid);
        return false;
    }
    return true;
}

static void keep_last(struct str *output, size_t limit)
{
    if (output->len <= limit)
        return;
    memmove(output->text, output->text + output->len - limit, limit + 1);
    output->len = limit;
}

/* Takes what is there, in at most so many rounds. */
void child_read(struct child *child, int rounds)
{
    char buffer[READ_SIZE];
    for (int i = 0; i < rounds && child->output_fd >= 0; i++) {
        ssize_t got = read(child->output_fd, buffer, sizeof(buffer));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            closep(&child->output_fd);
            return;
        }
        str_addn(&child->output, buffer, (size_t)got);
        if (child->output.len > 2 * child->output_limit)
            keep_last(&child->output, child->output_limit);
    }
}

int64_t child_poll_ms(const struct child *child, const struct call *call)
{
    if (child->kill_at_mono_ms == INT64_MAX)
        return -1; /* SIGKILL was sent: it will end */
    int64_t left_ms = child->kill_at_mono_ms ? child->kill_at_mono_ms - clock_mono_ms() : call_left_ms(call);
    if (!child->kill_at_mono_ms && call && call->cancelled && left_ms > CANCEL_POLL_MS)
        return CANCEL_POLL_MS;
    if (left_ms == INT64_MAX)
        return -1;
    return left_ms < 0 ? 0 : left_ms < HOUR_MS ? left_ms : HOUR_MS;
}

/* Sends the signal that is due, if one is. */
void child_signal(struct child *child, const struct call *call, struct err *ret_why)
{
    if (!child->kill_at_mono_ms && !call_check(call, ret_why)) {
        kill(-child->pid, SIGTERM);
        child->kill_at_mono_ms = clock_mono_ms() + TERM_GRACE_MS;
    } else if (child->kill_at_mono_ms && clock_mono_ms() >= child->kill_at_mono_ms) {
        kill(-child->pid, SIGKILL);
        child->kill_at_mono_ms = INT64_MAX;
    }
}

/* Waits for the end of the child; `ret_why` tells why we ended it, when we did. */
int child_wait(struct child *child, const struct call *call, struct err *ret_why)
{
    for (;;) {
        struct pollfd polled[] = { { .fd = child->pid_fd, .events = POLLIN },
                                   { .fd = child->output_fd, .events = POLLIN } };
        poll(polled, ARRAY_LEN(polled), (int)child_poll_ms(child, call)); /* failing, it leaves revents at 0 */
        if (polled[0].revents)
            break;
        if (polled[1].revents)
            child_read(child, 1);
        child_signal(child, call, ret_why);
    }
    /* What is in the pipe, but no waiting for its end: a server that the child left behind may hold it open. */
    child_read(child, 256);
    if (ret_why->code != ERR_NONE)
        kill(-child->pid, SIGKILL); /* before the reaping, so that the number is still this group's */
    return child_reap(child->pid);
}

/* The last lines, on one line. */
static char *last_lines(const struct str *output)
{
    size_t end = output->len;
    while (end > 0 && strchr(" \t\r\n", output->text[end - 1]))
        end--;
    size_t start = end;
    for (int newlines = 0; start > 0 && end - start < SHOWN_BYTES; start--)
        if (output->text[start - 1] == '\n' && ++newlines == SHOWN_LINES)
            break;
    CLEANUP(str_release) struct str shown = STR_INIT;
    for (size_t i = start; i < end;) {
        size_t len = strcspn(output->text + i, "\n");
        len = len < end - i ? len : end - i;
        str_add_utf8(&shown, output->text + i, len);
        i += len + 1;
        if (i < end)
            str_add(&shown, " / ");
    }
    return str_steal(&shown);
}

bool child_judge(const struct child *child, int status, const struct err *why, struct err *err)
{
    if (why->code == ERR_NONE && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    CLEANUP(freep) char *lines = last_lines(&child->output);
    const char *colon = lines[0] ? ": " : "";
    if (why->code != ERR_NONE)
        return err_set(err, why->code, "%s was ended, %s%s%s", child->program, why->message, colon, lines);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_EXIT, "%s was killed by signal %d (%s)%s%s", child->program, WTERMSIG(status),
                       sigdescr_np(WTERMSIG(status)), colon, lines);
    return err_set(err, ERR_EXIT, "%s exited with status %d%s%s", child->program, WEXITSTATUS(status), colon, lines);
}

bool process_run(const struct process *process, const struct call *call, struct str *ret_output, struct err *err)
{
    CLEANUP(child_release) struct child child;
    child_init(&child, process);
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (!call_check(call, err) || !child_start(&child, process, 0, err))
        return err_wrap(err, "run %s", child.program);
    int status = child_wait(&child, call, &why);
    keep_last(&child.output, child.output_limit);
    bool succeeded = child_judge(&child, status, &why, err);
    if (ret_output)
        str_move(ret_output, &child.output);
    return succeeded;
}
