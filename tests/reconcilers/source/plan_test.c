/* What a sync has to do, row by row. */
#include "reconcilers/source/owner.h"
#include "reconcilers/source/plan.h"
#include "tests/check.h"

#define OURS   "{\"tenantd/source\":\"fleet/u1\"}"
#define THEIRS "{\"tenantd/source\":\"other/u2\"}"
#define GOING  1

/* Stored records: name, annotations, spec, what was applied last (NULL: nothing); tenants, unless the name has a slash. */
struct live {
    const char *name, *annotations, *spec, *applied;
    int64_t deletion_ms;
};
static const struct row {
    const char *why;
    const char *manifests[6]; /* "name {spec}", or "name {spec} = {spec with what it leaves out filled in}" */
    struct live lives[12];
    bool keeps; /* prune is off */
    const char *confirmed;
    const char *plan, *blocked;
} rows[] = {
    { "nothing and nothing", { NULL }, { { NULL } }, false, NULL, "", NULL },
    { "a manifest alone", { "acme {}" }, { { NULL } }, false, NULL, "create:Tenant/acme", NULL },
    { "as stated",
      { "acme {\"plan\":\"a\"}" },
      { { "acme", OURS, "{\"plan\":\"a\",\"owner\":\"x\"}", "{\"spec\":{\"plan\":\"a\"}}" } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
    { "what a list's items leave out is no difference",
      { "acme {\"rules\":[{\"a\":1}]} = {\"rules\":[{\"a\":1,\"b\":0}]}" },
      { { "acme", OURS, "{\"rules\":[{\"a\":1,\"b\":0}]}", "{\"spec\":{\"rules\":[{\"a\":1,\"b\":0}]}}" } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
    { "what else is in them is one",
      { "acme {\"rules\":[{\"a\":1}]} = {\"rules\":[{\"a\":1,\"b\":0}]}" },
      { { "acme", OURS, "{\"rules\":[{\"a\":1,\"b\":2}]}", "{\"spec\":{\"rules\":[{\"a\":1,\"b\":0}]}}" } },
      false,
      NULL,
      "change:Tenant/acme: spec.rules!",
      NULL },
    { "changed by hand",
      { "acme {\"plan\":\"a\"}" },
      { { "acme", OURS, "{\"plan\":\"b\"}", "{\"spec\":{\"plan\":\"a\"}}" } },
      false,
      NULL,
      "change:Tenant/acme: spec.plan!",
      NULL },
    { "changed in the repository",
      { "acme {\"plan\":\"b\"}" },
      { { "acme", OURS, "{\"plan\":\"a\"}", "{\"spec\":{\"plan\":\"a\"}}" } },
      false,
      NULL,
      "change:Tenant/acme: spec.plan",
      NULL },
    { "no longer stated is taken away",
      { "acme {}" },
      { { "acme", OURS, "{\"plan\":\"a\"}", "{\"spec\":{\"plan\":\"a\"}}" } },
      false,
      NULL,
      "change:Tenant/acme: spec.plan",
      NULL },
    { "never stated is left alone",
      { "acme {}" },
      { { "acme", OURS, "{\"plan\":\"a\"}", "{}" } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
    { "what stands beside what is no longer stated stays",
      { "acme {}" },
      { { "acme", OURS, "{\"quota\":{\"cpu\":1,\"memory\":2}}", "{\"spec\":{\"quota\":{\"cpu\":1}}}" } },
      false,
      NULL,
      "change:Tenant/acme: spec.quota.cpu",
      NULL },
    { "made by hand",
      { "acme {}" },
      { { "acme", "{}", "{}", NULL } },
      false,
      NULL,
      "conflict:Tenant/acme: was made by hand, not Source fleet's; annotate it tenantd/adopt: fleet to hand it over",
      NULL },
    { "another source's",
      { "acme {}" },
      { { "acme", THEIRS, "{}", NULL } },
      false,
      NULL,
      "conflict:Tenant/acme: is Source other's, not Source fleet's; annotate it tenantd/adopt: fleet to hand it over",
      NULL },
    { "a namesake's that is gone",
      { "acme {}" },
      { { "acme", "{\"tenantd/source\":\"fleet/u0\"}", "{}", NULL } },
      false,
      NULL,
      "conflict:Tenant/acme: is an earlier Source fleet's, not Source fleet's; annotate it tenantd/adopt: fleet to "
      "hand it over",
      NULL },
    { "handed over",
      { "acme {}" },
      { { "acme", "{\"tenantd/source\":\"other/u2\",\"tenantd/adopt\":\"fleet\"}", "{}", NULL } },
      false,
      NULL,
      "adopt:Tenant/acme",
      NULL },
    { "handed over to somebody else",
      { "acme {}" },
      { { "acme", "{\"tenantd/adopt\":\"other\"}", "{}", NULL } },
      false,
      NULL,
      "conflict:Tenant/acme: was made by hand, not Source fleet's; annotate it tenantd/adopt: fleet to hand it over",
      NULL },
    { "opted out",
      { "acme {\"plan\":\"a\"}" },
      { { "acme", "{\"tenantd/source\":\"fleet/u1\",\"tenantd/sync\":\"ignore\"}", "{\"plan\":\"b\"}", NULL } },
      false,
      NULL,
      "ignore:Tenant/acme",
      NULL },
    { "being deleted", { "acme {}" }, { { "acme", OURS, "{}", "{}", GOING } }, false, NULL, "going:Tenant/acme", NULL },
    { "one without a manifest is pruned, at least one may be",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" } },
      false,
      NULL,
      "same:Tenant/acme prune:Tenant/beta",
      NULL },
    { "prune is off",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" } },
      true,
      NULL,
      "same:Tenant/acme kept:Tenant/beta: prune is off",
      NULL },
    { "others' records are never pruned",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", THEIRS, "{}", NULL }, { "hand", "{}", "{}", NULL } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
    { "protection outlasts the manifest",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" },
        { "beta", "{\"tenantd/source\":\"fleet/u1\",\"tenantd/protect\":\"yes\"}", "{}",
          "{\"metadata\":{\"annotations\":{\"tenantd/protect\":\"yes\"}}}" } },
      false,
      NULL,
      "same:Tenant/acme kept:Tenant/beta: is protected by annotation tenantd/protect",
      NULL },
    { "no manifest takes protection off",
      { "acme {}" },
      { { "acme", "{\"tenantd/source\":\"fleet/u1\",\"tenantd/protect\":\"yes\"}", "{}",
          "{\"metadata\":{\"annotations\":{\"tenantd/protect\":\"yes\"}}}" } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
    { "an empty tree prunes nothing",
      { NULL },
      { { "acme", OURS, "{}", "{}" } },
      false,
      NULL,
      "kept:Tenant/acme: is held back: TreeIsEmpty",
      "TreeIsEmpty" },
    { "not even when it was confirmed",
      { NULL },
      { { "acme", OURS, "{}", "{}" } },
      false,
      "r1",
      "kept:Tenant/acme: is held back: TreeIsEmpty",
      "TreeIsEmpty" },
    { "two of three are too many",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" }, { "cora", OURS, "{}", "{}" } },
      false,
      NULL,
      "same:Tenant/acme kept:Tenant/beta: is held back: PruneLimit kept:Tenant/cora: is held back: PruneLimit",
      "PruneLimit" },
    { "a confirmation of another commit is none",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" }, { "cora", OURS, "{}", "{}" } },
      false,
      "r0",
      "same:Tenant/acme kept:Tenant/beta: is held back: PruneLimit kept:Tenant/cora: is held back: PruneLimit",
      "PruneLimit" },
    { "confirmed",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" }, { "cora", OURS, "{}", "{}" } },
      false,
      "r1",
      "same:Tenant/acme prune:Tenant/beta prune:Tenant/cora",
      NULL },
    { "a tenant with somebody else's instance stays",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" }, { "beta/erp", "{}", "{}", NULL } },
      false,
      NULL,
      "same:Tenant/acme kept:Tenant/beta: holds Instance/beta/erp, which is not this Source's",
      NULL },
    { "instances go before their tenant",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" }, { "beta", OURS, "{}", "{}" }, { "beta/erp", OURS, "{}", "{}" } },
      false,
      "r1",
      "same:Tenant/acme prune:Instance/beta/erp prune:Tenant/beta",
      NULL },
    { "a tenant with a protected instance stays",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" },
        { "beta", OURS, "{}", "{}" },
        { "beta/erp", "{\"tenantd/source\":\"fleet/u1\",\"tenantd/protect\":\"yes\"}", "{}", "{}" } },
      false,
      NULL,
      "same:Tenant/acme kept:Instance/beta/erp: is protected by annotation tenantd/protect "
      "kept:Tenant/beta: holds Instance/beta/erp, which stays",
      NULL },
    { "one that opted out is not pruned",
      { "acme {}" },
      { { "acme", OURS, "{}", "{}" },
        { "beta", "{\"tenantd/source\":\"fleet/u1\",\"tenantd/sync\":\"ignore\"}", "{}", "{}" } },
      false,
      NULL,
      "same:Tenant/acme",
      NULL },
};

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void set_key(struct record_key *key, const char *name)
{
    const char *slash = strchr(name, '/');
    CLEANUP(freep) char *namespace = slash ? mem_strndup(name, (size_t)(slash - name)) : mem_strdup("");
    assert_true(record_key_set(key, slash ? KIND_INSTANCE : KIND_TENANT, namespace, slash ? slash + 1 : name));
}

static void add_live(struct records *lives, json_t *applied, const struct live *live)
{
    struct record *record = records_add(lives);
    set_key(&record->key, live->name);
    record->uid = mem_printf("uid-%s", live->name);
    record->deletion_ms = live->deletion_ms;
    json_decref(record->annotations);
    record->annotations = parse(live->annotations);
    json_decref(record->spec);
    record->spec = parse(live->spec);
    if (live->applied)
        json_put(applied, record->uid, parse(live->applied));
}

static void add_manifest(struct documents *documents, const char *manifest)
{
    const char *blank = strchr(manifest, ' '), *equals = strstr(manifest, " = ");
    CLEANUP(freep) char *stated = mem_strndup(blank + 1, equals ? (size_t)(equals - blank - 1) : strlen(blank + 1));
    CLEANUP(freep) char *name = mem_strndup(manifest, (size_t)(blank - manifest));
    documents->items = mem_grow(documents->items, documents->count + 1, sizeof(documents->items[0]));
    struct document *document = &documents->items[documents->count++];
    *document = (struct document){ .origin = mem_strdup("a.yaml:1"), .value = json_object() };
    record_init(&document->record);
    set_key(&document->record.key, name);
    document->kind = &kinds[document->record.key.kind];
    json_put(document->value, "spec", parse(stated));
    json_decref(document->record.spec);
    document->record.spec = parse(equals ? equals + 3 : stated);
}

static char *text_of(const struct source_plan *plan)
{
    static const char *const names[] = {
        [SOURCE_CREATE] = "create",  [SOURCE_CHANGE] = "change",  [SOURCE_ADOPT] = "adopt",
        [SOURCE_UNCHANGED] = "same", [SOURCE_IGNORED] = "ignore", [SOURCE_CONFLICT] = "conflict",
        [SOURCE_GOING] = "going",    [SOURCE_PRUNE] = "prune",    [SOURCE_KEPT] = "kept",
    };
    CLEANUP(str_release) struct str text = STR_INIT;
    for (size_t i = 0; i < plan->count; i++) {
        CLEANUP(freep) char *item = source_item_text(&plan->items[i]);
        bool is_put_back = plan->items[i].act == SOURCE_CHANGE && plan->items[i].is_drift;
        str_addf(&text, "%s%s:%s%s", i ? " " : "", names[plan->items[i].act], item, is_put_back ? "!" : "");
    }
    return str_steal(&text);
}

static void test_plan(void **state)
{
    const struct row *row = *state;
    CLEANUP(source_plan_release) struct source_plan plan = { 0 };
    CLEANUP(documents_release) struct documents documents = { 0 };
    CLEANUP(records_release) struct records lives = { 0 };
    CLEANUP(json_decrefp) json_t *applied = json_object();
    const struct source_spec spec = { .prune = !row->keeps, .prune_limit = 20 };
    for (size_t i = 0; row->manifests[i]; i++)
        add_manifest(&documents, row->manifests[i]);
    for (size_t i = 0; row->lives[i].name; i++)
        add_live(&lives, applied, &row->lives[i]);
    const struct source_view view = { .name = "fleet",
                                      .uid = "u1",
                                      .spec = &spec,
                                      .documents = &documents,
                                      .lives = &lives,
                                      .applied = applied,
                                      .revision = "r1",
                                      .confirmed = row->confirmed };
    source_plan_make(&view, &plan);
    CLEANUP(freep) char *text = text_of(&plan);
    assert_string_equal(text, row->plan);
    assert_true(str_equal(plan.blocked_reason, row->blocked));
}

static const struct {
    const char *why;
    size_t owned;
    int64_t limit;
    size_t most;
} limits[] = {
    { "at least one", 1, 20, 1 },     { "one of four", 4, 20, 1 },        { "two of ten", 10, 20, 2 },
    { "rounded down", 14, 20, 2 },    { "of a thousand", 1000, 20, 200 }, { "all", 7, 100, 7 },
    { "one in a hundred", 50, 1, 1 },
};

static void test_limit(void **state)
{
    const __typeof__(limits[0]) *row = *state;
    assert_int_equal(source_prune_max(row->owned, row->limit), row->most);
}

static void test_owner(void **state)
{
    (void)state;
    static const char *const wrong[] = { "{}", "{\"tenantd/source\":\"fleet\"}", "{\"tenantd/source\":\"/u\"}",
                                         "{\"tenantd/source\":\"fleet/\"}" };
    struct source_owner owner;
    CLEANUP(json_decrefp) json_t *good = parse(OURS);
    assert_true(source_owner_of(good, &owner));
    assert_string_equal(owner.name, "fleet");
    assert_string_equal(owner.uid, "u1");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(json_decrefp) json_t *annotations = parse(wrong[i]);
        assert_false(source_owner_of(annotations, &owner));
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_plan, rows);
    CHECK_ROWS(&list, test_limit, limits);
    CHECK_TEST(&list, test_owner);
    return check_run("reconcilers/source/plan", &list);
}
