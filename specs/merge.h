/* How documents are merged: what was applied last, what is wanted, what is there. Pure. */
#pragma once

#include "base/json.h"

/*
 * A JSON merge patch that turns `live` into what `wanted` says: members that `last_applied` has and `wanted` has not are set to null, lists are
 * replaced as a whole. NULL: nothing to change. `last_applied` may be NULL. Owned.
 */
json_t *merge_three_way(const json_t *last_applied, const json_t *wanted, const json_t *live);
/* A copy without the members of objects that are null, on all levels: they say the same as none. Owned. */
json_t *merge_without_nulls(const json_t *value);
/* A new value: `target` (may be NULL) with `patch` merged in (RFC 7396); null removes, lists replace. */
json_t *patch_merge(const json_t *target, const json_t *patch);
