/* The other commands against a stub: what they ask, print and end with. */
#include "base/process.h"
#include "tests/cli/run.h"

#define APIS "/apis/tenantd/v1"
#define ERPS APIS "/namespaces/acme/instances"
#define ERP                                                                                                            \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"erp\",\"namespace\":\"acme\","      \
    "\"generation\":1,\"resourceVersion\":\"3\"},\"spec\":{\"app\":\"odoo\",\"version\":\"17.0\",\"state\":"           \
    "\"Running\","                                                                                                     \
    "\"description\":\"a\\u001b[31m\"},\"status\":{\"phase\":\"Degraded\",\"conditions\":[{\"type\":\"Ready\","        \
    "\"status\":\"False\",\"reason\":\"CrashLoop\"}]}}"
#define COLUMNS                                                                                                        \
    "\"columnDefinitions\":[{\"name\":\"Name\",\"format\":\"name\",\"priority\":0},{\"name\":\"Status\",\"priority\":" \
    "0},"                                                                                                              \
    "{\"name\":\"Instances\",\"type\":\"integer\",\"priority\":0},{\"name\":\"Image\",\"priority\":1}]"
#define TABLE_ROW(namespace, name, status)                                                                             \
    "{\"cells\":[\"" name "\",\"" status "\",3,\"odoo:17\"],\"object\":{\"metadata\":{\"name\":\"" name                \
    "\",\"namespace\":\"" namespace "\",\"resourceVersion\":\"5\"}}}"
#define TABLE(rows) "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"5\"}," COLUMNS ",\"rows\":[" rows "]}"
#define EVENT_ABOUT_ERP                                                                                                \
    "{\"kind\":\"Event\",\"metadata\":{\"namespace\":\"acme\",\"resourceVersion\":\"9\"},\"involvedObject\":{"         \
    "\"kind\":\"Instance\",\"namespace\":\"acme\",\"name\":\"erp\"},\"type\":\"Warning\",\"reason\":\"CrashLoop\","    \
    "\"message\":\"ended with 1\",\"lastTimestamp\":\"2020-01-01T00:00:00Z\",\"count\":3}"
#define LIST(items) "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define STATUS(code, reason, message)                                                                                  \
    "{\"kind\":\"Status\",\"code\":" #code ",\"reason\":\"" reason "\",\"message\":\"" message "\"}"

static const struct stub_row answers[] = {
    { "GET " APIS "/instances", "labelSelector=tier%3Dgold", 200, TABLE("") },
    { "GET " APIS "/instances", NULL, 200,
      TABLE(TABLE_ROW("acme", "erp", "Running") "," TABLE_ROW("beta", "crm", "Failed")) },
    { "GET " ERPS, NULL, 200, TABLE(TABLE_ROW("acme", "erp", "Running")) },
    { "GET " APIS "/tenants", NULL, 200, TABLE(TABLE_ROW("", "acme", "Active")) },
    { "GET " APIS "/namespaces/empty/instances", NULL, 200, TABLE("") },
    { "GET " APIS "/apps", NULL, 200, TABLE("") },
    { "GET " ERPS "/erp", NULL, 200, ERP },
    { "GET " ERPS "/gone", NULL, 404, STATUS(404, "NotFound", "instances.tenantd \\\"gone\\\" not found") },
    { "GET " ERPS "/hidden", NULL, 403, STATUS(403, "Forbidden", "you may not") },
    { "GET " ERPS "/who", NULL, 401, STATUS(401, "Unauthorized", "Unauthorized") },
    { "GET " ERPS "/broken", NULL, 500, "<html>oops\033[31m" },
    { "GET " ERPS "/busy", NULL, 429, STATUS(429, "TooManyRequests", "slow down"), .times = 1 },
    { "GET " ERPS "/busy", NULL, 200, ERP },
    { "GET " ERPS "/nonsense", NULL, 200, "{" },
    { "GET " ERPS "/erp/log", "tailLines=2", 200, "two\nlines\n" },
    { "GET " ERPS "/erp/log", "sinceSeconds=600", 200, "recent\n" },
    { "GET " ERPS "/erp/log", "follow=true", 200, "followed\n" },
    { "GET " ERPS "/erp/secrets", NULL, 200, "{\"secrets\":{\"adminPassword\":\"pa55\",\"masterPassword\":\"w0rd\"}}" },
    { "GET /api/v1/namespaces/acme/events", NULL, 200, LIST(EVENT_ABOUT_ERP) },
    { "GET /api/v1/events", NULL, 200, LIST("") },
    { "GET /version", NULL, 200, "{\"gitVersion\":\"v1.32.0+tenantd.0.1.0\"}" },
    { "PATCH " ERPS "/erp", NULL, 200, ERP },
    { "PATCH " APIS "/tenants/acme", NULL, 200, "{\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"}}" },
};

