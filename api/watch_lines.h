/* The lines of one watch: which event a change is to it, and how that reads. */
#pragma once

#include "api/scope.h"
#include "api/table.h"
#include "base/map.h"

struct watch_lines {
    struct scope scope;
    bool as_table;
    enum table_object include;
    bool has_columns; /* the first table of a watch alone names them */
    /*
     * Where the selector's answer can change during an object's life: the keys ("namespace/name") of those that
     * match. As of `listed_version` at first; what happened to a key between the watch's own version and that, and so
     * whether it matched, is not known before it is told.
     */
    struct map *matching;
    int64_t listed_version;
};
void watch_lines_release(struct watch_lines *lines);
/* `listing`: what matches now; kept where it is needed. */
void watch_lines_start(struct watch_lines *lines, const struct listing *listing);
void watch_lines_add_existing(struct watch_lines *lines, json_t *object, struct str *out);
/* Nothing is appended where the change does not concern the watch. */
void watch_lines_add_change(struct watch_lines *lines, const struct change *change, struct str *out);
void watch_lines_add_bookmark(const struct watch_lines *lines, int64_t version, bool ends_initial_events,
                              struct str *out);
/* `too old resource version: 5 (117)` */
void watch_lines_add_expired(int64_t version, int64_t newest, struct str *out);
