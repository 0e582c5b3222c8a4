/* What must hold, of the world beside the records; see run.h. Each function looks for what is wrong, and says it in a sentence. */
#include "reconcilers/names.h"
#include "reconcilers/workload.h"
#include "specs/app.h"
#include "specs/instance.h"
#include "specs/quantity.h"
#include "specs/tenant.h"
#include "tests/sim/run.h"

/* ---- at any time ---- */

void oracle_destroyed(void *context, const char *name, const struct sim_data *data)
{
    struct run *run = context;
    if (!data->is_counted)
        return;
    const struct ledger *ledger = run_ledger(run, data->owner);
    if (ledger->loss_accepted || (ledger->deletion_asked && ledger->may_be_deleted))
        return;
    run_fail(run, "%s held data and was destroyed, and nobody had asked for it%s", name,
             ledger->deletion_asked ? " (it was to be retained)" : "");
}

void oracle_touched(void *context, const char *call, const char *name, const json_t *labels)
{
    struct run *run = context;
    if (!str_equal(json_text(labels, LABEL_INSTALLATION), sim_settings.installation) ||
        str_equal(json_text(labels, LABEL_UID), LEFTOVER_UID))
        run_fail(run, "%s of %s, which is a stranger's", call, name);
}

/* From now on what the record's data is counts. */
void oracle_state(void *context, const char *uid, const json_t *state)
{
    struct run *run = context;
    const struct record *record = sim_record_by_uid(uid);
    if (record->key.kind != KIND_INSTANCE || !json_bool(state, "initialised") || json_bool(state, "dirty"))
        return;
    const char *name = json_text(json_object_get(record->spec, "database"), "name");
    const char *volume_name = json_text(state, "volume");
    struct sim_database *database = sim_database_find(name);
    struct sim_volume *volume = volume_name ? map_get(sim->engine->volumes, volume_name) : NULL;
    struct sim_data *all[] = { database ? &database->data : NULL, volume ? &volume->data : NULL };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!all[i] || all[i]->is_counted)
            continue;
        if (all[i]->state != SIM_WHOLE && !run_ledger(run, uid)->was_hurt)
            run_fail(run, "the data of %s is called initialised and is not whole", record->key.name);
        all[i]->is_counted = true;
        snprintf(all[i]->owner, sizeof(all[i]->owner), "%s", uid);
    }
}

/* ---- one instance ---- */

/* What is looked at: the record decoded, beside it the world. */
struct subject {
    const struct record *record;
    struct instance_spec spec;
    struct instance_status status;
    struct tenant_spec tenant;
    const json_t *state;
    bool runs;
    char *container, *role, *stamp;
};

static void subject_release(struct subject *subject)
{
    fields_release(instance_spec_fields, &subject->spec);
    fields_release(instance_status_fields, &subject->status);
    fields_release(tenant_spec_fields, &subject->tenant);
    free(subject->container);
    free(subject->role);
    free(subject->stamp);
}

static void subject_load(struct subject *subject, const struct record *record)
{
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    struct record_key key;
    *subject = (struct subject){ .record = record };
    fields_decode(instance_spec_fields, record->spec, "", &subject->spec, &ignored);
    fields_decode(instance_status_fields, record->status, "", &subject->status, &ignored);
    const struct record *tenant =
        record_key_set(&key, KIND_TENANT, "", record->key.namespace) ? sim_record_find(&key) : NULL;
    if (tenant)
        fields_decode(tenant_spec_fields, tenant->spec, "", &subject->tenant, &ignored);
    subject->state = map_get(sim->store->states, record->uid);
    subject->runs = subject->spec.state == STATE_RUNNING && !subject->tenant.suspended;
    subject->container = name_container(&sim_settings, &record->key);
    subject->role = name_role(&sim_settings, record->uid);
    subject->stamp = name_stamp(&sim_settings, record->uid);
}

/* The upgrade that was asked for did not work, and the version before goes on: a user has to decide. */
static bool has_failed_version(const struct subject *subject)
{
    return str_equal(json_text(subject->state, "failedVersion"), subject->spec.version) &&
           json_int(subject->state, "failedGeneration", 0) == subject->record->generation;
}

