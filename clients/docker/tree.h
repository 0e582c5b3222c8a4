/*
 * A directory tree of a container as a tar stream (see docker.h for the rest of the engine's API). Through a created, never-started container
 * that mounts a volume, the running one that mounts it, too, is not locked (tried: through itself it is, until the stream ends).
 */
#pragma once

#include "base/stream.h"
#include "clients/docker/docker.h"

/* What passes on the way. `visit` may be NULL; false (with err) ends it. Names are relative to the tree: "filestore/ab/abcd", "" for itself. */
struct tree_filter {
    const struct strv *
        exclude; /* patterns after fnmatch(3), of whole paths; of a directory its content goes, itself stays; NULL: none */
    bool (*visit)(void *context, const char *name, char type, struct err *err); /* each entry that is kept */
    void *context;
};
/*
 * The content of `path` into `to`, which is neither finished nor freed, in fixed memory. True: the tar is whole, as its own end says; what was
 * kept of it is byte for byte what the engine sent. ERR_REMOTE: it broke off or is malformed, which the engine itself answers with 200 (tried: a
 * file that shrinks meanwhile). ERR_INVALID: a hard link that is kept leads to a file that is not.
 */
bool container_read_tree(struct docker *docker, const char *id, const char *path, const struct tree_filter *filter,
                         struct sink *to, const struct call *call, struct err *err) MUST_USE;
