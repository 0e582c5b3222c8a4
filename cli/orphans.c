/* tenantctl orphans: what tenantd's installation left that belongs to no record. */
#include "cli/commands.h"
#include "cli/table.h"

#define REMOVAL_MS (5 * MINUTE_MS)

struct orphans_options {
    bool remove, retained, yes;
};
static const struct option_row orphans_option_rows[] = {
    { "remove", 0, OPTION_FLAG, offsetof(struct orphans_options, remove),
      .doc = "Removes them, after a question; what was kept on purpose stays." },
    { "retained", 0, OPTION_FLAG, offsetof(struct orphans_options, retained),
      .doc = "With --remove: also what deletionPolicy Retain has kept." },
    { "yes", 'y', OPTION_FLAG, offsetof(struct orphans_options, yes), .doc = "Asks nothing." },
    { NULL },
};

static void print_orphans(struct cli *cli, const json_t *orphans)
{
    static const char *const names[] = { "KIND", "NAME", "RECORD", "DATA" };
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        strv_add(&table.header, names[i]);
    for (size_t i = 0; i < json_array_size(orphans); i++) {
        const json_t *orphan = json_array_get(orphans, i);
        struct strv *row = table_add_row(&table);
        strv_add(row, json_text(orphan, "kind"));
        strv_add(row, json_text(orphan, "name"));
        strv_add(row, json_text(orphan, "uid"));
        strv_add(row, json_bool(orphan, "retained") ? "retained" : json_bool(orphan, "holdsData") ? "yes" : "no");
    }
    if (table.row_count == 0)
        fprintf(cli->errors, "There are no leftovers.\n");
    else
        table_print(&table, &cli->out_terminal, TABLE_WITH_HEADER, NULL, &out);
    cli_print(cli, out.text);
}

/* What --remove is about. A new array. */
static json_t *chosen_of(const json_t *orphans, const struct orphans_options *options)
{
    json_t *chosen = json_array();
    for (size_t i = 0; i < json_array_size(orphans); i++) {
        json_t *orphan = json_array_get(orphans, i);
        if (options->retained || !json_bool(orphan, "retained"))
            json_push(chosen, json_incref(orphan));
    }
    return chosen;
}

static bool is_confirmed(struct cli *cli, size_t count, struct err *err)
{
    char answer[8] = "";
    if (!cli->errors_terminal.is_terminal)
        return err_set(err, ERR_BAD_REQUEST, "nobody can be asked here; --yes removes without a question");
    fprintf(cli->errors, "Remove %zu of them, with their data? Type yes: ", count);
    fflush(cli->errors);
    if (fgets(answer, sizeof(answer), cli->in) && str_equal(answer, "yes\n"))
        return true;
    return err_set(err, ERR_BAD_REQUEST, "nothing was removed");
}

static void print_removed(struct cli *cli, const json_t *removed, int *ret_exit)
{
    for (size_t i = 0; i < json_array_size(removed); i++) {
        const json_t *result = json_array_get(removed, i);
        const char *kind = json_text(result, "kind"), *name = json_text(result, "name");
        const char *problem = json_text(result, "problem");
        CLEANUP(err_release) struct err err = ERR_INIT;
        if (!problem) {
            cli_printf(cli, "%s \"%s\" removed\n", kind, name);
            continue;
        }
        err_set(&err, ERR_CONFLICT, "%s \"%s\" stays: %s", kind, name, problem);
        *ret_exit = cli_complain(cli, &err);
    }
}

static bool remove_orphans(struct cli *cli, const json_t *orphans, const struct orphans_options *options, int *ret_exit,
                           struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = json_object();
    CLEANUP(json_decrefp) json_t *answer = NULL;
    json_t *chosen = chosen_of(orphans, options);
    json_put(body, "orphans", chosen);
    if (json_array_size(chosen) == 0)
        return true;
    if (!options->yes && !is_confirmed(cli, json_array_size(chosen), err))
        return false;
    const struct client_request request = {
        .method = "POST", .path = "/orphans/removal", .body = body, .timeout_ms = REMOVAL_MS
    };
    if (!client_send(cli->client, &request, &cli->call, &answer, err))
        return false;
    print_removed(cli, json_object_get(answer, "removed"), ret_exit);
    return true;
}

static bool orphans_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                        struct err *err)
{
    (void)args; /* there are none */
    const struct orphans_options *options = options_given;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!client_get(cli->client, "/orphans", &cli->call, &answer, err))
        return false;
    const json_t *orphans = json_object_get(answer, "orphans");
    print_orphans(cli, orphans);
    return !options->remove || remove_orphans(cli, orphans, options, ret_exit, err);
}

const struct command orphans_command = {
    .name = "orphans",
    .arguments = "",
    .summary = "Lists what tenantd made that belongs to no record any more, and removes it when told so.",
    .details = "Containers, volumes, networks, databases and roles that carry this installation's id. tenantd never "
               "removes them by itself. RECORD is the beginning of the uid that they were made for; DATA says "
               "retained for what deletionPolicy Retain has kept: that goes only with --retained. For "
               "administrators.",
    .examples = "tenantctl orphans\ntenantctl orphans --remove\ntenantctl orphans --remove --retained --yes",
    .options = orphans_option_rows,
    .options_size = sizeof(struct orphans_options),
    .run = orphans_run,
};
