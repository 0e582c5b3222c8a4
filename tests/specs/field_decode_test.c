#include "tests/specs/sample.h"

static const struct row {
    const char *why;
    const char *yaml;
    const char *problems; /* as problems_text() has them */
} rows[] = {
    { "nothing is required", "{}", "" },
    { "null means absent", "{text: null, number: ~, inner: null, items: null, env: {A: null}}", "" },
    { "all of it",
      "{text: a, port: 80, flag: false, number: 7, time: 2026-01-02T03:04:05Z, color: red, words: [x], labels: {a-b/c: "
      "\"d\\te\"}, "
      "env: {A: \"b\\x01\"}, any: [1], inner: {key: k, timeout: 5s, uid: 3}, limits: {cpu: 0.5, memory: 2Gi}, items: "
      "[{name: a}]}",
      "" },
    { "a list instead of all", "[]", "x: must be a map of fields, not a list" },
    { "a text instead of all", "hello", "x: must be a map of fields, not text" },
    { "unknown field", "{colour: red}", "x.colour: unknown field; did you mean \"color\"?" },
    { "unknown field of another level", "{memory: 1Gi}", "x.memory: unknown field; did you mean \"limits.memory\"?" },
    { "unknown field like nothing", "{zzzzzz: 1}", "x.zzzzzz: unknown field" },
    { "unknown field with a control character", "{\"a\\nb\": 1}", "x.a?b: unknown field" },
    { "a number for text", "{text: 17.0}", "x.text: 17.0 is a number; write \"17.0\" in quotes" },
    { "an integer for text", "{text: 5}", "x.text: 5 is a number; write \"5\" in quotes" },
    { "a boolean for text", "{text: true}", "x.text: true is not text; write \"true\" in quotes" },
    { "a list for text", "{text: [a]}", "x.text: must be text, not a list" },
    { "a map for text", "{text: {a: b}}", "x.text: must be text, not a map" },
    { "a longer text than allowed", "{text: a01234567890123456789}", "x.text: has 21 bytes; at most 20 are allowed" },
    { "a control character", "{text: \"a\\x07b\"}",
      "x.text: has a control character; only line breaks and tabs are allowed" },
    { "line breaks and tabs", "{text: \"a\\n\\tb\"}", "" },
    { "the field's own check", "{text: bad}", "x.text: text must not be bad" },
    { "a number where text may be one", "{port: 8080}", "" },
    { "a fraction where text may be a number", "{port: 80.5}", "x.port: 80.5 is a number; write \"80.5\" in quotes" },
    { "text for a boolean", "{flag: \"yes\"}", "x.flag: \"yes\" is text; write true or false, without quotes" },
    { "YAML 1.1's yes", "{flag: yes}", "x.flag: \"yes\" is text; write true or false, without quotes" },
    { "a number for a boolean", "{flag: 1}", "x.flag: must be true or false, not a number" },
    { "text for a number", "{number: \"7\"}", "x.number: \"7\" is text; write 7 without quotes" },
    { "a word for a number", "{number: many}", "x.number: \"many\" is not a whole number" },
    { "a fraction for a number", "{number: 1.5}", "x.number: 1.5 is not a whole number" },
    { "a list for a number", "{number: [1]}", "x.number: must be a whole number, not a list" },
    { "too small", "{number: -1}", "x.number: -1 is out of range; it must be between 0 and 100" },
    { "too large", "{number: 101}", "x.number: 101 is out of range; it must be between 0 and 100" },
    { "a bad quantity", "{limits: {memory: 2Gb}}", "x.limits.memory: \"2Gb\" is not a quantity; try 2Gi" },
    { "a list for a quantity", "{limits: {memory: [1]}}", "x.limits.memory: must be a quantity like 2Gi, not a list" },
    { "too small a quantity", "{limits: {memory: 1}}", "x.limits.memory: 1 is too small; it must be at least 1Ki" },
    { "a boolean for CPUs", "{limits: {cpu: true}}",
      "x.limits.cpu: must be a number of CPUs like 2 or 500m, not true or false" },
    { "a number for a duration", "{inner: {key: k, uid: 1, timeout: 30}}",
      "x.inner.timeout: \"30\" has no unit at its end; try 30s" },
    { "a bad time", "{time: yesterday}", "x.time: \"yesterday\" is not a time like 2026-01-02T03:04:05Z" },
    { "a bad word", "{color: grean}", "x.color: \"grean\" is not one of red, green; did you mean green?" },
    { "a word in capitals", "{color: Red}", "x.color: \"Red\" is not one of red, green; did you mean red?" },
    { "a number for a word", "{color: 5}", "x.color: 5 is not one of red, green" },
    { "text for a list", "{words: a}", "x.words: must be a list of texts, like [a, b], not text" },
    { "a number in a list", "{words: [a, 2]}", "x.words[1]: 2 is a number; write \"2\" in quotes" },
    { "a long list", "{words: [a, b, c, d]}", "x.words: has 4 items; at most 3 are allowed" },
    { "a list for a map", "{env: [A=b]}", "x.env: must be a map of strings, like {WORKERS: \"2\"}, not a list" },
    { "a number in a map", "{env: {A: 2}}", "x.env.A: 2 is a number; write \"2\" in quotes" },
    { "a bad environment name", "{env: {A-B: c}}",
      "x.env.A-B: \"A-B\" is not an environment name; use letters, digits and _, no digit first" },
    { "a digit first", "{env: {1A: c}}",
      "x.env.1A: \"1A\" is not an environment name; use letters, digits and _, no digit first" },
    { "an empty environment name", "{env: {\"\": c}}",
      "x.env.: \"\" is not an environment name; use letters, digits and _, no digit first" },
    { "a large map", "{labels: {a: \"1\", b: \"2\", c: \"3\", d: \"4\"}}",
      "x.labels: has 4 entries; at most 3 are allowed" },
    { "required in an object that is given", "{inner: {}}", "x.inner.key: is required; x.inner.uid: is required" },
    { "required text that is empty", "{inner: {key: \"\", uid: 1}}", "x.inner.key: must not be empty" },
    { "a default is not in its range, a given value must be", "{inner: {key: k, uid: -1}}",
      "x.inner.uid: -1 is out of range; it must be between 0 and 9" },
    { "text for an object", "{inner: hello}", "x.inner: must be a map of fields, not text" },
    { "a map for a list of objects", "{items: {name: a}}", "x.items: must be a list, not a map" },
    { "text in a list of objects", "{items: [a]}", "x.items[0]: must be a map of fields, not text" },
    { "nothing in a list of objects", "{items: [~]}", "x.items[0]: must be a map of fields, not nothing" },
    { "required in an item", "{items: [{name: a}, {count: 1}]}", "x.items[1].name: is required" },
    { "unknown in an item", "{items: [{name: a, cuont: 1}]}",
      "x.items[0].cuont: unknown field; did you mean \"count\"?" },
    { "a name twice", "{items: [{name: a}, {name: b}, {name: a}]}", "x.items[2].name: \"a\" is taken by [0] already" },
    { "all problems at once", "{text: 1, number: x, limits: {cpu: -1}, zz: 1}",
      "x.text: 1 is a number; write \"1\" in quotes; x.number: \"x\" is not a whole number; x.limits.cpu: \"-1\" is "
      "negative; "
      "x.zz: unknown field" },
};

