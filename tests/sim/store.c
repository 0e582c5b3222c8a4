/* The simulated store's records, versions and feed; see store.h. What is kept beside records is in store_kept.c. */
#include "tests/sim/store.h"

#include "base/crypto.h"
#include "store/store.h"

struct store {
    const struct call *call;
};

/* What a call of this handle is held to: that of store_set_call(). */
static const struct call *call_of(const struct store *store)
{
    return store->call;
}

struct store *store_new(const struct store_options *options)
{
    (void)options; /* there is one store */
    return MEM_NEW(struct store);
}

void store_free(struct store *store)
{
    free(store);
}

void store_freep(struct store **store)
{
    store_free(*store);
}

void store_set_call(struct store *store, const struct call *call)
{
    store->call = call;
}

bool sim_store_begin(struct store *store, const struct sim_call *what, struct err *err)
{
    return sim_begin(what, call_of(store), err);
}

struct record *sim_record_find(const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    return map_get(sim->store->records, text);
}

struct record *sim_record_by_uid(const char *uid)
{
    return map_get(sim->store->uids, uid);
}

/* As record_copy(), but spec and status are shared: who changes those of a record puts others in their place. */
static void copy(struct record *to, const struct record *from)
{
    *to = (struct record){ .key = from->key,
                           .uid = mem_strdup(from->uid),
                           .generation = from->generation,
                           .version = from->version,
                           .created_ms = from->created_ms,
                           .deletion_ms = from->deletion_ms,
                           .labels = json_deep_copy(from->labels),
                           .annotations = json_deep_copy(from->annotations),
                           .spec = json_incref(from->spec),
                           .status = json_incref(from->status) };
    strv_copy(&to->finalizers, &from->finalizers);
}

static struct record *find(const struct record_key *key, struct err *err)
{
    struct record *record = sim_record_find(key);
    if (!record)
        err_set(err, ERR_NOT_FOUND, "%s.%s \"%s\" not found", kinds[key->kind].plural, API_GROUP, key->name);
    return record;
}

/* ---- changes ---- */

struct change *change_ref(struct change *change)
{
    change->references++;
    return change;
}

void change_unref(struct change *change)
{
    if (!change || --change->references > 0)
        return;
    json_decref(change->object);
    free(change);
}

/* Of the object only what the controller reads of it. */
static json_t *object_of(const struct record *record)
{
    json_t *object = json_object(), *metadata = json_object(), *status = json_object();
    json_put_text(metadata, "uid", record->uid);
    if (record->deletion_ms)
        json_put(metadata, "deletionTimestamp", json_true());
    json_put_text(status, "phase", json_text(record->status, "phase"));
    json_put(object, "metadata", metadata);
    json_put(object, "status", status);
    return object;
}

static void add_change(struct change change)
{
    struct sim_store *store = sim->store;
    struct change *kept = MEM_NEW(struct change);
    *kept = change;
    kept->references = 1;
    kept->version = ++store->version;
    store->changes = mem_grow(store->changes, store->change_count + 1, sizeof(store->changes[0]));
    store->changes[store->change_count++] = kept;
}

static void tell(struct record *record, enum change_type type, bool spec_changed)
{
    struct change change = { .type = type, .key = record->key, .generation = record->generation };
    change.object = object_of(record);
    change.spec_changed = spec_changed;
    add_change(change);
    record->version = sim->store->version;
}

int64_t feed_version(struct feed *feed)
{
    (void)feed;
    return sim->store->version;
}

bool feed_is_connected(struct feed *feed)
{
    (void)feed; /* it tells by failing calls */
    return true;
}

struct change *feed_next(struct feed *feed, struct store *store, int64_t after_version, bool *ret_expired)
{
    static const struct sim_call what = { "feed_next", SIM_STORE, SIM_READS };
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    (void)feed;
    *ret_expired = false;
    if (!sim_begin(&what, call_of(store), &ignored) || (size_t)after_version >= sim->store->change_count)
        return NULL;
    return change_ref(sim->store->changes[after_version]);
}

