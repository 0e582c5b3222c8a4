/*
 * A place where objects are kept: a bucket on an S3 server (clients/s3/s3.h) or a directory of the same layout
 * (clients/objects/directory.h). Keys are paths without an empty, "." or ".." part, in UTF-8. Blocking; one handle per thread. Knows
 * nothing of backups. tests/sim puts a simulated place behind this header.
 *
 * Errors: ERR_NOT_FOUND (a positive answer), ERR_FORBIDDEN (credentials, quota, a held object), ERR_UNREACHABLE, ERR_TIMEOUT, ERR_CANCELLED,
 * ERR_INVALID (a key that cannot be), ERR_REMOTE. Errors name the place and the key, never a credential.
 */
#pragma once

#include "base/clock.h"
#include "base/stream.h"

struct objects;
void objects_free(struct objects *objects);
void objects_freep(struct objects **objects);
const char *
objects_name(const struct objects *objects); /* "s3://bucket/prefix", "/var/lib/tenantd/backups"; borrowed */

struct object {
    char *key;
    uint64_t size;
    int64_t modified_ms;
    int64_t held_until_ms; /* an object lock; 0: none, or not asked for (lists do not) */
};
void object_release(struct object *object);

/*
 * A sink that stores what is written: the object is there, whole, once sink_finish() has succeeded, and an older one of its key is replaced;
 * before, nobody sees it. Abandoned, it leaves nothing that objects_list() shows, and what it may leave is swept by objects_sweep().
 * `call` is borrowed until the sink is freed, `objects` too, and no other call may be made on it meanwhile.
 */
struct sink *objects_put(struct objects *objects, const char *key, const struct call *call);
/* Small objects in one piece. */
bool objects_put_bytes(struct objects *objects, const char *key, const void *bytes, size_t len, const struct call *call,
                       struct err *err) MUST_USE;
/*
 * Writes the object's bytes, in order, into `to`, which is neither finished nor freed. A connection that breaks is taken up again where it
 * broke, as long as it is the same object. Less than its size is ERR_REMOTE.
 */
bool objects_get(struct objects *objects, const char *key, struct sink *to, const struct call *call,
                 struct err *err) MUST_USE;
/* ERR_TOO_LARGE beyond `limit`. */
bool objects_get_bytes(struct objects *objects, const char *key, size_t limit, const struct call *call, struct str *ret,
                       struct err *err) MUST_USE;
bool objects_head(struct objects *objects, const char *key, const struct call *call, struct object *ret,
                  struct err *err) MUST_USE;
/* All whose key begins with `prefix`, in bytewise order of their keys. `visit` returns false (with err) to end it. */
typedef bool objects_visit_fn(void *context, const struct object *object, struct err *err);
bool objects_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
                  const struct call *call, struct err *err) MUST_USE;
/* With all its versions. Not there: true. Held by an object lock: ERR_FORBIDDEN, and the message says until when. */
bool objects_delete(struct objects *objects, const char *key, const struct call *call, struct err *err) MUST_USE;
/* Removes what abandoned puts left below `prefix` and is older than `age_ms` (uploads that were never completed, temporary files). */
bool objects_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call,
                   struct err *err) MUST_USE;
