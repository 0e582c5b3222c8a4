/* The audit: rows of who wrote what. */
#include "store/store_internal.h"

#define PATHS_MAX 50 /* fields named of one write; what is more is told as "..." */

void store_set_origin(struct store *store, const struct store_origin *origin)
{
    store->origin = origin;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

bool audit_add(struct store *store, const struct audit_subject *subject, struct err *err)
{
    const struct store_origin *origin = store->origin;
    if (!origin)
        return true;
    return store_run(store, AUDIT_INSERT,
                     PARAMS(NUMBER(clock_wall_ms()), TEXT(or_empty(origin->who)), TEXT(or_empty(origin->address)),
                            TEXT(or_empty(origin->verb)), TEXT(or_empty(subject->kind)),
                            TEXT(or_empty(subject->namespace)), TEXT(or_empty(subject->name)),
                            TEXT(or_empty(subject->uid)), TEXT(or_empty(subject->fields))),
                     NULL, err);
}

static bool note_in_transaction(struct store *store, void *context, struct err *err)
{
    if (!audit_add(store, context, err))
        return false;
    store->keep = true;
    return true;
}

bool store_audit_note(struct store *store, const char *kind, const char *namespace, const char *name, struct err *err)
{
    struct audit_subject subject = { .kind = kind, .namespace = namespace, .name = name };
    return store_transact(store, note_in_transaction, &subject, err);
}

/* ---- which fields differ ---- */

static void add_path(struct strv *paths, const char *path)
{
    if (paths->count < PATHS_MAX)
        strv_add(paths, path);
    else if (paths->count == PATHS_MAX)
        strv_add(paths, "...");
}

/* Lists and scalars are leaves. */
static void add_differences(const json_t *old, const json_t *next, const char *path, struct strv *paths)
{
    json_t *trees[] = { (json_t *)(uintptr_t)old, (json_t *)(uintptr_t)next }; /* iterators take no const */
    const char *key;
    json_t *value;
    if (json_equal(old, next))
        return;
    if (!json_is_object(old) || !json_is_object(next)) {
        add_path(paths, path);
        return;
    }
    for (size_t side = 0; side < 2; side++)
        json_object_foreach (trees[side], key, value) {
            CLEANUP(freep) char *inner = mem_printf("%s.%s", path, key);
            if (side == 0)
                add_differences(value, json_object_get(next, key), inner, paths);
            else if (!json_object_get(old, key))
                add_path(paths, inner);
        }
}

static char *differences(const struct record *old, const struct record *next)
{
    CLEANUP(strv_release) struct strv paths = STRV_INIT;
    add_differences(old->spec, next->spec, "spec", &paths);
    add_differences(old->labels, next->labels, "metadata.labels", &paths);
    add_differences(old->annotations, next->annotations, "metadata.annotations", &paths);
    if (!strv_equal(&old->finalizers, &next->finalizers))
        add_path(&paths, "metadata.finalizers");
    if (old->deletion_ms != next->deletion_ms)
        add_path(&paths, "metadata.deletionTimestamp");
    return strv_join(&paths, ", ");
}

bool audit_add_record(struct store *store, const struct record *old, const struct record *next, struct err *err)
{
    CLEANUP(freep) char *fields = old && store->origin ? differences(old, next) : NULL;
    const struct audit_subject subject = {
        .kind = kinds[next->key.kind].name,
        .namespace = next->key.namespace,
        .name = next->key.name,
        .uid = next->uid,
        .fields = fields,
    };
    return audit_add(store, &subject, err);
}

/* ---- reading ---- */

static void entry_release(struct audit_entry *entry)
{
    free(entry->who);
    free(entry->address);
    free(entry->verb);
    free(entry->kind);
    free(entry->namespace);
    free(entry->name);
    free(entry->uid);
    free(entry->fields);
}

void audit_entries_release(struct audit_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        entry_release(&entries->items[i]);
    free(entries->items);
    *entries = (struct audit_entries){ 0 };
}

static char *copy_text(const PGresult *result, int row, const char *column)
{
    return mem_strdup(pg_text(result, row, column));
}

bool store_audit_list(struct store *store, const struct audit_query *query, struct audit_entries *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    int64_t before = query->before > 0 ? query->before : INT64_MAX;
    if (!store_run(store, AUDIT_LIST,
                   PARAMS(TEXT(query->who), TEXT(query->namespace), TEXT(query->name), NUMBER(query->since_ms),
                          NUMBER(before), NUMBER(query->limit)),
                   &result, err))
        return false;
    audit_entries_release(ret);
    for (int row = 0; row < PQntuples(result); row++) {
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(*ret->items));
        ret->items[ret->count++] = (struct audit_entry){
            .number = pg_int(result, row, "number"),
            .at_ms = pg_int(result, row, "at_ms"),
            .who = copy_text(result, row, "who"),
            .address = copy_text(result, row, "address"),
            .verb = copy_text(result, row, "verb"),
            .kind = copy_text(result, row, "kind"),
            .namespace = copy_text(result, row, "namespace"),
            .name = copy_text(result, row, "name"),
            .uid = copy_text(result, row, "uid"),
            .fields = copy_text(result, row, "fields"),
        };
    }
    return true;
}
