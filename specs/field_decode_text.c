/* Texts, lists of texts and maps of texts from documents. */
#include "specs/field_decode.h"
#include "specs/wording.h"

/* Linux refuses a longer "KEY=value" (MAX_ARG_STRLEN). */
#define ENV_ENTRY_MAX (128 * 1024 - 1)

/* ---- texts ---- */

static void complain_not_text(struct decoder *decoder, const json_t *value)
{
    CLEANUP(freep) char *shown = value_wording(value);
    if (json_is_number(value))
        decoder_complain(decoder, "%s is a number; write \"%s\" in quotes", shown, shown);
    else if (json_is_boolean(value))
        decoder_complain(decoder, "%s is not text; write \"%s\" in quotes", shown, shown);
    else
        decoder_complain(decoder, "must be text, not %s", value_type_wording(value));
}

bool has_nul(const json_t *text)
{
    return strlen(json_string_value(text)) != json_string_length(text);
}

static bool has_control_characters(const char *text)
{
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            return true;
    }
    return false;
}

/* Checks a text's characters and length; true when it may be used. */
static bool check_text(struct decoder *decoder, const struct field *field, const json_t *value)
{
    size_t max = field->type == FIELD_TEXT && field->max > 0 ? (size_t)field->max : FIELD_TEXT_MAX;
    if (!json_is_string(value)) {
        complain_not_text(decoder, value);
        return false;
    }
    if (has_nul(value)) {
        decoder_complain(decoder, "has a NUL character");
        return false;
    }
    if (json_string_length(value) > max) {
        decoder_complain(decoder, "has %zu bytes; at most %zu are allowed", json_string_length(value), max);
        return false;
    }
    if (has_control_characters(json_string_value(value))) {
        decoder_complain(decoder, "has a control character; only line breaks and tabs are allowed");
        return false;
    }
    return true;
}

bool decode_text(struct decoder *decoder, const struct field *field, const json_t *value, char **member)
{
    if ((field->flags & FIELD_NUMBER_TOO) && json_is_integer(value)) {
        *member = mem_printf("%lld", (long long)json_integer_value(value));
        return true;
    }
    bool good = check_text(decoder, field, value);
    if (good && (field->flags & FIELD_REQUIRED) && json_string_length(value) == 0) {
        decoder_complain(decoder, "must not be empty");
        good = false;
    }
    if (json_is_string(value))
        *member = mem_strdup(json_string_value(value));
    return good;
}

static size_t items_max(const struct field *field)
{
    return field->max > 0 ? (size_t)field->max : FIELD_ITEMS_MAX;
}

bool check_list(struct decoder *decoder, const struct field *field, const json_t *value, const char *what)
{
    if (!json_is_array(value)) {
        if (field->example)
            decoder_complain(decoder, "must be a list%s, like %s, not %s", what, field->example,
                             value_type_wording(value));
        else
            decoder_complain(decoder, "must be a list%s, not %s", what, value_type_wording(value));
        return false;
    }
    if (json_array_size(value) > items_max(field)) {
        decoder_complain(decoder, "has %zu items; at most %zu are allowed", json_array_size(value), items_max(field));
        return false;
    }
    if (json_array_size(value) == 0 && (field->flags & FIELD_REQUIRED)) {
        decoder_complain(decoder, "must not be empty");
        return false;
    }
    return true;
}

bool decode_texts(struct decoder *decoder, const struct field *field, const json_t *value, struct strv *member)
{
    if (!check_list(decoder, field, value, " of texts"))
        return false;
    bool good = true;
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item) {
        size_t mark = path_push_index(&decoder->path, i);
        if (check_text(decoder, field, item))
            strv_add(member, json_string_value(item));
        else
            good = false;
        path_pop(&decoder->path, mark);
    }
    return good;
}

/* ---- maps ---- */

static bool is_env_name(const char *name)
{
    if (!(*name >= 'A' && *name <= 'Z') && !(*name >= 'a' && *name <= 'z') && *name != '_')
        return false;
    for (const char *at = name; *at; at++) {
        bool good =
            (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
        if (!good)
            return false;
    }
    return true;
}

static bool check_map_entry(struct decoder *decoder, const struct field *field, const char *key, const json_t *value)
{
    if (field->type == FIELD_ENV_MAP && !is_env_name(key)) {
        CLEANUP(freep) char *shown = quoted(key);
        decoder_complain(decoder, "%s is not an environment name; use letters, digits and _, no digit first", shown);
        return false;
    }
    if (!json_is_string(value)) {
        complain_not_text(decoder, value);
        return false;
    }
    if (has_nul(value)) {
        decoder_complain(decoder, "has a NUL character");
        return false;
    }
    if (field->type == FIELD_ENV_MAP && strlen(key) + 1 + json_string_length(value) > ENV_ENTRY_MAX) {
        decoder_complain(decoder, "is longer than the 128 KiB that Linux takes");
        return false;
    }
    return true;
}

bool decode_map(struct decoder *decoder, const struct field *field, const json_t *value, json_t **member)
{
    if (!json_is_object(value)) {
        decoder_complain(decoder, "must be a map of strings, like %s, not %s",
                         field->example ? field->example : "{key: \"value\"}", value_type_wording(value));
        return false;
    }
    if (json_object_size(value) > items_max(field)) {
        decoder_complain(decoder, "has %zu entries; at most %zu are allowed", json_object_size(value),
                         items_max(field));
        return false;
    }
    *member = json_object();
    bool good = true;
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *key = json_object_iter_key(at);
        json_t *entry = json_object_iter_value(at);
        size_t mark = path_push_key(&decoder->path, key);
        if (is_absent(entry))
            ; /* as in the rest of the document: left out */
        else if (check_map_entry(decoder, field, key, entry))
            json_put(*member, key, json_copy(entry));
        else
            good = false;
        path_pop(&decoder->path, mark);
    }
    return good;
}
