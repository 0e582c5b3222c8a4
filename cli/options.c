/* getopt_long, driven by tables. */
#include "cli/options.h"

#include <getopt.h>

#include "specs/quantity.h"
#include "specs/wording.h"

#define FIRST_VALUE 256 /* getopt's values of our rows begin behind the letters */

/* All tables as one list. */
struct parser {
    const struct option_table *tables;
    size_t table_count;
    const struct option_row **rows;
    void **values; /* of rows[i]'s table */
    size_t count;
    struct option *longs;
    struct str letters;
};

static void parser_release(struct parser *parser)
{
    free(parser->rows);
    free(parser->values);
    free(parser->longs);
    str_release(&parser->letters);
}

static void parser_add(struct parser *parser, const struct option_row *row, void *values)
{
    bool is_flag = row->type == OPTION_FLAG;
    size_t at = parser->count++;
    parser->rows = mem_grow(parser->rows, parser->count, sizeof(parser->rows[0]));
    parser->values = mem_grow(parser->values, parser->count, sizeof(parser->values[0]));
    parser->longs = mem_grow(parser->longs, parser->count + 1, sizeof(parser->longs[0]));
    parser->rows[at] = row;
    parser->values[at] = values;
    parser->longs[at] = (struct option){
        .name = row->name,
        .has_arg = is_flag ? optional_argument : required_argument,
        .val = FIRST_VALUE + (int)at,
    };
    parser->longs[parser->count] = (struct option){ 0 };
    if (row->letter)
        str_addf(&parser->letters, "%c%s", row->letter, is_flag ? "" : ":");
}

static void parser_init(struct parser *parser, const struct option_table *tables, size_t count,
                        enum options_order order)
{
    *parser = (struct parser){ .tables = tables, .table_count = count, .letters = STR_INIT };
    str_add(&parser->letters, order == OPTIONS_FIRST ? "+:" : ":");
    parser->longs = mem_zalloc(sizeof(parser->longs[0]));
    for (size_t i = 0; i < count; i++)
        for (const struct option_row *row = tables[i].rows; row && row->name; row++)
            parser_add(parser, row, tables[i].values);
}

/* ---- values ---- */

static bool is_choice(const struct option_row *row, const char *text, int *ret_index)
{
    for (int i = 0; row->choices && row->choices[i]; i++)
        if (str_equal(row->choices[i], text)) {
            *ret_index = i;
            return true;
        }
    return false;
}

static bool complain_choice(const struct option_row *row, const char *text, struct err *err)
{
    CLEANUP(str_release) struct str words = STR_INIT;
    CLEANUP(freep) char *shown = quoted(text);
    str_add(&words, row->type == OPTION_FLAG ? "true, false" : "");
    for (int i = 0; row->choices && row->choices[i]; i++)
        str_addf(&words, "%s%s", words.len > 0 ? ", " : "", row->choices[i]);
    return err_set(err, ERR_BAD_REQUEST, "--%s: %s is none of %s", row->name, shown, words.text);
}

static bool set_flag(const struct option_row *row, bool *flag, const char *text, struct err *err)
{
    int ignored;
    if (!text || str_equal(text, "true") || is_choice(row, text, &ignored)) {
        *flag = true;
        return true;
    }
    if (!str_equal(text, "false"))
        return complain_choice(row, text, err);
    *flag = false;
    return true;
}

static bool set_duration(const struct option_row *row, int64_t *ms, const char *text, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (str_parse_int64(text, 0, 0, ms) || quantity_duration(text, ms, &problem))
        return true;
    return err_set(err, ERR_BAD_REQUEST, "--%s: %s", row->name, err_message(&problem));
}

static bool set_value(const struct option_row *row, void *values, const char *text, struct err *err)
{
    void *value = (char *)values + row->offset;
    CLEANUP(freep) char *shown = quoted(text ? text : "");
    switch (row->type) {
    case OPTION_FLAG:
        return set_flag(row, value, text, err);
    case OPTION_TEXT:
        free(*(char **)value);
        *(char **)value = mem_strdup(text);
        return true;
    case OPTION_TEXTS:
        strv_add(value, text);
        return true;
    case OPTION_NUMBER:
        if (str_parse_int64(text, 0, INT64_MAX, value))
            return true;
        return err_set(err, ERR_BAD_REQUEST, "--%s: %s is not a whole number of 0 or more", row->name, shown);
    case OPTION_DURATION:
        return set_duration(row, value, text, err);
    case OPTION_CHOICE:
        return is_choice(row, text, value) || complain_choice(row, text, err);
    }
    return err_set(err, ERR_INTERNAL, "--%s has no type", row->name);
}

