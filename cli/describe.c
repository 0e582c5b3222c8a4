/* tenantctl describe and tenantctl why: everything about a record, or the one thing in its way. */
#include "cli/commands.h"
#include "cli/events.h"
#include "cli/objects.h"
#include "cli/why.h"
#include "specs/quantity.h"
#include "specs/yaml.h"

#define LABEL_WIDTH    14
#define LINES_SHOWN    3 /* of a text in a spec */
#define TEXT_SHOWN_MAX 200

static void print_label(struct str *out, const char *label)
{
    str_addf(out, "%-*s", LABEL_WIDTH, label);
}

static void print_text(struct str *out, const char *label, const char *text)
{
    if (!text || !text[0])
        return;
    print_label(out, label);
    text_add_clean(out, text);
    str_addc(out, '\n');
}

static void print_time(struct str *out, const char *label, const char *time, int64_t now_ms)
{
    CLEANUP(freep) char *age = age_of(time, now_ms);
    CLEANUP(freep) char *text = age[0] ? mem_printf("%s (%s ago)", time, age) : NULL;
    print_text(out, label, text);
}

static void print_map(struct str *out, const char *label, const json_t *map)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    json_t *tree = (json_t *)(uintptr_t)map; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value)
        strv_addf(&lines, "%s=%s", key, json_is_string(value) ? json_string_value(value) : "");
    strv_sort(&lines);
    for (size_t i = 0; i < lines.count; i++)
        print_text(out, i == 0 ? label : "", lines.items[i]);
}

/* ---- spec ---- */

static bool is_long(const char *text, size_t *ret_lines)
{
    *ret_lines = 1;
    for (const char *at = text; *at; at++)
        *ret_lines += *at == '\n' && at[1] != '\0';
    return *ret_lines > LINES_SHOWN || strlen(text) > TEXT_SHOWN_MAX;
}

/* Files of an App are what one reads in its own file, not here. */
static json_t *shortened(const json_t *value)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* as above */
    const char *key;
    json_t *child;
    size_t lines;
    if (json_is_string(value) && is_long(json_string_value(value), &lines)) {
        CLEANUP(freep) char *text = mem_printf("(%zu line%s)", lines, lines == 1 ? "" : "s");
        return json_from_text(text);
    }
    if (json_is_object(value)) {
        json_t *copy = json_object();
        json_object_foreach (tree, key, child)
            json_put(copy, key, shortened(child));
        return copy;
    }
    if (json_is_array(value)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_push(copy, shortened(json_array_get(value, i)));
        return copy;
    }
    return json_deep_copy(value);
}

static void print_spec(struct str *out, const struct kind *kind, const json_t *object)
{
    CLEANUP(json_decrefp) json_t *spec = shortened(json_object_get(object, "spec"));
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!json_is_object(spec))
        return;
    fields_drop_defaults(kind->spec_fields, spec);
    yaml_print(spec, &text);
    str_add(out, "Spec (without defaults):\n");
    text_add_indented(out, text.text, "  ");
}

/* ---- status ---- */

