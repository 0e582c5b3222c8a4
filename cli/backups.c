/* tenantctl backups: the recovery points of an instance, of a tenant, or of all; and what the retention makes of them. */
#include "cli/backup.h"
#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/table.h"
#include "specs/quantity.h"
#include "specs/retention.h"

/* One as the API has it. */
struct listed {
    char *namespace, *name;
    int64_t created_ms;
    bool is_going;
    struct backup_spec spec;
    struct backup_status status;
};
struct listing {
    struct listed *items;
    size_t count;
};

static void listing_release(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->items[i].namespace);
        free(listing->items[i].name);
        fields_release(backup_spec_fields, &listing->items[i].spec);
        fields_release(backup_status_fields, &listing->items[i].status);
    }
    free(listing->items);
}

static void add(struct listing *listing, const json_t *object, const char *instance_or_null)
{
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a newer server's: what decodes counts */
    const json_t *spec = json_object_get(object, "spec");
    if (instance_or_null && !str_equal(json_text(spec, "instance"), instance_or_null))
        return;
    listing->items = mem_grow(listing->items, listing->count + 1, sizeof(listing->items[0]));
    struct listed *item = &listing->items[listing->count++];
    *item = (struct listed){ .namespace = mem_strdup(object_meta(object, "namespace")),
                             .name = mem_strdup(object_meta(object, "name")),
                             .is_going = object_is_being_deleted(object) };
    fields_decode(backup_spec_fields, spec, "", &item->spec, &ignored);
    fields_decode(backup_status_fields, json_object_get(object, "status"), "", &item->status, &ignored);
    if (!time_from_rfc3339(object_meta(object, "creationTimestamp"), &item->created_ms))
        item->created_ms = 0;
    if (item->status.started_ms)
        item->created_ms = item->status.started_ms;
}

static int newest_first(const void *a, const void *b)
{
    const struct listed *one = a, *other = b;
    return (one->created_ms < other->created_ms) - (one->created_ms > other->created_ms);
}

/* `namespace` NULL: of all tenants; `instance` NULL: of all instances. */
static bool list(struct cli *cli, const char *namespace, const char *instance, struct listing *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    const struct target all = { .kind = &kinds[KIND_BACKUP], .namespace = (char *)(uintptr_t) namespace };
    CLEANUP(freep) char *path = target_path(&all);
    if (!client_get(cli->client, path, &cli->call, &answer, err))
        return false;
    const json_t *items = json_object_get(answer, "items");
    for (size_t i = 0; i < json_array_size(items); i++)
        add(ret, json_array_get(items, i), instance);
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(ret->items[0]), newest_first);
    return true;
}

static char *tiers_of(const struct backup_status *status)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    const struct backup_tier_status *tiers = status->tiers.items;
    for (size_t i = 0; i < status->tiers.count; i++)
        strv_addf(&names, "%s%s", tiers[i].name, tiers[i].problem ? "(!)" : "");
    return strv_join(&names, ",");
}

/* By an object lock in any place; 0: by none. */
static int64_t held_until_ms(const struct backup_status *status)
{
    const struct backup_tier_status *tiers = status->tiers.items;
    int64_t until_ms = 0;
    for (size_t i = 0; i < status->tiers.count; i++)
        until_ms = tiers[i].held_until_ms > until_ms ? tiers[i].held_until_ms : until_ms;
    return until_ms;
}

static void add_time(struct strv *row, int64_t time_ms)
{
    CLEANUP(freep) char *text = time_ms ? time_to_rfc3339(time_ms) : mem_strdup("");
    strv_add(row, text);
}

static void print(struct cli *cli, const struct listing *listing)
{
    static const char *const header[] = { "NAME",  "INSTANCE", "STATUS",  "TAKEN", "DATABASE", "FILES",  "STORED",
                                          "TIERS", "VERIFIED", "EXPIRES", "HELD",  "KEPT",     "MESSAGE" };
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(str_release) struct str out = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(header); i++)
        strv_add(&table.header, header[i]);
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *item = &listing->items[i];
        const struct backup_status *status = &item->status;
        struct strv *row = table_add_row(&table);
        CLEANUP(freep) char *tiers = tiers_of(status);
        strv_addf(row, "%s/%s", item->namespace, item->name);
        strv_add(row, item->spec.instance ? item->spec.instance : "");
        strv_add(row, item->is_going ? "Deleting" : status->phase ? status->phase : BACKUP_PENDING);
        add_time(row, item->created_ms);
        strv_add_taken(row, quantity_print_bytes(status->sizes.database_bytes));
        strv_add_taken(row, quantity_print_bytes(status->sizes.data_bytes));
        strv_add_taken(row, quantity_print_bytes(status->sizes.stored_bytes));
        strv_add(row, tiers);
        add_time(row, status->verified_ms);
        add_time(row, status->expires_ms);
        add_time(row, held_until_ms(status));
        strv_add(row, status->kept ? status->kept : "");
        strv_add(row, status->message ? status->message : "");
    }
    table_print(&table, &cli->out_terminal, TABLE_WITH_HEADER, NULL, &out);
    cli_print(cli, out.text);
}

