/* Room on the disk; see room.h. */
#include "reconcilers/restore/room.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB (INT64_C(1) << 20)

bool restore_room_suffices(const struct restore_room *rooms, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t needed = 0;
        for (size_t j = 0; j < count; j++)
            if (rooms[j].device == rooms[i].device)
                needed += rooms[j].needed_bytes;
        needed += needed / 4;
        if (needed > rooms[i].free_bytes)
            return err_set(err, ERR_INVALID,
                           "too little disk for the %s: about %" PRId64 " MiB are needed at %s, and %" PRId64
                           " MiB are free; nothing was touched",
                           rooms[i].what, needed / MIB + 1, rooms[i].directory, rooms[i].free_bytes / MIB);
    }
    return true;
}

/* A directory that cannot be looked at from here says nothing. */
static bool measure(struct restore_room *room)
{
    struct stat status;
    struct statvfs disk;
    if (!room->directory || stat(room->directory, &status) != 0 || statvfs(room->directory, &disk) != 0)
        return false;
    room->device = status.st_dev;
    room->free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    return true;
}

bool restore_check_room(struct reconcile_context *ctx, const struct restore_want *want, struct err *err)
{
    CLEANUP(freep) char *volumes = NULL;
    const struct restore_source *source = &want->state.source;
    if (docker_is_local(ctx->docker) && !docker_root(ctx->docker, &ctx->call, &volumes, err))
        return false;
    const struct restore_room all[] = {
        { .what = "database", .directory = ctx->settings->cluster_directory, .needed_bytes = source->database_bytes },
        { .what = "files", .directory = volumes, .needed_bytes = source->data_bytes },
    };
    struct restore_room known[ARRAY_LEN(all)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        known[count] = all[i];
        count += measure(&known[count]);
    }
    return restore_room_suffices(known, count, err);
}
