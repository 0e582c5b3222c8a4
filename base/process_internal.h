/* A running child, as process.c starts and watches it and process_stream.c feeds and drains it. */
#pragma once

#include <sys/types.h>

#include "base/process.h"

/* What it has printed, and how it is ended. */
struct child {
    const char *program;
    pid_t pid; /* also its process group */
    int pid_fd;
    int output_fd; /* what is kept of its output; -1 after its end */
    int stream_fd; /* standard output, where that is a stream; else -1 */
    int feed_fd;   /* standard input, where we write it; else -1 */
    size_t output_limit;
    struct str output;       /* up to twice the limit, so that cutting is rare */
    int64_t kill_at_mono_ms; /* SIGTERM was sent, SIGKILL follows then; 0: neither */
};
void child_init(struct child *child, const struct process *process);
void child_release(struct child *child); /* does not end it */

enum child_pipes { CHILD_GIVES_OUTPUT = 1, CHILD_TAKES_INPUT = 2 };
bool child_start(struct child *child, const struct process *process, unsigned pipes, struct err *err) MUST_USE;
/* Keeps what is there, in at most so many rounds. */
void child_read(struct child *child, int rounds);
/* How long poll() may wait; -1: for ever. */
int64_t child_poll_ms(const struct child *child, const struct call *call);
/* Sends the signal that is due, if one is; `ret_why` tells why the call is over. */
void child_signal(struct child *child, const struct call *call, struct err *ret_why);
/* Waits for its end and reaps it: the status, as waitpid() has it. */
int child_wait(struct child *child, const struct call *call, struct err *ret_why);
int child_reap(pid_t pid);
/* The outcome of process_run(). */
bool child_judge(const struct child *child, int status, const struct err *why, struct err *err) MUST_USE;
