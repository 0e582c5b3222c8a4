/* What to do for an instance, as an ordered list: desired and observed in, steps out. Pure. */
#include "reconcilers/instance/plan_internal.h"

const struct instance_step_traits instance_step_traits[INSTANCE_STEPS] = {
    [STEP_ALLOCATE] = { "allocate", .replan = true },
    [STEP_FORGET_LOSS] = { "forget-lost-data", .replan = true, .done = "DataLossAccepted" },
    [STEP_PULL_IMAGE] = { "pull-image", .is_long = true, .done = "Pulled", .failed = "ImagePullFailed" },
    [STEP_REMOVE_JOB] = { "remove-job" },
    [STEP_DISCARD_DATABASE] = { "discard-database" },
    [STEP_DISCARD_VOLUME] = { "discard-volume" },
    [STEP_PUT_ROLE] = { "put-role" },
    [STEP_CREATE_DATABASE] = { "create-database" },
    [STEP_CLONE_DATABASE] = { "clone-database" },
    [STEP_REPAIR_DATABASE] = { "repair-database", .done = "DatabaseRepaired" },
    [STEP_CREATE_VOLUME] = { "create-volume" },
    [STEP_COPY_VOLUME] = { "copy-volume", .is_long = true },
    [STEP_TAKE_OVER] = { "take-over-database" },
    [STEP_INITIALISE] = { "initialise", .is_long = true, .replan = true, .done = "Initialised",
                          .failed = "InitFailed" },
    [STEP_CLONE_AFTER] = { "finish-clone", .is_long = true, .replan = true, .done = "Cloned", .failed = "CloneFailed" },
    [STEP_UPGRADE] = { "upgrade", .is_long = true, .replan = true, .effect = EFFECT_RESTART, .done = "Upgraded",
                       .failed = "UpgradeFailed" },
    [STEP_ROLL_BACK] = { "roll-back", .replan = true, .effect = EFFECT_RESTART },
    [STEP_CLOSE_GATE] = { "accept-upgrade", .replan = true, .done = "UpgradeAccepted" },
    [STEP_CHANGE_ADDONS] = { "change-addons", .is_long = true, .replan = true, .effect = EFFECT_RESTART,
                             .done = "Changed", .failed = "ChangeFailed" },
    [STEP_CHANGE_DISABLED_MODULES] = { "change-disabledModules", .is_long = true, .replan = true,
                                       .effect = EFFECT_RESTART, .done = "Changed", .failed = "ChangeFailed" },
    [STEP_CHANGE_ADMIN_EMAIL] = { "change-adminEmail", .is_long = true, .replan = true, .effect = EFFECT_RESTART,
                                  .done = "Changed", .failed = "ChangeFailed" },
    [STEP_CHANGE_DEMO_DATA] = { "change-demoData", .is_long = true, .replan = true, .effect = EFFECT_RESTART,
                                .done = "Changed", .failed = "ChangeFailed" },
    [STEP_STOP] = { "stop", .effect = EFFECT_RESTART, .done = "Stopped" },
    [STEP_REMOVE_CONTAINER] = { "remove-container", .effect = EFFECT_RESTART },
    [STEP_REMOVE_LEFTOVERS] = { "remove-leftovers", .effect = EFFECT_DESTROY },
    [STEP_CREATE_CONTAINER] = { "create-container", .failed = "CreateFailed" },
    [STEP_RENAME] = { "rename", .done = "Renamed" },
    [STEP_PUT_FILES] = { "put-files", .done = "FilesRestored" },
    [STEP_RESIZE] = { "resize", .done = "Resized", .failed = "ResizeFailed" },
    [STEP_CONNECT] = { "connect-network", .done = "NetworkConnected" },
    [STEP_UNPAUSE] = { "unpause", .done = "Unpaused" },
    [STEP_START] = { "start", .done = "Started", .failed = "StartFailed" },
    [STEP_RESTART] = { "restart", .effect = EFFECT_RESTART, .done = "Restarted", .failed = "StartFailed" },
    [STEP_NOTE_SCHEDULE] = { "note-schedule", .replan = true },
    [STEP_SCHEDULE_BACKUP] = { "schedule-backup", .replan = true, .failed = "BackupNotMade" },
    [STEP_LAST_BACKUP] = { "last-backup", .replan = true, .failed = "BackupNotMade" },
    [STEP_DROP_DATABASE] = { "drop-database", .effect = EFFECT_DESTROY, .done = "DatabaseDropped" },
    [STEP_RETAIN_DATABASE] = { "retain-database", .done = "DatabaseRetained" },
    [STEP_DROP_ROLE] = { "drop-role", .effect = EFFECT_DESTROY },
    [STEP_REMOVE_VOLUME] = { "remove-volume", .effect = EFFECT_DESTROY, .done = "VolumeRemoved" },
    [STEP_SWITCH_DATA] = { "switch-data", .replan = true, .effect = EFFECT_RESTART },
    [STEP_RESTORE_AFTER] = { "finish-restore", .is_long = true, .replan = true },
    [STEP_KEEP_RESTORED] = { "accept-restore", .replan = true, .done = "Restored" },
    [STEP_REJECT_RESTORED] = { "reject-restore", .replan = true },
    [STEP_SWITCH_BACK] = { "switch-back", .replan = true, .effect = EFFECT_RESTART },
    [STEP_DROP_REPLACED] = { "drop-replaced", .replan = true, .effect = EFFECT_DESTROY, .done = "ReplacedDropped" },
    [STEP_RELEASE] = { "release-record" },
};

