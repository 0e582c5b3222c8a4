/* Growing strings, and the questions we ask of plain ones. The escapers are in escape.c, the lists in strv.c. */
#include "base/str.h"

char str_empty[] = "";

static void str_reserve(struct str *str, size_t more)
{
    if (more >= SIZE_MAX / 2 - str->len)
        abort(); /* no machine has that much: as good as out of memory */
    size_t needed = str->len + more + 1;
    if (needed <= str->capacity)
        return;
    size_t capacity = str->capacity ? str->capacity : 32;
    while (capacity < needed)
        capacity *= 2;
    str->text = mem_grow(str->capacity ? str->text : NULL, capacity, 1);
    str->text[str->len] = '\0';
    str->capacity = capacity;
}

void str_release(struct str *str)
{
    if (str->capacity)
        free(str->text);
    *str = (struct str)STR_INIT;
}

void str_clear(struct str *str)
{
    str->len = 0;
    if (str->capacity)
        str->text[0] = '\0';
}

char *str_steal(struct str *str)
{
    char *text = str->capacity ? str->text : mem_strdup("");
    *str = (struct str)STR_INIT;
    return text;
}

void str_move(struct str *to, struct str *from)
{
    if (to == from)
        return;
    str_release(to);
    *to = *from;
    *from = (struct str)STR_INIT;
}

void str_add(struct str *str, const char *text)
{
    str_addn(str, text, strlen(text));
}

void str_addn(struct str *str, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    str_reserve(str, len);
    memcpy(str->text + str->len, bytes, len);
    str->len += len;
    str->text[str->len] = '\0';
}

void str_addc(struct str *str, char c)
{
    str_addn(str, &c, 1);
}

void str_addf(struct str *str, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    str_vaddf(str, fmt, args);
    va_end(args);
}

void str_vaddf(struct str *str, const char *fmt, va_list args)
{
    va_list measured;
    va_copy(measured, args);
    int len = vsnprintf(NULL, 0, fmt, measured);
    va_end(measured);
    if (len < 0)
        abort(); /* a result of 2 GiB, or a format that is no format: our mistake either way */
    if (len == 0)
        return;
    str_reserve(str, (size_t)len);
    if (vsnprintf(str->text + str->len, (size_t)len + 1, fmt, args) != len)
        abort(); /* an argument changed between the two passes: another thread writes to it */
    str->len += (size_t)len;
}

bool str_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return text_len >= suffix_len && memcmp(text + text_len - suffix_len, suffix, suffix_len) == 0;
}

size_t str_utf8_sequence(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (len == 0 || bytes[0] == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    /* The second byte's range shuts out overlong forms, surrogates and what is above U+10FFFF (Unicode, table 3-7). */
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t size;
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) {
        size = 2;
    } else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
        size = 3;
        low = bytes[0] == 0xE0 ? 0xA0 : low;
        high = bytes[0] == 0xED ? 0x9F : high;
    } else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        size = 4;
        low = bytes[0] == 0xF0 ? 0x90 : low;
        high = bytes[0] == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    if (len < size || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (bytes[i] < 0x80 || bytes[i] > 0xBF)
            return 0;
    return size;
}

void str_add_utf8(struct str *str, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t size = str_utf8_sequence(text + at, len - at);
        if (size > 0)
            str_addn(str, text + at, size);
        else
            str_add(str, "\xEF\xBF\xBD");
        at += size > 0 ? size : 1;
    }
}

bool str_is_utf8(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t size = str_utf8_sequence(text + at, len - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

bool str_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = text[0] == '-';
    const char *digits = text + negative;
    if (digits[0] == '\0')
        return false;
    int64_t value = 0; /* built with its sign, so that INT64_MIN fits */
    for (const char *at = digits; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        int digit = negative ? '0' - *at : *at - '0';
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}
