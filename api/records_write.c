/* POST and PUT of records. */
#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"

#define NAME_TRIES 8

/* With ?dryRun=All as the server would answer without it; nothing is kept. */
static bool create_named(struct worker *worker, struct request *request, const json_t *document, const char *name,
                         struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    enum store_mode mode;
    int64_t version; /* of something that does not exist yet: says nothing */
    if (!request_mode(request, &mode, err) || !write_decode(request, document, name, answer, &record, &version, err) ||
        !write_create(worker, request, &record, mode, err))
        return false;
    answer_json(answer, 201, record_to_json(&record));
    return true;
}

static char *make_name(const char *prefix)
{
    /* Kubernetes' alphabet for such names: no vowels and no look-alikes. */
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    CLEANUP(str_release) struct str name = STR_INIT;
    str_add(&name, prefix);
    for (int i = 0; i < 5; i++)
        str_addc(&name, letters[random_below(sizeof(letters) - 1)]);
    return str_steal(&name);
}

bool records_create(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    if (!request_document(request, &document, err))
        return false;
    const json_t *metadata = json_object_get(document, "metadata");
    const char *name = json_text(metadata, "name");
    const char *prefix = json_text(metadata, "generateName");
    request_set_about(request, &request->view, name);
    if ((name && name[0]) || !prefix || prefix[0] == '\0')
        return create_named(worker, request, document, NULL, answer, err);
    for (int tries = 1;; tries++) {
        CLEANUP(freep) char *made = make_name(prefix);
        request_set_about(request, &request->view, made);
        if (create_named(worker, request, document, made, answer, err))
            return true;
        if (err->code != ERR_EXISTS || tries == NAME_TRIES)
            return false;
        err_clear(err);
    }
}

bool records_replace(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(record_release) struct record record = { 0 };
    enum store_mode mode;
    int64_t version;
    if (!request_mode(request, &mode, err) || !request_document(request, &document, err) ||
        !write_decode(request, document, request->name, answer, &record, &version, err) ||
        !write_update(worker, request, &record, version, mode, err))
        return false;
    answer_json(answer, 200, record_to_json(&record));
    return true;
}

/* PUT and PATCH of .../status, which is there to be read. */
bool records_refuse_status(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker; /* whatever the body says */
    (void)answer;
    return err_set(err, ERR_METHOD, "the status of %s is written by the controller alone; change spec instead",
                   request->view.plural);
}
