/* Growing strings, and one escaper per language: nobody quotes by hand. Any thread; a struct str belongs to one. */
#pragma once

#include <stdarg.h>

#include "base/err.h"

/* `text` is NUL-terminated and never NULL (an empty one points to a static ""). */
struct str {
    char *text;
    size_t len;
    size_t capacity; /* 0: text is the static "" */
};
extern char str_empty[];
#define STR_INIT                                                                                                       \
    {                                                                                                                  \
        .text = str_empty                                                                                              \
    }

void str_release(struct str *str);
void str_clear(struct str *str);                 /* keeps the memory */
char *str_steal(struct str *str);                /* malloc'd text, never NULL; str is empty afterwards */
void str_move(struct str *to, struct str *from); /* what `to` held is freed; `from` is empty afterwards */
void str_add(struct str *str, const char *text);
void str_addn(struct str *str, const void *bytes, size_t len);
void str_addc(struct str *str, char c);
void str_addf(struct str *str, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vaddf(struct str *str, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void str_add_utf8(struct str *str, const char *text, size_t len); /* what is no UTF-8, and NUL, becomes U+FFFD */
void str_add_url_segment(struct str *str, const char *text);      /* RFC 3986 unreserved stay, all else %XX, "/" too */
void str_add_dsn_value(struct str *str, const char *text);        /* libpq keyword=value */
void str_add_pg_ident(struct str *str, const char *text);         /* PostgreSQL identifier, always quoted */
void str_add_pg_literal(struct str *str, const char *text);
void str_add_xml_text(struct str *str, const char *text); /* also within quotes */
void str_add_hex(struct str *str, const void *bytes, size_t len);
void str_add_base64(struct str *str, const void *bytes, size_t len);
/* RFC 4648, section 4, strictly: padded, no blanks. Replaces what was in `ret_bytes`; false leaves it alone. */
bool str_base64_decode(const char *text, struct str *ret_bytes, struct err *err) MUST_USE;

bool str_equal(const char *a, const char *b); /* NULL equals NULL only */
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);
bool str_is_utf8(const char *text, size_t len);         /* well-formed, no surrogates, no NUL */
size_t str_utf8_sequence(const char *text, size_t len); /* bytes of the character at `text`; 0: NUL or no UTF-8 */
/* Decimal, whole text, no blanks, within [min, max]; false leaves *ret alone. */
bool str_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* A list of owned strings. */
struct strv {
    char **items;
    size_t count;
};
#define STRV_INIT                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }
void strv_release(struct strv *list);
void strv_add(struct strv *list, const char *text);
void strv_add_taken(struct strv *list, char *text_taken);
void strv_addf(struct strv *list, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool strv_has(const struct strv *list, const char *text);
bool strv_equal(const struct strv *a, const struct strv *b);
void strv_copy(struct strv *to, const struct strv *from);
char *strv_join(const struct strv *list, const char *separator); /* owned */
void strv_sort(struct strv *list);                               /* by bytes */
/* Splits at each `separator`; empty parts are kept, an empty text gives no part. */
void strv_split(struct strv *list, const char *text, char separator);
