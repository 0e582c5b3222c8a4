/* The embedded cluster's port and its three configuration files. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "clients/postgres/cluster_internal.h"

#define FILE_LIMIT ((size_t)64 << 10)

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool address_parse(const char *text, int port, union address *ret, socklen_t *ret_len)
{
    union address address = { 0 };
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons((uint16_t)port);
        *ret_len = sizeof(address.v4);
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(address.v6);
    } else {
        return false;
    }
    *ret = address;
    return true;
}

bool cluster_listen(const struct cluster_options *options, struct strv *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv wanted = STRV_INIT;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_add(&list, "127.0.0.1");
    strv_split(&wanted, options->listen ? options->listen : "", ',');
    for (size_t i = 0; i < wanted.count; i++) {
        union address address;
        socklen_t len;
        if (!address_parse(wanted.items[i], 0, &address, &len))
            return err_set(err, ERR_INVALID, "\"%s\" is no address to listen on; try 172.17.0.1", wanted.items[i]);
        if (!strv_has(&list, wanted.items[i]))
            strv_add(&list, wanted.items[i]);
    }
    strv_release(ret);
    *ret = list;
    list = (struct strv)STRV_INIT;
    return true;
}

static bool network_check(const char *allow, struct err *err)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    union address address;
    socklen_t len;
    int64_t bits;
    strv_split(&parts, allow, '/');
    if (parts.count == 2 && address_parse(parts.items[0], 0, &address, &len) &&
        str_parse_int64(parts.items[1], 0, address.any.sa_family == AF_INET ? 32 : 128, &bits))
        return true;
    return err_set(err, ERR_INVALID, "\"%s\" is no network to let in; try 10.213.0.0/16", allow);
}

bool cluster_options_check(const struct cluster_options *options, struct err *err)
{
    CLEANUP(strv_release) struct strv addresses = STRV_INIT;
    if (options->port < 0 || options->port > 65535)
        return err_set(err, ERR_INVALID, "%d is no port", options->port);
    return cluster_listen(options, &addresses, err) && (!options->allow || network_check(options->allow, err));
}

bool cluster_port_look(const char *text, int port, enum port_state *ret, struct err *err)
{
    union address address;
    socklen_t len;
    int on = 1; /* as PostgreSQL does: what is only being closed is no hindrance */
    if (!address_parse(text, port, &address, &len))
        return err_set(err, ERR_INVALID, "\"%s\" is no address", text);
    CLEANUP(closep) int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return err_set_errno(err, errno, "make a socket");
    if (bind(fd, &address.any, len) == 0)
        *ret = PORT_FREE;
    else if (errno == EADDRINUSE)
        *ret = PORT_TAKEN;
    else if (errno == EADDRNOTAVAIL)
        *ret = PORT_NO_ADDRESS;
    else
        return err_set_errno(err, errno, "bind to port %d of %s", port, text);
    return true;
}

bool cluster_port_is_free(const struct cluster_options *options, int port, struct err *err)
{
    CLEANUP(strv_release) struct strv addresses = STRV_INIT;
    if (!cluster_listen(options, &addresses, err))
        return false;
    for (size_t i = 0; i < addresses.count; i++) {
        enum port_state state;
        if (!cluster_port_look(addresses.items[i], port, &state, err))
            return false;
        if (state == PORT_TAKEN)
            return err_set(err, ERR_CONFLICT, "port %d of %s, for PostgreSQL, belongs to another program", port,
                           addresses.items[i]);
    }
    return true;
}

/* Begins at a place that depends on the directory, so that two clusters made at once do not meet at one port. */
static bool choose_port(const struct cluster_place *place, const struct cluster_options *options, int *ret,
                        struct err *err)
{
    int count = CLUSTER_PORT_MAX - CLUSTER_PORT_MIN + 1;
    int start = (int)(strtoul(place->hash, NULL, 16) % (unsigned long)count);
    for (int i = 0; i < count; i++) {
        CLEANUP(err_release) struct err why = ERR_INIT;
        int port = CLUSTER_PORT_MIN + (start + i) % count;
        if (cluster_port_is_free(options, port, &why)) {
            *ret = port;
            return true;
        }
        if (why.code != ERR_CONFLICT) {
            err_move(err, &why);
            return false;
        }
    }
    return err_set(err, ERR_CONFLICT, "no port of %d-%d is free for PostgreSQL", CLUSTER_PORT_MIN, CLUSTER_PORT_MAX);
}

bool cluster_port(const struct cluster_place *place, const struct cluster_options *options, int *ret_port,
                  struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/postgres.port", place->data);
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err why = ERR_INIT;
    int64_t stored = 0;
    if (file_read(path, 64, &text, &why)) {
        text.text[strcspn(text.text, "\n")] = '\0';
        if (!str_parse_int64(text.text, 1, 65535, &stored))
            return err_set(err, ERR_INVALID, "%s does not hold a port; remove it to choose a new one", path);
    } else if (why.code != ERR_NOT_FOUND) {
        err_move(err, &why);
        return false;
    }
    int port = options->port ? options->port : (int)stored;
    if (port == 0 && !choose_port(place, options, &port, err))
        return false;
    CLEANUP(freep) char *line = mem_printf("%d\n", port);
    if (port != stored && !file_write(path, line, strlen(line), 0644, err))
        return false;
    *ret_port = port;
    return true;
}

