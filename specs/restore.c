/* Restore: its field tables and rules. */
#include "specs/restore.h"

#include "specs/check.h"
#include "specs/wording.h"

#define POINT_TEXT_MAX 200

static void check_backup(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* there is only one such field */
    const char *text = *(char *const *)value;
    struct restore_point_parts parts = { 0 };
    bool is_point = restore_point_split(text, &parts);
    bool good = is_point ? is_dns_label(parts.tenant) && is_dns_label(parts.uid) && is_dns_label(parts.name)
                         : is_dns_label(text);
    CLEANUP(freep) char *shown = quoted(text);
    if (!good)
        problems_add(problems, PROBLEM_INVALID, path,
                     "%s is neither a Backup's name nor a recovery point like acme/<instance uid>/<name>", shown);
    restore_point_parts_release(&parts);
}

static const struct field to_fields[] = {
    { "instance", FIELD_TEXT, offsetof(struct restore_to, instance), FIELD_REQUIRED | FIELD_IMMUTABLE, .max = 30,
      .example = "erp-copy", .check = check_dns_label,
      .doc = "Name of the new instance; there must be none of that name." },
    { "tenant", FIELD_TEXT, offsetof(struct restore_to, tenant), FIELD_IMMUTABLE, .max = TENANT_NAME_MAX,
      .check = check_dns_label, .doc = "Its tenant; absent: this one. Another one only for an administrator." },
    { NULL },
};

const struct field restore_spec_fields[] = {
    { "backup", FIELD_TEXT, offsetof(struct restore_spec, backup), FIELD_IMMUTABLE, .max = POINT_TEXT_MAX,
      .example = "erp-20260301-030000", .check = check_backup,
      .doc =
          "Name of a Backup, or a recovery point as <tenant>/<instance uid>/<name>; absent, for a drill: the newest." },
    { "instance", FIELD_TEXT, offsetof(struct restore_spec, instance), FIELD_IMMUTABLE, .example = "erp",
      .check = check_dns_label, .doc = "Instance whose data is replaced, or whose drill it is." },
    { "to", FIELD_OBJECT, offsetof(struct restore_spec, to), FIELD_IMMUTABLE, .fields = to_fields,
      .doc = "A new instance that is made of the recovery point; instead of `instance`." },
    { "neutralize", FIELD_BOOL, offsetof(struct restore_spec, neutralize), FIELD_IMMUTABLE, .fallback = "false",
      .doc = "The App's restore.after is told to switch off outgoing mail, scheduled actions and the like." },
    { "drill", FIELD_BOOL, offsetof(struct restore_spec, drill), FIELD_IMMUTABLE, .fallback = "false",
      .doc = "Restore into a scratch, start it there, compare, measure, remove it; the instance is not touched." },
    { NULL },
};

/* ---- status ---- */

static const struct field progress_fields[] = {
    { "what", FIELD_TEXT, offsetof(struct restore_progress, what), .doc = "verify, database or data." },
    { "bytes", FIELD_INT, offsetof(struct restore_progress, bytes), .doc = "Done so far." },
    { "totalBytes", FIELD_INT, offsetof(struct restore_progress, total_bytes), .doc = "All there is to do of it." },
    { "bytesPerSecond", FIELD_INT, offsetof(struct restore_progress, bytes_per_second), .doc = "How fast." },
    { NULL },
};

static const struct field checked_fields[] = {
    { "tables", FIELD_INT, offsetof(struct restore_checked, tables), .doc = "Tables whose rows were counted." },
    { "files", FIELD_INT, offsetof(struct restore_checked, files), .doc = "Files whose hashes were compared." },
    { NULL },
};

