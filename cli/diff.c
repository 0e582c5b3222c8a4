/* tenantctl diff: which fields would change, and step by step what tenantd would do. */
#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/difference.h"
#include "cli/objects.h"

/* The server looks at Docker and PostgreSQL for it. */
#define PLAN_TIMEOUT_MS (90 * SECOND_MS)

struct diff_options {
    struct strv files;
    bool recursive;
};
static const struct option_row diff_option_rows[] = {
    { "filename", 'f', OPTION_TEXTS, offsetof(struct diff_options, files), "FILE",
      .doc = "What apply -f would make of it." },
    { "recursive", 'R', OPTION_FLAG, offsetof(struct diff_options, recursive), .doc = "Looks below directories, too." },
    { NULL },
};

struct diffing {
    struct cli *cli;
    struct documents documents; /* of -f */
    bool differs;
};

/* ---- fields ---- */

static void print_field(const struct terminal *terminal, const struct difference *difference, struct str *out)
{
    CLEANUP(str_release) struct str line = STR_INIT;
    str_addf(&line, "  %s: ", difference->path);
    if (difference->before)
        str_add(&line, difference->before);
    if (difference->kind == DIFFERENCE_CHANGED)
        str_add(&line, " -> ");
    if (difference->after)
        str_add(&line, difference->after);
    static const char signs[] = { [DIFFERENCE_ADDED] = '+', [DIFFERENCE_REMOVED] = '-', [DIFFERENCE_CHANGED] = '~' };
    static const enum paint paints[] = {
        [DIFFERENCE_ADDED] = PAINT_GOOD, [DIFFERENCE_REMOVED] = PAINT_BAD, [DIFFERENCE_CHANGED] = PAINT_WAITING
    };
    line.text[0] = signs[difference->kind];
    str_add(out, "  ");
    terminal_paint(terminal, paints[difference->kind], line.text, out);
    str_addc(out, '\n');
}

static void add_part(struct differences *differences, const char *path, const json_t *before, const json_t *after)
{
    CLEANUP(json_decrefp) json_t *empty = json_object();
    differences_add(differences, path, before ? before : empty, after ? after : empty);
}

/* Without what only the server writes. */
static void compare(const json_t *before, const json_t *after, struct differences *ret)
{
    CLEANUP(json_decrefp) json_t *notes_before = object_user_annotations(before);
    CLEANUP(json_decrefp) json_t *notes_after = object_user_annotations(after);
    add_part(ret, "metadata.labels", json_at(before, "metadata", "labels", NULL),
             json_at(after, "metadata", "labels", NULL));
    add_part(ret, "metadata.annotations", notes_before, notes_after);
    add_part(ret, "spec", json_object_get(before, "spec"), json_object_get(after, "spec"));
}

/* Of a new record: what somebody wrote, not what everybody gets. */
static void compare_new(const struct kind *kind, const json_t *after, struct differences *ret)
{
    CLEANUP(json_decrefp) json_t *copy = json_deep_copy(after);
    json_t *spec = json_object_get(copy, "spec");
    if (json_is_object(spec))
        fields_drop_defaults(kind->spec_fields, spec);
    compare(NULL, copy, ret);
}

/* ---- the plan ---- */

static void print_step(const struct terminal *terminal, const json_t *step, size_t number, struct str *out)
{
    static const struct {
        const char *effect, *mark;
        enum paint paint;
    } marks[] = {
        { "restart", "RESTARTS", PAINT_WAITING },
        { "destroy", "DESTROYS", PAINT_BAD },
    };
    const char *name = json_text(step, "name");
    const char *detail = json_text(step, "detail");
    const char *effect = json_text(step, "effect");
    str_addf(out, "  %2zu. ", number);
    text_add_clean(out, name ? name : "");
    if (detail && detail[0]) {
        str_addc(out, ' ');
        text_add_clean(out, detail);
    }
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (str_equal(marks[i].effect, effect)) {
            str_add(out, "  ");
            terminal_paint(terminal, marks[i].paint, marks[i].mark, out);
        }
    str_addc(out, '\n');
}

