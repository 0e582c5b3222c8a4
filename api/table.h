/* Tables: what `kubectl get` prints. Pure. */
#pragma once

#include "api/view.h"

enum table_object { TABLE_METADATA, TABLE_OBJECT, TABLE_NONE }; /* what stands beside each row's cells */
/* Of ?includeObject=; ERR_BAD_REQUEST for anything but Metadata, Object and None. NULL: Metadata. */
bool table_object_parse(const char *text, enum table_object *ret, struct err *err) MUST_USE;

/* A new Table without rows. */
json_t *table_new(const struct view *view, const char *resource_version);
/* An event of a watch after the first one needs no columns. */
json_t *table_new_without_columns(const char *resource_version);
/* `object` as the view shows it. */
void table_add(json_t *table, const struct view *view, json_t *object, enum table_object include, int64_t now_ms);
