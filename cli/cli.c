/* From a command line to a command, and from an error to a message and an exit code. */
#include "cli/cli.h"

#include <locale.h>
#include <poll.h>

#include "cli/commands.h"

const struct exit_meaning exit_meanings[] = {
    { EXIT_OK, "done; ready; no difference" },
    { EXIT_NOT, "failed; not ready (why); something to do (diff)" },
    { EXIT_USAGE, "wrong usage, or input that is not right" },
    { EXIT_NO_SERVER, "the server cannot be reached" },
    { EXIT_NO_RECORD, "there is no such record" },
    { EXIT_NO_RIGHT, "not allowed, or the token is not valid" },
    { EXIT_TIMEOUT, "timed out while waiting" },
    { EXIT_INTERRUPTED, "interrupted (Ctrl-C)" },
    { 0, NULL },
};

/* What an error ends the program with, and what to try then. The only place that decides this. */
static const struct {
    int exit;
    const char *remedy;
} endings[ERR_CODES] = {
    [ERR_INTERNAL] = { EXIT_NOT },
    [ERR_INVALID] = { EXIT_USAGE },
    [ERR_BAD_REQUEST] = { EXIT_USAGE },
    [ERR_UNAUTHORIZED] = { EXIT_NO_RIGHT,
                           "the token is not (or no longer) valid here: see --kubeconfig, KUBECONFIG, --token" },
    [ERR_FORBIDDEN] = { EXIT_NO_RIGHT },
    [ERR_NOT_FOUND] = { EXIT_NO_RECORD, "tenantctl get all -A lists what there is" },
    [ERR_EXISTS] = { EXIT_NOT },
    [ERR_CONFLICT] = { EXIT_NOT },
    [ERR_TOO_LARGE] = { EXIT_USAGE },
    [ERR_EXPIRED] = { EXIT_NOT },
    [ERR_UNSUPPORTED] = { EXIT_NOT, "is the server older than this tenantctl? tenantctl version" },
    [ERR_METHOD] = { EXIT_NOT, "is the server older than this tenantctl? tenantctl version" },
    [ERR_TOO_MANY] = { EXIT_NOT, "the server is busy; try again in a moment" },
    [ERR_UNREACHABLE] = { EXIT_NO_SERVER,
                          "is tenantd running there? --server, --kubeconfig or KUBECONFIG name another one" },
    [ERR_TIMEOUT] = { EXIT_TIMEOUT },
    [ERR_CANCELLED] = { EXIT_INTERRUPTED },
    [ERR_REMOTE] = { EXIT_NOT, "see the server's own log" },
    [ERR_DISK_FULL] = { EXIT_NOT },
    [ERR_EXIT] = { EXIT_NOT },
};

int exit_of_error(const struct err *err)
{
    return endings[err->code].exit;
}

void cli_init(struct cli *cli, const volatile int *interrupted)
{
    /* For widths of characters only: numbers and dates are never local. */
    setlocale(LC_CTYPE, "C.UTF-8");
    *cli = (struct cli){
        .in = stdin,
        .out = stdout,
        .errors = stderr,
        .out_terminal = terminal_of(stdout),
        .errors_terminal = terminal_of(stderr),
        .call = { .cancelled = interrupted },
        .kubeconfig_list = getenv("KUBECONFIG"),
    };
}

static struct option_table connection_table(struct cli *cli)
{
    return (struct option_table){ .rows = connection_option_rows, .values = &cli->options };
}

void cli_release(struct cli *cli)
{
    struct option_table table = connection_table(cli);
    client_free(cli->client);
    cli->client = NULL;
    connection_release(&cli->connection);
    options_release(&table);
}

bool cli_connect(struct cli *cli, struct err *err)
{
    if (cli->client)
        return true;
    if (!connection_find(&cli->options, cli->kubeconfig_list, &cli->connection, err))
        return false;
    cli->client = client_new(&cli->connection);
    return true;
}

void cli_print(struct cli *cli, const char *text)
{
    fputs(text, cli->out);
}

void cli_printf(struct cli *cli, const char *fmt, ...)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    cli_print(cli, text.text);
}

