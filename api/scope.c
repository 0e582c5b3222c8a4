/* Which objects of a view one request is about. */
#include "api/scope.h"

#include "api/auth.h"

#define PAGE_MAX     100000
#define PAGE_AT_ONCE 500 /* records read at a time where a selector lets only some of them through */

void scope_release(struct scope *scope)
{
    free(scope->namespace);
    selector_release(&scope->selector);
}

bool scope_of_request(const struct request *request, struct scope *ret_scope, struct err *err)
{
    *ret_scope = (struct scope){
        .view = request->view,
        .namespace = mem_strdup(request->namespace),
        .identity = request->identity,
    };
    return selector_parse(uri_query(&request->uri, "labelSelector"), uri_query(&request->uri, "fieldSelector"),
                          request->view.field_labels, &ret_scope->selector, err);
}

bool scope_admits(const struct scope *scope, const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    return (!scope->namespace || str_equal(scope->namespace, json_text(metadata, "namespace"))) &&
           auth_may_see(&scope->identity, &scope->view, object);
}

bool scope_has(const struct scope *scope, const json_t *object)
{
    return scope_admits(scope, object) && selector_matches(&scope->selector, object);
}

/* ---- pages ---- */

void page_release(struct page *page)
{
    free(page->after);
}

static bool bad_token(struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST, "continue key is not valid");
}

static bool read_token(const char *token, struct page *page, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    if (!str_base64_decode(token, &text, NULL) || !json_parse(text.text, text.len, &value, NULL))
        return bad_token(err);
    const char *after = json_text(value, "after");
    page->version = json_int(value, "version", 0);
    if (!after || page->version <= 0)
        return bad_token(err);
    page->after = mem_strdup(after);
    return true;
}

static char *make_token(int64_t version, const char *after)
{
    CLEANUP(json_decrefp) json_t *value = json_object();
    json_put(value, "version", json_integer(version));
    json_put_text(value, "after", after);
    CLEANUP(freep) char *plain = json_dump(value);
    CLEANUP(str_release) struct str token = STR_INIT;
    str_add_base64(&token, plain, strlen(plain));
    return str_steal(&token);
}

bool page_of_request(const struct request *request, struct page *ret_page, struct err *err)
{
    *ret_page = (struct page){ 0 };
    const char *token = uri_query(&request->uri, "continue");
    return uri_query_number(&request->uri, "limit", PAGE_MAX, 0, &ret_page->limit, err) &&
           (!token || token[0] == '\0' || read_token(token, ret_page, err));
}

/* ---- lists ---- */

void listing_release(struct listing *listing)
{
    json_decref(listing->objects);
    free(listing->next_token);
    *listing = (struct listing){ 0 };
}

static char *place_of(const struct record *record)
{
    return mem_printf("%s/%s", record->key.namespace, record->key.name);
}

static json_t *show(const struct scope *scope, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *object = record_to_json(record);
    return view_project(&scope->view, object);
}

/* Adds what the scope has of `records`; true when the page is full, and then the place of its last one. */
static bool add_records(const struct scope *scope, const struct records *records, int64_t limit, json_t *objects,
                        char **ret_last)
{
    for (size_t i = 0; i < records->count; i++) {
        CLEANUP(json_decrefp) json_t *object = show(scope, &records->items[i]);
        if (!scope_has(scope, object))
            continue;
        if (limit > 0 && (int64_t)json_array_size(objects) == limit)
            return true;
        json_push(objects, STEAL(object));
        free(*ret_last);
        *ret_last = place_of(&records->items[i]);
    }
    return false;
}

