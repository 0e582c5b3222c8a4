/*
 * The places of an installation's recovery points: a local directory (quick restores, few kept) and an S3 bucket (the one that counts, where there
 * is one), and the keys that seal them.
 */
#pragma once

#include "base/age.h"
#include "clients/objects/objects.h"
#include "reconcilers/backup/manifest.h"
#include "reconcilers/reconcile.h"
#include "specs/config.h"
#include "specs/tenant.h"

#define TIER_LOCAL "local"
#define TIER_S3    "s3"
#define TIERS_MAX  2

/* What struct settings points to; constant while the daemon runs. */
struct backup_settings {
    const struct config_backup *config;
    const char *directory; /* of the local tier; NULL: there is none */
    bool has_identity;     /* else the host cannot open what it stores */
    struct age_identity identity;
    struct age_recipient recipients[AGE_RECIPIENTS_MAX];
    size_t recipient_count;
    uint8_t manifest_key[MANIFEST_KEY_SIZE];
    char *s3_secret_key; /* from the configuration or its file; NULL: no S3 */
};
/* Whether there is any place. */
bool backup_has_place(const struct settings *settings);

struct tier {
    const char *name; /* TIER_... */
    struct objects *objects;
};
/* The one that counts stands first. */
struct tiers {
    struct tier items[TIERS_MAX];
    size_t count;
};
void tiers_release(struct tiers *tiers);
/*
 * For a tenant's recovery points; `where` NULL: the installation's own place. Does not connect yet. Handles are for one thread. ERR_UNSUPPORTED:
 * no place is configured.
 */
bool tiers_open(const struct settings *settings, const struct tenant_backup *where, struct tiers *ret,
                struct err *err) MUST_USE;
