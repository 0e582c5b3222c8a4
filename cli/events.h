/* Events as they are listed, by events and by describe. */
#pragma once

#include "cli/cli.h"
#include "cli/names.h"
#include "cli/table.h"

/* Where the events about a record, or of a namespace (target without a name), are: a path with a query to add to. Owned. */
void events_location(const struct target *target, char **ret_path, char **ret_query);
/* A table of them, the oldest first; `items` is a list of Events. */
void events_fill(const json_t *items, int64_t now_ms, struct table *table);
