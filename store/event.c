/* Events about records, as `kubectl describe` shows them. */
#include "store/store_internal.h"

#define SAME_WITHIN_MS  HOUR_MS
#define KEPT_PER_RECORD 100
#define MESSAGE_LIMIT   4096 /* bytes */

static const char *const type_names[] = { [EVENT_NORMAL] = "Normal", [EVENT_WARNING] = "Warning" };

void event_release(struct event *event)
{
    free(event->name);
    free(event->uid);
    free(event->about_uid);
    free(event->reason);
    free(event->message);
    *event = (struct event){ 0 };
}

void events_release(struct events *events)
{
    for (size_t i = 0; i < events->count; i++)
        event_release(&events->items[i]);
    free(events->items);
    *events = (struct events){ 0 };
}

const char *event_namespace(const struct event *event)
{
    return *event->about.namespace ? event->about.namespace : "default";
}

json_t *event_to_json(const struct event *event)
{
    CLEANUP(freep) char *first = time_to_rfc3339(event->first_ms);
    CLEANUP(freep) char *last = time_to_rfc3339(event->last_ms);
    CLEANUP(freep) char *version = mem_printf("%lld", (long long)event->version);
    json_t *metadata = json_object();
    json_put_text(metadata, "name", event->name);
    json_put_text(metadata, "namespace", event_namespace(event));
    json_put_text(metadata, "uid", event->uid);
    json_put_text(metadata, "resourceVersion", version);
    json_put_text(metadata, "creationTimestamp", first);
    json_t *about = json_object();
    json_put_text(about, "apiVersion", API_VERSION);
    json_put_text(about, "kind", kinds[event->about.kind].name);
    json_put_text(about, "namespace", *event->about.namespace ? event->about.namespace : NULL);
    json_put_text(about, "name", event->about.name);
    json_put_text(about, "uid", event->about_uid);
    json_t *source = json_object();
    json_put_text(source, "component", "tenantd");
    json_t *object = json_object();
    json_put_text(object, "apiVersion", "v1");
    json_put_text(object, "kind", "Event");
    json_put(object, "metadata", metadata);
    json_put(object, "involvedObject", about);
    json_put(object, "source", source);
    json_put_text(object, "type", type_names[event->type]);
    json_put_text(object, "reason", event->reason);
    json_put_text(object, "message", event->message);
    json_put_text(object, "firstTimestamp", first);
    json_put_text(object, "lastTimestamp", last);
    json_put(object, "count", json_integer(event->count));
    return object;
}

static bool event_from_row(const PGresult *result, int row, struct event *ret, struct err *err)
{
    const struct kind *kind = kind_by_name(pg_text(result, row, "about_kind"));
    if (!kind || !record_key_set(&ret->about, kind->id, pg_text(result, row, "about_namespace"),
                                 pg_text(result, row, "about_name")))
        return err_set(err, ERR_INTERNAL, "stored event %s is about no known kind", pg_text(result, row, "name"));
    ret->uid = mem_strdup(pg_text(result, row, "uid"));
    ret->name = mem_strdup(pg_text(result, row, "name"));
    ret->version = pg_int(result, row, "version");
    ret->about_uid = mem_strdup(pg_text(result, row, "about_uid"));
    ret->type = str_equal(pg_text(result, row, "type"), type_names[EVENT_WARNING]) ? EVENT_WARNING : EVENT_NORMAL;
    ret->reason = mem_strdup(pg_text(result, row, "reason"));
    ret->message = mem_strdup(pg_text(result, row, "message"));
    ret->first_ms = pg_int(result, row, "first_ms");
    ret->last_ms = pg_int(result, row, "last_ms");
    ret->count = pg_int(result, row, "count");
    return true;
}

/* What happened, as text from anywhere: cut to a limit, and no character that PostgreSQL refuses. */
static char *clean_text(const char *text)
{
    CLEANUP(str_release) struct str clean = STR_INIT;
    size_t len = strnlen(text, MESSAGE_LIMIT);
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--; /* not within a character */
    str_add_utf8(&clean, text, len);
    return str_steal(&clean);
}

