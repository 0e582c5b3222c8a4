/* Which flat field stands for which path of a record, and the way there and back. */
#include <math.h>

#include "api/platform.h"
#include "specs/quantity.h"
#include "specs/wording.h"

#define CUSTOMER_PATH "metadata.annotations.tenantd/customer"

const struct flat_field instance_flat_fields[] = {
    { "id", FLAT_TEXT, "metadata.uid", FLAT_READ_ONLY, "Its id." },
    { "tenant_id", FLAT_TEXT, NULL, 0, "Id or name of its tenant; may be absent for who has one tenant." },
    { "tenant", FLAT_TEXT, "metadata.namespace", FLAT_READ_ONLY, "Its tenant's name." },
    { "name", FLAT_TEXT, "metadata.name", FLAT_REQUIRED, "Name within the tenant: a-z, 0-9 and -; fixed." },
    { "status", FLAT_TEXT, NULL, FLAT_READ_ONLY, "What was seen of it last." },
    { "description", FLAT_TEXT, "spec.description", 0, "What it is for." },
    { "app", FLAT_TEXT, "spec.app", 0, "The App it runs; absent: accounts.app of the configuration; fixed." },
    { "odoo_version", FLAT_TEXT, "spec.version", FLAT_REQUIRED, "One of the App's versions." },
    { "instance_type", FLAT_TEXT, "spec.type", 0, "production, staging or development; fixed." },
    { "cpu_limit", FLAT_CPU, "spec.resources.cpu", 0, "CPUs it may use." },
    { "memory_limit", FLAT_SIZE, "spec.resources.memory", 0, "Memory it may use." },
    { "storage_limit", FLAT_SIZE, "spec.resources.storage", 0, "Storage it is meant to use." },
    { "admin_email", FLAT_TEXT, "spec.adminEmail", 0, "E-mail address of its administrator." },
    { "demo_data", FLAT_BOOL, "spec.demoData", 0, "Whether it begins with demonstration data." },
    { "database_name", FLAT_TEXT, "spec.database.name", 0, "Its database; absent: one is named; fixed." },
    { "custom_addons", FLAT_TEXTS, "spec.addons", 0, "Modules to install." },
    { "disabled_modules", FLAT_TEXTS, "spec.disabledModules", 0, "Modules that must not be installed." },
    { "environment_vars", FLAT_MAP, "spec.env", 0, "Environment and the App's parameters." },
    { "domains", FLAT_TEXTS, "spec.domains", 0, "Names under which the proxy serves it." },
    { "url", FLAT_TEXT, "status.url", FLAT_READ_ONLY, "Where it answers." },
    { "message", FLAT_TEXT, "status.message", FLAT_READ_ONLY, "What it waits for." },
    { "created_at", FLAT_TEXT, "metadata.creationTimestamp", FLAT_READ_ONLY, "When it was made." },
    { NULL },
};

const struct flat_field tenant_flat_fields[] = {
    { "id", FLAT_TEXT, "metadata.uid", FLAT_READ_ONLY, "Its id." },
    { "name", FLAT_TEXT, "metadata.name", FLAT_REQUIRED, "Its name: a-z, 0-9 and -; fixed." },
    { "status", FLAT_TEXT, NULL, FLAT_READ_ONLY, "pending, active, suspended or terminating." },
    { "display_name", FLAT_TEXT, "spec.displayName", 0, "Name shown to people." },
    { "owner_email", FLAT_TEXT, "spec.owner", 0, "E-mail address of who is responsible." },
    { "customer_id", FLAT_TEXT, CUSTOMER_PATH, 0, "The customer it belongs to, as the portal numbers them." },
    { "plan", FLAT_TEXT, "spec.plan", 0, "Its plan." },
    { "suspended", FLAT_BOOL, "spec.suspended", 0, "Whether all its containers are stopped." },
    { "max_instances", FLAT_INT, "spec.quota.instances", 0, "Most instances; 0: no limit." },
    { "cpu_limit", FLAT_CPU, "spec.quota.cpu", 0, "Most CPUs of all instances; 0: no limit." },
    { "memory_limit", FLAT_SIZE, "spec.quota.memory", 0, "Most memory of all instances; null: no limit." },
    { "storage_limit", FLAT_SIZE, "spec.quota.storage", 0, "Most storage of all instances; null: no limit." },
    { "instance_count", FLAT_INT, "status.instances", FLAT_READ_ONLY, "How many instances it has." },
    { "created_at", FLAT_TEXT, "metadata.creationTimestamp", FLAT_READ_ONLY, "When it was made." },
    { NULL },
};

