/* What field tables print: JSON Schema for OpenAPI, Markdown rows for the reference, an example in YAML. */
#include "specs/field_internal.h"
#include "specs/yaml.h"

/* ---- schema ---- */

static json_t *typed(const char *type)
{
    json_t *schema = json_object();
    json_put_text(schema, "type", type);
    return schema;
}

static json_t *list_schema(json_t *items_taken)
{
    json_t *schema = typed("array");
    json_put(schema, "items", items_taken);
    return schema;
}

static json_t *map_schema(void)
{
    json_t *schema = typed("object");
    json_put(schema, "additionalProperties", typed("string"));
    return schema;
}

static json_t *number_or_text_schema(void)
{
    json_t *schema = json_object();
    json_put(schema, "x-kubernetes-int-or-string", json_true());
    json_t *one_of = json_array();
    json_push(one_of, typed("number"));
    json_push(one_of, typed("string"));
    json_put(schema, "anyOf", one_of);
    return schema;
}

static json_t *enum_schema(const struct field *field)
{
    json_t *schema = typed("string");
    json_t *choices = json_array();
    for (size_t i = 0; field->choices[i]; i++)
        json_push(choices, json_string(field->choices[i]));
    json_put(schema, "enum", choices);
    return schema;
}

static json_t *int_schema(const struct field *field)
{
    json_t *schema = typed("integer");
    json_put_text(schema, "format", "int64");
    if (field->max > field->min) {
        json_put(schema, "minimum", json_integer(field->min));
        json_put(schema, "maximum", json_integer(field->max));
    }
    return schema;
}

static json_t *time_schema(void)
{
    json_t *schema = typed("string");
    json_put_text(schema, "format", "date-time");
    return schema;
}

static json_t *type_schema(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
        return field->flags & FIELD_NUMBER_TOO ? number_or_text_schema() : typed("string");
    case FIELD_DURATION:
        return typed("string");
    case FIELD_BOOL:
        return typed("boolean");
    case FIELD_INT:
        return int_schema(field);
    case FIELD_BYTES:
    case FIELD_CPU:
        return number_or_text_schema();
    case FIELD_TIME:
        return time_schema();
    case FIELD_ENUM:
        return enum_schema(field);
    case FIELD_TEXTS:
        return list_schema(typed("string"));
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
        return map_schema();
    case FIELD_JSON:
        break;
    case FIELD_OBJECT:
        return fields_schema(field->fields);
    case FIELD_LIST:
        return list_schema(fields_schema(field->fields));
    }
    json_t *schema = json_object();
    json_put(schema, "x-kubernetes-preserve-unknown-fields", json_true());
    return schema;
}

json_t *fields_schema(const struct field *fields)
{
    json_t *schema = typed("object");
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct field *field = fields; field->name; field++) {
        json_t *property = type_schema(field);
        json_put_text(property, "description", field->doc);
        json_t *fallback = field_fallback(field);
        if (fallback && !(field->flags & FIELD_REQUIRED))
            json_put(property, "default", fallback);
        else
            json_decref(fallback);
        if (field->flags & FIELD_REQUIRED)
            json_push(required, json_string(field->name));
        json_put(properties, field->name, property);
    }
    if (json_array_size(required) > 0)
        json_put(schema, "required", required);
    else
        json_decref(required);
    json_put(schema, "properties", properties);
    return schema;
}

/* ---- reference ---- */

static const char *const type_words[] = {
    [FIELD_TEXT] = "text",
    [FIELD_BOOL] = "true or false",
    [FIELD_INT] = "whole number",
    [FIELD_BYTES] = "bytes",
    [FIELD_CPU] = "CPUs",
    [FIELD_DURATION] = "duration",
    [FIELD_TIME] = "time",
    [FIELD_ENUM] = "word",
    [FIELD_TEXTS] = "list of texts",
    [FIELD_TEXT_MAP] = "map of texts",
    [FIELD_ENV_MAP] = "map of texts",
    [FIELD_JSON] = "anything",
    [FIELD_OBJECT] = "map",
    [FIELD_LIST] = "list of maps",
};

