/* The one table of S3's error codes. */
#include "clients/s3/errors.h"

static const struct {
    const char *code;
    struct s3_meaning meaning;
} meanings[] = {
    { "NoSuchKey", { ERR_NOT_FOUND } },
    { "NoSuchVersion", { ERR_NOT_FOUND } },
    { "NoSuchUpload", { ERR_NOT_FOUND } },
    { "NoSuchBucket", { ERR_NOT_FOUND } },
    { "AccessDenied", { ERR_FORBIDDEN } },
    { "InvalidAccessKeyId", { ERR_FORBIDDEN } },
    { "SignatureDoesNotMatch", { ERR_FORBIDDEN } },
    { "RequestTimeTooSkewed", { ERR_FORBIDDEN } },
    { "AuthorizationHeaderMalformed", { ERR_FORBIDDEN } },
    { "QuotaExceeded", { ERR_FORBIDDEN } },
    { "UserSuspended", { ERR_FORBIDDEN } },
    { "TooManyBuckets", { ERR_FORBIDDEN } },
    { "InvalidBucketName", { ERR_INVALID } },
    { "BucketAlreadyExists", { ERR_CONFLICT } },
    { "BucketAlreadyOwnedByYou", { ERR_EXISTS } },
    { "EntityTooLarge", { ERR_TOO_LARGE } },
    { "NotImplemented", { ERR_UNSUPPORTED } },
    { "MethodNotAllowed", { ERR_UNSUPPORTED } },
    { "PreconditionFailed", { ERR_CONFLICT } },
    { "InvalidRange", { ERR_CONFLICT } },
    { "SlowDown", { ERR_TOO_MANY, .may_pass = true, .slows_down = true } },
    { "TooManyRequests", { ERR_TOO_MANY, .may_pass = true, .slows_down = true } },
    { "RequestLimitExceeded", { ERR_TOO_MANY, .may_pass = true, .slows_down = true } },
    { "InternalError", { ERR_REMOTE, .may_pass = true } },
    { "ServiceUnavailable", { ERR_REMOTE, .may_pass = true, .slows_down = true } },
    { "OperationAborted",
      { ERR_REMOTE, .may_pass = true } }, /* a bucket that is being made or removed by another one */
    { "RequestTimeout", { ERR_REMOTE, .may_pass = true } },
    /* What arrived is not what was sent. */
    { "BadDigest", { ERR_REMOTE, .may_pass = true } },
    { "IncompleteBody", { ERR_REMOTE, .may_pass = true } },
    { "XAmzContentSHA256Mismatch", { ERR_REMOTE, .may_pass = true } },
};

static struct s3_meaning meaning_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return (struct s3_meaning){ ERR_FORBIDDEN };
    case 404:
        return (struct s3_meaning){ ERR_NOT_FOUND };
    case 405:
    case 501:
        return (struct s3_meaning){ ERR_UNSUPPORTED };
    case 412:
    case 416:
        return (struct s3_meaning){ ERR_CONFLICT };
    case 429:
        return (struct s3_meaning){ ERR_TOO_MANY, .may_pass = true, .slows_down = true };
    case 503:
        return (struct s3_meaning){ ERR_REMOTE, .may_pass = true, .slows_down = true };
    default:
        return (struct s3_meaning){ ERR_REMOTE, .may_pass = status >= 500 || status == 408 };
    }
}

struct s3_meaning s3_meaning_of(int status, const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (str_equal(meanings[i].code, code))
            return meanings[i].meaning;
    return meaning_of_status(status);
}
