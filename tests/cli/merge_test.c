/* Three-way merges, row by row. */
#include "cli/merge.h"
#include "cli/objects.h"
#include "tests/check.h"

static json_t *value_of(const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    if (!text)
        return NULL;
    assert_ok(json_parse(text, strlen(text), &value, &err), &err);
    return value;
}

static const struct {
    const char *why, *last, *wanted, *live, *patch;
} rows[] = {
    { "all the same", "{\"a\":1}", "{\"a\":1}", "{\"a\":1}", NULL },
    { "a new member", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"b\":2}" },
    { "a changed member", "{\"a\":1}", "{\"a\":2}", "{\"a\":1}", "{\"a\":2}" },
    { "changed by somebody else: the file wins", "{\"a\":1}", "{\"a\":1}", "{\"a\":5}", "{\"a\":1}" },
    { "taken out of the file", "{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{\"b\":null}" },
    { "taken out, and changed by somebody else", "{\"b\":2}", "{}", "{\"b\":3}", "{\"b\":null}" },
    { "taken out, but gone already", "{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"a\":1}", NULL },
    { "set by somebody else", "{\"a\":1}", "{\"a\":1}", "{\"a\":1,\"c\":3}", NULL },
    { "the server's defaults stay", "{\"spec\":{\"a\":1}}", "{\"spec\":{\"a\":1}}",
      "{\"spec\":{\"a\":1,\"state\":\"Running\"},\"status\":{}}", NULL },
    { "never applied before", NULL, "{\"a\":1}", "{\"a\":1,\"b\":2}", NULL },
    { "never applied before, different", NULL, "{\"a\":2}", "{\"a\":1,\"b\":2}", "{\"a\":2}" },
    { "deep", "{\"s\":{\"e\":{\"x\":\"1\",\"y\":\"2\"}}}", "{\"s\":{\"e\":{\"x\":\"1\",\"z\":\"3\"}}}",
      "{\"s\":{\"e\":{\"x\":\"0\",\"y\":\"2\",\"o\":\"9\"}}}", "{\"s\":{\"e\":{\"x\":\"1\",\"y\":null,\"z\":\"3\"}}}" },
    { "an object taken out", "{\"s\":{\"e\":{\"x\":1}}}", "{\"s\":{}}", "{\"s\":{\"e\":{\"x\":1,\"y\":2}}}",
      "{\"s\":{\"e\":null}}" },
    { "lists are replaced", "{\"l\":[1,2]}", "{\"l\":[2,3]}", "{\"l\":[1,2]}", "{\"l\":[2,3]}" },
    { "equal lists", "{\"l\":[1,2]}", "{\"l\":[1,2]}", "{\"l\":[1,2]}", NULL },
    { "an empty list is a value", "{\"l\":[1]}", "{\"l\":[]}", "{\"l\":[1]}", "{\"l\":[]}" },
    { "another type", "{\"a\":{\"b\":1}}", "{\"a\":5}", "{\"a\":{\"b\":1}}", "{\"a\":5}" },
    { "an object where text was", "{\"a\":\"x\"}", "{\"a\":{\"b\":1}}", "{\"a\":\"x\"}", "{\"a\":{\"b\":1}}" },
    { "null says nothing", "{}", "{\"a\":null}", "{}", NULL },
    { "null where there was something", "{\"a\":1}", "{\"a\":null}", "{\"a\":1}", "{\"a\":null}" },
    { "null inside something new", "{}", "{\"a\":{\"b\":null,\"c\":1}}", "{}", "{\"a\":{\"c\":1}}" },
    { "null in what is there", "{}", "{\"a\":1}", "{\"a\":null}", "{\"a\":1}" },
    { "numbers of two types", "{}", "{\"cpu\":1}", "{\"cpu\":1.0}", NULL },
    { "text is no number", "{}", "{\"v\":\"17.0\"}", "{\"v\":17.0}", "{\"v\":\"17.0\"}" },
};

