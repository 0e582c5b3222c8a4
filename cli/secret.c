/* tenantctl secret: passwords that tenantd made for an instance, and those that a Source is given. */
#include "base/file.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/table.h"

#define VALUE_MAX ((size_t)64 << 10)

struct secret_options {
    char *filename;
};
static const struct option_row secret_option_rows[] = {
    { "filename", 'f', OPTION_TEXT, offsetof(struct secret_options, filename), "FILE",
      .doc = "With set: where the value is read from; absent: standard input." },
    { NULL },
};

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

/* ---- a Source's ---- */

static bool read_value(struct cli *cli, const struct secret_options *options, struct str *ret, struct err *err)
{
    char buffer[4096];
    if (options->filename && !str_equal(options->filename, "-"))
        return file_read(options->filename, VALUE_MAX, ret, err);
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), cli->in)) > 0 && ret->len <= VALUE_MAX;)
        str_addn(ret, buffer, got);
    mem_wipe(buffer, sizeof(buffer));
    return call_check(&cli->call, err);
}

/* One line break at the end is the editor's or echo's; a key has its own line breaks inside. */
static void drop_last_break(struct str *value)
{
    if (value->len > 0 && value->text[value->len - 1] == '\n')
        value->text[--value->len] = '\0';
    if (value->len > 0 && value->text[value->len - 1] == '\r')
        value->text[--value->len] = '\0';
}

static bool send_source_secret(struct cli *cli, const char *method, const struct strv *args, const json_t *body,
                               struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    const char *name = args->items[1];
    if (!str_starts_with(name, "source/"))
        return err_set(err, ERR_BAD_REQUEST, "only a Source's secrets can be set: name it as source/NAME");
    const struct target target = { .kind = &kinds[KIND_SOURCE],
                                   .name = (char *)(uintptr_t)(name + strlen("source/")) /* borrowed */ };
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(freep) char *record = target_path(&target);
    str_addf(&path, "%s/secrets/", record);
    str_add_url_segment(&path, args->items[2]);
    const struct client_request request = { .method = method, .path = path.text, .body = body };
    return client_send(cli->client, &request, &cli->call, &answer, err);
}

static bool set_source_secret(struct cli *cli, const struct secret_options *options, const struct strv *args,
                              struct err *err)
{
    CLEANUP(str_release) struct str value = STR_INIT;
    CLEANUP(json_decrefp) json_t *body = json_object();
    bool ok = read_value(cli, options, &value, err);
    if (ok) {
        drop_last_break(&value);
        ok = (value.len > 0 && str_is_utf8(value.text, value.len)) ||
             err_set(err, ERR_BAD_REQUEST,
                     "the value is empty, or is no text; it is read from standard input, or from -f");
    }
    if (ok) {
        json_put_text(body, "value", value.text);
        ok = send_source_secret(cli, "PUT", args, body, err);
    }
    mem_wipe(value.text, value.len);
    if (ok)
        cli_printf(cli, "%s secret %s set\n", args->items[1], args->items[2]);
    return ok;
}

static bool unset_source_secret(struct cli *cli, const struct strv *args, struct err *err)
{
    if (!send_source_secret(cli, "DELETE", args, NULL, err))
        return false;
    cli_printf(cli, "%s secret %s unset\n", args->items[1], args->items[2]);
    return true;
}

static bool secret_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit;
    if (args->count == 3 && str_equal(args->items[0], "set"))
        return set_source_secret(cli, options, args, err);
    if (args->count == 3 && str_equal(args->items[0], "unset"))
        return unset_source_secret(cli, args, err);
    if (args->count == 3)
        return err_set(err, ERR_BAD_REQUEST, "three arguments begin with set or unset");
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
    .arguments = "(TENANT/NAME [FIELD] | (set|unset) source/NAME KEY)",
    .summary = "Shows passwords that tenantd made for an instance; one alone, for scripts, when FIELD names it.",
    .details = "set and unset are for a Source's: password (https), sshKey (ssh), webhook. The value is read, never an "
               "argument, and shown to nobody afterwards.",
    .examples = "tenantctl secret acme/erp\ntenantctl secret acme/erp adminPassword\n"
                "tenantctl secret set source/fleet sshKey -f id_ed25519",
    .options = secret_option_rows,
    .options_size = sizeof(struct secret_options),
    .run = secret_run,
    .args_min = 1,
    .args_max = 3,
    .completes = COMPLETE_INSTANCES,
};
