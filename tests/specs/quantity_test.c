#include "base/clock.h"
#include "specs/quantity.h"
#include "tests/check.h"

#define KI INT64_C(1024)
#define MI (KI * KI)
#define GI (MI * KI)

struct row {
    const char *why;
    const char *text;
    int64_t value;
    const char *problem; /* NULL: it is one */
};

static const struct row bytes_rows[] = {
    { "plain bytes", "1000", 1000, NULL },
    { "zero", "0", 0, NULL },
    { "Ki", "1Ki", KI, NULL },
    { "Mi", "512Mi", 512 * MI, NULL },
    { "Gi", "2Gi", 2 * GI, NULL },
    { "Ti", "1Ti", 1024 * GI, NULL },
    { "k is small", "3k", 3000, NULL },
    { "M", "5M", 5000000, NULL },
    { "G", "1G", 1000000000, NULL },
    { "fraction", "1.5Gi", 1536 * MI, NULL },
    { "fraction without whole part", ".5Gi", 512 * MI, NULL },
    { "point at the end", "2.Gi", 2 * GI, NULL },
    { "fraction that is no whole byte is rounded up", "1.1Gi", 1181116007, NULL },
    { "smaller than a byte", "0.1", 1, NULL },
    { "zeros behind the point", "1.000000000000000000000000Gi", GI, NULL },
    { "zeros in front", "0000000000000000000000001Gi", GI, NULL },
    { "plus", "+1Gi", GI, NULL },
    { "exponent", "1e3", 1000, NULL },
    { "large exponent letter", "2E3", 2000, NULL },
    { "exponent with plus", "1.5e+3", 1500, NULL },
    { "negative exponent", "1500e-3", 2, NULL },
    { "exa", "1E", INT64_C(1000000000000000000), NULL },
    { "largest", "9223372036854775807", INT64_MAX, NULL },
    { "largest exbi", "7Ei", 7 * (INT64_C(1) << 60), NULL },
    { "one too many", "9223372036854775808", 0, "is too large" },
    { "overflow by unit", "8Ei", 0, "is too large" },
    { "overflow by digits", "99999999999999999999999999", 0, "is too large" },
    { "overflow by exponent", "1e19", 0, "is too large" },
    { "exponent out of reason", "1e999", 0, "is not a quantity" },
    { "negative", "-1Gi", 0, "\"-1Gi\" is negative" },
    { "the issue's example", "2Gb", 0, "\"2Gb\" is not a quantity; try 2Gi" },
    { "upper case", "2GB", 0, "try 2Gi" },
    { "lower case", "512mb", 0, "try 512Mi" },
    { "wrong case", "2gi", 0, "try 2Gi" },
    { "capital K", "2K", 0, "try 2Ki" },
    { "word", "3 bytes", 0, "try 3" },
    { "blank before the unit", "2 Gi", 0, "try 2Gi" },
    { "GiB", "1.5GiB", 0, "try 1.5Gi" },
    { "thousandths are for CPUs", "500m", 0, "try 500Mi" },
    { "comma", "1,5Gi", 0, "try 512Mi or 2Gi" },
    { "two points", "1.2.3", 0, "is not a quantity" },
    { "no number", "Gi", 0, "\"Gi\" is not a quantity; try 512Mi or 2Gi" },
    { "only a point", ".", 0, "is not a quantity" },
    { "empty", "", 0, "\"\" is not a quantity" },
    { "hexadecimal", "0x10", 0, "is not a quantity" },
    { "infinite", "inf", 0, "is not a quantity" },
    { "long", "11111111111111111111111111111111111111111111111111111111111111111", 0, "too long" },
    { "control characters are not repeated", "1\n2", 0, "\"1?2\"" },
};

static const struct row cpu_rows[] = {
    { "whole", "2", 2000, NULL },
    { "half", "0.5", 500, NULL },
    { "thousandths", "250m", 250, NULL },
    { "zero", "0", 0, NULL },
    { "finest", "0.001", 1, NULL },
    { "tiny in the exponent's spelling", "1e-3", 1, NULL },
    { "too fine", "0.0005", 0, "is finer than a thousandth of a CPU; try 1m" },
    { "too fine in thousandths", "1.5m", 0, "finer than a thousandth" },
    { "negative", "-1", 0, "is negative" },
    { "unit of bytes", "1Gi", 0, "is not a number of CPUs; try 1, 0.5 or 500m" },
    { "word", "two", 0, "is not a number of CPUs" },
    { "overflow", "9223372036854775807", 0, "is too large" },
    { "largest", "9223372036854775807m", INT64_MAX, NULL },
    { "empty", "", 0, "is not a number of CPUs" },
};

