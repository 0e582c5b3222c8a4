/* YAML: whatever comes in, no crash and a message that can be shown; what is read and printed is read again as the same. */
#include "specs/yaml.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)

static void check_document(const json_t *value)
{
    CLEANUP(str_release) struct str printed = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *again = NULL;
    yaml_print(value, &printed);
    if (printed.len > TEXT_MAX)
        return; /* aliases were followed */
    bool good = yaml_parse_one(printed.text, printed.len, &again, &err);
    FUZZ_ASSERT(good, err_message(&err));
    FUZZ_ASSERT(json_equal(value, again), printed.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_documents documents = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!yaml_parse((const char *)data, size, &documents, &err)) {
        FUZZ_ASSERT(err.code == ERR_BAD_REQUEST || err.code == ERR_TOO_LARGE, err_message(&err));
        FUZZ_ASSERT(str_is_utf8(err.message, strlen(err.message)), err.message);
        return 0;
    }
    for (size_t i = 0; i < documents.count; i++) {
        FUZZ_ASSERT(documents.items[i].line >= 1, "line");
        check_document(documents.items[i].value);
    }
    yaml_documents_release(&documents);
    return 0;
}
