/*
 * Templates: `{{name}}`, sections `{{#name}}...{{/name}}` (true, non-empty, not "0" and not "false") and `{{^name}}...{{/name}}` (the opposite);
 * sections nest. After mustache(5), without its partials, comments and HTML escaping. Pure.
 */
#pragma once

#include "base/str.h"

/*
 * Gives the value of `name` as text in `ret_value` (left empty for an empty one). False: there is no such name. Lists come comma-joined.
 */
typedef bool template_lookup_fn(void *context, const char *name, struct str *ret_value);

bool template_render(const char *template, template_lookup_fn *lookup, void *context, struct str *out,
                     struct err *err) MUST_USE;
/* Calls `is_known` for each name used; the error names the first unknown one and its column, or the unclosed section. */
bool template_check(const char *template, bool (*is_known)(const void *context, const char *name), const void *context,
                    struct err *err) MUST_USE;
bool template_uses(const char *template, const char *name_or_prefix); /* "spec.addons", or a prefix ending with "." */
