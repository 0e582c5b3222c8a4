#include "specs/instance.h"
#include "tests/specs/documents.h"

#define A "app: odoo, version: \"17.0\""

static const struct row {
    const char *why;
    const char *spec;
    const char *problem;
} rows[] = {
    { "the least", "{" A "}", "" },
    { "the design's example, without backups",
      "{" A
      ", description: Accounting, type: production, state: Running, adminEmail: admin@acme.example, demoData: false,"
      " addons: [sale, purchase], disabledModules: [], env: {ODOO_WORKERS: \"2\"}, resources: {cpu: \"1\", memory: "
      "2Gi, storage: 10Gi},"
      " database: {name: acme_erp}, domains: [erp.acme.example], publish: auto, deletionPolicy: Delete}",
      "" },
    { "no app", "{version: \"17.0\"}", "spec.app: is required, like odoo" },
    { "no version", "{app: odoo}", "spec.version: is required, like \"17.0\"" },
    { "the issue's version", "{app: odoo, version: 17.0}", "spec.version: 17.0 is a number; write \"17.0\" in quotes" },
    { "the issue's quantity", "{" A ", resources: {memory: 2Gb}}",
      "spec.resources.memory: \"2Gb\" is not a quantity; try 2Gi" },
    { "the issue's list of environment", "{" A ", env: [{name: A, value: b}]}",
      "spec.env: must be a map of strings, like {ODOO_WORKERS: \"2\"}, not a list" },
    { "a number in the environment", "{" A ", env: {ODOO_WORKERS: 2}}",
      "spec.env.ODOO_WORKERS: 2 is a number; write \"2\" in quotes" },
    { "an environment's name", "{" A ", env: {a-b: c}}",
      "spec.env.a-b: \"a-b\" is not an environment name; use letters, digits and _, no digit first" },
    { "little memory", "{" A ", resources: {memory: 1Mi}}",
      "spec.resources.memory: \"1Mi\" is too small; it must be at least 6Mi" },
    { "no memory", "{" A ", resources: {memory: 0}}",
      "spec.resources.memory: 0 is too small; it must be at least 6Mi" },
    { "little cpu", "{" A ", resources: {cpu: 1m}}",
      "spec.resources.cpu: \"1m\" is out of range; it must be between 10m and 10000" },
    { "much cpu", "{" A ", resources: {cpu: 10001}}",
      "spec.resources.cpu: 10001 is out of range; it must be between 10m and 10000" },
    { "no storage", "{" A ", resources: {storage: 0}}",
      "spec.resources.storage: 0 is too small; it must be at least 1" },
    { "another type", "{" A ", type: prod}", "spec.type: \"prod\" is not one of production, staging, development" },
    { "another state", "{" A ", state: running}",
      "spec.state: \"running\" is not one of Running, Stopped; did you mean Running?" },
    { "a database's name with _ first", "{" A ", database: {name: _erp}}",
      "spec.database.name: \"_erp\" begins with _; begin it with a letter" },
    { "a database's name with a digit first", "{" A ", database: {name: 7up}}",
      "spec.database.name: \"7up\" does not begin with a letter a-z" },
    { "PostgreSQL's own prefix", "{" A ", database: {name: pg_erp}}",
      "spec.database.name: \"pg_erp\" begins with pg_, which belongs to PostgreSQL" },
    { "a reserved database", "{" A ", database: {name: postgres}}",
      "spec.database.name: \"postgres\" is a reserved name; choose another one" },
    { "a template database", "{" A ", database: {name: template0}}",
      "spec.database.name: \"template0\" is a reserved name; choose another one" },
    { "a database's name with capitals", "{" A ", database: {name: eRP}}",
      "spec.database.name: \"eRP\" is not a database name; use a-z, 0-9 and _" },
    { "a database's name with a dash", "{" A ", database: {name: a-b}}",
      "spec.database.name: \"a-b\" is not a database name; use a-z, 0-9 and _" },
    { "a database's name that is not ASCII", "{" A ", database: {name: käse}}",
      "spec.database.name: \"käse\" is not a database name; use a-z, 0-9 and _" },
    { "a database's name with a quote", "{" A ", database: {name: \"a\\\"b\"}}",
      "spec.database.name: \"a\"b\" is not a database name; use a-z, 0-9 and _" },
    { "a database's name of 63",
      "{" A ", database: {name: a23456789012345678901234567890123456789012345678901234567890123}}", "" },
    { "a database's name of 64",
      "{" A ", database: {name: a234567890123456789012345678901234567890123456789012345678901234}}",
      "spec.database.name: \"a23456789012345678901234567890123456789012345678901234567890...\" is longer than 63 "
      "characters" },
    { "an empty database's name", "{" A ", database: {name: \"\"}}",
      "spec.database.name: \"\" does not begin with a letter a-z" },
    { "a wildcard", "{" A ", domains: [\"*.acme.example\"]}",
      "spec.domains[0]: \"*.acme.example\" is a wildcard; write out each name" },
    { "a domain twice", "{" A ", domains: [a.example, a.example]}", "spec.domains[1]: \"a.example\" appears twice" },
    { "publish none", "{" A ", publish: none}", "" },
    { "publish a number", "{" A ", publish: 8069}", "" },
    { "publish a text", "{" A ", publish: \"8069\"}", "" },
    { "publish a low port", "{" A ", publish: 80}",
      "spec.publish: \"80\" is not none, auto or a port from 1024 to 65535" },
    { "publish too high a port", "{" A ", publish: 65536}",
      "spec.publish: \"65536\" is not none, auto or a port from 1024 to 65535" },
    { "publish a word", "{" A ", publish: always}",
      "spec.publish: \"always\" is not none, auto or a port from 1024 to 65535" },
    { "publish true", "{" A ", publish: true}", "spec.publish: true is not text; write \"true\" in quotes" },
    { "a schedule that cannot happen", "{" A ", backup: {schedule: \"0 0 31 2 *\"}}",
      "spec.backup.schedule: \"0 0 31 2 *\" never happens: none of its months has such a day" },
    { "a schedule", "{" A ", backup: {schedule: \"0 3 * * *\"}}", "" },
    { "a retention", "{" A ", backup: {retention: {last: 3, daily: 7, weekly: 4, monthly: 3}}}", "" },
    { "an empty backup says nothing", "{" A ", backup: {}}", "" },
    { "a last backup", "{" A ", deletionPolicy: Backup}", "" },
    { "an unknown policy", "{" A ", deletionPolicy: Keep}",
      "spec.deletionPolicy: \"Keep\" is not one of Backup, Delete, Retain" },
    { "a bad e-mail address", "{" A ", adminEmail: admin}",
      "spec.adminEmail: \"admin\" is not an e-mail address like admin@example.com" },
    { "addons as one text", "{" A ", addons: \"sale,purchase\"}",
      "spec.addons: must be a list of texts, like [sale, purchase], not text" },
    { "an addon that is an option", "{" A ", addons: [--stop]}",
      "spec.addons[0]: \"--stop\" is not a technical name; use a-z, 0-9 and _, like sale_management" },
    { "an addon twice", "{" A ", addons: [sale, sale]}", "spec.addons[1]: \"sale\" appears twice" },
    { "wanted and disabled", "{" A ", addons: [sale, crm], disabledModules: [website, sale]}",
      "spec.disabledModules[1]: \"sale\" stands in spec.addons, too; choose one" },
    { "an unknown field", "{" A ", replicas: 3}", "spec.replicas: unknown field" },
};

