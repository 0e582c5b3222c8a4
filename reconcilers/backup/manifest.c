/* The manifest's field table, its text and its HMAC. */
#include "reconcilers/backup/manifest.h"

#include "base/crypto.h"
#include "reconcilers/backup/point.h"

#define LIST_MAX 100000

static void check_sha256(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (strlen(text) != 2 * SHA256_SIZE || strspn(text, "0123456789abcdef") != 2 * SHA256_SIZE)
        problems_add(problems, PROBLEM_INVALID, path, "is no SHA-256 in lower-case hex");
}

static void check_object_name(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (!str_equal(text, POINT_DATABASE) && !str_equal(text, POINT_DATA))
        problems_add(problems, PROBLEM_INVALID, path, "is no object of a recovery point");
}

static const struct field object_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct manifest_object, name), FIELD_REQUIRED, .check = check_object_name,
      .doc = "Its key below the recovery point." },
    { "open", FIELD_TEXT, offsetof(struct manifest_object, description), .doc = "How to open it without tenantd." },
    { "plainBytes", FIELD_INT, offsetof(struct manifest_object, plain_bytes), FIELD_REQUIRED, .max = INT64_MAX,
      .doc = "Size once opened." },
    { "plainSHA256", FIELD_TEXT, offsetof(struct manifest_object, plain_sha256), FIELD_REQUIRED, .check = check_sha256,
      .doc = "SHA-256 once opened." },
    { "storedBytes", FIELD_INT, offsetof(struct manifest_object, stored_bytes), FIELD_REQUIRED, .max = INT64_MAX,
      .doc = "Size as stored." },
    { "storedSHA256", FIELD_TEXT, offsetof(struct manifest_object, stored_sha256), FIELD_REQUIRED,
      .check = check_sha256, .doc = "SHA-256 as stored." },
    { NULL },
};

static const struct field table_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct manifest_table, name), FIELD_REQUIRED, .doc = "Schema and table." },
    { "rows", FIELD_INT, offsetof(struct manifest_table, rows), .fallback = "0", .max = INT64_MAX,
      .doc = "Rows in the dump's own snapshot." },
    { NULL },
};

static const struct field database_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct manifest_database, name), FIELD_REQUIRED, .doc = "Its name then." },
    { "serverVersion", FIELD_TEXT, offsetof(struct manifest_database, server_version), .doc = "The server's version." },
    { "serverNumber", FIELD_INT, offsetof(struct manifest_database, server_number),
      .doc = "The same as PostgreSQL counts." },
    { "tables", FIELD_LIST, offsetof(struct manifest_database, tables), FIELD_UNIQUE_NAME, .fields = table_fields,
      .item_size = sizeof(struct manifest_table), .max = LIST_MAX, .doc = "What is in it." },
    { NULL },
};

static const struct field records_fields[] = {
    { "tenant", FIELD_JSON, offsetof(struct manifest_records, tenant), .doc = "The Tenant." },
    { "app", FIELD_JSON, offsetof(struct manifest_records, app), .doc = "The App." },
    { "instance", FIELD_JSON, offsetof(struct manifest_records, instance), .doc = "The Instance." },
    { NULL },
};

const struct field manifest_fields[] = {
    { "format", FIELD_INT, offsetof(struct manifest, format), FIELD_REQUIRED, .min = 1, .max = MANIFEST_FORMAT,
      .doc = "Version of this layout." },
    { "installation", FIELD_TEXT, offsetof(struct manifest, installation), FIELD_REQUIRED, .doc = "Who made it." },
    { "tenant", FIELD_TEXT, offsetof(struct manifest, tenant), FIELD_REQUIRED, .doc = "Whose it is." },
    { "instance", FIELD_TEXT, offsetof(struct manifest, instance), FIELD_REQUIRED, .doc = "What it is of." },
    { "uid", FIELD_TEXT, offsetof(struct manifest, uid), FIELD_REQUIRED, .doc = "The instance's uid." },
    { "backup", FIELD_TEXT, offsetof(struct manifest, backup), FIELD_REQUIRED, .doc = "Name of the Backup." },
    { "reason", FIELD_TEXT, offsetof(struct manifest, reason), .doc = "Why it was made." },
    { "app", FIELD_TEXT, offsetof(struct manifest, app), FIELD_REQUIRED, .doc = "Name of the App." },
    { "version", FIELD_TEXT, offsetof(struct manifest, version), FIELD_REQUIRED, .doc = "The App's version." },
    { "image", FIELD_TEXT, offsetof(struct manifest, image), .doc = "The image of that version." },
    { "dataPath", FIELD_TEXT, offsetof(struct manifest, volume_path),
      .doc = "Where the files were mounted; absent: the App keeps none." },
    { "database", FIELD_OBJECT, offsetof(struct manifest, database), FIELD_REQUIRED, .fields = database_fields,
      .doc = "The database." },
    { "objects", FIELD_LIST, offsetof(struct manifest, objects), FIELD_REQUIRED | FIELD_UNIQUE_NAME,
      .fields = object_fields, .item_size = sizeof(struct manifest_object), .doc = "What is stored." },
    { "started", FIELD_TIME, offsetof(struct manifest, started_ms), FIELD_REQUIRED, .doc = "When it began." },
    { "finished", FIELD_TIME, offsetof(struct manifest, finished_ms), FIELD_REQUIRED, .doc = "When all was stored." },
    { "records", FIELD_OBJECT, offsetof(struct manifest, records), .fields = records_fields,
      .doc = "The records that it was taken under." },
    { "mac", FIELD_TEXT, offsetof(struct manifest, mac), .check = check_sha256, .doc = "HMAC-SHA-256 over the rest." },
    { NULL },
};

