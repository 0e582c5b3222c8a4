/* Tenant: its field tables. */
#include "specs/tenant.h"

#include "specs/check.h"

static const struct field quota_fields[] = {
    { "instances", FIELD_INT, offsetof(struct tenant_quota, instances), .min = 0, .max = 100000,
      .doc = "Most instances; 0 or absent: no limit." },
    { "cpu", FIELD_CPU, offsetof(struct tenant_quota, cpu_millicores), .example = "4",
      .doc = "Most CPUs of all instances together; 0 or absent: no limit." },
    { "memory", FIELD_BYTES, offsetof(struct tenant_quota, memory_bytes), .example = "8Gi",
      .doc = "Most memory of all instances together; 0 or absent: no limit." },
    { "storage", FIELD_BYTES, offsetof(struct tenant_quota, storage_bytes), .example = "50Gi",
      .doc = "Most storage of all instances together; 0 or absent: no limit." },
    { NULL },
};

static const struct field tenant_backup_fields[] = {
    { "bucket", FIELD_TEXT, offsetof(struct tenant_backup, bucket), .check = check_bucket, .example = "acme-backups",
      .doc = "Bucket for this tenant's recovery points; absent: the configured one." },
    { "prefix", FIELD_TEXT, offsetof(struct tenant_backup, prefix), .check = check_objects_prefix, .example = "acme",
      .doc = "Begins their keys there; absent: the configured one, or none in a bucket of its own." },
    { NULL },
};

const struct field tenant_spec_fields[] = {
    { "displayName", FIELD_TEXT, offsetof(struct tenant_spec, display_name), .max = 200, .example = "Acme Ltd.",
      .doc = "Name shown to people." },
    { "owner", FIELD_TEXT, offsetof(struct tenant_spec, owner), .max = 254, .example = "boss@acme.example",
      .check = check_email, .doc = "E-mail address of who is responsible." },
    { "plan", FIELD_TEXT, offsetof(struct tenant_spec, plan), .max = 63, .example = "gold", .check = check_word,
      .doc = "A label, shown and selectable, nothing more." },
    { "quota", FIELD_OBJECT, offsetof(struct tenant_spec, quota), .fields = quota_fields,
      .doc = "Limits; an apply that would pass one is refused." },
    { "suspended", FIELD_BOOL, offsetof(struct tenant_spec, suspended), .fallback = "false",
      .doc = "Stops every container of the tenant; data stays. Cleared, they come back." },
    { "backup", FIELD_OBJECT, offsetof(struct tenant_spec, backup), .fields = tenant_backup_fields,
      .doc = "Where recovery points go on the S3 server; those that are there already stay where they are." },
    { NULL },
};

const struct field tenant_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct tenant_status, phase), .doc = "Pending, Active, Suspended or Deleting." },
    { "message", FIELD_TEXT, offsetof(struct tenant_status, message), .doc = "What it waits for, in words." },
    { "observedGeneration", FIELD_INT, offsetof(struct tenant_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "conditions", FIELD_LIST, offsetof(struct tenant_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "What holds and what does not." },
    { "network", FIELD_TEXT, offsetof(struct tenant_status, network), .doc = "Name of its Docker network." },
    { "subnet", FIELD_TEXT, offsetof(struct tenant_status, subnet), .doc = "Addresses of its network." },
    { "instances", FIELD_INT, offsetof(struct tenant_status, instances), .fallback = "0",
      .doc = "How many instances it has." },
    { "retry", FIELD_OBJECT, offsetof(struct tenant_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};

void tenant_validate(const struct record *record, const void *spec, struct problems *problems)
{
    (void)record;
    (void)spec;
    (void)problems; /* all its rules are about single fields so far */
}
