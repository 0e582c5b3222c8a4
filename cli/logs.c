/* tenantctl logs: what an instance's container says. */
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/objects.h"

struct logs_options {
    bool follow, timestamps;
    char *tail;
    int64_t since_ms;
};
static const struct option_row logs_option_rows[] = {
    { "follow", 'f', OPTION_FLAG, offsetof(struct logs_options, follow),
      .doc = "Goes on with what it says from now on." },
    { "tail", 0, OPTION_TEXT, offsetof(struct logs_options, tail), "LINES", .doc = "Only so many of the last lines." },
    { "since", 0, OPTION_DURATION, offsetof(struct logs_options, since_ms), "TIME",
      .doc = "Only what is younger: 10m, 2h." },
    { "timestamps", 't', OPTION_FLAG, offsetof(struct logs_options, timestamps),
      .doc = "Begins lines with their time." },
    { NULL },
};

static bool to_output(void *context, const char *bytes, size_t len, struct err *err)
{
    struct cli *cli = context;
    fwrite(bytes, 1, len, cli->out);
    return cli_flush(cli, err);
}

static bool query_of(const struct logs_options *options, struct str *query, struct err *err)
{
    int64_t lines = 0;
    if (options->follow)
        object_add_query(query, "follow", "true");
    if (options->timestamps)
        object_add_query(query, "timestamps", "true");
    if (options->tail && !str_equal(options->tail, "-1")) { /* kubectl's word for all */
        if (!str_parse_int64(options->tail, 0, INT64_MAX, &lines))
            return err_set(err, ERR_BAD_REQUEST, "--tail: \"%s\" is not a number of lines", options->tail);
        object_add_query(query, "tailLines", options->tail);
    }
    if (options->since_ms > 0) {
        int64_t seconds = (options->since_ms + SECOND_MS - 1) / SECOND_MS;
        CLEANUP(freep) char *text = mem_printf("%" PRId64, seconds);
        object_add_query(query, "sinceSeconds", text);
    }
    return true;
}

static bool logs_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                     struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(str_release) struct str query = STR_INIT;
    if (!targets_parse_instances(args, cli->connection.namespace, &targets, err) ||
        !query_of(options_given, &query, err))
        return false;
    if (targets.count != 1)
        return err_set(err, ERR_BAD_REQUEST, "name one instance");
    CLEANUP(freep) char *path = target_path(&targets.items[0]);
    CLEANUP(freep) char *full = mem_printf("%s/log%s%s", path, query.len > 0 ? "?" : "", query.text);
    const struct client_stream stream = { .path = full, .sink = to_output, .context = cli };
    return client_stream(cli->client, &stream, &cli->call, err);
}

const struct command logs_command = {
    .name = "logs",
    .arguments = "TENANT/NAME",
    .summary = "Prints what an instance's container says.",
    .examples = "tenantctl logs acme/erp -f --tail=20\ntenantctl logs acme/erp --since=10m --timestamps",
    .options = logs_option_rows,
    .options_size = sizeof(struct logs_options),
    .run = logs_run,
    .args_min = 1,
    .args_max = 2,
    .completes = COMPLETE_INSTANCES,
};
