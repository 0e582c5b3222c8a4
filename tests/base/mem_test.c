#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/check.h"

static void zalloc_gives_zeros_and_never_null(void **state)
{
    (void)state;
    CLEANUP(freep) char *nothing = mem_zalloc(0);
    CLEANUP(freep) char *bytes = mem_zalloc(64);
    assert_non_null(nothing);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(bytes[i], 0);
}

static void grow_keeps_what_was_there(void **state)
{
    (void)state;
    int *numbers = mem_grow(NULL, 1, sizeof(int));
    numbers[0] = 42;
    numbers = mem_grow(numbers, 10000, sizeof(int));
    assert_int_equal(numbers[0], 42);
    numbers = mem_grow(numbers, 0, sizeof(int)); /* realloc(p, 0) would have freed */
    assert_non_null(numbers);
    free(numbers);
}

/* Ends the process in a child, and tells whether it was ended. */
static bool dies(void (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void grow_past_all_memory(void)
{
    static volatile size_t many = SIZE_MAX / 2;
    free(mem_grow(NULL, many, 4));
}

static void an_overflowing_size_ends_the_process(void **state)
{
    (void)state;
    assert_true(dies(grow_past_all_memory));
}

static void copies(void **state)
{
    (void)state;
    assert_null(mem_strdup(NULL));
    assert_null(mem_strndup(NULL, 3));
    CLEANUP(freep) char *whole = mem_strdup("tenant");
    CLEANUP(freep) char *part = mem_strndup("tenant", 3);
    CLEANUP(freep) char *ended = mem_strndup("ab\0cd", 5);
    CLEANUP(freep) char *empty = mem_strndup("tenant", 0);
    CLEANUP(freep) char *printed = mem_printf("%s-%d", "erp", 7);
    assert_string_equal(whole, "tenant");
    assert_string_equal(part, "ten");
    assert_string_equal(ended, "ab");
    assert_string_equal(empty, "");
    assert_string_equal(printed, "erp-7");
}

static char *stolen_text(void)
{
    CLEANUP(freep) char *text = mem_strdup("mine");
    return STEAL(text);
}

static void steal_survives_the_scope(void **state)
{
    (void)state;
    CLEANUP(freep) char *text = stolen_text();
    assert_string_equal(text, "mine");
}

static void closep_closes_once(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int copy = fd;
    closep(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(copy, F_GETFD), -1);
    closep(&fd);
}

static void wipe_overwrites(void **state)
{
    (void)state;
    char secret[] = "hunter2";
    mem_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        assert_int_equal(secret[i], 0);
    mem_wipe(NULL, 0);
}

/* Sanitizers bring an allocator of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int64_t resident_kb(void)
{
    int64_t kb = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    assert_non_null(file);
    while (kb == 0 && fgets(line, sizeof(line), file))
        (void)sscanf(line, "VmRSS: %" SCNd64, &kb);
    fclose(file);
    return kb;
}

enum { PIECES = 12000, PIECE_BYTES = 4000 };

/* As of a list: many pieces, and what is used on lies behind them. */
static void free_memory_is_given_back(void **state)
{
    (void)state;
    char **pieces = mem_zalloc(PIECES * sizeof(*pieces));
    mem_set_up();
    mem_give_back();
    int64_t before_kb = resident_kb();
    for (size_t i = 0; i < PIECES; i++)
        memset(pieces[i] = mem_zalloc(PIECE_BYTES), 1, PIECE_BYTES);
    CLEANUP(freep) char *behind = mem_strdup("in use");
    for (size_t i = 0; i < PIECES; i++)
        free(pieces[i]);
    free(pieces);
    assert_true(resident_kb() > before_kb + 40000); /* kept for the next one */
    mem_give_back();
    assert_true(resident_kb() < before_kb + 10000);
}
#endif

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, zalloc_gives_zeros_and_never_null);
    CHECK_TEST(&list, grow_keeps_what_was_there);
    CHECK_TEST(&list, an_overflowing_size_ends_the_process);
    CHECK_TEST(&list, copies);
    CHECK_TEST(&list, steal_survives_the_scope);
    CHECK_TEST(&list, closep_closes_once);
    CHECK_TEST(&list, wipe_overwrites);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK_TEST(&list, free_memory_is_given_back);
#endif
    return check_run("mem", &list);
}
