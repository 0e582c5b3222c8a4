/* Backup: one recovery point of one instance; runs once to Completed or Failed, and stays as long as its recovery point does. Pure. */
#pragma once

#include "specs/record.h"

enum backup_reason { BACKUP_MANUAL, BACKUP_SCHEDULE, BACKUP_DELETION };
extern const char *const backup_reason_words[];

struct backup_spec {
    char *instance;
    char *instance_uid;   /* resolved at creation */
    int reason;           /* enum backup_reason */
    int64_t scheduled_ms; /* of the schedule's time; 0: none */
};
extern const struct field backup_spec_fields[];

/* A place that holds the recovery point. */
struct backup_tier_status {
    char *name;  /* "local", "s3" */
    char *place; /* "s3://bucket/prefix" */
    int64_t stored_bytes;
    int64_t verified_ms;   /* when all of it was read back last and was right; 0: never */
    int64_t held_until_ms; /* an object lock; 0: none */
    char *problem;         /* of the last verification; NULL: none */
};

/* The phases; status.phase holds one of these words. */
#define BACKUP_PENDING   "Pending"
#define BACKUP_RUNNING   "Running"
#define BACKUP_VERIFYING "Verifying"
#define BACKUP_COMPLETED "Completed"
#define BACKUP_FAILED    "Failed"

struct backup_status {
    char *phase;
    char *message;
    int64_t observed_generation;
    int64_t started_ms, completed_ms;
    int64_t verified_ms; /* in the tier that counts */
    int64_t expires_ms;  /* 0: not known to */
    char *kept;          /* the rules that keep it: "last, daily" */
    int64_t attempts;
    struct backup_sizes {
        int64_t database_bytes, data_bytes; /* plain */
        int64_t stored_bytes;
    } sizes;
    char *verify_answered;   /* the annotation that asked for the last verification */
    struct backup_progress { /* while it runs */
        char *what;          /* "database", "data", "verify" */
        int64_t bytes;
        int64_t bytes_per_second;
    } progress;
    char *app, *version;     /* of the instance then */
    struct field_list tiers; /* struct backup_tier_status */
    struct field_list conditions;
    struct retry_status retry;
};
extern const struct field backup_status_fields[];

void backup_validate(const struct record *record, const void *spec, struct problems *problems);
bool backup_is_over(const struct backup_status *status); /* Completed or Failed */
