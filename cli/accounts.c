/* tenantctl account, token, audit: what an administrator keeps below /auth. */
#include "cli/accounts.h"

#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/table.h"

bool admin_run(struct cli *cli, const struct admin_action *actions, const void *options, const struct strv *args,
               int *ret_exit, struct err *err)
{
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    for (const struct admin_action *action = actions; action->word; action++) {
        strv_add(&words, action->word);
        if (!str_equal(action->word, args->items[0]))
            continue;
        if (args->count - 1 != action->args)
            return err_set(err, ERR_BAD_REQUEST, "%s needs: %s", action->word,
                           action->args ? action->arguments : "no more arguments");
        CLEANUP(strv_release) struct strv rest = STRV_INIT;
        for (size_t i = 1; i < args->count; i++)
            strv_add(&rest, args->items[i]);
        return action->run(cli, options, &rest, ret_exit, err);
    }
    CLEANUP(freep) char *all = strv_join(&words, ", ");
    return err_set(err, ERR_BAD_REQUEST, "\"%s\" is none of: %s", args->items[0], all);
}

bool admin_send(struct cli *cli, const char *method, const char *collection, const char *name, json_t *body_taken,
                json_t **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = body_taken;
    CLEANUP(str_release) struct str path = STR_INIT;
    str_addf(&path, "/auth/%s", collection);
    if (name) {
        str_addc(&path, '/');
        str_add_url_segment(&path, name);
    }
    const struct client_request request = { .method = method, .path = path.text, .body = body };
    return client_send(cli->client, &request, &cli->call, ret, err);
}

static char *cell_text(const json_t *value)
{
    if (json_is_string(value))
        return mem_strdup(json_string_value(value));
    if (json_is_array(value)) {
        CLEANUP(strv_release) struct strv texts = STRV_INIT;
        json_to_strv(value, &texts);
        return strv_join(&texts, ",");
    }
    return value && !json_is_null(value) ? json_dump(value) : mem_strdup("");
}

void admin_print_table(struct cli *cli, const json_t *answer, const char *const *columns)
{
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    const json_t *items = json_object_get(answer, "items");
    for (const char *const *column = columns; *column; column++) {
        CLEANUP(freep) char *header = mem_strndup(*column, strcspn(*column, ":"));
        strv_add(&table.header, header);
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct strv *row = table_add_row(&table);
        for (const char *const *column = columns; *column; column++)
            strv_add_taken(row, cell_text(json_object_get(json_array_get(items, i), strchr(*column, ':') + 1)));
    }
    table_print(&table, &cli->out_terminal, TABLE_WITH_HEADER, NULL, &out);
    cli_print(cli, out.text);
}

json_t *admin_list(const struct strv *values)
{
    CLEANUP(strv_release) struct strv all = STRV_INIT;
    for (size_t i = 0; i < values->count; i++) {
        CLEANUP(strv_release) struct strv parts = STRV_INIT;
        strv_split(&parts, values->items[i], ',');
        for (size_t k = 0; k < parts.count; k++)
            strv_add(&all, parts.items[k]);
    }
    return json_from_strv(&all);
}

/* ---- audit ---- */

struct audit_options {
    char *who, *name;
    int64_t since_ms, limit;
};
static const struct option_row audit_option_rows[] = {
    { "who", 0, OPTION_TEXT, offsetof(struct audit_options, who), "USER", .doc = "Of this account or token alone." },
    { "name", 0, OPTION_TEXT, offsetof(struct audit_options, name), "NAME", .doc = "About what has this name." },
    { "since", 0, OPTION_DURATION, offsetof(struct audit_options, since_ms), "TIME",
      .doc = "Not older than this: 30m, 7d." },
    { "limit", 0, OPTION_NUMBER, offsetof(struct audit_options, limit), "N", .fallback = "100",
      .doc = "At most so many, the newest." },
    { NULL },
};

