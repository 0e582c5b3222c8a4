/* What every fuzz target includes. */
#pragma once

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; libFuzzer keeps the input for which it does not. */
#define FUZZ_ASSERT(condition, shown)                                                                                  \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, (shown));                               \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The input as text, up to its first NUL. Owned. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    return mem_strndup((const char *)data, strnlen((const char *)data, size));
}
