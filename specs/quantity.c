/* Quantities and durations: exact, without floating point. */
#include "specs/quantity.h"

#include <ctype.h>

#include "base/clock.h"
#include "specs/wording.h"

/* 10^19 times 2^60 still fits into 128 bits. */
#define DIGITS_MAX 19
#define TEXT_MAX   64

__extension__ typedef unsigned __int128 uint128;

/* A decimal number as it stands at the beginning of a text. */
struct decimal {
    uint64_t digits;   /* without the point */
    unsigned fraction; /* how many of them stand behind it */
    bool is_too_long;
    const char *end;
};

/* False when there is no number. */
static bool read_decimal(const char *text, struct decimal *ret)
{
    const char *at = text;
    const char *point = NULL;
    size_t significant = 0, count = 0;
    *ret = (struct decimal){ 0 };
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = at;
            continue;
        }
        count++;
        /* Zeros at the end of a fraction say nothing. */
        if (point && *at == '0' && !isdigit((unsigned char)at[strspn(at, "0")]))
            continue;
        if (ret->digits > 0 || *at != '0')
            significant++;
        if (significant > DIGITS_MAX)
            ret->is_too_long = true;
        else
            ret->digits = ret->digits * 10 + (uint64_t)(*at - '0');
        ret->fraction += point ? 1 : 0;
    }
    ret->end = at;
    return count > 0;
}

struct unit {
    const char *suffix;
    uint64_t factor;
};
static const struct unit byte_units[] = {
    { "", 1 },
    { "Ki", UINT64_C(1) << 10 },
    { "Mi", UINT64_C(1) << 20 },
    { "Gi", UINT64_C(1) << 30 },
    { "Ti", UINT64_C(1) << 40 },
    { "Pi", UINT64_C(1) << 50 },
    { "Ei", UINT64_C(1) << 60 },
    { "k", UINT64_C(1000) },
    { "M", UINT64_C(1000000) },
    { "G", UINT64_C(1000000000) },
    { "T", UINT64_C(1000000000000) },
    { "P", UINT64_C(1000000000000000) },
    { "E", UINT64_C(1000000000000000000) },
};

static const struct unit *find_unit(const struct unit *units, size_t count, const char *suffix)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(units[i].suffix, suffix))
            return &units[i];
    }
    return NULL;
}

/* "e3", "E+6", "e-5"; false when it is something else or too big to mean anything. */
static bool read_exponent(const char *text, int *ret)
{
    int64_t value = 0;
    if (*text != 'e' && *text != 'E')
        return false;
    const char *digits = text + 1;
    if (*digits == '+')
        digits++;
    if (!isdigit((unsigned char)*digits) && *digits != '-')
        return false;
    if (!str_parse_int64(digits, -30, 30, &value))
        return false;
    *ret = (int)value;
    return true;
}

/* digits x factor x 10^exponent, rounded up; false when it is above INT64_MAX. `ret_exact` tells whether nothing was rounded. */
static bool scale(const struct decimal *number, uint64_t factor, int exponent, int64_t *ret, bool *ret_exact)
{
    uint128 value = (uint128)number->digits * factor;
    *ret_exact = true;
    exponent -= (int)number->fraction;
    for (; exponent > 0 && value > 0; exponent--) {
        if (value > (uint128)INT64_MAX)
            return false;
        value *= 10;
    }
    for (; exponent < 0 && value > 0; exponent++) {
        bool rest = value % 10 != 0;
        *ret_exact = *ret_exact && !rest;
        value = value / 10;
    }
    if (!*ret_exact)
        value++;
    if (value > (uint128)INT64_MAX)
        return false;
    *ret = (int64_t)value;
    return true;
}