/* Returns whether there is anything to do. */
static bool print_plan(const struct terminal *terminal, const json_t *plan, struct str *out)
{
    const json_t *steps = json_object_get(plan, "steps");
    const json_t *blocked = json_object_get(plan, "blocked");
    const char *reason = json_text(blocked, "reason");
    const char *message = json_text(blocked, "message");
    bool is_blocked = reason && reason[0];
    if (json_array_size(steps) > 0)
        str_add(out, "  Plan:\n");
    for (size_t i = 0; i < json_array_size(steps); i++)
        print_step(terminal, json_array_get(steps, i), i + 1, out);
    if (is_blocked) {
        str_add(out, json_array_size(steps) > 0 ? "  Then it waits: " : "  It waits: ");
        CLEANUP(str_release) struct str text = STR_INIT;
        text_add_clean(&text, reason);
        str_add(&text, message && message[0] ? ": " : "");
        text_add_clean(&text, message ? message : "");
        terminal_paint(terminal, PAINT_WAITING, text.text, out);
        str_addc(out, '\n');
    }
    return json_array_size(steps) > 0 || is_blocked;
}

static bool fetch_plan(struct cli *cli, const struct target *target, const json_t *record, json_t **ret,
                       struct err *err)
{
    CLEANUP(freep) char *path = target_path(target);
    CLEANUP(freep) char *full = mem_printf("%s/plan", path);
    const struct client_request request = {
        .method = "POST",
        .path = full,
        .body = record,
        .timeout_ms = PLAN_TIMEOUT_MS,
    };
    return client_send(cli->client, &request, &cli->call, ret, err) || err_wrap(err, "plan");
}

/* ---- one record ---- */

static void print_head(const struct terminal *terminal, const struct target *target, const char *what, struct str *out)
{
    CLEANUP(freep) char *name = target_text(target);
    terminal_paint(terminal, PAINT_BOLD, name, out);
    str_addf(out, "%s%s\n", what[0] ? " " : "", what);
}

/* `plan` NULL: it cannot be known yet, `why_not` says why. */
struct showing {
    const struct target *target;
    const char *what;
    const json_t *before, *after;
    const json_t *plan;
    const char *why_not;
};

static void show(struct diffing *diffing, const struct showing *showing)
{
    const struct terminal *terminal = &diffing->cli->out_terminal;
    CLEANUP(differences_release) struct differences differences = { 0 };
    CLEANUP(str_release) struct str plan = STR_INIT;
    CLEANUP(str_release) struct str out = STR_INIT;
    if (showing->before)
        compare(showing->before, showing->after, &differences);
    else if (showing->after)
        compare_new(showing->target->kind, showing->after, &differences);
    bool has_plan = showing->plan && print_plan(terminal, showing->plan, &plan);
    if (!has_plan && differences.count == 0)
        return;
    diffing->differs = true;
    print_head(terminal, showing->target, showing->what, &out);
    for (size_t i = 0; i < differences.count; i++)
        print_field(terminal, &differences.items[i], &out);
    str_add(&out, plan.text);
    if (!showing->plan)
        str_addf(&out, "  Plan: %s\n", showing->why_not);
    else if (!has_plan)
        str_add(&out, "  Plan: nothing to do\n");
    cli_print(diffing->cli, out.text);
}

static bool is_created_here(struct diffing *diffing, enum kind_id kind, const char *name, bool *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *live = NULL;
    *ret = false;
    if (!name || !documents_find(&diffing->documents, kind, NULL, name))
        return true;
    const struct target target = { .kind = &kinds[kind], .name = (char *)(uintptr_t)name /* borrowed */ };
    CLEANUP(freep) char *path = target_path(&target);
    if (client_get(diffing->cli->client, path, &diffing->cli->call, &live, err))
        return true;
    if (err->code != ERR_NOT_FOUND)
        return false;
    err_clear(err);
    *ret = true;
    return true;
}

