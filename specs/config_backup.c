/* The configuration of backups: where recovery points go, how they are sealed, how long they stay. */
#include <arpa/inet.h>

#include "base/clock.h"
#include "specs/check.h"
#include "specs/config_internal.h"
#include "specs/cron.h"
#include "specs/wording.h"

#define RECIPIENT_LENGTH 62 /* "age1" and 58 letters of Bech32 */

static void complain(struct problems *problems, const char *path, const char *text, const char *why)
{
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

static void check_directory(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const char *text = *(char *const *)value;
    if (!str_equal(text, "none"))
        check_file_path(field, value, path, problems);
}

/* The host in "https://host:port", owned; NULL when it is something else. */
static char *endpoint_host(const char *endpoint)
{
    const char *authority = strstr(endpoint, "://");
    if (!authority || (!str_starts_with(endpoint, "http://") && !str_starts_with(endpoint, "https://")))
        return NULL;
    authority += strlen("://");
    if (strpbrk(authority, "/?#@ \t\n")) /* credentials and paths have no place here */
        return NULL;
    const char *colon = strrchr(authority, ':');
    bool is_bracketed = authority[0] == '[';
    if (is_bracketed && colon && colon < strchrnul(authority, ']'))
        colon = NULL; /* it is within the address */
    int64_t port = 0;
    if (colon && !str_parse_int64(colon + 1, 1, 65535, &port))
        return NULL;
    char *host = colon ? mem_strndup(authority, (size_t)(colon - authority)) : mem_strdup(authority);
    if (*host && (is_bracketed || !strchr(host, ':')))
        return host;
    free(host);
    return NULL;
}

static void check_endpoint(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* the shape is the same wherever it stands, as for the others here */
    const char *text = *(char *const *)value;
    CLEANUP(freep) char *host = endpoint_host(text);
    if (!host) /* what stands there instead may hold a password, so it is not shown */
        problems_add(problems, PROBLEM_INVALID, path,
                     "is not a server like https://s3.example.com or "
                     "http://127.0.0.1:9000, without path and credentials");
}

static void check_cron(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cron cron;
    if (!cron_parse(*(char *const *)value, &cron, &err))
        problems_add(problems, PROBLEM_INVALID, path, "%s", err_message(&err));
}

static bool is_recipient(const char *text)
{
    return strlen(text) == RECIPIENT_LENGTH && str_starts_with(text, "age1") &&
           strspn(text + 4, "qpzry9x8gf2tvdw0s3jn54khce6mua7l") == RECIPIENT_LENGTH - 4;
}

static void check_recipients(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const struct strv *recipients = value;
    for (size_t i = 0; i < recipients->count; i++) {
        CLEANUP(freep) char *item = mem_printf("%s[%zu]", path, i);
        if (str_starts_with(recipients->items[i], "AGE-SECRET-KEY-")) /* not to be repeated in a message */
            problems_add(problems, PROBLEM_INVALID, item, "is a secret key; name its public one, age1...");
        else if (!is_recipient(recipients->items[i]))
            complain(problems, item, recipients->items[i], "is not an age recipient; those begin with age1");
    }
    check_unique_texts(field, value, path, problems);
}

/* ---- rules between fields ---- */

static void check_s3(const struct config_s3 *s3, struct problems *problems)
{
    if (!s3->endpoint) {
        if (s3->bucket || s3->access_key || s3->secret_key || s3->secret_key_file)
            problems_add(problems, PROBLEM_REQUIRED, "backup.s3.endpoint", "is required with the others of backup.s3");
        return;
    }
    if (!s3->bucket)
        problems_add(problems, PROBLEM_REQUIRED, "backup.s3.bucket", "is required with backup.s3.endpoint");
    if (!s3->access_key)
        problems_add(problems, PROBLEM_REQUIRED, "backup.s3.accessKey", "is required with backup.s3.endpoint");
    if (!s3->secret_key == !s3->secret_key_file)
        problems_add(problems, PROBLEM_REQUIRED, "backup.s3.secretKey",
                     "one of secretKey and secretKeyFile is required with backup.s3.endpoint");
    CLEANUP(freep) char *host = endpoint_host(s3->endpoint);
    struct in_addr address;
    if (s3->style == CONFIG_S3_VIRTUAL_HOST && host && (host[0] == '[' || inet_pton(AF_INET, host, &address) == 1))
        problems_add(
            problems, PROBLEM_INVALID, "backup.s3.style",
            "virtualHost puts the bucket before the host's name, and backup.s3.endpoint has an address; use path");
}

void config_backup_check(const struct config_backup *backup, struct problems *problems)
{
    check_s3(&backup->s3, problems);
}

/* ---- the table ---- */

static const char *const style_words[] = { [CONFIG_S3_PATH] = "path", [CONFIG_S3_VIRTUAL_HOST] = "virtualHost", NULL };

static const struct field s3_fields[] = {
    { "endpoint", FIELD_TEXT, offsetof(struct config_s3, endpoint), .check = check_endpoint,
      .example = "https://s3.example.com", .doc = "The server; absent: backups stay on this host." },
    { "bucket", FIELD_TEXT, offsetof(struct config_s3, bucket), .check = check_bucket, .example = "acme-backups",
      .doc = "Bucket for all tenants that name none of their own; it is made when it is missing." },
    { "prefix", FIELD_TEXT, offsetof(struct config_s3, prefix), .check = check_objects_prefix, .example = "tenantd",
      .doc = "Begins every key in it." },
    { "region", FIELD_TEXT, offsetof(struct config_s3, region), .fallback = "us-east-1", .check = check_word,
      .doc = "Region that requests are signed for." },
    { "accessKey", FIELD_TEXT, offsetof(struct config_s3, access_key), .check = check_word, .example = "tenantd",
      .doc = "Name of the key pair." },
    { "secretKey", FIELD_TEXT, offsetof(struct config_s3, secret_key), FIELD_SECRET, .check = check_word,
      .example = "SECRET", .doc = "Its secret half." },
    { "secretKeyFile", FIELD_TEXT, offsetof(struct config_s3, secret_key_file), .check = check_file_path,
      .example = "/etc/tenantd/s3.secret", .doc = "File with the secret half, instead of secretKey." },
    { "caFile", FIELD_TEXT, offsetof(struct config_s3, ca_file), .check = check_file_path,
      .example = "/etc/tenantd/s3-ca.crt", .doc = "Authority of the server's certificate, PEM; absent: the system's." },
    { "style", FIELD_ENUM, offsetof(struct config_s3, style), .fallback = "path", .choices = style_words,
      .doc = "Where the bucket stands: in the path or before the host's name." },
    { "versioning", FIELD_BOOL, offsetof(struct config_s3, versioning), .fallback = "false",
      .doc = "Turn versioning of the bucket on." },
    { NULL },
};

const struct field config_backup_fields[] = {
    { "directory", FIELD_TEXT, offsetof(struct config_backup, directory), .check = check_directory,
      .example = "/srv/backups",
      .doc = "Local directory of recovery points; absent: `<data>/backups`; none: no local tier." },
    { "keepLocal", FIELD_INT, offsetof(struct config_backup, keep_local), .fallback = "1", .min = 1, .max = 1000,
      .doc = "Recovery points of an instance that the directory keeps beside S3; without S3 retention alone decides." },
    { "s3", FIELD_OBJECT, offsetof(struct config_backup, s3), .fields = s3_fields,
      .doc = "An S3 server; where there is one, only what it has counts as backed up." },
    { "recipients", FIELD_TEXTS, offsetof(struct config_backup, recipients), .check = check_recipients, .max = 20,
      .doc = "age public keys that recovery points are encrypted for; empty: the identity's." },
    { "identityFile", FIELD_TEXT, offsetof(struct config_backup, identity_file), .check = check_file_path,
      .example = "/etc/tenantd/backup.key",
      .doc = "age secret key that opens them; absent: one is made under the data directory, unless recipients are "
             "named." },
    { "keepDeleted", FIELD_DURATION, offsetof(struct config_backup, keep_deleted_ms), .fallback = "30d", .min = 0,
      .max = 3650 * DAY_MS, .doc = "How long recovery points outlive their instance." },
    { "parallel", FIELD_INT, offsetof(struct config_backup, parallel), .fallback = "2", .min = 1, .max = 64,
      .doc = "Backups and restores that run at a time." },
    { "records", FIELD_TEXT, offsetof(struct config_backup, records), .fallback = "30 2 * * *", .check = check_cron,
      .doc = "When all records are copied to the place of recovery points (cron, UTC)." },
    { NULL },
};
