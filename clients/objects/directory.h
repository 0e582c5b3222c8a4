/*
 * A place for objects in a local directory: each key is a file's path below it. Directories are 0700, files 0600. No link below the root is
 * followed, and what is neither directory nor regular file is not seen. A key cannot be a directory of other keys (ERR_CONFLICT).
 */
#pragma once

#include "clients/objects/objects.h"

/* The directory is made when it is missing. */
bool directory_open(const char *path, struct objects **ret, struct err *err) MUST_USE;
