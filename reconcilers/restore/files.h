/*
 * What a tree of files is, as one short text, whatever its size and in fixed memory: how many entries there are, and a sum over the
 * SHA-256 of each (name, type, owner, mode, size, target and content), which does not depend on their order. Taken from the tar of a recovery
 * point and from that of the volume it was unpacked into, it is the same where every file's hash is.
 */
#pragma once

#include "base/stream.h"

struct files_sum {
    int64_t files; /* entries that are no directories */
    char hex[65];
};
/*
 * Passes a tar on to `next_taken` (NULL: nowhere) and looks at it on the way. `ret` is borrowed, and whole once sink_finish() has succeeded. A
 * tar that is none is ERR_REMOTE.
 */
struct sink *files_sum_sink_new(struct files_sum *ret, struct sink *next_taken);
