/* Two maps over the same entries: by key and by uid. See known.h. */
#include "controller/known.h"

#include <pthread.h>

#include "base/map.h"
#include "base/metrics.h"
#include "reconcilers/names.h"
#include "specs/kind.h"

#define PHASE_MAX 24

static const struct metric records_gauge = {
    .name = "tenantd_records",
    .help = "Records by kind and phase.",
    .type = METRIC_GAUGE,
    .labels = { "kind", "phase" },
};

struct entry {
    struct record_key key;
    char *uid, *uid12;
    int64_t generation;
    bool is_going;
    char phase[PHASE_MAX];
    uint64_t listing; /* the last one that put it */
    bool was_listed;
};

struct known {
    pthread_mutex_t lock; /* guards all below */
    struct map *by_key;   /* key's text -> struct entry, owned */
    struct map *by_uid12; /* -> the same, borrowed */
    uint64_t listing;
    bool was_listed;
};

static void entry_free(void *value)
{
    struct entry *entry = value;
    free(entry->uid);
    free(entry->uid12);
    free(entry);
}

struct known *known_new(void)
{
    struct known *known = MEM_NEW(struct known);
    pthread_mutex_init(&known->lock, NULL);
    known->by_key = map_new(entry_free);
    known->by_uid12 = map_new(NULL);
    return known;
}

void known_free(struct known *known)
{
    if (!known)
        return;
    map_free(known->by_uid12);
    map_free(known->by_key);
    pthread_mutex_destroy(&known->lock);
    free(known);
}

/* Under the lock, as the next ones. */
static void forget_uid(struct known *known, const struct entry *entry)
{
    if (entry->uid12 && map_get(known->by_uid12, entry->uid12) == entry)
        map_remove(known->by_uid12, entry->uid12);
}

static void set_uid(struct known *known, struct entry *entry, const char *uid)
{
    if (str_equal(entry->uid, uid))
        return;
    forget_uid(known, entry);
    free(entry->uid);
    free(entry->uid12);
    entry->uid = mem_strdup(uid);
    entry->uid12 = name_uid12(uid);
    map_put(known->by_uid12, entry->uid12, entry);
}

enum known_news known_put(struct known *known, const struct known_record *record)
{
    CLEANUP(freep) char *text = record_key_text(&record->key);
    pthread_mutex_lock(&known->lock);
    struct entry *entry = map_get(known->by_key, text);
    enum known_news news = KNOWN_SAME;
    if (!entry) {
        entry = MEM_NEW(struct entry);
        entry->key = record->key;
        map_put(known->by_key, text, entry);
        news = KNOWN_NEW;
    } else if (entry->generation != record->generation || entry->is_going != record->is_going ||
               !str_equal(entry->uid, record->uid)) {
        news = KNOWN_SUPERSEDED;
    }
    set_uid(known, entry, record->uid);
    entry->generation = record->generation;
    entry->is_going = record->is_going;
    snprintf(entry->phase, sizeof(entry->phase), "%s", record->phase ? record->phase : "Pending");
    entry->listing = known->listing;
    pthread_mutex_unlock(&known->lock);
    return news;
}

bool known_drop(struct known *known, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    pthread_mutex_lock(&known->lock);
    struct entry *entry = map_take(known->by_key, text);
    if (entry) {
        forget_uid(known, entry);
        entry_free(entry);
    }
    pthread_mutex_unlock(&known->lock);
    return entry != NULL;
}

bool known_has(struct known *known, const struct record_key *key)
{
    return known_generation(known, key) != 0;
}

int64_t known_generation(struct known *known, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    pthread_mutex_lock(&known->lock);
    const struct entry *entry = map_get(known->by_key, text);
    int64_t generation = entry ? entry->generation : 0;
    pthread_mutex_unlock(&known->lock);
    return generation;
}

bool known_by_uid12(struct known *known, const char *uid12, struct record_key *ret_key)
{
    pthread_mutex_lock(&known->lock);
    const struct entry *entry = map_get(known->by_uid12, uid12);
    if (entry)
        *ret_key = entry->key;
    pthread_mutex_unlock(&known->lock);
    return entry != NULL;
}

size_t known_count(struct known *known)
{
    pthread_mutex_lock(&known->lock);
    size_t count = map_count(known->by_key);
    pthread_mutex_unlock(&known->lock);
    return count;
}

void known_begin(struct known *known)
{
    pthread_mutex_lock(&known->lock);
    known->listing++;
    pthread_mutex_unlock(&known->lock);
}

void known_end(struct known *known, void (*gone)(void *context, const struct record_key *key), void *context)
{
    struct record_key *keys = NULL;
    size_t count = 0;
    void *value;
    pthread_mutex_lock(&known->lock);
    known->was_listed = true;
    for (size_t at = 0; map_next(known->by_key, &at, NULL, &value);) {
        const struct entry *entry = value;
        if (entry->listing == known->listing)
            continue;
        keys = mem_grow(keys, count + 1, sizeof(keys[0]));
        keys[count++] = entry->key;
    }
    pthread_mutex_unlock(&known->lock);
    for (size_t i = 0; i < count; i++)
        if (known_drop(known, &keys[i]))
            gone(context, &keys[i]);
    free(keys);
}

bool known_was_listed(struct known *known)
{
    pthread_mutex_lock(&known->lock);
    bool was_listed = known->was_listed;
    pthread_mutex_unlock(&known->lock);
    return was_listed;
}

void known_set_gauges(struct known *known)
{
    metric_clear(&records_gauge);
    void *value;
    pthread_mutex_lock(&known->lock);
    for (size_t at = 0; map_next(known->by_key, &at, NULL, &value);) {
        const struct entry *entry = value;
        metric_add(&records_gauge, 1, kinds[entry->key.kind].name, entry->phase, NULL);
    }
    pthread_mutex_unlock(&known->lock);
}
