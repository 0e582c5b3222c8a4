/*
 * A request as handlers see it, and their answer. Belongs to one thread at a time: the listener's, then a worker's,
 * then the listener's again.
 */
#pragma once

#include "api/uri.h"
#include "api/view.h"
#include "reconcilers/reconcile.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/feed.h"

struct api_options;
struct route;
struct streams;
struct stream;
struct watches;
struct followers;
struct downloads;
struct readiness;
struct vigil;

/* What all workers share; constant while the server runs but for its opening, each member safe for any thread. */
struct api_shared {
    const struct api_options *options;
    struct streams *streams;
    struct watches *watches;
    struct followers *followers;
    struct downloads *downloads;
    struct readiness *readiness;
    struct vigil *vigil;
    const char *server_url; /* once it is open */
    int is_open;            /* atomic: the records' database is there */
};

/* One per worker thread. */
struct worker {
    const struct api_shared *shared;
    struct store *store;   /* once worker_open() was true */
    struct docker *docker; /* opened when first needed; see worker_docker() */
    struct server *server;
};
/* False: the start of the daemon is not through; ERR_UNREACHABLE says what it waits for. */
bool worker_open(struct worker *worker, struct err *err) MUST_USE;
/* Borrowed; NULL with err when the address cannot be used. */
struct docker *worker_docker(struct worker *worker, struct err *err);
struct server *worker_server(struct worker *worker); /* borrowed; after worker_open() */

struct request {
    char *method;
    char *target; /* as it came */
    struct uri uri;
    struct str body;
    char *accept, *content_type, *authorization;
    char *signature;   /* X-Hub-Signature-256 */
    bool impersonates; /* an Impersonate-* header was there */
    bool is_encrypted; /* came over TLS */
    char address[64];  /* the peer's, as text */
    char *idempotency_key;
    int64_t started_mono_ms;

    const struct route *route; /* NULL: no such path */
    struct identity identity;
    struct store_origin origin; /* whose act its writes are; texts are borrowed from above, or static */

    /* What the route's pattern and the path say; texts are borrowed from uri. */
    struct view view;      /* zeroed where the path is about no objects */
    const char *namespace; /* NULL: not in the path */
    const char *name;
    json_t *managed;          /* managedFields that a write is to set; NULL: they stay. Borrowed */
    struct problems problems; /* of the body; become the causes of a 422 */
    char *warning;            /* for the answer, when it is no error; owned */
    /* What an error is about: the view and name above, unless a handler knows better. NULL: nothing in particular. */
    const struct view *about;
    char *about_name;
};
void request_release(struct request *request);

/* The part of the path that a pattern's {name} stands for; NULL when the pattern has none. */
const char *request_param(const struct request *request, const char *name);
/*
 * The body into the zeroed struct that `fields` describe; its problems become request->problems. The struct is to be
 * fields_release()d in any case. `ret_document` may be NULL: else the body itself, to see which members it has.
 */
bool request_decode(struct request *request, const struct field *fields, void *ret_struct, json_t **ret_document,
                    struct err *err) MUST_USE;
/* Whether its errors are the platform API's `{"detail": ...}` and not Kubernetes' Status. */
bool request_is_flat(const struct request *request);
/* A copy of `text` becomes the answer's warning; NULL: there is none. */
void request_set_warning(struct request *request, const char *text);
void request_set_about(struct request *request, const struct view *view, const char *name);
/*
 * The body as a JSON value: application/json (also when the type is absent) or application/yaml. ERR_UNSUPPORTED for
 * another type, ERR_BAD_REQUEST for an empty body or one that cannot be read.
 */
bool request_document(const struct request *request, json_t **ret_document, struct err *err) MUST_USE;
/* The media type without parameters, in lower case; "application/json" when there is none. Owned. */
char *request_media_type(const struct request *request);
/* Whether ?dryRun=All is asked for; other values are ERR_BAD_REQUEST. */
bool request_mode(const struct request *request, enum store_mode *ret_mode, struct err *err) MUST_USE;
bool request_wants_table(const struct request *request);

struct answer {
    int status;               /* 0: 200 */
    const char *content_type; /* static; NULL: application/json */
    struct str body;
    struct strv headers;   /* "Name: value" */
    struct stream *stream; /* instead of a body; owned */
};
void answer_release(struct answer *answer);
void answer_json(struct answer *answer, int status, json_t *value_taken);
/* The same, printed already; a line break is added. `text_moved` is empty then. */
void answer_printed(struct answer *answer, int status, struct str *text_moved);
void answer_text(struct answer *answer, int status, const char *text);
/* `Warning: 299 - "text"`, which kubectl prints. */
void answer_warn(struct answer *answer, const char *text);

/* Fills the answer, or returns false with err, which becomes a Status. Runs on a worker; may block. */
typedef bool handler_fn(struct worker *worker, struct request *request, struct answer *answer, struct err *err);
