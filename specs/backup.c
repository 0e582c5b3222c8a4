/* Backup: its field tables. */
#include "specs/backup.h"

#include "specs/check.h"

const char *const backup_reason_words[] = {
    [BACKUP_MANUAL] = "Manual",
    [BACKUP_SCHEDULE] = "Schedule",
    [BACKUP_DELETION] = "Deletion",
    NULL,
};

const struct field backup_spec_fields[] = {
    { "instance", FIELD_TEXT, offsetof(struct backup_spec, instance), FIELD_REQUIRED | FIELD_IMMUTABLE,
      .example = "erp", .check = check_dns_label, .doc = "The instance, of the same tenant." },
    { "instanceUid", FIELD_TEXT, offsetof(struct backup_spec, instance_uid), FIELD_IMMUTABLE | FIELD_KEEP, .max = 63,
      .doc = "Its uid; filled in at creation." },
    { "reason", FIELD_ENUM, offsetof(struct backup_spec, reason), FIELD_IMMUTABLE, .fallback = "Manual",
      .choices = backup_reason_words, .doc = "Who asked for it." },
    { "scheduled", FIELD_TIME, offsetof(struct backup_spec, scheduled_ms), FIELD_IMMUTABLE | FIELD_KEEP,
      .doc = "The schedule's time that it stands for." },
    { NULL },
};

static const struct field tier_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct backup_tier_status, name), .doc = "local or s3." },
    { "place", FIELD_TEXT, offsetof(struct backup_tier_status, place), .doc = "The directory, or bucket and prefix." },
    { "storedBytes", FIELD_INT, offsetof(struct backup_tier_status, stored_bytes), .doc = "What it takes there." },
    { "verified", FIELD_TIME, offsetof(struct backup_tier_status, verified_ms),
      .doc = "When all of it was read back last, and was right." },
    { "heldUntil", FIELD_TIME, offsetof(struct backup_tier_status, held_until_ms),
      .doc = "Until when an object lock holds it." },
    { "problem", FIELD_TEXT, offsetof(struct backup_tier_status, problem), .doc = "What is wrong with it." },
    { NULL },
};

static const struct field sizes_fields[] = {
    { "databaseBytes", FIELD_INT, offsetof(struct backup_sizes, database_bytes), .doc = "The dump, unpacked." },
    { "dataBytes", FIELD_INT, offsetof(struct backup_sizes, data_bytes), .doc = "The files, unpacked." },
    { "storedBytes", FIELD_INT, offsetof(struct backup_sizes, stored_bytes), .doc = "All of it, as stored." },
    { NULL },
};

static const struct field progress_fields[] = {
    { "what", FIELD_TEXT, offsetof(struct backup_progress, what), .doc = "database, data or verify." },
    { "bytes", FIELD_INT, offsetof(struct backup_progress, bytes), .doc = "So many went through." },
    { "bytesPerSecond", FIELD_INT, offsetof(struct backup_progress, bytes_per_second), .doc = "How fast." },
    { NULL },
};

const struct field backup_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct backup_status, phase),
      .doc = "Pending, Running, Verifying, Completed or Failed." },
    { "message", FIELD_TEXT, offsetof(struct backup_status, message), .doc = "What it waits for, or what went wrong." },
    { "observedGeneration", FIELD_INT, offsetof(struct backup_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "started", FIELD_TIME, offsetof(struct backup_status, started_ms), .doc = "When the attempt that counts began." },
    { "completed", FIELD_TIME, offsetof(struct backup_status, completed_ms), .doc = "When it was over." },
    { "verified", FIELD_TIME, offsetof(struct backup_status, verified_ms),
      .doc = "When it was read back last from the place that counts, and was right." },
    { "expires", FIELD_TIME, offsetof(struct backup_status, expires_ms),
      .doc = "When it goes at the latest; absent: the retention's rules decide." },
    { "kept", FIELD_TEXT, offsetof(struct backup_status, kept), .doc = "The rules that keep it." },
    { "attempts", FIELD_INT, offsetof(struct backup_status, attempts), .doc = "How often it was begun." },
    { "sizes", FIELD_OBJECT, offsetof(struct backup_status, sizes), .fields = sizes_fields, .doc = "How large it is." },
    { "verifyAnswered", FIELD_TEXT, offsetof(struct backup_status, verify_answered),
      .doc = "The annotation that asked for the last verification." },
    { "progress", FIELD_OBJECT, offsetof(struct backup_status, progress), .fields = progress_fields,
      .doc = "While it runs." },
    { "app", FIELD_TEXT, offsetof(struct backup_status, app), .doc = "The instance's App then." },
    { "version", FIELD_TEXT, offsetof(struct backup_status, version), .doc = "Its version then." },
    { "tiers", FIELD_LIST, offsetof(struct backup_status, tiers), .fields = tier_fields,
      .item_size = sizeof(struct backup_tier_status), .doc = "The places that hold it." },
    { "conditions", FIELD_LIST, offsetof(struct backup_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "Complete: it was read back and is right." },
    { "retry", FIELD_OBJECT, offsetof(struct backup_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};

void backup_validate(const struct record *record, const void *spec, struct problems *problems)
{
    (void)record;
    (void)spec;
    (void)problems; /* all its rules are about single fields, or need the instance */
}

bool backup_is_over(const struct backup_status *status)
{
    return str_equal(status->phase, BACKUP_COMPLETED) || str_equal(status->phase, BACKUP_FAILED);
}
