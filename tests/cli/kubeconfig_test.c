/* Kubeconfigs, and what overrides them. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/kubeconfig.h"
#include "tests/check.h"

/* "PEM\n" in base64. */
#define CA "UEVNCg=="

static const char whole[] =
    "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
    "clusters:\n- name: other\n  cluster: {server: \"https://other:1\"}\n"
    "- name: td\n  cluster: {server: \"https://host:7440/\", certificate-authority-data: " CA "}\n"
    "users:\n- name: admin\n  user: {token: t0ken}\n"
    "contexts:\n- name: here\n  context: {cluster: td, user: admin, namespace: acme}\n";

#define CONFIG(cluster, user)                                                                                          \
    "current-context: c\nclusters: [{name: td, cluster: {" cluster "}}]\nusers: [{name: u, user: {" user "}}]\n"       \
    "contexts: [{name: c, context: {cluster: td, user: u}}]\n"

static char *text_of(const struct connection *connection)
{
    return mem_printf("%s %s %s %s %s", connection->server ? connection->server : "-",
                      connection->token ? connection->token : "-", connection->ca_pem ? "ca" : "-",
                      connection->skip_verify ? "skip" : "verify", connection->namespace ? connection->namespace : "-");
}

static const struct {
    const char *why, *text, *read, *error;
} rows[] = {
    { "the context that counts", whole, "https://host:7440/ t0ken ca verify acme", NULL },
    { "as JSON",
      "{\"current-context\":\"c\",\"clusters\":[{\"name\":\"td\",\"cluster\":{\"server\":\"https://a\"}}],"
      "\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"td\"}}]}",
      "https://a - - verify -", NULL },
    { "no verification", CONFIG("server: \"https://a\", insecure-skip-tls-verify: true", "token: x"),
      "https://a x - skip -", NULL },
    { "not YAML", "a: [", NULL, "did not find expected" },
    { "not a map", "hello", NULL, "it is no kubeconfig" },
    { "no context", "clusters: []", NULL, "it has no current-context" },
    { "unknown context", "current-context: x\ncontexts: []", NULL, "there is no \"x\" among its contexts" },
    { "unknown cluster", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", NULL,
      "there is no \"k\" among its clusters" },
    { "no cluster", "current-context: c\ncontexts: [{name: c, context: {}}]", NULL, "context \"c\" names no cluster" },
    { "no server", CONFIG("insecure-skip-tls-verify: true", "token: x"), NULL, "its cluster has no server" },
    { "no base64", CONFIG("server: \"https://a\", certificate-authority-data: \"*\"", "token: x"), NULL,
      "certificate-authority-data" },
    { "a client certificate", CONFIG("server: \"https://a\"", "client-certificate-data: x"), NULL,
      "its user has no token" },
};

static void reads(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool read = kubeconfig_read(row->text, strlen(row->text), "/nonexistent", &connection, &err);
    if (row->error) {
        assert_false(read);
        assert_contains(err_message(&err), row->error);
        return;
    }
    assert_ok(read, &err);
    CLEANUP(freep) char *text = text_of(&connection);
    assert_string_equal(text, row->read);
}

/* ---- files ---- */

static char *make_directory(void)
{
    char *path = mem_strdup("/tmp/kubeconfig_test.XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static char *write_file(const char *directory, const char *name, const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    char *path = mem_printf("%s/%s", directory, name);
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
    return path;
}

static void remove_directory(const char *path)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_ok(dir_remove(path, &err), &err);
}

static void files_stand_beside_it(void **state)
{
    (void)state;
    CLEANUP(freep) char *directory = make_directory();
    CLEANUP(freep) char *ca = write_file(directory, "ca.crt", "PEM");
    CLEANUP(freep) char *token = write_file(directory, "token", "from-file\n");
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    static const char text[] = CONFIG("server: \"https://a\", certificate-authority: ca.crt", "tokenFile: token");
    assert_ok(kubeconfig_read(text, strlen(text), directory, &connection, &err), &err);
    assert_string_equal(connection.ca_pem, "PEM");
    assert_string_equal(connection.token, "from-file");
    remove_directory(directory);
}

static void the_first_that_exists_counts(void **state)
{
    (void)state;
    CLEANUP(freep) char *directory = make_directory();
    CLEANUP(freep) char *path = write_file(directory, "config", whole);
    CLEANUP(freep) char *list = mem_printf("/nonexistent/a::%s:/nonexistent/b", path);
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct connection_options options = { 0 };
    assert_ok(connection_find(&options, list, &connection, &err), &err);
    assert_string_equal(connection.server, "https://host:7440");
    assert_string_equal(connection.origin, path);
    remove_directory(directory);
}

static void options_override(void **state)
{
    (void)state;
    CLEANUP(freep) char *directory = make_directory();
    CLEANUP(freep) char *path = write_file(directory, "config", whole);
    CLEANUP(freep) char *ca = write_file(directory, "other.pem", "OTHER");
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    char server[] = "https://else:1", token[] = "mine", namespace[] = "beta";
    const struct connection_options options = {
        .kubeconfig = path,
        .server = server,
        .token = token,
        .ca = ca,
        .namespace = namespace,
    };
    assert_ok(connection_find(&options, "/nonexistent/a", &connection, &err), &err);
    CLEANUP(freep) char *text = text_of(&connection);
    assert_string_equal(text, "https://else:1 mine ca verify beta");
    assert_string_equal(connection.ca_pem, "OTHER");
    remove_directory(directory);
}

static void a_named_file_must_be_there(void **state)
{
    (void)state;
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    char path[] = "/nonexistent/config";
    const struct connection_options options = { .kubeconfig = path };
    const struct connection_options none = { 0 };
    assert_fails(connection_find(&options, NULL, &connection, &err), &err, ERR_INVALID);
    assert_false(connection_find(&none, "/nonexistent/a:/nonexistent/b", &connection, &err));
    assert_contains(err_message(&err), "no file of KUBECONFIG=/nonexistent/a:/nonexistent/b exists");
}

/* ---- where a token may go ---- */

static const struct {
    const char *why, *server, *token;
    bool goes;
} servers[] = {
    { "TLS", "https://example.com", "t", true },
    { "no TLS to this host", "http://127.0.0.1:80", "t", true },
    { "no TLS to this host by name", "http://localhost:80/base", "t", true },
    { "no TLS to this host, IPv6", "http://[::1]:80", "t", true },
    { "no TLS to somewhere else", "http://example.com", "t", false },
    { "a name that begins like this host's", "http://localhost.example.com", "t", false },
    { "a name that begins like an address of this host", "http://127.0.0.1.example.com", "t", false },
    { "user information", "http://127.0.0.1@example.com", "t", false },
    { "no TLS, no token", "http://example.com", NULL, true },
    { "no URL", "example.com", "t", false },
};

static void guards_the_token(void **state)
{
    const __typeof__(servers[0]) *row = *state;
    CLEANUP(connection_release) struct connection connection = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *server = mem_strdup(row->server);
    CLEANUP(freep) char *token = mem_strdup(row->token);
    const struct connection_options options = { .server = server, .token = token };
    bool found = connection_find(&options, "/nonexistent/a", &connection, &err);
    assert_int_equal(found, row->goes);
    if (!found)
        assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, reads, rows);
    CHECK_ROWS(&list, guards_the_token, servers);
    CHECK_TEST(&list, files_stand_beside_it);
    CHECK_TEST(&list, the_first_that_exists_counts);
    CHECK_TEST(&list, options_override);
    CHECK_TEST(&list, a_named_file_must_be_there);
    return check_run("cli/kubeconfig", &list);
}
