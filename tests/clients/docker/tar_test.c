/* Tar, against ourselves and against GNU tar, cut at every byte and bent in every way. */
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "clients/docker/tar.h"
#include "clients/docker/tar_header.h"
#include "tests/check.h"

/* What a visitor saw, as text: "5 dir/ 755 0:0\n0 dir/file 400 10:20 5 [hello]\n". */
static bool see_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    (void)err;
    str_addf(context, "%c %s %o %lld:%lld %llu%s%s\n", entry->type, entry->name, (unsigned)entry->mode,
             (long long)entry->uid, (long long)entry->gid, (unsigned long long)entry->size,
             entry->link_target[0] ? " -> " : "", entry->link_target);
    return true;
}

static bool see_data(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err;
    str_addn(context, bytes, len);
    return true;
}

static bool read_pieces(const struct str *tar, size_t size, struct str *seen, struct err *err)
{
    const struct tar_visitor visitor = { .entry = see_entry, .data = see_data, .context = seen };
    CLEANUP(tar_reader_freep) struct tar_reader *reader = tar_reader_new(&visitor);
    for (size_t at = 0; at < tar->len; at += size)
        if (!tar_reader_take(reader, tar->text + at, tar->len - at < size ? tar->len - at : size, err))
            return false;
    return tar_reader_end(reader, err);
}

static char *long_text(size_t len)
{
    char *text = mem_zalloc(len + 1);
    memset(text, 'n', len);
    for (size_t i = 50; i < len; i += 50)
        text[i] = '/';
    return text;
}

static void make_tar(struct str *tar, struct str *expected)
{
    CLEANUP(freep) char *long_name = long_text(300);
    CLEANUP(freep) char *long_target = long_text(400);
    const struct tar_entry entries[] = {
        { .type = '5', .name = "dir/", .mode = 0755 },
        { .type = '0', .name = "dir/file", .mode = 0400, .uid = 10, .gid = 20, .size = 5 },
        { .type = '0', .name = "empty", .mode = 04755 },
        { .type = '0', .name = long_name, .mode = 0644, .uid = 3000000, .gid = 4294967294, .size = 5 },
        { .type = '2', .name = "link", .mode = 0777, .link_target = long_target },
        { .type = '1', .name = "hard", .mode = 0644, .link_target = "dir/file" },
    };
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        struct tar_entry shown = entries[i];
        shown.link_target = shown.link_target ? shown.link_target : "";
        see_entry(expected, &shown, NULL);
        tar_write_file(tar, &entries[i], "hello");
        str_addn(expected, "hello", entries[i].size);
    }
    tar_write_end(tar);
}

static void written_is_read(void **state)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str expected = STR_INIT;
    (void)state;
    make_tar(&tar, &expected);
    assert_int_equal(tar.len % TAR_BLOCK, 0);
    static const size_t sizes[] = { 1, 2, 3, 7, 100, 511, 512, 513, 1024, 4096, 1 << 20 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        if (!read_pieces(&tar, sizes[i], &seen, &err))
            fail_msg("%s", err_message(&err));
        assert_string_equal(seen.text, expected.text);
    }
}

static void any_truncation_is_an_error(void **state)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str expected = STR_INIT;
    (void)state;
    make_tar(&tar, &expected);
    for (size_t len = 0; len < tar.len; len++) {
        CLEANUP(str_release) struct str part = STR_INIT;
        CLEANUP(str_release) struct str seen = STR_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        str_addn(&part, tar.text, len);
        if (read_pieces(&part, 4096, &seen, &err))
            fail_msg("cut to %zu bytes of %zu it was taken", len, tar.len);
        assert_int_equal(err.code, ERR_REMOTE);
    }
}

/* A flipped bit in a header is found, wherever it is; data carries no sum. */
static void damaged_headers(void **state)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    const struct tar_entry entry = { .type = '0', .name = "file", .mode = 0644, .size = 5 };
    (void)state;
    tar_write_file(&tar, &entry, "hello");
    tar_write_end(&tar);
    for (size_t i = 0; i < sizeof(struct tar_header); i++) {
        CLEANUP(str_release) struct str seen = STR_INIT;
        CLEANUP(err_release) struct err err = ERR_INIT;
        tar.text[i] ^= 1;
        bool taken = read_pieces(&tar, 512, &seen, &err);
        tar.text[i] ^= 1;
        /* The last two bytes of the sum are its end mark, which readers do not insist on. */
        if (taken && i != offsetof(struct tar_header, checksum) + 6 && i != offsetof(struct tar_header, checksum) + 7)
            fail_msg("byte %zu", i);
    }
}

