/* Kubeconfigs, by way of specs/yaml. */
#include "cli/kubeconfig.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "specs/yaml.h"

#define FILE_LIMIT ((size_t)1 << 20)

const struct option_row connection_option_rows[] = {
    { "namespace", 'n', OPTION_TEXT, offsetof(struct connection_options, namespace), "TENANT",
      .doc = "The tenant whose instances are meant." },
    { "kubeconfig", 0, OPTION_TEXT, offsetof(struct connection_options, kubeconfig), "FILE",
      .doc = "Where server and token stand; else KUBECONFIG, else " KUBECONFIG_DEFAULT "." },
    { "server", 0, OPTION_TEXT, offsetof(struct connection_options, server), "URL",
      .doc = "The server, instead of the kubeconfig's." },
    { "token", 0, OPTION_TEXT, offsetof(struct connection_options, token), "TOKEN",
      .doc = "The token, instead of the kubeconfig's. Others on this machine can see it." },
    { "ca", 0, OPTION_TEXT, offsetof(struct connection_options, ca), "FILE",
      .doc = "Certificates (PEM) to trust, instead of the kubeconfig's." },
    { "help", 'h', OPTION_FLAG, offsetof(struct connection_options, help), .doc = "Says what it does." },
    { NULL },
};

void connection_release(struct connection *connection)
{
    if (connection->token)
        mem_wipe(connection->token, strlen(connection->token));
    free(connection->server);
    free(connection->token);
    free(connection->ca_pem);
    free(connection->namespace);
    free(connection->origin);
    *connection = (struct connection){ 0 };
}

static void replace(char **text, const char *by)
{
    char *copy = mem_strdup(by);
    free(*text);
    *text = copy;
}

/* ---- the file ---- */

/* Clusters, users and contexts are lists of {name, <member>: {...}}. */
struct section {
    const char *list, *member;
};
static const struct section clusters_section = { "clusters", "cluster" };
static const struct section users_section = { "users", "user" };
static const struct section contexts_section = { "contexts", "context" };

static bool find_named(const json_t *config, const struct section *section, const char *name, json_t **ret,
                       struct err *err)
{
    json_t *entries = json_object_get(config, section->list);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);
        if (!str_equal(json_text(entry, "name"), name))
            continue;
        *ret = json_object_get(entry, section->member);
        if (json_is_object(*ret))
            return true;
        return err_set(err, ERR_INVALID, "%s: \"%s\" has no %s", section->list, name, section->member);
    }
    return err_set(err, ERR_INVALID, "there is no \"%s\" among its %s", name, section->list);
}

/* Whatever keeps us from reading it, the command line (or what it stands for) named the wrong file. */
static bool read_named(const char *path, struct str *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    return file_read(path, FILE_LIMIT, ret, &problem) || err_set(err, ERR_INVALID, "%s", err_message(&problem));
}

static bool read_beside(const char *directory, const char *path, struct str *ret, struct err *err)
{
    CLEANUP(freep) char *full = path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", directory, path);
    return read_named(full, ret, err);
}

static bool read_ca(const json_t *cluster, const char *directory, struct connection *ret, struct err *err)
{
    CLEANUP(str_release) struct str pem = STR_INIT;
    const char *data = json_text(cluster, "certificate-authority-data");
    const char *path = json_text(cluster, "certificate-authority");
    if (data && data[0]) {
        if (!str_base64_decode(data, &pem, err))
            return err_wrap(err, "certificate-authority-data");
    } else if (path && path[0]) {
        if (!read_beside(directory, path, &pem, err))
            return err_wrap(err, "certificate-authority");
    } else {
        return true;
    }
    free(ret->ca_pem);
    ret->ca_pem = str_steal(&pem);
    return true;
}

static bool read_cluster(const json_t *cluster, const char *directory, struct connection *ret, struct err *err)
{
    const char *server = json_text(cluster, "server");
    if (!server || !server[0])
        return err_set(err, ERR_INVALID, "its cluster has no server");
    replace(&ret->server, server);
    ret->skip_verify = json_bool(cluster, "insecure-skip-tls-verify");
    return read_ca(cluster, directory, ret, err);
}

static void trim_end(char *text)
{
    for (size_t len = strlen(text); len > 0 && strchr(" \t\r\n", text[len - 1]); len--)
        text[len - 1] = '\0';
}

static bool read_user(const json_t *user, const char *directory, struct connection *ret, struct err *err)
{
    CLEANUP(str_release) struct str file = STR_INIT;
    const char *token = json_text(user, "token");
    const char *path = json_text(user, "tokenFile");
    if (token && token[0]) {
        replace(&ret->token, token);
    } else if (path && path[0]) {
        if (!read_beside(directory, path, &file, err))
            return err_wrap(err, "tokenFile");
        free(ret->token);
        ret->token = str_steal(&file);
        trim_end(ret->token);
    } else if (json_object_get(user, "client-certificate") || json_object_get(user, "client-certificate-data") ||
               json_object_get(user, "exec") || json_object_get(user, "username")) {
        return err_set(err, ERR_INVALID, "its user has no token, and tenantd knows nothing else");
    }
    return true;
}