/* What a near miss was probably meant to be: "2Gb" -> "2Gi", "2 GB" -> "2Gi", "512mb" -> "512Mi". Empty: no idea. */
static void suggest_bytes(const char *text, struct str *ret)
{
    struct decimal number;
    const char *at = text + strspn(text, " ");
    if (!read_decimal(at, &number) || number.end - at > DIGITS_MAX)
        return;
    const char *suffix = number.end + strspn(number.end, " ");
    static const char *const endings[] = { "", "b", "i", "ib", "byte", "bytes" };
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (*suffix && strchr("kKmMgGtTpPeE", *suffix) && strcasecmp(suffix + 1, endings[i]) == 0)
            str_addf(ret, "%.*s%ci", (int)(number.end - at), at, toupper((unsigned char)*suffix));
        if (ret->len > 0)
            return;
    }
    if (*suffix == '\0' || strcasecmp(suffix, "b") == 0 || strcasecmp(suffix, "bytes") == 0)
        str_addn(ret, at, (size_t)(number.end - at));
}

static bool refuse(struct err *err, const char *text, const char *what, const char *suggestion)
{
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_INVALID, "%s is not %s; try %s", shown, what, suggestion);
}

/* What every quantity shares; true when `text` is worth reading on. */
static bool check_start(const char *text, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return err_set(err, ERR_INVALID, "%s is too long for a quantity", shown);
    if (text[0] == '-')
        return err_set(err, ERR_INVALID, "%s is negative", shown);
    return true;
}

static bool refuse_too_large(const char *text, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_INVALID, "%s is too large", shown);
}

bool quantity_bytes(const char *text, int64_t *ret_bytes, struct err *err)
{
    struct decimal number;
    int exponent = 0;
    bool exact;
    CLEANUP(str_release) struct str suggestion = STR_INIT;
    if (!check_start(text, err))
        return false;
    const char *start = text[0] == '+' ? text + 1 : text;
    if (!read_decimal(start, &number))
        return refuse(err, text, "a quantity", "512Mi or 2Gi");
    const struct unit *unit = find_unit(byte_units, ARRAY_LEN(byte_units), number.end);
    if (!unit && !read_exponent(number.end, &exponent)) {
        suggest_bytes(start, &suggestion);
        return refuse(err, text, "a quantity", suggestion.len > 0 ? suggestion.text : "512Mi or 2Gi");
    }
    if (number.is_too_long || !scale(&number, unit ? unit->factor : 1, exponent, ret_bytes, &exact))
        return refuse_too_large(text, err);
    return true;
}

bool quantity_millicores(const char *text, int64_t *ret_millicores, struct err *err)
{
    struct decimal number;
    int exponent = 0;
    bool exact;
    if (!check_start(text, err))
        return false;
    const char *start = text[0] == '+' ? text + 1 : text;
    if (!read_decimal(start, &number))
        return refuse(err, text, "a number of CPUs", "1, 0.5 or 500m");
    uint64_t factor = str_equal(number.end, "m") ? 1 : 1000;
    if (*number.end && factor != 1 && !read_exponent(number.end, &exponent))
        return refuse(err, text, "a number of CPUs", "1, 0.5 or 500m");
    if (number.is_too_long || !scale(&number, factor, exponent, ret_millicores, &exact))
        return refuse_too_large(text, err);
    if (!exact) {
        CLEANUP(freep) char *shown = quoted(text);
        return err_set(err, ERR_INVALID, "%s is finer than a thousandth of a CPU; try %lldm", shown,
                       (long long)*ret_millicores);
    }
    return true;
}

/* ---- durations ---- */

static const struct duration_unit {
    const char *suffix;
    int64_t ms;
    const char *also[4]; /* what people write instead */
} duration_units[] = {
    { "d", DAY_MS, { "day", "days" } },
    { "h", HOUR_MS, { "hour", "hours", "hr", "hrs" } },
    { "m", MINUTE_MS, { "min", "mins", "minute", "minutes" } },
    { "s", SECOND_MS, { "sec", "secs", "second", "seconds" } },
    { "ms", 1, { "msec", "millis", "milliseconds" } },
};

