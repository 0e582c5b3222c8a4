/*
 * A stock kubectl against the API: the acceptance list of the contract. Debian's 1.20, or the one that KUBECTL names.
 * The rows are one story, told in order; each is a test of its own.
 */
#include "api/kubeconfig.h"
#include "base/process.h"
#include "tests/api/api_client.h"

static struct api_fixture fixture;

#define FILE_TENANT "tenant.yaml"
static const struct {
    const char *name, *text;
} files[] = {
    { FILE_TENANT, "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: ACME}\n" },
    { "beta.yaml", "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: beta, labels: {k: v}}\nspec: {}\n" },
    { "gamma.yaml", "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: gamma, labels: {k: v}}\nspec: {}\n" },
    { "gen.yaml", "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {generateName: gen-}\nspec: {}\n" },
    { "app.yaml", "apiVersion: tenantd/v1\nkind: App\nmetadata: {name: tiny}\nspec:\n  versions: [{name: \"1.0\", "
                  "image: \"tiny:1\"}]\n"
                  "  ports: [{name: http, port: 8080}]\n  dataPath: /data\n  health: {path: /}\n" },
    { "inst.yaml", "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: web, namespace: acme}\n"
                   "spec: {app: tiny, version: \"1.0\"}\n" },
    { "label.yaml",
      "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: web, namespace: acme, labels: {tier: prod}}\n"
      "spec: {app: tiny, version: \"1.0\"}\n" },
    { "bad.yaml", "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: bad, namespace: acme}\n"
                  "spec: {app: tiny, version: \"1.0\", bogus: 1}\n" },
    { "edit.sh", "sed -i 's/description: .*/description: edited/' \"$1\"\n" },
    { "kustomization.yaml", "resources: [inst.yaml]\ncommonLabels: {from: kustomize}\n" },
};

