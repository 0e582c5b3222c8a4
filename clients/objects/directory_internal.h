/* What the files of a directory of objects share. */
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include "clients/objects/place.h"

struct directory {
    struct objects objects; /* first, so that the address is the same */
    int root;               /* descriptor; all else is opened from it, part by part */
};

/*
 * The directory in which `key` is a file, opened; `*ret_name` is its last part, borrowed from `key`. Missing directories are made with
 * `create`, else -1 with errno ENOENT. A link or a file on the way: -1 with errno ENOTDIR or ELOOP.
 */
enum directory_make { DIRECTORY_LOOK, DIRECTORY_MAKE };
int directory_open_parent(const struct directory *directory, const char *key, enum directory_make make,
                          const char **ret_name);
/* Removes the directories on the way to `key` that are empty. */
void directory_prune(const struct directory *directory, const char *key);
/* "DIRECTORY/key: <strerror>", with the code that objects.h promises. Always false. */
bool directory_set_errno(const struct directory *directory, const char *key, int errnum, struct err *err);

struct sink *directory_put(struct objects *objects, const char *key, const struct call *call);
bool directory_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
                    const struct call *call, struct err *err);
bool directory_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call,
                     struct err *err);
