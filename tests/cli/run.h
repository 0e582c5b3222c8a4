/* Runs command lines in this process, against a stub, and keeps what they print. */
#pragma once

#include "cli/cli.h"
#include "tests/check.h"
#include "tests/cli/stub.h"

struct outcome {
    int exit;
    char *out, *errors;
};

static inline void outcome_release(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->errors);
    *outcome = (struct outcome){ 0 };
}

/* `line` is split at blanks; `input` is its standard input; `url` NULL: no --server is given. */
static inline struct outcome run_with(const char *url, const char *line, const char *input)
{
    static const volatile int never = 0;
    struct outcome outcome = { 0 };
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    struct cli cli;
    size_t out_len = 0, errors_len = 0;
    strv_split(&args, line, ' ');
    if (url) {
        strv_addf(&args, "--server=%s", url);
        strv_add(&args, "--token=secret-token");
    }
    cli_init(&cli, &never);
    cli.kubeconfig_list = "/nonexistent/kubeconfig";
    cli.in = fmemopen((void *)(uintptr_t)input, strlen(input), "r");
    cli.out = open_memstream(&outcome.out, &out_len);
    cli.errors = open_memstream(&outcome.errors, &errors_len);
    cli.out_terminal = cli.errors_terminal = (struct terminal){ .width = 80, .height = 24 };
    outcome.exit = cli_main(&cli, &args);
    if (cli.in)
        fclose(cli.in);
    fclose(cli.out);
    fclose(cli.errors);
    cli_release(&cli);
    return outcome;
}

static inline struct outcome run_line(const char *url, const char *line)
{
    return run_with(url, line, " ");
}
