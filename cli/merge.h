/* What apply sends: a three-way merge between what was applied last, what the file says and what is there, as kubectl does it. Pure. */
#pragma once

#include "base/json.h"

/*
 * A JSON merge patch that turns `live` into what `wanted` says: members that `last_applied` has and `wanted` has not are set to null, lists are
 * replaced as a whole. NULL: nothing to change. `last_applied` may be NULL. Owned.
 */
json_t *merge_three_way(const json_t *last_applied, const json_t *wanted, const json_t *live);
/* What was applied last, out of the live record's annotation. NULL: it has none that can be read. Owned. */
json_t *merge_last_applied(const json_t *live);
/* `wanted` with the annotation that remembers it. Owned. */
json_t *merge_remembering(const json_t *wanted);
/* What apply sends to change `live`; NULL when both it and the annotation are as they should be. Owned. */
json_t *merge_apply(const json_t *wanted, const json_t *live);