const struct field restore_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct restore_status, phase),
      .doc = "Pending, Fetching, Building, Switching, Checking, Completed, Failed or RolledBack." },
    { "message", FIELD_TEXT, offsetof(struct restore_status, message),
      .doc = "What it waits for, or what went wrong." },
    { "observedGeneration", FIELD_INT, offsetof(struct restore_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "started", FIELD_TIME, offsetof(struct restore_status, started_ms), .doc = "When it began." },
    { "completed", FIELD_TIME, offsetof(struct restore_status, completed_ms), .doc = "When it was over." },
    { "point", FIELD_TEXT, offsetof(struct restore_status, point),
      .doc = "The recovery point, as <tenant>/<instance uid>/<name>." },
    { "tier", FIELD_TEXT, offsetof(struct restore_status, tier), .doc = "Where it was read from: local or s3." },
    { "instance", FIELD_TEXT, offsetof(struct restore_status, instance),
      .doc = "The instance that gets the data, as <tenant>/<name>." },
    { "bytes", FIELD_INT, offsetof(struct restore_status, bytes), .doc = "Bytes of database and files, unpacked." },
    { "seconds", FIELD_INT, offsetof(struct restore_status, seconds), .doc = "How long it took until it served." },
    { "progress", FIELD_OBJECT, offsetof(struct restore_status, progress), .fields = progress_fields,
      .doc = "What is being done." },
    { "checked", FIELD_OBJECT, offsetof(struct restore_status, checked), .fields = checked_fields,
      .doc = "What a drill compared." },
    { "conditions", FIELD_LIST, offsetof(struct restore_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "Ready: True once it is Completed." },
    { "retry", FIELD_OBJECT, offsetof(struct restore_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};

/* ---- rules ---- */

void restore_point_parts_release(struct restore_point_parts *parts)
{
    free(parts->tenant);
    free(parts->uid);
    free(parts->name);
    *parts = (struct restore_point_parts){ 0 };
}

bool restore_point_split(const char *text, struct restore_point_parts *ret)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    if (!strchr(text, '/'))
        return false;
    strv_split(&parts, text, '/');
    ret->tenant = mem_strdup(parts.count == 3 ? parts.items[0] : "");
    ret->uid = mem_strdup(parts.count == 3 ? parts.items[1] : "");
    ret->name = mem_strdup(parts.count == 3 ? parts.items[2] : "");
    return true;
}

void restore_validate(const struct record *record, const void *spec, struct problems *problems)
{
    (void)record; /* its name is checked with the envelope */
    const struct restore_spec *restore = spec;
    if (!restore->backup && !restore->drill && !problems_has_under(problems, "spec.backup"))
        problems_add(problems, PROBLEM_REQUIRED, "spec.backup", "names what to restore; see tenantctl backups");
    if (restore->drill && (restore->to.instance || !restore->instance))
        problems_add(problems, PROBLEM_INVALID, "spec.drill", "needs `instance`, and no `to`");
    else if (restore->to.instance && restore->instance)
        problems_add(problems, PROBLEM_INVALID, "spec.to",
                     "makes a new instance, and `instance` names one; choose one");
    else if (!restore->to.instance && !restore->instance && !problems_has_under(problems, "spec.to"))
        problems_add(problems, PROBLEM_REQUIRED, "spec.instance",
                     "names the instance to restore; or give `to` for a new one");
}

bool restore_admit_member(const struct record *record, const void *spec, struct err *err)
{
    const struct restore_spec *restore = spec;
    const char *own = record->key.namespace;
    struct restore_point_parts parts = { 0 };
    bool of_other = restore->backup && restore_point_split(restore->backup, &parts) && !str_equal(parts.tenant, own);
    restore_point_parts_release(&parts);
    if (of_other)
        return err_set(err, ERR_NOT_FOUND,
                       "spec.backup: recovery point %s not found: another tenant's is an administrator's to restore",
                       restore->backup);
    return !restore->to.tenant || str_equal(restore->to.tenant, own) ||
           err_set(err, ERR_NOT_FOUND,
                   "spec.to.tenant: tenant %s not found: another tenant's is an administrator's to make instances of",
                   restore->to.tenant);
}

bool restore_is_over(const struct restore_status *status)
{
    return str_equal(status->phase, RESTORE_COMPLETED) || str_equal(status->phase, RESTORE_FAILED) ||
           str_equal(status->phase, RESTORE_ROLLED_BACK);
}
