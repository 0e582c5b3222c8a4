/* TLS of the HTTP client, against openssl's own server: whom it trusts, and how it shows who it is. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "clients/http/http.h"
#include "tests/check.h"

extern char **environ;

struct fixture {
    char *directory;
    char *server_cert, *server_key; /* for localhost and 127.0.0.1, signed by itself */
    char *client_cert, *client_key;
    char *server_pem;
    char *base_url;
    pid_t server;
};

static void make_pair(const struct fixture *fixture, const char *name, char **ret_cert, char **ret_key)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    *ret_cert = mem_printf("%s/%s.pem", fixture->directory, name);
    *ret_key = mem_printf("%s/%s.key", fixture->directory, name);
    const char *const argv[] = { "openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-days",
                                 "1",
                                 "-subj",
                                 "/CN=localhost",
                                 "-addext",
                                 "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                 "-out",
                                 *ret_cert,
                                 "-keyout",
                                 *ret_key,
                                 NULL };
    const struct process process = { .argv = argv };
    assert_ok(process_run(&process, NULL, NULL, &err), &err);
}

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* With `demanded` a client must show that certificate. */
static void start_server(struct fixture *fixture, const char *demanded)
{
    CLEANUP(freep) char *address = mem_printf("127.0.0.1:%d", free_port());
    const char *const argv[] = { "openssl",
                                 "s_server",
                                 "-quiet",
                                 "-www",
                                 "-accept",
                                 address,
                                 "-cert",
                                 fixture->server_cert,
                                 "-key",
                                 fixture->server_key,
                                 demanded ? "-Verify" : NULL,
                                 "1",
                                 "-CAfile",
                                 demanded,
                                 "-verify_return_error",
                                 NULL };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawnp(&fixture->server, "openssl", &actions, NULL, (char *const *)(uintptr_t)argv, environ),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    free(fixture->base_url);
    fixture->base_url = mem_printf("https://%s", address);
}

static void stop_server(struct fixture *fixture)
{
    if (fixture->server > 0) {
        kill(fixture->server, SIGKILL);
        waitpid(fixture->server, NULL, 0);
    }
    fixture->server = 0;
}

static int setup(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str pem = STR_INIT;
    struct fixture *fixture = MEM_NEW(struct fixture);
    *state = fixture;
    fixture->directory = mem_printf("/tmp/tenantd-tls-test-%d", (int)getpid());
    assert_ok(dir_make(fixture->directory, 0700, &err), &err);
    make_pair(fixture, "server", &fixture->server_cert, &fixture->server_key);
    make_pair(fixture, "client", &fixture->client_cert, &fixture->client_key);
    assert_ok(file_read(fixture->server_cert, 1 << 20, &pem, &err), &err);
    fixture->server_pem = str_steal(&pem);
    return 0;
}

static int teardown(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct fixture *fixture = *state;
    stop_server(fixture);
    if (!dir_remove(fixture->directory, &err))
        print_error("%s\n", err_message(&err));
    free(fixture->directory);
    free(fixture->server_cert);
    free(fixture->server_key);
    free(fixture->client_cert);
    free(fixture->client_key);
    free(fixture->server_pem);
    free(fixture->base_url);
    free(fixture);
    return 0;
}

/* True when an answer came; the server needs a moment until it listens. */
static bool ask(const struct http_target *target, struct err *err)
{
    CLEANUP(http_freep) struct http *http = http_new(target);
    const struct http_request request = { .method = "GET", .path = "/" };
    for (int64_t until_ms = clock_mono_ms() + 5000;;) {
        CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
        struct call call = call_within(NULL, 5000);
        err_clear(err);
        if (http_send(http, &request, &call, &reply, err))
            return reply.status == 200 || err_set(err, ERR_REMOTE, "status %d", reply.status);
        if (!strstr(err_message(err), "connect to") || clock_mono_ms() > until_ms)
            return false;
        usleep(20000);
    }
}

static void trust(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_server(fixture, NULL);
    CLEANUP(freep) char *by_wrong_name = mem_printf("https://[::ffff:127.0.0.1]%s", strrchr(fixture->base_url, ':'));
    CLEANUP(freep) char *by_name = mem_printf("https://localhost%s", strrchr(fixture->base_url, ':'));
    const struct {
        const char *why;
        struct http_target target;
        bool trusted;
    } rows[] = {
        { "its certificate in a file", { .base_url = fixture->base_url, .ca_file = fixture->server_cert }, true },
        { "its certificate as text", { .base_url = fixture->base_url, .ca_pem = fixture->server_pem }, true },
        { "its other name", { .base_url = by_name, .ca_pem = fixture->server_pem }, true },
        { "a name that is not in it", { .base_url = by_wrong_name, .ca_pem = fixture->server_pem }, false },
        { "nobody knows it", { .base_url = fixture->base_url }, false },
        { "another one's certificate", { .base_url = fixture->base_url, .ca_file = fixture->client_cert }, false },
        { "all are trusted", { .base_url = fixture->base_url, .skip_verify = true }, true },
        { "no such file", { .base_url = fixture->base_url, .ca_file = "/nonexistent.pem" }, false },
        { "no certificate in the text", { .base_url = fixture->base_url, .ca_pem = "nonsense" }, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool trusted = ask(&rows[i].target, &err);
        if (trusted != rows[i].trusted || (!trusted && err.code != ERR_UNREACHABLE))
            fail_msg("%s: %s", rows[i].why, err_message(&err));
    }
    stop_server(fixture);
}

static void client_certificates(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    start_server(fixture, fixture->client_cert);
    struct http_target target = { .base_url = fixture->base_url,
                                  .ca_file = fixture->server_cert,
                                  .cert_file = fixture->client_cert,
                                  .key_file = fixture->client_key };
    assert_ok(ask(&target, &err), &err);
    target.cert_file = target.key_file = NULL;
    assert_fails(ask(&target, &err), &err, ERR_UNREACHABLE);
    target.cert_file = fixture->server_cert;
    target.key_file = fixture->server_key;
    assert_fails(ask(&target, &err), &err, ERR_UNREACHABLE);
    target.key_file = fixture->client_key; /* which does not belong to it */
    assert_fails(ask(&target, &err), &err, ERR_UNREACHABLE);
    stop_server(fixture);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, trust);
    CHECK_TEST(&list, client_certificates);
    int failed = _cmocka_run_group_tests("http_tls", list.tests, list.count, setup, teardown);
    free(list.tests);
    return failed;
}
