#include "specs/yaml.h"
#include "tests/specs/documents.h"

static const struct row {
    const char *why;
    const char *json;
    const char *yaml;
} rows[] = {
    { "a map in its order", "{\"b\":1,\"a\":{\"x\":true}}", "b: 1\na:\n  x: true\n" },
    { "a list in a map", "{\"a\":[1,{\"b\":2,\"c\":3}]}", "a:\n- 1\n- b: 2\n  c: 3\n" },
    { "empty ones", "{\"a\":[],\"b\":{},\"c\":null,\"d\":\"\"}", "a: []\nb: {}\nc: null\nd: \"\"\n" },
    { "text that looks like a number", "{\"v\":\"17.0\"}", "v: \"17.0\"\n" },
    { "text that looks like a boolean", "[\"true\",\"yes\",\"Off\",\"n\"]",
      "- \"true\"\n- \"yes\"\n- \"Off\"\n- \"n\"\n" },
    { "text that looks like null", "[\"null\",\"~\"]", "- \"null\"\n- \"~\"\n" },
    { "text that YAML 1.1 takes for something", "[\"12:30:00\",\"2026-01-01\",\"0777\",\"1_000\",\"1e3\",\"<<\"]",
      "- \"12:30:00\"\n- \"2026-01-01\"\n- \"0777\"\n- \"1_000\"\n- \"1e3\"\n- \"<<\"\n" },
    { "plain text stays plain", "[\"2Gi\",\"acme_erp\",\"a b c\",\"erp.acme.example\"]",
      "- 2Gi\n- acme_erp\n- a b c\n- erp.acme.example\n" },
    { "text with indicators", "[\"a: b\",\"- x\",\"#c\",\"{a}\",\"*x\",\"@x\"]",
      "- 'a: b'\n- '- x'\n- '#c'\n- '{a}'\n- '*x'\n- '@x'\n" },
    { "several lines", "{\"c\":\"a\\nb\\n\"}", "c: |\n  a\n  b\n" },
    { "several lines without an end", "{\"c\":\"a\\n\\nb\"}", "c: |-\n  a\n\n  b\n" },
    { "numbers", "[1,-5,1.5,0.1,1e100]", "- 1\n- -5\n- 1.5\n- 0.1\n- 1e100\n" },
    { "keys that need quotes", "{\"1\":1,\"a: b\":2,\"yes\":3}", "\"1\": 1\n'a: b': 2\n\"yes\": 3\n" },
    { "not only ASCII", "{\"a\":\"Käse ☃\"}", "a: Käse ☃\n" },
    { "a single text", "\"hello\"", "hello\n" },
};

static void prints(void **state)
{
    const struct row *row = *state;
    json_error_t error;
    CLEANUP(json_decrefp) json_t *value = json_loads(row->json, JSON_DECODE_ANY, &error);
    CLEANUP(str_release) struct str out = STR_INIT;
    assert_non_null(value);
    yaml_print(value, &out);
    assert_string_equal(out.text, row->yaml);
    assert_document(value, out.text);
}

/* What is printed is read again as the same, whatever a text has. */
static void comes_back(void **state)
{
    (void)state;
    static const char *const pieces[] = { "a", "\n", " ",   "\t",   "#",        ": ",           "- ", "\"", "'", "ä",
                                          "|", ">",  "---", "\x7F", "\xC2\x85", "\xE2\x80\xA8", "😀",  "\\", "\r" };
    for (size_t i = 0; i < ARRAY_LEN(pieces) * ARRAY_LEN(pieces) * ARRAY_LEN(pieces); i++) {
        CLEANUP(json_decrefp) json_t *value = json_object();
        CLEANUP(str_release) struct str text = STR_INIT;
        CLEANUP(str_release) struct str out = STR_INIT;
        for (size_t j = 0, at = i; j < 3; j++, at /= ARRAY_LEN(pieces))
            str_add(&text, pieces[at % ARRAY_LEN(pieces)]);
        json_put_text(value, "value", text.text);
        json_put_text(value, text.text, "key");
        yaml_print(value, &out);
        CLEANUP(json_decrefp) json_t *again = document(out.text);
        if (!json_equal(value, again))
            fail_msg("does not come back: %s", out.text);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, prints, rows);
    CHECK_TEST(&list, comes_back);
    return check_run("yaml_print", &list);
}
