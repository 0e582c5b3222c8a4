/* What can be injected: faults of calls, crashes, work of other threads, edits by users, acts of strangers; see run.h. */
#include "reconcilers/names.h"
#include "specs/instance.h"
#include "tests/sim/run.h"

/* ---- calls that fail ---- */

static bool raise(const struct sim_call *what, enum err_code code, const char *text, struct err *err)
{
    return err_set(err, code, "%s: %s (injected)", what->name, text);
}

static bool fail_unreachable(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)parameter;
    return raise(what, ERR_UNREACHABLE, "connection reset", err);
}

static bool fail_timeout(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    sim->mono_ms += SECOND_MS * (1 + parameter % 20);
    return raise(what, ERR_TIMEOUT, "no answer in time", err);
}

static bool fail_remote(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)parameter;
    return raise(what, ERR_REMOTE, "internal server error", err);
}

static bool fail_conflict(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)parameter;
    return raise(what, what->side == SIM_STORE ? ERR_REMOTE : ERR_CONFLICT, "busy with something else", err);
}

/* Refused for what was asked: only of what changes something. */
static bool fail_invalid(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)parameter;
    bool may = what->access == SIM_CHANGES && what->side != SIM_STORE;
    return raise(what, may ? ERR_INVALID : ERR_REMOTE, "refused", err);
}

/* From now on for some time this side does not answer. */
static bool go_away(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    enum sim_side side = str_equal(what->name, "turn") ? (enum sim_side)(parameter % SIM_SIDES) : what->side;
    static const int64_t spans_ms[] = { 300, 3000, 15000, 90000 };
    (void)err;
    run->away_until_ms[side] = sim->mono_ms + spans_ms[parameter / 4 % ARRAY_LEN(spans_ms)];
    return true;
}

static bool crash(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)parameter;
    run->is_killed = true;
    return raise(what, ERR_CANCELLED, "killed", err);
}

/* ---- what others do meanwhile ---- */

static bool work(struct run *run, enum sim_work kind)
{
    if (run->is_starting)
        return true;
    run->depth++;
    sim_daemon_work(&run->daemon, kind);
    run->depth--;
    return true;
}

static bool work_any(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    return work(run, (enum sim_work)(parameter % SIM_WORKS));
}

/* Several records in turn, and what woke them first. */
static bool work_much(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    for (unsigned i = 0; i < 2 + parameter % 3; i++)
        for (int kind = 0; kind < SIM_WORKS; kind++)
            work(run, (enum sim_work)kind);
    return true;
}

/* A list that is taken by then is an old one when it arrives. */
static bool time_passes(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    static const int64_t spans_ms[] = { 50, 1000, 10000, 40000, 400000 };
    (void)run;
    (void)what;
    (void)err;
    sim->mono_ms += spans_ms[parameter % ARRAY_LEN(spans_ms)];
    sim_engine_tick();
    return true;
}

static bool lose_events(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)what;
    (void)parameter;
    (void)err;
    sim_events_clear();
    return true;
}

static bool shuffle_events(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    struct sim_engine *engine = sim->engine;
    (void)run;
    (void)what;
    (void)err;
    for (size_t i = 0; i + 1 < engine->event_count; i++) {
        struct sim_event *event = &engine->events[i],
                         *other = &engine->events[(i + 1 + parameter) % engine->event_count];
        struct sim_event kept = *event;
        *event = *other;
        *other = kept;
    }
    return true;
}

static bool double_event(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)run;
    (void)what;
    (void)err;
    if (sim->engine->event_count) {
        const struct sim_event *event = &sim->engine->events[parameter % sim->engine->event_count];
        const struct sim_container *container = sim_container_find(event->id);
        if (container)
            sim_event_add(container, event->action);
    }
    return true;
}

/* ---- users ---- */

