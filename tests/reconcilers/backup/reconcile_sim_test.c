/* Whole runs of a backup's reconcile in the simulated world: what is claimed, what is told, and what follows when a call fails in between. */
#include <unistd.h>

#include "base/file.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/names.h"
#include "tests/check.h"
#include "tests/sim/engine.h"
#include "tests/sim/store.h"

static const char app_spec[] = "{\"versions\": [{\"name\": \"1\", \"image\": \"sim/app:1\"},"
                               " {\"name\": \"2\", \"image\": \"sim/app:2\"}],"
                               " \"user\": {\"uid\": 1000, \"gid\": 1000}, \"dataPath\": \"/data\","
                               " \"env\": {\"VERSION\": \"{{version}}\"},"
                               " \"backup\": {\"quiesce\": {\"command\": [\"sh\", \"-c\", \"exit 0\"]}}}";
static const char instance_spec[] = "{\"app\": \"app\", \"version\": \"1\", \"deletionPolicy\": \"Delete\","
                                    " \"resources\": {\"cpu\": \"500m\", \"memory\": \"256Mi\"}}";

struct scene {
    char *directory;
    struct config_backup config;
    struct backup_settings backup;
    struct settings settings;
    struct reconcile_context ctx;
    struct reconcile_result result;
    struct str woken; /* names */
    struct str made;  /* containers: purpose, image, the version that it is told */
    size_t dumps;
    struct refusal {
        const char *call;      /* that fails; NULL: none */
        unsigned after, times; /* so many that succeed, so many that do not */
        enum err_code code;    /* ERR_CANCELLED: by the attempt's own call */
    } refusals[2];
    size_t refusal_count;
    int cancelled;
    struct err err;
};

static bool refuse(void *context, const struct sim_call *what, struct err *err)
{
    struct scene *scene = context;
    scene->dumps += str_equal(what->name, "database_dump");
    for (size_t i = 0; i < scene->refusal_count; i++) {
        struct refusal *refusal = &scene->refusals[i];
        if (!str_equal(refusal->call, what->name) || refusal->times == 0)
            continue;
        if (refusal->after > 0) {
            refusal->after--;
            continue;
        }
        refusal->times--;
        scene->cancelled = refusal->code == ERR_CANCELLED;
        return err_set(err, refusal->code, "refused");
    }
    return true;
}

/* A backup has one container at a time. */
static bool note_made(void *context, const struct sim_call *what, struct err *err)
{
    struct scene *scene = context;
    size_t at = 0;
    void *value;
    (void)err;
    while (str_equal(what->name, "container_create") && map_next(sim->engine->containers, &at, NULL, &value)) {
        const struct sim_container *container = value;
        const char *version = sim_container_env(container, "VERSION");
        str_addf(&scene->made, "%s %s %s; ", json_text(container->seen.labels, LABEL_PURPOSE), container->seen.image,
                 version ? version : "-");
    }
    return true;
}

static void note_woken(void *context, const struct record_key *key, int64_t after_ms)
{
    struct scene *scene = context;
    (void)after_ms;
    if (key->kind == KIND_BACKUP)
        str_addf(&scene->woken, "%s ", key->name);
}

static struct record_key key_of(enum kind_id kind, const char *name)
{
    struct record_key key;
    assert_true(record_key_set(&key, kind, kinds[kind].namespaced ? "acme" : "", name));
    return key;
}

/* As the API stores it. */
static void put_document(struct scene *scene, enum kind_id kind, const char *name, const char *spec)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *document = json_object();
    CLEANUP(record_release) struct record record = { 0 };
    json_t *spec_json = NULL;
    const char *namespace = kinds[kind].namespaced ? "acme" : NULL;
    assert_ok(json_parse(spec, strlen(spec), &spec_json, &scene->err), &scene->err);
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kinds[kind].name);
    json_put(document, "metadata", json_object());
    json_put(document, "spec", spec_json);
    if (!record_from_json(document, &kinds[kind], namespace, name, &record, NULL, &problems) ||
        !record_settle(&kinds[kind], NULL, &record, &problems))
        fail_msg("%s: %s", problems.items[0].path, problems.items[0].message);
    const struct store_write write = { .admit = reconcilers[kind].admit, .context = &scene->settings };
    assert_ok(store_create(scene->ctx.store, &record, &write, &scene->err), &scene->err);
}

static void put_state(struct scene *scene, enum kind_id kind, const char *name, json_t *state_taken)
{
    const struct record_key key = key_of(kind, name);
    assert_ok(store_state_put(scene->ctx.store, sim_record_find(&key)->uid, state_taken, &scene->err), &scene->err);
    json_decref(state_taken);
}