bool cli_flush(struct cli *cli, struct err *err)
{
    bool flushed = fflush(cli->out) == 0 && !ferror(cli->out);
    return flushed || err_set(err, ERR_INTERNAL, "the output cannot be written");
}

int cli_complain(struct cli *cli, const struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    const char *remedy = endings[err->code].remedy;
    fflush(cli->out);
    terminal_paint(&cli->errors_terminal, PAINT_BAD, "tenantctl:", &text);
    str_addf(&text, " %s\n", err_message(err));
    if (remedy)
        str_addf(&text, "  %s\n", remedy);
    fputs(text.text, cli->errors);
    return exit_of_error(err);
}

/* ---- running a command ---- */

static bool check_count(const struct command *command, const struct strv *args, struct err *err)
{
    bool few = args->count<command->args_min, many = args->count> command->args_max;
    if (few || many)
        return err_set(err, ERR_BAD_REQUEST, "too %s arguments; usage: tenantctl %s%s%s [OPTIONS]",
                       few ? "few" : "many", command->name, command->arguments[0] ? " " : "", command->arguments);
    return true;
}

/* `args` begin with the command's name. */
static bool run_command(struct cli *cli, const struct command *command, void *values, const struct strv *args,
                        int *ret_exit, struct err *err)
{
    CLEANUP(strv_release) struct strv rest = STRV_INIT;
    const struct option_table tables[] = { connection_table(cli), { .rows = command->options, .values = values } };
    option_tables_set_fallbacks(&tables[1], 1);
    if (!options_parse(tables, ARRAY_LEN(tables), OPTIONS_ANYWHERE, args, &rest, err))
        return err_wrap(err, "%s", command->name);
    if (cli->options.help) {
        CLEANUP(str_release) struct str out = STR_INIT;
        help_print_command(command, &out);
        cli_print(cli, out.text);
        return true;
    }
    if (!check_count(command, &rest, err))
        return err_wrap(err, "%s", command->name);
    return (command->is_local || cli_connect(cli, err)) && command->run(cli, values, &rest, ret_exit, err);
}

static bool print_help(struct cli *cli, int *ret_exit)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    help_print(&out);
    if (cli->options.help) {
        cli_print(cli, out.text);
        return true;
    }
    fputs(out.text, cli->errors);
    *ret_exit = EXIT_USAGE;
    return true;
}

static bool run(struct cli *cli, const struct strv *args, const struct command **ret_command, int *ret_exit,
                struct err *err)
{
    CLEANUP(strv_release) struct strv rest = STRV_INIT;
    const struct option_table table = connection_table(cli);
    if (!options_parse(&table, 1, OPTIONS_FIRST, args, &rest, err))
        return false;
    if (rest.count == 0)
        return print_help(cli, ret_exit);
    const struct command *command = *ret_command = command_find(rest.items[0]);
    if (!command)
        return command_complain(rest.items[0], err);
    struct strv own = STRV_INIT;
    for (size_t i = 1; i < rest.count; i++)
        strv_add(&own, rest.items[i]);
    CLEANUP(freep) void *values = mem_zalloc(command->options_size + 1);
    bool ran = run_command(cli, command, values, &own, ret_exit, err);
    options_release(&(struct option_table){ .rows = command->options, .values = values });
    strv_release(&own);
    return ran;
}

/* `tenantctl get | head`: that nobody reads on is no news. */
static bool nobody_reads(struct cli *cli)
{
    struct pollfd out = { .fd = fileno(cli->out) };
    return ferror(cli->out) && out.fd >= 0 && poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

int cli_main(struct cli *cli, const struct strv *args)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct command *command = NULL;
    int exit = EXIT_OK;
    if (run(cli, args, &command, &exit, &err) && cli_flush(cli, &err))
        return exit;
    if (nobody_reads(cli))
        return EXIT_NOT;
    if (err.code == ERR_CANCELLED) /* who pressed Ctrl-C knows */
        return EXIT_INTERRUPTED;
    exit = cli_complain(cli, &err);
    if (command && exit < command->failure_exit_min)
        exit = command->failure_exit_min;
    return exit;
}
