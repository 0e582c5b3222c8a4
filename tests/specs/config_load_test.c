#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "specs/config.h"
#include "tests/check.h"

static const struct row {
    const char *why;
    const char *file; /* content; NULL: none */
    const char *environment[4];
    const char *flags[4];
    const char *problem; /* NULL: fine */
} rows[] = {
    { "nothing at all", .problem = NULL },
    { "an empty file", .file = "# nothing\n" },
    { "sections without members", .file = "proxy:\npostgres:\n" },
    { "YAML that cannot be read", .file = "a: [", .problem = "line 2, column 1: " },
    { "two documents", .file = "prefix: a\n---\nprefix: b\n", .problem = "has more than one document" },
    { "a list", .file = "[a]", .problem = "must be a map of fields, not a list" },
    { "an unknown setting", .file = "listen: {adress: 1}",
      .problem = "configuration: listen.adress: unknown field; did you mean \"address\"?" },
    { "a wrong type", .file = "controller: {workers: many}",
      .problem = "controller.workers: \"many\" is not a whole number" },
    { "several problems", .file = "prefix: TD\nlog: {level: loud}", .flags = { "--listen.threads=0" },
      .problem =
          "configuration: prefix: \"TD\" is not a prefix; use a-z, 0-9 and -, a letter first, at most 20 characters; "
          "listen.threads: 0 is out of range; it must be between 1 and 256; log.level: \"loud\" is not one of debug, "
          "info, warning, error" },
    { "an unknown variable", .environment = { "TENANTD_LISTEN_ADRESS=x" },
      .problem = "TENANTD_LISTEN_ADRESS: unknown variable; did you mean TENANTD_LISTEN_ADDRESS?" },
    { "other variables are not ours", .environment = { "PATH=/bin", "TENANT=x", "TENANTD_CONFIG=/x" } },
    { "nor is the password for bootstrap-database a setting", .environment = { "TENANTD_POSTGRES_PASSWORD=x" } },
    { "a new leader that waits too short", .file = "leader: {hold: 5s, takeOver: 9s}",
      .problem = "leader.takeOver: is shorter than twice leader.hold" },
    { "an empty variable sets nothing", .environment = { "TENANTD_LISTEN_ADDRESS=" } },
    { "a variable that is not UTF-8", .environment = { "TENANTD_DATA=/\xFF" },
      .problem = "TENANTD_DATA: is not UTF-8" },
    { "a list by variable", .environment = { "TENANTD_REGISTRIES=[]" },
      .problem = "TENANTD_REGISTRIES: can only be set in the configuration file" },
    { "an unknown flag", .flags = { "--listen.adress=x" },
      .problem = "--listen.adress: unknown flag; did you mean --listen.address?" },
    { "a flag without value", .flags = { "--listen.threads" },
      .problem = "--listen.threads: needs a value, like --listen.threads=8" },
    { "not a flag", .flags = { "hello" }, .problem = "hello: unknown flag" },
    { "a flag that is no number", .flags = { "--listen.threads=x" },
      .problem = "listen.threads: \"x\" is not a whole number" },
    { "a secret by flag", .flags = { "--postgres.url=postgres://a:b@c/d" },
      .problem =
          "--postgres.url: everybody on the host can read flags; set it in the file or by TENANTD_POSTGRES_URL" },
    { "an address without port", .flags = { "--listen.address=127.0.0.1" },
      .problem = "listen.address: \"127.0.0.1\" is not an address like 127.0.0.1:7440 or [::1]:7440" },
    { "an address of IPv6", .flags = { "--listen.address=[::1]:7440" } },
    { "an address of IPv6 without brackets", .flags = { "--listen.address=::1:7440" }, .problem = "is not an address" },
    { "a host's name", .flags = { "--listen.address=localhost:7440" }, .problem = "is not an address" },
    { "a port out of range", .flags = { "--listen.address=127.0.0.1:70000" }, .problem = "is not an address" },
    { "a certificate without key", .flags = { "--listen.certificate=/a.pem" },
      .problem = "listen.certificate: certificate and key are given together or not at all" },
    { "a pool with host bits", .flags = { "--network.pool=10.213.1.0/16" },
      .problem = "network.pool: \"10.213.1.0/16\" is not an IPv4 network like 10.213.0.0/16" },
    { "a pool without length", .flags = { "--network.pool=10.213.0.0" }, .problem = "is not an IPv4 network" },
    { "a pool smaller than a subnet", .flags = { "--network.pool=10.213.0.0/28" },
      .problem = "network.prefixLength: 26 is a larger network than the pool 10.213.0.0/28" },
    { "a range backwards", .flags = { "--publish.range=3000-2000" },
      .problem = "publish.range: \"3000-2000\" is not a range" },
    { "a range of low ports", .flags = { "--publish.range=80-90" },
      .problem = "publish.range: \"80-90\" is not a range" },
    { "an address that is none", .flags = { "--publish.address=eth0" },
      .problem = "publish.address: \"eth0\" is not an IP address" },
    { "backoff upside down", .flags = { "--controller.backoffFirst=10m" },
      .problem = "controller.backoffFirst: is longer than controller.backoffMax" },
    { "an engine by ssh", .flags = { "--docker.host=ssh://x" },
      .problem = "docker.host: \"ssh://x\" is not an engine" },
    { "a server that is no URL, not repeated", .environment = { "TENANTD_POSTGRES_URL=password=geheim" },
      .problem = "configuration: postgres.url: is not a URL like postgres://tenantd@db.example:5432/tenantd" },
    { "an S3 server",
      .file = "backup: {s3: {endpoint: 'https://s3.example.com', bucket: b-1, accessKey: a:b, secretKey: s}}" },
    { "an S3 server by address", .file = "backup: {s3: {endpoint: 'http://[::1]:9000', bucket: b-1, accessKey: a, "
                                         "secretKeyFile: /s, prefix: site.1/td, caFile: /ca.pem, versioning: true}}" },
    { "no local backups", .flags = { "--backup.directory=none" } },
    { "backups in a relative directory", .flags = { "--backup.directory=backups" },
      .problem = "backup.directory: \"backups\" " },
    { "S3 without server", .file = "backup: {s3: {bucket: b-1}}",
      .problem = "backup.s3.endpoint: is required with the others of backup.s3" },
    { "S3 without the rest", .flags = { "--backup.s3.endpoint=http://h" },
      .problem = "backup.s3.bucket: is required with backup.s3.endpoint; backup.s3.accessKey: is required with "
                 "backup.s3.endpoint; backup.s3.secretKey: one of secretKey and secretKeyFile is required" },
    { "S3 with two secrets",
      .file = "backup: {s3: {endpoint: 'http://h', bucket: b-1, accessKey: a, secretKey: s, secretKeyFile: /s}}",
      .problem = "backup.s3.secretKey: one of secretKey and secretKeyFile" },
    { "S3's secret by flag", .flags = { "--backup.s3.secretKey=s" },
      .problem = "--backup.s3.secretKey: everybody on the host can read flags" },
    { "an S3 server with credentials, not repeated", .flags = { "--backup.s3.endpoint=http://a:geheim@h" },
      .problem = "backup.s3.endpoint: is not a server like https://s3.example.com" },
    { "an S3 server with a path", .flags = { "--backup.s3.endpoint=http://h/bucket" }, .problem = "is not a server" },
    { "an S3 server with a wrong port", .flags = { "--backup.s3.endpoint=http://h:0" }, .problem = "is not a server" },
    { "an S3 server by ftp", .flags = { "--backup.s3.endpoint=ftp://h" }, .problem = "is not a server" },
    { "an address before which no bucket fits",
      .file =
          "backup: {s3: {endpoint: 'http://127.0.0.1', bucket: b-1, accessKey: a, secretKey: s, style: virtualHost}}",
      .problem = "backup.s3.style: virtualHost puts the bucket before the host's name" },
    { "a bucket with capitals", .flags = { "--backup.s3.bucket=Backups" },
      .problem = "backup.s3.bucket: \"Backups\" is not a bucket's name" },
    { "a bucket of two letters", .flags = { "--backup.s3.bucket=ab" }, .problem = "is not a bucket's name" },
    { "a bucket with two dots", .flags = { "--backup.s3.bucket=a..b" }, .problem = "is not a bucket's name" },
    { "a prefix with a slash at its end", .flags = { "--backup.s3.prefix=a/" },
      .problem = "backup.s3.prefix: \"a/\" is not a prefix" },
    { "a prefix that leads upwards", .flags = { "--backup.s3.prefix=a/../b" }, .problem = "is not a prefix" },
    { "a schedule that is none", .flags = { "--backup.records=nightly" }, .problem = "backup.records: " },
    { "recipients", .file = "backup: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}" },
    { "a recipient that is none", .file = "backup: {recipients: [age1x]}",
      .problem = "backup.recipients[0]: \"age1x\" is not an age recipient" },
    { "a secret key as recipient, not repeated", .file = "backup: {recipients: [AGE-SECRET-KEY-1GEHEIM]}",
      .problem = "backup.recipients[0]: is a secret key; name its public one, age1..." },
    { "a registry without password", .file = "registries: [{server: a, username: b}]",
      .problem = "registries[0].password: is required" },
};