static const struct row duration_rows[] = {
    { "milliseconds", "250ms", 250, NULL },
    { "seconds", "30s", 30 * SECOND_MS, NULL },
    { "minutes", "10m", 10 * MINUTE_MS, NULL },
    { "hours and minutes", "1h30m", 90 * MINUTE_MS, NULL },
    { "days", "2d", 2 * DAY_MS, NULL },
    { "all units", "1d2h3m4s5ms", DAY_MS + 2 * HOUR_MS + 3 * MINUTE_MS + 4 * SECOND_MS + 5, NULL },
    { "zero needs no unit", "0", 0, NULL },
    { "zero with unit", "0s", 0, NULL },
    { "no unit", "30", 0, "\"30\" has no unit at its end; try 30s" },
    { "no unit behind a good part", "1m30", 0, "try 1m30s" },
    { "min", "10min", 0, "\"10min\" is not a duration; try 10m" },
    { "hours", "2 hours", 0, "try 2h" },
    { "capital", "5S", 0, "try 5s" },
    { "fraction", "1.5h", 0, "try 30s, 10m, 1h30m or 2d" },
    { "backwards", "30m1h", 0, "is not a duration" },
    { "the same unit twice", "1m1m", 0, "is not a duration" },
    { "weeks", "1w", 0, "is not a duration" },
    { "negative", "-5s", 0, "is negative" },
    { "empty", "", 0, "is not a duration" },
    { "only a unit", "s", 0, "is not a duration" },
    { "too many digits", "99999999999999999999s", 0, "is too large" },
    { "overflow", "9223372036854775807d", 0, "is too large" },
    { "overflow of the sum", "106751991167d9223372036854775807ms", 0, "is too large" },
};

typedef bool parse_fn(const char *text, int64_t *ret, struct err *err);

static void check_row(const struct row *row, parse_fn *parse)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t value = -77;
    if (!row->problem) {
        assert_ok(parse(row->text, &value, &err), &err);
        assert_int_equal(value, row->value);
        return;
    }
    assert_false(parse(row->text, &value, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), row->problem);
}

static void reads_bytes(void **state)
{
    check_row(*state, quantity_bytes);
}

static void reads_cpus(void **state)
{
    check_row(*state, quantity_millicores);
}

static void reads_durations(void **state)
{
    check_row(*state, quantity_duration);
}

static const struct print_row {
    const char *why;
    char *(*print)(int64_t value);
    int64_t value;
    const char *text;
} print_rows[] = {
    { "prints Gi", quantity_print_bytes, 2 * GI, "2Gi" },
    { "prints the largest unit that divides", quantity_print_bytes, 1536 * MI, "1536Mi" },
    { "prints plain bytes", quantity_print_bytes, 1000, "1000" },
    { "prints no bytes", quantity_print_bytes, 0, "0" },
    { "prints the largest number", quantity_print_bytes, INT64_MAX, "9223372036854775807" },
    { "prints Ei", quantity_print_bytes, INT64_C(1) << 60, "1Ei" },
    { "prints whole CPUs", quantity_print_cpu, 2000, "2" },
    { "prints thousandths", quantity_print_cpu, 500, "500m" },
    { "prints more than one CPU in thousandths", quantity_print_cpu, 1500, "1500m" },
    { "prints hours and minutes", quantity_print_duration, 90 * MINUTE_MS, "1h30m" },
    { "prints seconds", quantity_print_duration, 30 * SECOND_MS, "30s" },
    { "prints milliseconds", quantity_print_duration, 250, "250ms" },
    { "prints days", quantity_print_duration, 2 * DAY_MS, "2d" },
    { "prints nothing as seconds", quantity_print_duration, 0, "0s" },
};

static void prints(void **state)
{
    const struct print_row *row = *state;
    CLEANUP(freep) char *text = row->print(row->value);
    assert_string_equal(text, row->text);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, reads_bytes, bytes_rows);
    CHECK_ROWS(&list, reads_cpus, cpu_rows);
    CHECK_ROWS(&list, reads_durations, duration_rows);
    CHECK_ROWS(&list, prints, print_rows);
    return check_run("quantity", &list);
}