static const struct {
    const char *why, *line;
    int exit;
    const char *out; /* whole, or its beginning where it ends with "..." */
    const char *errors;
    const char *body; /* what the last request had */
} rows[] = {
    { "get: all tenants' instances", "get", EXIT_OK,
      "NAMESPACE  NAME  STATUS   INSTANCES\nacme       erp   Running  3\nbeta       crm   Failed   3\n", "", NULL },
    { "get: of a tenant", "get instances -n acme", EXIT_OK, "NAME  STATUS   INSTANCES\nerp   Running  3\n", "", NULL },
    { "get: wide", "get tenants -o wide", EXIT_OK, "NAME  STATUS  INSTANCES  IMAGE\nacme  Active  3          odoo:17\n",
      "", NULL },
    { "get: without headers", "get tenants --no-headers", EXIT_OK, "acme  Active  3\n", "", NULL },
    { "get: several kinds", "get tenants,apps,instances -n acme", EXIT_OK,
      "NAME                 STATUS  INSTANCES\ntenant.tenantd/acme  Active  3\n\n"
      "NAME                  STATUS   INSTANCES\ninstance.tenantd/erp  Running  3\n",
      "", NULL },
    { "get: none", "get instances -n empty", EXIT_OK, "", "No resources found in empty namespace.\n", NULL },
    { "get: a selector", "get instances -l tier=gold", EXIT_OK, "", "No resources found.\n", NULL },
    { "get: YAML", "get acme/erp -o yaml", EXIT_OK, "apiVersion: tenantd/v1\nkind: Instance\n...", "", NULL },
    { "get: JSON", "get instance erp -n acme -o json", EXIT_OK, "{\n  \"apiVersion\": \"tenantd/v1\",\n...", "", NULL },
    { "get: one of two is missing", "get acme/erp acme/gone -o name", EXIT_NO_RECORD, "instance.tenantd/acme/erp\n",
      "tenantctl: instances.tenantd \"gone\" not found\n", NULL },
    { "get: not found", "get acme/gone", EXIT_NO_RECORD, "", "tenantctl: instances.tenantd \"gone\" not found\n",
      NULL },
    { "get: forbidden", "get acme/hidden", EXIT_NO_RIGHT, "", "tenantctl: you may not\n", NULL },
    { "get: bad token", "get acme/who", EXIT_NO_RIGHT, "", "the token is not (or no longer) valid here", NULL },
    { "get: a broken server", "get acme/broken", EXIT_NOT, "", "tenantctl: the server answered 500: <html>oops?[31m\n",
      NULL },
    { "get: a busy server is asked again", "get acme/busy -o name", EXIT_OK, "instance.tenantd/acme/erp\n", "", NULL },
    { "get: nonsense", "get acme/nonsense", EXIT_NOT, "", "the server's answer: ", NULL },

    { "why: not ready", "why acme/erp", EXIT_NOT, "instance.tenantd/acme/erp is not ready\n  Because   CrashLoop: ...",
      "", NULL },
    { "why: not found is no answer", "why acme/gone", EXIT_NO_RECORD, "", "not found", NULL },
    { "why: a failure is no answer", "why acme/broken", EXIT_USAGE, "", "answered 500", NULL },
    { "describe", "describe acme/erp", EXIT_OK,
      "Name:         erp\nTenant:       acme\nKind:         Instance\nSpec (without defaults):\n  app: odoo\n...", "",
      NULL },
    { "events: about one", "events acme/erp --no-headers", EXIT_OK, "...", "", NULL },
    { "events: none", "events", EXIT_OK, "", "No events found.\n", NULL },
    { "events: of two", "events acme/erp acme/crm", EXIT_USAGE, "", "name one record at most", NULL },

    { "logs: tail", "logs acme/erp --tail=2", EXIT_OK, "two\nlines\n", "", NULL },
    { "logs: since", "logs acme/erp --since 10m", EXIT_OK, "recent\n", "", NULL },
    { "logs: followed", "logs acme/erp -f", EXIT_OK, "followed\n", "", NULL },
    { "logs: bad tail", "logs acme/erp --tail=x", EXIT_USAGE, "", "--tail: \"x\" is not a number of lines", NULL },
    { "logs: of a tenant", "logs tenant acme", EXIT_USAGE, "", "this is for instances", NULL },

    { "secret: all", "secret acme/erp", EXIT_OK, "NAME            VALUE\nadminPassword   pa55\nmasterPassword  w0rd\n",
      "", NULL },
    { "secret: one", "secret acme/erp adminPassword", EXIT_OK, "pa55\n", "", NULL },
    { "secret: none of that name", "secret acme/erp nope", EXIT_USAGE, "", "there are: adminPassword, masterPassword",
      NULL },

    { "pause", "pause acme/erp maintenance", EXIT_OK, "instance.tenantd/erp paused\n", "",
      "{\"metadata\":{\"annotations\":{\"tenantd/paused\":\"maintenance\"}}}" },
    { "pause: a tenant", "pause tenant acme maintenance", EXIT_OK, "tenant.tenantd/acme paused\n", "",
      "{\"metadata\":{\"annotations\":{\"tenantd/paused\":\"maintenance\"}}}" },
    { "pause: why", "pause acme/erp", EXIT_USAGE, "", "too few arguments; usage: tenantctl pause NAME REASON", NULL },
    { "resume", "resume acme/erp", EXIT_OK, "instance.tenantd/erp resumed\n", "",
      "{\"metadata\":{\"annotations\":{\"tenantd/paused\":null}}}" },
    { "stop", "stop acme/erp", EXIT_OK, "instance.tenantd/erp stopped\n", "", "{\"spec\":{\"state\":\"Stopped\"}}" },
    { "start", "start erp -n acme", EXIT_OK, "instance.tenantd/erp started\n", "",
      "{\"spec\":{\"state\":\"Running\"}}" },
    { "restart", "restart acme/erp", EXIT_OK, "instance.tenantd/erp restarted\n", "",
      "{\"metadata\":{\"annotations\":{\"tenantd/restartedAt\":\"20..." },

    { "version", "version", EXIT_OK, "tenantctl " TENANTD_VERSION "\ntenantd   0.1.0 at http://127.0.0.1:...", "",
      NULL },
    { "version: without the server", "version --client", EXIT_OK, "tenantctl " TENANTD_VERSION "\n", "", NULL },

    { "no such command", "gte", EXIT_USAGE, "", "there is no command \"gte\"; is get meant?", NULL },
    { "no such option", "get --bogus", EXIT_USAGE, "", "get: there is no option --bogus", NULL },
    { "help", "--help", EXIT_OK, "tenantctl tells tenantd what to keep alive...", "", NULL },
    { "help of a command", "help apply", EXIT_OK, "Usage: tenantctl apply -f FILE... [OPTIONS]\n...", "", NULL },
    { "help of no command", "help aply", EXIT_USAGE, "", "is apply meant?", NULL },
};

