/* Randomness, digests, sealing; all from libcrypto. Any thread. */
#pragma once

#include "base/str.h"

#define SHA256_SIZE   32
#define SEAL_KEY_SIZE 32

void random_bytes(void *bytes, size_t size); /* aborts when the system has none to give */
uint64_t random_below(uint64_t bound);
char *random_hex(size_t bytes);   /* owned; 2 characters per byte */
char *random_text(size_t length); /* owned; [A-Za-z0-9] */
char *random_uuid(void);          /* RFC 4122 version 4, owned */
void sha256(const void *bytes, size_t size, uint8_t ret_digest[SHA256_SIZE]);
char *sha256_hex(const void *bytes, size_t size); /* owned */
/* HMAC with SHA-256, RFC 2104. */
void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t ret_mac[SHA256_SIZE]);
bool equal_constant_time(const char *a, const char *b);

/*
 * AES-256-GCM: nonce (12 bytes), ciphertext, tag (16). `bound_to` is authenticated and must be given again to open.
 * What was in the ret_ parameter is replaced. ERR_INVALID when it does not open.
 */
void seal(const uint8_t key[SEAL_KEY_SIZE], const char *bound_to, const void *plain, size_t size,
          struct str *ret_sealed);
bool seal_open(const uint8_t key[SEAL_KEY_SIZE], const char *bound_to, const void *sealed, size_t size,
               struct str *ret_plain, struct err *err) MUST_USE;
