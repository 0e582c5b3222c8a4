/* tenantctl apply: makes records what files say. */
#include "cli/apply.h"

#include "cli/commands.h"
#include "cli/merge.h"
#include "cli/objects.h"
#include "cli/wait.h"

#define TRIES        4
#define QUERY        "?fieldManager=tenantctl&managed=refuse" /* what a Source would put back is not done */
#define QUERY_DRYRUN QUERY "&dryRun=All"

static const char *const dry_run_words[] = { "server", NULL };

struct apply_options {
    struct strv files;
    bool recursive, wait, dry_run;
    int64_t timeout_ms;
};
static const struct option_row apply_option_rows[] = {
    { "filename", 'f', OPTION_TEXTS, offsetof(struct apply_options, files), "FILE",
      .doc = "A file, a directory, or - for standard input. May be repeated." },
    { "recursive", 'R', OPTION_FLAG, offsetof(struct apply_options, recursive),
      .doc = "Looks below directories, too." },
    { "wait", 0, OPTION_FLAG, offsetof(struct apply_options, wait), .doc = "Until all of it is Ready." },
    { "timeout", 0, OPTION_DURATION, offsetof(struct apply_options, timeout_ms), "TIME", .fallback = WAIT_DEFAULT,
      .doc = "How long --wait waits at most; 0: without end." },
    { "dry-run", 0, OPTION_FLAG, offsetof(struct apply_options, dry_run), .choices = dry_run_words,
      .doc = "The server checks everything and stores nothing." },
    { NULL },
};

bool cli_load_documents(struct cli *cli, struct documents_source source, struct documents *ret, struct err *err)
{
    source.in = cli->in;
    source.namespace = cli->connection.namespace;
    source.namespace_must_match = cli->options.namespace != NULL;
    bool loaded = documents_load(&source, ret, err);
    /* Ctrl-C while standard input is read is no problem of the documents. */
    return call_check(&cli->call, err) && loaded;
}

/* ---- one record ---- */

static bool send_new(struct cli *cli, const struct document *document, const char *query, json_t **ret, struct err *err)
{
    struct target target = document_target(document);
    target.name = NULL;
    CLEANUP(freep) char *path = target_path(&target);
    CLEANUP(freep) char *full = mem_printf("%s%s", path, query);
    CLEANUP(json_decrefp) json_t *body = merge_remembering(document->value);
    const struct client_request request = { .method = "POST", .path = full, .body = body };
    return client_send(cli->client, &request, &cli->call, ret, err);
}

static bool send_patch(struct cli *cli, const char *path, const json_t *patch, json_t **ret, struct err *err)
{
    const struct client_request request = {
        .method = "PATCH",
        .path = path,
        .content_type = MEDIA_MERGE_PATCH,
        .body = patch,
    };
    return client_send(cli->client, &request, &cli->call, ret, err);
}

static bool try_once(struct cli *cli, const struct document *document, enum apply_mode mode, struct apply_result *ret,
                     struct err *err)
{
    const char *query = mode == APPLY_DRY_RUN ? QUERY_DRYRUN : QUERY;
    struct target target = document_target(document);
    CLEANUP(freep) char *path = target_path(&target);
    CLEANUP(freep) char *full = mem_printf("%s%s", path, query);
    if (!client_get(cli->client, path, &cli->call, &ret->live, err)) {
        if (err->code != ERR_NOT_FOUND)
            return false;
        err_clear(err);
        ret->did = APPLY_CREATED;
        return send_new(cli, document, query, &ret->object, err);
    }
    CLEANUP(json_decrefp) json_t *patch = merge_apply(document->value, ret->live);
    ret->did = APPLY_UNCHANGED;
    if (!patch) {
        ret->object = json_incref(ret->live);
        return true;
    }
    if (!send_patch(cli, full, patch, &ret->object, err))
        return false;
    if (!str_equal(object_meta(ret->object, "resourceVersion"), object_meta(ret->live, "resourceVersion")) ||
        mode == APPLY_DRY_RUN)
        ret->did = APPLY_CONFIGURED;
    return true;
}

void apply_result_release(struct apply_result *result)
{
    json_decref(result->live);
    json_decref(result->object);
    *result = (struct apply_result){ 0 };
}

bool apply_document(struct cli *cli, const struct document *document, enum apply_mode mode, struct apply_result *ret,
                    struct err *err)
{
    for (int tries = 1;; tries++) {
        if (try_once(cli, document, mode, ret, err))
            return true;
        /* Somebody else was there between our look and our write. */
        if ((err->code != ERR_EXISTS && err->code != ERR_CONFLICT) || tries == TRIES)
            return false;
        apply_result_release(ret);
    }
}

/* ---- all of them ---- */

struct applying {
    struct cli *cli;
    const struct apply_options *options;
    const struct documents *documents;
    struct strv created_tenants, created_apps; /* by a dry run, so not really */
    struct wait_item *items;
    size_t item_count;
    int exit;
};

