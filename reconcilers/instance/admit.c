/* What an instance must agree with before it is stored: its App, its tenant's quota, a database name that nobody else has. */
#include "reconcilers/backup/tiers.h"
#include "reconcilers/instance/instance.h"
#include "specs/kind.h"
#include "specs/quantity.h"

static bool load_spec(struct store *tx, enum kind_id kind, const char *name, struct record *ret_record, void *ret_spec,
                      struct err *err)
{
    struct record_key key;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    if (!record_key_set(&key, kind, "", name))
        return err_set(err, ERR_NOT_FOUND, "%s %s not found", kinds[kind].singular, name);
    if (!store_get(tx, &key, ret_record, err))
        return false;
    fields_decode(kinds[kind].spec_fields, ret_record->spec, "spec", ret_spec, &problems);
    return problems_to_err(&problems, err);
}

static bool check_app(struct store *tx, const struct record *next, const struct instance_spec *spec,
                      const struct instance_spec *old_or_null, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct app_spec app = { 0 };
    struct err problem = ERR_INIT;
    record_init(&record);
    bool ok = load_spec(tx, KIND_APP, spec->app, &record, &app, &problem);
    if (ok) {
        if (record.deletion_ms && !next->deletion_ms)
            problems_add(&problems, PROBLEM_INVALID, "spec.app", "app %s is being deleted", spec->app);
        instance_check_app(spec, &app, &problems);
        if (old_or_null)
            instance_check_app_change(old_or_null, spec, &app, &problems);
        ok = problems_to_err(&problems, err);
    } else if (problem.code == ERR_NOT_FOUND) {
        problems_add(&problems, PROBLEM_INVALID, "spec.app", "there is no app %s; apply it first", spec->app);
        ok = problems_to_err(&problems, err);
    } else {
        err_move(err, &problem);
    }
    err_release(&problem);
    fields_release(app_spec_fields, &app);
    return ok;
}

struct usage {
    int64_t instances, cpu_millicores, memory_bytes, storage_bytes;
};

static void add_usage(struct usage *usage, const struct instance_spec *spec)
{
    usage->instances++;
    usage->cpu_millicores += spec->resources.cpu_millicores;
    usage->memory_bytes += spec->resources.memory_bytes;
    usage->storage_bytes += spec->resources.storage_bytes;
}

/* All instances of the tenant but this one. */
static bool sum_others(struct store *tx, const struct record *next, struct usage *ret, struct err *err)
{
    struct records records = { 0 };
    struct store_query query = { .kind = KIND_INSTANCE, .namespace = next->key.namespace };
    if (!store_list(tx, &query, &records, NULL, err))
        return false;
    for (size_t i = 0; i < records.count; i++) {
        if (record_key_equal(&records.items[i].key, &next->key))
            continue;
        struct instance_spec other = { 0 };
        CLEANUP(problems_release)
        struct problems ignored = PROBLEMS_INIT; /* of another version's spec: what decodes counts */
        fields_decode(instance_spec_fields, records.items[i].spec, "", &other, &ignored);
        add_usage(ret, &other);
        fields_release(instance_spec_fields, &other);
    }
    records_release(&records);
    return true;
}

static char *print_count(int64_t count)
{
    return mem_printf("%" PRId64, count);
}

static bool check_quota(struct store *tx, const struct record *next, const struct instance_spec *spec,
                        const struct instance_spec *old, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    struct tenant_spec tenant = { 0 };
    struct usage used = { 0 }, asked = { 0 }, before = { 0 };
    record_init(&record);
    bool ok =
        load_spec(tx, KIND_TENANT, next->key.namespace, &record, &tenant, err) && sum_others(tx, next, &used, err);
    if (ok) {
        add_usage(&asked, spec);
        if (old)
            add_usage(&before, old);
        const struct {
            const char *what;
            int64_t limit, used, asked, before;
            char *(*print)(int64_t);
        } rows[] = {
            { "instances", tenant.quota.instances, used.instances, asked.instances, before.instances, print_count },
            { "cpu", tenant.quota.cpu_millicores, used.cpu_millicores, asked.cpu_millicores, before.cpu_millicores,
              quantity_print_cpu },
            { "memory", tenant.quota.memory_bytes, used.memory_bytes, asked.memory_bytes, before.memory_bytes,
              quantity_print_bytes },
            { "storage", tenant.quota.storage_bytes, used.storage_bytes, asked.storage_bytes, before.storage_bytes,
              quantity_print_bytes },
        };
        for (size_t i = 0; ok && i < ARRAY_LEN(rows); i++) {
            /* What does not ask for more than it has may be edited although the quota was lowered below it. */
            if (!rows[i].limit || rows[i].used + rows[i].asked <= rows[i].limit || rows[i].asked <= rows[i].before)
                continue;
            CLEANUP(freep) char *limit = rows[i].print(rows[i].limit);
            CLEANUP(freep) char *in_use = rows[i].print(rows[i].used);
            CLEANUP(freep) char *wanted = rows[i].print(rows[i].asked);
            ok = err_set(err, ERR_FORBIDDEN,
                         "exceeded quota of tenant %s: %s limited to %s, other instances use %s, this one asks for %s",
                         next->key.namespace, rows[i].what, limit, in_use, wanted);
        }
    }
    fields_release(tenant_spec_fields, &tenant);
    return ok;
}

/* Claimed in the same transaction, so of two who ask at once one gets it. The holder is not named: it may be another tenant's. */
static bool claim_database(struct store *tx, const struct record *next, const struct instance_spec *spec,
                           struct err *err)
{
    struct err problem = ERR_INIT;
    if (store_claim(tx, CLAIM_DATABASE, spec->database.name, next->uid, &problem))
        return true;
    if (problem.code == ERR_CONFLICT)
        err_set(&problem, ERR_CONFLICT, "spec.database.name: %s is already another instance's database",
                spec->database.name);
    err_move(err, &problem);
    return false;
}

static bool claim_port(struct store *tx, const struct record *next, const struct instance_spec *spec, struct err *err)
{
    int64_t wish = instance_publish_wish(spec);
    if (wish <= 0)
        return true;
    CLEANUP(freep) char *port = mem_printf("%" PRId64, wish);
    CLEANUP(freep) char *holder = NULL;
    if (!store_claim_holder(tx, CLAIM_PORT, port, &holder, err))
        return false;
    return !holder || str_equal(holder, next->uid) ||
           err_set(err, ERR_CONFLICT, "spec.publish: host port %s is already another instance's", port);
}

bool instance_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct instance_spec spec = { 0 }, old_spec = { 0 };
    /* Also on an update: a document without finalizers must not let go of what has to be torn down. */
    if (!strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        strv_add(&next->finalizers, FINALIZER_TEARDOWN);
    if (!json_object_get(next->spec, "deletionPolicy"))
        json_put_text(next->spec, "deletionPolicy", backup_has_place(settings) ? "Backup" : "Retain");
    /* A record on its way out is changed only to let it go; what it refers to may be gone already. */
    if (next->deletion_ms)
        return true;
    fields_decode(instance_spec_fields, next->spec, "spec", &spec, &problems);
    if (old)
        fields_decode(instance_spec_fields, old->spec, "spec", &old_spec, &problems);
    bool ok = problems_to_err(&problems, err) && check_app(tx, next, &spec, old ? &old_spec : NULL, err) &&
              check_quota(tx, next, &spec, old ? &old_spec : NULL, err) && claim_port(tx, next, &spec, err) &&
              (old || claim_database(tx, next, &spec, err));
    fields_release(instance_spec_fields, &spec);
    fields_release(instance_spec_fields, &old_spec);
    return ok;
}
