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
    CLEANUP(str_release) struct str text = STR_INIT;
    enum table_object include;
    if (!scope_of_request(request, &scope, err) || !wanted_objects(request, &include, err))
        return false;
    if (!request_wants_table(request)) {
        if (!scope_print(&scope, worker->store, request->name, &text, err))
            return raise_from_store(request, err);
        answer_printed(answer, 200, &text);
        return true;
    }
    if (!scope_get(&scope, worker->store, request->name, &object, err))
        return raise_from_store(request, err);
    json_t *table = table_new(&scope.view, json_text(json_object_get(object, "metadata"), "resourceVersion"));
    table_add(table, &scope.view, object, include, clock_wall_ms());
    answer_json(answer, 200, table);
    return true;
}

static bool answer_table(const struct scope *scope, struct worker *worker, struct request *request,
                         struct answer *answer, struct err *err)
{
    CLEANUP(page_release) struct page page = { 0 };
    CLEANUP(listing_release) struct listing listing = { .printed = STR_INIT };
    enum table_object include;
    if (!wanted_objects(request, &include, err) || !page_of_request(request, &page, err) ||
        !scope_list(scope, worker->store, &page, &listing, err))
        return false;
    CLEANUP(freep) char *version = version_text(listing.version);
    int64_t now_ms = clock_wall_ms();
    json_t *table = table_new(&scope->view, version);
    json_put_text(json_object_get(table, "metadata"), "continue", listing.next_token);
    for (size_t i = 0; i < json_array_size(listing.objects); i++)
        table_add(table, &scope->view, json_array_get(listing.objects, i), include, now_ms);
    answer_json(answer, 200, table);
    return true;
}

/* Keys in the order of their bytes, as in all that is answered. */
static bool answer_list(const struct scope *scope, struct worker *worker, struct request *request,
                        struct answer *answer, struct err *err)
{
    CLEANUP(page_release) struct page page = { 0 };
    CLEANUP(listing_release) struct listing listing = { .printed = STR_INIT };
    CLEANUP(json_decrefp) json_t *metadata = json_object();
    enum table_object include;
    str_addf(&listing.printed, "{\"apiVersion\":\"%s\",\"items\":", scope->view.api_version);
    if (!wanted_objects(request, &include, err) || !page_of_request(request, &page, err) ||
        !scope_print_list(scope, worker->store, &page, &listing, err))
        return false;
    CLEANUP(freep) char *version = version_text(listing.version);
    json_put_text(metadata, "resourceVersion", version);
    json_put_text(metadata, "continue", listing.next_token);
    CLEANUP(freep) char *text = json_dump(metadata);
    str_addf(&listing.printed, ",\"kind\":\"%sList\",\"metadata\":%s}", scope->view.kind, text);
    answer_printed(answer, 200, &listing.printed);
    return true;
}

bool resources_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(scope_release) struct scope scope = { 0 };
    bool watches;
    if (!uri_query_flag(&request->uri, "watch", &watches, err))
        return false;
    if (watches)
        return watch_begin(worker, request, answer, err);
    if (!scope_of_request(request, &scope, err))
        return false;
    return request_wants_table(request) ? answer_table(&scope, worker, request, answer, err)
                                        : answer_list(&scope, worker, request, answer, err);
}
