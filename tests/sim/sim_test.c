/*
 * The simulated world: blocks of seeds, each a test, and beneath them the named cases that seeds have found, one per bug that was mended.
 * A failing seed is printed shrunk, with the command that replays it. See docs/simulation.md.
 */
#include "tests/check.h"
#include "tests/sim/run.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS 1000 /* what they are looked through for then are leaks and stray pointers */
#else
#define SEEDS 10000
#endif
#define BLOCK      500
#define BLOCKS     (SEEDS / BLOCK)
#define FAULTS_MAX 3 /* per block: shrinking takes long */

static void fail_with(uint64_t seed, struct script *script, const char *first_fault)
{
    CLEANUP(freep) char *fault = NULL;
    print_error("seed %llu: %s\n", (unsigned long long)seed, first_fault);
    if (run_script(script, &fault)) {
        print_error("    build/tests/sim/simulate --from %llu --seeds 1\n", (unsigned long long)seed);
        return;
    }
    script_shrink(script, &fault);
    CLEANUP(freep) char *text = script_print(script);
    print_error("    shrunk: %s\n    build/tests/sim/simulate --trace --script '%s'\n", fault, text);
}

static void test_seeds(void **state)
{
    const uint64_t *first = *state;
    int faults = 0;
    for (uint64_t seed = *first; seed < *first + BLOCK && faults < FAULTS_MAX; seed++) {
        CLEANUP(freep) char *fault = NULL;
        CLEANUP(script_release) struct script script = { 0 };
        if (!run_seed(seed, &fault, &script)) {
            fail_with(seed, &script, fault);
            faults++;
        }
    }
    assert_int_equal(faults, 0);
}

static const struct named_case {
    const char *why, *script;
} cases[] = {
    { "nothing happens", "1" },
    { "a success whose note was lost still told of a retry, for ever",
      "351 store_claims#1>away:19 turn#11<crash:28 store_state_get#3>create:54 role_look#2>delete:53 "
      "store_state_get#5>network:18 store_state_get#8>lost:14 store_get#41<remote:9 turn#28<crash:17" },
    { "a clone that was killed held the template's role, and waited for the template",
      "427 container_copy_tree#1>crash:18 role_look#6>away:11 store_get#38<conflict:37 turn#44<edit-others:32" },
    { "a volume that went away between look and creation was replaced by Docker with an empty one, and the "
      "application started on it",
      "970 turn#28<edit:24 store_event_add#6>destroy:56" },
    { "the loss of a volume was not seen while the tenant was suspended",
      "178 turn#27<destroy:50 turn#29<edit-others:29 container_stop#1>edit-others:39" },
    { "a fresh daemon took back how often it had been restarted", "141 turn#17<container:57" },
    { "a container could not be started any more after its network had been made anew",
      "3804 turn#24<container:32 turn#39<network:12" },
    { "the same, removed while the record was being made",
      "2860 database_create.stamp#1<timeout:20 turn#15<container:32 turn#19<network:62" },
    { "a tenant went on counting an instance whose last call's answer was lost",
      "3681 network_create#1>delete:9 store_update_status#2<invalid:48 container_list#4<timeout:37 "
      "volume_list#1<delete:34 store_get#23>lost:15 store_remove_finalizer#2>lost:42" },
};

static void test_case(void **state)
{
    const struct named_case *named = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(script_release) struct script script = { 0 };
    CLEANUP(freep) char *fault = NULL;
    assert_ok(script_parse(named->script, &script, &err), &err);
    if (!run_script(&script, &fault))
        fail_msg("%s\n    build/tests/sim/simulate --trace --script '%s'", fault, named->script);
}

/* The same seed is the same run, whatever ran before it. */
static void test_repeats_itself(void **state)
{
    (void)state;
    struct str traces[2] = { STR_INIT, STR_INIT };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(script_release) struct script script = { 0 };
    assert_ok(script_parse("7 turn#5<crash:0 database_create#1>lost:1 turn#9<work-much:3", &script, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(traces); i++) {
        CLEANUP(freep) char *fault = NULL;
        run_script_traced(&script, &traces[i], &fault);
    }
    assert_true(traces[0].len > 1000);
    assert_string_equal(traces[0].text, traces[1].text);
    str_release(&traces[0]);
    str_release(&traces[1]);
}

static void test_scripts_are_read(void **state)
{
    static const char text[] = "12 turn#5<crash:0 database_create#1>lost:1";
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(script_release) struct script script = { 0 };
    assert_ok(script_parse(text, &script, &err), &err);
    CLEANUP(freep) char *printed = script_print(&script);
    assert_string_equal(printed, text);
    struct script none = { 0 };
    assert_fails(script_parse("x", &none, &err), &err, ERR_INVALID);
    assert_fails(script_parse("1 turn#5<explode:0", &none, &err), &err, ERR_INVALID);
    assert_fails(script_parse("1 turn<crash:0", &none, &err), &err, ERR_INVALID);
}

int main(void)
{
    struct check_list list = { 0 };
    static uint64_t firsts[BLOCKS];
    static char names[BLOCKS][40];
    CHECK_TEST(&list, test_scripts_are_read);
    CHECK_TEST(&list, test_repeats_itself);
    CHECK_ROWS(&list, test_case, cases);
    for (size_t i = 0; i < BLOCKS; i++) {
        firsts[i] = i * BLOCK;
        snprintf(names[i], sizeof(names[i]), "seeds %zu to %zu", i * BLOCK, i * BLOCK + BLOCK - 1);
        check_add(&list, names[i], test_seeds, &firsts[i]);
    }
    return check_run("sim", &list);
}
