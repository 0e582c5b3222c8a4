/*
 * The daemon as it is, linked so that it dies at the boundaries of reconcilers' steps: before a step's effect, while a
 * one-shot runs in it, before each thing that the step records, and after it. Each boundary counts once: those that
 * were met stand in the file CRASHING_LOG, one a line, so whoever starts the program again and again walks them all.
 *
 *   CRASHING_LOG=FILE      without it the program is tenantd and nothing more
 *   CRASHING_VICTIM=FILE   kills the process whose pid is the first line of FILE instead of itself, and goes on
 *   CRASHING_ONCE=1        one boundary of each step: before the effect of the one, after that of the next
 *   crashing_tenantd print-calls    every call to the outside: "docker NAME METHOD PATH", "store NAME -", "server NAME TEXT"
 *   crashing_tenantd print-points   all boundaries that every step has, "kind/step/begin" and "kind/step/end"
 *
 * The linker leads the calls below through here (--wrap): nothing of this is in the daemon.
 */
#include <pthread.h>
#include <signal.h>

#include "base/file.h"
#include "clients/docker/calls.h"
#include "clients/postgres/calls.h"
#include "controller/run.h"
#include "reconcilers/backup/backup.h"
#include "reconcilers/instance/instance.h"
#include "reconcilers/source/source.h"
#include "reconcilers/tenant/tenant.h"
#include "store/statements.h"

enum { LOG_LIMIT = 1 << 20, VICTIM_TRIES = 200, VICTIM_PAUSE_NS = 50000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The step that this thread is in. */
static _Thread_local struct {
    enum kind_id kind;
    const char *name; /* NULL: none */
    int records;
} step;

static bool line_stands_in(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static pid_t read_pid(const char *path)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    int64_t pid = 0;
    if (!file_read(path, 4096, &text, NULL))
        return 0;
    text.text[strcspn(text.text, "\n")] = '\0';
    return str_parse_int64(text.text, 2, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

/* One that was killed a moment ago is about to be started again. */
static pid_t victim(void)
{
    const char *path = getenv("CRASHING_VICTIM");
    if (!path)
        return getpid();
    for (int i = 0; i < VICTIM_TRIES; i++) {
        pid_t pid = read_pid(path);
        if (pid && kill(pid, 0) == 0)
            return pid;
        nanosleep(&(struct timespec){ .tv_nsec = VICTIM_PAUSE_NS }, NULL);
    }
    return 0;
}

static void crash_at(const char *point)
{
    const char *path = getenv("CRASHING_LOG");
    CLEANUP(str_release) struct str seen = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!path)
        return;
    pthread_mutex_lock(&lock);
    CLEANUP(freep) char *line = mem_printf("%s/%s/%s", kinds[step.kind].name, step.name, point);
    bool was_met = file_read(path, LOG_LIMIT, &seen, NULL) && line_stands_in(seen.text, line);
    pid_t pid = was_met ? 0 : victim();
    if (pid) {
        str_addf(&seen, "%s\n", line);
        if (!file_write(path, seen.text, seen.len, 0644, &err))
            abort(); /* the walk would never end */
        kill(pid, SIGKILL);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the boundaries ---- */

static bool crashes_here(const char *point)
{
    static const char *const points[] = { "begin", "end" };
    if (!getenv("CRASHING_ONCE"))
        return true;
    size_t sum = 0;
    for (const char *c = step.name; *c; c++)
        sum += (unsigned char)*c;
    return str_equal(point, points[sum % ARRAY_LEN(points)]);
}

static void on_step(void *context, const struct record_key *key, const char *name, const char *phase)
{
    (void)context; /* the thread knows */
    step.kind = key->kind;
    step.name = name;
    if (str_equal(phase, "begin"))
        step.records = 0;
    if (crashes_here(phase))
        crash_at(phase);
    if (str_equal(phase, "end"))
        step.name = NULL;
}

static void before_record(void)
{
    if (!step.name || getenv("CRASHING_ONCE"))
        return;
    CLEANUP(freep) char *point = mem_printf("record-%d", ++step.records);
    crash_at(point);
}

void __real_runner_run(struct runner *runner, struct reconcile_context *ctx, const struct queue_item *item);
void __wrap_runner_run(struct runner *runner, struct reconcile_context *ctx, const struct queue_item *item);
void __wrap_runner_run(struct runner *runner, struct reconcile_context *ctx, const struct queue_item *item)
{
    ctx->on_step = on_step;
    step.name = NULL;
    __real_runner_run(runner, ctx, item);
}

bool __real_container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code,
                           struct err *err);
bool __wrap_container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code,
                           struct err *err);
bool __wrap_container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code,
                           struct err *err)
{
    if (step.name && !getenv("CRASHING_ONCE"))
        crash_at("during");
    return __real_container_wait(docker, id, call, ret_exit_code, err);
}

bool __real_store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err);
bool __wrap_store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err);
bool __wrap_store_state_put(struct store *store, const char *uid, const json_t *state, struct err *err)
{
    before_record();
    return __real_store_state_put(store, uid, state, err);
}

