/* Listening sockets from "host:port". */
#include "api/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "specs/wording.h"

#define BACKLOG 1024

bool address_split(const char *address, char **ret_host, char **ret_port, struct err *err)
{
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (!colon || !str_parse_int64(colon + 1, 0, 65535, &port)) {
        CLEANUP(freep) char *shown = quoted(address);
        return err_set(err, ERR_INVALID, "%s is no address to listen on; write host:port, for instance 127.0.0.1:7440",
                       shown);
    }
    const char *host = address;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    *ret_host = mem_strndup(host, len);
    *ret_port = mem_strdup(colon + 1);
    return true;
}

static void freeaddrinfop(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static bool bind_one(const struct addrinfo *info, const char *shown, int *ret_fd, struct err *err)
{
    CLEANUP(closep)
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd < 0)
        return err_set_errno(err, errno, "make a socket for %s", shown);
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return err_set_errno(err, errno, "set up the socket for %s", shown);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE)
            return err_set(err, ERR_CONFLICT, "%s is in use by another program", shown);
        int problem = errno;
        err_set_errno(err, problem, "listen on %s", shown);
        return err_set(err, ERR_INVALID, "%s", err_message(err));
    }
    *ret_fd = fd;
    fd = -1;
    return true;
}

static int port_of(int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return 0;
    if (bound.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

bool address_listen(const char *address, int *ret_fd, int *ret_port, struct err *err)
{
    CLEANUP(freep) char *host = NULL;
    CLEANUP(freep) char *port = NULL;
    CLEANUP(freeaddrinfop) struct addrinfo *list = NULL;
    if (!address_split(address, &host, &port, err))
        return false;
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (failed)
        return err_set(err, ERR_INVALID, "cannot listen on %s: %s", address, gai_strerror(failed));
    if (!bind_one(list, address, ret_fd, err))
        return false;
    *ret_port = port_of(*ret_fd);
    return true;
}
