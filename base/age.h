/*
 * The age file format, version 1 (C2SP, https://c2sp.org/age): X25519 recipients, so that anybody can open with the program `age` what is
 * written here. A header wraps one file key for each recipient and is under an HMAC; the payload is ChaCha20-Poly1305 in chunks of 64 KiB
 * that know their place and which of them is the last, so truncation and reordering are found. All primitives are libcrypto's. Any thread.
 */
#pragma once

#include "base/stream.h"

#define AGE_KEY_SIZE 32

struct age_recipient { /* public */
    uint8_t key[AGE_KEY_SIZE];
};
struct age_identity { /* secret: mem_wipe() it */
    uint8_t key[AGE_KEY_SIZE];
};

void age_identity_generate(struct age_identity *ret);
struct age_recipient age_identity_recipient(const struct age_identity *identity);
char *age_identity_print(const struct age_identity *identity);    /* "AGE-SECRET-KEY-1..."; owned, wipe it */
char *age_recipient_print(const struct age_recipient *recipient); /* "age1..."; owned */
/* ERR_INVALID; the message shows a recipient, never an identity. Blanks around the text are fine. */
bool age_identity_parse(const char *text, struct age_identity *ret, struct err *err) MUST_USE;
bool age_recipient_parse(const char *text, struct age_recipient *ret, struct err *err) MUST_USE;
/* As `age-keygen` writes a file: empty lines and comments (#) are passed over, the first identity counts. None: ERR_INVALID. */
bool age_identity_parse_file(const char *text, struct age_identity *ret, struct err *err) MUST_USE;

#define AGE_RECIPIENTS_MAX 20

/* Encrypts for each of `count` recipients (1 to AGE_RECIPIENTS_MAX; copied). */
struct sink *age_encrypt_sink_new(const struct age_recipient *recipients, size_t count, struct sink *next_taken);
/*
 * Decrypts with the first identity that fits (copied). Nothing that was not authenticated is passed on; only sink_finish() tells that all came.
 * Errors: ERR_FORBIDDEN (for other recipients only: a wrong key), ERR_INVALID (no age file, a header or a chunk that was altered, moved or
 * cut off, a version that is not ours).
 */
struct sink *age_decrypt_sink_new(const struct age_identity *identities, size_t count, struct sink *next_taken);

/* ---- the header alone; for tests. Pure ---- */

struct age_stanza {
    struct age_recipient share; /* ephemeral */
    uint8_t wrapped[32];        /* the file key, encrypted and authenticated */
};
struct age_header {
    struct age_stanza stanzas[AGE_RECIPIENTS_MAX]; /* those of type X25519; others are passed over */
    size_t count;
    size_t mac_at; /* where " <mac>" begins: what is before is under it, "---" included */
    size_t len;    /* with its last line */
    uint8_t mac[32];
};
/* ERR_NOT_FOUND: `len` bytes are not yet all of it (at most AGE_HEADER_MAX are ever needed). */
#define AGE_HEADER_MAX ((size_t)64 << 10)
bool age_header_parse(const char *text, size_t len, struct age_header *ret, struct err *err) MUST_USE;
