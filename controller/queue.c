/* Heaps of entries: one by time for those that are not due, three by turn for those that are. */
#include "controller/queue.h"

#include <assert.h>
#include <pthread.h>

#include "base/map.h"

#define URGENT_IN_A_ROW 4

enum heap_id { HEAP_DELAYED, HEAP_URGENT, HEAP_BACKGROUND, HEAP_LONG, HEAPS };

/* An entry is in one heap, or running. */
struct entry {
    struct record_key key;
    bool is_running;
    enum heap_id heap;
    size_t at; /* in the heap */
    enum queue_urgency urgency;
    int64_t due_ms;
    int64_t order;       /* of two that are due alike, and of the due ones' turns: the smaller goes first */
    int64_t long_ticket; /* its place in the long lane's line; 0: none */

    /* What was asked for while it runs. */
    bool again;
    bool wants_long;
    enum queue_urgency again_urgency;
    int64_t again_ms;
};

struct heap {
    struct entry **items;
    size_t count, room;
};

struct queue {
    pthread_mutex_t lock; /* guards all below but wake */
    struct map *entries;  /* key's text -> struct entry */
    struct heap heaps[HEAPS];
    size_t running;
    int64_t last_order;
    int urgent_in_a_row;
    void (*wake)(void *context);
    void *wake_context;
};

/* ---- heaps ---- */

static bool goes_before(const struct entry *a, const struct entry *b)
{
    if (a->heap == HEAP_DELAYED && a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms;
    if (a->heap == HEAP_LONG)
        return a->long_ticket < b->long_ticket;
    return a->order < b->order;
}

static void heap_set(struct heap *heap, size_t at, struct entry *entry)
{
    heap->items[at] = entry;
    entry->at = at;
}

static void sift_up(struct heap *heap, size_t at)
{
    struct entry *entry = heap->items[at];
    for (; at > 0 && goes_before(entry, heap->items[(at - 1) / 2]); at = (at - 1) / 2)
        heap_set(heap, at, heap->items[(at - 1) / 2]);
    heap_set(heap, at, entry);
}

static void sift_down(struct heap *heap, size_t at)
{
    struct entry *entry = heap->items[at];
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && goes_before(heap->items[child + 1], heap->items[child]))
            child++;
        if (!goes_before(heap->items[child], entry))
            break;
        heap_set(heap, at, heap->items[child]);
    }
    heap_set(heap, at, entry);
}

static void heap_add(struct queue *queue, enum heap_id id, struct entry *entry)
{
    struct heap *heap = &queue->heaps[id];
    if (heap->count == heap->room) {
        heap->room = heap->room ? heap->room * 2 : 64;
        heap->items = mem_grow(heap->items, heap->room, sizeof(heap->items[0]));
    }
    entry->heap = id;
    heap_set(heap, heap->count++, entry);
    sift_up(heap, entry->at);
}

static void heap_remove(struct queue *queue, struct entry *entry)
{
    struct heap *heap = &queue->heaps[entry->heap];
    struct entry *last = heap->items[--heap->count];
    if (last == entry)
        return;
    size_t at = entry->at;
    heap_set(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, last->at);
}

static struct entry *heap_first(const struct queue *queue, enum heap_id id)
{
    return queue->heaps[id].count ? queue->heaps[id].items[0] : NULL;
}

/* ---- entries ---- */

static void put_delayed(struct queue *queue, struct entry *entry, int64_t due_ms)
{
    entry->due_ms = due_ms;
    entry->order = ++queue->last_order;
    heap_add(queue, HEAP_DELAYED, entry);
}

static void put_long(struct queue *queue, struct entry *entry, int64_t now_ms)
{
    if (!entry->long_ticket)
        entry->long_ticket = ++queue->last_order;
    entry->due_ms = now_ms;
    heap_add(queue, HEAP_LONG, entry);
}

/* What has become due gets its turn, in the order of time. */
static void promote(struct queue *queue, int64_t now_ms)
{
    struct entry *entry;
    while ((entry = heap_first(queue, HEAP_DELAYED)) && entry->due_ms <= now_ms) {
        heap_remove(queue, entry);
        entry->order = ++queue->last_order;
        heap_add(queue, entry->urgency == QUEUE_URGENT ? HEAP_URGENT : HEAP_BACKGROUND, entry);
    }
}

