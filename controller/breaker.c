/* Two states and a timetable; see breaker.h. */
#include "controller/breaker.h"

void breaker_init(struct breaker *breaker, int64_t rest_ms, int64_t now_ms)
{
    *breaker = (struct breaker){ .rest_ms = rest_ms, .next_ms = now_ms, .asked_ms = now_ms - BREAKER_GAP_MS };
}

static void ask_by(struct breaker *breaker, int64_t time_ms)
{
    if (time_ms < breaker->next_ms)
        breaker->next_ms = time_ms;
}

void breaker_suspect(struct breaker *breaker, int64_t now_ms)
{
    if (breaker->is_open)
        return; /* known, and asked after already */
    if (breaker->is_asking) {
        breaker->is_suspected = true;
        return;
    }
    int64_t soonest_ms = breaker->asked_ms + BREAKER_GAP_MS;
    ask_by(breaker, soonest_ms > now_ms ? soonest_ms : now_ms);
}

void breaker_hurry(struct breaker *breaker, int64_t now_ms)
{
    ask_by(breaker, now_ms);
}

bool breaker_take(struct breaker *breaker, int64_t now_ms)
{
    if (breaker->is_asking || breaker->next_ms > now_ms)
        return false;
    breaker->is_asking = true;
    breaker->is_suspected = false;
    breaker->next_ms = INT64_MAX;
    return true;
}

enum breaker_turn breaker_note(struct breaker *breaker, bool answers, int64_t now_ms)
{
    bool was_open = breaker->is_open;
    breaker->is_asking = false;
    breaker->is_open = !answers;
    breaker->asked_ms = now_ms;
    if (!answers) {
        int64_t doubled_ms = breaker->interval_ms * 2;
        breaker->interval_ms = !was_open ? BREAKER_FIRST_MS : doubled_ms < BREAKER_MAX_MS ? doubled_ms : BREAKER_MAX_MS;
        ask_by(breaker, now_ms + breaker->interval_ms);
        return was_open ? BREAKER_SAME : BREAKER_OPENED;
    }
    if (breaker->rest_ms)
        ask_by(breaker, now_ms + breaker->rest_ms);
    if (breaker->is_suspected)
        breaker_suspect(breaker, now_ms);
    return was_open ? BREAKER_CLOSED : BREAKER_SAME;
}

int64_t breaker_next_ms(const struct breaker *breaker)
{
    return breaker->is_asking ? INT64_MAX : breaker->next_ms;
}
