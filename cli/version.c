/* tenantctl version, help, completion, print-man. */
#include "cli/commands.h"

struct version_options {
    bool client;
};
static const struct option_row version_option_rows[] = {
    { "client", 0, OPTION_FLAG, offsetof(struct version_options, client), .doc = "Does not ask the server." },
    { NULL },
};

static bool version_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                        struct err *err)
{
    (void)args; /* there are none */
    (void)ret_exit;
    const struct version_options *options = options_given;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    cli_print(cli, "tenantctl " TENANTD_VERSION "\n");
    if (options->client)
        return true;
    if (!cli_connect(cli, err) || !client_get(cli->client, "/version", &cli->call, &answer, err))
        return false;
    const char *version = json_text(answer, "gitVersion");
    /* "v1.32.0+tenantd.0.1.0": what stands before the plus is for kubectl. */
    const char *own = version ? strstr(version, "+tenantd.") : NULL;
    cli_printf(cli, "tenantd   %s at %s\n",
               own       ? own + strlen("+tenantd.")
               : version ? version
                         : "of unknown version",
               cli->connection.server);
    return true;
}

const struct command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the versions of tenantctl and of the server.",
    .options = version_option_rows,
    .options_size = sizeof(struct version_options),
    .run = version_run,
    .is_local = true,
};

static bool help_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct command *command = args->count > 0 ? command_find(args->items[0]) : NULL;
    if (args->count > 0 && !command)
        return command_complain(args->items[0], err);
    if (command)
        help_print_command(command, &out);
    else
        help_print(&out);
    cli_print(cli, out.text);
    return true;
}

const struct command help_command = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "Says what a command does, or which there are.",
    .run = help_run,
    .args_max = 1,
    .completes = COMPLETE_COMMANDS,
    .is_local = true,
};

static bool completion_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit,
                           struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(str_release) struct str out = STR_INIT;
    if (!str_equal(args->items[0], "bash"))
        return err_set(err, ERR_BAD_REQUEST, "there is completion for bash only");
    completion_print_bash(&out);
    cli_print(cli, out.text);
    return true;
}

const struct command completion_command = {
    .name = "completion",
    .arguments = "bash",
    .summary = "Prints what makes bash complete commands, options and names.",
    .examples = "source <(tenantctl completion bash)",
    .run = completion_run,
    .args_min = 1,
    .args_max = 1,
    .completes = COMPLETE_SHELLS,
    .is_local = true,
};

static bool man_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)args;
    (void)ret_exit;
    (void)err;
    CLEANUP(str_release) struct str out = STR_INIT;
    help_print_man(&out);
    cli_print(cli, out.text);
    return true;
}

const struct command man_command = {
    .name = "print-man",
    .arguments = "",
    .summary = "Prints the man page.",
    .run = man_run,
    .is_local = true,
    .is_hidden = true,
};
