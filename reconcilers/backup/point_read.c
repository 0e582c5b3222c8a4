/* Reading of recovery points: nothing of them is believed before size and hash were compared. */
#include "base/zstd.h"
#include "reconcilers/backup/point.h"

struct point {
    struct objects *place;
    struct age_identity identity;
    bool has_identity;
    char *tenant, *uid, *name;
    struct manifest manifest;
    char *text;
};

void point_free(struct point *point)
{
    if (!point)
        return;
    mem_wipe(&point->identity, sizeof(point->identity));
    free(point->tenant);
    free(point->uid);
    free(point->name);
    free(point->text);
    manifest_release(&point->manifest);
    free(point);
}

void point_freep(struct point **point)
{
    point_free(*point);
    *point = NULL;
}

const struct manifest *point_manifest(const struct point *point)
{
    return &point->manifest;
}

const char *point_manifest_text(const struct point *point)
{
    return point->text;
}

bool point_has(const struct point *point, const char *object)
{
    return manifest_find(&point->manifest, object) != NULL;
}

/* A manifest that lies where another point's should be is as wrong as none. */
static bool is_of(const struct manifest *manifest, const struct point_id *id, struct err *err)
{
    if (str_equal(manifest->tenant, id->tenant) && str_equal(manifest->uid, id->uid) &&
        str_equal(manifest->backup, id->name))
        return true;
    return err_set(err, ERR_INVALID, "it is the manifest of another recovery point: %s/%s/%s", manifest->tenant,
                   manifest->uid, manifest->backup);
}

static bool load(struct point *point, const struct point_source *source, const struct point_id *id,
                 const struct call *call, struct err *err)
{
    CLEANUP(freep) char *key = point_key(id, POINT_MANIFEST);
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!objects_get_bytes(source->place, key, MANIFEST_LIMIT, call, &text, err))
        return false;
    if (!manifest_decode(text.text, text.len, &point->manifest, err) || !is_of(&point->manifest, id, err) ||
        (source->manifest_key && !manifest_check_mac(text.text, text.len, source->manifest_key, err)))
        return err_wrap(err, "%s of %s", key, objects_name(source->place));
    point->text = str_steal(&text);
    return true;
}

bool point_open(const struct point_source *source, const struct point_id *id, const struct call *call,
                struct point **ret_point, struct err *err)
{
    struct point *point = MEM_NEW(struct point);
    point->place = source->place;
    point->has_identity = source->identity != NULL;
    if (source->identity)
        point->identity = *source->identity;
    point->tenant = mem_strdup(id->tenant);
    point->uid = mem_strdup(id->uid);
    point->name = mem_strdup(id->name);
    if (!load(point, source, id, call, err)) {
        point_free(point);
        return err_wrap(err, "recovery point %s", id->name);
    }
    *ret_point = point;
    return true;
}

/* Passes on, and leaves the end and the freeing to whoever owns `to`. */
struct borrow_sink {
    struct sink sink;
    struct sink *to;
};

static bool borrow_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    return sink_write(((const struct borrow_sink *)sink)->to, bytes, len, err);
}

static bool borrow_finish(struct sink *sink, struct err *err)
{
    (void)sink; /* its owner finishes it */
    (void)err;
    return true;
}

static void borrow_free(struct sink *sink)
{
    free(sink);
}

static struct sink *borrow_sink_new(struct sink *to)
{
    struct borrow_sink *self = MEM_NEW(struct borrow_sink);
    self->sink = (struct sink){ .write = borrow_write, .finish = borrow_finish, .free = borrow_free };
    self->to = to;
    return &self->sink;
}

static bool compare(const struct digest *seen, int64_t bytes, const char *sha256_hex, const char *what, struct err *err)
{
    return (seen->bytes == (uint64_t)bytes && str_equal(seen->sha256_hex, sha256_hex)) ||
           err_set(err, ERR_INVALID,
                   "its %s bytes are not those of the manifest: %" PRIu64 " with SHA-256 %s instead of %" PRId64
                   " with %s",
                   what, seen->bytes, seen->sha256_hex, bytes, sha256_hex);
}

static bool find(const struct point *point, const char *object, const struct manifest_object **ret, struct err *err)
{
    *ret = manifest_find(&point->manifest, object);
    return *ret || err_set(err, ERR_NOT_FOUND, "recovery point %s has no %s", point->name, object);
}

static bool fetch(struct point *point, const char *object, struct sink *sink, const struct call *call, struct err *err)
{
    const struct point_id id = { point->tenant, point->uid, point->name };
    CLEANUP(freep) char *key = point_key(&id, object);
    return objects_get(point->place, key, sink, call, err) && sink_finish(sink, err);
}

static bool read_plain(struct point *point, const struct manifest_object *object, struct sink *to,
                       const struct call *call, struct err *err)
{
    struct digest plain = { 0 }, stored = { 0 };
    if (!point->has_identity)
        return err_set(err, ERR_FORBIDDEN, "there is no age identity on this host to open it with");
    struct sink *unpacked = digest_sink_new(&plain, borrow_sink_new(to));
    struct sink *opened = age_decrypt_sink_new(&point->identity, 1, zstd_unpack_sink_new(unpacked));
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&stored, opened);
    return fetch(point, object->name, sink, call, err) &&
           compare(&stored, object->stored_bytes, object->stored_sha256, "stored", err) &&
           compare(&plain, object->plain_bytes, object->plain_sha256, "plain", err);
}

static bool read_stored(struct point *point, const struct manifest_object *object, struct sink *to,
                        const struct call *call, struct err *err)
{
    struct digest stored = { 0 };
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&stored, borrow_sink_new(to));
    return fetch(point, object->name, sink, call, err) &&
           compare(&stored, object->stored_bytes, object->stored_sha256, "stored", err);
}

bool point_read(struct point *point, const char *object, struct sink *to, const struct call *call, struct err *err)
{
    const struct manifest_object *found;
    return find(point, object, &found, err) &&
           (read_plain(point, found, to, call, err) ||
            err_wrap(err, "%s of recovery point %s in %s", object, point->name, objects_name(point->place)));
}

bool point_read_stored(struct point *point, const char *object, struct sink *to, const struct call *call,
                       struct err *err)
{
    const struct manifest_object *found;
    return find(point, object, &found, err) &&
           (read_stored(point, found, to, call, err) ||
            err_wrap(err, "%s of recovery point %s in %s", object, point->name, objects_name(point->place)));
}

bool point_verify(struct point *point, const struct call *call, struct err *err)
{
    const struct manifest_object *objects = point->manifest.objects.items;
    for (size_t i = 0; i < point->manifest.objects.count; i++) {
        struct digest nowhere = { 0 };
        CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&nowhere, NULL);
        if (!(point->has_identity ? point_read : point_read_stored)(point, objects[i].name, sink, call, err))
            return false;
    }
    return true;
}
