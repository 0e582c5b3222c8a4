/* App: the rules between its fields, and which template names stand where. */
#include "specs/app_check.h"

#include <ctype.h>

#include "specs/check.h"
#include "specs/template.h"
#include "specs/wording.h"

/* ---- single fields ---- */

/* What a service needs to step down from root, and no way out of the container. */
static const char *const allowed_capabilities[] = { "CHOWN", "DAC_OVERRIDE",     "FOWNER",  "SETUID", "SETGID",
                                                    "KILL",  "NET_BIND_SERVICE", "SETPCAP", "FSETID", NULL };

static bool is_allowed_capability(const char *name)
{
    for (size_t i = 0; allowed_capabilities[i]; i++) {
        if (str_equal(name, allowed_capabilities[i]))
            return true;
    }
    return false;
}

void app_check_capabilities(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const struct strv *list = value;
    CLEANUP(str_release) struct str allowed = STR_INIT;
    for (size_t i = 0; allowed_capabilities[i]; i++)
        str_addf(&allowed, "%s%s", i > 0 ? " " : "", allowed_capabilities[i]);
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];
        CLEANUP(freep) char *at = mem_printf("%s[%zu]", path, i);
        CLEANUP(freep) char *shown = quoted(name);
        if (is_allowed_capability(name))
            continue;
        if (str_starts_with(name, "CAP_") && is_allowed_capability(name + 4))
            problems_add(problems, PROBLEM_NOT_SUPPORTED, at, "%s: leave out CAP_", shown);
        else
            problems_add(problems, PROBLEM_NOT_SUPPORTED, at, "%s is not given to applications; there are %s", shown,
                         allowed.text);
    }
    check_unique_texts(field, value, path, problems);
}

void app_check_secret_names(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const struct strv *list = value;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];
        CLEANUP(freep) char *at = mem_printf("%s[%zu]", path, i);
        CLEANUP(freep) char *shown = quoted(name);
        if (!isalpha((unsigned char)name[0]) || name[strspn(name, characters)] || strlen(name) > 63)
            problems_add(problems, PROBLEM_INVALID, at,
                         "%s is not a secret's name; use letters, digits and _, a letter first, at most 63", shown);
    }
    check_unique_texts(field, value, path, problems);
}

/* ---- template names ---- */

static const char source_database[] = "clone.sourceDatabase";
static const char restore_source[] = "restore.sourceDatabase", restore_neutralize[] = "restore.neutralize";
const char *const app_template_names[] = {
    "database.host", "database.port",        "database.name", "database.user", "database.password", "instance.name",
    "instance.uid",  "instance.namespace",   "tenant.name",   "app.name",      "version",           "spec.adminEmail",
    "spec.addons",   "spec.disabledModules", "spec.demoData", "spec.domains",  "spec.type",         "spec.description",
    source_database, "change.old",           "change.new",    restore_source,  restore_neutralize,  NULL,
};

bool app_template_knows(const void *app_spec, const char *name)
{
    const struct app_spec *app = app_spec;
    for (size_t i = 0; app_template_names[i]; i++) {
        if (str_equal(name, app_template_names[i]))
            return true;
    }
    if (str_starts_with(name, "parameters."))
        return app_find_parameter(app, name + strlen("parameters."));
    return str_starts_with(name, "secret.") && strv_has(&app->secrets, name + strlen("secret."));
}

/* Where a template stands decides what it may use. */
enum place { PLACE_CONTENT, PLACE_COMMAND, PLACE_CLONE, PLACE_RESTORE, PLACE_CHANGE };

struct scope {
    const struct app_spec *app;
    const struct problems *problems;
    enum place place;
    char **unknown; /* where the name goes that was refused; owned */
};

static bool is_secret(const char *name)
{
    return str_starts_with(name, "secret.") || str_equal(name, "database.password");
}

