/*
 * Answers that go on (watches, logs, downloads) outlive the moment in which they were allowed. Their tokens are looked up again now and
 * then, and an answer whose token was revoked, or may see something else than it did, is cut off: logging out ends it on every replica.
 */
#pragma once

#include "api/stream.h"
#include "base/pool.h"
#include "store/identity.h"

#define VIGIL_MS (10 * SECOND_MS)

struct vigil;
/* One of `workers` (struct worker) looks the tokens up, all of them in one go. */
struct vigil *vigil_new(struct pool *workers);
/* `token` is what `identity` was found by. Any thread. */
void vigil_add(struct vigil *vigil, struct stream *stream, const char *token, const struct identity *identity);
/* On the streams' thread; returns when it wants to be called again. */
int64_t vigil_tend(struct vigil *vigil, int64_t now_mono_ms);
void vigil_free(struct vigil *vigil); /* after the pool's end */
