/* The configuration from file, environment and flags, and the help text about them. */
#include <ctype.h>

#include "base/file.h"
#include "specs/config_internal.h"
#include "specs/wording.h"
#include "specs/yaml.h"

#define FILE_MAX           (1024 * 1024)
#define ENVIRONMENT_PREFIX "TENANTD_"
/* Names the configuration file itself; read by who calls us. */
/* Variables that are no settings: where the file is, and what bootstrap-database is given. */
static const char *const not_settings[] = { "TENANTD_CONFIG", "TENANTD_POSTGRES_PASSWORD", NULL };

/* A row of the table with its whole path: "listen.maxBody" and TENANTD_LISTEN_MAX_BODY. */
struct setting {
    const struct field *field;
    char *path;
    char *variable;
};
struct settings {
    struct setting *items;
    size_t count;
};

static void settings_release(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->items[i].path);
        free(settings->items[i].variable);
    }
    free(settings->items);
    *settings = (struct settings){ 0 };
}

static char *variable_name(const char *path)
{
    CLEANUP(str_release) struct str name = STR_INIT;
    str_add(&name, ENVIRONMENT_PREFIX);
    for (const char *at = path; *at; at++) {
        if (isupper((unsigned char)*at))
            str_addc(&name, '_');
        str_addc(&name, *at == '.' ? '_' : (char)toupper((unsigned char)*at));
    }
    return str_steal(&name);
}

static void settings_add(struct settings *settings, const struct field *fields, const char *prefix)
{
    for (const struct field *field = fields; field->name; field++) {
        char *path = mem_printf("%s%s%s", prefix, *prefix ? "." : "", field->name);
        if (field->type == FIELD_OBJECT) {
            settings_add(settings, field->fields, path);
            free(path);
            continue;
        }
        settings->items = mem_grow(settings->items, settings->count + 1, sizeof(*settings->items));
        settings->items[settings->count++] =
            (struct setting){ .field = field, .path = path, .variable = variable_name(path) };
    }
}

/* ---- one setting ---- */

/* The text of a flag or variable as the document would have it; NULL: it can only stand in the file. */
static json_t *setting_value(const struct field *field, const char *text)
{
    int64_t number = 0;
    switch (field->type) {
    case FIELD_BOOL:
        if (str_equal(text, "true") || str_equal(text, "false"))
            return json_boolean(str_equal(text, "true"));
        break;
    case FIELD_INT:
        if (str_parse_int64(text, INT64_MIN, INT64_MAX, &number))
            return json_integer(number);
        break;
    case FIELD_TEXTS:
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
    case FIELD_JSON:
    case FIELD_OBJECT:
    case FIELD_LIST:
        return NULL;
    default:
        break;
    }
    return json_string(text); /* what is not of its type is complained about when the document is decoded */
}

static void put_at(json_t *document, const char *path, json_t *value_taken)
{
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    strv_split(&keys, path, '.');
    for (size_t i = 0; i + 1 < keys.count; i++) {
        json_t *next = json_object_get(document, keys.items[i]);
        if (!json_is_object(next)) {
            json_put(document, keys.items[i], json_object());
            next = json_object_get(document, keys.items[i]);
        }
        document = next;
    }
    json_put(document, keys.items[keys.count - 1], value_taken);
}

/* `source` is the flag or variable, for messages. */
static void apply_setting(const struct setting *setting, const char *source, const char *text, json_t *document,
                          struct problems *problems)
{
    if (!str_is_utf8(text, strlen(text))) {
        problems_add(problems, PROBLEM_INVALID, source, "is not UTF-8");
        return;
    }
    json_t *value = setting_value(setting->field, text);
    if (value)
        put_at(document, setting->path, value);
    else
        problems_add(problems, PROBLEM_INVALID, source, "can only be set in the configuration file");
}

/* ---- the sources ---- */

static bool read_file(const char *file, json_t **ret_document, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    struct yaml_documents documents = { 0 };
    if (!file_read(file, FILE_MAX, &text, err))
        return err_wrap(err, "configuration");
    if (!yaml_parse(text.text, text.len, &documents, err))
        return err_wrap(err, "configuration %s", file);
    bool good = documents.count <= 1;
    if (good && documents.count == 1)
        *ret_document = STEAL(documents.items[0].value);
    else if (!good)
        err_set(err, ERR_INVALID, "configuration %s: has more than one document", file);
    yaml_documents_release(&documents);
    return good;
}

