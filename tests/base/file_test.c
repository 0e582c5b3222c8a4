#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/check.h"

static char *directory;

static int make_directory(void **state)
{
    (void)state;
    directory = mem_strdup("/tmp/tenantd-file-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool removed = dir_remove(directory, &err);
    bool is_gone = !file_exists(directory);
    free(directory);
    return removed && is_gone ? 0 : -1;
}

/* Owned. */
static char *in_directory(const char *name)
{
    return mem_printf("%s/%s", directory, name);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static size_t count_in(const char *path)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    assert_ok(dir_list(path, &names, &err), &err);
    return names.count;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(freep) char *path = in_directory("file");
    assert_false(file_exists(path));
    assert_ok(file_write(path, "a\0b", 3, 0600, &err), &err);
    assert_true(file_exists(path));
    str_add(&bytes, "replaced");
    assert_ok(file_read(path, 3, &bytes, &err), &err);
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.text, "a\0b", 3);
    assert_ok(file_write(path, NULL, 0, 0600, &err), &err);
    assert_ok(file_read(path, 0, &bytes, &err), &err);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(count_in(directory), 1); /* no temporary file is left */
}

static void the_mode_is_exact(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = in_directory("file");
    mode_t before = umask(077);
    assert_ok(file_write(path, "x", 1, 0644, &err), &err);
    umask(0);
    assert_int_equal(mode_of(path), 0644);
    assert_ok(file_write(path, "x", 1, 0600, &err), &err);
    umask(before);
    assert_int_equal(mode_of(path), 0600);
}

static void reading_is_limited(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(freep) char *path = in_directory("file");
    CLEANUP(freep) char *large = mem_zalloc(1 << 20);
    assert_ok(file_write(path, large, 1 << 20, 0600, &err), &err);
    assert_ok(file_read(path, 1 << 20, &bytes, &err), &err);
    assert_int_equal(bytes.len, 1 << 20);
    str_clear(&bytes);
    str_add(&bytes, "kept");
    assert_fails(file_read(path, (1 << 20) - 1, &bytes, &err), &err, ERR_TOO_LARGE);
    assert_fails(file_read("/dev/zero", 100, &bytes, &err), &err, ERR_TOO_LARGE);
    assert_string_equal(bytes.text, "kept");
}

static void failures_name_the_path(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(freep) char *missing = in_directory("no/such");
    assert_false(file_read(missing, 100, &bytes, &err));
    assert_contains(err_message(&err), missing);
    assert_fails(file_read(missing, 100, &bytes, &err), &err, ERR_NOT_FOUND);
    assert_fails(file_write(missing, "x", 1, 0600, &err), &err, ERR_NOT_FOUND);
    assert_fails(dir_list(missing, &names, &err), &err, ERR_NOT_FOUND);
    assert_fails(file_read(directory, 100, &bytes, &err), &err, ERR_INTERNAL);
    assert_fails(file_write(directory, "x", 1, 0600, &err), &err, ERR_INTERNAL);
    assert_int_equal(count_in(directory), 0);
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = in_directory("full");
    CLEANUP(freep) char *inside = in_directory("full/inside");
    assert_ok(dir_make(inside, 0700, &err), &err);
    assert_fails(file_write(path, "x", 1, 0600, &err), &err, ERR_INTERNAL); /* a directory has the name */
    assert_true(file_exists(inside));
    assert_int_equal(count_in(directory), 1);
}

static void a_full_disk_keeps_the_old_content(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(freep) char *path = in_directory("file");
    assert_ok(file_write(path, "old", 3, 0600, &err), &err);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before); /* stands in for the full disk */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ .rlim_cur = 2, .rlim_max = before.rlim_max });
    bool written = file_write(path, "newer", 5, 0600, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(written);
    assert_contains(err_message(&err), "File too large");
    assert_ok(file_read(path, 10, &bytes, &err), &err);
    assert_string_equal(bytes.text, "old");
    assert_int_equal(count_in(directory), 1);
}

static void directories_are_made_with_parents(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *deep = in_directory("a/b//c/");
    CLEANUP(freep) char *parent = in_directory("a/b");
    mode_t before = umask(022);
    assert_ok(dir_make(deep, 0700, &err), &err);
    umask(before);
    assert_int_equal(mode_of(deep), 0700);
    assert_int_equal(mode_of(parent), 0755);
    assert_ok(dir_make(deep, 0755, &err), &err);
    assert_int_equal(mode_of(deep), 0700);
    assert_ok(dir_make("/", 0755, &err), &err);
    assert_ok(dir_make(".", 0755, &err), &err);
}

