/* Deadlines and cancel flags of calls to the outside; declared in clock.h. */
#include "base/clock.h"

struct call call_within(const struct call *outer, int64_t at_most_ms)
{
    struct call call = outer ? *outer : (struct call){ 0 };
    int64_t deadline;
    if (__builtin_add_overflow(clock_mono_ms(), at_most_ms, &deadline))
        return call; /* so far away that it adds nothing */
    if (deadline < 1)
        deadline = 1; /* 0 would read as "none" */
    if (call.deadline_mono_ms == 0 || deadline < call.deadline_mono_ms)
        call.deadline_mono_ms = deadline;
    return call;
}

struct call call_afterwards(const struct call *outer, int64_t at_most_ms)
{
    struct call permitted = { .permitted_until_mono_ms = outer ? outer->permitted_until_mono_ms : NULL };
    return call_within(&permitted, at_most_ms);
}

int64_t call_left_ms(const struct call *call)
{
    if (!call || call->deadline_mono_ms == 0)
        return INT64_MAX;
    int64_t left_ms = call->deadline_mono_ms - clock_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}

bool call_is_cancelled(const struct call *call)
{
    if (!call)
        return false;
    if (call->cancelled && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE) != 0)
        return true;
    return call->permitted_until_mono_ms &&
           clock_mono_ms() >= __atomic_load_n(call->permitted_until_mono_ms, __ATOMIC_ACQUIRE);
}

bool call_check(const struct call *call, struct err *err)
{
    if (call_is_cancelled(call))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (call_left_ms(call) == 0)
        return err_set(err, ERR_TIMEOUT, "the deadline has passed");
    return true;
}
