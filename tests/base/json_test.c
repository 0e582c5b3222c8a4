#include "base/json.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *text;
    size_t len; /* 0: strlen() */
    const char *part;
} wrong_rows[] = {
    { "empty", "", 0, "line 1, column 0" },
    { "cut off", "{\"a\": [1, 2", 0, "line 1, column 11" },
    { "the place is told", "{\n  \"a\": 1,\n  b: 2}", 0, "line 3, column 3" },
    { "twice the same key", "{\"a\": 1, \"a\": 2}", 0, "duplicate object key" },
    { "something after the end", "{} x", 0, "end of file expected" },
    { "NUL as a character", "{\"a\": \"x\\u0000y\"}", 0, "\\u0000" },
    { "NUL as a byte", "[1]\0", 4, "line 1" },
    { "Latin-1", "[\"caf\xE9\"]", 0, "unable to decode byte 0xe9" },
    { "overlong", "[\"\xC0\xAF\"]", 0, "unable to decode byte 0xc0" },
    { "half of a surrogate pair", "[\"\\ud800\"]", 0, "invalid Unicode" },
    { "number too large for 64 bits", "[92233720368547758080]", 0, "too big integer" },
    { "comment", "{} // no", 0, "end of file expected" },
    { "single quotes", "{'a': 1}", 0, "line 1" },
    { "control character in a text", "[\"a\nb\"]", 0, "line 1" },
};

