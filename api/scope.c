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
    if (!after || page->version <= 0 || page->version == INT64_MAX) /* the store asks for what follows it */
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
    str_release(&listing->printed);
    free(listing->next_token);
    *listing = (struct listing){ .printed = STR_INIT };
}

/* A list on its way from pages of the store to one of the client's. */
struct gathering {
    const struct scope *scope;
    int64_t limit;
    struct listing *listing;
    bool prints; /* into listing->printed */
    int64_t count;
    char *last; /* the place of the last one of a full page; owned */
    bool is_full;
};

static char *place_of(const struct record_text *text)
{
    return mem_printf("%s/%s", text->key.namespace, text->key.name);
}

static bool show(const struct scope *scope, const struct record_text *text, json_t **ret_object, struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = NULL;
    if (!record_text_to_json(text, &object, err))
        return false;
    *ret_object = view_project(&scope->view, object);
    return true;
}

/* Whether objects of the view are printed as they are stored; who selects by fields needs the trees anyhow. */
static bool can_print(const struct scope *scope)
{
    return scope->view.record_kind && !scope->view.project && scope->selector.field_count == 0;
}

/* Whether all that the store reads for the scope is in it. */
static bool takes_all(const struct scope *scope)
{
    return selector_is_empty(&scope->selector) && scope->identity.role == ROLE_ADMIN;
}

/* Whole, or as much of it as tells whether the scope has it. */
static bool read_object(const struct gathering *all, const struct record_text *text, json_t **ret, struct err *err)
{
    return all->prints ? record_text_head(text, ret, err) : show(all->scope, text, ret, err);
}

/* Adds it where the scope has it, and notes when the page was full before. */
static bool gather(struct gathering *all, const struct record_text *text, struct err *err)
{
    struct listing *listing = all->listing;
    CLEANUP(json_decrefp) json_t *object = NULL;
    bool is_looked_at = !all->prints || !takes_all(all->scope);
    if (is_looked_at && !read_object(all, text, &object, err))
        return false;
    if (is_looked_at && !scope_has(all->scope, object))
        return true;
    all->is_full = all->limit > 0 && all->count == all->limit;
    if (all->is_full)
        return true;
    if (!all->prints) {
        json_push(listing->objects, STEAL(object));
    } else {
        if (all->count > 0)
            str_addc(&listing->printed, ',');
        record_text_print(text, &listing->printed);
    }
    all->count++;
    if (all->count == all->limit)
        all->last = place_of(text);
    return true;
}

static int64_t read_limit_of(const struct scope *scope, const struct page *page)
{
    return page->limit == 0 ? 0 : page->limit + (takes_all(scope) ? 1 : PAGE_AT_ONCE);
}

static bool gather_pages(struct gathering *all, struct store *store, const struct page *page, struct err *err)
{
    const struct scope *scope = all->scope;
    CLEANUP(freep) char *after = mem_strdup(page->after);
    bool is_member = scope->identity.role != ROLE_ADMIN;
    /* scope_has() would leave out the others, too; but why read them. */
    bool has_one = scope->identity.tenants[0][0] && !scope->identity.tenants[1][0];
    const char *own = is_member && has_one && scope->view.is_namespaced ? scope->identity.tenants[0] : NULL;
    int64_t read_limit = read_limit_of(scope, page);
    for (;;) {
        CLEANUP(record_texts_release) struct record_texts texts = { 0 };
        struct store_query query = {
            .kind = scope->view.record_kind->id,
            .namespace = scope->namespace ? scope->namespace : own,
            .limit = read_limit,
            .after = after,
            .at_version = all->listing->version,
        };
        int64_t version;
        if (!store_list_texts(store, &query, &texts, &version, err))
            return false;
        if (all->listing->version == 0)
            all->listing->version = version;
        for (size_t i = 0; i < texts.count && !all->is_full; i++)
            if (!gather(all, &texts.items[i], err))
                return false;
        if (all->is_full || read_limit == 0 || (int64_t)texts.count < read_limit)
            return true;
        free(after);
        after = place_of(&texts.items[texts.count - 1]);
    }
}

static bool list_records(struct gathering *all, struct store *store, const struct page *page, struct err *err)
{
    bool good = gather_pages(all, store, page, err);
    if (good && all->is_full)
        all->listing->next_token = make_token(all->listing->version, all->last);
    free(all->last);
    return good;
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
    *ret_listing = (struct listing){ .objects = json_array(), .printed = STR_INIT, .version = page->version };
    if (!scope->view.record_kind)
        return list_events(scope, store, ret_listing, err); /* few enough to be one page */
    const char *name = selector_name(&scope->selector);
    if (name && (scope->namespace || !scope->view.is_namespaced))
        return list_one(scope, store, name, ret_listing, err);
    struct gathering all = { .scope = scope, .limit = page->limit, .listing = ret_listing };
    return list_records(&all, store, page, err);
}

static bool print_objects(const struct scope *scope, struct store *store, const struct page *page,
                          struct listing *listing, struct err *err)
{
    CLEANUP(listing_release) struct listing trees = { 0 };
    if (!scope_list(scope, store, page, &trees, err))
        return false;
    CLEANUP(freep) char *text = json_dump(trees.objects);
    str_add(&listing->printed, text);
    listing->version = trees.version;
    listing->next_token = STEAL(trees.next_token);
    return true;
}

bool scope_print_list(const struct scope *scope, struct store *store, const struct page *page, struct listing *listing,
                      struct err *err)
{
    if (!can_print(scope))
        return print_objects(scope, store, page, listing, err);
    struct gathering all = { .scope = scope, .limit = page->limit, .listing = listing, .prints = true };
    listing->version = page->version;
    str_addc(&listing->printed, '[');
    if (!list_records(&all, store, page, err))
        return false;
    str_addc(&listing->printed, ']');
    return true;
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

static bool get_text(const struct scope *scope, struct store *store, const char *name, struct record_texts *ret,
                     struct err *err)
{
    CLEANUP(json_decrefp) json_t *head = NULL;
    struct record_key key;
    if (!record_key_set(&key, scope->view.record_kind->id, scope->namespace ? scope->namespace : "", name))
        return err_set(err, ERR_NOT_FOUND, "not found"); /* no name is that long */
    if (!store_get_text(store, &key, ret, err) || !record_text_head(&ret->items[0], &head, err))
        return false;
    return scope_admits(scope, head) || err_set(err, ERR_NOT_FOUND, "not found");
}

bool scope_get(const struct scope *scope, struct store *store, const char *name, json_t **ret_object, struct err *err)
{
    CLEANUP(record_texts_release) struct record_texts texts = { 0 };
    if (!scope->view.record_kind)
        return get_event(scope, store, name, ret_object, err);
    return get_text(scope, store, name, &texts, err) && show(scope, &texts.items[0], ret_object, err);
}

bool scope_print(const struct scope *scope, struct store *store, const char *name, struct str *out, struct err *err)
{
    CLEANUP(record_texts_release) struct record_texts texts = { 0 };
    CLEANUP(json_decrefp) json_t *object = NULL;
    if (scope->view.record_kind && !scope->view.project) {
        if (!get_text(scope, store, name, &texts, err))
            return false;
        record_text_print(&texts.items[0], out);
        return true;
    }
    if (!scope_get(scope, store, name, &object, err))
        return false;
    CLEANUP(freep) char *text = json_dump(object);
    str_add(out, text);
    return true;
}
