/* Cron expressions: five fields, UTC. A day field that begins with '*' is unrestricted, as cron has always read it. */
#include "specs/cron.h"

#include <ctype.h>

#include "base/clock.h"
#include "specs/wording.h"

#define MINUTES_PER_DAY 1440
/* A given weekday meets February 29th again after 40 years at the latest (over a century that has no leap day). */
#define DAYS_AHEAD (41 * 366)
/* Past the year 9999 nothing is planned. */
#define LAST_MS INT64_C(253402300800000)

struct cron_field {
    const char *name;
    unsigned min, max;
    const char *const *words; /* the first one stands for `min` */
};
static const char *const month_words[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                           "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_words[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, CRON_FIELDS };
static const struct cron_field cron_fields[CRON_FIELDS] = {
    [MINUTE] = { "minute", 0, 59, NULL },
    [HOUR] = { "hour", 0, 23, NULL },
    [DAY] = { "day of month", 1, 31, NULL },
    [MONTH] = { "month", 1, 12, month_words },
    [WEEKDAY] = { "day of week", 0, 7, weekday_words }, /* 7 is Sunday, too */
};

/* A number or word at `*at`, which moves on. False: there is none, or it is out of range. */
static bool read_value(const struct cron_field *field, const char **at, unsigned *ret)
{
    for (unsigned i = 0; field->words && field->words[i]; i++) {
        if (strncasecmp(*at, field->words[i], 3) == 0 && !isalnum((unsigned char)(*at)[3])) {
            *at += 3;
            *ret = field->min + i;
            return true;
        }
    }
    unsigned value = 0;
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 4)
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (unsigned)((*at)[i] - '0');
    *at += digits;
    *ret = value;
    return value >= field->min && value <= field->max;
}

static bool complain(const struct cron_field *field, const char *text, const char *why, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_INVALID, "%s is not a valid %s: %s", shown, field->name, why);
}

static bool complain_about_range(const struct cron_field *field, const char *text, struct err *err)
{
    CLEANUP(freep)
    char *why = mem_printf("use %u to %u%s", field->min, field->max,
                           field->words == month_words     ? ", or jan to dec"
                           : field->words == weekday_words ? ", or sun to sat"
                                                           : "");
    return complain(field, text, why, err);
}

/* One part between commas: "*", "5", "1-5", each range with "/step". */
static bool parse_part(const struct cron_field *field, const char *part, uint64_t *bits, struct err *err)
{
    const char *at = part;
    unsigned first = field->min, last = field->max, step = 1;
    bool is_range = true;
    if (*at == '*') {
        at++;
        if (field->words == weekday_words)
            last = 6;
    } else {
        if (!read_value(field, &at, &first))
            return complain_about_range(field, part, err);
        last = first;
        is_range = *at == '-';
        if (is_range) {
            at++;
            if (!read_value(field, &at, &last))
                return complain_about_range(field, part, err);
        }
    }
    if (*at == '/') {
        struct cron_field steps = { .name = field->name, .min = 1, .max = field->max };
        at++;
        if (!is_range)
            return complain(field, part, "a step needs a range before it, like 0-30/5 or */5", err);
        if (!read_value(&steps, &at, &step))
            return complain(field, part, "the step after / must be a number from 1 on", err);
    }
    if (*at != '\0')
        return complain_about_range(field, part, err);
    if (first > last)
        return complain(field, part, "the range runs backwards", err);
    for (unsigned value = first; value <= last; value += step)
        *bits |= UINT64_C(1) << value;
    return true;
}

static bool parse_field(const struct cron_field *field, const char *text, uint64_t *ret_bits, struct err *err)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    *ret_bits = 0;
    strv_split(&parts, text, ',');
    for (size_t i = 0; i < parts.count; i++) {
        if (!parse_part(field, parts.items[i], ret_bits, err))
            return false;
    }
    return true;
}

