/*
 * What the suites against a real engine share: names and a label of their own for each run, containers for the test at hand,
 * and a second look at the world by the docker command line. All that carries the label is removed after each test, also
 * after a failed one. No engine is a failure.
 */
#pragma once

#include "base/crypto.h"
#include "base/process.h"
#include "clients/docker/docker.h"
#include "tests/check.h"

struct live {
    struct docker *docker;
    char *prefix; /* "tdtest-1a2b3c4d" */
    char *label;  /* "tenantd.test=tdtest-1a2b3c4d" */
    json_t *labels;
    const char *image;
};

#define LIVE_LABEL   "tenantd.test"
#define LIVE_WAIT_MS (20 * SECOND_MS)

/* The output of a command without its last newline, owned; the test fails unless it exits with 0. */
static inline char *live_run(const char *const *argv)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct str output = STR_INIT;
    const struct process process = { .argv = argv, .output_limit = 1 << 20 };
    if (!process_run(&process, NULL, &output, &err))
        fail_msg("%s %s: %s", argv[0], argv[1], err_message(&err));
    while (output.len > 0 && output.text[output.len - 1] == '\n')
        output.text[--output.len] = '\0';
    return str_steal(&output);
}
#define LIVE_RUN(...) live_run((const char *const[]){ __VA_ARGS__, NULL })

/* What `docker inspect --format` says of an object. */
#define assert_seen(name, format, expected)                                                                            \
    do {                                                                                                               \
        CLEANUP(freep) char *seen_ = LIVE_RUN("docker", "inspect", "--format", (format), (name));                      \
        if (strcmp(seen_, (expected)) != 0)                                                                            \
            fail_msg("%s of %s is \"%s\", not \"%s\"", (format), (name), seen_, (expected));                           \
    } while (0)

static inline void live_remove(const char *label, const char *list, const char *remove)
{
    CLEANUP(freep) char *command = mem_printf("docker %s --filter label=%s | xargs -r docker %s", list, label, remove);
    CLEANUP(err_release) struct err err = ERR_INIT;
    const char *const argv[] = { "sh", "-c", command, NULL };
    const struct process process = { .argv = argv };
    if (!process_run(&process, NULL, NULL, &err))
        print_error("cleaning up: %s\n", err_message(&err));
}

static inline int live_setup(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct docker_options options = { .timeout_ms = 60 * SECOND_MS };
    const char *image = getenv("TENANTD_TEST_IMAGE");
    CLEANUP(freep) char *random = random_hex(4);
    struct live *live = MEM_NEW(struct live);
    live->prefix = mem_printf("tdtest-%s", random);
    live->label = mem_printf("%s=%s", LIVE_LABEL, live->prefix);
    live->labels = json_object();
    live->image = image ? image : "tenantd/tiny:1";
    json_put_text(live->labels, LIVE_LABEL, live->prefix);
    *state = live;
    if (!docker_open(&options, &live->docker, &err)) {
        print_error("%s\n", err_message(&err));
        return -1;
    }
    return 0;
}

static inline int live_teardown(void **state)
{
    struct live *live = *state;
    live_remove(live->label, "ps -aq", "rm -fv >/dev/null");
    live_remove(live->label, "network ls -q", "network rm >/dev/null");
    live_remove(live->label, "volume ls -q", "volume rm >/dev/null");
    docker_free(live->docker);
    json_decref(live->labels);
    free(live->prefix);
    free(live->label);
    free(live);
    return 0;
}

static inline void live_test(struct check_list *list, const char *name, CMUnitTestFunction test)
{
    check_add(list, name, test, NULL);
    list->tests[list->count - 1].setup_func = live_setup;
    list->tests[list->count - 1].teardown_func = live_teardown;
}
#define LIVE_TEST(list, test) live_test((list), #test, (test))

/* A name of this run, owned. The dot is what containers of tenants have, too. */
static inline char *live_name(const struct live *live, const char *name)
{
    return mem_printf("%s.%s", live->prefix, name);
}

/* Creates a container that runs `script` with the shell; what `base` says besides holds. The id, owned. */
static inline char *live_create(const struct live *live, const char *name, const char *script,
                                const struct container_create *base)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *full_name = live_name(live, name);
    const char *const command[] = { "/bin/sh", "-c", script, NULL };
    struct container_create create = base ? *base : (struct container_create){ 0 };
    char *id = NULL;
    create.name = full_name;
    create.image = live->image;
    create.command = command;
    create.labels = live->labels;
    assert_ok(container_create(live->docker, &create, NULL, &id, &err), &err);
    return id;
}

static inline char *live_start(const struct live *live, const char *name, const char *script,
                               const struct container_create *base)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    char *id = live_create(live, name, script, base);
    assert_ok(container_start(live->docker, id, NULL, &err), &err);
    return id;
}
