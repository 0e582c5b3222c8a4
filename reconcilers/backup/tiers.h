/*
 * The places of an installation's recovery points: a local directory (quick restores, few kept) and an S3 bucket (the one that counts, where there
 * is one). Opened per call chain and thread.
 */
#pragma once

#include "clients/objects/objects.h"
#include "reconcilers/reconcile.h"
#include "specs/tenant.h"

#define TIER_LOCAL "local"
#define TIER_S3    "s3"
#define TIERS_MAX  2

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
/* For a tenant's recovery points; `tenant` NULL (it is gone, or nobody's in particular): the installation's own place. Does not connect yet. */
bool tiers_open(const struct settings *settings, const struct tenant_spec *tenant, struct tiers *ret,
                struct err *err) MUST_USE;
