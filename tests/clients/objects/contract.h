/*
 * What every place for objects must do, whatever stands behind clients/objects/objects.h. Who includes this says how a place is opened, by
 * contract_place, and adds contract_add() to its tests.
 */
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "clients/objects/objects.h"
#include "tests/check.h"

#define CONTRACT_BIG_BYTES   ((size_t)(3 * 16 + 5) << 20) /* more than three parts of 16 MiB */
#define CONTRACT_PIECE_BYTES ((size_t)1000003)

/* The place under test. All handles that open() gives see the same objects. */
struct contract_place {
    struct objects *(*open)(void);
    size_t (*leftovers)(const char *prefix); /* abandoned uploads or temporary files below `prefix` */
};
static const struct contract_place contract_place;

static void contract_close(struct objects **objects)
{
    objects_freep(objects);
}
#define CONTRACT_OPEN(name) CLEANUP(contract_close) struct objects *name = contract_place.open()

/* Tests share one place, so each has its own prefix. Owned. */
static char *contract_prefix(void)
{
    CLEANUP(freep) char *random = random_hex(6);
    return mem_printf("contract/%s", random);
}

static void contract_put(struct objects *objects, const char *key, const char *text)
{
    struct err err = ERR_INIT;
    assert_ok(objects_put_bytes(objects, key, text, strlen(text), NULL, &err), &err);
}

static void contract_expect(struct objects *objects, const char *key, const char *text)
{
    struct err err = ERR_INIT;
    CLEANUP(str_release) struct str got = STR_INIT;
    assert_ok(objects_get_bytes(objects, key, 1 << 20, NULL, &got, &err), &err);
    assert_string_equal(got.text, text);
}

static bool contract_note_key(void *context, const struct object *object, struct err *err)
{
    (void)err;
    strv_add(context, object->key);
    return true;
}

/* The keys below `prefix`, in the order in which they come, without the prefix, joined by blanks. Owned. */
static char *contract_keys(struct objects *objects, const char *prefix)
{
    struct err err = ERR_INIT;
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    CLEANUP(strv_release) struct strv bare = STRV_INIT;
    assert_ok(objects_list(objects, prefix, contract_note_key, &keys, NULL, &err), &err);
    for (size_t i = 0; i < keys.count; i++) {
        assert_true(str_starts_with(keys.items[i], prefix));
        strv_add(&bare, keys.items[i] + strlen(prefix));
    }
    return strv_join(&bare, " ");
}

static void contract_expect_keys(struct objects *objects, const char *prefix, const char *wanted)
{
    CLEANUP(freep) char *keys = contract_keys(objects, prefix);
    assert_string_equal(keys, wanted);
}

/* The same bytes each time, without a period that a part could hide. */
static void contract_fill(char *bytes, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t x = (at + i) * UINT64_C(0x9e3779b97f4a7c15);
        bytes[i] = (char)(x >> 56);
    }
}

/* Writes `total` bytes in odd pieces. */
static bool contract_write_much(struct sink *sink, size_t total, struct err *err)
{
    CLEANUP(freep) char *piece = mem_grow(NULL, CONTRACT_PIECE_BYTES, 1);
    for (size_t at = 0; at < total;) {
        size_t len = total - at < CONTRACT_PIECE_BYTES ? total - at : CONTRACT_PIECE_BYTES;
        contract_fill(piece, len, at);
        if (!sink_write(sink, piece, len, err))
            return false;
        at += len;
    }
    return true;
}

static void what_was_put_is_there(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/one", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    contract_put(objects, key, "first light");
    contract_expect(objects, key, "first light");
    assert_ok(objects_head(objects, key, NULL, &object, &err), &err);
    assert_string_equal(object.key, key);
    assert_int_equal(object.size, 11);
    assert_int_equal(object.held_until_ms, 0);
    assert_true(object.modified_ms > clock_wall_ms() - HOUR_MS && object.modified_ms < clock_wall_ms() + HOUR_MS);
    contract_expect_keys(objects, prefix, "/one");
}

