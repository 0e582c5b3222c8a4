/* `GET .../instances/{name}/secrets`: the passwords that an application was given, for who may log in to it. */
#include "api/handlers.h"
#include "api/status.h"
#include "api/write.h"

/* What tenantd alone uses: shown to nobody. */
static const char internal_prefix[] = "database";

bool secrets_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(json_decrefp) json_t *secrets = json_object();
    if (!write_find(worker, request, &record, err) || !store_secret_names(worker->store, record.uid, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        char *value = NULL;
        if (str_starts_with(name, internal_prefix))
            continue;
        if (!store_secret_get(worker->store, record.uid, name, &value, err))
            return err_wrap(err, "secret %s", name);
        json_put(secrets, name, json_from_text(value));
        mem_wipe(value, strlen(value));
        free(value);
    }
    json_t *object = json_object();
    json_put(object, "secrets", STEAL(secrets));
    answer_json(answer, 200, object);
    strv_add(&answer->headers, "Cache-Control: no-store");
    return true;
}
