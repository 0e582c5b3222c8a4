/*
 * Records: a document of any kind gives a record, or problems that can be shown. A record that is accepted is accepted again as
 * it would be stored and answered, and its spec survives struct and JSON both ways.
 */
#include "specs/kind.h"
#include "specs/yaml.h"
#include "tests/fuzz/fuzz.h"

static void check_problems(const struct problems *problems)
{
    FUZZ_ASSERT(problems->count > 0, "refused without a problem");
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        FUZZ_ASSERT(str_is_utf8(problem->path, strlen(problem->path)), problem->path);
        FUZZ_ASSERT(str_is_utf8(problem->message, strlen(problem->message)), problem->message);
        FUZZ_ASSERT(!strpbrk(problem->path, "\r\n"), problem->path);
    }
}

/* The spec as its struct says it. */
static json_t *normal_spec(const struct kind *kind, const json_t *spec)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(freep) void *structure = mem_zalloc(kind->spec_size);
    fields_decode(kind->spec_fields, spec, "spec", structure, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    FUZZ_ASSERT(problems.count == 0, text);
    json_t *encoded = fields_encode(kind->spec_fields, structure);
    fields_release(kind->spec_fields, structure);
    return encoded;
}

static void check_spec(const struct kind *kind, const json_t *spec)
{
    CLEANUP(json_decrefp) json_t *once = normal_spec(kind, spec);
    CLEANUP(json_decrefp) json_t *twice = normal_spec(kind, once);
    CLEANUP(json_decrefp) json_t *lean = json_deep_copy(spec);
    fields_drop_defaults(kind->spec_fields, lean);
    CLEANUP(json_decrefp) json_t *from_lean = normal_spec(kind, lean);
    CLEANUP(freep) char *shown = json_dump(once);
    FUZZ_ASSERT(json_equal(once, twice), shown);
    FUZZ_ASSERT(json_equal(once, from_lean), shown);
}

static void check_record(const struct kind *kind, struct record *record)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record again;
    if (!record_settle(kind, NULL, record, &problems))
        FUZZ_ASSERT(false, "a record that is created cannot be settled");
    CLEANUP(json_decrefp) json_t *answer = record_to_json(record);
    bool good = record_from_json(answer, kind, NULL, NULL, &again, NULL, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    FUZZ_ASSERT(good, text);
    FUZZ_ASSERT(record_settle(kind, record, &again, &problems), "an equal record changes something immutable");
    CLEANUP(freep) char *spec = json_dump(record->spec);
    FUZZ_ASSERT(record_spec_equal(record, &again), spec);
    FUZZ_ASSERT(record_metadata_equal(record, &again), spec);
    check_spec(kind, record->spec);
}

static void check_document(const json_t *document, const struct kind *kind)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(record_release) struct record record;
    if (record_from_json(document, kind, NULL, NULL, &record, NULL, &problems))
        check_record(kind, &record);
    else
        check_problems(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!yaml_parse((const char *)data, size, &documents, &err))
        return 0;
    for (size_t i = 0; i < documents.count; i++) {
        for (size_t kind = 0; kind < KINDS; kind++)
            check_document(documents.items[i].value, &kinds[kind]);
    }
    yaml_documents_release(&documents);
    return 0;
}
