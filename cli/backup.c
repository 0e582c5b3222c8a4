/* tenantctl backup: makes a recovery point, has one read back, shows what retention would do. */
#include "cli/backup.h"

#include <time.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/restore.h"
#include "cli/wait.h"
#include "specs/backup.h"

#define COLLECTION        "/apis/tenantd/v1/namespaces/%s/backups"
#define ANNOTATION_VERIFY "tenantd/verify"
#define LOOK_EVERY_MS     500

struct backup_options {
    bool wait;
    int64_t timeout_ms;
    bool dry_run;
    char *to;
    bool encrypted;
};
static const struct option_row option_rows[] = {
    { "wait", 0, OPTION_FLAG, offsetof(struct backup_options, wait),
      .doc = "Until it is over, showing how far it is." },
    { "timeout", 0, OPTION_DURATION, offsetof(struct backup_options, timeout_ms), "TIME", .fallback = "0",
      .doc = "How long --wait waits at most; 0: without end." },
    { "dry-run", 0, OPTION_FLAG, offsetof(struct backup_options, dry_run),
      .doc = "Of prune: only show what would go, and why the others stay." },
    { "to", 0, OPTION_TEXT, offsetof(struct backup_options, to), "DIRECTORY",
      .doc = "Of download: where the files go; without it, a new directory of the backup's name." },
    { "encrypted", 0, OPTION_FLAG, offsetof(struct backup_options, encrypted),
      .doc = "Of download: the objects as they are stored, packed and encrypted." },
    { NULL },
};

/* ---- waiting ---- */

char *backup_bytes_wording(int64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
        value /= 1024;
    return unit ? mem_printf("%.1f %s", value, units[unit]) : mem_printf("%" PRId64 " B", bytes);
}

/* "database: 12.0 MiB, 4.0 MiB/s", or what it waits for. */
static char *doing_of(const struct backup_status *status)
{
    if (!status->progress.what)
        return mem_strdup(status->message ? status->message : "");
    CLEANUP(freep) char *done = backup_bytes_wording(status->progress.bytes);
    CLEANUP(freep) char *rate = backup_bytes_wording(status->progress.bytes_per_second);
    return mem_printf("%s: %s, %s/s", status->progress.what, done, rate);
}

static void show(struct progress *progress, const char *name, const struct backup_status *status, int64_t began_ms)
{
    CLEANUP(freep) char *doing = doing_of(status);
    const struct progress_row row = {
        .name = name,
        .phase = status->phase ? status->phase : BACKUP_PENDING,
        .doing = doing,
        .also = "",
        .state = str_equal(status->phase, BACKUP_COMPLETED) ? PROGRESS_DONE
                 : str_equal(status->phase, BACKUP_FAILED)  ? PROGRESS_FAILED
                                                            : PROGRESS_WAITING,
        .elapsed_ms = clock_mono_ms() - began_ms,
    };
    progress_show(progress, &row, 1);
}

bool backup_get(struct cli *cli, const char *namespace, const char *name, struct backup_status *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = NULL;
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a newer server's: what decodes counts */
    CLEANUP(freep) char *path = mem_printf(COLLECTION "/%s", namespace, name);
    fields_release(backup_status_fields, ret);
    *ret = (struct backup_status){ 0 };
    if (!client_get(cli->client, path, &cli->call, &object, err))
        return false;
    fields_decode(backup_status_fields, json_object_get(object, "status"), "", ret, &ignored);
    return true;
}

/* Until `is_over` says so. */
static bool wait_until(struct cli *cli, const struct target *target, const struct backup_options *options,
                       bool (*is_over)(const struct backup_status *status, const char *request), const char *request,
                       struct backup_status *ret, struct err *err)
{
    CLEANUP(progress_freep) struct progress *progress = progress_new(cli->errors, &cli->errors_terminal);
    CLEANUP(freep) char *name = target_text(target);
    int64_t began_ms = clock_mono_ms();
    struct call call = options->timeout_ms ? call_within(&cli->call, options->timeout_ms) : cli->call;
    for (;;) {
        if (!backup_get(cli, target->namespace, target->name, ret, err))
            return false;
        show(progress, name, ret, began_ms);
        if (is_over(ret, request))
            return true;
        if (!call_check(&call, err))
            return err_wrap(err, "%s goes on", name);
        nanosleep(&(struct timespec){ .tv_nsec = LOOK_EVERY_MS * 1000000L }, NULL);
    }
}

static bool attempt_is_over(const struct backup_status *status, const char *request)
{
    (void)request; /* its end is all there is to wait for */
    return backup_is_over(status);
}

static bool verification_is_over(const struct backup_status *status, const char *request)
{
    return str_equal(status->verify_answered, request) || str_equal(status->phase, BACKUP_FAILED);
}

/* ---- making one ---- */

static bool create(struct cli *cli, const struct target *instance, struct targets *ret, struct err *err)
{
    time_t now = (time_t)(clock_wall_ms() / SECOND_MS);
    struct tm tm;
    char when[32];
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
    CLEANUP(freep) char *name = mem_printf("%s-%s", instance->name, when);
    CLEANUP(freep) char *path = mem_printf(COLLECTION, instance->namespace);
    CLEANUP(json_decrefp)
    json_t *body =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "apiVersion", API_VERSION, "kind", "Backup", "metadata", "name",
                  name, "namespace", instance->namespace, "spec", "instance", instance->name);
    CLEANUP(json_decrefp) json_t *object = NULL;
    const struct client_request request = { .method = "POST", .path = path, .body = body };
    if (!client_send(cli->client, &request, &cli->call, &object, err))
        return false;
    targets_add(ret, &kinds[KIND_BACKUP], instance->namespace, name);
    return true;
}

