/* What jansson lacks for us. */
#include "base/json.h"

#include <stdarg.h>

#define PARSE_LIMIT ((size_t)4 << 20)

json_t *json_at(const json_t *root, ...)
{
    va_list keys;
    va_start(keys, root);
    const char *key = va_arg(keys, const char *);
    json_t *value = NULL;
    for (const json_t *at = root; at && key; at = value, key = va_arg(keys, const char *))
        value = json_object_get(at, key);
    va_end(keys);
    return value;
}

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

json_t *json_from_text(const char *text)
{
    CLEANUP(str_release) struct str clean = STR_INIT;
    size_t len = strlen(text);
    if (!str_is_utf8(text, len)) {
        str_add_utf8(&clean, text, len);
        text = clean.text;
        len = clean.len;
    }
    json_t *value = json_stringn_nocheck(text, len);
    if (!value)
        abort();
    return value;
}

void json_put(json_t *object, const char *key, json_t *value_taken)
{
    if (json_object_set_new(object, key, value_taken) != 0)
        abort();
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_put(object, key, json_from_text(text));
}

void json_push(json_t *array, json_t *value_taken)
{
    if (json_array_append_new(array, value_taken) != 0)
        abort();
}

json_t *json_from_strv(const struct strv *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_push(array, json_from_text(list->items[i]));
    return array;
}

void json_to_strv(const json_t *array, struct strv *ret_list)
{
    struct strv list = STRV_INIT;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (text)
            strv_add(&list, text);
    }
    strv_release(ret_list);
    *ret_list = list;
}

static char *dump(const json_t *value, size_t flags)
{
    if (!value)
        return mem_strdup("null");
    char *text = json_dumps(value, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (!text)
        abort();
    return text;
}

char *json_dump(const json_t *value)
{
    return dump(value, JSON_COMPACT);
}

char *json_dump_pretty(const json_t *value)
{
    return dump(value, JSON_INDENT(2));
}

bool json_is_deeper(const json_t *value, size_t levels)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *item;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (levels == 0)
        return true;
    json_object_foreach (tree, key, item) {
        if (json_is_deeper(item, levels - 1))
            return true;
    }
    json_array_foreach (tree, i, item) {
        if (json_is_deeper(item, levels - 1))
            return true;
    }
    return false;
}

/* jansson's own limit is a constant of 2048 levels; wrong text may be counted wrongly, it fails in the parser anyway. */
static bool levels_are_fine(const char *text, size_t len)
{
    size_t level = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '[' || text[i] == '{') && ++level > JSON_LEVELS_MAX)
            return false;
        else if (!in_string && (text[i] == ']' || text[i] == '}') && level > 0)
            level--;
    }
    return true;
}

static bool parse(const char *text, size_t len, enum err_code code, json_t **ret, struct err *err)
{
    if (!levels_are_fine(text, len))
        return err_set(err, code, "JSON is nested deeper than %d levels", JSON_LEVELS_MAX);
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value)
        return err_set(err, code, "JSON line %d, column %d: %s", error.line, error.column, error.text);
    *ret = value;
    return true;
}

bool json_parse(const char *text, size_t len, json_t **ret, struct err *err)
{
    if (len > PARSE_LIMIT)
        return err_set(err, ERR_TOO_LARGE, "JSON text of %zu bytes; the limit is %zu", len, PARSE_LIMIT);
    return parse(text, len, ERR_BAD_REQUEST, ret, err);
}

bool json_parse_answer(const char *text, size_t len, json_t **ret, struct err *err)
{
    return parse(text, len, ERR_INTERNAL, ret, err);
}

bool json_copy_string(const json_t *object, const char *key, char **ret, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return err_set(err, ERR_INTERNAL, "field %s is missing", key);
    if (!json_is_string(value))
        return err_set(err, ERR_INTERNAL, "field %s is not a string", key);
    *ret = mem_strdup(json_string_value(value));
    return true;
}
