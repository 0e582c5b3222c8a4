/*
 * The simulation by hand: simulate [--from SEED] [--seeds COUNT], or simulate --script "17 turn#3<edit:5 ..." [--trace]. Prints each failing
 * seed shrunk, with the command that replays it; ends with 1 when there was one. With --find-one it is the other way round: one has to fail.
 */
#include <stdio.h>

#include "tests/sim/run.h"

struct options {
    int64_t from, seeds, most;
    const char *script;
    bool trace, find_one;
};

static int usage(void)
{
    fputs("simulate [--from SEED] [--seeds COUNT] [--most FAILURES | --find-one] | simulate --script TEXT [--trace]\n",
          stderr);
    return 2;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool ok = true;
        if (str_equal(argv[i], "--trace"))
            options->trace = true;
        else if (str_equal(argv[i], "--find-one"))
            options->find_one = true;
        else if (str_equal(argv[i], "--script"))
            options->script = value;
        else if (str_equal(argv[i], "--from"))
            ok = str_parse_int64(value, 0, INT64_MAX, &options->from);
        else if (str_equal(argv[i], "--seeds"))
            ok = str_parse_int64(value, 1, INT64_MAX, &options->seeds);
        else if (str_equal(argv[i], "--most"))
            ok = str_parse_int64(value, 1, INT64_MAX, &options->most);
        else
            return false;
        if (!ok)
            return false;
        i += !str_equal(argv[i], "--trace") && !str_equal(argv[i], "--find-one");
    }
    return true;
}

static int replay(const struct options *options)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str trace = STR_INIT;
    CLEANUP(script_release) struct script script = { 0 };
    CLEANUP(freep) char *fault = NULL;
    if (!script_parse(options->script, &script, &err)) {
        fprintf(stderr, "%s\n", err_message(&err));
        return 2;
    }
    bool ok = run_script_traced(&script, options->trace ? &trace : NULL, &fault);
    fputs(trace.text, stdout);
    printf("%s\n", ok ? "all holds" : fault);
    return !ok;
}

static void report(uint64_t seed, struct script *script, const char *first_fault)
{
    CLEANUP(freep) char *fault = NULL;
    printf("seed %" PRIu64 ": %s\n", seed, first_fault);
    if (run_script(script, &fault)) {
        printf("    (its script alone does not fail; replay it with --from %" PRIu64 " --seeds 1)\n", seed);
        return;
    }
    script_shrink(script, &fault);
    CLEANUP(freep) char *text = script_print(script);
    printf("    shrunk: %s\n    build/tests/sim/simulate --trace --script '%s'\n", fault, text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct options options = { .seeds = 1000, .most = 20 };
    int64_t failures = 0;
    if (!read_options(argc, argv, &options))
        return usage();
    if (options.script)
        return replay(&options);
    for (int64_t i = 0; i < options.seeds && failures < options.most; i++) {
        CLEANUP(freep) char *fault = NULL;
        CLEANUP(script_release) struct script script = { 0 };
        uint64_t seed = (uint64_t)(options.from + i);
        if (run_seed(seed, &fault, &script))
            continue;
        failures++;
        if (options.find_one) {
            printf("seed %" PRIu64 ": %s\n", seed, fault);
            return 0;
        }
        report(seed, &script, fault);
    }
    printf("%" PRId64 " of %" PRId64 " seeds failed\n", failures, options.seeds);
    return options.find_one || failures != 0;
}