static char *write_file(const char *content)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    char *path = mem_printf("/tmp/tenantd-config-test.%d", (int)getpid());
    assert_ok(file_write(path, content, strlen(content), 0600, &err), &err);
    return path;
}

static bool load(const struct row *row, struct config *ret_config, struct err *err)
{
    int flags = 0;
    while (flags < (int)ARRAY_LEN(row->flags) && row->flags[flags])
        flags++;
    CLEANUP(freep) char *path = row->file ? write_file(row->file) : NULL;
    /* As main() has them: not const, and not changed. */
    bool good =
        config_load(path, flags, (char **)(uintptr_t)row->flags, (char **)(uintptr_t)row->environment, ret_config, err);
    if (path)
        unlink(path);
    return good;
}

static void loads(void **state)
{
    const struct row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct config config;
    if (!row->problem) {
        assert_ok(load(row, &config, &err), &err);
        fields_release(config_fields, &config);
        return;
    }
    assert_false(load(row, &config, &err));
    assert_contains(err_message(&err), row->problem);
}

static void has_the_designs_defaults(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct config config;
    assert_ok(config_load(NULL, 0, NULL, NULL, &config, &err), &err);
    assert_string_equal(config.data, "/var/lib/tenantd");
    assert_string_equal(config.prefix, "td");
    assert_string_equal(config.listen.address, "127.0.0.1:7440");
    assert_null(config.listen.plain);
    assert_int_equal(config.listen.threads, 8);
    assert_int_equal(config.listen.max_connections, 4096);
    assert_int_equal(config.listen.max_body_bytes, 3 * 1024 * 1024);
    assert_int_equal(config.listen.idle_timeout_ms, MINUTE_MS);
    assert_int_equal(config.docker.timeout_ms, 30 * SECOND_MS);
    assert_string_equal(config.network.pool, "10.213.0.0/16");
    assert_int_equal(config.network.prefix_length, 26);
    assert_string_equal(config.publish.address, "127.0.0.1");
    assert_string_equal(config.publish.range, "20000-29999");
    assert_int_equal(config.postgres.connection_limit, 32);
    assert_int_equal(config.controller.workers, 8);
    assert_int_equal(config.controller.long_workers, 4);
    assert_int_equal(config.controller.resync_ms, 30 * SECOND_MS);
    assert_int_equal(config.controller.inspect_ms, 10 * MINUTE_MS);
    assert_int_equal(config.controller.backoff_first_ms, SECOND_MS);
    assert_int_equal(config.controller.backoff_max_ms, 5 * MINUTE_MS);
    assert_null(config.backup.directory);
    assert_int_equal(config.backup.keep_local, 1);
    assert_null(config.backup.s3.endpoint);
    assert_string_equal(config.backup.s3.region, "us-east-1");
    assert_int_equal(config.backup.s3.style, CONFIG_S3_PATH);
    assert_false(config.backup.s3.versioning);
    assert_int_equal(config.backup.recipients.count, 0);
    assert_int_equal(config.backup.keep_deleted_ms, 30 * DAY_MS);
    assert_int_equal(config.backup.parallel, 2);
    assert_int_equal(config.log.level, LOG_INFO);
    assert_int_equal(config.log.format, LOG_FORMAT_TEXT);
    assert_int_equal(config.change_keep_ms, HOUR_MS);
    fields_release(config_fields, &config);
}

