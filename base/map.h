/* A hash map from text to pointers (seeded SipHash or like, so peers cannot make it slow). Not thread-safe: its owner locks. */
#pragma once

#include "base/mem.h"

struct map;
typedef void map_free_fn(void *value);

struct map *map_new(map_free_fn *free_value); /* NULL: values are borrowed */
void map_free(struct map *map);
void map_freep(struct map **map);
void map_put(struct map *map, const char *key, void *value); /* the key is copied; an old value is freed */
void *map_get(const struct map *map, const char *key);       /* borrowed, NULL when absent */
void *map_take(struct map *map, const char *key);            /* removes; the caller owns the value */
bool map_remove(struct map *map, const char *key);
size_t map_count(const struct map *map);
/* Walks all entries in no order: size_t at = 0; while (map_next(map, &at, &key, &value)). Removing the current entry is allowed. */
bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value);
