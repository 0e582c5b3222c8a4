/*
 * A copy of every record in the place of recovery points, packed and encrypted as those are: with it and the recovery key an empty daemon knows
 * what there was. One object an installation, replaced each time.
 */
#pragma once

#include "reconcilers/backup/tiers.h"
#include "store/store.h"

/*
 * A fact of the store: its records are those of the copy, or newer. Without it a copy that is there is never written over: it may be all that is left
 * of a lost host whose records are still to be brought back.
 */
#define FACT_RECORDS_COPY "records-copy-is-ours"

/* "_installation/<id>/records.json.zst.age": no tenant's name begins so. Owned. */
char *records_copy_key(const char *installation);
/*
 * {"format": 1, "installation", "takenAt", "records": [{"record": <as the API shows it>, "secrets": {name: text}, "state": <of a Backup>}], "mac"};
 * tenants come before what is in them. The HMAC is over all before it. Streams; a record that is removed meanwhile may be left out.
 */
bool records_copy_write(struct store *store, const struct settings *settings, struct objects *place,
                        const struct call *call, struct err *err) MUST_USE;
/*
 * Reads and checks it, all of it in memory. ERR_NOT_FOUND: there is none; ERR_FORBIDDEN: wrong key, altered, or another installation's;
 * ERR_UNSUPPORTED: a format from the future. The text holds secrets, so keep it no longer than needed. A new reference.
 */
bool records_copy_read(const struct settings *settings, struct objects *place, const struct call *call, json_t **ret,
                       struct err *err) MUST_USE;
