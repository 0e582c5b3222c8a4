/* Cron: the next time matches the expression, and no minute before it does, as the C library's calendar sees it. */
#include "base/clock.h"
#include "specs/cron.h"
#include "tests/fuzz/fuzz.h"

#define MINUTES_LOOKED_AT 3000

static bool matches(const struct cron *cron, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    bool day = cron->days & (UINT32_C(1) << tm.tm_mday), weekday = cron->weekdays & (UINT32_C(1) << tm.tm_wday);
    bool either = cron->day_restricted && cron->weekday_restricted;
    return (cron->minutes & (UINT64_C(1) << tm.tm_min)) && (cron->hours & (UINT32_C(1) << tm.tm_hour)) &&
           (cron->months & (UINT32_C(1) << (tm.tm_mon + 1))) && (either ? day || weekday : day && weekday);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t minute = 0;
    if (size < sizeof(minute))
        return 0;
    memcpy(&minute, data, sizeof(minute)); /* up to the year 10136 */
    int64_t after_ms = (int64_t)minute * MINUTE_MS;
    CLEANUP(freep) char *text = fuzz_text(data + sizeof(minute), size - sizeof(minute));
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct cron cron;
    if (!cron_parse(text, &cron, &err)) {
        FUZZ_ASSERT(err.code == ERR_INVALID, text);
        return 0;
    }
    int64_t next_ms = cron_next_ms(&cron, after_ms);
    if (after_ms >= INT64_C(253402300800000)) { /* the year 10000 */
        FUZZ_ASSERT(next_ms == INT64_MAX, text);
        return 0;
    }
    FUZZ_ASSERT(next_ms > after_ms && next_ms % MINUTE_MS == 0 && next_ms != INT64_MAX, text);
    FUZZ_ASSERT(matches(&cron, next_ms), text);
    int64_t until_ms = after_ms + MINUTES_LOOKED_AT * MINUTE_MS;
    for (int64_t ms = after_ms + MINUTE_MS; ms < next_ms && ms < until_ms; ms += MINUTE_MS)
        FUZZ_ASSERT(!matches(&cron, ms), text);
    return 0;
}
