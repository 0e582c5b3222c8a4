/* zstd sinks: both directions with the program `zstd`, and what is broken. */
#include "base/process.h"
#include "base/zstd.h"
#include "tests/check.h"

#define MANY ((size_t)3 << 20)

/* Text that packs, but not to nothing. */
static void fill(struct str *text, size_t len)
{
    while (text->len < len)
        str_addf(text, "%zu,%zu;", text->len, text->len * 2654435761U % 1000003);
    text->len = len;
    text->text[len] = '\0';
}

static void through(struct sink *first, const struct str *text, size_t piece)
{
    struct err err = ERR_INIT;
    for (size_t at = 0; at < text->len; at += piece)
        assert_ok(sink_write(first, text->text + at, text->len - at < piece ? text->len - at : piece, &err), &err);
    assert_ok(sink_finish(first, &err), &err);
}

static void pack(const struct str *text, size_t piece, struct str *ret)
{
    CLEANUP(sink_freep) struct sink *sink = zstd_pack_sink_new(text_sink_new(ret, 2 * MANY), ZSTD_LEVEL);
    through(sink, text, piece);
}

static bool unpack(const struct str *packed, size_t piece, struct str *ret, struct err *err)
{
    CLEANUP(sink_freep) struct sink *sink = zstd_unpack_sink_new(text_sink_new(ret, 2 * MANY));
    for (size_t at = 0; at < packed->len; at += piece)
        if (!sink_write(sink, packed->text + at, packed->len - at < piece ? packed->len - at : piece, err))
            return false;
    return sink_finish(sink, err);
}

static void run(const char *const *argv, const struct str *input, struct str *ret)
{
    struct err err = ERR_INIT;
    const struct process process = {
        .argv = argv, .input = input->text, .input_len = input->len, .output_limit = 2 * MANY
    };
    assert_ok(process_run(&process, NULL, ret, &err), &err);
}

static const struct {
    const char *why;
    size_t len, piece;
} rows[] = {
    { "nothing", 0, 1 },
    { "one byte", 1, 1 },
    { "in bytes", 3000, 1 },
    { "larger than a block", 200000, 70001 },
    { "in one piece", MANY, MANY },
};

static void both_directions(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(str_release) struct str text = STR_INIT, packed = STR_INIT, again = STR_INIT, theirs = STR_INIT;
    struct err err = ERR_INIT;
    fill(&text, row->len);
    pack(&text, row->piece, &packed);
    assert_ok(unpack(&packed, row->piece, &again, &err), &err);
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.text, text.text, text.len);

    run((const char *const[]){ "zstd", "-d", NULL }, &packed, &theirs);
    assert_int_equal(theirs.len, text.len);
    assert_memory_equal(theirs.text, text.text, text.len);

    run((const char *const[]){ "zstd", "-q", "-c", NULL }, &text, &packed);
    assert_ok(unpack(&packed, row->piece, &again, &err), &err);
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.text, text.text, text.len);
}

static void packs(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, packed = STR_INIT;
    fill(&text, MANY);
    pack(&text, MANY, &packed);
    assert_true(packed.len < text.len / 2);
}

static void two_frames_are_one_text(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, packed = STR_INIT, again = STR_INIT;
    struct err err = ERR_INIT;
    fill(&text, 1000);
    pack(&text, 1000, &packed);
    size_t len = packed.len;
    CLEANUP(freep) char *copy = mem_zalloc(len);
    memcpy(copy, packed.text, len);
    str_addn(&packed, copy, len);
    assert_ok(unpack(&packed, 7, &again, &err), &err);
    assert_int_equal(again.len, 2000);
}

static void broken_ones(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, packed = STR_INIT, out = STR_INIT;
    struct err err = ERR_INIT;
    assert_fails(unpack(&packed, 1, &out, &err), &err, ERR_INVALID); /* nothing is no frame */
    str_add(&packed, "no zstd at all");
    assert_fails(unpack(&packed, 100, &out, &err), &err, ERR_INVALID);
    fill(&text, 300000);
    pack(&text, 1000, &packed);
    size_t len = packed.len;
    for (size_t cut = 1; cut < len; cut += len / 13) {
        packed.len = len - cut;
        assert_fails(unpack(&packed, 4096, &out, &err), &err, ERR_INVALID);
    }
    packed.len = len;
    packed.text[len / 2] ^= 16;
    assert_fails(unpack(&packed, 4096, &out, &err), &err, ERR_INVALID);
}

/* A small file that asks for a window of gigabytes must not get it. */
static void large_windows_are_refused(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, packed = STR_INIT, out = STR_INIT;
    struct err err = ERR_INIT;
    fill(&text, 1000);
    run((const char *const[]){ "zstd", "-q", "-c", "--long=30", NULL }, &text, &packed);
    assert_fails(unpack(&packed, 100, &out, &err), &err, ERR_INVALID);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, both_directions, rows);
    CHECK_TEST(&list, packs);
    CHECK_TEST(&list, two_frames_are_one_text);
    CHECK_TEST(&list, broken_ones);
    CHECK_TEST(&list, large_windows_are_refused);
    return check_run("zstd", &list);
}
