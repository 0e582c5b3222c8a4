/* What differs, member by member. */
#include "cli/difference.h"
#include "tests/check.h"

static const struct {
    const char *why, *before, *after, *lines;
} rows[] = {
    { "the same", "{\"a\":1}", "{\"a\":1}", "" },
    { "added", "{}", "{\"a\":1}", "+spec.a 1" },
    { "removed", "{\"a\":1}", "{}", "-spec.a 1" },
    { "changed", "{\"a\":\"x\"}", "{\"a\":\"y\"}", "~spec.a \"x\">\"y\"" },
    { "null is absent", "{\"a\":null}", "{}", "" },
    { "sorted, deep", "{\"b\":{\"y\":1,\"x\":1},\"a\":1}", "{\"b\":{\"y\":2,\"x\":2},\"a\":2}",
      "~spec.a 1>2 ~spec.b.x 1>2 ~spec.b.y 1>2" },
    { "a new object is entered", "{}", "{\"e\":{\"A\":\"1\"}}", "+spec.e.A \"1\"" },
    { "an empty object is a value", "{}", "{\"e\":{}}", "+spec.e {}" },
    { "lists of values as a whole", "{\"l\":[1,2]}", "{\"l\":[1,3]}", "~spec.l [1,2]>[1,3]" },
    { "lists of objects one by one", "{\"l\":[{\"n\":1},{\"n\":2}]}", "{\"l\":[{\"n\":1},{\"n\":3}]}",
      "~spec.l[1].n 2>3" },
    { "lists of another length as a whole", "{\"l\":[{\"n\":1}]}", "{\"l\":[]}", "~spec.l [{\"n\":1}]>[]" },
    { "another type", "{\"a\":{\"b\":1}}", "{\"a\":1}", "~spec.a {\"b\":1}>1" },
};

static json_t *value_of(const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_ok(json_parse(text, strlen(text), &value, &err), &err);
    return value;
}

static void tells(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    static const char signs[] = { '+', '-', '~' };
    CLEANUP(json_decrefp) json_t *before = value_of(row->before);
    CLEANUP(json_decrefp) json_t *after = value_of(row->after);
    CLEANUP(differences_release) struct differences differences = { 0 };
    CLEANUP(str_release) struct str lines = STR_INIT;
    differences_add(&differences, "spec", before, after);
    for (size_t i = 0; i < differences.count; i++) {
        const struct difference *item = &differences.items[i];
        str_addf(&lines, "%s%c%s %s%s%s", i > 0 ? " " : "", signs[item->kind], item->path,
                 item->before ? item->before : "", item->kind == DIFFERENCE_CHANGED ? ">" : "",
                 item->after ? item->after : "");
    }
    assert_string_equal(lines.text, row->lines);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, tells, rows);
    return check_run("cli/difference", &list);
}
