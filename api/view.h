/*
 * A view: what one collection of the API looks like. Record kinds, namespaces (tenants seen otherwise) and events
 * each are one; get, list, watch, tables and error messages are written once, over views. Pure.
 */
#pragma once

#include "specs/kind.h"

struct view {
    const char *kind;               /* "Instance" */
    const char *plural;             /* "instances" */
    const char *api_version;        /* "tenantd/v1" */
    const char *group;              /* "tenantd"; "" for core/v1 */
    const struct kind *record_kind; /* the records behind it; NULL: events */
    bool is_namespaced;
    const char *const *field_labels; /* what a fieldSelector may name, NULL-terminated */
    /* The object as this view shows it, from the one that store and feed have. New; NULL: as it is. */
    json_t *(*project)(const json_t *object);
    const struct column *columns; /* ends with a NULL name */
    bool columns_are_all;         /* no NAME before and no AGE after them */
    /* The text of a column without a path; owned. */
    char *(*cell)(const struct column *column, const json_t *object, int64_t now_ms);
};

extern const struct view namespace_view;
extern const struct view event_view;
struct view view_of_kind(const struct kind *kind);

/* `object` itself with a new reference, or its projection. */
json_t *view_project(const struct view *view, json_t *object);
