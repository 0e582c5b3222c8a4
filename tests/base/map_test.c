#include "base/map.h"
#include "tests/check.h"

static size_t freed;

static void count_and_free(void *value)
{
    freed++;
    free(value);
}

static int *number(int value)
{
    int *memory = MEM_NEW(int);
    *memory = value;
    return memory;
}

static void an_empty_map_answers(void **state)
{
    (void)state;
    CLEANUP(map_freep) struct map *map = map_new(NULL);
    size_t at = 0;
    assert_null(map_get(map, "x"));
    assert_null(map_take(map, "x"));
    assert_false(map_remove(map, "x"));
    assert_int_equal(map_count(map), 0);
    assert_false(map_next(map, &at, NULL, NULL));
    map_free(NULL);
}

static void keys_are_copied_and_differ_by_every_byte(void **state)
{
    (void)state;
    CLEANUP(map_freep) struct map *map = map_new(NULL);
    char key[] = "acme/erp";
    int a, b, c;
    map_put(map, key, &a);
    key[7] = 'q';
    map_put(map, key, &b);
    map_put(map, "", &c);
    assert_ptr_equal(map_get(map, "acme/erp"), &a);
    assert_ptr_equal(map_get(map, "acme/erq"), &b);
    assert_ptr_equal(map_get(map, ""), &c);
    assert_null(map_get(map, "acme/er"));
    assert_null(map_get(map, "acme/erpp"));
}

static void values_are_freed_once(void **state)
{
    (void)state;
    freed = 0;
    struct map *map = map_new(count_and_free);
    map_put(map, "a", number(1));
    map_put(map, "a", number(2));
    assert_int_equal(freed, 1);
    map_put(map, "a", map_get(map, "a")); /* the same value again */
    assert_int_equal(freed, 1);
    assert_int_equal(*(int *)map_get(map, "a"), 2);
    map_put(map, "b", number(3));
    CLEANUP(freep) int *taken = map_take(map, "b");
    assert_int_equal(*taken, 3);
    assert_int_equal(freed, 1);
    map_put(map, "c", number(4));
    assert_true(map_remove(map, "c"));
    assert_int_equal(freed, 2);
    map_free(map);
    assert_int_equal(freed, 3);
}

static void removing_while_walking(void **state)
{
    (void)state;
    freed = 0;
    CLEANUP(map_freep) struct map *map = map_new(count_and_free);
    for (int i = 0; i < 1000; i++) {
        CLEANUP(freep) char *key = mem_printf("key-%d", i);
        map_put(map, key, number(i));
    }
    const char *key;
    void *value;
    bool seen[1000] = { false };
    for (size_t at = 0; map_next(map, &at, &key, &value);) {
        int found = *(int *)value;
        assert_false(seen[found]);
        seen[found] = true;
        if (found % 3 != 0)
            assert_true(map_remove(map, key)); /* the key itself belongs to the entry */
    }
    for (int i = 0; i < 1000; i++)
        assert_true(seen[i]);
    assert_int_equal(map_count(map), 334);
    assert_int_equal(freed, 666);
    assert_non_null(map_get(map, "key-999"));
    assert_null(map_get(map, "key-998"));
}

/* Against the simplest map there is: an array over a small set of keys. */
static void behaves_like_an_array(void **state)
{
    (void)state;
    enum { KEYS = 300, ROUNDS = 100000 };
    CLEANUP(map_freep) struct map *map = map_new(free);
    int expected[KEYS] = { 0 }; /* 0: absent */
    size_t count = 0;
    uint32_t random = 12345;
    for (int round = 1; round <= ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        size_t i = (random >> 8) % KEYS;
        CLEANUP(freep) char *key = mem_printf("%zu", i);
        if (random >> 30 == 0) {
            assert_int_equal(map_remove(map, key), expected[i] != 0);
            count -= expected[i] != 0;
            expected[i] = 0;
        } else if (random >> 30 == 1) {
            const int *found = map_get(map, key);
            assert_int_equal(found ? *found : 0, expected[i]);
        } else if (random >> 30 == 2 || round % 7 == 0) {
            map_put(map, key, number(round));
            count += expected[i] == 0;
            expected[i] = round;
        }
        assert_int_equal(map_count(map), count);
    }
    size_t walked = 0;
    for (size_t at = 0; map_next(map, &at, NULL, NULL);)
        walked++;
    assert_int_equal(walked, count);
}

static void coming_and_going_does_not_grow_it(void **state)
{
    (void)state;
    CLEANUP(map_freep) struct map *map = map_new(NULL);
    for (int i = 0; i < 200000; i++) {
        CLEANUP(freep) char *key = mem_printf("%d", i);
        map_put(map, key, map);
        assert_true(map_remove(map, key));
    }
    size_t at = 0;
    assert_false(map_next(map, &at, NULL, NULL));
    assert_true(at <= 16); /* removed entries were left out on the way */
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, an_empty_map_answers);
    CHECK_TEST(&list, keys_are_copied_and_differ_by_every_byte);
    CHECK_TEST(&list, values_are_freed_once);
    CHECK_TEST(&list, removing_while_walking);
    CHECK_TEST(&list, behaves_like_an_array);
    CHECK_TEST(&list, coming_and_going_does_not_grow_it);
    return check_run("map", &list);
}
