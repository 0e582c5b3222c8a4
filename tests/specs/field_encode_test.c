#include "tests/specs/sample.h"

static void decode(struct sample *sample, const json_t *value)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(sample_fields, value, "", sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
}

static const struct row {
    const char *why;
    const char *yaml;
    const char *encoded;
} encode_rows[] = {
    { "defaults are written, absent objects and zeros are not", "{}",
      "{port: none, flag: true, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi}}" },
    { "false that is not the default", "{flag: false}",
      "{port: none, flag: false, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi}}" },
    { "all of it",
      "{text: a, port: 80, off: true, number: 7, time: 1970-01-01T00:00:01Z, color: red, words: [x], labels: {k: v}, "
      "env: {A: b},"
      " any: [1], inner: {key: k, uid: 3}, limits: {cpu: 0.5, memory: 2048Mi, kept: me}, items: [{name: a}]}",
      "{text: a, port: \"80\", flag: true, off: true, number: 7, time: \"1970-01-01T00:00:01Z\", color: red, words: "
      "[x],"
      " labels: {k: v}, env: {A: b}, any: [1], inner: {key: k, timeout: 20m, uid: 3},"
      " limits: {cpu: 500m, memory: 2Gi, kept: me}, items: [{name: a, count: 3}]}" },
    { "an empty text stays", "{text: \"\"}",
      "{text: \"\", port: none, flag: true, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi}}" },
};

static void encodes(void **state)
{
    const struct row *row = *state;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(sample_release) struct sample again = { 0 };
    CLEANUP(json_decrefp) json_t *value = document(row->yaml);
    decode(&sample, value);
    CLEANUP(json_decrefp) json_t *encoded = fields_encode(sample_fields, &sample);
    assert_document(encoded, row->encoded);
    decode(&again, encoded);
    CLEANUP(json_decrefp) json_t *twice = fields_encode(sample_fields, &again);
    assert_true(json_equal(encoded, twice));
}

static const struct row default_rows[] = {
    { "a silent document", "{}",
      "{port: none, flag: true, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi}}" },
    { "what was written stays as it was written", "{limits: {memory: 2048Mi, cpu: 0.50}, port: 80}",
      "{port: 80, flag: true, color: green, words: [], env: {}, limits: {cpu: 0.5, memory: 2048Mi}}" },
    { "inside given objects and items, without what is required",
      "{inner: {key: k}, items: [{name: a}, {name: b, count: 1}]}",
      "{port: none, flag: true, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi},"
      " inner: {key: k, timeout: 20m}, items: [{name: a, count: 3}, {name: b, count: 1}]}" },
    { "null members go", "{text: ~, words: null, any: {a: ~, b: [{c: ~}]}, env: {A: ~, B: c}}",
      "{port: none, flag: true, color: green, words: [], env: {B: c}, any: {b: [{}]}, limits: {cpu: \"1\", memory: "
      "1Gi}}" },
    { "values of a wrong type are left alone", "{limits: 5, items: [1], words: {}}",
      "{port: none, flag: true, color: green, words: {}, env: {}, limits: 5, items: [1]}" },
};

static void adds_defaults(void **state)
{
    const struct row *row = *state;
    CLEANUP(json_decrefp) json_t *value = document(row->yaml);
    fields_add_defaults(sample_fields, value);
    assert_document(value, row->encoded);
    fields_add_defaults(sample_fields, value);
    assert_document(value, row->encoded);
}

static const struct row drop_rows[] = {
    { "all defaults", "{port: none, flag: true, color: green, words: [], env: {}, limits: {cpu: \"1\", memory: 1Gi}}",
      "{}" },
    { "a default in other words", "{limits: {cpu: 1000m, memory: 1024Mi}}", "{}" },
    { "a default as a number", "{limits: {cpu: 1}}", "{}" },
    { "others stay", "{flag: false, limits: {cpu: \"2\", memory: 1Gi}, items: [{name: a, count: 3}]}",
      "{flag: false, limits: {cpu: \"2\"}, items: [{name: a}]}" },
    { "what is required stays", "{inner: {key: k, uid: -1, timeout: 20m}}", "{inner: {key: k, uid: -1}}" },
};

static void drops_defaults(void **state)
{
    const struct row *row = *state;
    CLEANUP(json_decrefp) json_t *value = document(row->yaml);
    fields_drop_defaults(sample_fields, value);
    assert_document(value, row->encoded);
}

static void encodes_any_bytes(void **state)
{
    (void)state;
    CLEANUP(sample_release)
    struct sample sample = { .text = mem_strdup("a\xFF"
                                                "ä\xC3(\xE2\x98") };
    CLEANUP(json_decrefp) json_t *encoded = fields_encode(sample_fields, &sample);
    assert_string_equal(json_text(encoded, "text"), "a\uFFFDä\uFFFD(\uFFFD\uFFFD");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, encodes, encode_rows);
    CHECK_ROWS(&list, adds_defaults, default_rows);
    CHECK_ROWS(&list, drops_defaults, drop_rows);
    CHECK_TEST(&list, encodes_any_bytes);
    return check_run("field_encode", &list);
}
