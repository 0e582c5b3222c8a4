/* Lists of a bucket, page by page. */
#include "clients/s3/s3_internal.h"

#define PAGE_KEYS "1000"

struct paging {
    char *token, *key, *id; /* where the next page begins */
};

static void paging_release(struct paging *paging)
{
    free(paging->token);
    free(paging->key);
    free(paging->id);
}

static bool get_page(struct s3 *s3, enum s3_list list, const char *full_prefix, const struct paging *paging,
                     const struct call *call, struct s3_page *ret, struct err *err)
{
    struct s3_pair query[8] = { { "prefix", full_prefix } };
    size_t count = 1;
    /* Keys of others may have what XML has no letter for. Ceph 16 encodes those of uploads, too, and does not say so. */
    if (list != S3_LIST_UPLOADS)
        query[count++] = (struct s3_pair){ "encoding-type", "url" };
    if (list == S3_LIST_OBJECTS) {
        query[count++] = (struct s3_pair){ "list-type", "2" };
        query[count++] = (struct s3_pair){ "max-keys", PAGE_KEYS };
        if (paging->token)
            query[count++] = (struct s3_pair){ "continuation-token", paging->token };
    } else {
        bool is_versions = list == S3_LIST_VERSIONS;
        query[count++] = (struct s3_pair){ is_versions ? "versions" : "uploads", "" };
        query[count++] = (struct s3_pair){ is_versions ? "max-keys" : "max-uploads", PAGE_KEYS };
        if (paging->key)
            query[count++] = (struct s3_pair){ "key-marker", paging->key };
        if (paging->id)
            query[count++] = (struct s3_pair){ is_versions ? "version-id-marker" : "upload-id-marker", paging->id };
    }
    const struct s3_request request = { .method = "GET", .query = query };
    CLEANUP(s3_reply_release) struct s3_reply reply = S3_REPLY_INIT;
    if (!s3_send(s3, s3->http, &request, call, &reply, err))
        return false;
    return s3_page_read(reply.http.body.text, reply.http.body.len, ret, err) ||
           err_wrap(err, "list s3://%s/%s at %s", s3->bucket, full_prefix, s3->endpoint);
}

/* Takes from `page` where the next one begins. False: nowhere, or where this one did, which would go on for ever. */
static bool turn_page(struct paging *paging, struct s3_page *page)
{
    bool moves = page->next_token ? !str_equal(page->next_token, paging->token)
                                  : page->next_key && !(str_equal(page->next_key, paging->key) &&
                                                        str_equal(page->next_id, paging->id));
    paging_release(paging);
    paging->token = STEAL(page->next_token);
    paging->key = STEAL(page->next_key);
    paging->id = STEAL(page->next_id);
    return moves;
}

bool s3_pages(struct s3 *s3, enum s3_list list, const char *full_prefix, s3_page_fn *visit, void *context,
              const struct call *call, struct err *err)
{
    CLEANUP(paging_release) struct paging paging = { 0 };
    for (;;) {
        CLEANUP(s3_page_release) struct s3_page page = { 0 };
        bool enough = false;
        if (!get_page(s3, list, full_prefix, &paging, call, &page, err) || !visit(context, &page, &enough, err))
            return false;
        if (enough || !page.is_truncated)
            return true;
        if (!turn_page(&paging, &page))
            return err_set(err, ERR_REMOTE, "list s3://%s/%s at %s: more was promised, and not where it begins",
                           s3->bucket, full_prefix, s3->endpoint);
    }
}

struct listing {
    const struct s3 *s3;
    objects_visit_fn *visit;
    void *context;
};

static bool show_page(void *context, const struct s3_page *page, bool *ret_enough, struct err *err)
{
    const struct listing *listing = context;
    (void)ret_enough; /* all of them */
    size_t skip = listing->s3->prefix ? strlen(listing->s3->prefix) + 1 : 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct s3_item *item = &page->items[i];
        /* Others may keep what they like in the bucket; what is no key of ours could not be read by it either. */
        if (strlen(item->key) <= skip || !objects_key_check(item->key + skip, NULL))
            continue;
        CLEANUP(object_release)
        struct object object = {
            .key = mem_strdup(item->key + skip),
            .size = item->size,
            .modified_ms = item->time_ms,
        };
        if (!listing->visit(listing->context, &object, err))
            return false;
    }
    return true;
}

bool s3_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
             const struct call *call, struct err *err)
{
    struct s3 *s3 = (struct s3 *)objects;
    struct listing listing = { .s3 = s3, .visit = visit, .context = context };
    CLEANUP(freep) char *full_prefix = s3_full_key(s3, prefix);
    return s3_prepare(s3, call, err) && s3_pages(s3, S3_LIST_OBJECTS, full_prefix, show_page, &listing, call, err);
}
