#include "base/str.h"
#include "tests/check.h"

static const struct {
    const char *why;
    void (*add)(struct str *str, const char *text);
    const char *text;
    const char *escaped;
} rows[] = {
    { "url: empty", str_add_url_segment, "", "" },
    { "url: unreserved stay", str_add_url_segment, "aZ09-._~", "aZ09-._~" },
    { "url: a slash does not split", str_add_url_segment, "odoo/17", "odoo%2F17" },
    { "url: what has a meaning", str_add_url_segment, "a b?c#d%e&f=g+h", "a%20b%3Fc%23d%25e%26f%3Dg%2Bh" },
    { "url: bytes above 127", str_add_url_segment, "\xC3\xA4\xFF", "%C3%A4%FF" },
    { "xml: marks", str_add_xml_text, "<a b=\"c\">&'d'", "&lt;a b=&quot;c&quot;&gt;&amp;&apos;d&apos;" },
    { "xml: plain", str_add_xml_text, "r\xc3\xa4k", "r\xc3\xa4k" },
    { "dsn: empty", str_add_dsn_value, "", "''" },
    { "dsn: plain", str_add_dsn_value, "acme", "'acme'" },
    { "dsn: blank cannot begin a new keyword", str_add_dsn_value, "a host=evil", "'a host=evil'" },
    { "dsn: quote", str_add_dsn_value, "it's", "'it\\'s'" },
    { "dsn: backslash", str_add_dsn_value, "a\\", "'a\\\\'" },
    { "dsn: both", str_add_dsn_value, "\\'", "'\\\\\\''" },
    { "ident: plain", str_add_pg_ident, "acme_erp", "\"acme_erp\"" },
    { "ident: keyword and case", str_add_pg_ident, "Select", "\"Select\"" },
    { "ident: quote", str_add_pg_ident, "a\"; drop", "\"a\"\"; drop\"" },
    { "ident: backslash and apostrophe mean nothing", str_add_pg_ident, "a\\'b", "\"a\\'b\"" },
    { "literal: empty", str_add_pg_literal, "", "''" },
    { "literal: quote", str_add_pg_literal, "it's", "'it''s'" },
    { "literal: backslash", str_add_pg_literal, "a\\'b", " E'a\\\\''b'" },
    { "literal: double quote means nothing", str_add_pg_literal, "a\"b", "'a\"b'" },
};

static void escapes(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(str_release) struct str str = STR_INIT;
    str_add(&str, "=");
    row->add(&str, row->text);
    assert_int_equal(str.text[0], '=');
    assert_string_equal(str.text + 1, row->escaped);
}

static const struct {
    const char *why;
    const char *bytes;
    size_t len;
    const char *hex;
    const char *base64;
} byte_rows[] = {
    { "nothing", "", 0, "", "" },
    { "one byte", "f", 1, "66", "Zg==" },
    { "two bytes", "fo", 2, "666f", "Zm8=" },
    { "three bytes", "foo", 3, "666f6f", "Zm9v" },
    { "four bytes", "foob", 4, "666f6f62", "Zm9vYg==" },
    { "six bytes", "foobar", 6, "666f6f626172", "Zm9vYmFy" },
    { "NUL and high bytes", "\0\xFF\xFE", 3, "00fffe", "AP/+" },
};

static void hex_and_base64(void **state)
{
    const __typeof__(byte_rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str hex = STR_INIT;
    CLEANUP(str_release) struct str base64 = STR_INIT;
    CLEANUP(str_release) struct str back = STR_INIT;
    str_add_hex(&hex, row->bytes, row->len);
    assert_string_equal(hex.text, row->hex);
    str_add_base64(&base64, row->bytes, row->len);
    assert_string_equal(base64.text, row->base64);
    str_add(&back, "replaced");
    assert_ok(str_base64_decode(base64.text, &back, &err), &err);
    assert_int_equal(back.len, row->len);
    assert_memory_equal(back.text, row->bytes, row->len);
}

static const struct {
    const char *why;
    const char *text;
} wrong_base64_rows[] = {
    { "padding left out", "Zg" },
    { "too much padding", "Z===" },
    { "only padding", "====" },
    { "padding in the middle", "Zg==Zm9v" },
    { "one padding in the middle of the end", "Zm=v" },
    { "blank", "Zm9 " },
    { "line end", "Zm9v\nZm9v\nZm" },
    { "url alphabet", "AP_-" },
    { "stray bits in the last byte of one", "Zh==" },
    { "stray bits in the last byte of two", "Zm9=" },
    { "not ASCII", "Zm9\xE4" },
};

static void wrong_base64(void **state)
{
    const __typeof__(wrong_base64_rows[0]) *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    str_add(&bytes, "kept");
    assert_fails(str_base64_decode(row->text, &bytes, &err), &err, ERR_INVALID);
    assert_string_equal(bytes.text, "kept");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, escapes, rows);
    CHECK_ROWS(&list, hex_and_base64, byte_rows);
    CHECK_ROWS(&list, wrong_base64, wrong_base64_rows);
    return check_run("escape", &list);
}
