/* The sum over a tree of files: equal for equal trees, another one for whatever differs. */
#include "clients/docker/tar.h"
#include "reconcilers/restore/files.h"
#include "tests/check.h"

static const struct tar_entry root = { .type = '5', .name = "./", .mode = 0755, .uid = 7, .gid = 7 };
static const struct tar_entry file_a = { .type = '0', .name = "./a", .mode = 0644, .uid = 1, .gid = 2, .size = 5 };
static const struct tar_entry file_b = { .type = '0', .name = "./b", .mode = 0644, .uid = 1, .gid = 2, .size = 5 };

static struct files_sum sum_of(const struct str *tar, size_t piece)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct files_sum sum;
    CLEANUP(sink_freep) struct sink *sink = files_sum_sink_new(&sum, NULL);
    for (size_t at = 0; at < tar->len; at += piece)
        assert_ok(sink_write(sink, tar->text + at, tar->len - at < piece ? tar->len - at : piece, &err), &err);
    assert_ok(sink_finish(sink, &err), &err);
    return sum;
}

struct tree {
    const struct tar_entry *entries[3];
    const char *contents[3];
};

static struct files_sum sum_of_tree(const struct tree *tree)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    for (size_t i = 0; i < 3 && tree->entries[i]; i++)
        tar_write_file(&tar, tree->entries[i], tree->contents[i]);
    tar_write_end(&tar);
    struct files_sum whole = sum_of(&tar, tar.len), pieces = sum_of(&tar, 77);
    assert_string_equal(whole.hex, pieces.hex);
    assert_int_equal(whole.files, pieces.files);
    return whole;
}

static const struct tree original = { { &root, &file_a, &file_b }, { "", "hello", "world" } };

static const struct tar_entry later_a = {
    .type = '0', .name = "a", .mode = 0644, .uid = 1, .gid = 2, .size = 5, .mtime = 9
};
static const struct tar_entry owned_a = { .type = '0', .name = "./a", .mode = 0644, .uid = 9, .gid = 2, .size = 5 };
static const struct tar_entry open_a = { .type = '0', .name = "./a", .mode = 0666, .uid = 1, .gid = 2, .size = 5 };
static const struct tar_entry short_a = { .type = '0', .name = "./a", .mode = 0644, .uid = 1, .gid = 2, .size = 4 };

static const struct row {
    const char *why;
    struct tree tree;
    bool same;
} rows[] = {
    { "another order", { { &file_b, &root, &file_a }, { "world", "", "hello" } }, true },
    { "another time, another way to write the name", { { &root, &later_a, &file_b }, { "", "hello", "world" } }, true },
    { "a bit", { { &root, &file_a, &file_b }, { "", "hellp", "world" } }, false },
    { "contents changed places", { { &root, &file_a, &file_b }, { "", "world", "hello" } }, false },
    { "a file less", { { &root, &file_a }, { "", "hello" } }, false },
    { "a file twice", { { &root, &file_a, &file_a }, { "", "hello", "hello" } }, false },
    { "another owner", { { &root, &owned_a, &file_b }, { "", "hello", "world" } }, false },
    { "another mode", { { &root, &open_a, &file_b }, { "", "hello", "world" } }, false },
    { "a shorter one", { { &root, &short_a, &file_b }, { "", "hell", "world" } }, false },
};

static void compares(void **state)
{
    const struct row *row = *state;
    struct files_sum then = sum_of_tree(&original), now = sum_of_tree(&row->tree);
    assert_int_equal(strcmp(then.hex, now.hex) == 0, row->same);
}

static void refuses_half_a_tar(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT;
    struct files_sum sum;
    tar_write_file(&tar, &file_a, "hello");
    CLEANUP(sink_freep) struct sink *sink = files_sum_sink_new(&sum, NULL);
    assert_ok(sink_write(sink, tar.text, tar.len, &err), &err);
    assert_fails(sink_finish(sink, &err), &err, ERR_REMOTE);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, compares, rows);
    CHECK_TEST(&list, refuses_half_a_tar);
    return check_run("files", &list);
}
