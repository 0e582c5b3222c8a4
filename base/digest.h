/* What a stream was: its length and SHA-256, taken on the way. */
#pragma once

#include "base/crypto.h"
#include "base/stream.h"

struct digest {
    uint64_t bytes;
    char sha256_hex[2 * SHA256_SIZE + 1]; /* lower case; "" until the stream is finished */
};
/*
 * Passes everything on to `next_taken` (NULL: nowhere). `ret` is borrowed, and whole once sink_finish() has succeeded;
 * `ret->bytes` counts along meanwhile.
 */
struct sink *digest_sink_new(struct digest *ret, struct sink *next_taken);