static void a_file_in_the_way_of_a_directory(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = in_directory("file");
    CLEANUP(freep) char *below = in_directory("file/below");
    assert_ok(file_write(path, "x", 1, 0600, &err), &err);
    assert_fails(dir_make(path, 0755, &err), &err, ERR_CONFLICT);
    assert_fails(dir_make(below, 0755, &err), &err, ERR_CONFLICT);
}

static void removing_takes_all_but_what_links_point_to(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *outside = in_directory("outside");
    CLEANUP(freep) char *kept = in_directory("outside/kept");
    CLEANUP(freep) char *tree = in_directory("tree");
    CLEANUP(freep) char *deep = in_directory("tree/a/b/c");
    CLEANUP(freep) char *file = in_directory("tree/a/b/file");
    CLEANUP(freep) char *link_to_dir = in_directory("tree/a/link");
    CLEANUP(freep) char *dangling = in_directory("tree/dangling");
    CLEANUP(freep) char *fifo = in_directory("tree/fifo");
    assert_ok(dir_make(outside, 0755, &err), &err);
    assert_ok(file_write(kept, "x", 1, 0600, &err), &err);
    assert_ok(dir_make(deep, 0755, &err), &err);
    assert_ok(file_write(file, "x", 1, 0400, &err), &err);
    assert_int_equal(symlink(outside, link_to_dir), 0);
    assert_int_equal(symlink("nowhere", dangling), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ok(dir_remove(tree, &err), &err);
    assert_false(file_exists(tree));
    assert_true(file_exists(kept));
    assert_ok(dir_remove(tree, &err), &err); /* safe to repeat */
}

static void a_link_or_file_is_no_directory_to_remove(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *outside = in_directory("outside");
    CLEANUP(freep) char *link = in_directory("link");
    CLEANUP(freep) char *file = in_directory("file");
    assert_ok(dir_make(outside, 0755, &err), &err);
    assert_int_equal(symlink(outside, link), 0);
    assert_ok(file_write(file, "x", 1, 0600, &err), &err);
    assert_fails(dir_remove(link, &err), &err, ERR_INTERNAL);
    assert_fails(dir_remove(file, &err), &err, ERR_INTERNAL);
    assert_true(file_exists(outside));
    assert_true(file_exists(file));
}

static void names_are_sorted(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    static const char *const made[] = { "b", "a", ".hidden", "C", "a1" };
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        CLEANUP(freep) char *path = in_directory(made[i]);
        assert_ok(file_write(path, "", 0, 0600, &err), &err);
    }
    strv_add(&names, "replaced");
    assert_ok(dir_list(directory, &names, &err), &err);
    CLEANUP(freep) char *joined = strv_join(&names, " ");
    assert_string_equal(joined, ".hidden C a a1 b");
}

static void one_lock_at_a_time(const char *path)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int first = -1;
    CLEANUP(closep) int second = -1;
    assert_ok(file_lock(path, &first, &err), &err);
    assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
    assert_fails(file_lock(path, &second, &err), &err, ERR_CONFLICT);
    assert_int_equal(second, -1);
    closep(&first);
    assert_ok(file_lock(path, &second, &err), &err);
}

static void locking_a_file_and_a_directory(void **state)
{
    (void)state;
    CLEANUP(freep) char *path = in_directory("lock");
    one_lock_at_a_time(path);
    one_lock_at_a_time(path); /* now it exists */
    one_lock_at_a_time(directory);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *missing = in_directory("no/lock");
    int fd = -1;
    assert_fails(file_lock(missing, &fd, &err), &err, ERR_NOT_FOUND);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, what_is_written_is_read);
    CHECK_TEST(&list, the_mode_is_exact);
    CHECK_TEST(&list, reading_is_limited);
    CHECK_TEST(&list, failures_name_the_path);
    CHECK_TEST(&list, a_failed_write_leaves_the_old_file_and_no_other);
    CHECK_TEST(&list, a_full_disk_keeps_the_old_content);
    CHECK_TEST(&list, directories_are_made_with_parents);
    CHECK_TEST(&list, a_file_in_the_way_of_a_directory);
    CHECK_TEST(&list, removing_takes_all_but_what_links_point_to);
    CHECK_TEST(&list, a_link_or_file_is_no_directory_to_remove);
    CHECK_TEST(&list, names_are_sorted);
    CHECK_TEST(&list, locking_a_file_and_a_directory);
    for (size_t i = 0; i < list.count; i++) {
        list.tests[i].setup_func = make_directory;
        list.tests[i].teardown_func = remove_directory;
    }
    return check_run("file", &list);
}
