/* tenantctl get: records as tables, JSON, YAML or names; once, or as they change. */
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/objects.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "specs/yaml.h"

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };
static const char *const output_words[] = {
    [OUTPUT_TABLE] = "table", [OUTPUT_WIDE] = "wide", [OUTPUT_JSON] = "json",
    [OUTPUT_YAML] = "yaml",   [OUTPUT_NAME] = "name", NULL,
};

struct get_options {
    int output;
    bool all_namespaces, watch, no_headers;
    char *selector, *field_selector;
};
static const struct option_row get_option_rows[] = {
    { "output", 'o', OPTION_CHOICE, offsetof(struct get_options, output), "FORMAT", .fallback = "table",
      .choices = output_words, .doc = "table, wide (more columns), json, yaml or name." },
    { "all-namespaces", 'A', OPTION_FLAG, offsetof(struct get_options, all_namespaces),
      .doc = "Those of all tenants." },
    { "watch", 'w', OPTION_FLAG, offsetof(struct get_options, watch), .doc = "Goes on with every change." },
    { "selector", 'l', OPTION_TEXT, offsetof(struct get_options, selector), "LABELS",
      .doc = "Only those with these labels: a=b,c!=d,e." },
    { "field-selector", 0, OPTION_TEXT, offsetof(struct get_options, field_selector), "FIELDS",
      .doc = "Only those with these fields: status.phase=Running." },
    { "no-headers", 0, OPTION_FLAG, offsetof(struct get_options, no_headers),
      .doc = "No line with the columns' names." },
    { NULL },
};

/* One run of get; several answers are printed as one. */
struct getting {
    struct cli *cli;
    const struct get_options *options;
    const struct target *target; /* of the answer at hand */
    bool all_namespaces;         /* namespaces get a column of their own */
    bool with_kinds;             /* names are printed with their kind */
    struct table table;
    struct table_widths widths;
    bool header_is_out;
    size_t rows_out;
    json_t *items; /* for json and yaml */
};

static void getting_release(struct getting *getting)
{
    table_release(&getting->table);
    table_widths_release(&getting->widths);
    json_decref(getting->items);
}

static bool is_table(const struct get_options *options)
{
    return options->output == OUTPUT_TABLE || options->output == OUTPUT_WIDE;
}

static bool with_namespaces(const struct getting *getting)
{
    return getting->all_namespaces && getting->target->kind->namespaced;
}

/* ---- tables ---- */

static bool is_shown(const struct getting *getting, const json_t *definition)
{
    return json_int(definition, "priority", 0) == 0 || getting->options->output == OUTPUT_WIDE;
}

static void add_header(struct getting *getting, const json_t *definitions)
{
    if (json_array_size(definitions) == 0 || getting->table.header.count > 0)
        return;
    if (with_namespaces(getting))
        strv_add(&getting->table.header, "NAMESPACE");
    for (size_t i = 0; i < json_array_size(definitions); i++) {
        const json_t *definition = json_array_get(definitions, i);
        const char *name = json_text(definition, "name");
        if (!is_shown(getting, definition))
            continue;
        CLEANUP(freep) char *upper = object_upper(name ? name : "");
        strv_add(&getting->table.header, upper);
    }
}

static char *cell_text(const struct getting *getting, const json_t *definition, const json_t *cell)
{
    bool is_name = str_equal(json_text(definition, "format"), "name");
    if (json_is_string(cell) && is_name && getting->with_kinds)
        return mem_printf("%s." API_GROUP "/%s", getting->target->kind->singular, json_string_value(cell));
    if (json_is_string(cell))
        return mem_strdup(json_string_value(cell));
    return json_is_null(cell) || !cell ? mem_strdup("") : json_dump(cell);
}

static void add_row(struct getting *getting, const json_t *definitions, const json_t *row)
{
    struct strv *cells = table_add_row(&getting->table);
    const json_t *values = json_object_get(row, "cells");
    const char *namespace = json_text(json_at(row, "object", "metadata", NULL), "namespace");
    if (with_namespaces(getting))
        strv_add(cells, namespace ? namespace : "");
    for (size_t i = 0; i < json_array_size(definitions); i++)
        if (is_shown(getting, json_array_get(definitions, i)))
            strv_add_taken(cells, cell_text(getting, json_array_get(definitions, i), json_array_get(values, i)));
}

static void add_table(struct getting *getting, const json_t *definitions, const json_t *table)
{
    const json_t *rows = json_object_get(table, "rows");
    add_header(getting, definitions);
    for (size_t i = 0; i < json_array_size(rows); i++)
        add_row(getting, definitions, json_array_get(rows, i));
}

