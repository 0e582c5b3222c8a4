/*
 * Leftovers: what carries this installation's id and belongs to no record, in Docker and on the database server. They are reported, and removed
 * only when somebody says so. Whatever another installation made is never among them.
 */
#pragma once

#include "reconcilers/reconcile.h"

enum orphan_kind { ORPHAN_CONTAINER, ORPHAN_DATABASE, ORPHAN_ROLE, ORPHAN_VOLUME, ORPHAN_NETWORK, ORPHAN_KINDS };
extern const char *const orphan_kind_names[ORPHAN_KINDS];

struct orphan {
    enum orphan_kind kind;
    char *name;
    char *mark;       /* by which it is told from another one of that name: id, stamp or uid */
    char *uid12;      /* of the record that it was made for: the uid's first 12 digits */
    bool is_retained; /* deletionPolicy Retain left it: wanted, until somebody decides otherwise */
};
struct orphans {
    struct orphan *items;
    size_t count;
};
void orphans_release(struct orphans *orphans);
/* All that is this installation's, in the order in which it can be removed. */
bool orphans_list_owned(struct docker *docker, struct server *server, const struct settings *settings,
                        const struct call *call, struct orphans *ret, struct err *err) MUST_USE;
/*
 * Keeps those without a record. The records must be listed after the objects: then no object is taken for a leftover whose record had not yet
 * been there. Pure.
 */
void orphans_keep_leftovers(struct orphans *orphans, bool (*has_record)(void *context, const char *uid12),
                            void *context);
/* Databases and volumes, the retained ones too, hold data. */
bool orphan_holds_data(const struct orphan *orphan);
/* Looks once more, live, that it is the one meant, and removes it. Fine when it is gone; ERR_CONFLICT when it is another one or in use. */
bool orphan_remove(struct docker *docker, struct server *server, const struct settings *settings,
                   const struct orphan *orphan, const struct call *call, struct err *err) MUST_USE;
/* [{"kind", "name", "uid", "holdsData", "retained"}] */
json_t *orphans_to_json(const struct orphans *orphans);
