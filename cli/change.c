/* tenantctl pause, resume, restart, stop, start: one small change of a record each. */
#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/wait.h"

/* What a Source would put back is refused before it is done. */
#define QUERY "?fieldManager=tenantctl&managed=refuse"

struct change_options {
    bool wait;
    int64_t timeout_ms;
};
static const struct option_row wait_option_rows[] = {
    { "wait", 0, OPTION_FLAG, offsetof(struct change_options, wait), .doc = "Until it is as asked." },
    { "timeout", 0, OPTION_DURATION, offsetof(struct change_options, timeout_ms), "TIME", .fallback = WAIT_DEFAULT,
      .doc = "How long --wait waits at most; 0: without end." },
    { NULL },
};

static json_t *annotation_patch(const char *name, json_t *value_taken)
{
    json_t *annotations = json_object();
    json_t *metadata = json_object();
    json_t *patch = json_object();
    json_put(annotations, name, value_taken);
    json_put(metadata, "annotations", annotations);
    json_put(patch, "metadata", metadata);
    return patch;
}

static json_t *state_patch(const char *state)
{
    json_t *spec = json_object();
    json_t *patch = json_object();
    json_put_text(spec, "state", state);
    json_put(patch, "spec", spec);
    return patch;
}

static bool send(struct cli *cli, const struct target *target, const json_t *patch, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *path = target_path(target);
    CLEANUP(freep) char *full = mem_printf("%s" QUERY, path);
    const struct client_request request = {
        .method = "PATCH",
        .path = full,
        .content_type = MEDIA_MERGE_PATCH,
        .body = patch,
    };
    return client_send(cli->client, &request, &cli->call, ret, err);
}

static bool wait_for_changed(struct cli *cli, const struct target *target, const json_t *object, int64_t timeout_ms,
                             struct err *err)
{
    const struct wait_item item = { .target = *target, .generation = object_generation(object) };
    const struct wait_for wait = { .goal = WAIT_READY, .items = &item, .count = 1, .timeout_ms = timeout_ms };
    return wait_for(cli, &wait, err);
}

/* Sends the patch to all targets and says "<name> <done>" for each; `options` NULL: no waiting. */
static bool change(struct cli *cli, const struct targets *targets, const json_t *patch, const char *done,
                   const struct change_options *options, struct err *err)
{
    for (size_t i = 0; i < targets->count; i++) {
        CLEANUP(json_decrefp) json_t *object = NULL;
        CLEANUP(freep) char *name = target_brief(&targets->items[i]);
        if (!send(cli, &targets->items[i], patch, &object, err))
            return false;
        cli_printf(cli, "%s %s\n", name, done);
        fflush(cli->out);
        if (options && options->wait && !wait_for_changed(cli, &targets->items[i], object, options->timeout_ms, err))
            return false;
    }
    return true;
}

/* ---- pause, resume ---- */

static bool pause_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    for (size_t i = 0; i + 1 < args->count; i++)
        strv_add(&names, args->items[i]);
    const char *reason = args->items[args->count - 1];
    if (!targets_parse_records(&names, cli->connection.namespace, &targets, err))
        return false;
    if (!reason[0])
        return err_set(err, ERR_BAD_REQUEST, "say why: tenantctl pause %s \"moving to the new host\"", args->items[0]);
    CLEANUP(json_decrefp) json_t *patch = annotation_patch(ANNOTATION_PAUSED, json_from_text(reason));
    return change(cli, &targets, patch, "paused", NULL, err);
}

const struct command pause_command = {
    .name = "pause",
    .arguments = "NAME REASON",
    .summary = "Lets tenantd look at a record and do nothing about it, until resume.",
    .examples = "tenantctl pause acme/erp \"moving to the new host\"",
    .run = pause_run,
    .args_min = 2,
    .args_max = 3,
    .completes = COMPLETE_RECORDS,
};

static bool resume_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    if (!targets_parse_records(args, cli->connection.namespace, &targets, err))
        return false;
    CLEANUP(json_decrefp) json_t *patch = annotation_patch(ANNOTATION_PAUSED, json_null());
    return change(cli, &targets, patch, "resumed", NULL, err);
}

const struct command resume_command = {
    .name = "resume",
    .arguments = "NAME...",
    .summary = "Ends a pause.",
    .examples = "tenantctl resume acme/erp",
    .run = resume_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
};

/* ---- restart ---- */

static bool restart_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    if (!targets_parse_instances(args, cli->connection.namespace, &targets, err))
        return false;
    CLEANUP(json_decrefp) json_t *patch = annotation_patch(ANNOTATION_RESTARTED_AT, json_from_text(now));
    return change(cli, &targets, patch, "restarted", NULL, err);
}

const struct command restart_command = {
    .name = "restart",
    .arguments = "TENANT/NAME...",
    .summary = "Has instances' containers stopped and started again.",
    .examples = "tenantctl restart acme/erp",
    .run = restart_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_INSTANCES,
};

/* ---- stop, start ---- */

static bool set_state(struct cli *cli, const char *state, const struct change_options *options, const struct strv *args,
                      struct err *err)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(json_decrefp) json_t *patch = state_patch(state);
    if (!targets_parse_instances(args, cli->connection.namespace, &targets, err))
        return false;
    return change(cli, &targets, patch, str_equal(state, "Running") ? "started" : "stopped", options, err);
}

static bool stop_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    return set_state(cli, "Stopped", options, args, err);
}

const struct command stop_command = {
    .name = "stop",
    .arguments = "TENANT/NAME...",
    .summary = "Sets spec.state to Stopped: the container is stopped, the data stays.",
    .examples = "tenantctl stop acme/erp --wait",
    .options = wait_option_rows,
    .options_size = sizeof(struct change_options),
    .run = stop_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_INSTANCES,
};

static bool start_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    return set_state(cli, "Running", options, args, err);
}

const struct command start_command = {
    .name = "start",
    .arguments = "TENANT/NAME...",
    .summary = "Sets spec.state to Running.",
    .examples = "tenantctl start acme/erp --wait",
    .options = wait_option_rows,
    .options_size = sizeof(struct change_options),
    .run = start_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_INSTANCES,
};
