/* Looks through the places of recovery points: manifests, and the copy of the records. */
#include "base/map.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/backup/records_copy.h"
#include "reconcilers/catalog/catalog.h"

static void release_point(struct catalog_point *point)
{
    free(point->tenant);
    free(point->instance);
    free(point->uid);
    free(point->name);
    free(point->bucket);
    free(point->prefix);
    free(point->app);
    free(point->version);
    for (size_t i = 0; i < point->tier_count; i++) {
        free(point->tiers[i].name);
        free(point->tiers[i].place);
    }
}

void catalog_release(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->point_count; i++)
        release_point(&catalog->points[i]);
    free(catalog->points);
    for (size_t i = 0; i < catalog->instance_count; i++) {
        struct catalog_instance *instance = &catalog->instances[i];
        free(instance->tenant);
        free(instance->name);
        free(instance->uid);
        free(instance->point);
        json_decref(instance->tenant_record);
        json_decref(instance->app_record);
        json_decref(instance->record);
    }
    free(catalog->instances);
    json_decref(catalog->copy);
    strv_release(&catalog->problems);
    *catalog = (struct catalog){ 0 };
}

/* A look through the places; each list has its index by name. */
struct search {
    const struct settings *settings;
    const struct call *call;
    struct catalog *catalog;
    struct map *points;    /* "<tenant>/<uid>/<name>" to its number + 1, as a pointer */
    struct map *instances; /* uid to the same */
};

static void *number(size_t index)
{
    return (void *)(uintptr_t)(index + 1);
}

/* SIZE_MAX: it is not there. */
static size_t find_number(const struct map *map, const char *key)
{
    const void *found = map_get(map, key);
    return found ? (size_t)(uintptr_t)found - 1 : SIZE_MAX;
}

/* ---- instances ---- */

static struct catalog_instance *instance_of(struct search *search, const char *tenant, const char *name,
                                            const char *uid)
{
    struct catalog *catalog = search->catalog;
    size_t at = find_number(search->instances, uid);
    if (at != SIZE_MAX)
        return &catalog->instances[at];
    at = catalog->instance_count++;
    catalog->instances = mem_grow(catalog->instances, catalog->instance_count, sizeof(catalog->instances[0]));
    catalog->instances[at] =
        (struct catalog_instance){ .tenant = mem_strdup(tenant), .name = mem_strdup(name), .uid = mem_strdup(uid) };
    map_put(search->instances, uid, number(at));
    return &catalog->instances[at];
}

static void keep_json(json_t **target, json_t *value)
{
    json_decref(*target);
    *target = json_incref(value);
}

static void note_newest(struct search *search, const struct catalog_point *point, const struct manifest *manifest,
                        bool is_whole)
{
    struct catalog_instance *instance = instance_of(search, point->tenant, point->instance, point->uid);
    instance->had_last_backup = instance->had_last_backup || point->reason == BACKUP_DELETION;
    if (!is_whole || (instance->point && point->started_ms <= instance->point_ms))
        return;
    free(instance->point);
    instance->point = mem_strdup(point->name);
    instance->point_ms = point->started_ms;
    keep_json(&instance->tenant_record, manifest->records.tenant);
    keep_json(&instance->app_record, manifest->records.app);
    keep_json(&instance->record, manifest->records.instance);
}

/* ---- points ---- */

static int reason_of(const char *word)
{
    for (int i = 0; backup_reason_words[i]; i++)
        if (str_equal(word, backup_reason_words[i]))
            return i;
    return BACKUP_MANUAL;
}

static struct catalog_point make_point(const struct manifest *manifest)
{
    const struct manifest_object *database = manifest_find(manifest, POINT_DATABASE);
    const struct manifest_object *data = manifest_find(manifest, POINT_DATA);
    return (struct catalog_point){ .tenant = mem_strdup(manifest->tenant),
                                   .instance = mem_strdup(manifest->instance),
                                   .uid = mem_strdup(manifest->uid),
                                   .name = mem_strdup(manifest->backup),
                                   .reason = reason_of(manifest->reason),
                                   .app = mem_strdup(manifest->app),
                                   .version = mem_strdup(manifest->version),
                                   .started_ms = manifest->started_ms,
                                   .finished_ms = manifest->finished_ms,
                                   .sizes = { .database_bytes = database ? database->plain_bytes : 0,
                                              .data_bytes = data ? data->plain_bytes : 0,
                                              .stored_bytes = manifest_stored_bytes(manifest) } };
}