static char *bytes_text(int64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
        size /= 1024;
    return mem_printf(unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

static void print_container(struct str *out, const json_t *status, int64_t now_ms)
{
    const json_t *container = json_object_get(status, "container");
    const char *name = json_text(container, "name");
    const char *image = json_text(container, "image");
    int64_t restarts = json_int(container, "restarts", 0);
    CLEANUP(freep) char *age = age_of(json_text(container, "startedAt"), now_ms);
    if (!name || !name[0])
        return;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_add(&text, name);
    if (image && image[0])
        str_addf(&text, ", %s", image);
    if (age[0])
        str_addf(&text, ", started %s ago", age);
    if (restarts > 0)
        str_addf(&text, ", restarted %" PRId64 " time%s", restarts, restarts == 1 ? "" : "s");
    print_text(out, "Container:", text.text);
}

static void print_database(struct str *out, const json_t *status)
{
    const json_t *database = json_object_get(status, "database");
    const json_t *storage = json_object_get(status, "storage");
    const char *name = json_text(database, "name");
    const char *role = json_text(database, "role");
    const char *volume = json_text(storage, "volume");
    int64_t size = json_int(database, "sizeBytes", 0), used = json_int(storage, "usedBytes", 0);
    int64_t requested = json_int(storage, "requestedBytes", 0);
    CLEANUP(freep) char *size_text = bytes_text(size);
    CLEANUP(freep) char *used_text = bytes_text(used);
    CLEANUP(freep) char *requested_text = bytes_text(requested);
    CLEANUP(str_release) struct str line = STR_INIT;
    if (name && name[0]) {
        str_addf(&line, "%s, owned by %s", name, role ? role : "nobody");
        if (size > 0)
            str_addf(&line, ", %s", size_text);
        print_text(out, "Database:", line.text);
    }
    str_clear(&line);
    if (volume && volume[0]) {
        str_addf(&line, "volume %s", volume);
        if (used > 0)
            str_addf(&line, ", %s used", used_text);
        if (requested > 0)
            str_addf(&line, ", %s asked for", requested_text);
        print_text(out, "Storage:", line.text);
    }
}

static void print_warm(struct str *out, const json_t *status)
{
    const json_t *warm = json_object_get(status, "warm");
    for (size_t i = 0; i < json_array_size(warm); i++) {
        const json_t *entry = json_array_get(warm, i);
        const char *version = json_text(entry, "version");
        const char *state = json_text(entry, "state");
        const char *message = json_text(entry, "message");
        CLEANUP(freep)
        char *line = mem_printf("%s: %s%s%s", version ? version : "", state ? state : "",
                                message && message[0] ? ", " : "", message ? message : "");
        print_text(out, i == 0 ? "Warm:" : "", line);
    }
}

static void print_conditions(struct str *out, const json_t *status, const struct terminal *terminal, int64_t now_ms)
{
    static const char *const names[] = { "TYPE", "STATUS", "SINCE", "REASON", "MESSAGE" };
    CLEANUP(table_release) struct table table = { 0 };
    const json_t *conditions = json_object_get(status, "conditions");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        strv_add(&table.header, names[i]);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        struct strv *row = table_add_row(&table);
        const char *texts[] = { json_text(condition, "type"), json_text(condition, "status"), NULL,
                                json_text(condition, "reason"), json_text(condition, "message") };
        CLEANUP(freep) char *age = age_of(json_text(condition, "lastTransitionTime"), now_ms);
        texts[2] = age;
        for (size_t column = 0; column < ARRAY_LEN(texts); column++)
            strv_add(row, texts[column] ? texts[column] : "");
    }
    if (table.row_count == 0)
        return;
    str_add(out, "Conditions:\n");
    table_print(&table, terminal, TABLE_WITH_HEADER, NULL, out);
}

static void print_status(struct str *out, const json_t *object, const struct terminal *terminal, int64_t now_ms)
{
    const json_t *status = json_object_get(object, "status");
    const char *phase = json_text(status, "phase");
    const char *instances = json_object_get(status, "instances") ? "Instances:" : NULL;
    print_label(out, "Status:");
    terminal_paint(terminal, paint_of_word(phase), phase && phase[0] ? phase : "Pending", out);
    str_addc(out, '\n');
    print_text(out, "Message:", json_text(status, "message"));
    print_text(out, "URL:", json_text(status, "url"));
    print_text(out, "Runs version:", json_text(status, "version"));
    print_text(out, "Network:", json_text(status, "network"));
    if (instances) {
        CLEANUP(freep) char *count = mem_printf("%" PRId64, json_int(status, "instances", 0));
        print_text(out, instances, count);
    }
    print_container(out, status, now_ms);
    print_database(out, status);
    print_warm(out, status);
}

/* Only where there is something to say. */
static void print_why(struct str *out, const json_t *object, const struct terminal *terminal, int64_t now_ms)
{
    CLEANUP(why_release) struct why why;
    why_explain(object, now_ms, &why);
    if (why.is_ready && !why.remedy[0])
        return;
    str_add(out, "Why:\n  ");
    why_print(object, now_ms, terminal, out);
}

/* ---- describe ---- */

static void print_record(struct str *out, const struct target *target, const json_t *object,
                         const struct terminal *terminal)
{
    int64_t now_ms = clock_wall_ms();
    CLEANUP(json_decrefp) json_t *annotations = object_user_annotations(object);
    print_text(out, "Name:", target->name);
    print_text(out, "Tenant:", target->namespace);
    print_text(out, "Kind:", target->kind->name);
    print_time(out, "Created:", object_meta(object, "creationTimestamp"), now_ms);
    print_time(out, "Deletion:", object_meta(object, "deletionTimestamp"), now_ms);
    print_map(out, "Labels:", json_at(object, "metadata", "labels", NULL));
    print_map(out, "Annotations:", annotations);
    print_spec(out, target->kind, object);
    print_status(out, object, terminal, now_ms);
    print_conditions(out, json_object_get(object, "status"), terminal, now_ms);
    print_why(out, object, terminal, now_ms);
}

/* Without events the rest is still worth reading. */
static void print_events(struct cli *cli, const struct target *target, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *list = NULL;
    CLEANUP(table_release) struct table table = { 0 };
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *query = NULL;
    events_location(target, &path, &query);
    CLEANUP(freep) char *full = mem_printf("%s?%s", path, query);
    if (!client_get(cli->client, full, &cli->call, &list, &err)) {
        str_addf(out, "Events: %s\n", err_message(&err));
        return;
    }
    events_fill(json_object_get(list, "items"), clock_wall_ms(), &table);
    if (table.row_count == 0) {
        str_add(out, "Events: none\n");
        return;
    }
    str_add(out, "Events:\n");
    table_print(&table, &cli->out_terminal, TABLE_WITH_HEADER, NULL, out);
}

static bool fetch(struct cli *cli, const struct target *target, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *path = target_path(target);
    return client_get(cli->client, path, &cli->call, ret, err);
}

static bool describe_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    (void)ret_exit;
    CLEANUP(targets_release) struct targets targets = { 0 };
    if (!targets_parse_records(args, cli->connection.namespace, &targets, err))
        return false;
    for (size_t i = 0; i < targets.count; i++) {
        CLEANUP(json_decrefp) json_t *object = NULL;
        CLEANUP(str_release) struct str out = STR_INIT;
        if (!fetch(cli, &targets.items[i], &object, err))
            return false;
        str_add(&out, i > 0 ? "\n\n" : "");
        print_record(&out, &targets.items[i], object, &cli->out_terminal);
        print_events(cli, &targets.items[i], &out);
        cli_print(cli, out.text);
    }
    return true;
}

