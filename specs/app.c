/* App: its field tables and look-ups; its rules are in app_check.c. */
#include "specs/app.h"

#include "specs/app_check.h"
#include "specs/check.h"

const char *const app_change_field_names[CHANGE_FIELDS + 1] = {
    [CHANGE_ADDONS] = "addons",
    [CHANGE_DISABLED_MODULES] = "disabledModules",
    [CHANGE_ADMIN_EMAIL] = "adminEmail",
    [CHANGE_DEMO_DATA] = "demoData",
    [CHANGE_FIELDS] = NULL,
};

static const char *const parameter_types[] = {
    [PARAMETER_STRING] = "string",
    [PARAMETER_INTEGER] = "integer",
    [PARAMETER_BOOLEAN] = "boolean",
    [PARAMETER_ENUM] = "enum",
    NULL,
};

static const struct field version_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct app_version, name), FIELD_REQUIRED, .max = 63, .example = "\"17.0\"",
      .check = check_word, .doc = "What spec.version of an instance asks for." },
    { "image", FIELD_TEXT, offsetof(struct app_version, image), FIELD_REQUIRED, .max = 255, .example = "odoo:17.0",
      .check = check_word, .doc = "The image, with registry and tag or digest." },
    { NULL },
};

static const struct field user_fields[] = {
    { "uid", FIELD_INT, offsetof(struct app_user, uid), FIELD_REQUIRED, .fallback = "-1", .min = 0,
      .max = INT32_MAX - 1, .doc = "Number of the user that the application runs as and that owns its files." },
    { "gid", FIELD_INT, offsetof(struct app_user, gid), FIELD_REQUIRED, .fallback = "-1", .min = 0,
      .max = INT32_MAX - 1, .doc = "Number of its group." },
    { NULL },
};

static const struct field port_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct app_port, name), FIELD_REQUIRED, .example = "http", .check = check_dns_label,
      .doc = "Name, for health.port." },
    { "port", FIELD_INT, offsetof(struct app_port, port), FIELD_REQUIRED, .min = 1, .max = 65535, .example = "8069",
      .doc = "TCP port inside the container." },
    { "pathPrefix", FIELD_TEXT, offsetof(struct app_port, path_prefix), .max = 255, .example = "/websocket",
      .check = check_url_path, .doc = "URL paths that go to this port; absent: the main one." },
    { NULL },
};

static const struct field file_fields[] = {
    { "path", FIELD_TEXT, offsetof(struct app_file, path), FIELD_REQUIRED, .example = "/etc/odoo/odoo.conf",
      .check = check_file_path, .doc = "Where it stands in the container." },
    { "content", FIELD_TEXT, offsetof(struct app_file, content), FIELD_REQUIRED, .max = 256 * 1024,
      .doc = "What it has; a template." },
    { "executable", FIELD_BOOL, offsetof(struct app_file, executable), .fallback = "false",
      .doc = "Whether it may be run. No file is readable for others than the application's user." },
    { NULL },
};

static const struct field parameter_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct app_parameter, name), FIELD_REQUIRED, .max = 100, .example = "ODOO_WORKERS",
      .check = check_env_name, .doc = "Name in an instance's spec.env and, as parameters.NAME, in templates." },
    { "type", FIELD_ENUM, offsetof(struct app_parameter, type), .fallback = "string", .choices = parameter_types,
      .doc = "What values are accepted." },
    { "default", FIELD_TEXT, offsetof(struct app_parameter, fallback), .example = "\"0\"",
      .doc = "Value where an instance sets none; absent: empty." },
    { "values", FIELD_TEXTS, offsetof(struct app_parameter, values), .max = 100, .example = "[low, high]",
      .check = check_unique_texts, .doc = "The values of an enum." },
    { "description", FIELD_TEXT, offsetof(struct app_parameter, description), .max = 1000, .doc = "What it does." },
    { NULL },
};