static void reports_problems(void **state)
{
    const struct row *row = *state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *value = document(row->yaml);
    fields_decode(sample_fields, value, "x", &sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, row->problems);
}

static void decode(struct sample *sample, const char *yaml)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *value = document(yaml);
    fields_decode(sample_fields, value, "", sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
}

static void reads_values(void **state)
{
    (void)state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    decode(
        &sample,
        "{text: a, port: 80, flag: false, off: true, number: 7, time: 1970-01-01T00:00:01Z, color: red, words: [x, y],"
        " labels: {k: v}, env: {A: b}, any: {z: [1]}, inner: {key: k, timeout: 5s, uid: 3},"
        " limits: {cpu: 0.5, memory: 2Gi, kept: me}, items: [{name: a}, {name: b, count: 9}]}");
    const struct sample_item *items = sample.items.items;
    assert_string_equal(sample.text, "a");
    assert_string_equal(sample.port, "80");
    assert_false(sample.flag);
    assert_true(sample.off);
    assert_int_equal(sample.number, 7);
    assert_int_equal(sample.time_ms, 1000);
    assert_int_equal(sample.color, SAMPLE_RED);
    assert_int_equal(sample.words.count, 2);
    assert_string_equal(sample.words.items[1], "y");
    assert_document(sample.labels, "{k: v}");
    assert_document(sample.env, "{A: b}");
    assert_document(sample.any, "{z: [1]}");
    assert_string_equal(sample.inner.key, "k");
    assert_int_equal(sample.inner.timeout_ms, 5000);
    assert_int_equal(sample.inner.uid, 3);
    assert_int_equal(sample.limits.cpu_millicores, 500);
    assert_true(sample.limits.memory_bytes == INT64_C(2) << 30);
    assert_string_equal(sample.limits.kept, "me");
    assert_int_equal(sample.items.count, 2);
    assert_int_equal(items[0].count, 3);
    assert_int_equal(items[1].count, 9);
}