static void apply_variable(const struct settings *settings, const char *entry, json_t *document,
                           struct problems *problems)
{
    size_t len = strcspn(entry, "=");
    CLEANUP(freep) char *name = mem_strndup(entry, len);
    const char *text = entry + len + (entry[len] == '=');
    struct nearest nearest;
    nearest_start(&nearest, name);
    if (!str_starts_with(name, ENVIRONMENT_PREFIX))
        return;
    for (size_t i = 0; not_settings[i]; i++)
        if (str_equal(name, not_settings[i]))
            return;
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        if (str_equal(setting->variable, name)) {
            if (*text) /* an empty variable is how one is unset in many an environment file */
                apply_setting(setting, name, text, document, problems);
            return;
        }
        nearest_offer(&nearest, setting->variable);
    }
    CLEANUP(freep) char *hint = nearest.best ? mem_printf("; did you mean %s?", nearest.best) : mem_strdup("");
    problems_add(problems, PROBLEM_INVALID, name, "unknown variable%s", hint);
}

static void apply_flag(const struct settings *settings, const char *argument, json_t *document,
                       struct problems *problems)
{
    size_t len = strcspn(argument, "=");
    CLEANUP(freep) char *flag = mem_strndup(argument, len);
    const char *path = str_starts_with(flag, "--") ? flag + 2 : "";
    struct nearest nearest;
    nearest_start(&nearest, path);
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        if (!str_equal(setting->path, path)) {
            nearest_offer(&nearest, setting->path);
            continue;
        }
        if (setting->field->flags & FIELD_SECRET)
            problems_add(problems, PROBLEM_FORBIDDEN, flag,
                         "everybody on the host can read flags; set it in the file or by %s", setting->variable);
        else if (argument[len] != '=')
            problems_add(problems, PROBLEM_INVALID, flag, "needs a value, like %s=%s", flag,
                         setting->field->fallback ? setting->field->fallback : "VALUE");
        else
            apply_setting(setting, flag, argument + len + 1, document, problems);
        return;
    }
    CLEANUP(freep) char *hint = nearest.best ? mem_printf("; did you mean --%s?", nearest.best) : mem_strdup("");
    problems_add(problems, PROBLEM_INVALID, flag, "unknown flag%s", hint);
}

bool config_load(const char *file, int argc, char **argv, char **environment, struct config *ret_config,
                 struct err *err)
{
    CLEANUP(settings_release) struct settings settings = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *document = NULL;
    *ret_config = (struct config){ 0 };
    settings_add(&settings, config_fields, "");
    if (file && !read_file(file, &document, err))
        return false;
    if (document && !json_is_object(document))
        return err_set(err, ERR_INVALID, "configuration %s: must be a map of fields, not %s", file,
                       value_type_wording(document));
    if (!document)
        document = json_object();
    for (char **entry = environment; entry && *entry; entry++)
        apply_variable(&settings, *entry, document, &problems);
    for (int i = 0; i < argc; i++)
        apply_flag(&settings, argv[i], document, &problems);
    fields_decode(config_fields, document, "", ret_config, &problems);
    config_check(ret_config, &problems);
    if (problems.count == 0)
        return true;
    fields_release(config_fields, ret_config);
    CLEANUP(freep) char *text = problems_text(&problems);
    return err_set(err, ERR_INVALID, "configuration: %s", text);
}

/* ---- help ---- */

void config_print_help(struct str *out)
{
    CLEANUP(settings_release) struct settings settings = { 0 };
    settings_add(&settings, config_fields, "");
    for (size_t i = 0; i < settings.count; i++) {
        const struct setting *setting = &settings.items[i];
        bool by_file = setting->field->type == FIELD_LIST;
        bool by_variable = setting->field->flags & FIELD_SECRET;
        const char *shown = by_variable ? setting->variable : setting->path;
        str_addf(out, "  %s%s%s\n        %s", by_file || by_variable ? "" : "--", shown,
                 by_file ? " (file only)" : "=...", setting->field->doc);
        if (setting->field->fallback)
            str_addf(out, " Default: %s.", setting->field->fallback);
        if (!by_file && !by_variable)
            str_addf(out, " (%s)", setting->variable);
        str_addc(out, '\n');
    }
}
