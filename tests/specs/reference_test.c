#include "specs/config.h"
#include "specs/reference.h"
#include "tests/specs/documents.h"

static void has_every_kind_and_the_configuration(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    reference_print_markdown(&out);
    for (size_t i = 0; i < KINDS; i++) {
        CLEANUP(freep) char *heading = mem_printf("\n## %s\n", kinds[i].name);
        assert_contains(out.text, heading);
    }
    assert_contains(out.text, "| `spec.resources.memory` | bytes | `1Gi` |");
    assert_contains(out.text, "| `listen.maxBody` | bytes | `3Mi` |");
    assert_contains(out.text, "absent: \\<tenant>_\\<instance>");
}

static void the_example_configuration_is_the_default_one(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    struct config config = { 0 }, plain = { 0 };
    reference_print_config_example(&out);
    CLEANUP(json_decrefp) json_t *value = document(out.text);
    fields_decode(config_fields, value, "", &config, &problems);
    fields_decode(config_fields, NULL, "", &plain, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
    CLEANUP(json_decrefp) json_t *from_example = fields_encode(config_fields, &config);
    CLEANUP(json_decrefp) json_t *from_nothing = fields_encode(config_fields, &plain);
    assert_true(json_equal(from_example, from_nothing));
    fields_release(config_fields, &config);
    fields_release(config_fields, &plain);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, has_every_kind_and_the_configuration);
    CHECK_TEST(&list, the_example_configuration_is_the_default_one);
    return check_run("reference", &list);
}