bool __real_store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                                struct err *err);
bool __wrap_store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                                struct err *err);
bool __wrap_store_secret_ensure(struct store *store, const char *uid, const char *name, const char *value, char **ret,
                                struct err *err)
{
    before_record();
    return __real_store_secret_ensure(store, uid, name, value, ret, err);
}

bool __real_store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err);
bool __wrap_store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err);
bool __wrap_store_claim(struct store *store, const char *scope, const char *value, const char *uid, struct err *err)
{
    before_record();
    return __real_store_claim(store, scope, value, uid, err);
}

bool __real_store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err);
bool __wrap_store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err);
bool __wrap_store_claim_drop(struct store *store, const char *scope, const char *uid, struct err *err)
{
    before_record();
    return __real_store_claim_drop(store, scope, uid, err);
}

bool __real_store_update(struct store *store, struct record *next, int64_t expected_version,
                         const struct store_write *write, struct err *err);
bool __wrap_store_update(struct store *store, struct record *next, int64_t expected_version,
                         const struct store_write *write, struct err *err);
bool __wrap_store_update(struct store *store, struct record *next, int64_t expected_version,
                         const struct store_write *write, struct err *err)
{
    before_record();
    return __real_store_update(store, next, expected_version, write, err);
}

bool __real_store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid,
                                   const char *finalizer, struct err *err);
bool __wrap_store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid,
                                   const char *finalizer, struct err *err);
bool __wrap_store_remove_finalizer(struct store *store, const struct record_key *key, const char *uid,
                                   const char *finalizer, struct err *err)
{
    before_record();
    return __real_store_remove_finalizer(store, key, uid, finalizer, err);
}

/* ---- the list, and the daemon's own main ---- */

static void print_points(enum kind_id kind, const char *name)
{
    printf("%s/%s/begin\n%s/%s/end\n", kinds[kind].name, name, kinds[kind].name, name);
}

static void print_all_points(void)
{
    for (int i = 0; i < INSTANCE_STEPS; i++)
        print_points(KIND_INSTANCE, instance_step_traits[i].name);
    for (int i = 0; i < BACKUP_STEPS; i++)
        print_points(KIND_BACKUP, backup_step_traits[i].name);
    for (size_t i = 0; backup_take_parts[i]; i++)
        print_points(KIND_BACKUP, backup_take_parts[i]);
    for (int i = 0; i < TENANT_STEPS; i++)
        print_points(KIND_TENANT, tenant_step_names[i]);
    print_points(KIND_SOURCE, SOURCE_STEP_FETCH);
    for (int i = 0; i < SOURCE_ACTS; i++)
        if (source_act_steps[i])
            print_points(KIND_SOURCE, source_act_steps[i]);
}

static void print_all_calls(void)
{
    for (const struct docker_known_call *call = docker_known_calls; call->name; call++)
        printf("docker\t%s\t%s %s\n", call->name, call->method, call->path);
    for (size_t i = 0; i < STATEMENTS; i++)
        printf("store\t%s\t-\n", statements[i].name);
    for (const struct server_known_call *call = server_known_calls; call->name; call++)
        printf("server\t%s\t%s\n", call->name, call->begins);
}

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);
int __wrap_main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (str_equal(command, "print-points"))
        print_all_points();
    else if (str_equal(command, "print-calls"))
        print_all_calls();
    else
        return __real_main(argc, argv);
    return 0;
}
