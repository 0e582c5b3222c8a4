/* Removing objects with all their versions, and uploads that nobody completes. */
#include "clients/s3/s3_internal.h"

static bool delete_with(struct s3 *s3, const char *full_key, const char *parameter, const char *value,
                        const struct call *call, struct err *err)
{
    const struct s3_pair query[] = { { parameter, value }, { NULL } };
    const struct s3_request request = { .method = "DELETE", .key = full_key, .query = query };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (s3_send(s3, s3->http, &request, call, &reply, &problem) || problem.code == ERR_NOT_FOUND)
        return true;
    if (err)
        err_move(err, &problem);
    return false;
}

/* Looks why a version could not be deleted. Always false. */
static bool explain_refusal(struct s3 *s3, const char *full_key, const char *version, const struct call *call,
                            struct err *err)
{
    CLEANUP(object_release) struct object object = { 0 };
    if (!s3_head(s3, full_key, version, call, &object, NULL, NULL) || object.held_until_ms == 0)
        return false;
    CLEANUP(freep) char *held = s3_held_text(object.held_until_ms);
    return err_set(err, ERR_FORBIDDEN, "s3://%s/%s at %s is held by an object lock %s", s3->bucket, full_key,
                   s3->endpoint, held);
}

struct removal {
    struct s3 *s3;
    const char *full_key;
    const struct call *call;
};

static bool remove_versions(void *context, const struct s3_page *page, bool *ret_enough, struct err *err)
{
    const struct removal *removal = context;
    for (size_t i = 0; i < page->count; i++) {
        const struct s3_item *item = &page->items[i];
        if (!str_equal(item->key, removal->full_key)) { /* a longer one, and no later page has ours, the shortest */
            *ret_enough = true;
            continue;
        }
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (delete_with(removal->s3, item->key, "versionId", item->id ? item->id : "null", removal->call, &problem))
            continue;
        if (problem.code == ERR_FORBIDDEN && !item->is_marker)
            explain_refusal(removal->s3, item->key, item->id, removal->call, &problem);
        if (err)
            err_move(err, &problem);
        return false;
    }
    return true;
}

bool s3_remove(struct objects *objects, const char *key, const struct call *call, struct err *err)
{
    struct s3 *s3 = (struct s3 *)objects;
    CLEANUP(freep) char *full_key = s3_full_key(s3, key);
    struct removal removal = { .s3 = s3, .full_key = full_key, .call = call };
    if (!s3_prepare(s3, call, err) || !s3_find_versions(s3, call, err))
        return false;
    if (s3->versions == S3_VERSIONS_NONE)
        return delete_with(s3, full_key, NULL, NULL, call, err);
    return s3_pages(s3, S3_LIST_VERSIONS, full_key, remove_versions, &removal, call, err);
}

/* ---- uploads ---- */

struct sweeping {
    struct s3 *s3;
    const struct call *call;
    int64_t before_ms;
};

static bool abort_uploads(void *context, const struct s3_page *page, bool *ret_enough, struct err *err)
{
    const struct sweeping *sweeping = context;
    (void)ret_enough; /* all of them */
    for (size_t i = 0; i < page->count; i++) {
        const struct s3_item *item = &page->items[i];
        if (!item->id || item->time_ms > sweeping->before_ms)
            continue;
        if (!delete_with(sweeping->s3, item->key, "uploadId", item->id, sweeping->call, err))
            return false;
    }
    return true;
}

bool s3_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call, struct err *err)
{
    struct s3 *s3 = (struct s3 *)objects;
    CLEANUP(freep) char *full_prefix = s3_full_key(s3, prefix);
    struct sweeping sweeping = { .s3 = s3, .call = call, .before_ms = clock_wall_ms() - age_ms };
    return s3_prepare(s3, call, err) && s3_pages(s3, S3_LIST_UPLOADS, full_prefix, abort_uploads, &sweeping, call, err);
}