void instance_plan_add(struct plan *plan, enum instance_step step, const char *detail)
{
    plan_add(plan, (int)step, instance_step_traits[step].name, instance_step_traits[step].effect, detail);
}

static void add(struct plan *plan, enum instance_step step, const char *detail)
{
    instance_plan_add(plan, step, detail);
}

/* ---- neighbours and strangers ---- */

static bool neighbours_answer(const struct instance_seen *seen, struct plan *plan)
{
    if (seen->engine_away_ms)
        plan_block(plan, BLOCK_AWAY, "EngineUnavailable", "Docker does not answer: %s",
                   seen->engine_problem ? seen->engine_problem : "no answer");
    else if (seen->server_away_ms)
        plan_block(plan, BLOCK_AWAY, "DatabaseServerUnavailable", "the database server does not answer: %s",
                   seen->server_problem ? seen->server_problem : "no answer");
    return !plan->blocked_reason;
}

static bool names_are_free(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    const struct {
        enum thing is;
        const char *what, *name;
    } things[] = {
        { seen->container_is, "container", want->container },
        { seen->job_is, "container", want->job },
        { seen->network_is, "network", want->network },
        { seen->volume_is, "volume", want->state.volume },
        { seen->database_is, "database", want->spec.database.name },
    };
    for (size_t i = 0; i < ARRAY_LEN(things); i++)
        if (things[i].is == THING_STRANGER)
            plan_block(plan, BLOCK_PASSING, "NameTaken",
                       "a %s named %s exists and is not ours; it is left alone: rename or remove it", things[i].what,
                       things[i].name);
    return !plan->blocked_reason;
}

/* ---- deletion ---- */

static void plan_deletion(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                          struct plan *plan)
{
    /* A stranger under one of our names is nothing of ours to delete: it is passed over. */
    /* What was begun and not finished never counted; what tenantd does not remember making (DataUnknown) may be the customer's. */
    bool counts = want->state.initialised || (!want->state.dirty && seen->database_is == THING_OURS) ||
                  (!want->state.dirty && seen->volume_is == THING_OURS);
    bool retain = want->spec.deletion_policy == DELETION_RETAIN && counts;
    if (instance_plan_restore_deletion(want, seen, plan))
        return;
    if (want->spec.deletion_policy == DELETION_BACKUP && counts) {
        /* Stopped first, so that nothing is written behind the last backup. */
        if (seen->container_is == THING_OURS && seen->container.state == CONTAINER_RUNNING)
            add(plan, STEP_STOP, want->container);
        if (!instance_plan_last_backup(want, now_ms, plan))
            return;
        plan_release(plan);
    }
    if (seen->job_is == THING_OURS)
        add(plan, STEP_REMOVE_JOB, want->job);
    if (seen->container_is == THING_OURS) {
        if (seen->container.state == CONTAINER_RUNNING)
            add(plan, STEP_STOP, want->container);
        add(plan, STEP_REMOVE_CONTAINER, want->container);
    }
    if (seen->leftovers.count)
        add(plan, STEP_REMOVE_LEFTOVERS, want->record.uid);
    if (seen->database_is == THING_OURS)
        add(plan, retain ? STEP_RETAIN_DATABASE : STEP_DROP_DATABASE, want->spec.database.name);
    /* A retained database's objects belong to the role, so it stays with them. */
    if (seen->role_is == THING_OURS && !retain)
        add(plan, STEP_DROP_ROLE, want->role);
    if (seen->volume_is == THING_OURS && want->state.volume && !retain)
        add(plan, STEP_REMOVE_VOLUME, want->state.volume);
    add(plan, STEP_RELEASE, NULL);
}