static bool list_records(const struct scope *scope, struct store *store, const struct page *page,
                         struct listing *listing, struct err *err)
{
    CLEANUP(freep) char *after = mem_strdup(page->after);
    CLEANUP(freep) char *last = NULL;
    bool is_member = scope->identity.role != ROLE_ADMIN;
    bool is_selective = !selector_is_empty(&scope->selector) || is_member;
    /* scope_has() would leave out the others, too; but why read them. */
    bool has_one = scope->identity.tenants[0][0] && !scope->identity.tenants[1][0];
    const char *own = is_member && has_one && scope->view.is_namespaced ? scope->identity.tenants[0] : NULL;
    int64_t read_limit = page->limit == 0 ? 0 : is_selective ? page->limit + PAGE_AT_ONCE : page->limit + 1;
    for (;;) {
        CLEANUP(records_release) struct records records = { 0 };
        struct store_query query = {
            .kind = scope->view.record_kind->id,
            .namespace = scope->namespace ? scope->namespace : own,
            .limit = read_limit,
            .after = after,
            .at_version = listing->version,
        };
        int64_t version;
        if (!store_list(store, &query, &records, &version, err))
            return false;
        if (listing->version == 0)
            listing->version = version;
        if (add_records(scope, &records, page->limit, listing->objects, &last)) {
            listing->next_token = make_token(listing->version, last);
            return true;
        }
        if (read_limit == 0 || (int64_t)records.count < read_limit)
            return true;
        free(after);
        after = place_of(&records.items[records.count - 1]);
    }
}

/* The version first: a change in between is told once more by the watch that follows, which harms nobody. */
static bool list_one(const struct scope *scope, struct store *store, const char *name, struct listing *listing,
                     struct err *err)
{
    CLEANUP(records_release) struct records none = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(json_decrefp) json_t *object = NULL;
    struct store_query query = { .kind = scope->view.record_kind->id, .namespace = scope->namespace, .limit = 1 };
    if (!store_list(store, &query, &none, &listing->version, err))
        return false;
    if (scope_get(scope, store, name, &object, &problem)) {
        if (scope_has(scope, object))
            json_push(listing->objects, STEAL(object));
        return true;
    }
    if (problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

static bool list_events(const struct scope *scope, struct store *store, struct listing *listing, struct err *err)
{
    CLEANUP(events_release) struct events events = { 0 };
    if (!store_event_list(store, scope->namespace, &events, &listing->version, err))
        return false;
    for (size_t i = 0; i < events.count; i++) {
        CLEANUP(json_decrefp) json_t *object = event_to_json(&events.items[i]);
        if (scope_has(scope, object))
            json_push(listing->objects, STEAL(object));
    }
    return true;
}

bool scope_list(const struct scope *scope, struct store *store, const struct page *page, struct listing *ret_listing,
                struct err *err)
{
    *ret_listing = (struct listing){ .objects = json_array(), .version = page->version };
    if (!scope->view.record_kind)
        return list_events(scope, store, ret_listing, err); /* few enough to be one page */
    const char *name = selector_name(&scope->selector);
    if (name && (scope->namespace || !scope->view.is_namespaced))
        return list_one(scope, store, name, ret_listing, err);
    return list_records(scope, store, page, ret_listing, err);
}

/* ---- one ---- */

static bool get_event(const struct scope *scope, struct store *store, const char *name, json_t **ret_object,
                      struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { .objects = json_array() };
    if (!list_events(scope, store, &listing, err))
        return false;
    for (size_t i = 0; i < json_array_size(listing.objects); i++) {
        json_t *object = json_array_get(listing.objects, i);
        if (str_equal(json_text(json_object_get(object, "metadata"), "name"), name)) {
            *ret_object = json_incref(object);
            return true;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "not found");
}

bool scope_get(const struct scope *scope, struct store *store, const char *name, json_t **ret_object, struct err *err)
{
    if (!scope->view.record_kind)
        return get_event(scope, store, name, ret_object, err);
    CLEANUP(record_release) struct record record = { 0 };
    struct record_key key;
    if (!record_key_set(&key, scope->view.record_kind->id, scope->namespace ? scope->namespace : "", name))
        return err_set(err, ERR_NOT_FOUND, "not found"); /* no name is that long */
    if (!store_get(store, &key, &record, err))
        return false;
    CLEANUP(json_decrefp) json_t *object = show(scope, &record);
    if (!scope_admits(scope, object))
        return err_set(err, ERR_NOT_FOUND, "not found");
    *ret_object = STEAL(object);
    return true;
}
