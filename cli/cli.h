/* What every command gets, and how commands are described: one row gives the handler, --help, completion and man page. */
#pragma once

#include "cli/client.h"
#include "cli/options.h"
#include "cli/terminal.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_NOT = 1, /* failed, not ready, different */
    EXIT_USAGE = 2,
    EXIT_NO_SERVER = 3,
    EXIT_NO_RECORD = 4,
    EXIT_NO_RIGHT = 5,
    EXIT_TIMEOUT = 124,
    EXIT_INTERRUPTED = 130,
};

struct cli {
    FILE *in, *out, *errors;
    struct terminal out_terminal, errors_terminal;
    struct call call;            /* of all requests: cancelled by Ctrl-C */
    const char *kubeconfig_list; /* KUBECONFIG; may be NULL */
    struct connection_options options;
    struct connection connection;
    struct client *client; /* NULL before cli_connect() */
};
/* What a main borrows for the life of the program. `interrupted` is set by its signal handler. */
void cli_init(struct cli *cli, const volatile int *interrupted);
void cli_release(struct cli *cli);
/* Runs a command line (without the program's name) and says on `errors` what went wrong. */
int cli_main(struct cli *cli, const struct strv *args);
/* Reads the kubeconfig when that has not been done. */
bool cli_connect(struct cli *cli, struct err *err) MUST_USE;

void cli_print(struct cli *cli, const char *text);
bool cli_flush(struct cli *cli, struct err *err) MUST_USE; /* also tells of what could not be written before */
void cli_printf(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A failure that does not end the command: a line on `errors`, and the exit code the command is to end with at least. */
int cli_complain(struct cli *cli, const struct err *err);
int exit_of_error(const struct err *err);
struct exit_meaning {
    int code;
    const char *meaning;
};
extern const struct exit_meaning exit_meanings[]; /* ends with a NULL meaning */

/*
 * `options` is the command's struct, filled. True: it ran, and *ret_exit (0 before) is its answer. False: the error is printed and gives the exit
 * code.
 */
typedef bool command_fn(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err);

enum completion { COMPLETE_NOTHING, COMPLETE_RECORDS, COMPLETE_INSTANCES, COMPLETE_COMMANDS, COMPLETE_SHELLS };
struct command {
    const char *name;
    const char *arguments; /* "TENANT/NAME [FIELD]" */
    const char *summary;   /* one sentence */
    const char *details;   /* paragraphs; NULL: none */
    const char *examples;  /* one per line; NULL: none */
    const struct option_row *options;
    size_t options_size;
    command_fn *run;
    size_t args_min, args_max;
    enum completion completes;
    bool is_local;        /* needs no server */
    int failure_exit_min; /* where EXIT_NOT is an answer: what a failure ends with at least; 0: EXIT_NOT */
    bool is_hidden;
};
#define ARGS_ANY SIZE_MAX

extern const struct command *const commands[];        /* NULL-terminated, in the order of --help */
const struct command *command_find(const char *name); /* NULL: none */

void help_print(struct str *out);                                        /* tenantctl --help */
void help_print_command(const struct command *command, struct str *out); /* tenantctl NAME --help */
void help_print_man(struct str *out);                                    /* troff, all commands */
void completion_print_bash(struct str *out);
