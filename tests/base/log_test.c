#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "tests/check.h"

static int saved_stderr;
static int captured;

static void capture_begin(void)
{
    saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    captured = memfd_create("stderr", MFD_CLOEXEC);
    dup2(captured, STDERR_FILENO);
}

/* What was written since; owned. */
static char *capture_end(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    closep(&saved_stderr);
    off_t size = lseek(captured, 0, SEEK_END);
    char *text = mem_zalloc((size_t)size + 1);
    assert_int_equal(pread(captured, text, (size_t)size, 0), size);
    closep(&captured);
    return text;
}

/* "2026-01-02T03:04:05.678Z " */
static const char *after_time(const char *line)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; pattern[i]; i++) {
        bool is_fine = pattern[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == pattern[i];
        if (!is_fine)
            fail_msg("no time at the beginning of: %s", line);
    }
    return line + strlen(pattern);
}

static const struct {
    const char *why;
    const char *value;
    const char *text;
    const char *json;
} value_rows[] = {
    { "plain", "acme", "acme", "\"acme\"" },
    { "plain with punctuation", "/a/b:c,d;e'f\\g", "/a/b:c,d;e'f\\g", "\"/a/b:c,d;e'f\\\\g\"" },
    { "empty", "", "\"\"", "\"\"" },
    { "blank", "a b", "\"a b\"", "\"a b\"" },
    { "equal sign cannot make a field", "x=1", "\"x=1\"", "\"x=1\"" },
    { "quote", "say \"no\"", "\"say \\\"no\\\"\"", "\"say \\\"no\\\"\"" },
    { "backslash in quotes", "a \\ b", "\"a \\\\ b\"", "\"a \\\\ b\"" },
    { "line end cannot make a line", "a\nb\r\tc", "\"a\\nb\\r\\tc\"", "\"a\\nb\\r\\tc\"" },
    { "terminal escape", "\x1b[31m", "\"\\x1b[31m\"", "\"\\u001B[31m\"" },
    { "DEL", "a\x7f", "\"a\\x7f\"", "\"a\x7f\"" },
    { "C1 control character",
      "a\xC2\x9B"
      "31m",
      "\"a\\u009b31m\"",
      "\"a\xC2\x9B"
      "31m\"" },
    { "UTF-8 stays", "M\xC3\xBCller", "M\xC3\xBCller", "\"M\xC3\xBCller\"" },
    { "what looks like C1 and is not", "\xC2\xA0", "\xC2\xA0", "\"\xC2\xA0\"" },
    { "no UTF-8", "caf\xE9", "\"caf\\xe9\"", "\"caf\uFFFD\"" },
    { "no UTF-8 and a first byte of C1 at the end", "\xC2", "\"\\xc2\"", "\"\uFFFD\"" },
};

static void text_value(void **state)
{
    const __typeof__(value_rows[0]) *row = *state;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    capture_begin();
    log_info("bucket created", LOG_STR("bucket", row->value), LOG_INT("took_ms", -3));
    CLEANUP(freep) char *line = capture_end();
    CLEANUP(freep) char *wanted = mem_printf("info message=\"bucket created\" bucket=%s took_ms=-3\n", row->text);
    assert_string_equal(after_time(line), wanted);
}

static void json_value(void **state)
{
    const __typeof__(value_rows[0]) *row = *state;
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    log_error("bucket failed", LOG_STR("bucket", row->value), LOG_INT("took_ms", INT64_MIN));
    CLEANUP(freep) char *line = capture_end();
    CLEANUP(freep)
    char *wanted = mem_printf(
        ",\"level\":\"error\",\"message\":\"bucket failed\",\"bucket\":%s,\"took_ms\":-9223372036854775808}\n",
        row->json);
    assert_true(str_starts_with(line, "{\"time\":\"20"));
    assert_string_equal(strstr(line, ",\"level\""), wanted);
}

