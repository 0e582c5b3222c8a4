#include "base/crypto.h"
#include "controller/queue.h"
#include "tests/check.h"

/* ---- rows: a script of operations, and what is taken in which order ---- */

static struct record_key key_of(char name)
{
    struct record_key key;
    char text[] = { name, '\0' };
    assert_true(record_key_set(&key, KIND_TENANT, "", text));
    return key;
}

/*
 * Operations, each a letter and its arguments; K is a key's letter, N a number:
 * u K        add urgently             b K      add in the background
 * d K N      add urgently in N        e K N    in the background in N
 * l K        wants the long lane      . K      done
 * t          take quick               T        take long
 * + N        time goes on             h N      hurry all within N
 */
struct script {
    const char *why;
    const char *operations;
    const char *taken; /* the keys in order; '-' where nothing was due */
};

static const struct script scripts[] = {
    { "empty", "t T", "--" },
    { "equal keys merge", "u a u a t . a t", "a-" },
    { "first come first served", "u a u b u c t t t", "abc" },
    { "a running key is not handed out", "u a t u a t", "a-" },
    { "and runs again afterwards", "u a t u a t . a t", "a-a" },
    { "once, however often it was added", "u a t u a u a . a t . a t", "aa-" },
    { "done without an add is over", "u a t . a t + 1000 t", "a--" },
    { "urgent ones ahead", "b a b b u c t t t", "cab" },
    { "an urgent add lifts a background one", "b a b b u b t t", "ba" },
    { "a background add leaves an urgent one", "u a b b b a t t", "ab" },
    { "a lifted one keeps its turn", "b a u b u a t t", "ab" },
    { "background gets every fifth turn", "b z u a u b u c u d u e u f t t t t t t t", "abcdzef" },
    { "delayed", "d a 10 t + 9 t + 1 t", "--a" },
    { "the earliest time wins", "d a 10 d a 5 + 5 t", "a" },
    { "a later one does not put off", "d a 5 d a 10 + 5 t", "a" },
    { "now beats a delay", "d a 1000 u a t . a + 2000 t", "a-" },
    { "a background now beats an urgent delay", "d a 1000 b a t", "a" },
    { "delayed ones in the order of time", "d a 30 d b 20 d c 10 + 30 t t t", "cba" },
    { "alike ones in the order of adds", "d a 10 d b 10 d c 10 + 10 t t t", "abc" },
    { "a delay while it runs", "u a t d a 10 . a t + 10 t", "a-a" },
    { "the earliest while it runs", "u a t d a 100 d a 10 . a + 10 t", "aa" },
    { "now beats a delay while it runs", "u a t d a 100 u a . a t", "aa" },
    { "a retry yields to new ones", "u a t u b u a . a t t", "aba" },
    { "long lane", "u a t l a . a t T", "a-a" },
    { "quick is not held up by long", "u a u b t l a . a t T", "aba" },
    { "long in line", "u a u b t t l b . b l a . a T T", "abba" },
    { "long once", "u a t l a . a T . a t T", "aa--" },
    { "an edit goes through the quick lane first", "u a t l a . a u a T t", "a-a" },
    { "and keeps its place in the long one", "u a u b t t l a . a l b . b u a t l a . a T T", "abaab" },
    { "no long after all", "u a t l a . a u a t . a T", "aa-" },
    { "a resync does not take it out of line", "u a t l a . a b a t T", "a-a" },
    { "nor does an urgent delay", "u a t l a . a d a 5 + 5 t T", "a-a" },
    { "an edit while it wants long", "u a t u a l a . a T t", "a-a" },
    { "a resync while it wants long", "u a t b a l a . a t T", "a-a" },
    { "a place lost with the work", "u a t l a . a u a t . a u b t l b . b u a t l a . a T T", "aababa" },
    { "hurry wakes all that wait", "d a 1000 d b 2000 h 0 t t", "ab" },
    { "hurry spreads", "d a 1000 d b 2000 h 100 t t + 50 t", "a-b" },
    { "hurry puts nothing off", "d a 10 d b 20 h 1000 + 20 t t", "ab" },
    { "hurry makes running ones run again", "u a t h 0 . a t", "aa" },
    { "hurry leaves the long lane's line", "u a t l a . a h 0 t T", "a-a" },
};

