/*
 * Logs, one line per entry on stderr, key=value or JSON. The message is constant; what varies is a field:
 *     log_info("bucket created", LOG_STR("bucket", name), LOG_INT("took_ms", took));
 * Any thread.
 */
#pragma once

#include "base/mem.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    const char *text; /* NULL: `number` counts */
    int64_t number;
};
/* A missing text is logged as an empty one. */
static inline const char *log_text(const char *text)
{
    return text ? text : "";
}
#define LOG_STR(k, v) ((struct log_field){ .key = (k), .text = log_text(v) })
#define LOG_INT(k, v) ((struct log_field){ .key = (k), .number = (v) })

void log_setup(enum log_level level, enum log_format format); /* once, before threads */
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);
/* Fields that stay with this thread's lines until log_context(NULL, 0): kind, name, run. Copied. At most 8. */
void log_context(const struct log_field *fields, size_t count);

#define LOG_AT(level, message, ...)                                                                                    \
    log_write((level), (message), (const struct log_field[]){ { 0 }, ##__VA_ARGS__ } + 1,                              \
              sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / sizeof(struct log_field) - 1)
#define log_debug(message, ...)   LOG_AT(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...)    LOG_AT(LOG_INFO, message, ##__VA_ARGS__)
#define log_warning(message, ...) LOG_AT(LOG_WARNING, message, ##__VA_ARGS__)
#define log_error(message, ...)   LOG_AT(LOG_ERROR, message, ##__VA_ARGS__)
