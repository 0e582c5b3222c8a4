/* The kinds: their names, tables and columns. */
#include "specs/kind.h"

#include <ctype.h>

#include "specs/app.h"
#include "specs/backup.h"
#include "specs/check.h"
#include "specs/instance.h"
#include "specs/restore.h"
#include "specs/source.h"
#include "specs/tenant.h"
#include "specs/wording.h"

static const struct column tenant_columns[] = {
    { "Status", "string", "status.phase", 0, "Phase of the tenant." },
    { "Instances", "integer", "status.instances", 0, "How many instances it has." },
    { "Owner", "string", "spec.owner", 1, "E-mail address of who is responsible." },
    { "Network", "string", "status.network", 1, "Its Docker network." },
    { "Message", "string", "status.message", 1, "What it waits for." },
    { NULL },
};

static const struct column app_columns[] = {
    { "Status", "string", "status.phase", 0, "Phase of the app." },
    { "Versions", "string", "spec.versions[*].name", 0, "Versions that instances may ask for." },
    { "Instances", "integer", "status.instances", 0, "How many instances use it." },
    { "Warm", "string", "status.warm[*].state", 1, "States of its warm databases." },
    { "Message", "string", "status.message", 1, "What it waits for." },
    { NULL },
};

static const struct column instance_columns[] = {
    { "App", "string", "spec.app", 0, "The app it runs." },
    { "Version", "string", "spec.version", 0, "The version asked for." },
    { "Status", "string", "status.phase", 0, "Phase of the instance." },
    { "Ready", "string", "status.conditions[Ready]", 0, "Whether all that its desired state needs is there." },
    { "URL", "string", "status.url", 0, "Where it answers." },
    { "Database", "string", "spec.database.name", 1, "Its database." },
    { "Image", "string", "status.container.image", 1, "The image that runs." },
    { "Message", "string", "status.message", 1, "What it waits for." },
    { "State", "string", "spec.state", 1, "The state asked for." },
    { NULL },
};

static const struct column backup_columns[] = {
    { "Instance", "string", "spec.instance", 0, "What it is of." },
    { "Status", "string", "status.phase", 0, "Phase of the backup." },
    { "Verified", "date", "status.verified", 0, "How long ago it was read back." },
    { "Stored", "integer", "status.sizes.storedBytes", 0, "Bytes that it takes." },
    { "Tiers", "string", "status.tiers[*].name", 0, "Places that hold it." },
    { "Reason", "string", "spec.reason", 1, "Who asked for it." },
    { "Expires", "string", "status.expires", 1, "When it goes at the latest." },
    { "Kept", "string", "status.kept", 1, "The rules that keep it." },
    { "Message", "string", "status.message", 1, "What it waits for, or what went wrong." },
    { NULL },
};

static const struct column restore_columns[] = {
    { "Status", "string", "status.phase", 0, "Phase of the restore." },
    { "Instance", "string", "status.instance", 0, "The instance that gets the data." },
    { "Point", "string", "status.point", 1, "The recovery point." },
    { "Drill", "string", "spec.drill", 1, "Whether it is a drill." },
    { "Message", "string", "status.message", 1, "What it waits for, or what went wrong." },
    { NULL },
};

static const struct column source_columns[] = {
    { "Status", "string", "status.phase", 0, "Phase of the Source." },
    { "Ready", "string", "status.conditions[Ready]", 0, "Whether its records follow it." },
    { "Records", "integer", "status.counts.records", 0, "How many records are its." },
    { "Synced", "date", "status.lastSync", 0, "How long ago a sync last succeeded." },
    { "Revision", "string", "status.revision", 0, "The commit that its records follow." },
    { "URL", "string", "spec.git.url", 1, "The repository." },
    { "Message", "string", "status.message", 1, "What is wrong." },
    { NULL },
};

const struct kind kinds[KINDS] = {
    [KIND_TENANT] = {
        .id = KIND_TENANT,
        .name = "Tenant",
        .plural = "tenants",
        .singular = "tenant",
        .short_names = { "tn" },
        .namespaced = false,
        .doc = "A customer. Its name is the namespace of its instances; it has a Docker network of its own.",
        .spec_fields = tenant_spec_fields,
        .spec_size = sizeof(struct tenant_spec),
        .status_fields = tenant_status_fields,
        .status_size = sizeof(struct tenant_status),
        .name_max = TENANT_NAME_MAX,
        .validate = tenant_validate,
        .columns = tenant_columns,
    },
    [KIND_APP] = {
        .id = KIND_APP,
        .name = "App",
        .plural = "apps",
        .singular = "app",
        .namespaced = false,
        .doc = "A blueprint of an application: images, templates, commands, health.",
        .spec_fields = app_spec_fields,
        .spec_size = sizeof(struct app_spec),
        .status_fields = app_status_fields,
        .status_size = sizeof(struct app_status),
        .name_max = RECORD_NAME_MAX,
        .validate = app_validate,
        .columns = app_columns,
    },
    [KIND_INSTANCE] = {
        .id = KIND_INSTANCE,
        .name = "Instance",
        .plural = "instances",
        .singular = "instance",
        .short_names = { "inst" },
        .namespaced = true,
        .doc = "One application of one tenant: a container, a database with its own role, a data volume.",
        .spec_fields = instance_spec_fields,
        .spec_size = sizeof(struct instance_spec),
        .status_fields = instance_status_fields,
        .status_size = sizeof(struct instance_status),
        .name_max = INSTANCE_NAME_MAX,
        .validate = instance_validate,
        .settle = instance_settle,
        .columns = instance_columns,
    },
    [KIND_BACKUP] = {
        .id = KIND_BACKUP,
        .name = "Backup",
        .plural = "backups",
        .singular = "backup",
        .namespaced = true,
        .doc = "One recovery point of one instance: its database and its files. It runs once, to Completed or Failed.",
        .spec_fields = backup_spec_fields,
        .spec_size = sizeof(struct backup_spec),
        .status_fields = backup_status_fields,
        .status_size = sizeof(struct backup_status),
        .name_max = RECORD_NAME_MAX,
        .outlives_tenant = true,
        .validate = backup_validate,
        .columns = backup_columns,
    },
    [KIND_RESTORE] = {
        .id = KIND_RESTORE,
        .name = "Restore",
        .plural = "restores",
        .singular = "restore",
        .namespaced = true,
        .doc = "Brings a recovery point into an instance, an existing one or a new one; runs once.",
        .spec_fields = restore_spec_fields,
        .spec_size = sizeof(struct restore_spec),
        .status_fields = restore_status_fields,
        .status_size = sizeof(struct restore_status),
        .name_max = RECORD_NAME_MAX,
        .validate = restore_validate,
        .admit_member = restore_admit_member,
        .columns = restore_columns,
    },
    [KIND_SOURCE] = {
        .id = KIND_SOURCE,
        .name = "Source",
        .plural = "sources",
        .singular = "source",
        .short_names = { "src" },
        .namespaced = false,
        .doc = "A git repository or a directory of manifests that records are made to follow.",
        .spec_fields = source_spec_fields,
        .spec_size = sizeof(struct source_spec),
        .status_fields = source_status_fields,
        .status_size = sizeof(struct source_status),
        .name_max = RECORD_NAME_MAX,
        .validate = source_validate,
        .columns = source_columns,
    },
};

