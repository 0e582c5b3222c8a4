/* api/selector.c: what label and field selectors match, and which ones are refused. */
#include "api/selector.h"
#include "tests/check.h"

static const char object_text[] = "{\"metadata\": {\"name\": \"web\", \"namespace\": \"acme\", \"labels\": {\"a\": "
                                  "\"b\", \"x.y/z\": \"\", \"n\": \"1\"}},"
                                  " \"status\": {\"phase\": \"Running\"}}";
static const char *const known[] = { "metadata.name", "metadata.namespace", "status.phase", "involvedObject.uid",
                                     NULL };

enum outcome { MATCHES, MATCHES_NOT, REFUSED };

static const struct {
    const char *why;
    const char *labels, *fields;
    enum outcome outcome;
} rows[] = {
    { "nothing asked", NULL, NULL, MATCHES },
    { "empty texts", "", "", MATCHES },
    { "=", "a=b", NULL, MATCHES },
    { "==", "a==b", NULL, MATCHES },
    { "another value", "a=c", NULL, MATCHES_NOT },
    { "a label it does not have", "q=b", NULL, MATCHES_NOT },
    { "an empty value", "x.y/z=", NULL, MATCHES },
    { "an absent label is not an empty one", "q=", NULL, MATCHES_NOT },
    { "!=", "a!=c", NULL, MATCHES },
    { "!= of an absent label", "q!=c", NULL, MATCHES },
    { "!= of its value", "a!=b", NULL, MATCHES_NOT },
    { "exists", "a", NULL, MATCHES },
    { "does not exist", "q", NULL, MATCHES_NOT },
    { "!exists", "!q", NULL, MATCHES },
    { "!exists with a blank", "! q", NULL, MATCHES },
    { "!exists of one it has", "!a", NULL, MATCHES_NOT },
    { "in", "a in (x, b)", NULL, MATCHES },
    { "in, without it", "a in (x,y)", NULL, MATCHES_NOT },
    { "in, absent", "q in (x)", NULL, MATCHES_NOT },
    { "notin", "a notin (x,y)", NULL, MATCHES },
    { "notin, with it", "a notin (b)", NULL, MATCHES_NOT },
    { "notin, absent", "q notin (b)", NULL, MATCHES },
    { "all of them", "a in (b,c),n,!z,a notin (x)", NULL, MATCHES },
    { "all but one", "a=b,n=2", NULL, MATCHES_NOT },
    { "blanks all over", " a = b , n = 1 ", NULL, MATCHES },
    { "a label called in", "in", NULL, MATCHES_NOT },
    { "no name", "=b", NULL, REFUSED },
    { "no parenthesis", "a in b", NULL, REFUSED },
    { "an open parenthesis", "a in (b", NULL, REFUSED },
    { "an unknown operator", "a like b", NULL, REFUSED },
    { "no comma", "a=b c=d", NULL, REFUSED },
    { "more than a word", "a=b;c", NULL, REFUSED },
    { "a name", NULL, "metadata.name=web", MATCHES },
    { "another name", NULL, "metadata.name=web2", MATCHES_NOT },
    { "not that name", NULL, "metadata.name!=web", MATCHES_NOT },
    { "name and namespace, in any order", NULL, "metadata.namespace==acme,metadata.name=web", MATCHES },
    { "phase", NULL, "status.phase=Running", MATCHES },
    { "an empty value matches an absent field", NULL, "involvedObject.uid=", MATCHES },
    { "an escaped comma", NULL, "metadata.name=a\\,b", MATCHES_NOT },
    { "an unknown field", NULL, "no.such=1", REFUSED },
    { "a field without an operator", NULL, "metadata.name", REFUSED },
    { "both kinds", "a=b", "metadata.name=web", MATCHES },
    { "one of both kinds", "a=c", "metadata.name=web", MATCHES_NOT },
};

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *object = NULL;
    struct selector selector;
    struct err err = ERR_INIT;
    assert_ok(json_parse(object_text, strlen(object_text), &object, &err), &err);
    bool good = selector_parse(row->labels, row->fields, known, &selector, &err);
    assert_int_equal(good, row->outcome != REFUSED);
    if (good)
        assert_int_equal(selector_matches(&selector, object), row->outcome == MATCHES);
    else
        assert_int_equal(err.code, ERR_BAD_REQUEST);
    err_release(&err);
    selector_release(&selector);
}

static const struct {
    const char *why;
    const char *labels, *fields;
    bool is_constant;
    const char *name;
} properties[] = {
    { "everything", NULL, NULL, true, NULL },
    { "one name", NULL, "metadata.name=web", true, "web" },
    { "all but one name", NULL, "metadata.name!=web", true, NULL },
    { "a label may come and go", "a=b", NULL, false, NULL },
    { "so may a phase", NULL, "metadata.name=web,status.phase=Running", false, "web" },
};

static void test_property(void **state)
{
    const __typeof__(properties[0]) *row = *state;
    struct selector selector;
    struct err err = ERR_INIT;
    assert_ok(selector_parse(row->labels, row->fields, known, &selector, &err), &err);
    assert_int_equal(selector_is_constant(&selector), row->is_constant);
    assert_true(str_equal(selector_name(&selector), row->name));
    assert_int_equal(selector_is_empty(&selector), !row->labels && !row->fields);
    selector_release(&selector);
}

static void test_unsupported_field_is_named(void **state)
{
    (void)state;
    struct selector selector;
    struct err err = ERR_INIT;
    assert_false(selector_parse(NULL, "no.such=1", known, &selector, &err));
    assert_string_equal(err_message(&err), "field label not supported: no.such");
    err_release(&err);
    selector_release(&selector);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_ROWS(&list, test_property, properties);
    CHECK_TEST(&list, test_unsupported_field_is_named);
    return check_run("selector", &list);
}
