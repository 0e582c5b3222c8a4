/*
 * Faults planted in the reconcilers, one at a time (the patches in tests/sim/faults): the simulation that is linked with one has to find it within the
 * seeds that `make test` runs. A patch that fits no more is a failure: it is written anew for what the code is now.
 */
#include <glob.h>

#include "base/process.h"
#include "base/str.h"
#include "tests/check.h"

#define MAKE_MS   (300 * SECOND_MS)
#define FAULTS_MS (500 * SECOND_MS)
#define SEEDS     "10000"

/* Output and exit of a command; the test fails unless that is 0. */
static void run(const char *const *argv, int64_t within_ms)
{
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = call_within(NULL, within_ms);
    const struct process process = { .argv = argv, .output_limit = 1 << 20 };
    if (!process_run(&process, &call, &output, &err))
        fail_msg("%s: %s\n%s", argv[0], err_message(&err), output.text);
    print_message("%s", output.text);
}

static void test_is_found(void **state)
{
    const char *name = *state;
    /* The plain build, also where this program is one with sanitizers: what counts is what the oracles find. */
    CLEANUP(freep) char *program = mem_printf("build/faults/%s/simulate", name);
    run((const char *const[]){ "make", "--no-print-directory", "-s", program, NULL }, MAKE_MS);
    run((const char *const[]){ program, "--seeds", SEEDS, "--find-one", NULL }, FAULTS_MS);
}

int main(void)
{
    struct check_list list = { 0 };
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    glob_t found;
    if (glob("tests/sim/faults/*.patch", 0, NULL, &found) != 0) {
        print_error("no faults in tests/sim/faults\n");
        return 1;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *file = strrchr(found.gl_pathv[i], '/') + 1;
        strv_add_taken(&names, mem_strndup(file, strlen(file) - strlen(".patch")));
    }
    globfree(&found);
    for (size_t i = 0; i < names.count; i++)
        check_add(&list, names.items[i], test_is_found, names.items[i]);
    return check_run("faults", &list);
}
