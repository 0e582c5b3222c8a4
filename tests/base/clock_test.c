#include <time.h>

#include "base/clock.h"
#include "tests/check.h"

static void monotonic_time_goes_on(void **state)
{
    (void)state;
    int64_t before_ms = clock_mono_ms();
    nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000 }, NULL);
    int64_t took_ms = clock_mono_ms() - before_ms;
    assert_in_range(took_ms, 19, 60 * SECOND_MS); /* the machine may be busy */
}

static void wall_time_is_the_systems(void **state)
{
    (void)state;
    int64_t difference_ms = clock_wall_ms() - (int64_t)time(NULL) * SECOND_MS;
    assert_in_range(difference_ms + 1, 0, 60 * SECOND_MS); /* time() may lag by a tick */
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, monotonic_time_goes_on);
    CHECK_TEST(&list, wall_time_is_the_systems);
    return check_run("clock", &list);
}
