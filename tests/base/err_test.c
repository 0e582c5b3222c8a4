#include <errno.h>

#include "base/err.h"
#include "tests/check.h"

static const struct {
    const char *why;
    enum err_code code;
    enum retry_class retry;
    int http_status;
    const char *reason;
} kind_rows[] = {
    { "our mistake is tried again", ERR_INTERNAL, RETRY_BACKOFF, 500, "InternalError" },
    { "wrong input waits for a change", ERR_INVALID, RETRY_NEVER, 422, "Invalid" },
    { "an unreadable request never gets better", ERR_BAD_REQUEST, RETRY_NEVER, 400, "BadRequest" },
    { "a missing credential may come", ERR_UNAUTHORIZED, RETRY_BACKOFF, 401, "Unauthorized" },
    { "a missing grant may come", ERR_FORBIDDEN, RETRY_BACKOFF, 403, "Forbidden" },
    { "what is not there may come", ERR_NOT_FOUND, RETRY_BACKOFF, 404, "NotFound" },
    { "a stranger under our name", ERR_EXISTS, RETRY_CONFLICT, 409, "AlreadyExists" },
    { "somebody else's change", ERR_CONFLICT, RETRY_CONFLICT, 409, "Conflict" },
    { "too large stays too large", ERR_TOO_LARGE, RETRY_NEVER, 413, "RequestEntityTooLarge" },
    { "an expired version is listed anew", ERR_EXPIRED, RETRY_BACKOFF, 410, "Expired" },
    { "unknown media type", ERR_UNSUPPORTED, RETRY_NEVER, 415, "UnsupportedMediaType" },
    { "unknown method", ERR_METHOD, RETRY_NEVER, 405, "MethodNotAllowed" },
    { "asked to slow down", ERR_TOO_MANY, RETRY_BACKOFF, 429, "TooManyRequests" },
    { "no answer", ERR_UNREACHABLE, RETRY_BACKOFF, 503, "ServiceUnavailable" },
    { "deadline", ERR_TIMEOUT, RETRY_BACKOFF, 504, "Timeout" },
    { "cancelled", ERR_CANCELLED, RETRY_BACKOFF, 503, "ServiceUnavailable" },
    { "the other side failed", ERR_REMOTE, RETRY_BACKOFF, 503, "ServiceUnavailable" },
    { "a disk is full", ERR_DISK_FULL, RETRY_BACKOFF, 503, "ServiceUnavailable" },
    { "a program failed", ERR_EXIT, RETRY_BACKOFF, 500, "InternalError" },
};

static void kind_is(void **state)
{
    const __typeof__(kind_rows[0]) *row = *state;
    const struct err_kind *kind = &err_kinds[row->code];
    assert_int_equal(kind->retry, row->retry);
    assert_int_equal(kind->http_status, row->http_status);
    assert_string_equal(kind->reason, row->reason);
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(kind_rows), ERR_CODES - 1);
    for (size_t i = 0; i < ERR_CODES; i++) {
        assert_non_null(err_kinds[i].name);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(err_kinds[i].name, err_kinds[k].name);
    }
}

static const struct {
    const char *why;
    int errnum;
    enum err_code code;
    const char *message;
} errno_rows[] = {
    { "no such file", ENOENT, ERR_NOT_FOUND, "open /x: No such file or directory" },
    { "refused", ECONNREFUSED, ERR_UNREACHABLE, "open /x: Connection refused" },
    { "reset", ECONNRESET, ERR_UNREACHABLE, "open /x: Connection reset by peer" },
    { "broken pipe", EPIPE, ERR_UNREACHABLE, "open /x: Broken pipe" },
    { "no route", EHOSTUNREACH, ERR_UNREACHABLE, "open /x: No route to host" },
    { "silent peer", ETIMEDOUT, ERR_UNREACHABLE, "open /x: Connection timed out" },
    { "no right", EACCES, ERR_INTERNAL, "open /x: Permission denied" },
    { "a path through a file is no positive not-found", ENOTDIR, ERR_INTERNAL, "open /x: Not a directory" },
    { "unknown number", 99999, ERR_INTERNAL, "open /x: error number 99999" },
};

static void errno_becomes(void **state)
{
    const __typeof__(errno_rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_false(err_set_errno(&err, row->errnum, "open %s", "/x"));
    assert_int_equal(err.code, row->code);
    assert_string_equal(err_message(&err), row->message);
}

static void wrapping_keeps_code_and_cause(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_false(err_set(&err, ERR_TIMEOUT, "no answer in %d ms", 50));
    assert_false(err_wrap(&err, "inspect image %s", "odoo"));
    assert_false(err_wrap(&err, "instance %d%%", 1));
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_string_equal(err_message(&err), "instance 1%: inspect image odoo: no answer in 50 ms");
}

static void percent_signs_of_a_cause_are_no_format(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    err_set(&err, ERR_REMOTE, "%s", "100%s%n");
    err_wrap(&err, "answer");
    assert_string_equal(err_message(&err), "answer: 100%s%n");
}

static void wrapping_nothing_is_still_a_failure(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_false(err_wrap(&err, "start"));
    assert_int_equal(err.code, ERR_INTERNAL);
    assert_string_equal(err_message(&err), "start: failed without a reason");
}

static void arguments_may_come_from_the_old_message(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    err_set(&err, ERR_REMOTE, "first");
    err_set(&err, ERR_CONFLICT, "second after %s", err_message(&err));
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err_message(&err), "second after first");
    err_wrap(&err, "[%s]", err_message(&err));
    assert_string_equal(err_message(&err), "[second after first]: second after first");
}

static void null_err_is_allowed(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_INVALID, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_set_errno(NULL, ENOENT, "x"));
    assert_string_equal(err_message(NULL), "");
}

static void moving_and_clearing(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err from = ERR_INIT;
    CLEANUP(err_release) struct err to = ERR_INIT;
    err_set(&from, ERR_EXIT, "status 1");
    err_set(&to, ERR_INVALID, "is dropped");
    err_move(&to, &from);
    assert_int_equal(from.code, ERR_NONE);
    assert_string_equal(err_message(&from), "");
    assert_int_equal(to.code, ERR_EXIT);
    err_move(&to, &to);
    assert_string_equal(err_message(&to), "status 1");
    err_clear(&to);
    assert_int_equal(to.code, ERR_NONE);
    assert_null(to.message);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, kind_is, kind_rows);
    CHECK_TEST(&list, every_code_has_a_name_of_its_own);
    CHECK_ROWS(&list, errno_becomes, errno_rows);
    CHECK_TEST(&list, wrapping_keeps_code_and_cause);
    CHECK_TEST(&list, percent_signs_of_a_cause_are_no_format);
    CHECK_TEST(&list, wrapping_nothing_is_still_a_failure);
    CHECK_TEST(&list, arguments_may_come_from_the_old_message);
    CHECK_TEST(&list, null_err_is_allowed);
    CHECK_TEST(&list, moving_and_clearing);
    return check_run("err", &list);
}
