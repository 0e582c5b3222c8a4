/* Which of the instances that were come back. Pure. */
#include "reconcilers/catalog/catalog.h"

static bool was_deleted(const struct catalog *catalog, const struct catalog_instance *instance)
{
    bool is_older = catalog->copy && instance->point_ms < catalog->copied_ms;
    return instance->had_last_backup || instance->was_going || (is_older && !instance->in_copy);
}

static enum catalog_verdict judge(const struct catalog *catalog, const struct catalog_instance *instance)
{
    if (was_deleted(catalog, instance))
        return CATALOG_WAS_DELETED;
    return instance->point ? CATALOG_RETURNS : CATALOG_NO_POINT;
}

/* Of two that had the same name, the one that the copy has; else the one whose recovery point is newer. */
static bool goes_before(const struct catalog_instance *one, const struct catalog_instance *other)
{
    if (one->in_copy != other->in_copy)
        return one->in_copy;
    return one->point_ms > other->point_ms;
}

static bool is_replaced(const struct catalog *catalog, const struct catalog_instance *instance)
{
    for (size_t i = 0; i < catalog->instance_count; i++) {
        const struct catalog_instance *other = &catalog->instances[i];
        if (other != instance && other->verdict == CATALOG_RETURNS && str_equal(other->tenant, instance->tenant) &&
            str_equal(other->name, instance->name) && goes_before(other, instance))
            return true;
    }
    return false;
}

void catalog_decide(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->instance_count; i++)
        catalog->instances[i].verdict = judge(catalog, &catalog->instances[i]);
    for (size_t i = 0; i < catalog->instance_count; i++)
        if (catalog->instances[i].verdict == CATALOG_RETURNS && is_replaced(catalog, &catalog->instances[i]))
            catalog->instances[i].verdict = CATALOG_REPLACED;
}

const char *catalog_wording(enum catalog_verdict verdict)
{
    static const char *const words[] = {
        [CATALOG_RETURNS] = "it comes back",
        [CATALOG_NO_POINT] = "there is no recovery point of it",
        [CATALOG_WAS_DELETED] = "it was deleted; its recovery points are listed",
        [CATALOG_REPLACED] = "another instance had its name afterwards; its recovery points are listed",
    };
    return words[verdict];
}
