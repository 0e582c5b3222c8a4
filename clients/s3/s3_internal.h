/* What the files of clients/s3/ share: the place, and one request to it. */
#pragma once

#include "clients/http/http.h"
#include "clients/objects/place.h"
#include "clients/s3/answers.h"
#include "clients/s3/errors.h"
#include "clients/s3/s3.h"
#include "clients/s3/sign.h"

#define S3_PART_BYTES ((size_t)16 << 20)
#define S3_PARTS_MAX  10000
#define S3_UPLOADERS  2 /* threads of a put */
/* Says which put made an object: what an answer that got lost would have said. */
#define S3_PUT_HEADER "x-amz-meta-tenantd-put"

enum s3_versions { S3_VERSIONS_UNKNOWN, S3_VERSIONS_NONE, S3_VERSIONS_SOME };

struct s3 {
    struct objects objects; /* first, so that the address is the same */
    char *endpoint, *bucket, *prefix, *region, *access_key, *secret_key, *ca_file;
    char *base_url, *host; /* with the bucket before it in the style of virtual hosts */
    enum s3_style style;
    bool versioning;
    int64_t patience_ms, stall_ms, clock_offset_ms;
    struct http *http;                    /* of the thread that has the handle */
    struct http *uploaders[S3_UPLOADERS]; /* of a put's threads; NULL until needed */
    bool is_prepared;                     /* the bucket was looked for */
    enum s3_versions versions;            /* whether it has any */
    int64_t pace_ms;                      /* before each request, since the server asked for fewer; atomic */
};

struct s3_request {
    const char *method;
    const char *key;             /* with the prefix; NULL: the bucket */
    const struct s3_pair *query; /* may be NULL, as the next one */
    const struct s3_pair *headers;
    const void *body;
    size_t body_len;
    http_head_fn *head; /* as in struct http_request */
    http_sink_fn *sink;
    void *sink_context;
    int64_t stall_ms; /* 0: the place's */
};
struct s3_reply {
    struct http_reply http;
    struct s3_problem problem; /* of an answer that is no success */
    bool may_pass;             /* of a request that failed: worth another try */
    int64_t wait_ms;           /* what the server asked for; 0: nothing */
};
#define S3_REPLY_INIT                                                                                                  \
    {                                                                                                                  \
        .http = HTTP_REPLY_INIT                                                                                        \
    }
void s3_reply_release(struct s3_reply *reply);

/*
 * One try. True: 2xx, and no error in its body. False: `ret->may_pass` says whether another try makes sense; errors name request, bucket, key, server and
 * S3's code. Any thread with a `http` of its own.
 */
bool s3_try(struct s3 *s3, struct http *http, const struct s3_request *request, const struct call *call,
            struct s3_reply *ret, struct err *err) MUST_USE;
/* Tries until it succeeds, cannot, or patience or `call` are over. */
bool s3_send(struct s3 *s3, struct http *http, const struct s3_request *request, const struct call *call,
             struct s3_reply *ret, struct err *err) MUST_USE;
/* How long something was tried in vain. */
struct s3_patience {
    int64_t since_mono_ms; /* 0: it was not */
    unsigned tries;
};
/*
 * After a try that failed with `err`: waits a growing, random while. False, with `err` as it was or ERR_CANCELLED or ERR_TIMEOUT before it, when there is no
 * sense in another one.
 */
bool s3_wait(const struct s3 *s3, struct s3_patience *patience, const struct s3_reply *reply, const struct call *call,
             struct err *err) MUST_USE;

struct http *s3_http_new(const struct s3 *s3);
char *s3_full_key(const struct s3 *s3, const char *key); /* with the prefix; owned */
/* The bucket is there, as far as can be known. Asks once per handle. */
bool s3_prepare(struct s3 *s3, const struct call *call, struct err *err) MUST_USE;
bool s3_find_versions(struct s3 *s3, const struct call *call, struct err *err) MUST_USE; /* fills s3->versions */

/* HEAD; `version` may be NULL. `ret_put` (may be NULL): the value of S3_PUT_HEADER, owned, NULL without. */
bool s3_head(struct s3 *s3, const char *full_key, const char *version, const struct call *call, struct object *ret,
             char **ret_put, struct err *err) MUST_USE;
/* "until 2027-01-01T00:00:00Z". Owned. */
char *s3_held_text(int64_t held_until_ms);

/* Walks the pages of a list in the bucket. `query` begins with the list's own parameters. `visit` false (with err) ends it. */
enum s3_list { S3_LIST_OBJECTS, S3_LIST_VERSIONS, S3_LIST_UPLOADS };
typedef bool s3_page_fn(void *context, const struct s3_page *page, bool *ret_enough, struct err *err);
bool s3_pages(struct s3 *s3, enum s3_list list, const char *full_prefix, s3_page_fn *visit, void *context,
              const struct call *call, struct err *err) MUST_USE;

struct sink *s3_put(struct objects *objects, const char *key, const struct call *call);
bool s3_get(struct objects *objects, const char *key, struct sink *to, const struct call *call, struct err *err);
bool s3_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
             const struct call *call, struct err *err);
bool s3_remove(struct objects *objects, const char *key, const struct call *call, struct err *err);
bool s3_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call, struct err *err);
