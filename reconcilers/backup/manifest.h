/*
 * The manifest of a recovery point: what it is of, what is in it, and the records it was taken under. It is written last, so without one
 * there is no recovery point. All of it is under an HMAC, where the installation has a key for that. Pure.
 */
#pragma once

#include "specs/record.h"

#define MANIFEST_FORMAT   1
#define MANIFEST_LIMIT    ((size_t)4 << 20) /* bytes of its JSON */
#define MANIFEST_KEY_SIZE 32

/* One stored object: the bytes as they lie in the place, and what they are once decrypted and unpacked. */
struct manifest_object {
    char *name;        /* "database.dump.zst.age" */
    char *description; /* how to open it, for who has no tenantd */
    int64_t plain_bytes, stored_bytes;
    char *plain_sha256, *stored_sha256; /* lower-case hex */
};
struct manifest_table {
    char *name; /* "public.res_partner" */
    int64_t rows;
};

struct manifest {
    int64_t format; /* MANIFEST_FORMAT */
    char *installation, *tenant, *instance, *uid, *backup;
    char *reason; /* of the Backup: "Manual", "Schedule", "Deletion" */
    char *app, *version;
    char *image;       /* that its container ran */
    char *volume_path; /* the App's dataPath: what the tar's "./" stands for; NULL: there are no files */
    struct manifest_database {
        char *name, *server_version; /* "15.14" */
        int64_t server_number;       /* 150014 */
        struct field_list tables;    /* struct manifest_table: rows in the dump's own snapshot */
    } database;
    struct field_list objects; /* struct manifest_object */
    int64_t started_ms, finished_ms;
    struct manifest_records { /* whole objects, as the API shows them, without status */
        json_t *tenant, *app, *instance;
    } records;
    char *mac; /* hex HMAC-SHA-256 over the canonical JSON of all else; NULL: not signed */
};
extern const struct field manifest_fields[];
void manifest_release(struct manifest *manifest);

/* Canonical JSON (keys sorted), signed when `key` (MANIFEST_KEY_SIZE bytes) is not NULL. Owned. */
char *manifest_encode(const struct manifest *manifest, const uint8_t *key);
/*
 * Zeroed `ret` is to be manifest_release()d in either case. ERR_UNSUPPORTED: a format from the future; ERR_INVALID: no manifest (unreadable,
 * an unknown object name, a hash that is none, a negative size, an object twice).
 */
bool manifest_decode(const char *text, size_t len, struct manifest *ret, struct err *err) MUST_USE;
/* ERR_FORBIDDEN: signed with another key, altered, or not signed at all. */
bool manifest_check_mac(const char *text, size_t len, const uint8_t *key, struct err *err) MUST_USE;
const struct manifest_object *manifest_find(const struct manifest *manifest, const char *name); /* NULL: it has none */
int64_t manifest_stored_bytes(const struct manifest *manifest);
