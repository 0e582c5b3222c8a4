#include "specs/config.h"
#include "specs/field.h"
#include "specs/field_internal.h"
#include "tests/specs/sample.h"

static void words_unknown_fields_as_kubernetes(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    assert_ok(problems_to_err(&problems, &err), &err);
    problems_add(&problems, PROBLEM_UNKNOWN_FIELD, "spec.x", "unknown field");
    problems_add(&problems, PROBLEM_UNKNOWN_FIELD, "spec.memry", "unknown field; did you mean \"memory\"?");
    assert_false(problems_to_err(&problems, &err));
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    assert_string_equal(err_message(&err),
                        "strict decoding error: unknown field \"spec.x\", unknown field \"spec.memry\" "
                        "(did you mean \"memory\"?)");
    problems_add(&problems, PROBLEM_REQUIRED, "spec.app", "is required");
    assert_false(problems_to_err(&problems, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err_message(&err),
                        "spec.x: unknown field; spec.memry: unknown field; did you mean \"memory\"?; "
                        "spec.app: is required");
}

static void knows_what_lies_under_a_path(void **state)
{
    (void)state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    problems_add(&problems, PROBLEM_INVALID, "spec.ports[1].name", "x");
    assert_true(problems_has_under(&problems, "spec.ports"));
    assert_true(problems_has_under(&problems, "spec.ports[1]"));
    assert_true(problems_has_under(&problems, "spec.ports[1].name"));
    assert_true(problems_has_under(&problems, "spec"));
    assert_false(problems_has_under(&problems, "spec.port"));
    assert_false(problems_has_under(&problems, "spec.ports[0]"));
}

/* Whether every default of the table can be read, and names are unique. */
static void check_table(const struct field *fields, const char *where)
{
    for (const struct field *field = fields; field->name; field++) {
        CLEANUP(json_decrefp) json_t *fallback = field_fallback(field);
        CLEANUP(freep) char *path = mem_printf("%s.%s", where, field->name);
        if (!field->doc)
            fail_msg("%s has no doc", path);
        for (const struct field *other = fields; other < field; other++)
            assert_string_not_equal(other->name, field->name);
        if ((field->type == FIELD_OBJECT || field->type == FIELD_LIST) && !field->fields)
            fail_msg("%s has no fields", path);
        if (field->type == FIELD_LIST)
            assert_true(field->item_size > 0);
        if (field->type == FIELD_ENUM)
            assert_non_null(field->choices);
        if (field->fields)
            check_table(field->fields, path);
    }
}

static void all_tables_are_sound(void **state)
{
    (void)state;
    check_table(config_fields, "config");
    for (size_t i = 0; i < KINDS; i++) {
        check_table(kinds[i].spec_fields, kinds[i].name);
        check_table(kinds[i].status_fields, kinds[i].name);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, words_unknown_fields_as_kubernetes);
    CHECK_TEST(&list, knows_what_lies_under_a_path);
    CHECK_TEST(&list, all_tables_are_sound);
    return check_run("field", &list);
}
