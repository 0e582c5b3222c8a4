#include "api/apply.h"
#include "tests/check.h"

/* Documents and managedFields in short: {"spec": ...}; entries as "manager: spec". */
static const struct {
    const char *why, *live, *managed, *manager, *config;
    bool force;
    const char *document;  /* NULL: a conflict */
    const char *conflicts; /* "manager path;" each */
    const char *held;      /* what the manager holds then */
} rows[] = {
    { "something new", "{}", "[]", "a", "{'spec':{'size':1}}", false, "{'spec':{'size':1}}", "",
      "{'f:spec':{'f:size':{}}}" },
    { "nobody's value is taken over", "{'spec':{'size':1}}", "[]", "a", "{'spec':{'size':2}}", false,
      "{'spec':{'size':2}}", "", "{'f:spec':{'f:size':{}}}" },
    { "another's value", "{'spec':{'size':1}}", "[{'manager':'b','fieldsV1':{'f:spec':{'f:size':{}}}}]", "a",
      "{'spec':{'size':2}}", false, NULL, "b .spec.size;", NULL },
    { "the same value is shared", "{'spec':{'size':1}}", "[{'manager':'b','fieldsV1':{'f:spec':{'f:size':{}}}}]", "a",
      "{'spec':{'size':1}}", false, "{'spec':{'size':1}}", "", "{'f:spec':{'f:size':{}}}" },
    { "force takes it", "{'spec':{'size':1}}", "[{'manager':'b','fieldsV1':{'f:spec':{'f:size':{}}}}]", "a",
      "{'spec':{'size':2}}", true, "{'spec':{'size':2}}", "", "{'f:spec':{'f:size':{}}}" },
    { "what is no longer sent goes", "{'spec':{'size':1,'keep':2}}",
      "[{'manager':'a','fieldsV1':{'f:spec':{'f:size':{},'f:keep':{}}}}]", "a", "{'spec':{'keep':2}}", false,
      "{'spec':{'keep':2}}", "", "{'f:spec':{'f:keep':{}}}" },
    { "but not what another holds, too", "{'spec':{'size':1}}",
      "[{'manager':'a','fieldsV1':{'f:spec':{'f:size':{}}}},{'manager':'b','fieldsV1':{'f:spec':{'f:size':{}}}}]", "a",
      "{'spec':{}}", false, "{'spec':{'size':1}}", "", NULL },
    { "maps are entered, lists are not", "{'spec':{'env':{'A':'1'},'list':[1]}}",
      "[{'manager':'b','fieldsV1':{'f:spec':{'f:env':{'f:A':{}},'f:list':{}}}}]", "a",
      "{'spec':{'env':{'B':'2'},'list':[1,2]}}", false, NULL, "b .spec.list;", NULL },
    { "keys with dots", "{'metadata':{'labels':{'x.y/z':'1'}}}",
      "[{'manager':'b','fieldsV1':{'f:metadata':{'f:labels':{'f:x.y/z':{}}}}}]", "a",
      "{'metadata':{'labels':{'x.y/z':'2'}}}", true, "{'metadata':{'labels':{'x.y/z':'2'}}}", "",
      "{'f:metadata':{'f:labels':{'f:x.y/z':{}}}}" },
    { "a control character in a key is no step inwards", "{}", "[]", "a", "{'spec':{'x\\u001fy':1}}", false,
      "{'spec':{'x\\u001fy':1}}", "", "{'f:spec':{'f:x\\u001fy':{}}}" },
    { "names and kinds are nobody's", "{}", "[]", "a", "{'kind':'X','metadata':{'name':'n'},'spec':{'a':1}}", false,
      "{'spec':{'a':1}}", "", "{'f:spec':{'f:a':{}}}" },
};

static json_t *parse(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    free(copy);
    return value;
}

static const json_t *entry_of(const json_t *managed, const char *manager)
{
    for (size_t i = 0; i < json_array_size(managed); i++)
        if (str_equal(json_text(json_array_get(managed, i), "manager"), manager))
            return json_array_get(managed, i);
    return NULL;
}

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *live = parse(row->live);
    CLEANUP(json_decrefp) json_t *managed = parse(row->managed);
    CLEANUP(json_decrefp) json_t *config = parse(row->config);
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(json_decrefp) json_t *next = NULL;
    CLEANUP(apply_conflicts_release) struct apply_conflicts conflicts = { 0 };
    CLEANUP(str_release) struct str seen = STR_INIT;
    const struct apply_wish wish = { row->manager, config, row->force, "2026-01-01T00:00:00Z" };
    assert_int_equal(apply_merge(live, managed, &wish, &document, &next, &conflicts), row->document != NULL);
    for (size_t i = 0; i < conflicts.count; i++)
        str_addf(&seen, "%s %s;", conflicts.items[i].manager, conflicts.items[i].path);
    assert_string_equal(seen.text, row->conflicts);
    if (!row->document)
        return;
    CLEANUP(json_decrefp) json_t *wanted = parse(row->document);
    assert_true(json_equal(document, wanted));
    const json_t *entry = entry_of(next, row->manager);
    CLEANUP(json_decrefp) json_t *held = row->held ? parse(row->held) : NULL;
    assert_true(held ? json_equal(json_object_get(entry, "fieldsV1"), held) : entry == NULL);
    if (row->force) /* who lost all of it has no entry any more */
        assert_null(entry_of(next, "b"));
    /* Once more: nothing moves, not even a time. */
    CLEANUP(json_decrefp) json_t *same = NULL;
    CLEANUP(json_decrefp) json_t *kept = NULL;
    const struct apply_wish later = { row->manager, config, row->force, "2027-01-01T00:00:00Z" };
    assert_true(apply_merge(document, next, &later, &same, &kept, &conflicts));
    assert_true(json_equal(same, document) && json_equal(kept, next));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    return check_run("api/apply", &list);
}
