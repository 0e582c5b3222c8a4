/* What the files of the age format share: its primitives, over libcrypto, and the making and opening of headers. */
#pragma once

#include "base/age.h"
#include "base/crypto.h"

#define AGE_FILE_KEY_SIZE 16
#define AGE_TAG_SIZE      16

/* RFC 7748. False: the result is all zeros, as a point of low order makes it. */
bool age_x25519(const uint8_t secret[AGE_KEY_SIZE], const uint8_t public[AGE_KEY_SIZE],
                uint8_t ret_shared[AGE_KEY_SIZE]) MUST_USE;
/* RFC 5869, with SHA-256, 32 bytes of output. */
struct age_hkdf {
    const void *secret;
    size_t secret_size;
    const void *salt;
    size_t salt_size;
    const char *info;
};
void age_hkdf(const struct age_hkdf *hkdf, uint8_t ret_key[32]);

/* The whole header, for a fresh file key. ERR_INVALID: a recipient is a point of low order. */
bool age_header_make(const struct age_recipient *recipients, size_t count, const uint8_t file_key[AGE_FILE_KEY_SIZE],
                     struct str *ret, struct err *err) MUST_USE;
/* Finds the file key with the first identity that fits, then checks the header's MAC. `text` is what was parsed. */
struct age_identities {
    const struct age_identity *items;
    size_t count;
};
bool age_header_open(const struct age_header *header, const char *text, const struct age_identities *identities,
                     uint8_t ret_file_key[AGE_FILE_KEY_SIZE], struct err *err) MUST_USE;
