/*
 * The rules that every write of a record meets inside the store's transaction, whoever writes: the API for a user, a Source for its
 * repository. Kinds add their own (struct reconciler's admit).
 */
#pragma once

#include "reconcilers/reconcile.h"

/* A Source's write: the record becomes its, and what it states is remembered. Borrowed. */
struct admission_source {
    const char *name, *uid;
    const json_t *stated; /* NULL: the record is let go of, and nobody's afterwards */
};
enum admission_managed {
    ADMISSION_WARN,  /* a change by hand that a Source will put back is noted in `note` */
    ADMISSION_REFUSE /* it is ERR_CONFLICT */
};
struct admission {
    const struct settings *settings;
    struct problems *problems;             /* filled anew by each run; become the causes of an ERR_INVALID */
    const struct admission_source *source; /* NULL: a user's write */
    enum admission_managed managed;        /* of a user's write */
    store_admit_fn *check_caller;          /* what this caller may not write; NULL: it may what the rules allow */
    void *caller;                          /* its context; borrowed */
    char *note;                            /* owned; NULL: there is nothing to note */
};
void admission_release(struct admission *admission);
/* A store_admit_fn; its context is a struct admission. */
bool admission_admit(struct store *tx, const struct record *old, struct record *next, void *admission,
                     struct err *err) MUST_USE;
/* The same question before a deletion by hand. */
bool admission_check_deletion(struct store *store, const struct record *record, struct admission *admission,
                              struct err *err) MUST_USE;