/* ---- database and data ---- */

bool instance_can_be_cloned(const struct instance_want *want)
{
    for (int field = 0; field < CHANGE_FIELDS; field++) {
        CLEANUP(freep) char *value = workload_change_value(&want->spec, (enum app_change_field)field);
        bool is_neutral = !value[0] || str_equal(value, "false");
        if (want->app.on_change.field[field].immutable && !is_neutral)
            return false;
    }
    return true;
}

/* A database or volume of this record stands, and no initialisation was ever begun: what we remember is not all there was. */
static bool nothing_is_forgotten(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    bool stands = seen->database_is == THING_OURS || (want->state.volume && seen->volume_is == THING_OURS);
    if (stands && !want->state.dirty)
        plan_block(
            plan, BLOCK_PASSING, "DataUnknown",
            "a database or volume of this record exists that tenantd does not remember making; it is left alone. "
            "Were the records restored from an old copy? Move the data away, or delete the record");
    return !plan->blocked_reason;
}

static void plan_fresh_data(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    const char *database = want->spec.database.name;
    /* What an attempt left behind that did not come to its end never counted. */
    if (seen->job_is == THING_OURS)
        add(plan, STEP_REMOVE_JOB, want->job);
    if (seen->container_is == THING_OURS)
        add(plan, STEP_REMOVE_CONTAINER, want->container);
    if (seen->database_is == THING_OURS)
        add(plan, STEP_DISCARD_DATABASE, database);
    if (seen->volume_is == THING_OURS)
        add(plan, STEP_DISCARD_VOLUME, want->state.volume);
    if (seen->role_is != THING_OURS || !seen->role_right)
        add(plan, STEP_PUT_ROLE, want->role);
    bool clone = want->warm.database && instance_can_be_cloned(want);
    add(plan, clone ? STEP_CLONE_DATABASE : STEP_CREATE_DATABASE, database);
    add(plan, STEP_CREATE_VOLUME, want->state.volume);
    if (!clone) {
        add(plan, STEP_INITIALISE, want->image);
        return;
    }
    add(plan, STEP_COPY_VOLUME, want->warm.volume);
    add(plan, STEP_TAKE_OVER, database);
    add(plan, STEP_CLONE_AFTER, want->warm.database);
}

/* Data that was there and is gone is never silently replaced by an empty one. */
static bool data_is_whole(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    bool no_database = seen->database_is == THING_ABSENT, no_volume = seen->volume_is == THING_ABSENT;
    if (!no_database && !no_volume)
        return true;
    const char *accepted = record_annotation(&want->record, ANNOTATION_ACCEPT_DATA_LOSS);
    if (accepted && str_equal(accepted, want->record.uid)) {
        add(plan, STEP_FORGET_LOSS, NULL);
        return false;
    }
    plan_block(
        plan, BLOCK_PASSING, "DataMissing",
        "%s %s held data and is gone. Bring it back, or accept the loss and start empty with the annotation %s: %s",
        no_database ? "the database" : "the volume", no_database ? want->spec.database.name : want->state.volume,
        ANNOTATION_ACCEPT_DATA_LOSS, want->record.uid);
    return false;
}

void instance_plan_database(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (seen->role_is == THING_ABSENT || (seen->role_is == THING_OURS && !seen->role_right))
        add(plan, STEP_PUT_ROLE, want->role);
    if (seen->database_is == THING_OURS && (!seen->database_right || seen->database_unstamped))
        add(plan, STEP_REPAIR_DATABASE, want->spec.database.name);
}

/* ---- version and fields that the application must take over ---- */

bool instance_upgrade_is_due(const struct instance_want *want)
{
    if (!want->state.initialised || str_equal(want->state.version, want->spec.version))
        return false;
    bool failed = str_equal(want->state.failed_version, want->spec.version) &&
                  want->state.failed_generation == want->record.generation;
    return !failed;
}

