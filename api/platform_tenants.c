/* /api/v1/tenants: tenants, as a portal sees them, and what a customer uses. */
#include "api/auth.h"
#include "api/handlers.h"
#include "api/platform.h"
#include "api/routes.h"
#include "specs/tenant.h"

#define ANNOTATION_CUSTOMER "tenantd/customer"

static json_t *tenant_to_flat(const struct record *record)
{
    const char *phase = json_text(record->status, "phase");
    json_t *object = flat_from_record(tenant_flat_fields, record);
    json_put_text(object, "status",
                  record->deletion_ms                    ? "terminating"
                  : json_bool(record->spec, "suspended") ? "suspended"
                  : str_equal(phase, "Active")           ? "active"
                                                         : "pending");
    return object;
}

static bool create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = NULL;
    CLEANUP(json_decrefp) json_t *document = json_object();
    CLEANUP(record_release) struct record record = { 0 };
    if (!request_document(request, &body, err))
        return false;
    flat_to_document(tenant_flat_fields, body, FLAT_CREATE, document, &request->problems);
    if (!problems_to_err(&request->problems, err))
        return false;
    if (!json_object_get(document, "spec"))
        json_put(document, "spec", json_object());
    request->view = view_of_kind(&kinds[KIND_TENANT]);
    request_set_about(request, &request->view, json_text(json_object_get(document, "metadata"), "name"));
    if (!platform_create(worker, request, &kinds[KIND_TENANT], document, &record, err))
        return false;
    answer_json(answer, 201, tenant_to_flat(&record));
    return true;
}

/* POST /api/v1/tenants/ */
bool platform_tenant_create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    return platform_once(worker, request, answer, create, err);
}

/* GET /api/v1/tenants/{id} */
bool platform_tenant_get(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    if (!platform_find(worker, request, VERB_GET, &record, err))
        return false;
    answer_json(answer, 200, tenant_to_flat(&record));
    return true;
}

/* PUT /api/v1/tenants/{id} */
bool platform_tenant_put(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    if (!platform_find(worker, request, VERB_UPDATE, &record, err) || !platform_put(worker, request, &record, err))
        return false;
    answer_json(answer, 200, tenant_to_flat(&record));
    return true;
}

/* DELETE /api/v1/tenants/{id}: 202; its instances go first. */
bool platform_tenant_delete(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    if (!platform_find(worker, request, VERB_DELETE, &record, err) || !platform_delete(worker, request, &record, err))
        return false;
    json_t *object = json_object();
    json_put_text(object, "id", record.uid);
    json_put_text(object, "status", flat_status_names[STATUS_TERMINATING]);
    answer_json(answer, 202, object);
    return true;
}

static bool visible_tenants(struct worker *worker, const struct request *request, struct records *ret, struct err *err)
{
    CLEANUP(records_release) struct records all = { 0 };
    struct store_query query = { .kind = KIND_TENANT };
    int64_t version;
    if (!store_list(worker->store, &query, &all, &version, err))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (auth_may(&request->identity, VERB_GET, KIND_TENANT, all.items[i].key.name) == AUTH_ALLOWED) {
            struct record *record = records_add(ret);
            record_release(record);
            *record = all.items[i];
            all.items[i] = (struct record){ 0 };
        }
    return true;
}

/* GET /api/v1/tenants/?customer_id=&page=&page_size= */
bool platform_tenant_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    CLEANUP(json_decrefp) json_t *objects = json_array();
    const char *customer = uri_query(&request->uri, "customer_id");
    if (!visible_tenants(worker, request, &records, err))
        return false;
    for (size_t i = 0; i < records.count; i++)
        if (!customer || str_equal(record_annotation(&records.items[i], ANNOTATION_CUSTOMER), customer))
            json_push(objects, tenant_to_flat(&records.items[i]));
    return platform_answer_page(request, objects, answer, err);
}

/* ---- what a customer uses ---- */

struct amount {
    int64_t used, allowed;
    bool is_unlimited;
};
struct stats {
    int64_t by_status[FLAT_STATUSES];
    int64_t total;
    struct amount instances, cpu, memory, storage;
    int64_t on_disk_bytes;
    json_t *backups;
};

static void allow(struct amount *amount, int64_t quota)
{
    amount->allowed += quota;
    amount->is_unlimited = amount->is_unlimited || quota == 0;
}

static void add_tenant(struct stats *stats, const struct record *tenant)
{
    struct tenant_spec spec = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* it was stored, so it was right once */
    fields_decode(tenant_spec_fields, tenant->spec, "spec", &spec, &ignored);
    allow(&stats->instances, spec.quota.instances);
    allow(&stats->cpu, spec.quota.cpu_millicores);
    allow(&stats->memory, spec.quota.memory_bytes);
    allow(&stats->storage, spec.quota.storage_bytes);
    fields_release(tenant_spec_fields, &spec);
}