static void set_sum(struct str *tar, size_t at)
{
    struct tar_header *header = (struct tar_header *)(tar->text + at);
    CLEANUP(freep) char *sum = mem_printf("%06o", tar_header_sum(header));
    memcpy(header->checksum, sum, 7);
}

/* Headers that are in order by their sum, and wrong all the same. */
static const struct bent_headers_row {
    const char *why;
    size_t at;
    const char *bytes;
    size_t len;
    bool taken;
} bent_headers_rows[] = {
    { "as it was", offsetof(struct tar_header, name), "file", 4, true },
    { "octal with blanks before", offsetof(struct tar_header, mode), "   644 ", 7, true },
    { "a size that is not octal", offsetof(struct tar_header, size), "0000000000x", 11, false },
    { "a decimal mode", offsetof(struct tar_header, mode), "0000689", 7, false },
    { "a negative size in base 256", offsetof(struct tar_header, size),
      "\377\377\377\377\377\377\377\377\377\377\377\373", 12, false },
    { "a gigantic size in base 256", offsetof(struct tar_header, size), "\200\0\0\0\200\0\0\0\0\0\0\0", 12, false },
    { "five in base 256", offsetof(struct tar_header, size), "\200\0\0\0\0\0\0\0\0\0\0\5", 12, true },
    { "more bytes than there are", offsetof(struct tar_header, size), "00000010000", 11, false },
};

static void bent_headers(void **state)
{
    const struct bent_headers_row *row = *state;
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str seen = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct tar_entry entry = { .type = '0', .name = "file", .mode = 0644, .size = 5 };
    tar_write_file(&tar, &entry, "hello");
    tar_write_end(&tar);
    memcpy(tar.text + row->at, row->bytes, row->len);
    set_sum(&tar, 0);
    if (read_pieces(&tar, 512, &seen, &err) != row->taken)
        fail_msg("%s: %s", row->why, err_message(&err));
    assert_int_equal(err.code, row->taken ? ERR_NONE : ERR_REMOTE);
}

static const struct pax_records_row {
    const char *why;
    char type;
    const char *records;
    const char *seen; /* NULL: refused */
} pax_records_rows[] = {
    { "none", 'x', "", "0 file 644 0:0 5\nhello" },
    { "a path", 'x', "12 path=abc\n", "0 abc 644 0:0 5\nhello" },
    { "an owner and what we do not know", 'x', "12 uid=1234\n10 what=a\n12 gid=1235\n",
      "0 file 644 1234:1235 5\nhello" },
    { "a value with a newline", 'x', "13 path=a\nbc\n", "0 a\nbc 644 0:0 5\nhello" },
    { "a size", 'x', "10 size=5\n", "0 file 644 0:0 5\nhello" },
    { "a GNU long name", 'L', "long", "0 long 644 0:0 5\nhello" },
    { "for the whole archive: read over", 'g', "12 path=abc\n", "0 file 644 0:0 5\nhello" },
    { "no length", 'x', "path=abc\n", NULL },
    { "a length too long", 'x', "99 path=abc\n", NULL },
    { "a length too short", 'x', "5 path=abc\n", NULL },
    { "a length of nothing", 'x', "0 path=abc\n", NULL },
    { "a length without an end", 'x', "99999999999999999999 path=abc\n", NULL },
    { "a length that ends before the key", 'x', "2 \n", NULL },
    { "no value", 'x', "8 path\n\n", NULL },
    { "a size that is negative", 'x', "11 size=-5\n", NULL },
    { "a size that is no number", 'x', "12 size=0x5\n", NULL },
    { "a size that is too large", 'x', "27 size=9999999999999999999\n", NULL },
    { "more data than there is", 'x', "14 size=99999\n", NULL },
};

static void pax_records(void **state)
{
    const struct pax_records_row *row = *state;
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str seen = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct tar_entry pax = { .type = row->type, .name = "pax", .mode = 0644, .size = strlen(row->records) };
    const struct tar_entry entry = { .type = '0', .name = "file", .mode = 0644, .size = 5 };
    tar_write_file(&tar, &pax, row->records);
    tar_write_file(&tar, &entry, "hello");
    tar_write_end(&tar);
    bool taken = read_pieces(&tar, 100, &seen, &err);
    if (taken != (row->seen != NULL) || (taken && strcmp(seen.text, row->seen) != 0))
        fail_msg("%s: %s %s", row->why, seen.text, err_message(&err));
}

