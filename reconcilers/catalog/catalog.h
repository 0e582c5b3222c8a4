/*
 * What an empty daemon makes of the places of recovery points: their catalogue, and the records that were lost with the host. find.c looks,
 * plan.c decides (pure), rebuild.c makes records. Only what is missing is made, nothing that is there is changed, so it may run again and again.
 */
#pragma once

#include "reconcilers/backup/point.h"
#include "reconcilers/backup/tiers.h"
#include "specs/backup.h"

/* A recovery point that a place has; its manifest bears our HMAC. */
struct catalog_point {
    char *tenant, *instance, *uid, *name;
    char *bucket, *prefix; /* of its tenant's own place; NULL: the installation's */
    int reason;            /* enum backup_reason */
    char *app, *version;
    int64_t started_ms, finished_ms;
    struct backup_sizes sizes;
    struct catalog_tier {
        char *name, *place;
        bool is_whole; /* its objects have the size that the manifest says; their bytes were not read */
    } tiers[TIERS_MAX];
    size_t tier_count;
};

/* Why an instance comes back, or does not. */
enum catalog_verdict {
    CATALOG_RETURNS,
    CATALOG_NO_POINT,    /* there is no recovery point of it */
    CATALOG_WAS_DELETED, /* it was being deleted, or was gone when the records were copied */
    CATALOG_REPLACED,    /* another one had its name afterwards */
};

/* One instance that was: known by its recovery points, by the copy of the records, or both. */
struct catalog_instance {
    char *tenant, *name, *uid;
    char *point;                                 /* the newest one that is whole in a place; NULL: none */
    int64_t point_ms;                            /* when that was begun */
    bool had_last_backup;                        /* one was made for its deletion */
    bool in_copy, was_going;                     /* as the copy of the records has it */
    json_t *tenant_record, *app_record, *record; /* as the newest manifest has them */
    enum catalog_verdict verdict;
};

struct catalog {
    struct catalog_point *points;
    size_t point_count;
    struct catalog_instance *instances;
    size_t instance_count;
    json_t *copy; /* of the records; NULL: there is none */
    int64_t copied_ms;
    struct strv problems; /* what could not be read or believed */
};
void catalog_release(struct catalog *catalog);

/*
 * Walks all places: the installation's, and those of the tenants that the store, the copy or a manifest knows. `ret` is to be released in either
 * case. False: a place does not answer; what is wrong with single objects is a problem.
 */
bool catalog_find(struct store *store, const struct settings *settings, const struct call *call, struct catalog *ret,
                  struct err *err) MUST_USE;
/* Fills every instance's verdict. Pure. */
void catalog_decide(struct catalog *catalog);
/* "it was deleted", borrowed. Pure. */
const char *catalog_wording(enum catalog_verdict verdict);

enum catalog_scope {
    CATALOG_POINTS,  /* Backups alone */
    CATALOG_RECORDS, /* and what was lost: tenants, apps, instances and whatever else was copied */
};
struct catalog_report {
    struct strv made;     /* "Tenant acme" */
    struct strv restored; /* "acme/erp from erp-20260102-030000, taken 2026-01-02T03:00:04Z" */
    struct strv left;     /* "acme/crm: there is no recovery point of it" */
    struct strv problems;
    size_t points, listed; /* in the places; Backups made for them */
};
void catalog_report_release(struct catalog_report *report);
/*
 * Makes the records that are missing; an instance comes back under its uid, without data, with a Restore of its last recovery point. `store` is
 * told no call: the caller's store_set_call() counts. What fails for one record is a problem and does not keep the others; false: the store does
 * not answer.
 */
bool catalog_rebuild(struct store *store, const struct settings *settings, const struct catalog *catalog,
                     enum catalog_scope scope, struct catalog_report *ret, struct err *err) MUST_USE;
