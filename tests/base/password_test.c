#include "base/metrics.h"
#include "base/password.h"
#include "tests/check.h"

static void a_hash_opens_with_its_password_alone(void **state)
{
    (void)state;
    CLEANUP(freep) char *hash = password_hash("correct horse");
    CLEANUP(freep) char *again = password_hash("correct horse");
    assert_true(str_starts_with(hash, "$y$"));
    assert_string_not_equal(hash, again);
    assert_true(password_matches("correct horse", hash));
    assert_false(password_matches("correct horsf", hash));
    assert_false(password_matches("", hash));
    assert_false(password_matches("correct horse", "*0"));
    assert_false(password_matches("*0", "*0"));
}

static void nobodys_password_matches_nothing(void **state)
{
    (void)state;
    assert_false(password_matches("nobody's", NULL)); /* the very password of the stand-in */
    char *large = mem_zalloc(PASSWORD_MAX + 2);
    memset(large, 'x', PASSWORD_MAX + 1);
    CLEANUP(freep) char *hash = password_hash("x");
    assert_false(password_matches(large, hash));
    free(large);
}

/* The stand-in must be one that libcrypt really works on, with the cost of a real hash. */
static void nobodys_costs_what_somebodys_does(void **state)
{
    (void)state;
    CLEANUP(freep) char *hash = password_hash("x");
    CLEANUP(str_release) struct str before = STR_INIT;
    metrics_print(&before);
    const char *line = strstr(before.text, "tenantd_password_hashes_total{purpose=\"check\"} ");
    double count = line ? strtod(strchr(line, '}') + 1, NULL) : 0;
    struct timespec start, middle, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    assert_false(password_matches("y", hash));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &middle);
    assert_false(password_matches("y", NULL));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    double somebodys = (double)(middle.tv_sec - start.tv_sec) + (double)(middle.tv_nsec - start.tv_nsec) / 1e9;
    double nobodys = (double)(end.tv_sec - middle.tv_sec) + (double)(end.tv_nsec - middle.tv_nsec) / 1e9;
    assert_true(nobodys > somebodys / 10); /* of the processor's time, so that a loaded machine does not matter */
    CLEANUP(str_release) struct str after = STR_INIT;
    metrics_print(&after);
    line = strstr(after.text, "tenantd_password_hashes_total{purpose=\"check\"} ");
    assert_non_null(line);
    assert_true(strtod(strchr(line, '}') + 1, NULL) == count + 2);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, a_hash_opens_with_its_password_alone);
    CHECK_TEST(&list, nobodys_password_matches_nothing);
    CHECK_TEST(&list, nobodys_costs_what_somebodys_does);
    return check_run("base/password", &list);
}