/* `wanted` may end with "...". */
static void assert_begins(const char *text, const char *wanted)
{
    size_t len = strlen(wanted);
    if (!str_ends_with(wanted, "...")) {
        assert_string_equal(text, wanted);
        return;
    }
    CLEANUP(freep) char *beginning = mem_strndup(wanted, len - 3);
    CLEANUP(freep) char *found = mem_strndup(text, len - 3);
    assert_string_equal(found, beginning);
}

static void runs(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    struct stub stub;
    stub_start(&stub, answers, ARRAY_LEN(answers));
    struct outcome outcome = run_line(stub.url, row->line);
    if (outcome.exit != row->exit)
        fail_msg("exit %d instead of %d: %s", outcome.exit, row->exit, outcome.errors);
    assert_begins(outcome.out, row->out);
    if (row->errors[0])
        assert_contains(outcome.errors, row->errors);
    else
        assert_string_equal(outcome.errors, "");
    if (row->body)
        assert_begins(stub.bodies.items[stub.bodies.count - 1], row->body);
    assert_null(strchr(outcome.errors, '\033'));
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void describe_is_complete_and_harmless(void **state)
{
    (void)state;
    struct stub stub;
    stub_start(&stub, answers, ARRAY_LEN(answers));
    struct outcome outcome = run_line(stub.url, "describe acme/erp");
    assert_contains(outcome.out, "Ready  False   -      CrashLoop  -\n");
    assert_contains(outcome.out, "You can   see what it says: tenantctl logs acme/erp --tail=50\n");
    assert_contains(outcome.out, "Warning  CrashLoop  instance/acme/erp  ended with 1 (3 times)\n");
    assert_null(strstr(outcome.out, "state: Running")); /* the default */
    assert_null(strchr(outcome.out, '\033'));
    outcome_release(&outcome);
    stub_stop(&stub);
}

static void get_watches(void **state)
{
    (void)state;
    static const struct stub_row watched[] = {
        { "GET " ERPS, "watch=true", 403, STATUS(403, "Forbidden", "enough"), .times = 0 },
        { "GET " ERPS, NULL, 200, TABLE(TABLE_ROW("acme", "erp", "Running")) },
    };
    static const struct stub_row changing[] = {
        { "GET " ERPS, "resourceVersion=6", 403, STATUS(403, "Forbidden", "enough") },
        { "GET " ERPS, "watch=true", 200,
          "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"6\"}," COLUMNS
          ",\"rows\":[" TABLE_ROW("acme", "erp", "Stopped") "]}}\n" },
        { "GET " ERPS, NULL, 200, TABLE(TABLE_ROW("acme", "erp", "Running")) },
    };
    struct stub stub;
    stub_start(&stub, watched, ARRAY_LEN(watched));
    struct outcome refused = run_line(stub.url, "get instances -n acme -w");
    assert_int_equal(refused.exit, EXIT_NO_RIGHT);
    assert_string_equal(refused.out, "NAME  STATUS   INSTANCES\nerp   Running  3\n");
    stub_stop(&stub);
    stub_start(&stub, changing, ARRAY_LEN(changing));
    struct outcome changed = run_line(stub.url, "get instances -n acme -w");
    assert_string_equal(changed.out, "NAME  STATUS   INSTANCES\nerp   Running  3\nerp   Stopped  3\n");
    outcome_release(&refused);
    outcome_release(&changed);
    stub_stop(&stub);
}

static void every_command_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        CLEANUP(freep) char *line = mem_printf("%s --help", commands[i]->name);
        struct outcome outcome = run_line(NULL, line);
        assert_int_equal(outcome.exit, EXIT_OK);
        assert_true(str_starts_with(outcome.out, "Usage: tenantctl "));
        assert_contains(outcome.out, "124  timed out while waiting");
        assert_string_equal(outcome.errors, "");
        outcome_release(&outcome);
    }
}

