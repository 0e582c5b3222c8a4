/* For those who implement a place for objects (clients/objects/directory.c, clients/s3/): what stands behind objects.h. */
#pragma once

#include "clients/objects/objects.h"

/* As the functions of objects.h of these names, with keys that are fine (objects_key_check()). */
struct objects_vtable {
    void (*free)(struct objects *objects);
    struct sink *(*put)(struct objects *objects, const char *key, const struct call *call);
    bool (*get)(struct objects *objects, const char *key, struct sink *to, const struct call *call, struct err *err);
    bool (*head)(struct objects *objects, const char *key, const struct call *call, struct object *ret,
                 struct err *err);
    bool (*list)(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
                 const struct call *call, struct err *err);
    bool (*remove)(struct objects *objects, const char *key, const struct call *call, struct err *err);
    bool (*sweep)(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call,
                  struct err *err);
};

/* The beginning of every place. */
struct objects {
    const struct objects_vtable *vtable;
    char *name; /* freed by the place's own free() */
};

/* Parts that begin so are the directory's temporary files, and no key has them, in any place. */
#define OBJECTS_TEMPORARY_PREFIX ".put-"
/* ERR_INVALID for a key that cannot be. */
bool objects_key_check(const char *key, struct err *err) MUST_USE;
