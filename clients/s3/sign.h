/*
 * AWS Signature Version 4 (docs.aws.amazon.com, "Authenticating Requests: Using the Authorization Header"): the URL and what is signed are made
 * from the same parts by one function. Pure.
 */
#pragma once

#include "base/clock.h"

/* Ends with a NULL name. */
struct s3_pair {
    const char *name, *value;
};
struct s3_parts {
    const char *method;
    const char *host;              /* as in the Host header */
    const char *bucket;            /* in the path; NULL: not there */
    const char *key;               /* NULL: the bucket itself; not encoded, as all here */
    const struct s3_pair *query;   /* in any order; may be NULL */
    const struct s3_pair *headers; /* names in lower case, values without blanks at their ends; may be NULL */
    const char *payload_sha256_hex;
};
struct s3_signer {
    const char *region, *access_key, *secret_key;
    int64_t wall_ms;
};
struct s3_signed {
    struct str path;     /* of the URL, with its query */
    struct strv headers; /* lines, Host and Authorization among them */
};
#define S3_SIGNED_INIT                                                                                                 \
    {                                                                                                                  \
        .path = STR_INIT                                                                                               \
    }
void s3_signed_release(struct s3_signed *made);
/* Replaces what was in `ret`. */
void s3_sign(const struct s3_parts *parts, const struct s3_signer *signer, struct s3_signed *ret);