void manifest_release(struct manifest *manifest)
{
    fields_release(manifest_fields, manifest);
    *manifest = (struct manifest){ 0 };
}

/* Of the canonical text without the member itself. */
static char *mac_of(const json_t *document, const uint8_t *key)
{
    CLEANUP(json_decrefp) json_t *rest = json_copy((json_t *)(uintptr_t)document /* jansson reads it only */);
    CLEANUP(str_release) struct str hex = STR_INIT;
    uint8_t mac[SHA256_SIZE];
    json_object_del(rest, "mac");
    CLEANUP(freep) char *text = json_dump(rest);
    hmac_sha256(key, MANIFEST_KEY_SIZE, text, strlen(text), mac);
    str_add_hex(&hex, mac, sizeof(mac));
    return str_steal(&hex);
}

char *manifest_encode(const struct manifest *manifest, const uint8_t *key)
{
    CLEANUP(json_decrefp) json_t *document = fields_encode(manifest_fields, manifest);
    json_object_del(document, "mac");
    if (key) {
        CLEANUP(freep) char *mac = mac_of(document, key);
        json_put_text(document, "mac", mac);
    }
    return json_dump(document);
}

static bool parse(const char *text, size_t len, json_t **ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (json_parse(text, len, ret, &problem) && json_is_object(*ret))
        return true;
    return err_set(err, ERR_INVALID, "it is no manifest%s%s", problem.code ? ": " : "", err_message(&problem));
}

bool manifest_decode(const char *text, size_t len, struct manifest *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    if (!parse(text, len, &document, err))
        return false;
    int64_t format = json_int(document, "format", 0);
    if (format > MANIFEST_FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
                       "its manifest has format %" PRId64 ", and this version reads up to %d: upgrade tenantd first",
                       format, MANIFEST_FORMAT);
    fields_decode(manifest_fields, document, "", ret, &problems);
    if (problems.count == 0 && format < 1)
        problems_add(&problems, PROBLEM_INVALID, "format", "%" PRId64 " is none", format);
    if (problems.count == 0)
        return true;
    CLEANUP(freep) char *all = problems_text(&problems);
    return err_set(err, ERR_INVALID, "it is no manifest: %.1000s", all);
}

bool manifest_check_mac(const char *text, size_t len, const uint8_t *key, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    if (!parse(text, len, &document, err))
        return false;
    const char *given = json_text(document, "mac");
    CLEANUP(freep) char *wanted = mac_of(document, key);
    if (!given)
        return err_set(err, ERR_FORBIDDEN, "its manifest is not signed");
    return equal_constant_time(given, wanted) ||
           err_set(err, ERR_FORBIDDEN, "its manifest was altered, or signed by another installation");
}

const struct manifest_object *manifest_find(const struct manifest *manifest, const char *name)
{
    const struct manifest_object *objects = manifest->objects.items;
    for (size_t i = 0; i < manifest->objects.count; i++)
        if (str_equal(objects[i].name, name))
            return &objects[i];
    return NULL;
}

int64_t manifest_stored_bytes(const struct manifest *manifest)
{
    const struct manifest_object *objects = manifest->objects.items;
    int64_t bytes = 0;
    for (size_t i = 0; i < manifest->objects.count; i++)
        if (__builtin_add_overflow(bytes, objects[i].stored_bytes, &bytes))
            return INT64_MAX;
    return bytes;
}