/* One table per default timeout. */
#define TIMEOUT_MAX_MS (7 * DAY_MS)
#define COMMAND_FIELDS(timeout)                                                                                        \
    {                                                                                                                  \
        { "command",                                                                                                   \
          FIELD_TEXTS,                                                                                                 \
          offsetof(struct app_command, command),                                                                       \
          FIELD_REQUIRED,                                                                                              \
          .example = "[sh, -c, ...]",                                                                                  \
          .doc = "Program and arguments, each a template; one that renders to nothing is left out." },                 \
            { "timeout",                                                                                               \
              FIELD_DURATION,                                                                                          \
              offsetof(struct app_command, timeout_ms),                                                                \
              .fallback = (timeout),                                                                                   \
              .min = SECOND_MS,                                                                                        \
              .max = TIMEOUT_MAX_MS,                                                                                   \
              .doc = "How long it may take." },                                                                        \
            { NULL },                                                                                                  \
    }
static const struct field init_fields[] = COMMAND_FIELDS("20m");
static const struct field upgrade_fields[] = COMMAND_FIELDS("30m");
static const struct field after_fields[] = COMMAND_FIELDS("10m");

static const struct field clone_fields[] = {
    { "after", FIELD_OBJECT, offsetof(struct app_clone, after), .fields = after_fields,
      .doc = "Run in a clone before its first start: new keys, passwords, identifiers." },
    { NULL },
};

/* Relative, and within the data directory. */
static void check_exclude(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const struct strv *patterns = value;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (!pattern[0] || pattern[0] == '/' || str_starts_with(pattern, "./") || strstr(pattern, ".."))
            problems_add(problems, PROBLEM_INVALID, path, "\"%s\" is no path below dataPath, like sessions or cache/*",
                         pattern);
    }
}

static const struct field app_backup_fields[] = {
    { "quiesce", FIELD_OBJECT, offsetof(struct app_backup, quiesce), .fields = after_fields,
      .doc = "A one-shot before the files are copied; the application keeps running." },
    { "resume", FIELD_OBJECT, offsetof(struct app_backup, resume), .fields = after_fields,
      .doc = "A one-shot afterwards, whatever became of the copy." },
    { "exclude", FIELD_TEXTS, offsetof(struct app_backup, exclude), .max = 100, .example = "[sessions]",
      .check = check_exclude,
      .doc = "Paths below dataPath, with * and ?, that are left out; of a directory its content." },
    { "mustExist", FIELD_TEXT, offsetof(struct app_backup, must_exist), .max = 4000,
      .example = "select 'filestore/' || current_database() || '/' || store_fname from ir_attachment",
      .doc = "SQL whose first column names files below dataPath; a backup that lacks one does not count." },
    { NULL },
};

static const struct field restore_fields[] = {
    { "after", FIELD_OBJECT, offsetof(struct app_restore, after), .fields = after_fields,
      .doc =
          "Run in restored data before its first start, where it is a clone's or a drill's, another instance's, or is "
          "to be neutralised; knows restore.sourceDatabase and restore.neutralize." },
    { NULL },
};

static const struct field change_fields[] = {
    { "command", FIELD_TEXTS, offsetof(struct app_on_change, command), .example = "[sh, -c, ...]",
      .doc = "Applies a change; knows change.old and change.new." },
    { "timeout", FIELD_DURATION, offsetof(struct app_on_change, timeout_ms), .fallback = "20m", .min = SECOND_MS,
      .max = TIMEOUT_MAX_MS, .doc = "How long it may take." },
    { "immutable", FIELD_BOOL, offsetof(struct app_on_change, immutable), .fallback = "false",
      .doc = "The field cannot be changed after creation." },
    { "live", FIELD_BOOL, offsetof(struct app_on_change, live), .fallback = "false",
      .doc = "The application keeps running meanwhile." },
    { NULL },
};

#define CHANGE_FIELD(field_name, index, words)                                                                         \
    {                                                                                                                  \
        field_name, FIELD_OBJECT, offsetof(struct app_on_changes, field[index]), .fields = change_fields,              \
                                                                                 .doc = (words)                        \
    }