static bool make(struct cli *cli, const struct backup_options *options, const char *name, struct err *err)
{
    CLEANUP(targets_release) struct targets instance = { 0 };
    CLEANUP(targets_release) struct targets made = { 0 };
    struct backup_status status = { 0 };
    if (!target_parse_instance(name, cli->connection.namespace, &instance, err) ||
        !create(cli, &instance.items[0], &made, err))
        return false;
    CLEANUP(freep) char *brief = target_text(&made.items[0]);
    cli_printf(cli, "%s created\n", brief);
    fflush(cli->out);
    if (!options->wait)
        return true;
    bool done = wait_until(cli, &made.items[0], options, attempt_is_over, NULL, &status, err);
    if (done && str_equal(status.phase, BACKUP_FAILED))
        done = err_set(err, ERR_REMOTE, "%s failed: %s", brief, status.message ? status.message : "");
    fields_release(backup_status_fields, &status);
    return done;
}

/* ---- reading one back ---- */

/* "acme/erp-20260101-030000", or the name alone with a namespace. */
bool backup_target(struct cli *cli, const char *text, struct targets *ret, struct err *err)
{
    const char *slash = strchr(text, '/');
    CLEANUP(freep)
    char *namespace = slash ? mem_strndup(text, (size_t)(slash - text)) : mem_strdup(cli->connection.namespace);
    const char *name = slash ? slash + 1 : text;
    if (!namespace || !namespace[0] || !name[0] || strchr(name, '/'))
        return err_set(err, ERR_BAD_REQUEST,
                       "\"%s\" names no backup; write TENANT/BACKUP, as tenantctl backups shows it", text);
    targets_add(ret, &kinds[KIND_BACKUP], namespace, name);
    return true;
}

static bool verify(struct cli *cli, const struct backup_options *options, const char *name, struct err *err)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    struct backup_status status = { 0 };
    CLEANUP(freep) char *mark = mem_printf("%" PRId64, clock_wall_ms());
    if (!backup_target(cli, name, &targets, err))
        return false;
    CLEANUP(freep) char *path = target_path(&targets.items[0]);
    CLEANUP(json_decrefp)
    json_t *patch = json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_VERIFY, mark);
    CLEANUP(json_decrefp) json_t *object = NULL;
    const struct client_request request = {
        .method = "PATCH", .path = path, .content_type = MEDIA_MERGE_PATCH, .body = patch
    };
    if (!client_send(cli->client, &request, &cli->call, &object, err))
        return false;
    bool done = wait_until(cli, &targets.items[0], options, verification_is_over, mark, &status, err);
    if (done && !status.verified_ms)
        done = err_set(err, ERR_REMOTE, "it is not what was stored: %s", status.message ? status.message : "");
    else if (done)
        cli_print(cli, "verified: all of it was read back, and is what was stored\n");
    fields_release(backup_status_fields, &status);
    return done;
}

static bool download(struct cli *cli, const struct backup_options *options, const char *name, struct err *err)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    return backup_target(cli, name, &targets, err) &&
           backup_download(cli, &targets.items[0], options->to, options->encrypted ? DOWNLOAD_STORED : DOWNLOAD_OPENED,
                           err);
}

/* ---- proving one ---- */

static bool drill(struct cli *cli, const struct backup_options *options, const char *name, struct err *err)
{
    CLEANUP(targets_release) struct targets instances = { 0 };
    CLEANUP(targets_release) struct targets made = { 0 };
    if (!target_parse_instance(name, cli->connection.namespace, &instances, err))
        return false;
    const struct target *instance = &instances.items[0];
    return restore_make(cli, instance, restore_drill_spec(instance), &made, err) &&
           (!options->wait || restore_follow(cli, &made.items[0], options->timeout_ms, err));
}

/* ---- the command ---- */

static bool backup_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    const struct backup_options *given = options;
    const char *word = args->items[0];
    if (args->count == 1)
        return make(cli, given, word, err);
    if (str_equal(word, "verify"))
        return verify(cli, given, args->items[1], err);
    if (str_equal(word, "download"))
        return download(cli, given, args->items[1], err);
    if (str_equal(word, "prune"))
        return backup_prune(cli, args->items[1], given->dry_run ? PRUNE_SHOW : PRUNE_DELETE, err);
    if (str_equal(word, "drill"))
        return drill(cli, given, args->items[1], err);
    return err_set(err, ERR_BAD_REQUEST,
                   "backup %s: there are backup TENANT/NAME, backup verify TENANT/BACKUP, "
                   "backup download TENANT/BACKUP, backup drill TENANT/NAME and backup prune TENANT/NAME",
                   word);
}

const struct command backup_command = {
    .name = "backup",
    .arguments = "TENANT/NAME | verify TENANT/BACKUP | download TENANT/BACKUP | drill TENANT/NAME | prune TENANT/NAME",
    .summary = "Makes a recovery point of an instance; verify reads one back, download writes one into files, drill "
               "proves that the newest can be restored, "
               "prune applies the retention now.",
    .examples = "tenantctl backup acme/erp --wait\n"
                "tenantctl backup verify acme/erp-20260102-030000\n"
                "tenantctl backup download acme/erp-20260102-030000 --to /tmp/erp\n"
                "tenantctl backup drill acme/erp --wait\n"
                "tenantctl backup prune acme/erp --dry-run",
    .options = option_rows,
    .options_size = sizeof(struct backup_options),
    .run = backup_run,
    .args_min = 1,
    .args_max = 2,
    .completes = COMPLETE_INSTANCES,
};
