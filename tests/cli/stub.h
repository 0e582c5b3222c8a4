/* A little API server for tests: rows say what is answered to what; what was asked is kept. One thread per connection. */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

struct stub_row {
    const char *request; /* "GET /apis/tenantd/v1/apps/odoo", without its query */
    const char *query;   /* must stand in the query; NULL: no matter */
    int status;
    const char *body;
    int times;   /* it answers so often; 0: always */
    int hold_ms; /* the connection stays open so long after the body, as a watch's does */
};

#define STUB_CONNECTIONS_MAX 64

struct stub {
    int fd;
    char *url;
    const struct stub_row *rows;
    size_t row_count;
    pthread_t thread;
    pthread_t connections[STUB_CONNECTIONS_MAX];
    size_t connection_count;
    pthread_mutex_t lock;
    int used[64];         /* per row */
    struct strv requests; /* "PATCH /apis/...?query" */
    struct strv bodies;   /* of the same */
    struct strv heads;
    volatile int stopping;
};

struct stub_connection {
    struct stub *stub;
    int fd;
};

static inline bool stub_row_fits(const struct stub *stub, size_t at, const char *request)
{
    const struct stub_row *row = &stub->rows[at];
    size_t len = strcspn(request, "?");
    if (strlen(row->request) != len || strncmp(row->request, request, len) != 0)
        return false;
    if (row->query && !strstr(request + len, row->query))
        return false;
    return row->times == 0 || stub->used[at] < row->times;
}

static inline struct stub_row stub_find(struct stub *stub, const char *request)
{
    struct stub_row found = { .status = 404,
                              .body = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404,"
                                      "\"message\":\"no such row\"}" };
    for (size_t i = 0; i < stub->row_count; i++)
        if (stub_row_fits(stub, i, request)) {
            stub->used[i]++;
            found = stub->rows[i];
            break;
        }
    return found;
}

static inline void stub_say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

static inline void stub_hold(struct stub *stub, int ms)
{
    const struct timespec step = { .tv_nsec = 5 * 1000 * 1000 };
    for (int left = ms; left > 0 && !__atomic_load_n(&stub->stopping, __ATOMIC_ACQUIRE); left -= 5)
        nanosleep(&step, NULL);
}

/* Reads one request into `text`; false: the client has gone. */
static inline bool stub_read(int fd, struct str *text, size_t *ret_body_at)
{
    char byte;
    size_t wanted = 0;
    str_clear(text);
    while (!str_ends_with(text->text, "\r\n\r\n")) {
        if (recv(fd, &byte, 1, 0) != 1)
            return false;
        str_addc(text, byte);
    }
    *ret_body_at = text->len;
    const char *length = strcasestr(text->text, "content-length: ");
    if (length)
        wanted = strtoul(length + strlen("content-length: "), NULL, 10);
    while (text->len < *ret_body_at + wanted) {
        if (recv(fd, &byte, 1, 0) != 1)
            return false;
        str_addc(text, byte);
    }
    return true;
}

static inline void *stub_connection_main(void *context)
{
    struct stub_connection *connection = context;
    struct stub *stub = connection->stub;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(str_release) struct str answer = STR_INIT;
    size_t body_at;
    if (stub_read(connection->fd, &text, &body_at)) {
        size_t method_len = strcspn(text.text, " ");
        size_t len = method_len + 1 + strcspn(text.text + method_len + 1, " ");
        CLEANUP(freep) char *request = mem_strndup(text.text, len);
        pthread_mutex_lock(&stub->lock);
        strv_add(&stub->requests, request);
        strv_add(&stub->bodies, text.text + body_at);
        strv_add(&stub->heads, text.text);
        struct stub_row row = stub_find(stub, request);
        pthread_mutex_unlock(&stub->lock);
        /* Without a length: the end of the connection is the end of the body. */
        str_addf(&answer, "HTTP/1.1 %d Some\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n%s",
                 row.status, row.body);
        stub_say(connection->fd, answer.text);
        stub_hold(stub, row.hold_ms);
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

static inline void *stub_main(void *context)
{
    struct stub *stub = context;
    for (;;) {
        int fd = accept(stub->fd, NULL, NULL);
        if (fd < 0 || __atomic_load_n(&stub->stopping, __ATOMIC_ACQUIRE) ||
            stub->connection_count == STUB_CONNECTIONS_MAX) {
            closep(&fd);
            return NULL;
        }
        struct stub_connection *connection = MEM_NEW(struct stub_connection);
        *connection = (struct stub_connection){ .stub = stub, .fd = fd };
        if (pthread_create(&stub->connections[stub->connection_count], NULL, stub_connection_main, connection) != 0)
            abort();
        stub->connection_count++;
    }
}

static inline void stub_start(struct stub *stub, const struct stub_row *rows, size_t count)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    *stub = (struct stub){ .rows = rows, .row_count = count };
    pthread_mutex_init(&stub->lock, NULL);
    stub->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(stub->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(stub->fd, 32) != 0 ||
        getsockname(stub->fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    stub->url = mem_printf("http://127.0.0.1:%d", ntohs(address.sin_port));
    if (pthread_create(&stub->thread, NULL, stub_main, stub) != 0)
        abort();
}

static inline void stub_stop(struct stub *stub)
{
    __atomic_store_n(&stub->stopping, 1, __ATOMIC_RELEASE);
    shutdown(stub->fd, SHUT_RDWR);
    pthread_join(stub->thread, NULL);
    for (size_t i = 0; i < stub->connection_count; i++)
        pthread_join(stub->connections[i], NULL);
    close(stub->fd);
    free(stub->url);
    strv_release(&stub->requests);
    strv_release(&stub->bodies);
    strv_release(&stub->heads);
    pthread_mutex_destroy(&stub->lock);
}

/* How many requests began so. */
static inline size_t stub_count(struct stub *stub, const char *beginning)
{
    size_t count = 0;
    pthread_mutex_lock(&stub->lock);
    for (size_t i = 0; i < stub->requests.count; i++)
        count += str_starts_with(stub->requests.items[i], beginning);
    pthread_mutex_unlock(&stub->lock);
    return count;
}

/* The body of the first request that began so; borrowed, NULL: there was none. */
static inline const char *stub_body(struct stub *stub, const char *beginning)
{
    for (size_t i = 0; i < stub->requests.count; i++)
        if (str_starts_with(stub->requests.items[i], beginning))
            return stub->bodies.items[i];
    return NULL;
}
