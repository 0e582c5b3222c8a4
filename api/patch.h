/* RFC 7386 (merge patch) and RFC 6902 (JSON patch) over jansson values. Pure. */
#pragma once

#include "base/json.h"

/* A new value: `target` (may be NULL) with `patch` merged in; null removes, lists replace. */
json_t *patch_merge(const json_t *target, const json_t *patch);
/*
 * A new value: `document` after the operations, all or none. ERR_BAD_REQUEST: the patch cannot be read, has more than
 * 1,000 operations or copies more than 3 MiB; ERR_INVALID: a test failed or a path is not there.
 */
bool patch_json(const json_t *document, const json_t *operations, json_t **ret_value, struct err *err) MUST_USE;
