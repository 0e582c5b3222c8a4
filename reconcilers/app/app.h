/* The App's reconciler: keeps its warm databases, and itself while instances stand on it. */
#pragma once

#include "reconcilers/app/warm.h"

bool app_reconcile(struct reconcile_context *ctx, const struct record_key *key, struct reconcile_result *ret_result,
                   struct err *err);
bool app_preview(struct reconcile_context *ctx, const struct record *record, struct plan *ret_plan, struct err *err);
bool app_admit(struct store *tx, const struct record *old, struct record *next, void *settings, struct err *err);
/* The instances that are made from it. */
bool app_dependents(struct store *store, const struct record_key *key,
                    void (*add)(void *context, const struct record_key *key), void *context, struct err *err);