static void checks_specs(void **state)
{
    const struct row *row = *state;
    assert_problem(&kinds[KIND_INSTANCE], row->spec, row->problem);
}

static const struct database_row {
    const char *why;
    const char *tenant, *instance, *name;
} database_rows[] = {
    { "plain", "acme", "erp", "acme_erp" },
    { "dashes", "acme-de", "my-erp", "acme_de_my_erp" },
    { "a digit first", "7up", "erp", "t7up_erp" },
    { "PostgreSQL's prefix", "pg", "erp", "tpg_erp" },
    { "the longest", "a23456789012345678901234567890", "b23456789012345678901234567890",
      "a23456789012345678901234567890_b23456789012345678901234567890" },
};

static void names_databases(void **state)
{
    const struct database_row *row = *state;
    CLEANUP(freep) char *name = instance_default_database(row->tenant, row->instance);
    assert_string_equal(name, row->name);
    assert_true(strlen(name) <= 63);
}

/* ---- with an App ---- */

static void app_release(struct app_spec *app)
{
    fields_release(app_spec_fields, app);
}

static void instance_release(struct instance_spec *instance)
{
    fields_release(instance_spec_fields, instance);
}

static void decode(const struct field *fields, const char *yaml, void *structure)
{
    CLEANUP(json_decrefp) json_t *spec = document(yaml);
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(fields, spec, "spec", structure, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
}

#define APP                                                                                                            \
    "{versions: [{name: \"16.0\", image: a}, {name: \"17.0\", image: b}], parameters: [{name: WORKERS, type: "         \
    "integer},"                                                                                                        \
    " {name: LEVEL, type: enum, values: [low, high]}], init: {command: [x, \"{{spec.adminEmail}}\"]},"                 \
    " env: {MODULES: \"{{spec.disabledModules}}\"},"                                                                   \
    " onChange: {addons: {command: [y]}, demoData: {immutable: true}}}"

static const struct app_row {
    const char *why;
    const char *old; /* NULL: it is created */
    const char *instance;
    const char *problem;
} app_rows[] = {
    { "all that the App can do", NULL,
      "{" A ", env: {WORKERS: \"2\", LEVEL: low, OTHER: x}, addons: [sale], disabledModules: [crm], demoData: true,"
      " adminEmail: a@b.example}",
      "" },
    { "an unknown version", NULL, "{app: odoo, version: \"18.0\"}",
      "spec.version: App \"odoo\" has no version \"18.0\"; it has 16.0, 17.0" },
    { "a parameter of another type", NULL, "{" A ", env: {WORKERS: two}}",
      "spec.env.WORKERS: \"two\" is not a whole number" },
    { "a parameter that is not in the values", NULL, "{" A ", env: {LEVEL: middle}}",
      "spec.env.LEVEL: \"middle\" is not one of low, high" },
    { "changed by onChange", "{" A "}", "{" A ", addons: [sale]}", "" },
    { "changed by a new container", "{" A "}", "{" A ", disabledModules: [crm]}", "" },
    { "immutable", "{" A "}", "{" A ", demoData: true}",
      "spec.demoData: cannot be changed after creation: App \"odoo\" says so (onChange.demoData.immutable)" },
    { "only init used it", "{" A ", adminEmail: a@b.example}", "{" A ", adminEmail: c@b.example}",
      "spec.adminEmail: cannot be changed: App \"odoo\" has no onChange.adminEmail that would apply it" },
    { "nothing changed", "{" A ", adminEmail: a@b.example, demoData: true}",
      "{" A ", adminEmail: a@b.example, demoData: true}", "" },
};

static void checks_with_the_app(void **state)
{
    const struct app_row *row = *state;
    CLEANUP(app_release) struct app_spec app = { 0 };
    CLEANUP(instance_release) struct instance_spec old = { 0 };
    CLEANUP(instance_release) struct instance_spec instance = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    decode(app_spec_fields, APP, &app);
    decode(instance_spec_fields, row->instance, &instance);
    instance_check_app(&instance, &app, &problems);
    if (row->old) {
        decode(instance_spec_fields, row->old, &old);
        instance_check_app_change(&old, &instance, &app, &problems);
    }
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, row->problem);
}