/* A cell of a Markdown table: '|' would end it, a line break the table; '<' would begin a tag. */
static void add_cell(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '<')
            str_addf(out, "\\%c", *text);
        else
            str_addc(out, *text == '\n' ? ' ' : *text);
    }
}

static void add_flag_words(const struct field *field, struct str *out)
{
    if (field->flags & FIELD_REQUIRED)
        str_add(out, " **Required.**");
    if (field->flags & FIELD_IMMUTABLE)
        str_add(out, " Cannot be changed later.");
    if (field->flags & FIELD_KEEP)
        str_add(out, " Settled at creation and kept.");
    if (field->flags & FIELD_SECRET)
        str_add(out, " Not by flag: it would show in the process list.");
    if (field->example && !(field->flags & FIELD_SECRET)) {
        str_add(out, " Example: `");
        add_cell(out, field->example);
        str_add(out, "`.");
    }
}

static void add_row(const struct field *field, const char *path, struct str *out)
{
    str_addf(out, "| `%s` | %s", path, type_words[field->type]);
    for (size_t i = 0; field->type == FIELD_ENUM && field->choices[i]; i++)
        str_addf(out, "%s `%s`", i > 0 ? "," : ":", field->choices[i]);
    str_add(out, " | ");
    if (field->fallback && !(field->flags & FIELD_REQUIRED)) {
        str_addc(out, '`');
        add_cell(out, field->fallback);
        str_addc(out, '`');
    }
    str_add(out, " | ");
    add_cell(out, field->doc ? field->doc : "");
    add_flag_words(field, out);
    str_add(out, " |\n");
}

void fields_reference(const struct field *fields, const char *path, struct str *out)
{
    for (const struct field *field = fields; field->name; field++) {
        CLEANUP(freep)
        char *at = mem_printf("%s%s%s%s", path, path[0] ? "." : "", field->name, field->type == FIELD_LIST ? "[]" : "");
        add_row(field, at, out);
        if (field->type == FIELD_OBJECT || field->type == FIELD_LIST)
            fields_reference(field->fields, at, out);
    }
}

/* ---- example ---- */

static void add_indent(struct str *out, size_t indent, bool commented)
{
    for (size_t i = 0; i < indent; i++)
        str_addc(out, ' ');
    if (commented)
        str_add(out, "# ");
}

/* The value as one line of YAML. */
static void add_value(const struct field *field, struct str *out)
{
    const char *text = field->fallback ? field->fallback : field->example;
    bool is_text = field->type != FIELD_BOOL && field->type != FIELD_INT && field->type != FIELD_TEXTS &&
                   field->type != FIELD_TEXT_MAP && field->type != FIELD_ENV_MAP && field->type != FIELD_JSON;
    if (!text)
        return;
    str_addc(out, ' ');
    if (!is_text) {
        str_add(out, text);
        return;
    }
    CLEANUP(json_decrefp) json_t *value = json_string(text);
    CLEANUP(str_release) struct str printed = STR_INIT;
    yaml_print(value, &printed);
    while (printed.len > 0 && printed.text[printed.len - 1] == '\n')
        printed.text[--printed.len] = '\0';
    str_add(out, printed.text);
}

static void add_example(const struct field *fields, size_t indent, bool commented, struct str *out)
{
    for (const struct field *field = fields; field->name; field++) {
        add_indent(out, indent, true);
        str_addf(out, "%s\n", field->doc ? field->doc : "");
        /* What has a default is shown with it; the rest would be an invention, so it is commented out. */
        bool off = commented || (!field->fallback && field->type != FIELD_OBJECT);
        add_indent(out, indent, off);
        str_addf(out, "%s:", field->name);
        if (field->type == FIELD_OBJECT) {
            str_addc(out, '\n');
            add_example(field->fields, indent + 2, off, out);
            continue;
        }
        if (field->type == FIELD_LIST) {
            str_add(out, field->example ? " " : " []");
            str_add(out, field->example ? field->example : "");
        } else {
            add_value(field, out);
        }
        str_addc(out, '\n');
    }
}

void fields_example(const struct field *fields, struct str *out)
{
    add_example(fields, 0, false, out);
}
