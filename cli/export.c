/* tenantctl export: the present records as the YAML that one would commit. */
#include "base/file.h"
#include "cli/commands.h"
#include "cli/objects.h"
#include "specs/yaml.h"

struct export_options {
    bool all;
    char *output, *adopt;
};
static const struct option_row export_option_rows[] = {
    { "all-namespaces", 'A', OPTION_FLAG, offsetof(struct export_options, all),
      .doc = "Everything: Apps, Tenants and all Instances." },
    { "output", 'o', OPTION_TEXT, offsetof(struct export_options, output), "DIR",
      .doc = "Directory to write into; it is made where it is missing." },
    { "adopt", 0, OPTION_TEXT, offsetof(struct export_options, adopt), "SOURCE",
      .doc = "Also annotates the records, so that the Source of that name may take them over." },
    { NULL },
};

struct exporting {
    struct cli *cli;
    const struct export_options *options;
    size_t count;
};

static bool write_record(struct exporting *exporting, const struct record *record, struct err *err)
{
    const struct kind *kind = &kinds[record->key.kind];
    CLEANUP(json_decrefp) json_t *written = record_as_written(record);
    CLEANUP(str_release) struct str text = STR_INIT;
    bool is_inside = record->key.namespace[0] != '\0';
    CLEANUP(freep)
    char *directory =
        mem_printf("%s/%s%s%s", exporting->options->output, kind->plural, is_inside ? "/" : "", record->key.namespace);
    CLEANUP(freep) char *path = mem_printf("%s/%s.yaml", directory, record->key.name);
    yaml_print(written, &text);
    if (!dir_make(directory, 0755, err) || !file_write(path, text.text, text.len, 0644, err))
        return false;
    cli_printf(exporting->cli, "%s\n", path);
    exporting->count++;
    return true;
}

static bool adopt(struct exporting *exporting, const struct target *target, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep) char *path = target_path(target);
    CLEANUP(freep) char *full = mem_printf("%s?fieldManager=tenantctl", path);
    CLEANUP(json_decrefp)
    json_t *patch = json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_ADOPT, exporting->options->adopt);
    const struct client_request request = {
        .method = "PATCH",
        .path = full,
        .content_type = MEDIA_MERGE_PATCH,
        .body = patch,
    };
    return client_send(exporting->cli->client, &request, &exporting->cli->call, &answer, err);
}

static bool export_object(struct exporting *exporting, const struct kind *kind, const json_t *object, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    if (object_is_being_deleted(object))
        return true;
    if (!record_from_json(object, kind, NULL, NULL, &record, NULL, &problems))
        return problems_to_err(&problems, err);
    if (!write_record(exporting, &record, err))
        return false;
    const struct target target = {
        .kind = kind,
        .namespace = record.key.namespace[0] ? record.key.namespace : NULL,
        .name = record.key.name,
    };
    return !exporting->options->adopt || adopt(exporting, &target, err);
}

static bool export_kind(struct exporting *exporting, const struct kind *kind, struct err *err)
{
    struct cli *cli = exporting->cli;
    CLEANUP(json_decrefp) json_t *list = NULL;
    const struct target target = {
        .kind = kind,
        .namespace = exporting->options->all || !kind->namespaced ? NULL : cli->connection.namespace,
    };
    CLEANUP(freep) char *path = target_path(&target);
    if (!client_get(cli->client, path, &cli->call, &list, err))
        return false;
    const json_t *items = json_object_get(list, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        /* Items of a list do not say what they are. */
        CLEANUP(json_decrefp) json_t *object = json_copy(json_array_get(items, i));
        json_put_text(object, "apiVersion", API_VERSION);
        json_put_text(object, "kind", kind->name);
        if (!export_object(exporting, kind, object, err))
            return err_wrap(err, "%s %s", kind->singular, object_meta(object, "name"));
    }
    return true;
}

static bool export_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                       struct err *err)
{
    (void)args; /* there are none */
    (void)ret_exit;
    static const enum kind_id wanted[] = { KIND_APP, KIND_TENANT, KIND_INSTANCE };
    struct exporting exporting = { .cli = cli, .options = options_given };
    if (!exporting.options->output)
        return err_set(err, ERR_BAD_REQUEST, "where to? Name a directory with -o");
    if (!exporting.options->all && !cli->connection.namespace)
        return err_set(err, ERR_BAD_REQUEST, "whose records? Write -A for all, or -n TENANT");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if ((exporting.options->all || kinds[wanted[i]].namespaced) && !export_kind(&exporting, &kinds[wanted[i]], err))
            return false;
    return exporting.count > 0 || err_set(err, ERR_NOT_FOUND, "there is nothing to export");
}

const struct command export_command = {
    .name = "export",
    .arguments = "(-A | -n TENANT) -o DIR",
    .summary = "Writes the present records as the YAML that one would commit to a repository.",
    .details =
        "Without status, without what the server adds, and without defaults that nobody set. Committed and followed "
        "by a Source, it changes nothing; with --adopt the Source takes the records over.",
    .examples = "tenantctl export -A -o fleet --adopt=fleet",
    .options = export_option_rows,
    .options_size = sizeof(struct export_options),
    .run = export_run,
};
