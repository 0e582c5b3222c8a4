/* The rules that keep recovery points; see retention.h. */
#include "specs/retention.h"

const struct instance_retention retention_default = { .last = 3, .daily = 7, .weekly = 4, .monthly = 3 };

static bool is_silent(const struct instance_retention *retention)
{
    return retention->last == 0 && retention->daily == 0 && retention->weekly == 0 && retention->monthly == 0;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* A number that is the same for all times of one day, week or month, and grows with time. */
static int64_t period_of(enum retention_rule rule, int64_t time_ms)
{
    int64_t day = floor_divide(time_ms, DAY_MS);
    if (rule == KEPT_DAILY)
        return day;
    if (rule == KEPT_WEEKLY)
        return floor_divide(day + 3, 7); /* 1970-01-01 was a Thursday */
    time_t seconds = (time_t)floor_divide(time_ms, SECOND_MS);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return (int64_t)tm.tm_year * 12 + tm.tm_mon;
}

/* Indexes of the points, the newest first; of equal times the earlier one in the list. */
static size_t *newest_first(const struct retention_point *points, size_t count)
{
    size_t *order = mem_zalloc((count + 1) * sizeof(*order));
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && points[order[at - 1]].time_ms < points[i].time_ms; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return order;
}

static void keep_newest(const struct retention_point *points, const size_t *order, size_t count, int64_t places,
                        unsigned *kept)
{
    for (size_t i = 0; i < count && places > 0; i++)
        if (points[order[i]].is_verified) {
            kept[order[i]] |= KEPT_LAST;
            places--;
        }
}

/* Of each of the newest `places` periods that have any, the newest one. */
static void keep_periods(const struct retention_point *points, const size_t *order, size_t count,
                         enum retention_rule rule, int64_t places, unsigned *kept)
{
    int64_t last = INT64_MAX;
    for (size_t i = 0; i < count && places > 0; i++) {
        const struct retention_point *point = &points[order[i]];
        int64_t period = period_of(rule, point->time_ms);
        if (!point->is_verified || period == last)
            continue;
        kept[order[i]] |= rule;
        last = period;
        places--;
    }
}

void retention_decide(const struct instance_retention *retention, const struct retention_point *points, size_t count,
                      unsigned *ret_kept)
{
    const struct instance_retention *rules = is_silent(retention) ? &retention_default : retention;
    CLEANUP(freep) size_t *order = newest_first(points, count);
    bool is_seen = false;
    for (size_t i = 0; i < count; i++)
        ret_kept[i] = points[i].is_in_use ? KEPT_IN_USE : 0;
    for (size_t i = 0; i < count; i++) {
        bool is_verified = points[order[i]].is_verified;
        if (!is_seen)
            ret_kept[order[i]] |= is_verified ? KEPT_NEWEST_VERIFIED : KEPT_YOUNG;
        is_seen = is_seen || is_verified;
    }
    keep_newest(points, order, count, rules->last, ret_kept);
    keep_periods(points, order, count, KEPT_DAILY, rules->daily, ret_kept);
    keep_periods(points, order, count, KEPT_WEEKLY, rules->weekly, ret_kept);
    keep_periods(points, order, count, KEPT_MONTHLY, rules->monthly, ret_kept);
}

bool retention_is_expired(int64_t deleted_ms, int64_t keep_ms, int64_t now_ms)
{
    return deleted_ms && now_ms - keep_ms >= deleted_ms;
}

char *retention_wording(unsigned kept)
{
    static const struct {
        enum retention_rule rule;
        const char *word;
    } words[] = {
        { KEPT_LAST, "last" },
        { KEPT_DAILY, "daily" },
        { KEPT_WEEKLY, "weekly" },
        { KEPT_MONTHLY, "monthly" },
        { KEPT_IN_USE, "in use" },
        { KEPT_NEWEST_VERIFIED, "newest verified" },
        { KEPT_YOUNG, "newer than the newest verified" },
    };
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (kept & words[i].rule)
            strv_add(&list, words[i].word);
    return strv_join(&list, ", ");
}
