/* Reading, checking and ordering of documents. */
#include "specs/document.h"

#include "base/map.h"
#include "specs/instance.h"
#include "specs/instance_check.h"
#include "specs/wording.h"
#include "specs/yaml.h"

void documents_release(struct documents *documents)
{
    for (size_t i = 0; i < documents->count; i++) {
        free(documents->items[i].origin);
        json_decref(documents->items[i].value);
        record_release(&documents->items[i].record);
    }
    free(documents->items);
    *documents = (struct documents){ 0 };
}

const struct document *documents_find(const struct documents *documents, enum kind_id kind, const char *namespace,
                                      const char *name)
{
    for (size_t i = 0; i < documents->count; i++) {
        const struct record_key *key = &documents->items[i].record.key;
        if (key->kind == kind && str_equal(key->namespace, namespace ? namespace : "") && str_equal(key->name, name))
            return &documents->items[i];
    }
    return NULL;
}

void document_reader_release(struct document_reader *reader)
{
    strv_release(&reader->complaints);
    map_free(reader->places);
    reader->places = NULL;
}

/* ---- one document ---- */

/* metadata's text; "" when absent. Borrowed. */
static const char *meta_of(const json_t *value, const char *key)
{
    const char *text = json_text(json_object_get(value, "metadata"), key);
    return text ? text : "";
}

/* "Instance acme/erp", as much of it as can be read. */
static char *subject_of(const json_t *value)
{
    const char *kind = json_text(value, "kind");
    const char *namespace = meta_of(value, "namespace");
    const char *name = meta_of(value, "name");
    CLEANUP(str_release) struct str text = STR_INIT;
    str_add_shown(&text, kind ? kind : "document", RECORD_NAME_MAX);
    if (name[0]) {
        str_addc(&text, ' ');
        str_add_shown(&text, namespace, RECORD_NAME_MAX);
        str_add(&text, namespace[0] ? "/" : "");
        str_add_shown(&text, name, RECORD_NAME_MAX);
    }
    return str_steal(&text);
}

static void complain(struct document_reader *reader, const char *origin, const json_t *value, const char *path,
                     const char *message)
{
    CLEANUP(freep) char *subject = subject_of(value);
    strv_addf(&reader->complaints, "%s: %s: %s%s%s", origin, subject, path, path[0] ? ": " : "", message);
}

/* While a text is read its fields can be found in it: "acme.yaml:12" becomes "acme.yaml:15". Owned. */
static char *origin_of_field(const struct document_reader *reader, const char *origin, const char *path)
{
    const char *colon = strrchr(origin, ':');
    int64_t begin = 0;
    if (reader->rules.lines != DOCUMENTS_LINE_OF_FIELD || !reader->text || !colon ||
        !str_parse_int64(colon + 1, 1, INT32_MAX, &begin))
        return mem_strdup(origin);
    size_t line = yaml_line_of(reader->text, reader->text_len, (size_t)begin, path);
    return mem_printf("%.*s:%zu", (int)(colon - origin), origin, line);
}

static void complain_problems(struct document_reader *reader, const char *origin, const json_t *value,
                              const struct problems *problems)
{
    bool names_only = reader->rules.check == DOCUMENTS_NAMES;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        bool is_about_name = str_starts_with(problem->path, "metadata.name") || str_equal(problem->path, "kind") ||
                             str_equal(problem->path, "apiVersion");
        if (names_only && !is_about_name)
            continue;
        CLEANUP(freep) char *place = origin_of_field(reader, origin, problem->path);
        complain(reader, place, value, problem->path, problem->message);
    }
}

/* What a record has because the server put it there; a file that was made with `get -o yaml` has it, too. */
static void drop_servers_own(json_t *value)
{
    static const char *const members[] = {
        "uid",           "generation", "creationTimestamp", "deletionTimestamp",
        "managedFields", "selfLink",   "resourceVersion",   "deletionGracePeriodSeconds"
    };
    json_t *metadata = json_object_get(value, "metadata");
    json_object_del(value, "status");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_object_del(metadata, members[i]);
    json_object_del(json_object_get(metadata, "annotations"), ANNOTATION_LAST_APPLIED);
}

static bool settle_namespace(struct document_reader *reader, const char *origin, const struct kind *kind, json_t *value)
{
    const char *wanted = reader->rules.namespace;
    const char *own = meta_of(value, "namespace");
    json_t *metadata = json_object_get(value, "metadata");
    if (!kind->namespaced && reader->rules.cluster_refusal) {
        complain(reader, origin, value, "kind", reader->rules.cluster_refusal);
        return false;
    }
    if (!kind->namespaced || !wanted || !json_is_object(metadata))
        return true;
    if (!own[0]) {
        json_put_text(metadata, "namespace", wanted);
    } else if (reader->rules.namespace_says && !str_equal(own, wanted)) {
        CLEANUP(freep) char *message = mem_printf("is \"%s\", but %s %s", own, reader->rules.namespace_says, wanted);
        complain(reader, origin, value, "metadata.namespace", message);
        return false;
    }
    return true;
}

static const struct kind *find_kind(struct document_reader *reader, const char *origin, const json_t *value)
{
    const char *name = json_text(value, "kind");
    const struct kind *kind = name ? kind_by_name(name) : NULL;
    if (kind)
        return kind;
    if (!json_object_get(value, "kind")) {
        complain(reader, origin, value, "kind", "is required");
        return NULL;
    }
    CLEANUP(freep) char *shown = value_wording(json_object_get(value, "kind"));
    struct nearest nearest;
    nearest_start(&nearest, name ? name : "");
    for (size_t i = 0; i < KINDS; i++)
        nearest_offer(&nearest, kinds[i].name);
    CLEANUP(freep)
    char *message =
        nearest.best
            ? mem_printf("%s is not known; is %s meant?", shown, nearest.best)
            : mem_printf("%s is not known; kinds are Tenant, App, Instance, Backup, Restore and Source", shown);
    complain(reader, origin, value, "kind", message);
    return NULL;
}