static bool audit_run(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)args;
    (void)ret_exit;
    static const char *const columns[] = { "TIME:at",          "WHO:who",   "FROM:address",  "VERB:verb", "KIND:kind",
                                           "TENANT:namespace", "NAME:name", "FIELDS:fields", NULL };
    const struct audit_options *options = values;
    CLEANUP(str_release) struct str query = STR_INIT;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep) char *limit = mem_printf("%" PRId64, options->limit);
    CLEANUP(freep) char *since = mem_printf("%" PRId64, options->since_ms / SECOND_MS);
    object_add_query(&query, "limit", limit);
    if (options->who)
        object_add_query(&query, "who", options->who);
    if (options->name)
        object_add_query(&query, "name", options->name);
    if (cli->options.namespace)
        object_add_query(&query, "namespace", cli->options.namespace);
    if (options->since_ms >= SECOND_MS)
        object_add_query(&query, "sinceSeconds", since);
    CLEANUP(freep) char *path = mem_printf("/auth/audit?%s", query.text);
    if (!client_get(cli->client, path, &cli->call, &answer, err))
        return false;
    admin_print_table(cli, answer, columns);
    return true;
}

const struct command audit_command = {
    .name = "audit",
    .arguments = "",
    .summary = "Shows who wrote what, from where, and which fields; the newest first.",
    .examples = "tenantctl audit --since=1d\ntenantctl audit -n acme --who=jo@acme.example",
    .options = audit_option_rows,
    .options_size = sizeof(struct audit_options),
    .run = audit_run,
};

/* ---- token ---- */

struct token_options {
    bool admin;
    struct strv tenants, verbs;
    char *expires;
};
static const struct option_row token_option_rows[] = {
    { "admin", 0, OPTION_FLAG, offsetof(struct token_options, admin), .doc = "It may do everything." },
    { "tenant", 0, OPTION_TEXTS, offsetof(struct token_options, tenants), "NAMES",
      .doc = "Tenants it is for; may be repeated." },
    { "verbs", 0, OPTION_TEXTS, offsetof(struct token_options, verbs), "VERBS",
      .doc = "What alone it may be used for: get, list, watch, create, update, patch, delete, plan, log, secrets, act, "
             "suspend." },
    { "expires", 0, OPTION_TEXT, offsetof(struct token_options, expires), "TIME",
      .doc = "How long it is good: 12h, 90d; absent: until it is revoked." },
    { NULL },
};

static bool token_create(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit;
    const struct token_options *options = values;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    json_t *body = json_object();
    json_put(body, "name", json_from_text(args->items[0]));
    json_put_text(body, "role", options->admin ? "admin" : "member");
    json_put(body, "tenants", admin_list(&options->tenants));
    json_put(body, "verbs", admin_list(&options->verbs));
    json_put_text(body, "expires_in", options->expires);
    if (!admin_send(cli, "POST", "tokens", NULL, body, &answer, err))
        return false;
    fprintf(cli->errors, "This is shown once:\n");
    cli_printf(cli, "%s\n", json_text(answer, "token"));
    return true;
}

static bool token_list(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)values;
    (void)args;
    (void)ret_exit;
    static const char *const columns[] = { "NAME:name",          "ROLE:role",
                                           "TENANTS:tenants",    "VERBS:verbs",
                                           "CREATED:created_at", "EXPIRES:expires_at",
                                           "USED:last_used_at",  NULL };
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!admin_send(cli, "GET", "tokens", NULL, NULL, &answer, err))
        return false;
    admin_print_table(cli, answer, columns);
    return true;
}

static bool token_revoke(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)values;
    (void)ret_exit;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!admin_send(cli, "DELETE", "tokens", args->items[0], NULL, &answer, err))
        return false;
    cli_printf(cli, "token %s revoked\n", args->items[0]);
    return true;
}

static bool token_run(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    static const struct admin_action actions[] = {
        { "create", 1, "NAME", token_create },
        { "list", 0, "", token_list },
        { "revoke", 1, "NAME", token_revoke },
        { NULL },
    };
    return admin_run(cli, actions, values, args, ret_exit, err);
}

const struct command token_command = {
    .name = "token",
    .arguments = "create|list|revoke [NAME]",
    .summary = "Keeps long-lived tokens for programs; one is shown once, when it is made.",
    .examples = "tenantctl token create portal --admin --expires=90d\n"
                "tenantctl token create acme-ci --tenant=acme --verbs=get,list,watch,patch\n"
                "tenantctl token revoke portal",
    .options = token_option_rows,
    .options_size = sizeof(struct token_options),
    .run = token_run,
    .args_min = 1,
    .args_max = 2,
};

/* ---- account ---- */

