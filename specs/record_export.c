/* A record as somebody would have written it. */
#include "specs/kind.h"

/* Takes out what is resolved at creation, lists not entered. */
static void drop_kept(const struct field *fields, json_t *document)
{
    for (const struct field *field = fields; field->name; field++) {
        json_t *value = json_object_get(document, field->name);
        if (value && (field->flags & FIELD_KEEP))
            json_object_del(document, field->name);
        else if (value && field->type == FIELD_OBJECT)
            drop_kept(field->fields, value);
    }
}

/* Takes out what would be resolved to the same again. */
static void drop_resolved(const struct field *fields, json_t *document, const json_t *resolved)
{
    for (const struct field *field = fields; field->name; field++) {
        json_t *value = json_object_get(document, field->name);
        const json_t *again = json_object_get(resolved, field->name);
        if (!value || !again)
            continue;
        bool is_object = field->type == FIELD_OBJECT && json_is_object(value);
        if ((field->flags & FIELD_KEEP) && json_equal(value, again))
            json_object_del(document, field->name);
        else if (is_object)
            drop_resolved(field->fields, value, again);
        if (is_object && json_object_size(json_object_get(document, field->name)) == 0)
            json_object_del(document, field->name);
    }
}

static json_t *written_spec(const struct record *record)
{
    const struct kind *kind = &kinds[record->key.kind];
    CLEANUP(record_release) struct record again = { 0 };
    json_t *spec = json_deep_copy(record->spec);
    record_copy(&again, record);
    drop_kept(kind->spec_fields, again.spec);
    if (kind->settle)
        kind->settle(&again);
    drop_resolved(kind->spec_fields, spec, again.spec);
    fields_drop_defaults(kind->spec_fields, spec);
    return spec;
}

/* What says something about now, or is the server's or a tool's own, is not committed. */
static json_t *written_annotations(const struct record *record)
{
    static const char *const passing[] = {
        ANNOTATION_PAUSED,       ANNOTATION_RESTARTED_AT, ANNOTATION_ACCEPT_DATA_LOSS, ANNOTATION_SOURCE,
        ANNOTATION_ADOPT,        ANNOTATION_SYNC,         ANNOTATION_SYNC_REQUESTED,   ANNOTATION_CONFIRM_PRUNE,
        ANNOTATION_LAST_APPLIED, ANNOTATION_SUSPENDED,
    };
    json_t *annotations = json_deep_copy(record->annotations);
    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        json_object_del(annotations, passing[i]);
    return annotations;
}

static void put_filled(json_t *object, const char *key, json_t *value_taken)
{
    if (json_object_size(value_taken) > 0)
        json_put(object, key, value_taken);
    else
        json_decref(value_taken);
}

json_t *record_as_written(const struct record *record)
{
    json_t *metadata = json_object();
    json_t *object = json_object();
    json_put_text(metadata, "name", record->key.name);
    if (record->key.namespace[0])
        json_put_text(metadata, "namespace", record->key.namespace);
    put_filled(metadata, "labels", json_deep_copy(record->labels));
    put_filled(metadata, "annotations", written_annotations(record));
    json_put_text(object, "apiVersion", API_VERSION);
    json_put_text(object, "kind", kinds[record->key.kind].name);
    json_put(object, "metadata", metadata);
    put_filled(object, "spec", written_spec(record));
    return object;
}
