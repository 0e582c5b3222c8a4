/* A hash map: entries stand densely in the order they came, a table of slots with linear probing finds them. */
#include "base/map.h"

#include "base/crypto.h"

#define SLOT_FREE      SIZE_MAX
#define SLOTS_AT_FIRST 16

struct entry {
    char *key; /* NULL: removed, left out when the slots are next built anew */
    uint64_t hash;
    void *value;
};

struct map {
    map_free_fn *free_value;
    uint64_t seed[2];
    struct entry *entries;
    size_t used;       /* entries in use, removed ones too */
    size_t count;      /* entries in use that were not removed */
    size_t *slots;     /* index into entries, or SLOT_FREE */
    size_t slot_count; /* a power of two; the entries have room for half as many */
};

static uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): who does not know the seed cannot choose keys that collide. */
static uint64_t hash_of(const struct map *map, const char *key)
{
    size_t len = strlen(key);
    uint64_t v[4] = { map->seed[0] ^ UINT64_C(0x736f6d6570736575), map->seed[1] ^ UINT64_C(0x646f72616e646f6d),
                      map->seed[0] ^ UINT64_C(0x6c7967656e657261), map->seed[1] ^ UINT64_C(0x7465646279746573) };
    for (size_t at = 0; at <= len; at += 8) {
        size_t have = len - at < 8 ? len - at : 8;
        uint64_t word = 0;
        memcpy(&word, key + at, have);
        if (have < 8)
            word |= (uint64_t)len << 56;
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(map_free_fn *free_value)
{
    struct map *map = MEM_NEW(struct map);
    map->free_value = free_value;
    random_bytes(map->seed, sizeof(map->seed));
    return map;
}

void map_free(struct map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->used; i++) {
        if (map->entries[i].key && map->free_value)
            map->free_value(map->entries[i].value);
        free(map->entries[i].key);
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

void map_freep(struct map **map)
{
    map_free(*map);
    *map = NULL;
}

/* The slot that holds the key, or the free one where the search for it ended. Needs a table. */
static size_t slot_of(const struct map *map, const char *key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    size_t slot = hash & mask;
    for (; map->slots[slot] != SLOT_FREE; slot = (slot + 1) & mask) {
        const struct entry *entry = &map->entries[map->slots[slot]];
        /* A removed entry keeps its slot, so that searches go on past it. */
        if (entry->key && entry->hash == hash && strcmp(entry->key, key) == 0)
            break;
    }
    return slot;
}

static struct entry *find(const struct map *map, const char *key, uint64_t hash)
{
    if (map->slot_count == 0)
        return NULL;
    size_t slot = slot_of(map, key, hash);
    return map->slots[slot] == SLOT_FREE ? NULL : &map->entries[map->slots[slot]];
}

/* Makes room for one more: removed entries go, and the table is doubled when the rest fills more than a quarter of it. */
static void rebuild(struct map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->used; i++)
        if (map->entries[i].key)
            map->entries[kept++] = map->entries[i];
    map->used = kept;
    size_t slot_count = map->slot_count ? map->slot_count : SLOTS_AT_FIRST;
    if (kept >= slot_count / 4)
        slot_count *= 2;
    map->entries = mem_grow(map->entries, slot_count / 2, sizeof(struct entry));
    map->slots = mem_grow(map->slots, slot_count, sizeof(size_t));
    map->slot_count = slot_count;
    for (size_t i = 0; i < slot_count; i++)
        map->slots[i] = SLOT_FREE;
    for (size_t i = 0; i < kept; i++) {
        size_t slot = map->entries[i].hash & (slot_count - 1);
        while (map->slots[slot] != SLOT_FREE)
            slot = (slot + 1) & (slot_count - 1);
        map->slots[slot] = i;
    }
}

void map_put(struct map *map, const char *key, void *value)
{
    uint64_t hash = hash_of(map, key);
    struct entry *old = find(map, key, hash);
    if (old) {
        void *old_value = old->value;
        old->value = value;
        if (map->free_value && old_value != value)
            map->free_value(old_value);
        return;
    }
    if (map->used == map->slot_count / 2)
        rebuild(map);
    map->slots[slot_of(map, key, hash)] = map->used;
    map->entries[map->used++] = (struct entry){ .key = mem_strdup(key), .hash = hash, .value = value };
    map->count++;
}

void *map_get(const struct map *map, const char *key)
{
    const struct entry *entry = find(map, key, hash_of(map, key));
    return entry ? entry->value : NULL;
}

static void *take_entry(struct map *map, struct entry *entry)
{
    void *value = entry->value;
    free(entry->key);
    *entry = (struct entry){ .key = NULL };
    map->count--;
    return value;
}

void *map_take(struct map *map, const char *key)
{
    struct entry *entry = find(map, key, hash_of(map, key));
    return entry ? take_entry(map, entry) : NULL;
}

bool map_remove(struct map *map, const char *key)
{
    struct entry *entry = find(map, key, hash_of(map, key));
    if (!entry)
        return false;
    void *value = take_entry(map, entry);
    if (map->free_value)
        map->free_value(value);
    return true;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value)
{
    while (*at < map->used) {
        const struct entry *entry = &map->entries[(*at)++];
        if (!entry->key)
            continue;
        if (ret_key)
            *ret_key = entry->key;
        if (ret_value)
            *ret_value = entry->value;
        return true;
    }
    return false;
}