/* ---- paths ---- */

/* Splits off the next key; the last part of a path under annotations may have dots, so three parts are all there are. */
static char *next_key(const char **at, int *depth)
{
    size_t len = *depth < 2 ? strcspn(*at, ".") : strlen(*at);
    char *key = mem_strndup(*at, len);
    *at += len + ((*at)[len] == '.');
    ++*depth;
    return key;
}

static const json_t *value_at(const json_t *root, const char *path)
{
    int depth = 0;
    while (root && *path) {
        CLEANUP(freep) char *key = next_key(&path, &depth);
        root = json_object_get(root, key);
    }
    return root;
}

static void put_at(json_t *root, const char *path, json_t *value_taken)
{
    int depth = 0;
    for (;;) {
        CLEANUP(freep) char *key = next_key(&path, &depth);
        if (*path == '\0') {
            json_put(root, key, value_taken);
            return;
        }
        if (!json_is_object(json_object_get(root, key)))
            json_put(root, key, json_object());
        root = json_object_get(root, key);
    }
}

/* ---- there ---- */

static const struct flat_field *find_field(const struct flat_field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (str_equal(fields->name, name))
            return fields;
    return NULL;
}

static const struct {
    const char *wanted;
    const char *schema_type;
} types[] = {
    [FLAT_TEXT] = { "text", "string" },
    [FLAT_BOOL] = { "true or false", "boolean" },
    [FLAT_INT] = { "a whole number", "integer" },
    [FLAT_CPU] = { "a number of CPUs like 1.0", "number" },
    [FLAT_SIZE] = { "a size in text like \"2G\"", "string" },
    [FLAT_TEXTS] = { "a list of texts", "array" },
    [FLAT_MAP] = { "an object of texts", "object" },
};

/* Members of lists and maps are looked at by the record's own table. */
static bool has_type(enum flat_type type, const json_t *value)
{
    switch (type) {
    case FLAT_TEXT:
    case FLAT_SIZE:
        return json_is_string(value);
    case FLAT_BOOL:
        return json_is_boolean(value);
    case FLAT_INT:
        return json_is_integer(value);
    case FLAT_CPU:
        return json_is_number(value);
    case FLAT_TEXTS:
        return json_is_array(value);
    case FLAT_MAP:
        return json_is_object(value);
    }
    return false;
}

void flat_to_document(const struct flat_field *fields, const json_t *body, enum flat_use use, json_t *document,
                      struct problems *problems)
{
    json_t *tree = (json_t *)(uintptr_t)body; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        const struct flat_field *field = find_field(fields, key);
        if (!field)
            problems_add(problems, PROBLEM_UNKNOWN_FIELD, key, "is not known");
        else if ((field->flags & FLAT_READ_ONLY) || !field->path)
            continue;
        else if (json_is_null(value))
            put_at(document, field->path, json_null()); /* which means absent */
        else if (!has_type(field->type, value))
            problems_add(problems, PROBLEM_INVALID, key, "must be %s", types[field->type].wanted);
        else
            put_at(document, field->path, json_deep_copy(value));
    }
    for (const struct flat_field *field = fields; use == FLAT_CREATE && field->name; field++)
        if ((field->flags & FLAT_REQUIRED) && json_is_null(json_object_get(body, field->name)) == 0 &&
            !json_object_get(body, field->name))
            problems_add(problems, PROBLEM_REQUIRED, field->name, "is required");
}

void flat_rename_problems(const struct flat_field *fields, struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct problem *problem = &problems->items[i];
        for (const struct flat_field *field = fields; field->name; field++) {
            if (!field->path || !str_starts_with(problem->path, field->path))
                continue;
            char *renamed = mem_printf("%s%s", field->name, problem->path + strlen(field->path));
            free(problem->path);
            problem->path = renamed;
            break;
        }
    }
}

/* ---- back ---- */

static json_t *cpu_value(const json_t *value)
{
    int64_t millicores = 0;
    if (json_is_number(value))
        return json_real(json_number_value(value));
    if (json_is_string(value) && quantity_millicores(json_string_value(value), &millicores, NULL))
        return json_real((double)millicores / 1000.0);
    return json_real(0);
}

static json_t *size_value(const json_t *value)
{
    if (json_is_integer(value)) {
        CLEANUP(freep) char *text = quantity_print_bytes(json_integer_value(value));
        return json_from_text(text);
    }
    return json_is_string(value) ? json_deep_copy(value) : json_null();
}