/* An instance with data. */
static void put_instance(struct scene *scene, const char *name)
{
    put_document(scene, KIND_INSTANCE, name, instance_spec);
    const struct record_key key = key_of(KIND_INSTANCE, name);
    const char *uid = sim_record_find(&key)->uid;
    CLEANUP(freep) char *volume = name_volume(&scene->settings, &key, uid);
    CLEANUP(json_decrefp) json_t *labels = name_labels(&scene->settings, &key, uid, "data");
    assert_ok(volume_create(scene->ctx.docker, volume, labels, NULL, &scene->err), &scene->err);
    put_state(scene, KIND_INSTANCE, name,
              json_pack("{s:b, s:s, s:s}", "initialised", 1, "version", "1", "volume", volume));
}

static void put_backup(struct scene *scene, const char *name, const char *instance)
{
    CLEANUP(freep) char *spec = mem_printf("{\"instance\": \"%s\"}", instance);
    put_document(scene, KIND_BACKUP, name, spec);
}

static void put_records(struct scene *scene)
{
    CLEANUP(freep) char *network = name_network(&scene->settings, "acme");
    sim_image_add("sim/app:1", "sha256:1", "tiny");
    assert_ok(network_create(scene->ctx.docker, network, "10.213.0.0/26", NULL, NULL, &scene->err), &scene->err);
    put_document(scene, KIND_APP, "app", app_spec);
    put_document(scene, KIND_TENANT, "acme", "{}");
    put_instance(scene, "erp");
    put_instance(scene, "crm");
    put_backup(scene, "of-erp", "erp");
    put_backup(scene, "of-crm", "crm");
}

static int set_up(void **state)
{
    struct scene *scene = MEM_NEW(struct scene);
    char place[] = "/tmp/tenantd-backup-XXXXXX";
    scene->directory = mem_strdup(mkdtemp(place));
    sim_open(1);
    scene->config = (struct config_backup){ .keep_local = 1, .keep_deleted_ms = 30 * DAY_MS, .parallel = 1 };
    scene->backup = (struct backup_settings){
        .config = &scene->config, .directory = scene->directory, .has_identity = true, .recipient_count = 1
    };
    age_identity_generate(&scene->backup.identity);
    scene->backup.recipients[0] = age_identity_recipient(&scene->backup.identity);
    scene->settings = (struct settings){ .installation = "0a1b2c",
                                         .prefix = "td",
                                         .network_pool = "10.213.0.0/16",
                                         .network_prefix_length = 26,
                                         .database_host = "tenantd-database",
                                         .database_port = 5432,
                                         .backup = &scene->backup };
    scene->woken = scene->made = (struct str)STR_INIT;
    scene->ctx = (struct reconcile_context){ .store = store_new(NULL),
                                             .server = server_new(NULL, scene->settings.installation),
                                             .world = world_new(),
                                             .settings = &scene->settings,
                                             .lane = LANE_LONG };
    assert_ok(docker_open(NULL, &scene->ctx.docker, &scene->err), &scene->err);
    world_set_wake(scene->ctx.world, note_woken, scene);
    put_records(scene);
    sim->hooks = (struct sim_hooks){ .before = refuse, .after = note_made, .context = scene };
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    assert_ok(dir_remove(scene->directory, &scene->err), &scene->err);
    store_free(scene->ctx.store);
    server_free(scene->ctx.server);
    docker_free(scene->ctx.docker);
    world_free(scene->ctx.world);
    sim_close();
    str_release(&scene->woken);
    str_release(&scene->made);
    err_release(&scene->err);
    free(scene->directory);
    free(scene);
    return 0;
}

/* ---- what is done, and what is there afterwards ---- */

static bool reconcile(struct scene *scene, const char *name)
{
    const struct record_key key = key_of(KIND_BACKUP, name);
    scene->result = (struct reconcile_result){ 0 };
    str_clear(&scene->woken);
    return backup_reconcile(&scene->ctx, &key, &scene->result, &scene->err);
}

/* The next calls of that name fail. */
static void refuse_next(struct scene *scene, const char *call, unsigned times, enum err_code code)
{
    assert_true(scene->refusal_count < ARRAY_LEN(scene->refusals));
    scene->refusals[scene->refusal_count++] = (struct refusal){ .call = call, .times = times, .code = code };
}

static const char *uid_of(enum kind_id kind, const char *name)
{
    const struct record_key key = key_of(kind, name);
    return sim_record_find(&key)->uid;
}

static const json_t *stored_status(const char *name)
{
    const struct record_key key = key_of(KIND_BACKUP, name);
    return sim_record_find(&key)->status;
}

static const char *status_of(const char *name, const char *member)
{
    const char *text = json_text(stored_status(name), member);
    return text ? text : "";
}

