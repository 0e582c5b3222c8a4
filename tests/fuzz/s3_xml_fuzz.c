/* S3's answers: whatever comes, lists have keys, errors are one printable line, and what is refused has a reason. */
#include "clients/s3/answers.h"
#include "tests/fuzz/fuzz.h"

static void check_line(const char *text)
{
    FUZZ_ASSERT(text && str_is_utf8(text, strlen(text)) && strlen(text) <= 1000, "not UTF-8, or long");
    for (const char *at = text; *at; at++)
        FUZZ_ASSERT((unsigned char)*at >= 0x20 && *at != 0x7f, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(s3_page_release) struct s3_page page = { 0 };
    if (s3_page_read(bytes, size, &page, &err)) {
        for (size_t i = 0; i < page.count; i++)
            FUZZ_ASSERT(page.items[i].key, "no key");
        FUZZ_ASSERT(page.count <= size, "more items than bytes");
    } else {
        FUZZ_ASSERT(err.code == ERR_REMOTE && *err_message(&err), "no reason");
    }
    CLEANUP(s3_problem_release) struct s3_problem problem = { 0 };
    s3_problem_read(bytes, size, &problem);
    check_line(problem.code);
    check_line(problem.message);
    check_line(problem.region);
    CLEANUP(freep) char *text = NULL;
    if (s3_text_read(bytes, size, "InitiateMultipartUploadResult/UploadId", &text, NULL))
        FUZZ_ASSERT(text, "no text");
    return 0;
}