static bool backups_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(listing_release) struct listing listing = { 0 };
    const char *namespace = cli->connection.namespace, *instance = NULL;
    if (args->count > 0) {
        if (!target_parse_instance(args->items[0], namespace, &targets, err))
            return false;
        namespace = targets.items[0].namespace;
        instance = targets.items[0].name;
    }
    if (!list(cli, namespace, instance, &listing, err))
        return false;
    if (listing.count)
        print(cli, &listing);
    else
        fprintf(cli->errors, "There are no recovery points.\n");
    return true;
}

const struct command backups_command = {
    .name = "backups",
    .arguments = "[TENANT/NAME]",
    .summary = "Lists recovery points: where they are, how large, when read back last, what keeps them; also of what "
               "was deleted.",
    .examples = "tenantctl backups acme/erp\ntenantctl backups",
    .run = backups_run,
    .args_max = 1,
    .completes = COMPLETE_INSTANCES,
};

/* ---- retention ---- */

static bool read_retention(struct cli *cli, const struct target *instance, char **ret_uid,
                           struct instance_retention *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *object = NULL;
    CLEANUP(freep) char *path = target_path(instance);
    if (!client_get(cli->client, path, &cli->call, &object, err))
        return false;
    const json_t *rules = json_at(object, "spec", "backup", "retention", NULL);
    *ret = (struct instance_retention){ json_int(rules, "last", 0), json_int(rules, "daily", 0),
                                        json_int(rules, "weekly", 0), json_int(rules, "monthly", 0) };
    *ret_uid = mem_strdup(object_meta(object, "uid"));
    return true;
}

static bool delete (struct cli *cli, const struct listed *item, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    const struct target target = { &kinds[KIND_BACKUP], item->namespace, item->name };
    CLEANUP(freep) char *path = target_path(&target);
    const struct client_request request = { .method = "DELETE", .path = path };
    return client_send(cli->client, &request, &cli->call, &answer, err);
}

/* Those that are complete and of this very instance, in the order of the listing. */
static size_t candidates(const struct listing *listing, const char *uid, const struct listed **ret_items,
                         struct retention_point *ret_points)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *item = &listing->items[i];
        if (!str_equal(item->spec.instance_uid, uid) || !str_equal(item->status.phase, BACKUP_COMPLETED) ||
            item->is_going)
            continue;
        ret_items[count] = item;
        ret_points[count++] =
            (struct retention_point){ .time_ms = item->created_ms, .is_verified = item->status.verified_ms != 0 };
    }
    return count;
}

bool backup_prune(struct cli *cli, const char *instance, enum prune prune, struct err *err)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(listing_release) struct listing listing = { 0 };
    CLEANUP(freep) char *uid = NULL;
    struct instance_retention rules;
    if (!target_parse_instance(instance, cli->connection.namespace, &targets, err) ||
        !read_retention(cli, &targets.items[0], &uid, &rules, err) ||
        !list(cli, targets.items[0].namespace, targets.items[0].name, &listing, err))
        return false;
    CLEANUP(freep) const struct listed **items = mem_zalloc((listing.count + 1) * sizeof(*items));
    CLEANUP(freep) struct retention_point *points = mem_zalloc((listing.count + 1) * sizeof(*points));
    CLEANUP(freep) unsigned *kept = mem_zalloc((listing.count + 1) * sizeof(*kept));
    size_t count = candidates(&listing, uid, items, points);
    retention_decide(&rules, points, count, kept);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *why = retention_wording(kept[i]);
        const char *verb = kept[i] ? "stays" : prune == PRUNE_SHOW ? "would go" : "goes";
        if (!kept[i] && prune == PRUNE_DELETE && !delete (cli, items[i], err))
            return false;
        cli_printf(cli, "%s/%s %s: %s\n", items[i]->namespace, items[i]->name, verb,
                   kept[i] ? why : "no rule of spec.backup.retention keeps it");
    }
    return true;
}