/* An instance whose tenant or app the same files bring: the server cannot check it before these exist. */
static bool show_unborn(struct diffing *diffing, const struct document *document, bool *ret_is_unborn, struct err *err)
{
    bool new_tenant = false, new_app = false;
    *ret_is_unborn = false;
    if (document->kind->id != KIND_INSTANCE)
        return true;
    if (!is_created_here(diffing, KIND_TENANT, document->record.key.namespace, &new_tenant, err) ||
        !is_created_here(diffing, KIND_APP, json_text(document->record.spec, "app"), &new_app, err))
        return false;
    if (!new_tenant && !new_app)
        return true;
    *ret_is_unborn = true;
    CLEANUP(json_decrefp) json_t *after = record_to_json(&document->record);
    const struct target target = document_target(document);
    show(diffing, &(struct showing){
                      .target = &target,
                      .what = "will be created",
                      .after = after,
                      .why_not = new_tenant ? "known when its tenant exists" : "known when its app exists",
                  });
    return true;
}

static bool diff_document(struct diffing *diffing, const struct document *document, struct err *err)
{
    CLEANUP(apply_result_release) struct apply_result result = { 0 };
    CLEANUP(json_decrefp) json_t *plan = NULL;
    const struct target target = document_target(document);
    bool is_unborn;
    if (!show_unborn(diffing, document, &is_unborn, err))
        return false;
    if (is_unborn)
        return true;
    if (!apply_document(diffing->cli, document, APPLY_DRY_RUN, &result, err) ||
        !fetch_plan(diffing->cli, &target, result.object, &plan, err))
        return err_wrap(err, "%s", document->origin);
    show(diffing, &(struct showing){
                      .target = &target,
                      .what = result.did == APPLY_CREATED ? "will be created" : "",
                      .before = result.live,
                      .after = result.object,
                      .plan = plan,
                  });
    return true;
}

static bool diff_stored(struct diffing *diffing, const struct target *target, struct err *err)
{
    CLEANUP(json_decrefp) json_t *plan = NULL;
    if (!fetch_plan(diffing->cli, target, NULL, &plan, err))
        return false;
    show(diffing, &(struct showing){ .target = target, .what = "", .plan = plan });
    return true;
}

/* ---- all of them ---- */

static bool diff_files(struct diffing *diffing, const struct diff_options *options, struct err *err)
{
    const struct documents_source source = { .paths = &options->files, .recursive = options->recursive };
    if (!cli_load_documents(diffing->cli, source, &diffing->documents, err))
        return false;
    for (size_t i = 0; i < diffing->documents.count; i++)
        if (!diff_document(diffing, &diffing->documents.items[i], err))
            return false;
    return true;
}

static bool diff_names(struct diffing *diffing, const struct strv *args, struct err *err)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    if (!targets_parse_records(args, diffing->cli->connection.namespace, &targets, err))
        return false;
    for (size_t i = 0; i < targets.count; i++)
        if (!diff_stored(diffing, &targets.items[i], err))
            return false;
    return true;
}

static bool diff_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                     struct err *err)
{
    const struct diff_options *options = options_given;
    struct diffing diffing = { .cli = cli };
    if ((options->files.count > 0) == (args->count > 0))
        return err_set(err, ERR_BAD_REQUEST, "name either files with -f, or records");
    bool compared = args->count > 0 ? diff_names(&diffing, args, err) : diff_files(&diffing, options, err);
    documents_release(&diffing.documents);
    *ret_exit = diffing.differs ? EXIT_NOT : EXIT_OK;
    return compared;
}

const struct command diff_command = {
    .name = "diff",
    .arguments = "(-f FILE... | NAME...)",
    .summary = "Shows what apply would change, and what tenantd would do then, step by step.",
    .details = "Steps that restart the instance or destroy something are marked. With names: what tenantd still has to "
               "do for these. Nothing "
               "is changed. Exit code 0: nothing to do; 1: something; 2 and above: it failed.",
    .examples = "tenantctl diff -f examples/tenants/acme.yaml\ntenantctl diff acme/erp",
    .options = diff_option_rows,
    .options_size = sizeof(struct diff_options),
    .run = diff_run,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
    .failure_exit_min = EXIT_USAGE,
};
