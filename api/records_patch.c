/* PATCH of records: merge patch and JSON patch. */
#include "api/handlers.h"
#include "api/patch.h"
#include "api/status.h"
#include "api/write.h"

/*
 * Others may write between our reading and writing; then the patch is applied to what they left. Each time we lose somebody
 * has won, and no more write at a time than there are workers.
 */
#define TRIES 32

enum patch_type { PATCH_MERGE, PATCH_JSON };

static bool read_type(const struct request *request, enum patch_type *ret, struct err *err)
{
    CLEANUP(freep) char *media = request_media_type(request);
    *ret = str_equal(media, "application/json-patch+json") ? PATCH_JSON : PATCH_MERGE;
    return *ret == PATCH_JSON || str_equal(media, "application/merge-patch+json") ||
           err_set(err, ERR_UNSUPPORTED,
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

/* The stored document as the patch leaves it. */
static bool apply(enum patch_type type, const struct record *stored, const json_t *patch, json_t **ret_document,
                  struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = record_to_json(stored);
    if (type == PATCH_JSON && !patch_json(document, patch, ret_document, err))
        return false;
    if (type == PATCH_MERGE)
        *ret_document = patch_merge(document, patch);
    return json_is_object(*ret_document) || err_set(err, ERR_BAD_REQUEST, "the patch leaves no object");
}

/* One try. `ret_again`: somebody else wrote meanwhile, and the patch does not say on which version it insists. */
static bool patch_once(struct worker *worker, struct request *request, enum patch_type type, const json_t *patch,
                       struct answer *answer, bool *ret_again, struct err *err)
{
    CLEANUP(record_release) struct record stored = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    CLEANUP(json_decrefp) json_t *document = NULL;
    enum store_mode mode;
    int64_t version;
    *ret_again = false;
    if (!request_mode(request, &mode, err) || !write_find(worker, request, &stored, err) ||
        !apply(type, &stored, patch, &document, err) ||
        !write_decode(request, document, request->name, answer, &next, &version, err))
        return false;
    int64_t expected = version ? version : stored.version; /* a patch may have taken it out */
    if (!write_update(worker, request, &next, expected, mode, err)) {
        *ret_again = err->code == ERR_CONFLICT && expected == stored.version;
        return false;
    }
    answer_json(answer, 200, record_to_json(&next));
    return true;
}

bool records_patch(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *patch = NULL;
    enum patch_type type;
    CLEANUP(freep) char *media = request_media_type(request);
    if (str_equal(media, "application/apply-patch+yaml"))
        return records_apply(worker, request, answer, err);
    if (!read_type(request, &type, err) || !json_parse(request->body.text, request->body.len, &patch, err))
        return false;
    for (int tries = 1;; tries++) {
        bool again;
        if (patch_once(worker, request, type, patch, answer, &again, err))
            return true;
        if (!again || tries == TRIES)
            return false;
        err_clear(err);
        strv_release(&answer->headers); /* the warnings come again */
    }
}
