/* Docker's log frames, cut at every byte. */
#include "clients/docker/logs.h"
#include "tests/check.h"

static bool collect(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err;
    str_addn(context, bytes, len);
    return true;
}

static bool refuse(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)len;
    return err_set(err, ERR_CANCELLED, "enough");
}

static void add_frame(struct str *stream, char kind, const char *text)
{
    const char header[8] = { kind, 0, 0, 0, 0, 0, (char)(strlen(text) >> 8), (char)(strlen(text) & 255) };
    str_addn(stream, header, sizeof(header));
    str_add(stream, text);
}

static void make_stream(struct str *stream, struct str *text)
{
    CLEANUP(str_release) struct str big = STR_INIT;
    while (big.len < 600)
        str_add(&big, "a longer line of six hundred bytes ");
    add_frame(stream, 1, "one\n");
    add_frame(stream, 2, "two\n");
    add_frame(stream, 1, ""); /* nothing in it */
    add_frame(stream, 2, big.text);
    add_frame(stream, 1, "\n");
    str_addf(text, "one\ntwo\n%s\n", big.text);
}

static void cut_at_every_byte(void **state)
{
    CLEANUP(str_release) struct str stream = STR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    (void)state;
    make_stream(&stream, &text);
    for (size_t cut = 0; cut <= stream.len; cut++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        struct log_frames frames = { .sink = collect, .context = &seen };
        assert_true(log_frames_take(&frames, stream.text, cut, &err));
        assert_true(log_frames_take(&frames, stream.text + cut, stream.len - cut, &err));
        assert_true(log_frames_end(&frames, &err));
        assert_string_equal(seen.text, text.text);
    }
}

static void in_pieces_of_every_size(void **state)
{
    CLEANUP(str_release) struct str stream = STR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    (void)state;
    make_stream(&stream, &text);
    for (size_t size = 1; size < 20; size++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        struct log_frames frames = { .sink = collect, .context = &seen };
        for (size_t at = 0; at < stream.len; at += size)
            assert_true(
                log_frames_take(&frames, stream.text + at, stream.len - at < size ? stream.len - at : size, &err));
        assert_true(log_frames_end(&frames, &err));
        assert_string_equal(seen.text, text.text);
    }
}

/* A stream may only end between frames. */
static void truncated(void **state)
{
    CLEANUP(str_release) struct str stream = STR_INIT;
    size_t frames_end[2];
    (void)state;
    add_frame(&stream, 1, "one\n");
    frames_end[0] = stream.len;
    add_frame(&stream, 2, "two\n");
    frames_end[1] = stream.len;
    for (size_t len = 0; len <= stream.len; len++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct log_frames frames = { .sink = collect, .context = &seen };
        assert_true(log_frames_take(&frames, stream.text, len, &err));
        bool whole = len == 0 || len == frames_end[0] || len == frames_end[1];
        assert_int_equal(log_frames_end(&frames, &err), whole);
        assert_int_equal(err.code, whole ? ERR_NONE : ERR_REMOTE);
    }
}

static void no_frames(void **state)
{
    static const char *const streams[] = { "plain text of a terminal\n", "\1\0\0\1\0\0\0\1x", "\3\0\0\0\0\0\0\1x" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct log_frames frames = { .sink = collect, .context = &seen };
        assert_false(log_frames_take(&frames, streams[i], 9, &err));
        assert_int_equal(err.code, ERR_INTERNAL);
        assert_int_equal(seen.len, 0);
    }
}

static void sink_ends_it(void **state)
{
    CLEANUP(str_release) struct str stream = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct log_frames frames = { .sink = refuse };
    (void)state;
    add_frame(&stream, 1, "one\n");
    assert_false(log_frames_take(&frames, stream.text, stream.len, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, cut_at_every_byte);
    CHECK_TEST(&list, in_pieces_of_every_size);
    CHECK_TEST(&list, truncated);
    CHECK_TEST(&list, no_frames);
    CHECK_TEST(&list, sink_ends_it);
    return check_run("logs", &list);
}
