/* The data directory's own things; see installation.h. */
#include "controller/installation.h"

#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "clients/postgres/cluster.h"
#include "clients/postgres/pg.h"
#include "clients/postgres/server.h"
#include "store/account.h"

enum {
    SMALL_FILE = 4096,
    ID_BYTES = 3,
    PASSWORD_LENGTH = 40,
    TOKEN_LENGTH = 48,
    START_CALL_MS = 120000,
    REVIVE_CALL_MS = 15000, /* tried again, and meanwhile nobody hears a signal */
    LOOK_CALL_MS = 10000,
};
static const char database_alias[] = "tenantd-database"; /* of the host, as containers name it */
static const char our_role[] = "tenantd", our_database[] = "tenantd";

void installation_release(struct installation *installation)
{
    mem_wipe(installation->key, sizeof(installation->key));
    free(installation->url);
    free(installation->database_host);
    free(installation->database_address);
    free(installation->id);
    free(installation->admin_token);
    free(installation->holder);
    free(installation->name);
    free(installation->cluster_directory);
    free(installation->sources_directory);
    free(installation->identity_path);
    closep(&installation->lock_fd);
    *installation = (struct installation){ .lock_fd = -1 };
}

/* A line kept in <data>/<name>; `fresh` is written where there is none yet. */
static bool keep_line(const char *data, const char *name, const char *fresh, char **ret, struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", data, name);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    if (!file_exists(path)) {
        CLEANUP(freep) char *line = mem_printf("%s\n", fresh);
        if (!file_write(path, line, strlen(line), 0600, err))
            return false;
        *ret = mem_strdup(fresh);
        return true;
    }
    if (!file_read(path, SMALL_FILE, &bytes, err))
        return false;
    *ret = mem_strndup(bytes.text, strcspn(bytes.text, "\r\n"));
    return **ret || err_set(err, ERR_INVALID, "%s is empty: bring it back from a backup", path);
}

static bool open_key(const char *data, uint8_t key[SEAL_KEY_SIZE], struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/secrets.key", data);
    CLEANUP(freep) char *id_path = mem_printf("%s/installation", data);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    if (!file_exists(path)) {
        /* The id is written after the key: where it stands, the key stood, and secrets were sealed with it. */
        if (file_exists(id_path))
            return err_set(err, ERR_INVALID,
                           "%s is gone, and the stored secrets cannot be read without it: bring it back", path);
        random_bytes(key, SEAL_KEY_SIZE);
        return file_write(path, key, SEAL_KEY_SIZE, 0600, err);
    }
    if (!file_read(path, SMALL_FILE, &bytes, err))
        return false;
    if (bytes.len != SEAL_KEY_SIZE)
        return err_set(err, ERR_INVALID, "%s has %zu bytes instead of %d: bring the right one back", path, bytes.len,
                       SEAL_KEY_SIZE);
    memcpy(key, bytes.text, SEAL_KEY_SIZE);
    mem_wipe(bytes.text, bytes.len);
    return true;
}

/* The lock file's inode and the host's boot stand for the directory: a copy of it elsewhere is another one. */
static bool name_holder(struct installation *installation, struct err *err)
{
    CLEANUP(str_release) struct str boot = STR_INIT;
    struct stat lock;
    char host[HOST_NAME_MAX + 1] = "";
    if (!file_read("/proc/sys/kernel/random/boot_id", SMALL_FILE, &boot, err))
        return false;
    if (fstat(installation->lock_fd, &lock) != 0 || gethostname(host, sizeof(host) - 1) != 0)
        return err_set_errno(err, errno, "name this daemon");
    CLEANUP(freep)
    char *text =
        mem_printf("%s %llu %llu", boot.text, (unsigned long long)lock.st_dev, (unsigned long long)lock.st_ino);
    installation->holder = sha256_hex(text, strlen(text));
    installation->name = mem_printf("%s (%d)", host, (int)getpid());
    return true;
}