static void no_fields_and_null_text(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    capture_begin();
    log_warning("started");
    CLEANUP(freep) char *line = capture_end();
    assert_string_equal(after_time(line), "warning message=started\n");
    const char *missing = NULL;
    capture_begin();
    log_info("x", LOG_STR("name", missing));
    CLEANUP(freep) char *second = capture_end();
    assert_string_equal(after_time(second), "info message=x name=\"\"\n");
}

static void lower_levels_are_left_out(void **state)
{
    (void)state;
    log_setup(LOG_WARNING, LOG_FORMAT_TEXT);
    capture_begin();
    log_debug("no");
    log_info("no");
    log_warning("yes");
    log_error("yes");
    CLEANUP(freep) char *lines = capture_end();
    assert_null(strstr(lines, "no"));
    assert_string_equal(after_time(strchr(lines, '\n') + 1), "error message=yes\n");
}

static void errno_is_kept(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDERR_FILENO); /* so that the write fails, too */
    errno = ENOTTY;
    log_info("nowhere");
    int after = errno;
    dup2(saved, STDERR_FILENO);
    closep(&saved);
    assert_int_equal(after, ENOTTY);
}

static void long_values_are_cut(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str value = STR_INIT;
    while (value.len < 100000)
        str_addc(&value, 'x');
    for (enum log_format format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_setup(LOG_INFO, format);
        capture_begin();
        log_info("long", LOG_STR("value", value.text), LOG_INT("end", 1));
        CLEANUP(freep) char *line = capture_end();
        assert_in_range(strlen(line), 8192, 8400);
        assert_contains(line, "xxx...");
        assert_contains(line, "end");
    }
}

static void context_stays_until_it_is_cleared(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    char name[] = "erp";
    log_context((struct log_field[]){ LOG_STR("kind", "Instance"), LOG_STR("name", name), LOG_INT("run", 7) }, 3);
    name[0] = 'X'; /* it was copied */
    capture_begin();
    log_info("step", LOG_STR("step", "create"));
    CLEANUP(freep) char *with = capture_end();
    assert_string_equal(after_time(with), "info message=step kind=Instance name=erp run=7 step=create\n");
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    log_info("step");
    CLEANUP(freep) char *json = capture_end();
    assert_contains(json, "\"message\":\"step\",\"kind\":\"Instance\",\"name\":\"erp\",\"run\":7}");
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    log_context(NULL, 0);
    capture_begin();
    log_info("step");
    CLEANUP(freep) char *without = capture_end();
    assert_string_equal(after_time(without), "info message=step\n");
}

enum { THREADS = 8, LINES = 500 };

static void *log_many(void *argument)
{
    int64_t number = *(const int64_t *)argument;
    log_context((struct log_field[]){ LOG_INT("thread", number) }, 1);
    for (int64_t i = 0; i < LINES; i++)
        log_info("a line", LOG_INT("number", i), LOG_STR("text", "some words to make it longer"));
    return NULL; /* the context goes with the thread */
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    pthread_t threads[THREADS];
    int64_t numbers[THREADS];
    int64_t next[THREADS] = { 0 };
    capture_begin();
    fcntl(captured, F_SETFL, O_APPEND); /* as a log file would be */
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = (int64_t)i;
        pthread_create(&threads[i], NULL, log_many, &numbers[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CLEANUP(freep) char *text = capture_end();
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    assert_int_equal(lines.count, THREADS * LINES + 1);
    for (size_t i = 0; i < THREADS * LINES; i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(json_decrefp) json_t *entry = NULL;
        assert_ok(json_parse(lines.items[i], strlen(lines.items[i]), &entry, &err), &err);
        int64_t thread = json_int(entry, "thread", -1);
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(json_int(entry, "number", -1), next[thread]++);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, text_value, value_rows);
    CHECK_ROWS(&list, json_value, value_rows);
    CHECK_TEST(&list, no_fields_and_null_text);
    CHECK_TEST(&list, lower_levels_are_left_out);
    CHECK_TEST(&list, errno_is_kept);
    CHECK_TEST(&list, long_values_are_cut);
    CHECK_TEST(&list, context_stays_until_it_is_cleared);
    CHECK_TEST(&list, lines_of_threads_do_not_mix);
    return check_run("log", &list);
}