static void merges(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *last = value_of(row->last);
    CLEANUP(json_decrefp) json_t *wanted = value_of(row->wanted);
    CLEANUP(json_decrefp) json_t *live = value_of(row->live);
    CLEANUP(json_decrefp) json_t *patch = merge_three_way(last, wanted, live);
    CLEANUP(freep) char *text = json_dump(patch);
    assert_string_equal(text, row->patch ? row->patch : "null");
}

/* ---- the annotation ---- */

static const char document[] =
    "{\"kind\":\"App\",\"metadata\":{\"name\":\"odoo\"},\"spec\":{\"description\":\"a <b> & c\"}}";
/* As kubectl 1.20 was seen to write it. */
static const char noted[] = "{\"kind\":\"App\",\"metadata\":{\"annotations\":{},\"name\":\"odoo\"},\"spec\":"
                            "{\"description\":\"a \\u003cb\\u003e \\u0026 c\"}}\n";

static void notes_what_kubectl_notes(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *wanted = value_of(document);
    CLEANUP(json_decrefp) json_t *body = merge_remembering(wanted);
    assert_string_equal(object_annotation(body, ANNOTATION_LAST_APPLIED), noted);
    CLEANUP(json_decrefp) json_t *last = merge_last_applied(body);
    assert_string_equal(json_text(json_object_get(last, "spec"), "description"), "a <b> & c");
}

static void applying_again_changes_nothing(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *wanted = value_of(document);
    CLEANUP(json_decrefp) json_t *live = merge_remembering(wanted);
    json_put_text(json_object_get(live, "spec"), "defaulted", "yes");
    assert_null(merge_apply(wanted, live));
    /* Noted in another order, and with blanks: still the same. */
    json_put_text(json_at(live, "metadata", "annotations", NULL), ANNOTATION_LAST_APPLIED,
                  "{ \"spec\": {\"description\":\"a <b> & c\"}, \"metadata\":{\"name\":\"odoo\", "
                  "\"creationTimestamp\":null}, \"kind\":\"App\"}");
    assert_null(merge_apply(wanted, live));
}

static void a_change_is_noted(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *before = value_of("{\"metadata\":{\"name\":\"x\"},\"spec\":{\"a\":1,\"b\":2}}");
    CLEANUP(json_decrefp)
    json_t *after = value_of("{\"metadata\":{\"name\":\"x\",\"annotations\":{\"note\":\"hi\"}},\"spec\":{\"a\":1}}");
    CLEANUP(json_decrefp) json_t *live = merge_remembering(before);
    CLEANUP(json_decrefp) json_t *patch = merge_apply(after, live);
    assert_non_null(patch);
    assert_true(json_is_null(json_at(patch, "spec", "b", NULL)));
    assert_string_equal(object_annotation(patch, "note"), "hi");
    const char *note = object_annotation(patch, ANNOTATION_LAST_APPLIED);
    assert_non_null(note);
    assert_string_equal(note, "{\"metadata\":{\"annotations\":{\"note\":\"hi\"},\"name\":\"x\"},\"spec\":{\"a\":1}}\n");
}

static void what_was_never_applied_is_noted(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *wanted = value_of("{\"metadata\":{\"name\":\"x\"},\"spec\":{\"a\":1}}");
    CLEANUP(json_decrefp) json_t *live = value_of("{\"metadata\":{\"name\":\"x\"},\"spec\":{\"a\":1,\"b\":2}}");
    CLEANUP(json_decrefp) json_t *patch = merge_apply(wanted, live);
    assert_non_null(object_annotation(patch, ANNOTATION_LAST_APPLIED));
    assert_null(json_object_get(patch, "spec"));
}

static void a_broken_note_counts_as_none(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *live = value_of("{\"metadata\":{\"annotations\":{\"" ANNOTATION_LAST_APPLIED "\":\"{broken\"}}}");
    assert_null(merge_last_applied(live));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, merges, rows);
    CHECK_TEST(&list, notes_what_kubectl_notes);
    CHECK_TEST(&list, applying_again_changes_nothing);
    CHECK_TEST(&list, a_change_is_noted);
    CHECK_TEST(&list, what_was_never_applied_is_noted);
    CHECK_TEST(&list, a_broken_note_counts_as_none);
    return check_run("cli/merge", &list);
}
