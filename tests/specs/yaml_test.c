#include "specs/yaml.h"
#include "tests/specs/documents.h"

/* The same value as JSON; yaml_parse() itself would read JSON by another way than YAML. */
static const struct good_row {
    const char *why;
    const char *yaml;
    const char *json;
} good_rows[] = {
    { "a map", "a: 1\nb: two\n", "{\"a\":1,\"b\":\"two\"}" },
    { "a list", "- 1\n- [a, b]\n", "[1,[\"a\",\"b\"]]" },
    { "flow", "{a: {b: [1, 2]}}", "{\"a\":{\"b\":[1,2]}}" },
    { "booleans", "[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]" },
    { "yes and no are text", "[yes, no, on, off, y, n]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\"]" },
    { "nulls", "[~, null, Null, NULL, ]", "[null,null,null,null]" },
    { "an empty value is null", "a:\nb: 1\n", "{\"a\":null,\"b\":1}" },
    { "integers", "[0, -1, +2, 007, 0x1F, 0o17]", "[0,-1,2,7,31,15]" },
    { "the largest integers", "[9223372036854775807, -9223372036854775808]",
      "[9223372036854775807,-9223372036854775808]" },
    { "floats", "[1.5, .5, 2., 1e3, -2.5E-1]", "[1.5,0.5,2.0,1000.0,-0.25]" },
    { "quoted is text", "['1', \"true\", '', \"~\"]", "[\"1\",\"true\",\"\",\"~\"]" },
    { "versions, times, addresses are text", "[17.0.1, 12:30:00, 10.0.0.1, 2026-01-01, 1_000, 0b1]",
      "[\"17.0.1\",\"12:30:00\",\"10.0.0.1\",\"2026-01-01\",\"1_000\",\"0b1\"]" },
    { "keys are text", "{1: a, true: b, ~: c}", "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\"}" },
    { "an empty key", "\"\": 1", "{\"\":1}" },
    { "literal text", "a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}" },
    { "folded text", "a: >-\n  one\n  two\n", "{\"a\":\"one two\"}" },
    { "core tags", "[!!str 17, !!int \"17\", !!float 1, !!bool \"true\", !!null \"\", !!seq [], !!map {}]",
      "[\"17\",17,1.0,true,null,[],{}]" },
    { "the non-specific tag is text", "! 17", "\"17\"" },
    { "an alias", "a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
    { "an alias of a text", "[&x hello, *x]", "[\"hello\",\"hello\"]" },
    { "an anchor given twice", "[&x 1, *x, &x 2, *x]", "[1,1,2,2]" },
    { "a quoted << is a key", "{\"<<\": 1}", "{\"<<\":1}" },
    { "comments", "# one\na: 1 # two\n", "{\"a\":1}" },
    { "a byte order mark",
      "\xEF\xBB\xBF"
      "a: 1",
      "{\"a\":1}" },
    { "not only ASCII", "a: Käse ☃ 😀", "{\"a\":\"Käse ☃ 😀\"}" },
    { "YAML's escapes", "a: \"\\x41\\u00e4\\U0001F600\"", "{\"a\":\"Aä😀\"}" },
    { "line ends of Windows", "a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}" },
    { "JSON", " {\"a\": [1, null, true, \"x\\u00e4\"]} ", "{\"a\":[1,null,true,\"xä\"]}" },
    { "JSON with surrogates and escaped slashes", "{\"a\": \"\\ud83d\\ude00\\/\"}", "{\"a\":\"😀/\"}" },
    { "a document marker", "---\na: 1\n...\n", "{\"a\":1}" },
    { "a %YAML line", "%YAML 1.2\n---\na: 1\n", "{\"a\":1}" },
};

static void reads(void **state)
{
    const struct good_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    json_error_t json_error;
    CLEANUP(json_decrefp) json_t *wanted = json_loads(row->json, JSON_DECODE_ANY, &json_error);
    assert_non_null(wanted);
    assert_ok(yaml_parse_one(row->yaml, strlen(row->yaml), &value, &err), &err);
    CLEANUP(freep) char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!json_equal(value, wanted))
        fail_msg("%s instead of %s", shown, row->json);
}