/* NULL: the name may stand there. "": there is none such at all. */
static const char *scope_complaint(const struct scope *scope, const char *name)
{
    bool is_parameter = str_starts_with(name, "parameters."), is_own_secret = str_starts_with(name, "secret.");
    if (scope->place != PLACE_CONTENT && is_secret(name))
        return "everybody on the host can read a command; give secrets by env or files";
    /* A declaration that is wrong itself does not make its uses wrong, too. */
    if (is_parameter && problems_has_under(scope->problems, "spec.parameters"))
        return NULL;
    if (is_own_secret && problems_has_under(scope->problems, "spec.secrets"))
        return NULL;
    if (!app_template_knows(scope->app, name))
        return "";
    if (str_equal(name, source_database) && scope->place != PLACE_CLONE)
        return "it is known in clone.after only";
    if (str_starts_with(name, "restore.") && scope->place != PLACE_RESTORE)
        return "it is known in restore.after only";
    if (str_starts_with(name, "change.") && scope->place != PLACE_CHANGE)
        return "it is known in onChange only";
    return NULL;
}

static bool scope_knows(const void *context, const char *name)
{
    const struct scope *scope = context;
    if (!scope_complaint(scope, name))
        return true;
    free(*scope->unknown);
    *scope->unknown = mem_strdup(name);
    return false;
}

/* "; did you mean spec.addons?" or why the name may not stand there. */
static char *name_hint(const struct scope *scope, const char *name)
{
    const char *why = scope_complaint(scope, name);
    if (why && *why)
        return mem_printf("; %s", why);
    CLEANUP(strv_release) struct strv known = STRV_INIT;
    const struct app_parameter *parameters = scope->app->parameters.items;
    for (size_t i = 0; app_template_names[i]; i++)
        strv_add(&known, app_template_names[i]);
    for (size_t i = 0; i < scope->app->parameters.count; i++)
        strv_addf(&known, "parameters.%s", parameters[i].name ? parameters[i].name : "");
    for (size_t i = 0; i < scope->app->secrets.count; i++)
        strv_addf(&known, "secret.%s", scope->app->secrets.items[i]);
    struct nearest nearest;
    nearest_start(&nearest, name);
    for (size_t i = 0; i < known.count; i++) {
        if (!scope_complaint(scope, known.items[i]))
            nearest_offer(&nearest, known.items[i]);
    }
    if (nearest.best)
        return mem_printf("; did you mean %s?", nearest.best);
    if (str_starts_with(name, "parameters.") || str_starts_with(name, "secret."))
        return mem_printf("; declare it in spec.%s", name[0] == 'p' ? "parameters" : "secrets");
    return mem_strdup("");
}

static void check_template(const struct app_spec *app, const char *text, enum place place, const char *path,
                           struct problems *problems)
{
    CLEANUP(freep) char *unknown = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct scope scope = { .app = app, .problems = problems, .place = place, .unknown = &unknown };
    if (!text || template_check(text, scope_knows, &scope, &err))
        return;
    CLEANUP(freep) char *hint = unknown ? name_hint(&scope, unknown) : mem_strdup("");
    problems_add(problems, PROBLEM_INVALID, path, "%s%s", err_message(&err), hint);
}

static void check_command(const struct app_spec *app, const struct strv *command, enum place place, const char *path,
                          struct problems *problems)
{
    for (size_t i = 0; i < command->count; i++) {
        CLEANUP(freep) char *at = mem_printf("%s[%zu]", path, i);
        check_template(app, command->items[i], place, at, problems);
    }
}

