/* Loading, checking and ordering of documents. */
#include "cli/documents.h"

#include <sys/stat.h>

#include "base/file.h"
#include "cli/objects.h"
#include "specs/instance.h"
#include "specs/wording.h"
#include "specs/yaml.h"

#define FILE_LIMIT ((size_t)4 << 20)

struct loader {
    const struct documents_source *source;
    struct documents *documents;
    struct strv complaints;
};

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

struct target document_target(const struct document *document)
{
    const struct record_key *key = &document->record.key;
    return (struct target){
        .kind = document->kind,
        .namespace = key->namespace[0] ? (char *)(uintptr_t)key->namespace : NULL, /* borrowed, not written to */
        .name = (char *)(uintptr_t)key->name,
    };
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

/* ---- one document ---- */

/* "Instance acme/erp", as much of it as can be read. */
static char *subject_of(const json_t *value)
{
    const char *kind = json_text(value, "kind");
    const char *namespace = object_meta(value, "namespace");
    const char *name = object_meta(value, "name");
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

static void complain(struct loader *loader, const char *origin, const json_t *value, const char *path,
                     const char *message)
{
    CLEANUP(freep) char *subject = subject_of(value);
    strv_addf(&loader->complaints, "%s: %s: %s%s%s", origin, subject, path, path[0] ? ": " : "", message);
}

static void complain_problems(struct loader *loader, const char *origin, const json_t *value,
                              const struct problems *problems)
{
    bool names_only = loader->source->check == DOCUMENTS_NAMES;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        bool is_about_name = str_starts_with(problem->path, "metadata.name") || str_equal(problem->path, "kind") ||
                             str_equal(problem->path, "apiVersion");
        if (!names_only || is_about_name)
            complain(loader, origin, value, problem->path, problem->message);
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

static bool settle_namespace(struct loader *loader, const char *origin, const struct kind *kind, json_t *value)
{
    const char *wanted = loader->source->namespace;
    const char *own = object_meta(value, "namespace");
    json_t *metadata = json_object_get(value, "metadata");
    if (!kind->namespaced || !wanted || !json_is_object(metadata))
        return true;
    if (!own[0]) {
        json_put_text(metadata, "namespace", wanted);
    } else if (loader->source->namespace_must_match && !str_equal(own, wanted)) {
        CLEANUP(freep) char *message = mem_printf("is \"%s\", but -n says %s", own, wanted);
        complain(loader, origin, value, "metadata.namespace", message);
        return false;
    }
    return true;
}

static const struct kind *find_kind(struct loader *loader, const char *origin, const json_t *value)
{
    const char *name = json_text(value, "kind");
    const struct kind *kind = name ? kind_by_name(name) : NULL;
    if (kind)
        return kind;
    if (!json_object_get(value, "kind")) {
        complain(loader, origin, value, "kind", "is required");
        return NULL;
    }
    CLEANUP(freep) char *shown = value_wording(json_object_get(value, "kind"));
    struct nearest nearest;
    nearest_start(&nearest, name ? name : "");
    for (size_t i = 0; i < KINDS; i++)
        nearest_offer(&nearest, kinds[i].name);
    CLEANUP(freep)
    char *message = nearest.best ? mem_printf("%s is not known; is %s meant?", shown, nearest.best)
                                 : mem_printf("%s is not known; kinds are Tenant, App and Instance", shown);
    complain(loader, origin, value, "kind", message);
    return NULL;
}

static void add_document(struct loader *loader, const char *origin, json_t *value)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct documents *documents = loader->documents;
    if (!json_is_object(value)) {
        complain(loader, origin, value, "", "is no record; one begins with apiVersion, kind and metadata");
        return;
    }
    const struct kind *kind = find_kind(loader, origin, value);
    if (!kind || !settle_namespace(loader, origin, kind, value))
        return;
    drop_servers_own(value);
    struct record record;
    if (!record_from_json(value, kind, NULL, NULL, &record, NULL, &problems))
        complain_problems(loader, origin, value, &problems);
    const char *namespace = record.key.namespace;
    const struct document *same = documents_find(documents, kind->id, namespace, record.key.name);
    if (same && record.key.name[0]) {
        CLEANUP(freep) char *message = mem_printf("is there already, at %s", same->origin);
        complain(loader, origin, value, "", message);
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
static void add_value(struct loader *loader, const char *origin, json_t *value)
{
    const char *kind = json_text(value, "kind");
    json_t *items = json_object_get(value, "items");
    if (!kind || !str_ends_with(kind, "List") || !json_is_array(items)) {
        add_document(loader, origin, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        CLEANUP(freep) char *item_origin = mem_printf("%s: items[%zu]", origin, i);
        add_document(loader, item_origin, json_array_get(items, i));
    }
}

/* ---- files ---- */

/* specs/yaml words it "line 3, column 5: ..."; editors jump to "file:3:5". */
static void complain_syntax(struct loader *loader, const char *path, const char *message)
{
    size_t line, column;
    int at = 0;
    if (sscanf(message, "line %zu, column %zu: %n", &line, &column, &at) == 2 && at > 0)
        strv_addf(&loader->complaints, "%s:%zu:%zu: %s", path, line, column, message + at);
    else
        strv_addf(&loader->complaints, "%s: %s", path, message);
}

static void load_text(struct loader *loader, const char *path, const struct str *text)
{
    CLEANUP(yaml_documents_release) struct yaml_documents values = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!yaml_parse(text->text, text->len, &values, &err)) {
        complain_syntax(loader, path, err_message(&err));
        return;
    }
    if (values.count == 0)
        strv_addf(&loader->complaints, "%s: has no documents", path);
    for (size_t i = 0; i < values.count; i++) {
        CLEANUP(freep) char *origin = mem_printf("%s:%zu", path, values.items[i].line);
        add_value(loader, origin, values.items[i].value);
    }
}

static bool read_stream(FILE *in, struct str *text, struct err *err)
{
    char buffer[16384];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), in)) > 0;) {
        str_addn(text, buffer, got);
        if (text->len > FILE_LIMIT)
            return err_set(err, ERR_TOO_LARGE, "is larger than %zu bytes", FILE_LIMIT);
    }
    return !ferror(in) || err_set(err, ERR_INTERNAL, "cannot be read");
}