static void flush_table(struct getting *getting)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    bool with_header = !getting->options->no_headers && !getting->header_is_out;
    if (getting->table.row_count > 0) {
        table_print(&getting->table, &getting->cli->out_terminal,
                    with_header ? TABLE_WITH_HEADER : TABLE_WITHOUT_HEADER, &getting->widths, &out);
        getting->header_is_out = true;
        getting->rows_out += getting->table.row_count;
    }
    cli_print(getting->cli, out.text);
}

static void drop_rows(struct getting *getting)
{
    struct strv header = getting->table.header;
    getting->table.header = (struct strv)STRV_INIT;
    table_release(&getting->table);
    getting->table.header = header;
}

/* ---- objects ---- */

static void print_name(struct getting *getting, const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const struct target target = {
        .kind = getting->target->kind,
        .namespace = (char *)(uintptr_t)json_text(metadata, "namespace"), /* borrowed, not written to */
        .name = (char *)(uintptr_t)json_text(metadata, "name"),
    };
    CLEANUP(freep) char *text = with_namespaces(getting) ? target_text(&target) : target_brief(&target);
    cli_printf(getting->cli, "%s\n", text);
}

static void print_value(struct getting *getting, const json_t *value)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    if (getting->options->output == OUTPUT_YAML) {
        yaml_print(value, &out);
    } else {
        CLEANUP(freep) char *text = json_dump_pretty(value);
        str_addf(&out, "%s\n", text);
    }
    cli_print(getting->cli, out.text);
}

static void add_object(struct getting *getting, json_t *object)
{
    if (getting->options->output == OUTPUT_NAME)
        print_name(getting, object);
    else
        json_push(getting->items, json_incref(object));
}

static void flush_items(struct getting *getting, bool is_single)
{
    if (getting->options->output == OUTPUT_NAME)
        return;
    if (is_single && json_array_size(getting->items) == 1) {
        print_value(getting, json_array_get(getting->items, 0));
        return;
    }
    CLEANUP(json_decrefp) json_t *list = json_object();
    json_put_text(list, "apiVersion", "v1");
    json_put_text(list, "kind", "List");
    json_put(list, "metadata", json_object());
    json_put(list, "items", json_incref(getting->items));
    print_value(getting, list);
}

/* ---- once ---- */

static void take_answer(struct getting *getting, json_t *answer)
{
    json_t *items = json_object_get(answer, "items");
    if (is_table(getting->options)) {
        add_table(getting, json_object_get(answer, "columnDefinitions"), answer);
    } else if (getting->target->name) {
        add_object(getting, answer);
    } else {
        for (size_t i = 0; i < json_array_size(items); i++)
            add_object(getting, json_array_get(items, i));
    }
}

static char *query_of(const struct get_options *options, const char *name)
{
    CLEANUP(str_release) struct str fields = STR_INIT;
    CLEANUP(str_release) struct str query = STR_INIT;
    if (options->selector)
        object_add_query(&query, "labelSelector", options->selector);
    if (options->field_selector)
        str_add(&fields, options->field_selector);
    if (name)
        str_addf(&fields, "%smetadata.name=%s", fields.len > 0 ? "," : "", name);
    if (fields.len > 0)
        object_add_query(&query, "fieldSelector", fields.text);
    return query.len > 0 ? str_steal(&query) : NULL;
}

static bool get_one(struct getting *getting, struct err *err)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep) char *path = target_path(getting->target);
    CLEANUP(freep) char *query = getting->target->name ? NULL : query_of(getting->options, NULL);
    CLEANUP(freep) char *full = mem_printf("%s%s%s", path, query ? "?" : "", query ? query : "");
    const struct client_request request = {
        .method = "GET",
        .path = full,
        .accept = is_table(getting->options) ? ACCEPT_TABLE : ACCEPT_OBJECT,
    };
    if (!client_send(getting->cli->client, &request, &getting->cli->call, &answer, err))
        return false;
    take_answer(getting, answer);
    return true;
}

static void say_none(struct getting *getting, const struct targets *targets)
{
    const char *namespace = targets->items[0].namespace;
    fprintf(getting->cli->errors, namespace ? "No resources found in %s namespace.\n" : "No resources found.\n",
            namespace);
}

/* Kinds have columns of their own, so each begins a table. */
static void begin_kind(struct getting *getting)
{
    if (!is_table(getting->options))
        return;
    flush_table(getting);
    if (getting->header_is_out || getting->options->no_headers)
        cli_print(getting->cli, "\n");
    table_release(&getting->table);
    table_widths_release(&getting->widths);
    getting->header_is_out = false;
}

