/*
 * Restore: brings a recovery point back, once: into the instance it is of (or another one of the tenant), into a new instance (a clone), or,
 * as a drill, into a scratch that is looked at and removed. Its spec never changes. Pure.
 */
#pragma once

#include "specs/record.h"

struct restore_spec {
    /* A Backup of this tenant by name, or a recovery point as "<tenant>/<instance uid>/<name>"; NULL, for a drill: the instance's newest one. */
    char *backup;
    char *instance; /* in place, or whose drill it is; NULL: a clone */
    struct restore_to {
        char *instance; /* made by the Restore; NULL: in place */
        char *tenant;   /* NULL: this one */
    } to;
    bool neutralize;
    bool drill;
};
extern const struct field restore_spec_fields[];

/* The phases; status.phase holds one of these words. */
#define RESTORE_PENDING     "Pending"
#define RESTORE_FETCHING    "Fetching"
#define RESTORE_BUILDING    "Building"
#define RESTORE_SWITCHING   "Switching"
#define RESTORE_CHECKING    "Checking"
#define RESTORE_COMPLETED   "Completed"
#define RESTORE_FAILED      "Failed"
#define RESTORE_ROLLED_BACK "RolledBack"

struct restore_status {
    char *phase;
    char *message;
    int64_t observed_generation;
    int64_t started_ms, completed_ms;
    char *point;              /* "<tenant>/<instance uid>/<name>" */
    char *tier;               /* that it was read from */
    char *instance;           /* "<tenant>/<name>" that has the data, or is drilled */
    int64_t bytes;            /* of database and files, unpacked */
    int64_t seconds;          /* from the first byte until it served; of a drill, what it would take */
    struct restore_progress { /* while it runs */
        char *what;           /* "verify", "database", "data" */
        int64_t bytes, total_bytes;
        int64_t bytes_per_second;
    } progress;
    struct restore_checked { /* by a drill */
        int64_t tables, files;
    } checked;
    struct field_list conditions;
    struct retry_status retry;
};
extern const struct field restore_status_fields[];

void restore_validate(const struct record *record, const void *spec, struct problems *problems);
/*
 * What only an administrator may: another tenant's recovery points, and clones into another tenant. ERR_NOT_FOUND, whether
 * they are there or not. For kind->admit_member.
 */
bool restore_admit_member(const struct record *record, const void *spec, struct err *err) MUST_USE;
bool restore_is_over(const struct restore_status *status);

/* The parts of "<tenant>/<instance uid>/<name>", owned; false: it is a Backup's name. */
struct restore_point_parts {
    char *tenant, *uid, *name;
};
void restore_point_parts_release(struct restore_point_parts *parts);
bool restore_point_split(const char *text, struct restore_point_parts *ret);