static void entry_merge_waiting(struct queue *queue, struct entry *entry, enum queue_urgency urgency, int64_t now_ms,
                                int64_t due_ms)
{
    bool is_more_urgent = urgency > entry->urgency;
    switch (entry->heap) {
    case HEAP_DELAYED:
        if (due_ms < entry->due_ms || is_more_urgent) {
            heap_remove(queue, entry);
            entry->urgency = is_more_urgent ? urgency : entry->urgency;
            entry->due_ms = due_ms < entry->due_ms ? due_ms : entry->due_ms;
            heap_add(queue, HEAP_DELAYED, entry);
        }
        return;
    case HEAP_BACKGROUND:
        if (is_more_urgent && due_ms <= now_ms) { /* with the turn that it has */
            heap_remove(queue, entry);
            entry->urgency = urgency;
            heap_add(queue, HEAP_URGENT, entry);
        }
        return;
    case HEAP_LONG:
        if (urgency == QUEUE_URGENT && due_ms <= now_ms) {
            heap_remove(queue, entry);
            entry->urgency = urgency;
            put_delayed(queue, entry, due_ms);
        }
        return;
    case HEAP_URGENT:
    case HEAPS:
        return;
    }
}

static void entry_merge_running(struct entry *entry, enum queue_urgency urgency, int64_t due_ms)
{
    if (!entry->again || due_ms < entry->again_ms)
        entry->again_ms = due_ms;
    if (!entry->again || urgency > entry->again_urgency)
        entry->again_urgency = urgency;
    entry->again = true;
}

static void wake(const struct queue *queue)
{
    if (queue->wake)
        queue->wake(queue->wake_context);
}

/* ---- for everybody ---- */