/* `says` is one of the alternatives, parted by |; a leading ! on `command` means that it fails. */
static const struct {
    const char *why;
    const char *command;
    const char *says;
    const char *says_not;
} rows[] = {
    { "api-versions", "$K api-versions", "tenantd/v1" },
    { "api-resources", "$K api-resources --api-group=tenantd", "instances" },
    { "an unknown type", "!$K get nosuchthings", "doesn't have a resource type" },
    { "version", "$K version", "Server Version" },
    { "raw health", "$K get --raw /healthz", "ok" },
    { "a raw path that is not there", "!$K get --raw /apis/tenantd/v1/nosuchthings", "Error from server (NotFound)" },
    { "a wrong token", "!$K --token wrong get tenants", "You must be logged in to the server" },
    { "impersonation", "!$K get tenants --as nobody-zz", "forbidden|Forbidden" },
    { "create", "$K create -f tenant.yaml", "tenant.tenantd/acme created" },
    { "create again", "!$K create -f tenant.yaml", "(AlreadyExists)" },
    { "wait for a condition", "$K wait --for=condition=Ready tenant/acme --timeout=20s",
      "tenant.tenantd/acme condition met" },
    { "get one", "$K get tenant acme", "acme" },
    { "get names", "$K get tenants -o name", "tenant.tenantd/acme" },
    { "a namespace", "$K get ns acme", "Active" },
    { "namespaces", "$K get ns -o name", "namespace/acme" },
    { "not found", "!$K get instance web", "Error from server (NotFound): instances.tenantd \"web\" not found" },
    { "no such namespace", "!$K get instance zz -n no-such-ns", "namespaces \"no-such-ns\" not found" },
    { "nothing there", "$K get instances", "No resources found in acme namespace." },
    { "an app", "$K create -f app.yaml", "app.tenantd/tiny created" },
    { "diff of a new one", "!$K diff -f inst.yaml", "+kind: Instance" },
    { "apply in a dry run", "$K apply --dry-run=server -f inst.yaml", "created (server dry run)" },
    { "left nothing", "!$K get instance web", "NotFound" },
    { "an unknown field", "!$K create -f bad.yaml", "spec.bogus" },
    { "apply", "$K apply -f inst.yaml", "instance.tenantd/web created" },
    { "apply again", "$K apply -f inst.yaml", "unchanged" },
    { "wait until it is ready", "$K wait --for=condition=Ready instance/web --timeout=20s", "condition met" },
    { "wait in vain", "!$K wait --for=condition=Nope instance/web --timeout=1s",
      "timed out waiting for the condition" },
    { "diff of the same", "$K diff -f inst.yaml", "", "+" },
    { "diff of a label", "!$K diff -f label.yaml", "+    tier: prod" },
    { "apply with a label", "$K apply -f label.yaml", "configured" },
    { "apply without it", "$K apply -f inst.yaml", "configured" },
    { "the label is gone", "$K get instance web --show-labels", "<none>", "prod" },
    { "view what was applied", "$K apply view-last-applied instance/web", "kind: Instance" },
    { "a table", "$K get instances", "STATUS" },
    { "all namespaces", "$K get instances -A", "NAMESPACE" },
    { "wide", "$K get instances -o wide", "DATABASE" },
    { "sorted", "$K get instances --sort-by=.metadata.name", "web" },
    { "yaml", "$K get instance web -o yaml", "kind: Instance" },
    { "a list as JSON", "$K get instances -o json", "\"kind\": \"List\"" },
    { "two types", "$K get tenants,instances", "tenant.tenantd/acme" },
    { "all", "$K get all", "instance.tenantd/web" },
    { "a field", "$K get instances --field-selector metadata.name=web -o name", "instance.tenantd/web" },
    { "not that field", "$K get instances --field-selector metadata.name!=web -o name", "", "web" },
    { "a phase", "$K get instances --field-selector status.phase=Running -o name", "instance.tenantd/web" },
    { "an unknown field label", "!$K get instances --field-selector no.such=1", "BadRequest" },
    { "label", "$K label instance web a=b", "labeled" },
    { "a selector", "$K get instances -l a=b -o name", "instance.tenantd/web" },
    { "not that", "$K get instances -l 'a!=b' -o name", "", "web" },
    { "a set", "$K get instances -l 'a in (b,c),a,!z,a notin (x)' -o name", "instance.tenantd/web" },
    { "label without overwriting", "!$K label instance web a=c", "--overwrite is false" },
    { "label of an old version", "!$K label instance web c=1 --resource-version=1", "Error from server (Conflict)" },
    { "unlabel", "$K label instance web a-", "labeled" },
    { "annotate", "$K annotate instance web note=hello", "annotated|annotate" },
    { "describe", "$K describe instance web", "is running" },
    { "events", "$K get events", "instance/web" },
    { "events of one", "$K get events --field-selector involvedObject.name=web", "instance/web" },
    { "merge patch", "$K patch instance web --type merge -p '{\"spec\":{\"description\":\"x\"}}'", "patched" },
    { "merge patch of nothing", "$K patch instance web --type merge -p '{\"spec\":{\"description\":\"x\"}}'",
      "no change" },
    { "JSON patch",
      "$K patch instance web --type json -p '[{\"op\":\"test\",\"path\":\"/spec/description\",\"value\":\"x\"},"
      "{\"op\":\"replace\",\"path\":\"/spec/description\",\"value\":\"y\"}]'",
      "patched" },
    { "JSON patch whose test fails",
      "!$K patch instance web --type json -p '[{\"op\":\"test\",\"path\":\"/spec/description\",\"value\":\"x\"}]'",
      "invalid" },
    { "strategic patch", "!$K patch instance web -p '{\"spec\":{\"description\":\"z\"}}'",
      "not supported|UnsupportedMediaType" },
    { "patch in a dry run",
      "$K patch instance web --type merge --dry-run=server -p '{\"spec\":{\"description\":\"z\"}}'", "patched" },
    { "it kept nothing", "$K get instance web -o jsonpath={.spec.description}", "y", "z" },
    { "patch of an unknown field", "!$K patch instance web --type merge -p '{\"spec\":{\"nope\":1}}'", "spec.nope" },
    { "patch of a wrong value",
      "!$K patch instance web --type merge -p '{\"spec\":{\"resources\":{\"memory\":\"2Gb\"}}}'",
      "The Instance \"web\" is invalid: spec.resources.memory" },
    { "patch of what is settled", "!$K patch instance web --type merge -p '{\"spec\":{\"app\":\"other\"}}'",
      "spec.app" },
    { "edit without a change", "EDITOR=true $K edit instance web", "Edit cancelled, no changes made." },
    { "edit", "EDITOR='sh edit.sh' $K edit instance web", "edited" },
    { "it was edited", "$K get instance web -o jsonpath={.spec.description}", "edited" },
    { "the generation counts", "$K get instance web -o jsonpath={.metadata.generation}", "4" },
    { "wait for it again", "$K wait --for=condition=Ready instance/web --timeout=20s", "condition met" },
    { "replace", "$K get instance web -o yaml > full.yaml && $K replace -f full.yaml", "replaced" },
    { "a generated name", "$K create -f gen.yaml", "tenant.tenantd/gen-" },
    { "chunks", "$K get tenants --chunk-size=1 -o name | wc -l", "2" },
    { "kustomize", "$K apply -k .", "configured" },
    { "apply two and prune one",
      "$K apply -f beta.yaml -f gamma.yaml && $K apply --prune -l k=v $PRUNE=tenantd/v1/Tenant -f gamma.yaml",
      "tenant.tenantd/beta pruned" },
    { "watch while things change",
      "timeout 8 $K get tenants -w -o name > watched & w=$!; sleep 2; $K label tenant acme x=1 >/dev/null; "
      "$K label tenant acme x=2 --overwrite >/dev/null; wait $w; grep -c acme watched",
      "3" },
    { "watch one",
      "timeout 6 $K get tenant acme -w -o name > watched & w=$!; sleep 2; $K label tenant acme x=3 --overwrite "
      ">/dev/null; wait $w; "
      "grep -c acme watched",
      "2" },
    { "a raw watch that ends", "$K get --raw '/apis/tenantd/v1/tenants?watch=true&resourceVersion=0&timeoutSeconds=1'",
      "\"type\":\"ADDED\"" },
    { "delete in a dry run", "$K delete instance web --dry-run=server", "deleted (server dry run)" },
    { "it was kept", "$K get instance web -o name", "instance.tenantd/web" },
    { "delete what is not there", "!$K delete tenant no-such-tenant", "NotFound" },
    { "delete it with indifference", "$K delete tenant no-such-tenant --ignore-not-found", "" },
    { "a finalizer of one's own",
      "$K patch instance web --type merge -p '{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}'", "patched" },
    { "delete without waiting", "$K delete instance web --wait=false", "deleted" },
    { "wait for its end in vain", "!$K wait --for=delete instance/web --timeout=2s", "timed out" },
    { "it is going", "$K get instance web -o jsonpath={.metadata.deletionTimestamp}", "20" },
    { "its spec is frozen", "!$K patch instance web --type merge -p '{\"spec\":{\"description\":\"late\"}}'",
      "Forbidden" },
    { "let it go", "$K patch instance web --type merge -p '{\"metadata\":{\"finalizers\":null}}'", "patched" },
    { "gone", "!$K get instance web", "NotFound" },
    { "apply once more", "$K apply -f inst.yaml", "created" },
    { "delete and wait", "timeout 30 $K delete -f inst.yaml", "instance.tenantd \"web\" deleted" },
    { "gone again", "!$K get instance web", "NotFound" },
    { "a tenant with all it has", "timeout 30 $K delete tenant acme --cascade=foreground", "deleted" },
    { "its namespace, too", "!$K get ns acme", "NotFound" },
    { "the others by label", "timeout 30 $K delete tenants -l k=v", "tenant.tenantd \"gamma\" deleted" },
};