static char *look_at_status(const struct subject *subject)
{
    const struct condition *ready = condition_find(&subject->status.conditions, "Ready");
    if (!ready)
        return mem_strdup("no status");
    if (ready->status != CONDITION_TRUE && !(has_failed_version(subject) && str_equal(ready->reason, "UpgradeFailed")))
        return mem_printf("not Ready: %s: %s", ready->reason, ready->message ? ready->message : "");
    if (subject->status.observed_generation != subject->record->generation)
        return mem_strdup("its status is of an older generation");
    if (subject->status.retry.class)
        return mem_strdup("its status tells of a retry");
    const char *phase = subject->runs ? "Running" : subject->tenant.suspended ? "Suspended" : "Stopped";
    if (!str_equal(subject->status.phase, phase) && !has_failed_version(subject))
        return mem_printf("its phase is %s, not %s", subject->status.phase, phase);
    return NULL;
}

static char *look_at_data(const struct subject *subject)
{
    const char *volume_name = json_text(subject->state, "volume"), *why;
    const struct sim_database *database = sim_database_find(subject->spec.database.name);
    const struct sim_volume *volume = volume_name ? map_get(sim->engine->volumes, volume_name) : NULL;
    CLEANUP(freep) char *key = mem_strdup(subject->record->uid);
    const struct map *secrets = map_get(sim->store->secrets, key);
    if (!database || !volume || !secrets)
        return mem_printf("it has no %s", !database ? "database" : !volume ? "volume" : "secrets");
    if (database->data.state != SIM_WHOLE || volume->data.state != SIM_WHOLE ||
        database->data.token != volume->data.token)
        return mem_strdup("its database and its volume are not of one init");
    if (!str_equal(database->seen.owner, subject->role) ||
        (database->objects_role && !str_equal(database->objects_role, subject->role)) ||
        !str_equal(database->seen.comment, subject->stamp) || database->seen.public_can_connect ||
        database->seen.deviates)
        return mem_strdup("its database is not as it should be left");
    if (!sim_login(subject->role, map_get(secrets, "database.password"), subject->spec.database.name, &why))
        return mem_printf("it cannot log in: %s", why);
    const struct sim_role *role = sim_role_find(subject->role);
    if (role->connection_limit != sim_settings.role_connection_limit || role->deviates)
        return mem_strdup("its role is not as it should be left");
    CLEANUP(freep) char *addons = strv_join(&subject->spec.addons, ",");
    const char *applied = json_text(database->applied, "addons");
    if (subject->runs && !has_failed_version(subject) && !str_equal(applied ? applied : "", addons))
        return mem_printf("its addons are %s in the database, and %s were asked for", applied, addons);
    if (!name_is_ours(&sim_settings, volume->labels, subject->record->uid))
        return mem_strdup("its volume is not its own");
    return NULL;
}

static char *look_at_container(const struct subject *subject)
{
    const struct sim_container *container = sim_container_find(subject->container);
    bool running = container && container->seen.state == CONTAINER_RUNNING;
    if (running != subject->runs)
        return mem_printf("its container is %s", running ? "running" : "not running");
    if (container && !name_is_ours(&sim_settings, container->seen.labels, subject->record->uid))
        return mem_strdup("its container is not its own");
    if (!running)
        return NULL;
    const struct container *seen = &container->seen;
    CLEANUP(freep) char *network = name_network(&sim_settings, subject->record->key.namespace);
    CLEANUP(freep) char *image = mem_printf("sim/app:%s", json_text(subject->state, "version"));
    const char *set = json_text(subject->spec.env, "SET");
    if (!sim_network_find(network) || !map_get(sim_network_find(network)->members, seen->id))
        return mem_strdup("its container is not on its network");
    if (!str_equal(seen->image, image))
        return mem_printf("its container is made from %s, its data is for %s", seen->image, image);
    if (!has_failed_version(subject) && !str_equal(json_text(subject->state, "version"), subject->spec.version))
        return mem_strdup("it runs another version than was asked for");
    if (seen->memory_bytes != subject->spec.resources.memory_bytes || seen->pids_limit != PIDS_LIMIT ||
        seen->nano_cpus != subject->spec.resources.cpu_millicores * 1000000 || !str_equal(seen->restart_policy, "no"))
        return mem_strdup("its limits are not those that were asked for");
    if (set && !str_equal(sim_container_env(container, "SET"), set))
        return mem_strdup("its environment is not the one that was asked for");
    if (json_object_size(container->files) != 1)
        return mem_strdup("its files are missing");
    int64_t port = json_int(json_array_get(seen->ports, 0), "host", 0);
    if (str_equal(subject->spec.publish, "auto") ? port == 0
                                                 : port != (str_equal(subject->spec.publish, "none") ? 0 : 20005))
        return mem_printf("it publishes port %" PRId64, port);
    struct probe_target target = { 0 };
    snprintf(target.container_id, sizeof(target.container_id), "%s", seen->id);
    if (container->is_hung && !scene_has_health())
        return NULL; /* nobody looks */
    const char *problem = scene_probe(NULL, &target);
    return problem ? mem_printf("it does not answer well: %s", problem) : NULL;
}

