/* A little HTTP server for tests that can behave badly: the path of a request says how. One thread per connection. */
#pragma once

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

struct server {
    int fd;
    char *base_url;
    char *unix_socket; /* NULL: TCP */
    pthread_t thread;
    volatile int stopping;
    volatile int connections; /* so far */
    volatile int open;        /* connections now */
    volatile int requests;    /* so far */
    /* Answers in place of the paths below; false: the connection ends. Connections come one after the other then. */
    bool (*script)(struct server *server, int fd, const char *request);
    void *context;
};

static inline void sleep_ms(int ms)
{
    const struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    nanosleep(&span, NULL);
}

static inline bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Until the head has ended; what was read of the body stays behind it. False: the client has gone. */
static inline bool read_head(int fd, struct str *request, size_t *ret_body_at)
{
    char buffer[4096];
    str_clear(request);
    for (;;) {
        const char *end = strstr(request->text, "\r\n\r\n");
        if (end) {
            *ret_body_at = (size_t)(end - request->text) + 4;
            return true;
        }
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got <= 0)
            return false;
        str_addn(request, buffer, (size_t)got);
    }
}

/* Reads on until `text` stands at the end of the request. */
static inline bool read_until(int fd, struct str *request, const char *text)
{
    char buffer[65536];
    while (!str_ends_with(request->text, text)) {
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got <= 0)
            return false;
        str_addn(request, buffer, (size_t)got);
    }
    return true;
}

static inline void answer(int fd, int status, const char *body)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    str_addf(&text, "HTTP/1.1 %d Some\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    say(fd, text.text);
}

/* Until the client goes or the server stops. */
static inline void stall(struct server *server, int fd)
{
    char byte;
    while (!__atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE) && recv(fd, &byte, 1, MSG_DONTWAIT) != 0)
        sleep_ms(5);
}

static inline void send_big_headers(int fd)
{
    CLEANUP(str_release) struct str line = STR_INIT;
    str_add(&line, "X-Fill: ");
    for (int i = 0; i < 1000; i++)
        str_add(&line, "0123456789");
    str_add(&line, "\r\n");
    say(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100 && say(fd, line.text); i++)
        ;
    say(fd, "Content-Length: 0\r\n\r\n");
}

static inline void drip(struct server *server, int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!__atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE) && say(fd, "x"))
        sleep_ms(10);
}

static inline void stream_lines(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        CLEANUP(freep) char *chunk = mem_printf("7\r\nline %d\n\r\n", i);
        say(fd, chunk);
        sleep_ms(5);
    }
    say(fd, "0\r\n\r\n");
}

static inline void echo(int fd, struct str *request, size_t body_at)
{
    if (strcasestr(request->text, "transfer-encoding: chunked")) {
        if (!read_until(fd, request, "0\r\n\r\n"))
            return;
    } else {
        const char *length = strcasestr(request->text, "content-length: ");
        size_t wanted = length ? strtoul(length + 16, NULL, 10) : 0;
        char byte;
        while (request->len < body_at + wanted && recv(fd, &byte, 1, 0) == 1)
            str_addn(request, &byte, 1);
    }
    answer(fd, 200, request->text);
}

static inline bool is_path(const struct str *request, const char *path)
{
    const char *blank = strchr(request->text, ' ');
    return blank && str_starts_with(blank + 1, path);
}

/* False: the connection ends. */
static inline bool behave(struct server *server, int fd, struct str *request, size_t body_at)
{
    if (server->script)
        return server->script(server, fd, request->text);
    if (is_path(request, "/ok"))
        return answer(fd, 200, "hello"), true;
    if (is_path(request, "/echo"))
        return echo(fd, request, body_at), true;
    if (is_path(request, "/status/"))
        return answer(fd, (int)strtol(strstr(request->text, "/status/") + 8, NULL, 10), "{\"message\": \"no\"}"), true;
    if (is_path(request, "/once"))
        return answer(fd, 200, "bye"), false; /* though it said nothing of closing */
    if (is_path(request, "/early"))
        return answer(fd, 404, "not wanted"), stall(server, fd), false;
    if (is_path(request, "/lines"))
        return stream_lines(fd), true;
    if (is_path(request, "/etag"))
        return say(
            fd,
            "HTTP/1.1 100 Continue\r\nETag: early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\neTag:  \"a b\" \r\n"
            "X-None:\r\nETag: second\r\n\r\nok");
    if (is_path(request, "/cut"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    else if (is_path(request, "/chunkcut"))
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    else if (is_path(request, "/chunkmid"))
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello");
    else if (is_path(request, "/garbage"))
        say(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    else if (is_path(request, "/badchunk"))
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n");
    else if (is_path(request, "/halfhead"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Le");
    else if (is_path(request, "/headers"))
        send_big_headers(fd);
    else if (is_path(request, "/drip"))
        drip(server, fd);
    else if (is_path(request, "/stall")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
        stall(server, fd);
    } else if (is_path(request, "/mute"))
        stall(server, fd);
    return false; /* everything else: closed without a word */
}

struct server_connection {
    struct server *server;
    int fd;
};

static inline void *serve(void *context)
{
    CLEANUP(freep) struct server_connection *connection = context;
    CLEANUP(str_release) struct str request = STR_INIT;
    size_t body_at;
    while (read_head(connection->fd, &request, &body_at) &&
           __atomic_add_fetch(&connection->server->requests, 1, __ATOMIC_RELAXED) &&
           behave(connection->server, connection->fd, &request, body_at))
        ;
    shutdown(connection->fd, SHUT_WR);
    close(connection->fd);
    __atomic_sub_fetch(&connection->server->open, 1, __ATOMIC_RELEASE);
    return NULL;
}

static inline void *accept_all(void *context)
{
    struct server *server = context;
    for (;;) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0 || __atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE)) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        pthread_t thread;
        struct server_connection *connection = MEM_NEW(struct server_connection);
        *connection = (struct server_connection){ server, fd };
        __atomic_add_fetch(&server->connections, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&server->open, 1, __ATOMIC_RELAXED);
        if (pthread_create(&thread, NULL, serve, connection) != 0)
            abort();
        pthread_detach(thread);
    }
}

static inline void server_begin(struct server *server)
{
    if (listen(server->fd, 512) != 0 || pthread_create(&server->thread, NULL, accept_all, server) != 0)
        abort();
}

static inline struct server *server_tcp(void)
{
    struct server *server = MEM_NEW(struct server);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    server->base_url = mem_printf("http://127.0.0.1:%d", ntohs(address.sin_port));
    server_begin(server);
    return server;
}

static inline struct server *server_unix(void)
{
    struct server *server = MEM_NEW(struct server);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    server->unix_socket = mem_printf("/tmp/tenantd-http-test-%d.sock", (int)getpid());
    server->base_url = mem_strdup("http://server");
    memcpy(address.sun_path, server->unix_socket, strlen(server->unix_socket) + 1);
    unlink(server->unix_socket);
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        abort();
    server_begin(server);
    return server;
}

static inline void server_free(struct server *server)
{
    __atomic_store_n(&server->stopping, 1, __ATOMIC_RELEASE);
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    while (__atomic_load_n(&server->open, __ATOMIC_ACQUIRE) > 0)
        sleep_ms(5);
    if (server->unix_socket)
        unlink(server->unix_socket);
    free(server->unix_socket);
    free(server->base_url);
    free(server);
}

static inline void server_freep(struct server **server)
{
    server_free(*server);
}
