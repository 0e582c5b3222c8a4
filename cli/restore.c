/* tenantctl restore: makes a Restore record, and follows it. Drills are Restores, too. */
#include "cli/restore.h"

#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/wait.h"

#define QUERY "?fieldManager=tenantctl"

struct restore_options {
    char *from, *to;
    bool neutralize, wait;
    int64_t timeout_ms;
};
static const struct option_row restore_option_rows[] = {
    { "from", 0, OPTION_TEXT, offsetof(struct restore_options, from), "BACKUP",
      .doc = "A Backup's name, or <tenant>/<instance uid>/<name> for one whose instance is gone." },
    { "to", 0, OPTION_TEXT, offsetof(struct restore_options, to), "TENANT/NAME",
      .doc = "Into a new instance instead: a clone with an identity of its own." },
    { "neutralize", 0, OPTION_FLAG, offsetof(struct restore_options, neutralize),
      .doc = "Without outgoing mail, scheduled actions and whatever else the App switches off." },
    { "wait", 0, OPTION_FLAG, offsetof(struct restore_options, wait), .doc = "Until it is over." },
    { "timeout", 0, OPTION_DURATION, offsetof(struct restore_options, timeout_ms), "TIME", .fallback = "0",
      .doc = "How long --wait waits at most; 0: without end." },
    { NULL },
};

static json_t *restore_document(const struct target *instance, json_t *spec_taken)
{
    CLEANUP(freep) char *prefix = mem_printf("%s-", instance->name);
    json_t *metadata = json_object();
    json_t *document = json_object();
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kinds[KIND_RESTORE].name);
    json_put_text(metadata, "generateName", prefix);
    json_put_text(metadata, "namespace", instance->namespace);
    json_put(document, "metadata", metadata);
    json_put(document, "spec", spec_taken);
    return document;
}

bool restore_make(struct cli *cli, const struct target *instance, json_t *spec_taken, struct targets *ret,
                  struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = restore_document(instance, spec_taken);
    CLEANUP(json_decrefp) json_t *made = NULL;
    const struct target all = { .kind = &kinds[KIND_RESTORE], .namespace = instance->namespace };
    CLEANUP(freep) char *path = target_path(&all);
    CLEANUP(freep) char *full = mem_printf("%s" QUERY, path);
    const struct client_request request = { .method = "POST", .path = full, .body = document };
    if (!client_send(cli->client, &request, &cli->call, &made, err))
        return false;
    if (!object_target(made, ret))
        return err_set(err, ERR_INTERNAL, "the server's answer is no record");
    CLEANUP(freep) char *name = target_brief(&ret->items[0]);
    cli_printf(cli, "%s created\n", name);
    fflush(cli->out);
    return true;
}

bool restore_follow(struct cli *cli, const struct target *restore, int64_t timeout_ms, struct err *err)
{
    const struct wait_item item = { .target = *restore, .generation = 1 };
    const struct wait_for wait = { .goal = WAIT_READY, .items = &item, .count = 1, .timeout_ms = timeout_ms };
    return wait_for(cli, &wait, err);
}

json_t *restore_drill_spec(const struct target *instance)
{
    json_t *spec = json_object();
    json_put_text(spec, "instance", instance->name);
    json_put(spec, "drill", json_true());
    return spec;
}

/* "acme/copy", or "copy" in the instance's own tenant. */
static json_t *clone_target(const char *text, const char *tenant)
{
    const char *slash = strchr(text, '/');
    json_t *to = json_object();
    json_put_text(to, "instance", slash ? slash + 1 : text);
    CLEANUP(freep) char *other = slash ? mem_strndup(text, (size_t)(slash - text)) : NULL;
    if (other && !str_equal(other, tenant))
        json_put_text(to, "tenant", other);
    return to;
}

static bool restore_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    const struct restore_options *chosen = options;
    CLEANUP(targets_release) struct targets instances = { 0 };
    CLEANUP(targets_release) struct targets made = { 0 };
    if (!target_parse_instance(args->items[0], cli->connection.namespace, &instances, err))
        return false;
    const struct target *instance = &instances.items[0];
    CLEANUP(freep) char *shown = target_short(instance);
    if (!chosen->from)
        return err_set(err, ERR_BAD_REQUEST, "say what to restore: --from BACKUP; see tenantctl get backups -n %s",
                       instance->namespace);
    json_t *spec = json_object();
    json_put_text(spec, "backup", chosen->from);
    if (chosen->to)
        json_put(spec, "to", clone_target(chosen->to, instance->namespace));
    else
        json_put_text(spec, "instance", instance->name);
    json_put(spec, "neutralize", json_boolean(chosen->neutralize));
    return restore_make(cli, instance, spec, &made, err) &&
           (!chosen->wait || restore_follow(cli, &made.items[0], chosen->timeout_ms, err));
}

const struct command restore_command = {
    .name = "restore",
    .arguments = "TENANT/NAME --from BACKUP",
    .summary = "Brings a recovery point back: into the instance, or with --to into a new one.",
    .examples = "tenantctl restore acme/erp --from erp-20260301-030000 --wait\n"
                "tenantctl restore acme/erp --from erp-20260301-030000 --to acme/copy --neutralize",
    .options = restore_option_rows,
    .options_size = sizeof(struct restore_options),
    .run = restore_run,
    .args_min = 1,
    .args_max = 1,
    .completes = COMPLETE_INSTANCES,
};