/* Whether some month has one of the days. Only both day fields together can be impossible: "0 0 31 2 *". */
static bool can_happen(const struct cron *cron)
{
    static const unsigned longest[] = { 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (cron->day_restricted && cron->weekday_restricted)
        return true;
    for (unsigned month = 1; month <= 12; month++) {
        if (!(cron->months & (UINT32_C(1) << month)))
            continue;
        for (unsigned day = 1; day <= longest[month]; day++) {
            if (cron->days & (UINT32_C(1) << day))
                return true;
        }
    }
    return false;
}

static void split_fields(const char *text, struct strv *ret_fields)
{
    static const char blanks[] = " \t";
    for (const char *at = text + strspn(text, blanks); *at; at += strspn(at, blanks)) {
        size_t len = strcspn(at, blanks);
        strv_add_taken(ret_fields, mem_strndup(at, len));
        at += len;
    }
}

bool cron_parse(const char *text, struct cron *ret_cron, struct err *err)
{
    CLEANUP(strv_release) struct strv fields = STRV_INIT;
    CLEANUP(freep) char *shown = quoted(text);
    uint64_t bits[CRON_FIELDS];
    if (text[0] == '@')
        return err_set(err, ERR_INVALID, "%s: write the five fields instead, like \"0 3 * * *\"", shown);
    split_fields(text, &fields);
    if (fields.count != CRON_FIELDS)
        return err_set(err, ERR_INVALID,
                       "%s has %zu fields; five are needed: minute hour day month weekday, like \"0 3 * * *\"", shown,
                       fields.count);
    for (size_t i = 0; i < CRON_FIELDS; i++) {
        if (!parse_field(&cron_fields[i], fields.items[i], &bits[i], err))
            return err_wrap(err, "%s", shown);
    }
    if (bits[WEEKDAY] & (1u << 7))
        bits[WEEKDAY] = (bits[WEEKDAY] & 0x7F) | 1;
    struct cron cron = {
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)bits[WEEKDAY],
        .day_restricted = fields.items[DAY][0] != '*',
        .weekday_restricted = fields.items[WEEKDAY][0] != '*',
    };
    if (!can_happen(&cron))
        return err_set(err, ERR_INVALID, "%s never happens: none of its months has such a day", shown);
    *ret_cron = cron;
    return true;
}

/* ---- the next time ---- */

struct date {
    unsigned month, day, weekday;
};

/* Days since 1970-01-01 as a date; the era arithmetic of H. Hinnant's "chrono-compatible low-level date algorithms". */
static struct date date_of_day(int64_t day)
{
    int64_t shifted = day + 719468; /* days since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday */
    return (struct date){
        .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9),
        .weekday = (unsigned)(weekday < 0 ? weekday + 7 : weekday),
    };
}

static bool day_matches(const struct cron *cron, int64_t day)
{
    struct date date = date_of_day(day);
    bool month = cron->months & (UINT32_C(1) << date.month);
    bool monthday = cron->days & (UINT32_C(1) << date.day);
    bool weekday = cron->weekdays & (UINT32_C(1) << date.weekday);
    if (cron->day_restricted && cron->weekday_restricted)
        return month && (monthday || weekday);
    return month && monthday && weekday;
}

/* The first matching minute of a day from `minute` on; -1: none is left. */
static int64_t minute_of_day(const struct cron *cron, int64_t minute)
{
    for (; minute < MINUTES_PER_DAY; minute++) {
        if ((cron->hours & (UINT32_C(1) << (minute / 60))) && (cron->minutes & (UINT64_C(1) << (minute % 60))))
            return minute;
    }
    return -1;
}

int64_t cron_next_ms(const struct cron *cron, int64_t after_ms)
{
    if (after_ms >= LAST_MS)
        return INT64_MAX;
    int64_t minute = after_ms / MINUTE_MS - (after_ms % MINUTE_MS < 0) + 1;
    int64_t day = minute / MINUTES_PER_DAY - (minute % MINUTES_PER_DAY < 0);
    int64_t from = minute - day * MINUTES_PER_DAY;
    for (int64_t last = day + DAYS_AHEAD; day <= last; day++, from = 0) {
        int64_t found = day_matches(cron, day) ? minute_of_day(cron, from) : -1;
        if (found >= 0)
            return (day * MINUTES_PER_DAY + found) * MINUTE_MS;
    }
    return INT64_MAX;
}
