/* What a sync has to do: manifests and stored records in, acts out. Pure. */
#pragma once

#include "reconcilers/plan.h"
#include "specs/document.h"
#include "specs/source.h"

enum source_act {
    SOURCE_CREATE,
    SOURCE_CHANGE,
    SOURCE_ADOPT,     /* becomes this Source's, and what the manifest says */
    SOURCE_UNCHANGED, /* is this Source's, and what the manifest says */
    SOURCE_IGNORED,   /* opted out */
    SOURCE_CONFLICT,  /* somebody else's */
    SOURCE_GOING,     /* is being deleted; made again when it is gone */
    SOURCE_PRUNE,
    SOURCE_KEPT, /* has no manifest, and stays */
    SOURCE_ACTS
};
struct source_item {
    enum source_act act;
    struct record_key key;
    const struct document *document; /* borrowed; NULL: it has no manifest */
    const struct record *live;       /* borrowed; NULL: it does not exist */
    json_t *stated;                  /* labels, annotations and spec as the manifest has them */
    json_t *patch;                   /* what makes `live` that; NULL: nothing */
    bool is_drift;                   /* `live` is not what was applied last */
    bool is_restated;                /* the manifest is not what was applied last */
    char *why;                       /* of SOURCE_CONFLICT and SOURCE_KEPT */
};
struct source_plan {
    struct source_item *items; /* with a manifest: in the order of applying; then without: in the order of deleting */
    size_t count;
    size_t counts[SOURCE_ACTS];
    size_t owned;               /* records that are this Source's before */
    const char *blocked_reason; /* of pruning; NULL: nothing is in the way */
    char *blocked_message;
};
void source_plan_release(struct source_plan *plan);

/* All borrowed. */
struct source_view {
    const char *name, *uid;
    const struct source_spec *spec;
    const struct documents *documents;
    const struct records *lives; /* all that could be meant */
    const json_t *applied;       /* uid to what was applied last */
    const char *revision;
    const char *confirmed; /* the commit whose prune may pass the limit; NULL: none */
};
void source_plan_make(const struct source_view *view, struct source_plan *ret);
size_t source_plan_acts(const struct source_plan *plan); /* how many records it would touch */
/* How many of `owned` records one sync may prune. */
size_t source_prune_max(size_t owned, int64_t limit_percent);
/* The record as it is to be stored: `live` with the patch, or the manifest's. Released by the caller. */
bool source_item_next(const struct source_item *item, struct record *ret_next, struct problems *problems) MUST_USE;
/* "Instance/acme/erp: spec.version, spec.state": the fields that differ. Owned. */
char *source_item_text(const struct source_item *item);
/* As `tenantctl diff` prints it. */
void source_plan_preview(const struct source_plan *plan, struct plan *ret);
