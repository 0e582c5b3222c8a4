/* One HTTP listener. */
#include "api/listener.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/address.h"
#include "api/exchange.h"
#include "base/log.h"

/* TLS 1.2 and 1.3 with what GnuTLS thinks is good today. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct listener {
    struct listener_options options;
    struct MHD_Daemon *daemon;
    int port;
    struct exchange_context context;
    int64_t look_mono_ms; /* listener_tend()'s own */
    pthread_mutex_t lock; /* guards the list; each peer's time is atomic */
    struct peer *peers;
};

static void log_library(void *context, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void log_library(void *context, const char *fmt, va_list args)
{
    (void)context;
    CLEANUP(str_release) struct str line = STR_INIT;
    str_vaddf(&line, fmt, args);
    while (line.len > 0 && line.text[line.len - 1] == '\n')
        line.text[--line.len] = '\0';
    log_debug("http library", LOG_STR("message", line.text)); /* broken handshakes and the like: a client's trouble */
}

/* A host that vanished without a word is noticed by the kernel, also while its watch is suspended. */
static void set_keepalive(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, 60 },         { IPPROTO_TCP, TCP_KEEPINTVL, 20 },
        { IPPROTO_TCP, TCP_KEEPCNT, 3 }, { IPPROTO_TCP, TCP_USER_TIMEOUT, 120000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value)) != 0)
            log_debug("keepalive is not to be had", LOG_INT("option", options[i].name));
}

static void add_peer(struct listener *listener, struct peer *peer)
{
    pthread_mutex_lock(&listener->lock);
    peer->next = listener->peers;
    if (peer->next)
        peer->next->previous = peer;
    listener->peers = peer;
    pthread_mutex_unlock(&listener->lock);
}

static void remove_peer(struct listener *listener, struct peer *peer)
{
    pthread_mutex_lock(&listener->lock);
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        listener->peers = peer->next;
    if (peer->next)
        peer->next->previous = peer->previous;
    pthread_mutex_unlock(&listener->lock);
    free(peer);
}

/* On the listener's thread; a connection that ends still has its socket here. */
static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct listener *listener = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        remove_peer(listener, *socket_context);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = MEM_NEW(struct peer);
    peer->fd = info->connect_fd;
    peer->head_due_mono_ms = clock_mono_ms() + exchange_arrival_ms(&listener->context);
    set_keepalive(peer->fd);
    add_peer(listener, peer);
    *socket_context = peer;
}

static void cut_off_late(struct listener *listener, int64_t now_mono_ms)
{
    pthread_mutex_lock(&listener->lock);
    for (struct peer *peer = listener->peers; peer; peer = peer->next)
        if (__atomic_load_n(&peer->head_due_mono_ms, __ATOMIC_RELAXED) < now_mono_ms)
            shutdown(peer->fd, SHUT_RDWR); /* its thread sees the end, and closes it */
    pthread_mutex_unlock(&listener->lock);
}

int64_t listener_tend(struct listener *listener, int64_t now_mono_ms)
{
    if (!listener)
        return INT64_MAX;
    if (now_mono_ms < listener->look_mono_ms)
        return listener->look_mono_ms;
    listener->look_mono_ms = now_mono_ms + exchange_arrival_ms(&listener->context) / 8;
    cut_off_late(listener, now_mono_ms);
    return listener->look_mono_ms;
}

static bool start_daemon(struct listener *listener, int fd, struct err *err)
{
    const struct listener_options *options = &listener->options;
    bool is_encrypted = options->certificate_pem != NULL;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate_pem },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key_pem },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (is_encrypted ? MHD_USE_TLS : 0);
    unsigned idle_s = (unsigned)((options->limits->idle_timeout_ms + 999) / 1000);
    listener->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_handle, &listener->context,
        /* The logger first: it hears what the other options complain about. */
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_begin, &listener->context, MHD_OPTION_NOTIFY_COMPLETED, exchange_complete, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, listener, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        /* Headers and chunks of a body are read into this much; longer headers are answered 431. */
        (size_t)options->limits->head_bytes, MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->limits->max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_ARRAY, is_encrypted ? tls : none, MHD_OPTION_END);
    if (listener->daemon)
        return true;
    return err_set(err, ERR_INVALID, "cannot serve %s: %s", options->address,
                   is_encrypted ? "the TLS certificate or its key cannot be used" : "libmicrohttpd refuses");
}

static void release(struct listener *listener)
{
    exchange_context_release(&listener->context);
    pthread_mutex_destroy(&listener->lock);
    free(listener);
}

bool listener_start(const struct listener_options *options, struct listener **ret_listener, struct err *err)
{
    CLEANUP(closep) int fd = -1;
    struct listener *listener = MEM_NEW(struct listener);
    listener->options = *options;
    pthread_mutex_init(&listener->lock, NULL);
    exchange_context_init(&listener->context, options->workers, options->health, options->limits,
                          options->certificate_pem != NULL);
    if (!address_listen(options->address, &fd, &listener->port, err) || !start_daemon(listener, fd, err)) {
        release(listener);
        return false;
    }
    fd = -1; /* libmicrohttpd's now */
    *ret_listener = listener;
    return true;
}

int listener_port(const struct listener *listener)
{
    return listener ? listener->port : 0;
}

void listener_drain(struct listener *listener)
{
    if (listener)
        exchange_drain(&listener->context);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    MHD_stop_daemon(listener->daemon);
    release(listener);
}
