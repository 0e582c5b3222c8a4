/* Tenant: a customer. Its name is the namespace of its instances. Pure. */
#pragma once

#include "specs/record.h"

struct tenant_spec {
    char *display_name;
    char *owner; /* e-mail */
    char *plan;  /* a label for now */
    struct tenant_quota {
        int64_t instances; /* 0: no limit, as for each of these */
        int64_t cpu_millicores;
        int64_t memory_bytes;
        int64_t storage_bytes;
    } quota;
    bool suspended;
    struct tenant_backup { /* on the S3 server */
        char *bucket;
        char *prefix;
    } backup;
};
extern const struct field tenant_spec_fields[];

struct tenant_status {
    char *phase; /* Active, Suspended, Deleting, Pending */
    char *message;
    int64_t observed_generation;
    struct field_list conditions;
    char *network; /* its Docker network's name */
    char *subnet;
    int64_t instances;
    struct retry_status retry;
};
extern const struct field tenant_status_fields[];
void tenant_validate(const struct record *record, const void *spec, struct problems *problems);
