#include "tests/specs/sample.h"

static const struct row {
    const char *why;
    const char *old;
    const char *document;
    const char *result; /* problems, or the document */
} immutable_rows[] = {
    { "the same", "{text: a, limits: {memory: 2Gi}}", "{text: a, limits: {memory: 2Gi}}", "" },
    { "the same in other words", "{limits: {memory: 2Gi}}", "{limits: {memory: 2048Mi}}", "" },
    { "a number and its text", "{port: 80}", "{port: \"80\"}", "" },
    { "set where nothing was", "{}", "{text: a, inner: {key: k}}", "" },
    { "silence means the default", "{port: none}", "{}", "" },
    { "changed", "{text: a}", "{text: b}",
      "spec.text: cannot be changed from \"a\" to \"b\"; it is settled when the record is created" },
    { "taken away", "{text: a}", "{}",
      "spec.text: cannot be changed from \"a\" to nothing; it is settled when the record is created" },
    { "set to null", "{text: a}", "{text: ~}",
      "spec.text: cannot be changed from \"a\" to nothing; it is settled when the record is created" },
    { "not the default, silence", "{port: auto}", "{}",
      "spec.port: cannot be changed from \"auto\" to nothing; it is settled when the record is created" },
    { "deeper", "{limits: {memory: 1Gi}}", "{limits: {memory: 2Gi}}",
      "spec.limits.memory: cannot be changed from \"1Gi\" to \"2Gi\"; it is settled when the record is created" },
    { "the whole object taken away", "{inner: {key: k}}", "{}",
      "spec.inner.key: cannot be changed from \"k\" to nothing; it is settled when the record is created" },
    { "kept when silent", "{limits: {kept: a}}", "{limits: {}}", "" },
    { "kept, and yet changed", "{limits: {kept: a}}", "{limits: {kept: b}}",
      "spec.limits.kept: cannot be changed from \"a\" to \"b\"; it is settled when the record is created" },
    { "another type", "{text: a}", "{text: [a]}",
      "spec.text: cannot be changed from \"a\" to a list; it is settled when the record is created" },
    { "another type of object", "{inner: {key: k}}", "{inner: 5}",
      "spec.inner.key: cannot be changed from \"k\" to nothing; it is settled when the record is created" },
    { "other fields may change", "{number: 1, words: [a]}", "{number: 2}", "" },
};

static void checks_immutables(void **state)
{
    const struct row *row = *state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(json_decrefp) json_t *old = document(row->old);
    CLEANUP(json_decrefp) json_t *value = document(row->document);
    fields_check_immutable(sample_fields, old, value, "spec", &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, row->result);
}

static const struct row keep_rows[] = {
    { "silent", "{limits: {kept: a, cpu: 2}, number: 5}", "{limits: {cpu: 1}}", "{limits: {cpu: 1, kept: a}}" },
    { "its object is missing", "{limits: {kept: a, cpu: 2}}", "{}", "{limits: {kept: a}}" },
    { "its object is null", "{limits: {kept: a}}", "{limits: ~}", "{limits: {kept: a}}" },
    { "given", "{limits: {kept: a}}", "{limits: {kept: b}}", "{limits: {kept: b}}" },
    { "nothing to keep", "{limits: {cpu: 1}}", "{}", "{}" },
    { "its object has another type", "{limits: {kept: a}}", "{limits: 5}", "{limits: 5}" },
};

static void keeps(void **state)
{
    const struct row *row = *state;
    CLEANUP(json_decrefp) json_t *old = document(row->old);
    CLEANUP(json_decrefp) json_t *value = document(row->document);
    fields_keep(sample_fields, old, value);
    assert_document(value, row->result);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_immutables, immutable_rows);
    CHECK_ROWS(&list, keeps, keep_rows);
    return check_run("field_update", &list);
}
