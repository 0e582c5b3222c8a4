/* api/uri.c: what a request target says, and which ones are refused. */
#include "api/uri.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *raw;
    const char *segments; /* joined by | */
    const char *query;    /* key=value joined by | ; NULL: refused */
} rows[] = {
    { "the root", "/", "", "" },
    { "a path", "/apis/tenantd/v1", "apis|tenantd|v1", "" },
    { "a trailing slash says nothing", "/api/", "api", "" },
    { "an empty segment stays", "/a//b", "a||b", "" },
    { "segments are decoded", "/a%20b/c%2Fd", "a b|c/d", "" },
    { "a plus in a path is a plus", "/a+b", "a+b", "" },
    { "a query", "/a?x=1&y=two", "a", "x=1|y=two" },
    { "blanks as + and %20", "/a?x=a+in+(b)&y=c%20d", "a", "x=a in (b)|y=c d" },
    { "a key without a value", "/a?watch", "a", "watch=" },
    { "an equals sign in a value", "/a?s=a=b", "a", "s=a=b" },
    { "empty parameters", "/a?&&x=1&", "a", "x=1" },
    { "UTF-8", "/%C3%A4", "\xc3\xa4", "" },
    { "the absolute form of proxies", "http://host:1/a/b?x=1", "a|b", "x=1" },
    { "no path at all", "*", "", NULL },
    { "an absolute form without a path", "http://host", "", NULL },
    { "a broken escape", "/a%2", "", NULL },
    { "an escape at the end", "/a%", "", NULL },
    { "no hexadecimal digits", "/a%zz", "", NULL },
    { "a NUL", "/a%00b", "", NULL },
    { "a NUL in a value", "/a?x=%00", "", NULL },
    { "no UTF-8", "/a%ff", "", NULL },
    { "a surrogate", "/a?x=%ED%A0%80", "", NULL },
};

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct uri uri;
    struct err err = ERR_INIT;
    bool good = uri_parse(row->raw, &uri, &err);
    if (!row->query) {
        assert_false(good);
        assert_int_equal(err.code, ERR_BAD_REQUEST);
        err_release(&err);
        uri_release(&uri);
        return;
    }
    assert_ok(good, &err);
    CLEANUP(freep) char *segments = strv_join(&uri.segments, "|");
    CLEANUP(strv_release) struct strv pairs = STRV_INIT;
    for (size_t i = 0; i < uri.keys.count; i++)
        strv_addf(&pairs, "%s=%s", uri.keys.items[i], uri.values.items[i]);
    CLEANUP(freep) char *query = strv_join(&pairs, "|");
    assert_string_equal(segments, row->segments);
    assert_string_equal(query, row->query);
    uri_release(&uri);
}

static void test_too_many(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(str_release) struct str query = STR_INIT;
    str_add(&query, "/?");
    for (int i = 0; i < 101; i++) {
        str_add(&path, "/a");
        str_add(&query, "a=b&");
    }
    struct uri uri;
    struct err err = ERR_INIT;
    assert_fails(uri_parse(path.text, &uri, &err), &err, ERR_BAD_REQUEST);
    uri_release(&uri);
    assert_fails(uri_parse(query.text, &uri, &err), &err, ERR_BAD_REQUEST);
    uri_release(&uri);
}

static const struct {
    const char *why;
    const char *value;
    int flag; /* -1: refused */
} flags[] = {
    { "absent", NULL, 0 },   { "true", "true", 1 }, { "1", "1", 1 },          { "no value", "", 1 },
    { "false", "false", 0 }, { "0", "0", 0 },       { "neither", "yes", -1 },
};

static void test_flag(void **state)
{
    const __typeof__(flags[0]) *row = *state;
    CLEANUP(freep) char *raw = row->value ? mem_printf("/?f=%s", row->value) : mem_strdup("/");
    struct uri uri;
    struct err err = ERR_INIT;
    bool flag = false;
    assert_ok(uri_parse(raw, &uri, &err), &err);
    bool good = uri_query_flag(&uri, "f", &flag, &err);
    assert_int_equal(good, row->flag >= 0);
    assert_int_equal(flag, row->flag == 1);
    err_release(&err);
    uri_release(&uri);
}

static const struct {
    const char *why;
    const char *value;
    int64_t number; /* -1: refused */
} numbers[] = {
    { "absent", NULL, 7 },   { "empty", "", 7 },       { "zero", "0", 0 },       { "at the limit", "500", 500 },
    { "beyond", "501", -1 }, { "negative", "-1", -1 }, { "no number", "x", -1 }, { "with a rest", "5x", -1 },
};

static void test_number(void **state)
{
    const __typeof__(numbers[0]) *row = *state;
    CLEANUP(freep) char *raw = row->value ? mem_printf("/?n=%s", row->value) : mem_strdup("/");
    struct uri uri;
    struct err err = ERR_INIT;
    int64_t number = -1;
    assert_ok(uri_parse(raw, &uri, &err), &err);
    bool good = uri_query_number(&uri, "n", 500, 7, &number, &err);
    assert_int_equal(good, row->number >= 0);
    if (good)
        assert_int_equal(number, row->number);
    err_release(&err);
    uri_release(&uri);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    CHECK_TEST(&list, test_too_many);
    CHECK_ROWS(&list, test_flag, flags);
    CHECK_ROWS(&list, test_number, numbers);
    return check_run("uri", &list);
}
