/* Instance: its field tables; its rules are in instance_check.c. */
#include "specs/instance.h"

#include "specs/check.h"
#include "specs/instance_check.h"

static const char *const type_words[] = {
    [INSTANCE_PRODUCTION] = "production",
    [INSTANCE_STAGING] = "staging",
    [INSTANCE_DEVELOPMENT] = "development",
    NULL,
};
static const char *const state_words[] = { [STATE_RUNNING] = "Running", [STATE_STOPPED] = "Stopped", NULL };
static const char *const deletion_words[] = {
    [DELETION_BACKUP] = "Backup",
    [DELETION_DELETE] = "Delete",
    [DELETION_RETAIN] = "Retain",
    NULL,
};

/* Docker refuses less than 6 MiB and a hundredth of a CPU; NanoCPUs must fit. */
#define MEMORY_MIN (INT64_C(6) << 20)
#define CPU_MIN    10
#define CPU_MAX    (INT64_C(10000) * 1000)

static const struct field resources_fields[] = {
    { "cpu", FIELD_CPU, offsetof(struct instance_resources, cpu_millicores), .fallback = "1", .min = CPU_MIN,
      .max = CPU_MAX, .doc = "CPUs it may use. Changed without a restart." },
    { "memory", FIELD_BYTES, offsetof(struct instance_resources, memory_bytes), .fallback = "1Gi", .min = MEMORY_MIN,
      .max = INT64_MAX, .doc = "Memory it may use, without swap. Changed without a restart." },
    { "storage", FIELD_BYTES, offsetof(struct instance_resources, storage_bytes), .fallback = "10Gi", .min = 1,
      .max = INT64_MAX, .doc = "Storage that is counted for it and compared with real use." },
    { NULL },
};

static const struct field database_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct instance_database, name), FIELD_IMMUTABLE | FIELD_KEEP, .example = "acme_erp",
      .check = instance_check_database_name,
      .doc = "Name of its database, unique on the server; absent: <tenant>_<instance>." },
    { NULL },
};

static const struct field retention_fields[] = {
    { "last", FIELD_INT, offsetof(struct instance_retention, last), .max = 10000, .doc = "Newest ones to keep." },
    { "daily", FIELD_INT, offsetof(struct instance_retention, daily), .max = 10000,
      .doc = "Days to keep one of each." },
    { "weekly", FIELD_INT, offsetof(struct instance_retention, weekly), .max = 10000,
      .doc = "Weeks to keep one of each." },
    { "monthly", FIELD_INT, offsetof(struct instance_retention, monthly), .max = 10000,
      .doc = "Months to keep one of each." },
    { NULL },
};

static const struct field drill_fields[] = {
    { "schedule", FIELD_TEXT, offsetof(struct instance_drill, schedule), .max = 256, .example = "0 5 * * 0",
      .check = instance_check_schedule, .doc = "When to restore the newest recovery point into a scratch: cron, UTC." },
    { NULL },
};

static const struct field backup_fields[] = {
    { "schedule", FIELD_TEXT, offsetof(struct instance_backup, schedule), .max = 256, .example = "0 3 * * *",
      .check = instance_check_schedule, .doc = "When to back up: cron, UTC; spread by up to 15 minutes." },
    { "drill", FIELD_OBJECT, offsetof(struct instance_backup, drill), .fields = drill_fields,
      .doc = "Proof that its recovery points can be restored." },
    { "retention", FIELD_OBJECT, offsetof(struct instance_backup, retention), .fields = retention_fields,
      .doc = "Which recovery points to keep; none named: last 3, daily 7, weekly 4, monthly 3." },
    { NULL },
};

