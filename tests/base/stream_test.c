/* Chains of sinks: order, ends, errors, and what is known of a stream afterwards. */
#include "base/digest.h"
#include "tests/check.h"

static void write_all(struct sink *sink, const char *text)
{
    struct err err = ERR_INIT;
    assert_ok(sink_write(sink, text, strlen(text), &err), &err);
}

static void a_text_sink_keeps_all_pieces(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_add(&text, "old");
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&text, 5);
    write_all(sink, "ab");
    write_all(sink, "");
    write_all(sink, "cde");
    assert_ok(sink_finish(sink, &err), &err);
    assert_string_equal(text.text, "abcde");
}

static void a_text_sink_has_a_limit(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&text, 5);
    write_all(sink, "abc");
    assert_fails(sink_write(sink, "def", 3, &err), &err, ERR_TOO_LARGE);
}

/* The sums are those of sha256sum. */
static const struct digest_row {
    const char *why, *pieces[4], *sha256_hex;
    uint64_t bytes;
} digest_rows[] = {
    { "nothing", { NULL }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0 },
    { "one piece", { "abc" }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3 },
    { "three pieces", { "a", "b", "c" }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3 },
};

static void a_digest_is_taken_on_the_way(void **state)
{
    const struct digest_row *row = *state;
    struct err err = ERR_INIT;
    struct digest digest;
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(str_release) struct str all = STR_INIT;
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&digest, text_sink_new(&text, 100));
    for (size_t i = 0; row->pieces[i]; i++) {
        write_all(sink, row->pieces[i]);
        str_add(&all, row->pieces[i]);
    }
    assert_int_equal(digest.bytes, row->bytes);
    assert_string_equal(digest.sha256_hex, "");
    assert_ok(sink_finish(sink, &err), &err);
    assert_string_equal(digest.sha256_hex, row->sha256_hex);
    assert_int_equal(digest.bytes, row->bytes);
    assert_string_equal(text.text, all.text);
}

static void a_digest_needs_no_next_one(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct digest digest;
    CLEANUP(sink_freep) struct sink *sink = digest_sink_new(&digest, NULL);
    write_all(sink, "abc");
    assert_ok(sink_finish(sink, &err), &err);
    assert_int_equal(digest.bytes, 3);
}

/* Cannot be finished, and tells that it was freed. */
struct broken_sink {
    struct sink sink;
    int *freed;
};

static bool broken_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    (void)sink;
    (void)bytes;
    return len < 10 || err_set(err, ERR_REMOTE, "full");
}

static bool broken_finish(struct sink *sink, struct err *err)
{
    (void)sink;
    return err_set(err, ERR_REMOTE, "lost");
}

static void broken_free(struct sink *sink)
{
    ++*((struct broken_sink *)sink)->freed;
    free(sink);
}

static struct sink *broken_sink_new(int *freed)
{
    struct broken_sink *self = MEM_NEW(struct broken_sink);
    self->sink = (struct sink){ .write = broken_write, .finish = broken_finish, .free = broken_free };
    self->freed = freed;
    return &self->sink;
}

static void what_fails_behind_fails_in_front(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct digest digest;
    int freed = 0;
    struct sink *sink = digest_sink_new(&digest, broken_sink_new(&freed));
    assert_fails(sink_write(sink, "0123456789", 10, &err), &err, ERR_REMOTE);
    sink_free(sink);
    assert_int_equal(freed, 1);
    sink = digest_sink_new(&digest, broken_sink_new(&freed));
    write_all(sink, "abc");
    assert_fails(sink_finish(sink, &err), &err, ERR_REMOTE);
    assert_string_equal(digest.sha256_hex, ""); /* it did not arrive, so it has no sum */
    sink_free(sink);
    sink_free(NULL);
    assert_int_equal(freed, 2);
}

int main(void)
{
    struct check_list tests = { 0 };
    CHECK_TEST(&tests, a_text_sink_keeps_all_pieces);
    CHECK_TEST(&tests, a_text_sink_has_a_limit);
    CHECK_ROWS(&tests, a_digest_is_taken_on_the_way, digest_rows);
    CHECK_TEST(&tests, a_digest_needs_no_next_one);
    CHECK_TEST(&tests, what_fails_behind_fails_in_front);
    return check_run("base/stream", &tests);
}
