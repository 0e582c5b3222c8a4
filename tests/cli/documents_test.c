/* What -f names: loading, checking, ordering. */
#include "base/file.h"
#include "cli/documents.h"
#include "tests/check.h"

#define TENANT(name)   "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: " name "}\n"
#define INSTANCE(more) "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp, namespace: acme}\nspec:\n" more
#define ERP            INSTANCE("  app: odoo\n  version: \"17.0\"\n")
#define APP                                                                                                            \
    "apiVersion: tenantd/v1\nkind: App\nmetadata: {name: odoo}\nspec:\n  versions: [{name: \"17.0\", image: "          \
    "\"odoo:17\"}]\n"                                                                                                  \
    "  ports: [{name: http, port: 8069}]\n  dataPath: /data\n"

static bool load(const char *text, struct documents_source source, struct documents *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv paths = STRV_INIT;
    strv_add(&paths, "-");
    source.paths = &paths;
    source.in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    bool loaded = documents_load(&source, ret, err);
    fclose(source.in);
    return loaded;
}

static char *names_of(const struct documents *documents)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    for (size_t i = 0; i < documents->count; i++) {
        CLEANUP(freep) char *name = record_key_text(&documents->items[i].record.key);
        strv_addf(&names, "%s@%s", name, documents->items[i].origin);
    }
    return strv_join(&names, " ");
}

static const struct {
    const char *why, *text, *namespace, *names;
    const char *complaints[4];
} rows[] = {
    { "in the order of applying",
      ERP "---\n" TENANT("acme") "---\n" TENANT("beta") "---\n" APP,
      NULL,
      "App/odoo@stdin:15 Tenant/acme@stdin:7 Tenant/beta@stdin:11 Instance/acme/erp@stdin:1",
      { NULL } },
    { "a namespace for who has none",
      "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp}\nspec: {app: odoo, version: \"1\"}\n",
      "beta",
      "Instance/beta/erp@stdin:1",
      { NULL } },
    { "another namespace stays", ERP, "beta", "Instance/acme/erp@stdin:1", { NULL } },
    { "a list",
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}}\n",
      NULL,
      "Tenant/acme@stdin:1: items[0]",
      { NULL } },
    { "what the server wrote counts for nothing",
      "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme, uid: u, resourceVersion: \"5\", generation: 3}\n"
      "status: {phase: Active}\n",
      NULL,
      "Tenant/acme@stdin:1",
      { NULL } },
    { "syntax", "a: [1\nb: 2\n", NULL, NULL, { "stdin:2:" } },
    { "a quantity",
      INSTANCE("  app: odoo\n  version: \"17.0\"\n  resources: {memory: 2Gb}\n"),
      NULL,
      NULL,
      { "stdin:1: Instance acme/erp: spec.resources.memory: \"2Gb\" is not a quantity; try 2Gi" } },
    { "all problems of all documents",
      INSTANCE("  version: 1\n  bogus: 2\n") "---\nkind: Tenat\n---\nwords\n",
      NULL,
      NULL,
      { "spec.app: ", "spec.bogus: ", "stdin:7: Tenat: kind: \"Tenat\" is not known; is Tenant meant?",
        "stdin:9: document: is no record" } },
    { "no kind", "apiVersion: tenantd/v1\nmetadata: {name: acme}\n", NULL, NULL, { "kind: is required" } },
    { "a kind that is no text", "kind: [a]\n", NULL, NULL, { "kind: a list is not known" } },
    { "no name", "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {}\n", NULL, NULL, { "metadata.name: is required" } },
    { "no tenant",
      "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp}\nspec: {app: a, version: \"1\"}\n",
      NULL,
      NULL,
      { "metadata.namespace: is required" } },
    { "another version of the API",
      "apiVersion: apps/v1\nkind: Tenant\nmetadata: {name: acme}\n",
      NULL,
      NULL,
      { "apiVersion: \"apps/v1\" is not known" } },
    { "twice",
      TENANT("acme") "---\n" TENANT("acme"),
      NULL,
      NULL,
      { "stdin:4: Tenant acme: is there already, at stdin:1" } },
    { "nothing", "# nothing\n", NULL, NULL, { "stdin: has no documents" } },
    { "a version that the App beside it has not",
      APP "---\n" INSTANCE("  app: odoo\n  version: \"99\"\n"),
      NULL,
      NULL,
      { "spec.version: " } },
    { "an alias bomb",
      "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
      "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
      "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
      NULL,
      NULL,
      { "stdin:" } },
};