static const struct bad_row {
    const char *why;
    const char *yaml;
    const char *problem;
    size_t len; /* 0: strlen */
} bad_rows[] = {
    { "not closed", "a: 1\nb: [1, 2\n", "line 3, column 1: did not find expected ',' or ']'", 0 },
    { "a tab as indentation", "a:\n\tb: 1\n", "line 2, column 1: ", 0 },
    { "wrong indentation", "a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed in this context", 0 },
    { "JSON that does not end", "{\"a\": 1", "did not find expected ',' or '}'", 0 },
    { "a key twice", "a: 1\nb: 2\na: 3\n", "line 3, column 1: key \"a\" appears twice", 0 },
    { "a key twice, deeper", "x:\n  - {k: 1, k: 2}\n", "line 2, column 12: key \"k\" appears twice", 0 },
    { "a key twice in JSON", "{\"a\": 1, \"a\": 2}", "line 1, column 10: key \"a\" appears twice", 0 },
    { "a merge key", "a: &x {b: 1}\nc:\n  <<: *x\n",
      "line 3, column 3: merge keys (<<) are not supported; write the fields out", 0 },
    { "an unknown alias", "a: *x\n", "line 1, column 4: alias \"x\" has no complete anchor before it", 0 },
    { "an alias to itself", "a: &x [*x]\n", "alias \"x\" has no complete anchor before it", 0 },
    { "an alias over documents", "&x a\n---\n*x\n", "alias \"x\" has no complete anchor before it", 0 },
    { "an alias as a key", "a: &x b\n*x : 1\n", "an alias as a key is not supported", 0 },
    { "a list as a key", "? [a]\n: 1\n", "line 1, column 3: a key must be text", 0 },
    { "a map as a key", "{{a: 1}: 2}", "a key must be text", 0 },
    { "another tag", "a: !python/object x\n", "line 1, column 4: tag \"!python/object\" is not supported", 0 },
    { "a tag on a list", "!set {a, b}", "tag \"!set\" is not supported here", 0 },
    { "binary", "!!binary aGk=", "is not supported", 0 },
    { "a tag that does not fit", "!!int abc", "\"abc\" does not fit the tag", 0 },
    { "a large integer", "a: 99999999999999999999\n", "the number \"99999999999999999999\" is too large", 0 },
    { "a large hexadecimal", "0xFFFFFFFFFFFFFFFFF", "too large", 0 },
    { "a large float", "1e999", "too large", 0 },
    { "not a number", "a: .nan\n", "\".nan\" is not a number that can be kept; put it in quotes", 0 },
    { "infinite", "[-.inf]", "is not a number that can be kept", 0 },
    { "a NUL byte", "a: 1\nb\0: 2\n", "line 2, column 2: NUL characters are not allowed", 10 },
    { "an escaped NUL", "a: \"x\\0y\"\n", "line 1, column 4: NUL characters are not allowed", 0 },
    { "an escaped NUL in a key", "{\"a\\0\": 1}", "NUL characters are not allowed", 0 },
    { "an escaped NUL in JSON", "{\"a\": \"\\u0000\"}", "NUL", 0 },
    { "not UTF-8", "a: ok\nb: caf\xE9\n", "line 2, column 7: this is not UTF-8", 0 },
    { "cut UTF-8", "a: \xE2\x98", "line 1, column 4: this is not UTF-8", 0 },
    { "a surrogate", "a: \xED\xA0\x80", "this is not UTF-8", 0 },
    { "overlong", "a: \xC0\xAF", "this is not UTF-8", 0 },
    { "UTF-16",
      "\xFF\xFE"
      "a",
      "line 1, column 1: this is not UTF-8", 0 },
    { "a control character", "a: x\x01y\n", "line 1, column 5: control characters are not allowed", 0 },
    { "two documents", "a: 1\n---\nb: 2\n", "line 2: a second document; one is expected", 0 },
    { "no document", "# only a comment\n", "there is no document", 0 },
    { "nothing", "", "there is no document", 0 },
};

static void refuses(void **state)
{
    const struct bad_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(yaml_parse_one(row->yaml, row->len ? row->len : strlen(row->yaml), &value, &err));
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    assert_contains(err_message(&err), row->problem);
}

static void reads_several_documents(void **state)
{
    (void)state;
    static const char text[] = "# first\na: 1\n---\n---\n\n~\n---\nb: 2\n";
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct yaml_documents documents;
    assert_ok(yaml_parse(text, strlen(text), &documents, &err), &err);
    assert_int_equal(documents.count, 2);
    assert_document(documents.items[0].value, "{a: 1}");
    assert_document(documents.items[1].value, "{b: 2}");
    assert_int_equal(documents.items[0].line, 2);
    assert_int_equal(documents.items[1].line, 7);
    yaml_documents_release(&documents);
}

