/* An update against what is stored: what may not change, and what stays when the document is silent. */
#include "specs/field_internal.h"
#include "specs/wording.h"

static bool is_absent(const json_t *value)
{
    return !value || json_is_null(value);
}

static void check_object(const struct field *fields, const json_t *old, const json_t *document, struct str *path,
                         struct problems *problems);

static void check_member(const struct field *field, const json_t *old, const json_t *value, const char *path,
                         struct problems *problems)
{
    CLEANUP(json_decrefp) json_t *fallback = is_absent(value) ? field_fallback(field) : NULL;
    if (is_absent(old) || field_values_equal(field, old, fallback ? fallback : value))
        return;
    if (is_absent(value) && (field->flags & FIELD_KEEP))
        return;
    CLEANUP(freep) char *was = value_wording(old);
    CLEANUP(freep) char *is = is_absent(value) ? mem_strdup("nothing") : value_wording(value);
    problems_add(problems, PROBLEM_INVALID, path,
                 "cannot be changed from %s to %s; it is settled when the record is created", was, is);
}

static void check_object(const struct field *fields, const json_t *old, const json_t *document, struct str *path,
                         struct problems *problems)
{
    for (const struct field *field = fields; field->name; field++) {
        const json_t *before = json_object_get(old, field->name);
        const json_t *value = json_object_get(document, field->name);
        size_t mark = path_push(path, field->name);
        if (field->flags & FIELD_IMMUTABLE)
            check_member(field, before, value, path->text, problems);
        else if (field->type == FIELD_OBJECT)
            check_object(field->fields, before, value, path, problems);
        path_pop(path, mark);
    }
}

void fields_check_immutable(const struct field *fields, const json_t *old, const json_t *document, const char *path,
                            struct problems *problems)
{
    CLEANUP(str_release) struct str at = STR_INIT;
    str_add(&at, path);
    check_object(fields, old, document, &at, problems);
}

static void keep_in_object(const struct field *field, const json_t *old, json_t *document)
{
    json_t *value = json_object_get(document, field->name);
    if (!is_absent(value)) {
        fields_keep(field->fields, old, value);
        return;
    }
    CLEANUP(json_decrefp) json_t *kept = json_object();
    fields_keep(field->fields, old, kept);
    if (json_object_size(kept) > 0)
        json_put(document, field->name, STEAL(kept));
}

void fields_keep(const struct field *fields, const json_t *old, json_t *document)
{
    for (const struct field *field = fields; json_is_object(document) && field->name; field++) {
        const json_t *before = json_object_get(old, field->name);
        if (is_absent(before))
            continue;
        if (field->type == FIELD_OBJECT && !(field->flags & FIELD_KEEP))
            keep_in_object(field, before, document);
        else if ((field->flags & FIELD_KEEP) && is_absent(json_object_get(document, field->name)))
            json_put(document, field->name, json_deep_copy(before));
    }
}
