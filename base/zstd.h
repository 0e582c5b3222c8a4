/*
 * zstd (RFC 8878) as sinks: one frame with its content's checksum, in fixed memory. What packs here, `zstd -d` unpacks, and the other way
 * round.
 */
#pragma once

#include "base/stream.h"

#define ZSTD_LEVEL 3 /* what the program `zstd` takes, too */

/* Passes the packed bytes on to `next_taken`. `level` from 1 to 19. */
struct sink *zstd_pack_sink_new(struct sink *next_taken, int level);
/*
 * Passes the unpacked bytes on; several frames in a row are one text. What is no zstd, was altered or ends too early is ERR_INVALID. A frame
 * that asks for a window above 128 MiB is refused, so that memory is bounded.
 */
struct sink *zstd_unpack_sink_new(struct sink *next_taken);
