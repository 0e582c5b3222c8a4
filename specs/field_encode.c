/* Structs become documents by their field table; defaults go into documents and out of them. */
#include "base/clock.h"
#include "specs/field_internal.h"
#include "specs/quantity.h"

/* jansson takes only UTF-8; what a container wrote may be anything. */
static json_t *encode_bytes(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    CLEANUP(str_release) struct str clean = STR_INIT;
    for (const char *at = text; *at;) {
        size_t len = 1;
        while (len < 4 && ((unsigned char)at[len] & 0xC0) == 0x80)
            len++;
        if (str_is_utf8(at, len)) {
            str_addn(&clean, at, len);
            at += len;
        } else {
            str_add(&clean, "\xEF\xBF\xBD");
            at++;
        }
    }
    return json_string(clean.text);
}

static json_t *encode_taken_text(char *text_taken)
{
    json_t *value = json_string(text_taken);
    free(text_taken);
    return value;
}

static json_t *encode_number(const struct field *field, int64_t number)
{
    if (number == 0 && !field->fallback)
        return NULL;
    switch (field->type) {
    case FIELD_BYTES:
        return encode_taken_text(quantity_print_bytes(number));
    case FIELD_CPU:
        return encode_taken_text(quantity_print_cpu(number));
    case FIELD_DURATION:
        return encode_taken_text(quantity_print_duration(number));
    case FIELD_TIME:
        return encode_taken_text(time_to_rfc3339(number));
    default:
        return json_integer(number);
    }
}

static json_t *encode_texts(const struct field *field, const struct strv *list)
{
    if (list->count == 0 && !field->fallback)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_push(array, encode_bytes(list->items[i]));
    return array;
}

static json_t *encode_map(const struct field *field, const json_t *map)
{
    if (json_object_size(map) == 0 && !field->fallback)
        return NULL;
    return map ? json_deep_copy(map) : json_object();
}

static json_t *encode_list(const struct field *field, const struct field_list *list)
{
    if (list->count == 0 && !field->fallback)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_push(array, fields_encode(field->fields, (const char *)list->items + i * field->item_size));
    return array;
}

static bool has_fallbacks(const struct field *fields)
{
    for (const struct field *field = fields; field->name; field++) {
        if (field->fallback || field->type == FIELD_ENUM)
            return true;
        if (field->type == FIELD_OBJECT && has_fallbacks(field->fields))
            return true;
    }
    return false;
}

static size_t struct_size(const struct field *fields)
{
    static const size_t member_sizes[] = {
        [FIELD_TEXT] = sizeof(char *),
        [FIELD_BOOL] = sizeof(bool),
        [FIELD_INT] = sizeof(int64_t),
        [FIELD_BYTES] = sizeof(int64_t),
        [FIELD_CPU] = sizeof(int64_t),
        [FIELD_DURATION] = sizeof(int64_t),
        [FIELD_TIME] = sizeof(int64_t),
        [FIELD_ENUM] = sizeof(int),
        [FIELD_TEXTS] = sizeof(struct strv),
        [FIELD_TEXT_MAP] = sizeof(json_t *),
        [FIELD_ENV_MAP] = sizeof(json_t *),
        [FIELD_JSON] = sizeof(json_t *),
        [FIELD_LIST] = sizeof(struct field_list),
    };
    size_t size = 1;
    for (const struct field *field = fields; field->name; field++) {
        size_t member = field->type == FIELD_OBJECT ? struct_size(field->fields) : member_sizes[field->type];
        if (field->offset + member > size)
            size = field->offset + member;
    }
    return size;
}

