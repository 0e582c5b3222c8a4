/* jansson values as YAML, in block style, through libyaml's emitter. */
#include <yaml.h>

#include "specs/yaml.h"
#include "specs/yaml_scalar.h"

static int write_out(void *context, unsigned char *bytes, size_t size)
{
    str_addn(context, bytes, size);
    return 1;
}

/* libyaml fails only without memory or with events out of order. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
    if (made && yaml_emitter_emit(emitter, event))
        return;
    fprintf(stderr, "yaml: %s\n", emitter->problem ? emitter->problem : "out of memory");
    abort();
}

/* Literal style ("|") is for texts of several lines that come back from it exactly. */
static bool fits_literal(const char *text)
{
    if (!strchr(text, '\n') || strchr(" \t\n", text[0]) || strstr(text, " \n") || strstr(text, "\t\n") ||
        str_ends_with(text, " ") || str_ends_with(text, "\t") || str_ends_with(text, "\n\n"))
        return false;
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 && c != '\n') || c >= 0x7F)
            return false;
    }
    return true;
}

static yaml_scalar_style_t text_style(const char *text)
{
    if (fits_literal(text))
        return YAML_LITERAL_SCALAR_STYLE;
    if (strchr(text, '\n') || yaml_scalar_is_ambiguous(text))
        return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    return YAML_ANY_SCALAR_STYLE;
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    emit(emitter, &event,
         yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style));
}

static void emit_number(yaml_emitter_t *emitter, const json_t *value)
{
    CLEANUP(freep) char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_error_t ignored;
    CLEANUP(json_decrefp) json_t *again = text ? json_loads(text, JSON_DECODE_ANY, &ignored) : NULL;
    if (!json_equal(value, again)) {
        free(text);
        text = json_dumps(value, JSON_ENCODE_ANY);
    }
    emit_scalar(emitter, text ? text : "null", YAML_PLAIN_SCALAR_STYLE);
}

static void emit_value(yaml_emitter_t *emitter, const json_t *value);

static void emit_list(yaml_emitter_t *emitter, const json_t *list)
{
    yaml_event_t event;
    yaml_sequence_style_t style = json_array_size(list) > 0 ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
    emit(emitter, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style));
    for (size_t i = 0; i < json_array_size(list); i++)
        emit_value(emitter, json_array_get(list, i));
    emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_map(yaml_emitter_t *emitter, const json_t *map)
{
    yaml_event_t event;
    yaml_mapping_style_t style = json_object_size(map) > 0 ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    json_t *tree = (json_t *)(uintptr_t)map; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *value;
    emit(emitter, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style));
    json_object_foreach (tree, key, value) {
        bool quote = strchr(key, '\n') || yaml_scalar_is_ambiguous(key);
        emit_scalar(emitter, key, quote ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
        emit_value(emitter, value);
    }
    emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static void emit_value(yaml_emitter_t *emitter, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        emit_map(emitter, value);
        break;
    case JSON_ARRAY:
        emit_list(emitter, value);
        break;
    case JSON_STRING:
        emit_scalar(emitter, json_string_value(value), text_style(json_string_value(value)));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        emit_number(emitter, value);
        break;
    case JSON_TRUE:
        emit_scalar(emitter, "true", YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_FALSE:
        emit_scalar(emitter, "false", YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_NULL:
        emit_scalar(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
        break;
    }
}

void yaml_print(const json_t *value, struct str *out)
{
    yaml_emitter_t emitter;
    yaml_event_t event;
    if (!yaml_emitter_initialize(&emitter))
        abort(); /* out of memory */
    yaml_emitter_set_output(&emitter, write_out, out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_indent(&emitter, 2);
    emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    emit_value(&emitter, value);
    emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
    emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&emitter);
}
