/* Making, finding and removing warm templates; see warm.h. */
#include "reconcilers/app/warm.h"

#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/volume.h"

enum {
    PASSWORD_LENGTH = 32,
    SECRET_LENGTH = 24,
    UID_DIGITS = 12,
    INIT_MILLICORES = 2000,
    PULL_TIMEOUT_MS = 3600000,
};
#define INIT_MEMORY_BYTES (INT64_C(1) << 30)

const struct field warm_entry_fields[] = {
    { "state", FIELD_TEXT, offsetof(struct warm_entry, state) },
    { "hash", FIELD_TEXT, offsetof(struct warm_entry, hash) },
    { "imageId", FIELD_TEXT, offsetof(struct warm_entry, image_id) },
    { "database", FIELD_TEXT, offsetof(struct warm_entry, database) },
    { "volume", FIELD_TEXT, offsetof(struct warm_entry, volume) },
    { "role", FIELD_TEXT, offsetof(struct warm_entry, role) },
    { "message", FIELD_TEXT, offsetof(struct warm_entry, message) },
    { NULL },
};

void warm_template_release(struct warm_template *warm)
{
    free(warm->database);
    free(warm->volume);
    free(warm->role);
    free(warm->image_id);
    *warm = (struct warm_template){ 0 };
}

char *warm_hash(const struct app_spec *app, const struct app_version *version)
{
    CLEANUP(json_decrefp) json_t *all = json_object();
    json_put_text(all, "image", version->image);
    json_put(all, "init", json_from_strv(&app->init.command));
    json_put(all, "env", json_deep_copy(app->env));
    json_put_text(all, "dataPath", app->data_path);
    json_t *files = json_array();
    const struct app_file *items = app->files.items;
    for (size_t i = 0; i < app->files.count; i++) {
        json_t *file = json_object();
        json_put_text(file, "path", items[i].path);
        json_put_text(file, "content", items[i].content);
        json_push(files, file);
    }
    json_put(all, "files", files);
    json_t *defaults = json_object();
    const struct app_parameter *parameters = app->parameters.items;
    for (size_t i = 0; i < app->parameters.count; i++)
        json_put_text(defaults, parameters[i].name, parameters[i].fallback);
    json_put(all, "parameters", defaults);
    CLEANUP(freep) char *text = json_dump(all);
    return sha256_hex(text, strlen(text));
}

enum warm_state warm_find(const struct app_spec *app, const json_t *app_state, const char *version,
                          struct warm_template *ret)
{
    const struct app_version *wanted = app_find_version(app, version);
    if (!app->warm_database || !app->init.command.count || !wanted)
        return WARM_NONE;
    const json_t *entry = json_at(app_state, "warm", version, NULL);
    CLEANUP(freep) char *hash = warm_hash(app, wanted);
    if (!entry || !str_equal(json_text(entry, "hash"), hash))
        return WARM_BUILDING;
    const char *state = json_text(entry, "state");
    if (str_equal(state, "Failed"))
        return WARM_FAILED;
    if (!str_equal(state, "Ready"))
        return WARM_BUILDING;
    ret->database = mem_strdup(json_text(entry, "database"));
    ret->volume = mem_strdup(json_text(entry, "volume"));
    ret->role = mem_strdup(json_text(entry, "role"));
    ret->image_id = mem_strdup(json_text(entry, "imageId"));
    return WARM_READY;
}

char *warm_network(const struct settings *settings, const char *app_name)
{
    CLEANUP(freep) char *tenant = mem_printf("_app.%s", app_name);
    return name_network(settings, tenant);
}

/* 12 hex digits that stand for this App's this version. */
static char *template_digits(const char *app_uid, const char *version)
{
    CLEANUP(freep) char *text = mem_printf("%s/%s", app_uid, version);
    CLEANUP(freep) char *digest = sha256_hex(text, strlen(text));
    return mem_strndup(digest, UID_DIGITS);
}

static void choose_names(const struct settings *settings, const struct record *app_record,
                         const struct app_version *version, struct warm_entry *entry)
{
    CLEANUP(freep) char *digits = template_digits(app_record->uid, version->name);
    CLEANUP(freep) char *container = name_container(settings, &app_record->key);
    entry->role = mem_printf("td_%s_%s", settings->installation, digits);
    entry->database = mem_printf("td_%s_warm_%s", settings->installation, digits);
    entry->volume = mem_printf("%s-%s", container, digits);
}

