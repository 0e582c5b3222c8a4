/* What Sources applied last of each record, and who wrote records last. */
#include "store/store_internal.h"

bool store_applied_put(struct store *store, const char *uid, const char *source_uid, const json_t *document,
                       struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    if (!document_print(document, "applied", &text, err))
        return false;
    if (store_run(store, APPLIED_PUT, PARAMS(TEXT(uid), TEXT(source_uid), TEXT(text)), NULL, err))
        return true;
    return store_has_lost_its_record(store) ? err_set(err, ERR_NOT_FOUND, "no record has uid %s", uid) : false;
}

static bool read_document(const PGresult *result, int row, json_t **ret, struct err *err)
{
    const char *text = pg_text(result, row, "document");
    return json_parse_answer(text, strlen(text), ret, err) || err_wrap(err, "what was applied last");
}

bool store_applied_get(struct store *store, const char *uid, json_t **ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    *ret = NULL;
    return store_run(store, APPLIED_FIND, PARAMS(TEXT(uid)), &result, err) &&
           (PQntuples(result) == 0 || read_document(result, 0, ret, err));
}

bool store_applied_list(struct store *store, const char *source_uid, json_t **ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(json_decrefp) json_t *list = json_object();
    if (!store_run(store, APPLIED_LIST, PARAMS(TEXT(source_uid)), &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        json_t *document = NULL;
        if (!read_document(result, row, &document, err))
            return false;
        json_put(list, pg_text(result, row, "uid"), document);
    }
    *ret = STEAL(list);
    return true;
}

bool store_applied_drop(struct store *store, const char *uid, struct err *err)
{
    return store_run(store, APPLIED_DROP, PARAMS(TEXT(uid)), NULL, err);
}

bool store_last_writers(struct store *store, const char *but, json_t **ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    json_t *writers = json_object();
    if (!store_run(store, CHANGE_WRITERS, PARAMS(TEXT(but)), &result, err)) {
        json_decref(writers);
        return false;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        struct record_key key;
        const struct kind *kind = kind_by_name(pg_text(result, row, "kind"));
        if (!kind || !record_key_set(&key, kind->id, pg_text(result, row, "namespace"), pg_text(result, row, "name")))
            continue; /* of another tenantd */
        CLEANUP(freep) char *text = record_key_text(&key);
        json_put_text(writers, text, pg_text(result, row, "who"));
    }
    *ret = writers;
    return true;
}