static const struct what_follows_the_end_row {
    const char *why;
    size_t zeros;
    const char *then;
    bool taken;
} what_follows_the_end_rows[] = {
    { "one zero block only", 512, "", false },    { "two", 1024, "", true },
    { "padded to a record", 10240, "", true },    { "something behind one", 512, "x", false },
    { "something behind two", 1024, "x", false }, { "something behind many", 5120, "x", false },
};

static void what_follows_the_end(void **state)
{
    const struct what_follows_the_end_row *row = *state;
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str seen = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct tar_entry entry = { .type = '5', .name = "d/", .mode = 0755 };
    CLEANUP(freep) char *zeros = mem_zalloc(row->zeros);
    tar_write_entry(&tar, &entry);
    str_addn(&tar, zeros, row->zeros);
    str_add(&tar, row->then);
    if (row->then[0]) /* a whole block */
        str_addn(&tar, zeros, 511);
    if (read_pieces(&tar, 300, &seen, &err) != row->taken)
        fail_msg("%s: %s", row->why, err_message(&err));
}

/* ---- GNU tar ---- */

static void run(const char *const *argv, struct str *ret_output)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct process process = { .argv = argv, .output_limit = 1 << 20 };
    if (!process_run(&process, NULL, ret_output, &err))
        fail_msg("%s", err_message(&err));
}

static void gnu_tar_reads_ours(void **state)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(str_release) struct str expected = STR_INIT;
    CLEANUP(str_release) struct str listed = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = mem_printf("/tmp/tenantd-tar-test-%d.tar", (int)getpid());
    CLEANUP(freep) char *long_name = long_text(300);
    const char *const argv[] = { "tar", "--numeric-owner", "-tvf", path, NULL };
    (void)state;
    make_tar(&tar, &expected);
    assert_true(file_write(path, tar.text, tar.len, 0600, &err));
    run(argv, &listed);
    remove(path);
    assert_non_null(strstr(listed.text, "drwxr-xr-x 0/0"));
    assert_non_null(strstr(listed.text, "-r-------- 10/20 "));
    assert_non_null(strstr(listed.text, "-rwsr-xr-x"));
    assert_non_null(strstr(listed.text, "3000000/"));
    assert_non_null(strstr(listed.text, long_name));
    assert_non_null(strstr(listed.text, "link to dir/file"));
}

static void we_read_gnu_tar(void **state)
{
    static const char *const formats[] = { "--format=gnu", "--format=pax", "--format=ustar", "--format=v7",
                                           "--format=oldgnu" };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *directory = mem_printf("/tmp/tenantd-tar-test-%d", (int)getpid());
    CLEANUP(freep) char *deep = mem_printf("%s/a", directory);
    CLEANUP(freep) char *file = mem_printf("%s/a/file", directory);
    CLEANUP(freep) char *tar_path = mem_printf("%s.tar", directory);
    (void)state;
    assert_true(dir_make(deep, 0755, &err));
    assert_true(file_write(file, "hello", 5, 0640, &err));
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        CLEANUP(str_release) struct str output = STR_INIT;
        CLEANUP(str_release) struct str tar = STR_INIT;
        CLEANUP(str_release) struct str seen = STR_INIT;
        const char *const argv[] = { "tar", formats[i], "--owner=1234", "--group=1235",
                                     "-C",  directory,  "-cf",          tar_path,
                                     "a",   NULL };
        run(argv, &output);
        assert_true(file_read(tar_path, 1 << 20, &tar, &err));
        if (!read_pieces(&tar, 1000, &seen, &err))
            fail_msg("%s: %s", formats[i], err_message(&err));
        assert_string_equal(seen.text, "5 a/ 755 1234:1235 0\n0 a/file 640 1234:1235 5\nhello");
    }
    remove(tar_path);
    assert_true(dir_remove(directory, &err));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, written_is_read);
    CHECK_TEST(&list, any_truncation_is_an_error);
    CHECK_TEST(&list, damaged_headers);
    CHECK_ROWS(&list, bent_headers, bent_headers_rows);
    CHECK_ROWS(&list, pax_records, pax_records_rows);
    CHECK_ROWS(&list, what_follows_the_end, what_follows_the_end_rows);
    CHECK_TEST(&list, gnu_tar_reads_ours);
    CHECK_TEST(&list, we_read_gnu_tar);
    return check_run("tar", &list);
}