static char *look_at_instance(const struct record *record)
{
    CLEANUP(subject_release) struct subject subject = { 0 };
    char *(*const looks[])(const struct subject *) = { look_at_status, look_at_data, look_at_container };
    if (record->deletion_ms)
        return mem_strdup("it is still being deleted");
    subject_load(&subject, record);
    char *wrong = NULL;
    for (size_t i = 0; !wrong && i < ARRAY_LEN(looks); i++)
        wrong = looks[i](&subject);
    return wrong;
}

/* ---- tenants and Apps ---- */

static char *look_at_other(const struct record *record)
{
    struct tenant_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT;
    if (record->deletion_ms)
        return mem_strdup("it is still being deleted");
    fields_decode(tenant_status_fields, record->status, "", &status, &ignored); /* an App's has these, too */
    const struct condition *ready = condition_find(&status.conditions, "Ready");
    char *wrong = NULL;
    if (!ready || ready->status != CONDITION_TRUE || status.retry.class)
        wrong = mem_printf("not Ready: %s: %s", ready ? ready->reason : "no status",
                           ready && ready->message ? ready->message : "");
    else if (status.observed_generation != record->generation)
        wrong = mem_strdup("its status is of an older generation");
    if (!wrong && record->key.kind == KIND_TENANT) {
        CLEANUP(freep) char *name = name_network(&sim_settings, record->key.name);
        const struct sim_network *network = sim_network_find(name);
        if (!network || !name_is_ours(&sim_settings, network->labels, record->uid) ||
            !str_equal(network->subnet, status.subnet))
            wrong = mem_strdup("it has no network of its own");
    }
    fields_release(tenant_status_fields, &status);
    return wrong;
}

/* ---- what nobody asked for ---- */

/* The record of that uid stands, and this name is the one its kind of thing has. */
static char *look_at_owner(const char *what, const char *name, const json_t *labels)
{
    const char *uid = json_text(labels, LABEL_UID), *purpose = json_text(labels, LABEL_PURPOSE);
    const struct record *record = uid ? sim_record_by_uid(uid) : NULL;
    if (!str_equal(json_text(labels, LABEL_INSTALLATION), sim_settings.installation) || str_equal(uid, LEFTOVER_UID))
        return NULL;
    if (!record)
        return mem_printf("%s %s belongs to no record", what, name);
    if (!str_equal(what, "container"))
        return NULL;
    CLEANUP(freep) char *wanted = name_container(&sim_settings, &record->key);
    if (!str_equal(purpose, "app"))
        return mem_printf("container %s of a one-shot is still there", name);
    return str_equal(name, wanted) ? NULL : mem_printf("container %s is %s's second one", name, record->key.name);
}

static char *look_at_engine(void)
{
    size_t at = 0;
    const char *name;
    void *value;
    char *wrong = NULL;
    while (!wrong && map_next(sim->engine->containers, &at, NULL, &value)) {
        const struct container *seen = &((struct sim_container *)value)->seen;
        wrong = look_at_owner("container", seen->name, seen->labels);
    }
    for (at = 0; !wrong && map_next(sim->engine->networks, &at, &name, &value);)
        wrong = look_at_owner("network", name, ((struct sim_network *)value)->labels);
    return wrong;
}

