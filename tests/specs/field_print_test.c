#include "tests/specs/sample.h"

static const char *text_at(const json_t *schema, const char *name, const char *key)
{
    const json_t *property = json_at(schema, "properties", name, NULL);
    assert_non_null(property);
    return json_text(property, key);
}

static void prints_a_schema(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *schema = fields_schema(sample_fields);
    assert_string_equal(json_text(schema, "type"), "object");
    assert_null(json_object_get(schema, "required"));
    assert_string_equal(text_at(schema, "text", "type"), "string");
    assert_string_equal(text_at(schema, "text", "description"), "Text.");
    assert_string_equal(text_at(schema, "flag", "type"), "boolean");
    assert_string_equal(text_at(schema, "number", "format"), "int64");
    assert_string_equal(text_at(schema, "time", "format"), "date-time");
    assert_string_equal(text_at(schema, "color", "default"), "green");
    assert_document(json_at(schema, "properties", "color", "enum", NULL), "[red, green]");
    assert_document(json_at(schema, "properties", "flag", "default", NULL), "true");
    assert_document(json_at(schema, "properties", "words", "items", NULL), "{type: string}");
    assert_document(json_at(schema, "properties", "env", "additionalProperties", NULL), "{type: string}");
    assert_document(json_at(schema, "properties", "inner", "required", NULL), "[key, uid]");
    assert_null(json_at(schema, "properties", "inner", "properties", "uid", "default", NULL));
    assert_document(json_at(schema, "properties", "items", "items", "properties", "count", NULL),
                    "{type: integer, format: int64, minimum: 1, maximum: 9, description: Count., default: 3}");
    assert_document(json_at(schema, "properties", "any", NULL),
                    "{x-kubernetes-preserve-unknown-fields: true, description: Any.}");
    assert_document(json_at(schema, "properties", "port", "anyOf", NULL), "[{type: number}, {type: string}]");
}

static void prints_reference_rows(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    fields_reference(sample_fields, "spec", &out);
    assert_contains(out.text, "| `spec.text` | text |  | Text. Cannot be changed later. |\n");
    assert_contains(out.text, "| `spec.port` | text | `none` | A \\| B. Cannot be changed later. |\n");
    assert_contains(out.text, "| `spec.color` | word: `red`, `green` | `green` | Color. |\n");
    assert_contains(out.text, "| `spec.inner.uid` | whole number |  | Number. **Required.** |\n");
    assert_contains(out.text, "| `spec.items[].count` | whole number | `3` | Count. |\n");
    assert_contains(out.text, "| `spec.words` | list of texts | `[]` | Words. Example: `[a, b]`. |\n");
}

/* The example is a document that decodes to the defaults. */
static void prints_an_example(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    CLEANUP(sample_release) struct sample sample = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_example(sample_fields, &out);
    assert_contains(out.text, "# Color.\ncolor: green\n");
    assert_contains(out.text, "# Text.\n# text:\n");
    assert_contains(out.text, "limits:\n  # CPUs.\n  cpu: \"1\"\n");
    assert_contains(out.text, "  # Key.\n  # key:\n");
    CLEANUP(json_decrefp) json_t *value = document(out.text);
    json_object_del(value, "inner"); /* with a default given, what is required beside it would be missed */
    fields_decode(sample_fields, value, "", &sample, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, prints_a_schema);
    CHECK_TEST(&list, prints_reference_rows);
    CHECK_TEST(&list, prints_an_example);
    return check_run("field_print", &list);
}