static void load_file(struct loader *loader, const char *path)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool is_input = str_equal(path, "-");
    bool read = is_input ? read_stream(loader->source->in, &text, &err) : file_read(path, FILE_LIMIT, &text, &err);
    if (is_input && !read)
        strv_addf(&loader->complaints, "standard input: %s", err_message(&err));
    else if (!read)
        strv_addf(&loader->complaints, "%s", err_message(&err));
    else
        load_text(loader, is_input ? "stdin" : path, &text);
}

static bool is_document_file(const char *name)
{
    return name[0] != '.' &&
           (str_ends_with(name, ".yaml") || str_ends_with(name, ".yml") || str_ends_with(name, ".json"));
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Returns how many files it found. */
static size_t load_directory(struct loader *loader, const char *path)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    size_t found = 0;
    if (!dir_list(path, &names, &err))
        strv_addf(&loader->complaints, "%s", err_message(&err));
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *entry = mem_printf("%s%s%s", path, str_ends_with(path, "/") ? "" : "/", names.items[i]);
        if (is_directory(entry)) {
            if (loader->source->recursive && names.items[i][0] != '.')
                found += load_directory(loader, entry);
        } else if (is_document_file(names.items[i])) {
            load_file(loader, entry);
            found++;
        }
    }
    return found;
}

static void load_path(struct loader *loader, const char *path)
{
    if (str_equal(path, "-") || !is_directory(path))
        load_file(loader, path);
    else if (load_directory(loader, path) == 0)
        strv_addf(&loader->complaints, "%s: has no .yaml, .yml or .json file%s", path,
                  loader->source->recursive ? "" : "; -R looks below it, too");
}

/* ---- all of them ---- */

/* Where the App comes along, the rules that need it can be checked here, too. */
static void check_apps(struct loader *loader)
{
    for (size_t i = 0; i < loader->documents->count; i++) {
        const struct document *document = &loader->documents->items[i];
        const char *app_name = json_text(document->record.spec, "app");
        const struct document *app_document =
            document->kind->id == KIND_INSTANCE ? documents_find(loader->documents, KIND_APP, NULL, app_name) : NULL;
        if (!app_document)
            continue;
        CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
        struct app_spec app = { 0 };
        struct instance_spec instance = { 0 };
        fields_decode(app_spec_fields, app_document->record.spec, "spec", &app, &problems);
        fields_decode(instance_spec_fields, document->record.spec, "spec", &instance, &problems);
        if (problems.count == 0)
            instance_check_app(&instance, &app, &problems);
        complain_problems(loader, document->origin, document->value, &problems);
        fields_release(instance_spec_fields, &instance);
        fields_release(app_spec_fields, &app);
    }
}

/* Insertion keeps the files' own order among equals. */
static void order(struct documents *documents)
{
    static const int ranks[KINDS] = { [KIND_APP] = 0, [KIND_TENANT] = 1, [KIND_INSTANCE] = 2, [KIND_RESTORE] = 3 };
    for (size_t i = 1; i < documents->count; i++) {
        struct document moving = documents->items[i];
        size_t at = i;
        for (; at > 0 && ranks[documents->items[at - 1].kind->id] > ranks[moving.kind->id]; at--)
            documents->items[at] = documents->items[at - 1];
        documents->items[at] = moving;
    }
}

static bool complaints_to_err(const struct strv *complaints, struct err *err)
{
    CLEANUP(freep) char *lines = strv_join(complaints, "\n  ");
    if (complaints->count == 0)
        return true;
    return err_set(err, ERR_INVALID, "nothing was sent, because of %zu problem%s:\n  %s", complaints->count,
                   complaints->count == 1 ? "" : "s", lines);
}

bool documents_load(const struct documents_source *source, struct documents *ret, struct err *err)
{
    struct loader loader = { .source = source, .documents = ret };
    for (size_t i = 0; i < source->paths->count; i++)
        load_path(&loader, source->paths->items[i]);
    if (loader.complaints.count == 0 && source->check == DOCUMENTS_WHOLE)
        check_apps(&loader);
    order(ret);
    bool good = complaints_to_err(&loader.complaints, err);
    strv_release(&loader.complaints);
    return good;
}
