/* Waiting by watch: lost connections, forgotten versions, deadlines. */
#include "tests/cli/run.h"

#define INSTANCES "/apis/tenantd/v1/namespaces/acme/instances"

#define ERP(version, generation, status)                                                                               \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"erp\",\"namespace\":\"acme\","      \
    "\"generation\":" generation ",\"resourceVersion\":\"" version "\"},\"spec\":{},\"status\":{" status "}}"
#define READY(status, reason, generation)                                                                              \
    "\"phase\":\"Running\",\"observedGeneration\":" generation                                                         \
    ",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status "\",\"reason\":\"" reason "\",\"message\":\"\"}]"
#define LIST(version, items)                                                                                           \
    "{\"kind\":\"InstanceList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define EXPIRED                                                                                                        \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too "       \
    "old\"}}\n"

/* What `start --wait` sends first: the answer has generation 2. */
#define PATCHED                                                                                                        \
    {                                                                                                                  \
        "PATCH " INSTANCES "/erp", NULL, 200, ERP("3", "2", READY("True", "Stopped", "1"))                             \
    }
#define STARTING ERP("4", "2", READY("False", "Starting", "2"))
#define RUNNING  ERP("9", "2", READY("True", "Running", "2"))

static const struct stub_row there_already[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("9", RUNNING) },
};
static const struct stub_row gets_there[] = {
    PATCHED,
    { "GET " INSTANCES, "resourceVersion=5", 200, EVENT("MODIFIED", STARTING) EVENT("MODIFIED", RUNNING),
      .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", ERP("3", "2", READY("True", "Stopped", "1"))) },
};
static const struct stub_row stream_ends[] = {
    PATCHED,
    { "GET " INSTANCES, "resourceVersion=5", 200, EVENT("MODIFIED", ERP("6", "2", READY("False", "Starting", "2"))) },
    { "GET " INSTANCES, "resourceVersion=6", 200, EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"7\"}}") },
    { "GET " INSTANCES, "resourceVersion=7", 200, EVENT("MODIFIED", RUNNING), .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING), .times = 1 },
};
static const struct stub_row half_a_line[] = {
    PATCHED,
    { "GET " INSTANCES, "resourceVersion=5", 200, "{\"type\":\"MODIFIED\",\"obj", .times = 1 },
    { "GET " INSTANCES, "resourceVersion=5", 200, EVENT("MODIFIED", RUNNING), .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING), .times = 1 },
};
static const struct stub_row version_forgotten[] = {
    PATCHED,
    { "GET " INSTANCES, "resourceVersion=5", 200, EXPIRED },
    { "GET " INSTANCES, "resourceVersion=20", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING), .times = 1 },
    { "GET " INSTANCES, NULL, 200, LIST("20", RUNNING), .times = 1 },
};
static const struct stub_row forgotten_by_status[] = {
    PATCHED,
    { "GET " INSTANCES, "resourceVersion=5", 410, "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}" },
    { "GET " INSTANCES, "resourceVersion=20", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING), .times = 1 },
    { "GET " INSTANCES, NULL, 200, LIST("20", RUNNING), .times = 1 },
};
static const struct stub_row server_hiccups[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 503, "{\"message\":\"starting\"}", .times = 2 },
    { "GET " INSTANCES, "watch=true", 200, EVENT("MODIFIED", RUNNING), .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING), .times = 1 },
};
static const struct stub_row deleted_meanwhile[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, EVENT("DELETED", STARTING), .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING) },
};
static const struct stub_row right_lost[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no more\"}" },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING) },
};
static const struct stub_row never[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING) },
};
static const struct stub_row ready_for_an_older_spec[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", ERP("3", "2", READY("True", "Running", "1"))) },
};
static const struct stub_row list_from_before_the_change[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, "", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("2", ERP("2", "1", READY("True", "Running", "1"))) },
};
static const struct stub_row nonsense[] = {
    PATCHED,
    { "GET " INSTANCES, "watch=true", 200, "this is no JSON\n", .hold_ms = 5000 },
    { "GET " INSTANCES, NULL, 200, LIST("5", STARTING) },
};

