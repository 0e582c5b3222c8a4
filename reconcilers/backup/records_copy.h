/*
 * A copy of every record in the place of recovery points, packed and encrypted as those are: with it and the recovery key an empty daemon knows
 * what there was. One object an installation, replaced each time.
 */
#pragma once

#include "reconcilers/backup/tiers.h"
#include "store/store.h"

/* "_installation/<id>/records.json.zst.age": no tenant's name begins so. Owned. */
char *records_copy_key(const char *installation);
/*
 * {"format": 1, "installation", "takenAt", "records": [{"record": <as the API shows it>, "secrets": {name: text}}]}; tenants come before what is in
 * them. Streams; a record that is removed meanwhile may be left out.
 */
bool records_copy_write(struct store *store, const struct settings *settings, struct objects *place,
                        const struct call *call, struct err *err) MUST_USE;
