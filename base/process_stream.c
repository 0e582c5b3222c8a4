/* Programs whose standard output goes into a sink, and programs that are a sink. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process_internal.h"

#define READ_SIZE ((size_t)64 << 10)

/* ---- standard output into a sink ---- */

/* Passes on what is there. False: `to` refused. The end closes the stream. */
static bool drain(struct child *child, char *buffer, struct sink *to, struct err *err)
{
    ssize_t got = read(child->stream_fd, buffer, READ_SIZE);
    if (got > 0)
        return sink_write(to, buffer, (size_t)got, err);
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        closep(&child->stream_fd);
    return true;
}

/* Until it has ended and all it wrote was passed on. What it left running in the background and still writes is waited for, too. */
static bool pass_on(struct child *child, struct sink *to, const struct call *call, struct err *ret_why, struct err *err)
{
    CLEANUP(freep) char *buffer = mem_zalloc(READ_SIZE);
    bool is_there = true;
    while (is_there || child->stream_fd >= 0) {
        struct pollfd polled[] = { { .fd = is_there ? child->pid_fd : -1, .events = POLLIN },
                                   { .fd = child->output_fd, .events = POLLIN },
                                   { .fd = child->stream_fd, .events = POLLIN } };
        poll(polled, ARRAY_LEN(polled), (int)child_poll_ms(child, call)); /* failing, it leaves revents at 0 */
        if (polled[1].revents)
            child_read(child, 1);
        if (polled[2].revents && !drain(child, buffer, to, err))
            return false;
        if (polled[0].revents)
            is_there = false;
        child_signal(child, call, ret_why);
        if (child->kill_at_mono_ms == INT64_MAX)
            return true; /* killed: nothing that comes counts */
    }
    return true;
}

bool process_run_into(const struct process *process, struct sink *to, const struct call *call, struct err *err)
{
    CLEANUP(child_release) struct child child;
    CLEANUP(err_release) struct err why = ERR_INIT;
    child_init(&child, process);
    if (!call_check(call, err) || !child_start(&child, process, CHILD_GIVES_OUTPUT, err))
        return err_wrap(err, "run %s", child.program);
    if (!pass_on(&child, to, call, &why, err)) {
        kill(-child.pid, SIGKILL);
        child_reap(child.pid);
        return false;
    }
    int status = child_wait(&child, call, &why);
    return child_judge(&child, status, &why, err);
}

/* ---- standard input from a chain ---- */

struct process_sink {
    struct sink sink;
    const struct process *process;
    const struct call *call;
    struct child child;
    bool is_started, is_reaped;
};

static bool ensure_started(struct process_sink *self, struct err *err)
{
    if (self->is_started)
        return true;
    if (!call_check(self->call, err) || !child_start(&self->child, self->process, CHILD_TAKES_INPUT, err))
        return err_wrap(err, "run %s", self->child.program);
    self->is_started = true;
    return true;
}

static bool conclude(struct process_sink *self, struct err *err)
{
    CLEANUP(err_release) struct err why = ERR_INIT;
    closep(&self->child.feed_fd);
    int status = child_wait(&self->child, self->call, &why);
    self->is_reaped = true;
    return child_judge(&self->child, status, &why, err);
}

/* It closed its standard input, or ended, before all was written. */
static bool ended_early(struct process_sink *self, struct err *err)
{
    return conclude(self, err) && err_set(err, ERR_EXIT, "%s ended before it had read everything", self->child.program);
}

static bool process_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct process_sink *self = (struct process_sink *)sink;
    const char *at = bytes;
    if (!ensure_started(self, err))
        return false;
    while (len > 0) {
        CLEANUP(err_release) struct err why = ERR_INIT;
        ssize_t written = write(self->child.feed_fd, at, len);
        if (written > 0) {
            at += written;
            len -= (size_t)written;
            continue;
        }
        if (errno == EPIPE)
            return ended_early(self, err);
        if (errno != EAGAIN && errno != EINTR)
            return err_set_errno(err, errno, "write to %s", self->child.program);
        struct pollfd polled[] = { { .fd = self->child.feed_fd, .events = POLLOUT },
                                   { .fd = self->child.output_fd, .events = POLLIN } };
        poll(polled, ARRAY_LEN(polled), (int)child_poll_ms(&self->child, self->call));
        if (polled[1].revents)
            child_read(&self->child, 1);
        if (!call_check(self->call, &why))
            return conclude(self, err);
    }
    return true;
}

static bool process_finish(struct sink *sink, struct err *err)
{
    struct process_sink *self = (struct process_sink *)sink;
    return ensure_started(self, err) && conclude(self, err);
}

static void process_free(struct sink *sink)
{
    struct process_sink *self = (struct process_sink *)sink;
    if (self->is_started && !self->is_reaped) {
        kill(-self->child.pid, SIGKILL);
        child_reap(self->child.pid);
    }
    child_release(&self->child);
    free(self);
}

struct sink *process_sink_new(const struct process *process, const struct call *call)
{
    struct process_sink *self = MEM_NEW(struct process_sink);
    self->sink = (struct sink){ .write = process_write, .finish = process_finish, .free = process_free };
    self->process = process;
    self->call = call;
    child_init(&self->child, process);
    return &self->sink;
}