static void fills_defaults(void **state)
{
    (void)state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    decode(&sample, "{}");
    assert_null(sample.text);
    assert_string_equal(sample.port, "none");
    assert_true(sample.flag);
    assert_false(sample.off);
    assert_int_equal(sample.color, SAMPLE_GREEN);
    assert_null(sample.labels);
    assert_document(sample.env, "{}");
    assert_null(sample.inner.key);
    assert_int_equal(sample.inner.timeout_ms, 20 * 60 * 1000);
    assert_int_equal(sample.inner.uid, -1);
    assert_int_equal(sample.limits.cpu_millicores, 1000);
}

static void stops_reporting_after_a_hundred(void **state)
{
    (void)state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *value = json_object();
    for (int i = 0; i < 100000; i++) {
        CLEANUP(freep) char *key = mem_printf("unknown%d", i);
        json_put(value, key, json_true());
    }
    fields_decode(sample_fields, value, "", &sample, &problems);
    assert_int_equal(problems.count, 101);
    assert_string_equal(problems.items[100].message, "more is wrong; only the first 100 problems are shown");
    assert_true(problems_has_only_unknown_fields(&problems));
}

static void refuses_nul(void **state)
{
    (void)state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *value = json_object();
    json_put(value, "text", json_stringn("a\0b", 3));
    json_put(value, "env", json_pack("{s:s%}", "A", "c\0d", (size_t)3));
    json_put(value, "limits", json_pack("{s:s%}", "memory", "1\0i", (size_t)3));
    fields_decode(sample_fields, value, "", &sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text,
                        "text: has a NUL character; env.A: has a NUL character; limits.memory: has a NUL character");
}

static void limits_environment_entries(void **state)
{
    (void)state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *value = json_object();
    CLEANUP(str_release) struct str large = STR_INIT;
    while (large.len < 128 * 1024 - 3)
        str_addc(&large, 'x');
    json_put(value, "env", json_object());
    json_put_text(json_object_get(value, "env"), "A", large.text);
    fields_decode(sample_fields, value, "", &sample, &problems);
    assert_int_equal(problems.count, 0);
    sample_release(&sample);
    json_put_text(json_object_get(value, "env"), "AB", large.text);
    fields_decode(sample_fields, value, "", &sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "env.AB: is longer than the 128 KiB that Linux takes");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, reports_problems, rows);
    CHECK_TEST(&list, reads_values);
    CHECK_TEST(&list, fills_defaults);
    CHECK_TEST(&list, stops_reporting_after_a_hundred);
    CHECK_TEST(&list, refuses_nul);
    CHECK_TEST(&list, limits_environment_entries);
    return check_run("field_decode", &list);
}