#define ROWS(rows) (rows), ARRAY_LEN(rows)
static const struct {
    const char *why;
    const struct stub_row *rows;
    size_t count;
    int exit;
    const char *said;
} rows[] = {
    { "there already", ROWS(there_already), EXIT_OK, "Ready" },
    { "gets there", ROWS(gets_there), EXIT_OK, "Ready" },
    { "the stream ends: resumed where it stood", ROWS(stream_ends), EXIT_OK, "Ready" },
    { "half a line is thrown away", ROWS(half_a_line), EXIT_OK, "Ready" },
    { "the version is forgotten: listed again", ROWS(version_forgotten), EXIT_OK, "Ready" },
    { "forgotten, told by HTTP's status", ROWS(forgotten_by_status), EXIT_OK, "Ready" },
    { "the server hiccups", ROWS(server_hiccups), EXIT_OK, "connection lost, trying again: starting" },
    { "deleted meanwhile", ROWS(deleted_meanwhile), EXIT_NO_RECORD, "was deleted while it was waited for" },
    { "the right is lost", ROWS(right_lost), EXIT_NO_RIGHT, "no more" },
    { "never: says why", ROWS(never), EXIT_TIMEOUT, "Because   Starting: its container is starting" },
    { "ready for an older spec is not ready", ROWS(ready_for_an_older_spec), EXIT_TIMEOUT, "timed out after 1s" },
    { "a list from before the change", ROWS(list_from_before_the_change), EXIT_TIMEOUT, "timed out after 1s" },
    { "nonsense", ROWS(nonsense), EXIT_NOT, "the watch's answer" },
};

static void waits(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct stub stub;
    stub_start(&stub, row->rows, row->count);
    bool times_out = row->exit == EXIT_TIMEOUT;
    struct outcome outcome =
        run_line(stub.url, times_out ? "start acme/erp --wait --timeout=1s" : "start acme/erp --wait --timeout=20s");
    if (outcome.exit != row->exit)
        fail_msg("exit %d instead of %d: %s", outcome.exit, row->exit, outcome.errors);
    assert_contains(outcome.errors, row->said);
    assert_string_equal(outcome.out, "instance.tenantd/erp started\n");
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void a_server_that_goes_away_is_waited_for(void **state)
{
    (void)state;
    static const struct stub_row answers[] = {
        PATCHED,
        { "GET " INSTANCES, "watch=true", 200, "" },
        { "GET " INSTANCES, NULL, 200, LIST("5", STARTING) },
    };
    struct stub stub;
    stub_start(&stub, answers, ARRAY_LEN(answers));
    struct outcome outcome = run_line(stub.url, "start acme/erp --wait --timeout=3s");
    assert_int_equal(outcome.exit, EXIT_TIMEOUT);
    /* Streams that end at once must not become a storm. */
    assert_true(stub_count(&stub, "GET") < 30);
    outcome_release(&outcome);
    stub_stop(&stub);
}

/* ---- Ctrl-C ---- */

struct interruption {
    volatile int flag;
};

static void *interrupt(void *context)
{
    struct interruption *interruption = context;
    const struct timespec span = { .tv_nsec = 300 * 1000 * 1000 };
    nanosleep(&span, NULL);
    __atomic_store_n(&interruption->flag, 2, __ATOMIC_RELEASE);
    return NULL;
}

static void ctrl_c_ends_it_cleanly(void **state)
{
    (void)state;
    struct stub stub;
    struct cli cli;
    struct interruption interruption = { 0 };
    pthread_t thread;
    char *errors = NULL;
    size_t len = 0;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    stub_start(&stub, never, ARRAY_LEN(never));
    strv_split(&args, "start acme/erp --wait", ' ');
    strv_addf(&args, "--server=%s", stub.url);
    cli_init(&cli, &interruption.flag);
    cli.kubeconfig_list = "/nonexistent/kubeconfig";
    cli.out = fopen("/dev/null", "w");
    cli.errors = open_memstream(&errors, &len);
    cli.errors_terminal = (struct terminal){ 0 };
    assert_int_equal(pthread_create(&thread, NULL, interrupt, &interruption), 0);
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(cli_main(&cli, &args), EXIT_INTERRUPTED);
    assert_true(clock_mono_ms() - began_ms < 3000);
    pthread_join(thread, NULL);
    fclose(cli.out);
    fclose(cli.errors);
    assert_contains(errors, "interrupted; tenantd goes on with it");
    free(errors);
    cli_release(&cli);
    stub_stop(&stub);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, waits, rows);
    CHECK_TEST(&list, a_server_that_goes_away_is_waited_for);
    CHECK_TEST(&list, ctrl_c_ends_it_cleanly);
    return check_run("cli/wait", &list);
}