int feed_subscribe(struct feed *feed, feed_wake_fn *wake, void *context)
{
    (void)feed;
    (void)wake; /* the simulated daemon looks itself */
    (void)context;
    return 0;
}

void feed_unsubscribe(struct feed *feed, int subscription)
{
    (void)feed;
    (void)subscription;
}

/* ---- reading ---- */

bool store_get(struct store *store, const struct record_key *key, struct record *ret, struct err *err)
{
    static const struct sim_call what = { "store_get", SIM_STORE, SIM_READS };
    if (!sim_begin(&what, call_of(store), err))
        return false;
    const struct record *record = find(key, err);
    CLEANUP(record_release) struct record seen = { 0 };
    if (!record)
        return false;
    copy(&seen, record);
    if (!sim_end(&what, true, err))
        return false;
    record_release(ret);
    *ret = seen;
    seen = (struct record){ 0 };
    return true;
}

bool store_get_by_uid(struct store *store, const char *uid, struct record *ret, struct err *err)
{
    const struct record *record = sim_record_by_uid(uid);
    if (!record)
        return err_set(err, ERR_NOT_FOUND, "no record has uid %s", uid);
    struct record_key key = record->key;
    return store_get(store, &key, ret, err);
}

static int by_key(const void *a, const void *b)
{
    const struct record *one = a, *other = b;
    int order = strcmp(one->key.namespace, other->key.namespace);
    return order ? order : strcmp(one->key.name, other->key.name);
}

/* "namespace/name", or a name alone. */
static bool comes_after(const struct record_key *key, const char *after)
{
    CLEANUP(freep) char *namespace = mem_strdup(after);
    char *slash = strchr(namespace, '/');
    const char *name = slash ? slash + 1 : after;
    if (slash)
        *slash = '\0';
    int order = strcmp(key->namespace, slash ? namespace : "");
    return order > 0 || (order == 0 && strcmp(key->name, name) > 0);
}

static void cut(struct records *records, int64_t limit)
{
    while (limit > 0 && (int64_t)records->count > limit)
        record_release(&records->items[--records->count]);
}

static void list(const struct store_query *query, struct records *ret)
{
    const struct map *records =
        query->namespace ? map_get(sim->store->by_tenant, query->namespace) : sim->store->records;
    size_t at = 0;
    void *value;
    while (records && map_next(records, &at, NULL, &value)) {
        const struct record *record = value;
        if (record->key.kind != query->kind || (query->after && !comes_after(&record->key, query->after)))
            continue;
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(ret->items[0]));
        copy(&ret->items[ret->count++], record);
    }
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(ret->items[0]), by_key);
    cut(ret, query->limit);
}

bool store_list(struct store *store, const struct store_query *query, struct records *ret, int64_t *ret_version,
                struct err *err)
{
    static const struct sim_call what = { "store_list", SIM_STORE, SIM_READS };
    CLEANUP(records_release) struct records found = { 0 };
    if (!sim_begin(&what, call_of(store), err))
        return false;
    list(query, &found);
    int64_t version = sim->store->version;
    if (!sim_end(&what, true, err))
        return false;
    if (ret_version)
        *ret_version = version;
    records_release(ret);
    *ret = found;
    found = (struct records){ 0 };
    return true;
}

/* ---- writing ---- */

static void replace(struct record *to, const struct record *from)
{
    struct record fresh = { 0 };
    copy(&fresh, from);
    record_release(to);
    *to = fresh;
}

static void insert(struct record *record_taken)
{
    CLEANUP(freep) char *text = record_key_text(&record_taken->key);
    struct map *tenant = map_get(sim->store->by_tenant, record_taken->key.namespace);
    if (!tenant) {
        tenant = map_new(NULL);
        map_put(sim->store->by_tenant, record_taken->key.namespace, tenant);
    }
    map_put(tenant, text, record_taken);
    map_put(sim->store->records, text, record_taken);
    map_put(sim->store->uids, record_taken->uid, record_taken);
}

