/* How messages show what a user wrote, and what was probably meant. */
#include "specs/wording.h"

#include <ctype.h>

#define SHOWN_MAX          60
#define NEAREST_LENGTH_MAX 48

void str_add_shown(struct str *out, const char *text, size_t max)
{
    size_t len = strlen(text);
    size_t shown = len;
    if (len > max) {
        shown = max;
        while (shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80)
            shown--;
    }
    bool utf8 = str_is_utf8(text, shown);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c >= 0x20 && c != 0x7F && (c < 0x80 || utf8);
        str_addc(out, plain ? text[i] : '?');
    }
    if (shown < len)
        str_add(out, "...");
}

char *quoted(const char *text)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    str_addc(&out, '"');
    str_add_shown(&out, text, SHOWN_MAX);
    str_addc(&out, '"');
    return str_steal(&out);
}

const char *value_type_wording(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        return "a map";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "nothing";
}

char *value_wording(const json_t *value)
{
    if (json_is_string(value))
        return quoted(json_string_value(value));
    if (json_is_number(value) || json_is_boolean(value)) {
        /* 15 digits show 17.1 as it was written; 17 would show 17.100000000000001. */
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        if (text)
            return text;
    }
    return mem_strdup(value_type_wording(value));
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment, letters' case ignored; both at most NEAREST_LENGTH_MAX long. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
            bool swapped =
                i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]);
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

void nearest_start(struct nearest *nearest, const char *wrong)
{
    size_t len = strlen(wrong);
    size_t allowed = len / 3;
    if (allowed < 1)
        allowed = 1;
    if (allowed > 3)
        allowed = 3;
    *nearest = (struct nearest){ .wrong = wrong, .distance = allowed + 1 };
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t wrong_len = strlen(nearest->wrong), len = strlen(candidate);
    /* A one-letter word is near to every other one. */
    if (wrong_len < 2 || wrong_len > NEAREST_LENGTH_MAX || len < 2 || len > NEAREST_LENGTH_MAX)
        return;
    size_t distance = edit_distance(nearest->wrong, wrong_len, candidate, len);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    nearest->best = candidate;
}
