/*
 * How a Restore and the instance it restores meet. The Restore claims the instance and builds a database and a volume beside its own; all
 * that is done to the instance itself is done by the instance's reconciler, of which there is never more than one at a time: it sees the
 * claim and lets changes wait, and once there is an offer it switches, starts, looks at the health, and keeps the new or takes back
 * the old. What became of it stands in its state (struct instance_outcome).
 */
#pragma once

#include "specs/field.h"

/* (scope, instance uid) belongs to the Restore that is on its way. It is made when no Backup is being taken, and none is begun meanwhile. */
#define CLAIM_RESTORE "restore"
/* The same of the drill that is on its way, and of the last one that was over; the instance itself does not mind. */
#define CLAIM_DRILL   "drill"
#define CLAIM_DRILLED "drilled"

/* Part of what is kept beside the Restore's record. Texts are borrowed by nobody: each who decodes owns. */
struct restore_offer {
    bool ready;           /* the two are whole, and the instance may take them */
    char *beside, *aside; /* names of databases: the built one, and what the old one is to be called */
    char *volume;
    char *version;   /* of the data */
    json_t *applied; /* {"addons": "sale,crm", ...}: what the application had taken over then */
    bool run_after;  /* restore.after is to be run in it */
    char *source_database;
    bool neutralize;
};
extern const struct field restore_offer_fields[];
