/* tenantctl source: what a Source would do, and when it does it. */
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/objects.h"
#include "specs/wording.h"

struct source_options {
    int64_t for_ms;
};
static const struct option_row source_option_rows[] = {
    { "for", 0, OPTION_DURATION, offsetof(struct source_options, for_ms), "TIME",
      .doc = "With suspend: it ends by itself after that time." },
    { NULL },
};

struct source_run {
    struct cli *cli;
    const struct source_options *options;
    struct target target;
    int *ret_exit;
};

static bool show_diff(struct source_run *run, struct err *err)
{
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(freep) void *options = mem_zalloc(diff_command.options_size);
    strv_addf(&args, "source/%s", run->target.name);
    return diff_command.run(run->cli, options, &args, run->ret_exit, err);
}

static bool ask_for_sync(struct source_run *run, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep) char *path = target_path(&run->target);
    CLEANUP(freep) char *full = mem_printf("%s/sync", path);
    const struct client_request request = { .method = "POST", .path = full };
    if (!client_send(run->cli->client, &request, &run->cli->call, &answer, err))
        return false;
    cli_printf(run->cli, "source.tenantd/%s sync asked for\n", run->target.name);
    return true;
}

static bool patch_spec(struct source_run *run, json_t *spec_taken, const char *done, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(json_decrefp) json_t *patch = json_object();
    CLEANUP(freep) char *path = target_path(&run->target);
    CLEANUP(freep) char *full = mem_printf("%s?fieldManager=tenantctl&managed=refuse", path);
    json_put(patch, "spec", spec_taken);
    const struct client_request request = {
        .method = "PATCH",
        .path = full,
        .content_type = MEDIA_MERGE_PATCH,
        .body = patch,
    };
    if (!client_send(run->cli->client, &request, &run->cli->call, &answer, err))
        return false;
    cli_printf(run->cli, "source.tenantd/%s %s\n", run->target.name, done);
    return true;
}

static bool suspend(struct source_run *run, struct err *err)
{
    json_t *spec = json_object();
    CLEANUP(freep)
    char *until = run->options->for_ms ? time_to_rfc3339(clock_wall_ms() + run->options->for_ms) : NULL;
    json_put(spec, "suspend", json_true());
    json_put(spec, "suspendUntil", until ? json_from_text(until) : json_null());
    return patch_spec(run, spec, "suspended", err);
}

static bool resume(struct source_run *run, struct err *err)
{
    json_t *spec = json_object();
    json_put(spec, "suspend", json_false());
    json_put(spec, "suspendUntil", json_null());
    return patch_spec(run, spec, "resumed", err);
}

static const struct {
    const char *name;
    bool (*run)(struct source_run *run, struct err *err);
} actions[] = {
    { "diff", show_diff },
    { "sync", ask_for_sync },
    { "suspend", suspend },
    { "resume", resume },
};

static bool source_command_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit,
                               struct err *err)
{
    const char *name = args->items[1];
    name = str_starts_with(name, "source/") ? name + strlen("source/") : name;
    struct source_run run = {
        .cli = cli,
        .options = options,
        .target = { .kind = &kinds[KIND_SOURCE], .name = (char *)(uintptr_t)name /* borrowed, not written to */ },
        .ret_exit = ret_exit,
    };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_equal(actions[i].name, args->items[0]))
            return actions[i].run(&run, err);
    CLEANUP(freep) char *shown = quoted(args->items[0]);
    return err_set(err, ERR_BAD_REQUEST, "%s is none of diff, sync, suspend and resume", shown);
}

const struct command source_command = {
    .name = "source",
    .arguments = "(diff|sync|suspend|resume) NAME",
    .summary = "Shows what a Source would change now, has it sync, or lets it rest.",
    .details =
        "diff fetches what is newest and shows what a sync would create, change and prune; nothing is changed. Exit "
        "code 0: nothing to do; 1: something; 2 and above: it failed.",
    .examples = "tenantctl source diff fleet\ntenantctl source sync fleet\ntenantctl source suspend fleet --for=2h",
    .options = source_option_rows,
    .options_size = sizeof(struct source_options),
    .run = source_command_run,
    .args_min = 2,
    .args_max = 2,
    .failure_exit_min = EXIT_USAGE,
};
