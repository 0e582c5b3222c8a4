/* What a Restore built becomes the instance's own, and what is not whole does not; in the simulated world. */
#include "reconcilers/backup/backup.h"
#include "reconcilers/instance/steps_internal.h"
#include "reconcilers/restore/restore.h"
#include "tests/reconcilers/sim_world.h"

static char live[] = "acme_erp", beside[] = "acme_erp_restoring_r1", aside[] = "acme_erp_replaced_r1",
            old_volume[] = "td-acme.erp-r0", new_volume[] = "td-acme.erp-r1", data_path[] = "/data";

/* The instance has data, and the Restore has made its database. All of the two that is not text of ours. */
struct scene {
    struct sim_world world;
    struct restore_want restore;
    struct instance_want instance;
    struct record record;
    char *stamp;
};

static void scene_open(struct scene *scene, char *path_or_null)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    *scene = (struct scene){ 0 };
    sim_world_open(&scene->world);
    const struct record *instance = &scene->world.instance;
    sim_world_record(&scene->world, KIND_RESTORE, "acme", "back", &scene->record);
    scene->stamp = name_stamp(&sim_world_settings, instance->uid);
    sim_database_add(live, SIM_ADMIN, scene->stamp);
    sim_database_add(beside, SIM_ADMIN, scene->stamp);
    scene->restore.target.record = *instance;
    scene->restore.target.app.data_path = path_or_null;
    scene->restore.state.offer.volume = new_volume;
    scene->instance.record = *instance;
    scene->instance.app.data_path = path_or_null;
    scene->instance.spec.database.name = live;
    scene->instance.stamp = scene->stamp;
    scene->instance.restore_uid = scene->record.uid;
    scene->instance.restore_key = scene->record.key;
    scene->instance.state = (struct instance_state){ .volume = mem_strdup(old_volume), .initialised = true };
    scene->instance.offer =
        (struct restore_offer){ .ready = true, .beside = beside, .aside = aside, .volume = new_volume };
    CLEANUP(json_decrefp) json_t *state = json_pack("{s:{s:b}}", "offer", "ready", 1);
    assert_ok(store_state_put(scene->world.ctx.store, scene->record.uid, state, &err), &err);
}

static void scene_close(struct scene *scene)
{
    fields_release(instance_state_fields, &scene->instance.state);
    free(scene->stamp);
    record_release(&scene->record);
    sim_world_close(&scene->world);
}

static bool is_there(struct scene *scene, const char *name)
{
    CLEANUP(volume_release) struct volume volume = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    return volume_inspect(scene->world.ctx.docker, name, NULL, &volume, &err) &&
           name_is_ours(&sim_world_settings, volume.labels, scene->world.instance.uid);
}

/* Its instances have a volume like any other's; nothing is in it. */
static void test_app_without_data_path(void **state)
{
    struct scene scene;
    CLEANUP(err_release) struct err err = ERR_INIT;
    (void)state;
    scene_open(&scene, NULL);
    assert_ok(restore_step_build_data(&scene.world.ctx, &scene.restore, &err), &err);
    assert_true(is_there(&scene, new_volume));
    assert_ok(step_switch_data(&scene.world.ctx, &scene.instance, NULL, &err), &err);
    assert_true(scene.instance.state.swap.placed);
    assert_true(is_there(&scene, scene.instance.state.volume));
    scene_close(&scene);
}

/* The state would name a volume that is not there: with data or without, that is DataMissing ever after. */
static void test_volume_is_gone(void **state)
{
    struct scene scene;
    CLEANUP(err_release) struct err err = ERR_INIT;
    scene_open(&scene, *state);
    assert_ok(step_switch_data(&scene.world.ctx, &scene.instance, NULL, &err), &err);
    assert_null(scene.instance.state.swap.restore);
    assert_true(scene.instance.state.outcome.failed);
    assert_string_equal(scene.instance.state.volume, old_volume);
    scene_close(&scene);
}

/* ---- backups ---- */

static void claim_backup(struct scene *scene, struct record *ret_backup)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    sim_world_record(&scene->world, KIND_BACKUP, "acme", "b1", ret_backup);
    assert_ok(store_claim(scene->world.ctx.store, CLAIM_BACKUP, scene->world.instance.uid, ret_backup->uid, &err),
              &err);
}

static const struct claim_row {
    const char *why;
    bool drill, backup_runs, is_claimed;
} claim_rows[] = {
    { "no backup runs", false, false, true },
    { "a backup that began in the same moment goes first", false, true, false },
    { "a drill does not mind", true, true, true },
};

static void test_claim(void **state)
{
    const struct claim_row *row = *state;
    struct scene scene;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record backup = { 0 };
    CLEANUP(freep) char *holder = NULL;
    scene_open(&scene, data_path);
    if (row->backup_runs)
        claim_backup(&scene, &backup);
    scene.restore.record = scene.record;
    scene.restore.spec.drill = row->drill;
    scene.restore.state.target.uid = scene.world.instance.uid;
    assert_ok(restore_step_effects[RESTORE_CLAIM](&scene.world.ctx, &scene.restore, &err), &err);
    assert_ok(store_claim_holder(scene.world.ctx.store, row->drill ? CLAIM_DRILL : CLAIM_RESTORE,
                                 scene.world.instance.uid, &holder, &err),
              &err);
    assert_int_equal(holder != NULL, row->is_claimed);
    scene_close(&scene);
}

/* As it is stored: who is looked for is what the plan is made of. */
static void test_backup_is_seen(void **state)
{
    const struct claim_row *row = *state;
    struct scene scene;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(record_release) struct record backup = { 0 };
    CLEANUP(restore_want_release) struct restore_want want = { 0 };
    scene_open(&scene, data_path);
    const struct record *instance = &scene.world.instance;
    if (row->backup_runs)
        claim_backup(&scene, &backup);
    json_t *stored = sim_record_find(&scene.record.key)->spec, *spec = sim_record_find(&instance->key)->spec;
    json_put_text(stored, "backup", "b0");
    json_put(stored, "drill", json_boolean(row->drill));
    json_put_text(spec, "app", "app");
    json_put_text(spec, "version", "1");
    CLEANUP(json_decrefp)
    json_t *found = json_pack("{s:b, s:{s:s, s:s, s:s}}", "resolved", 1, "target", "namespace", "acme", "name", "erp",
                              "uid", instance->uid);
    assert_ok(store_state_put(scene.world.ctx.store, scene.record.uid, found, &err), &err);
    assert_ok(restore_want_load(&scene.world.ctx, &scene.record.key, &want, &err), &err);
    assert_true(want.has_target);
    if (row->is_claimed)
        assert_null(want.backup_name);
    else
        assert_string_equal(want.backup_name, "b1");
    scene_close(&scene);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_app_without_data_path);
    check_add(&list, "the volume that was built is gone", test_volume_is_gone, data_path);
    check_add(&list, "the same where the App has no dataPath", test_volume_is_gone, NULL);
    CHECK_ROWS(&list, test_claim, claim_rows);
    CHECK_ROWS(&list, test_backup_is_seen, claim_rows);
    return check_run("restore, the switch", &list);
}
