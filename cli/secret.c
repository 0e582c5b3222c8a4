/* tenantctl secret: passwords that tenantd made for an instance. */
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/table.h"

static bool print_field(struct cli *cli, const json_t *secrets, const char *name, struct err *err)
{
    const char *value = json_text(secrets, name);
    if (value) {
        cli_printf(cli, "%s\n", value);
        return true;
    }
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    json_t *tree = (json_t *)(uintptr_t)secrets; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *ignored;
    json_object_foreach (tree, key, ignored)
        strv_add(&names, key);
    strv_sort(&names);
    CLEANUP(freep) char *list = strv_join(&names, ", ");
    return err_set(err, ERR_BAD_REQUEST, "there is no secret \"%s\"; there are: %s", name,
                   names.count > 0 ? list : "none");
}

/* Values are never cut: half a password is none. */
static void print_all(struct cli *cli, const json_t *secrets)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    CLEANUP(table_release) struct table table = { 0 };
    json_t *tree = (json_t *)(uintptr_t)secrets; /* as above */
    const char *key;
    json_t *value;
    struct terminal endless = cli->out_terminal;
    endless.is_terminal = false;
    strv_add(&table.header, "NAME");
    strv_add(&table.header, "VALUE");
    json_object_foreach (tree, key, value) {
        struct strv *row = table_add_row(&table);
        strv_add(row, key);
        strv_add(row, json_is_string(value) ? json_string_value(value) : "");
    }
    if (table.row_count > 0)
        table_print(&table, &endless, TABLE_WITH_HEADER, NULL, &out);
    else
        fprintf(cli->errors, "It has no secrets yet.\n");
    cli_print(cli, out.text);
    mem_wipe(out.text, out.len);
}

static bool secret_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!target_parse_instance(args->items[0], cli->connection.namespace, &targets, err))
        return false;
    CLEANUP(freep) char *path = target_path(&targets.items[0]);
    CLEANUP(freep) char *full = mem_printf("%s/secrets", path);
    if (!client_get(cli->client, full, &cli->call, &answer, err))
        return false;
    const json_t *secrets = json_object_get(answer, "secrets");
    if (args->count > 1)
        return print_field(cli, secrets, args->items[1], err);
    print_all(cli, secrets);
    return true;
}

const struct command secret_command = {
    .name = "secret",
    .arguments = "TENANT/NAME [FIELD]",
    .summary = "Shows passwords that tenantd made for an instance; one alone, for scripts, when FIELD names it.",
    .examples = "tenantctl secret acme/erp\ntenantctl secret acme/erp adminPassword",
    .run = secret_run,
    .args_min = 1,
    .args_max = 2,
    .completes = COMPLETE_INSTANCES,
};
