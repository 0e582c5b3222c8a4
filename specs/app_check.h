/* Checks that App's field table names. Only for specs/app.c. */
#pragma once

#include "specs/app.h"

void app_check_capabilities(const struct field *field, const void *value, const char *path, struct problems *problems);
void app_check_secret_names(const struct field *field, const void *value, const char *path, struct problems *problems);
