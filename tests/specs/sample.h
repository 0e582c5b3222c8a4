/* A struct with a member of each field type, for the tests of field_*.c. */
#pragma once

#include "tests/specs/documents.h"

enum sample_color { SAMPLE_RED, SAMPLE_GREEN };
static const char *const sample_colors[] = { [SAMPLE_RED] = "red", [SAMPLE_GREEN] = "green", NULL };

struct sample_item {
    char *name;
    int64_t count;
};
static const struct field sample_item_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct sample_item, name), FIELD_REQUIRED, .doc = "Name." },
    { "count", FIELD_INT, offsetof(struct sample_item, count), .fallback = "3", .min = 1, .max = 9, .doc = "Count." },
    { NULL },
};

struct sample_inner {
    char *key;
    int64_t timeout_ms;
    int64_t uid;
};
/* Of the object that is absent by default. */
static const struct field sample_inner_fields[] = {
    { "key", FIELD_TEXT, offsetof(struct sample_inner, key), FIELD_REQUIRED | FIELD_IMMUTABLE, .doc = "Key." },
    { "timeout", FIELD_DURATION, offsetof(struct sample_inner, timeout_ms), .fallback = "20m", .doc = "Timeout." },
    { "uid", FIELD_INT, offsetof(struct sample_inner, uid), FIELD_REQUIRED, .fallback = "-1", .min = 0, .max = 9,
      .doc = "Number." },
    { NULL },
};

struct sample_limits {
    int64_t cpu_millicores, memory_bytes;
    char *kept;
};
/* Of the object that is always there. */
static const struct field sample_limit_fields[] = {
    { "cpu", FIELD_CPU, offsetof(struct sample_limits, cpu_millicores), .fallback = "1", .doc = "CPUs." },
    { "memory", FIELD_BYTES, offsetof(struct sample_limits, memory_bytes), FIELD_IMMUTABLE, .fallback = "1Gi",
      .min = 1024, .max = INT64_MAX, .doc = "Memory." },
    { "kept", FIELD_TEXT, offsetof(struct sample_limits, kept), FIELD_IMMUTABLE | FIELD_KEEP, .doc = "Kept." },
    { NULL },
};

struct sample {
    char *text;
    char *port;
    bool flag, off;
    int64_t number;
    int64_t time_ms;
    int color;
    struct strv words;
    json_t *labels;
    json_t *env;
    json_t *any;
    struct sample_inner inner;
    struct sample_limits limits;
    struct field_list items;
};

static void sample_check(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const char *text = *(char *const *)value;
    if (str_equal(text, "bad"))
        problems_add(problems, PROBLEM_FORBIDDEN, path, "%s must not be bad", field->name);
}

static const struct field sample_fields[] = {
    { "text", FIELD_TEXT, offsetof(struct sample, text), FIELD_IMMUTABLE, .max = 20, .check = sample_check,
      .doc = "Text." },
    { "port", FIELD_TEXT, offsetof(struct sample, port), FIELD_NUMBER_TOO | FIELD_IMMUTABLE, .fallback = "none",
      .doc = "A | B." },
    { "flag", FIELD_BOOL, offsetof(struct sample, flag), .fallback = "true", .doc = "Flag." },
    { "off", FIELD_BOOL, offsetof(struct sample, off), .doc = "Off." },
    { "number", FIELD_INT, offsetof(struct sample, number), .min = 0, .max = 100, .doc = "Number." },
    { "time", FIELD_TIME, offsetof(struct sample, time_ms), .doc = "Time." },
    { "color", FIELD_ENUM, offsetof(struct sample, color), .fallback = "green", .choices = sample_colors,
      .doc = "Color." },
    { "words", FIELD_TEXTS, offsetof(struct sample, words), .fallback = "[]", .max = 3, .example = "[a, b]",
      .doc = "Words." },
    { "labels", FIELD_TEXT_MAP, offsetof(struct sample, labels), .max = 3, .doc = "Labels." },
    { "env", FIELD_ENV_MAP, offsetof(struct sample, env), .fallback = "{}", .example = "{WORKERS: \"2\"}",
      .doc = "Env." },
    { "any", FIELD_JSON, offsetof(struct sample, any), .doc = "Any." },
    { "inner", FIELD_OBJECT, offsetof(struct sample, inner), .fields = sample_inner_fields, .doc = "Inner." },
    { "limits", FIELD_OBJECT, offsetof(struct sample, limits), .fallback = "{}", .fields = sample_limit_fields,
      .doc = "Limits." },
    { "items", FIELD_LIST, offsetof(struct sample, items), FIELD_UNIQUE_NAME, .max = 4, .fields = sample_item_fields,
      .item_size = sizeof(struct sample_item), .doc = "Items." },
    { NULL },
};

static inline void sample_release(struct sample *sample)
{
    fields_release(sample_fields, sample);
}
