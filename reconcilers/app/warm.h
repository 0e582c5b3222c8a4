/*
 * Warm databases: per version of an App an initialised template, database and data directory, from which instances are cloned. The
 * App's internal state says which there are; a template is never handed out itself: it is closed, and owned by the connection role.
 */
#pragma once

#include "reconcilers/instance/instance.h"

enum warm_state { WARM_NONE, WARM_BUILDING, WARM_READY, WARM_FAILED };

/* One entry of the App's internal state, under "warm" by version. */
struct warm_entry {
    char *state;    /* "Building", "Ready", "Failed" */
    char *hash;     /* of what it was made from: warm_hash() */
    char *image_id; /* that it was made with: a tag may move */
    char *database, *volume, *role;
    char *message; /* of a failure */
};
extern const struct field warm_entry_fields[];

void warm_template_release(struct warm_template *warm);
/*
 * What the App's state says of a version. `ret` is filled when it is READY. BUILDING also when nothing was begun yet or what there is
 * was made from another image or init: the App's reconciler is about to.
 */
enum warm_state warm_find(const struct app_spec *app, const json_t *app_state, const char *version,
                          struct warm_template *ret);
/* Over all that a template is made from. Owned. Pure. */
char *warm_hash(const struct app_spec *app, const struct app_version *version);

/* What to remember before the making begins: names, so that they are found again, and that what stands is no template now. */
void warm_begin(const struct settings *settings, const struct record *app_record, const struct app_spec *app,
                const struct app_version *version, struct warm_entry *ret_entry);
/* Makes the template of one version, whatever an earlier try left; long. `entry` is warm_begin()'s, and holds what to remember, also of a failure. */
bool warm_build(struct reconcile_context *ctx, const struct record *app_record, const struct app_spec *app,
                const struct app_version *version, struct warm_entry *entry, struct err *err) MUST_USE;
/* Drops a template: database, volume, role. Fine when parts are gone. */
bool warm_remove(struct reconcile_context *ctx, const struct record *app_record, const struct warm_entry *entry,
                 struct err *err) MUST_USE;
/* The network that inits of templates run on; the App's own. Owned. */
char *warm_network(const struct settings *settings, const char *app_name);