static void suggest_duration(const char *text, struct str *ret)
{
    size_t digits = strspn(text, "0123456789");
    const char *suffix = text + digits + strspn(text + digits, " ");
    if (digits == 0 || digits > DIGITS_MAX)
        return;
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        const struct duration_unit *unit = &duration_units[i];
        bool meant = strcasecmp(suffix, unit->suffix) == 0;
        for (size_t j = 0; j < ARRAY_LEN(unit->also) && unit->also[j]; j++)
            meant = meant || strcasecmp(suffix, unit->also[j]) == 0;
        if (meant && ret->len == 0)
            str_addf(ret, "%.*s%s", (int)digits, text, unit->suffix);
    }
}

static bool refuse_duration(const char *text, struct err *err)
{
    CLEANUP(str_release) struct str suggestion = STR_INIT;
    suggest_duration(text, &suggestion);
    return refuse(err, text, "a duration", suggestion.len > 0 ? suggestion.text : "30s, 10m, 1h30m or 2d");
}

/* The unit at the beginning of `text`, of those from `first` on: the larger ones come first in a duration. */
static size_t duration_unit_at(const char *text, size_t first)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t i = first; i < ARRAY_LEN(duration_units); i++) {
        if (strlen(duration_units[i].suffix) == len && strncmp(text, duration_units[i].suffix, len) == 0)
            return i;
    }
    return ARRAY_LEN(duration_units);
}

bool quantity_duration(const char *text, int64_t *ret_ms, struct err *err)
{
    int64_t total = 0;
    size_t first = 0;
    const char *at = text;
    if (!check_start(text, err))
        return false;
    while (*at) {
        size_t digits = strspn(at, "0123456789");
        CLEANUP(freep) char *number = mem_strndup(at, digits);
        int64_t count = 0, part = 0;
        if (digits == 0)
            return refuse_duration(text, err);
        if (!str_parse_int64(number, 0, INT64_MAX, &count))
            return refuse_too_large(text, err);
        at += digits;
        if (*at == '\0' && at == text + digits && count == 0)
            break; /* "0" needs no unit */
        if (*at == '\0') {
            CLEANUP(freep) char *shown = quoted(text);
            return err_set(err, ERR_INVALID, "%s has no unit at its end; try %ss", shown, text);
        }
        size_t unit = duration_unit_at(at, first);
        if (unit == ARRAY_LEN(duration_units))
            return refuse_duration(text, err);
        if (__builtin_mul_overflow(count, duration_units[unit].ms, &part) ||
            __builtin_add_overflow(total, part, &total))
            return refuse_too_large(text, err);
        at += strlen(duration_units[unit].suffix);
        first = unit + 1;
    }
    if (at == text && *text == '\0')
        return refuse_duration(text, err);
    *ret_ms = total;
    return true;
}

/* ---- printing ---- */

char *quantity_print_bytes(int64_t bytes)
{
    for (size_t i = 6; i >= 1; i--) {
        const struct unit *unit = &byte_units[i];
        if (bytes != 0 && bytes % (int64_t)unit->factor == 0)
            return mem_printf("%lld%s", (long long)(bytes / (int64_t)unit->factor), unit->suffix);
    }
    return mem_printf("%lld", (long long)bytes);
}

char *quantity_print_cpu(int64_t millicores)
{
    if (millicores % 1000 == 0)
        return mem_printf("%lld", (long long)(millicores / 1000));
    return mem_printf("%lldm", (long long)millicores);
}

char *quantity_print_duration(int64_t ms)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    int64_t left = ms < 0 ? 0 : ms;
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        int64_t count = left / duration_units[i].ms;
        left %= duration_units[i].ms;
        if (count > 0)
            str_addf(&out, "%lld%s", (long long)count, duration_units[i].suffix);
    }
    if (out.len == 0)
        str_add(&out, "0s");
    return str_steal(&out);
}
