/* Records in rows: documents printed and read, single records, lists. */
#include "store/store_internal.h"

/* Of one part of a record; base/json.h reads 100 of the whole. */
#define DOCUMENT_LEVELS 90

/* A list without a limit reads everything; PostgreSQL's "limit null". */
#define PARAM_LIMIT(limit) ((limit) > 0 ? NUMBER(limit) : TEXT(NULL))

bool raise_not_found(const struct record_key *key, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "%s.%s \"%s\" not found", kinds[key->kind].plural, API_GROUP, key->name);
}

static bool document_is_sound(const json_t *value, int levels, const char *what, struct err *err)
{
    const char *key;
    size_t key_len;
    size_t index;
    json_t *item;
    if (levels == 0)
        return err_set(err, ERR_INVALID, "%s: nested deeper than %d levels", what, DOCUMENT_LEVELS);
    if (json_is_string(value) && !str_is_utf8(json_string_value(value), json_string_length(value)))
        return err_set(err, ERR_INVALID, "%s: a text has a NUL character or is not UTF-8", what);
    json_array_foreach (value, index, item)
        if (!document_is_sound(item, levels - 1, what, err))
            return false;
    if (!json_is_object(value))
        return true;
    json_object_keylen_foreach((json_t *)(uintptr_t)value, key, key_len, item) /* its macro lacks const */
    {
        if (!str_is_utf8(key, key_len))
            return err_set(err, ERR_INVALID, "%s: a key has a NUL character or is not UTF-8", what);
        if (!document_is_sound(item, levels - 1, what, err))
            return false;
    }
    return true;
}

/*
 * With all digits of a real number, where json_dump() shows 15: what is read back must equal what was given, or the
 * same document would be written again and again.
 */
char *json_dump_exactly(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (!text)
        abort(); /* out of memory: it is known to be UTF-8 */
    return text;
}

bool document_print(const json_t *document, const char *what, char **ret, struct err *err)
{
    if (!document_is_sound(document, DOCUMENT_LEVELS, what, err))
        return false;
    *ret = document ? json_dump_exactly(document) : mem_strdup("{}");
    return true;
}

static bool text_from_row(const PGresult *result, int row, struct record_text *ret, struct err *err)
{
    /* The others stand behind it: one is looked for and not fourteen, as lists are long. */
    int first = pg_column(result, "kind");
    const char *kind_name = pg_text_at(result, row, first + COLUMN_KIND);
    const struct kind *kind = kind_by_name(kind_name);
    const char *namespace = pg_text_at(result, row, first + COLUMN_NAMESPACE);
    const char *name = pg_text_at(result, row, first + COLUMN_NAME);
    if (!kind || !record_key_set(&ret->key, kind->id, namespace, name))
        return err_set(err, ERR_INTERNAL, "stored record %s %s/%s is of no known kind, or its name is too long",
                       kind_name, namespace, name);
    ret->uid = pg_text_at(result, row, first + COLUMN_UID);
    ret->generation = pg_int_at(result, row, first + COLUMN_GENERATION);
    ret->version = pg_int_at(result, row, first + COLUMN_VERSION);
    ret->created_ms = pg_int_at(result, row, first + COLUMN_CREATED);
    ret->deletion_ms = pg_int_at(result, row, first + COLUMN_DELETION);
    ret->finalizers = pg_text_at(result, row, first + COLUMN_FINALIZERS);
    ret->labels = pg_text_at(result, row, first + COLUMN_LABELS);
    ret->annotations = pg_text_at(result, row, first + COLUMN_ANNOTATIONS);
    ret->spec = pg_text_at(result, row, first + COLUMN_SPEC);
    ret->status = pg_text_at(result, row, first + COLUMN_STATUS);
    ret->managed = pg_text_at(result, row, first + COLUMN_MANAGED);
    return true;
}

bool record_from_row(const PGresult *result, int row, struct record *ret, struct err *err)
{
    struct record_text text = { 0 };
    return text_from_row(result, row, &text, err) && record_from_text(&text, ret, err);
}

/* What `ret` held is freed, as in all of the store's results that have a release function. */
static bool record_from_only_row(const PGresult *result, struct record *ret, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    record_init(&record);
    if (!record_from_row(result, 0, &record, err))
        return false;
    record_move(ret, &record);
    return true;
}

void record_move(struct record *to, struct record *from)
{
    record_release(to);
    *to = *from;
    *from = (struct record){ 0 };
}

static bool find_row(struct store *store, enum statement_id id, const struct record_key *key, PGresult **ret,
                     struct err *err)
{
    return store_run(store, id, PARAMS(TEXT(kinds[key->kind].name), TEXT(key->namespace), TEXT(key->name)), ret, err) &&
           (PQntuples(*ret) > 0 || raise_not_found(key, err));
}