/* Rows for clients that send their reviews as JSON: 1.31 and older. */
static const __typeof__(rows[0]) old_rows[] = {
    { "can I", "$K auth can-i create instances", "yes" },
    { "can I do nonsense", "!$K auth can-i create namespaces", "no" },
    { "what can I", "$K auth can-i --list", "instances.tenantd" },
};

static const char *find_kubectl(void)
{
    static const char *const places[] = { "var/tools/kubectl", "/usr/bin/kubectl" };
    const char *named = getenv("KUBECTL");
    if (named && named[0])
        return named;
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (file_exists(places[i]))
            return places[i];
    return "kubectl";
}

static char *run_shell(const char *command)
{
    CLEANUP(freep) char *kubectl = realpath(find_kubectl(), NULL);
    CLEANUP(freep)
    char *script = mem_printf("cd %s; export HOME=$PWD KUBECONFIG=$PWD/kubeconfig; K='%s --cache-dir cache'; "
                              "PRUNE=--prune-allowlist; $K version --client 2>&1 | grep -q '\"20\"' && "
                              "PRUNE=--prune-whitelist; { %s; } 2>&1; echo \"exit $?\"",
                              fixture.directory, kubectl ? kubectl : "kubectl", command);
    const char *const argv[] = { "bash", "-c", script, NULL };
    const struct process process = { .argv = argv, .output_limit = 1 << 20 };
    const struct call call = call_within(NULL, 2 * MINUTE_MS);
    struct str output = STR_INIT;
    struct err err = ERR_INIT;
    assert_ok(process_run(&process, &call, &output, &err), &err);
    return str_steal(&output);
}