static void check_templates(const struct app_spec *app, struct problems *problems)
{
    const struct app_file *files = app->files.items;
    const char *name;
    json_t *value;
    json_object_foreach (app->env, name, value) {
        CLEANUP(freep) char *path = mem_printf("spec.env.%s", name);
        check_template(app, json_string_value(value), PLACE_CONTENT, path, problems);
    }
    for (size_t i = 0; i < app->files.count; i++) {
        CLEANUP(freep) char *path = mem_printf("spec.files[%zu].content", i);
        check_template(app, files[i].content, PLACE_CONTENT, path, problems);
    }
    check_command(app, &app->command, PLACE_COMMAND, "spec.command", problems);
    check_command(app, &app->init.command, PLACE_COMMAND, "spec.init.command", problems);
    check_command(app, &app->upgrade.command, PLACE_COMMAND, "spec.upgrade.command", problems);
    check_command(app, &app->backup.quiesce.command, PLACE_COMMAND, "spec.backup.quiesce.command", problems);
    check_command(app, &app->backup.resume.command, PLACE_COMMAND, "spec.backup.resume.command", problems);
    check_command(app, &app->clone.after.command, PLACE_CLONE, "spec.clone.after.command", problems);
    check_command(app, &app->restore.after.command, PLACE_RESTORE, "spec.restore.after.command", problems);
    for (size_t i = 0; i < CHANGE_FIELDS; i++) {
        CLEANUP(freep) char *path = mem_printf("spec.onChange.%s.command", app_change_field_names[i]);
        check_command(app, &app->on_change.field[i].command, PLACE_CHANGE, path, problems);
    }
}

bool app_command_uses(const struct strv *command, const char *name_or_prefix)
{
    for (size_t i = 0; i < command->count; i++) {
        if (template_uses(command->items[i], name_or_prefix))
            return true;
    }
    return false;
}

bool app_container_uses(const struct app_spec *app, const char *name_or_prefix)
{
    const struct app_file *files = app->files.items;
    const char *name;
    json_t *value;
    json_object_foreach (app->env, name, value) {
        if (template_uses(json_string_value(value), name_or_prefix))
            return true;
    }
    for (size_t i = 0; i < app->files.count; i++) {
        if (files[i].content && template_uses(files[i].content, name_or_prefix))
            return true;
    }
    return app_command_uses(&app->command, name_or_prefix);
}

/* ---- parameters ---- */

bool app_parameter_takes(const struct app_parameter *parameter, const char *value, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(value);
    int64_t number = 0;
    switch ((enum parameter_type)parameter->type) {
    case PARAMETER_STRING:
        return true;
    case PARAMETER_INTEGER:
        return str_parse_int64(value, INT64_MIN, INT64_MAX, &number) ||
               err_set(err, ERR_INVALID, "%s is not a whole number", shown);
    case PARAMETER_BOOLEAN:
        return str_equal(value, "true") || str_equal(value, "false") ||
               err_set(err, ERR_INVALID, "%s is not \"true\" or \"false\"", shown);
    case PARAMETER_ENUM:
        break;
    }
    CLEANUP(freep) char *values = strv_join(&parameter->values, ", ");
    return strv_has(&parameter->values, value) || err_set(err, ERR_INVALID, "%s is not one of %s", shown, values);
}

static void check_parameter(const struct app_parameter *parameter, const char *path, struct problems *problems)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *values_path = mem_printf("%s.values", path);
    CLEANUP(freep) char *default_path = mem_printf("%s.default", path);
    CLEANUP(freep) char *type_path = mem_printf("%s.type", path);
    if (problems_has_under(problems, type_path) || problems_has_under(problems, values_path))
        return;
    bool is_enum = parameter->type == PARAMETER_ENUM;
    if (is_enum && parameter->values.count == 0)
        problems_add(problems, PROBLEM_REQUIRED, values_path, "is required for type enum, like [low, high]");
    else if (!is_enum && parameter->values.count > 0)
        problems_add(problems, PROBLEM_INVALID, values_path, "stands with type enum only");
    else if (parameter->fallback && !app_parameter_takes(parameter, parameter->fallback, &err))
        problems_add(problems, PROBLEM_INVALID, default_path, "%s", err_message(&err));
}

/* ---- rules between fields ---- */

