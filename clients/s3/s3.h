/*
 * A place for objects in a bucket of any S3 server: plain S3 with signatures of version 4, nothing of one maker's. Opening asks nothing; the
 * first use looks for the bucket, makes it when it is missing and turns versioning on when asked. What may pass (5xx, 429, SlowDown, broken or
 * silent connections) is tried again with growing waits, as long as the call's deadline and `patience_ms` allow.
 *
 * A big object goes up in parts of 16 MiB, two of them under way while a third is filled: 48 MiB of memory whatever its size, at most 10,000
 * parts (156 GiB). The program ignores SIGPIPE (see clients/http/http.h).
 */
#pragma once

#include "clients/objects/objects.h"

enum s3_style {
    S3_STYLE_PATH,         /* https://server/bucket/key */
    S3_STYLE_VIRTUAL_HOST, /* https://bucket.server/key */
};
/* All texts are copied. */
struct s3_options {
    const char *endpoint; /* "https://s3.example.com:9000", without path */
    const char *bucket;
    const char *prefix; /* of all keys, without "/" at its ends; NULL: none */
    const char *region;
    const char *access_key, *secret_key;
    const char *ca_file; /* NULL: the system's authorities */
    enum s3_style style;
    bool versioning;         /* turn it on; a server without it is told of in the log */
    int64_t patience_ms;     /* how long one request is tried again; 0: three minutes */
    int64_t stall_ms;        /* how long a connection may be silent; 0: 30 s */
    int64_t clock_offset_ms; /* added to the clock in signatures */
};
/* ERR_INVALID for an endpoint that is none. */
bool s3_open(const struct s3_options *options, struct objects **ret, struct err *err) MUST_USE;
