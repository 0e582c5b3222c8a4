/* What config.c and config_load.c share. */
#pragma once

#include "specs/config.h"

void config_check(const struct config *config, struct problems *problems); /* rules between fields */
