/* Copies all records to the place of recovery points, as backup.records schedules it, while this daemon leads. One thread. */
#pragma once

#include "controller/leader.h"
#include "reconcilers/reconcile.h"

/* All borrowed until records_copies_stop(). */
struct records_copies_options {
    const struct settings *settings;
    const struct store_options *store;
    const struct leader *leader;
};
struct records_copies;
bool records_copies_start(const struct records_copies_options *options, struct records_copies **ret,
                          struct err *err) MUST_USE;
/* Ends a copy that is under way; it is made at the next start. NULL does nothing. */
void records_copies_stop(struct records_copies *copies);