static void loads(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct documents_source source = { .namespace = row->namespace };
    bool loaded = load(row->text, source, &documents, &err);
    if (row->names) {
        assert_ok(loaded, &err);
        CLEANUP(freep) char *names = names_of(&documents);
        assert_string_equal(names, row->names);
        return;
    }
    assert_false(loaded);
    assert_int_equal(err.code, ERR_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(row->complaints) && row->complaints[i]; i++)
        assert_contains(err_message(&err), row->complaints[i]);
}

static void the_servers_own_is_not_sent_back(void **state)
{
    (void)state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    static const char text[] = "apiVersion: tenantd/v1\nkind: Tenant\nmetadata:\n  name: acme\n  uid: u\n"
                               "  resourceVersion: \"5\"\n  annotations:\n    note: hi\n"
                               "    kubectl.kubernetes.io/last-applied-configuration: x\nstatus: {phase: Active}\n";
    assert_ok(load(text, (struct documents_source){ 0 }, &documents, &err), &err);
    CLEANUP(freep) char *json = json_dump(documents.items[0].value);
    assert_string_equal(json, "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\","
                              "\"metadata\":{\"annotations\":{\"note\":\"hi\"},\"name\":\"acme\"}}");
}

static void n_must_match(void **state)
{
    (void)state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct documents_source source = { .namespace = "beta", .namespace_must_match = true };
    assert_false(load(ERP, source, &documents, &err));
    assert_contains(err_message(&err), "metadata.namespace: is \"acme\", but -n says beta");
}

static void deleting_needs_names_only(void **state)
{
    (void)state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(documents_release) struct documents nameless = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct documents_source source = { .check = DOCUMENTS_NAMES };
    assert_ok(load(INSTANCE("  bogus: 1\n"), source, &documents, &err), &err);
    assert_fails(load("apiVersion: tenantd/v1\nkind: Tenant\n", source, &nameless, &err), &err, ERR_INVALID);
}

/* ---- files and directories ---- */

static void put(const char *directory, const char *name, const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = mem_printf("%s/%s", directory, name);
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
}

static bool load_paths(const char *first, const char *second, bool recursive, struct documents *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv paths = STRV_INIT;
    strv_add(&paths, first);
    if (second)
        strv_add(&paths, second);
    const struct documents_source source = { .paths = &paths, .recursive = recursive };
    return documents_load(&source, ret, err);
}

static void directories(void **state)
{
    (void)state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(documents_release) struct documents all = { 0 };
    CLEANUP(documents_release) struct documents none = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *directory = mem_strdup("/tmp/documents_test.XXXXXX");
    assert_non_null(mkdtemp(directory));
    CLEANUP(freep) char *below = mem_printf("%s/below", directory);
    assert_ok(dir_make(below, 0700, &err), &err);
    put(directory, "b.yaml", TENANT("b"));
    put(directory, "a.json", "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"a1\"}}");
    put(directory, "README.md", "# not YAML: [");
    put(directory, ".hidden.yaml", "[");
    put(below, "c.yml", TENANT("c"));
    assert_ok(load_paths(directory, NULL, false, &documents, &err), &err);
    assert_int_equal(documents.count, 2);
    assert_ok(load_paths(directory, NULL, true, &all, &err), &err);
    assert_int_equal(all.count, 3);
    assert_false(load_paths("/nonexistent/x.yaml", "/etc/hostname/x", false, &none, &err));
    assert_contains(err_message(&err), "2 problems");
    assert_contains(err_message(&err), "/nonexistent/x.yaml");
    assert_ok(dir_remove(directory, &err), &err);
}

static void an_empty_directory_is_an_error(void **state)
{
    (void)state;
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *directory = mem_strdup("/tmp/documents_test.XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_false(load_paths(directory, NULL, false, &documents, &err));
    assert_contains(err_message(&err), "has no .yaml, .yml or .json file; -R looks below it, too");
    assert_ok(dir_remove(directory, &err), &err);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, loads, rows);
    CHECK_TEST(&list, the_servers_own_is_not_sent_back);
    CHECK_TEST(&list, n_must_match);
    CHECK_TEST(&list, deleting_needs_names_only);
    CHECK_TEST(&list, directories);
    CHECK_TEST(&list, an_empty_directory_is_an_error);
    return check_run("cli/documents", &list);
}
