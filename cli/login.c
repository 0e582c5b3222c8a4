/* tenantctl login, logout: a session of an account, kept in a kubeconfig of its own. */
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/commands.h"

#define PASSWORD_MAX 512

struct login_options {
    char *save;
};
static const struct option_row login_option_rows[] = {
    { "save", 0, OPTION_TEXT, offsetof(struct login_options, save), "FILE",
      .doc = "Where the kubeconfig with the session goes; absent: ~/.config/tenantd/kubeconfig." },
    { NULL },
};

/* Not echoed on a terminal; from a pipe the first line. */
static bool read_password(struct cli *cli, char password[PASSWORD_MAX + 2], struct err *err)
{
    struct termios before, silent;
    bool is_terminal = tcgetattr(fileno(cli->in), &before) == 0;
    if (is_terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", cli->errors);
        fflush(cli->errors);
        tcsetattr(fileno(cli->in), TCSAFLUSH, &silent);
    }
    bool got = fgets(password, PASSWORD_MAX + 2, cli->in) != NULL;
    if (is_terminal) {
        tcsetattr(fileno(cli->in), TCSAFLUSH, &before);
        fputc('\n', cli->errors);
    }
    if (!got)
        return err_set(err, ERR_BAD_REQUEST, "no password was given; it is read from the terminal or standard input");
    password[strcspn(password, "\r\n")] = '\0';
    return true;
}

static bool find_place(const struct login_options *options, char **ret, struct err *err)
{
    const char *home = getenv("HOME");
    if (options->save) {
        *ret = mem_strdup(options->save);
        return true;
    }
    if (!home || !home[0])
        return err_set(err, ERR_BAD_REQUEST, "there is no HOME: say where the session goes with --save");
    CLEANUP(freep) char *directory = mem_printf("%s/.config/tenantd", home);
    if (!dir_make(directory, 0700, err))
        return false;
    *ret = mem_printf("%s/kubeconfig", directory);
    return true;
}

/* A kubeconfig, as kubectl reads it, too: JSON is YAML. */
static char *print_kubeconfig(const struct connection *connection, const char *email, const char *token,
                              const char *namespace)
{
    CLEANUP(str_release) struct str authority = STR_INIT;
    if (connection->ca_pem)
        str_add_base64(&authority, connection->ca_pem, strlen(connection->ca_pem));
    json_t *cluster =
        json_pack("{s:s, s:s*, s:b*}", "server", connection->server, "certificate-authority-data",
                  connection->ca_pem ? authority.text : NULL, "insecure-skip-tls-verify", (int)connection->skip_verify);
    CLEANUP(json_decrefp)
    json_t *config =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:o}], s:[{s:s, s:{s:s}}], s:[{s:s, s:{s:s, s:s, s:s*}}]}", "apiVersion",
                  "v1", "kind", "Config", "current-context", "tenantd", "clusters", "name", "tenantd", "cluster",
                  cluster, "users", "name", email, "user", "token", token, "contexts", "name", "tenantd", "context",
                  "cluster", "tenantd", "user", email, "namespace", namespace);
    return config ? json_dump_pretty(config) : NULL;
}

static bool save_session(struct cli *cli, const struct login_options *options, const char *email, const json_t *session,
                         struct err *err)
{
    CLEANUP(freep) char *place = NULL;
    const char *token = json_text(session, "access_token");
    const json_t *tenants = json_at(session, "user", "tenants", NULL);
    if (!token)
        return err_set(err, ERR_INTERNAL, "the server's answer has no access_token");
    char *text = print_kubeconfig(&cli->connection, email, token, json_string_value(json_array_get(tenants, 0)));
    if (!text)
        return err_set(err, ERR_INVALID, "the e-mail address is not UTF-8");
    bool good = find_place(options, &place, err) && file_write(place, text, strlen(text), 0600, err);
    mem_wipe(text, strlen(text));
    free(text);
    if (good)
        cli_printf(cli, "logged in as %s\nexport KUBECONFIG=%s\n", email, place);
    return good;
}

static bool login_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit;
    char password[PASSWORD_MAX + 2];
    CLEANUP(json_decrefp) json_t *session = NULL;
    const char *email = args->items[0];
    if (!read_password(cli, password, err))
        return false;
    CLEANUP(json_decrefp) json_t *body = json_object();
    json_put(body, "email", json_from_text(email));
    json_put(body, "password", json_from_text(password));
    mem_wipe(password, sizeof(password));
    const struct client_request request = { .method = "POST", .path = "/auth/login", .body = body };
    if (!client_send(cli->client, &request, &cli->call, &session, err)) {
        if (err && err->code == ERR_UNAUTHORIZED) /* the remedy for a bad token is none here */
            err->code = ERR_FORBIDDEN;
        return false;
    }
    return save_session(cli, options, email, session, err);
}

const struct command login_command = {
    .name = "login",
    .arguments = "EMAIL",
    .summary = "Begins a session of an account and keeps it in a kubeconfig; the password is asked for.",
    .details = "Where the server is comes from the kubeconfig in use, or from --server and --ca. The session lasts as "
               "long as the server's accounts.session says.",
    .examples = "tenantctl login jo@acme.example --server=https://tenantd.example:7440\n"
                "tenantctl login jo@acme.example <password.txt",
    .options = login_option_rows,
    .options_size = sizeof(struct login_options),
    .run = login_run,
    .args_min = 1,
    .args_max = 1,
};

static bool logout_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)args;
    (void)ret_exit;
    CLEANUP(json_decrefp) json_t *answer = NULL;
    const struct client_request request = { .method = "POST", .path = "/auth/logout" };
    if (!client_send(cli->client, &request, &cli->call, &answer, err))
        return false;
    cli_print(cli, "logged out\n");
    return true;
}

const struct command logout_command = {
    .name = "logout",
    .arguments = "",
    .summary = "Ends the session of the kubeconfig in use, at once and everywhere.",
    .run = logout_run,
};
