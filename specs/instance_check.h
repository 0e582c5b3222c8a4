/* Checks that Instance's field table names. Only for specs/instance.c. */
#pragma once

#include "specs/instance.h"

void instance_check_database_name(const struct field *field, const void *value, const char *path,
                                  struct problems *problems);
void instance_check_publish(const struct field *field, const void *value, const char *path, struct problems *problems);
void instance_check_schedule(const struct field *field, const void *value, const char *path, struct problems *problems);
void instance_check_deletion_policy(const struct field *field, const void *value, const char *path,
                                    struct problems *problems);
/* For fields of backups, until this version can make them. */
void instance_refuse_backup(const struct field *field, const void *value, const char *path, struct problems *problems);
