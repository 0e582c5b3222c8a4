/* The local directory as a place for objects: the contract, and what is a directory's own. */
#include <sys/stat.h>

#include "base/file.h"
#include "clients/objects/directory.h"
#include "tests/clients/objects/contract.h"

static char root[] = "/tmp/tenantd-objects-XXXXXX";
static char *place; /* the directory below it */

static struct objects *open_directory(void)
{
    struct err err = ERR_INIT;
    struct objects *objects = NULL;
    assert_ok(directory_open(place, &objects, &err), &err);
    assert_string_equal(objects_name(objects), place);
    return objects;
}

static size_t count_temporary(const char *path)
{
    struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    size_t count = 0;
    if (!file_exists(path))
        return 0;
    assert_ok(dir_list(path, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *inner = mem_printf("%s/%s", path, names.items[i]);
        struct stat status;
        assert_int_equal(lstat(inner, &status), 0);
        if (S_ISDIR(status.st_mode))
            count += count_temporary(inner);
        count += str_starts_with(names.items[i], ".put-") ? 1 : 0;
    }
    return count;
}

static size_t leftovers(const char *prefix)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", place, prefix);
    return count_temporary(path);
}

static const struct contract_place contract_place = { open_directory, leftovers };

static mode_t mode_of(const char *key)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", place, key);
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void all_is_for_the_owner_alone(void **state)
{
    (void)state;
    CONTRACT_OPEN(objects);
    mode_t old = umask(0);
    contract_put(objects, "modes/deep/file", "x");
    umask(old);
    assert_int_equal(mode_of("modes"), 0700);
    assert_int_equal(mode_of("modes/deep"), 0700);
    assert_int_equal(mode_of("modes/deep/file"), 0600);
    assert_int_equal(mode_of("."), 0700);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *outside = mem_printf("%s/outside", root);
    CLEANUP(freep) char *secret = mem_printf("%s/secret", outside);
    CLEANUP(freep) char *folder = mem_printf("%s/links/folder", place);
    CLEANUP(freep) char *file = mem_printf("%s/links/file", place);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    contract_put(objects, "links/real", "x");
    assert_ok(dir_make(outside, 0700, &err), &err);
    assert_ok(file_write(secret, "s", 1, 0600, &err), &err);
    assert_int_equal(symlink(outside, folder), 0);
    assert_int_equal(symlink(secret, file), 0);
    assert_fails(objects_get_bytes(objects, "links/file", 10, NULL, &bytes, &err), &err, ERR_NOT_FOUND);
    assert_fails(objects_get_bytes(objects, "links/folder/secret", 10, NULL, &bytes, &err), &err, ERR_NOT_FOUND);
    assert_fails(objects_put_bytes(objects, "links/folder/new", "x", 1, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(objects_delete(objects, "links/folder/secret", NULL, &err), &err, ERR_CONFLICT);
    contract_expect_keys(objects, "links", "/real");
    contract_put(objects, "links/file", "mine"); /* takes the link's place */
    contract_expect(objects, "links/file", "mine");
    assert_ok(file_read(secret, 10, &bytes, &err), &err);
    assert_string_equal(bytes.text, "s");
}

static void a_name_is_a_file_or_a_directory(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(object_release) struct object object = { 0 };
    contract_put(objects, "both/a/b", "x");
    assert_fails(objects_put_bytes(objects, "both/a", "y", 1, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(objects_put_bytes(objects, "both/a/b/c", "y", 1, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(objects_head(objects, "both/a", NULL, &object, &err), &err, ERR_NOT_FOUND);
    assert_fails(objects_delete(objects, "both/a", NULL, &err), &err, ERR_CONFLICT);
    contract_expect_keys(objects, "both", "/a/b");
    assert_int_equal(leftovers("both"), 0);
}

static void empty_directories_go_with_their_last_object(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *top = mem_printf("%s/empty", place);
    CLEANUP(freep) char *inner = mem_printf("%s/empty/a", place);
    contract_put(objects, "empty/a/b/c", "x");
    contract_put(objects, "empty/d", "x");
    assert_ok(objects_delete(objects, "empty/a/b/c", NULL, &err), &err);
    assert_false(file_exists(inner));
    assert_true(file_exists(top));
    assert_ok(objects_delete(objects, "empty/d", NULL, &err), &err);
    assert_false(file_exists(top));
    assert_true(file_exists(place));
}

static void a_fifo_is_no_object(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *path = mem_printf("%s/fifo/pipe", place);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    contract_put(objects, "fifo/file", "x");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(objects_get_bytes(objects, "fifo/pipe", 10, NULL, &bytes, &err), &err, ERR_NOT_FOUND);
    contract_expect_keys(objects, "fifo", "/file");
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct objects *objects = NULL;
    CLEANUP(freep) char *file = mem_printf("%s/file", root);
    assert_ok(file_write(file, "x", 1, 0600, &err), &err);
    assert_fails(directory_open(file, &objects, &err), &err, ERR_CONFLICT);
    assert_null(objects);
}

int main(void)
{
    struct check_list list = { 0 };
    struct err err = ERR_INIT;
    if (!mkdtemp(root))
        return 1;
    place = mem_printf("%s/place", root);
    contract_add(&list);
    CHECK_TEST(&list, all_is_for_the_owner_alone);
    CHECK_TEST(&list, links_are_not_followed);
    CHECK_TEST(&list, a_name_is_a_file_or_a_directory);
    CHECK_TEST(&list, empty_directories_go_with_their_last_object);
    CHECK_TEST(&list, a_fifo_is_no_object);
    CHECK_TEST(&list, a_place_that_cannot_be_is_an_error);
    int failed = check_run("clients/objects/directory", &list);
    if (!dir_remove(root, &err))
        failed++;
    err_release(&err);
    free(place);
    return failed;
}
