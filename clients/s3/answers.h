/* What S3's answers say: lists, single values, errors. Pure. */
#pragma once

#include "base/clock.h"

struct s3_item {
    char *key;
    char *id; /* version or upload; NULL: none */
    uint64_t size;
    int64_t time_ms; /* of the last change, or when an upload was begun */
    bool is_marker;  /* of a deletion, in a list of versions */
};
/* One page of ListObjectsV2, ListObjectVersions or ListMultipartUploads. */
struct s3_page {
    struct s3_item *items;
    size_t count;
    bool is_truncated;
    char *next_token;         /* of objects */
    char *next_key, *next_id; /* of versions and uploads */
    bool is_encoded;          /* keys were, and are no more */
};
void s3_page_release(struct s3_page *page);
/* Replaces what was in `ret`. ERR_REMOTE for what is no such list. */
bool s3_page_read(const char *bytes, size_t len, struct s3_page *ret, struct err *err) MUST_USE;

/* The text of the element at `path` ("InitiateMultipartUploadResult/UploadId"). Owned; "" when it is not there. */
bool s3_text_read(const char *bytes, size_t len, const char *path, char **ret_text, struct err *err) MUST_USE;

struct s3_problem {
    char *code;    /* "NoSuchKey"; "" when the answer did not say */
    char *message; /* shortened, printable; "" */
    char *region;  /* the right one, when it was wrong; "" */
};
void s3_problem_release(struct s3_problem *problem);
/* Whatever the bytes are. False: they are no <Error>. Replaces what was in `ret`. */
bool s3_problem_read(const char *bytes, size_t len, struct s3_problem *ret);
