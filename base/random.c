/* The one source of randomness, declared in crypto.h. Nothing else stands here, so that tests can link another random.c. */
#include <limits.h>
#include <openssl/rand.h>

#include "base/crypto.h"

void random_bytes(void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        int part = size > INT_MAX ? INT_MAX : (int)size;
        if (RAND_bytes(at, part) != 1)
            abort(); /* keys and passwords must not be made without */
        at += part;
        size -= (size_t)part;
    }
}
