/* `GET /recovery-key`: whether it was exported. `POST`: the key itself, which counts as exported then. */
#include "api/recovery_key.h"

#include "api/api.h"
#include "api/handlers.h"
#include "api/status.h"
#include "base/log.h"
#include "reconcilers/backup/recovery_key.h"
#include "reconcilers/backup/tiers.h"

static void key_release(struct recovery_key *key)
{
    mem_wipe(key, sizeof(*key));
}

static struct recovery_key key_of(struct worker *worker)
{
    const struct api_options *options = worker->shared->options;
    const struct backup_settings *backup = options->settings->backup;
    struct recovery_key key = { .has_identity = backup && backup->has_identity };
    size_t len = strnlen(options->settings->installation, sizeof(key.installation) - 1);
    memcpy(key.installation, options->settings->installation, len);
    memcpy(key.secrets_key, options->store->key, sizeof(key.secrets_key));
    if (key.has_identity)
        key.identity = backup->identity;
    return key;
}

/* A fact has the key's fingerprint in its name: with another key, that one is still to be exported. Owned. */
static char *fact_name(const struct recovery_key *key)
{
    CLEANUP(freep) char *fingerprint = recovery_key_fingerprint(key);
    return mem_printf("recovery-key-exported %s", fingerprint);
}

bool recovery_key_state(struct worker *worker, bool *ret_matters, bool *ret_exported, struct err *err)
{
    CLEANUP(key_release) struct recovery_key key = key_of(worker);
    CLEANUP(freep) char *name = fact_name(&key);
    CLEANUP(freep) char *since = NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret_matters = backup_has_place(worker->shared->options->settings);
    *ret_exported = store_fact(worker->store, name, NULL, &since, &problem);
    if (*ret_exported || problem.code == ERR_NOT_FOUND)
        return true;
    if (err)
        err_move(err, &problem);
    return false;
}

bool recovery_key_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request; /* there is one */
    bool matters, exported;
    if (!recovery_key_state(worker, &matters, &exported, err))
        return false;
    json_t *object = json_object();
    json_put(object, "exported", json_boolean(exported));
    if (matters && !exported) {
        json_put(object, "reason", json_from_text(RECOVERY_KEY_NOT_EXPORTED));
        json_put(object, "message", json_from_text(RECOVERY_KEY_ADVICE));
    }
    answer_json(answer, 200, object);
    return true;
}

bool recovery_key_export(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request; /* as above */
    CLEANUP(key_release) struct recovery_key key = key_of(worker);
    CLEANUP(freep) char *name = fact_name(&key);
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    CLEANUP(freep) char *since = NULL;
    if (!store_audit_note(worker->store, "RecoveryKey", "", key.installation, err) ||
        !store_fact(worker->store, name, now, &since, err))
        return false;
    char *text = recovery_key_print(&key);
    json_t *object = json_object();
    json_put(object, "key", json_from_text(text));
    mem_wipe(text, strlen(text));
    free(text);
    answer_json(answer, 200, object);
    strv_add(&answer->headers, "Cache-Control: no-store");
    log_info("recovery key exported", LOG_STR("first", since));
    return true;
}