bool installation_open(const struct config *config, struct installation *ret, struct err *err)
{
    CLEANUP(freep) char *lock = mem_printf("%s/lock", config->data);
    CLEANUP(freep) char *fresh_id = random_hex(ID_BYTES);
    CLEANUP(freep) char *fresh_token = random_text(TOKEN_LENGTH);
    *ret = (struct installation){ .lock_fd = -1, .sources_directory = mem_printf("%s/sources", config->data) };
    ret->identity_path = config->backup.identity_file ? mem_strdup(config->backup.identity_file)
                                                      : mem_printf("%s/backup.identity", config->data);
    if (!dir_make(config->data, 0700, err))
        return err_wrap(err, "data directory");
    struct err problem = ERR_INIT;
    if (!file_lock(lock, &ret->lock_fd, &problem)) {
        if (problem.code == ERR_CONFLICT)
            err_set(&problem, ERR_CONFLICT, "another tenantd runs on %s", config->data);
        err_move(err, &problem);
        return false;
    }
    return name_holder(ret, err) && open_key(config->data, ret->key, err) &&
           keep_line(config->data, "installation", fresh_id, &ret->id, err) &&
           keep_line(config->data, "admin.token", fresh_token, &ret->admin_token, err);
}

/* ---- the database server ---- */

/* docker0's address; with Docker away, the one that was seen last. */
static bool bridge_address(const struct config *config, const struct docker_options *options, char **ret,
                           struct err *err)
{
    struct docker *docker = NULL;
    CLEANUP(freep) char *path = mem_printf("%s/bridge.address", config->data);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    struct err problem = ERR_INIT;
    struct call call = call_within(NULL, LOOK_CALL_MS);
    if (!docker_open(options, &docker, err))
        return false;
    bool ok = docker_bridge_address(docker, &call, ret, &problem);
    docker_free(docker);
    if (ok)
        return file_write(path, *ret, strlen(*ret), 0600, err);
    if (file_exists(path) && file_read(path, SMALL_FILE, &bytes, err)) {
        err_release(&problem);
        *ret = str_steal(&bytes);
        return true;
    }
    if (problem.code != ERR_UNREACHABLE && problem.code != ERR_TIMEOUT) {
        err_move(err, &problem);
        return err_wrap(err, "ask Docker for its bridge's address");
    }
    err_release(&problem);
    *ret = NULL; /* it was never there yet: nor was an instance */
    return true;
}

/* `ret_address`: of the bridge that it listens on; NULL: there was none yet. Owned. */
static bool start_cluster(const struct config *config, const struct docker_options *docker, const struct call *call,
                          struct cluster *ret, char **ret_address, struct err *err)
{
    if (!bridge_address(config, docker, ret_address, err))
        return false;
    struct cluster_options options = {
        .data = config->data, .port = (int)config->postgres.port, .listen = *ret_address, .allow = config->network.pool
    };
    return cluster_start(&options, call, ret, err) || err_wrap(err, "embedded PostgreSQL");
}

static bool open_embedded(const struct config *config, const struct docker_options *docker,
                          struct installation *installation, struct err *err)
{
    CLEANUP(freep) char *address = NULL;
    CLEANUP(freep) char *password = NULL;
    CLEANUP(freep) char *fresh = random_text(PASSWORD_LENGTH);
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    struct call call = call_within(NULL, START_CALL_MS);
    if (!start_cluster(config, docker, &call, &cluster, &address, err))
        return false;
    installation->is_off_bridge = !address;
    if (!keep_line(config->data, "postgres.password", fresh, &password, err))
        return err_wrap(err, "embedded PostgreSQL");
    struct server_bootstrap bootstrap = { .admin_url = cluster.admin_url,
                                          .installation = installation->id,
                                          .role = our_role,
                                          .password = password,
                                          .database = our_database };
    if (!server_bootstrap(&bootstrap, &call, err))
        return err_wrap(err, "embedded PostgreSQL");
    free(installation->url);
    installation->url =
        mem_printf("postgresql://%s:%s@127.0.0.1:%d/%s", our_role, password, cluster.port, our_database);
    free(installation->database_host);
    installation->database_host = mem_strdup(database_alias);
    free(installation->database_address);
    installation->database_address = mem_strdup("host-gateway");
    installation->database_port = cluster.port;
    free(installation->cluster_directory);
    installation->cluster_directory = mem_strdup(cluster.directory);
    return true;
}