/* When the newest of its backups that were read back was made; NULL: there is none. Times of one form sort as texts. */
static const char *last_backup(const struct record *instance, const struct records *backups)
{
    const char *last = NULL;
    for (size_t i = 0; i < backups->count; i++) {
        const struct record *backup = &backups->items[i];
        const char *completed = json_text(backup->status, "completed");
        if (completed && json_text(backup->status, "verified") &&
            str_equal(json_text(backup->spec, "instanceUid"), instance->uid) && (!last || strcmp(completed, last) > 0))
            last = completed;
    }
    return last;
}

static void add_instance(struct stats *stats, const struct record *record, const struct records *backups)
{
    struct instance_spec spec = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    const char *backed_up = last_backup(record, backups);
    fields_decode(instance_spec_fields, record->spec, "spec", &spec, &ignored);
    stats->by_status[instance_flat_status(record)]++;
    stats->total++;
    stats->instances.used++;
    stats->cpu.used += spec.resources.cpu_millicores;
    stats->memory.used += spec.resources.memory_bytes;
    stats->storage.used += spec.resources.storage_bytes;
    stats->on_disk_bytes += json_int(json_object_get(record->status, "storage"), "usedBytes", 0);
    fields_release(instance_spec_fields, &spec);
    json_t *last = json_object();
    json_put_text(last, "instance_id", record->uid);
    json_put_text(last, "instance", record->key.name);
    json_put(last, "last_backup_at", backed_up ? json_from_text(backed_up) : json_null());
    json_push(stats->backups, last);
}

static json_t *amount_to_json(const struct amount *amount, double unit)
{
    json_t *object = json_object();
    json_put(object, "used", unit == 1 ? json_integer(amount->used) : json_real((double)amount->used / unit));
    json_put(object, "allowed",
             amount->is_unlimited ? json_null()
             : unit == 1          ? json_integer(amount->allowed)
                                  : json_real((double)amount->allowed / unit));
    return object;
}

static json_t *stats_to_json(const struct stats *stats)
{
    json_t *by_status = json_object();
    for (size_t i = 0; i < FLAT_STATUSES; i++)
        json_put(by_status, flat_status_names[i], json_integer(stats->by_status[i]));
    json_t *instances = amount_to_json(&stats->instances, 1);
    json_put(instances, "total", json_integer(stats->total));
    json_put(instances, "by_status", by_status);
    json_t *storage = amount_to_json(&stats->storage, 1);
    json_put(storage, "on_disk", json_integer(stats->on_disk_bytes));
    json_t *object = json_object();
    json_put(object, "instances", instances);
    json_put(object, "cpu", amount_to_json(&stats->cpu, 1000));
    json_put(object, "memory", amount_to_json(&stats->memory, 1));
    json_put(object, "storage", storage);
    json_put(object, "last_backups", json_incref(stats->backups));
    return object;
}

/* A customer is an account, by its id; or whom the portal numbered in customer_id; or simply a tenant, by its id. */
static bool is_customers(const struct record *tenant, const char *customer, const struct account *account)
{
    return str_equal(record_annotation(tenant, ANNOTATION_CUSTOMER), customer) || str_equal(tenant->uid, customer) ||
           strv_has(&account->tenants, tenant->key.name);
}

/* GET /api/v1/tenants/customer/{customer_id}/stats */
bool platform_customer_stats(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(records_release) struct records tenants = { 0 };
    CLEANUP(account_release) struct account account = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(json_decrefp) json_t *backups = json_array();
    const char *customer = request_param(request, "customer_id");
    struct stats stats = { .backups = backups };
    request->view = view_of_kind(&kinds[KIND_TENANT]);
    if (auth_may(&request->identity, VERB_GET, KIND_TENANT, NULL) != AUTH_ALLOWED)
        return raise_forbidden_verb(request, VERB_GET, err);
    if (!store_account_find(worker->store, customer, &account, &problem) && problem.code != ERR_NOT_FOUND &&
        problem.code != ERR_INVALID) {
        err_move(err, &problem);
        return false;
    }
    if (!visible_tenants(worker, request, &tenants, err))
        return false;
    json_t *names = json_array();
    CLEANUP(json_decrefp) json_t *held = names;
    for (size_t i = 0; i < tenants.count; i++) {
        const struct record *tenant = &tenants.items[i];
        CLEANUP(records_release) struct records instances = { 0 };
        CLEANUP(records_release) struct records kept = { 0 };
        const struct store_query query = { .kind = KIND_BACKUP, .namespace = tenant->key.name };
        if (!is_customers(tenant, customer, &account))
            continue;
        add_tenant(&stats, tenant);
        json_push(names, json_from_text(tenant->key.name));
        if (!platform_instances(worker, request, tenant->key.name, &instances, err) ||
            !store_list(worker->store, &query, &kept, NULL, err))
            return false;
        for (size_t k = 0; k < instances.count; k++)
            add_instance(&stats, &instances.items[k], &kept);
    }
    if (json_array_size(names) == 0 && !str_equal(request->identity.account, account.id))
        return err_set(err, ERR_NOT_FOUND, "there is no customer with id %s", customer);
    json_t *object = stats_to_json(&stats);
    json_put(object, "customer_id", json_from_text(customer));
    json_put(object, "tenants", json_incref(names));
    answer_json(answer, 200, object);
    return true;
}
