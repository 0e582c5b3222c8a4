/* The bucket: whether it is there, made when it is missing, its versioning. */
#include "base/log.h"
#include "clients/s3/s3_internal.h"

static bool send(struct s3 *s3, const char *method, const struct s3_pair *query, const char *body,
                 const struct call *call, struct s3_reply *ret, struct err *err)
{
    const struct s3_request request = {
        .method = method, .query = query, .body = body, .body_len = body ? strlen(body) : 0
    };
    return s3_send(s3, s3->http, &request, call, ret, err);
}

/* us-east-1 is said by saying nothing. */
static bool make_bucket_in(struct s3 *s3, const char *region, const struct call *call, struct s3_reply *ret,
                           struct err *err)
{
    if (str_equal(region, "us-east-1"))
        return send(s3, "PUT", NULL, NULL, call, ret, err);
    CLEANUP(str_release) struct str body = STR_INIT;
    str_add(&body, "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>");
    str_add_xml_text(&body, region);
    str_add(&body, "</LocationConstraint></CreateBucketConfiguration>");
    return send(s3, "PUT", NULL, body.text, call, ret, err);
}

static bool make_bucket(struct s3 *s3, const struct call *call, struct err *err)
{
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    bool made = make_bucket_in(s3, s3->region, call, &reply, &problem);
    /* A server that ignores regions in signatures may still refuse them as the place of a bucket. */
    if (!made && reply.http.status == 400 && strstr(reply.problem.code, "LocationConstraint"))
        made = make_bucket_in(s3, "us-east-1", call, &reply, &problem);
    if (made || problem.code == ERR_EXISTS) { /* somebody was quicker */
        log_info("bucket created", LOG_STR("bucket", s3->bucket), LOG_STR("server", s3->endpoint));
        return true;
    }
    if (err)
        err_move(err, &problem);
    return err_wrap(err, "make the bucket");
}

bool s3_find_versions(struct s3 *s3, const struct call *call, struct err *err)
{
    static const struct s3_pair query[] = { { "versioning", "" }, { NULL } };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(freep) char *state = NULL;
    if (s3->versions != S3_VERSIONS_UNKNOWN)
        return true;
    if (!send(s3, "GET", query, NULL, call, &reply, &problem)) {
        if (problem.code != ERR_UNSUPPORTED) {
            if (err)
                err_move(err, &problem);
            return false;
        }
        s3->versions = S3_VERSIONS_NONE;
        return true;
    }
    if (!s3_text_read(reply.http.body.text, reply.http.body.len, "VersioningConfiguration/Status", &state, err))
        return err_wrap(err, "versioning of s3://%s at %s", s3->bucket, s3->endpoint);
    /* "Suspended" still has the old ones. */
    s3->versions = *state ? S3_VERSIONS_SOME : S3_VERSIONS_NONE;
    return true;
}

static bool turn_versioning_on(struct s3 *s3, const struct call *call, struct err *err)
{
    static const struct s3_pair query[] = { { "versioning", "" }, { NULL } };
    static const char body[] = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                               "<Status>Enabled</Status></VersioningConfiguration>";
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(freep) char *state = NULL;
    if (send(s3, "GET", query, NULL, call, &reply, &problem) &&
        s3_text_read(reply.http.body.text, reply.http.body.len, "VersioningConfiguration/Status", &state, &problem) &&
        (str_equal(state, "Enabled") || send(s3, "PUT", query, body, call, &reply, &problem))) {
        s3->versions = S3_VERSIONS_SOME;
        return true;
    }
    if (problem.code == ERR_UNSUPPORTED) { /* a backup without versions is better than none */
        log_warning("the S3 server has no versioning", LOG_STR("bucket", s3->bucket), LOG_STR("server", s3->endpoint));
        s3->versions = S3_VERSIONS_NONE;
        return true;
    }
    if (err)
        err_move(err, &problem);
    return err_wrap(err, "turn versioning on");
}

bool s3_prepare(struct s3 *s3, const struct call *call, struct err *err)
{
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (s3->is_prepared)
        return true;
    if (!send(s3, "HEAD", NULL, NULL, call, &reply, &problem)) {
        if (problem.code == ERR_NOT_FOUND) {
            if (!make_bucket(s3, call, err))
                return false;
        } else if (reply.http.status / 100 != 4 && reply.http.status / 100 != 3) {
            if (err)
                err_move(err, &problem);
            return false;
        } /* else an answer to a HEAD does not say why, and what is asked next will */
    }
    if (s3->versioning && !turn_versioning_on(s3, call, err))
        return false;
    s3->is_prepared = true;
    return true;
}
