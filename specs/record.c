/* Records: the envelope as a struct and as JSON. */
#include "specs/record.h"

#include "specs/kind.h"

bool record_key_set(struct record_key *key, enum kind_id kind, const char *namespace, const char *name)
{
    size_t namespace_len = strlen(namespace), name_len = strlen(name);
    if (namespace_len > RECORD_NAME_MAX || name_len > RECORD_NAME_MAX)
        return false;
    *key = (struct record_key){ .kind = kind };
    memcpy(key->namespace, namespace, namespace_len);
    memcpy(key->name, name, name_len);
    return true;
}

bool record_key_equal(const struct record_key *a, const struct record_key *b)
{
    return a->kind == b->kind && str_equal(a->namespace, b->namespace) && str_equal(a->name, b->name);
}

char *record_key_text(const struct record_key *key)
{
    if (key->namespace[0])
        return mem_printf("%s/%s/%s", kinds[key->kind].name, key->namespace, key->name);
    return mem_printf("%s/%s", kinds[key->kind].name, key->name);
}

void record_init(struct record *record)
{
    *record = (struct record){
        .managed = json_array(),
        .labels = json_object(),
        .annotations = json_object(),
        .spec = json_object(),
        .status = json_object(),
    };
}

void record_release(struct record *record)
{
    free(record->uid);
    strv_release(&record->finalizers);
    json_decref(record->managed);
    json_decref(record->labels);
    json_decref(record->annotations);
    json_decref(record->spec);
    json_decref(record->status);
    *record = (struct record){ 0 };
}

void record_copy(struct record *to, const struct record *from)
{
    struct record copy = {
        .key = from->key,
        .uid = mem_strdup(from->uid),
        .generation = from->generation,
        .version = from->version,
        .created_ms = from->created_ms,
        .deletion_ms = from->deletion_ms,
        .managed = from->managed ? json_deep_copy(from->managed) : json_array(),
        .labels = from->labels ? json_deep_copy(from->labels) : json_object(),
        .annotations = from->annotations ? json_deep_copy(from->annotations) : json_object(),
        .spec = from->spec ? json_deep_copy(from->spec) : json_object(),
        .status = from->status ? json_deep_copy(from->status) : json_object(),
    };
    strv_copy(&copy.finalizers, &from->finalizers);
    *to = copy;
}

void record_swap(struct record *a, struct record *b)
{
    struct record kept = *a;
    *a = *b;
    *b = kept;
}

const char *record_annotation(const struct record *record, const char *name)
{
    return json_text(record->annotations, name);
}

/* ---- JSON ---- */

static void put_time(json_t *object, const char *key, int64_t time_ms)
{
    if (time_ms == 0)
        return;
    CLEANUP(freep) char *text = time_to_rfc3339(time_ms);
    json_put_text(object, key, text);
}

/* How a document gets into the object: as a copy, or as the record's own. */
typedef json_t *own_fn(const json_t *document);

static json_t *share(const json_t *document)
{
    return json_incref((json_t *)(uintptr_t)document);
}

static void put_filled(json_t *object, const char *key, const json_t *map, own_fn *own)
{
    if (json_object_size(map) > 0)
        json_put(object, key, own(map));
}

static json_t *metadata_to_json(const struct record *record, own_fn *own)
{
    json_t *metadata = json_object();
    json_put_text(metadata, "name", record->key.name);
    if (record->key.namespace[0])
        json_put_text(metadata, "namespace", record->key.namespace);
    json_put_text(metadata, "uid", record->uid);
    if (record->version > 0) {
        CLEANUP(freep) char *version = mem_printf("%lld", (long long)record->version);
        json_put_text(metadata, "resourceVersion", version);
    }
    if (record->generation > 0)
        json_put(metadata, "generation", json_integer(record->generation));
    put_time(metadata, "creationTimestamp", record->created_ms);
    put_time(metadata, "deletionTimestamp", record->deletion_ms);
    put_filled(metadata, "labels", record->labels, own);
    put_filled(metadata, "annotations", record->annotations, own);
    if (record->finalizers.count > 0)
        json_put(metadata, "finalizers", json_from_strv(&record->finalizers));
    if (json_array_size(record->managed) > 0)
        json_put(metadata, "managedFields", own(record->managed));
    return metadata;
}

static json_t *to_json(const struct record *record, own_fn *own)
{
    json_t *object = json_object();
    json_put_text(object, "apiVersion", API_VERSION);
    json_put_text(object, "kind", kinds[record->key.kind].name);
    json_put(object, "metadata", metadata_to_json(record, own));
    json_put(object, "spec", record->spec ? own(record->spec) : json_object());
    json_put(object, "status", record->status ? own(record->status) : json_object());
    return object;
}

json_t *record_to_json(const struct record *record)
{
    return to_json(record, json_deep_copy);
}

json_t *record_to_json_shared(const struct record *record)
{
    return to_json(record, share);
}

/* ---- lists and comparing ---- */

void records_release(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        record_release(&records->items[i]);
    free(records->items);
    *records = (struct records){ 0 };
}

struct record *records_add(struct records *records)
{
    records->items = mem_grow(records->items, records->count + 1, sizeof(*records->items));
    struct record *record = &records->items[records->count++];
    record_init(record);
    return record;
}

bool record_spec_equal(const struct record *a, const struct record *b)
{
    return json_equal(a->spec, b->spec);
}

static bool managed_equal(const struct record *a, const struct record *b)
{
    bool is_empty = json_array_size(a->managed) == 0 && json_array_size(b->managed) == 0;
    return is_empty || json_equal(a->managed, b->managed);
}

bool record_metadata_equal(const struct record *a, const struct record *b)
{
    return json_equal(a->labels, b->labels) && json_equal(a->annotations, b->annotations) &&
           strv_equal(&a->finalizers, &b->finalizers) && managed_equal(a, b);
}

bool record_settle(const struct kind *kind, const struct record *old, struct record *next, struct problems *problems)
{
    size_t before = problems->count;
    if (old)
        fields_keep(kind->spec_fields, old->spec, next->spec);
    if (kind->settle)
        kind->settle(next);
    if (old)
        fields_check_immutable(kind->spec_fields, old->spec, next->spec, "spec", problems);
    return problems->count == before;
}
