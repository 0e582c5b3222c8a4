/* Manifests become documents: what is taken, what is refused, what is opened. */
#include "base/age.h"
#include "base/file.h"
#include "reconcilers/source/source.h"
#include "tests/check.h"

#define TENANT   "apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\n"
#define INSTANCE "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp}\nspec: {app: a, version: '1'}\n"

static void add(struct source_files *files, const char *path, const char *text, size_t len)
{
    files->items = mem_grow(files->items, files->count + 1, sizeof(files->items[0]));
    struct source_file *file = &files->items[files->count++];
    *file = (struct source_file){ .path = mem_strdup(path), .text = STR_INIT };
    str_addn(&file->text, text, len);
}

static const struct {
    const char *why, *path, *text, *tenant, *complaint; /* NULL: none */
    size_t documents;
} rows[] = {
    { "a manifest", "a.yaml", TENANT, NULL, NULL, 1 },
    { "a blank one", "a.yaml", "# nothing yet\n---\n", NULL, NULL, 0 },
    { "the line of the field", "d/a.yaml", TENANT "spec:\n  plan: a\n  bogus: 1\n", NULL,
      "d/a.yaml:6: Tenant acme: spec.bogus: ", 1 },
    { "syntax", "a.yaml", "a: [1\nb: 2\n", NULL, "a.yaml:2:", 0 },
    { "kustomize", "k/kustomization.yaml", "resources: []", NULL, "kustomize build", 0 },
    { "a tenant's instance", "a.yaml", INSTANCE, "acme", NULL, 1 },
    { "an instance of nobody's", "a.yaml", INSTANCE, NULL, "metadata.namespace: is required", 1 },
    { "another tenant's", "a.yaml",
      "apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp, namespace: beta}\nspec: {app: a, version: '1'}\n",
      "acme", "is \"beta\", but the Source's spec.tenant says acme", 0 },
    { "a Tenant, for a tenant's Source", "a.yaml", TENANT, "acme", "may only touch its spec.tenant's records", 0 },
    { "itself", "a.yaml", "apiVersion: tenantd/v1\nkind: Source\nmetadata: {name: fleet}\nspec: {directory: /x}\n",
      NULL, "is this Source itself", 1 },
    { "a backup", "a.yaml", "apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: b}\nspec: {instance: erp}\n",
      "acme", "a.yaml:1: Backup acme/b: kind: is an act that runs once", 1 },
    { "twice", "a.yaml", TENANT "---\n" TENANT, NULL, "is there already, at a.yaml:1", 2 },
};

static void loads(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(source_files_release) struct source_files files = { 0 };
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(document_reader_release) struct document_reader reader = { .documents = &documents };
    CLEANUP(freep) char *tenant = mem_strdup(row->tenant);
    const struct source_spec spec = { .tenant = tenant };
    add(&files, row->path, row->text, strlen(row->text));
    source_load(&files, "fleet", &spec, &reader);
    CLEANUP(freep) char *complaints = strv_join(&reader.complaints, "; ");
    if (row->complaint)
        assert_contains(complaints, row->complaint);
    else
        assert_string_equal(complaints, "");
    assert_int_equal(documents.count, row->documents);
}

static void names(void **state)
{
    (void)state;
    assert_true(source_is_manifest("a.yaml"));
    assert_true(source_is_manifest("d/a.yml"));
    assert_true(source_is_manifest("d/secret.age.yaml"));
    assert_false(source_is_manifest("README.md"));
    assert_false(source_is_manifest(".github/workflows/test.yaml"));
    assert_false(source_is_manifest("d/.hidden.yaml"));
}

static void seal_into(struct str *out, const struct age_identity *identity, const char *text)
{
    struct err err = ERR_INIT;
    struct age_recipient recipient = age_identity_recipient(identity);
    struct sink *sink = age_encrypt_sink_new(&recipient, 1, text_sink_new(out, 1 << 20));
    assert_ok(sink_write(sink, text, strlen(text), &err) && sink_finish(sink, &err), &err);
    sink_free(sink);
}

static void sealed_ones_are_opened(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct age_identity own, other;
    CLEANUP(str_release) struct str good = STR_INIT;
    CLEANUP(str_release) struct str strange = STR_INIT;
    CLEANUP(source_files_release) struct source_files files = { 0 };
    CLEANUP(source_files_release) struct source_files again = { 0 };
    CLEANUP(freep) char *path = mem_strdup("/tmp/load_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    closep(&fd);
    age_identity_generate(&own);
    age_identity_generate(&other);
    CLEANUP(freep) char *printed = age_identity_print(&own);
    assert_ok(file_write(path, printed, strlen(printed), 0600, &err), &err);
    seal_into(&good, &own, TENANT);
    seal_into(&strange, &other, TENANT);
    add(&files, "a.age.yaml", good.text, good.len);
    add(&files, "b.age.yaml", strange.text, strange.len);
    add(&files, "c.age.yaml", TENANT, strlen(TENANT));
    source_open_sealed(&files, path);
    assert_null(files.items[0].refusal);
    assert_string_equal(files.items[0].text.text, TENANT);
    assert_contains(files.items[1].refusal, "is sealed and cannot be opened");
    assert_contains(files.items[2].refusal, "is sealed and cannot be opened");
    assert_int_equal(remove(path), 0);
    add(&again, "a.age.yaml", good.text, good.len);
    source_open_sealed(&again, path);
    assert_contains(again.items[0].refusal, "its identity cannot be read");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, loads, rows);
    CHECK_TEST(&list, names);
    CHECK_TEST(&list, sealed_ones_are_opened);
    return check_run("reconcilers/source/load", &list);
}