static bool find_like(struct store *store, const struct event *event, struct event *ret, bool *ret_found,
                      struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!store_run(store, EVENT_FIND_LIKE,
                   PARAMS(TEXT(event->about_uid), TEXT(type_names[event->type]), TEXT(event->reason),
                          TEXT(event->message), NUMBER(event->last_ms - SAME_WITHIN_MS)),
                   &result, err))
        return false;
    *ret_found = PQntuples(result) > 0;
    return !*ret_found || event_from_row(result, 0, ret, err);
}

static bool store_event(struct store *store, const struct event *event, const char *operation, struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = event_to_json(event);
    CLEANUP(freep) char *text = json_dump(object);
    int64_t version = 0;
    struct params params =
        PARAMS(TEXT(event->uid), TEXT(event->name), TEXT(event_namespace(event)), TEXT(kinds[event->about.kind].name),
               TEXT(event->about.namespace), TEXT(event->about.name), TEXT(event->about_uid),
               TEXT(type_names[event->type]), TEXT(event->reason), TEXT(event->message), NUMBER(event->first_ms),
               NUMBER(event->last_ms), NUMBER(event->count), TEXT(operation), TEXT(text));
    return store_run_versioned(store, EVENT_INSERT, params, &version, err);
}

static bool add_in_transaction(struct store *store, void *context, struct err *err)
{
    const struct event *event = context;
    CLEANUP(event_release) struct event like = { 0 };
    bool found = false;
    if (!store_run(store, EVENT_LOCK, PARAMS(TEXT(event->about_uid)), NULL, err) ||
        !find_like(store, event, &like, &found, err))
        return false;
    if (found) {
        like.count++;
        like.last_ms = event->last_ms;
        return store_event(store, &like, "MODIFIED", err);
    }
    return store_run(store, EVENT_TRIM, PARAMS(TEXT(event->about_uid), NUMBER(KEPT_PER_RECORD - 1)), NULL, err) &&
           store_event(store, event, "ADDED", err);
}

bool store_event_add(struct store *store, const struct record *about, enum event_type type, const char *reason,
                     const char *message, struct err *err)
{
    int64_t now_ms = clock_wall_ms();
    CLEANUP(freep) char *suffix = random_hex(8);
    CLEANUP(event_release)
    struct event event = {
        .name = mem_printf("%s.%s", about->key.name, suffix),
        .uid = random_uuid(),
        .about = about->key,
        .about_uid = mem_strdup(about->uid),
        .type = (int)type,
        .reason = clean_text(reason),
        .message = clean_text(message),
        .first_ms = now_ms,
        .last_ms = now_ms,
        .count = 1,
    };
    return store_transact(store, add_in_transaction, &event, err);
}

bool store_event_list(struct store *store, const char *namespace_or_null, struct events *ret, int64_t *ret_version,
                      struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    CLEANUP(events_release) struct events events = { 0 };
    if (!store_run(store, EVENT_LIST, PARAMS(TEXT(namespace_or_null)), &result, err))
        return false;
    /* An empty list is one row that has the counter alone. */
    for (int row = 0; row < PQntuples(result) && pg_text(result, row, "uid"); row++) {
        events.items = mem_grow(events.items, events.count + 1, sizeof(struct event));
        events.items[events.count] = (struct event){ 0 };
        if (!event_from_row(result, row, &events.items[events.count++], err))
            return false;
    }
    if (ret_version)
        *ret_version = pg_int(result, 0, "newest");
    events_release(ret);
    *ret = events;
    events = (struct events){ 0 };
    return true;
}

bool event_prune(struct store *store, int64_t before_ms, struct err *err)
{
    return store_run(store, EVENT_PRUNE, PARAMS(NUMBER(before_ms)), NULL, err);
}