static void flags_go_over_environment_over_file(void **state)
{
    (void)state;
    static const struct row row = {
        .file = "listen: {threads: 1, maxConnections: 1, maxBody: 1Mi}\nlog: {level: debug}\n",
        .environment = { "TENANTD_LISTEN_MAX_CONNECTIONS=2", "TENANTD_LISTEN_MAX_BODY=2Mi" },
        .flags = { "--listen.maxBody=4Mi", "--log.format=json" },
    };
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct config config;
    assert_ok(load(&row, &config, &err), &err);
    assert_int_equal(config.listen.threads, 1);
    assert_int_equal(config.listen.max_connections, 2);
    assert_int_equal(config.listen.max_body_bytes, 4 * 1024 * 1024);
    assert_int_equal(config.log.level, LOG_DEBUG);
    assert_int_equal(config.log.format, LOG_FORMAT_JSON);
    fields_release(config_fields, &config);
}

static void a_missing_file_is_an_error(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct config config;
    assert_fails(config_load("/nowhere/tenantd.yaml", 0, NULL, NULL, &config, &err), &err, ERR_NOT_FOUND);
}

static void help_names_every_setting(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    config_print_help(&out);
    assert_contains(out.text, "  --listen.maxBody=...\n");
    assert_contains(out.text, "Default: 3Mi. (TENANTD_LISTEN_MAX_BODY)");
    assert_contains(out.text, "  TENANTD_POSTGRES_URL=...\n");
    assert_contains(out.text, "  registries (file only)\n");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, loads, rows);
    CHECK_TEST(&list, has_the_designs_defaults);
    CHECK_TEST(&list, flags_go_over_environment_over_file);
    CHECK_TEST(&list, a_missing_file_is_an_error);
    CHECK_TEST(&list, help_names_every_setting);
    return check_run("config_load", &list);
}