static struct catalog_point *point_of(struct search *search, const char *key, const struct manifest *manifest)
{
    struct catalog *catalog = search->catalog;
    size_t at = find_number(search->points, key);
    if (at != SIZE_MAX)
        return &catalog->points[at];
    at = catalog->point_count++;
    if ((at & (at - 1)) == 0)
        catalog->points = mem_grow(catalog->points, at ? 2 * at : 1, sizeof(catalog->points[0]));
    catalog->points[at] = make_point(manifest);
    map_put(search->points, key, number(at));
    return &catalog->points[at];
}

static bool has_tier(const struct catalog_point *point, const char *name)
{
    for (size_t i = 0; i < point->tier_count; i++)
        if (str_equal(point->tiers[i].name, name))
            return true;
    return false;
}

/* The one that counts stands first; which bucket it is in belongs to the point. */
static void add_tier(struct catalog_point *point, const struct tenant_backup *where, const struct tier *tier,
                     bool is_whole)
{
    bool counts = str_equal(tier->name, TIER_S3);
    if (counts && point->tier_count)
        point->tiers[1] = point->tiers[0];
    point->tiers[counts ? 0 : point->tier_count] =
        (struct catalog_tier){ mem_strdup(tier->name), mem_strdup(objects_name(tier->objects)), is_whole };
    point->tier_count++;
    if (counts && where) {
        point->bucket = mem_strdup(where->bucket);
        point->prefix = mem_strdup(where->prefix);
    }
}

static void take_point(struct search *search, const struct tenant_backup *where, const struct tier *tier,
                       const struct point_listed *listed, const struct point *found)
{
    const struct manifest *manifest = point_manifest(found);
    CLEANUP(freep) char *key = mem_printf("%s/%s/%s", listed->tenant, listed->uid, listed->name);
    struct catalog_point *point = point_of(search, key, manifest);
    uint64_t wanted = (uint64_t)manifest_stored_bytes(manifest) + strlen(point_manifest_text(found));
    bool is_whole = listed->bytes == wanted;
    if (has_tier(point, tier->name) || point->tier_count == TIERS_MAX)
        return;
    if (!is_whole)
        strv_addf(&search->catalog->problems, "%s in %s has %" PRIu64 " bytes instead of %" PRIu64, key,
                  objects_name(tier->objects), listed->bytes, wanted);
    add_tier(point, where, tier, is_whole);
    note_newest(search, point, manifest, is_whole);
}

/* What is wrong with one point is told, and the next one looked at; false: the place does not answer. */
static bool is_about_one(const struct err *err)
{
    return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID || err->code == ERR_FORBIDDEN ||
           err->code == ERR_UNSUPPORTED || err->code == ERR_TOO_LARGE;
}

static bool look_at(struct search *search, const struct tenant_backup *where, const struct tier *tier,
                    const struct point_listed *listed, struct err *err)
{
    CLEANUP(point_freep) struct point *point = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct point_source source = { tier->objects, NULL, search->settings->backup->manifest_key };
    const struct point_id id = { listed->tenant, listed->uid, listed->name };
    if (point_open(&source, &id, search->call, &point, &problem)) {
        take_point(search, where, tier, listed, point);
        return true;
    }
    if (is_about_one(&problem)) {
        strv_add(&search->catalog->problems, err_message(&problem));
        return true;
    }
    err_move(err, &problem);
    return false;
}

/* `where` NULL: the installation's own place. The directory is the same for all, and walked with that. */
static bool walk(struct search *search, const struct tenant_backup *where, const char *prefix, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    if (!tiers_open(search->settings, where, &tiers, err))
        return false;
    for (size_t i = 0; i < tiers.count; i++) {
        CLEANUP(point_list_release) struct point_list list = { 0 };
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (where && str_equal(tiers.items[i].name, TIER_LOCAL))
            continue;
        if (!point_list(tiers.items[i].objects, prefix, search->call, &list, &problem)) {
            if (!is_about_one(&problem)) {
                err_move(err, &problem);
                return false;
            }
            strv_add(&search->catalog->problems, err_message(&problem)); /* a bucket that is gone, or closed to us */
            continue;
        }
        for (size_t k = 0; k < list.count; k++)
            if (list.items[k].has_manifest && !look_at(search, where, &tiers.items[i], &list.items[k], err))
                return false;
    }
    return true;
}

/* ---- the copy of the records ---- */

static bool read_copy(struct search *search, struct err *err)
{
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    struct catalog *catalog = search->catalog;
    if (!tiers_open(search->settings, NULL, &tiers, err))
        return false;
    for (size_t i = 0; i < tiers.count && !catalog->copy; i++) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (records_copy_read(search->settings, tiers.items[i].objects, search->call, &catalog->copy, &problem) ||
            problem.code == ERR_NOT_FOUND)
            continue;
        if (!is_about_one(&problem)) {
            err_move(err, &problem);
            return false;
        }
        strv_add(&catalog->problems, err_message(&problem));
    }
    if (catalog->copy && !time_from_rfc3339(json_text(catalog->copy, "takenAt"), &catalog->copied_ms))
        return err_set(err, ERR_INVALID, "the copy of the records does not say when it was taken");
    return true;
}

