#include "specs/wording.h"
#include "tests/specs/documents.h"

static const struct quote_row {
    const char *why;
    const char *text;
    const char *shown;
} quote_rows[] = {
    { "plain", "2Gb", "\"2Gb\"" },
    { "empty", "", "\"\"" },
    { "control characters", "a\nb\x1B[31m", "\"a?b?[31m\"" },
    { "UTF-8", "Käse", "\"Käse\"" },
    { "not UTF-8", "caf\xE9", "\"caf?\"" },
    { "long", "0123456789012345678901234567890123456789012345678901234567890123456789",
      "\"012345678901234567890123456789012345678901234567890123456789...\"" },
    { "cut between characters", "01234567890123456789012345678901234567890123456789012345678äää",
      "\"01234567890123456789012345678901234567890123456789012345678...\"" },
};

static void quotes(void **state)
{
    const struct quote_row *row = *state;
    CLEANUP(freep) char *shown = quoted(row->text);
    assert_string_equal(shown, row->shown);
}

static const struct value_row {
    const char *why;
    const char *yaml;
    const char *shown;
} value_rows[] = {
    { "integer", "[17]", "17" },         { "float as it was written", "[17.1]", "17.1" },
    { "whole float", "[17.0]", "17.0" }, { "boolean", "[true]", "true" },
    { "text", "[\"x\"]", "\"x\"" },      { "list", "[[1]]", "a list" },
    { "map", "[{a: 1}]", "a map" },      { "null", "[null]", "nothing" },
};

static void words_values(void **state)
{
    const struct value_row *row = *state;
    CLEANUP(json_decrefp) json_t *list = document(row->yaml);
    CLEANUP(freep) char *shown = value_wording(json_array_get(list, 0));
    assert_string_equal(shown, row->shown);
}

static const struct near_row {
    const char *why;
    const char *wrong;
    const char *meant; /* of memory, storage, cpu, type, adminEmail; NULL: none */
} near_rows[] = {
    { "a letter missing", "memry", "memory" },
    { "a letter too many", "sttorage", "storage" },
    { "two letters swapped", "mmeory", "memory" },
    { "another letter", "tipe", "type" },
    { "case", "adminemail", "adminEmail" },
    { "case and dash", "admin-email", "adminEmail" },
    { "another word", "colour", NULL },
    { "a short word is near to few", "gpus", NULL },
    { "one letter", "c", NULL },
    { "very long", "memorymemorymemorymemorymemorymemorymemorymemorymemorymemory", NULL },
};

static void finds_what_was_meant(void **state)
{
    static const char *const known[] = { "memory", "storage", "cpu", "type", "adminEmail" };
    const struct near_row *row = *state;
    struct nearest nearest;
    nearest_start(&nearest, row->wrong);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        nearest_offer(&nearest, known[i]);
    assert_true(str_equal(nearest.best, row->meant));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, quotes, quote_rows);
    CHECK_ROWS(&list, words_values, value_rows);
    CHECK_ROWS(&list, finds_what_was_meant, near_rows);
    return check_run("wording", &list);
}
