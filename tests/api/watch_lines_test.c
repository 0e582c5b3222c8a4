/* api/watch_lines.c: what each change is to a watch that sees a part. */
#include "api/watch_lines.h"
#include "tests/check.h"

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = ERR_INIT;
    assert_ok(json_parse(text, strlen(text), &value, &err), &err);
    return value;
}

/* An instance acme/<name> with label a=<label> (NULL: none). */
static json_t *instance(const char *namespace, const char *name, const char *label, int64_t version)
{
    CLEANUP(freep) char *text = mem_printf("%lld", (long long)version);
    json_t *object = json_object();
    json_t *metadata = json_object();
    json_put_text(object, "apiVersion", API_VERSION);
    json_put_text(object, "kind", "Instance");
    json_put_text(metadata, "name", name);
    json_put_text(metadata, "namespace", namespace);
    json_put_text(metadata, "resourceVersion", text);
    if (label)
        json_put(metadata, "labels", json_pack("{s:s}", "a", label));
    json_put(object, "metadata", metadata);
    return object;
}

struct step {
    enum change_type type;
    const char *name, *label;
    const char *told; /* "ADDED"; "": nothing */
};

/* A watch of acme's instances with a=b, from version 10 on; at version 12 it listed "in". */
static const struct {
    const char *why;
    struct step steps[5];
} rows[] = {
    { "one that matched goes on matching", { { CHANGE_MODIFIED, "in", "b", "MODIFIED" } } },
    { "one that matched stops", { { CHANGE_MODIFIED, "in", "c", "DELETED" }, { CHANGE_MODIFIED, "in", "d", "" } } },
    { "and begins again",
      { { CHANGE_MODIFIED, "in", "c", "DELETED" },
        { CHANGE_MODIFIED, "in", "b", "ADDED" },
        { CHANGE_MODIFIED, "in", "b", "MODIFIED" } } },
    { "one that matched is deleted",
      { { CHANGE_DELETED, "in", "b", "DELETED" }, { CHANGE_ADDED, "in", "b", "ADDED" } } },
    { "one that matched is deleted, no longer matching", { { CHANGE_DELETED, "in", "c", "DELETED" } } },
    { "a new one that matches", { { CHANGE_ADDED, "new", "b", "ADDED" }, { CHANGE_DELETED, "new", "b", "DELETED" } } },
    { "a new one that does not",
      { { CHANGE_ADDED, "new", "c", "" }, { CHANGE_MODIFIED, "new", NULL, "" }, { CHANGE_DELETED, "new", "c", "" } } },
    { "an old one begins", { { CHANGE_MODIFIED, "out", "b", "ADDED" }, { CHANGE_DELETED, "out", "b", "DELETED" } } },
};

static void lines_make(struct watch_lines *lines, const char *selector)
{
    struct err err = ERR_INIT;
    *lines = (struct watch_lines){ .scope = { .view = view_of_kind(&kinds[KIND_INSTANCE]),
                                              .namespace = mem_strdup("acme"),
                                              .identity = { .user = "admin", .role = ROLE_ADMIN } } };
    assert_ok(selector_parse(selector, NULL, lines->scope.view.field_labels, &lines->scope.selector, &err), &err);
    CLEANUP(listing_release) struct listing listing = { .objects = json_array(), .version = 12 };
    json_push(listing.objects, instance("acme", "in", "b", 9));
    watch_lines_start(lines, &listing);
}

/* The type of the line that came; "" for none. Owned. */
static char *feed_one(struct watch_lines *lines, int64_t version, const char *namespace, const struct step *step)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    struct change change = {
        .version = version, .type = step->type, .key = { .kind = KIND_INSTANCE }, .references = 1
    };
    change.object = instance(namespace, step->name, step->label, version);
    change.object_text = json_dump(change.object);
    watch_lines_add_change(lines, &change, &out);
    json_decref(change.object);
    free(change.object_text);
    if (out.len == 0)
        return mem_strdup("");
    assert_int_equal(out.text[out.len - 1], '\n');
    CLEANUP(json_decrefp) json_t *line = parse(out.text);
    return mem_strdup(json_text(line, "type"));
}

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct watch_lines lines;
    lines_make(&lines, "a=b");
    for (size_t i = 0; i < ARRAY_LEN(row->steps) && row->steps[i].name; i++) {
        CLEANUP(freep) char *told = feed_one(&lines, 13 + (int64_t)i, "acme", &row->steps[i]);
        assert_string_equal(told, row->steps[i].told);
    }
    watch_lines_release(&lines);
}

/* Between the watch's version (10) and its list (12) nobody knows what had matched. */
static const struct {
    const char *why;
    struct step step;
} early[] = {
    { "early: in the list", { CHANGE_MODIFIED, "in", "b", "MODIFIED" } },
    { "early: matches", { CHANGE_MODIFIED, "out", "b", "MODIFIED" } },
    { "early: does not match, but may have", { CHANGE_MODIFIED, "out", "c", "DELETED" } },
    { "early: new", { CHANGE_ADDED, "new", "b", "ADDED" } },
    { "early: new, does not match", { CHANGE_ADDED, "new", "c", "" } },
};