static const struct field on_change_fields[] = {
    CHANGE_FIELD("addons", CHANGE_ADDONS, "What a change of spec.addons does."),
    CHANGE_FIELD("disabledModules", CHANGE_DISABLED_MODULES, "What a change of spec.disabledModules does."),
    CHANGE_FIELD("adminEmail", CHANGE_ADMIN_EMAIL, "What a change of spec.adminEmail does."),
    CHANGE_FIELD("demoData", CHANGE_DEMO_DATA, "What a change of spec.demoData does."),
    { NULL },
};

static const struct field health_fields[] = {
    { "path", FIELD_TEXT, offsetof(struct app_health, path), FIELD_REQUIRED, .max = 1000, .example = "/web/login",
      .check = check_url_path, .doc = "URL path that answers below 400 when all is well." },
    { "port", FIELD_TEXT, offsetof(struct app_health, port), .example = "http",
      .doc = "Name of the port; absent: the first one." },
    { "startupTimeout", FIELD_DURATION, offsetof(struct app_health, startup_timeout_ms), .fallback = "10m",
      .min = SECOND_MS, .max = TIMEOUT_MAX_MS, .doc = "How long a start may take before it counts as failed." },
    { "failureThreshold", FIELD_INT, offsetof(struct app_health, failure_threshold), .fallback = "3", .min = 1,
      .max = 100, .doc = "Failed probes in a row that make it unhealthy." },
    { NULL },
};

static const struct field rollout_fields[] = {
    { "maxUnavailable", FIELD_INT, offsetof(struct app_rollout, max_unavailable), .fallback = "1", .min = 1,
      .max = 1000, .doc = "Instances that may be down at a time while an edited App rolls out." },
    { NULL },
};

const struct field app_spec_fields[] = {
    { "description", FIELD_TEXT, offsetof(struct app_spec, description), .max = 1000, .doc = "What it is." },
    { "versions", FIELD_LIST, offsetof(struct app_spec, versions), FIELD_REQUIRED | FIELD_UNIQUE_NAME,
      .fields = version_fields, .item_size = sizeof(struct app_version),
      .example = "[{name: \"17.0\", image: \"odoo:17.0\"}]", .doc = "Versions that instances may ask for." },
    { "user", FIELD_OBJECT, offsetof(struct app_spec, user), .fields = user_fields,
      .doc = "Who the application runs as; absent: read from the image." },
    { "capabilities", FIELD_TEXTS, offsetof(struct app_spec, capabilities), .max = 50, .example = "[CHOWN, SETUID]",
      .check = app_check_capabilities, .doc = "Linux capabilities to give back; all are dropped otherwise." },
    { "ports", FIELD_LIST, offsetof(struct app_spec, ports), FIELD_UNIQUE_NAME, .max = 20, .fields = port_fields,
      .item_size = sizeof(struct app_port), .example = "[{name: http, port: 8069}]",
      .doc = "TCP ports it listens on; the first without pathPrefix is the main one." },
    { "dataPath", FIELD_TEXT, offsetof(struct app_spec, data_path), .example = "/var/lib/odoo",
      .check = check_file_path, .doc = "Directory of its data; a volume stands there. Absent: it keeps no files." },
    { "command", FIELD_TEXTS, offsetof(struct app_spec, command), .example = "[odoo, -c, /etc/odoo/odoo.conf]",
      .doc = "Program and arguments, each a template; absent: the image's." },
    { "env", FIELD_ENV_MAP, offsetof(struct app_spec, env), .fallback = "{}",
      .example = "{DB_HOST: \"{{database.host}}\"}",
      .doc = "Environment; the values are templates. An instance's spec.env goes over it." },
    { "files", FIELD_LIST, offsetof(struct app_spec, files), .max = 100, .fields = file_fields,
      .item_size = sizeof(struct app_file), .doc = "Files written into the container." },
    { "parameters", FIELD_LIST, offsetof(struct app_spec, parameters), FIELD_UNIQUE_NAME, .max = 200,
      .fields = parameter_fields, .item_size = sizeof(struct app_parameter),
      .doc = "What an instance may set by spec.env and templates use." },
    { "secrets", FIELD_TEXTS, offsetof(struct app_spec, secrets), .max = 50, .example = "[adminPassword]",
      .check = app_check_secret_names,
      .doc = "Random texts made per instance and kept sealed; secret.NAME in templates." },
    { "init", FIELD_OBJECT, offsetof(struct app_spec, init), .fields = init_fields,
      .doc = "Run once in a fresh database." },
    { "upgrade", FIELD_OBJECT, offsetof(struct app_spec, upgrade), .fields = upgrade_fields,
      .doc = "Run with the new image when the version changes." },
    { "clone", FIELD_OBJECT, offsetof(struct app_spec, clone), .fields = clone_fields, .doc = "About clones." },
    { "backup", FIELD_OBJECT, offsetof(struct app_spec, backup), .fields = app_backup_fields,
      .doc = "What its recovery points need." },
    { "restore", FIELD_OBJECT, offsetof(struct app_spec, restore), .fields = restore_fields,
      .doc = "About restored data." },
    { "onChange", FIELD_OBJECT, offsetof(struct app_spec, on_change), .fields = on_change_fields,
      .doc = "What a change of these fields does to a live instance." },
    { "health", FIELD_OBJECT, offsetof(struct app_spec, health), .fields = health_fields,
      .doc = "How health is seen; absent: a running container is healthy." },
    { "stopTimeout", FIELD_DURATION, offsetof(struct app_spec, stop_timeout_ms), .fallback = "30s", .min = SECOND_MS,
      .max = HOUR_MS, .doc = "Time between SIGTERM and SIGKILL." },
    { "warmDatabase", FIELD_BOOL, offsetof(struct app_spec, warm_database), .fallback = "false",
      .doc = "Keep an initialised database per version, from which new instances are cloned." },
    { "rollout", FIELD_OBJECT, offsetof(struct app_spec, rollout), .fallback = "{}", .fields = rollout_fields,
      .doc = "How an edited App reaches its instances." },
    { NULL },
};