static void add_document(struct document_reader *reader, const char *origin, json_t *value)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct documents *documents = reader->documents;
    if (!json_is_object(value)) {
        complain(reader, origin, value, "", "is no record; one begins with apiVersion, kind and metadata");
        return;
    }
    const struct kind *kind = find_kind(reader, origin, value);
    if (!kind || !settle_namespace(reader, origin, kind, value))
        return;
    drop_servers_own(value);
    struct record record;
    if (!record_from_json(value, kind, NULL, NULL, &record, NULL, &problems))
        complain_problems(reader, origin, value, &problems);
    CLEANUP(freep) char *key = record_key_text(&record.key);
    if (!reader->places)
        reader->places = map_new(free);
    const char *same = map_get(reader->places, key);
    if (same && record.key.name[0]) {
        CLEANUP(freep) char *message = mem_printf("is there already, at %s", same);
        complain(reader, origin, value, "", message);
    } else if (!same) {
        map_put(reader->places, key, mem_strdup(origin));
    }
    documents->items = mem_grow(documents->items, documents->count + 1, sizeof(documents->items[0]));
    documents->items[documents->count++] = (struct document){
        .origin = mem_strdup(origin),
        .kind = kind,
        .value = json_incref(value),
        .record = record,
    };
}

/* A List (as `get -o yaml` prints it) is its items. */
static void add_value(struct document_reader *reader, const char *origin, json_t *value)
{
    const char *kind = json_text(value, "kind");
    json_t *items = json_object_get(value, "items");
    if (!kind || !str_ends_with(kind, "List") || !json_is_array(items)) {
        add_document(reader, origin, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        CLEANUP(freep) char *item_origin = mem_printf("%s: items[%zu]", origin, i);
        add_document(reader, item_origin, json_array_get(items, i));
    }
}

/* specs/yaml words it "line 3, column 5: ..."; editors jump to "file:3:5". */
static void complain_syntax(struct document_reader *reader, const char *path, const char *message)
{
    size_t line, column;
    int at = 0;
    if (sscanf(message, "line %zu, column %zu: %n", &line, &column, &at) == 2 && at > 0)
        strv_addf(&reader->complaints, "%s:%zu:%zu: %s", path, line, column, message + at);
    else
        strv_addf(&reader->complaints, "%s: %s", path, message);
}

void document_read(struct document_reader *reader, const char *path, const char *text, size_t len)
{
    CLEANUP(yaml_documents_release) struct yaml_documents values = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!yaml_parse(text, len, &values, &err)) {
        complain_syntax(reader, path, err_message(&err));
        return;
    }
    if (values.count == 0)
        strv_addf(&reader->complaints, "%s: has no documents", path);
    reader->text = text;
    reader->text_len = len;
    for (size_t i = 0; i < values.count; i++) {
        CLEANUP(freep) char *origin = mem_printf("%s:%zu", path, values.items[i].line);
        add_value(reader, origin, values.items[i].value);
    }
    reader->text = NULL;
}

/* ---- all of them ---- */

void document_complain(struct document_reader *reader, const struct document *document, const char *field,
                       const char *message)
{
    complain(reader, document->origin, document->value, field, message);
}

void document_check_app(struct document_reader *reader, const struct document *document, const struct app_spec *app)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct instance_spec instance = { 0 };
    fields_decode(instance_spec_fields, document->record.spec, "spec", &instance, &problems);
    if (problems.count == 0)
        instance_check_app(&instance, app, &problems);
    complain_problems(reader, document->origin, document->value, &problems);
    fields_release(instance_spec_fields, &instance);
}

/* Where the App comes along, the rules that need it can be checked here, too. */
static void check_instances_of(struct document_reader *reader, const struct document *app_document)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct app_spec app = { 0 };
    fields_decode(app_spec_fields, app_document->record.spec, "spec", &app, &problems);
    for (size_t i = 0; problems.count == 0 && i < reader->documents->count; i++) {
        const struct document *document = &reader->documents->items[i];
        if (document->kind->id == KIND_INSTANCE &&
            str_equal(json_text(document->record.spec, "app"), app_document->record.key.name))
            document_check_app(reader, document, &app);
    }
    fields_release(app_spec_fields, &app);
}

size_t document_rank(enum kind_id kind)
{
    static const enum kind_id first[] = { KIND_APP, KIND_TENANT, KIND_INSTANCE, KIND_RESTORE };
    for (size_t rank = 0; rank < ARRAY_LEN(first); rank++)
        if (first[rank] == kind)
            return rank;
    return ARRAY_LEN(first) + (size_t)kind;
}

/* The files' own order stays among equals. */
static void order(struct documents *documents)
{
    struct document *ordered = mem_zalloc((documents->count + 1) * sizeof(*ordered));
    size_t count = 0;
    for (size_t rank = 0; count < documents->count; rank++)
        for (size_t i = 0; i < documents->count; i++)
            if (document_rank(documents->items[i].kind->id) == rank)
                ordered[count++] = documents->items[i];
    free(documents->items);
    documents->items = ordered;
}

void document_read_end(struct document_reader *reader)
{
    bool checks = reader->complaints.count == 0 && reader->rules.check == DOCUMENTS_WHOLE;
    for (size_t i = 0; checks && i < reader->documents->count; i++)
        if (reader->documents->items[i].kind->id == KIND_APP)
            check_instances_of(reader, &reader->documents->items[i]);
    order(reader->documents);
}