static bool check_tenant(const struct record_key *key, struct err *err)
{
    struct record_key tenant;
    if (!kinds[key->kind].namespaced)
        return true;
    const struct record *record =
        record_key_set(&tenant, KIND_TENANT, "", key->namespace) ? sim_record_find(&tenant) : NULL;
    if (!record)
        return err_set(err, ERR_NOT_FOUND, "namespaces \"%s\" not found", key->namespace);
    return !record->deletion_ms || err_set(err, ERR_FORBIDDEN, "namespace %s is being terminated", key->namespace);
}

bool store_create(struct store *store, struct record *record, const struct store_write *write, struct err *err)
{
    static const struct sim_call what = { "store_create", SIM_STORE, SIM_CHANGES };
    if (!sim_begin(&what, call_of(store), err) || !check_tenant(&record->key, err))
        return false;
    if (sim_record_find(&record->key))
        return err_set(err, ERR_EXISTS, "%s.%s \"%s\" already exists", kinds[record->key.kind].plural, API_GROUP,
                       record->key.name);
    struct record *stored = MEM_NEW(struct record);
    record_copy(stored, record);
    free(stored->uid);
    stored->uid = random_uuid();
    stored->generation = 1;
    stored->created_ms = clock_wall_ms();
    stored->deletion_ms = 0;
    json_decref(stored->status);
    stored->status = json_object();
    /* Claims that admission makes are for a record that is there; where it refuses they go with it. */
    map_put(sim->store->uids, stored->uid, stored);
    if ((write->admit && !write->admit(store, NULL, stored, write->context, err)) || write->mode == STORE_DRY_RUN) {
        bool admitted = write->mode == STORE_DRY_RUN && err->code == ERR_NONE;
        sim_store_forget(stored->uid);
        map_remove(sim->store->uids, stored->uid);
        if (admitted)
            replace(record, stored);
        record_release(stored);
        free(stored);
        return admitted;
    }
    insert(stored);
    tell(stored, CHANGE_ADDED, true);
    replace(record, stored);
    return sim_end(&what, true, err);
}

static void remove_record(struct record *record)
{
    CLEANUP(freep) char *text = record_key_text(&record->key);
    tell(record, CHANGE_DELETED, true);
    sim_store_forget(record->uid);
    map_remove(map_get(sim->store->by_tenant, record->key.namespace), text);
    map_remove(sim->store->uids, record->uid);
    map_remove(sim->store->records, text);
}

/* Stores `next` over `record` where it differs; true with *ret_gone when its last finalizer went. */
static bool settle(struct record *record, struct record *next, bool *ret_gone, struct err *err)
{
    bool spec_equal = record_spec_equal(record, next);
    next->generation = record->generation + !spec_equal;
    bool is_told = !spec_equal || !record_metadata_equal(record, next) || record->deletion_ms != next->deletion_ms;
    *ret_gone = next->deletion_ms && next->finalizers.count == 0;
    const struct map *tenant = map_get(sim->store->by_tenant, record->key.name);
    if (*ret_gone && record->key.kind == KIND_TENANT && tenant && map_count(tenant))
        return err_set(err, ERR_CONFLICT, "tenant %s still has records", record->key.name);
    bool differs = is_told || !json_equal(record->status, next->status);
    replace(record, next);
    if (*ret_gone)
        remove_record(record);
    else if (differs)
        tell(record, CHANGE_MODIFIED, is_told);
    return true;
}

static bool check_version(const struct record *record, int64_t expected, struct err *err)
{
    return !expected || expected == record->version ||
           err_set(err, ERR_CONFLICT, "Operation cannot be fulfilled on \"%s\": the object has been modified",
                   record->key.name);
}

static bool check_uid(const struct record *record, const char *uid, enum err_code code, struct err *err)
{
    return !uid || str_equal(uid, record->uid) ||
           err_set(err, code, "%s with uid %s not found: there is one with uid %s", record->key.name, uid, record->uid);
}

static void take_over(struct record *next, const struct record *wish)
{
    strv_copy(&next->finalizers, &wish->finalizers);
    json_decref(next->labels);
    next->labels = json_deep_copy(wish->labels);
    json_decref(next->annotations);
    next->annotations = json_deep_copy(wish->annotations);
    json_decref(next->spec);
    next->spec = json_deep_copy(wish->spec);
}