void instance_plan_stop(const struct instance_seen *seen, const struct instance_want *want, struct plan *plan)
{
    if (seen->container_is == THING_OURS && seen->container.state != CONTAINER_EXITED &&
        seen->container.state != CONTAINER_CREATED && !plan_has(plan, STEP_STOP))
        add(plan, STEP_STOP, want->container);
}

/* True when the container has to be made anew afterwards. */
static bool plan_data_changes(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (instance_upgrade_is_due(want)) {
        if (seen->image_is == THING_ABSENT)
            add(plan, STEP_PULL_IMAGE, want->image);
        instance_plan_stop(seen, want, plan);
        add(plan, STEP_UPGRADE, want->spec.version);
        return true;
    }
    for (int field = 0; field < CHANGE_FIELDS; field++) {
        CLEANUP(freep) char *value = workload_change_value(&want->spec, (enum app_change_field)field);
        const char *applied = json_text(want->state.applied, app_change_field_names[field]);
        if (str_equal(applied ? applied : "", value) || want->app.on_change.field[field].immutable)
            continue;
        if (seen->image_is == THING_ABSENT && !plan_has(plan, STEP_PULL_IMAGE))
            add(plan, STEP_PULL_IMAGE, want->image);
        if (!want->app.on_change.field[field].live)
            instance_plan_stop(seen, want, plan);
        add(plan, (enum instance_step)(STEP_CHANGE_ADDONS + field), value);
    }
    return false;
}

/* ---- container ---- */

static bool fits_host(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    const struct instance_resources *asked = &want->spec.resources;
    if (!seen->host_known)
        return true;
    if (asked->cpu_millicores > seen->host.millicores)
        plan_block(plan, BLOCK_FINAL, "ExceedsHost", "asks for %" PRId64 "m of cpu, and the host has %" PRId64 "m",
                   asked->cpu_millicores, seen->host.millicores);
    else if (asked->memory_bytes > seen->host.memory_bytes)
        plan_block(plan, BLOCK_FINAL, "ExceedsHost",
                   "asks for %" PRId64 " MiB of memory, and the host has %" PRId64 " MiB", asked->memory_bytes >> 20,
                   seen->host.memory_bytes >> 20);
    return !plan->blocked_reason;
}

static bool limits_differ(const struct instance_want *want, const struct container *container)
{
    return container->inspected && (container->memory_bytes != want->spec.resources.memory_bytes ||
                                    container->memory_swap_bytes != container->memory_bytes ||
                                    container->nano_cpus != want->spec.resources.cpu_millicores * 1000000 ||
                                    container->pids_limit != PIDS_LIMIT || !str_equal(container->restart_policy, "no"));
}

char *instance_resize_pending(const struct instance_want *want, const struct instance_seen *seen)
{
    const struct container *container = &seen->container;
    int64_t asked = want->spec.resources.memory_bytes;
    bool pending = seen->container_is == THING_OURS && container->inspected && container->state == CONTAINER_RUNNING &&
                   asked < container->memory_bytes && seen->memory_use > asked;
    return pending ? mem_printf("memory is to be limited to %" PRId64 " MiB, and %" PRId64 " MiB are in use",
                                asked >> 20, seen->memory_use >> 20)
                   : NULL;
}

static void plan_limits(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    CLEANUP(freep) char *pending = instance_resize_pending(want, seen);
    if (limits_differ(want, &seen->container) && !pending && fits_host(want, seen, plan))
        add(plan, STEP_RESIZE, NULL);
}

bool instance_says_disk_full(const char *text_or_null)
{
    return text_or_null && strcasestr(text_or_null, "no space left on device");
}

/* A start after an end that nobody asked for waits a growing time. */
static bool may_start_again(const struct instance_seen *seen, int64_t now_ms, struct plan *plan)
{
    if (seen->restart_allowed_ms <= now_ms)
        return true;
    if (seen->container.state == CONTAINER_RUNNING)
        plan_block(plan, BLOCK_PASSING, "Unhealthy",
                   "its health check fails (%s); it is restarted in %" PRId64 " s, %" PRId64 " restarts so far",
                   seen->health.problem, (seen->restart_allowed_ms - now_ms) / 1000 + 1, seen->restarts);
    else
        plan_block(plan, BLOCK_PASSING, instance_says_disk_full(seen->last_output) ? "DiskFull" : "CrashLoop",
                   "it ended with status %d%s; it is started again in %" PRId64 " s, %" PRId64 " restarts so far",
                   seen->container.exit_code,
                   seen->container.oom_killed                   ? " (out of memory: raise resources.memory)"
                   : instance_says_disk_full(seen->last_output) ? " (no space left on a disk)"
                                                                : "",
                   (seen->restart_allowed_ms - now_ms) / 1000 + 1, seen->restarts);
    return false;
}

