/*
 * Server-side apply: whose a field is. Each manager that applies has one entry in managedFields: the key skeleton of its
 * last document (spec, labels, annotations, finalizers; lists and scalars are leaves). Pure.
 */
#pragma once

#include "base/json.h"

struct apply_wish {
    const char *manager;
    const json_t *config; /* what was sent */
    bool is_forced;       /* conflicting fields change hands */
    const char *now;      /* RFC 3339, of a new or changed entry */
};
struct apply_conflict {
    char *manager; /* whose it is */
    char *path;    /* ".spec.size" */
};
struct apply_conflicts {
    struct apply_conflict *items;
    size_t count;
};
void apply_conflicts_release(struct apply_conflicts *conflicts);
/*
 * `live` (as stored; {} where it is to be made) with the fields of the config, without those that the manager alone held
 * before and no longer sends. `ret_managed` is the new managedFields of `managed`. False: there are conflicts, and
 * nothing else is filled. Results are new.
 */
bool apply_merge(const json_t *live, const json_t *managed, const struct apply_wish *wish, json_t **ret_document,
                 json_t **ret_managed, struct apply_conflicts *ret_conflicts);