static void check_ports(const struct app_spec *app, struct problems *problems)
{
    const struct app_port *ports = app->ports.items;
    for (size_t i = 1; i < app->ports.count; i++) {
        CLEANUP(freep) char *port_path = mem_printf("spec.ports[%zu].port", i);
        CLEANUP(freep) char *prefix_path = mem_printf("spec.ports[%zu].pathPrefix", i);
        for (size_t j = 0; j < i; j++) {
            if (ports[i].port == ports[j].port && !problems_has_under(problems, port_path))
                problems_add(problems, PROBLEM_INVALID, port_path, "%lld is taken by [%zu] already",
                             (long long)ports[i].port, j);
            if (ports[i].path_prefix && str_equal(ports[i].path_prefix, ports[j].path_prefix) &&
                !problems_has_under(problems, prefix_path))
                problems_add(problems, PROBLEM_INVALID, prefix_path, "\"%s\" is taken by [%zu] already",
                             ports[i].path_prefix, j);
        }
    }
}

static void check_files(const struct app_spec *app, struct problems *problems)
{
    const struct app_file *files = app->files.items;
    for (size_t i = 1; i < app->files.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!files[i].path || !str_equal(files[i].path, files[j].path))
                continue;
            CLEANUP(freep) char *path = mem_printf("spec.files[%zu].path", i);
            CLEANUP(freep) char *shown = quoted(files[i].path);
            problems_add(problems, PROBLEM_INVALID, path, "%s is written by [%zu] already", shown, j);
            break;
        }
    }
}

static void check_health(const struct app_spec *app, struct problems *problems)
{
    if (!app->health.path || problems_has_under(problems, "spec.ports") ||
        problems_has_under(problems, "spec.health.port"))
        return;
    CLEANUP(freep) char *shown = quoted(app->health.port ? app->health.port : "");
    if (app->ports.count == 0)
        problems_add(problems, PROBLEM_INVALID, "spec.health", "needs a port to ask; declare one in spec.ports");
    else if (!app_find_port(app, app->health.port))
        problems_add(problems, PROBLEM_INVALID, "spec.health.port", "%s is not the name of a port in spec.ports",
                     shown);
}

static void check_changes(const json_t *spec, const struct app_spec *app, struct problems *problems)
{
    const json_t *given = json_object_get(spec, "onChange");
    for (size_t i = 0; i < CHANGE_FIELDS; i++) {
        const struct app_on_change *change = &app->on_change.field[i];
        CLEANUP(freep) char *path = mem_printf("spec.onChange.%s", app_change_field_names[i]);
        const json_t *one = json_object_get(given, app_change_field_names[i]);
        if (!one || json_is_null(one) || problems_has_under(problems, path))
            continue;
        if (change->immutable && change->command.count > 0)
            problems_add(problems, PROBLEM_INVALID, path, "has a command and is immutable; choose one");
        else if (!change->immutable && change->command.count == 0)
            problems_add(problems, PROBLEM_REQUIRED, path, "needs a command, or immutable: true");
    }
}

void app_validate(const struct record *record, const void *spec, struct problems *problems)
{
    const struct app_spec *app = spec;
    const struct app_parameter *parameters = app->parameters.items;
    for (size_t i = 0; i < app->parameters.count; i++) {
        CLEANUP(freep) char *path = mem_printf("spec.parameters[%zu]", i);
        check_parameter(&parameters[i], path, problems);
    }
    check_templates(app, problems);
    check_ports(app, problems);
    check_files(app, problems);
    check_health(app, problems);
    check_changes(record->spec, app, problems);
    if (!app->data_path && (app->backup.must_exist || app->backup.exclude.count > 0))
        problems_add(problems, PROBLEM_INVALID, "spec.backup", "exclude and mustExist need files; set spec.dataPath");
    bool clones_init = app->warm_database && app->init.command.count > 0;
    if (clones_init && app->clone.after.command.count == 0 && !problems_has_under(problems, "spec.clone"))
        problems_add(problems, PROBLEM_REQUIRED, "spec.clone.after",
                     "is required with warmDatabase and init: clones would share keys and passwords without it");
}