static void an_empty_object_is_one(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/nothing", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    CLEANUP(sink_freep) struct sink *sink = objects_put(objects, key, NULL);
    assert_ok(sink_finish(sink, &err), &err);
    sink_freep(&sink);
    contract_expect(objects, key, "");
    assert_ok(objects_head(objects, key, NULL, &object, &err), &err);
    assert_int_equal(object.size, 0);
}

static void a_replaced_object_is_the_new_one(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CONTRACT_OPEN(other);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/same", prefix);
    contract_put(objects, key, "old");
    CLEANUP(sink_freep) struct sink *sink = objects_put(objects, key, NULL);
    assert_ok(sink_write(sink, "newer", 5, &err), &err);
    contract_expect(other, key, "old"); /* the new one is not finished */
    assert_ok(sink_finish(sink, &err), &err);
    contract_expect(other, key, "newer");
    contract_expect_keys(other, prefix, "/same");
}

static void a_big_object_comes_back_whole(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/big", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    struct digest sent, got;
    CLEANUP(sink_freep) struct sink *put = digest_sink_new(&sent, objects_put(objects, key, NULL));
    assert_ok(contract_write_much(put, CONTRACT_BIG_BYTES, &err), &err);
    assert_ok(sink_finish(put, &err), &err);
    sink_freep(&put);
    assert_ok(objects_head(objects, key, NULL, &object, &err), &err);
    assert_int_equal(object.size, CONTRACT_BIG_BYTES);
    CLEANUP(sink_freep) struct sink *to = digest_sink_new(&got, NULL);
    assert_ok(objects_get(objects, key, to, NULL, &err), &err);
    assert_ok(sink_finish(to, &err), &err);
    assert_int_equal(got.bytes, CONTRACT_BIG_BYTES);
    assert_string_equal(got.sha256_hex, sent.sha256_hex);
    assert_ok(objects_delete(objects, key, NULL, &err), &err);
    assert_int_equal(contract_place.leftovers(prefix), 0);
}

static void an_abandoned_put_shows_nothing(void **state)
{
    static const size_t sizes[] = { 0, 10, (size_t)40 << 20 };
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/deep/er/never", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(sink_freep) struct sink *sink = objects_put(objects, key, NULL);
        assert_ok(contract_write_much(sink, sizes[i], &err), &err);
        sink_freep(&sink);
        assert_fails(objects_head(objects, key, NULL, &object, &err), &err, ERR_NOT_FOUND);
        contract_expect_keys(objects, prefix, "");
        assert_int_equal(contract_place.leftovers(prefix), 0); /* it could still clean up behind itself */
    }
}

