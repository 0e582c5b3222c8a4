/* Checks that Instance's field table names. Only for specs/instance.c. */
#pragma once

#include "specs/instance.h"

void instance_check_database_name(const struct field *field, const void *value, const char *path,
                                  struct problems *problems);
void instance_check_publish(const struct field *field, const void *value, const char *path, struct problems *problems);
void instance_check_schedule(const struct field *field, const void *value, const char *path, struct problems *problems);
