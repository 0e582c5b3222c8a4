/* The simulated store's records as the texts that a real one has stored. See store/store.h. */
#include "store/store.h"

/* What a list of texts borrows from. */
struct rows {
    struct records records;
    struct strv documents;
};

void record_texts_release(struct record_texts *texts)
{
    struct rows *rows = texts->rows;
    if (rows) {
        records_release(&rows->records);
        strv_release(&rows->documents);
    }
    free(rows);
    free(texts->items);
    *texts = (struct record_texts){ 0 };
}

/* With all digits of real numbers. Borrowed from `rows`. */
static const char *print(struct rows *rows, const json_t *document, const char *none)
{
    CLEANUP(freep) char *text = document ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : mem_strdup(none);
    strv_add(&rows->documents, text);
    return rows->documents.items[rows->documents.count - 1];
}

static struct record_text text_of(struct rows *rows, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *finalizers = json_from_strv(&record->finalizers);
    return (struct record_text){
        .key = record->key,
        .uid = record->uid,
        .generation = record->generation,
        .version = record->version,
        .created_ms = record->created_ms,
        .deletion_ms = record->deletion_ms,
        .finalizers = print(rows, finalizers, "[]"),
        .managed = print(rows, record->managed, "[]"),
        .labels = print(rows, record->labels, "{}"),
        .annotations = print(rows, record->annotations, "{}"),
        .spec = print(rows, record->spec, "{}"),
        .status = print(rows, record->status, "{}"),
    };
}

static void texts_of(struct records *records_moved, struct record_texts *ret)
{
    struct rows *rows = MEM_NEW(struct rows);
    rows->records = *records_moved;
    *records_moved = (struct records){ 0 };
    record_texts_release(ret);
    *ret = (struct record_texts){ .rows = rows };
    ret->items = mem_grow(NULL, rows->records.count, sizeof(ret->items[0]));
    for (size_t i = 0; i < rows->records.count; i++)
        ret->items[ret->count++] = text_of(rows, &rows->records.items[i]);
}

bool store_list_texts(struct store *store, const struct store_query *query, struct record_texts *ret,
                      int64_t *ret_version, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    if (!store_list(store, query, &records, ret_version, err))
        return false;
    texts_of(&records, ret);
    return true;
}

bool store_get_text(struct store *store, const struct record_key *key, struct record_texts *ret, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    if (!store_get(store, key, records_add(&records), err))
        return false;
    texts_of(&records, ret);
    return true;
}
