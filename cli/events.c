/* tenantctl events: what happened to records. */
#include "cli/events.h"

#include <ctype.h>

#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/watch.h"

struct events_options {
    bool all_namespaces, watch, no_headers;
};
static const struct option_row events_option_rows[] = {
    { "watch", 'w', OPTION_FLAG, offsetof(struct events_options, watch),
      .doc = "Goes on with what happens from now on." },
    { "all-namespaces", 'A', OPTION_FLAG, offsetof(struct events_options, all_namespaces),
      .doc = "Those of all tenants." },
    { "no-headers", 0, OPTION_FLAG, offsetof(struct events_options, no_headers),
      .doc = "No line with the columns' names." },
    { NULL },
};

void events_location(const struct target *target, char **ret_path, char **ret_query)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(str_release) struct str query = STR_INIT;
    str_add(&path, "/api/v1/");
    if (target->namespace) {
        str_add(&path, "namespaces/");
        str_add_url_segment(&path, target->namespace);
        str_addc(&path, '/');
    }
    str_add(&path, "events");
    if (target->name) {
        CLEANUP(freep)
        char *fields = mem_printf("involvedObject.kind=%s,involvedObject.name=%s", target->kind->name, target->name);
        object_add_query(&query, "fieldSelector", fields);
    }
    *ret_path = str_steal(&path);
    *ret_query = query.len > 0 ? str_steal(&query) : NULL;
}

/* ---- the table ---- */

static const char *last_time(const json_t *event)
{
    const char *time = json_text(event, "lastTimestamp");
    return time ? time : object_meta(event, "creationTimestamp");
}

/* RFC 3339 in UTC sorts as text; of two in one second the server's order counts, which qsort may not keep. */
static int compare_times(const void *a, const void *b)
{
    const json_t *event_a = *(const json_t *const *)a, *event_b = *(const json_t *const *)b;
    int order = strcmp(last_time(event_a), last_time(event_b));
    int64_t version_a = 0, version_b = 0;
    if (order != 0)
        return order;
    if (!str_parse_int64(object_meta(event_a, "resourceVersion"), 0, INT64_MAX, &version_a) ||
        !str_parse_int64(object_meta(event_b, "resourceVersion"), 0, INT64_MAX, &version_b))
        return 0;
    return version_a < version_b ? -1 : version_a > version_b;
}

static char *subject_of(const json_t *event)
{
    const json_t *about = json_object_get(event, "involvedObject");
    const char *kind = json_text(about, "kind");
    const char *namespace = json_text(about, "namespace");
    const char *name = json_text(about, "name");
    char *text =
        mem_printf("%s/%s%s%s", kind ? kind : "", namespace ? namespace : "", namespace ? "/" : "", name ? name : "");
    for (char *at = text; *at && *at != '/'; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

static void add_event(const json_t *event, int64_t now_ms, struct table *table)
{
    struct strv *row = table_add_row(table);
    const char *type = json_text(event, "type");
    const char *reason = json_text(event, "reason");
    const char *message = json_text(event, "message");
    int64_t count = json_int(event, "count", 1);
    strv_add_taken(row, age_of(last_time(event), now_ms));
    strv_add(row, type ? type : "");
    strv_add(row, reason ? reason : "");
    strv_add_taken(row, subject_of(event));
    if (count > 1)
        strv_addf(row, "%s (%" PRId64 " times)", message ? message : "", count);
    else
        strv_add(row, message ? message : "");
}

static void set_header(struct table *table)
{
    static const char *const names[] = { "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        strv_add(&table->header, names[i]);
}

void events_fill(const json_t *items, int64_t now_ms, struct table *table)
{
    size_t count = json_array_size(items);
    CLEANUP(freep) const json_t **sorted = mem_zalloc((count + 1) * sizeof(sorted[0]));
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(items, i);
    qsort(sorted, count, sizeof(sorted[0]), compare_times);
    set_header(table);
    for (size_t i = 0; i < count; i++)
        add_event(sorted[i], now_ms, table);
}

/* ---- the command ---- */

struct events {
    struct cli *cli;
    const struct events_options *options;
    struct table_widths widths;
    bool is_listed; /* the first list is out; a later one is only a new start */
};

static void print_table(struct events *events, const struct table *table)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    bool with_header = !events->is_listed && !events->options->no_headers;
    table_print(table, &events->cli->out_terminal, with_header ? TABLE_WITH_HEADER : TABLE_WITHOUT_HEADER,
                &events->widths, &out);
    cli_print(events->cli, out.text);
}

static void print_list(struct events *events, const json_t *list)
{
    CLEANUP(table_release) struct table table = { 0 };
    events_fill(json_object_get(list, "items"), clock_wall_ms(), &table);
    if (table.row_count > 0 || events->options->watch)
        print_table(events, &table);
    else
        fprintf(events->cli->errors, "No events found.\n");
    events->is_listed = true;
}

static enum watch_next on_event(void *context, enum watch_event event, json_t *object, struct err *err)
{
    struct events *events = context;
    if (event == WATCH_LIST && !events->is_listed)
        print_list(events, object);
    if (event == WATCH_ADDED || event == WATCH_MODIFIED) {
        CLEANUP(table_release) struct table table = { 0 };
        CLEANUP(json_decrefp) json_t *one = json_array();
        json_push(one, json_incref(object));
        events_fill(one, clock_wall_ms(), &table);
        print_table(events, &table);
    }
    return cli_flush(events->cli, err) ? WATCH_GO_ON : WATCH_FAILED;
}

static bool run(struct events *events, const struct target *target, struct err *err)
{
    struct cli *cli = events->cli;
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *query = NULL;
    events_location(target, &path, &query);
    if (events->options->watch) {
        const struct watch watch = { .path = path, .query = query, .on_event = on_event, .context = events };
        return watch_run(cli->client, &watch, &cli->call, err);
    }
    CLEANUP(json_decrefp) json_t *list = NULL;
    CLEANUP(freep) char *full = mem_printf("%s%s%s", path, query ? "?" : "", query ? query : "");
    if (!client_get(cli->client, full, &cli->call, &list, err))
        return false;
    print_list(events, list);
    return true;
}

static bool events_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit,
                       struct err *err)
{
    (void)ret_exit; /* failing is the only other answer */
    const struct events_options *options = options_given;
    CLEANUP(targets_release) struct targets targets = { 0 };
    const char *namespace = options->all_namespaces ? NULL : cli->connection.namespace;
    if (args->count == 0)
        targets_add(&targets, &kinds[KIND_INSTANCE], namespace, NULL);
    else if (!targets_parse_records(args, namespace, &targets, err))
        return false;
    if (targets.count > 1)
        return err_set(err, ERR_BAD_REQUEST, "name one record at most");
    struct events events = { .cli = cli, .options = options };
    bool ran = run(&events, &targets.items[0], err);
    table_widths_release(&events.widths);
    return ran;
}

const struct command events_command = {
    .name = "events",
    .arguments = "[NAME]",
    .summary = "Shows what happened to a record, to those of a tenant (-n), or to all.",
    .examples = "tenantctl events acme/erp -w\ntenantctl events -A",
    .options = events_option_rows,
    .options_size = sizeof(struct events_options),
    .run = events_run,
    .args_max = 2,
    .completes = COMPLETE_RECORDS,
};
