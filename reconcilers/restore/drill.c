/*
 * The drill's own steps: what was restored into the scratch is compared with the recovery point, and the App is started in it, neutralised
 * before, on a network of its own.
 */
#include <poll.h>

#include "base/log.h"
#include "clients/docker/tree.h"
#include "clients/http/http.h"
#include "clients/postgres/restore.h"
#include "reconcilers/names.h"
#include "reconcilers/network.h"
#include "reconcilers/restore/build_internal.h"
#include "reconcilers/restore/files.h"

enum {
    PROBE_TIMEOUT_MS = 10000,
    PROBE_EVERY_MS = 500,
    START_TIMEOUT_MS = 120000,
    CLEAN_UP_MS = 20000,
    OUTPUT_SHOWN = 300,
};

/* ---- the scratch ---- */

void scratch_release(struct scratch *scratch)
{
    free(scratch->network);
    json_decref(scratch->values);
}

void scratch_init(struct scratch *scratch, struct reconcile_context *ctx, const struct restore_want *want,
                  const char *image)
{
    const struct restore_state *state = &want->state;
    *scratch = (struct scratch){ .key = { .kind = KIND_RESTORE } };
    snprintf(scratch->key.namespace, sizeof(scratch->key.namespace), "%s", state->target.namespace);
    snprintf(scratch->key.name, sizeof(scratch->key.name), "%s.drill", state->target.name);
    scratch->network = name_container(ctx->settings, &scratch->key);
    scratch->values = want->target.values ? json_deep_copy(want->target.values) : json_object();
    json_put_text(scratch->values, "database.name", state->offer.beside);
    json_put_text(scratch->values, "version", state->offer.version);
    json_put_text(scratch->values, "restore.sourceDatabase", state->offer.source_database);
    json_put_text(scratch->values, "restore.neutralize", "yes");
    scratch->workload = want->target.workload;
    scratch->workload.key = &scratch->key;
    scratch->workload.uid = want->record.uid;
    scratch->workload.image = image;
    scratch->workload.network = scratch->network;
    scratch->workload.volume = state->offer.volume;
    scratch->workload.volume_uid = want->target.record.uid; /* as whose it was built */
    scratch->workload.values = scratch->values;
    scratch->workload.domains = NULL; /* the reverse proxy must not lead to it */
    scratch->workload.publish_port = 0;
}

/* ---- compare ---- */

static const struct dump_table *find_table(const struct dump_tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (str_equal(tables->items[i].name, name))
            return &tables->items[i];
    return NULL;
}

static bool compare_rows(struct reconcile_context *ctx, struct restore_want *want, const struct manifest *manifest,
                         struct err *err)
{
    struct call call = restore_moving(ctx);
    CLEANUP(dump_tables_release) struct dump_tables seen = { 0 };
    const struct manifest_table *tables = manifest->database.tables.items;
    if (!database_count_rows(ctx->server, want->state.offer.beside, &call, &seen, err))
        return false;
    for (size_t i = 0; i < manifest->database.tables.count; i++) {
        const struct dump_table *table = find_table(&seen, tables[i].name);
        if (!table)
            return err_set(err, ERR_INVALID, "table %s is missing in the restored database", tables[i].name);
        if (table->rows != tables[i].rows)
            return err_set(err, ERR_INVALID, "table %s has %" PRId64 " rows in the restored database, and had %" PRId64,
                           tables[i].name, table->rows, tables[i].rows);
    }
    want->state.result.tables = (int64_t)manifest->database.tables.count;
    return true;
}

static bool sum_of_point(struct reconcile_context *ctx, struct point *point, struct files_sum *ret, struct err *err)
{
    struct call call = restore_moving(ctx);
    CLEANUP(sink_freep) struct sink *sink = files_sum_sink_new(ret, NULL);
    return point_read_data(point, sink, &call, err) && sink_finish(sink, err);
}

static bool sum_of_volume(struct reconcile_context *ctx, const struct restore_want *want, struct files_sum *ret,
                          struct err *err)
{
    CLEANUP(freep) char *container = NULL;
    struct workload workload = want->target.workload;
    const char *path = want->target.app.data_path;
    const struct tree_filter all = { 0 };
    struct call call = restore_moving(ctx);
    if (!restore_image(ctx, want, &workload.image, err) ||
        !workload_create_copier(ctx, &workload, want->state.offer.volume, restore_copier_suffix(want), &container, err))
        return false;
    CLEANUP(sink_freep) struct sink *sink = files_sum_sink_new(ret, NULL);
    bool done = container_read_tree(ctx->docker, container, path, &all, sink, &call, err) && sink_finish(sink, err);
    struct call clean_up = call_within(NULL, CLEAN_UP_MS);
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    if (!container_remove(ctx->docker, container, &clean_up, &ignored))
        log_warning("container not removed", LOG_STR("container", container), LOG_STR("error", err_message(&ignored)));
    return done;
}