static bool says_one_of(const char *output, const char *alternatives)
{
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_split(&list, alternatives, '|');
    for (size_t i = 0; i < list.count; i++)
        if (strstr(output, list.items[i]))
            return true;
    return list.count == 0;
}

static void test_row(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    bool fails = row->command[0] == '!';
    CLEANUP(freep) char *output = run_shell(row->command + fails);
    bool has_failed = !str_ends_with(output, "exit 0\n");
    char *status = strstr(output, "exit ");
    for (char *next; status && (next = strstr(status + 1, "exit ")); status = next)
        ;
    assert_non_null(status);
    *status = '\0';
    bool is_silent = !row->says_not || !strstr(output, row->says_not);
    if (has_failed != fails || !says_one_of(output, row->says) || !is_silent)
        fail_msg("%s\n%s(%s)", row->command, output, has_failed ? "failed" : "succeeded");
}

static int open_all(void **state)
{
    struct err err = ERR_INIT;
    if (start_api_pg(state) != 0)
        return -1;
    api_fixture_open(&fixture, &api_pg);
    api_fixture_settle(&fixture);
    CLEANUP(freep) char *server = kubeconfig_server_url(fixture.listen.address, api_port(fixture.api));
    CLEANUP(freep) char *path = mem_printf("%s/kubeconfig", fixture.directory);
    const struct kubeconfig config = { server, fixture.certificate_pem, "admin", ADMIN_TOKEN, "acme" };
    assert_ok(kubeconfig_write(&config, path, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(freep) char *file = mem_printf("%s/%s", fixture.directory, files[i].name);
        assert_ok(file_write(file, files[i].text, strlen(files[i].text), 0644, &err), &err);
    }
    return 0;
}

static int close_all(void **state)
{
    api_fixture_unsettle(&fixture);
    api_fixture_close(&fixture);
    return stop_api_pg(state);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_row, rows);
    if (!getenv("KUBECTL"))
        CHECK_ROWS(&list, test_row, old_rows);
    int failed = _cmocka_run_group_tests("kubectl", list.tests, list.count, open_all, close_all);
    free(list.tests);
    return failed;
}