static void put_spec(struct record *record, const char *text, int64_t number)
{
    (void)number;
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, text, '=');
    json_put_text(record->spec, parts.items[0], parts.count > 1 ? parts.items[1] : "");
}

static void put_memory(struct record *record, const char *text, int64_t number)
{
    (void)text;
    CLEANUP(freep) char *quantity = mem_printf("%" PRId64 "Mi", INT64_C(128) << number % 4);
    json_put_text(json_object_get(record->spec, "resources"), "memory", quantity);
}

static void put_set(struct record *record, const char *text, int64_t number)
{
    (void)text;
    CLEANUP(freep) char *value = mem_printf("value-%" PRId64, number);
    json_t *env = json_object();
    json_put_text(env, "SET", value);
    json_put(record->spec, "env", env);
}

static void put_addons(struct record *record, const char *text, int64_t number)
{
    static const char *const names[] = { "sale", "stock", "website" };
    (void)text;
    json_t *addons = json_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (number >> i & 1)
            json_push(addons, json_string(names[i]));
    json_put(record->spec, "addons", addons);
}

static void put_annotation(struct record *record, const char *text, int64_t number)
{
    CLEANUP(freep) char *value = mem_printf("%" PRId64, number);
    json_put_text(record->annotations, text, value);
}

static void drop_annotation(struct record *record, const char *text, int64_t number)
{
    (void)number;
    json_object_del(record->annotations, text);
}

static void accept_loss(struct record *record, const char *text, int64_t number)
{
    (void)text;
    (void)number;
    json_put_text(record->annotations, ANNOTATION_ACCEPT_DATA_LOSS, record->uid);
}

static void put_suspended(struct record *record, const char *text, int64_t number)
{
    (void)text;
    json_put(record->spec, "suspended", json_boolean(number != 0));
}

/* The App's default of the parameter: every instance that does not set it is to be made anew. */
static void put_default(struct record *record, const char *text, int64_t number)
{
    (void)text;
    CLEANUP(freep) char *value = mem_printf("default-%" PRId64, number);
    json_put_text(json_array_get(json_object_get(record->spec, "parameters"), 0), "default", value);
}

static void put_warm(struct record *record, const char *text, int64_t number)
{
    (void)text;
    json_put(record->spec, "warmDatabase", json_boolean(number != 0));
}

static bool edit(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    static const struct {
        scene_edit_fn *edit;
        const char *text;
    } edits[] = {
        { put_spec, "state=Stopped" },
        { put_spec, "state=Running" },
        { put_spec, "version=2" },
        { put_spec, "version=1" },
        { put_spec, "version=bad" },
        { put_spec, "publish=auto" },
        { put_spec, "publish=none" },
        { put_spec, "publish=20005" },
        { put_spec, "deletionPolicy=Retain" },
        { put_spec, "deletionPolicy=Delete" },
        { put_spec, "adminEmail=a@b.example" },
        { put_memory, NULL },
        { put_set, NULL },
        { put_addons, NULL },
        { put_annotation, ANNOTATION_PAUSED },
        { put_annotation, ANNOTATION_RESTARTED_AT },
        { drop_annotation, ANNOTATION_PAUSED },
    };
    (void)what;
    (void)err;
    struct record_key key = scene_key(parameter & 3);
    size_t which = parameter / 4 % ARRAY_LEN(edits);
    bool ok = scene_edit(run, &key, edits[which].edit, edits[which].text, run->hurts & 7);
    run_trace(run, "user: edit %zu of %s/%s%s", which, key.namespace, key.name, ok ? "" : ": refused");
    return true;
}

static bool edit_others(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    struct record_key key;
    bool is_tenant = parameter & 1;
    (void)what;
    (void)err;
    if (!record_key_set(&key, is_tenant ? KIND_TENANT : KIND_APP, "",
                        !is_tenant      ? "app"
                        : parameter & 2 ? "beta"
                                        : "acme"))
        abort();
    scene_edit_fn *function = is_tenant ? put_suspended : parameter & 2 ? put_warm : put_default;
    scene_edit(run, &key, function, NULL, parameter >> 2 & 1);
    run_trace(run, "user: edit %s", key.name);
    return true;
}

