/*
 * What every unit test includes: cmocka, asserts that print a struct err, and tables whose rows become tests of their own,
 * named by their `why`.
 */
#pragma once

/* cmocka.h does not include what it uses, so the order counts. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/err.h"

#define assert_ok(call, err)                                                                                           \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s", #call, err_message(err));                                                               \
    } while (0)

/* The call fails with this code; the error is cleared, so that the next call finds none. */
#define assert_fails(call, err, wanted)                                                                                \
    do {                                                                                                               \
        if (call)                                                                                                      \
            fail_msg("%s succeeded", #call);                                                                           \
        if ((err)->code != (wanted))                                                                                   \
            fail_msg("%s: %s instead of %s: %s", #call, err_kinds[(err)->code].name, err_kinds[wanted].name,           \
                     err_message(err));                                                                                \
        err_clear(err);                                                                                                \
    } while (0)

#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        const char *text_ = (text);                                                                                    \
        if (!strstr(text_, (part)))                                                                                    \
            fail_msg("\"%s\" does not contain \"%s\"", text_, (part));                                                 \
    } while (0)

struct check_list {
    struct CMUnitTest *tests;
    size_t count;
};

static inline void check_add(struct check_list *list, const char *name, CMUnitTestFunction test, void *row)
{
    list->tests = mem_grow(list->tests, list->count + 1, sizeof(list->tests[0]));
    list->tests[list->count++] = (struct CMUnitTest){ .name = name, .test_func = test, .initial_state = row };
}

/* `rows` is an array of structs that begin with `const char *why`; the test finds its row in *state. */
#define CHECK_ROWS(list, test, rows)                                                                                   \
    do {                                                                                                               \
        for (size_t row_ = 0; row_ < ARRAY_LEN(rows); row_++)                                                          \
            check_add((list), (rows)[row_].why, (test), (void *)(uintptr_t) & (rows)[row_]);                           \
    } while (0)
#define CHECK_TEST(list, test) check_add((list), #test, (test), NULL)

/* For main() to return. */
static inline int check_run(const char *group, struct check_list *list)
{
    int failed = _cmocka_run_group_tests(group, list->tests, list->count, NULL, NULL);
    free(list->tests);
    return failed;
}