/* Whose the one slot is, and whose the instance; NULL: nobody's. */
static const char *slot_holder(void)
{
    return map_get(sim->store->claims, "backup-slot/1");
}

static const char *instance_holder(const char *instance)
{
    CLEANUP(freep) char *claim = mem_printf("backup/%s", uid_of(KIND_INSTANCE, instance));
    return map_get(sim->store->claims, claim);
}

/* ---- tests ---- */

static void test_is_completed(void **state)
{
    struct scene *scene = *state;
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
    assert_null(slot_holder());
    assert_null(instance_holder("erp"));
}

static void test_what_may_pass_keeps_nobody_waiting(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "database_dump", 1, ERR_FORBIDDEN);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_FORBIDDEN);
    assert_null(slot_holder());
    assert_null(instance_holder("erp"));
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_PENDING);
    assert_contains(status_of("of-erp", "message"), "refused");
    assert_ok(reconcile(scene, "of-crm"), &scene->err);
    assert_string_equal(status_of("of-crm", "phase"), BACKUP_COMPLETED);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
}

static void test_a_retry_waits_for_its_slot(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "database_dump", 1, ERR_FORBIDDEN);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_FORBIDDEN);
    const char *other = uid_of(KIND_BACKUP, "of-crm");
    assert_ok(store_claim(scene->ctx.store, CLAIM_BACKUP_SLOT, "1", other, &scene->err), &scene->err);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_int_equal(scene->result.requeue_after_ms, 30000);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_PENDING);
    assert_contains(status_of("of-erp", "message"), "backup.parallel");
    assert_string_equal(slot_holder(), other);
    assert_null(instance_holder("erp"));
}

/* Two whose attempts fail must not wake each other for ever. */
static void test_who_waits_is_woken_and_who_is_retried_is_not(void **state)
{
    struct scene *scene = *state;
    assert_ok(store_claim(scene->ctx.store, CLAIM_BACKUP_SLOT, "1", uid_of(KIND_BACKUP, "of-erp"), &scene->err),
              &scene->err);
    assert_ok(reconcile(scene, "of-crm"), &scene->err);
    assert_contains(status_of("of-crm", "message"), "backup.parallel");
    refuse_next(scene, "database_dump", 2, ERR_FORBIDDEN);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_FORBIDDEN);
    assert_string_equal(scene->woken.text, "of-crm ");
    const struct record_key key = key_of(KIND_BACKUP, "of-erp");
    const struct err refused = { .code = ERR_FORBIDDEN };
    assert_ok(reconcile_note_retry(scene->ctx.store, &key, &refused, 1, clock_wall_ms() + 1000, &scene->err),
              &scene->err);
    assert_fails(reconcile(scene, "of-crm"), &scene->err, ERR_FORBIDDEN);
    assert_string_equal(scene->woken.text, "");
}

/* Also when the attempt was told to end: what others wait for is let go of on a call of its own. */
static void test_a_cancelled_one_keeps_nobody_waiting(void **state)
{
    struct scene *scene = *state;
    scene->ctx.call.cancelled = &scene->cancelled;
    refuse_next(scene, "database_dump", 1, ERR_CANCELLED);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_CANCELLED);
    assert_null(slot_holder());
    assert_null(instance_holder("erp"));
}

/* A copy's container has the instance's name: where it stays, no other backup of that instance begins, and other instances' do. */
static void test_a_copier_that_stays_keeps_the_instance(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "container_read_tree", 1, ERR_UNREACHABLE);
    refuse_next(scene, "container_remove", 2, ERR_UNREACHABLE);
    scene->refusals[1].after = 1; /* of the job */
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_UNREACHABLE);
    assert_null(slot_holder());
    assert_string_equal(instance_holder("erp"), uid_of(KIND_BACKUP, "of-erp"));
}

/* The call that drops a claim fails once; what is over stays so, and holds nothing when it was looked at again. */
static void test_a_completed_one_lets_go_in_the_end(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "store_claim_drop", 1, ERR_UNREACHABLE);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_UNREACHABLE);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
    assert_string_equal(status_of("of-erp", "message"), "");
    assert_int_equal(json_int(stored_status("of-erp"), "attempts", 0), 1);
    assert_null(slot_holder());
    assert_null(instance_holder("erp"));
    assert_string_equal(scene->woken.text, "of-crm ");
}

static void test_a_failed_one_lets_go_in_the_end(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "database_dump", 1, ERR_UNSUPPORTED);
    refuse_next(scene, "store_claim_drop", 1, ERR_UNREACHABLE);
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_UNREACHABLE);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_FAILED);
    assert_contains(status_of("of-erp", "message"), "database_dump: refused");
    assert_null(slot_holder());
    assert_null(instance_holder("erp"));
}

