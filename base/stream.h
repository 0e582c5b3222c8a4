/*
 * Byte streams as chains of sinks: what is written into the first one is looked at or changed on the way and goes into the next,
 * in fixed memory and in the writer's thread. A stream counts only once sink_finish() has succeeded; a chain that is freed before is
 * abandoned, and its last sink takes back what it had begun (a temporary file, an upload).
 */
#pragma once

#include "base/str.h"

struct sink {
    bool (*write)(struct sink *sink, const void *bytes, size_t len, struct err *err);
    bool (*finish)(struct sink *sink, struct err *err); /* finishes the next one, too */
    void (*free)(struct sink *sink);                    /* itself and the next one */
};

/* Any pieces, any size; 0 bytes do nothing. After an error nothing but sink_free() is allowed. */
bool sink_write(struct sink *sink, const void *bytes, size_t len, struct err *err) MUST_USE;
/* No more comes. At most once. */
bool sink_finish(struct sink *sink, struct err *err) MUST_USE;
void sink_free(struct sink *sink); /* NULL does nothing */
void sink_freep(struct sink **sink);

/* The end of a chain: keeps up to `limit` bytes in `ret`, which is emptied first and borrowed; beyond that ERR_TOO_LARGE. */
struct sink *text_sink_new(struct str *ret, size_t limit);
