/* Growing delays between the attempts of one key: doubled at each failure, with jitter, up to a limit. Not thread-safe: its owner locks. */
#pragma once

#include "specs/record.h"

struct backoff;
struct backoff *backoff_new(int64_t first_ms, int64_t max_ms);
void backoff_free(struct backoff *backoff);
/*
 * One more failure, of that generation; a new generation begins anew. How long to wait: first, 2 * first, 4 * first ... max, less up to a quarter of
 * it by `random` (all 64 bits count), so that never more than max.
 */
int64_t backoff_fail(struct backoff *backoff, const struct record_key *key, int64_t generation, uint64_t random);
int64_t backoff_attempts(const struct backoff *backoff,
                         const struct record_key *key); /* 0: none failed since the last success */
/* Failures of before we were started, as status.retry told. */
void backoff_restore(struct backoff *backoff, const struct record_key *key, int64_t generation, int64_t attempts);
bool backoff_forget(struct backoff *backoff, const struct record_key *key); /* on success; false: there was nothing */
