/* The scene: one App, tenants, instances, and what the images' programs do with a database and a volume; see run.h. */
#include "reconcilers/names.h"
#include "specs/instance.h"
#include "tests/sim/run.h"

enum { JOB_MS = 1500, BOOT_MS = 1200 };

const char *const scene_names[][2] = { { "acme", "erp" }, { "acme", "crm" }, { "beta", "shop" }, { "beta", "erp" } };

struct record_key scene_key(unsigned which)
{
    struct record_key key;
    const char *const *names = scene_names[which % SCENE_NAMES];
    if (!record_key_set(&key, KIND_INSTANCE, names[0], names[1]))
        abort();
    return key;
}

/* ---- records, as the API stores them ---- */

static bool store_document(struct run *run, enum kind_id kind, const char *namespace, const char *name,
                           const char *spec)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *document = json_object();
    CLEANUP(record_release) struct record record = { 0 };
    json_t *metadata = json_object(), *spec_json = NULL;
    if (!json_parse(spec, strlen(spec), &spec_json, &err))
        abort(); /* they stand below */
    json_put_text(metadata, "name", name);
    json_put_text(metadata, "namespace", namespace);
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kinds[kind].name);
    json_put(document, "metadata", metadata);
    json_put(document, "spec", spec_json);
    bool good = record_from_json(document, &kinds[kind], namespace, name, &record, NULL, &problems) &&
                record_settle(&kinds[kind], NULL, &record, &problems);
    if (!good) {
        run_fail(run, "a document of the scene is refused: %s %s", problems.items[0].path, problems.items[0].message);
        return false;
    }
    struct store_write write = { .admit = reconcilers[kind].admit, .context = (void *)(uintptr_t)&sim_settings };
    struct store *store = store_new(NULL);
    sim->is_outsider = true;
    bool ok = store_create(store, &record, &write, &err);
    sim->is_outsider = false;
    store_free(store);
    run_trace(run, "user: create %s %s %s", kinds[kind].name, name, ok ? "" : err_message(&err));
    return ok;
}

bool scene_create_tenant(struct run *run, const char *name)
{
    return store_document(run, KIND_TENANT, NULL, name, "{}");
}

bool scene_create_app(struct run *run, unsigned scene)
{
    CLEANUP(freep)
    char *spec = mem_printf(
        "{\"versions\": [{\"name\": \"1\", \"image\": \"sim/app:1\"}, {\"name\": \"2\", \"image\": \"sim/app:2\"},"
        " {\"name\": \"bad\", \"image\": \"sim/app:bad\"}],"
        " \"user\": {\"uid\": 1000, \"gid\": 1000}, \"ports\": [{\"name\": \"http\", \"port\": 8080}],"
        " \"dataPath\": \"/data\", \"command\": [\"/app/serve\"],"
        " \"env\": {\"DB\": \"{{database.name}}\", \"DBUSER\": \"{{database.user}}\","
        "  \"DBPASSWORD\": \"{{database.password}}\", \"SET\": \"{{parameters.SET}}\"},"
        " \"parameters\": [{\"name\": \"SET\", \"type\": \"string\", \"default\": \"a\"}],"
        " \"secrets\": [\"adminPassword\"],"
        " \"files\": [{\"path\": \"/run/app.conf\", \"content\": \"secret = {{secret.adminPassword}}\"}],"
        " \"init\": {\"command\": [\"/app/init\", \"{{spec.addons}}\"], \"timeout\": \"1m\"},"
        " \"upgrade\": {\"command\": [\"/app/upgrade\"], \"timeout\": \"1m\"},"
        " \"warmDatabase\": %s, \"clone\": {\"after\": {\"command\": [\"/app/clone\"]}},"
        " \"onChange\": {\"addons\": {\"command\": [\"/app/onchange\", \"addons\", \"{{change.new}}\"]},"
        "  \"adminEmail\": {\"command\": [\"/app/onchange\", \"adminEmail\", \"{{change.new}}\"], \"live\": true}},"
        " %s \"stopTimeout\": \"5s\"}",
        scene & 1 ? "true" : "false",
        scene & 2 ? "\"health\": {\"path\": \"/health\", \"port\": \"http\", \"startupTimeout\": \"20s\","
                    " \"failureThreshold\": 3},"
                  : "");
    return store_document(run, KIND_APP, NULL, "app", spec);
}

