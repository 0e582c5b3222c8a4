/* One escaper per language; declared in str.h. */
#include "base/str.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_unreserved(unsigned char c) /* RFC 3986, section 2.3; isalnum() would ask the locale */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void str_add_url_segment(struct str *str, const char *text)
{
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (is_unreserved(c))
            str_addc(str, *at);
        else
            str_addf(str, "%%%02X", c);
    }
}

/* The quote character is the last one of `quote_becomes`. */
static void add_quoted(struct str *str, const char *text, const char *quote_becomes, const char *backslash_becomes)
{
    char quote = quote_becomes[strlen(quote_becomes) - 1];
    str_addc(str, quote);
    for (const char *at = text; *at; at++) {
        if (*at == quote)
            str_add(str, quote_becomes);
        else if (*at == '\\')
            str_add(str, backslash_becomes);
        else
            str_addc(str, *at);
    }
    str_addc(str, quote);
}

void str_add_dsn_value(struct str *str, const char *text)
{
    add_quoted(str, text, "\\'", "\\\\");
}

void str_add_pg_ident(struct str *str, const char *text)
{
    add_quoted(str, text, "\"\"", "\\");
}

void str_add_pg_literal(struct str *str, const char *text)
{
    /* As PQescapeLiteral(): right whatever standard_conforming_strings says; the blank keeps E off a word before it. */
    if (strchr(text, '\\'))
        str_add(str, " E");
    add_quoted(str, text, "''", "\\\\");
}

void str_add_xml_text(struct str *str, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            str_add(str, "&amp;");
        else if (*at == '<')
            str_add(str, "&lt;");
        else if (*at == '>')
            str_add(str, "&gt;");
        else if (*at == '"')
            str_add(str, "&quot;");
        else if (*at == '\'')
            str_add(str, "&apos;");
        else
            str_addc(str, *at);
    }
}

void str_add_hex(struct str *str, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        str_addc(str, hex_digits[at[i] >> 4]);
        str_addc(str, hex_digits[at[i] & 15]);
    }
}

void str_add_base64(struct str *str, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)at[i] << 16;
        if (have > 1)
            group |= (uint32_t)at[i + 1] << 8;
        if (have > 2)
            group |= at[i + 2];
        str_addc(str, base64_digits[group >> 18]);
        str_addc(str, base64_digits[group >> 12 & 63]);
        str_addc(str, have > 1 ? base64_digits[group >> 6 & 63] : '=');
        str_addc(str, have > 2 ? base64_digits[group & 63] : '=');
    }
}

static int base64_value(char c)
{
    const char *found = c ? strchr(base64_digits, c) : NULL;
    return found ? (int)(found - base64_digits) : -1;
}

bool str_base64_decode(const char *text, struct str *ret_bytes, struct err *err)
{
    CLEANUP(str_release) struct str bytes = STR_INIT;
    size_t len = strlen(text);
    if (len % 4 != 0)
        return err_set(err, ERR_INVALID, "base64 text has a length of %zu, which is no multiple of 4", len);
    size_t padding = len > 0 && text[len - 1] == '=' ? 1 + (text[len - 2] == '=') : 0;
    for (size_t i = 0; i < len; i += 4) {
        size_t digits = i + 4 == len ? 4 - padding : 4;
        uint32_t group = 0;
        for (size_t k = 0; k < digits; k++) {
            int value = base64_value(text[i + k]);
            if (value < 0)
                return err_set(err, ERR_INVALID, "base64 text has a wrong character at position %zu", i + k + 1);
            group |= (uint32_t)value << (18 - 6 * k);
        }
        const uint8_t decoded[] = { group >> 16 & 255, group >> 8 & 255, group & 255 };
        /* Bits that stand for nothing must be zero, so that each value has one spelling. */
        if ((digits == 2 && decoded[1]) || (digits == 3 && decoded[2]))
            return err_set(err, ERR_INVALID, "base64 text has stray bits before its padding");
        str_addn(&bytes, decoded, digits - 1);
    }
    str_move(ret_bytes, &bytes);
    return true;
}