static void run_script(struct queue *queue, const char *operations, struct str *taken)
{
    int64_t now_ms = 0;
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    strv_split(&words, operations, ' ');
    for (size_t i = 0; i < words.count; i++) {
        char operation = words.items[i][0];
        bool has_key = strchr("ubdel.", operation) != NULL, has_number = strchr("de+h", operation) != NULL;
        struct record_key key = has_key ? key_of(words.items[++i][0]) : (struct record_key){ 0 };
        int64_t number = 0;
        if (has_number)
            assert_true(str_parse_int64(words.items[++i], 0, INT64_MAX, &number));
        struct queue_item item;
        enum queue_urgency urgency = operation == 'u' || operation == 'd' ? QUEUE_URGENT : QUEUE_BACKGROUND;
        if (strchr("ubde", operation))
            queue_add_after(queue, &key, urgency, now_ms, number);
        else if (operation == 'l')
            queue_add_long(queue, &key);
        else if (operation == '.')
            queue_done(queue, &key, now_ms);
        else if (operation == '+')
            now_ms += number;
        else if (operation == 'h')
            queue_hurry_all(queue, now_ms, number);
        else
            str_addc(taken, queue_take(queue, operation == 'T' ? LANE_LONG : LANE_QUICK, now_ms, &item)
                                ? item.key.name[0]
                                : '-');
    }
}

static void test_script(void **state)
{
    const struct script *script = *state;
    CLEANUP(str_release) struct str taken = STR_INIT;
    struct queue *queue = queue_new();
    run_script(queue, script->operations, &taken);
    assert_string_equal(taken.text, script->taken);
    queue_free(queue);
}

static void test_next_time(void **state)
{
    (void)state;
    struct queue *queue = queue_new();
    struct record_key a = key_of('a'), b = key_of('b');
    struct queue_item item;
    assert_int_equal(queue_next_ms(queue, LANE_QUICK, 5), INT64_MAX);
    queue_add_after(queue, &a, QUEUE_URGENT, 5, 100);
    assert_int_equal(queue_next_ms(queue, LANE_QUICK, 5), 105);
    assert_int_equal(queue_next_ms(queue, LANE_LONG, 5), INT64_MAX);
    assert_int_equal(queue_next_ms(queue, LANE_QUICK, 200), 200);
    queue_add(queue, &b, QUEUE_BACKGROUND, 200);
    assert_true(queue_take(queue, LANE_QUICK, 200, &item));
    assert_int_equal(item.waited_ms, 95);
    assert_int_equal(queue_next_ms(queue, LANE_QUICK, 201), 201);
    queue_add_long(queue, &a);
    queue_done(queue, &a, 210);
    assert_int_equal(queue_next_ms(queue, LANE_LONG, 210), 210);
    queue_free(queue);
}

static void test_stats(void **state)
{
    (void)state;
    struct queue *queue = queue_new();
    struct queue_item item;
    const char *names = "abcdef";
    for (int i = 0; names[i]; i++) {
        struct record_key key = key_of(names[i]);
        queue_add_after(queue, &key, i % 2 ? QUEUE_URGENT : QUEUE_BACKGROUND, 0, i < 4 ? 10 * i : 1000);
    }
    assert_true(queue_take(queue, LANE_QUICK, 0, &item));
    queue_add_long(queue, &item.key);
    queue_done(queue, &item.key, 5);
    assert_true(queue_take(queue, LANE_QUICK, 100, &item));
    struct queue_stats stats = queue_stats(queue, 100);
    assert_int_equal(stats.due[LANE_QUICK], 2);
    assert_int_equal(stats.due[LANE_LONG], 1);
    assert_int_equal(stats.delayed, 2);
    assert_int_equal(stats.running, 1);
    assert_int_equal(stats.oldest_ms, 95);
    queue_free(queue);
}

static void count_call(void *context)
{
    ++*(int *)context;
}

static void test_wakes(void **state)
{
    (void)state;
    struct queue *queue = queue_new();
    struct queue_item item;
    struct record_key a = key_of('a');
    int calls = 0;
    queue_on_change(queue, count_call, &calls);
    queue_add(queue, &a, QUEUE_URGENT, 0);
    assert_int_equal(calls, 1);
    assert_true(queue_take(queue, LANE_QUICK, 0, &item));
    assert_int_equal(calls, 1);
    queue_done(queue, &a, 0);
    assert_int_equal(calls, 2);
    queue_free(queue);
}

/* ---- against a naive model, from a seed ---- */

enum { MODEL_KEYS = 20, MODEL_STEPS = 4000, MODEL_SEEDS = 40 };

/* What a key is owed, in the plainest words: no heaps, no merging of structures. */
struct model_key {
    bool present, running, in_long, urgent;
    int64_t due_ms;
    bool again, again_urgent, wants_long;
    int64_t again_ms;
};

struct model {
    struct model_key keys[MODEL_KEYS];
    int64_t now_ms;
    uint64_t random;
};

static uint64_t next_random(struct model *model)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random;
}