static bool remove_instance(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    struct record_key key = scene_key(parameter);
    scene_delete(run, &key);
    return true;
}

static bool create_instance(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    struct record_key key = scene_key(parameter);
    scene_create_tenant(run, key.namespace);
    scene_create_instance(run, parameter, parameter >> 2);
    return true;
}

static bool remove_tenant(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    struct record_key key;
    (void)what;
    (void)err;
    size_t at = 0;
    void *value;
    if (!record_key_set(&key, KIND_TENANT, "", parameter & 1 ? "beta" : "acme"))
        abort();
    const struct map *members = map_get(sim->store->by_tenant, key.name);
    /* Whoever deletes a tenant asks for the deletion of all that is in it. */
    while (members && sim_record_find(&key) && map_next(members, &at, NULL, &value))
        run_ledger(run, ((struct record *)value)->uid)->deletion_asked = true;
    scene_delete(run, &key);
    return true;
}

static bool accept(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    struct record_key key = scene_key(parameter);
    scene_edit(run, &key, accept_loss, NULL, 0);
    return true;
}

/* ---- strangers ---- */

/* The container of the instance that the parameter means; NULL: there is none. */
static struct sim_container *container_of(unsigned parameter)
{
    struct record_key key = scene_key(parameter);
    CLEANUP(freep) char *name = name_container(&sim_settings, &key);
    return sim_container_find(name);
}

/* The same name and labels, another environment, no files. */
static bool make_anew(struct sim_container *container, struct err *err)
{
    static const char *const env[] = { "SET=by-hand", NULL };
    static const char *const command[] = { "/app/serve", NULL };
    CLEANUP(freep) char *name = mem_strdup(container->seen.name);
    CLEANUP(freep) char *image = mem_strdup(container->seen.image);
    CLEANUP(freep) char *network = mem_strdup(json_object_iter_key(json_object_iter(container->seen.networks)));
    CLEANUP(json_decrefp) json_t *labels = json_deep_copy(container->seen.labels);
    CLEANUP(freep) char *old = mem_strdup(container->seen.id);
    CLEANUP(freep) char *id = NULL;
    const struct container_create create = {
        .name = name, .image = image, .command = command, .env = env, .labels = labels, .network = network
    };
    return container_remove(NULL, old, NULL, err) && container_create(NULL, &create, NULL, &id, err) &&
           container_start(NULL, id, NULL, err);
}

static bool hurt_container(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    struct sim_container *container = container_of(parameter & 3);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    (void)what;
    (void)err;
    if (!container)
        return true;
    CLEANUP(freep) char *id = mem_strdup(container->seen.id);
    CLEANUP(freep) char *name = mem_printf("elsewhere-%u", (unsigned)(sim->mono_ms & 0xffff));
    struct record_key key = scene_key(parameter);
    CLEANUP(freep) char *network = name_network(&sim_settings, key.namespace);
    unsigned which = parameter / 4 % 12;
    bool ok = true;
    run_trace(run, "stranger: act %u on container %s", which, container->seen.name);
    sim->is_outsider = true;
    switch (which) {
    case 0:
        ok = container_remove(NULL, id, NULL, &ignored);
        break;
    case 1:
        ok = container_stop(NULL, id, 0, NULL, &ignored);
        break;
    case 2:
        ok = container_kill(NULL, id, NULL, &ignored);
        break;
    case 3:
        ok = container_rename(NULL, id, name, NULL, &ignored);
        break;
    case 4:
        ok = network_disconnect(NULL, network, id, NULL, &ignored);
        break;
    case 5: {
        const struct container_resources resources = { .memory_bytes = 77 << 20, .restart_policy = "always" };
        ok = container_update(NULL, id, &resources, NULL, &ignored);
        break;
    }
    case 6:
        if (container->seen.state == CONTAINER_RUNNING) {
            container->seen.state = CONTAINER_PAUSED;
            sim_event_add(container, "pause");
        }
        break;
    case 7:
        container->is_hung = true;
        break;
    case 8:
        if (container->seen.state == CONTAINER_RUNNING) {
            sim_container_end(container, 1);
            container->is_held = parameter / 48 % 3 == 0;
        }
        break;
    case 9:
        json_object_clear(container->files);
        break;
    case 10:
        ok = make_anew(container, &ignored);
        break;
    default:
        ok = container_start(NULL, id, NULL, &ignored);
        break;
    }
    sim->is_outsider = false;
    (void)ok; /* strangers may fail, too */
    return true;
}