bool record_find(struct store *store, enum statement_id id, const struct record_key *key, struct record *ret,
                 struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    return find_row(store, id, key, &result, err) && record_from_only_row(result, ret, err);
}

bool store_get(struct store *store, const struct record_key *key, struct record *ret, struct err *err)
{
    return record_find(store, RECORD_FIND, key, ret, err);
}

bool store_get_by_uid(struct store *store, const char *uid, struct record *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, RECORD_FIND_BY_UID, PARAMS(TEXT(uid)), &result, err))
        return false;
    if (PQntuples(result) == 0)
        return err_set(err, ERR_NOT_FOUND, "no record has uid %s", uid);
    return record_from_only_row(result, ret, err);
}

/* "namespace/name" of the last record of the page before; cluster-scoped: "/name", or the name alone. */
static bool after_split(const char *after, struct record_key *ret, struct err *err)
{
    CLEANUP(freep) char *namespace = NULL;
    const char *slash = after ? strchr(after, '/') : NULL;
    if (slash)
    namespace = mem_strndup(after, (size_t)(slash - after));
    if (!record_key_set(ret, KIND_TENANT, namespace ? namespace : "", slash ? slash + 1 : after ? after : ""))
        return err_set(err, ERR_BAD_REQUEST, "the place to continue from is no namespace/name");
    return true;
}

static bool run_list(struct store *store, const struct store_query *query, const struct record_key *after,
                     PGresult **ret, struct err *err)
{
    const struct param params[] = { TEXT(kinds[query->kind].name), TEXT(query->namespace),
                                    TEXT(after->namespace),        TEXT(after->name),
                                    PARAM_LIMIT(query->limit),     NUMBER(query->at_version) };
    if (!query->at_version)
        return store_run(store, RECORD_LIST, (struct params){ params, ARRAY_LEN(params) - 1 }, ret, err);
    return store_run(store, RECORD_LIST_AT, (struct params){ params, ARRAY_LEN(params) }, ret, err) &&
           (str_equal(pg_text(*ret, 0, "is_whole"), "t") ||
            err_set(err, ERR_EXPIRED, "what the list was at version %lld is no longer kept; list anew",
                    (long long)query->at_version));
}

static bool list_rows(struct store *store, const struct store_query *query, PGresult **ret, struct err *err)
{
    struct record_key after = { 0 };
    return after_split(query->after, &after, err) && run_list(store, query, &after, ret, err);
}

/* An empty list is one row that has the counter alone. */
static int record_count(const PGresult *result)
{
    return pg_text(result, 0, "uid") ? PQntuples(result) : 0;
}

static int64_t list_version(const struct store_query *query, const PGresult *result)
{
    return query->at_version ? query->at_version : pg_int(result, 0, "newest");
}

bool store_list(struct store *store, const struct store_query *query, struct records *ret, int64_t *ret_version,
                struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(records_release) struct records records = { 0 };
    if (!list_rows(store, query, &result, err))
        return false;
    for (int row = 0; row < record_count(result); row++)
        if (!record_from_row(result, row, records_add(&records), err))
            return false;
    if (ret_version)
        *ret_version = list_version(query, result);
    records_release(ret);
    *ret = records;
    records = (struct records){ 0 };
    return true;
}

/* ---- unread ---- */

void record_texts_release(struct record_texts *texts)
{
    free(texts->items);
    PQclear(texts->rows);
    *texts = (struct record_texts){ 0 };
}

static bool texts_from_rows(PGresult *result_taken, int count, struct record_texts *ret, struct err *err)
{
    CLEANUP(record_texts_release) struct record_texts texts = { .rows = result_taken };
    texts.items = mem_grow(NULL, (size_t)count, sizeof(texts.items[0]));
    for (int row = 0; row < count; row++)
        if (!text_from_row(result_taken, row, &texts.items[texts.count++], err))
            return false;
    record_texts_release(ret);
    *ret = texts;
    texts = (struct record_texts){ 0 };
    return true;
}

bool store_list_texts(struct store *store, const struct store_query *query, struct record_texts *ret,
                      int64_t *ret_version, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!list_rows(store, query, &result, err))
        return false;
    int count = record_count(result);
    int64_t version = list_version(query, result);
    if (!texts_from_rows(STEAL(result), count, ret, err))
        return false;
    *ret_version = version;
    return true;
}

bool store_get_text(struct store *store, const struct record_key *key, struct record_texts *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    return find_row(store, RECORD_FIND, key, &result, err) && texts_from_rows(STEAL(result), 1, ret, err);
}

bool store_count(struct store *store, enum kind_id kind, const char *namespace, int64_t *ret_count, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, RECORD_COUNT, PARAMS(TEXT(kinds[kind].name), TEXT(namespace)), &result, err))
        return false;
    *ret_count = pg_int(result, 0, "count");
    return true;
}
