/* Whether somebody has the recovery key elsewhere; api/recovery_key.c answers for it, api/health.c tells of it. */
#pragma once

#include "api/request.h"

#define RECOVERY_KEY_NOT_EXPORTED "RecoveryKeyNotExported"
#define RECOVERY_KEY_ADVICE       "tenantctl key export FILE, and keep the file away from this host"

/* `*ret_matters` false: no backups are configured, so there is nothing that it could open. worker_open() was true. */
bool recovery_key_state(struct worker *worker, bool *ret_matters, bool *ret_exported, struct err *err) MUST_USE;