static bool update(struct store *store, struct record *wish, int64_t expected_version, const struct store_write *write,
                   struct err *err)
{
    struct record *record = find(&wish->key, err);
    CLEANUP(record_release) struct record next = { 0 };
    bool gone = false;
    if (!record || !check_uid(record, wish->uid, ERR_CONFLICT, err) || !check_version(record, expected_version, err))
        return false;
    copy(&next, record);
    take_over(&next, wish);
    if (!record_spec_equal(record, &next) || !record_metadata_equal(record, &next)) {
        if (write->admit && !write->admit(store, record, &next, write->context, err))
            return false;
        for (size_t i = 0; record->deletion_ms && i < next.finalizers.count; i++)
            if (!strv_has(&record->finalizers, next.finalizers.items[i]))
                return err_set(err, ERR_INVALID, "metadata.finalizers: no new finalizers can be added");
        if (write->mode == STORE_WRITE && !settle(record, &next, &gone, err))
            return false;
    }
    next.version = gone || write->mode == STORE_DRY_RUN ? next.version : record->version;
    replace(wish, &next);
    return true;
}

bool store_update(struct store *store, struct record *next, int64_t expected_version, const struct store_write *write,
                  struct err *err)
{
    static const struct sim_call what = { "store_update", SIM_STORE, SIM_CHANGES };
    return sim_begin(&what, call_of(store), err) &&
           sim_end(&what, update(store, next, expected_version, write, err), err);
}

static void trace_member(const char *key, const json_t *before, const json_t *after)
{
    CLEANUP(freep) char *old = json_dump(before);
    CLEANUP(freep) char *new = json_dump(after);
    if (!json_equal(before, after))
        str_addf(sim->trace, "%10.3f        %s: %s -> %s\n", (double)sim->mono_ms / 1000, key, old, new);
}

/* What of a status is another, member by member. */
static void trace_difference(const json_t *before, const json_t *after)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)after, key, value)
        trace_member(key, json_object_get(before, key), value);
    json_object_foreach ((json_t *)(uintptr_t)before, key, value)
        if (!json_object_get(after, key))
            trace_member(key, value, NULL);
}

static bool update_status(const struct record_key *key, const char *uid, const json_t *status, int64_t *ret_version,
                          struct err *err)
{
    struct record *record = find(key, err);
    CLEANUP(record_release) struct record next = { 0 };
    bool gone;
    if (!record || !check_uid(record, uid, ERR_NOT_FOUND, err))
        return false;
    copy(&next, record);
    json_decref(next.status);
    next.status = json_deep_copy(status);
    if (sim->trace)
        trace_difference(record->status, status);
    if (!json_equal(record->status, status) && !settle(record, &next, &gone, err))
        return false;
    if (ret_version)
        *ret_version = record->version;
    return true;
}

bool store_update_status(struct store *store, const struct record_key *key, const char *uid, const json_t *status,
                         int64_t *ret_version, struct err *err)
{
    static const struct sim_call what = { "store_update_status", SIM_STORE, SIM_CHANGES };
    return sim_begin(&what, call_of(store), err) &&
           sim_end(&what, update_status(key, uid, status, ret_version, err), err);
}

static bool add_finalizer(const struct record_key *key, const char *uid, const char *finalizer, struct err *err)
{
    struct record *record = find(key, err);
    CLEANUP(record_release) struct record next = { 0 };
    bool gone;
    if (!record || !check_uid(record, uid, ERR_NOT_FOUND, err))
        return false;
    if (strv_has(&record->finalizers, finalizer))
        return true;
    if (record->deletion_ms)
        return err_set(err, ERR_CONFLICT, "\"%s\" is being deleted", key->name);
    copy(&next, record);
    strv_add(&next.finalizers, finalizer);
    return settle(record, &next, &gone, err);
}

