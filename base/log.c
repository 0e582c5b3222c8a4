/* Log lines: put together in memory, then one write(2) each. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define CONTEXT_LIMIT 8
#define VALUE_LIMIT   ((size_t)8192) /* bytes of one value; longer ones come from outside and are cut */

struct log_context {
    struct {
        char *key;
        char *text; /* NULL: `number` counts */
        int64_t number;
    } fields[CONTEXT_LIMIT];
    size_t count;
};

/* Written by log_setup() only, before there are threads. */
static struct {
    enum log_level level;
    enum log_format format;
} setup = { .level = LOG_INFO, .format = LOG_FORMAT_TEXT };

static pthread_key_t context_key;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARNING] = "warning",
    [LOG_ERROR] = "error",
};

void log_setup(enum log_level level, enum log_format format)
{
    setup.level = level;
    setup.format = format;
}

static void context_release(struct log_context *context)
{
    for (size_t i = 0; i < context->count; i++) {
        free(context->fields[i].key);
        free(context->fields[i].text);
    }
    context->count = 0;
}

static void context_free(void *context)
{
    context_release(context);
    free(context);
}

static void context_key_make(void)
{
    if (pthread_key_create(&context_key, context_free) != 0)
        abort(); /* 1024 keys per process, and this is our only one */
}

/* This thread's; NULL when it never set one. */
static struct log_context *context_get(void)
{
    pthread_once(&context_once, context_key_make);
    return pthread_getspecific(context_key);
}

void log_context(const struct log_field *fields, size_t count)
{
    assert(count <= CONTEXT_LIMIT);
    struct log_context *context = context_get();
    if (!context) {
        if (count == 0)
            return;
        context = MEM_NEW(struct log_context);
        if (pthread_setspecific(context_key, context) != 0)
            abort(); /* out of memory */
    }
    struct log_context next = { .count = count }; /* made first: `fields` may point into what is released */
    for (size_t i = 0; i < count; i++) {
        next.fields[i].key = mem_strdup(fields[i].key);
        next.fields[i].text = mem_strdup(fields[i].text);
        next.fields[i].number = fields[i].number;
    }
    context_release(context);
    *context = next;
}

static bool is_plain(const char *text, size_t len)
{
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == 0x7F || c == '"' || c == '=')
            return false;
        if (c == 0xC2 && (unsigned char)text[i + 1] < 0xA0) /* U+0080 to U+009F: control characters, too */
            return false;
    }
    return str_is_utf8(text, len);
}

static void add_escaped(struct str *line, const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0];
    if (c == '"' || c == '\\')
        str_addf(line, "\\%c", c);
    else if (c == '\n')
        str_add(line, "\\n");
    else if (c == '\r')
        str_add(line, "\\r");
    else if (c == '\t')
        str_add(line, "\\t");
    else if (size == 0 || c < ' ' || c == 0x7F)
        str_addf(line, "\\x%02x", c);
    else if (c == 0xC2 && (unsigned char)text[1] < 0xA0)
        str_addf(line, "\\u%04x", (unsigned char)text[1]);
    else
        str_addn(line, text, size);
}

static void add_text_value(struct str *line, const char *text)
{
    size_t len = strnlen(text, VALUE_LIMIT);
    if (is_plain(text, len)) {
        str_addn(line, text, len);
    } else {
        str_addc(line, '"');
        for (size_t at = 0; at < len;) {
            size_t size = str_utf8_sequence(text + at, len - at);
            add_escaped(line, text + at, size);
            at += size > 0 ? size : 1;
        }
        str_addc(line, '"');
    }
    if (text[len] != '\0')
        str_add(line, "...");
}

static void add_text_field(struct str *line, const char *key, const char *text, int64_t number)
{
    str_addf(line, " %s=", key);
    if (text)
        add_text_value(line, text);
    else
        str_addf(line, "%lld", (long long)number);
}

static void put_json_field(json_t *line, const char *key, const char *text, int64_t number)
{
    if (!text) {
        json_put(line, key, json_integer(number));
        return;
    }
    CLEANUP(str_release) struct str value = STR_INIT;
    size_t len = strnlen(text, VALUE_LIMIT);
    str_add_utf8(&value, text, len);
    if (text[len] != '\0')
        str_add(&value, "...");
    json_put_text(line, key, value.text);
}

static char *time_with_ms(int64_t wall_ms)
{
    CLEANUP(freep) char *seconds = time_to_rfc3339(wall_ms);
    return mem_printf("%.*s.%03dZ", (int)strlen(seconds) - 1, seconds, (int)(wall_ms % SECOND_MS));
}

static void print_text(struct str *line, const char *time, enum log_level level, const char *message,
                       const struct log_field *fields, size_t count)
{
    str_addf(line, "%s %s", time, level_names[level]);
    add_text_field(line, "message", message, 0);
    const struct log_context *context = context_get();
    for (size_t i = 0; context && i < context->count; i++)
        add_text_field(line, context->fields[i].key, context->fields[i].text, context->fields[i].number);
    for (size_t i = 0; i < count; i++)
        add_text_field(line, fields[i].key, fields[i].text, fields[i].number);
}

static void print_json(struct str *line, const char *time, enum log_level level, const char *message,
                       const struct log_field *fields, size_t count)
{
    CLEANUP(json_decrefp) json_t *entry = json_object();
    put_json_field(entry, "time", time, 0);
    put_json_field(entry, "level", level_names[level], 0);
    put_json_field(entry, "message", message, 0);
    const struct log_context *context = context_get();
    for (size_t i = 0; context && i < context->count; i++)
        put_json_field(entry, context->fields[i].key, context->fields[i].text, context->fields[i].number);
    for (size_t i = 0; i < count; i++)
        put_json_field(entry, fields[i].key, fields[i].text, fields[i].number);
    CLEANUP(freep) char *text = json_dumps(entry, JSON_COMPACT); /* in the order of insertion: the time comes first */
    if (!text)
        abort();
    str_add(line, text);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (level < setup.level)
        return;
    int saved_errno = errno; /* a log line between a call and its error must not change what is reported */
    CLEANUP(str_release) struct str line = STR_INIT;
    CLEANUP(freep) char *time = time_with_ms(clock_wall_ms());
    if (setup.format == LOG_FORMAT_JSON)
        print_json(&line, time, level, message, fields, count);
    else
        print_text(&line, time, level, message, fields, count);
    str_addc(&line, '\n');
    while (write(STDERR_FILENO, line.text, line.len) < 0 && errno == EINTR)
        continue; /* other failures: there is no place left to tell */
    errno = saved_errno;
}