static bool hurt_network(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    CLEANUP(freep) char *name = name_network(&sim_settings, parameter & 1 ? "beta" : "acme");
    struct sim_network *network = sim_network_find(name);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    (void)what;
    (void)err;
    if (!network)
        return true;
    run_trace(run, "stranger: removes network %s", name);
    sim->is_outsider = true;
    size_t at = 0;
    const char *id;
    void *member;
    while (map_next(network->members, &at, &id, &member)) {
        CLEANUP(freep) char *who = mem_strdup(id);
        if (!network_disconnect(NULL, name, who, NULL, &ignored))
            err_clear(&ignored);
    }
    if (!network_remove(NULL, name, NULL, &ignored))
        run_trace(run, "%s", err_message(&ignored));
    sim->is_outsider = false;
    return true;
}

/* The database's name and role of the instance that the parameter means; false: there is none. */
static bool database_of(unsigned parameter, char **ret_name, char **ret_role, const char **ret_uid)
{
    struct record_key key = scene_key(parameter);
    const struct record *record = sim_record_find(&key);
    if (!record)
        return false;
    *ret_name = mem_strdup(json_text(json_object_get(record->spec, "database"), "name"));
    *ret_role = name_role(&sim_settings, record->uid);
    *ret_uid = record->uid;
    return true;
}

static void hurt_role(unsigned which, const char *role)
{
    struct sim_role *found = sim_role_find(role);
    if (!found)
        return;
    if (which == 0) {
        free(found->verifier);
        found->verifier = mem_strdup("SCRAM-SHA-256$0$stolen");
    } else if (which == 1) {
        found->can_login = false;
    } else if (which == 2) {
        found->connection_limit = 1;
    } else {
        sim_role_drop(role);
    }
}

static bool hurt_database(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    CLEANUP(freep) char *name = NULL;
    CLEANUP(freep) char *role = NULL;
    const char *uid;
    unsigned which = parameter / 4 % 9;
    (void)what;
    (void)err;
    if (!database_of(parameter & 3, &name, &role, &uid))
        return true;
    struct sim_database *database = sim_database_find(name);
    run_trace(run, "stranger: act %u on database %s", which, name);
    if (which < 4)
        hurt_role(which, role);
    else if (!database)
        return true;
    else if (which == 4)
        database->seen.public_can_connect = true;
    else if (which == 5)
        database->seen.allow_connections = false;
    else if (which == 6)
        free(STEAL(database->seen.comment)); /* the owner may: it is still told by its owner */
    else if (which == 7)
        database->seen.deviates = true;
    else {
        free(database->seen.owner);
        database->seen.owner = mem_strdup("postgres");
    }
    return true;
}

