/* The header of the age format: whatever comes, it is whole, cut off or none; and a longer text of the same beginning says the same. */
#include "base/age.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct age_header header, again;
    const char *text = (const char *)data;
    if (!age_header_parse(text, size, &header, &err)) {
        FUZZ_ASSERT(err.code == ERR_INVALID || err.code == ERR_NOT_FOUND, err_message(&err));
        return 0;
    }
    FUZZ_ASSERT(header.len <= size && header.mac_at < header.len && header.count <= AGE_RECIPIENTS_MAX, "sizes");
    FUZZ_ASSERT(age_header_parse(text, header.len, &again, &err), err_message(&err));
    FUZZ_ASSERT(again.len == header.len && again.count == header.count, "the same header");
    if (header.len > 1) {
        FUZZ_ASSERT(!age_header_parse(text, header.len - 1, &again, &err), "without its end");
        FUZZ_ASSERT(err.code == ERR_NOT_FOUND, err_message(&err));
    }
    return 0;
}
