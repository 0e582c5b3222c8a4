/*
 * Passwords of people, as yescrypt hashes by crypt_r(3). One hash takes some 50 ms of one core and 16 MiB: that is its
 * purpose, so callers limit how often. Any thread.
 */
#pragma once

#include "base/str.h"

#define PASSWORD_MAX 512 /* bytes; libxcrypt takes no more */

/* "$y$j9T$salt$hash"; owned. Aborts where libcrypt has no yescrypt. */
char *password_hash(const char *password);
/*
 * Whether `password` is the one that was hashed. `hash` NULL: there is no such user; the same work is done all the same, so
 * that nobody learns it from the time, and the answer is false.
 */
bool password_matches(const char *password, const char *hash);