struct queue *queue_new(void)
{
    struct queue *queue = MEM_NEW(struct queue);
    pthread_mutex_init(&queue->lock, NULL);
    queue->entries = map_new(free);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    for (size_t i = 0; i < HEAPS; i++)
        free(queue->heaps[i].items);
    map_free(queue->entries);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void queue_on_change(struct queue *queue, void (*wake_fn)(void *context), void *context)
{
    queue->wake = wake_fn;
    queue->wake_context = context;
}

void queue_add(struct queue *queue, const struct record_key *key, enum queue_urgency urgency, int64_t now_ms)
{
    queue_add_after(queue, key, urgency, now_ms, 0);
}

void queue_add_after(struct queue *queue, const struct record_key *key, enum queue_urgency urgency, int64_t now_ms,
                     int64_t wait_ms)
{
    CLEANUP(freep) char *text = record_key_text(key);
    int64_t due_ms = now_ms + (wait_ms > 0 ? wait_ms : 0);
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = map_get(queue->entries, text);
    if (!entry) {
        entry = MEM_NEW(struct entry);
        entry->key = *key;
        entry->urgency = urgency;
        map_put(queue->entries, text, entry);
        put_delayed(queue, entry, due_ms);
    } else if (entry->is_running) {
        entry_merge_running(entry, urgency, due_ms);
    } else {
        entry_merge_waiting(queue, entry, urgency, now_ms, due_ms);
    }
    pthread_mutex_unlock(&queue->lock);
    wake(queue);
}

void queue_add_long(struct queue *queue, const struct record_key *key)
{
    CLEANUP(freep) char *text = record_key_text(key);
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = map_get(queue->entries, text);
    assert(entry && entry->is_running);
    entry->wants_long = true;
    pthread_mutex_unlock(&queue->lock);
}

void queue_hurry_all(struct queue *queue, int64_t now_ms, int64_t spread_ms)
{
    pthread_mutex_lock(&queue->lock);
    struct heap *heap = &queue->heaps[HEAP_DELAYED];
    for (size_t i = 0; i < heap->count; i++) {
        int64_t due_ms = now_ms + spread_ms * (int64_t)i / (int64_t)heap->count;
        if (due_ms < heap->items[i]->due_ms)
            heap->items[i]->due_ms = due_ms;
    }
    for (size_t i = heap->count / 2; i-- > 0;)
        sift_down(heap, i);
    void *value;
    for (size_t at = 0; map_next(queue->entries, &at, NULL, &value);)
        if (((struct entry *)value)->is_running)
            entry_merge_running(value, QUEUE_BACKGROUND, now_ms);
    pthread_mutex_unlock(&queue->lock);
    wake(queue);
}

static struct entry *choose(struct queue *queue, enum lane lane)
{
    if (lane == LANE_LONG)
        return heap_first(queue, HEAP_LONG);
    struct entry *urgent = heap_first(queue, HEAP_URGENT), *background = heap_first(queue, HEAP_BACKGROUND);
    if (!urgent || !background) {
        queue->urgent_in_a_row = 0;
        return urgent ? urgent : background;
    }
    bool is_urgents_turn = queue->urgent_in_a_row < URGENT_IN_A_ROW;
    queue->urgent_in_a_row = is_urgents_turn ? queue->urgent_in_a_row + 1 : 0;
    return is_urgents_turn ? urgent : background;
}

bool queue_take(struct queue *queue, enum lane lane, int64_t now_ms, struct queue_item *ret_item)
{
    pthread_mutex_lock(&queue->lock);
    promote(queue, now_ms);
    struct entry *entry = choose(queue, lane);
    if (entry) {
        heap_remove(queue, entry);
        entry->is_running = true;
        entry->again = false;
        entry->wants_long = false;
        if (lane == LANE_LONG)
            entry->long_ticket = 0;
        queue->running++;
        *ret_item = (struct queue_item){ .key = entry->key, .lane = lane, .waited_ms = now_ms - entry->due_ms };
    }
    pthread_mutex_unlock(&queue->lock);
    return entry != NULL;
}

void queue_done(struct queue *queue, const struct record_key *key, int64_t now_ms)
{
    CLEANUP(freep) char *text = record_key_text(key);
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = map_get(queue->entries, text);
    assert(entry && entry->is_running);
    entry->is_running = false;
    queue->running--;
    /* An edit or an event came meanwhile: the long work may be another one by now, or none. */
    bool is_urged = entry->again && entry->again_urgency == QUEUE_URGENT && entry->again_ms <= now_ms;
    if (entry->wants_long && !entry->long_ticket)
        entry->long_ticket = ++queue->last_order;
    if (!entry->wants_long)
        entry->long_ticket = 0;
    if (entry->wants_long && !is_urged) {
        put_long(queue, entry, now_ms);
    } else if (entry->again) {
        entry->urgency = entry->again_urgency;
        put_delayed(queue, entry, entry->again_ms);
    } else {
        map_remove(queue->entries, text);
    }
    pthread_mutex_unlock(&queue->lock);
    wake(queue);
}

int64_t queue_next_ms(struct queue *queue, enum lane lane, int64_t now_ms)
{
    pthread_mutex_lock(&queue->lock);
    int64_t next_ms = INT64_MAX;
    const struct entry *delayed = heap_first(queue, HEAP_DELAYED);
    if (lane == LANE_LONG ? queue->heaps[HEAP_LONG].count > 0
                          : queue->heaps[HEAP_URGENT].count + queue->heaps[HEAP_BACKGROUND].count > 0)
        next_ms = now_ms;
    else if (lane == LANE_QUICK && delayed)
        next_ms = delayed->due_ms > now_ms ? delayed->due_ms : now_ms;
    pthread_mutex_unlock(&queue->lock);
    return next_ms;
}

struct queue_stats queue_stats(struct queue *queue, int64_t now_ms)
{
    struct queue_stats stats = { 0 };
    pthread_mutex_lock(&queue->lock);
    promote(queue, now_ms);
    stats.due[LANE_QUICK] = queue->heaps[HEAP_URGENT].count + queue->heaps[HEAP_BACKGROUND].count;
    stats.due[LANE_LONG] = queue->heaps[HEAP_LONG].count;
    stats.delayed = queue->heaps[HEAP_DELAYED].count;
    stats.running = queue->running;
    for (enum heap_id id = HEAP_URGENT; id < HEAPS; id++) {
        const struct entry *first = heap_first(queue, id);
        if (first && now_ms - first->due_ms > stats.oldest_ms)
            stats.oldest_ms = now_ms - first->due_ms;
    }
    pthread_mutex_unlock(&queue->lock);
    return stats;
}