static bool is_loopback(const char *host)
{
    return !host[0] || str_equal(host, "localhost") || str_starts_with(host, "127.") || str_equal(host, "::1") ||
           host[0] == '/';
}

/* Host and port as the configured URL says them; a loopback host is our own, which containers reach through the gateway. */
static bool open_configured(const struct config *config, struct installation *installation, struct err *err)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(config->postgres.url, &problem);
    if (!options) {
        PQfreemem(problem); /* it may quote the password */
        return err_set(err, ERR_INVALID, "postgres.url is no connection string that libpq reads");
    }
    const char *host = "", *port = NULL;
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        if (str_equal(option->keyword, "host") && option->val)
            host = option->val;
        if (str_equal(option->keyword, "port") && option->val)
            port = option->val;
    }
    int64_t number = 0;
    bool ok = !port || str_parse_int64(port, 1, 65535, &number);
    bool through_gateway = !config->postgres.host_for_containers && is_loopback(host);
    free(installation->database_host);
    installation->database_host = mem_strdup(config->postgres.host_for_containers ? config->postgres.host_for_containers
                                             : through_gateway                    ? database_alias
                                                                                  : host);
    free(installation->database_address);
    installation->database_address = through_gateway ? mem_strdup("host-gateway") : NULL;
    installation->database_port = number ? (int)number : 5432;
    free(installation->url);
    installation->url = mem_strdup(config->postgres.url);
    PQconninfoFree(options);
    return ok || err_set(err, ERR_INVALID, "postgres.url: its port is no port");
}

bool installation_open_server(const struct config *config, const struct docker_options *docker,
                              struct installation *installation, struct err *err)
{
    return config->postgres.url ? open_configured(config, installation, err)
                                : open_embedded(config, docker, installation, err);
}

bool installation_revive_server(const struct config *config, const struct docker_options *docker, struct err *err)
{
    CLEANUP(freep) char *address = NULL;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    struct call call = call_within(NULL, REVIVE_CALL_MS);
    if (config->postgres.url)
        return err_set(err, ERR_UNSUPPORTED, "the server that postgres.url names is started by others");
    return start_cluster(config, docker, &call, &cluster, &address, err);
}

bool installation_join_bridge(const struct config *config, const struct docker_options *docker,
                              struct installation *installation, struct err *err)
{
    CLEANUP(freep) char *address = NULL;
    CLEANUP(cluster_release) struct cluster cluster = { 0 };
    struct call call = call_within(NULL, START_CALL_MS);
    if (!installation->is_off_bridge)
        return true;
    if (!bridge_address(config, docker, &address, err))
        return false;
    if (!address)
        return err_set(err, ERR_UNREACHABLE, "the first instance needs Docker, which does not answer");
    free(STEAL(address));
    if (!cluster_stop(config->data, &call, err) || !start_cluster(config, docker, &call, &cluster, &address, err))
        return false;
    installation->is_off_bridge = false;
    return true;
}

/* ---- the store ---- */

/* Sealed with the key at first, opened at each start: a wrong key says so before anything is touched. */
static bool check_key(struct store *store, const struct installation *installation, struct err *err)
{
    static const char plain[] = "tenantd";
    CLEANUP(str_release) struct str sealed = STR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(str_release) struct str opened = STR_INIT;
    CLEANUP(freep) char *kept = NULL;
    struct err problem = ERR_INIT;
    seal(installation->key, "key-check", plain, sizeof(plain), &sealed);
    str_add_base64(&text, sealed.text, sealed.len);
    if (!store_fact(store, "key-check", text.text, &kept, err) || !str_base64_decode(kept, &bytes, err))
        return false;
    if (seal_open(installation->key, "key-check", bytes.text, bytes.len, &opened, &problem))
        return true;
    err_release(&problem);
    return err_set(err, ERR_INVALID,
                   "secrets.key is not the key that the stored secrets were sealed with: bring the right one back");
}