/* What held data is gone: by no hand of ours. */
static bool destroy_data(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    CLEANUP(freep) char *name = NULL;
    CLEANUP(freep) char *role = NULL;
    const char *uid;
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    (void)what;
    (void)err;
    if (!database_of(parameter & 3, &name, &role, &uid))
        return true;
    run_ledger(run, uid)->was_hurt = true;
    if (parameter & 4) {
        run_trace(run, "stranger: drops database %s", name);
        sim_database_drop(name);
        return true;
    }
    struct record_key key = scene_key(parameter & 3);
    CLEANUP(freep) char *volume = name_volume(&sim_settings, &key, uid);
    struct sim_container *container = container_of(parameter & 3);
    sim->is_outsider = true;
    if (container && !container_remove(NULL, container->seen.id, NULL, &ignored))
        err_clear(&ignored);
    bool ok = volume_remove(NULL, volume, NULL, &ignored);
    sim->is_outsider = false;
    run_trace(run, "stranger: removes volume %s %s", volume, ok ? "" : err_message(&ignored));
    return true;
}

/* A stranger under a name that is or will be ours. */
static bool take_name(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    struct record_key key = scene_key(parameter & 3);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    (void)what;
    (void)err;
    static const char *const command[] = { "/bin/sh", "-c", "sleep 1000", NULL };
    CLEANUP(freep) char *container = name_container(&sim_settings, &key);
    CLEANUP(freep) char *network = name_network(&sim_settings, key.namespace);
    CLEANUP(freep) char *database = instance_default_database(key.namespace, key.name);
    CLEANUP(freep) char *id = NULL;
    /* Half of them carry our labels, and a uid that no record has: left by a record of long ago. */
    CLEANUP(json_decrefp)
    json_t *labels = parameter / 4 % 2 ? name_labels(&sim_settings, &key, LEFTOVER_UID, "app") : NULL;
    const struct container_create create = {
        .name = container, .image = "sim/app:1", .command = command, .labels = labels
    };
    bool ok = true;
    sim->is_outsider = true;
    switch (parameter / 4 % 4) {
    case 0:
    case 1:
        ok = container_create(NULL, &create, NULL, &id, &ignored);
        break;
    case 2:
        ok = network_create(NULL, network, "192.168.77.0/24", NULL, NULL, &ignored);
        break;
    default:
        if (!sim_database_find(database))
            sim_database_add(database, "postgres", NULL);
    }
    sim->is_outsider = false;
    run_trace(run, "stranger: takes a name of %s/%s %s", key.namespace, key.name, ok ? "" : err_message(&ignored));
    return true;
}

static bool remove_image(struct run *run, const struct sim_call *what, unsigned parameter, struct err *err)
{
    (void)what;
    (void)err;
    run_trace(run, "stranger: removes an image");
    sim_image_remove(parameter & 1 ? "sim/app:2" : "sim/app:1");
    return true;
}

const struct action actions[] = {
    { "unreachable", PLACE_BEFORE, 6, fail_unreachable },
    { "timeout", PLACE_BEFORE, 4, fail_timeout },
    { "remote", PLACE_BEFORE, 5, fail_remote },
    { "conflict", PLACE_BEFORE, 4, fail_conflict },
    { "invalid", PLACE_BEFORE, 1, fail_invalid },
    { "lost", PLACE_AFTER, 18, fail_unreachable },
    { "late", PLACE_AFTER, 6, fail_timeout },
    { "away", PLACE_ANY, 3, go_away },
    { "crash", PLACE_ANY, 12, crash },
    { "work", PLACE_ANY, 12, work_any },
    { "work-much", PLACE_ANY, 8, work_much },
    { "time", PLACE_ANY, 4, time_passes },
    { "lose-events", PLACE_TURN, 6, lose_events },
    { "shuffle-events", PLACE_TURN, 4, shuffle_events },
    { "double-event", PLACE_TURN, 4, double_event },
    { "edit", PLACE_ANY, 14, edit },
    { "edit-others", PLACE_ANY, 4, edit_others },
    { "delete", PLACE_ANY, 5, remove_instance },
    { "create", PLACE_ANY, 6, create_instance },
    { "delete-tenant", PLACE_ANY, 1, remove_tenant },
    { "accept-loss", PLACE_ANY, 1, accept },
    { "container", PLACE_ANY, 12, hurt_container },
    { "network", PLACE_ANY, 3, hurt_network },
    { "database", PLACE_ANY, 6, hurt_database },
    { "destroy", PLACE_ANY, 3, destroy_data },
    { "take-name", PLACE_ANY, 4, take_name },
    { "image", PLACE_ANY, 2, remove_image },
};
const size_t action_count = ARRAY_LEN(actions);

