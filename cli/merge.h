/* What apply sends: a three-way merge between what was applied last, what the file says and what is there, as kubectl does it. Pure. */
#pragma once

#include "specs/merge.h"

/* What was applied last, out of the live record's annotation. NULL: it has none that can be read. Owned. */
json_t *merge_last_applied(const json_t *live);
/* `wanted` with the annotation that remembers it. Owned. */
json_t *merge_remembering(const json_t *wanted);
/* What apply sends to change `live`; NULL when both it and the annotation are as they should be. Owned. */
json_t *merge_apply(const json_t *wanted, const json_t *live);