static void add_setting(struct str *conf, const char *name, const char *value)
{
    str_addf(conf, "%s = ", name);
    str_addc(conf, '\'');
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            str_addc(conf, *value);
        str_addc(conf, *value);
    }
    str_add(conf, "'\n");
}

static bool add_postgresql_conf(struct str *conf, const struct cluster_place *place,
                                const struct cluster_options *options, int port, struct err *err)
{
    static const char *const fixed[][2] = {
        { "max_connections", "1000" },
        { "superuser_reserved_connections", "5" },
        { "password_encryption", "scram-sha-256" },
        { "fsync", "on" },
        { "synchronous_commit", "on" },
        { "full_page_writes", "on" },
        { "logging_collector", "on" },
        { "log_directory", "log" },
        { "log_filename", "postgresql-%a.log" }, /* a week of logs */
        { "log_rotation_age", "1d" },
        { "log_rotation_size", "0" },
        { "log_truncate_on_rotation", "on" },
        { "log_file_mode", "0600" },
        { "log_line_prefix", "%m [%p] %u@%d " },
        { "log_statement", "none" },
        { "log_timezone", "UTC" },
        { "timezone", "UTC" },
        { "lc_messages", "C.UTF-8" },
    };
    CLEANUP(strv_release) struct strv addresses = STRV_INIT;
    if (!cluster_listen(options, &addresses, err))
        return false;
    CLEANUP(freep) char *listen = strv_join(&addresses, ",");
    CLEANUP(freep) char *port_text = mem_printf("%d", port);
    str_add(conf, "# Written by tenantd at each start. Your own settings: ALTER SYSTEM SET ..., which wins over this "
                  "file.\n");
    add_setting(conf, "listen_addresses", listen);
    add_setting(conf, "port", port_text);
    add_setting(conf, "unix_socket_directories", place->sockets);
    add_setting(conf, "unix_socket_permissions", "0700");
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        add_setting(conf, fixed[i][0], fixed[i][1]);
    return true;
}

/*
 * The superuser comes in over the unix socket only, as root or as the cluster's owner. From containers nobody comes
 * in as the connection role, which is a member of every tenant's role, or to the database with the records.
 */
static void add_hba_conf(struct str *hba, const char *allow)
{
    str_add(hba, "# Written by tenantd at each start.\n"
                 "local all " CLUSTER_SUPERUSER " peer map=tenantd\n"
                 "host all " CLUSTER_SUPERUSER " all reject\n"
                 "host all all 127.0.0.1/32 scram-sha-256\n");
    if (!allow)
        return;
    str_addf(hba, "host all tenantd %s reject\n", allow);
    str_addf(hba, "host tenantd all %s reject\n", allow);
    str_addf(hba, "host all all %s scram-sha-256\n", allow);
}

static void add_ident_conf(struct str *ident, const struct cluster_place *place)
{
    str_add(ident, "# Written by tenantd at each start.\n"
                   "tenantd root " CLUSTER_SUPERUSER "\n");
    str_addf(ident, "tenantd \"%s\" " CLUSTER_SUPERUSER "\n", place->user);
}

static bool write_file(const struct cluster_place *place, const char *name, const struct str *text, bool *changed,
                       struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", place->directory, name);
    CLEANUP(str_release) struct str old = STR_INIT;
    bool same =
        file_read(path, FILE_LIMIT, &old, NULL) && old.len == text->len && memcmp(old.text, text->text, text->len) == 0;
    if (!same && !file_write(path, text->text, text->len, 0600, err))
        return false;
    /* Also where it is the same: a start may have been killed between the two. */
    if (geteuid() == 0 && lchown(path, place->uid, place->gid) != 0)
        return err_set_errno(err, errno, "give %s to %s", path, place->user);
    *changed = *changed || !same;
    return true;
}

bool cluster_config_write(const struct cluster_place *place, const struct cluster_options *options, int port,
                          bool *ret_changed, struct err *err)
{
    CLEANUP(str_release) struct str conf = STR_INIT;
    CLEANUP(str_release) struct str hba = STR_INIT;
    CLEANUP(str_release) struct str ident = STR_INIT;
    bool changed = false;
    if (!add_postgresql_conf(&conf, place, options, port, err))
        return false;
    add_hba_conf(&hba, options->allow);
    add_ident_conf(&ident, place);
    if (!write_file(place, "postgresql.conf", &conf, &changed, err) ||
        !write_file(place, "pg_hba.conf", &hba, &changed, err) ||
        !write_file(place, "pg_ident.conf", &ident, &changed, err))
        return err_wrap(err, "configure PostgreSQL");
    *ret_changed = changed;
    return true;
}