static bool is_retained(const char *uid12)
{
    size_t at = 0;
    const char *name;
    void *value;
    while (map_next(sim->server->databases, &at, &name, &value)) {
        CLEANUP(freep) char *suffix = mem_printf("_retained_%s", uid12);
        if (str_ends_with(name, suffix))
            return true;
    }
    return false;
}

static const struct record *record_of_uid12(const char *uid12)
{
    size_t at = 0;
    const char *uid;
    void *record;
    while (map_next(sim->store->uids, &at, &uid, &record)) {
        CLEANUP(freep) char *digits = name_uid12(uid);
        if (str_equal(digits, uid12))
            return record;
    }
    return NULL;
}

/* Warm databases are an App's, and named by it. */
static bool is_warm(const char *uid12)
{
    size_t at = 0;
    void *state;
    while (map_next(sim->store->states, &at, NULL, &state)) {
        CLEANUP(freep) char *text = json_dump(json_object_get(state, "warm"));
        if (strstr(text, uid12))
            return true;
    }
    return false;
}

static char *look_at_things(void)
{
    size_t at = 0;
    const char *name;
    void *value;
    char *wrong = NULL;
    for (at = 0; !wrong && map_next(sim->engine->volumes, &at, &name, &value);) {
        const char *digits = strrchr(name, '-') + 1;
        const struct record *record = record_of_uid12(digits);
        if (!record && !is_retained(digits) && !is_warm(digits) &&
            json_object_size(((struct sim_volume *)value)->labels))
            wrong = mem_printf("volume %s belongs to no record", name);
    }
    for (at = 0; !wrong && map_next(sim->server->roles, &at, &name, &value);) {
        const char *digits = strrchr(name, '_') + 1;
        if (!record_of_uid12(digits) && !is_retained(digits) && !is_warm(digits))
            wrong = mem_printf("role %s belongs to no record", name);
    }
    for (at = 0; !wrong && map_next(sim->server->databases, &at, &name, &value);) {
        const struct database *seen = &((struct sim_database *)value)->seen;
        const char *uid = seen->comment ? strrchr(seen->comment, ' ') + 1 : NULL;
        const struct record *record = uid ? sim_record_by_uid(uid) : NULL;
        if (!uid || strstr(name, "_retained_"))
            continue;
        if (!record)
            wrong = mem_printf("database %s belongs to no record", name);
        else if (record->key.kind == KIND_INSTANCE &&
                 !str_equal(json_text(json_object_get(record->spec, "database"), "name"), name))
            wrong = mem_printf("database %s is %s's second one", name, record->key.name);
    }
    return wrong;
}

/* ---- the whole ---- */

char *oracle_unsettled(struct run *run)
{
    size_t at = 0;
    const char *text;
    void *value;
    (void)run;
    while (map_next(sim->store->records, &at, &text, &value)) {
        const struct record *record = value;
        CLEANUP(freep)
        char *wrong = record->key.kind == KIND_INSTANCE ? look_at_instance(record) : look_at_other(record);
        if (wrong)
            return mem_printf("%s: %s", text, wrong);
    }
    char *wrong = look_at_engine();
    return wrong ? wrong : look_at_things();
}

char *oracle_leftover(struct run *run)
{
    size_t at = 0;
    void *value;
    char *wrong = look_at_engine();
    wrong = wrong ? wrong : look_at_things();
    if (!wrong && (map_count(sim->store->claims) || map_count(sim->store->states) || map_count(sim->store->secrets)))
        wrong = mem_strdup("claims, states or secrets of records that are gone");
    /* What was retained is whole. */
    while (!wrong && map_next(sim->server->databases, &at, NULL, &value)) {
        const struct sim_database *database = value;
        if (strstr(database->seen.name, "_retained_") && database->data.state != SIM_WHOLE &&
            !run_ledger(run, strrchr(database->seen.comment, ' ') + 1)->was_hurt)
            wrong = mem_printf("database %s was retained and is not whole", database->seen.name);
    }
    return wrong;
}