bool scene_create_instance(struct run *run, unsigned which, unsigned variant)
{
    struct record_key key = scene_key(which);
    CLEANUP(freep)
    char *spec =
        mem_printf("{\"app\": \"app\", \"version\": \"1\", \"publish\": \"%s\", \"deletionPolicy\": \"%s\","
                   " \"addons\": [%s], \"resources\": {\"cpu\": \"500m\", \"memory\": \"256Mi\"}}",
                   variant & 1 ? "auto" : "none", variant & 2 ? "Retain" : "Delete", variant & 4 ? "\"sale\"" : "");
    if (!store_document(run, KIND_INSTANCE, key.namespace, key.name, spec))
        return false;
    run_ledger(run, sim_record_find(&key)->uid)->may_be_deleted = !(variant & 2);
    return true;
}

bool scene_edit(struct run *run, const struct record_key *key, scene_edit_fn *edit, const char *text, int64_t number)
{
    const struct record *stored = sim_record_find(key);
    CLEANUP(record_release) struct record next = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!stored)
        return false;
    record_copy(&next, stored);
    edit(&next, text, number);
    struct store_write write = { .admit = reconcilers[key->kind].admit, .context = (void *)(uintptr_t)&sim_settings };
    struct store *store = store_new(NULL);
    sim->is_outsider = true;
    bool ok = store_update(store, &next, 0, &write, &err);
    sim->is_outsider = false;
    store_free(store);
    if (ok && key->kind == KIND_INSTANCE) {
        struct ledger *ledger = run_ledger(run, next.uid);
        const char *accepted = record_annotation(&next, ANNOTATION_ACCEPT_DATA_LOSS);
        ledger->may_be_deleted |= str_equal(json_text(next.spec, "deletionPolicy"), "Delete");
        ledger->loss_accepted |= str_equal(accepted, next.uid);
    }
    return ok;
}

bool scene_delete(struct run *run, const struct record_key *key)
{
    const struct record *stored = sim_record_find(key);
    CLEANUP(record_release) struct record last = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool gone;
    if (!stored)
        return false;
    run_ledger(run, stored->uid)->deletion_asked = true;
    struct store *store = store_new(NULL);
    sim->is_outsider = true;
    record_init(&last);
    bool ok = store_delete(store, key, NULL, 0, STORE_WRITE, "user", &last, &gone, &err);
    sim->is_outsider = false;
    store_free(store);
    run_trace(run, "user: delete %s", key->name);
    return ok;
}

bool scene_has_health(void)
{
    struct record_key key;
    const struct record *app = record_key_set(&key, KIND_APP, "", "app") ? sim_record_find(&key) : NULL;
    return app && json_text(json_object_get(app->spec, "health"), "path");
}

void scene_set_up(struct run *run, unsigned scene)
{
    sim_image_add("sim/app:1", "sha256:1", "tiny");
    sim_registry_add("sim/app:2", "sha256:2", "tiny");
    sim_registry_add("sim/app:bad", "sha256:bad", "tiny");
    if (scene & 4)
        sim_image_remove("sim/app:1");
    sim_registry_add("sim/app:1", "sha256:1", "tiny");
    if (!scene_create_app(run, scene) || !scene_create_tenant(run, "acme") ||
        !scene_create_instance(run, 0, scene >> 3))
        abort();
    if (scene & 64)
        scene_create_instance(run, 1, scene >> 4);
    if (scene & 128) {
        scene_create_tenant(run, "beta");
        scene_create_instance(run, 2, scene >> 5);
    }
}

/* ---- programs ---- */

/* Where a program finds its data; both NULL when it finds none. */
struct data_pair {
    struct sim_database *database;
    struct sim_volume *volume;
    const char *uid; /* of the container's record */
};

static struct data_pair data_of(const struct sim_container *container)
{
    const char *name = sim_container_env(container, "DB");
    const char *volume = json_text(json_array_get(container->seen.mounts, 0), "source");
    struct data_pair pair = { .uid = json_text(container->seen.labels, LABEL_UID) };
    pair.database = name ? sim_database_find(name) : NULL;
    pair.volume = volume ? map_get(sim->engine->volumes, volume) : NULL;
    return pair;
}

static const char *word(const struct sim_container *container, size_t index)
{
    const char *text = json_string_value(json_array_get(container->seen.command, index));
    return text ? text : "";
}

