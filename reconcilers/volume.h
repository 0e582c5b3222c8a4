/*
 * Data volumes: whose one is, and its removal. An engine that is killed while it makes a volume leaves a half: under its name, empty and
 * without labels (tried with 20.10: the directory is made first, and what is known of it stored afterwards). No label tells whose that
 * is; its name does, which holds the uid of its record.
 */
#pragma once

#include "reconcilers/reconcile.h"

/* Whether it may be such a half. That it is empty is for volume_discard() to find out. Pure. */
bool volume_is_half(const struct volume *volume);
/*
 * Removes what was made for `uid` under this name, be it whole or a half; fine when there is none. Looks in the same breath, for it destroys
 * data: somebody else's, and one without labels in which something is, is ERR_CONFLICT and stays.
 */
bool volume_discard(struct reconcile_context *ctx, const char *name, const char *uid, struct err *err) MUST_USE;
