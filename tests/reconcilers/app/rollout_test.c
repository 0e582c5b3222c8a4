/* The rollout of an edited App, row by row: turns as they were, instances as they are, and who is next. */
#include "reconcilers/app/rollout.h"
#include "tests/check.h"

enum { NOW_MS = 100000, GENERATION = 7 };

/*
 * One word per instance: its uid, then letters. w: waits, r: ready, f: failing, p: paused, y: ready since just now, n: its container is another
 * one than before (otherwise "c-<uid>").
 */
struct row {
    const char *why;
    const char *before; /* JSON, or NULL */
    const char *instances;
    int64_t max_unavailable, settle_ms;
    const char *turns; /* afterwards, uids in order; NULL: no rollout is left */
    const char *failed;
    size_t waiting, going;
    bool looks_again;
};

#define AT_7 "{\"generation\":7,\"turns\":"
#define AT_6 "{\"generation\":6,\"turns\":"

static const struct row rows[] = {
    { "nobody waits", NULL, "a:r b:r", 1, 0, NULL, NULL, 0, 0 },
    { "three wait: one begins", NULL, "a:rw b:rw c:rw", 1, 0, "a", NULL, 2, 1 },
    { "two at a time", NULL, "a:rw b:rw c:rw", 2, 0, "a b", NULL, 1, 2 },
    { "more at a time than there are", NULL, "a:rw b:rw", 9, 0, "a b", NULL, 0, 2 },
    { "one has its turn and has not begun", AT_7 "{\"a\":\"\"}}", "a:rw b:rw", 1, 0, "a", NULL, 1, 1 },
    { "one is being made anew", AT_7 "{\"a\":\"\"}}", "a: b:rw", 1, 0, "a", NULL, 1, 1 },
    { "one is through: the next", AT_7 "{\"a\":\"\"}}", "a:rn b:rw c:rw", 1, 0, "a b", NULL, 1, 1 },
    { "the last one is through", AT_7 "{\"a\":\"\",\"b\":\"\"}}", "a:rn b:rn", 1, 0, NULL, NULL, 0, 0 },
    { "one failed: nobody follows", AT_7 "{\"a\":\"\"}}", "a:fn b:rw c:rw", 1, 0, "a", "a", 2, 0 },
    { "one failed of two at a time: nobody follows", AT_7 "{\"a\":\"\",\"b\":\"\"}}", "a:fn b:rn c:rw", 2, 0, "a b",
      "a", 1, 0 },
    { "the last one failed", AT_7 "{\"a\":\"\"}}", "a:fn b:r", 1, 0, "a", "a", 0, 0 },
    { "the failed one is healthy again: on", AT_7 "{\"a\":\"\"}}", "a:rn b:rw", 1, 0, "a b", NULL, 0, 1 },
    { "one that was through fails later: nobody follows", AT_7 "{\"a\":\"\",\"b\":\"\"}}", "a:fn b: c:rw", 2, 0, "a b",
      "a", 1, 1 },
    { "the image cannot be pulled: failed with its old container", AT_7 "{\"a\":\"\"}}", "a:f b:rw", 1, 0, "a", "a", 1,
      0 },
    { "one that fails for itself and has no turn stops nobody", NULL, "a:f b:rw", 1, 0, "b", NULL, 0, 1 },
    { "edited again: who was through is forgotten", AT_6 "{\"a\":\"\"}}", "a:rnw b:rw", 1, 0, "a", NULL, 1, 1 },
    { "edited again: who is under way goes on counting", AT_6 "{\"b\":\"\"}}", "a:rw b:n c:rw", 1, 0, "b", NULL, 2, 1 },
    { "edited again: the one that failed stops nobody any more", AT_6 "{\"b\":\"\"}}", "a:rw b:f c:rw", 1, 0, "a b",
      NULL, 1, 1 },
    { "edited again, and the one that failed was made anew and fails again", AT_7 "{\"b\":\"c-b\"}}", "a:rw b:fn", 1, 0,
      "b", "b", 1, 0 },
    { "edited again, and the one that failed is as it was", AT_7 "{\"b\":\"c-b\"}}", "a:rw b:f", 1, 0, "a b", NULL, 0,
      1 },
    { "a paused one is passed over", NULL, "a:rwp b:rw", 1, 0, "b", NULL, 1, 1 },
    { "one was paused in its turn: nobody waits for it", AT_7 "{\"a\":\"\"}}", "a:rwp b:rw", 1, 0, "a b", NULL, 0, 1 },
    { "one was deleted in its turn", AT_7 "{\"a\":\"\"}}", "b:rw", 1, 0, "b", NULL, 0, 1 },
    { "without a health check it must have run for a while", AT_7 "{\"a\":\"\"}}", "a:yn b:rw", 1, 10000, "a", NULL, 1,
      1, true },
    { "without a health check, and it has", AT_7 "{\"a\":\"\"}}", "a:rn b:rw", 1, 10000, "a b", NULL, 0, 1 },
    { "what was stored makes no sense", "{\"generation\":\"x\",\"turns\":[1]}", "a:rw", 1, 0, "a", NULL, 0, 1 },
};