/* What was taken and could not be told of is no failure with another one's reason. */
static void test_a_whole_one_that_was_not_told_of_is_made_again(void **state)
{
    struct scene *scene = *state;
    refuse_next(scene, "store_update_status", 1, ERR_UNREACHABLE);
    scene->refusals[0].after = 2; /* Running, Verifying */
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_UNREACHABLE);
    assert_null(slot_holder());
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
    assert_int_equal(json_array_size(json_object_get(stored_status("of-erp"), "tiers")), 1);
}

/* A later deletion begins the time anew. */
static void test_an_instance_that_came_back_was_never_gone(void **state)
{
    struct scene *scene = *state;
    const struct record_key key = key_of(KIND_INSTANCE, "erp");
    CLEANUP(record_release) struct record last = { 0 };
    bool is_gone = false;
    record_init(&last);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    CLEANUP(freep) char *uid = mem_strdup(uid_of(KIND_BACKUP, "of-erp"));
    put_state(scene, KIND_BACKUP, "of-erp", json_pack("{s:s}", "instanceGone", "2020-01-01T00:00:00Z"));
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_null(json_text(map_get(sim->store->states, uid), "instanceGone"));
    assert_ok(store_delete(scene->ctx.store, &key, NULL, 0, STORE_WRITE, "user", &last, &is_gone, &scene->err),
              &scene->err);
    if (!is_gone)
        assert_ok(store_remove_finalizer(scene->ctx.store, &key, last.uid, FINALIZER_TEARDOWN, &scene->err),
                  &scene->err);
    assert_null(sim_record_find(&key));
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    const struct record_key backup = key_of(KIND_BACKUP, "of-erp");
    assert_int_equal(sim_record_find(&backup)->deletion_ms, 0);
    assert_true(scene->result.requeue_after_ms > HOUR_MS);
}

/* The new version's image is not even there. */
static void test_an_upgrade_that_is_due_changes_nothing(void **state)
{
    struct scene *scene = *state;
    const struct record_key key = key_of(KIND_INSTANCE, "erp");
    json_put_text(sim_record_find(&key)->spec, "version", "2");
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
    assert_string_equal(status_of("of-erp", "version"), "1");
    assert_string_equal(scene->made.text, "job sim/app:1 1; copy sim/app:1 -; ");
    CLEANUP(str_release) struct str manifest = STR_INIT;
    CLEANUP(freep)
    char *path = mem_printf("%s/acme/%s/of-erp/manifest.json", scene->directory, uid_of(KIND_INSTANCE, "erp"));
    assert_ok(file_read(path, 1 << 20, &manifest, &scene->err), &scene->err);
    assert_contains(manifest.text, "\"sim/app:1\"");
}

static void test_an_image_that_is_not_there_is_told_before_the_dump(void **state)
{
    struct scene *scene = *state;
    sim_image_remove("sim/app:1");
    assert_fails(reconcile(scene, "of-erp"), &scene->err, ERR_NOT_FOUND);
    assert_contains(status_of("of-erp", "message"), "image sim/app:1 of version 1");
    assert_contains(status_of("of-erp", "message"), "docker pull sim/app:1");
    assert_int_equal(scene->dumps, 0);
    sim_image_add("sim/app:1", "sha256:1", "tiny");
    assert_ok(reconcile(scene, "of-erp"), &scene->err);
    assert_string_equal(status_of("of-erp", "phase"), BACKUP_COMPLETED);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_is_completed);
    CHECK_TEST(&list, test_what_may_pass_keeps_nobody_waiting);
    CHECK_TEST(&list, test_a_retry_waits_for_its_slot);
    CHECK_TEST(&list, test_who_waits_is_woken_and_who_is_retried_is_not);
    CHECK_TEST(&list, test_a_cancelled_one_keeps_nobody_waiting);
    CHECK_TEST(&list, test_a_copier_that_stays_keeps_the_instance);
    CHECK_TEST(&list, test_a_completed_one_lets_go_in_the_end);
    CHECK_TEST(&list, test_a_failed_one_lets_go_in_the_end);
    CHECK_TEST(&list, test_a_whole_one_that_was_not_told_of_is_made_again);
    CHECK_TEST(&list, test_an_instance_that_came_back_was_never_gone);
    CHECK_TEST(&list, test_an_upgrade_that_is_due_changes_nothing);
    CHECK_TEST(&list, test_an_image_that_is_not_there_is_told_before_the_dump);
    for (size_t i = 0; i < list.count; i++) {
        list.tests[i].setup_func = set_up;
        list.tests[i].teardown_func = tear_down;
    }
    return check_run("backup reconcile", &list);
}
