/* The simulated store's records as the texts that a real one has stored. See store/store.h. */
#include "store/store.h"
#include "tests/record_texts.h"

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

static void texts_of(struct records *records_moved, struct record_texts *ret)
{
    struct rows *rows = MEM_NEW(struct rows);
    rows->records = *records_moved;
    *records_moved = (struct records){ 0 };
    record_texts_release(ret);
    *ret = (struct record_texts){ .rows = rows };
    ret->items = mem_grow(NULL, rows->records.count, sizeof(ret->items[0]));
    for (size_t i = 0; i < rows->records.count; i++)
        ret->items[ret->count++] = record_text_of(&rows->records.items[i], &rows->documents);
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
