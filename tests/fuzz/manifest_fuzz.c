/* Manifests: what decodes encodes to something that decodes to the same, and is signed by its own key only. */
#include "reconcilers/backup/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[MANIFEST_KEY_SIZE] = { 1 }, other[MANIFEST_KEY_SIZE] = { 2 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(manifest_release) struct manifest manifest = { 0 };
    CLEANUP(manifest_release) struct manifest again = { 0 };
    if (!manifest_decode((const char *)data, size, &manifest, &err)) {
        FUZZ_ASSERT(err.code == ERR_INVALID || err.code == ERR_UNSUPPORTED, err_message(&err));
        return 0;
    }
    CLEANUP(freep) char *text = manifest_encode(&manifest, key);
    FUZZ_ASSERT(manifest_decode(text, strlen(text), &again, &err), err_message(&err));
    CLEANUP(freep) char *twice = manifest_encode(&again, key);
    FUZZ_ASSERT(str_equal(text, twice), text);
    FUZZ_ASSERT(manifest_check_mac(text, strlen(text), key, &err), err_message(&err));
    FUZZ_ASSERT(!manifest_check_mac(text, strlen(text), other, &err), text);
    return 0;
}