static bool compare_files(struct reconcile_context *ctx, struct restore_want *want, struct point *point,
                          struct err *err)
{
    struct files_sum then, now;
    if (!point_has(point, POINT_DATA) || !want->target.app.data_path)
        return true;
    if (!sum_of_point(ctx, point, &then, err) || !sum_of_volume(ctx, want, &now, err))
        return false;
    if (then.files != now.files)
        return err_set(err, ERR_INVALID, "the restored volume has %" PRId64 " files, and the recovery point %" PRId64,
                       now.files, then.files);
    want->state.result.files = now.files;
    return str_equal(then.hex, now.hex) ||
           err_set(err, ERR_INVALID, "the restored volume has files that differ from those of the recovery point");
}

bool restore_drill_compare(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    CLEANUP(opened_point_release) struct opened_point opened = { 0 };
    return restore_open_point(ctx, want, want->state.tier, &opened, err) &&
           compare_rows(ctx, want, point_manifest(opened.point), err) && compare_files(ctx, want, opened.point, err);
}

/* ---- start ---- */

static bool neutralise(struct reconcile_context *ctx, const struct scratch *scratch, const struct rendered *rendered,
                       const struct numeric_user *user, struct err *err)
{
    const struct app_command *after = &scratch->workload.app->restore.after;
    CLEANUP(freep) char *output = NULL;
    int exit_code = 0;
    struct job job = { .purpose = "restore.after",
                       .command = &after->command,
                       .timeout_ms = after->timeout_ms,
                       .values = scratch->values };
    if (after->command.count == 0)
        return err_set(err, ERR_INVALID,
                       "app %s has no restore.after, which would neutralise the scratch before its start",
                       json_text(scratch->values, "app.name"));
    if (workload_run_job(ctx, &scratch->workload, rendered, user, &job, &output, &exit_code, err))
        return true;
    size_t len = output ? strlen(output) : 0;
    if (err->code == ERR_EXIT && len)
        err_set(err, ERR_INVALID, "restore.after ended with status %d: %s", exit_code,
                len > OUTPUT_SHOWN ? output + len - OUTPUT_SHOWN : output);
    return false;
}

static bool probe_once(const char *address, const struct app_port *port, const char *path, const struct call *call)
{
    CLEANUP(freep) char *url = mem_printf("http://%s:%" PRId64, address, port->port);
    const struct http_target target = { .base_url = url };
    CLEANUP(http_freep) struct http *http = http_new(&target);
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    CLEANUP(err_release) struct err ignored = ERR_INIT; /* not yet */
    const struct http_request request = { .method = "GET", .path = path };
    struct call within = call_within(call, PROBE_TIMEOUT_MS);
    return http_send(http, &request, &within, &reply, &ignored) && reply.status >= 200 && reply.status < 400;
}

/* ERR_INVALID where it ends or does not answer in time. */
static bool wait_until_healthy(struct reconcile_context *ctx, const struct scratch *scratch, const char *name,
                               struct err *err)
{
    const struct app_health *health = &scratch->workload.app->health;
    const struct app_port *port = app_find_port(scratch->workload.app, health->port);
    struct call waiting = call_within(NULL, health->startup_timeout_ms);
    for (;;) {
        CLEANUP(container_release) struct container container = { 0 };
        if (!call_check(&ctx->call, err) || !container_inspect(ctx->docker, name, &ctx->call, &container, err))
            return false;
        if (container.state != CONTAINER_RUNNING)
            return err_set(err, ERR_INVALID, "the application ended with status %d in the scratch",
                           container.exit_code);
        const char *address = json_text(json_object_get(container.networks, scratch->network), "address");
        if (!health->path || !port || (address && probe_once(address, port, health->path, &ctx->call)))
            return true;
        if (call_left_ms(&waiting) == 0)
            return err_set(err, ERR_INVALID,
                           "the application did not become healthy in the scratch within %" PRId64 " s",
                           health->startup_timeout_ms / SECOND_MS);
        poll(NULL, 0, PROBE_EVERY_MS);
    }
}

static bool start(struct reconcile_context *ctx, const struct scratch *scratch, struct err *err)
{
    CLEANUP(rendered_release) struct rendered rendered = { 0 };
    CLEANUP(freep) char *name = name_container(ctx->settings, &scratch->key);
    struct numeric_user user;
    struct call call = call_within(&ctx->call, START_TIMEOUT_MS);
    return workload_render(ctx->settings, &scratch->workload, &rendered, err) &&
           workload_user(ctx, &scratch->workload, &user, err) && neutralise(ctx, scratch, &rendered, &user, err) &&
           workload_create(ctx, &scratch->workload, &rendered, &user, err) &&
           container_start(ctx->docker, name, &call, err) && wait_until_healthy(ctx, scratch, name, err);
}

bool restore_drill_start(struct reconcile_context *ctx, struct restore_want *want, struct err *err)
{
    const char *image = NULL;
    CLEANUP(freep) char *subnet = NULL;
    if (!docker_is_local(ctx->docker))
        return err_set(err, ERR_UNSUPPORTED,
                       "a drill needs an engine on this host, for it probes the scratch's own address");
    if (!restore_image(ctx, want, &image, err))
        return false;
    CLEANUP(scratch_release) struct scratch scratch;
    scratch_init(&scratch, ctx, want, image);
    if (!network_provide(ctx, &want->record.key, want->record.uid, scratch.network, &subnet, err) ||
        !start(ctx, &scratch, err))
        return false;
    want->state.result.seconds = (clock_wall_ms() - want->state.started_ms + SECOND_MS - 1) / SECOND_MS;
    return true;
}