bool warm_remove(struct reconcile_context *ctx, const struct record *app_record, const struct warm_entry *entry,
                 struct err *err)
{
    CLEANUP(freep) char *stamp = name_stamp(ctx->settings, app_record->uid);
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!workload_remove_job(ctx, &app_record->key, app_record->uid, err))
        return false;
    CLEANUP(database_release) struct database database = { 0 };
    if (database_look(ctx->server, entry->database, &ctx->call, &database, &problem)) {
        /* A killed create left it without its stamp; the name alone is of our making, so the stamp is put on first. */
        if (!database.comment && str_equal(database.owner, entry->role) &&
            !database_repair(ctx->server, entry->database, entry->role, stamp, &ctx->call, err))
            return false;
        if (!database_drop(ctx->server, entry->database, stamp, &ctx->call, err))
            return err_wrap(err, "drop warm database");
    } else if (problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    err_clear(&problem);
    if (!volume_discard(ctx, entry->volume, app_record->uid, err))
        return err_wrap(err, "remove warm volume");
    if (role_drop(ctx->server, entry->role, &ctx->call, &problem) || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return err_wrap(err, "drop warm role");
}

/* Everything a template's init needs; what it points to lives as long as the build. */
struct build {
    struct instance_spec neutral; /* no addons, no demo data, nobody's e-mail */
    json_t *values;
    char *network, *password, *verifier, *stamp;
    struct workload workload;
    struct rendered rendered;
};

static void build_release(struct build *build)
{
    fields_release(instance_spec_fields, &build->neutral);
    json_decref(build->values);
    free(build->network);
    free(build->password);
    free(build->verifier);
    free(build->stamp);
    rendered_release(&build->rendered);
}

/* Its secrets are never stored: nobody logs in to a template again, and clone.after gives each clone its own. */
static bool prepare(struct reconcile_context *ctx, const struct record *app_record, const struct app_spec *app,
                    const struct app_version *version, const struct warm_entry *entry, struct build *build,
                    struct err *err)
{
    CLEANUP(json_decrefp) json_t *secrets = json_object();
    CLEANUP(freep) char *subnet = NULL;
    for (size_t i = 0; i < app->secrets.count; i++) {
        CLEANUP(freep) char *secret = random_text(SECRET_LENGTH);
        json_put_text(secrets, app->secrets.items[i], secret);
    }
    build->network = warm_network(ctx->settings, app_record->key.name);
    build->password = random_text(PASSWORD_LENGTH);
    build->stamp = name_stamp(ctx->settings, app_record->uid);
    struct workload_subject subject = {
        .app_name = app_record->key.name,
        .version = version->name,
        .name = "template",
        .namespace = "template",
        .uid = app_record->uid,
        .database = entry->database,
        .role = entry->role,
        .password = build->password,
        .secrets = secrets,
    };
    build->values = workload_values(ctx->settings, app, &build->neutral, &subject);
    build->workload = (struct workload){
        .app = app,
        .key = &app_record->key,
        .uid = app_record->uid,
        .image = version->image,
        .network = build->network,
        .volume = entry->volume,
        .values = build->values,
        .millicores = INIT_MILLICORES,
        .memory_bytes = INIT_MEMORY_BYTES,
    };
    struct docker_host host;
    if (world_host(ctx->world, &host) && host.millicores < build->workload.millicores)
        build->workload.millicores = host.millicores;
    return network_provide(ctx, &app_record->key, app_record->uid, build->network, &subnet, err) &&
           workload_render(ctx->settings, &build->workload, &build->rendered, err) &&
           server_scram_verifier(ctx->server, entry->role, build->password, &ctx->call, &build->verifier, err);
}

static bool ensure_image(struct reconcile_context *ctx, const char *reference, char **ret_id, struct err *err)
{
    CLEANUP(image_release) struct image image = { 0 };
    struct err problem = ERR_INIT;
    if (!image_inspect(ctx->docker, reference, &ctx->call, &image, &problem)) {
        bool absent = problem.code == ERR_NOT_FOUND;
        struct call pull = call_within(&ctx->call, PULL_TIMEOUT_MS);
        if (!absent) {
            err_move(err, &problem);
            return false;
        }
        err_release(&problem);
        const struct image_credentials *credentials = workload_credentials(ctx->settings, reference);
        if (!image_pull(ctx->docker, reference, credentials, NULL, NULL, &pull, err) ||
            !image_inspect(ctx->docker, reference, &ctx->call, &image, err))
            return err_wrap(err, "image %s", reference);
    }
    *ret_id = STEAL(image.id);
    return true;
}

static bool run_init(struct reconcile_context *ctx, const struct app_spec *app, struct build *build,
                     struct warm_entry *entry, struct err *err)
{
    struct numeric_user user;
    struct job job = {
        .purpose = "init", .command = &app->init.command, .timeout_ms = app->init.timeout_ms, .values = build->values
    };
    int exit_code = 0;
    CLEANUP(freep) char *output = NULL;
    bool ok = workload_user(ctx, &build->workload, &user, err) &&
              workload_run_job(ctx, &build->workload, &build->rendered, &user, &job, &output, &exit_code, err);
    if (!ok)
        entry->message = mem_printf("%s\n%s", err_message(err), output ? output : "");
    return ok;
}

void warm_begin(const struct settings *settings, const struct record *app_record, const struct app_spec *app,
                const struct app_version *version, struct warm_entry *ret_entry)
{
    choose_names(settings, app_record, version, ret_entry);
    ret_entry->hash = warm_hash(app, version);
    ret_entry->state = mem_strdup("Building");
}

bool warm_build(struct reconcile_context *ctx, const struct record *app_record, const struct app_spec *app,
                const struct app_version *version, struct warm_entry *entry, struct err *err)
{
    CLEANUP(build_release) struct build build = { 0 };
    CLEANUP(json_decrefp) json_t *labels = name_labels(ctx->settings, &app_record->key, app_record->uid, "data");
    build.neutral.env = json_object();
    bool ok =
        ensure_image(ctx, version->image, &entry->image_id, err) && warm_remove(ctx, app_record, entry, err) &&
        prepare(ctx, app_record, app, version, entry, &build, err) &&
        role_ensure(ctx->server, entry->role, build.verifier, ctx->settings->role_connection_limit, &ctx->call, err) &&
        database_create(ctx->server, entry->database, entry->role, NULL, build.stamp, &ctx->call, err) &&
        volume_create(ctx->docker, entry->volume, labels, &ctx->call, err) && run_init(ctx, app, &build, entry, err) &&
        database_close(ctx->server, entry->database, build.stamp, &ctx->call, err);
    free(entry->state);
    entry->state = mem_strdup(ok ? "Ready" : "Failed");
    if (!ok && !entry->message)
        entry->message = mem_strdup(err_message(err));
    return ok || err_wrap(err, "warm database of version %s", version->name);
}