void instance_plan_running(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                           struct plan *plan)
{
    const struct container *container = &seen->container;
    const char *restarted_at = record_annotation(&want->record, ANNOTATION_RESTARTED_AT);
    bool stopped_by_plan = plan_has(plan, STEP_STOP);
    bool restart_asked = restarted_at && !str_equal(restarted_at, want->state.restarted_at);
    switch (container->state) {
    case CONTAINER_PAUSED:
        add(plan, STEP_UNPAUSE, want->container);
        break;
    case CONTAINER_RUNNING:
        if (stopped_by_plan)
            add(plan, STEP_START, want->container);
        else if (restart_asked || plan_has(plan, STEP_PUT_FILES))
            add(plan, STEP_RESTART, restart_asked ? want->container : "its files were changed");
        else if (seen->health.health == HEALTH_UNHEALTHY && may_start_again(seen, now_ms, plan))
            add(plan, STEP_RESTART, "health check failed");
        break;
    default:
        if (restart_asked || may_start_again(seen, now_ms, plan))
            add(plan, STEP_START, want->container);
    }
}

bool instance_waits_for_turn(const struct instance_want *want, const struct instance_seen *seen)
{
    int64_t settled = want->state.settled_generation;
    bool own_edit = settled && settled != want->record.generation; /* who edits his own instance does not wait */
    /* What does not work as it is loses nothing by being made anew, and may be mended by it. */
    bool works = seen->container.state == CONTAINER_RUNNING && seen->health.health != HEALTH_UNHEALTHY;
    return want->running && seen->container_is == THING_OURS && !seen->container_matches && seen->container_outdated &&
           works && !own_edit && !seen->has_turn;
}

static void plan_no_container(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (seen->container_is != THING_OURS)
        return;
    instance_plan_stop(seen, want, plan);
    if (!seen->container_matches)
        add(plan, STEP_REMOVE_CONTAINER, want->container);
    else if (seen->renamed)
        add(plan, STEP_RENAME, want->container);
}

static void plan_replacement(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (!fits_host(want, seen, plan))
        return;
    /* First: while it is pulled, the old one goes on. */
    if (seen->image_is == THING_ABSENT && !plan_has(plan, STEP_PULL_IMAGE))
        add(plan, STEP_PULL_IMAGE, want->image);
    if (seen->container_is == THING_OURS) {
        instance_plan_stop(seen, want, plan);
        add(plan, STEP_REMOVE_CONTAINER, want->container);
    }
    add(plan, STEP_CREATE_CONTAINER, want->container);
    add(plan, STEP_START, want->container);
}

void instance_plan_container(const struct instance_want *want, const struct instance_seen *seen, bool renewed,
                             int64_t now_ms, struct plan *plan)
{
    if (!want->running) {
        plan_no_container(want, seen, plan);
        return;
    }
    if (seen->network_is != THING_OURS) {
        plan_block(plan, BLOCK_WOKEN, "WaitingForNetwork", "the tenant's network %s is not there yet", want->network);
        return;
    }
    bool fits = seen->container_is == THING_OURS && !renewed &&
                (seen->container_matches || instance_waits_for_turn(want, seen));
    if (!fits) {
        plan_replacement(want, seen, plan);
        return;
    }
    if (seen->renamed)
        add(plan, STEP_RENAME, want->container);
    if (!seen->on_network)
        add(plan, STEP_CONNECT, want->network);
    if (seen->files_differ)
        add(plan, STEP_PUT_FILES, NULL);
    plan_limits(want, seen, plan);
    instance_plan_running(want, seen, now_ms, plan);
}

/* While an upgrade's gate is open: healthy closes it, a failure goes back to the version before. */
static bool plan_gate(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan)
{
    if (!want->state.previous)
        return false;
    bool runs =
        seen->container_is == THING_OURS && seen->container_matches && seen->container.state == CONTAINER_RUNNING;
    bool has_probe = want->app.health.path != NULL;
    if (runs && (seen->health.health == HEALTH_HEALTHY || !has_probe)) {
        add(plan, STEP_CLOSE_GATE, want->state.version);
        return true;
    }
    bool died = seen->container_is == THING_OURS && seen->container_matches &&
                seen->container.state == CONTAINER_EXITED && seen->restarts >= want->app.health.failure_threshold;
    if (died || (runs && seen->health.health == HEALTH_UNHEALTHY)) {
        add(plan, STEP_ROLL_BACK, want->state.previous);
        return true;
    }
    return false;
}