static const struct field warm_fields[] = {
    { "version", FIELD_TEXT, offsetof(struct app_warm, version), .doc = "Version that it is for." },
    { "state", FIELD_TEXT, offsetof(struct app_warm, state), .doc = "Ready, Building or Failed." },
    { "database", FIELD_TEXT, offsetof(struct app_warm, database), .doc = "Name of the template database." },
    { "message", FIELD_TEXT, offsetof(struct app_warm, message), .doc = "What went wrong." },
    { NULL },
};

const struct field app_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct app_status, phase), .doc = "Pending, Ready, Degraded or Deleting." },
    { "message", FIELD_TEXT, offsetof(struct app_status, message), .doc = "What it waits for, in words." },
    { "observedGeneration", FIELD_INT, offsetof(struct app_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "conditions", FIELD_LIST, offsetof(struct app_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "What holds and what does not." },
    { "instances", FIELD_INT, offsetof(struct app_status, instances), .fallback = "0",
      .doc = "How many instances use it." },
    { "warm", FIELD_LIST, offsetof(struct app_status, warm), .fields = warm_fields,
      .item_size = sizeof(struct app_warm), .doc = "Warm databases." },
    { "retry", FIELD_OBJECT, offsetof(struct app_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};

/* ---- look-ups ---- */

const struct app_version *app_find_version(const struct app_spec *app, const char *name)
{
    const struct app_version *versions = app->versions.items;
    for (size_t i = 0; i < app->versions.count; i++) {
        if (name && str_equal(versions[i].name, name))
            return &versions[i];
    }
    return NULL;
}

const struct app_port *app_find_port(const struct app_spec *app, const char *name_or_null)
{
    const struct app_port *ports = app->ports.items;
    for (size_t i = 0; i < app->ports.count; i++) {
        if (!name_or_null || str_equal(ports[i].name, name_or_null))
            return &ports[i];
    }
    return NULL;
}

const struct app_parameter *app_find_parameter(const struct app_spec *app, const char *name)
{
    const struct app_parameter *parameters = app->parameters.items;
    for (size_t i = 0; i < app->parameters.count; i++) {
        if (name && str_equal(parameters[i].name, name))
            return &parameters[i];
    }
    return NULL;
}
