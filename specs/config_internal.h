/* What config.c, config_backup.c and config_load.c share. */
#pragma once

#include "specs/config.h"

extern const struct field config_backup_fields[];
void config_backup_check(const struct config_backup *backup, struct problems *problems);
void config_check(const struct config *config, struct problems *problems); /* rules between fields */