static bool needs_allocation(const struct instance_want *want)
{
    int64_t wish = instance_publish_wish(&want->spec);
    bool port_is_right = wish < 0 ? want->state.port > 0 : want->state.port == wish;
    return !want->state.volume || !want->secrets_complete || !port_is_right;
}

static bool records_are_complete(const struct instance_want *want, struct plan *plan)
{
    if (!want->has_tenant)
        plan_block(plan, BLOCK_FINAL, "TenantMissing", "there is no tenant %s", want->record.key.namespace);
    else if (!want->has_app)
        plan_block(plan, BLOCK_FINAL, "AppMissing", "there is no app %s", want->spec.app);
    else if (!want->image)
        plan_block(plan, BLOCK_FINAL, "VersionMissing", "app %s has no version %s", want->spec.app, want->version);
    return !plan->blocked_reason;
}

/* A schedule that is new or another one counts from when it is seen: what it would have done before is not made up. */
static void plan_schedule(const struct instance_want *want, int64_t now_ms, struct plan *plan)
{
    if (!str_equal(want->spec.backup.schedule, want->state.backup_schedule))
        add(plan, STEP_NOTE_SCHEDULE, want->spec.backup.schedule);
    else if (instance_backup_due_ms(want, now_ms) && !want->recovery.running && !want->recovery.restore_runs)
        add(plan, STEP_SCHEDULE_BACKUP, NULL);
}

void instance_plan(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                   struct plan *plan)
{
    if (!neighbours_answer(seen, plan))
        return;
    if (want->deleting) {
        plan_deletion(want, seen, now_ms, plan);
        return;
    }
    if (!records_are_complete(want, plan) || !names_are_free(want, seen, plan))
        return;
    if (needs_allocation(want)) {
        add(plan, STEP_ALLOCATE, NULL);
        if (want->state.volume)
            return; /* what is rendered changes with it */
    }
    if (want->state.volume && want->secrets_complete && !want->rendered.hash && want->render_problem) {
        plan_block(plan, BLOCK_FINAL, "RenderFailed", "%s", want->render_problem);
        return;
    }
    if (instance_plan_restore(want, seen, now_ms, plan))
        return;
    if (!want->state.initialised) {
        if (want->warm_is_building && instance_can_be_cloned(want)) {
            /* What a killed clone left would hold the template's volume and its role, and so the making of a new one. */
            if (seen->job_is == THING_OURS)
                add(plan, STEP_REMOVE_JOB, want->job);
            if (want->state.dirty && seen->database_is == THING_OURS)
                add(plan, STEP_DISCARD_DATABASE, want->spec.database.name);
            plan_block(plan, BLOCK_WOKEN, "WaitingForWarmDatabase", "app %s is making its warm database for version %s",
                       want->spec.app, want->spec.version);
            return;
        }
        if (seen->network_is != THING_OURS) {
            plan_block(plan, BLOCK_WOKEN, "WaitingForNetwork", "the tenant's network %s is not there yet",
                       want->network);
            return;
        }
        if (!nothing_is_forgotten(want, seen, plan) || !fits_host(want, seen, plan))
            return;
        if (seen->image_is == THING_ABSENT)
            add(plan, STEP_PULL_IMAGE, want->image);
        plan_fresh_data(want, seen, plan);
        if (want->running) {
            add(plan, STEP_CREATE_CONTAINER, want->container);
            add(plan, STEP_START, want->container);
        }
        return;
    }
    if (!data_is_whole(want, seen, plan))
        return;
    if (seen->job_is == THING_OURS)
        add(plan, STEP_REMOVE_JOB, want->job);
    instance_plan_database(want, seen, plan);
    if (want->running && plan_gate(want, seen, plan))
        return;
    bool renewed = want->running && plan_data_changes(want, seen, plan);
    instance_plan_container(want, seen, renewed, now_ms, plan);
    if (instance_replaced_due_ms(want) <= now_ms)
        add(plan, STEP_DROP_REPLACED, NULL);
    plan_schedule(want, now_ms, plan);
}
