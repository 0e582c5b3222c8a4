#include "specs/template.h"
#include "tests/check.h"

static const struct {
    const char *name, *value;
} values[] = {
    { "database.host", "10.0.0.1" }, { "spec.addons", "sale,purchase" }, { "spec.demoData", "false" },
    { "parameters.ON", "true" },     { "parameters.ZERO", "0" },         { "empty", "" },
    { "markup", "<a & \"b\">" },     { "braces", "{{database.host}}" },
};

static bool look_up(void *context, const char *name, struct str *ret_value)
{
    (void)context; /* the values are constant */
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (str_equal(values[i].name, name)) {
            str_add(ret_value, values[i].value);
            return true;
        }
    }
    return false;
}

static bool is_known(const void *context, const char *name)
{
    (void)context; /* as above */
    CLEANUP(str_release) struct str ignored = STR_INIT;
    return look_up(NULL, name, &ignored);
}

static const struct render_row {
    const char *why;
    const char *template;
    const char *text;
} render_rows[] = {
    { "no tag", "plain { text } }}", "plain { text } }}" },
    { "empty", "", "" },
    { "a value", "host={{database.host}};", "host=10.0.0.1;" },
    { "blanks inside", "{{ database.host }}", "10.0.0.1" },
    { "an empty value", "[{{empty}}]", "[]" },
    { "nothing is escaped", "{{markup}}", "<a & \"b\">" },
    { "a value is not a template", "{{braces}}", "{{database.host}}" },
    { "a section that is true", "{{#parameters.ON}}yes{{/parameters.ON}}", "yes" },
    { "a section of text", "{{#spec.addons}}-i {{spec.addons}}{{/spec.addons}}", "-i sale,purchase" },
    { "a section that is false", "a{{#spec.demoData}}demo{{/spec.demoData}}b", "ab" },
    { "a section of 0", "{{#parameters.ZERO}}workers{{/parameters.ZERO}}", "" },
    { "a section of nothing", "{{#empty}}x{{/empty}}", "" },
    { "the opposite of false", "{{^spec.demoData}}no demo{{/spec.demoData}}", "no demo" },
    { "the opposite of true", "{{^parameters.ON}}off{{/parameters.ON}}", "" },
    { "sections in sections", "{{#parameters.ON}}a{{^empty}}b{{#empty}}c{{/empty}}{{/empty}}d{{/parameters.ON}}",
      "abd" },
    { "true inside false stays hidden", "{{#empty}}{{#parameters.ON}}x{{/parameters.ON}}{{database.host}}{{/empty}}",
      "" },
    { "a section's tag alone on its line takes the line along", "a\n{{#parameters.ON}}\nb\n{{/parameters.ON}}\nc\n",
      "a\nb\nc\n" },
    { "also with blanks around", "a\n  {{#parameters.ON}}\t\n  b\n  {{/parameters.ON}}", "a\n  b\n" },
    { "and when it is false", "a\n{{#empty}}\nb\n{{/empty}}\nc", "a\nc" },
    { "a value alone on its line keeps the line", "a\n{{empty}}\nb", "a\n\nb" },
    { "two tags on a line keep the line", "{{#parameters.ON}}{{/parameters.ON}}\nb", "\nb" },
    { "text behind the tag keeps the line", "{{#parameters.ON}} x\n{{/parameters.ON}}\nb", " x\nb" },
};

static void renders(void **state)
{
    const struct render_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str out = STR_INIT;
    assert_ok(template_render(row->template, look_up, NULL, &out, &err), &err);
    assert_string_equal(out.text, row->text);
    assert_ok(template_check(row->template, is_known, NULL, &err), &err);
}

static const struct bad_row {
    const char *why;
    const char *template;
    const char *problem;
} bad_rows[] = {
    { "an unknown name", "a\nb {{database.hots}}",
      "line 2, column 3: \"database.hots\" is not a name that is known here" },
    { "an unknown section", "{{#nothing}}{{/nothing}}", "line 1, column 1: \"nothing\"" },
    { "not closed tag", "a {{database.host", "line 1, column 3: \"{{\" without \"}}\"" },
    { "not closed section", "{{#empty}}\n{{#parameters.ON}}x",
      "line 2, column 1: section \"parameters.ON\" is not closed" },
    { "closed twice", "{{/empty}}", "closes nothing" },
    { "closed in the wrong order", "{{#parameters.ON}}{{#spec.addons}}{{/parameters.ON}}{{/spec.addons}}",
      "{{/parameters.ON}} stands where {{/spec.addons}} must" },
    { "no name", "{{}}", "\"\" is not a template name" },
    { "only blanks", "{{   }}", "\"\" is not a template name" },
    { "a blank inside", "{{a b}}", "\"a b\" is not a template name" },
    { "a line break inside", "{{database.\nhost}}", "is not a template name" },
    { "triple braces", "{{{database.host}}}", "\"{{{\" is not supported" },
    { "ampersand", "{{&database.host}}", "is not supported" },
    { "comment", "{{! hello }}", "is not supported" },
    { "partial", "{{> file}}", "is not supported" },
    { "other delimiters", "{{=<% %>=}}", "is not supported" },
};

static void refuses(void **state)
{
    const struct bad_row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str out = STR_INIT;
    assert_false(template_check(row->template, is_known, NULL, &err));
    assert_contains(err_message(&err), row->problem);
    assert_fails(template_render(row->template, look_up, NULL, &out, &err), &err, ERR_INVALID);
}

static void checks_inside_hidden_sections(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_fails(template_check("{{#empty}}{{nothing}}{{/empty}}", is_known, NULL, &err), &err, ERR_INVALID);
}

static void limits_nesting(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str deep = STR_INIT;
    for (int i = 0; i < 10000; i++)
        str_add(&deep, "{{#empty}}");
    assert_false(template_check(deep.text, is_known, NULL, &err));
    assert_contains(err_message(&err), "more than 32 sections");
}

static void finds_uses(void **state)
{
    (void)state;
    const char *template = "{{#spec.addons}}{{secret.key}}{{/spec.addons}}{{^other}}{{/other}}";
    assert_true(template_uses(template, "spec.addons"));
    assert_true(template_uses(template, "secret.key"));
    assert_true(template_uses(template, "other"));
    assert_true(template_uses(template, "secret."));
    assert_false(template_uses(template, "secret"));
    assert_false(template_uses(template, "spec.addon"));
    assert_false(template_uses(template, "parameters."));
    assert_false(template_uses("spec.addons", "spec.addons"));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, renders, render_rows);
    CHECK_ROWS(&list, refuses, bad_rows);
    CHECK_TEST(&list, checks_inside_hidden_sections);
    CHECK_TEST(&list, limits_nesting);
    CHECK_TEST(&list, finds_uses);
    return check_run("template", &list);
}