static bool read_context(const json_t *config, const char *directory, struct connection *ret, struct err *err)
{
    json_t *context, *cluster, *user;
    const char *current = json_text(config, "current-context");
    if (!current || !current[0])
        return err_set(err, ERR_INVALID, "it has no current-context");
    if (!find_named(config, &contexts_section, current, &context, err))
        return false;
    const char *cluster_name = json_text(context, "cluster");
    const char *user_name = json_text(context, "user");
    const char *namespace = json_text(context, "namespace");
    if (!cluster_name || !find_named(config, &clusters_section, cluster_name, &cluster, err))
        return cluster_name ? false : err_set(err, ERR_INVALID, "context \"%s\" names no cluster", current);
    if (!read_cluster(cluster, directory, ret, err))
        return false;
    if (namespace && namespace[0])
        replace(&ret->namespace, namespace);
    if (!user_name || !user_name[0])
        return true;
    return find_named(config, &users_section, user_name, &user, err) && read_user(user, directory, ret, err);
}

bool kubeconfig_read(const char *text, size_t len, const char *directory, struct connection *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *config = NULL;
    if (!yaml_parse_one(text, len, &config, err))
        return false;
    if (!json_is_object(config))
        return err_set(err, ERR_INVALID, "it is no kubeconfig");
    return read_context(config, directory, ret, err);
}

/* ---- finding it ---- */

static bool read_file(const char *path, struct connection *ret, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    const char *slash = strrchr(path, '/');
    CLEANUP(freep) char *directory = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
    if (access(path, R_OK) != 0 && errno == EACCES)
        return err_set(err, ERR_FORBIDDEN,
                       "kubeconfig %s: you may not read it; become root, or set KUBECONFIG to one of yours", path);
    if (!read_named(path, &text, err))
        return err_wrap(err, "kubeconfig %s", path);
    bool read = kubeconfig_read(text.text, text.len, directory, ret, err);
    mem_wipe(text.text, text.len);
    replace(&ret->origin, path);
    return read || err_wrap(err, "kubeconfig %s", path);
}

/* NULL: none exists. Owned. */
static char *find_file(const char *kubeconfig_list)
{
    CLEANUP(strv_release) struct strv paths = STRV_INIT;
    if (kubeconfig_list)
        strv_split(&paths, kubeconfig_list, ':');
    for (size_t i = 0; i < paths.count; i++)
        if (paths.items[i][0] && file_exists(paths.items[i]))
            return mem_strdup(paths.items[i]);
    bool is_named = kubeconfig_list && kubeconfig_list[0];
    /* What cannot be looked for is there for all we know; reading it says why it cannot be read. */
    if (!is_named && (access(KUBECONFIG_DEFAULT, F_OK) == 0 || errno == EACCES))
        return mem_strdup(KUBECONFIG_DEFAULT);
    return NULL;
}

static bool override(const struct connection_options *options, struct connection *ret, struct err *err)
{
    if (options->server)
        replace(&ret->server, options->server);
    if (options->token)
        replace(&ret->token, options->token);
    if (options->namespace)
        replace(&ret->namespace, options->namespace);
    if (options->ca) {
        CLEANUP(str_release) struct str pem = STR_INIT;
        if (!read_named(options->ca, &pem, err))
            return err_wrap(err, "--ca");
        free(ret->ca_pem);
        ret->ca_pem = str_steal(&pem);
        ret->skip_verify = false;
    }
    for (size_t len = strlen(ret->server); len > 0 && ret->server[len - 1] == '/'; len--)
        ret->server[len - 1] = '\0';
    return true;
}

/* Exactly: "localhost.example.com" is somewhere else. */
static bool is_loopback(const char *server)
{
    const char *host = server + strlen("http://");
    size_t len = strcspn(host, host[0] == '[' ? "]/" : ":/");
    CLEANUP(freep) char *name = mem_strndup(host, len);
    return str_equal(name, "localhost") || str_equal(name, "[::1") ||
           (str_starts_with(name, "127.") && name[strspn(name, "0123456789.")] == '\0');
}

static bool check_server(const struct connection *connection, struct err *err)
{
    if (str_starts_with(connection->server, "https://"))
        return true;
    if (!str_starts_with(connection->server, "http://"))
        return err_set(err, ERR_INVALID, "server \"%s\" is no URL; write https://HOST:PORT", connection->server);
    if (connection->token && !is_loopback(connection->server))
        return err_set(err, ERR_INVALID, "the token is not sent to %s without encryption; write https://",
                       connection->server);
    return true;
}

bool connection_find(const struct connection_options *options, const char *kubeconfig_list, struct connection *ret,
                     struct err *err)
{
    CLEANUP(freep) char *path = options->kubeconfig ? mem_strdup(options->kubeconfig) : find_file(kubeconfig_list);
    if (path) {
        if (!read_file(path, ret, err))
            return false;
    } else if (!options->server && kubeconfig_list && kubeconfig_list[0]) {
        return err_set(err, ERR_INVALID, "no file of KUBECONFIG=%s exists", kubeconfig_list);
    } else if (!options->server) {
        return err_set(err, ERR_INVALID,
                       "there is no " KUBECONFIG_DEFAULT "; set KUBECONFIG to the admin.kubeconfig in tenantd's data "
                       "directory, or give --server and --token");
    }
    return override(options, ret, err) && check_server(ret, err);
}
