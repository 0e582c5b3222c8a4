/* Documents become structs by their field table: lists, objects, and what the document does not say. */
#include "specs/field_decode.h"

#include "specs/quantity.h"
#include "specs/wording.h"

static void decode_object(struct decoder *decoder, const struct field *fields, const json_t *document, void *structure);

void decoder_complain(struct decoder *decoder, const char *fmt, ...)
{
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    problems_add(decoder->problems, PROBLEM_INVALID, decoder->path.text, "%s", message.text);
}

bool is_absent(const json_t *value)
{
    return !value || json_is_null(value);
}

/* ---- lists of structs ---- */

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (const struct field *field = fields; field->name; field++) {
        if (str_equal(field->name, name))
            return field;
    }
    return NULL;
}

static bool check_unique_names(struct decoder *decoder, const struct field *field, const struct field_list *list)
{
    const struct field *name = find_field(field->fields, "name");
    bool good = true;
    for (size_t i = 1; name && i < list->count; i++) {
        char *const *mine = field_member(name, (char *)list->items + i * field->item_size);
        for (size_t j = 0; j < i && *mine; j++) {
            char *const *other = field_member(name, (char *)list->items + j * field->item_size);
            if (!str_equal(*mine, *other))
                continue;
            CLEANUP(freep) char *shown = quoted(*mine);
            CLEANUP(freep) char *at = mem_printf("%s[%zu].name", decoder->path.text, i);
            problems_add(decoder->problems, PROBLEM_INVALID, at, "%s is taken by [%zu] already", shown, j);
            good = false;
            break;
        }
    }
    return good;
}

static bool decode_list(struct decoder *decoder, const struct field *field, const json_t *value,
                        struct field_list *member)
{
    if (!check_list(decoder, field, value, ""))
        return false;
    size_t before = decoder->problems->count;
    size_t count = json_array_size(value);
    member->items = count > 0 ? mem_zalloc(count * field->item_size) : NULL;
    member->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t mark = path_push_index(&decoder->path, i);
        const json_t *item = json_array_get(value, i);
        if (is_absent(item))
            decoder_complain(decoder, "must be a map of fields, not nothing");
        else
            decode_object(decoder, field->fields, item, (char *)member->items + i * field->item_size);
        path_pop(&decoder->path, mark);
    }
    if (field->flags & FIELD_UNIQUE_NAME)
        check_unique_names(decoder, field, member);
    return decoder->problems->count == before;
}

/* ---- objects ---- */

static bool decode_nested(struct decoder *decoder, const struct field *field, const json_t *value, void *member)
{
    size_t before = decoder->problems->count;
    decode_object(decoder, field->fields, value, member);
    return decoder->problems->count == before;
}

static bool decode_value(struct decoder *decoder, const struct field *field, const json_t *value, void *member)
{
    switch (field->type) {
    case FIELD_TEXT:
        return decode_text(decoder, field, value, member);
    case FIELD_BOOL:
        return decode_bool(decoder, value, member);
    case FIELD_INT:
        return decode_int(decoder, value, member);
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_DURATION:
        return decode_quantity(decoder, field, value, member);
    case FIELD_TIME:
        return decode_time(decoder, value, member);
    case FIELD_ENUM:
        return decode_enum(decoder, field, value, member);
    case FIELD_TEXTS:
        return decode_texts(decoder, field, value, member);
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
        return decode_map(decoder, field, value, member);
    case FIELD_JSON:
        *(json_t **)member = json_deep_copy(value);
        return true;
    case FIELD_OBJECT:
        return decode_nested(decoder, field, value, member);
    case FIELD_LIST:
        return decode_list(decoder, field, value, member);
    }
    return false;
}

/* What the document does not say: the fallback, or for an object those of its members. */
static void decode_absent(struct decoder *decoder, const struct field *field, void *member)
{
    bool absent_before = decoder->absent;
    CLEANUP(json_decrefp) json_t *fallback = field_fallback(field);
    if ((field->flags & FIELD_REQUIRED) && !decoder->absent) {
        CLEANUP(freep) char *like = field->example ? mem_printf(", like %s", field->example) : mem_strdup("");
        problems_add(decoder->problems, PROBLEM_REQUIRED, decoder->path.text, "is required%s", like);
        return;
    }
    if (fallback) {
        decode_value(decoder, field, fallback, member);
    } else if (field->type == FIELD_OBJECT) {
        decoder->absent = true;
        decode_object(decoder, field->fields, NULL, member);
        decoder->absent = absent_before;
    }
}

