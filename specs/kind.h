/* The kinds, in one table: names, tables, columns. A new kind is one line here, one spec file, one folder in reconcilers/. Pure. */
#pragma once

#include "specs/record.h"

/* A column of `kubectl get`: the text at a path of the record's JSON. */
struct column {
    const char *name;
    const char *type; /* string, integer, date */
    /*
     * "status.phase", "metadata.creationTimestamp" (a date, printed as an age), "status.conditions[Ready]" (its status),
     * "spec.versions[*].name" (all, joined by commas).
     */
    const char *path;
    int priority; /* 0: always, 1: -o wide */
    const char *doc;
};

struct kind {
    enum kind_id id;
    const char *name;     /* "Instance" */
    const char *plural;   /* "instances" */
    const char *singular; /* "instance" */
    const char *short_names[3];
    bool namespaced;
    const char *doc;
    const struct field *spec_fields;
    size_t spec_size;
    const struct field *status_fields;
    size_t status_size;
    size_t name_max;
    bool outlives_tenant; /* its records stay when their tenant goes, and may be made while it does */
    /* Rules between fields and on the name; NULL: none. `spec` is the decoded struct. */
    void (*validate)(const struct record *record, const void *spec, struct problems *problems);
    /* What a member of the tenant may not ask for, ERR_FORBIDDEN; NULL: all that is valid. */
    bool (*admit_member)(const struct record *record, const void *spec, struct err *err);
    /* At creation: writes what the spec leaves open and what depends on the record itself (FIELD_KEEP); NULL: nothing. */
    void (*settle)(struct record *record);
    const struct column *columns; /* after NAME, before AGE; ends with a NULL name */
};
extern const struct kind kinds[KINDS];

const struct kind *kind_by_name(const char *name); /* "Instance"; NULL: none */
const struct kind *kind_by_plural(const char *plural);
/* Also singular, short names and any case, as a user types it. */
const struct kind *kind_by_any_name(const char *name);
/* The text of one column for a record's JSON, owned; `now_ms` for ages. Absent values print "". */
char *column_text(const struct column *column, const json_t *object, int64_t now_ms);
/* DNS-1123 label, at most kind->name_max, not reserved (default, kube-*, postgres, template0, template1, admin, public, system ...). */
bool kind_check_name(const struct kind *kind, const char *name, struct err *err) MUST_USE;
