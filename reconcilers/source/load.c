/* Manifests become documents; all that is wrong with any of them is told. */
#include "base/map.h"
#include "reconcilers/source/source.h"
#include "specs/app.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_kustomization(const char *path)
{
    static const char *const names[] = { "kustomization.yaml", "kustomization.yml" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(base_name(path), names[i]))
            return true;
    return false;
}

/* A file of comments, or an empty one, states nothing; that is no mistake. */
static bool is_blank(const struct str *text)
{
    for (const char *at = text->text; *at;) {
        at += strspn(at, " \t\r\n");
        if (*at && *at != '#' && strncmp(at, "---", 3) != 0)
            return false;
        at += strcspn(at, "\n");
    }
    return true;
}

/*
 * A Source that stated itself could delete what is to undo that. What runs once and goes by rule would be made again, and
 * run again, for as long as it is stated.
 */
static void refuse_strangers(const char *name, struct document_reader *reader)
{
    for (size_t i = 0; i < reader->documents->count; i++) {
        const struct document *document = &reader->documents->items[i];
        if (document->kind->id == KIND_BACKUP || document->kind->id == KIND_RESTORE)
            document_complain(reader, document, "kind",
                              "is an act that runs once, which no repository states: use tenantctl backup and restore");
        if (document->kind->id == KIND_SOURCE && str_equal(document->record.key.name, name))
            document_complain(reader, document, "metadata.name",
                              "is this Source itself, which its own repository cannot state");
    }
}

void source_load(const struct source_files *files, const char *name, const struct source_spec *spec,
                 struct document_reader *reader)
{
    reader->rules = (struct document_rules){
        .namespace = spec->tenant,
        .namespace_says = spec->tenant ? "the Source's spec.tenant says" : NULL,
        .cluster_refusal =
            spec->tenant ? "is of no tenant, and the Source may only touch its spec.tenant's records" : NULL,
        .lines = DOCUMENTS_LINE_OF_FIELD,
    };
    for (size_t i = 0; i < files->count; i++) {
        const struct source_file *file = &files->items[i];
        if (is_kustomization(file->path))
            strv_addf(&reader->complaints,
                      "%s: kustomize is not supported: commit what `kustomize build` prints, and take this file away",
                      file->path);
        else if (file->refusal)
            strv_addf(&reader->complaints, "%s: %s", file->path, file->refusal);
        else if (!is_blank(&file->text))
            document_read(reader, file->path, file->text.text, file->text.len);
    }
    refuse_strangers(name, reader);
    document_read_end(reader);
}

/* ---- what only the stored records tell ---- */

struct stored {
    const struct documents *documents;
    struct map *lives;
};

static const struct record *find(const struct stored *stored, enum kind_id kind, const char *name)
{
    struct record_key key;
    if (!name || !record_key_set(&key, kind, "", name))
        return NULL;
    CLEANUP(freep) char *text = record_key_text(&key);
    return map_get(stored->lives, text);
}

static void check_app(const struct stored *stored, const struct document *document, struct document_reader *reader)
{
    const char *name = json_text(document->record.spec, "app");
    if (!name || documents_find(stored->documents, KIND_APP, NULL, name))
        return;
    const struct record *app = find(stored, KIND_APP, name);
    if (!app) {
        CLEANUP(freep) char *message = mem_printf("there is no App %s, neither here nor stored", name);
        document_complain(reader, document, "spec.app", message);
        return;
    }
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* it is stored: it was good */
    struct app_spec spec = { 0 };
    fields_decode(app_spec_fields, app->spec, "spec", &spec, &ignored);
    document_check_app(reader, document, &spec);
    fields_release(app_spec_fields, &spec);
}

static void check_tenant(const struct stored *stored, const struct document *document, struct document_reader *reader)
{
    const char *name = document->record.key.namespace;
    if (documents_find(stored->documents, KIND_TENANT, NULL, name) || find(stored, KIND_TENANT, name))
        return;
    CLEANUP(freep) char *message = mem_printf("there is no Tenant %s, neither here nor stored", name);
    document_complain(reader, document, "metadata.namespace", message);
}

static void check_change(const struct source_item *item, struct document_reader *reader)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record next = { 0 };
    bool good =
        source_item_next(item, &next, &problems) && record_settle(&kinds[item->key.kind], item->live, &next, &problems);
    for (size_t i = 0; !good && i < problems.count; i++)
        document_complain(reader, item->document, problems.items[i].path, problems.items[i].message);
}

void source_check(const struct source_plan *plan, const struct records *lives, struct document_reader *reader)
{
    struct stored stored = { .documents = reader->documents, .lives = map_new(NULL) };
    for (size_t i = 0; i < lives->count; i++) {
        CLEANUP(freep) char *key = record_key_text(&lives->items[i].key);
        map_put(stored.lives, key, &lives->items[i]);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct source_item *item = &plan->items[i];
        bool is_written = item->act == SOURCE_CREATE || item->act == SOURCE_CHANGE || item->act == SOURCE_ADOPT;
        if (!is_written)
            continue;
        if (item->key.kind == KIND_INSTANCE)
            check_app(&stored, item->document, reader);
        if (kinds[item->key.kind].namespaced)
            check_tenant(&stored, item->document, reader);
        if (item->live)
            check_change(item, reader);
    }
    map_free(stored.lives);
}
