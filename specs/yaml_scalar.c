/* YAML's core schema: which plain scalars are null, booleans and numbers. */
#include "specs/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "specs/wording.h"

#define TAG_PREFIX "tag:yaml.org,2002:"

static bool is_one_of(const char *text, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (str_equal(text, words[i]))
            return true;
    }
    return false;
}

static bool is_null(const char *text)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };
    return is_one_of(text, words);
}

static bool is_true(const char *text)
{
    static const char *const words[] = { "true", "True", "TRUE", NULL };
    return is_one_of(text, words);
}

static bool is_false(const char *text)
{
    static const char *const words[] = { "false", "False", "FALSE", NULL };
    return is_one_of(text, words);
}

static bool consists_of(const char *text, const char *characters)
{
    return *text && text[strspn(text, characters)] == '\0';
}

static bool is_decimal(const char *text)
{
    text += *text == '-' || *text == '+';
    return consists_of(text, "0123456789");
}

static bool is_based(const char *text)
{
    if (str_starts_with(text, "0x"))
        return consists_of(text + 2, "0123456789abcdefABCDEF");
    return str_starts_with(text, "0o") && consists_of(text + 2, "01234567");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, "0123456789");
    text += whole;
    if (*text == '.') {
        size_t fraction = strspn(text + 1, "0123456789");
        if (whole + fraction == 0)
            return false;
        text += 1 + fraction;
    } else if (whole == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        return consists_of(text, "0123456789");
    }
    return *text == '\0';
}

static bool is_infinite_or_nan(const char *text)
{
    static const char *const words[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };
    bool sign = *text == '-' || *text == '+';
    return is_one_of(text + sign, words);
}

static bool complain_about_size(const char *text, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_BAD_REQUEST, "the number %s is too large; put it in quotes if it is text", shown);
}

static bool read_integer(const char *text, json_t **ret, struct err *err)
{
    bool hexadecimal = str_starts_with(text, "0x");
    bool octal = str_starts_with(text, "0o");
    errno = 0;
    long long value = strtoll(hexadecimal || octal ? text + 2 : text, NULL, hexadecimal ? 16 : octal ? 8 : 10);
    if (errno == ERANGE)
        return complain_about_size(text, err);
    *ret = json_integer(value);
    return true;
}

static bool read_float(const char *text, json_t **ret, struct err *err)
{
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return complain_about_size(text, err);
    *ret = json_real(value);
    return true;
}

static bool read_plain(const char *text, json_t **ret, struct err *err)
{
    if (is_infinite_or_nan(text)) {
        CLEANUP(freep) char *shown = quoted(text);
        return err_set(err, ERR_BAD_REQUEST, "%s is not a number that can be kept; put it in quotes if it is text",
                       shown);
    }
    if (is_decimal(text) || is_based(text))
        return read_integer(text, ret, err);
    if (is_float(text))
        return read_float(text, ret, err);
    *ret = is_null(text)    ? json_null()
           : is_true(text)  ? json_true()
           : is_false(text) ? json_false()
                            : json_string(text);
    return true;
}

/* A core tag names the type; the text must have its form. */
static bool read_tagged(const char *text, const char *tag, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    CLEANUP(freep) char *shown_tag = quoted(tag);
    const char *name = str_starts_with(tag, TAG_PREFIX) ? tag + strlen(TAG_PREFIX) : "";
    if (str_equal(name, "str") || str_equal(tag, "!")) {
        *ret = json_string(text);
        return true;
    }
    bool good = (str_equal(name, "int") && (is_decimal(text) || is_based(text))) ||
                (str_equal(name, "float") && (is_decimal(text) || is_float(text))) ||
                (str_equal(name, "bool") && (is_true(text) || is_false(text))) ||
                (str_equal(name, "null") && is_null(text));
    if (good)
        return str_equal(name, "float") ? read_float(text, ret, err) : read_plain(text, ret, err);
    static const char *const known[] = { "int", "float", "bool", "null", NULL };
    if (is_one_of(name, known))
        return err_set(err, ERR_BAD_REQUEST, "%s does not fit the tag %s", shown, shown_tag);
    return err_set(err, ERR_BAD_REQUEST, "tag %s is not supported", shown_tag);
}

bool yaml_scalar(const char *text, const char *tag, bool plain, json_t **ret, struct err *err)
{
    if (tag)
        return read_tagged(text, tag, ret, err);
    if (plain)
        return read_plain(text, ret, err);
    *ret = json_string(text);
    return true;
}

bool yaml_scalar_is_ambiguous(const char *text)
{
    /* What YAML 1.1 (PyYAML, older Go) takes for booleans and merges. */
    static const char *const words[] = { "y", "n", "yes", "no", "on", "off", NULL };
    for (size_t i = 0; words[i]; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    if (is_null(text) || is_true(text) || is_false(text) || is_infinite_or_nan(text) || str_equal(text, "<<") ||
        str_equal(text, "="))
        return true;
    /* Numbers in any spelling, times, dates, versions, quantities like 1e3: all begin like a number and have a digit. */
    const char *start = text + (*text == '-' || *text == '+');
    start += *start == '.';
    bool looks_like_number = isdigit((unsigned char)*start) && consists_of(start, "0123456789abcdefABCDEFxXoO_.:+-");
    return looks_like_number || str_starts_with(text, "0x") || str_starts_with(text, "0o");
}
