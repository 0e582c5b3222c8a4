/* tenantctl catalog: a daemon learns from the places of recovery points what there was. */
#include "cli/commands.h"

#define PATH_REBUILD "/catalog/rebuild"
#define REBUILD_MS   (31 * MINUTE_MS) /* longer than the server takes at most */

struct catalog_options {
    bool records;
};
static const struct option_row option_rows[] = {
    { "records", 0, OPTION_FLAG, offsetof(struct catalog_options, records),
      .doc = "Also makes tenants, apps and instances that are missing, although the daemon has tenants." },
    { NULL },
};

static void print_list(struct cli *cli, const json_t *answer, const char *member, const char *format_head)
{
    const json_t *list = json_object_get(answer, member);
    for (size_t i = 0; i < json_array_size(list); i++)
        cli_printf(cli, "%s%s\n", format_head, json_string_value(json_array_get(list, i)));
}

static void print(struct cli *cli, const json_t *answer)
{
    const char *copied = json_text(answer, "recordsCopied");
    bool has_records = json_bool(answer, "records");
    if (has_records && copied)
        cli_printf(cli, "The records were copied last at %s.\n", copied);
    else if (has_records)
        cli_print(cli, "There is no copy of the records; what the recovery points tell counts.\n");
    print_list(cli, answer, "made", "made: ");
    print_list(cli, answer, "restored", "is being restored: ");
    print_list(cli, answer, "left", "not made: ");
    print_list(cli, answer, "problems", "problem: ");
    cli_printf(cli, "%lld recovery points are there, %lld of them newly listed.\n",
               (long long)json_int(answer, "points", 0), (long long)json_int(answer, "listed", 0));
}

static bool catalog_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                        struct err *err)
{
    const struct catalog_options *options = options_given;
    CLEANUP(json_decrefp) json_t *body = json_object();
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!str_equal(args->items[0], "rebuild"))
        return err_set(err, ERR_BAD_REQUEST, "there is no \"catalog %s\"; is \"catalog rebuild\" meant?",
                       args->items[0]);
    json_put(body, "records", json_boolean(options->records));
    const struct client_request request = {
        .method = "POST", .path = PATH_REBUILD, .body = body, .timeout_ms = REBUILD_MS
    };
    if (!client_send(cli->client, &request, &cli->call, &answer, err))
        return false;
    print(cli, answer);
    if (json_array_size(json_object_get(answer, "problems")))
        *ret_exit = EXIT_NOT;
    return true;
}

const struct command catalog_command = {
    .name = "catalog",
    .arguments = "rebuild",
    .summary = "Lists all recovery points that the configured places have; an empty daemon gets its tenants, apps and "
               "instances back, too.",
    .details = "On a new host with the recovery key (tenantd import-key) and the same backup configuration: every "
               "instance comes back under its name and is restored from its last recovery point. Nothing that is "
               "there is changed, so it may be repeated. Recovery points that another installation made, or that were "
               "altered, are problems: told, and left alone. For administrators.",
    .examples = "tenantctl catalog rebuild",
    .options = option_rows,
    .options_size = sizeof(struct catalog_options),
    .run = catalog_run,
    .args_min = 1,
    .args_max = 1,
};
