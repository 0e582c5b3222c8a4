/* Files and directories. Descriptors are O_CLOEXEC. What a ret_ parameter held is replaced on success only. Any thread. */
#pragma once

#include <sys/types.h>

#include "base/str.h"

/* ERR_TOO_LARGE past the limit. */
bool file_read(const char *path, size_t limit, struct str *ret_bytes, struct err *err) MUST_USE;
/* Atomic: a temporary file beside it, fsync, rename, fsync of the directory. `mode` counts, the umask does not. */
bool file_write(const char *path, const void *bytes, size_t size, mode_t mode, struct err *err) MUST_USE;
bool file_exists(const char *path);
bool dir_make(const char *path, mode_t mode, struct err *err) MUST_USE; /* with parents (0755); fine when it exists */
/* With all in it; never follows symlinks; fine when it is not there. */
bool dir_remove(const char *path, struct err *err) MUST_USE;
bool dir_list(const char *path, struct strv *ret_names, struct err *err) MUST_USE; /* sorted, without . and .. */
/* An exclusive flock on `path` (a directory, or a file that is made when missing), held until the descriptor is closed. ERR_CONFLICT when another process holds it. */
bool file_lock(const char *path, int *ret_fd, struct err *err) MUST_USE;