static void refuses_what_the_app_has_no_use_for(void **state)
{
    (void)state;
    CLEANUP(app_release) struct app_spec app = { 0 };
    CLEANUP(instance_release) struct instance_spec instance = { 0 };
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    decode(app_spec_fields, "{versions: [{name: \"17.0\", image: a}]}", &app);
    decode(instance_spec_fields,
           "{" A ", addons: [sale], disabledModules: [crm], demoData: true, adminEmail: a@b.example}", &instance);
    instance_check_app(&instance, &app, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "spec.addons: App \"odoo\" has no use for it; leave it out; "
                              "spec.disabledModules: App \"odoo\" has no use for it; leave it out; "
                              "spec.adminEmail: App \"odoo\" has no use for it; leave it out; "
                              "spec.demoData: App \"odoo\" has no use for it; leave it out");
}

static void fills_defaults(void **state)
{
    (void)state;
    CLEANUP(instance_release) struct instance_spec instance = { 0 };
    decode(instance_spec_fields, "{" A ", publish: 8069}", &instance);
    assert_int_equal(instance.type, INSTANCE_PRODUCTION);
    assert_int_equal(instance.state, STATE_RUNNING);
    assert_int_equal(instance.resources.cpu_millicores, 1000);
    assert_true(instance.resources.memory_bytes == INT64_C(1) << 30);
    assert_true(instance.resources.storage_bytes == INT64_C(10) << 30);
    assert_string_equal(instance.publish, "8069");
    assert_null(instance.admin_email);
    assert_null(instance.database.name);
    assert_document(instance.env, "{}");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_specs, rows);
    CHECK_ROWS(&list, names_databases, database_rows);
    CHECK_ROWS(&list, checks_with_the_app, app_rows);
    CHECK_TEST(&list, refuses_what_the_app_has_no_use_for);
    CHECK_TEST(&list, fills_defaults);
    return check_run("instance_check", &list);
}