static bool is_of_kind(const json_t *entry, enum kind_id kind)
{
    return str_equal(json_text(json_object_get(entry, "record"), "kind"), kinds[kind].name);
}

static void note_copied(struct search *search, const json_t *record)
{
    const json_t *metadata = json_object_get(record, "metadata");
    const char *tenant = json_text(metadata, "namespace"), *name = json_text(metadata, "name"),
               *uid = json_text(metadata, "uid");
    if (!tenant || !name || !uid)
        return;
    struct catalog_instance *instance = instance_of(search, tenant, name, uid);
    instance->in_copy = true;
    instance->was_going = json_text(metadata, "deletionTimestamp") != NULL;
}

/* Each place once; of a tenant's own only what is the tenant's. */
static bool walk_own(struct search *search, struct map *walked, const char *tenant, const struct tenant_backup *where,
                     struct err *err)
{
    if (!tenant || (!where->bucket && !where->prefix))
        return true;
    CLEANUP(freep) char *prefix = mem_printf("%s/", tenant);
    CLEANUP(freep)
    char *place =
        mem_printf("%s %s %s", tenant, where->bucket ? where->bucket : "", where->prefix ? where->prefix : "");
    if (map_get(walked, place))
        return true;
    map_put(walked, place, walked);
    return walk(search, where, prefix, err);
}

/* Where tenants keep theirs now, and where older ones were put. */
static bool walk_copied(struct search *search, struct map *walked, struct err *err)
{
    const json_t *entries = json_object_get(search->catalog->copy, "records");
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *record = json_object_get(entry, "record");
        const json_t *metadata = json_object_get(record, "metadata");
        const json_t *backup = is_of_kind(entry, KIND_TENANT)   ? json_at(record, "spec", "backup", NULL)
                               : is_of_kind(entry, KIND_BACKUP) ? json_object_get(entry, "state")
                                                                : NULL;
        const struct tenant_backup where = { (char *)(uintptr_t)json_text(backup, "bucket"),
                                             (char *)(uintptr_t)json_text(backup, "prefix") };
        const char *tenant = json_text(metadata, is_of_kind(entry, KIND_TENANT) ? "name" : "namespace");
        if (backup && !walk_own(search, walked, tenant, &where, err))
            return false;
        if (is_of_kind(entry, KIND_INSTANCE))
            note_copied(search, record);
    }
    return true;
}

/* A tenant that the copy does not have may be in a manifest with a place of its own. */
static bool walk_told(struct search *search, struct map *walked, struct err *err)
{
    for (size_t i = 0; i < search->catalog->instance_count; i++) {
        const struct catalog_instance *instance = &search->catalog->instances[i];
        const json_t *backup = json_at(instance->tenant_record, "spec", "backup", NULL);
        CLEANUP(freep) char *tenant = mem_strdup(instance->tenant); /* the list grows meanwhile */
        CLEANUP(freep) char *bucket = mem_strdup(json_text(backup, "bucket"));
        CLEANUP(freep) char *prefix = mem_strdup(json_text(backup, "prefix"));
        const struct tenant_backup where = { bucket, prefix };
        if (!walk_own(search, walked, tenant, &where, err))
            return false;
    }
    return true;
}

static bool walk_stored(struct search *search, struct store *store, struct map *walked, struct err *err)
{
    CLEANUP(records_release) struct records tenants = { 0 };
    const struct store_query query = { .kind = KIND_TENANT };
    if (!store_list(store, &query, &tenants, NULL, err))
        return false;
    for (size_t i = 0; i < tenants.count; i++) {
        const json_t *backup = json_object_get(tenants.items[i].spec, "backup");
        const struct tenant_backup where = { (char *)(uintptr_t)json_text(backup, "bucket"),
                                             (char *)(uintptr_t)json_text(backup, "prefix") };
        if (!walk_own(search, walked, tenants.items[i].key.name, &where, err))
            return false;
    }
    return true;
}

bool catalog_find(struct store *store, const struct settings *settings, const struct call *call, struct catalog *ret,
                  struct err *err)
{
    *ret = (struct catalog){ .problems = STRV_INIT };
    CLEANUP(map_freep) struct map *points = map_new(NULL);
    CLEANUP(map_freep) struct map *instances = map_new(NULL);
    CLEANUP(map_freep) struct map *walked = map_new(NULL);
    struct search search = { settings, call, ret, points, instances };
    return read_copy(&search, err) && walk(&search, NULL, "", err) && walk_copied(&search, walked, err) &&
           walk_told(&search, walked, err) && walk_stored(&search, store, walked, err);
}
