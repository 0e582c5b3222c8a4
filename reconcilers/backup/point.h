/*
 * A recovery point in a place: `<tenant>/<instance uid>/<backup name>/` with database.dump.zst.age, data.tar.zst.age and, written last,
 * manifest.json. Everything streams in fixed memory. Who restores calls point_verify() (or spools and verifies both parts) before it
 * touches anything. Blocking; one thread per handle. Errors name the place and the object.
 */
#pragma once

#include "base/age.h"
#include "base/digest.h"
#include "clients/objects/objects.h"
#include "reconcilers/backup/manifest.h"

#define POINT_DATABASE "database.dump.zst.age"
#define POINT_DATA     "data.tar.zst.age"
#define POINT_MANIFEST "manifest.json"

/* All borrowed. */
struct point_id {
    const char *tenant, *uid, *name;
};
char *point_key(const struct point_id *id, const char *object); /* owned; object "": the directory, with its "/" */
/* The parts of "<tenant>/<uid>/<name>/<object>", owned; false: it is no such key. */
struct point_key_parts {
    char *tenant, *uid, *name, *object;
};
void point_key_parts_release(struct point_key_parts *parts);
bool point_key_split(const char *key, struct point_key_parts *ret);

/* ---- writing ---- */

/* Where a point goes to: one place or several, each of which gets every byte. All borrowed. */
struct point_target {
    const struct point_id *id;
    struct objects *const *places;
    size_t place_count;
    const struct age_recipient *recipients;
    size_t recipient_count;
    const struct call *call;
};
/* What became of one part; whole once its sink has been finished. */
struct point_part {
    struct digest plain, stored;
};
/* A sink for the plain bytes of one object: packed, encrypted, stored in each place. `ret_part` is borrowed until it is freed. */
struct sink *point_part_sink_new(const struct point_target *target, const char *object, struct point_part *ret_part);
/* Reads a part back from a place and compares. ERR_NOT_FOUND, or ERR_INVALID with both hashes. */
bool point_check_stored(struct objects *place, const struct point_id *id, const char *object,
                        const struct digest *wanted, const struct call *call, struct err *err) MUST_USE;
/* Stores the manifest and reads it back. From now on the point counts. */
bool point_publish(struct objects *place, const struct point_id *id, const char *manifest_text, const struct call *call,
                   struct err *err) MUST_USE;
/* Removes a point from a place, its manifest first, so that half a point never counts. Not there: true. */
bool point_remove(struct objects *place, const struct point_id *id, const struct call *call, struct err *err) MUST_USE;

/* ---- reading ---- */

struct point;
/* Reads and checks the manifest. `manifest_key` NULL: its HMAC is not checked. `place` and `identity` are borrowed. */
struct point_source {
    struct objects *place;
    const struct age_identity *identity; /* NULL: only the stored bytes can be verified */
    const uint8_t *manifest_key;
};
/*
 * ERR_NOT_FOUND: there is no such point there (no manifest); ERR_UNSUPPORTED: a manifest from the future; ERR_FORBIDDEN: its HMAC; ERR_INVALID: it
 * is none, or that of another point.
 */
bool point_open(const struct point_source *source, const struct point_id *id, const struct call *call,
                struct point **ret_point, struct err *err) MUST_USE;
void point_free(struct point *point);
void point_freep(struct point **point);
const struct manifest *point_manifest(const struct point *point);
const char *point_manifest_text(const struct point *point); /* as it is stored; borrowed */
bool point_has(const struct point *point, const char *object);
/*
 * Fetches an object, decrypts and unpacks it into `to`, which is neither finished nor freed. True: everything came, and size and hash of the
 * stored and of the plain bytes are the manifest's. `to` has seen bytes before that is known, so what it makes counts only afterwards. Errors
 * name the object: ERR_NOT_FOUND (missing), ERR_INVALID (truncated, altered, swapped), ERR_FORBIDDEN (wrong key), and the place's.
 */
bool point_read(struct point *point, const char *object, struct sink *to, const struct call *call,
                struct err *err) MUST_USE;
/* The same for the bytes as they are stored, for a download that stays encrypted. */
bool point_read_stored(struct point *point, const char *object, struct sink *to, const struct call *call,
                       struct err *err) MUST_USE;
static inline bool point_read_database(struct point *point, struct sink *to, const struct call *call, struct err *err)
{
    return point_read(point, POINT_DATABASE, to, call, err);
}
static inline bool point_read_data(struct point *point, struct sink *to, const struct call *call, struct err *err)
{
    return point_read(point, POINT_DATA, to, call, err);
}
/* Every object: stored bytes and, where there is an identity, plain ones. Writes nothing anywhere. */
bool point_verify(struct point *point, const struct call *call, struct err *err) MUST_USE;

/* All points of a place below `prefix` ("", "acme/", "acme/<uid>/") that have a manifest; and, with `has_manifest` false, remains without one. */
struct point_listed {
    char *tenant, *uid, *name;
    bool has_manifest;
    uint64_t bytes;      /* of all its objects */
    int64_t modified_ms; /* of its newest object */
};
struct point_list {
    struct point_listed *items; /* ordered by tenant, uid, name */
    size_t count;
};
void point_list_release(struct point_list *list);
bool point_list(struct objects *place, const char *prefix, const struct call *call, struct point_list *ret,
                struct err *err) MUST_USE;
