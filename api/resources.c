/* get and list, of every view: records, namespaces, events. */
#include "api/handlers.h"
#include "api/scope.h"
#include "api/status.h"
#include "api/table.h"
#include "api/watch.h"

static char *version_text(int64_t version)
{
    return mem_printf("%lld", (long long)version);
}

static bool wanted_objects(const struct request *request, enum table_object *ret, struct err *err)
{
    return table_object_parse(uri_query(&request->uri, "includeObject"), ret, err);
}

bool resources_get(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(scope_release) struct scope scope = { 0 };
    CLEANUP(json_decrefp) json_t *object = NULL;
    enum table_object include;
    if (!scope_of_request(request, &scope, err) || !wanted_objects(request, &include, err))
        return false;
    if (!scope_get(&scope, worker->store, request->name, &object, err))
        return raise_from_store(request, err);
    if (!request_wants_table(request)) {
        answer_json(answer, 200, STEAL(object));
        return true;
    }
    json_t *table = table_new(&scope.view, json_text(json_object_get(object, "metadata"), "resourceVersion"));
    table_add(table, &scope.view, object, include, clock_wall_ms());
    answer_json(answer, 200, table);
    return true;
}

static json_t *print_table(const struct scope *scope, const struct listing *listing, enum table_object include)
{
    CLEANUP(freep) char *version = version_text(listing->version);
    int64_t now_ms = clock_wall_ms();
    json_t *table = table_new(&scope->view, version);
    for (size_t i = 0; i < json_array_size(listing->objects); i++)
        table_add(table, &scope->view, json_array_get(listing->objects, i), include, now_ms);
    return table;
}

static json_t *print_list(const struct scope *scope, const struct listing *listing)
{
    CLEANUP(freep) char *version = version_text(listing->version);
    CLEANUP(freep) char *kind = mem_printf("%sList", scope->view.kind);
    json_t *metadata = json_object();
    json_put_text(metadata, "resourceVersion", version);
    json_t *list = json_object();
    json_put_text(list, "kind", kind);
    json_put_text(list, "apiVersion", scope->view.api_version);
    json_put(list, "metadata", metadata);
    json_put(list, "items", json_incref(listing->objects));
    return list;
}

bool resources_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(scope_release) struct scope scope = { 0 };
    CLEANUP(page_release) struct page page = { 0 };
    CLEANUP(listing_release) struct listing listing = { 0 };
    enum table_object include;
    bool watches;
    if (!uri_query_flag(&request->uri, "watch", &watches, err))
        return false;
    if (watches)
        return watch_begin(worker, request, answer, err);
    if (!scope_of_request(request, &scope, err) || !wanted_objects(request, &include, err) ||
        !page_of_request(request, &page, err) || !scope_list(&scope, worker->store, &page, &listing, err))
        return false;
    json_t *list = request_wants_table(request) ? print_table(&scope, &listing, include) : print_list(&scope, &listing);
    json_put_text(json_object_get(list, "metadata"), "continue", listing.next_token);
    answer_json(answer, 200, list);
    return true;
}
