/* Instance: the rules of single fields, between fields, and with its App. */
#include "specs/instance_check.h"

#include "specs/cron.h"
#include "specs/wording.h"

#define DATABASE_NAME_MAX 63
#define PORT_MIN          1024
#define PORT_MAX          65535

/* ---- single fields ---- */

static const char *database_name_complaint(const char *name)
{
    static const char *const reserved[] = { "postgres", "template0", "template1", "tenantd", "admin",
                                            "root",     "public",    "default",   NULL };
    if (name[0] == '_')
        return "begins with _; begin it with a letter";
    if (str_starts_with(name, "pg_"))
        return "begins with pg_, which belongs to PostgreSQL";
    if (name[0] < 'a' || name[0] > 'z')
        return "does not begin with a letter a-z";
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return "is not a database name; use a-z, 0-9 and _";
    if (strlen(name) > DATABASE_NAME_MAX)
        return "is longer than 63 characters";
    for (size_t i = 0; reserved[i]; i++) {
        if (str_equal(name, reserved[i]))
            return "is a reserved name; choose another one";
    }
    return NULL;
}

void instance_check_database_name(const struct field *field, const void *value, const char *path,
                                  struct problems *problems)
{
    (void)field; /* there is one such field, as for the others here */
    const char *name = *(char *const *)value;
    const char *why = database_name_complaint(name);
    if (!why)
        return;
    CLEANUP(freep) char *shown = quoted(name);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

void instance_check_publish(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    int64_t port = 0;
    if (str_equal(text, "none") || str_equal(text, "auto") || str_parse_int64(text, PORT_MIN, PORT_MAX, &port))
        return;
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s is not none, auto or a port from %d to %d", shown, PORT_MIN,
                 PORT_MAX);
}

void instance_check_schedule(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    struct cron cron;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!cron_parse(*(char *const *)value, &cron, &err))
        problems_add(problems, PROBLEM_INVALID, path, "%s", err_message(&err));
}

/* ---- between fields, and what a record settles by itself ---- */

void instance_validate(const struct record *record, const void *spec, struct problems *problems)
{
    (void)record; /* its name is checked with the envelope */
    const struct instance_spec *instance = spec;
    for (size_t i = 0; i < instance->disabled_modules.count; i++) {
        const char *module = instance->disabled_modules.items[i];
        CLEANUP(freep) char *path = mem_printf("spec.disabledModules[%zu]", i);
        if (strv_has(&instance->addons, module))
            problems_add(problems, PROBLEM_INVALID, path, "\"%s\" stands in spec.addons, too; choose one", module);
    }
}

char *instance_default_database(const char *tenant, const char *instance)
{
    char *name = mem_printf("%s_%s", tenant, instance);
    for (char *at = name; *at; at++) {
        if (*at == '-')
            *at = '_';
    }
    if (!database_name_complaint(name))
        return name;
    /* A tenant "7up" or "pg": its name cannot begin a database's name. */
    char *prefixed = mem_printf("t%s", name);
    free(name);
    return prefixed;
}

void instance_settle(struct record *record)
{
    json_t *database = json_object_get(record->spec, "database");
    if (!json_is_object(database)) {
        json_put(record->spec, "database", json_object());
        database = json_object_get(record->spec, "database");
    }
    if (!json_object_get(database, "name")) {
        CLEANUP(freep) char *name = instance_default_database(record->key.namespace, record->key.name);
        json_put_text(database, "name", name);
    }
}

/* ---- with its App ---- */

static void check_version(const struct instance_spec *instance, const struct app_spec *app, struct problems *problems)
{
    CLEANUP(str_release) struct str known = STR_INIT;
    CLEANUP(freep) char *shown = quoted(instance->version ? instance->version : "");
    const struct app_version *versions = app->versions.items;
    if (app_find_version(app, instance->version))
        return;
    for (size_t i = 0; i < app->versions.count; i++)
        str_addf(&known, "%s%s", i > 0 ? ", " : "", versions[i].name);
    problems_add(problems, PROBLEM_NOT_SUPPORTED, "spec.version", "App \"%s\" has no version %s; it has %s",
                 instance->app, shown, known.text);
}

