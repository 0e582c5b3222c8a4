/* The daemon's configuration: its table, and the rules of its values. */
#include "specs/config.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "specs/check.h"
#include "specs/config_internal.h"
#include "specs/wording.h"

#define SUBNET_LENGTH_MAX 29 /* a network, a gateway, a broadcast and five containers */

static void complain(struct problems *problems, const char *path, const char *text, const char *why)
{
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static void check_address(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* the shape is the same wherever it stands, as for the others here */
    const char *text = *(char *const *)value;
    if (!is_address(text))
        complain(problems, path, text, "is not an IP address like 127.0.0.1");
}

/* "127.0.0.1:7440", "[::1]:7440". Names are not resolved: what they mean may change between two starts. */
static void check_listen(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    CLEANUP(freep) char *host = NULL;
    if (text[0] == '[' && colon && colon > text + 1 && colon[-1] == ']')
        host = mem_strndup(text + 1, (size_t)(colon - text) - 2);
    else if (colon && !memchr(text, ':', (size_t)(colon - text)))
        host = mem_strndup(text, (size_t)(colon - text));
    if (!host || !is_address(host) || !str_parse_int64(colon + 1, 0, 65535, &port))
        complain(problems, path, text, "is not an address like 127.0.0.1:7440 or [::1]:7440");
}

static void check_prefix(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (!is_dns_label(text) || strlen(text) > 20 || text[0] < 'a')
        complain(problems, path, text, "is not a prefix; use a-z, 0-9 and -, a letter first, at most 20 characters");
}

/* The two numbers of "20000-29999"; false when it is something else. */
static bool read_range(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    const char *dash = strchr(text, '-');
    CLEANUP(freep) char *first = dash ? mem_strndup(text, (size_t)(dash - text)) : NULL;
    return first && str_parse_int64(first, 1024, 65535, ret_first) &&
           str_parse_int64(dash + 1, 1024, 65535, ret_last) && *ret_first <= *ret_last;
}

static void check_range(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    int64_t first, last;
    if (!read_range(text, &first, &last))
        complain(problems, path, text, "is not a range of ports from 1024 to 65535, like 20000-29999");
}

/* The length of an IPv4 network like 10.213.0.0/16; -1 when it is something else. */
static int64_t pool_length(const char *text)
{
    const char *slash = strchr(text, '/');
    CLEANUP(freep) char *host = slash ? mem_strndup(text, (size_t)(slash - text)) : NULL;
    struct in_addr address;
    int64_t length = 0;
    if (!host || inet_pton(AF_INET, host, &address) != 1 || !str_parse_int64(slash + 1, 8, SUBNET_LENGTH_MAX, &length))
        return -1;
    uint32_t host_bits = UINT32_MAX >> length;
    return (ntohl(address.s_addr) & host_bits) == 0 ? length : -1;
}

static void check_pool(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (pool_length(text) < 0)
        complain(problems, path, text, "is not an IPv4 network like 10.213.0.0/16 (of /8 to /29, without host bits)");
}

static void check_docker_host(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (!str_starts_with(text, "unix:///") && !str_starts_with(text, "tcp://"))
        complain(problems, path, text, "is not an engine like unix:///var/run/docker.sock or tcp://10.0.0.5:2376");
}

static void check_postgres_url(const struct field *field, const void *value, const char *path,
                               struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    /* The URL is not shown: it may hold a password. */
    if (!str_starts_with(text, "postgres://") && !str_starts_with(text, "postgresql://"))
        problems_add(problems, PROBLEM_INVALID, path, "is not a URL like postgres://tenantd@db.example:5432/tenantd");
}

void config_check(const struct config *config, struct problems *problems)
{
    int64_t length = config->network.pool ? pool_length(config->network.pool) : -1;
    if (length >= 0 && length > config->network.prefix_length)
        problems_add(problems, PROBLEM_INVALID, "network.prefixLength", "%lld is a larger network than the pool %s",
                     (long long)config->network.prefix_length, config->network.pool);
    if (config->controller.backoff_first_ms > config->controller.backoff_max_ms)
        problems_add(problems, PROBLEM_INVALID, "controller.backoffFirst", "is longer than controller.backoffMax");
    /* Its session is ended by the server after twice the hold; then the new one waits. */
    if (config->leader.take_over_ms < 2 * config->leader.hold_ms)
        problems_add(problems, PROBLEM_INVALID, "leader.takeOver", "is shorter than twice leader.hold");
    if (!config->listen.certificate != !config->listen.key)
        problems_add(problems, PROBLEM_INVALID, "listen.certificate",
                     "certificate and key are given together or not at all");
    config_backup_check(&config->backup, problems);
}

/* ---- the table ---- */

static const char *const level_words[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error", NULL
};
static const char *const format_words[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };

static const struct field listen_fields[] = {
    { "address", FIELD_TEXT, offsetof(struct config_listen, address), .fallback = "127.0.0.1:7440",
      .check = check_listen, .doc = "Address of the API, with TLS." },
    { "plain", FIELD_TEXT, offsetof(struct config_listen, plain), .example = "127.0.0.1:7441", .check = check_listen,
      .doc = "A second address without TLS; absent: none." },
    { "certificate", FIELD_TEXT, offsetof(struct config_listen, certificate), .example = "/etc/tenantd/tls.crt",
      .check = check_file_path, .doc = "Certificate chain, PEM; absent: one is made." },
    { "key", FIELD_TEXT, offsetof(struct config_listen, key), .example = "/etc/tenantd/tls.key",
      .check = check_file_path, .doc = "Its private key, PEM." },
    { "threads", FIELD_INT, offsetof(struct config_listen, threads), .fallback = "8", .min = 1, .max = 256,
      .doc = "Requests that are worked on at a time." },
    { "maxConnections", FIELD_INT, offsetof(struct config_listen, max_connections), .fallback = "4096", .min = 1,
      .max = 100000, .doc = "Connections that are kept open at a time." },
    { "maxBody", FIELD_BYTES, offsetof(struct config_listen, max_body_bytes), .fallback = "3Mi", .min = 1024,
      .max = 64 * 1024 * 1024, .doc = "Largest body of a request." },
    { "idleTimeout", FIELD_DURATION, offsetof(struct config_listen, idle_timeout_ms), .fallback = "60s",
      .min = SECOND_MS, .max = HOUR_MS, .doc = "How long a silent connection is kept." },
    { "maxHead", FIELD_BYTES, offsetof(struct config_listen, head_bytes), .fallback = "32Ki", .min = 4096,
      .max = 1024 * 1024, .doc = "Memory of a connection: a request's line and headers must fit into it." },
    { "watchBuffer", FIELD_BYTES, offsetof(struct config_listen, watch_buffer_bytes), .fallback = "256Ki",
      .min = 16 * 1024, .max = 256 * 1024 * 1024,
      .doc = "What the reader of a watch may leave unread; the watch stands still then, and is dropped when nothing is "
             "read for idleTimeout." },
    { NULL },
};

static const struct field docker_fields[] = {
    { "host", FIELD_TEXT, offsetof(struct config_docker, host), .example = "unix:///var/run/docker.sock",
      .check = check_docker_host, .doc = "The engine; absent: DOCKER_HOST, else unix:///var/run/docker.sock." },
    { "timeout", FIELD_DURATION, offsetof(struct config_docker, timeout_ms), .fallback = "30s", .min = SECOND_MS,
      .max = HOUR_MS, .doc = "Deadline of a call to the engine." },
    { NULL },
};

static const struct field network_fields[] = {
    { "pool", FIELD_TEXT, offsetof(struct config_network, pool), .fallback = "10.213.0.0/16", .check = check_pool,
      .doc = "Network from which each tenant gets a subnet." },
    { "prefixLength", FIELD_INT, offsetof(struct config_network, prefix_length), .fallback = "26", .min = 8,
      .max = SUBNET_LENGTH_MAX, .doc = "Length of a tenant's subnet." },
    { NULL },
};

static const struct field publish_fields[] = {
    { "address", FIELD_TEXT, offsetof(struct config_publish, address), .fallback = "127.0.0.1", .check = check_address,
      .doc = "Address of the host on which published ports listen." },
    { "range", FIELD_TEXT, offsetof(struct config_publish, range), .fallback = "20000-29999", .check = check_range,
      .doc = "Ports that `publish: auto` chooses from." },
    { NULL },
};

static const struct field proxy_fields[] = {
    { "container", FIELD_TEXT, offsetof(struct config_proxy, container), .example = "traefik", .check = check_word,
      .doc = "Container of the reverse proxy; it is connected to each tenant's network." },
    { "entrypoints", FIELD_TEXT, offsetof(struct config_proxy, entrypoints), .example = "websecure",
      .check = check_word, .doc = "Traefik's entrypoints for the domains." },
    { "certResolver", FIELD_TEXT, offsetof(struct config_proxy, cert_resolver), .example = "letsencrypt",
      .check = check_word, .doc = "Traefik's certificate resolver." },
    { NULL },
};

static const struct field postgres_fields[] = {
    { "url", FIELD_TEXT, offsetof(struct config_postgres, url), FIELD_SECRET, .check = check_postgres_url,
      .example = "postgres://tenantd:PASSWORD@db.example:5432/tenantd",
      .doc = "The database server; absent: an own cluster under the data directory." },
    { "port", FIELD_INT, offsetof(struct config_postgres, port), .fallback = "0", .min = 0, .max = 65535,
      .doc = "Port of the own cluster; 0: chosen once." },
    { "hostForContainers", FIELD_TEXT, offsetof(struct config_postgres, host_for_containers), .example = "10.0.0.9",
      .check = check_word, .doc = "The server as containers reach it; absent: the URL's host, or the own cluster's." },
    { "connectionLimit", FIELD_INT, offsetof(struct config_postgres, connection_limit), .fallback = "32", .min = 1,
      .max = 10000, .doc = "Connections that an instance's role may open." },
    { NULL },
};

static const struct field registry_fields[] = {
    { "server", FIELD_TEXT, offsetof(struct config_registry, server), FIELD_REQUIRED, .example = "registry.example.com",
      .check = check_word, .doc = "Name of the registry, as images begin with it." },
    { "username", FIELD_TEXT, offsetof(struct config_registry, username), FIELD_REQUIRED, .doc = "User." },
    { "password", FIELD_TEXT, offsetof(struct config_registry, password), FIELD_REQUIRED | FIELD_SECRET,
      .doc = "Password or token." },
    { NULL },
};

static const struct field controller_fields[] = {
    { "workers", FIELD_INT, offsetof(struct config_controller, workers), .fallback = "8", .min = 1, .max = 256,
      .doc = "Records that are worked on at a time." },
    { "longWorkers", FIELD_INT, offsetof(struct config_controller, long_workers), .fallback = "4", .min = 1, .max = 256,
      .doc = "Long works at a time: image pull, init, upgrade." },
    { "resync", FIELD_DURATION, offsetof(struct config_controller, resync_ms), .fallback = "30s", .min = SECOND_MS,
      .max = DAY_MS, .doc = "How often everything is looked at again." },
    { "inspect", FIELD_DURATION, offsetof(struct config_controller, inspect_ms), .fallback = "10m", .min = SECOND_MS,
      .max = 24 * HOUR_MS,
      .doc = "Within which time each container is inspected, and the App's files in it compared, without news of it." },
    { "backoffFirst", FIELD_DURATION, offsetof(struct config_controller, backoff_first_ms), .fallback = "1s", .min = 10,
      .max = HOUR_MS, .doc = "First wait after a failure; it doubles each time." },
    { "backoffMax", FIELD_DURATION, offsetof(struct config_controller, backoff_max_ms), .fallback = "5m", .min = 10,
      .max = DAY_MS, .doc = "Longest wait after failures." },
    { NULL },
};

static const struct field leader_fields[] = {
    { "hold", FIELD_DURATION, offsetof(struct config_leader, hold_ms), .fallback = "5s", .min = 200, .max = HOUR_MS,
      .doc = "The leading tenantd begins nothing when its lock was not confirmed for this long." },
    { "takeOver", FIELD_DURATION, offsetof(struct config_leader, take_over_ms), .fallback = "15s", .min = 400,
      .max = HOUR_MS,
      .doc =
          "How long a new leader waits before its first act, should the one before not know yet. The same for all." },
    { NULL },
};

static const struct field restore_fields[] = {
    { "grace", FIELD_DURATION, offsetof(struct config_restore, grace_ms), .fallback = "24h", .min = 0,
      .max = 90 * DAY_MS, .doc = "How long the database and volume that a restore replaced are kept." },
    { NULL },
};

static const struct field log_fields[] = {
    { "level", FIELD_ENUM, offsetof(struct config_log, level), .fallback = "info", .choices = level_words,
      .doc = "Least important lines that are written." },
    { "format", FIELD_ENUM, offsetof(struct config_log, format), .fallback = "text", .choices = format_words,
      .doc = "key=value lines or JSON." },
    { NULL },
};

const struct field config_fields[] = {
    { "data", FIELD_TEXT, offsetof(struct config, data), .fallback = "/var/lib/tenantd", .check = check_word,
      .doc = "Directory of everything that the daemon keeps." },
    { "prefix", FIELD_TEXT, offsetof(struct config, prefix), .fallback = "td", .check = check_prefix,
      .doc = "Begins every name in Docker." },
    { "listen", FIELD_OBJECT, offsetof(struct config, listen), .fields = listen_fields, .doc = "The API's server." },
    { "docker", FIELD_OBJECT, offsetof(struct config, docker), .fields = docker_fields, .doc = "The Docker engine." },
    { "network", FIELD_OBJECT, offsetof(struct config, network), .fields = network_fields,
      .doc = "Tenants' networks." },
    { "publish", FIELD_OBJECT, offsetof(struct config, publish), .fields = publish_fields, .doc = "Published ports." },
    { "proxy", FIELD_OBJECT, offsetof(struct config, proxy), .fields = proxy_fields,
      .doc = "A reverse proxy (Traefik) in front of the instances." },
    { "postgres", FIELD_OBJECT, offsetof(struct config, postgres), .fields = postgres_fields,
      .doc = "The database server, for records and instances." },
    { "accounts", FIELD_OBJECT, offsetof(struct config, accounts), .fields = config_accounts_fields,
      .doc = "People's accounts, and what the platform API makes for them." },
    { "registries", FIELD_LIST, offsetof(struct config, registries), .fields = registry_fields,
      .item_size = sizeof(struct config_registry), .doc = "Image registries that ask for a password." },
    { "controller", FIELD_OBJECT, offsetof(struct config, controller), .fields = controller_fields,
      .doc = "How records are worked on." },
    { "backup", FIELD_OBJECT, offsetof(struct config, backup), .fields = config_backup_fields,
      .doc = "Where recovery points go, how they are sealed, how long they stay." },
    { "leader", FIELD_OBJECT, offsetof(struct config, leader), .fields = leader_fields,
      .doc = "Which of several daemons on the same records acts." },
    { "restore", FIELD_OBJECT, offsetof(struct config, restore), .fields = restore_fields, .doc = "Restores." },
    { "log", FIELD_OBJECT, offsetof(struct config, log), .fields = log_fields, .doc = "What is logged, and how." },
    { "changeKeep", FIELD_DURATION, offsetof(struct config, change_keep_ms), .fallback = "1h", .min = MINUTE_MS,
      .max = 30 * DAY_MS, .doc = "How far back a watch may look." },
    { NULL },
};
