/* What the files of clients/git/ share. */
#pragma once

#include "base/process.h"
#include "clients/git/git.h"

#define GIT_TOO_LARGE "the repository's files are larger than spec.git.maxBytes allows"

/* The settings of one run: its environment. The remote's files (keys, authorities) are there between open and close. */
struct git_run {
    const struct git *git;
    struct strv config; /* "key=value" */
    struct strv env;
    bool is_limited; /* what it writes */
};
/* `remote` NULL: a command that talks to nobody. */
bool git_run_open(struct git_run *run, const struct git *git, const struct git_remote *remote,
                  struct err *err) MUST_USE;
void git_run_close(struct git_run *run);
struct git_input {
    const char *text;
    size_t len;
    size_t output_limit; /* 0: process_run()'s */
};
/* `arguments` NULL-terminated, without "git". */
bool git_run(struct git_run *run, const char *const *arguments, const struct git_input *input, const struct call *call,
             struct str *ret_output, struct err *err) MUST_USE;
/* Makes the bare repository where there is none. */
bool git_prepare(const struct git *git, const struct call *call, struct err *err) MUST_USE;
bool git_is_commit(const char *text, size_t len); /* 40 or 64 hex digits */