const struct kind *kind_by_name(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (str_equal(kinds[i].name, name))
            return &kinds[i];
    }
    return NULL;
}

const struct kind *kind_by_plural(const char *plural)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (str_equal(kinds[i].plural, plural))
            return &kinds[i];
    }
    return NULL;
}

static bool has_name(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kind->short_names) && kind->short_names[i]; i++) {
        if (strcasecmp(kind->short_names[i], name) == 0)
            return true;
    }
    return strcasecmp(kind->plural, name) == 0 || strcasecmp(kind->singular, name) == 0;
}

const struct kind *kind_by_any_name(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (has_name(&kinds[i], name))
            return &kinds[i];
    }
    return NULL;
}

/* ---- names ---- */

/* They would be confused with databases, roles, namespaces or accounts that are there already. */
static const char *const reserved_names[] = {
    "default", "postgres", "template0", "template1", "admin", "administrator", "root",
    "public",  "system",   "tenantd",   "localhost", "all",   "none",          NULL,
};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; reserved_names[i]; i++) {
        if (str_equal(name, reserved_names[i]))
            return true;
    }
    return str_starts_with(name, "kube-");
}

static const char *name_complaint(const char *name)
{
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at >= 0x80)
            return "has letters outside ASCII; use a-z, 0-9 and -";
    }
    for (const char *at = name; *at; at++) {
        if (isupper((unsigned char)*at))
            return "has upper-case letters; use a-z, 0-9 and -";
    }
    if (is_dns_label(name))
        return is_reserved(name) ? "is a reserved name; choose another one" : NULL;
    return "is not a name; use a-z, 0-9 and - (not at the ends)";
}

bool kind_check_name(const struct kind *kind, const char *name, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(name);
    if (*name == '\0')
        return err_set(err, ERR_INVALID, "is required");
    if (strlen(name) > kind->name_max)
        return err_set(err, ERR_INVALID, "%s has %zu characters; the name of %s %s has at most %zu", shown,
                       strlen(name), strchr("AI", kind->name[0]) ? "an" : "a", kind->name, kind->name_max);
    const char *why = name_complaint(name);
    return !why || err_set(err, ERR_INVALID, "%s %s", shown, why);
}

/* ---- columns ---- */

static void add_scalar(const json_t *value, struct str *out)
{
    if (json_is_string(value))
        str_add(out, json_string_value(value));
    else if (json_is_integer(value))
        str_addf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        str_add(out, json_is_true(value) ? "true" : "false");
}

static const json_t *find_typed(const json_t *list, const char *type, size_t len)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_text(item, "type");
        if (name && strlen(name) == len && strncmp(name, type, len) == 0)
            return item;
    }
    return NULL;
}

/* Follows `path` down from `value`; the columns' paths are ours, so they are well-formed. */
static void add_at(const json_t *value, const char *path, struct str *out)
{
    if (*path == '\0') {
        add_scalar(value, out);
        return;
    }
    size_t len = strcspn(path, ".[");
    CLEANUP(freep) char *key = mem_strndup(path, len);
    const json_t *member = json_object_get(value, key);
    const char *rest = path + len;
    if (*rest != '[') {
        add_at(member, *rest == '.' ? rest + 1 : rest, out);
        return;
    }
    const char *inside = rest + 1;
    size_t inside_len = strcspn(inside, "]");
    rest = inside + inside_len + 1;
    rest += *rest == '.';
    if (*inside != '*') {
        add_at(find_typed(member, inside, inside_len), *rest ? rest : "status", out);
        return;
    }
    for (size_t i = 0; i < json_array_size(member); i++) {
        if (i > 0)
            str_addc(out, ',');
        add_at(json_array_get(member, i), rest, out);
    }
}

char *column_text(const struct column *column, const json_t *object, int64_t now_ms)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    int64_t then_ms = 0;
    add_at(object, column->path, &out);
    if (str_equal(column->type, "date") && time_from_rfc3339(out.text, &then_ms))
        return time_age(now_ms > then_ms ? now_ms - then_ms : 0);
    return str_steal(&out);
}
