/* Attempts per key, and the delay that follows from their number; see backoff.h. */
#include "controller/backoff.h"

#include "base/map.h"

struct failures {
    int64_t generation;
    int64_t attempts;
};

struct backoff {
    int64_t first_ms, max_ms;
    struct map *failures; /* key's text -> struct failures */
};

struct backoff *backoff_new(int64_t first_ms, int64_t max_ms)
{
    struct backoff *backoff = MEM_NEW(struct backoff);
    backoff->first_ms = first_ms;
    backoff->max_ms = max_ms;
    backoff->failures = map_new(free);
    return backoff;
}

void backoff_free(struct backoff *backoff)
{
    if (!backoff)
        return;
    map_free(backoff->failures);
    free(backoff);
}

static struct failures *failures_of(struct backoff *backoff, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    struct failures *failures = map_get(backoff->failures, text);
    if (!failures) {
        failures = MEM_NEW(struct failures);
        map_put(backoff->failures, text, failures);
    }
    return failures;
}

int64_t backoff_fail(struct backoff *backoff, const struct record_key *key, int64_t generation, uint64_t random)
{
    struct failures *failures = failures_of(backoff, key);
    if (failures->generation != generation)
        *failures = (struct failures){ .generation = generation };
    failures->attempts++;
    int64_t wait_ms = backoff->first_ms;
    for (int64_t i = 1; i < failures->attempts && wait_ms < backoff->max_ms; i++)
        wait_ms = wait_ms > backoff->max_ms / 2 ? backoff->max_ms : wait_ms * 2;
    /* The upper half of the product: a fraction of the quarter. */
    uint64_t quarter_ms = (uint64_t)wait_ms / 4;
    return wait_ms - (int64_t)((unsigned __int128)quarter_ms * random >> 64);
}

int64_t backoff_attempts(const struct backoff *backoff, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    const struct failures *failures = map_get(backoff->failures, text);
    return failures ? failures->attempts : 0;
}

void backoff_restore(struct backoff *backoff, const struct record_key *key, int64_t generation, int64_t attempts)
{
    *failures_of(backoff, key) = (struct failures){ .generation = generation, .attempts = attempts };
}

bool backoff_forget(struct backoff *backoff, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    return map_remove(backoff->failures, text);
}
