/* tenantctl key: what an empty host needs besides the bucket. */
#include "base/file.h"
#include "cli/commands.h"

#define PATH_KEY "/recovery-key"

static bool write_key(struct cli *cli, const char *path, const char *text, struct err *err)
{
    if (!path) {
        cli_print(cli, text);
        return true;
    }
    if (file_exists(path)) /* it may be another installation's key, and the only copy */
        return err_set(err, ERR_EXISTS, "%s is there already; name another file", path);
    if (!file_write(path, text, strlen(text), 0600, err))
        return false;
    cli_printf(cli, "%s: written; keep it safe, and away from that host\n", path);
    return true;
}

static bool key_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    const struct client_request request = { .method = "POST", .path = PATH_KEY };
    const char *path = args->count > 1 ? args->items[1] : NULL;
    if (!str_equal(args->items[0], "export"))
        return err_set(err, ERR_BAD_REQUEST, "there is no \"key %s\"; is \"key export\" meant?", args->items[0]);
    if (path && file_exists(path)) /* before it counts as exported */
        return err_set(err, ERR_EXISTS, "%s is there already; name another file", path);
    if (!client_send(cli->client, &request, &cli->call, &answer, err))
        return false;
    const char *text = json_text(answer, "key");
    return text ? write_key(cli, path, text, err) : err_set(err, ERR_INTERNAL, "the answer has no key");
}

const struct command key_command = {
    .name = "key",
    .arguments = "export [FILE]",
    .summary =
        "Writes the recovery key, with which an empty host can read all recovery points, to FILE or the terminal.",
    .details = "Whoever has it can read all recovery points and passwords. Only administrators get it. Until it was "
               "exported once, "
               "`why` and /readyz?verbose say RecoveryKeyNotExported.",
    .examples = "tenantctl key export /media/usb/tenantd.key",
    .run = key_run,
    .args_min = 1,
    .args_max = 2,
};