static bool rests_on_dry_run(const struct applying *applying, const struct document *document)
{
    const char *app = json_text(document->record.spec, "app");
    return document->kind->id == KIND_INSTANCE &&
           (strv_has(&applying->created_tenants, document->record.key.namespace) ||
            (app && strv_has(&applying->created_apps, app)));
}

static void say(struct applying *applying, const struct document *document, enum apply_did did)
{
    static const char *const words[] = {
        [APPLY_CREATED] = "created",
        [APPLY_CONFIGURED] = "configured",
        [APPLY_UNCHANGED] = "unchanged",
    };
    struct target target = document_target(document);
    CLEANUP(freep) char *name = target_brief(&target);
    cli_printf(applying->cli, "%s %s%s\n", name, words[did], applying->options->dry_run ? " (server dry run)" : "");
    fflush(applying->cli->out);
}

static void note_dry_run(struct applying *applying, const struct document *document)
{
    if (document->kind->id == KIND_TENANT)
        strv_add(&applying->created_tenants, document->record.key.name);
    else if (document->kind->id == KIND_APP)
        strv_add(&applying->created_apps, document->record.key.name);
}

/* What will go wrong with the others, too. */
static bool concerns_all(enum err_code code)
{
    return code == ERR_UNREACHABLE || code == ERR_UNAUTHORIZED || code == ERR_CANCELLED;
}

/* False: there is no point in going on. */
static bool apply_one(struct applying *applying, const struct document *document, struct err *err)
{
    struct cli *cli = applying->cli;
    CLEANUP(apply_result_release) struct apply_result result = { 0 };
    CLEANUP(err_release) struct err failure = ERR_INIT;
    enum apply_mode mode = applying->options->dry_run ? APPLY_DRY_RUN : APPLY_STORE;
    if (rests_on_dry_run(applying, document)) {
        struct target target = document_target(document);
        CLEANUP(freep) char *name = target_brief(&target);
        cli_printf(cli, "%s created (checked here only: what it stands on does not exist yet)\n", name);
        return true;
    }
    if (!apply_document(cli, document, mode, &result, &failure)) {
        if (concerns_all(failure.code)) {
            err_move(err, &failure);
            return false;
        }
        err_wrap(&failure, "%s", document->origin);
        applying->exit = cli_complain(cli, &failure);
        return true;
    }
    say(applying, document, result.did);
    if (result.did == APPLY_CREATED && applying->options->dry_run)
        note_dry_run(applying, document);
    applying->items[applying->item_count++] = (struct wait_item){
        .target = document_target(document),
        .generation = object_generation(result.object),
    };
    return true;
}

static bool wait_for_all(const struct applying *applying, struct err *err)
{
    const struct wait_for wait = {
        .goal = WAIT_READY,
        .items = applying->items,
        .count = applying->item_count,
        .timeout_ms = applying->options->timeout_ms,
    };
    return wait_for(applying->cli, &wait, err);
}

static bool apply_all(struct applying *applying, int *ret_exit, struct err *err)
{
    for (size_t i = 0; i < applying->documents->count; i++)
        if (!apply_one(applying, &applying->documents->items[i], err))
            return false;
    *ret_exit = applying->exit;
    bool waits = applying->options->wait && !applying->options->dry_run && applying->exit == EXIT_OK;
    return !waits || wait_for_all(applying, err);
}

static bool apply_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                      struct err *err)
{
    (void)args; /* there are none */
    const struct apply_options *options = options_given;
    CLEANUP(documents_release) struct documents documents = { 0 };
    const struct documents_source source = { .paths = &options->files, .recursive = options->recursive };
    if (options->files.count == 0)
        return err_set(err, ERR_BAD_REQUEST, "nothing to apply; name a file, a directory or - with -f");
    if (!cli_load_documents(cli, source, &documents, err))
        return false;
    struct applying applying = {
        .cli = cli,
        .options = options,
        .documents = &documents,
        .items = mem_zalloc((documents.count + 1) * sizeof(struct wait_item)),
    };
    bool applied = apply_all(&applying, ret_exit, err);
    strv_release(&applying.created_tenants);
    strv_release(&applying.created_apps);
    free(applying.items);
    return applied;
}

const struct command apply_command = {
    .name = "apply",
    .arguments = "-f FILE...",
    .summary = "Makes records what files say: creates what is missing, changes what differs.",
    .details = "All documents are checked first; when one is bad, nothing is sent. Apps go first, then tenants, then "
               "instances. What an "
               "earlier apply set and the file no longer has is taken away; what others set stays. The same is done by "
               "kubectl apply, and both may be used on one record. What the server wrote into a file (status, "
               "uid, resourceVersion ...) counts for nothing.",
    .examples = "tenantctl apply -f examples/apps/odoo.yaml -f examples/tenants/ --wait\n"
                "tenantctl get acme/erp -o yaml | sed s/17.0/18.0/ | tenantctl apply -f - --dry-run",
    .options = apply_option_rows,
    .options_size = sizeof(struct apply_options),
    .run = apply_run,
};