void option_tables_set_fallbacks(const struct option_table *tables, size_t count)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++)
        for (const struct option_row *row = tables[i].rows; row && row->name; row++)
            if (row->fallback && !set_value(row, tables[i].values, row->fallback, &err))
                abort(); /* the table itself is wrong; a test walks all of them */
}

void options_release(const struct option_table *table)
{
    for (const struct option_row *row = table->rows; row && row->name; row++) {
        void *value = (char *)table->values + row->offset;
        if (row->type == OPTION_TEXT) {
            free(*(char **)value);
            *(char **)value = NULL;
        } else if (row->type == OPTION_TEXTS) {
            strv_release(value);
            *(struct strv *)value = (struct strv)STRV_INIT;
        }
    }
}

/* ---- parsing ---- */

/* `text` is the argument as it was written, "--folow=3" or "-xy". */
static bool complain_unknown(const struct parser *parser, const char *text, int letter, struct err *err)
{
    if (!str_starts_with(text, "--"))
        return err_set(err, ERR_BAD_REQUEST, "there is no option -%c", letter);
    CLEANUP(freep) char *name = mem_strndup(text + 2, strcspn(text + 2, "="));
    CLEANUP(freep) char *shown = mem_printf("--%s", name);
    struct nearest nearest;
    nearest_start(&nearest, name);
    for (size_t i = 0; i < parser->count; i++)
        nearest_offer(&nearest, parser->rows[i]->name);
    if (nearest.best)
        return err_set(err, ERR_BAD_REQUEST, "there is no option %s; is --%s meant?", shown, nearest.best);
    return err_set(err, ERR_BAD_REQUEST, "there is no option %s", shown);
}

static bool find_row(const struct parser *parser, int value, size_t *ret_at)
{
    for (size_t i = 0; i < parser->count; i++)
        if (value == FIRST_VALUE + (int)i || (parser->rows[i]->letter && value == parser->rows[i]->letter)) {
            *ret_at = i;
            return true;
        }
    return false;
}

static bool take_option(const struct parser *parser, int value, char *const *argv, struct err *err)
{
    size_t at;
    if (value == '?')
        return complain_unknown(parser, argv[optind - 1], optopt, err);
    if (value == ':') {
        if (!find_row(parser, optopt, &at))
            return complain_unknown(parser, argv[optind - 1], optopt, err);
        return err_set(err, ERR_BAD_REQUEST, "--%s needs a value: %s", parser->rows[at]->name,
                       parser->rows[at]->argument);
    }
    if (!find_row(parser, value, &at))
        return err_set(err, ERR_INTERNAL, "getopt returned %d", value);
    return set_value(parser->rows[at], parser->values[at], optarg, err);
}

bool options_parse(const struct option_table *tables, size_t count, enum options_order order, const struct strv *args,
                   struct strv *ret_rest, struct err *err)
{
    CLEANUP(parser_release) struct parser parser;
    parser_init(&parser, tables, count, order);
    /* getopt_long permutes the pointers, so it gets its own; argv[0] is not looked at. */
    CLEANUP(freep) char **argv = mem_zalloc((args->count + 2) * sizeof(char *));
    argv[0] = str_empty;
    for (size_t i = 0; i < args->count; i++)
        argv[i + 1] = args->items[i];
    optind = 0;
    opterr = 0;
    for (int value; (value = getopt_long((int)args->count + 1, argv, parser.letters.text, parser.longs, NULL)) != -1;)
        if (!take_option(&parser, value, argv, err))
            return false;
    for (size_t i = (size_t)optind; i <= args->count; i++)
        strv_add(ret_rest, argv[i]);
    return true;
}

char *option_usage(const struct option_row *row)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    if (row->letter)
        str_addf(&text, "-%c, ", row->letter);
    else
        str_add(&text, "    ");
    str_addf(&text, "--%s", row->name);
    if (row->type != OPTION_FLAG)
        str_addf(&text, "=%s", row->argument);
    return str_steal(&text);
}
