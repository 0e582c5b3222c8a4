/* Whether what is to be built has room on the disk beside what lives there. */
#pragma once

#include "reconcilers/restore/restore.h"

struct restore_room {
    const char *what, *directory;
    uint64_t device; /* two on the same one share its room */
    int64_t needed_bytes, free_bytes;
};
/* ERR_INVALID says what is missing where. A quarter more than the plain bytes is asked for: indexes, and what lives needs to grow, too. Pure. */
bool restore_room_suffices(const struct restore_room *rooms, size_t count, struct err *err) MUST_USE;
/* Looks at the disks, as far as they are on this host. */
bool restore_check_room(struct reconcile_context *ctx, const struct restore_want *want, struct err *err) MUST_USE;
