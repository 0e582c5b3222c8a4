/*
 * Programs: posix_spawn with an argument vector, never a shell. Blocks; for worker threads. The child gets its own
 * process group and only descriptors 0, 1 and 2; a deadline or cancel kills the group.
 */
#pragma once

#include "base/clock.h"
#include "base/stream.h"

enum process_env {
    PROCESS_ENV_OURS,  /* our own environment, and over it what `extra_env` says */
    PROCESS_ENV_EXTRA, /* PATH and `extra_env` alone */
};

struct process {
    const char *const *argv;      /* argv[0] is looked up in PATH */
    const char *const *extra_env; /* "KEY=value", NULL-terminated; may be NULL */
    enum process_env env;
    const char *input; /* written to its standard input; NULL: /dev/null */
    size_t input_len;
    size_t output_limit;   /* bytes kept of stdout + stderr together (the last ones); 0: 64 KiB */
    const char *directory; /* NULL: ours */
    uid_t uid;             /* 0: ours; else the child runs as uid:gid */
    gid_t gid;
};
/*
 * True when it ran and exited 0. ERR_EXIT: the status and the last lines are in the message. ERR_INTERNAL: it could not be
 * started. ERR_TIMEOUT, ERR_CANCELLED: its group got SIGTERM, and SIGKILL when it was still there after 2 s. What it left
 * running in the background lives on, otherwise, and its output is not waited for. `ret_output` may be NULL; what was in it
 * is replaced whenever the program ran, also when it failed.
 */
bool process_run(const struct process *process, const struct call *call, struct str *ret_output,
                 struct err *err) MUST_USE;

/*
 * The same for a program whose standard output is a stream: it goes to `to`, which is neither finished nor freed, at the
 * pace at which that takes it; only standard error is kept for messages. True: it exited 0 and `to` has taken
 * everything. When `to` refuses, the group is killed and the error is its.
 */
bool process_run_into(const struct process *process, struct sink *to, const struct call *call,
                      struct err *err) MUST_USE;
/*
 * A program as the end of a chain: what is written goes to its standard input (`process->input` is not used), and
 * sink_finish() closes that and waits for its end: true when it exited 0. When it ends early, the write after that fails
 * with what it said. SIGPIPE must be ignored. All that `process` and `call` point to is borrowed until the sink is
 * freed. Freed before it is finished: the group is killed.
 */
struct sink *process_sink_new(const struct process *process, const struct call *call);
