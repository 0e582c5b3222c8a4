/* Quantities: what is read and printed is read again as the same number. */
#include "specs/quantity.h"
#include "tests/fuzz/fuzz.h"

typedef bool parse_fn(const char *text, int64_t *ret, struct err *err);

static void check(const char *text, parse_fn *parse, char *(*print)(int64_t))
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t value = 0, again = 0;
    if (!parse(text, &value, &err)) {
        FUZZ_ASSERT(err.code == ERR_INVALID, text);
        FUZZ_ASSERT(str_is_utf8(err.message, strlen(err.message)), text);
        return;
    }
    FUZZ_ASSERT(value >= 0, text);
    CLEANUP(freep) char *printed = print(value);
    FUZZ_ASSERT(parse(printed, &again, &err), printed);
    FUZZ_ASSERT(value == again, printed);
}

/* The remedy of a complaint ("...; try 2Gi") is itself a quantity. */
static void check_remedy(const char *text)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t value = 0;
    if (strchr(text, '"') || quantity_bytes(text, &value, &err))
        return; /* a text with a quote could play the complaint itself */
    const char *remedy = strstr(err.message, "\" is not a quantity; try ");
    if (!remedy || str_ends_with(err.message, "512Mi or 2Gi"))
        return;
    CLEANUP(freep) char *suggested = mem_strdup(remedy + strlen("\" is not a quantity; try "));
    bool good = quantity_bytes(suggested, &value, &err);
    FUZZ_ASSERT(good || str_ends_with(err.message, "is too large"), text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *text = fuzz_text(data, size);
    check(text, quantity_bytes, quantity_print_bytes);
    check(text, quantity_millicores, quantity_print_cpu);
    check(text, quantity_duration, quantity_print_duration);
    check_remedy(text);
    return 0;
}
