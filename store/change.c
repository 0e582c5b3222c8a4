/* The table of changes: reading it back as what the feed publishes, and letting go of the old ones. */
#include "base/log.h"
#include "store/store_internal.h"

#define PRUNE_STEP 1000

struct change *change_ref(struct change *change)
{
    __atomic_add_fetch(&change->references, 1, __ATOMIC_RELAXED);
    return change;
}

void change_unref(struct change *change)
{
    /* The last one must see all that the others did before they let go. */
    if (!change || __atomic_sub_fetch(&change->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    json_decref(change->object);
    free(change->object_text);
    free(change->spec_by);
    free(change);
}

void change_page_release(struct change_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        change_unref(page->items[i]);
    free(page->items);
    *page = (struct change_page){ 0 };
}

static bool type_from_text(const char *text, enum change_type *ret)
{
    static const char *const names[] = {
        [CHANGE_ADDED] = "ADDED", [CHANGE_MODIFIED] = "MODIFIED", [CHANGE_DELETED] = "DELETED"
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(names[i], text)) {
            *ret = (enum change_type)i;
            return true;
        }
    return false;
}

/* The version was not known when the object was printed: taking it is the transaction's last statement. */
static void object_set_version(json_t *object, int64_t version)
{
    CLEANUP(freep) char *text = mem_printf("%lld", (long long)version);
    json_put_text(json_object_get(object, "metadata"), "resourceVersion", text);
}

/* All that follow a change know a record by its uid, so an object without one is none. */
static bool read_object(const char *text, json_t **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = NULL;
    if (!json_parse_answer(text, strlen(text), &object, err))
        return false;
    const char *uid = json_text(json_object_get(object, "metadata"), "uid");
    if (!uid || !*uid)
        return err_set(err, ERR_INTERNAL, "the object has no metadata.uid");
    *ret = STEAL(object);
    return true;
}

/* NULL with err: written by another tenantd, or by hand. */
static struct change *change_from_row(const PGresult *result, int row, struct err *err)
{
    struct change *change = MEM_NEW(struct change);
    const struct kind *kind = kind_by_name(pg_text(result, row, "kind"));
    change->references = 1;
    change->version = pg_int(result, row, "version");
    change->generation = pg_int(result, row, "generation");
    change->spec_changed = str_equal(pg_text(result, row, "spec_changed"), "t");
    change->is_event = str_equal(pg_text(result, row, "is_event"), "t");
    change->spec_by = mem_strdup(pg_text(result, row, "who"));
    bool is_sound =
        kind && type_from_text(pg_text(result, row, "operation"), &change->type) &&
        record_key_set(&change->key, kind->id, pg_text(result, row, "namespace"), pg_text(result, row, "name"));
    if (!is_sound)
        err_set(err, ERR_INTERNAL, "no known kind or operation");
    if (!is_sound || !read_object(pg_text(result, row, "object"), &change->object, err)) {
        change_unref(change);
        return NULL;
    }
    object_set_version(change->object, change->version);
    change->object_text = json_dump(change->object);
    return change;
}

bool change_read(struct store *store, int64_t after, int64_t limit, struct change_page *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(change_page_release) struct change_page page = { 0 };
    if (!store_run(store, CHANGE_READ, PARAMS(NUMBER(after), NUMBER(limit)), &result, err))
        return false;
    page.newest = pg_int(result, 0, "newest");
    for (int row = 0; row < PQntuples(result) && pg_text(result, row, "version"); row++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        struct change *change = change_from_row(result, row, &problem);
        if (!change) { /* as good as missing: whoever gets there must list anew */
            log_error("stored change cannot be read", LOG_INT("version", pg_int(result, row, "version")),
                      LOG_STR("error", err_message(&problem)));
            break;
        }
        page.items = mem_grow(page.items, page.count + 1, sizeof(struct change *));
        page.items[page.count++] = change;
    }
    /*
     * Each version has exactly one row, until it is pruned from the old end; and statement and counter are one
     * snapshot. So whoever stands at `after` misses something exactly when the row after it is not there, whenever
     * and by whomever it was removed. A version from the future belongs to a database that was restored since.
     */
    page.is_expired = page.count > 0 ? page.items[0]->version != after + 1 : page.newest != after;
    change_page_release(ret);
    *ret = page;
    page = (struct change_page){ 0 };
    return true;
}

bool change_prune(struct store *store, int64_t before_ms, int64_t up_to, struct err *err)
{
    for (;;) {
        CLEANUP(pg_clearp) PGresult *result = NULL;
        if (!store_run(store, CHANGE_PRUNE, PARAMS(NUMBER(before_ms), NUMBER(up_to), NUMBER(PRUNE_STEP)), &result, err))
            return false;
        int64_t gone = 0;
        if (!str_parse_int64(PQcmdTuples(result), 0, PRUNE_STEP, &gone) || gone < PRUNE_STEP)
            return true;
    }
}