const struct action *action_find(const char *name)
{
    for (size_t i = 0; i < action_count; i++)
        if (str_equal(actions[i].name, name))
            return &actions[i];
    return NULL;
}

/* ---- what only a user can resolve ---- */

static bool is_ours(const json_t *labels)
{
    return str_equal(json_text(labels, LABEL_INSTALLATION), sim_settings.installation) &&
           !str_equal(json_text(labels, LABEL_UID), LEFTOVER_UID);
}

/* A stranger's goes; one of ours that was made to look like nobody's gets its owner back. */
static void give_back(const char *name)
{
    struct sim_database *database = sim_database_find(name);
    if (!database->objects_role || !sim_role_find(database->objects_role)) {
        sim_database_drop(name);
        return;
    }
    free(database->seen.owner);
    database->seen.owner = mem_strdup(database->objects_role);
}

static void remove_strangers(void)
{
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    for (unsigned i = 0; i < SCENE_NAMES; i++) {
        struct record_key key = scene_key(i);
        CLEANUP(freep) char *database = instance_default_database(key.namespace, key.name);
        CLEANUP(freep) char *network = name_network(&sim_settings, key.namespace);
        const struct sim_container *container = container_of(i);
        const struct sim_database *found = sim_database_find(database);
        const struct sim_network *seen = sim_network_find(network);
        const struct record *record = sim_record_find(&key);
        CLEANUP(freep) char *volume = record ? name_volume(&sim_settings, &key, record->uid) : mem_strdup("");
        const struct sim_volume *made = map_get(sim->engine->volumes, volume);
        if (container && !is_ours(container->seen.labels) &&
            !container_remove(NULL, container->seen.id, NULL, &ignored))
            abort();
        if (seen && !is_ours(seen->labels) && !network_remove(NULL, network, NULL, &ignored))
            abort(); /* nobody is on it */
        const json_t *state = record ? map_get(sim->store->states, record->uid) : NULL;
        bool is_half = json_bool(state, "dirty") && !json_bool(state, "initialised");
        /* The engine makes what it misses, without labels. In place of data that was never whole the daemon finds that itself. */
        if (made && !json_object_size(made->labels) && !is_half) {
            if (container_of(i) && !container_remove(NULL, container_of(i)->seen.id, NULL, &ignored))
                abort();
            if (!volume_remove(NULL, volume, NULL, &ignored))
                abort();
        }
        if (found && !found->seen.comment && str_equal(found->seen.owner, "postgres"))
            give_back(database);
    }
}

void oracle_resolve(struct run *run)
{
    sim->is_outsider = true;
    remove_strangers();
    sim->is_outsider = false;
    for (unsigned i = 0; i < SCENE_NAMES; i++) {
        struct record_key key = scene_key(i);
        const struct record *record = sim_record_find(&key);
        if (!record)
            continue;
        /* A port that another instance got first. */
        bool has_port = json_int(map_get(sim->store->states, record->uid), "port", 0) == 20005;
        if (str_equal(json_text(record->spec, "publish"), "20005") && !has_port)
            scene_edit(run, &key, put_spec, "publish=auto", 0);
        scene_edit(run, &key, drop_annotation, ANNOTATION_PAUSED, 0);
        if (str_equal(json_text(record->spec, "version"), "bad"))
            scene_edit(run, &key, put_spec, "version=2", 0);
        if (run_ledger(run, record->uid)->was_hurt)
            scene_edit(run, &key, accept_loss, NULL, 0);
    }
}
