/* api/patch.c: the examples of RFC 7386 (appendix A) and RFC 6902 (appendix A), and what an attacker would send. */
#include "api/patch.h"
#include "tests/check.h"

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = ERR_INIT;
    assert_ok(json_parse(text, strlen(text), &value, &err), &err);
    return value;
}

static void assert_json(const json_t *value, const char *expected)
{
    CLEANUP(json_decrefp) json_t *wanted = parse(expected);
    CLEANUP(freep) char *text = json_dump(value);
    CLEANUP(freep) char *wanted_text = json_dump(wanted);
    assert_string_equal(text, wanted_text);
}

static const struct {
    const char *why;
    const char *target, *patch, *result;
} merges[] = {
    { "a value is replaced", "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "a member is added", "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
    { "null removes", "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
    { "null removes one of two", "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
    { "a list becomes a value", "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "a value becomes a list", "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
    { "objects are merged", "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
    { "lists are replaced whole", "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
    { "a list by a list", "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
    { "an object by a list", "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
    { "an object by null", "{\"a\":\"foo\"}", "null", "null" },
    { "an object by text", "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
    { "a null that was there stays", "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
    { "a list by an object", "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
    { "nulls of new objects fall away", "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
};

static void test_merge(void **state)
{
    const __typeof__(merges[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *target = parse(row->target);
    CLEANUP(json_decrefp) json_t *patch = parse(row->patch);
    CLEANUP(json_decrefp) json_t *result = patch_merge(target, patch);
    assert_json(result, row->result);
    assert_json(target, row->target);
}

static const struct {
    const char *why;
    const char *document, *patch;
    const char *result; /* NULL: refused with `code` */
    enum err_code code;
} operations[] = {
    { "A.1 add a member", "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
      "{\"baz\":\"qux\",\"foo\":\"bar\"}" },
    { "A.2 add to a list", "{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
      "{\"foo\":[\"bar\",\"qux\",\"baz\"]}" },
    { "A.3 remove a member", "{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]",
      "{\"foo\":\"bar\"}" },
    { "A.4 remove from a list", "{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]",
      "{\"foo\":[\"bar\",\"baz\"]}" },
    { "A.5 replace", "{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
      "{\"baz\":\"boo\",\"foo\":\"bar\"}" },
    { "A.6 move a member", "{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
      "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
      "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}" },
    { "A.7 move within a list", "{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
      "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]", "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}" },
    { "A.8 test that succeeds", "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
      "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
      "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}" },
    { "A.9 test that fails", "{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL,
      ERR_INVALID },
    { "A.10 add a nested object", "{\"foo\":\"bar\"}",
      "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]",
      "{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}" },
    { "A.11 unknown members say nothing", "{\"foo\":\"bar\"}",
      "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]", "{\"foo\":\"bar\",\"baz\":\"qux\"}" },
    { "A.12 add where there is no parent", "{\"foo\":\"bar\"}",
      "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", NULL, ERR_INVALID },
    { "A.14 ~ escapes", "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
      "{\"/\":9,\"~1\":10}" },
    { "A.15 text is not a number", "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]",
      NULL, ERR_INVALID },
    { "A.16 add a list to a list", "{\"foo\":[\"bar\"]}",
      "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]", "{\"foo\":[\"bar\",[\"abc\",\"def\"]]}" },
    { "numbers are compared as numbers", "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]",
      "{\"a\":1}" },
    { "copy", "{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]",
      "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
    { "a copy is one of its own", "{\"a\":{\"b\":1}}",
      "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"},{\"op\":\"replace\",\"path\":\"/c/b\",\"value\":2}]",
      "{\"a\":{\"b\":1},\"c\":{\"b\":2}}" },
    { "the whole document", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}" },
    { "an empty key", "{\"\":1}", "[{\"op\":\"replace\",\"path\":\"/\",\"value\":2}]", "{\"\":2}" },
    { "no operations", "{\"a\":1}", "[]", "{\"a\":1}" },
    { "all or nothing", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"remove\",\"path\":\"/a\"}]", NULL,
      ERR_INVALID },
    { "remove what is not there", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", NULL, ERR_INVALID },
    { "replace what is not there", "{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", NULL, ERR_INVALID },
    { "an index beyond the end", "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":1}]", NULL, ERR_INVALID },
    { "the place behind the end is no value", "{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL,
      ERR_INVALID },
    { "a leading zero", "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/01\"}]", NULL, ERR_INVALID },
    { "a sign", "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/+1\"}]", NULL, ERR_INVALID },
    { "into a number", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", NULL, ERR_INVALID },
    { "into itself", "{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b/c\"}]", NULL,
      ERR_INVALID },
    { "no pointer", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"a\"}]", NULL, ERR_BAD_REQUEST },
    { "a bare ~", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/~2\"}]", NULL, ERR_BAD_REQUEST },
    { "no path", "{\"a\":1}", "[{\"op\":\"remove\"}]", NULL, ERR_BAD_REQUEST },
    { "no value", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL, ERR_BAD_REQUEST },
    { "no from", "{\"a\":1}", "[{\"op\":\"copy\",\"path\":\"/a\"}]", NULL, ERR_BAD_REQUEST },
    { "an unknown operation", "{\"a\":1}", "[{\"op\":\"eat\",\"path\":\"/a\"}]", NULL, ERR_BAD_REQUEST },
    { "an operation that is no object", "{}", "[1]", NULL, ERR_BAD_REQUEST },
    { "no list", "{}", "{}", NULL, ERR_BAD_REQUEST },
};

static void test_operations(void **state)
{
    const __typeof__(operations[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *document = parse(row->document);
    CLEANUP(json_decrefp) json_t *patch = parse(row->patch);
    CLEANUP(json_decrefp) json_t *result = NULL;
    struct err err = ERR_INIT;
    if (row->result) {
        assert_ok(patch_json(document, patch, &result, &err), &err);
        assert_json(result, row->result);
    } else {
        assert_fails(patch_json(document, patch, &result, &err), &err, row->code);
        assert_null(result);
    }
    assert_json(document, row->document);
}

static void test_doubling_is_limited(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *document = parse("{\"a\":{\"x\":\"0123456789\"}}");
    CLEANUP(json_decrefp) json_t *patch = json_array();
    CLEANUP(json_decrefp) json_t *result = NULL;
    struct err err = ERR_INIT;
    for (int i = 0; i < 60; i++) {
        CLEANUP(freep) char *path = mem_printf("/a/c%d", i);
        json_push(patch, json_pack("{s:s,s:s,s:s}", "op", "copy", "from", "/a", "path", path));
    }
    assert_fails(patch_json(document, patch, &result, &err), &err, ERR_BAD_REQUEST);
}

/* Objects in objects, as many as `levels`. */
static json_t *chain_of(size_t levels)
{
    json_t *chain = json_object();
    for (size_t i = 1; i < levels; i++)
        chain = json_pack("{s:o}", "a", chain);
    return chain;
}

/* Each copy of a chain into its own deepest place doubles it: twenty would be more than a thread's stack can walk. */
static void test_doubled_depth_is_limited(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *document = chain_of(2);
    CLEANUP(json_decrefp) json_t *patch = json_array();
    CLEANUP(json_decrefp) json_t *result = NULL;
    CLEANUP(str_release) struct str deepest = STR_INIT;
    struct err err = ERR_INIT;
    str_add(&deepest, "/a");
    for (int i = 0; i < 20; i++) {
        CLEANUP(freep) char *path = mem_printf("%s/a", deepest.text);
        CLEANUP(freep) char *twice = mem_strdup(deepest.text);
        json_push(patch, json_pack("{s:s,s:s,s:s}", "op", "copy", "from", "/a", "path", path));
        str_add(&deepest, twice);
    }
    assert_fails(patch_json(document, patch, &result, &err), &err, ERR_BAD_REQUEST);
    assert_null(result);
}

static const struct {
    const char *why;
    const char *operation; /* puts a value, which /v is, too, into the innermost of ten objects */
    size_t levels;         /* of that value */
    bool is_fine;
} depths[] = {
    { "a copy", "{\"op\":\"copy\",\"from\":\"/v\"}", 90, true },
    { "a copy that is too deep", "{\"op\":\"copy\",\"from\":\"/v\"}", 91, false },
    { "a move", "{\"op\":\"move\",\"from\":\"/v\"}", 90, true },
    { "a move that is too deep", "{\"op\":\"move\",\"from\":\"/v\"}", 91, false },
    { "an addition", "{\"op\":\"add\"}", 90, true },
    { "an addition that is too deep", "{\"op\":\"add\"}", 91, false },
};

static void test_depth_is_limited(void **state)
{
    const __typeof__(depths[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *document = chain_of(10);
    CLEANUP(json_decrefp) json_t *operation = parse(row->operation);
    CLEANUP(json_decrefp) json_t *patch = json_pack("[O]", operation);
    CLEANUP(json_decrefp) json_t *result = NULL;
    struct err err = ERR_INIT;
    json_put(document, "v", chain_of(row->levels));
    json_put(operation, "value", chain_of(row->levels));
    json_put_text(operation, "path", "/a/a/a/a/a/a/a/a/a/b");
    if (row->is_fine)
        assert_ok(patch_json(document, patch, &result, &err), &err);
    else
        assert_fails(patch_json(document, patch, &result, &err), &err, ERR_BAD_REQUEST);
}

static void test_many_operations(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *document = parse("{}");
    CLEANUP(json_decrefp) json_t *patch = json_array();
    CLEANUP(json_decrefp) json_t *result = NULL;
    struct err err = ERR_INIT;
    for (int i = 0; i < 1000; i++)
        json_push(patch, json_pack("{s:s,s:s,s:i}", "op", "add", "path", "/a", "value", i));
    assert_ok(patch_json(document, patch, &result, &err), &err);
    json_push(patch, json_pack("{s:s,s:s,s:i}", "op", "add", "path", "/a", "value", 0));
    assert_fails(patch_json(document, patch, &result, &err), &err, ERR_BAD_REQUEST);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_merge, merges);
    CHECK_ROWS(&list, test_operations, operations);
    CHECK_TEST(&list, test_doubling_is_limited);
    CHECK_TEST(&list, test_doubled_depth_is_limited);
    CHECK_ROWS(&list, test_depth_is_limited, depths);
    CHECK_TEST(&list, test_many_operations);
    return check_run("patch", &list);
}
