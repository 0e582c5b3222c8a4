/* What Sources need of the API beyond records: their secrets, and the hooks by which a git server announces a push. */
#include <ctype.h>

#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"
#include "base/crypto.h"
#include "specs/source.h"
#include "specs/wording.h"

#define SECRET_MAX ((size_t)64 << 10)
#define TRIES      5

/* ---- asking for a sync ---- */

/* With milliseconds: two that come within one second are two. Owned. */
static char *request_time(void)
{
    int64_t now_ms = clock_wall_ms();
    CLEANUP(freep) char *seconds = time_to_rfc3339(now_ms);
    return mem_printf("%.19s.%03dZ", seconds, (int)(now_ms % SECOND_MS));
}

/* Nothing is written while one is pending: a fetch that begins after now answers this one, too. */
static bool is_pending(struct worker *worker, const struct record *record, bool *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *state = NULL;
    const char *asked = record_annotation(record, ANNOTATION_SYNC_REQUESTED);
    if (!store_state_get(worker->store, record->uid, &state, err))
        return false;
    *ret = asked && !str_equal(asked, json_text(state, "handled"));
    return true;
}

static bool ask_for_sync(struct worker *worker, const struct record *found, const char *who, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    record_copy(&record, found);
    for (int tries = 1;; tries++) {
        CLEANUP(freep) char *now = request_time();
        const struct store_write write = { .mode = STORE_WRITE, .who = who };
        bool pending = false;
        if (!is_pending(worker, &record, &pending, err))
            return false;
        json_put_text(record.annotations, ANNOTATION_SYNC_REQUESTED, now);
        if (pending || store_update(worker->store, &record, record.version, &write, err))
            return true;
        if (err->code != ERR_CONFLICT || tries == TRIES)
            return false;
        err_clear(err);
        if (!store_get(worker->store, &found->key, &record, err))
            return false;
    }
}

/* ---- secrets ---- */

static bool find_source(struct worker *worker, struct request *request, struct record *ret, struct err *err)
{
    if (request->view.record_kind->id != KIND_SOURCE)
        return err_set(err, ERR_NOT_FOUND, "secrets can be set for Sources only");
    return write_find(worker, request, ret, err);
}

static bool find_name(const struct request *request, const char **ret, struct err *err)
{
    const char *name = request_param(request, "key");
    for (size_t i = 0; source_secrets[i]; i++)
        if (str_equal(source_secrets[i], name)) {
            *ret = source_secrets[i];
            return true;
        }
    CLEANUP(freep) char *shown = quoted(name);
    return err_set(err, ERR_BAD_REQUEST, "a Source has no secret %s; there are %s, %s and %s", shown,
                   SOURCE_SECRET_PASSWORD, SOURCE_SECRET_SSH_KEY, SOURCE_SECRET_WEBHOOK);
}

/* The one row of the audit for all that is written then: the sync that it asks for is no act of its own. */
static bool note_change(struct worker *worker, const struct request *request, struct err *err)
{
    if (!store_audit_note(worker->store, kinds[KIND_SOURCE].name, "", request->name, err))
        return false;
    store_set_origin(worker->store, NULL);
    return true;
}

bool source_secret_put(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *document = NULL;
    const char *name;
    record_init(&record);
    if (!find_source(worker, request, &record, err) || !find_name(request, &name, err) ||
        !request_document(request, &document, err))
        return false;
    const char *value = json_text(document, "value");
    if (!value || !value[0] || strlen(value) > SECRET_MAX)
        return err_set(err, ERR_BAD_REQUEST, "the body is {\"value\": \"...\"}, with at most 64 KiB");
    if (!note_change(worker, request, err) || !store_secret_put(worker->store, record.uid, name, value, err) ||
        !ask_for_sync(worker, &record, request->identity.user, err))
        return false;
    answer_json(answer, 200, json_object());
    return true;
}

bool source_secret_drop(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    const char *name;
    record_init(&record);
    if (!find_source(worker, request, &record, err) || !find_name(request, &name, err) ||
        !note_change(worker, request, err) || !store_secret_drop(worker->store, record.uid, name, err))
        return false;
    answer_json(answer, 200, json_object());
    return true;
}

/* Which there are; what they are is shown to nobody. */
bool source_secrets_list(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    record_init(&record);
    if (!find_source(worker, request, &record, err) || !store_secret_names(worker->store, record.uid, &names, err))
        return false;
    json_t *object = json_object();
    json_put(object, "names", json_from_strv(&names));
    answer_json(answer, 200, object);
    return true;
}

bool source_sync(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    record_init(&record);
    if (!find_source(worker, request, &record, err) || !ask_for_sync(worker, &record, request->identity.user, err))
        return false;
    answer_json(answer, 202, json_object());
    return true;
}

/* ---- hooks ---- */

/* GitHub's and Gitea's scheme: "sha256=" and the HMAC of the body in hex. */
static bool is_signed(const struct request *request, const char *secret)
{
    uint8_t mac[SHA256_SIZE];
    CLEANUP(str_release) struct str expected = STR_INIT;
    CLEANUP(freep) char *given = mem_strdup(request->signature ? request->signature : "");
    hmac_sha256(secret, strlen(secret), request->body.text, request->body.len, mac);
    str_add(&expected, "sha256=");
    str_add_hex(&expected, mac, sizeof(mac));
    for (char *at = given; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return equal_constant_time(expected.text, given);
}

/* A push that has been followed already, told again. */
static bool is_old_news(const struct request *request, const struct record *record)
{
    CLEANUP(json_decrefp) json_t *push = NULL;
    CLEANUP(err_release) struct err ignored = ERR_INIT; /* a ping, or another server's words: a sync harms nobody */
    const char *revision = json_text(record->status, "revision");
    if (!json_parse(request->body.text, request->body.len, &push, &ignored))
        return false;
    const char *after = json_text(push, "after");
    return after && str_equal(after, revision) && str_equal(json_text(record->status, "phase"), "Synced");
}

bool source_hook(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct record_key key;
    char *secret = NULL;
    record_init(&record);
    /* Whether a Source exists is nothing that a stranger learns here. */
    bool found = record_key_set(&key, KIND_SOURCE, "", request_param(request, "name")) &&
                 store_get(worker->store, &key, &record, &problem) &&
                 store_secret_get(worker->store, record.uid, SOURCE_SECRET_WEBHOOK, &secret, &problem);
    if (!found && problem.code != ERR_NONE && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    bool good = secret && is_signed(request, secret);
    if (secret)
        mem_wipe(secret, strlen(secret));
    free(secret);
    if (!good)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    if (is_old_news(request, &record)) {
        answer_json(answer, 200, json_object());
        return true;
    }
    if (!ask_for_sync(worker, &record, "webhook", err))
        return false;
    answer_json(answer, 202, json_object());
    return true;
}
