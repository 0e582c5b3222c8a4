/* Sources: what is refused, and what a record looks like when it is written out. */
#include "specs/kind.h"
#include "specs/source.h"
#include "specs/yaml.h"
#include "tests/check.h"

static const struct {
    const char *why, *spec, *problem; /* NULL: it is good */
} rows[] = {
    { "https", "git: {url: 'https://git.example.com/x.git'}", NULL },
    { "a file", "git: {url: 'file:///srv/x.git', tag: v1}", NULL },
    { "ssh", "git: {url: 'ssh://git@h/x', knownHosts: 'h ssh-ed25519 A'}", NULL },
    { "a directory", "directory: /srv/x", NULL },
    { "neither", "path: a", "spec.git.url: is required" },
    { "both", "{git: {url: 'https://h/x'}, directory: /x}", "keep one" },
    { "plain http", "git: {url: 'http://h/x'}", "is no URL of" },
    { "a helper", "git: {url: 'ext::sh -c id'}", "is no URL of" },
    { "as scp writes it", "git: {url: 'git@h:x'}", "ssh://user@host/path" },
    { "an option as host", "git: {url: 'ssh://-oProxyCommand=id/x', knownHosts: 'h k'}", "has no host" },
    { "an option as user", "git: {url: 'ssh://-x@h/x', knownHosts: 'h k'}", "spec.git.url" },
    { "a password", "git: {url: 'https://u:hunter2@h/x'}", "holds a user or password" },
    { "no path", "git: {url: 'https://h'}", "has no path" },
    { "ssh without the host's key", "git: {url: 'ssh://h/x'}", "spec.git.knownHosts: is required" },
    { "two references", "git: {url: 'https://h/x', branch: a, tag: b}", "more than one" },
    { "a branch like an option", "git: {url: 'https://h/x', branch: '--upload-pack=id'}", "not a name that git" },
    { "a branch that goes up", "git: {url: 'https://h/x', branch: 'a/../b'}", "not a name that git" },
    { "a short commit", "git: {url: 'https://h/x', commit: abc}", "not a whole commit" },
    { "a path that goes up", "{directory: /x, path: a/../../b}", "not a path inside" },
    { "an absolute path", "{directory: /x, path: /etc}", "not a path inside" },
    { "the repository's own", "{directory: /x, path: .git}", "not a path inside" },
    { "too often", "{directory: /x, interval: 1s}", "spec.interval" },
    { "an end without a beginning", "{directory: /x, suspendUntil: '2026-01-02T03:04:05Z'}", "spec.suspendUntil" },
};

static void checks(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const char *spec = row->spec[0] == '{' ? row->spec : NULL;
    CLEANUP(freep)
    char *text = mem_printf("{apiVersion: tenantd/v1, kind: Source, metadata: {name: fleet}, spec: %s%s%s}",
                            spec ? "" : "{", row->spec, spec ? "" : "}");
    assert_ok(yaml_parse_one(text, strlen(text), &document, &err), &err);
    bool good = record_from_json(document, &kinds[KIND_SOURCE], NULL, NULL, &record, NULL, &problems);
    CLEANUP(freep) char *said = problems_text(&problems);
    if (row->problem)
        assert_contains(said, row->problem);
    else
        assert_string_equal(said, "");
    assert_int_equal(good, row->problem == NULL);
    assert_null(strstr(said, "hunter2"));
}

static void suspends(void **state)
{
    (void)state;
    struct source_spec spec = { .suspend = true };
    assert_true(source_is_suspended(&spec, 1000));
    spec.suspend_until_ms = 1000;
    assert_true(source_is_suspended(&spec, 999));
    assert_false(source_is_suspended(&spec, 1000));
    spec.suspend = false;
    assert_false(source_is_suspended(&spec, 999));
}

/* What somebody wrote is written out again, and nothing that was added to it. */
static void is_written_as_it_was(void **state)
{
    (void)state;
    static const char text[] = "apiVersion: tenantd/v1\nkind: Instance\nmetadata:\n  name: erp\n  namespace: acme\n"
                               "  annotations: {note: hi, tenantd/paused: moving, tenantd/source: fleet/u}\n"
                               "spec: {app: odoo, version: '1', resources: {memory: 2Gi}}\n";
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(json_decrefp) json_t *document = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_ok(yaml_parse_one(text, strlen(text), &document, &err), &err);
    assert_true(record_from_json(document, &kinds[KIND_INSTANCE], NULL, NULL, &record, NULL, &problems));
    assert_true(record_settle(&kinds[KIND_INSTANCE], NULL, &record, &problems));
    assert_non_null(json_at(record.spec, "database", "name", NULL));
    CLEANUP(json_decrefp) json_t *written = record_as_written(&record);
    CLEANUP(freep) char *json = json_dump(written);
    assert_string_equal(json, "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"annotations\":"
                              "{\"note\":\"hi\"},\"name\":\"erp\",\"namespace\":\"acme\"},\"spec\":{\"app\":\"odoo\","
                              "\"resources\":{\"memory\":\"2Gi\"},\"version\":\"1\"}}");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks, rows);
    CHECK_TEST(&list, suspends);
    CHECK_TEST(&list, is_written_as_it_was);
    return check_run("specs/source", &list);
}
