/* RFC 6902 (JSON patch), beside RFC 7396 (merge patch; specs/merge.h), over jansson values. Pure. */
#pragma once

#include "specs/merge.h"

/*
 * A new value: `document` after the operations, all or none. ERR_BAD_REQUEST: the patch cannot be read, has more than
 * 1,000 operations, copies more than 3 MiB or makes more than JSON_LEVELS_MAX levels; ERR_INVALID: a test failed or a path is not there.
 */
bool patch_json(const json_t *document, const json_t *operations, json_t **ret_value, struct err *err) MUST_USE;