/* ---- ranges ---- */

static char *print_number(const struct field *field, int64_t number)
{
    switch (field->type) {
    case FIELD_BYTES:
        return quantity_print_bytes(number);
    case FIELD_CPU:
        return quantity_print_cpu(number);
    case FIELD_DURATION:
        return quantity_print_duration(number);
    default:
        return mem_printf("%lld", (long long)number);
    }
}

static bool check_range(struct decoder *decoder, const struct field *field, const json_t *value, const void *member)
{
    bool is_number = field->type == FIELD_INT || field->type == FIELD_BYTES || field->type == FIELD_CPU ||
                     field->type == FIELD_DURATION;
    int64_t number = is_number ? *(const int64_t *)member : 0;
    if (!is_number || field->max <= field->min || (number >= field->min && number <= field->max))
        return true;
    CLEANUP(freep) char *shown = value_wording(value);
    CLEANUP(freep) char *min = print_number(field, field->min);
    CLEANUP(freep) char *max = print_number(field, field->max);
    if (field->max == INT64_MAX)
        decoder_complain(decoder, "%s is too small; it must be at least %s", shown, min);
    else
        decoder_complain(decoder, "%s is out of range; it must be between %s and %s", shown, min, max);
    return false;
}

/* ---- members ---- */

static void decode_member(struct decoder *decoder, const struct field *field, const json_t *value, void *member)
{
    if (is_absent(value))
        decode_absent(decoder, field, member);
    else if (decode_value(decoder, field, value, member) && check_range(decoder, field, value, member) && field->check)
        field->check(field, member, decoder->path.text, decoder->problems);
}

/* The field that `key` was probably meant to be; also one that stands one level deeper. */
static char *unknown_field_hint(const struct field *fields, const char *key)
{
    struct nearest nearest;
    nearest_start(&nearest, key);
    for (const struct field *field = fields; field->name; field++)
        nearest_offer(&nearest, field->name);
    if (nearest.best)
        return mem_printf("; did you mean \"%s\"?", nearest.best);
    for (const struct field *field = fields; field->name; field++) {
        if (field->type == FIELD_OBJECT && find_field(field->fields, key))
            return mem_printf("; did you mean \"%s.%s\"?", field->name, key);
    }
    return mem_strdup("");
}

static void refuse_unknown_fields(struct decoder *decoder, const struct field *fields, const json_t *document)
{
    json_t *object = (json_t *)(uintptr_t)document; /* jansson's iterators take no const; nothing is changed */
    for (void *at = json_object_iter(object); at && decoder->problems->count <= PROBLEMS_MAX;
         at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        if (find_field(fields, key))
            continue;
        CLEANUP(freep) char *hint = unknown_field_hint(fields, key);
        size_t mark = path_push_key(&decoder->path, key);
        problems_add(decoder->problems, PROBLEM_UNKNOWN_FIELD, decoder->path.text, "unknown field%s", hint);
        path_pop(&decoder->path, mark);
    }
}

static void decode_object(struct decoder *decoder, const struct field *fields, const json_t *document, void *structure)
{
    if (!is_absent(document) && !json_is_object(document)) {
        decoder_complain(decoder, "must be a map of fields, not %s", value_type_wording(document));
        return;
    }
    for (const struct field *field = fields; field->name; field++) {
        size_t mark = path_push(&decoder->path, field->name);
        decode_member(decoder, field, json_object_get(document, field->name), field_member(field, structure));
        path_pop(&decoder->path, mark);
    }
    refuse_unknown_fields(decoder, fields, document);
}

void fields_decode(const struct field *fields, const json_t *document, const char *path, void *ret_struct,
                   struct problems *problems)
{
    struct decoder decoder = { .path = STR_INIT, .problems = problems };
    str_add(&decoder.path, path);
    decode_object(&decoder, fields, document, ret_struct);
    str_release(&decoder.path);
}