static bool check_id(struct store *store, const struct installation *installation, struct err *err)
{
    CLEANUP(freep) char *kept = NULL;
    if (!store_fact(store, "installation", installation->id, &kept, err))
        return false;
    return str_equal(kept, installation->id) ||
           err_set(err, ERR_INVALID,
                   "the records belong to installation %s, and this data directory is installation %s's", kept,
                   installation->id);
}

bool installation_open_store(const struct installation *installation, struct err *err)
{
    struct identity admin = { .user = "admin", .role = ROLE_ADMIN };
    struct store_options options = { .url = installation->url, .key = installation->key };
    struct store *store = store_new(&options);
    struct call call = call_within(NULL, START_CALL_MS);
    bool ok = store_migrate(store, &call, err);
    store_set_call(store, &call);
    ok = ok && check_id(store, installation, err) && check_key(store, installation, err) &&
         store_token_put(store, &admin, installation->admin_token, err);
    store_free(store);
    return ok || err_wrap(err, "records' database");
}

/* ---- settings ---- */

bool installation_settings(const struct config *config, const struct installation *installation, struct settings *ret,
                           struct image_credentials **ret_registries, struct err *err)
{
    CLEANUP(strv_release) struct strv range = STRV_INIT;
    int64_t first = 0, last = 0;
    strv_split(&range, config->publish.range, '-');
    if (range.count != 2 || !str_parse_int64(range.items[0], 1, 65535, &first) ||
        !str_parse_int64(range.items[1], first, 65535, &last))
        return err_set(err, ERR_INVALID, "publish.range: \"%s\" is not a range of ports; try 20000-29999",
                       config->publish.range);
    const struct config_registry *registries = config->registries.items;
    struct image_credentials *credentials = mem_zalloc((config->registries.count + 1) * sizeof(*credentials));
    for (size_t i = 0; i < config->registries.count; i++)
        credentials[i] =
            (struct image_credentials){ registries[i].server, registries[i].username, registries[i].password };
    *ret_registries = credentials;
    *ret = (struct settings){
        .installation = installation->id,
        .prefix = config->prefix,
        .network_pool = config->network.pool,
        .network_prefix_length = (int)config->network.prefix_length,
        .publish_address = config->publish.address,
        .publish_first = (int)first,
        .publish_last = (int)last,
        .proxy_container = config->proxy.container,
        .proxy_entrypoints = config->proxy.entrypoints,
        .proxy_cert_resolver = config->proxy.cert_resolver,
        .database_host = installation->database_host,
        .database_address = installation->database_address,
        .database_port = installation->database_port,
        .role_connection_limit = config->postgres.connection_limit,
        .cluster_directory = installation->cluster_directory,
        .restore_grace_ms = config->restore.grace_ms,
        .registries = credentials,
        .registry_count = config->registries.count,
        .sources_directory = installation->sources_directory,
        .identity_path = installation->identity_path,
    };
    return true;
}

bool installation_bootstrap(const struct config *config, const char *admin_url, struct err *err)
{
    CLEANUP(installation_release) struct installation installation = { .lock_fd = -1 };
    struct call call = call_within(NULL, START_CALL_MS);
    if (!installation_open(config, &installation, err))
        return false;
    struct server_bootstrap bootstrap = { .admin_url = admin_url,
                                          .installation = installation.id,
                                          .role = our_role,
                                          .password = getenv("TENANTD_POSTGRES_PASSWORD"),
                                          .database = our_database };
    return server_bootstrap(&bootstrap, &call, err);
}
