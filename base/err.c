/* The error type, and the only table that decides what an error means. */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

#include "base/str.h"

const struct err_kind err_kinds[ERR_CODES] = {
    [ERR_NONE] = { "none", RETRY_NEVER, 200, "" },
    [ERR_INTERNAL] = { "internal", RETRY_BACKOFF, 500, "InternalError" },
    [ERR_INVALID] = { "invalid", RETRY_NEVER, 422, "Invalid" },
    [ERR_BAD_REQUEST] = { "bad_request", RETRY_NEVER, 400, "BadRequest" },
    /* Credentials and grants are mended outside of our records, so a reconciler that met these two tries again. */
    [ERR_UNAUTHORIZED] = { "unauthorized", RETRY_BACKOFF, 401, "Unauthorized" },
    [ERR_FORBIDDEN] = { "forbidden", RETRY_BACKOFF, 403, "Forbidden" },
    [ERR_NOT_FOUND] = { "not_found", RETRY_BACKOFF, 404, "NotFound" }, /* it should be there and is not, yet */
    [ERR_EXISTS] = { "exists", RETRY_CONFLICT, 409, "AlreadyExists" },
    [ERR_CONFLICT] = { "conflict", RETRY_CONFLICT, 409, "Conflict" },
    [ERR_TOO_LARGE] = { "too_large", RETRY_NEVER, 413, "RequestEntityTooLarge" },
    [ERR_EXPIRED] = { "expired", RETRY_BACKOFF, 410, "Expired" },
    [ERR_UNSUPPORTED] = { "unsupported", RETRY_NEVER, 415, "UnsupportedMediaType" },
    [ERR_METHOD] = { "method", RETRY_NEVER, 405, "MethodNotAllowed" },
    [ERR_TOO_MANY] = { "too_many", RETRY_BACKOFF, 429, "TooManyRequests" },
    [ERR_UNREACHABLE] = { "unreachable", RETRY_BACKOFF, 503, "ServiceUnavailable" },
    [ERR_TIMEOUT] = { "timeout", RETRY_BACKOFF, 504, "Timeout" },
    [ERR_CANCELLED] = { "cancelled", RETRY_BACKOFF, 503, "ServiceUnavailable" },
    [ERR_REMOTE] = { "remote", RETRY_BACKOFF, 503, "ServiceUnavailable" },
    [ERR_DISK_FULL] = { "disk_full", RETRY_BACKOFF, 503, "ServiceUnavailable" },
    [ERR_EXIT] = { "exit", RETRY_BACKOFF, 500, "InternalError" },
};

/* The arguments may point into the message that is replaced, so that one is freed last. */
static void err_replace(struct err *err, enum err_code code, struct str *message)
{
    char *old = err->message;
    err->code = code;
    err->message = str_steal(message);
    free(old);
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    assert(code > ERR_NONE && code < ERR_CODES);
    if (!err)
        return false;
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    err_replace(err, code, &message);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    if (err->code == ERR_NONE) { /* who failed forgot to say why: our mistake, and it must not read as success */
        str_add(&message, ": failed without a reason");
        err_replace(err, ERR_INTERNAL, &message);
        return false;
    }
    str_addf(&message, ": %s", err_message(err));
    err_replace(err, err->code, &message);
    return false;
}

static enum err_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case ENOTCONN:
    case EPIPE:
    case ETIMEDOUT: /* the peer's silence, not our deadline */
        return ERR_UNREACHABLE;
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    default:
        return ERR_INTERNAL;
    }
}

bool err_set_errno(struct err *err, int errnum, const char *fmt, ...)
{
    if (!err)
        return false;
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    const char *reason = strerrordesc_np(errnum);
    if (reason)
        str_addf(&message, ": %s", reason);
    else
        str_addf(&message, ": error number %d", errnum);
    err_replace(err, code_of_errno(errnum), &message);
    return false;
}

void err_clear(struct err *err)
{
    free(err->message);
    *err = (struct err)ERR_INIT;
}

void err_release(struct err *err)
{
    err_clear(err);
}

void err_move(struct err *to, struct err *from)
{
    if (to == from)
        return;
    err_clear(to);
    *to = *from;
    *from = (struct err)ERR_INIT;
}

const char *err_message(const struct err *err)
{
    return err && err->message ? err->message : "";
}