static json_t *flat_value(enum flat_type type, const json_t *value)
{
    switch (type) {
    case FLAT_TEXT:
        return json_is_string(value) ? json_deep_copy(value) : json_null();
    case FLAT_BOOL:
        return json_boolean(json_is_true(value));
    case FLAT_INT:
        return json_integer(json_integer_value(value));
    case FLAT_CPU:
        return cpu_value(value);
    case FLAT_SIZE:
        return size_value(value);
    case FLAT_TEXTS:
        return json_is_array(value) ? json_deep_copy(value) : json_array();
    case FLAT_MAP:
        return json_is_object(value) ? json_deep_copy(value) : json_object();
    }
    return json_null();
}

json_t *flat_from_record(const struct flat_field *fields, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *document = record_to_json(record);
    json_t *object = json_object();
    for (; fields->name; fields++)
        if (fields->path)
            json_put(object, fields->name, flat_value(fields->type, value_at(document, fields->path)));
    return object;
}

json_t *flat_schema(const struct flat_field *fields)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (; fields->name; fields++) {
        json_t *property = json_object();
        bool may_be_null = fields->type == FLAT_TEXT || fields->type == FLAT_SIZE;
        json_put_text(property, "type", types[fields->type].schema_type);
        json_put_text(property, "description", fields->doc);
        if (fields->type == FLAT_TEXTS)
            json_put(property, "items", json_pack("{s:s}", "type", "string"));
        if (fields->type == FLAT_MAP)
            json_put(property, "additionalProperties", json_pack("{s:s}", "type", "string"));
        if (may_be_null && !(fields->flags & FLAT_REQUIRED))
            json_put(property, "nullable", json_true());
        if (fields->flags & FLAT_READ_ONLY)
            json_put(property, "readOnly", json_true());
        if (fields->flags & FLAT_REQUIRED)
            json_push(required, json_string(fields->name));
        json_put(properties, fields->name, property);
    }
    json_t *schema = json_object();
    json_put_text(schema, "type", "object");
    json_put(schema, "properties", properties);
    json_put(schema, "required", required);
    return schema;
}

/* ---- status ---- */

const char *const flat_status_names[FLAT_STATUSES + 1] = {
    [STATUS_CREATING] = "creating",   [STATUS_RUNNING] = "running",         [STATUS_UPDATING] = "updating",
    [STATUS_ERROR] = "error",         [STATUS_STOPPED] = "stopped",         [STATUS_SUSPENDED] = "suspended",
    [STATUS_RESTORING] = "restoring", [STATUS_TERMINATING] = "terminating", [FLAT_STATUSES] = NULL,
};

static const struct {
    const char *phase;
    enum flat_status status;
} phases[] = {
    { "Pending", STATUS_CREATING },    { "Provisioning", STATUS_CREATING }, { "Running", STATUS_RUNNING },
    { "Degraded", STATUS_ERROR },      { "Stopped", STATUS_STOPPED },       { "Suspended", STATUS_SUSPENDED },
    { "Restoring", STATUS_RESTORING }, { "Deleting", STATUS_TERMINATING },
};

enum flat_status instance_flat_status(const struct record *record)
{
    const char *phase = json_text(record->status, "phase");
    if (record->deletion_ms)
        return STATUS_TERMINATING;
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        if (!str_equal(phases[i].phase, phase))
            continue;
        bool is_behind = json_int(record->status, "observedGeneration", 0) < record->generation;
        bool is_settled = phases[i].status == STATUS_RUNNING || phases[i].status == STATUS_STOPPED;
        return is_behind && is_settled ? STATUS_UPDATING : phases[i].status;
    }
    return STATUS_CREATING;
}

enum flat_status instance_wanted_status(const struct record *record)
{
    enum flat_status seen = instance_flat_status(record);
    if (seen == STATUS_TERMINATING || seen == STATUS_RESTORING)
        return seen;
    if (record_annotation(record, ANNOTATION_SUSPENDED))
        return STATUS_SUSPENDED;
    if (str_equal(json_text(record->spec, "state"), "Stopped"))
        return STATUS_STOPPED;
    /* What was seen is of before: it is on its way. */
    if (seen == STATUS_STOPPED || (seen == STATUS_SUSPENDED && !record_annotation(record, ANNOTATION_SUSPENDED)))
        return seen == STATUS_STOPPED ? STATUS_UPDATING : STATUS_SUSPENDED;
    return seen;
}