static void assert_refused(const struct str *text, enum err_code code, const char *problem)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(yaml_parse_one(text->text, text->len, &value, &err));
    assert_int_equal(err.code, code);
    assert_contains(err_message(&err), problem);
}

static void add_times(struct str *text, const char *part, size_t times)
{
    for (size_t i = 0; i < times; i++)
        str_add(text, part);
}

static void limits_nesting(void **state)
{
    (void)state;
    static const char *const openings[] = { "[", "{a: ", "{\"a\":", "- ", "? ", "!!seq [" };
    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        CLEANUP(str_release) struct str text = STR_INIT;
        add_times(&text, openings[i], 10000);
        CLEANUP(err_release) struct err err = ERR_INIT;
        json_t *value = NULL;
        assert_fails(yaml_parse_one(text.text, text.len, &value, &err), &err, ERR_BAD_REQUEST);
    }
    CLEANUP(str_release) struct str closed = STR_INIT;
    add_times(&closed, "[", 10000);
    add_times(&closed, "]", 10000);
    assert_refused(&closed, ERR_BAD_REQUEST, "line 1, column 101: more than 100 levels of nesting");
    CLEANUP(str_release) struct str block = STR_INIT;
    for (int i = 0; i < 1000; i++) {
        add_times(&block, " ", (size_t)i);
        str_add(&block, "a:\n");
    }
    assert_refused(&block, ERR_BAD_REQUEST, "more than 100 levels of nesting");
    CLEANUP(str_release) struct str allowed = STR_INIT;
    add_times(&allowed, "[", 100);
    add_times(&allowed, "]", 100);
    json_decref(document(allowed.text));
}

static void limits_aliases(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str laughs = STR_INIT;
    str_add(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        str_addf(&laughs, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            str_addf(&laughs, "%s*a%d", j > 0 ? ", " : "", i - 1);
        str_add(&laughs, "]\n");
    }
    assert_refused(&laughs, ERR_BAD_REQUEST, "more than 200000 values, aliases followed");

    CLEANUP(str_release) struct str texts = STR_INIT;
    str_add(&texts, "- &x \"");
    add_times(&texts, "0123456789abcdef", 64 * 1024);
    str_add(&texts, "\"\n");
    add_times(&texts, "- *x\n", 100);
    assert_refused(&texts, ERR_BAD_REQUEST, "more than 16 MiB of text, aliases followed");

    CLEANUP(str_release) struct str levels = STR_INIT;
    str_add(&levels, "- &a0 [x]\n");
    for (int i = 1; i < 150; i++)
        str_addf(&levels, "- &a%d [*a%d]\n", i, i - 1);
    assert_refused(&levels, ERR_BAD_REQUEST, "more than 100 levels of nesting");
}

static void limits_size(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT;
    add_times(&text, "# 0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789\n", 20 * 1024 * 1024 / 64);
    assert_refused(&text, ERR_TOO_LARGE, "at most 4 MiB");
    CLEANUP(str_release) struct str many = STR_INIT;
    add_times(&many, "- a\n", 300000);
    assert_refused(&many, ERR_BAD_REQUEST, "more than 200000 values");
    CLEANUP(str_release) struct str tags = STR_INIT;
    for (int i = 0; i < 300000; i++)
        str_addf(&tags, "%%TAG !a%d! b\n", i);
    assert_refused(&tags, ERR_TOO_LARGE, "at most 4 MiB");
    str_clear(&tags);
    for (int i = 0; i < 200000; i++)
        str_addf(&tags, "%%TAG !a%d! b\n", i);
    assert_refused(&tags, ERR_BAD_REQUEST, "line 101, column 1: more than 100 %TAG lines");
    CLEANUP(str_release) struct str documents = STR_INIT;
    add_times(&documents, "--- a\n", 1001);
    assert_refused(&documents, ERR_BAD_REQUEST, "more than 1000 documents");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, reads, good_rows);
    CHECK_ROWS(&list, refuses, bad_rows);
    CHECK_TEST(&list, reads_several_documents);
    CHECK_TEST(&list, limits_nesting);
    CHECK_TEST(&list, limits_aliases);
    CHECK_TEST(&list, limits_size);
    return check_run("yaml", &list);
}