static void test_early(void **state)
{
    const __typeof__(early[0]) *row = *state;
    struct watch_lines lines;
    lines_make(&lines, "a=b");
    CLEANUP(freep) char *told = feed_one(&lines, 11, "acme", &row->step);
    assert_string_equal(told, row->step.told);
    watch_lines_release(&lines);
}

static void test_without_a_selector(void **state)
{
    (void)state;
    struct watch_lines lines;
    lines_make(&lines, NULL);
    assert_null(lines.matching); /* nothing to remember */
    const struct step steps[] = { { CHANGE_ADDED, "x", NULL, "ADDED" }, { CHANGE_DELETED, "x", NULL, "DELETED" } };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        CLEANUP(freep) char *told = feed_one(&lines, 20, "acme", &steps[i]);
        assert_string_equal(told, steps[i].told);
        CLEANUP(freep) char *foreign = feed_one(&lines, 21, "other", &steps[i]);
        assert_string_equal(foreign, "");
    }
    watch_lines_release(&lines);
}

static void test_member_sees_the_own_only(void **state)
{
    (void)state;
    struct watch_lines lines;
    lines_make(&lines, NULL);
    free(lines.scope.namespace);
    lines.scope.namespace = NULL;
    lines.scope.identity = (struct identity){ .user = "jo", .role = ROLE_MEMBER, .tenants = { "acme" } };
    const struct step step = { CHANGE_ADDED, "x", NULL, "" };
    CLEANUP(freep) char *own = feed_one(&lines, 20, "acme", &step);
    CLEANUP(freep) char *foreign = feed_one(&lines, 21, "other", &step);
    assert_string_equal(own, "ADDED");
    assert_string_equal(foreign, "");
    watch_lines_release(&lines);
}

static void test_other_kinds(void **state)
{
    (void)state;
    struct watch_lines lines;
    CLEANUP(str_release) struct str out = STR_INIT;
    lines_make(&lines, NULL);
    struct change change = {
        .version = 20, .key = { .kind = KIND_TENANT }, .object = json_object(), .object_text = NULL
    };
    watch_lines_add_change(&lines, &change, &out);
    change.key.kind = KIND_INSTANCE;
    change.is_event = true;
    watch_lines_add_change(&lines, &change, &out);
    assert_int_equal(out.len, 0);
    json_decref(change.object);
    watch_lines_release(&lines);
}

static void test_tables_name_columns_once(void **state)
{
    (void)state;
    struct watch_lines lines;
    lines_make(&lines, NULL);
    lines.as_table = true;
    for (int i = 0; i < 2; i++) {
        CLEANUP(str_release) struct str out = STR_INIT;
        CLEANUP(json_decrefp) json_t *object = instance("acme", "x", NULL, 20);
        watch_lines_add_existing(&lines, object, &out);
        CLEANUP(json_decrefp) json_t *line = parse(out.text);
        const json_t *table = json_object_get(line, "object");
        assert_string_equal(json_text(table, "kind"), "Table");
        assert_int_equal(json_array_size(json_object_get(table, "rows")), 1);
        assert_int_equal(json_array_size(json_object_get(table, "columnDefinitions")) > 0, i == 0);
    }
    watch_lines_release(&lines);
}

static void test_bookmark_and_expiry(void **state)
{
    (void)state;
    struct watch_lines lines;
    CLEANUP(str_release) struct str out = STR_INIT;
    lines_make(&lines, NULL);
    watch_lines_add_bookmark(&lines, 130, false, &out);
    assert_string_equal(out.text,
                        "{\"type\":\"BOOKMARK\",\"object\":{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\","
                        "\"metadata\":{\"resourceVersion\":\"130\"}}}\n");
    str_clear(&out);
    watch_lines_add_bookmark(&lines, 130, true, &out);
    assert_contains(out.text, "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
    str_clear(&out);
    watch_lines_add_expired(5, 117, &out);
    CLEANUP(json_decrefp) json_t *line = parse(out.text);
    const json_t *status = json_object_get(line, "object");
    assert_string_equal(json_text(line, "type"), "ERROR");
    assert_string_equal(json_text(status, "reason"), "Expired");
    assert_string_equal(json_text(status, "message"), "too old resource version: 5 (117)");
    assert_int_equal(json_int(status, "code", 0), 410);
    watch_lines_release(&lines);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_ROWS(&list, test_early, early);
    CHECK_TEST(&list, test_without_a_selector);
    CHECK_TEST(&list, test_member_sees_the_own_only);
    CHECK_TEST(&list, test_other_kinds);
    CHECK_TEST(&list, test_tables_name_columns_once);
    CHECK_TEST(&list, test_bookmark_and_expiry);
    return check_run("watch_lines", &list);
}