static void without_a_command_it_says_which_there_are(void **state)
{
    (void)state;
    struct outcome outcome = run_line(NULL, "--namespace=acme");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    assert_string_equal(outcome.out, "");
    assert_contains(outcome.errors, "Commands:");
    outcome_release(&outcome);
}

static void no_kubeconfig_no_server(void **state)
{
    (void)state;
    struct outcome outcome = run_line(NULL, "get tenants");
    assert_int_equal(outcome.exit, EXIT_USAGE);
    assert_contains(outcome.errors, "no file of KUBECONFIG=/nonexistent/kubeconfig exists");
    outcome_release(&outcome);
}

/* ---- what is printed from the table ---- */

static const char try_completion[] =
    "\n_tenantctl_names() { echo acme/erp acme/crm \"$1\"; }\n"
    "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _tenantctl; echo \"${COMPREPLY[*]}\"; }\n"
    "compopt() { :; }\n"
    "try tenantctl des; try tenantctl get ten; try tenantctl get tenant ac; try tenantctl logs acme/e\n"
    "try tenantctl get -o js; try tenantctl get --output = ya; try tenantctl logs --ta; try tenantctl logs -f acme/c\n";

static void bash_completes(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str script = STR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    static const char *const argv[] = { "bash", NULL };
    completion_print_bash(&script);
    str_add(&script, try_completion);
    const struct process process = { .argv = argv, .input = script.text, .input_len = script.len };
    assert_ok(process_run(&process, NULL, &output, &err), &err);
    assert_string_equal(output.text,
                        "describe\ntenants tenant\nacme/erp acme/crm\nacme/erp\njson\nyaml\n--tail=\nacme/crm\n");
}

static void the_man_page_has_every_command(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str out = STR_INIT;
    help_print_man(&out);
    for (size_t i = 0; commands[i]; i++) {
        CLEANUP(freep) char *heading = mem_printf("\n.SS tenantctl %s", commands[i]->name);
        if (commands[i]->is_hidden)
            assert_null(strstr(out.text, heading));
        else
            assert_contains(out.text, heading);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, runs, rows);
    CHECK_TEST(&list, describe_is_complete_and_harmless);
    CHECK_TEST(&list, get_watches);
    CHECK_TEST(&list, every_command_has_help);
    CHECK_TEST(&list, without_a_command_it_says_which_there_are);
    CHECK_TEST(&list, no_kubeconfig_no_server);
    CHECK_TEST(&list, bash_completes);
    CHECK_TEST(&list, the_man_page_has_every_command);
    return check_run("cli/commands", &list);
}
