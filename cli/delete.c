/* tenantctl delete. */
#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/wait.h"

struct delete_options {
    struct strv files;
    bool recursive, wait, ignore_not_found, dry_run;
    int64_t timeout_ms;
};
static const char *const dry_run_words[] = { "server", NULL };
static const struct option_row delete_option_rows[] = {
    { "filename", 'f', OPTION_TEXTS, offsetof(struct delete_options, files), "FILE",
      .doc = "Deletes the records that a file, a directory or - (standard input) names." },
    { "recursive", 'R', OPTION_FLAG, offsetof(struct delete_options, recursive),
      .doc = "Looks below directories, too." },
    { "wait", 0, OPTION_FLAG, offsetof(struct delete_options, wait), .fallback = "true",
      .doc = "Until they are gone; --wait=false only asks for it." },
    { "timeout", 0, OPTION_DURATION, offsetof(struct delete_options, timeout_ms), "TIME", .fallback = WAIT_DEFAULT,
      .doc = "How long to wait at most; 0: without end." },
    { "ignore-not-found", 0, OPTION_FLAG, offsetof(struct delete_options, ignore_not_found),
      .doc = "A record that does not exist is no error." },
    { "dry-run", 0, OPTION_FLAG, offsetof(struct delete_options, dry_run), .choices = dry_run_words,
      .doc = "The server checks and deletes nothing." },
    { NULL },
};

struct deleting {
    struct cli *cli;
    const struct delete_options *options;
    struct wait_item *items;
    struct strv uids;
    size_t count;
    int exit;
};

static bool send(struct deleting *deleting, const struct target *target, json_t **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *body = json_object();
    CLEANUP(freep) char *path = target_path(target);
    CLEANUP(freep)
    char *full = mem_printf("%s?managed=refuse%s", path, deleting->options->dry_run ? "&dryRun=All" : "");
    const struct client_request request = { .method = "DELETE", .path = full, .body = body };
    json_put_text(body, "kind", "DeleteOptions");
    json_put_text(body, "apiVersion", "v1");
    json_put_text(body, "propagationPolicy", "Background");
    return client_send(deleting->cli->client, &request, &deleting->cli->call, ret, err);
}

/* A Status has the uid in its details, a record that is still going in its metadata. */
static const char *uid_of(const json_t *answer)
{
    const char *uid = json_text(json_object_get(answer, "details"), "uid");
    return uid ? uid : object_meta(answer, "uid");
}

static void delete_one(struct deleting *deleting, const struct target *target)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *type = mem_printf("%s." API_GROUP, target->kind->singular);
    if (!send(deleting, target, &answer, &err)) {
        if (err.code != ERR_NOT_FOUND || !deleting->options->ignore_not_found)
            deleting->exit = cli_complain(deleting->cli, &err);
        return;
    }
    cli_printf(deleting->cli, "%s \"%s\" deleted%s\n", type, target->name,
               deleting->options->dry_run ? " (server dry run)" : "");
    fflush(deleting->cli->out);
    if (str_equal(json_text(answer, "kind"), "Status"))
        return;
    strv_add(&deleting->uids, uid_of(answer));
    deleting->items[deleting->count++] = (struct wait_item){ .target = *target };
}

static bool wait_for_all(struct deleting *deleting, struct err *err)
{
    for (size_t i = 0; i < deleting->count; i++)
        deleting->items[i].uid = deleting->uids.items[i];
    const struct wait_for wait = {
        .goal = WAIT_GONE,
        .items = deleting->items,
        .count = deleting->count,
        .timeout_ms = deleting->options->timeout_ms,
    };
    return deleting->count == 0 || wait_for(deleting->cli, &wait, err);
}

static bool delete_all(struct cli *cli, const struct delete_options *options, const struct targets *targets,
                       int *ret_exit, struct err *err)
{
    struct deleting deleting = {
        .cli = cli,
        .options = options,
        .items = mem_zalloc((targets->count + 1) * sizeof(struct wait_item)),
    };
    bool good = true;
    for (size_t i = 0; i < targets->count && good; i++) {
        good = call_check(&cli->call, err);
        if (good)
            delete_one(&deleting, &targets->items[i]);
    }
    if (good && options->wait && !options->dry_run)
        good = wait_for_all(&deleting, err);
    *ret_exit = deleting.exit;
    strv_release(&deleting.uids);
    free(deleting.items);
    return good;
}

/* Instances before their tenants and apps, so the other way round than apply. */
static bool find_in_files(struct cli *cli, const struct delete_options *options, struct targets *ret, struct err *err)
{
    CLEANUP(documents_release) struct documents documents = { 0 };
    const struct documents_source source = {
        .paths = &options->files,
        .recursive = options->recursive,
        .check = DOCUMENTS_NAMES,
    };
    if (!cli_load_documents(cli, source, &documents, err))
        return false;
    for (size_t i = documents.count; i-- > 0;) {
        struct target target = document_target(&documents.items[i]);
        targets_add(ret, target.kind, target.namespace, target.name);
    }
    return true;
}

static bool delete_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                       struct err *err)
{
    const struct delete_options *options = options_given;
    CLEANUP(targets_release) struct targets targets = { 0 };
    if ((options->files.count > 0) == (args->count > 0))
        return err_set(err, ERR_BAD_REQUEST, "name either files with -f, or records");
    bool found = args->count > 0 ? targets_parse_records(args, cli->connection.namespace, &targets, err)
                                 : find_in_files(cli, options, &targets, err);
    return found && delete_all(cli, options, &targets, ret_exit, err);
}

const struct command delete_command = {
    .name = "delete",
    .arguments = "(NAME... | -f FILE...)",
    .summary = "Deletes records, and what stands for them.",
    .details = "What happens to an instance's data is said by its spec.deletionPolicy: Retain keeps database and "
               "volume under other names, "
               "Delete keeps nothing. With -f, instances go before tenants and apps.",
    .examples = "tenantctl delete acme/erp\ntenantctl delete tenant acme --wait=false\ntenantctl delete -f "
                "examples/tenants/acme.yaml",
    .options = delete_option_rows,
    .options_size = sizeof(struct delete_options),
    .run = delete_run,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
};