static void wrong_is_refused(void **state)
{
    const __typeof__(wrong_rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    size_t len = row->len ? row->len : strlen(row->text);
    if (json_parse(row->text, len, &value, &err))
        fail_msg("was accepted");
    assert_null(value);
    assert_contains(err_message(&err), row->part);
    assert_fails(json_parse(row->text, len, &value, &err), &err, ERR_BAD_REQUEST);
    assert_fails(json_parse_answer(row->text, len, &value, &err), &err, ERR_INTERNAL);
}

static const struct {
    const char *why;
    const char *text;
    const char *dumped;
} fine_rows[] = {
    { "keys are sorted", "{\"b\": 1, \"a\": {\"d\": null, \"c\": true}}", "{\"a\":{\"c\":true,\"d\":null},\"b\":1}" },
    { "any value", " \"text\" ", "\"text\"" },
    { "null", "null", "null" },
    { "largest integer", "9223372036854775807", "9223372036854775807" },
    { "characters beyond ASCII stay", "[\"\\u00e4\\ud83d\\udc18\"]", "[\"\xC3\xA4\xF0\x9F\x90\x98\"]" },
    { "control characters are escaped", "[\"a\\nb\\u0001\"]", "[\"a\\nb\\u0001\"]" },
    { "brackets in a text are no levels", "[\"[[[[{{{{\\\"[[\"]", "[\"[[[[{{{{\\\"[[\"]" },
    { "empty containers", "[{}, []]", "[{},[]]" },
};

static void fine_is_read_and_printed(void **state)
{
    const __typeof__(fine_rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    assert_ok(json_parse(row->text, strlen(row->text), &value, &err), &err);
    CLEANUP(freep) char *dumped = json_dump(value);
    assert_string_equal(dumped, row->dumped);
}

static bool parse_levels(size_t levels, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    for (size_t i = 0; i < levels; i++)
        str_add(&text, i % 2 ? "{\"a\":" : "[");
    str_add(&text, "1");
    for (size_t i = levels; i-- > 0;)
        str_add(&text, i % 2 ? "}" : "]");
    return json_parse(text.text, text.len, &value, err);
}

static void levels_are_limited(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_ok(parse_levels(100, &err), &err);
    assert_fails(parse_levels(101, &err), &err, ERR_BAD_REQUEST);
    assert_fails(parse_levels(100000, &err), &err, ERR_BAD_REQUEST);
}

static void levels_are_counted(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *value = json_pack("{s:i, s:[i, {s:[]}]}", "a", 1, "b", 2, "c");
    CLEANUP(json_decrefp) json_t *scalar = json_integer(1);
    assert_false(json_is_deeper(value, 4));
    assert_true(json_is_deeper(value, 3));
    assert_true(json_is_deeper(value, 0));
    assert_false(json_is_deeper(scalar, 0));
}

static void size_is_limited_but_for_answers(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    size_t limit = (size_t)4 << 20;
    str_addc(&text, '"');
    while (text.len < limit - 1)
        str_addc(&text, 'x');
    str_addc(&text, '"');
    assert_ok(json_parse(text.text, text.len, &value, &err), &err);
    json_decrefp(&value);
    str_addc(&text, ' ');
    assert_fails(json_parse(text.text, text.len, &value, &err), &err, ERR_TOO_LARGE);
    assert_ok(json_parse_answer(text.text, text.len, &value, &err), &err);
}

static json_t *sample(void)
{
    static const char text[] = "{\"State\": {\"Health\": {\"Status\": \"healthy\"}, \"Pid\": 17, \"OOM\": true},"
                               " \"Names\": [\"/a\", 3, \"/b\"], \"Half\": 0.5}";
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_ok(json_parse(text, sizeof(text) - 1, &value, &err), &err);
    return value;
}

static void descending(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *root = sample();
    const json_t *inner = json_at(root, "State", NULL);
    assert_string_equal(json_text(json_at(root, "State", "Health", NULL), "Status"), "healthy");
    assert_null(json_at(root, "State", "Nothing", "Status", NULL));
    assert_null(json_at(root, "Names", "Status", NULL));
    assert_null(json_at(NULL, "State", NULL));
    assert_null(json_text(inner, "Pid"));
    assert_null(json_text(NULL, "Pid"));
    assert_int_equal(json_int(inner, "Pid", -1), 17);
    assert_int_equal(json_int(inner, "OOM", -1), -1);
    assert_int_equal(json_int(root, "Half", -1), -1);
    assert_int_equal(json_int(NULL, "Pid", -1), -1);
    assert_true(json_bool(inner, "OOM"));
    assert_false(json_bool(inner, "Pid"));
    assert_false(json_bool(inner, "Missing"));
}

static void copying_names_the_key(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *root = sample();
    CLEANUP(freep) char *text = NULL;
    assert_ok(json_copy_string(json_at(root, "State", "Health", NULL), "Status", &text, &err), &err);
    assert_string_equal(text, "healthy");
    char *other = NULL;
    assert_false(json_copy_string(root, "Id", &other, &err));
    assert_string_equal(err_message(&err), "field Id is missing");
    assert_false(json_copy_string(root, "State", &other, &err));
    assert_string_equal(err_message(&err), "field State is not a string");
    assert_null(other);
}

static void lists(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *root = sample();
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_add(&list, "old");
    json_to_strv(json_object_get(root, "Names"), &list);
    CLEANUP(freep) char *joined = strv_join(&list, " ");
    assert_string_equal(joined, "/a /b");
    CLEANUP(json_decrefp) json_t *array = json_from_strv(&list);
    CLEANUP(freep) char *dumped = json_dump(array);
    assert_string_equal(dumped, "[\"/a\",\"/b\"]");
    json_to_strv(NULL, &list);
    assert_int_equal(list.count, 0);
}

static void text_from_outside_is_repaired(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *object = json_object();
    CLEANUP(json_decrefp) json_t *array = json_array();
    json_put_text(object, "message", "caf\xE9");
    json_put_text(object, "left_out", NULL);
    json_push(array, json_from_text("\xFF"));
    json_put(object, "list", json_incref(array));
    CLEANUP(freep) char *dumped = json_dump(object);
    assert_string_equal(dumped, "{\"list\":[\"\uFFFD\"],\"message\":\"caf\uFFFD\"}");
}

static void printing(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *object = json_object();
    json_put(object, "b", json_integer(1));
    json_put(object, "a", json_array());
    CLEANUP(freep) char *pretty = json_dump_pretty(object);
    CLEANUP(freep) char *nothing = json_dump(NULL);
    assert_string_equal(pretty, "{\n  \"a\": [],\n  \"b\": 1\n}");
    assert_string_equal(nothing, "null");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, wrong_is_refused, wrong_rows);
    CHECK_ROWS(&list, fine_is_read_and_printed, fine_rows);
    CHECK_TEST(&list, levels_are_limited);
    CHECK_TEST(&list, levels_are_counted);
    CHECK_TEST(&list, size_is_limited_but_for_answers);
    CHECK_TEST(&list, descending);
    CHECK_TEST(&list, copying_names_the_key);
    CHECK_TEST(&list, lists);
    CHECK_TEST(&list, text_from_outside_is_repaired);
    CHECK_TEST(&list, printing);
    return check_run("json", &list);
}
