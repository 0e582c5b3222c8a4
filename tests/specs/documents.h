/* YAML texts as documents and records, for the tests of specs/. */
#pragma once

#include "specs/kind.h"
#include "specs/yaml.h"
#include "tests/check.h"

static inline json_t *document(const char *yaml)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_ok(yaml_parse_one(yaml, strlen(yaml), &value, &err), &err);
    return value;
}

/* Equal as values; on a difference both are shown. */
static inline void assert_document(const json_t *value, const char *yaml)
{
    CLEANUP(json_decrefp) json_t *wanted = document(yaml);
    if (json_equal(value, wanted))
        return;
    CLEANUP(freep) char *got = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    CLEANUP(freep) char *want = json_dumps(wanted, JSON_ENCODE_ANY | JSON_COMPACT);
    fail_msg("%s instead of %s", got, want);
}

/* "" when the record is fine, else its problems, one per line. Owned. */
static inline char *problems_of(const struct kind *kind, const json_t *value)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record;
    CLEANUP(str_release) struct str out = STR_INIT;
    bool good = record_from_json(value, kind, NULL, NULL, &record, NULL, &problems);
    assert_int_equal(good, problems.count == 0);
    for (size_t i = 0; i < problems.count; i++)
        str_addf(&out, "%s%s%s\n", problems.items[i].path, problems.items[i].path[0] ? ": " : "",
                 problems.items[i].message);
    return str_steal(&out);
}

/* A record of `kind` with this spec, as flow or block YAML. */
static inline json_t *record_document(const struct kind *kind, const char *spec)
{
    json_t *value = json_object();
    json_put_text(value, "apiVersion", API_VERSION);
    json_put_text(value, "kind", kind->name);
    json_put(value, "metadata", document(kind->namespaced ? "{name: erp, namespace: acme}" : "{name: acme}"));
    json_put(value, "spec", document(spec));
    return value;
}

/* Asserts that a spec has exactly this one problem ("" for none; "...text" for a message that contains it). */
static inline void assert_problem(const struct kind *kind, const char *spec, const char *wanted)
{
    CLEANUP(json_decrefp) json_t *value = record_document(kind, spec);
    CLEANUP(freep) char *got = problems_of(kind, value);
    CLEANUP(freep) char *line = *wanted ? mem_printf("%s\n", wanted) : mem_strdup("");
    assert_string_equal(got, line);
}