/* Whether `encoded` is what an object looks like that the document does not have. */
static bool is_absent_object(const struct field *fields, const json_t *encoded)
{
    if (json_object_size(encoded) == 0)
        return true;
    if (!has_fallbacks(fields))
        return false;
    CLEANUP(freep) void *structure = mem_zalloc(struct_size(fields));
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    const struct field wrapper[] = { { .name = "absent", .type = FIELD_OBJECT, .fields = fields }, { .name = NULL } };
    fields_decode(wrapper, NULL, "", structure, &problems);
    CLEANUP(json_decrefp) json_t *absent = fields_encode(fields, structure);
    fields_release(fields, structure);
    return json_equal(absent, encoded);
}

static json_t *encode_object(const struct field *field, const void *structure)
{
    json_t *object = fields_encode(field->fields, structure);
    if (field->fallback || !is_absent_object(field->fields, object))
        return object;
    json_decref(object);
    return NULL;
}

/* New, or NULL when the member is left out. */
static json_t *encode_member(const struct field *field, const void *member)
{
    switch (field->type) {
    case FIELD_TEXT: {
        const char *text = *(char *const *)member;
        return text ? encode_bytes(text) : NULL;
    }
    case FIELD_BOOL:
        return *(const bool *)member || field->fallback ? json_boolean(*(const bool *)member) : NULL;
    case FIELD_INT:
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_DURATION:
    case FIELD_TIME:
        return encode_number(field, *(const int64_t *)member);
    case FIELD_ENUM:
        return json_string(field->choices[*(const int *)member]);
    case FIELD_TEXTS:
        return encode_texts(field, member);
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
        return encode_map(field, *(json_t *const *)member);
    case FIELD_JSON: {
        const json_t *value = *(json_t *const *)member;
        return value ? json_deep_copy(value) : NULL;
    }
    case FIELD_OBJECT:
        return encode_object(field, member);
    case FIELD_LIST:
        return encode_list(field, member);
    }
    return NULL;
}

json_t *fields_encode(const struct field *fields, const void *structure)
{
    json_t *object = json_object();
    for (const struct field *field = fields; field->name; field++) {
        json_t *value = encode_member(field, field_member_const(field, structure));
        if (value)
            json_put(object, field->name, value);
    }
    return object;
}

/* ---- defaults ---- */

/* null members mean absent, on every level that the table does not describe, too. */
static void drop_nulls(json_t *value)
{
    json_t *item;
    const char *key;
    void *next;
    for (size_t i = 0; i < json_array_size(value); i++)
        drop_nulls(json_array_get(value, i));
    json_object_foreach_safe (value, next, key, item) {
        if (json_is_null(item))
            json_object_del(value, key);
        else
            drop_nulls(item);
    }
}

static void add_defaults(const struct field *fields, json_t *document)
{
    for (const struct field *field = fields; json_is_object(document) && field->name; field++) {
        json_t *value = json_object_get(document, field->name);
        if (!value && !(field->flags & FIELD_REQUIRED)) {
            value = field_fallback(field);
            if (value)
                json_put(document, field->name, value);
        }
        if (field->type == FIELD_OBJECT)
            add_defaults(field->fields, value);
        for (size_t i = 0; field->type == FIELD_LIST && i < json_array_size(value); i++)
            add_defaults(field->fields, json_array_get(value, i));
    }
}

void fields_add_defaults(const struct field *fields, json_t *document)
{
    drop_nulls(document);
    add_defaults(fields, document);
}

void fields_drop_defaults(const struct field *fields, json_t *document)
{
    for (const struct field *field = fields; json_is_object(document) && field->name; field++) {
        json_t *value = json_object_get(document, field->name);
        if (!value)
            continue;
        if (field->type == FIELD_OBJECT)
            fields_drop_defaults(field->fields, value);
        for (size_t i = 0; field->type == FIELD_LIST && i < json_array_size(value); i++)
            fields_drop_defaults(field->fields, json_array_get(value, i));
        CLEANUP(json_decrefp) json_t *fallback = field_fallback(field);
        if (fallback && !(field->flags & FIELD_REQUIRED) && field_values_equal(field, value, fallback))
            json_object_del(document, field->name);
    }
}
