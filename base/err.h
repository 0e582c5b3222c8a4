/*
 * The one error type. What can fail returns bool (must be used) and fills the caller's struct err; success leaves it alone.
 * A returned error is not logged by who returns it. What a code means (retry, HTTP status, metric label) stands in one table.
 */
#pragma once

#include "base/mem.h"

enum err_code {
    ERR_NONE,
    ERR_INTERNAL,    /* our own mistake, or a reply that makes no sense */
    ERR_INVALID,     /* the input is wrong: waits for a change */
    ERR_BAD_REQUEST, /* the request itself cannot be read (syntax, unknown field, unsupported parameter) */
    ERR_UNAUTHORIZED,
    ERR_FORBIDDEN,
    ERR_NOT_FOUND, /* a positive "there is none", never an unanswered call */
    ERR_EXISTS,
    ERR_CONFLICT, /* somebody else's change or object is in the way */
    ERR_TOO_LARGE,
    ERR_EXPIRED,     /* the version asked for is no longer kept */
    ERR_UNSUPPORTED, /* media type or feature */
    ERR_METHOD,
    ERR_TOO_MANY,
    ERR_UNREACHABLE, /* no answer: refused, reset, resolver, broken connection */
    ERR_TIMEOUT,     /* the deadline passed; the act may have happened */
    ERR_CANCELLED,   /* our own cancel flag */
    ERR_REMOTE,      /* the other side answered that it failed (5xx, PostgreSQL class XX/53/57 ...) */
    ERR_DISK_FULL,   /* the other side says that its disk is */
    ERR_EXIT,        /* a program or one-shot container ended with a non-zero status */
    ERR_CODES
};

enum retry_class {
    RETRY_NEVER,    /* invalid: rest until the record changes */
    RETRY_BACKOFF,  /* passing: again with growing delay */
    RETRY_CONFLICT, /* somebody's object is in the way: again, slowly */
};

struct err_kind {
    const char *name; /* metric label and log field */
    enum retry_class retry;
    int http_status;
    const char *reason; /* Kubernetes' Status.reason */
};
extern const struct err_kind err_kinds[ERR_CODES];

/* Zero-initialised is "no error". The message is owned; err_release() it. */
struct err {
    enum err_code code;
    char *message;
};
#define ERR_INIT                                                                                                       \
    {                                                                                                                  \
        .code = ERR_NONE                                                                                               \
    }

/* Sets code and message; an error that stood there before is freed. Always returns false, so raising is one line. `err` may be NULL. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "<fmt>: " before the message, keeps the code. Always returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* errno as an error: "<fmt>: <strerror>". ENOENT becomes ERR_NOT_FOUND, connection errnos ERR_UNREACHABLE, a full disk ERR_DISK_FULL, others ERR_INTERNAL. */
bool err_set_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
void err_clear(struct err *err);
void err_release(struct err *err); /* for CLEANUP(err_release) */
void err_move(struct err *to, struct err *from);
const char *err_message(const struct err *err); /* "" when there is none */
