/* Recovery points: keys, the writing of parts, publishing, removing, listing; reading is in point_read.c. */
#include "reconcilers/backup/point.h"

#include "base/zstd.h"

#define LIST_MAX ((size_t)1000000)

/* ---- keys ---- */

char *point_key(const struct point_id *id, const char *object)
{
    return mem_printf("%s/%s/%s/%s", id->tenant, id->uid, id->name, object);
}

void point_key_parts_release(struct point_key_parts *parts)
{
    free(parts->tenant);
    free(parts->uid);
    free(parts->name);
    free(parts->object);
    *parts = (struct point_key_parts){ 0 };
}

bool point_key_split(const char *key, struct point_key_parts *ret)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, key, '/');
    if (parts.count != 4)
        return false;
    for (size_t i = 0; i < parts.count; i++)
        if (!parts.items[i][0])
            return false;
    ret->tenant = STEAL(parts.items[0]);
    ret->uid = STEAL(parts.items[1]);
    ret->name = STEAL(parts.items[2]);
    ret->object = STEAL(parts.items[3]);
    return true;
}

/* ---- writing ---- */

/* The same bytes into each place. */
struct spread_sink {
    struct sink sink;
    struct sink **next;
    size_t count;
};

static bool spread_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    const struct spread_sink *self = (const struct spread_sink *)sink;
    for (size_t i = 0; i < self->count; i++)
        if (!sink_write(self->next[i], bytes, len, err))
            return false;
    return true;
}

static bool spread_finish(struct sink *sink, struct err *err)
{
    const struct spread_sink *self = (const struct spread_sink *)sink;
    for (size_t i = 0; i < self->count; i++)
        if (!sink_finish(self->next[i], err))
            return false;
    return true;
}

static void spread_free(struct sink *sink)
{
    struct spread_sink *self = (struct spread_sink *)sink;
    for (size_t i = 0; i < self->count; i++)
        sink_free(self->next[i]);
    free(self->next);
    free(self);
}

static struct sink *spread_sink_new(const struct point_target *target, const char *object)
{
    struct spread_sink *self = MEM_NEW(struct spread_sink);
    CLEANUP(freep) char *key = point_key(target->id, object);
    self->sink = (struct sink){ .write = spread_write, .finish = spread_finish, .free = spread_free };
    self->next = mem_zalloc((target->place_count + 1) * sizeof(self->next[0]));
    for (size_t i = 0; i < target->place_count; i++)
        self->next[self->count++] = objects_put(target->places[i], key, target->call);
    return &self->sink;
}

struct sink *point_part_sink_new(const struct point_target *target, const char *object, struct point_part *ret_part)
{
    *ret_part = (struct point_part){ 0 };
    struct sink *stored = digest_sink_new(&ret_part->stored, spread_sink_new(target, object));
    struct sink *sealed = age_encrypt_sink_new(target->recipients, target->recipient_count, stored);
    return digest_sink_new(&ret_part->plain, zstd_pack_sink_new(sealed, ZSTD_LEVEL));
}

bool point_check_stored(struct objects *place, const struct point_id *id, const char *object,
                        const struct digest *wanted, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *key = point_key(id, object);
    struct digest seen = { 0 };
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&seen, NULL);
    if (!objects_get(place, key, sink, call, err) || !sink_finish(sink, err))
        return err_wrap(err, "read back from %s", objects_name(place));
    if (seen.bytes != wanted->bytes || !str_equal(seen.sha256_hex, wanted->sha256_hex))
        return err_set(err, ERR_INVALID,
                       "%s of %s is not what was stored: it has %" PRIu64
                       " bytes with SHA-256 %s, and should have %" PRIu64 " with %s",
                       key, objects_name(place), seen.bytes, seen.sha256_hex, wanted->bytes, wanted->sha256_hex);
    return true;
}

bool point_publish(struct objects *place, const struct point_id *id, const char *manifest_text, const struct call *call,
                   struct err *err)
{
    CLEANUP(freep) char *key = point_key(id, POINT_MANIFEST);
    CLEANUP(str_release) struct str seen = STR_INIT;
    if (!objects_put_bytes(place, key, manifest_text, strlen(manifest_text), call, err))
        return err_wrap(err, "store the manifest");
    if (!objects_get_bytes(place, key, MANIFEST_LIMIT, call, &seen, err))
        return err_wrap(err, "read the manifest back from %s", objects_name(place));
    return str_equal(seen.text, manifest_text) ||
           err_set(err, ERR_INVALID, "%s of %s is not what was stored", key, objects_name(place));
}

bool point_remove(struct objects *place, const struct point_id *id, const struct call *call, struct err *err)
{
    static const char *const objects[] = { POINT_MANIFEST, POINT_DATABASE, POINT_DATA };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        CLEANUP(freep) char *key = point_key(id, objects[i]);
        if (!objects_delete(place, key, call, err))
            return err_wrap(err, "remove recovery point %s", id->name);
    }
    return true;
}

/* ---- listing ---- */

void point_list_release(struct point_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].tenant);
        free(list->items[i].uid);
        free(list->items[i].name);
    }
    free(list->items);
    *list = (struct point_list){ 0 };
}

/* Keys come in order, so those of one point come in a row. What has another shape is none of ours. */
static bool list_object(void *context, const struct object *object, struct err *err)
{
    struct point_list *list = context;
    CLEANUP(point_key_parts_release) struct point_key_parts parts = { 0 };
    if (!point_key_split(object->key, &parts))
        return true;
    struct point_listed *last = list->count ? &list->items[list->count - 1] : NULL;
    bool is_same = last && str_equal(last->tenant, parts.tenant) && str_equal(last->uid, parts.uid) &&
                   str_equal(last->name, parts.name);
    if (!is_same) {
        if (list->count == LIST_MAX)
            return err_set(err, ERR_TOO_LARGE, "more than %zu recovery points", LIST_MAX);
        if ((list->count & (list->count - 1)) == 0)
            list->items = mem_grow(list->items, list->count ? 2 * list->count : 1, sizeof(list->items[0]));
        last = &list->items[list->count++];
        *last = (struct point_listed){ 0 };
        last->tenant = STEAL(parts.tenant);
        last->uid = STEAL(parts.uid);
        last->name = STEAL(parts.name);
    }
    last->has_manifest = last->has_manifest || str_equal(parts.object, POINT_MANIFEST);
    last->bytes += object->size;
    if (object->modified_ms > last->modified_ms)
        last->modified_ms = object->modified_ms;
    return true;
}

bool point_list(struct objects *place, const char *prefix, const struct call *call, struct point_list *ret,
                struct err *err)
{
    point_list_release(ret);
    return objects_list(place, prefix, list_object, ret, call, err) ||
           err_wrap(err, "list recovery points of %s", objects_name(place));
}