const struct field instance_spec_fields[] = {
    { "app", FIELD_TEXT, offsetof(struct instance_spec, app), FIELD_REQUIRED | FIELD_IMMUTABLE, .example = "odoo",
      .check = check_dns_label, .doc = "Name of the App." },
    { "version", FIELD_TEXT, offsetof(struct instance_spec, version), FIELD_REQUIRED, .max = 63, .example = "\"17.0\"",
      .check = check_word, .doc = "One of the App's versions. Another one later is an upgrade." },
    { "description", FIELD_TEXT, offsetof(struct instance_spec, description), .max = 1000, .doc = "What it is for." },
    { "type", FIELD_ENUM, offsetof(struct instance_spec, type), FIELD_IMMUTABLE, .fallback = "production",
      .choices = type_words, .doc = "Shown and selectable, nothing more." },
    { "state", FIELD_ENUM, offsetof(struct instance_spec, state), .fallback = "Running", .choices = state_words,
      .doc = "Whether it is to run." },
    { "adminEmail", FIELD_TEXT, offsetof(struct instance_spec, admin_email), .max = 254,
      .example = "admin@acme.example", .check = check_email, .doc = "E-mail address of its administrator." },
    { "demoData", FIELD_BOOL, offsetof(struct instance_spec, demo_data), .fallback = "false",
      .doc = "Whether it begins with the application's demonstration data." },
    { "addons", FIELD_TEXTS, offsetof(struct instance_spec, addons), .fallback = "[]", .example = "[sale, purchase]",
      .check = check_technical_names, .doc = "Modules to install, by technical name." },
    { "disabledModules", FIELD_TEXTS, offsetof(struct instance_spec, disabled_modules), .fallback = "[]",
      .example = "[website]", .check = check_technical_names, .doc = "Modules that must not be installed." },
    { "env", FIELD_ENV_MAP, offsetof(struct instance_spec, env), .fallback = "{}", .example = "{ODOO_WORKERS: \"2\"}",
      .doc = "Environment of the container, and the App's parameters." },
    { "resources", FIELD_OBJECT, offsetof(struct instance_spec, resources), .fallback = "{}",
      .fields = resources_fields, .doc = "What it may use." },
    { "database", FIELD_OBJECT, offsetof(struct instance_spec, database), .fields = database_fields,
      .doc = "Its database." },
    { "domains", FIELD_TEXTS, offsetof(struct instance_spec, domains), .fallback = "[]", .max = 100,
      .example = "[erp.acme.example]", .check = check_domains,
      .doc = "Names under which the reverse proxy serves it." },
    { "publish", FIELD_TEXT, offsetof(struct instance_spec, publish), FIELD_NUMBER_TOO, .fallback = "none",
      .example = "auto", .check = instance_check_publish,
      .doc = "Port of the host that leads to it: none, auto (one is chosen), or a number from 1024 on." },
    { "backup", FIELD_OBJECT, offsetof(struct instance_spec, backup), .fields = backup_fields,
      .doc = "Its recovery points." },
    { "deletionPolicy", FIELD_ENUM, offsetof(struct instance_spec, deletion_policy), FIELD_KEEP,
      .choices = deletion_words, .example = "Backup",
      .doc = "What its deletion leaves: Backup a last recovery point, Retain database and volume under another name, "
             "Delete nothing. Absent: Backup where there is a place for backups, else Retain." },
    { NULL },
};

/* ---- status ---- */

