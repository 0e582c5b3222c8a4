/*
 * `POST /catalog/rebuild` with {"records": true}: makes Backups of what the places of recovery points have and no record tells of; with `records`, also
 * the tenants, apps and instances that were lost. On a daemon without any tenant that goes without saying. Repeated, it goes on where it was.
 */
#include "reconcilers/catalog/catalog.h"

#include "api/api.h"
#include "api/handlers.h"
#include "api/status.h"

#define REBUILD_MS (30 * MINUTE_MS)

struct catalog_wish {
    bool records;
};
static const struct field wish_fields[] = {
    { "records", FIELD_BOOL, offsetof(struct catalog_wish, records), .fallback = "false",
      .doc = "Also what was lost besides: tenants, apps, instances." },
    { NULL },
};

static bool find_scope(struct worker *worker, const struct catalog_wish *wish, enum catalog_scope *ret, struct err *err)
{
    int64_t tenants;
    if (!store_count(worker->store, KIND_TENANT, NULL, &tenants, err))
        return false;
    *ret = wish->records || tenants == 0 ? CATALOG_RECORDS : CATALOG_POINTS;
    return true;
}

static void print(const struct catalog *catalog, const struct catalog_report *report, enum catalog_scope scope,
                  struct answer *answer)
{
    json_t *object = json_object();
    CLEANUP(freep) char *copied = catalog->copy ? time_to_rfc3339(catalog->copied_ms) : NULL;
    json_put(object, "points", json_integer((json_int_t)report->points));
    json_put(object, "listed", json_integer((json_int_t)report->listed));
    json_put(object, "records", json_boolean(scope == CATALOG_RECORDS));
    json_put_text(object, "recordsCopied", copied);
    json_put(object, "made", json_from_strv(&report->made));
    json_put(object, "restored", json_from_strv(&report->restored));
    json_put(object, "left", json_from_strv(&report->left));
    json_put(object, "problems", json_from_strv(&report->problems));
    answer_json(answer, 200, object);
}

static bool rebuild(struct worker *worker, const struct catalog_wish *wish, const struct call *call,
                    struct answer *answer, struct err *err)
{
    const struct settings *settings = worker->shared->options->settings;
    CLEANUP(catalog_release) struct catalog catalog = { 0 };
    CLEANUP(catalog_report_release) struct catalog_report report = { 0 };
    enum catalog_scope scope;
    if (!backup_has_place(settings))
        return err_set(err, ERR_CONFLICT, "no place for backups is configured: backup.directory or backup.s3");
    if (!find_scope(worker, wish, &scope, err) || !catalog_find(worker->store, settings, call, &catalog, err))
        return false;
    catalog_decide(&catalog);
    if (!catalog_rebuild(worker->store, settings, &catalog, scope, &report, err))
        return err_wrap(err, "rebuilding was broken off; begin again, with --records where records were to come back");
    print(&catalog, &report, scope, answer);
    return true;
}

bool catalog_rebuild_run(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    struct catalog_wish wish = { 0 };
    struct call call = call_within(NULL, REBUILD_MS);
    if (!request_decode(request, wish_fields, &wish, NULL, err))
        return false;
    store_set_call(worker->store, &call);
    bool good = rebuild(worker, &wish, &call, answer, err);
    store_set_call(worker->store, NULL);
    return good;
}