static bool is_ours(const struct data_pair *pair)
{
    const char *stamped =
        pair->database && pair->database->seen.comment ? strrchr(pair->database->seen.comment, ' ') : NULL;
    return (!stamped || str_equal(stamped + 1, pair->uid)) &&
           (!pair->volume || str_equal(json_text(pair->volume->labels, LABEL_UID), pair->uid));
}

/* What is wrong with working on this data; NULL: nothing. */
static const char *judge(const struct data_pair *pair, bool is_init)
{
    const struct sim_data *database = pair->database ? &pair->database->data : NULL;
    const struct sim_data *volume = pair->volume ? &pair->volume->data : NULL;
    if (!is_ours(pair))
        return "works on somebody else's data";
    if (is_init)
        return (database && database->state != SIM_EMPTY) || (volume && volume->state != SIM_EMPTY)
                   ? "initialises what is not empty"
                   : NULL;
    if ((database && database->state != SIM_WHOLE) || (volume && volume->state != SIM_WHOLE))
        return "works on data that is not whole";
    return database && volume && database->token != volume->token ? "works on a database and a volume of two inits"
                                                                  : NULL;
}

static bool logs_in(const struct sim_container *container, const char **ret_why)
{
    return sim_login(sim_container_env(container, "DBUSER"), sim_container_env(container, "DBPASSWORD"),
                     sim_container_env(container, "DB"), ret_why);
}

static void begin(void *context, struct sim_container *container, int64_t *ret_lasts_ms, int *ret_exit_code)
{
    struct run *run = context;
    struct data_pair pair = data_of(container);
    const char *program = word(container, 0), *why;
    bool is_init = str_equal(program, "/app/init");
    const char *wrong = judge(&pair, is_init);
    /* A stranger's container does what it likes, and what strangers destroyed cannot be expected. */
    bool counts = pair.uid && !run_ledger(run, pair.uid)->was_hurt;
    if (wrong && counts)
        run_fail(run, "%s of %s %s", program, container->seen.name, wrong);
    run_trace(run, "program %s of %s begins", program, container->seen.name);
    *ret_lasts_ms = str_equal(program, "/app/serve") ? -1 : JOB_MS;
    *ret_exit_code = 0;
    if (*ret_lasts_ms < 0)
        return;
    if (!pair.database || !pair.volume || !logs_in(container, &why)) {
        *ret_exit_code = 1;
        return;
    }
    if (is_init) {
        pair.database->data = (struct sim_data){ .token = sim_mix(sim->random++), .state = SIM_HALF };
        pair.volume->data = pair.database->data;
        sim_database_fill(pair.database, sim_container_env(container, "DBUSER"));
    }
}

static void finish(void *context, struct sim_container *container)
{
    struct run *run = context;
    struct data_pair pair = data_of(container);
    const char *program = word(container, 0);
    run_trace(run, "program %s of %s ends with %d", program, container->seen.name, container->planned_exit);
    if (container->planned_exit != 0 || !pair.database || !pair.volume)
        return;
    if (str_equal(program, "/app/init")) {
        pair.database->data.state = pair.volume->data.state = SIM_WHOLE;
        json_put_text(pair.database->applied, "addons", word(container, 1));
    } else if (str_equal(program, "/app/clone")) {
        pair.database->data.token = pair.volume->data.token = sim_mix(sim->random++);
    } else if (str_equal(program, "/app/onchange")) {
        json_put_text(pair.database->applied, word(container, 1), word(container, 2));
    }
}

const struct sim_programs scene_programs = { .begin = begin, .finish = finish };

const char *scene_probe(void *context, const struct probe_target *target)
{
    (void)context;
    sim_engine_tick();
    const struct sim_container *container = sim_container_find(target->container_id);
    const char *why = NULL;
    if (!container || container->seen.state != CONTAINER_RUNNING)
        return "connection refused";
    if (container->is_hung || str_equal(container->seen.image, "sim/app:bad"))
        return "no answer within 5 s";
    if (clock_wall_ms() - container->seen.started_ms < BOOT_MS)
        return "connection refused";
    struct data_pair pair = data_of(container);
    if (!logs_in(container, &why))
        return why;
    return pair.volume ? judge(&pair, false) : "it has no volume";
}
