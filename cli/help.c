/* --help and the man page, from the table of commands. */
#include "cli/commands.h"

#define USAGE_WIDTH 26
#define TEXT_WIDTH  100

/* Words of `text` in lines of TEXT_WIDTH, each after `indent` blanks; the first line is begun already. */
static void add_wrapped(struct str *out, const char *text, size_t indent)
{
    size_t used = indent;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (used > indent && used + 1 + len > TEXT_WIDTH) {
            str_addf(out, "\n%*s", (int)indent, "");
            used = indent;
        } else if (used > indent) {
            str_addc(out, ' ');
            used++;
        }
        str_addn(out, text, len);
        used += len;
        text += len + (text[len] == ' ');
    }
    str_addc(out, '\n');
}

static void add_options(struct str *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        CLEANUP(freep) char *usage = option_usage(row);
        str_addf(out, "  %-*s", USAGE_WIDTH, usage);
        if (strlen(usage) >= USAGE_WIDTH)
            str_addf(out, "\n  %*s", USAGE_WIDTH, "");
        CLEANUP(freep)
        char *doc = row->fallback && row->type != OPTION_FLAG ? mem_printf("%s Default: %s.", row->doc, row->fallback)
                                                              : mem_strdup(row->doc);
        add_wrapped(out, doc, USAGE_WIDTH + 2);
    }
}

static void add_exit_codes(struct str *out)
{
    str_add(out, "\nExit codes:\n");
    for (const struct exit_meaning *row = exit_meanings; row->meaning; row++)
        str_addf(out, "  %3d  %s\n", row->code, row->meaning);
}

static void add_examples(struct str *out, const char *examples)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, examples, '\n');
    str_add(out, "\nExamples:\n");
    for (size_t i = 0; i < lines.count; i++)
        str_addf(out, "  %s\n", lines.items[i]);
}

void help_print(struct str *out)
{
    str_add(out, "tenantctl tells tenantd what to keep alive, and shows what it does.\n\n"
                 "Usage: tenantctl COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->is_hidden)
            continue;
        str_addf(out, "  %-*s", USAGE_WIDTH / 2, commands[i]->name);
        add_wrapped(out, commands[i]->summary, USAGE_WIDTH / 2 + 2);
    }
    str_add(
        out,
        "\nNames: acme/erp is instance erp of tenant acme, also erp with -n acme; KIND NAME and KIND/NAME are as with "
        "kubectl.\n\nOptions of all commands:\n");
    add_options(out, connection_option_rows);
    add_exit_codes(out);
    str_add(out, "\ntenantctl COMMAND --help says more.\n");
}

void help_print_command(const struct command *command, struct str *out)
{
    str_addf(out, "Usage: tenantctl %s%s%s [OPTIONS]\n\n", command->name, command->arguments[0] ? " " : "",
             command->arguments);
    add_wrapped(out, command->summary, 0);
    if (command->details) {
        str_addc(out, '\n');
        add_wrapped(out, command->details, 0);
    }
    if (command->examples)
        add_examples(out, command->examples);
    if (command->options) {
        str_add(out, "\nOptions:\n");
        add_options(out, command->options);
    }
    str_add(out, "\nOptions of all commands:\n");
    add_options(out, connection_option_rows);
    add_exit_codes(out);
}

/* ---- man page ---- */

/* A backslash, and a dot or quote at a line's beginning, mean something to troff. */
static void add_troff(struct str *out, const char *text)
{
    if (text[0] == '.' || text[0] == '\'')
        str_add(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            str_add(out, "\\e");
        else if (*text == '-')
            str_add(out, "\\-");
        else
            str_addc(out, *text);
    }
    str_addc(out, '\n');
}

static void add_troff_options(struct str *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        CLEANUP(freep) char *usage = option_usage(row);
        str_add(out, ".TP\n.B ");
        add_troff(out, usage + strspn(usage, " "));
        add_troff(out, row->doc);
        if (row->fallback && row->type != OPTION_FLAG)
            str_addf(out, "Default: %s.\n", row->fallback);
    }
}

static void add_troff_command(struct str *out, const struct command *command)
{
    str_add(out, ".SS ");
    CLEANUP(freep) char *usage = mem_printf("tenantctl %s %s", command->name, command->arguments);
    add_troff(out, usage);
    add_troff(out, command->summary);
    if (command->details) {
        str_add(out, ".PP\n");
        add_troff(out, command->details);
    }
    add_troff_options(out, command->options);
    if (!command->examples)
        return;
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, command->examples, '\n');
    str_add(out, ".PP\n.nf\n.RS\n");
    for (size_t i = 0; i < lines.count; i++)
        add_troff(out, lines.items[i]);
    str_add(out, ".RE\n.fi\n");
}

void help_print_man(struct str *out)
{
    str_add(out, ".TH TENANTCTL 1 \"\" \"tenantd " TENANTD_VERSION
                 "\"\n.SH NAME\ntenantctl \\- tell tenantd what to keep alive\n"
                 ".SH SYNOPSIS\n.B tenantctl\nCOMMAND [ARGUMENTS] [OPTIONS]\n.SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->is_hidden)
            add_troff_command(out, commands[i]);
    str_add(out, ".SH OPTIONS OF ALL COMMANDS\n");
    add_troff_options(out, connection_option_rows);
    str_add(out, ".SH EXIT STATUS\n");
    for (const struct exit_meaning *row = exit_meanings; row->meaning; row++) {
        str_addf(out, ".TP\n.B %d\n", row->code);
        add_troff(out, row->meaning);
    }
    str_add(
        out,
        ".SH ENVIRONMENT\n.TP\n.B KUBECONFIG\nFiles with server and token, separated by colons; the first that exists "
        "counts.\n.TP\n.B NO_COLOR\nWhen set, there are no colours.\n"
        ".SH FILES\n.TP\n.B " KUBECONFIG_DEFAULT "\nWhat counts when KUBECONFIG is not set.\n"
        ".SH SEE ALSO\n.BR tenantd (8),\n.BR kubectl (1)\n");
}