static const struct field container_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct container_status, name), .doc = "Its name." },
    { "id", FIELD_TEXT, offsetof(struct container_status, id), .doc = "Docker's identifier." },
    { "image", FIELD_TEXT, offsetof(struct container_status, image), .doc = "The image that runs." },
    { "digest", FIELD_TEXT, offsetof(struct container_status, digest), .doc = "What the image's tag stood for." },
    { "startedAt", FIELD_TIME, offsetof(struct container_status, started_ms), .doc = "When it was started last." },
    { "restarts", FIELD_INT, offsetof(struct container_status, restarts), .doc = "How often we restarted it." },
    { NULL },
};
static const struct field database_status_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct database_status, name), .doc = "Its name." },
    { "role", FIELD_TEXT, offsetof(struct database_status, role), .doc = "The role that owns it." },
    { "sizeBytes", FIELD_INT, offsetof(struct database_status, size_bytes), .doc = "Its size on disk." },
    { NULL },
};
static const struct field storage_fields[] = {
    { "volume", FIELD_TEXT, offsetof(struct storage_status, volume), .doc = "Name of the data volume." },
    { "usedBytes", FIELD_INT, offsetof(struct storage_status, used_bytes), .doc = "What database and volume use." },
    { "requestedBytes", FIELD_INT, offsetof(struct storage_status, requested_bytes), .doc = "What the spec asks for." },
    { NULL },
};
static const struct field failure_fields[] = {
    { "step", FIELD_TEXT, offsetof(struct failure_status, step), .doc = "The step that failed." },
    { "exitCode", FIELD_INT, offsetof(struct failure_status, exit_code), .doc = "Its program's exit status." },
    { "output", FIELD_TEXT, offsetof(struct failure_status, output), .doc = "The end of its output." },
    { "time", FIELD_TIME, offsetof(struct failure_status, time_ms), .doc = "When it failed." },
    { NULL },
};

static const struct field last_drill_fields[] = {
    { "time", FIELD_TIME, offsetof(struct drill_status, time_ms), .doc = "When it was over." },
    { "point", FIELD_TEXT, offsetof(struct drill_status, point), .doc = "The recovery point." },
    { "result", FIELD_TEXT, offsetof(struct drill_status, result), .doc = "Passed or Failed." },
    { "message", FIELD_TEXT, offsetof(struct drill_status, message), .doc = "What was wrong." },
    { "seconds", FIELD_INT, offsetof(struct drill_status, seconds), .doc = "How long it took until it served." },
    { NULL },
};
static const struct field backup_status_fields[] = {
    { "last", FIELD_TIME, offsetof(struct backup_of_instance, last_ms),
      .doc = "What time its newest verified recovery point is of." },
    { "lastName", FIELD_TEXT, offsetof(struct backup_of_instance, last_name), .doc = "Name of that Backup." },
    { "next", FIELD_TIME, offsetof(struct backup_of_instance, next_ms),
      .doc = "When the schedule makes the next one." },
    { "lastDrill", FIELD_OBJECT, offsetof(struct backup_of_instance, last_drill), .fields = last_drill_fields,
      .doc = "The drill that was run last." },
    { NULL },
};

const struct field instance_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct instance_status, phase),
      .doc = "Pending, Provisioning, Running, Degraded, Stopped, Suspended, Restoring or Deleting." },
    { "url", FIELD_TEXT, offsetof(struct instance_status, url), .doc = "Where it answers." },
    { "message", FIELD_TEXT, offsetof(struct instance_status, message), .doc = "What it waits for, in words." },
    { "version", FIELD_TEXT, offsetof(struct instance_status, version), .doc = "The version that runs." },
    { "observedGeneration", FIELD_INT, offsetof(struct instance_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "conditions", FIELD_LIST, offsetof(struct instance_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "DatabaseReady, ContainerReady, Healthy, Ready and others." },
    { "container", FIELD_OBJECT, offsetof(struct instance_status, container), .fields = container_fields,
      .doc = "Its container." },
    { "database", FIELD_OBJECT, offsetof(struct instance_status, database), .fields = database_status_fields,
      .doc = "Its database." },
    { "storage", FIELD_OBJECT, offsetof(struct instance_status, storage), .fields = storage_fields,
      .doc = "Its storage." },
    { "failure", FIELD_OBJECT, offsetof(struct instance_status, failure), .fields = failure_fields,
      .doc = "The last step that failed; absent when it succeeded since." },
    { "backup", FIELD_OBJECT, offsetof(struct instance_status, backup), .fields = backup_status_fields,
      .doc = "Its recovery points." },
    { "retry", FIELD_OBJECT, offsetof(struct instance_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};