static bool get_all(struct getting *getting, const struct targets *targets, int *ret_exit, struct err *err)
{
    for (size_t i = 0; i < targets->count; i++) {
        CLEANUP(err_release) struct err failure = ERR_INIT;
        if (i > 0 && targets->items[i].kind != targets->items[i - 1].kind)
            begin_kind(getting);
        getting->target = &targets->items[i];
        if (get_one(getting, &failure))
            continue;
        if (targets->count == 1 || failure.code != ERR_NOT_FOUND) {
            err_move(err, &failure);
            return false;
        }
        *ret_exit = cli_complain(getting->cli, &failure);
    }
    if (is_table(getting->options))
        flush_table(getting);
    else
        flush_items(getting, targets->count == 1 && targets->items[0].name);
    if (is_table(getting->options) && getting->rows_out == 0 && *ret_exit == EXIT_OK)
        say_none(getting, targets);
    return true;
}

/* ---- as they change ---- */

struct get_watch {
    struct getting getting;
    json_t *definitions; /* come once, with the list */
};

static void print_changes(struct get_watch *watch, json_t *object)
{
    struct getting *getting = &watch->getting;
    json_t *definitions = json_object_get(object, "columnDefinitions");
    json_t *items = json_object_get(object, "items");
    if (is_table(getting->options)) {
        if (json_array_size(definitions) > 0) {
            json_decref(watch->definitions);
            watch->definitions = json_incref(definitions);
        }
        drop_rows(getting);
        add_table(getting, watch->definitions, object);
        flush_table(getting);
    } else if (items) {
        for (size_t i = 0; i < json_array_size(items); i++)
            print_changes(watch, json_array_get(items, i));
    } else if (getting->options->output == OUTPUT_NAME) {
        print_name(getting, object);
    } else {
        if (getting->options->output == OUTPUT_YAML)
            cli_print(getting->cli, "---\n");
        print_value(getting, object);
    }
}

static enum watch_next on_change(void *context, enum watch_event event, json_t *object, struct err *err)
{
    (void)event; /* a deleted record's last state is printed like any other, as kubectl does */
    struct get_watch *watch = context;
    print_changes(watch, object);
    return cli_flush(watch->getting.cli, err) ? WATCH_GO_ON : WATCH_FAILED;
}

static bool get_watch_run(struct get_watch *watch, const struct targets *targets, struct err *err)
{
    struct getting *getting = &watch->getting;
    if (targets->count != 1)
        return err_set(err, ERR_BAD_REQUEST, "--watch follows one kind or one record");
    const struct target all = { .kind = targets->items[0].kind, .namespace = targets->items[0].namespace };
    CLEANUP(freep) char *path = target_path(&all);
    CLEANUP(freep) char *query = query_of(getting->options, targets->items[0].name);
    getting->target = &all;
    if (targets->items[0].name) { /* if there is none, the watch would just stay silent */
        CLEANUP(json_decrefp) json_t *ignored = NULL;
        CLEANUP(freep) char *one = target_path(&targets->items[0]);
        if (!client_get(getting->cli->client, one, &getting->cli->call, &ignored, err))
            return false;
    }
    const struct watch options = {
        .path = path,
        .query = query,
        .accept = is_table(getting->options) ? ACCEPT_TABLE : ACCEPT_OBJECT,
        .on_event = on_change,
        .context = watch,
    };
    return watch_run(getting->cli->client, &options, &getting->cli->call, err);
}

static bool get_run(struct cli *cli, const void *options_given, const struct strv *args, int *ret_exit, struct err *err)
{
    const struct get_options *options = options_given;
    CLEANUP(targets_release) struct targets targets = { 0 };
    const char *namespace = options->all_namespaces ? NULL : cli->connection.namespace;
    if (args->count == 0)
        targets_add(&targets, &kinds[KIND_INSTANCE], namespace, NULL);
    else if (!targets_parse(args, namespace, &targets, err))
        return false;
    struct get_watch watch = {
        .getting = { .cli = cli,
                     .options = options,
                     .all_namespaces = !namespace,
                     .with_kinds = targets_span_kinds(&targets),
                     .items = json_array() },
    };
    bool ran = options->watch ? get_watch_run(&watch, &targets, err) : get_all(&watch.getting, &targets, ret_exit, err);
    getting_release(&watch.getting);
    json_decref(watch.definitions);
    return ran;
}

const struct command get_command = {
    .name = "get",
    .arguments = "[KIND] [NAME...]",
    .summary = "Shows records as a table, as JSON or as YAML.",
    .details = "Kinds are tenant, app and instance, also in the plural, several with commas between them, or all; "
               "without one it "
               "is instances. Without a tenant (-n, or the kubeconfig's) those of all tenants are shown.",
    .examples = "tenantctl get instances -n acme\ntenantctl get acme/erp -o yaml\ntenantctl get instances -A -w",
    .options = get_option_rows,
    .options_size = sizeof(struct get_options),
    .run = get_run,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
};