struct crowd {
    struct strv words;
    struct rollout_instance items[8];
    char *containers[8];
};

static void read_crowd(const char *text, struct crowd *ret)
{
    *ret = (struct crowd){ .words = STRV_INIT };
    strv_split(&ret->words, text, ' ');
    for (size_t i = 0; i < ret->words.count; i++) {
        char *colon = strchr(ret->words.items[i], ':');
        *colon = '\0';
        const char *letters = colon + 1, *uid = ret->words.items[i];
        ret->containers[i] = mem_printf("%s-%s", strchr(letters, 'n') ? "d" : "c", uid);
        ret->items[i] = (struct rollout_instance){
            .uid = uid,
            .name = uid,
            .container = ret->containers[i],
            .is_waiting = strchr(letters, 'w'),
            .is_paused = strchr(letters, 'p'),
            .is_ready = strpbrk(letters, "ry"),
            .is_failing = strchr(letters, 'f'),
            .ready_since_ms = strchr(letters, 'y') ? NOW_MS - 1 : 1,
        };
    }
}

static void crowd_release(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->words.count; i++)
        free(crowd->containers[i]);
    strv_release(&crowd->words);
}

static char *turns_of(const json_t *after)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    const char *uid;
    json_t *mark;
    json_object_foreach (json_object_get(after, "turns"), uid, mark)
        strv_add(&names, uid);
    strv_sort(&names);
    return strv_join(&names, " ");
}

static void test_rollout(void **state)
{
    const struct row *row = *state;
    CLEANUP(json_decrefp) json_t *before = row->before ? json_loads(row->before, 0, NULL) : NULL;
    CLEANUP(crowd_release) struct crowd crowd;
    CLEANUP(rollout_verdict_release) struct rollout_verdict verdict = { 0 };
    assert_true(!row->before || before);
    read_crowd(row->instances, &crowd);
    struct rollout_input input = { before, GENERATION,  row->max_unavailable, row->settle_ms,
                                   NOW_MS, crowd.items, crowd.words.count };
    rollout_decide(&input, &verdict);
    CLEANUP(freep) char *turns = turns_of(verdict.after);
    assert_string_equal(turns, row->turns ? row->turns : "");
    assert_int_equal(verdict.after != NULL, row->turns != NULL);
    assert_string_equal(verdict.failed ? verdict.failed->uid : "", row->failed ? row->failed : "");
    assert_int_equal(verdict.waiting, row->waiting);
    assert_int_equal(verdict.going, row->going);
    assert_int_equal(verdict.look_again_ms > 0, row->looks_again);
    if (row->turns)
        assert_int_equal(json_int(verdict.after, "generation", 0), GENERATION);
}

static void test_turn(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *app_state = json_loads("{\"rollout\":" AT_7 "{\"a\":\"\"}}}", 0, NULL);
    assert_true(rollout_gives_turn(app_state, 7, "a"));
    assert_false(rollout_gives_turn(app_state, 7, "b"));
    assert_false(rollout_gives_turn(app_state, 8, "a")); /* edited since, and not decided anew yet */
    assert_false(rollout_gives_turn(NULL, 7, "a"));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_rollout, rows);
    CHECK_TEST(&list, test_turn);
    return check_run("app rollout", &list);
}