struct account_options {
    bool admin;
    struct strv tenants;
    char *name;
};
static const struct option_row account_option_rows[] = {
    { "admin", 0, OPTION_FLAG, offsetof(struct account_options, admin), .doc = "Its owner may do everything." },
    { "tenant", 0, OPTION_TEXTS, offsetof(struct account_options, tenants), "NAMES",
      .doc = "Tenants it belongs to; may be repeated." },
    { "name", 0, OPTION_TEXT, offsetof(struct account_options, name), "TEXT", .doc = "Name shown to people." },
    { NULL },
};

/* From standard input, so that no list of processes shows it. */
static bool read_line(struct cli *cli, char line[512], struct err *err)
{
    if (!fgets(line, 512, cli->in))
        return err_set(err, ERR_BAD_REQUEST, "the password is read from standard input, and there is none");
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool account_create(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit;
    const struct account_options *options = values;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    char password[512];
    if (!read_line(cli, password, err))
        return false;
    json_t *body = json_object();
    json_put(body, "email", json_from_text(args->items[0]));
    json_put(body, "password", json_from_text(password));
    mem_wipe(password, sizeof(password));
    json_put_text(body, "name", options->name);
    json_put_text(body, "role", options->admin ? "admin" : "member");
    json_put(body, "tenants", admin_list(&options->tenants));
    if (!admin_send(cli, "POST", "accounts", NULL, body, &answer, err))
        return false;
    cli_printf(cli, "account %s created\n", args->items[0]);
    return true;
}

static bool account_list(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)values;
    (void)args;
    (void)ret_exit;
    static const char *const columns[] = {
        "EMAIL:email",         "ROLE:role", "TENANTS:tenants", "DISABLED:disabled", "CREATED:created_at",
        "LOGIN:last_login_at", NULL
    };
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!admin_send(cli, "GET", "accounts", NULL, NULL, &answer, err))
        return false;
    admin_print_table(cli, answer, columns);
    return true;
}

static bool change_account(struct cli *cli, const char *email, json_t *body_taken, const char *done, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!admin_send(cli, "PATCH", "accounts", email, body_taken, &answer, err))
        return false;
    cli_printf(cli, "account %s %s\n", email, done);
    return true;
}

static bool account_disable(struct cli *cli, const void *values, const struct strv *args, int *ret_exit,
                            struct err *err)
{
    (void)values;
    (void)ret_exit;
    return change_account(cli, args->items[0], json_pack("{s:b}", "disabled", 1), "disabled", err);
}

static bool account_enable(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)values;
    (void)ret_exit;
    return change_account(cli, args->items[0], json_pack("{s:b}", "disabled", 0), "enabled", err);
}

static bool account_password(struct cli *cli, const void *values, const struct strv *args, int *ret_exit,
                             struct err *err)
{
    (void)values;
    (void)ret_exit;
    char password[512];
    if (!read_line(cli, password, err))
        return false;
    json_t *body = json_object();
    json_put(body, "password", json_from_text(password));
    mem_wipe(password, sizeof(password));
    return change_account(cli, args->items[0], body, "has a new password", err);
}

static bool account_delete(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)values;
    (void)ret_exit;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!admin_send(cli, "DELETE", "accounts", args->items[0], NULL, &answer, err))
        return false;
    cli_printf(cli, "account %s deleted\n", args->items[0]);
    return true;
}

static bool account_run(struct cli *cli, const void *values, const struct strv *args, int *ret_exit, struct err *err)
{
    static const struct admin_action actions[] = {
        { "create", 1, "EMAIL", account_create },
        { "list", 0, "", account_list },
        { "disable", 1, "EMAIL", account_disable },
        { "enable", 1, "EMAIL", account_enable },
        { "password", 1, "EMAIL", account_password },
        { "delete", 1, "EMAIL", account_delete },
        { NULL },
    };
    return admin_run(cli, actions, values, args, ret_exit, err);
}

const struct command account_command = {
    .name = "account",
    .arguments = "create|list|disable|enable|password|delete [EMAIL]",
    .summary = "Keeps people's accounts; passwords are read from standard input.",
    .details = "Disabling an account or giving it another password ends its sessions at once.",
    .examples = "tenantctl account create jo@acme.example --tenant=acme <password.txt\n"
                "tenantctl account disable jo@acme.example",
    .options = account_option_rows,
    .options_size = sizeof(struct account_options),
    .run = account_run,
    .args_min = 1,
    .args_max = 2,
};