bool store_add_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                         struct err *err)
{
    static const struct sim_call what = { "store_add_finalizer", SIM_STORE, SIM_CHANGES };
    return sim_begin(&what, call_of(store), err) && sim_end(&what, add_finalizer(key, uid, finalizer, err), err);
}

static bool remove_finalizer(const struct record_key *key, const char *uid, const char *finalizer, struct err *err)
{
    struct record *record = find(key, err);
    CLEANUP(record_release) struct record next = { 0 };
    bool gone;
    if (!record || !check_uid(record, uid, ERR_NOT_FOUND, err))
        return false;
    copy(&next, record);
    strv_release(&next.finalizers);
    next.finalizers = (struct strv)STRV_INIT;
    for (size_t i = 0; i < record->finalizers.count; i++)
        if (!str_equal(record->finalizers.items[i], finalizer))
            strv_add(&next.finalizers, record->finalizers.items[i]);
    return settle(record, &next, &gone, err);
}

bool store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid, const char *finalizer,
                            struct err *err)
{
    static const struct sim_call what = { "store_remove_finalizer", SIM_STORE, SIM_CHANGES };
    return sim_begin(&what, call_of(store), err) && sim_end(&what, remove_finalizer(key, uid, finalizer, err), err);
}

static bool delete_record(const struct record_key *key, const char *uid, int64_t expected_version, enum store_mode mode,
                          struct record *ret, bool *ret_gone, struct err *err)
{
    struct record *record = find(key, err);
    CLEANUP(record_release) struct record next = { 0 };
    if (!record || !check_uid(record, uid, ERR_CONFLICT, err) || !check_version(record, expected_version, err))
        return false;
    if (!record->deletion_ms && record_annotation(record, ANNOTATION_PROTECT))
        return err_set(err, ERR_FORBIDDEN, "annotation %s protects it", ANNOTATION_PROTECT);
    copy(&next, record);
    if (!next.deletion_ms)
        next.deletion_ms = clock_wall_ms();
    *ret_gone = next.finalizers.count == 0;
    replace(ret, &next);
    return mode == STORE_DRY_RUN || settle(record, &next, ret_gone, err);
}

bool store_delete(struct store *store, const struct record_key *key, const char *uid, int64_t expected_version,
                  enum store_mode mode, const char *who, struct record *ret, bool *ret_gone, struct err *err)
{
    static const struct sim_call what = { "store_delete", SIM_STORE, SIM_CHANGES };
    (void)who;
    return sim_begin(&what, call_of(store), err) &&
           sim_end(&what, delete_record(key, uid, expected_version, mode, ret, ret_gone, err), err);
}

/* ---- events ---- */

bool store_event_add(struct store *store, const struct record *about, enum event_type type, const char *reason,
                     const char *message, struct err *err)
{
    static const struct sim_call what = { "store_event_add", SIM_STORE, SIM_CHANGES };
    (void)type;
    (void)reason; /* they are only counted */
    (void)message;
    if (!sim_begin(&what, call_of(store), err))
        return false;
    add_change((struct change){ .type = CHANGE_ADDED, .key = about->key, .is_event = true });
    sim->store->events++;
    return sim_end(&what, true, err);
}

/* ---- the whole ---- */

static void free_record(void *value)
{
    record_release(value);
    free(value);
}

static void free_map(void *value)
{
    map_free(value);
}

static void free_json(void *value)
{
    json_decref(value);
}

struct sim_store *sim_store_new(void)
{
    struct sim_store *store = MEM_NEW(struct sim_store);
    store->records = map_new(free_record);
    store->by_tenant = map_new(free_map);
    store->uids = map_new(NULL);
    store->states = map_new(free_json);
    store->secrets = map_new(free_map);
    store->claims = map_new(free);
    return store;
}

void sim_store_free(struct sim_store *store)
{
    for (size_t i = 0; i < store->change_count; i++)
        change_unref(store->changes[i]);
    free(store->changes);
    map_free(store->by_tenant);
    map_free(store->uids);
    map_free(store->records);
    map_free(store->states);
    map_free(store->secrets);
    map_free(store->claims);
    free(store);
}
