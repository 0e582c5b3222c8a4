/* When a schedule is due; see schedule.h. */
#include "specs/schedule.h"

#include "base/crypto.h"

#define DELAY_MAX_MS (15 * MINUTE_MS)

int64_t schedule_last_ms(const struct cron *cron, int64_t now_ms)
{
    static const int64_t spans_ms[] = { HOUR_MS, DAY_MS, 8 * DAY_MS, 32 * DAY_MS, 367 * DAY_MS, 3660 * DAY_MS };
    for (size_t i = 0; i < ARRAY_LEN(spans_ms); i++) {
        int64_t last_ms = INT64_MIN;
        for (int64_t at_ms = cron_next_ms(cron, now_ms - spans_ms[i]); at_ms <= now_ms;
             at_ms = cron_next_ms(cron, at_ms))
            last_ms = at_ms;
        if (last_ms != INT64_MIN)
            return last_ms;
    }
    return INT64_MIN;
}

int64_t schedule_period_ms(const struct cron *cron, int64_t now_ms)
{
    int64_t next_ms = cron_next_ms(cron, now_ms);
    int64_t after_ms = next_ms == INT64_MAX ? INT64_MAX : cron_next_ms(cron, next_ms);
    return after_ms == INT64_MAX ? 3660 * DAY_MS : after_ms - next_ms;
}

int64_t schedule_delay_ms(const struct cron *cron, const char *uid, int64_t now_ms)
{
    uint8_t digest[SHA256_SIZE];
    uint64_t number;
    int64_t room_ms = schedule_period_ms(cron, now_ms) / 4;
    if (room_ms > DELAY_MAX_MS)
        room_ms = DELAY_MAX_MS;
    sha256(uid, strlen(uid), digest);
    memcpy(&number, digest, sizeof(number));
    return (int64_t)(number % (uint64_t)room_ms);
}

int64_t schedule_due_ms(const struct cron *cron, const char *uid, int64_t done_ms, int64_t now_ms)
{
    int64_t slot_ms = schedule_last_ms(cron, now_ms - schedule_delay_ms(cron, uid, now_ms));
    return slot_ms != INT64_MIN && slot_ms > done_ms ? slot_ms : 0;
}

int64_t schedule_next_ms(const struct cron *cron, const char *uid, int64_t now_ms)
{
    int64_t delay_ms = schedule_delay_ms(cron, uid, now_ms);
    int64_t next_ms = cron_next_ms(cron, now_ms - delay_ms);
    return next_ms == INT64_MAX ? INT64_MAX : next_ms + delay_ms;
}