const struct command describe_command = {
    .name = "describe",
    .arguments = "NAME...",
    .summary = "Shows all about a record: spec, status, conditions, what failed and its output, events.",
    .examples = "tenantctl describe acme/erp\ntenantctl describe app odoo",
    .run = describe_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
};

/* ---- why ---- */

/* Of the installation, so told to administrators alone; who may not ask gets an error, and nothing is said. */
static void print_recovery_key(struct cli *cli)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    if (!client_get(cli->client, "/recovery-key", &cli->call, &answer, NULL))
        return;
    const char *reason = json_text(answer, "reason");
    const char *message = json_text(answer, "message");
    if (reason && message)
        cli_printf(cli, "Besides, %s: %s\n", reason, message);
}

static bool why_run(struct cli *cli, const void *options, const struct strv *args, int *ret_exit, struct err *err)
{
    (void)options; /* there are none */
    CLEANUP(targets_release) struct targets targets = { 0 };
    if (!targets_parse_records(args, cli->connection.namespace, &targets, err))
        return false;
    for (size_t i = 0; i < targets.count; i++) {
        CLEANUP(json_decrefp) json_t *object = NULL;
        CLEANUP(str_release) struct str out = STR_INIT;
        if (!fetch(cli, &targets.items[i], &object, err))
            return false;
        why_print(object, clock_wall_ms(), &cli->out_terminal, &out);
        cli_print(cli, out.text);
        if (!object_is_ready(object))
            *ret_exit = EXIT_NOT;
    }
    print_recovery_key(cli);
    return true;
}

const struct command why_command = {
    .name = "why",
    .arguments = "NAME...",
    .summary =
        "Says whether a record is ready; if not, since when, what is in the way, what comes next, what you can do.",
    .details = "Exit code 0: ready; 1: not ready.",
    .examples = "tenantctl why acme/erp\ntenantctl why tenant acme",
    .run = why_run,
    .args_min = 1,
    .args_max = ARGS_ANY,
    .completes = COMPLETE_RECORDS,
    .failure_exit_min = EXIT_USAGE,
};