static void check_parameters(const struct instance_spec *instance, const struct app_spec *app,
                             struct problems *problems)
{
    const char *name;
    json_t *value;
    json_object_foreach (instance->env, name, value) {
        const struct app_parameter *parameter = app_find_parameter(app, name);
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(freep) char *path = mem_printf("spec.env.%s", name);
        if (parameter && !app_parameter_takes(parameter, json_string_value(value), &err))
            problems_add(problems, PROBLEM_INVALID, path, "%s", err_message(&err));
    }
}

/* What the App can do with one of the change fields, all its life long or at the beginning only. */
static bool is_applied_later(const struct app_spec *app, enum app_change_field change)
{
    CLEANUP(freep) char *name = mem_printf("spec.%s", app_change_field_names[change]);
    return app->on_change.field[change].command.count > 0 || app_container_uses(app, name);
}

static bool is_applied_at_all(const struct app_spec *app, enum app_change_field change)
{
    CLEANUP(freep) char *name = mem_printf("spec.%s", app_change_field_names[change]);
    return is_applied_later(app, change) || app->on_change.field[change].immutable ||
           app_command_uses(&app->init.command, name) || app_command_uses(&app->clone.after.command, name);
}

static bool is_given(const struct instance_spec *instance, enum app_change_field change)
{
    switch (change) {
    case CHANGE_ADDONS:
        return instance->addons.count > 0;
    case CHANGE_DISABLED_MODULES:
        return instance->disabled_modules.count > 0;
    case CHANGE_ADMIN_EMAIL:
        return instance->admin_email;
    case CHANGE_DEMO_DATA:
        return instance->demo_data;
    case CHANGE_FIELDS:
        break;
    }
    return false;
}

static bool differs(const struct instance_spec *a, const struct instance_spec *b, enum app_change_field change)
{
    switch (change) {
    case CHANGE_ADDONS:
        return !strv_equal(&a->addons, &b->addons);
    case CHANGE_DISABLED_MODULES:
        return !strv_equal(&a->disabled_modules, &b->disabled_modules);
    case CHANGE_ADMIN_EMAIL:
        return !str_equal(a->admin_email, b->admin_email);
    case CHANGE_DEMO_DATA:
        return a->demo_data != b->demo_data;
    case CHANGE_FIELDS:
        break;
    }
    return false;
}

void instance_check_app(const struct instance_spec *instance, const struct app_spec *app, struct problems *problems)
{
    check_version(instance, app, problems);
    check_parameters(instance, app, problems);
    for (enum app_change_field change = 0; change < CHANGE_FIELDS; change++) {
        CLEANUP(freep) char *path = mem_printf("spec.%s", app_change_field_names[change]);
        if (is_given(instance, change) && !is_applied_at_all(app, change))
            problems_add(problems, PROBLEM_NOT_SUPPORTED, path, "App \"%s\" has no use for it; leave it out",
                         instance->app);
    }
}

void instance_check_app_change(const struct instance_spec *old, const struct instance_spec *instance,
                               const struct app_spec *app, struct problems *problems)
{
    for (enum app_change_field change = 0; change < CHANGE_FIELDS; change++) {
        CLEANUP(freep) char *path = mem_printf("spec.%s", app_change_field_names[change]);
        if (!differs(old, instance, change))
            continue;
        if (app->on_change.field[change].immutable)
            problems_add(problems, PROBLEM_FORBIDDEN, path,
                         "cannot be changed after creation: App \"%s\" says so (onChange.%s.immutable)", instance->app,
                         app_change_field_names[change]);
        else if (!is_applied_later(app, change))
            problems_add(problems, PROBLEM_FORBIDDEN, path,
                         "cannot be changed: App \"%s\" has no onChange.%s that would apply it", instance->app,
                         app_change_field_names[change]);
    }
}
