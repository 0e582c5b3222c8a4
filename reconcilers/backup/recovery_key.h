/*
 * The recovery key: what a host has that a bucket alone has not. With both, an empty daemon can read every recovery point. As text it is a file that
 * `age -d -i` takes, the rest in comments. Secret: wipe it. Pure.
 */
#pragma once

#include "base/age.h"
#include "base/crypto.h"

struct recovery_key {
    char installation[16]; /* its id, which is in labels and role names */
    uint8_t secrets_key[SEAL_KEY_SIZE];
    bool has_identity; /* false: recovery points are encrypted for recipients whose identities are elsewhere */
    struct age_identity identity;
};
char *recovery_key_print(const struct recovery_key *key); /* owned; wipe it */
/* ERR_INVALID: it is none, or a line is missing or was altered; the message shows nothing of it. */
bool recovery_key_parse(const char *text, struct recovery_key *ret, struct err *err) MUST_USE;
/* Tells one from another, and nothing about it: 16 hex digits. Owned. */
char *recovery_key_fingerprint(const struct recovery_key *key);
