/*
 * Names in the outside world are derived, not invented (design, promise 1), and what carries them is stamped as ours by labels or
 * comment in the act that creates it (promise 2). All results are owned. Pure.
 */
#pragma once

#include "reconcilers/reconcile.h"

/* Docker object labels. */
#define LABEL_INSTALLATION "tenantd.installation"
#define LABEL_KIND         "tenantd.kind"
#define LABEL_NAMESPACE    "tenantd.namespace"
#define LABEL_NAME         "tenantd.name"
#define LABEL_UID          "tenantd.uid"
#define LABEL_PURPOSE      "tenantd.purpose" /* "app", "job", "copy", "network", "data" */
#define LABEL_HASH         "tenantd.hash"    /* of what was asked for */
#define LABEL_RENDER       "tenantd.render"  /* version of the code that rendered it */

char *name_container(const struct settings *settings,
                     const struct record_key *key);                            /* td-acme.erp; an App's: td-_app.odoo */
char *name_job(const struct settings *settings, const struct record_key *key); /* td-acme.erp.job: one at a time */
char *name_volume(const struct settings *settings, const struct record_key *key,
                  const char *uid);                                      /* td-acme.erp-0123456789ab */
char *name_network(const struct settings *settings, const char *tenant); /* td-acme */
char *name_role(const struct settings *settings, const char *uid);       /* td_aabbcc_0123456789ab */
char *name_uid12(const char *uid);                                       /* its first 12 hex digits */
char *name_retained(const char *database, const char *uid);              /* <name>_retained_<uid12>, at most 63 bytes */
char *name_database(const char *database, const char *what, const char *uid); /* <name>_<what>_<uid12>, likewise */
/* The comment on a database: "tenantd <installation> <uid>". */
char *name_stamp(const struct settings *settings, const char *uid);
/* A new object of labels. */
json_t *name_labels(const struct settings *settings, const struct record_key *key, const char *uid,
                    const char *purpose);
/* Whether these labels say: this installation, this uid. */
bool name_is_ours(const struct settings *settings, const json_t *labels, const char *uid);