/* A process that is killed in the middle of a big put. */
static void contract_die_in_a_put(const char *key)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct objects *objects = contract_place.open();
        struct sink *sink = objects_put(objects, key, NULL);
        _exit(contract_write_much(sink, (size_t)40 << 20, NULL) ? 7 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void what_a_killed_put_left_is_swept(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *swept = mem_printf("%s/a/killed", prefix);
    CLEANUP(freep) char *kept = mem_printf("%s/b/killed", prefix);
    CLEANUP(freep) char *below = mem_printf("%s/a/", prefix);
    contract_die_in_a_put(swept);
    contract_die_in_a_put(kept);
    contract_expect_keys(objects, prefix, "");
    assert_int_equal(contract_place.leftovers(prefix), 2);
    assert_ok(objects_sweep(objects, prefix, HOUR_MS, NULL, &err), &err); /* too young */
    assert_int_equal(contract_place.leftovers(prefix), 2);
    assert_ok(objects_sweep(objects, below, 0, NULL, &err), &err);
    assert_int_equal(contract_place.leftovers(below), 0);
    assert_int_equal(contract_place.leftovers(prefix), 1);
    assert_ok(objects_sweep(objects, prefix, 0, NULL, &err), &err);
    assert_int_equal(contract_place.leftovers(prefix), 0);
}

static const struct contract_key_row {
    const char *why, *key;
} contract_odd_keys[] = {
    { "key with blanks", "a b  c" },
    { "key with plus signs", "a+b++" },
    { "key with an escape in it", "a%2Fb%20c%" },
    { "key of a query", "a?b=c&d#e" },
    { "key with marks of URLs", "a!*'();:@,$b~c-_.d" },
    { "key with marks of XML", "a<b>&amp;\"c\"" },
    { "key with a backslash", "a\\b{c}[d]^`|" },
    { "key in other scripts", "r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s/\xe6\x97\xa5\xe6\x9c\xac/\xf0\x9f\x93\xa6" },
    { "key whose parts begin with dots", "..a/.b/c.." },
};

static void an_odd_key_is_a_key(void **state)
{
    const struct contract_key_row *row = *state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/%s", prefix, row->key);
    CLEANUP(freep) char *listed = mem_printf("/%s", row->key);
    CLEANUP(object_release) struct object object = { 0 };
    contract_put(objects, key, row->why);
    contract_expect(objects, key, row->why);
    contract_expect_keys(objects, prefix, listed);
    contract_expect_keys(objects, key, "");
    assert_ok(objects_head(objects, key, NULL, &object, &err), &err);
    assert_string_equal(object.key, key);
    assert_ok(objects_delete(objects, key, NULL, &err), &err);
    contract_expect_keys(objects, prefix, "");
}

static const struct contract_key_row contract_bad_keys[] = {
    { "no key", "" },
    { "a leading slash", "/a" },
    { "a trailing slash", "a/" },
    { "an empty part", "a//b" },
    { "a dot", "a/./b" },
    { "two dots", "a/../b" },
    { "two dots at the end", "a/.." },
    { "no UTF-8", "a\xff" },
    { "a control character", "a\nb" },
    { "a temporary file's name", "a/.put-0123456789abcdef-b" },
};

static void a_bad_key_is_refused(void **state)
{
    const struct contract_key_row *row = *state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(object_release) struct object object = { 0 };
    CLEANUP(str_release) struct str bytes = STR_INIT;
    assert_fails(objects_put_bytes(objects, row->key, "x", 1, NULL, &err), &err, ERR_INVALID);
    assert_fails(objects_get_bytes(objects, row->key, 10, NULL, &bytes, &err), &err, ERR_INVALID);
    assert_fails(objects_head(objects, row->key, NULL, &object, &err), &err, ERR_INVALID);
    assert_fails(objects_delete(objects, row->key, NULL, &err), &err, ERR_INVALID);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/none", prefix);
    CLEANUP(freep) char *below = mem_printf("%s/none/at/all", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(sink_freep) struct sink *to = text_sink_new(&bytes, 10);
    assert_fails(objects_get(objects, key, to, NULL, &err), &err, ERR_NOT_FOUND);
    assert_false(objects_get(objects, key, to, NULL, &err));
    assert_contains(err_message(&err), key);
    assert_contains(err_message(&err), objects_name(objects));
    err_clear(&err);
    assert_fails(objects_head(objects, key, NULL, &object, &err), &err, ERR_NOT_FOUND);
    assert_fails(objects_head(objects, below, NULL, &object, &err), &err, ERR_NOT_FOUND);
    assert_ok(objects_delete(objects, key, NULL, &err), &err);
    assert_ok(objects_delete(objects, below, NULL, &err), &err);
    assert_ok(objects_sweep(objects, prefix, 0, NULL, &err), &err);
    contract_expect_keys(objects, prefix, "");
}

static void a_deleted_object_is_gone(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *gone = mem_printf("%s/x/gone", prefix);
    CLEANUP(freep) char *longer = mem_printf("%s/x/gone.too", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    contract_put(objects, gone, "1");
    contract_put(objects, gone, "2");
    contract_put(objects, longer, "3");
    assert_ok(objects_delete(objects, gone, NULL, &err), &err);
    assert_fails(objects_head(objects, gone, NULL, &object, &err), &err, ERR_NOT_FOUND);
    contract_expect_keys(objects, prefix, "/x/gone.too");
    contract_put(objects, gone, "4");
    contract_expect(objects, gone, "4");
}

static bool contract_stop_at_second(void *context, const struct object *object, struct err *err)
{
    (void)object;
    return ++*(size_t *)context < 2 || err_set(err, ERR_CONFLICT, "that is enough");
}

static void a_list_is_in_bytewise_order(void **state)
{
    static const char *const keys[] = { "b/x", "a/c", "a-b", "a/b/d", "a0", "a/b.x", "a/b", "a", "ab/c" };
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *folder = mem_printf("%s/a/", prefix);
    CLEANUP(freep) char *part = mem_printf("%s/a", prefix);
    size_t visited = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        CLEANUP(freep) char *key = mem_printf("%s/%s", prefix, keys[i]);
        if (!str_equal(keys[i], "a") && !str_equal(keys[i], "a/b")) /* a directory cannot have both "a" and "a/c" */
            contract_put(objects, key, keys[i]);
    }
    contract_expect_keys(objects, prefix, "/a-b /a/b.x /a/b/d /a/c /a0 /ab/c /b/x");
    contract_expect_keys(objects, folder, "b.x b/d c");
    contract_expect_keys(objects, part, "-b /b.x /b/d /c 0 b/c");
    assert_fails(objects_list(objects, part, contract_stop_at_second, &visited, NULL, &err), &err, ERR_CONFLICT);
    assert_int_equal(visited, 2);
}

static void a_list_may_be_long(void **state)
{
    enum { COUNT = 1105 }; /* S3 gives a thousand at a time */
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    for (size_t i = 0; i < COUNT; i++) {
        CLEANUP(freep) char *key = mem_printf("%s/%05zu and + more", prefix, i);
        contract_put(objects, key, "");
    }
    assert_ok(objects_list(objects, prefix, contract_note_key, &keys, NULL, &err), &err);
    assert_int_equal(keys.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        CLEANUP(freep) char *key = mem_printf("%s/%05zu and + more", prefix, i);
        assert_string_equal(keys.items[i], key);
    }
}

static void a_cancelled_call_ends(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/key", prefix);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    int cancelled = 0;
    struct call call = { .cancelled = &cancelled };
    CLEANUP(sink_freep) struct sink *sink = objects_put(objects, key, &call);
    assert_ok(sink_write(sink, "abc", 3, &err), &err);
    cancelled = 1;
    assert_fails(sink_finish(sink, &err), &err, ERR_CANCELLED);
    sink_freep(&sink);
    contract_expect_keys(objects, prefix, "");
    contract_put(objects, key, "abc");
    assert_fails(objects_get_bytes(objects, key, 10, &call, &bytes, &err), &err, ERR_CANCELLED);
    assert_fails(objects_delete(objects, key, &call, &err), &err, ERR_CANCELLED);
    call = (struct call){ .deadline_mono_ms = 1 };
    assert_fails(objects_get_bytes(objects, key, 10, &call, &bytes, &err), &err, ERR_TIMEOUT);
    assert_fails(objects_put_bytes(objects, key, "x", 1, &call, &err), &err, ERR_TIMEOUT);
    contract_expect(objects, key, "abc");
}

static void what_the_reader_says_ends_a_get(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    CLEANUP(freep) char *key = mem_printf("%s/key", prefix);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    contract_put(objects, key, "0123456789a");
    assert_fails(objects_get_bytes(objects, key, 10, NULL, &bytes, &err), &err, ERR_TOO_LARGE);
    assert_ok(objects_get_bytes(objects, key, 11, NULL, &bytes, &err), &err);
    assert_string_equal(bytes.text, "0123456789a");
}

static __attribute__((unused)) void contract_add(struct check_list *list)
{
    CHECK_TEST(list, what_was_put_is_there);
    CHECK_TEST(list, an_empty_object_is_one);
    CHECK_TEST(list, a_replaced_object_is_the_new_one);
    CHECK_TEST(list, a_big_object_comes_back_whole);
    CHECK_TEST(list, an_abandoned_put_shows_nothing);
    CHECK_TEST(list, what_a_killed_put_left_is_swept);
    CHECK_ROWS(list, an_odd_key_is_a_key, contract_odd_keys);
    CHECK_ROWS(list, a_bad_key_is_refused, contract_bad_keys);
    CHECK_TEST(list, what_is_not_there_is_not_found);
    CHECK_TEST(list, a_deleted_object_is_gone);
    CHECK_TEST(list, a_list_is_in_bytewise_order);
    CHECK_TEST(list, a_list_may_be_long);
    CHECK_TEST(list, a_cancelled_call_ends);
    CHECK_TEST(list, what_the_reader_says_ends_a_get);
}