static void model_add(struct model *model, size_t index, bool urgent, int64_t wait_ms)
{
    struct model_key *key = &model->keys[index];
    int64_t due_ms = model->now_ms + wait_ms;
    if (!key->present) {
        *key = (struct model_key){ .present = true, .urgent = urgent, .due_ms = due_ms };
    } else if (key->running) {
        key->again_ms = key->again && key->again_ms < due_ms ? key->again_ms : due_ms;
        key->again_urgent = (key->again && key->again_urgent) || urgent;
        key->again = true;
    } else if (key->in_long) {
        if (urgent && wait_ms == 0)
            *key = (struct model_key){ .present = true, .urgent = true, .due_ms = due_ms };
    } else {
        key->due_ms = due_ms < key->due_ms ? due_ms : key->due_ms;
        key->urgent = key->urgent || urgent;
    }
}

static void model_done(struct model *model, size_t index)
{
    struct model_key *key = &model->keys[index];
    struct model_key was = *key;
    bool urged = was.again && was.again_urgent && was.again_ms <= model->now_ms;
    *key = (struct model_key){ 0 };
    if (was.wants_long && !urged)
        *key = (struct model_key){ .present = true, .in_long = true };
    else if (was.again)
        *key = (struct model_key){ .present = true, .urgent = was.again_urgent, .due_ms = was.again_ms };
}

static bool model_could_take(const struct model *model, enum lane lane)
{
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *key = &model->keys[i];
        if (key->present && !key->running &&
            (lane == LANE_LONG ? key->in_long : !key->in_long && key->due_ms <= model->now_ms))
            return true;
    }
    return false;
}

static void model_check_stats(const struct model *model, struct queue *queue)
{
    struct queue_stats want = { 0 };
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *key = &model->keys[i];
        want.running += key->running;
        want.due[LANE_LONG] += key->present && !key->running && key->in_long;
        want.due[LANE_QUICK] += key->present && !key->running && !key->in_long && key->due_ms <= model->now_ms;
        want.delayed += key->present && !key->running && !key->in_long && key->due_ms > model->now_ms;
    }
    struct queue_stats seen = queue_stats(queue, model->now_ms);
    assert_int_equal(seen.running, want.running);
    assert_int_equal(seen.due[LANE_LONG], want.due[LANE_LONG]);
    assert_int_equal(seen.due[LANE_QUICK], want.due[LANE_QUICK]);
    assert_int_equal(seen.delayed, want.delayed);
}

static void model_take(struct model *model, struct queue *queue, enum lane lane)
{
    struct queue_item item;
    bool expected = model_could_take(model, lane);
    assert_int_equal(queue_take(queue, lane, model->now_ms, &item), expected);
    if (!expected)
        return;
    struct model_key *key = &model->keys[item.key.name[0] - 'a'];
    assert_true(key->present && !key->running);
    assert_int_equal(key->in_long, lane == LANE_LONG);
    assert_true(lane == LANE_LONG || key->due_ms <= model->now_ms);
    *key = (struct model_key){ .present = true, .running = true };
}

static void model_hurry(struct model *model, struct queue *queue)
{
    queue_hurry_all(queue, model->now_ms, 0);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        struct model_key *key = &model->keys[i];
        if (key->present && (key->running || !key->in_long))
            model_add(model, i, false, 0);
    }
}

static void model_step(struct model *model, struct queue *queue)
{
    size_t index = next_random(model) % MODEL_KEYS;
    struct record_key key = key_of((char)('a' + index));
    bool urgent = next_random(model) % 2;
    int64_t wait_ms = (int64_t)(next_random(model) % 50);
    switch (next_random(model) % 10) {
    case 0:
    case 1:
        queue_add(queue, &key, urgent ? QUEUE_URGENT : QUEUE_BACKGROUND, model->now_ms);
        model_add(model, index, urgent, 0);
        break;
    case 2:
        queue_add_after(queue, &key, urgent ? QUEUE_URGENT : QUEUE_BACKGROUND, model->now_ms, wait_ms);
        model_add(model, index, urgent, wait_ms);
        break;
    case 3:
        model->now_ms += wait_ms / 4;
        break;
    case 4:
        if (wait_ms == 0)
            model_hurry(model, queue);
        break;
    case 5:
        model_take(model, queue, LANE_LONG);
        break;
    case 6:
    case 7:
        model_take(model, queue, LANE_QUICK);
        break;
    default:
        if (!model->keys[index].running)
            break;
        if (urgent && wait_ms % 2) {
            queue_add_long(queue, &key);
            model->keys[index].wants_long = true;
        }
        queue_done(queue, &key, model->now_ms);
        model_done(model, index);
    }
    model_check_stats(model, queue);
}

static void test_against_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= MODEL_SEEDS; seed++) {
        struct model model = { .random = seed * UINT64_C(0x9E3779B97F4A7C15) };
        struct queue *queue = queue_new();
        for (int i = 0; i < MODEL_STEPS; i++)
            model_step(&model, queue);
        queue_free(queue);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_script, scripts);
    CHECK_TEST(&list, test_next_time);
    CHECK_TEST(&list, test_stats);
    CHECK_TEST(&list, test_wakes);
    CHECK_TEST(&list, test_against_model);
    return check_run("queue", &list);
}
